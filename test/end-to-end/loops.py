# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Loops whose number of iterations the run finds out, against ONNX Runtime.

    python test/end-to-end/loops.py

Like data_shapes.py; beyond that the reference interpreter must give the same
bits as the compiled model, and what cannot be compiled must say why.
"""

import pathlib
import sys
import tempfile

import numpy as np
import onnx
import onnx.parser

from _checks import quantc as call
from data_shapes import Case, check, floats, ints
import quantc

BOOL = np.bool_


def trips(*counts: int, **inputs: np.ndarray) -> list[dict[str, np.ndarray]]:
    return [inputs | {"m": np.int64(count)} for count in counts]


# Body text of a decoder: one row of logits for the ids so far.
GREEDY = """(int64[1, s] ids, int64 m, float[10, 8] e, float[8, 10] u)
    => (int64[1, k] all, int64[1, g] made)
{
  yes = Constant<value = bool {1}>()
  none = Constant<value = int64[1, 0] {}>()
  all, made = Loop(m, yes, ids, none) <body = step
      (int64 i, bool go, int64[1, a] now, int64[1, b] new)
      => (bool more, int64[1, c] next, int64[1, d] newer)
  {
    x = Gather(e, now)
    one = Constant<value_ints = [1]>()
    w = ReduceMean<keepdims = 0>(x, one)
    logits = MatMul(w, u)
    best = ArgMax<axis = 1, keepdims = 1>(logits)
    next = Concat<axis = 1>(now, best)
    newer = Concat<axis = 1>(new, best)
    stop = Constant<value = int64 {3}>()
    last = Squeeze(best)
    isStop = Equal(last, stop)
    more = Not(isStop)
  }>
}"""

CASES = [
    Case("Count with a stack", """(float[n] x, int64 m)
    => (float[n] y, float[k, n] s)
{
  yes = Constant<value = bool {1}>()
  y, s = Loop(m, yes, x) <body = b (int64 i, bool go, float[n] v)
      => (bool more, float[n] w, float[n] z)
  {
    more = Identity(go)
    w = Add(v, x)
    z = Mul(w, v)
  }>
}""", trips(3, 0, 1, 40, 3, -2, x=floats(5)) + trips(2, x=floats(0))
         + trips(7, 2, x=floats(300))),
    Case("Range", """(float start, float limit, float delta) => (float[n] y)
{ y = Range(start, limit, delta) }""",
         [{"start": np.float32(a), "limit": np.float32(b),
           "delta": np.float32(c)}
          for a, b, c in ((0, 5, 1), (3, 3, 1), (10, 4, -2.5), (0, 1, 0.01))]),
    Case("While", """(float[n] x, float t) => (float[n] y, int64 c)
{
  zero = Constant<value = int64 {0}>()
  sum0 = ReduceSum<keepdims = 0>(x)
  go0 = Less(sum0, t)
  y, c = Loop(, go0, x, zero) <body = b (int64 i, bool go, float[n] v, int64 k)
      => (bool more, float[n] w, int64 l)
  {
    two = Constant<value_float = 2.0>()
    w = Mul(v, two)
    one = Constant<value = int64 {1}>()
    l = Add(k, one)
    sum = ReduceSum<keepdims = 0>(w)
    more = Less(sum, t)
  }>
}""", [{"x": np.float32(x), "t": np.float32(t)} for x, t in
       (([1, 2], 100), ([1, 2], 1), ([0.1, 0.2, 0.3], 1e6), ([5], 6))]),
    Case("Break with a limit and a stack", """(float[n] x, int64 m, float t)
    => (float[n] y, float[k, n] s, int64[k] j)
{
  y, s, j = Loop(m, , x) <body = b (int64 i, bool go, float[n] v)
      => (bool more, float[n] w, float[n] z, int64 h)
  {
    half = Constant<value_float = 0.5>()
    w = Mul(v, half)
    z = Neg(v)
    h = Identity(i)
    sum = ReduceMax<keepdims = 0>(w)
    more = Greater(sum, t)
  }>
}""", [{"x": floats(6, seed=2), "m": np.int64(m), "t": np.float32(t)}
       for m, t in ((10, 0.01), (2, 0.0), (100, 1e-5), (5, 100), (0, 0))]),
    Case("Map over the batch", """(float[b, h, w] x) => (float[b, w, h] y)
{
  yes = Constant<value = bool {1}>()
  zero = Constant<value = int64 {0}>()
  shape = Shape(x)
  n = Gather(shape, zero)
  y = Loop(n, yes) <body = f (int64 i, bool go) => (bool more, float[w, h] part)
  {
    more = Identity(go)
    one = Gather(x, i)
    t = Transpose<perm = [1, 0]>(one)
    part = Relu(t)
  }>
}""", [{"x": floats(*s)} for s in
       ((2, 3, 4), (0, 3, 4), (7, 1, 2), (2, 30, 40), (1, 3, 4))]),
    Case("Parts of a size that the run finds", """(float[b, w] x, int64[1] k)
    => (float[b, c] y)
{
  yes = Constant<value = bool {1}>()
  zero = Constant<value = int64 {0}>()
  shape = Shape(x)
  n = Gather(shape, zero)
  y = Loop(n, yes) <body = f (int64 i, bool go) => (bool more, float[c] part)
  {
    more = Identity(go)
    one = Gather(x, i)
    part, where = TopK(one, k)
  }>
}""", [{"x": floats(*s), "k": ints(k)} for s, k in
       (((3, 5), 2), ((1, 8), 8), ((4, 9), 3))]),
    Case("A value that grows", """(float[n] x, int64 m) => (float[k] y)
{
  yes = Constant<value = bool {1}>()
  y = Loop(m, yes, x) <body = b (int64 i, bool go, float[a] v)
      => (bool more, float[c] w)
  {
    more = Identity(go)
    f = Cast<to = 1>(i)
    first = Constant<value_ints = [0]>()
    one = Unsqueeze(f, first)
    both = Concat<axis = 0>(v, one)
    w = Neg(both)
  }>
}""", trips(3, 0, 20, 1, 100, x=floats(4)) + trips(3, x=floats(0))),
    Case("Greedy decoding", GREEDY,
         [{"ids": ints(*s).reshape(1, -1), "m": np.int64(m),
           "e": floats(10, 8, seed=i), "u": floats(8, 10, seed=i + 50)}
          for i, (s, m) in enumerate((((1, 2), 6), ((4,), 20), ((5, 6, 7), 0),
                                      ((9, 9), 12)))]),
    Case("Loop in a loop", """(float[n] x, int64 m, int64 k)
    => (float[n] y, float[p, n] s)
{
  yes = Constant<value = bool {1}>()
  y, s = Loop(m, yes, x) <body = outer (int64 i, bool go, float[n] v)
      => (bool more, float[n] w, float[n] z)
  {
    more = Identity(go)
    count = Add(i, k)
    w, t = Loop(count, yes, v) <body = inner (int64 j, bool go2, float[n] a)
        => (bool more2, float[n] c, float[n] d)
    {
      more2 = Identity(go2)
      f = Cast<to = 1>(j)
      e = Add(a, f)
      c = Sub(e, x)
      d = Mul(e, e)
    }>
    first = Constant<value_ints = [0]>()
    z = ReduceSum<keepdims = 0>(t, first)
  }>
}""", [{"x": floats(4), "m": np.int64(m), "k": np.int64(k)}
       for m, k in ((3, 2), (0, 2), (2, 1), (4, 1), (3, 2))]),
    Case("Grows in a loop in a loop", """(int64 m) => (int64[k] y, int64 c)
{
  yes = Constant<value = bool {1}>()
  none = Constant<value = int64[0] {}>()
  zero = Constant<value = int64 {0}>()
  y, c = Loop(m, yes, none, zero) <body = outer
      (int64 i, bool go, int64[a] v, int64 s) => (bool more, int64[d] w, int64 t)
  {
    more = Identity(go)
    w, e = Loop(i, yes, v, s) <body = inner
        (int64 j, bool go2, int64[b] p, int64 q)
        => (bool more2, int64[f] r, int64 u)
    {
      more2 = Identity(go2)
      ten = Constant<value = int64 {10}>()
      h = Mul(i, ten)
      l = Add(h, j)
      first = Constant<value_ints = [0]>()
      one = Unsqueeze(l, first)
      r = Concat<axis = 0>(p, one)
      u = Add(q, l)
    }>
    t = Add(e, i)
  }>
}""", trips(4, 0, 1, 2, 6, 4)),
    Case("Loop in a branch", """(float[n] x, int64 m, bool c)
    => (float[n] y, float[p] g)
{
  y, g = If(c) <then_branch = then () => (float[n] u, float[q] h)
  {
    yes = Constant<value = bool {1}>()
    u, h = Loop(m, yes, x, x) <body = b
        (int64 i, bool go, float[n] v, float[a] o)
        => (bool more, float[n] w, float[d] r)
    {
      more = Identity(go)
      w = Exp(v)
      r = Concat<axis = 0>(o, w)
    }>
  }, else_branch = other () => (float[n] e, float[q] f)
  {
    e = Neg(x)
    f = Abs(x)
  }>
}""", [{"x": -abs(floats(3)), "m": np.int64(m), "c": np.array(c)} for m, c in
       ((2, True), (2, False), (0, True), (3, True), (5, False), (1, True))]),
    Case("Branch in a loop", """(float[n] x, int64 m) => (float[n] y)
{
  yes = Constant<value = bool {1}>()
  y = Loop(m, yes, x) <body = b (int64 i, bool go, float[n] v)
      => (bool more, float[n] w)
  {
    more = Identity(go)
    two = Constant<value = int64 {2}>()
    odd = Mod(i, two)
    isOdd = Cast<to = 9>(odd)
    w = If(isOdd) <then_branch = then () => (float[n] p) {
      q = Neg(v)
      p = Add(q, x)
    }, else_branch = other () => (float[n] r) {
      r = Mul(v, x)
    }>
  }>
}""", trips(3, 0, 6, 1, x=floats(4))),
    Case("Swapped and passed on", """(float[n] x, float[n] z, int64 m)
    => (float[n] y, float[n] w, float[n] p)
{
  yes = Constant<value = bool {1}>()
  y, w, p = Loop(m, yes, x, z, x) <body = b
      (int64 i, bool go, float[n] u, float[n] v, float[n] k)
      => (bool more, float[n] u2, float[n] v2, float[n] k2)
  {
    more = Identity(go)
    u2 = Identity(v)
    v2 = Add(u, k)
    k2 = Identity(k)
  }>
}""", trips(0, 1, 2, 5, x=floats(3), z=floats(3, seed=1))),
    Case("Slices that move", """(float[n] x, int64 m) => (float[k] y)
{
  yes = Constant<value = bool {1}>()
  y = Loop(m, yes, x) <body = b (int64 i, bool go, float[a] v)
      => (bool more, float[c] w)
  {
    more = Identity(go)
    one = Constant<value_ints = [1]>()
    first = Constant<value_ints = [0]>()
    far = Constant<value_ints = [9223372036854775807]>()
    w = Slice(v, one, far, first)
  }>
}""", trips(3, 0, 5, 2, 7, x=floats(7))),
    Case("Many iterations that are known", """(float[n] x) => (float[n] y)
{
  m = Constant<value = int64 {10000}>()
  yes = Constant<value = bool {1}>()
  y = Loop(m, yes, x) <body = b (int64 i, bool go, float[n] v)
      => (bool more, float[n] w)
  {
    more = Identity(go)
    f = Constant<value_float = 0.999>()
    w = Mul(v, f)
  }>
}""", [{"x": floats(4)}]),
    Case("No iteration", """(float[n] x) => (float[n] y, float[k, n] s)
{
  m = Constant<value = int64 {0}>()
  yes = Constant<value = bool {1}>()
  y, s = Loop(m, yes, x) <body = b (int64 i, bool go, float[n] v)
      => (bool more, float[n] w, float[n] z)
  {
    more = Identity(go)
    w = Neg(v)
    z = Abs(v)
  }>
}""", [{"x": floats(4)}]),
    Case("Scan", """(float[n] h, float[t, n] x, float[n, t] z)
    => (float[n] y, float[n, t] s, float[t, n] r)
{
  y, s, r = Scan<num_scan_inputs = 2, scan_input_axes = [0, 1],
                 scan_input_directions = [0, 1], scan_output_axes = [1, 0],
                 scan_output_directions = [0, 1],
                 body = b (float[n] v, float[n] a, float[n] c)
      => (float[n] w, float[n] p, float[n] q)
  {
    d = Mul(v, a)
    w = Add(d, c)
    p = Relu(w)
    q = Neg(c)
  }>(h, x, z)
}""", [{"h": floats(3), "x": floats(t, 3, seed=1), "z": floats(3, t, seed=2)}
       for t in (4, 1, 17)]),
    Case("A layer", """(float[b, 4] x, int64 m) => (float[b, 4] y)
{
  yes = Constant<value = bool {1}>()
  w = Constant<value = float[4, 4] {0.5, -1.0, 0.25, 2.0, 1.5, 0.125, -0.75,
      0.5, 0.0, 1.0, -1.25, 0.375, 0.625, -0.5, 0.75, 1.0}>()
  y = Loop(m, yes, x) <body = b (int64 i, bool go, float[b, 4] v)
      => (bool more, float[b, 4] o)
  {
    more = Identity(go)
    h = MatMul(v, w)
    o = Tanh(h)
  }>
}""", trips(3, 0, 8, x=floats(1, 4)) + trips(5, 2, x=floats(70, 4))),
]

HEAD = "(float[n] x, int64 m) => (float[k] y) { yes = Constant<value = bool {1}>() "

# What is refused, with a part of the message.
REFUSED = [
    ("a rank that grows", HEAD + """
  z = Loop(m, yes, x) <body = b (int64 i, bool go, float[a] v)
      => (bool more, float[c] w)
  {
    more = Identity(go)
    first = Constant<value_ints = [0]>()
    w = Unsqueeze(v, first)
  }>
  y = Relu(z)
}""", "'node1' (Loop): 'v' is of rank 1 before and of rank 2 after"),
    ("a sequence", HEAD + """
  empty = SequenceEmpty()
  z = Loop(m, yes, empty) <body = b (int64 i, bool go, seq(float[a]) v)
      => (bool more, seq(float[c]) w)
  {
    more = Identity(go)
    w = SequenceInsert(v, x)
  }>
  y = ConcatFromSequence<axis = 0>(z)
}""", "'node2' (Loop): expected 'v' to be a tensor, got a sequence"),
    ("no end", HEAD + """
  y = Loop(, yes, x) <body = b (int64 i, bool go, float[a] v)
      => (bool more, float[c] w)
  {
    more = Identity(go)
    w = Neg(v)
  }>
}""", "'node1' (Loop): the loop never ends"),
]


def reference(case: Case, folder: pathlib.Path) -> int:
    """The interpreter, on the model file, against the compiled model."""
    compiled = quantc.load(folder / "model.so")
    failures = 0
    for inputs in case.runs[:4]:
        command = ["run", folder / "model.onnx", "--output-dir", folder]
        for name, x in inputs.items():
            np.save(folder / f"{name}.in.npy", x)
            command += ["--input", f"{name}={folder / name}.in.npy"]
        call(*command)
        inputs = {name: np.asarray(x) for name, x in inputs.items()}
        for name, want in compiled.run(inputs, threads=1).items():
            have = np.load(folder / f"{name}.npy")
            if have.shape != want.shape or have.tobytes() != want.tobytes():
                failures += 1
                print(f"FAIL  {case.name}: {name} of the interpreter is "
                      f"{have.shape} {have.ravel()[:8]}, compiled "
                      f"{want.shape} {want.ravel()[:8]}")
    return failures


def refused(name: str, text: str, part: str, folder: pathlib.Path) -> int:
    model = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : 18]> main {text}')
    for i, node in enumerate(model.graph.node):
        node.name = f"node{i}"
    try:
        quantc.compile(model, folder / "model.so", threads=1)
    except quantc.Error as error:
        if part in str(error) and "\n" not in str(error):
            return 0
        print(f"FAIL  {name}: '{error}' lacks '{part}'")
    else:
        print(f"FAIL  {name} is not refused")
    return 1


def main() -> int:
    failures = 0
    wanted = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="quantc-loops-") as name:
        folder = pathlib.Path(name)
        for case in CASES:
            if wanted and case.name not in wanted:
                continue
            try:
                wrong = check(case, folder, any_empty=True)
                failures += (wrong or reference(case, folder)) > 0
            except (quantc.Error, RuntimeError) as error:
                failures += 1
                detail = getattr(error, "stderr", b"").decode()
                print(f"FAIL  {case.name}: {error} {detail}")
        for case in REFUSED:
            failures += refused(*case, folder) if not wanted else 0
    print(f"{len(CASES) + len(REFUSED) - failures} passed, {failures} failed")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())

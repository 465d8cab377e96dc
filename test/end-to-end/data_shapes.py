# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models whose shapes depend on data, compiled, against ONNX Runtime.

    python test/end-to-end/data_shapes.py

Each model is compiled once and fed inputs that lead to different shapes, in an
order that grows, shrinks and empties what the run allocates.  Values that no
size can have must give an error of one line that names the node.
"""

import pathlib
import sys
import tempfile
from typing import NamedTuple

import numpy as np
import onnx
import onnx.parser
import onnxruntime

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "benchmark"))
import engines  # noqa: E402, F401  (finds the built package)
import quantc  # noqa: E402

HUGE = 1 << 62


class Case(NamedTuple):
    name: str
    text: str
    runs: list[dict[str, np.ndarray]]
    # Inputs that must be refused, with a part of the message.
    refused: list[tuple[dict[str, np.ndarray], str]] = []
    opset: int = 18


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def floats(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def boxes(batch: int, classes: int, count: int, seed: int) -> dict:
    random = np.random.default_rng(seed)
    corners = random.uniform(0, 1, (batch, count, 2, 2)).astype(np.float32)
    scores = random.uniform(0, 1, (batch, classes, count)).astype(np.float32)
    scores[..., : count // 2] = scores[..., -(count // 2):]  # equal ones
    return {"boxes": corners.reshape(batch, count, 4), "scores": scores}


RESHAPE = """(float[a, b] x, int64[3] s) => (float[c, d, e] y)
{ z = Reshape(x, s)  y = Relu(z) }"""

CASES = [
    Case("Reshape", RESHAPE,
         [{"x": floats(6, 4), "s": ints(*s)}
          for s in ((2, 3, 4), (24, 1, 1), (0, 2, -1), (-1, 1, 1), (6, 0, 1))]
         + [{"x": floats(2, 1), "s": ints(1, 1, 2)}],
         [({"x": floats(6, 4), "s": ints(*s)}, part) for s, part in
          (((5, 5, 1), "to be equal"), ((-2, 2, 1), "negative dimensions"),
           ((2, 3, 0), "negative dimensions"), ((HUGE, 4, 4), ""),
           ((HUGE, HUGE, -1), ""), ((-HUGE, 1, 1), "negative dimensions"),
           ((7, -1, 1), "to be equal"))]),
    Case("Reshape to a shape from the operand", """(float[a, b] x)
          => (float[c, d] y)
{
  z = Relu(x)
  zero = Constant<value_float = 0.0>()
  rest = Constant<value_ints = [-1]>()
  large = Greater(z, zero)
  i = NonZero(large)
  half = Shape<start = 0, end = 1>(i)
  s = Concat<axis = 0>(half, rest)
  y = Reshape(z, s)
}""", [{"x": floats(4, 6)}, {"x": floats(2, 1)}]),
    Case("Axes of reductions", """(float[a, b, c] x, int64[2] axes)
          => (float[p, q, r] y, float[s] z, float[s] w)
{
  y = ReduceMean<keepdims = 1>(x, axes)
  z = ReduceSum<keepdims = 0>(x, axes)
  w = ReduceLogSumExp<keepdims = 0>(x, axes)
}""", [{"x": floats(*s), "axes": ints(*axes)} for s, axes in
       (((3, 4, 5), (0, 1)), ((3, 4, 5), (-1, 1)), ((2, 70, 1), (2, 0)),
        ((1, 1, 1), (0, -1)), ((0, 3, 2), (1, 2)))],
         [({"x": floats(2, 3, 4), "axes": ints(*axes)}, "different axes")
          for axes in ((0, 3), (-4, 1), (1, 1), (1, -2), (HUGE, 0))]),
    Case("One axis of a reduction", """(int32[a, b] x, int64[1] axis)
          => (int32[p, q] y, int32[r] z)
{ y = ReduceMax<keepdims = 1>(x, axis)  z = ReduceL1<keepdims = 0>(x, axis) }""",
         [{"x": np.arange(-6, a * b - 6, dtype=np.int32).reshape(a, b),
           "axis": ints(axis)}
          for a, b, axis in ((3, 4, 0), (3, 4, 1), (1, 60, -2), (60, 1, -1))]),
    Case("Squeeze", """(float[a, b, c] x, int64[1] axis) => (float[p, q] y)
{ z = Squeeze(x, axis)  y = Relu(z) }""",
         [{"x": floats(*s), "axis": ints(axis)} for s, axis in
          (((1, 4, 5), 0), ((3, 1, 5), -2), ((3, 4, 1), 2), ((1, 1, 1), 1))],
         [({"x": floats(3, 4, 1), "axis": ints(1)}, "to be equal"),
          ({"x": floats(3, 4, 1), "axis": ints(3)}, "different axes")]),
    Case("Unsqueeze", """(float[a, b] x, int64[2] axes)
          => (float[p, q, r, s] y)
{ z = Unsqueeze(x, axes)  y = Relu(z) }""",
         [{"x": floats(3, 4), "axes": ints(*axes)}
          for axes in ((0, 1), (3, 0), (-1, -2), (2, 1))],
         [({"x": floats(3, 4), "axes": ints(*axes)}, "different axes")
          for axes in ((0, 4), (0, -4), (-5, 1))]),
    Case("NonZero", """(float[a, b] x) => (int64[2, n] i, float[n, d] y)
{
  zero = Constant<value_float = 0.25>()
  large = Greater(x, zero)
  i = NonZero(large)
  t = Transpose<perm = [1, 0]>(i)
  one = Constant<value_ints = [1]>()
  v = GatherND(x, t)
  u = Unsqueeze(v, one)
  w = Constant<value = float[1, 3] {1.0, -2.0, 0.5}>()
  y = MatMul(u, w)
}""", [{"x": floats(*s, seed=i)} for i, s in
       enumerate(((5, 7), (2, 3), (40, 30), (0, 4), (1, 1), (40, 30)))]
         + [{"x": -np.ones((3, 3), np.float32)},
            {"x": np.full((2, 2), np.inf, np.float32)}]),
    Case("NonZero of integers", """(int64[a, b, c] x) => (int64[3, n] i)
{ i = NonZero(x) }""",
         [{"x": np.random.default_rng(i).integers(-1, 2, s)}
          for i, s in enumerate(((2, 3, 4), (1, 9, 2), (3, 0, 2)))]),
    Case("Compress", """(float[a, b] x, bool[c] m) => (float[a, n] y, float[k] z)
{ y = Compress<axis = 1>(x, m)  z = Compress(x, m) }""",
         [{"x": floats(3, 5), "m": np.array(m, bool)}
          for m in ([1, 0, 1, 0, 1], [0] * 5, [1, 1], [1] * 5)],
         [({"x": floats(1, 3), "m": np.ones(4, bool)}, "<=")]),
    Case("Unique", """(int64[n] x) => (int64[k] y, int64[k] i, int64[n] j,
                                            int64[k] c)
{ y, i, j, c = Unique<sorted = 1>(x) }""",
         [{"x": np.random.default_rng(i).integers(-3, 3, n)}
          for i, n in enumerate((10, 3, 60, 1))]),
    Case("Unique, unsorted", """(float[n] x) => (float[k] y, int64[k] i,
                                                 int64[n] j, int64[k] c)
{ y, i, j, c = Unique<sorted = 0>(x) }""",
         [{"x": np.round(floats(n, seed=n))} for n in (12, 1, 40)]),
    Case("Unique along an axis", """(float[a, b, c] x) => (float[a, k, c] y,
                                     int64[k] i, int64[b] j, int64[k] n)
{ y, i, j, n = Unique<axis = 1>(x) }""",
         [{"x": np.round(floats(2, b, 1, seed=b))} for b in (9, 2, 30)]),
    Case("NonMaxSuppression", """(float[b, n, 4] boxes, float[b, c, n] scores,
          int64[1] most, float[1] iou, float[1] least) => (int64[k, 3] y)
{ y = NonMaxSuppression(boxes, scores, most, iou, least) }""",
         [boxes(2, 3, n, n) | {"most": ints(most), "iou": np.float32([iou]),
                               "least": np.float32([least])}
          for n, most, iou, least in
          ((20, 5, 0.5, 0.2), (50, 100, 0.1, 0.0), (8, 0, 0.5, 0.0),
           (30, 3, 0.9, 0.95), (50, 100, 1.0, 0.5), (1, 1, 0.0, 0.0))]),
    Case("NonMaxSuppression, centered",
         """(float[b, n, 4] boxes, float[b, c, n] scores) => (int64[k, 3] y)
{
  most = Constant<value_ints = [4]>()
  iou = Constant<value_floats = [0.3]>()
  y = NonMaxSuppression<center_point_box = 1>(boxes, scores, most, iou)
}""", [boxes(1, 2, n, n) for n in (16, 3, 40)]),
    Case("Slice", """(float[a, b] x, int64[2] s, int64[2] e) => (float[c, d] y)
{ y = Slice(x, s, e) }""",
         [{"x": floats(5, 6), "s": ints(*s), "e": ints(*e)} for s, e in
          (((1, 2), (4, 5)), ((-3, -100), (HUGE, -1)), ((4, 4), (2, 2)),
           ((0, 0), (5, 6)), ((9, -9), (10, 9)))]),
    Case("Slice with steps", """(float[a, b] x, int64[n] s, int64[1] e,
          int64[1] axis, int64[1] step) => (float[c, d] y)
{
  zero = Constant<value_ints = [0]>()  one = Constant<value_ints = [1]>()
  f = Slice(s, zero, one)
  g = Reshape(f, one)
  y = Slice(x, g, e, axis, step)
}""", [{"x": floats(5, 6), "s": ints(s), "e": ints(e), "axis": ints(axis),
        "step": ints(step)} for s, e, axis, step in
       ((0, 5, 0, 2), (4, -100, 0, -1), (5, 0, 1, -2), (-1, -7, -1, -1),
        (2, 2, 1, 1))],
         [({"x": floats(5, 6), "s": ints(0), "e": ints(3), "axis": ints(axis),
            "step": ints(step)}, "steps other than 0")
          for axis, step in ((0, 0), (2, 1), (-3, 1))]),
    Case("Expand", """(float[a, 1, c] x, int64[3] s) => (float[d, e, f] y)
{ z = Expand(x, s)  y = Neg(z) }""",
         [{"x": floats(a, 1, c), "s": ints(*s)} for a, c, s in
          ((2, 3, (2, 4, 3)), (2, 3, (1, 4, 1)), (1, 1, (5, 2, 7)),
           (1, 3, (4, 1, 1)), (2, 3, (1, 0, 3)))],
         [({"x": floats(2, 1, 3), "s": ints(*s)}, part) for s, part in
          (((3, 1, 3), "to broadcast"), ((2, -1, 3), "negative"))]),
    Case("Tile", """(float[a, b] x, int64[2] r) => (float[c, d] y)
{ y = Tile(x, r) }""",
         [{"x": floats(2, 3), "r": ints(*r)}
          for r in ((2, 2), (1, 1), (0, 3), (5, 1))],
         [({"x": floats(2, 3), "r": ints(-1, 2)}, "not negative"),
          ({"x": floats(2, 3), "r": ints(HUGE, HUGE)}, "")]),
    Case("ConstantOfShape", """(int64[2] s) => (float[a, b] y)
{ z = ConstantOfShape<value = float[1] {2.5}>(s)  y = Neg(z) }""",
         [{"s": ints(*s)} for s in ((2, 3), (0, 4), (7, 1))],
         [({"s": ints(-1, 2)}, "negative"), ({"s": ints(HUGE, 2)}, ""),
          ({"s": ints(1 << 40, 1 << 20)}, "")]),
    Case("Range", """(int64 a, int64 b, int64 c, float d, float e, float f)
          => (int64[n] y, float[m] z)
{ y = Range(a, b, c)  z = Range(d, e, f) }""",
         [{"a": np.int64(a), "b": np.int64(b), "c": np.int64(c),
           "d": np.float32(d), "e": np.float32(e), "f": np.float32(f)}
          for a, b, c, d, e, f in
          ((0, 10, 3, 0, 1, 0.25), (5, 0, -2, 1, 0, -0.3), (3, 3, 1, 2, 1, 1),
           (-4, 4, 1, -1, 1, 0.1), (HUGE, HUGE + 2, HUGE, 0, 7, 3))],
         [({"a": np.int64(0), "b": np.int64(b), "c": np.int64(c),
            "d": np.float32(0), "e": np.float32(e), "f": np.float32(1)}, part)
          for b, c, e, part in
          ((5, 0, 1, "a delta other than 0"), (HUGE, 1, 1, ""),
           (1, 1, np.inf, "bounds that are numbers"),
           (1, 1, np.nan, "bounds that are numbers"))]),
    Case("Pad", """(float[a, b] x, int64[4] p, float v) => (float[c, d] y)
{ y = Pad(x, p, v) }""",
         [{"x": floats(3, 4), "p": ints(*p), "v": np.float32(7)} for p in
          ((1, 2, 0, 3), (0, 0, 0, 0), (-1, 1, 2, -2), (-3, 0, 1, 0))],
         [({"x": floats(3, 4), "p": ints(*p), "v": np.float32(7)}, "pads")
          for p in ((-4, 0, 0, 0), (HUGE, 0, HUGE, 0), (0, 0, -HUGE, 0))]),
    Case("Pad by reflection", """(float[a, b] x, int64[4] p) => (float[c, d] y)
{ y = Pad<mode = "reflect">(x, p) }""",
         [{"x": floats(3, 4), "p": ints(*p)} for p in
          ((1, 2, 0, 3), (2, 0, 2, 0), (0, 0, 0, 0))]),
    Case("TopK", """(float[a, b] x, int64[1] k) => (float[a, c] y, int64[a, c] i)
{ y, i = TopK(x, k) }""",
         [{"x": floats(3, 8), "k": ints(k)} for k in (3, 8, 0, 1)],
         [({"x": floats(3, 8), "k": ints(k)}, "") for k in (9, -1, HUGE)]),
    Case("Split", """(float[a, b] x, int64[2] s) => (float[a, c] y, float[a, d] z)
{ y, z = Split<axis = 1>(x, s) }""",
         [{"x": floats(3, 8), "s": ints(*s)} for s in ((3, 5), (8, 0), (1, 7))],
         [({"x": floats(3, 8), "s": ints(3, 4)}, "to be equal"),
          ({"x": floats(3, 8), "s": ints(-1, 9)}, "0 or more")]),
    Case("OneHot", """(int64[a] x, int64 d, float[2] v) => (float[a, b] y)
{ y = OneHot(x, d, v) }""",
         [{"x": ints(0, 3, -1), "d": np.int64(d), "v": np.float32([0, 2])}
          for d in (4, 9, 1)]),
    Case("Trilu", """(float[a, b] x, int64 k) => (float[a, b] y)
{ y = Trilu<upper = 0>(x, k) }""",
         [{"x": floats(4, 5), "k": np.int64(k)}
          for k in (0, 2, -2, 100, -100)]),
    Case("CumSum", """(float[a, b] x, int64 axis) => (float[a, b] y)
{ y = CumSum<exclusive = 1, reverse = 1>(x, axis) }""",
         [{"x": np.round(floats(4, 5) * 8), "axis": np.int64(axis)}
          for axis in (0, 1, -1, -2)],
         [({"x": floats(4, 5), "axis": np.int64(2)}, "an axis of")]),
    Case("Resize by sizes", """(float[a, b, h, w] x, int64[4] s)
          => (float[c, d, e, f] y)
{ y = Resize<mode = "linear">(x, , , s) }""",
         [{"x": floats(1, 2, 4, 5), "s": ints(1, 2, *s)}
          for s in ((8, 10), (3, 5), (4, 5), (1, 1), (9, 2))],
         [({"x": floats(1, 2, 4, 5), "s": ints(1, 2, -1, 5)}, "0 or more")]),
    Case("Resize by scales", """(float[a, b, h, w] x, float[4] s)
          => (float[c, d, e, f] y)
{ y = Resize<mode = "nearest">(x, , s) }""",
         [{"x": floats(1, 1, 4, 5), "s": np.float32([1, 1, *s])}
          for s in ((2, 2), (0.5, 1.5), (1, 1), (0.3, 3))],
         [({"x": floats(1, 1, 4, 5), "s": np.float32([1, 1, *s])}, "sizes from")
          for s in ((np.nan, 1), (-1, 1), (1e30, 1), (np.inf, 1))]),
    Case("If with branches of two shapes", """(float[a, b] x, int64 r)
          => (float[c, d] y)
{
  k = Constant<value = int64 {16000}>()
  fast = Equal(r, k)
  y = If(fast) <then_branch = then () => (float[e, f] p) {
    two = Constant<value_ints = [1, 2]>()
    t = Tile(x, two)
    p = Relu(t)
  }, else_branch = other () => (float[g, h] q) {
    n = Neg(x)
    zero = Constant<value_float = 0.0>()
    any = ReduceMax<keepdims = 0>(x)
    positive = Greater(any, zero)
    q = If(positive) <then_branch = inner () => (float[i, j] u) {
      i = NonZero(n)
      u = Cast<to = 1>(i)
    }, else_branch = last () => (float[k, l] v) {
      v = Exp(n)
    }>
  }>
}""", [{"x": x, "r": np.int64(r)} for x, r in
       ((floats(3, 4), 16000), (floats(3, 4), 8000), (-abs(floats(3, 4)), 8000),
        (floats(2, 2), 16000), (floats(3, 4), 8000))]),
    Case("First elements of a dynamic dimension", """(float[a, b] x, float[b] w)
          => (float[a, c] y, float[a, d] z, float[n] v)
{
  zero = Constant<value_ints = [0]>()  five = Constant<value_ints = [5]>()
  axis = Constant<value_ints = [1]>()  two = Constant<value_ints = [2]>()
  s = Slice(x, zero, five, axis)
  t = Slice(w, zero, five)
  y = Mul(s, t)
  z = Slice(x, zero, five, axis, two)
  none = Constant<value_float = 0.0>()
  large = Greater(w, none)
  few = Compress(w, large)
  kept = Slice(few, zero, two)
  v = Neg(kept)
}""", [{"x": floats(3, b, seed=b), "w": floats(b, seed=b)}
       for b in (7, 2, 5, 0, 1, 40)]),
    # As scripts are exported: an error that they raise is a number, and what
    # drops a dimension asks for its size.
    Case("If that stands for an error", """(float[a, b] x, int64 r)
          => (float[c, d] y, float[n] z)
{
  k = Constant<value = int64 {16000}>()
  fast = Equal(r, k)
  y, z = If(fast) <then_branch = then () => (float[e, f] p, float[m] u) {
    one = Constant<value_ints = [1]>()
    p = Relu(x)
    u = ReduceSum<keepdims = 0>(x, one)
  }, else_branch = other () => (float raised, float raised) {
    raised = Constant<value = float {0.0}>()
  }>
}""", [{"x": floats(a, 4), "r": np.int64(16000)} for a in (3, 1, 0)],
         [({"x": floats(3, 4), "r": np.int64(8000)},
           "needs its condition to be true")]),
    Case("If that drops a dimension", """(float[a, b, c] x) => (float[d, e] y)
{
  one = Constant<value_ints = [1]>()
  shape = Shape(x)
  size = Gather(shape, one)
  drops = Equal(size, one)
  s = If(drops) <then_branch = then () => (float[f, g] p) {
    p = Squeeze(x, one)
  }, else_branch = other () => (float[h, i, j] q) { q = Identity(x) }>
  y = Neg(s)
}""", [{"x": floats(a, 1, 4)} for a in (3, 1)],
         [({"x": floats(2, 3, 4)}, "needs its condition to be true")]),
    Case("Check in a branch", """(float[a, b] x, int64[2] s, bool c)
          => (float[d, e] y)
{
  y = If(c) <then_branch = then () => (float[f, g] p) { p = Reshape(x, s) },
             else_branch = other () => (float[h, i] q) { q = Neg(x) }>
}""", [{"x": floats(2, 6), "s": ints(*s), "c": np.array(c)} for s, c in
       (((3, 4), True), ((-7, 5), False), ((12, -1), True))],
         [({"x": floats(2, 6), "s": ints(5, 5), "c": np.array(True)},
           "to be equal")]),
]

# Windows whose padding depends on extents that only the run knows, as
# converters of TensorFlow and nested networks have them.
WINDOWS = [("Conv", f'auto_pad = "{side}", strides = [{stride}, {stride}]', k)
           for side in ("SAME_UPPER", "SAME_LOWER")
           for stride, k in ((2, 3), (2, 5), (3, 4), (2, 1))]
WINDOWS += [("MaxPool", f"{pads} strides = [2, 2], ceil_mode = 1", k)
            for k, pads in ((2, ""), (3, ""), (3, "pads = [1, 1, 1, 1],"),
                            (5, "pads = [2, 1, 2, 1],"))]
# Windows that would start in the padding at the end.
WINDOWS += [(op, f"strides = [{s}, {s}], pads = {pads}, ceil_mode = 1", k)
            for op in ("MaxPool", "AveragePool")
            for k, s, pads in ((2, 2, [0, 0, 1, 1]), (1, 3, [0, 0, 0, 0]),
                               (2, 3, [1, 1, 1, 1]))]
WINDOWS += [("AveragePool", "strides = [2, 2], pads = [1, 1, 1, 1], "
             "ceil_mode = 1, count_include_pad = 1", 2)]
WINDOWS += [("AveragePool", f"strides = [2, 2], {rest}", k)
            for k, rest in ((2, "ceil_mode = 1"), (3, "ceil_mode = 1"),
                            (3, "ceil_mode = 1, pads = [1, 1, 1, 1]"),
                            (3, "ceil_mode = 1, pads = [1, 1, 1, 1], "
                                "count_include_pad = 1"),
                            (3, 'auto_pad = "SAME_UPPER"'))]
WINDOWS += [("MaxPool", 'strides = [2, 2], auto_pad = "SAME_UPPER"', 3)]
SIDES = ((7, 7), (8, 6), (5, 9), (16, 16), (6, 11))
CASES += [Case(f"{op} {k}, {rest}", f"""
(float[n, 2, h, 9] x{f", float[3, 2, {k}, {k}] w" if op == "Conv" else ""})
          => (float[n, c, p, q] y)
{{ y = {op}<kernel_shape = [{k}, {k}], {rest}>(x{
    ", w" if op == "Conv" else ""}) }}""",
               [{"x": floats(n, 2, h, 9, seed=h)}
                | ({"w": floats(3, 2, k, k)} if op == "Conv" else {})
                for n, h in SIDES]) for op, rest, k in WINDOWS]
# The same with indices, and of integers: programs.
CASES += [Case(f"MaxPool of {kind}, {rest}", f"""
({kind}[n, 2, h, 9] x) => ({kind}[n, c, p, q] y, int64[n, c, p, q] i)
{{ y, i = MaxPool<kernel_shape = [{k}, {k}], {rest}>(x) }}""",
               [{"x": (floats(n, 2, h, 9, seed=h) * 40).astype(dtype)}
                for n, h in SIDES])
          for kind, dtype in (("float", np.float32), ("int8", np.int8))
          for op, rest, k in WINDOWS if op == "MaxPool"]


def check(case: Case, folder: pathlib.Path, any_empty: bool = False) -> int:
    """`any_empty`: ONNX Runtime does not know the dimensions of no part."""
    model = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : {case.opset}]> '
        f"main {case.text}")
    for i, node in enumerate(model.graph.node):
        node.name = f"node{i}"
    onnx.save(model, folder / "model.onnx")
    session = onnxruntime.InferenceSession(model.SerializeToString())
    path = folder / "model.so"
    quantc.compile(model, path, threads=1)
    compiled = quantc.load(path)
    names = [value.name for value in model.graph.output]
    failures = 0
    for threads in (1, 2):
        for inputs in case.runs + case.runs[:1]:
            inputs = {name: np.asarray(x) for name, x in inputs.items()}
            expected = session.run(None, inputs)
            got = compiled.run(inputs, threads=threads)
            for name, want in zip(names, expected):
                have = got[name]
                if any_empty and have.size == want.size == 0 and \
                        have.ndim == want.ndim:
                    continue
                if have.shape == want.shape and have.dtype == want.dtype and \
                        np.allclose(have, want, 1e-4, 1e-5, equal_nan=True):
                    continue
                failures += 1
                print(f"FAIL  {case.name}: {name} is {have.shape} "
                      f"{have.ravel()[:8]}, expected {want.shape} "
                      f"{want.ravel()[:8]}")
        for inputs, part in case.refused:
            try:
                compiled.run(inputs, threads=threads)
            except quantc.Error as error:
                if part in str(error) and "\n" not in str(error):
                    continue
                print(f"FAIL  {case.name}: '{error}' lacks '{part}'")
            else:
                print(f"FAIL  {case.name}: {inputs} is not refused")
            failures += 1
    return failures


def main() -> int:
    failures = count = 0
    with tempfile.TemporaryDirectory(prefix="quantc-data-shapes-") as folder:
        for case in CASES:
            count += 1
            try:
                failures += check(case, pathlib.Path(folder)) > 0
            except quantc.Error as error:
                failures += 1
                print(f"FAIL  {case.name}: {error}")
    print(f"{count - failures} passed, {failures} failed")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())

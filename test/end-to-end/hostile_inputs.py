# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What compiled models do with hostile inputs: sizes, indices and numbers that a
run is the first to see.

    python test/end-to-end/hostile_inputs.py [--only TEXT] [-v]

Each model is compiled and run in a process of its own with 8 GiB of memory and
30 seconds.  Each of its inputs must give results or an error of one line, never
a signal or a hang; inputs that must be refused are listed with what the error
says, those that must not with the shape of the result.
"""

import argparse
import multiprocessing
import pathlib
import resource
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from _checks import BUILD, Checks

sys.path.insert(0, str(BUILD / "python"))
import quantc  # noqa: E402

I, F = np.int64, np.float32
LOWEST, HIGHEST = np.iinfo(I).min, np.iinfo(I).max
NAN, INF = np.nan, np.inf
SECONDS, MEMORY = 30, 8 << 30

SIZES = [I([v, v]) for v in (-1, LOWEST, LOWEST + 1, -2, HIGHEST, 2**62, 2**33,
                             2**31, 2**16, 0)]
SIZES += [I([2**32, 2**32]), I([HIGHEST, 2]), I([0, HIGHEST]), I([HIGHEST, 0])]
ENDS = (LOWEST, HIGHEST, -7, -1, 0, 2)
ODD = (NAN, INF, -INF, 1e38, -1e38, 1e10)
X = np.arange(6, dtype=F).reshape(2, 3)
IMAGE = np.ones((1, 1, 4, 4), F)

CASES = {}


def case(name, nodes, first, varied=(), outputs=("y",), constants=(),
         shapes=None, opset=22, refused=(), shape=None):
    """`varied` replace some of the `first` inputs; those in `refused` (pairs with
    a text) must be an error; `shape` is that of the first result."""
    inputs = [helper.make_tensor_value_info(
        key, helper.np_dtype_to_tensor_dtype(np.asarray(value).dtype),
        (shapes or {}).get(key, np.asarray(value).shape))
        for key, value in first.items()]
    graph = helper.make_graph(
        nodes, "g", inputs, [onnx.ValueInfoProto(name=out) for out in outputs],
        [numpy_helper.from_array(np.asarray(value), key)
         for key, value in constants])
    domains = {node.domain for node in nodes} - {""}
    opsets = [helper.make_opsetid("", opset)]
    opsets += [helper.make_opsetid(domain, 1) for domain in domains]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    runs = [(first, None)] + [({**first, **other}, None) for other in varied]
    runs += [({**first, **other}, text) for other, text in refused]
    runs = [({key: np.asarray(value) for key, value in feed.items()}, text)
            for feed, text in runs]
    assert name not in CASES, name
    CASES[name] = (model.SerializeToString(), runs, shape)


def op(name, first, varied=(), title="", inputs=None, constants=(),
       outputs=("y",), opset=22, shapes=None, refused=(), shape=None, domain="",
       **attributes):
    """A case of one node."""
    inputs = inputs or [*first, *(key for key, _ in constants)]
    node = helper.make_node(name, inputs, list(outputs), name="n",
                            domain=domain, **attributes)
    case(title or name, [node], first, varied, outputs, constants, shapes,
         opset, refused, shape)


def each(key, values):
    return [{key: value} for value in values]


def sizes_from_data():
    sizes = each("s", SIZES)
    no_shape = [({"s": I([-2, 1])}, "negative"), ({"s": I([LOWEST] * 2)}, "nega")]
    too_large = [({"s": I([HIGHEST] * 2)}, "overflows"),
                 ({"s": I([2**33] * 2)}, "overflows"),
                 ({"s": I([2**16] * 2)}, "no memory")]
    op("ConstantOfShape", {"s": I([2, 3])}, sizes, shape=(2, 3),
       refused=no_shape + too_large)
    op("Expand", {"x": X[:1, :1], "s": I([2, 3])}, sizes, shape=(2, 3),
       refused=no_shape + too_large)
    op("Expand", {"x": X, "s": I([2, 3])}, sizes, "Expand of 2 x 3",
       refused=[({"s": I([3, 3])}, "to be 1 or 2")])
    op("Reshape", {"x": X, "s": I([3, 2])}, sizes, shape=(3, 2), refused=[
        ({"s": I([-1, 4])}, "equal"), ({"s": I([7, -1])}, "equal")])
    op("Reshape", {"x": X, "s": I([3, 2])}, sizes, "Reshape to 0", allowzero=1)
    op("Tile", {"x": X, "s": I([1, 2])}, sizes, shape=(2, 6), refused=[
        ({"s": I([-1, 1])}, "negative")])
    op("CenterCropPad", {"x": X, "s": I([2, 2])}, sizes)
    op("Split", {"x": X, "s": I([1, 1])}, sizes, outputs=("y", "z"), axis=0)
    op("MaxUnpool", {"x": IMAGE[..., :2, :2], "i": I([[[[0, 1], [2, 3]]]]),
                     "s": I([1, 1, 4, 4])},
       each("s", [I([1, 1, v, v]) for v in (*ENDS, 2**40, 5)]),
       kernel_shape=[2, 2], strides=[2, 2])
    op("Col2Im", {"x": np.ones((1, 4, 4), F), "s": I([3, 3]), "b": I([2, 2])},
       each("s", SIZES) + each("b", SIZES))
    op("AffineGrid", {"t": np.ones((1, 2, 3), F), "s": I([1, 1, 2, 2])},
       each("s", [I([1, 1, v, 3]) for v in (*ENDS, 2**40)]))
    op("Range", {"a": I(0), "b": I(5), "c": I(1)},
       [{"a": I(a), "b": I(b), "c": I(c)} for a in (0, LOWEST, HIGHEST)
        for b in (LOWEST, HIGHEST, 3) for c in (1, -1, LOWEST, HIGHEST)],
       shape=(5,), refused=[({"c": I(0)}, "delta other than 0")])
    op("Range", {"a": F(0), "b": F(5), "c": F(1)},
       [{"a": F(a), "b": F(b), "c": F(c)} for a in (0, NAN, -INF)
        for b in (INF, NAN, 3) for c in (0, 1, NAN, INF, 1e-45)],
       "Range of floats", shape=(5,))
    op("TopK", {"x": X, "k": I([2])}, each("k", [I([v]) for v in ENDS]) +
       each("x", [np.full((2, 3), NAN, F)]), outputs=("y", "z"), shape=(2, 2))
    op("OneHot", {"i": I([0, 1]), "d": I(3), "v": F([0, 1])},
       each("d", [I(v) for v in (*ENDS, 2**40)]) +
       each("i", [I([LOWEST, HIGHEST])]), shape=(2, 3))
    op("DFT", {"x": np.ones((1, 8, 1), F), "l": I(8)},
       each("l", [I(v) for v in (*ENDS, 1, 3, 2**40)]), opset=20)
    op("STFT", {"x": np.ones((1, 16, 1), F), "f": I(4), "l": I(4)},
       each("l", [I(v) for v in (*ENDS, 2**33)]) +
       each("f", [I(v) for v in ENDS]), inputs=["x", "f", "", "l"])
    op("HannWindow", {"s": I(5)}, each("s", [I(v) for v in (*ENDS, 2**40)]))
    case("a shape that was computed", [
        helper.make_node("Shape", ["x"], ["t"]),
        helper.make_node("Div", ["t", "s"], ["u"]),
        helper.make_node("ConstantOfShape", ["u"], ["y"])],
        {"x": X, "s": I([1, 1])}, sizes, shape=(2, 3))


def indices():
    pairs = [I([a, b]) for a in ENDS for b in (HIGHEST, LOWEST, 1)]
    op("Gather", {"x": X, "i": I([0, 1])}, each("i", pairs), shape=(2, 3))
    op("Gather", {"x": X, "i": I([0, 1])}, each("x", [np.zeros((0, 3), F)]),
       "Gather from nothing", shapes={"x": ["n", 3]})
    for name in ("GatherND", "GatherElements"):
        op(name, {"x": X, "i": I([[0, 1]])}, each("i", [p[None] for p in pairs]))
    op("ScatterND", {"x": X, "i": I([[0, 1]]), "u": F([5])},
       each("i", [p[None] for p in pairs]))
    op("ScatterElements", {"x": X, "i": I([[0, 1]]), "u": F([[5, 6]])},
       each("i", [p[None] for p in pairs]))
    op("MaxUnpool", {"x": IMAGE[..., :2, :2], "i": I([[[[0, 1], [2, 3]]]])},
       each("i", [I([[[[LOWEST, HIGHEST], [-1, 99]]]])]), "MaxUnpool to nowhere",
       kernel_shape=[2, 2], strides=[2, 2])
    op("Slice", {"x": X, "a": I([0]), "b": I([2]), "c": I([0]), "d": I([1])},
       [{"a": I([a]), "b": I([b]), "d": I([d])} for a in ENDS for b in ENDS
        for d in (LOWEST, HIGHEST, -1, 3)], shape=(2, 3),
       refused=[({"d": I([0])}, "steps other than 0"),
                ({"c": I([5])}, "axes of the operand")])
    op("Trilu", {"x": X, "k": I(0)}, each("k", [I(v) for v in ENDS]))
    op("CumSum", {"x": X, "a": I(0)}, each("a", [I(v) for v in ENDS]))
    op("ReverseSequence", {"x": X, "l": I([1, 2, 1])},
       each("l", [I([LOWEST, HIGHEST, -1]), I([0, 3, 9])]))
    for name, gates in (("RNN", 1), ("GRU", 3), ("LSTM", 4)):
        op(name, {"x": np.ones((3, 2, 2), F), "l": np.int32([3, 1])},
           each("l", [np.int32([-1, 2]), np.int32([2**31 - 1, -2**31])]),
           inputs=["x", "w", "r", "", "l"], outputs=("y", "z"), hidden_size=2,
           constants=[(key, np.ones((1, 2 * gates, 2), F)) for key in "wr"])
    op("TensorScatter", {"p": np.zeros((1, 1, 4, 2), F),
                         "u": np.ones((1, 1, 2, 2), F), "i": I([1])},
       each("i", [I([v]) for v in ENDS]), opset=24)
    op("RotaryEmbedding", {"x": np.ones((1, 2, 2, 4), F), "c": np.ones((4, 2), F),
                           "s": np.ones((4, 2), F), "p": I([[0, 1]])},
       each("p", [p[None] for p in pairs]), opset=23)
    op("Attention", {"q": np.ones((1, 1, 2, 4), F), "k": np.ones((1, 1, 3, 4), F),
                     "v": np.ones((1, 1, 3, 4), F), "n": I([2])},
       each("n", [I([v]) for v in ENDS]), opset=24,
       inputs=["q", "k", "v", "", "", "", "n"])
    op("GatherBlockQuantized", {"i": I([0, 1])}, each("i", pairs),
       inputs=["d", "i", "s"], domain="com.microsoft", bits=8, block_size=16,
       constants=[("d", np.zeros((2, 16), np.uint8)), ("s", np.ones((2, 1), F))])
    cache, new = np.zeros((1, 2, 4, 4), F), np.ones((1, 1, 8), F)
    lengths = (-1, 2**31 - 1, -2**31, 0)
    op("GroupQueryAttention",
       {"q": new, "k": new, "v": new, "a": cache, "b": cache,
        "s": np.int32([4]), "t": np.int32(5)},
       each("s", [np.int32([v]) for v in lengths]) +
       each("t", [np.int32(v) for v in lengths]), domain="com.microsoft",
       outputs=("y", "c", "d"), num_heads=2, kv_num_heads=2)


def numbers():
    for dtype in (np.int8, np.int32, np.int64):
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        for name in ("Div", "Mod", "Pow"):
            op(name, {"x": dtype([1, 2]), "z": dtype([1, 2])},
               [{"x": dtype([low, low]), "z": dtype([-1, 0])},
                {"x": dtype([high, low]), "z": dtype([low, high])}],
               f"{name} of {dtype.__name__}")
    op("BitShift", {"x": np.uint64([1, 2]), "z": np.uint64([1, 2])},
       each("z", [np.uint64([64, 2**63])]), direction="LEFT")
    for to in ("INT8", "UINT8", "INT32", "INT64", "UINT64", "BOOL"):
        op("Cast", {"x": F([1, 2, 3])},
           each("x", [F(ODD[:3]), F(ODD[3:])]), "Cast to " + to,
           to=TensorProto.DataType.Value(to))
    op("QuantizeLinear", {"x": X, "s": F(1), "z": np.uint8(3)},
       each("s", [F(v) for v in (0, 1e-45, *ODD)]) +
       each("x", [np.full((2, 3), v, F) for v in ODD]))
    op("DynamicQuantizeLinear", {"x": X},
       each("x", [np.full((2, 3), v, F) for v in (1e-45, *ODD)]),
       outputs=("y", "s", "z"))
    for antialias in (0, 1):
        op("Resize", {"x": IMAGE, "s": F([1, 1, 2, 2])},
           each("s", [F([1, 1, a, b]) for a in (0, -1, 1e-30, .4, 2**30, *ODD)
                      for b in (1, 1e-30, 2**20)]), f"Resize {antialias}",
           inputs=["x", "", "s"], mode="linear", antialias=antialias,
           refused=each_refused("s", [F([1, 1, v, 1]) for v in (0, NAN, INF)]))
    op("Resize", {"x": IMAGE, "s": I([1, 1, 2, 2])},
       each("s", [I([1, 1, a, b]) for a in (*ENDS, 2**31) for b in (1, 2**33)]),
       "Resize to sizes", inputs=["x", "", "", "s"], mode="cubic", antialias=1)
    for mode in ("linear", "nearest"):
        op("Resize", {"x": IMAGE, "r": F([0] * 4 + [1] * 4)},
           each("r", [F([v] * 8) for v in ODD]), "Resize of a region, " + mode,
           inputs=["x", "r", "", "s"], constants=[("s", I([1, 1, 4, 4]))],
           mode=mode, coordinate_transformation_mode="tf_crop_and_resize")
    for mode in ("constant", "edge", "reflect", "wrap"):
        op("Pad", {"x": X, "p": I([0, 1, 0, 1])},
           each("p", [I(p) for p in (
               [LOWEST, 0, 0, 0], [HIGHEST, 0, 0, 0], [HIGHEST, 0, HIGHEST, 0],
               [LOWEST] * 4, [HIGHEST] * 4, [-2, -3, -2, -3], [-1, -2, -1, -2],
               [2**31, 0, 2**31, 0], [5] * 4, [-1, 7, 3, -2])]), "Pad " + mode,
           mode=mode)
    for mode in ("linear", "nearest", "cubic"):
        for padding in ("zeros", "border", "reflection"):
            op("GridSample", {"x": IMAGE, "g": np.zeros((1, 2, 2, 2), F)},
               each("g", [np.full((1, 2, 2, 2), v, F) for v in ODD]),
               f"GridSample {mode} {padding}", mode=mode, padding_mode=padding)
    regions = [F([[v] * 4]) for v in ODD]
    regions += [F([[0, 0, v, v]]) for v in (1e6, 1e9, 1e38)]
    regions += [F([[-1e38, -1e38, 1e38, 1e38]])]
    for mode in ("avg", "max"):
        for ratio in (0, 2):
            op("RoiAlign", {"x": IMAGE, "r": F([[0, 0, 2, 2]]), "b": I([0])},
               each("r", regions) + each("b", [I([v]) for v in ENDS]),
               f"RoiAlign {mode} {ratio}", mode=mode, output_height=2,
               output_width=2, sampling_ratio=ratio)
    op("DeformConv", {"x": IMAGE, "o": np.zeros((1, 8, 3, 3), F)},
       each("o", [np.full((1, 8, 3, 3), v, F) for v in ODD]),
       inputs=["x", "w", "o"], constants=[("w", np.ones((1, 1, 2, 2), F))])
    boxes, scores = F([[[0, 0, 1, 1], [0, 0, 2, 2]]]), F([[[.5, .6]]])
    op("NonMaxSuppression", {"b": boxes, "s": scores, "m": I([2]),
                             "i": F([.5]), "t": F([0])},
       each("m", [I([v]) for v in ENDS]) +
       each("b", [np.full((1, 2, 4), v, F) for v in ODD]) +
       each("s", [np.full((1, 1, 2), v, F) for v in ODD]) +
       each("i", [F([v]) for v in ODD]), shape=(2, 3))


def each_refused(key, values, text=""):
    return [({key: value}, text) for value in values]


def shapes_of_inputs():
    wrong = [((2, 4), (2, 4)), ((2, 3), (3, 3)), ((6,), (6,)), ((), ())]
    case("shapes and types", [helper.make_node("Add", ["x", "z"], ["y"])],
         {"x": X, "z": X}, [{"x": X[:0], "z": X[:0]}, {"z": np.asfortranarray(X)}],
         shapes={"x": ["n", 3], "z": ["n", 3]},
         refused=[({"x": np.zeros(a, F), "z": np.zeros(b, F)}, "dimension")
                  for a, b in wrong] + [({"x": X.astype(np.float64)}, "float32"),
                                        ({"w": X}, "no input is named")])
    case("products", [helper.make_node("MatMul", ["x", "z"], ["y"])],
         {"x": X, "z": X.T.copy()},
         [{"x": np.zeros((a, k), F), "z": np.zeros((k, b), F)}
          for a, k, b in [(0, 0, 0), (2, 0, 2), (1, 7, 0), (65, 1, 3)]],
         shapes={"x": ["n", "k"], "z": ["k", "m"]},
         refused=[({"z": np.zeros((4, 5), F)}, "dimension 'k'")])
    images = [np.ones((1, 1, a, b), F) for a, b in [(0, 0), (1, 1), (2, 9)]]
    for name, attributes in (("Conv", {}), ("MaxPool", {"kernel_shape": [3, 3]})):
        op(name, {"x": np.ones((1, 1, 5, 5), F)}, title=name + " that is too small",
           constants=[("w", np.ones((1, 1, 3, 3), F))] if name == "Conv" else [],
           shapes={"x": ["n", 1, "h", "w"]}, refused=each_refused("x", images, "3 <="),
           shape=(1, 1, 3, 3), **attributes)


def run_case(name, pipe):
    """In the process of the case: sends what each input gave."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    data, runs, shape = CASES[name]
    with tempfile.TemporaryDirectory(prefix="quantc-hostile-") as folder:
        path = pathlib.Path(folder) / "model.onnx"
        path.write_bytes(data)
        quantc.compile(path, path.with_suffix(".so"), threads=1)
        model = quantc.load(path.with_suffix(".so"))
        for at, (feed, text) in enumerate(runs):
            pipe.send(f"input {at}: no answer")
            pipe.send(judge(model, feed, text, shape if at == 0 else None))
    pipe.send(None)


def judge(model, feed, text, shape):
    """What is wrong with the answer, or ''."""
    try:
        first = next(iter(model.run(feed).values()))
    except (quantc.Error, ValueError) as error:
        if "\n" in str(error):
            return f"more than a line: {error}"
        is_expected = shape is None and (text is None or text in str(error))
        return "" if is_expected else f"{feed}: {error}"
    if text is not None:
        return f"{feed}: expected an error with '{text}'"
    return "" if shape in (None, first.shape) else f"got shape {first.shape}"


def check(name) -> list[str]:
    """What is wrong with each input's answer, or ''."""
    context = multiprocessing.get_context("fork")
    pipe, other = context.Pipe()
    process = context.Process(target=run_case, args=(name, other), daemon=True)
    process.start()
    other.close()
    answers, pending = [], "not compiled"
    try:
        while pipe.poll(SECONDS):
            got = pipe.recv()
            if got is None:
                pending = ""
                break
            if pending.endswith("no answer"):
                answers.append(got)
                pending = "ended early"
            else:
                pending = got
    except EOFError:
        pass
    process.join(1)
    if process.is_alive():
        process.kill()
        process.join()
    if pending:
        answers.append(f"{pending}, exit status {process.exitcode}")
    return answers


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="cases with this in the name")
    parser.add_argument("-v", action="store_true", help="print all cases")
    options = parser.parse_args()
    checks = Checks(quiet=not options.v)
    for add in (sizes_from_data, indices, numbers, shapes_of_inputs):
        add()
    for name in CASES:
        if options.only in name:
            for at, answer in enumerate(check(name)):
                checks.report(f"{name}, input {at}", not answer, answer[:300])
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiled scalar programs give the bits of the reference evaluator.

    python test/end-to-end/programs.py [-k REGEX] [--cpus CPU ...]

Each case is one ONNX operator without an operation of its own: scatters, sorts,
recurrences, resizing, pools with indices, sampling.  Its imported module is
interpreted, its library run, for several CPUs; rows are long enough for wide
steps, narrow ones and a masked rest.
"""

import argparse
import pathlib
import re
import sys
import tempfile
from typing import NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from _checks import quantc

CPUS = ("x86-64-v3", "x86-64-v4")
NOISE = np.random.default_rng(5)


class Case(NamedTuple):
    """One node; arrays in `weights` are initializers, by position."""
    op: str
    inputs: tuple
    weights: dict = {}
    attributes: dict = {}
    outputs: tuple = (TensorProto.FLOAT,)


def noise(*shape, dtype=np.float32) -> np.ndarray:
    return NOISE.standard_normal(shape).astype(dtype)


def special(*shape, dtype=np.float32) -> np.ndarray:
    """Few different values, with both zeros, NaN and infinities."""
    values = np.array([0, -0.0, np.nan, np.inf, -np.inf, 1, -1, 1.5, 2], dtype)
    return NOISE.choice(values, shape)


def odd_numbers(*shape) -> np.ndarray:
    """Where powers have rules of their own."""
    values = np.array([0, -0.0, np.nan, np.inf, -np.inf, 1, -1, 1.5, 2, 3, -2,
                       -3, 0.5, -0.5, 1e-40, -1e-40, 1e30, -1e30, 16777215,
                       -16777215, 33554434, 1.0000001, 127, -149], np.float32)
    return NOISE.choice(values, shape)


def integers(low, high, shape, dtype=np.int64) -> np.ndarray:
    return NOISE.integers(low, high, shape, dtype)


def top_k(x, k, **attributes) -> Case:
    kind = helper.np_dtype_to_tensor_dtype(x.dtype)
    return Case("TopK", (x,), {1: np.array([k], np.int64)}, attributes,
                (kind, TensorProto.INT64))


def recurrent(op, gates, steps, hidden, outputs, **attributes) -> Case:
    directions = 2 if attributes.get("direction") == "bidirectional" else 1
    return Case(op, (noise(steps, 2, 5),), {
        1: noise(directions, gates * hidden, 5),
        2: noise(directions, gates * hidden, hidden) / np.float32(8),
        3: noise(directions, 2 * gates * hidden)},
        {"hidden_size": hidden, **attributes}, (TensorProto.FLOAT,) * outputs)


def resize(scales, mode, **attributes) -> Case:
    return Case("Resize", (noise(1, 3, 9, 37),),
                {2: np.array([1, 1, *scales], np.float32)},
                {"mode": mode, **attributes})


CASES = {
    "scatter-nd": Case("ScatterND", (noise(20, 37), integers(0, 20, (9, 1)),
                                     noise(9, 37))),
    "scatter-nd-add": Case(
        "ScatterND", (noise(5, 6, 19), integers(-5, 5, (30, 2)), noise(30, 19)),
        attributes={"reduction": "add"}),
    "scatter-elements": Case(
        "ScatterElements", (noise(7, 40), integers(-40, 40, (5, 33)),
                            noise(5, 33)), attributes={"axis": 1}),
    "scatter-elements-mul": Case(
        "ScatterElements", (noise(9, 8), integers(0, 9, (30, 8)),
                            noise(30, 8)),
        attributes={"axis": 0, "reduction": "mul"}),
    "scatter-elements-max": Case(
        "ScatterElements", (special(3, 50), integers(0, 50, (3, 70)),
                            special(3, 70)),
        attributes={"axis": 1, "reduction": "max"}),
    "top-k": top_k(noise(3, 1000), 90),
    "top-k-special": top_k(special(3, 333), 333),
    "top-k-smallest": top_k(special(60, 4, 5), 20, axis=0, largest=0),
    "top-k-short": top_k(special(40, 9), 4),
    "top-k-f64": top_k(noise(2, 500, dtype=np.float64), 500),
    "top-k-f16": top_k(special(2, 500, dtype=np.float16), 100, largest=0),
    "top-k-i64": top_k(integers(-3, 3, (2, 500)), 500),
    "top-k-u8": top_k(integers(0, 256, (2, 500), np.uint8), 77, largest=0),
    "top-k-i32": top_k(integers(-2**31, 2**31 - 1, (2, 500), np.int32), 500),
    "lstm": recurrent("LSTM", 4, 6, 21, 3, direction="bidirectional"),
    "lstm-wide": recurrent("LSTM", 4, 3, 96, 3, clip=0.5),
    "gru": recurrent("GRU", 3, 6, 70, 2, direction="reverse"),
    "gru-linear": recurrent("GRU", 3, 6, 17, 2, linear_before_reset=1),
    "rnn": recurrent("RNN", 1, 6, 40, 2),
    "resize-nearest": resize((2, 2), "nearest"),
    "resize-nearest-down": resize((0.6, 0.6), "nearest", nearest_mode="ceil"),
    "resize-linear": resize((2, 2.5), "linear"),
    "resize-linear-corners": resize(
        (1.7, 3), "linear", coordinate_transformation_mode="align_corners"),
    "resize-cubic": resize((1.5, 0.8), "cubic", exclude_outside=1),
    "resize-antialias": resize((0.5, 0.4), "linear", antialias=1),
    "max-pool-indices": Case(
        "MaxPool", (special(2, 3, 20, 37),), {},
        {"kernel_shape": [3, 3], "strides": [1, 2], "pads": [1, 1, 1, 1]},
        (TensorProto.FLOAT, TensorProto.INT64)),
    "max-pool": Case("MaxPool", (special(2, 3, 20, 37),), {},
                     {"kernel_shape": [3, 3], "strides": [2, 2],
                      "pads": [1, 1, 1, 1]}),
    "average-pool": Case("AveragePool", (noise(2, 3, 20, 37),), {},
                         {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
    "lp-pool": Case("LpPool", (noise(1, 3, 20, 37),), {},
                    {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
    "lrn": Case("LRN", (noise(1, 9, 5, 37),), {}, {"size": 5}),
    "pad-reflect": Case("Pad", (noise(2, 3, 12, 37),),
                        {1: np.array([0, 0, 3, 2, 0, 0, 1, 5], np.int64)},
                        {"mode": "reflect"}),
    "pad-edge": Case("Pad", (noise(2, 12, 37),),
                     {1: np.array([0, 3, 2, 0, 1, 5], np.int64)},
                     {"mode": "edge"}),
    "grid-sample": Case("GridSample", (noise(1, 4, 9, 11),
                                       noise(1, 7, 37, 2))),
    "grid-sample-nearest": Case(
        "GridSample", (noise(1, 4, 9, 11), noise(1, 7, 37, 2)), {},
        {"mode": "nearest", "padding_mode": "border"}),
    "gather-elements": Case("GatherElements", (noise(9, 50),
                                               integers(-50, 50, (9, 37))), {},
                            {"axis": 1}),
    "gather-nd": Case("GatherND", (noise(9, 50), integers(-9, 9, (37, 2)))),
    "arg-max": Case("ArgMax", (special(4, 5, 37),), {}, {"axis": 1},
                    (TensorProto.INT64,)),
    "arg-max-row": Case("ArgMax", (special(9, 87),), {}, {"axis": 1},
                        (TensorProto.INT64,)),
    "arg-min-row": Case("ArgMin", (noise(3, 5, 200),), {},
                        {"axis": -1, "keepdims": 0, "select_last_index": 1},
                        (TensorProto.INT64,)),
    "max-pool-strided": Case("MaxPool", (special(2, 3, 20, 77),), {},
                             {"kernel_shape": [5, 3], "strides": [3, 2],
                              "pads": [2, 1, 0, 0]}),
    "average-pool-strided": Case("AveragePool", (noise(2, 3, 20, 77),), {},
                                 {"kernel_shape": [2, 3], "strides": [2, 3],
                                  "pads": [0, 1, 1, 2]}),
    "slice-steps": Case("Slice", (noise(3, 200),), {
        1: np.array([0, 3], np.int64), 2: np.array([3, 190], np.int64),
        4: np.array([1, 2], np.int64)}),
    "one-hot": Case("OneHot", (integers(-9, 9, (5, 7)),), {
        1: np.array(37, np.int64), 2: np.array([0.5, 2], np.float32)}),
    "cum-sum": Case("CumSum", (noise(9, 37),), {1: np.array(0, np.int64)},
                    {"reverse": 1}),
    "cum-sum-last": Case("CumSum", (noise(9, 37),), {1: np.array(1, np.int64)},
                         {"exclusive": 1}),
    "reverse-sequence": Case(
        "ReverseSequence", (noise(9, 4, 37), integers(0, 9, (4,)))),
    "pow": Case("Pow", (np.abs(noise(7, 37)) * 9, noise(7, 37) * 20)),
    "pow-special": Case("Pow", (odd_numbers(7, 67), odd_numbers(7, 67))),
    "tan": Case("Tan", (noise(3, 37),)),
    "mod": Case("Mod", (noise(3, 37), noise(3, 37)), {}, {"fmod": 1}),
    "col2im": Case("Col2Im", (noise(1, 27, 35),), {
        1: np.array([9, 7], np.int64), 2: np.array([3, 3], np.int64)}),
    "max-unpool": Case(
        "MaxUnpool", (noise(1, 2, 5, 18),
                      integers(0, 720, (1, 2, 5, 18))), {},
        {"kernel_shape": [2, 2], "strides": [2, 2]}),
}


def write_model(case: Case, path: pathlib.Path) -> None:
    """The model, and its inputs beside it as a folder of samples."""
    count = max([-1, *case.weights]) + 1 + len(case.inputs)
    rest, names, infos, arrays = list(case.inputs), [], [], {}
    for i in range(count):
        if i in case.weights:
            names.append(f"w{i}")
        elif not rest:
            names.append("")
        else:
            array = rest.pop(0)
            names.append(f"x{i}")
            infos.append(helper.make_tensor_value_info(
                f"x{i}", helper.np_dtype_to_tensor_dtype(array.dtype),
                array.shape))
            arrays[f"x{i}"] = array
        if not rest and i + 1 >= max([-1, *case.weights]) + 1:
            break
    weights = [numpy_helper.from_array(array, f"w{i}")
               for i, array in case.weights.items()]
    results = [helper.make_tensor_value_info(f"y{i}", kind, None)
               for i, kind in enumerate(case.outputs)]
    node = helper.make_node(case.op, names, [r.name for r in results],
                            **case.attributes)
    graph = helper.make_graph([node], case.op, infos, results, weights)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.save(onnx.shape_inference.infer_shapes(model), path)
    samples = path.with_suffix("")
    samples.mkdir()
    np.savez(samples / "0.npz", **arrays)


def differing(case: Case, reference: pathlib.Path, library: pathlib.Path,
              samples: pathlib.Path) -> list[str]:
    table = quantc("compare", reference, library, "--data", samples,
                   "--threads", 2).splitlines()
    rows = [line.strip() for line in table[2:]]
    if len(rows) != len(case.outputs):
        raise RuntimeError(f"expected {len(case.outputs)} outputs, "
                           f"got {len(rows)}")
    return [row for row in rows if not row.endswith("(identical)")]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-k", metavar="REGEX", default="")
    parser.add_argument("--cpus", nargs="+", default=CPUS)
    options = parser.parse_args()
    failed = passed = 0
    with tempfile.TemporaryDirectory(prefix="quantc-programs-") as folder:
        for name, case in CASES.items():
            if not re.search(options.k, name):
                continue
            model = pathlib.Path(folder) / f"{name}.onnx"
            write_model(case, model)
            for cpu in options.cpus:
                library = model.with_suffix(f".{cpu}.so")
                wrong = []
                try:
                    quantc("compile", model, "-o", library, "--mcpu", cpu)
                    wrong = differing(case, model, library,
                                      model.with_suffix(""))
                except RuntimeError as error:
                    if "CPU feature" in str(error):
                        print(f"skip  {name} on {cpu}: not this machine's")
                        continue
                    wrong = [str(error)]
                failed += bool(wrong)
                passed += not wrong
                for row in wrong:
                    print(f"FAIL  {name} on {cpu}: {row}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())

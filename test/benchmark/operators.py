# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The time of single operators beside ONNX Runtime's, in turns.

    python test/benchmark/operators.py [-k REGEX] [--threads N] [--rounds N]

Each model is one node at a size that real models of its family have (OCR,
detection, voice activity, super-resolution).  The ratio is ours over theirs.
"""

import argparse
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
from typing import NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import engines
import timing


class Case(NamedTuple):
    """One node; `shapes` of its inputs, None where an input is absent.  Arrays
    in `weights` are initializers, by the position of the input."""
    op: str
    shapes: tuple
    weights: dict = {}
    attributes: dict = {}
    outputs: int = 1
    types: dict = {}


NOISE = np.random.default_rng(0)


def noise(*shape) -> np.ndarray:
    return NOISE.standard_normal(shape, np.float32) / np.float32(8)


def recurrent(op: str, gates: int) -> Case:
    return Case(op, ((100, 1, 128),), {
        1: noise(1, gates * 128, 128), 2: noise(1, gates * 128, 128),
        3: noise(1, 2 * gates * 128)}, {"hidden_size": 128})


def resize(mode: str, **attributes) -> Case:
    return Case("Resize", ((1, 64, 80, 80),),
                {2: np.array([1, 1, 2, 2], np.float32)},
                {"mode": mode, **attributes})


CASES = {
    "lstm": recurrent("LSTM", 4),
    "gru": recurrent("GRU", 3),
    "conv-transpose-2x2": Case("ConvTranspose", ((1, 64, 80, 80),),
                               {1: noise(64, 64, 2, 2), 2: noise(64)},
                               {"strides": [2, 2]}),
    "conv-transpose-4x4": Case("ConvTranspose", ((1, 64, 40, 40),),
                               {1: noise(64, 32, 4, 4)},
                               {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
    "resize-nearest": resize("nearest", nearest_mode="floor",
                             coordinate_transformation_mode="asymmetric"),
    "resize-linear": resize("linear"),
    "resize-cubic": resize("cubic"),
    "max-pool": Case("MaxPool", ((1, 64, 112, 112),), {},
                     {"kernel_shape": [3, 3], "strides": [2, 2],
                      "pads": [1, 1, 1, 1]}),
    "max-pool-5x5": Case("MaxPool", ((1, 128, 20, 20),), {},
                         {"kernel_shape": [5, 5], "pads": [2, 2, 2, 2]}),
    "average-pool": Case("AveragePool", ((1, 64, 56, 56),), {},
                         {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
    "global-average-pool": Case("GlobalAveragePool", ((1, 256, 28, 28),)),
    "top-k": Case("TopK", ((1, 8400),), {1: np.array([300], np.int64)},
                  outputs=2, types={1: TensorProto.INT64}),
    "nms": Case("NonMaxSuppression", ((1, 8400, 4), (1, 80, 8400)),
                {2: np.array(100, np.int64), 3: np.array(0.5, np.float32),
                 4: np.array(0.3, np.float32)},
                types={0: TensorProto.INT64}),
    "arg-max": Case("ArgMax", ((1, 40, 6625),), {}, {"axis": 2},
                    types={0: TensorProto.INT64}),
    "grid-sample": Case("GridSample", ((1, 32, 64, 64), (1, 64, 64, 2))),
    "instance-norm": Case("InstanceNormalization", ((1, 64, 80, 80),),
                          {1: noise(64), 2: noise(64)}),
    "pad-reflect": Case("Pad", ((1, 16, 128, 128),),
                        {1: np.array([0, 0, 3, 3, 0, 0, 3, 3], np.int64)},
                        {"mode": "reflect"}),
    "hard-sigmoid": Case("HardSigmoid", ((1, 96, 80, 80),)),
    "prelu": Case("PRelu", ((1, 64, 80, 80),), {1: noise(64, 1, 1)}),
    "depth-to-space": Case("DepthToSpace", ((1, 64, 80, 80),), {},
                           {"blocksize": 2}),
    "cum-sum": Case("CumSum", ((64, 1024),), {1: np.array(1, np.int64)}),
    "conv-1d": Case("Conv", ((1, 64, 400),), {1: noise(64, 64, 5)},
                    {"pads": [2, 2]}),
    "conv-3d": Case("Conv", ((1, 16, 16, 28, 28),), {1: noise(16, 16, 3, 3, 3)},
                    {"pads": [1] * 6}),
    "group-norm-21": Case("GroupNormalization", ((1, 64, 40, 40),),
                          {1: noise(64), 2: noise(64)}, {"num_groups": 8}),
    "lrn": Case("LRN", ((1, 64, 56, 56),), {}, {"size": 5}),
    "log-softmax": Case("LogSoftmax", ((40, 6625),)),
    "gather-rows": Case("Gather", ((30000, 64), (1, 128))),
    "scatter-nd": Case("ScatterND", ((1000, 64), (200, 1), (200, 64))),
    "gather-elements": Case("GatherElements", ((64, 512), (64, 128))),
    "transpose": Case("Transpose", ((1, 64, 80, 80),), {},
                      {"perm": [0, 2, 3, 1]}),
    "transpose-back": Case("Transpose", ((1, 80, 80, 256),), {},
                           {"perm": [0, 3, 1, 2]}),
    "erf": Case("Erf", ((128, 1536),)),
    "pow": Case("Pow", ((128, 384),), {1: np.array(2.5, np.float32)}),
    "mod": Case("Mod", ((128, 384),), {1: np.array(2.5, np.float32)},
                {"fmod": 1}),
    "cast": Case("Cast", ((128, 1536),), {}, {"to": TensorProto.INT32},
                 types={0: TensorProto.INT32}),
    "where": Case("Where", ((128, 512), (128, 512), (128, 512))),
    "concat": Case("Concat", ((1, 64, 40, 40), (1, 64, 40, 40)), {},
                   {"axis": 1}),
    "tile": Case("Tile", ((1, 64, 40),), {1: np.array([4, 1, 8], np.int64)}),
    "dft": Case("DFT", ((8, 400, 1),)),
}
INDICES = {"Gather": 1, "ScatterND": 1, "GatherElements": 1}
BOOLEANS = {"Where": 0}


def write_model(case: Case, path: pathlib.Path) -> dict[str, np.ndarray]:
    """The model of a case; returns its inputs."""
    names, infos, arrays = [], [], {}
    count = max([len(case.shapes) - 1, *case.weights]) + 1
    weights = [numpy_helper.from_array(array, f"w{i}")
               for i, array in case.weights.items()]
    for i in range(count):
        if i in case.weights:
            names.append(f"w{i}")
        elif i >= len(case.shapes):
            names.append("")
        else:
            shape, kind = case.shapes[i], TensorProto.FLOAT
            array = noise(*shape)
            if INDICES.get(case.op) == i:
                kind = TensorProto.INT64
                array = NOISE.integers(0, case.shapes[0][0], shape)
            if BOOLEANS.get(case.op) == i:
                kind, array = TensorProto.BOOL, array > 0
            names.append(f"x{i}")
            infos.append(helper.make_tensor_value_info(f"x{i}", kind, shape))
            arrays[f"x{i}"] = array
    outputs = [f"y{i}" for i in range(case.outputs)]
    results = [helper.make_tensor_value_info(
        name, case.types.get(i, TensorProto.FLOAT), None)
        for i, name in enumerate(outputs)]
    node = helper.make_node(case.op, names, outputs, **case.attributes)
    graph = helper.make_graph([node], case.op, infos, results, weights)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.save(onnx.shape_inference.infer_shapes(model, strict_mode=True), path)
    return arrays


def theirs(path: pathlib.Path, threads: int) -> float:
    done = subprocess.run(
        [sys.executable, __file__, "--worker", str(path), "--threads",
         str(threads)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def worker(path: pathlib.Path, threads: int) -> None:
    """Times ONNX Runtime on a model and prints the median in ms."""
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options,
                                           ["CPUExecutionProvider"])
    arrays = dict(np.load(path.with_suffix(".npz")))
    print(timing.measure(lambda: session.run(None, arrays), 0.2, 0.3,
                         10)["median_ms"])


def ours(path: pathlib.Path, threads: int) -> float:
    with np.load(path.with_suffix(".npz")) as arrays:
        inputs = [part for name in arrays for part in
                  ("--input", f"{name}={path.with_name(name)}.npy")]
    done = subprocess.run(
        [str(engines.build_folder() / "bin" / "quantc"), "bench",
         str(path.with_suffix(".so")), "--threads", str(threads), "--json",
         *inputs], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["median_ms"]


def compare(name: str, path: pathlib.Path, arrays: dict[str, np.ndarray],
            options: argparse.Namespace) -> bool:
    """Compiles the model at `path`, times it in turns and prints one line; says
    whether that was possible."""
    np.savez(path.with_suffix(".npz"), **arrays)
    for operand, array in arrays.items():
        np.save(path.with_name(f"{operand}.npy"), array)
    done = subprocess.run(
        [str(engines.build_folder() / "bin" / "quantc"), "compile", str(path),
         "-o", str(path.with_suffix(".so"))], capture_output=True, text=True)
    if done.returncode:
        print(f"{name:22}{done.stderr.strip()}")
        return False
    pairs = [(theirs(path, options.threads), ours(path, options.threads))
             for _ in range(options.rounds)]
    peer, mine = (statistics.median(p[i] for p in pairs) for i in (0, 1))
    ratio = statistics.median(b / a for a, b in pairs)
    print(f"{name:22}{peer:11.3f}{mine:11.3f}{ratio:8.2f}", flush=True)
    return True


def read_options(description: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("-k", metavar="REGEX", default="")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--worker", type=pathlib.Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def print_head(what: str) -> None:
    print(f"{what:22}{'theirs ms':>11}{'ours ms':>11}{'ratio':>8}")


def main() -> int:
    options = read_options(__doc__.splitlines()[0])
    if options.worker:
        worker(options.worker, options.threads)
        return 0
    print_head("operator")
    failed = 0
    with tempfile.TemporaryDirectory(prefix="quantc-operators-") as folder:
        for name, case in CASES.items():
            if not re.search(options.k, name):
                continue
            path = pathlib.Path(folder) / f"{name}.onnx"
            failed += not compare(name, path, write_model(case, path), options)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

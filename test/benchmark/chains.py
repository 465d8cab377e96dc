# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles chains of 1,000 to 100,000 nodes and compares times by tenfolds.

    python test/benchmark/chains.py [--kinds K ...] [--nodes N ...]

The bars: ten times the nodes take at most 15 times the processor time, and
100,000 nodes at most 60 s and 4 GB of memory.  Each library is run, and up to
10,000 nodes compared with ONNX Runtime.  Kinds:

    elementwise   Relu, Add, Mul and Sigmoid by turns
    layers        MatMul, Add, Relu, a weight for each
    torchscript   shapes taken apart and put together before every Reshape
    fan           one value read by all, and all joined again
    residual      branches of two that are added, and reach back to the start
    layout        Reshape and Transpose in turns
    constants     Constant and Identity nodes between
    mixed         any of twelve operators, no two scalars equal
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("QUANTC_BUILD_DIR", ROOT / "build"))
WIDTH = 16
NODES = (1_000, 10_000, 100_000)


class Chain:
    """A graph that grows at one value, `last`."""

    def __init__(self):
        self.nodes, self.initializers, self.last = [], [], "x"
        self.scalar("bias", np.float32(0.25))
        self.scalar("scale", np.float32(0.75))

    def scalar(self, name: str, value) -> None:
        self.initializers.append(numpy_helper.from_array(np.asarray(value),
                                                         name))

    def add(self, op: str, *inputs: str, output: str = "", **attributes) -> str:
        name = output or f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name=f"n_{name}",
                                           **attributes))
        return name

    def step(self, op: str, *others: str, **attributes) -> None:
        self.last = self.add(op, self.last, *others, **attributes)


def elementwise(chain: Chain, count: int) -> None:
    steps = (("Relu",), ("Add", "bias"), ("Sigmoid",), ("Mul", "scale"),
             ("Sub", "bias"), ("Tanh",))
    for i in range(count):
        chain.step(*steps[i % len(steps)])


def layers(chain: Chain, count: int) -> None:
    rng = np.random.default_rng(1)
    for layer in range(count // 3):
        weight = rng.standard_normal((WIDTH, WIDTH), np.float32) * 0.35
        chain.scalar(f"w{layer}", weight)
        chain.scalar(f"b{layer}", rng.standard_normal(WIDTH, np.float32) * 0.1)
        chain.step("MatMul", f"w{layer}")
        chain.step("Add", f"b{layer}")
        chain.step("Relu")


def torchscript(chain: Chain, count: int) -> None:
    """x.reshape(x.shape[0], -1, 4).relu().reshape(x.shape[0], 16) as exported."""
    while len(chain.nodes) + 10 <= count:
        for tail in ((-1, 4), (WIDTH,)):
            shape = chain.add("Shape", chain.last)
            zero = chain.add("Constant", value=numpy_helper.from_array(
                np.int64(0)))
            batch = chain.add("Gather", shape, zero, axis=0)
            axes = chain.add("Constant", value=numpy_helper.from_array(
                np.array([0], np.int64)))
            parts = [chain.add("Unsqueeze", batch, axes)]
            parts.append(chain.add("Constant", value=numpy_helper.from_array(
                np.array(tail, np.int64))))
            chain.step("Reshape", chain.add("Concat", *parts, axis=0))
        chain.step("Sigmoid")


def fan(chain: Chain, count: int) -> None:
    rng = np.random.default_rng(2)
    chain.step("Sigmoid")
    source, ends = chain.last, []
    for branch in range((count - 4) // 2):
        chain.scalar(f"b{branch}", rng.standard_normal(WIDTH, np.float32))
        ends.append(chain.add("Sigmoid",
                              chain.add("Add", source, f"b{branch}")))
    joined = chain.add("Concat", *ends, axis=1)
    chain.last = chain.add("ReduceMean", joined, axes=[1], keepdims=1)


def residual(chain: Chain, count: int) -> None:
    for _ in range(count // 4):
        branch = chain.add("Tanh", chain.add("Mul", chain.last, "scale"))
        chain.step("Add", branch)
        chain.step("Sub", "x")


def layout(chain: Chain, count: int) -> None:
    chain.scalar("split", np.array([0, 4, 4], np.int64))
    chain.scalar("join", np.array([0, WIDTH], np.int64))
    while len(chain.nodes) + 4 <= count:
        chain.step("Reshape", "split")
        chain.step("Transpose", perm=[0, 2, 1])
        chain.step("Reshape", "join")
        chain.step("Sigmoid")


def constants(chain: Chain, count: int) -> None:
    while len(chain.nodes) + 4 <= count:
        value = chain.add("Constant", value=numpy_helper.from_array(
            np.float32(len(chain.nodes) % 7 - 3)))
        chain.step("Add", chain.add("Identity", value))
        chain.step("Sigmoid")


def mixed(chain: Chain, count: int) -> None:
    rng = np.random.default_rng(3)
    unary = ("Relu", "Sigmoid", "Tanh", "Abs", "Neg", "Softplus", "Sin", "Erf")
    binary = ("Add", "Sub", "Min", "Max")
    for i, choice in enumerate(rng.integers(12, size=count)):
        if choice < len(unary):
            chain.step(unary[choice])
            continue
        chain.scalar(f"s{i}", rng.standard_normal((), np.float32))
        chain.step(binary[choice - len(unary)], f"s{i}")


KINDS = {f.__name__: f for f in (elementwise, layers, torchscript, fan,
                                 residual, layout, constants,
                                 mixed)}


def write(kind: str, count: int, path: pathlib.Path) -> int:
    """How many nodes it has: `count`, or a few less."""
    chain = Chain()
    KINDS[kind](chain, count)
    value = helper.make_tensor_value_info
    chain.nodes.append(helper.make_node("Identity", [chain.last], ["y"],
                                        name="end"))
    graph = helper.make_graph(
        chain.nodes, kind, [value("x", TensorProto.FLOAT, ["n", WIDTH])],
        [value("y", TensorProto.FLOAT, None)], chain.initializers)
    path.write_bytes(helper.make_model(
        graph, ir_version=8,
        opset_imports=[helper.make_opsetid("", 17)]).SerializeToString())
    return len(chain.nodes)


def compile_measured(model: pathlib.Path, library: pathlib.Path
                     ) -> tuple[float, int]:
    """Seconds of the processor, and the peak of memory in bytes."""
    process = subprocess.Popen([str(BUILD / "bin" / "quantc"), "compile",
                                str(model), "-o", str(library)],
                               stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"quantc compile: status {process.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def run(library: pathlib.Path) -> tuple[np.ndarray, np.ndarray, list[float]]:
    """Input, output, seconds of loading, of the first run and of the second."""
    import quantc
    x = np.random.default_rng(9).standard_normal((3, WIDTH), np.float32)
    times, start = [], time.process_time()

    def lap(result):
        nonlocal start
        times.append(time.process_time() - start)
        start = time.process_time()
        return result

    model = lap(quantc.load(library))
    first = lap(model.run({"x": x})["y"])
    again = lap(model.run({"x": x})["y"])
    assert np.array_equal(first, again)
    return x, first, times


def difference(model: pathlib.Path, x: np.ndarray, y: np.ndarray) -> float:
    """The largest from ONNX Runtime, relative where that is above one."""
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = (
        onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL)
    want = onnxruntime.InferenceSession(
        str(model), options, providers=["CPUExecutionProvider"]).run(
            None, {"x": x})[0]
    return float((np.abs(y - want) / np.maximum(np.abs(want), 1)).max())


def measure(kind: str, count: int, folder: pathlib.Path) -> dict:
    """Figures of one chain."""
    model, library = folder / "chain.onnx", folder / "chain.so"
    nodes = write(kind, count, model)
    seconds, peak = compile_measured(model, library)
    x, y, times = run(library)
    row = {"kind": kind, "nodes": nodes, "seconds": seconds,
           "peak_bytes": peak, "library_bytes": library.stat().st_size,
           "load_seconds": times[0], "first_run_seconds": times[1],
           "run_seconds": times[2]}
    if count <= 10_000:
        row["difference"] = difference(model, x, y)
    return row


def check(report, kinds=tuple(KINDS), counts=NODES, show=None) -> None:
    """The bars of each kind, given to a Report of bars.py."""
    with tempfile.TemporaryDirectory(prefix="quantc-chains-") as name:
        for kind in kinds:
            before = None
            for count in counts:
                row = measure(kind, count, pathlib.Path(name))
                if show:
                    show(row)
                what = f"{kind}, {count} nodes"
                if "difference" in row:
                    report.bar(f"{what}, difference from ONNX Runtime",
                               row["difference"], 1e-4)
                if before:
                    report.bar(f"{what}, processor time over that of "
                               f"{before['nodes']}",
                               row["seconds"] / before["seconds"], 15)
                if count >= 100_000:
                    report.bar(f"{what}, seconds of the processor",
                               row["seconds"], 60)
                    report.bar(f"{what}, GB of memory",
                               row["peak_bytes"] / 1e9, 4)
                    report.bar(f"{what}, seconds of the first run",
                               row["first_run_seconds"], 1)
                before = row


def main() -> int:
    from bars import Report
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kinds", nargs="+", choices=KINDS,
                        default=list(KINDS))
    parser.add_argument("--nodes", nargs="+", type=int, default=list(NODES))
    options = parser.parse_args()
    report = Report()

    def show(row: dict) -> None:
        print(f"      {row['kind']}, {row['nodes']} nodes: "
              f"{row['seconds']:.2f} s, {row['peak_bytes'] / 1e6:.0f} MB, "
              f"library {row['library_bytes'] / 1e6:.1f} MB; loaded in "
              f"{row['load_seconds'] * 1e3:.0f} ms, runs "
              f"{row['first_run_seconds'] * 1e3:.0f} ms, then "
              f"{row['run_seconds'] * 1e3:.1f} ms", flush=True)

    check(report, options.kinds, options.nodes, show)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())

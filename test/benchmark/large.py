# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles a stack of linears larger than memory should have to hold.

    python test/benchmark/large.py [--gigabytes G] [--folder DIR]

Random weights in one external data file.  The bar: the peak of anonymous memory
(what no file backs) is at most 0.3 of the model and 500 MB.  The result is run
once and compared with NumPy.  Needs about twice the model's size on disk.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
from onnx import TensorProto, helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("QUANTC_BUILD_DIR", ROOT / "build"))
WIDTH = 4096


def weight(layer: int) -> np.ndarray:
    """Uniform, of a size that keeps the rows' norms."""
    rng = np.random.default_rng(layer)
    return (rng.random((WIDTH, WIDTH), np.float32) - np.float32(0.5)) * (
        np.float32((12 / WIDTH) ** 0.5))


def write(folder: pathlib.Path, layers: int) -> pathlib.Path:
    value = helper.make_tensor_value_info
    nodes, tensors = [], []
    with open(folder / "weights.bin", "wb") as file:
        for layer in range(layers):
            tensor = TensorProto(
                name=f"w{layer}", data_type=TensorProto.FLOAT,
                dims=[WIDTH, WIDTH], data_location=TensorProto.EXTERNAL)
            size = 4 * WIDTH * WIDTH
            for key, text in (("location", "weights.bin"),
                              ("offset", str(layer * size)),
                              ("length", str(size))):
                tensor.external_data.add(key=key, value=text)
            tensors.append(tensor)
            weight(layer).tofile(file)
            nodes.append(helper.make_node(
                "MatMul", [f"x{layer}", f"w{layer}"], [f"x{layer + 1}"],
                name=f"layer{layer}"))
    graph = helper.make_graph(
        nodes, "stack", [value("x0", TensorProto.FLOAT, ["n", WIDTH])],
        [value(f"x{layers}", TensorProto.FLOAT, ["n", WIDTH])], tensors)
    path = folder / "stack.onnx"
    onnx.save(helper.make_model(graph, ir_version=10,
                                opset_imports=[helper.make_opsetid("", 20)]),
              path)
    return path


def compile_watched(model: pathlib.Path, library: pathlib.Path,
                    recipe: str) -> tuple[float, int]:
    """Seconds, and the peak of anonymous memory in bytes."""
    start, peak = time.monotonic(), 0
    process = subprocess.Popen([str(BUILD / "bin" / "quantc"), "compile",
                                str(model), "-o", str(library), "--recipe",
                                recipe])
    while process.poll() is None:
        try:
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            break
        for line in status.splitlines():
            if line.startswith("RssAnon:"):
                peak = max(peak, int(line.split()[1]) * 1024)
        time.sleep(0.01)
    if process.wait():
        raise SystemExit(f"quantc compile: status {process.returncode}")
    return time.monotonic() - start, peak


def check(library: pathlib.Path, layers: int) -> float:
    """The largest difference from NumPy, of the output's range."""
    import quantc
    x = np.random.default_rng(99).standard_normal((3, WIDTH), np.float32)
    got = quantc.load(library).run({"x0": x})[f"x{layers}"]
    want = x.astype(np.float64)
    for layer in range(layers):
        want = want @ weight(layer)
    return float(np.abs(got - want).max() / np.ptp(want))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=6.0)
    parser.add_argument("--recipe", default="fp32")
    parser.add_argument("--folder", type=pathlib.Path)
    options = parser.parse_args()
    layers = max(1, round(options.gigabytes * 1e9 / (4 * WIDTH * WIDTH)))
    model_bytes = layers * 4 * WIDTH * WIDTH
    folder = pathlib.Path(tempfile.mkdtemp(prefix="quantc-large-",
                                           dir=options.folder))
    try:
        model = write(folder, layers)
        seconds, peak = compile_watched(model, folder / "stack.so",
                                        options.recipe)
        error = check(folder / "stack.so", layers)
    finally:
        shutil.rmtree(folder)
    limit = model_bytes * 3 // 10 + 500_000_000
    tolerance = 1e-4 if options.recipe == "fp32" else 0.2
    good = (peak <= limit, error <= tolerance)
    print(f"{'PASS' if good[0] else 'FAIL'}  {layers} linears, "
          f"{model_bytes / 1e9:.2f} GB: anonymous memory {peak / 1e6:.0f} MB "
          f"(bar <= {limit / 1e6:.0f} MB), {seconds:.1f} s")
    print(f"{'PASS' if good[1] else 'FAIL'}  largest difference {error:.2e} of "
          f"the range (bar <= {tolerance:g})")
    print(f"{sum(good)} passed, {2 - sum(good)} failed")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())

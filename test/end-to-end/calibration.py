# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Statistics of the real models against ONNX Runtime and numpy.

    python test/end-to-end/calibration.py [--models M ...]

Every observation point that is the result of an ONNX node is computed by ONNX
Runtime too, sample by sample; ranges, channels' maxima, histograms, XᵀX and
means are then plain numpy on all of it.  Statistics with 1 thread and with
all, and of two parts merged, must be the same file.  The time for 128 samples
of MiniLM is printed, since machines differ.
"""

import argparse
import pathlib
import re
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime
from safetensors import safe_open

from _checks import Checks

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "benchmark"))
import engines  # noqa: E402
import workloads  # noqa: E402
from models import bible, data, perplexity  # noqa: E402

import quantc  # noqa: E402

SAMPLES = 8
TOLERANCE = 1e-4


def minilm() -> dict[str, np.ndarray]:
    """Sentences of several lengths, padded: padding must not count."""
    texts = [" ".join(f"word {j}" for j in range(3 * i + 2))
             for i in range(SAMPLES)]
    return data.minilm_inputs(texts)


def classifier() -> dict[str, np.ndarray]:
    return {"image": data.fashion("train")[0][:SAMPLES]}


def decoder() -> dict[str, np.ndarray]:
    tokens = np.concatenate(perplexity.chapter_tokens(True))
    return perplexity.decoder_inputs(
        tokens[:SAMPLES * 24].reshape(SAMPLES, 24))


# Inputs, and the share of points that are results of nodes: a value may also
# be one that normalization made, such as the heads that attention reads.
MODELS = {"minilm": (minilm, 0.55), "classifier": (classifier, 0.8),
          "decoder": (decoder, 0.9)}


class Statistics:
    """A file of quantc calibrate as numpy arrays."""

    def __init__(self, path: pathlib.Path):
        with safe_open(path, "np") as file:
            self.points = [line.split(" ", 2)[2] for line in
                           file.metadata()["quantc.points"].splitlines()]
            self.arrays = {name: file.get_tensor(name)
                           for name in file.keys()}

    def get(self, point: str, name: str) -> np.ndarray | None:
        return self.arrays.get(f"{point}/{name}")

    def sums(self, point: str, name: str) -> np.ndarray:
        high, low, bins = (self.get(point, f"second-moment/{name}.{part}")
                           for part in ("high", "low", "bins"))
        bins = bins.astype(np.int64)
        return (np.ldexp(high.astype(np.float64), 32 * bins)
                + np.ldexp(low.astype(np.float64), 32 * (bins - 1)))


def node_values(model: pathlib.Path, nodes: list[str],
                inputs: dict[str, np.ndarray]) -> dict[str, list[np.ndarray]]:
    """The first result of each named node, for each sample alone."""
    proto = onnx.load(model)
    found = {node.name: node.output[0] for node in proto.graph.node
             if node.name in nodes}
    known = {output.name for output in proto.graph.output}
    for name in found.values():
        if name not in known:
            proto.graph.output.append(onnx.ValueInfoProto(name=name))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = (
        onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL)
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), options,
        providers=["CPUExecutionProvider"])
    count = len(next(iter(inputs.values())))
    values = {name: [] for name in found}
    for i in range(count):
        sample = {name: array[i:i + 1] for name, array in inputs.items()}
        for name, value in zip(found,
                               session.run(list(found.values()), sample)):
            values[name].append(value)
    return values


def rows_of(values: list[np.ndarray], channels: int | None,
            inputs: dict[str, np.ndarray]) -> np.ndarray | None:
    """The rows that count, [n, channels]; None if the value is no such thing.

    Without a number of channels only the numbers matter.
    """
    rows = []
    mask = inputs.get("attention_mask")
    for i, value in enumerate(values):
        if value.dtype != np.float32:
            return None
        if mask is not None and value.shape[:2] == (1, mask.shape[1]):
            value = value[:, mask[i] != 0]
        elif mask is not None and value.ndim == 4 and \
                value.shape[2] == mask.shape[1]:
            value = value[:, :, mask[i] != 0]
        if value.ndim == 4 and "image" in inputs:
            value = np.moveaxis(value, 1, 3)
        if channels and value.shape[-1] != channels:
            return None
        rows.append(value.reshape(-1, value.shape[-1]))
    return np.concatenate(rows)


def near(got, want, scale) -> bool:
    return bool(np.all(np.abs(got - want) <= TOLERANCE * scale))


def compare(stats: Statistics, point: str, rows: np.ndarray) -> str:
    """What is wrong, or nothing."""
    most = np.abs(rows).max()
    if stats.get(point, "min-max/count") != rows.size:
        return (f"{stats.get(point, 'min-max/count')[0]} numbers, expected "
                f"{rows.size}")
    if not near(stats.get(point, "min-max/range"),
                [rows.min(), rows.max()], most):
        return "range"
    maxima = stats.get(point, "channel-absmax/maxima")
    if maxima is not None and not near(maxima, np.abs(rows).max(0), most):
        return "channel-absmax"
    # A number that rounds otherwise moves to the next bin, so compare how many
    # are below each bin's neighbours.
    bins = stats.get(point, "histogram/bins").astype(np.uint32)
    counts = np.zeros(1 << 16, np.int64)
    counts[bins] = stats.get(point, "histogram/counts")
    expected = np.bincount((rows + np.float32(0)).view(np.uint32).ravel() >> 16,
                           minlength=1 << 16)
    moved = np.abs(np.cumsum(counts - expected))
    if counts.sum() != rows.size or moved.max() > 1e-3 * rows.size + 2:
        return f"histogram: {moved.max()} of {rows.size} numbers moved"
    if stats.get(point, "second-moment/count") is None:
        return ""
    exact = rows.astype(np.float64)
    if stats.get(point, "second-moment/count") != len(rows):
        return "rows of the second moment"
    matrix = exact.T @ exact
    size = np.sqrt(np.outer(np.diag(matrix), np.diag(matrix))) + 1e-30
    lower = np.tril_indices(len(matrix))
    if not near(stats.sums(point, "triangle"), matrix[lower], size[lower]):
        return "second moment"
    # The far tail of Gelu is all rounding.
    if not near(stats.sums(point, "sum"), exact.sum(0),
                np.abs(exact).sum(0) + 1e-2 * most * len(rows)):
        return "mean"
    return ""


def check_values(checks: Checks, label: str, model: pathlib.Path,
                 stats: Statistics, inputs: dict[str, np.ndarray],
                 share: float) -> None:
    values = node_values(model, stats.points, inputs)
    compared, wrong = 0, []
    for point in stats.points:
        maxima = stats.get(point, "channel-absmax/maxima")
        channels = None if maxima is None else len(maxima)
        rows = (rows_of(values[point], channels, inputs) if point in values
                else None)
        if rows is None:
            continue
        compared += 1
        problem = compare(stats, point, rows)
        if problem:
            wrong.append(f"{point}: {problem}")
    checks.report(f"{label}: {compared} of {len(stats.points)} points compared",
                  compared >= share * len(stats.points))
    checks.report(f"{label}: statistics as numpy's on ONNX Runtime's values",
                  not wrong, "; ".join(wrong[:5]))
    moments = sum("triangle.high" in name for name in stats.arrays)
    checks.report(f"{label}: {moments} second moments", moments > 0)
    masks = [point for point in stats.points if re.search("mask", point, re.I)]
    checks.report(f"{label}: no mask is observed", not masks, str(masks))


def check(checks: Checks, name: str, folder: pathlib.Path) -> None:
    make, share = MODELS[name]
    inputs = make()
    model = workloads.onnx_path(name, engines.build_folder() / "bench")
    whole = folder / "whole.safetensors"
    quantc.calibrate(model, whole, inputs)
    check_values(checks, name, model, Statistics(whole), inputs, share)
    other = folder / "other.safetensors"
    quantc.calibrate(model, other, inputs, threads=1)
    checks.report(f"{name}: the same file from 1 thread",
                  other.read_bytes() == whole.read_bytes())
    halves = [folder / "a.safetensors", folder / "b.safetensors"]
    for half, cut in zip(halves, (slice(0, 3), slice(3, None))):
        quantc.calibrate(model, half, {key: array[cut]
                                       for key, array in inputs.items()})
    quantc.merge_statistics(halves, other)
    checks.report(f"{name}: two parts merged are the whole",
                  other.read_bytes() == whole.read_bytes())


def check_time(folder: pathlib.Path) -> None:
    inputs = data.minilm_inputs(
        [bible.passage(40, chapter_index=8 * row) for row in range(128)],
        length=128)
    model = workloads.onnx_path("minilm", engines.build_folder() / "bench")
    start = time.perf_counter()
    quantc.calibrate(model, folder / "time.safetensors", inputs)
    print(f"MiniLM, 128 samples of 128 tokens: "
          f"{time.perf_counter() - start:.1f} s (bar: 20 s on 2 cores)")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=MODELS,
                        default=list(MODELS))
    options = parser.parse_args()
    (engines.build_folder() / "bench").mkdir(parents=True, exist_ok=True)
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="quantc-calib-") as folder:
        for name in options.models:
            check(checks, name, pathlib.Path(folder))
        if "minilm" in options.models:
            check_time(pathlib.Path(folder))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Measures the bars that a release must clear and says which it does.

    python test/benchmark/bars.py [--rounds N] [--peer PYTHON]
        [--only speed|quality|calibration|kernels|scale]

Each bar is one line: PASS or FAIL, what was measured, the limit; SKIP where it
compares with a peer that is not installed (peer_environment.py).  The status is
1 if any fails.  Times need a quiet machine.
"""

import argparse
import functools
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import bench
import chains
import convolution
import decode
import engines
import quality
import solvers
import workloads

sys.path.insert(0, str(pathlib.Path(__file__).with_name("gemm")))
import blocks  # noqa: E402

FP32, INT8 = "quantc-fp32", "quantc-w8a8-dynamic"
CALIBRATED, INT4 = "quantc-w8a8", "quantc-w4a16"


class Report:
    """Prints one line per bar and counts how they end."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def bar(self, what: str, value: float, limit: float,
            at_least: bool = False) -> None:
        good = value >= limit if at_least else value <= limit
        self.passed += good
        self.failed += not good
        sign = ">=" if at_least else "<="
        print(f"{'PASS' if good else 'FAIL'}  {what}: {value:.4f} "
              f"(bar {sign} {limit:g})", flush=True)

    def has(self, what: str, *peers: str) -> bool:
        """Whether `peers` are installed; says that `what` is skipped if not."""
        for why in filter(None, map(engines.missing, peers)):
            self.skipped += 1
            print(f"SKIP  {what}: {why}", flush=True)
            return False
        return True

    def finish(self) -> int:
        """Prints the counts; the exit status."""
        if self.skipped:
            print(f"{self.skipped} skipped")
        print(f"{self.passed} passed, {self.failed} failed")
        return self.failed != 0


def speed(report: Report, folder: pathlib.Path, rounds: int) -> None:
    """MiniLM at 1 x 128 tokens and the classifier at 32 images, 1 and 2
    threads, as ratios of times; one convolution against its product."""
    def ratio(first: str, second: str, threads: int,
              workload: str = "minilm") -> float:
        model = workloads.WORKLOADS[workload].model
        files = {name: engines.prepare(name, model, folder)
                 for name in (first, second)}
        return bench.compare([first, second], workload, files, threads,
                             rounds, 1.0)[1]["ratio"]

    for threads in (1, 2):
        label = f"32 images, {threads} threads"
        report.bar(f"{label}, fp32 time over ONNX Runtime fp32",
                   ratio("ort-fp32", FP32, threads, "classifier-32"), 1.1)
        report.bar(f"{label}, w8a8-dynamic time over fp32",
                   ratio(FP32, INT8, threads, "classifier-32"), 1)
        label = f"minilm, {threads} threads"
        report.bar(f"{label}, fp32 time over ONNX Runtime fp32",
                   ratio("ort-fp32", FP32, threads), 1.2)
        report.bar(f"{label}, w8a8-dynamic time over ONNX Runtime int8",
                   ratio("ort-int8", INT8, threads), 1.1)
        report.bar(f"{label}, fp32 time over w8a8-dynamic",
                   ratio(INT8, FP32, threads), 1.7, at_least=True)
        what = f"{label}, w8a8 time over OpenVINO and NNCF int8"
        if report.has(what, "openvino-int8"):
            report.bar(what, ratio("openvino-int8", CALIBRATED, threads), 1.1)
    report.bar("3x3 convolution, 56 x 56 x 64 -> 64, rate over its product's",
               convolution.relative_rate(rounds), 0.6, at_least=True)


def losses(report: Report, folder: pathlib.Path, threads: int = 2) -> None:
    """What quantized models lose against ONNX Runtime in fp32."""
    measured = functools.cache(quality.measure)

    def figure(engine: str, model: str, name: str) -> float:
        return measured(engine, model, folder, threads)[name]

    def cosine(engine: str, which: str = "mean") -> float:
        return figure(engine, "minilm", f"cosine_{which}")

    report.bar("minilm, mean cosine of w8a8-dynamic", cosine(INT8), 0.996,
               at_least=True)
    report.bar("minilm, mean cosine of w8a8", cosine(CALIBRATED), 0.9975,
               at_least=True)
    report.bar("minilm, lowest cosine of w8a8", cosine(CALIBRATED, "min"),
               0.994, at_least=True)
    report.bar("minilm, mean cosine of w4a16", cosine(INT4), 0.975,
               at_least=True)
    report.bar("minilm, stored bits per weight of w4a16's linears",
               engines.stored_bits(engines.prepare(INT4, "minilm",
                                                   folder))["linears"], 4.6)
    for ours, peer in ((CALIBRATED, "openvino-int8"), (INT4, "openvino-int4"),
                       (INT4, "ort-int4")):
        what = (f"minilm, mean cosine of {ours.removeprefix('quantc-')} less "
                f"that of {peer}")
        if report.has(what, peer):
            report.bar(what, cosine(ours) - cosine(peer), 0, at_least=True)
    for engine in (INT8, CALIBRATED):
        name = engine.removeprefix("quantc-")
        report.bar(f"classifier, points of accuracy lost by {name}",
                   100 * (figure("ort-fp32", "classifier", "accuracy")
                          - figure(engine, "classifier", "accuracy")), 0.3)
    for engine, limit in ((INT8, 0.01), (CALIBRATED, 0.005), (INT4, 0.03)):
        report.bar(f"decoder, rise of perplexity by "
                   f"{engine.removeprefix('quantc-')}",
                   figure(engine, "decoder", "perplexity")
                   / figure("ort-fp32", "decoder", "perplexity") - 1, limit)


def calibration(report: Report, folder: pathlib.Path, runs: int = 3) -> None:
    """Seconds of whole commands on MiniLM with 128 samples, and of one layer."""
    model = workloads.onnx_path("minilm", folder)
    samples = workloads.calibration_folder("minilm", folder)

    def seconds(*arguments) -> float:
        command = [str(engines.build_folder() / "bin" / "quantc"),
                   *map(str, arguments)]
        begin = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - begin

    with tempfile.TemporaryDirectory(prefix="quantc-bars-") as name:
        out = pathlib.Path(name)
        report.bar("minilm, seconds of quantc calibrate with 128 samples",
                   seconds("calibrate", model, "--calib", samples, "-o",
                           out / "statistics.safetensors"), 20)
        report.bar("minilm, seconds of quantc compile as w4a16 with 128 "
                   "samples: second moments, GPTQ of all linears, code",
                   seconds("compile", model, "--calib", samples, "--recipe",
                           "w4a16", "-o", out / "model.so"), 30)
    what = "GPTQ of a layer of 2048 x 2048, time over NNCF's"
    if report.has(what, "openvino-int4"):
        ours, theirs = solvers.layer_seconds(2048, runs, engines.peer_python())
        report.bar(what, statistics.median(ours) / statistics.median(theirs),
                   1)


def kernels(report: Report, repeats: int = 20) -> None:
    """Kernels of weights in blocks as shares of probes in the same run."""
    if not engines.has_avx512_vnni():
        report.skipped += 1
        print("SKIP  kernels: they need AVX-512 VNNI", flush=True)
        return
    with tempfile.TemporaryDirectory(prefix="quantc-bars-") as name:
        compiler = blocks.Compiler(name)
        for offset in ("none", "integer"):
            report.bar(f"w4a8 GEMM, blocks of 32, offsets {offset}, M = 512, "
                       "share of the vpdpbusd probe",
                       blocks.gemm_share(compiler, "vnni512", repeats, 4, 32,
                                         offset), 0.65, at_least=True)
        for bits, limit in ((4, 0.80), (3, 0.85), (2, 0.85)):
            report.bar(f"w{bits}a8 GEMV, blocks of 32, 4096 x 4096, 2 threads, "
                       "share of the read probe",
                       blocks.gemv_share(compiler, "vnni512", repeats, 2, bits,
                                         32), limit, at_least=True)


def decoding(report: Report, rounds: int) -> None:
    """Tokens per second at w4a8 over those of llama.cpp's Q4_0."""
    for size, limit in (("30m", 1.5), ("135m", 1.3)):
        what = f"decoder of {size} parameters, speed over llama.cpp's"
        if "QUANTC_LLAMA_PYTHON" not in os.environ:
            report.skipped += 1
            print(f"SKIP  {what}: QUANTC_LLAMA_PYTHON is not set (decode.py)",
                  flush=True)
            continue
        options = decode.parse(["--rounds", str(rounds)])
        files = decode.make_files(size, options)
        for threads in options.threads:
            report.bar(f"{what}, {threads} threads",
                       decode.compare(size, files, threads, options), limit,
                       at_least=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", choices=("speed", "quality", "calibration",
                                           "kernels", "scale"))
    engines.add_peer_option(parser)
    options = parser.parse_args()
    folder = engines.build_folder() / "bench"
    report = Report()
    if options.only in (None, "quality"):
        losses(report, folder)
    if options.only in (None, "calibration"):
        calibration(report, folder)
    if options.only in (None, "kernels"):
        kernels(report)
        decoding(report, options.rounds)
    if options.only in (None, "scale"):
        chains.check(report)
    if options.only in (None, "speed"):
        speed(report, folder, options.rounds)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())

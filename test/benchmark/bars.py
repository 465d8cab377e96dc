# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Measures the bars that a release must clear and says which it does.

    python test/benchmark/bars.py [--rounds N] [--only speed|quality]

Each bar is one line: PASS or FAIL, what was measured, the limit.  The status is
1 if any fails.  Times need a quiet machine.
"""

import argparse
import pathlib
import sys

import bench
import convolution
import engines
import quality
import workloads

FP32, INT8 = "quantc-fp32", "quantc-w8a8-dynamic"


class Report:
    """Prints one line per bar and remembers failures."""

    def __init__(self):
        self.failed = 0

    def bar(self, what: str, value: float, limit: float,
            at_least: bool = False) -> None:
        good = value >= limit if at_least else value <= limit
        self.failed += not good
        sign = ">=" if at_least else "<="
        print(f"{'PASS' if good else 'FAIL'}  {what}: {value:.4f} "
              f"(bar {sign} {limit:g})", flush=True)


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
                   ratio("ort-fp32", FP32, threads, "classifier-32"), 1)
        report.bar(f"{label}, w8a8-dynamic time over fp32",
                   ratio(FP32, INT8, threads, "classifier-32"), 1)
        label = f"minilm, {threads} threads"
        report.bar(f"{label}, fp32 time over ONNX Runtime fp32",
                   ratio("ort-fp32", FP32, threads), 1.2)
        report.bar(f"{label}, w8a8-dynamic time over ONNX Runtime int8",
                   ratio("ort-int8", INT8, threads), 1.1)
        report.bar(f"{label}, fp32 time over w8a8-dynamic",
                   ratio(INT8, FP32, threads), 1.7, at_least=True)
    report.bar("3x3 convolution, 56 x 56 x 64 -> 64, rate over its product's",
               convolution.relative_rate(rounds), 0.6, at_least=True)


def losses(report: Report, folder: pathlib.Path, threads: int = 2) -> None:
    """What w8a8-dynamic loses against ONNX Runtime in fp32."""
    def figure(engine: str, model: str, name: str) -> float:
        return quality.measure(engine, model, folder, threads)[name]

    report.bar("minilm, mean cosine of w8a8-dynamic",
               figure(INT8, "minilm", "cosine_mean"), 0.996, at_least=True)
    report.bar("classifier, points of accuracy lost by w8a8-dynamic",
               100 * (figure("ort-fp32", "classifier", "accuracy")
                      - figure(INT8, "classifier", "accuracy")), 0.3)
    report.bar("decoder, rise of perplexity by w8a8-dynamic",
               figure(INT8, "decoder", "perplexity")
               / figure("ort-fp32", "decoder", "perplexity") - 1, 0.01)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", choices=("speed", "quality"))
    options = parser.parse_args()
    folder = engines.build_folder() / "bench"
    report = Report()
    if options.only != "speed":
        losses(report, folder)
    if options.only != "quality":
        speed(report, folder, options.rounds)
    print(f"{report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())

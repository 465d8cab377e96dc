# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The main job from end to end, called by tools/demo.sh after the build.

    python tools/demo.py [--folder DIR] [--rounds N]

Writes MiniLM-L6 as ONNX, compiles it as fp32, as w8a8-dynamic and, calibrated
on 128 verses of other chapters, as w8a8, runs all on real sentences and prints
one table: file size, stored bits per weight, latency
beside ONNX Runtime (fp32 and its dynamic int8, in turns, each in its own
process) and the cosine of the pooled embedding to ONNX Runtime in fp32.
"""

import argparse
import os
import pathlib
import shutil
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "test" / "benchmark"))
import bench  # noqa: E402
import engines  # noqa: E402
import quality  # noqa: E402
from models import bible, data  # noqa: E402

ENGINES = ("ort-fp32", "ort-int8", "quantc-fp32", "quantc-w8a8-dynamic",
           "quantc-w8a8")
TITLES = {"ort-fp32": "ONNX Runtime fp32",
          "ort-int8": "ONNX Runtime dynamic int8",
          "quantc-fp32": "quantc fp32",
          "quantc-w8a8-dynamic": "quantc w8a8-dynamic",
          "quantc-w8a8": "quantc w8a8"}
HEADER = ("", "file MB", "bits/weight", "bits/weight", "latency ms",
          "latency ms", "cosine", "cosine")
WIDTHS = (26, 8, 12, 12, 11, 11, 8, 8)


def say(text: str) -> None:
    print(f"[demo] {text}", flush=True)


def stored_bits(file: pathlib.Path) -> tuple[str, str]:
    """Stored bits per weight over all weights and over the linears alone."""
    bits = engines.stored_bits(file)
    return f"{bits['all']:.2f}", f"{bits['linears']:.2f}"


def nearest(run: engines.Run) -> None:
    """Shows the embeddings at work: the closest verse to a question."""
    texts = bible.sentences(quality.SENTENCES)
    question = "Which people spoke a single tongue?"
    inputs = data.minilm_inputs([question])
    asked = data.mean_pool(run(inputs)["last_hidden_state"],
                           inputs["attention_mask"])
    similar = data.cosines(asked, quality.embeddings(run))
    best = int(similar.argmax())
    say(f"closest of {len(texts)} verses to \"{question}\":")
    say(f"  \"{texts[best]}\" ({similar[best]:.3f})")


def print_row(cells) -> None:
    first, *rest = [f"{cell:>{width}}" for cell, width in zip(cells, WIDTHS)]
    print("".join([f"{cells[0]:<{WIDTHS[0]}}", *rest]), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=pathlib.Path,
                        default=engines.build_folder() / "demo")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    shutil.rmtree(options.folder, ignore_errors=True)

    files = {}
    for engine in ENGINES:
        start = time.perf_counter()
        files[engine] = engines.prepare(engine, "minilm", options.folder)
        say(f"{files[engine].name}: {time.perf_counter() - start:.1f} s")

    cores = min(2, len(os.sched_getaffinity(0)))
    quality_of = {}
    for engine in ENGINES:
        run = engines.load(engine, files[engine], cores)
        quality_of[engine] = quality.minilm(run, options.folder, cores)
    nearest(engines.load(ENGINES[-1], files[ENGINES[-1]], cores))

    say("measuring, each engine in its own process, in turns")
    times = {engine: [] for engine in ENGINES}
    for threads in (1, cores):
        for row in bench.compare(list(ENGINES), "minilm", files, threads,
                                 options.rounds, 1.0):
            times[row["engine"]].append(f"{row['median_ms']:.2f}")

    print(f"\nMiniLM-L6, batch 1 x 128 tokens; cosine over {quality.SENTENCES} "
          "sentences\n")
    print_row(HEADER)
    print_row(("", "", "all", "linears", "1 thread", f"{cores} threads", "mean",
               "lowest"))
    for engine in ENGINES:
        bits = (("-", "-") if engine.startswith("ort-")
                else stored_bits(files[engine]))
        print_row((TITLES[engine],
                   f"{files[engine].stat().st_size / 1e6:.1f}", *bits,
                   *times[engine],
                   f"{quality_of[engine]['cosine_mean']:.4f}",
                   f"{quality_of[engine]['cosine_min']:.4f}"))
    return 0


if __name__ == "__main__":
    sys.exit(main())

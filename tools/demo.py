# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The main job from end to end, called by tools/demo.sh after the build.

    python tools/demo.py [--folder DIR] [--rounds N] [--budget B]

Writes MiniLM-L6 as ONNX and compiles it as fp32, as w8a8-dynamic and, calibrated
on 128 verses of other chapters, as w8a8, w4a8 and auto at a budget of bytes.
All run on real sentences, and one table shows file size, stored bits per
weight, latency beside ONNX Runtime (fp32 and its dynamic int8, in turns, each in
its own process) and the cosine of the pooled embedding to ONNX Runtime in fp32.
Then it says which layers lost most, and what was done.
"""

import argparse
import collections
import json
import os
import pathlib
import shutil
import sys
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "test" / "benchmark"))
import bench  # noqa: E402
import engines  # noqa: E402
import quality  # noqa: E402
import workloads  # noqa: E402
from models import bible, data  # noqa: E402

import quantc  # noqa: E402

ENGINES = ["ort-fp32", "ort-int8", "quantc-fp32", "quantc-w8a8-dynamic",
           "quantc-w8a8", "quantc-w4a8"]
# Held-out sentences that layers are compared on.
COMPARED = 16
TITLES = {"ort-fp32": "ONNX Runtime fp32",
          "ort-int8": "ONNX Runtime dynamic int8",
          "quantc-fp32": "quantc fp32",
          "quantc-w8a8-dynamic": "quantc w8a8-dynamic",
          "quantc-w8a8": "quantc w8a8",
          "quantc-w4a8": "quantc w4a8"}
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


def layer_text(layer: dict) -> str:
    """What was done to one layer, in words."""
    parts = [f"weight {layer['weights']}"
             + (" by GPTQ" if layer["solved"] else " rounded to nearest")]
    if layer.get("activations", "float") != "float":
        parts.append("input " + layer["activations"]
                     + (" static" if layer["static"] else " while running"))
    return ", ".join(parts + layer["rewrites"])


def account(recipe: str, folder: pathlib.Path) -> None:
    """Which layers of a recipe lose most, on held-out sentences."""
    samples = folder / "held-out"
    samples.mkdir(exist_ok=True)
    for i, text in enumerate(bible.sentences(COMPARED)):
        np.savez(samples / f"{i:02}.npz", **data.minilm_inputs([text]))
    source = workloads.onnx_path("minilm", folder)
    report = quantc.compare(
        source, source, samples, per_layer=True, recipe=recipe,
        calib=workloads.calibration_folder("minilm", folder))
    layers = report["layers"]
    print(f"\n{recipe}: what layers lose, the share of their output's energy, "
          f"on {COMPARED} held-out sentences")
    for layer in layers[:3]:
        print(f"  {layer['name']}: {layer['own']['relative_error']:.2%} itself, "
              f"{layer['total']['relative_error']:.2%} with what it inherits, "
              f"{layer['bits_per_weight']:.2f} bits per weight\n"
              f"    {layer_text(layer)}")
    middle = layers[len(layers) // 2]
    rotated = sum("rotated" in " ".join(layer["rewrites"]) for layer in layers)
    print(f"  the middle one of {len(layers)} loses "
          f"{middle['own']['relative_error']:.2%}; rotated inputs: {rotated}")


def budget_account(engine: str, file: pathlib.Path) -> None:
    """What a recipe with a budget has chosen."""
    path = engines.report_folder(file) / "allocation.json"
    chosen = json.loads(path.read_text())
    counts = collections.Counter(
        text.removeprefix("#fmt.").partition(">")[0] + ">"
        for text in chosen["formats"].values())
    print(f"\n{TITLES[engine]}: {chosen['bytes'] / 1e6:.1f} MB of constants, "
          f"proved best to a gap of {chosen['gap']:.1e}")
    for text, count in counts.most_common():
        print(f"  {count:3} x {text}")
    tables = {name: text for name, text in chosen["formats"].items()
              if "embeddings" in name}
    for name, text in tables.items():
        print(f"  {name}: {text.removeprefix('#fmt.')}")


def print_row(cells) -> None:
    first, *rest = [f"{cell:>{width}}" for cell, width in zip(cells, WIDTHS)]
    print("".join([f"{cells[0]:<{WIDTHS[0]}}", *rest]), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=pathlib.Path,
                        default=engines.build_folder() / "demo")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--budget", default="18MB",
                        help="of the recipe auto (default: %(default)s)")
    options = parser.parse_args()
    shutil.rmtree(options.folder, ignore_errors=True)
    auto = f"quantc-auto@{options.budget}"
    TITLES[auto] = f"quantc auto, {options.budget}"
    ENGINES.append(auto)

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
        for row in bench.compare(ENGINES, "minilm", files, threads,
                                 options.rounds, 0.5):
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
    account("w4a8", options.folder)
    budget_account(auto, files[auto])
    return 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Decodes with a cache that grows in place, in every recipe.

    python test/end-to-end/decode.py [--recipes R ...]

Per recipe: logits and caches of a prefill and 64 steps in one buffer have the
bits of runs that copy their cache, memory behind the rows in use is not
touched, and the library's working memory does not grow with the steps.  The C
example generates the tokens that Python does.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "benchmark"))
import determinism  # noqa: E402
import engines  # noqa: E402
from models import perplexity  # noqa: E402

PREFILL, STEPS, SPARE = 33, 64, 5
EXAMPLE = ROOT / "test" / "end-to-end" / "c-example" / "decode.c"


def equal(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and a.tobytes() == b.tobytes()


def same_bits(model: "quantc.Model", tokens: np.ndarray) -> tuple[bool, str]:
    """Feeds `tokens` i64 [batch, n] through both kinds of cache."""
    batch, count = tokens.shape
    cache = model.cache(count + SPARE, batch=batch)
    for buffer in cache.buffers.values():
        buffer.fill(np.nan)
    ends = [PREFILL, *range(PREFILL + 1, count + 1)]
    copied = None
    for first, end in zip([0, *ends], ends):
        feed = perplexity.decoder_inputs(tokens[:, first:end], copied)
        copied = model.run(feed)
        outputs = model.run({"input_ids": feed["input_ids"],
                             "position_ids": feed["position_ids"]},
                            cache=cache)
        if set(outputs) != {"logits"} or cache.length != end:
            return False, f"outputs {sorted(outputs)}, length {cache.length}"
        if not equal(outputs["logits"], copied["logits"]):
            return False, f"logits differ at {end}"
        for pair in cache.pairs:
            if not equal(cache[pair.output], copied[pair.output]):
                return False, f"'{pair.output}' differs at {end}"
            if not np.isnan(cache.buffers[pair.input][:, :, end:]).all():
                return False, f"rows behind {end} were written"
    return True, ""


def greedy(model: "quantc.Model", prompt: list[int]) -> list[int]:
    cache = model.cache(len(prompt) + STEPS, batch=1)
    feed, tokens = prompt, []
    while len(tokens) < STEPS:
        positions = np.arange(len(feed), dtype=np.int64) + cache.length
        logits = model.run({"input_ids": np.array([feed], np.int64),
                            "position_ids": positions[None]},
                           cache=cache)["logits"]
        feed = [int(logits[0, -1].argmax())]
        tokens += feed
    return tokens


def example(library: pathlib.Path, prompt: list[int],
            folder: pathlib.Path) -> list[int]:
    """The tokens that the C example prints."""
    compiler = next(filter(shutil.which, ("cc", "clang", "clang-22", "gcc")))
    program = folder / "decode"
    subprocess.run([compiler, "-std=c99", "-Wall", "-Wextra", "-Werror",
                    "-include", str(library.with_suffix(".h")), str(EXAMPLE),
                    str(library), f"-Wl,-rpath,{library.parent}", "-o",
                    str(program)], check=True)
    done = subprocess.run([str(program), str(STEPS), *map(str, prompt)],
                          check=True, capture_output=True, text=True)
    return [int(line) for line in done.stdout.split()]


def check(checks: determinism.Checks, recipe: str) -> None:
    import quantc
    engine = f"quantc-{recipe}"
    library = engines.prepare(engine, "decoder",
                              engines.build_folder() / "bench")
    model = quantc.load(library)
    text = np.concatenate(perplexity.chapter_tokens(True))
    for batch in (1, 3):
        tokens = text[:batch * (PREFILL + STEPS)].reshape(batch, -1)
        good, why = same_bits(model, tokens)
        checks.report(f"{recipe}: {STEPS} steps of batch {batch} in place",
                      good, why)
    full = model.cache(8, batch=1)
    try:
        model.run({"input_ids": text[None, :9],
                   "position_ids": np.arange(9)[None]}, cache=full)
        why = "no error"
    except quantc.Error as error:
        why = str(error)
    checks.report(f"{recipe}: a full cache is an error",
                  "room for 8 along dimension 2" in why and not full.length,
                  why)
    prompt = [int(token) for token in text[:PREFILL]]
    with tempfile.TemporaryDirectory() as folder:
        got = example(library, prompt, pathlib.Path(folder))
    want = greedy(model, prompt)
    checks.report(f"{recipe}: the C example gives the same {STEPS} tokens",
                  got == want, f"{got} and {want}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipes", nargs="+",
                        default=["fp32", "w8a8-dynamic"])
    options = parser.parse_args()
    checks = determinism.Checks()
    for recipe in options.recipes:
        check(checks, recipe)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())

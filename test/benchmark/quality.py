# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What an engine loses against ONNX Runtime in fp32, on held-out data.

    python test/benchmark/quality.py [--engines E ...] [--models M ...] [--json]

    minilm      cosine of the mean-pooled embedding, 64 sentences from held-out
                chapters, one at a time without padding; mean and lowest
    classifier  accuracy on the 10,000 test images, in batches of 100
    decoder     perplexity over the 59 held-out chapters (models/perplexity.py)
"""

import argparse
import functools
import json
import pathlib
import sys

import numpy as np

import engines
import workloads
from models import bible, data, perplexity

SENTENCES = 64


def embeddings(run: engines.Run, batch: int = 1) -> np.ndarray:
    """Mean-pooled embeddings f64 [64, 384] of the fixed sentences, `batch` at a
    time, padded to the longest of the batch."""
    texts = bible.sentences(SENTENCES)
    parts = []
    for begin in range(0, SENTENCES, batch):
        inputs = data.minilm_inputs(texts[begin:begin + batch])
        hidden = run(inputs)["last_hidden_state"]
        parts.append(data.mean_pool(hidden, inputs["attention_mask"]))
    return np.concatenate(parts)


@functools.cache
def _reference_embeddings(folder: pathlib.Path, threads: int) -> np.ndarray:
    path = workloads.onnx_path("minilm", folder)
    return embeddings(engines.load("ort-fp32", path, threads))


def minilm(run: engines.Run, folder: pathlib.Path,
           threads: int) -> dict[str, float]:
    similar = data.cosines(embeddings(run),
                           _reference_embeddings(folder, threads))
    return {"cosine_mean": float(similar.mean()),
            "cosine_min": float(similar.min())}


def classifier(run: engines.Run, folder: pathlib.Path,
               threads: int) -> dict[str, float]:
    images, labels = data.fashion("test")
    right = sum(int((run({"image": images[i:i + 100]})["logits"].argmax(1)
                     == labels[i:i + 100]).sum())
                for i in range(0, len(images), 100))
    return {"accuracy": right / len(images)}


def decoder(run: engines.Run, folder: pathlib.Path,
            threads: int) -> dict[str, float]:
    return {"perplexity": perplexity.measure(run)["perplexity"]}


MEASURES = {"minilm": minilm, "decoder": decoder, "classifier": classifier}


def measure(engine: str, model: str, folder: pathlib.Path,
            threads: int) -> dict:
    """The figures of `engine` on `model`; makes its file in `folder`."""
    path = engines.prepare(engine, model, folder)
    run = engines.load(engine, path, threads)
    return {"engine": engine, "model": model,
            **MEASURES[model](run, folder, threads)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engines", nargs="+", type=engines.check,
                        default=["ort-fp32", "ort-int8", "quantc-fp32",
                                 "quantc-w8a8-dynamic"])
    parser.add_argument("--models", nargs="+", choices=MEASURES,
                        default=list(MEASURES))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    engines.add_peer_option(parser)
    options = parser.parse_args()
    folder = engines.build_folder() / "bench"
    for model in options.models:
        for engine in options.engines:
            record = measure(engine, model, folder, options.threads)
            if options.json:
                print(json.dumps(record), flush=True)
                continue
            figures = "  ".join(f"{name} {value:.5f}"
                                for name, value in record.items()
                                if name not in ("engine", "model"))
            print(f"{model:12} {engine:24} {figures}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

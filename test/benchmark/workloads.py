# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The models of the benchmarks and the inputs that are timed.

All inputs are real: Bible text for the two language models, test images for the
classifier.  They depend on nothing but the workload's name.
"""

import pathlib
import sys
from typing import Callable, NamedTuple

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from models import bible, data, decoder, perplexity  # noqa: E402

Arrays = dict[str, np.ndarray]
MODELS = ("minilm", "decoder", "classifier")


class Workload(NamedTuple):
    """`model` is one of MODELS; `inputs` makes the arrays by input name."""
    model: str
    what: str
    inputs: Callable[[], Arrays]


def _decoder(sequence: int, past: int) -> Arrays:
    """`sequence` tokens of a held-out chapter after a cache of `past` rows.

    The rows of the cache are noise of the usual size, which costs as much time
    as real ones and needs no run of another engine before.
    """
    tokens = np.concatenate(perplexity.chapter_tokens(True))
    inputs = perplexity.decoder_inputs(tokens[None, past:past + sequence])
    if past:
        noise = np.random.default_rng(1)
        c = decoder.CONFIG
        for name in inputs:
            if name.startswith("past_key_values"):
                inputs[name] = noise.standard_normal(
                    (1, c.kv_heads, past, c.head), np.float32)
        inputs["position_ids"] = inputs["position_ids"] + past
    return inputs


def _images(batch: int) -> Arrays:
    return {"image": data.fashion("test")[0][:batch]}


def calibration_samples(model: str) -> list[Arrays]:
    """What recipes are calibrated on, from the parts of the data that models
    were trained on: 128 sentences, 32 windows of chapters, 256 images."""
    if model == "minilm":
        return [data.minilm_inputs([text])
                for text in bible.sentences(128, held_out=False)]
    if model == "classifier":
        images = data.fashion("train")[0][:256]
        return [{"image": images[i:i + 32]} for i in range(0, 256, 32)]
    windows = perplexity.windows(perplexity.chapter_tokens(False))
    step = len(windows) // 32
    return [perplexity.decoder_inputs(window.tokens[None])
            for window in windows[::step][:32]]


def calibration_folder(model: str, folder: pathlib.Path) -> pathlib.Path:
    """The samples as a folder of .npz files, each of one sample."""
    target = folder / f"{model}-calibration"
    if not target.exists():
        partial = target.with_suffix(".partial")
        partial.mkdir(parents=True, exist_ok=True)
        for i, sample in enumerate(calibration_samples(model)):
            np.savez(partial / f"{i:03}.npz", **sample)
        partial.rename(target)
    return target


WORKLOADS = {
    "minilm": Workload("minilm", "1 x 128 tokens",
                       lambda: data.minilm_passage(1, 128)),
    "minilm-8x128": Workload("minilm", "8 x 128 tokens",
                             lambda: data.minilm_passage(8, 128)),
    "decoder-prefill": Workload("decoder", "128 tokens, empty cache",
                                lambda: _decoder(128, 0)),
    "decoder-step": Workload("decoder", "1 token, 128 in the cache",
                             lambda: _decoder(1, 128)),
    "classifier-1": Workload("classifier", "1 image", lambda: _images(1)),
    "classifier-32": Workload("classifier", "32 images",
                              lambda: _images(32)),
}
# What is timed when nothing is named.
DEFAULT = [name for name in WORKLOADS if name != "minilm-8x128"]


def onnx_path(model: str, folder: pathlib.Path) -> pathlib.Path:
    """The fp32 ONNX file of `model`; MiniLM's is written into `folder`."""
    if model != "minilm":
        name = {"decoder": "bible_decoder", "classifier": "fashion_classifier"}
        return ROOT / "models" / f"{name[model]}.onnx"
    path = folder / "minilm.onnx"
    if not path.exists():
        from models import graph, minilm
        partial = path.with_suffix(".partial")
        graph.save(minilm.MiniLM(minilm.load_weights()).write(), partial)
        partial.rename(path)
    return path

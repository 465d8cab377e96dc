# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tokens of the Bible decoder and its perplexity on the held-out chapters.

The protocol, the same for every engine: a chapter is the special token
"<|chapter|>" and then its verses, each ending in a newline.  It is read in
windows of at most `CONFIG.context` tokens that start every half context; a
token counts once, in the first window that predicts it, so it sees at least
half a context where the chapter has one.  Perplexity is exp of the mean
negative log likelihood per token, over all held-out chapters together.
"""

import functools
import pathlib
from typing import Callable, NamedTuple

import numpy as np

from models import bible
from models.decoder import CONFIG

TOKENIZER = pathlib.Path(__file__).with_name("bible_tokenizer.json")
START = "<|chapter|>"

Run = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]


def chapter_text(verses: list[bible.Verse]) -> str:
    return "".join(verse.text + "\n" for verse in verses)


@functools.cache
def tokenizer(path: pathlib.Path = TOKENIZER):
    from tokenizers import Tokenizer
    return Tokenizer.from_file(str(path))


def chapter_tokens(held_out: bool,
                   path: pathlib.Path = TOKENIZER) -> list[np.ndarray]:
    """One i64 array per chapter, with the start token in front."""
    coder = tokenizer(path)
    start = coder.token_to_id(START)
    return [np.array([start] + coder.encode(chapter_text(verses)).ids,
                     np.int64) for verses in bible.chapters(held_out)]


class Window(NamedTuple):
    """Inputs and the targets one further on, i64 [n]; targets count from
    `first` on."""
    tokens: np.ndarray
    targets: np.ndarray
    first: int


def windows(chapters: list[np.ndarray]) -> list[Window]:
    """Splits each chapter as described above."""
    context, half = CONFIG.context, CONFIG.context // 2
    result = []
    for tokens in chapters:
        done = 0
        for begin in range(0, len(tokens) - 1, half):
            end = min(begin + context, len(tokens) - 1)
            result.append(Window(tokens[begin:end], tokens[begin + 1:end + 1],
                                 done - begin))
            done = end
            if end == len(tokens) - 1:
                break
    return result


def decoder_inputs(tokens: np.ndarray,
                   cache: dict[str, np.ndarray] | None = None
                   ) -> dict[str, np.ndarray]:
    """Inputs for `tokens` i64 [batch, sequence] after `cache`, the "present"
    outputs of the step before (None: an empty cache)."""
    batch, sequence = tokens.shape
    past = 0 if cache is None else cache["present.0.key"].shape[2]
    positions = np.arange(past, past + sequence, dtype=np.int64)
    inputs = {"input_ids": np.ascontiguousarray(tokens),
              "position_ids": np.tile(positions, (batch, 1))}
    empty = np.zeros((batch, CONFIG.kv_heads, 0, CONFIG.head), np.float32)
    for layer in range(CONFIG.layers):
        for part in ("key", "value"):
            inputs[f"past_key_values.{layer}.{part}"] = (
                empty if cache is None else cache[f"present.{layer}.{part}"])
    return inputs


def losses(run: Run, window: Window) -> np.ndarray:
    """Negative log likelihoods (nats, f64) of the counted targets."""
    logits = run(decoder_inputs(window.tokens[None]))["logits"][0]
    logits = logits[window.first:].astype(np.float64)
    top = logits.max(1)
    total = top + np.log(np.exp(logits - top[:, None]).sum(1))
    targets = window.targets[window.first:]
    return total - logits[np.arange(len(targets)), targets]


def measure(run: Run, path: pathlib.Path = TOKENIZER) -> dict[str, float]:
    """Perplexity of `run` (inputs by name to outputs by name)."""
    total = np.concatenate([losses(run, window)
                            for window in windows(chapter_tokens(True, path))])
    size = sum(len(chapter_text(verses)) for verses in bible.chapters(True))
    return {"perplexity": float(np.exp(total.mean())),
            "bits_per_byte": float(total.sum() / np.log(2) / size),
            "tokens": len(total), "bytes": size}


def generate(run: Run, prompt: str, count: int,
             path: pathlib.Path = TOKENIZER) -> str:
    """Continues `prompt` by the most likely token `count` times, through the
    cache: one prefill, then one token a step."""
    coder = tokenizer(path)
    tokens = [coder.token_to_id(START)] + coder.encode(prompt).ids
    feed, cache = tokens, None
    for _ in range(count):
        cache = run(decoder_inputs(np.array([feed], np.int64), cache))
        feed = [int(cache["logits"][0, -1].argmax())]
        tokens += feed
    return coder.decode(tokens)

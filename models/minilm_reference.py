# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""MiniLM in plain numpy and f64, from the checkpoint's own [out, in] weights.

The independent oracle of minilm.py; it shares no code with the graph writer.
"""

import math

import numpy as np


def _norm(w, key, x):
    x = x - x.mean(-1, keepdims=True)
    x = x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-12)
    return x * w[f"{key}.weight"] + w[f"{key}.bias"]


def _linear(w, key, x):
    return x @ w[f"{key}.weight"].T.astype(np.float64) + w[f"{key}.bias"]


def _split(x):
    """[b, s, 384] to [b, 12, s, 32]."""
    return x.reshape(*x.shape[:2], 12, 32).swapaxes(1, 2)


def reference(weights: dict[str, np.ndarray],
              inputs: dict[str, np.ndarray]) -> np.ndarray:
    """last_hidden_state f64 [batch, sequence, 384] for the three inputs
    [batch, sequence]; padded keys are left out of every softmax.  The mask must
    keep at least one token of each row."""
    w = weights
    ids, mask = inputs["input_ids"], inputs["attention_mask"]
    x = (w["embeddings.word_embeddings.weight"][ids].astype(np.float64)
         + w["embeddings.token_type_embeddings.weight"][
             inputs["token_type_ids"]]
         + w["embeddings.position_embeddings.weight"][:ids.shape[1]])
    x = _norm(w, "embeddings.LayerNorm", x)
    hidden_keys = (mask == 0)[:, None, None, :]
    erf = np.vectorize(math.erf)
    for index in range(6):
        key = f"encoder.layer.{index}"
        q, k, v = (_split(_linear(w, f"{key}.attention.self.{part}", x))
                   for part in ("query", "key", "value"))
        scores = np.where(hidden_keys, -np.inf,
                          q @ k.swapaxes(2, 3) / math.sqrt(32))
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        scores = scores / scores.sum(-1, keepdims=True)
        mixed = (scores @ v).swapaxes(1, 2).reshape(x.shape)
        x = _norm(w, f"{key}.attention.output.LayerNorm",
                  x + _linear(w, f"{key}.attention.output.dense", mixed))
        y = _linear(w, f"{key}.intermediate.dense", x)
        y = y * 0.5 * (1 + erf(y / math.sqrt(2)))
        x = _norm(w, f"{key}.output.LayerNorm",
                  x + _linear(w, f"{key}.output.dense", y))
    return x

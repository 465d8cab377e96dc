# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The Bible decoder: a small Llama-style language model with a KV cache.

One description, read by torch for training (train_decoder.py) and by the ONNX
writer here.  The graph is decomposed as the exporters of Hugging Face models
leave it: RMSNorm as Pow-ReduceMean-Add-Sqrt-Reciprocal-Mul-Mul, rotary
embedding by MatMul-Cos-Sin of the position ids and Slice-Neg-Concat, grouped
heads by Unsqueeze-Expand-Reshape, the cache by Concat, SiLU as Sigmoid-Mul.

    input_ids, position_ids    i64 [batch, sequence]
    past_key_values.I.key      f32 [batch, 2, past, 32], and .value; I = 0..3
    logits                     f32 [batch, sequence, 2048]
    present.I.key              f32 [batch, 2, past + sequence, 32], and .value

One graph serves prefill (past = 0) and decoding (sequence = 1).  A token at
position p sees the cache rows 0..p, so position_ids must be past, past + 1, ...
The embedding is tied: one initializer feeds the first Gather and, transposed,
the last MatMul.
"""

from typing import NamedTuple

import numpy as np
from onnx import TensorProto

from models.graph import Graph

# The lowest finite f32, which exporters put in masks in place of -infinity.
LOWEST = float(np.finfo(np.float32).min)


class Config(NamedTuple):
    """Sizes; `head` is the width of one head, `hidden` that of the MLP."""
    vocabulary: int = 2048
    width: int = 256
    layers: int = 4
    heads: int = 8
    kv_heads: int = 2
    head: int = 32
    hidden: int = 704
    theta: float = 10000.0
    epsilon: float = 1e-6
    context: int = 256


CONFIG = Config()


def inverse_frequencies(config: Config = CONFIG) -> np.ndarray:
    """theta^(-2i/head), f32 [head / 2]."""
    exponent = np.arange(0, config.head, 2, dtype=np.float32) / config.head
    return (1.0 / config.theta ** exponent).astype(np.float32)


def to_onnx(weights: dict[str, np.ndarray], config: Config = CONFIG):
    """The graph.  Linear weights come as torch keeps them, [out, in], and are
    stored as [in, out], which is how exporters fold the transpose."""
    return _Writer(weights, config).write()


class _Writer:

    def __init__(self, weights, config):
        self.weights, self.config = weights, config
        self.graph = Graph("bible_decoder")

    def write(self):
        g, c = self.graph, self.config
        ids = g.input("input_ids", TensorProto.INT64, ["batch", "sequence"])
        positions = g.input("position_ids", TensorProto.INT64,
                            ["batch", "sequence"])
        cache = [[g.input(f"past_key_values.{layer}.{part}", TensorProto.FLOAT,
                          ["batch", c.kv_heads, "past", c.head])
                  for part in ("key", "value")] for layer in range(c.layers)]
        with g.scope("model"):
            table = g.weight("model.embed_tokens.weight",
                             self.weights["model.embed_tokens.weight"])
            with g.scope("embed_tokens"):
                x = g.node("Gather", table, ids)
            self.batch, self.sequence = g.dim(ids, 0), g.dim(ids, 1)
            self.total = g.node("Add", g.dim(cache[0][0], 2), self.sequence)
            mask = self.mask(positions)
            cos, sin = self.rotary_tables(positions)
            for layer in range(c.layers):
                with g.scope(f"layers.{layer}"):
                    x = self.layer(layer, x, cos, sin, mask, cache[layer])
            x = self.rms_norm("model.norm", "norm", x)
        with g.scope("lm_head"):
            g.node("MatMul", x, g.node("Transpose", table, perm=[1, 0]),
                   output="logits")
        g.output("logits", ["batch", "sequence", c.vocabulary])
        for layer in range(c.layers):
            for part in ("key", "value"):
                g.output(f"present.{layer}.{part}",
                         ["batch", c.kv_heads, "past + sequence", c.head])
        return g.model("Llama-style decoder trained on the King James Bible.")

    def mask(self, positions):
        """f32 [batch, 1, sequence, total]: 0 where key <= position."""
        g = self.graph
        keys = g.node("Range", g.const(0), self.total, g.const(1))
        keys = g.unsqueeze(keys, 0, 1, 2)
        visible = g.node("LessOrEqual", keys, g.unsqueeze(positions, 1, 3))
        return g.node("Where", visible, g.const(0, np.float32),
                      g.const(LOWEST, np.float32))

    def rotary_tables(self, positions):
        """cos and sin, f32 [batch, 1, sequence, head]: both halves alike."""
        g, c = self.graph, self.config
        with g.scope("rotary_emb"):
            frequency = g.const(
                inverse_frequencies(c).reshape(1, c.head // 2, 1), np.float32)
            frequency = g.node("Expand", frequency,
                               g.shape_of(self.batch, c.head // 2, 1))
            moments = g.node("Cast", g.unsqueeze(positions, 1),
                             to=TensorProto.FLOAT)
            angles = g.node("MatMul", frequency, moments)
            angles = g.node("Transpose", angles, perm=[0, 2, 1])
            angles = g.node("Concat", angles, angles, axis=-1)
            tables = g.node("Cos", angles), g.node("Sin", angles)
        return [g.unsqueeze(table, 1) for table in tables]

    def rms_norm(self, key, scope, x):
        g = self.graph
        with g.scope(scope):
            square = g.node("Pow", x, g.const(2.0, np.float32))
            mean = g.node("ReduceMean", square, axes=[-1], keepdims=1)
            mean = g.node("Add", mean,
                          g.const(self.config.epsilon, np.float32))
            scale = g.node("Reciprocal", g.node("Sqrt", mean))
            name = f"{key}.weight"
            return g.node("Mul", g.weight(name, self.weights[name]),
                          g.node("Mul", x, scale))

    def linear(self, key, x):
        """x [.., in] times a weight [in, out]; the weight keeps torch's name
        although it is stored transposed."""
        name = f"{key}.weight"
        with self.graph.scope(key.rsplit(".", 1)[1]):
            return self.graph.node("MatMul", x, self.graph.weight(
                name, self.weights[name].T))

    def layer(self, index, x, cos, sin, mask, cache):
        g, key = self.graph, f"model.layers.{index}"
        normed = self.rms_norm(f"{key}.input_layernorm", "input_layernorm", x)
        with g.scope("self_attn"):
            attended = self.attention(index, f"{key}.self_attn", normed, cos,
                                      sin, mask, cache)
        x = g.node("Add", x, attended)
        normed = self.rms_norm(f"{key}.post_attention_layernorm",
                               "post_attention_layernorm", x)
        with g.scope("mlp"):
            gate = self.linear(f"{key}.mlp.gate_proj", normed)
            with g.scope("act_fn"):
                gate = g.node("Mul", gate, g.node("Sigmoid", gate))
            up = self.linear(f"{key}.mlp.up_proj", normed)
            down = self.linear(f"{key}.mlp.down_proj",
                               g.node("Mul", gate, up))
        return g.node("Add", x, down)

    def heads(self, value, count):
        """[batch, sequence, count * head] to [batch, count, sequence, head]."""
        g = self.graph
        value = g.reshape(value, self.batch, self.sequence, count,
                          self.config.head)
        return g.node("Transpose", value, perm=[0, 2, 1, 3])

    def rotate(self, value, cos, sin):
        """value * cos + rotate_half(value) * sin."""
        g, half = self.graph, self.config.head // 2
        straight = g.node("Mul", value, cos)
        first = g.slice(value, 0, half, 3)
        second = g.node("Neg", g.slice(value, half, 2**63 - 1, 3))
        turned = g.node("Concat", second, first, axis=-1)
        return g.node("Add", straight, g.node("Mul", turned, sin))

    def repeat(self, value):
        """[batch, kv_heads, total, head] to [batch, heads, total, head]."""
        g, c = self.graph, self.config
        shape = g.shape_of(self.batch, c.kv_heads, c.heads // c.kv_heads,
                           self.total, c.head)
        value = g.node("Expand", g.unsqueeze(value, 2), shape)
        return g.reshape(value, self.batch, c.heads, self.total, c.head)

    def attention(self, index, key, x, cos, sin, mask, cache):
        g, c = self.graph, self.config
        query = self.heads(self.linear(f"{key}.q_proj", x), c.heads)
        keys = self.heads(self.linear(f"{key}.k_proj", x), c.kv_heads)
        values = self.heads(self.linear(f"{key}.v_proj", x), c.kv_heads)
        query, keys = self.rotate(query, cos, sin), self.rotate(keys, cos, sin)
        keys = g.node("Concat", cache[0], keys, axis=2,
                      output=f"present.{index}.key")
        values = g.node("Concat", cache[1], values, axis=2,
                        output=f"present.{index}.value")
        keys = g.node("Transpose", self.repeat(keys), perm=[0, 1, 3, 2])
        scores = g.node("MatMul", query, keys)
        scores = g.node("Mul", scores, g.const(c.head ** -0.5, np.float32))
        scores = g.node("Softmax", g.node("Add", scores, mask), axis=-1)
        mixed = g.node("MatMul", scores, self.repeat(values))
        mixed = g.node("Transpose", mixed, perm=[0, 2, 1, 3])
        mixed = g.reshape(mixed, self.batch, self.sequence, c.heads * c.head)
        return self.linear(f"{key}.o_proj", mixed)

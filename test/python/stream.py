# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# RUN: %python %s %t
"""Recipes with `stream: quantized` and `correct-bias`, against numpy.

The second layer must be solved for what it reads behind the first one once that
is rounded: quantc.solvers gets the same moments from numpy, and the library must
compute what numpy computes with the weights that come out.
"""

import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import quantc

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
N, M, K = 12, 16, 5
FORMAT = "int<3, block = [1, 4], scale = f16>"
rng = np.random.default_rng(0)
first = rng.standard_normal((M, N)).astype(np.float32)
second = rng.standard_normal((K, M)).astype(np.float32)
bias = rng.standard_normal(M).astype(np.float32)
x = rng.standard_normal((8, 20, N)).astype(np.float32)

value = helper.make_tensor_value_info
graph = helper.make_graph(
    [helper.make_node("Gemm", ["x", "w", "b"], ["a"], name="one", transB=1),
     helper.make_node("Relu", ["a"], ["r"], name="act"),
     helper.make_node("Gemm", ["r", "v"], ["y"], name="two", transB=1)],
    "g", [value("x", TensorProto.FLOAT, ["rows", N])],
    [value("y", TensorProto.FLOAT, ["rows", K])],
    [numpy_helper.from_array(first, "w"), numpy_helper.from_array(second, "v"),
     numpy_helper.from_array(bias, "b")])
model = str(folder / "model.onnx")
onnx.save(helper.make_model(graph, ir_version=10, opset_imports=[
    helper.make_opsetid("", 20)]), model)


def compiled(text: str) -> np.ndarray:
    """What the library that is calibrated on x gives for x."""
    recipe, library = folder / "recipe.yaml", folder / "model.so"
    # All of x is calibrated on: a judge would hold out some.
    recipe.write_text(f'quantc: 1\nweights: "{FORMAT}"\nsolver: gptq\n'
                      f'judge-rewrites: false\n{text}')
    quantc.compile(model, library, recipe=str(recipe), calib={"x": x})
    run = quantc.load(library)
    return np.concatenate([run.run({"x": rows})["y"] for rows in x])


def rounded(weight, rows, reference=None) -> np.ndarray:
    cross = None if reference is None else reference.T @ rows
    return quantc.solvers.gptq(
        weight, rows.T @ rows, f"#fmt.{FORMAT}", count=len(rows),
        cross_moment=cross).values.astype(np.float64)


rows = x.reshape(-1, N).astype(np.float64)
hidden = np.maximum(rows @ first.T + bias, 0)
want = hidden @ second.T
one = rounded(first, rows)
behind = np.maximum(rows @ one.T + bias, 0)

plain = compiled("stream: float\n")
assert np.allclose(plain, behind @ rounded(second, hidden).T, atol=1e-4)
two = rounded(second, behind, hidden)
stream = compiled("stream: quantized\n")
assert np.allclose(stream, behind @ two.T, atol=1e-4)
assert not np.allclose(plain, stream, atol=1e-3)

# Biases take back what the mean has lost: of rounding alone, or of everything.
shifted = compiled("correct-bias: true\n")
one_bias = bias + (first - one) @ rows.mean(0)
two_float = rounded(second, hidden)
assert np.allclose(
    shifted, np.maximum(rows @ one.T + one_bias, 0) @ two_float.T
    + (second - two_float) @ hidden.mean(0), atol=1e-4)
both = compiled("stream: quantized\ncorrect-bias: true\n")
assert np.abs((both - want).mean(0)).max() < 1e-5
assert np.abs((stream - want).mean(0)).max() > 1e-2

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# RUN: %python %s %t
"""quantc.compare per layer: every figure by numpy, and what is refused."""

import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import quantc
from _refused import refused

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
N, M, K = 6, 8, 5
rng = np.random.default_rng(0)
first = rng.standard_normal((N, M)).astype(np.float32)
second = rng.standard_normal((M, K)).astype(np.float32)
bias = rng.standard_normal(M).astype(np.float32)
x = rng.standard_normal((4, 3, N)).astype(np.float32)


def save(name: str, input_name: str = "x",
         nodes: tuple[str, str] = ("one", "two")) -> str:
    """y = relu(x @ first + bias) @ second."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("MatMul", [input_name, "w"], ["m"], name=nodes[0]),
         helper.make_node("Add", ["m", "b"], ["a"], name="add"),
         helper.make_node("Relu", ["a"], ["r"], name="act"),
         helper.make_node("MatMul", ["r", "v"], ["y"], name=nodes[1])],
        "g", [value(input_name, TensorProto.FLOAT, ["rows", N])],
        [value("y", TensorProto.FLOAT, ["rows", K])],
        [numpy_helper.from_array(first, "w"),
         numpy_helper.from_array(second, "v"),
         numpy_helper.from_array(bias, "b")])
    path = folder / name
    onnx.save(helper.make_model(graph, ir_version=10, opset_imports=[
        helper.make_opsetid("", 20)]), path)
    return str(path)


def recipe(name: str, text: str) -> str:
    path = folder / name
    path.write_text("quantc: 1\n" + text)
    return str(path)


def rounded(weight: np.ndarray) -> np.ndarray:
    """int8 with one scale for each column (numerics.md section 6.6)."""
    scale = np.abs(weight).max(0) / np.float32(127)
    return (np.rint(weight / scale) * scale).astype(np.float64)


def check(got: dict, reference: np.ndarray, values: np.ndarray) -> None:
    apart = reference - values
    relative = (apart ** 2).sum() / (reference ** 2).sum()
    cosine = (reference * values).sum() / np.sqrt(
        (reference ** 2).sum() * (values ** 2).sum())
    for key, want in (("relative_error", relative),
                      ("sqnr_db", -10 * np.log10(relative)),
                      ("max_abs_diff", np.abs(apart).max()),
                      ("cosine", cosine)):
        assert np.isclose(got[key], want, rtol=2e-3), (key, got[key], want)


model = save("model.onnx")
int8 = recipe("int8.yaml", 'weights: "int<8, axis = 0>"\n')
report = quantc.compare(model, model, {"x": x}, per_layer=True, recipe=int8)
assert report["samples"] == len(x) and report["unmatched"] == []
layers = {layer["name"]: layer for layer in report["layers"]}
assert sorted(layers) == ["one", "two"]

wide = x.astype(np.float64)
hidden, hidden_q = wide @ first + bias, wide @ rounded(first) + bias
act, act_q = np.maximum(hidden, 0), np.maximum(hidden_q, 0)
check(layers["one"]["total"], hidden, hidden_q)
check(layers["one"]["own"], hidden, hidden_q)
check(layers["two"]["total"], act @ second, act_q @ rounded(second))
check(layers["two"]["own"], act @ second, act @ rounded(second))
assert layers["two"]["total"] != layers["two"]["own"]
errors = [layer["own"]["relative_error"] for layer in report["layers"]]
assert errors == sorted(errors, reverse=True), errors
one = layers["one"]
assert one["kind"] == "linear" and one["shape"] == [M, N], one
assert one["weights"] == "int<8, axis = 0>" and one["activations"] == "float"
assert one["bits_per_weight"] == one["stored_bits"] / (M * N)
assert not one["solved"] and one["rewrites"] == []

# The same from the module that compiling writes, and formats in words.
middle = str(folder / "int8.mlirbc")
quantc.compile(model, middle, recipe=int8)
again = quantc.compare(model, middle, {"x": x}, per_layer=True)
assert again["layers"] == report["layers"]
dynamic = quantc.compare(model, model, {"x": x}, per_layer=True,
                         recipe="w8a8-dynamic")["layers"][0]
assert dynamic["activations"] == "int<8, per_row>" and not dynamic["static"]
static = quantc.compare(
    model, model, {"x": x}, per_layer=True, calib={"x": x},
    recipe=recipe("static.yaml", "base: w8a8\nstatic-limit: 1\n"))["layers"][0]
assert static["static"] and static["solved"], static

# Values are brought back through rewrites: nothing is lost in float.
for passes in ("rotate", "equalize", "smooth-quant{alpha=0.5}"):
    name = recipe("rewrite.yaml", f'rewrites: ["{passes}"]\n')
    for layer in quantc.compare(model, model, {"x": x}, per_layer=True,
                                recipe=name, calib={"x": x})["layers"]:
        for side in ("own", "total"):
            assert layer[side]["relative_error"] < 1e-10, (passes, layer)
        if passes == "rotate" and layer["name"] == "two":
            assert layer["rewrites"] == ["rotated while running"], layer

# A model against itself, and one layer that only the candidate has.
same = quantc.compare(model, model, {"x": x}, per_layer=True)
assert all(layer["total"]["relative_error"] == 0 and
           layer["total"]["cosine"] == 1 and
           layer["total"]["sqnr_db"] is None for layer in same["layers"])
assert same["outputs"][0]["identical"]
partly = quantc.compare(model, save("partly.onnx", nodes=("one", "three")),
                        {"x": x}, per_layer=True)
assert [layer["name"] for layer in partly["layers"]] == ["one"]
assert partly["unmatched"] == ["three"]

library = str(folder / "model.so")
quantc.compile(model, library)
plain = quantc.compare(library, library, {"x": x})
assert "layers" not in plain and plain["outputs"][0]["identical"]
refused(lambda: quantc.compare(model, library, {"x": x}, per_layer=True), 2,
        "cannot look at the layers of", "--recipe", ".mlirbc")
refused(lambda: quantc.compare(library, model, {"x": x}, per_layer=True), 2,
        "cannot look at the layers of")
refused(lambda: quantc.compare(model, model, {"x": x}, recipe=int8), 2,
        "per_layer")
refused(lambda: quantc.compare(model, model, {"x": x}, per_layer=True,
                               recipe="w8a8"), 2, "needs data")
refused(lambda: quantc.compare(model, save("other.onnx", input_name="z"),
                               {"x": x}, per_layer=True), 1,
        "do not have the same inputs")
refused(lambda: quantc.compare(
    model, save("names.onnx", nodes=("a", "b")), {"x": x}, per_layer=True), 1,
        "no layer in common", ".mlirbc")

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Shapes at the edges of what kernels expect, in float and quantized.

    python test/end-to-end/edge_shapes.py

Vectors times constant matrices, contracted dimensions that only the weight
knows, dimensions of 0, slices that reach before a dynamic dimension,
reductions around a dynamic one, and a scatter of open shapes.  The oracle is NumPy on the same data; a
quantized product may be 5 % of the largest value away from it.
"""

import os
import sys
import tempfile
from typing import Callable, NamedTuple

import numpy as np
from onnx import helper, numpy_helper, parser

from _checks import BUILD, Checks

sys.path.insert(0, str(BUILD / "python"))
import quantc  # noqa: E402

RECIPES = ("fp32", "w8a8-dynamic", "w4a16")
RNG = np.random.default_rng(0)
W = RNG.standard_normal((32, 8)).astype(np.float32)
V = RNG.standard_normal((32, 8)).astype(np.float32)


class Edge(NamedTuple):
    signature: str
    body: str  # w is W, and i1, far, ... the constants below
    shapes: tuple[tuple[int, ...], ...]  # of x, one library for all
    wanted: Callable[[np.ndarray], np.ndarray]
    recipes: tuple[str, ...] = ("fp32",)


CONSTANTS = {"w": W, "v": V, "wt": W.T.copy(),
             "t": W.T.copy()[:, :, None, None],
             "zero": np.array([0]), "far": np.array([2**63 - 1]),
             "hundredth": np.array([-100]), "last": np.array([-1]),
             "axis": np.array(0), "outer": np.array([0, 2]),
             "swap": np.array([[1, 0, 1], [0, 1, 0]])}

EDGES = (
    Edge("float[32] x", "y = MatMul(x, w)", ((32,),), lambda x: x @ W, RECIPES),
    Edge("float[k] x", "y = MatMul(x, w)", ((32,),), lambda x: x @ W, RECIPES),
    Edge("float[m, k] x", "y = MatMul(x, w)", ((3, 32), (1, 32)),
         lambda x: x @ W, RECIPES),
    Edge("float[m, k] x", "y = Gemm<transB = 1>(x, wt)", ((3, 32),),
         lambda x: x @ W, RECIPES),
    Edge("float[n, c, h, v] x", "y = Conv(x, t)", ((2, 32, 3, 1),),
         lambda x: np.einsum("nchv,co->nohv", x, W), RECIPES),
    Edge("float[n, c, h, v] x", "y = ConvTranspose(x, t)", ((2, 8, 3, 1),),
         lambda x: np.einsum("nchv,oc->nohv", x, W), RECIPES),
    # Two quantizations in one kernel, of few rows.
    *(Edge("float[4, 32] x", f"p = Neg(x) q = {function}(p) a = MatMul(p, w) "
           "b = MatMul(q, v) y = Sub(a, b)", ((4, 32),),
           lambda x, f=f: -x @ W - f(-x) @ V, RECIPES)
      for function, f in (("Tanh", np.tanh),
                          ("Relu", lambda x: np.maximum(x, 0)))),
    Edge("float[2, 0] x", "y = CumSum(x, axis)", ((2, 0),), lambda x: x),
    Edge("float[n, 0] x", "y = CumSum(x, axis)", ((3, 0), (0, 0)),
         lambda x: x),
    Edge("float[0, n] x", "y = ReduceSum(x)", ((0, 3), (0, 0)),
         lambda x: x.sum(keepdims=True)),
    Edge("float[n, 0] x", "y = Slice(x, zero, far, zero)", ((3, 0),),
         lambda x: x),
    Edge("float[n, 3] x", "y = Slice(x, hundredth, far, zero)",
         ((100, 3), (130, 3), (7, 3), (0, 3)), lambda x: x[-100:]),
    Edge("float[n, 3] x", "y = Slice(x, hundredth, last, zero)",
         ((130, 3), (100, 3), (7, 3), (1, 3)), lambda x: x[-100:-1]),
    # That updates have the shape of the indices is seen in the run.
    Edge("float[n, 3] x", "u = Neg(x) y = ScatterElements(x, swap, u)",
         ((2, 3),), lambda x: np.stack([[-x[1, 0], -x[0, 1], -x[1, 2]],
                                        [-x[0, 0], -x[1, 1], -x[0, 2]]])),
    *(Edge(f"{kind}[3, n, 5] x", f"y = {operator}<keepdims = 0>(x, outer)",
           ((3, 33, 5), (3, 1, 5), (3, 0, 5)), function)
      for kind in ("float", "double")
      for operator, function in (
          ("ReduceSum", lambda x: x.sum((0, 2))),
          ("ReduceMax", lambda x: x.max((0, 2))))),
)


def compile_edge(edge: Edge, recipe: str, path: str) -> quantc.Model:
    kind = edge.signature.split("[")[0]
    model = parser.parse_model(
        '<ir_version: 10, opset_import: ["": 18]> g (' + edge.signature
        + f") => ({kind} y) {{ {edge.body} }}")
    model.graph.output[0].type.tensor_type.ClearField("shape")
    model.graph.initializer.extend(
        numpy_helper.from_array(value, name)
        for name, value in CONSTANTS.items()
        if any(name in node.input for node in model.graph.node))
    quantc.compile(model, path, recipe=recipe, threads=1)
    return quantc.load(path)


def problem(edge: Edge, recipe: str, path: str) -> str:
    model = compile_edge(edge, recipe, path)
    dtype = np.float64 if edge.signature.startswith("d") else np.float32
    for shape in edge.shapes:
        x = RNG.standard_normal(shape).astype(dtype)
        got, want = model.run({"x": x})["y"], edge.wanted(x)
        if got.shape != want.shape or got.dtype != want.dtype:
            return f"got {got.dtype}{got.shape}, want {want.dtype}{want.shape}"
        most = {"fp32": 1e-5, "w8a8-dynamic": 0.05, "w4a16": 0.3}[recipe]
        if want.size and np.abs(got - want).max() > most * np.abs(want).max():
            return f"shape {shape}:\n  got  {got}\n  want {want}"
    return ""


def recurrent_problem(operator: str, gates: int, path: str) -> str:
    """float64 against float32."""
    shapes = {"x": (4, 3, 2), "w": (1, gates * 5, 2), "r": (1, gates * 5, 5)}
    node = helper.make_node(operator, list(shapes), ["y"], hidden_size=5)
    outcomes = []
    for dtype, element in ((np.float32, 1), (np.float64, 11)):
        graph = helper.make_graph(
            [node], "g",
            [helper.make_tensor_value_info(name, element, shape)
             for name, shape in shapes.items()],
            [helper.make_tensor_value_info("y", element, None)])
        quantc.compile(helper.make_model(graph, ir_version=8, opset_imports=[
            helper.make_opsetid("", 17)]), path, threads=1)
        inputs = {name: np.sin(np.arange(np.prod(shape))).reshape(shape)
                  .astype(dtype) for name, shape in shapes.items()}
        outcomes.append(quantc.load(path).run(inputs)["y"])
    single, double = outcomes
    good = double.dtype == np.float64 and np.abs(single - double).max() < 1e-5
    return "" if good else f"{single} against {double}"


def main() -> int:
    checks = Checks(quiet=True)
    with tempfile.TemporaryDirectory(prefix="quantc-edges-") as folder:
        path = os.path.join(folder, "model.so")
        for edge in EDGES:
            for recipe in edge.recipes:
                name = f"{edge.signature} {edge.body} {recipe}"
                try:
                    checks.judge(name, problem(edge, recipe, path))
                except quantc.Error as error:
                    checks.report(name, False, str(error))
        for operator, gates in (("RNN", 1), ("GRU", 3), ("LSTM", 4)):
            checks.judge(operator, recurrent_problem(operator, gates, path))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# RUN: %python %s %t
"""Sequences and optionals as inputs and outputs, and what `bind` decides."""

import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, parser

import _refused
import quantc

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
FILE = folder / "model.so"
HEADER = '<ir_version: 8, opset_import: ["" : 17]>\n'
random = np.random.default_rng(3)


def load(text: str, **options) -> quantc.Model:
    quantc.compile(parser.parse_model(HEADER + text), FILE, **options)
    return quantc.load(FILE)


def refused(text: str, status: int, *words: str, **options) -> None:
    _refused.refused(lambda: load(text, **options), status, *words)


def floats(*shape: int) -> np.ndarray:
    return random.standard_normal(shape).astype(np.float32)


# Tensors of different shapes, in and out, with one inserted and one erased.
INSERT = """
agraph (seq(float[n, 3]) s, float[k, 3] x) => (seq(float[n, 3]) y, int64 length)
{
  front = Constant<value = int64 {0}>()
  one = Constant<value = int64 {1}>()
  longer = SequenceInsert(s, x, front)
  z = SequenceErase(longer, one)
  y = Identity(z)
  length = SequenceLength(longer)
}
"""
model = load(INSERT, bind={"s": 2})
assert model.inputs[0].kind == "sequence", model.inputs
assert model.inputs[0].shape == (("s.0_d0", 3), ("s.1_d0", 3)), model.inputs
for sizes in ((4, 5, 6), (1, 0, 2)):
    s, x = [floats(sizes[0], 3), floats(sizes[1], 3)], floats(sizes[2], 3)
    got = model.run({"s": s, "x": x})
    assert len(got["y"]) == 2 and got["length"] == 3, got
    assert np.array_equal(got["y"][0], x) and np.array_equal(got["y"][1], s[1])
try:
    model.run({"s": s[:1], "x": x})
    raise AssertionError("a sequence of another length was taken")
except quantc.Error as error:
    assert "'s' to have 2 tensors, got 1" in str(error), error
EMPTY = """
agraph (seq(float[3]) s, float[3] x) => (seq(float[3]) y)
{ y = SequenceInsert(s, x) }
"""
got = load(EMPTY, bind={"s": []}).run({"s": [], "x": x[0]})
assert len(got["y"]) == 1 and np.array_equal(got["y"][0], x[0])
given = load(INSERT, bind={"s": [(4, 3), (None, 3)]})
assert given.inputs[0].shape == ((4, 3), ("s.1_d0", 3)), given.inputs
refused(INSERT, 1, "'s' is a sequence, whose length is needed: --bind s=LENGTH")
refused(INSERT, 2, "expected a length from 0 to 4096", bind={"s": -1})
refused(INSERT, 2, "do not fit", bind={"s": [(4, 2)]})
refused(INSERT, 2, "do not fit", bind={"s": [(4,)]})
refused(INSERT, 2, "no input is called 'q' to bind", bind={"s": 1, "q": 1})

# A function over a sequence, stacked; and one that splits.
MAP = """
agraph (seq(float[3]) s, float[3] w) => (float[n, 3] y, seq(float[m]) parts)
{
  m = SequenceMap (s, w) <body = each (float[3] a, float[3] b) => (float[3] c)
    { c = Mul(a, b) }>
  y = ConcatFromSequence<axis = 0, new_axis = 1>(m)
  sizes = Constant<value = int64[2] {1, 2}>()
  first = Constant<value = int64 {-1}>()
  last = SequenceAt(m, first)
  parts = SplitToSequence(last, sizes)
}
"""
s, w = [floats(3) for _ in range(4)], floats(3)
got = load(MAP, bind={"s": 4}).run({"s": s, "w": w})
assert np.array_equal(got["y"], np.stack(s) * w)
assert [len(part) for part in got["parts"]] == [1, 2]
assert np.array_equal(np.concatenate(got["parts"]), s[3] * w)

# An optional that is absent takes another branch, and is no input.
OPTIONAL = """
agraph (optional(float[3]) x, float[3] w) => (float[3] y)
{
  given = OptionalHasElement(x)
  y = If (given) <
    then_branch = yes () => (float[3] a) {
      e = OptionalGetElement(x)
      a = Add(e, w)
    },
    else_branch = no () => (float[3] b) { b = Neg(w) }>
}
"""
x = floats(3)
assert np.array_equal(load(OPTIONAL).run({"x": x, "w": w})["y"], x + w)
absent = load(OPTIONAL, bind={"x": None})
assert [value.name for value in absent.inputs] == ["w"]
assert np.array_equal(absent.run({"x": None, "w": w})["y"], -w)

# An output without an element.
value = helper.make_tensor_value_info
optional = helper.make_optional_type_proto(
    helper.make_tensor_type_proto(TensorProto.FLOAT, [2]))
graph = helper.make_graph(
    [helper.make_node("Optional", [], ["y"],
                      type=optional.optional_type.elem_type),
     helper.make_node("Identity", ["x"], ["z"])], "g",
    [value("x", TensorProto.FLOAT, [2])],
    [helper.make_value_info("y", optional), value("z", TensorProto.FLOAT, [2])])
quantc.compile(helper.make_model(
    graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), FILE)
model = quantc.load(FILE)
assert [out.kind for out in model.outputs] == ["optional", "tensor"]
got = model.run({"x": floats(2)})
assert got["y"] is None and got["z"].shape == (2,)

# Inputs that decide shapes become constants; so do named dimensions.
RESHAPE = """
agraph (float[n, 6] x, int64[r] shape) => (float[a, b] y)
{ y = Reshape(x, shape) }
"""
refused(RESHAPE, 1, "depends on run-time data")
bound = load(RESHAPE, bind={"shape": np.array([-1, 3])}, dims={"n": 2})
assert [(value.name, value.shape) for value in bound.inputs] == [("x", (2, 6))]
x = floats(2, 6)
assert np.array_equal(bound.run({"x": x})["y"], x.reshape(-1, 3))
refused(RESHAPE, 2, "'q'", dims={"q": 2})
refused(RESHAPE, 2, "numbers of the input's element type",
        bind={"shape": [0.5, 1.5]})
refused(RESHAPE, 2, "expected the shape of input 'x' to be known",
        bind={"x": 1.0})

# What is not alike cannot be chosen at run time, and a tensor is no sequence.
refused("""
agraph (bool c, float[3] x) => (seq(float[3]) y)
{
  y = If (c) <
    then_branch = yes () => (seq(float[3]) a) { a = SequenceConstruct(x) },
    else_branch = no () => (seq(float[3]) b) { b = SequenceConstruct(x, x) }>
}
""", 1, "branches that give a sequence of 1 and a sequence of 2")
refused("agraph (float[3] x) => (int64 y) { y = SequenceLength(x) }", 1,
        "to be a sequence, got a tensor")
refused("""
agraph (float[3] x) => (float[3] y) {
  s = SequenceConstruct(x)
  y = Neg(s)
}
""", 1, "expected input 0 to be a tensor, got a sequence of 1")
refused("""
agraph (float[3] x) => (float[3] y) {
  s = SequenceConstruct(x)
  i = Constant<value = int64 {1}>()
  y = SequenceAt(s, i)
}
""", 1, "a sequence of 1 has no element 1")
print("ok")

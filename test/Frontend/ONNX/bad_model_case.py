# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the malformed models of bad_models.py are built with: the registry of cases
and short builders of protobufs."""

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper

CASES = []
OK, REFUSED, LIMIT, IO = 0, 1, 3, 4


def case(status, text=""):
    """Registers a function that returns a model, bytes, or a path it wrote."""
    def register(function):
        CASES.append((function.__name__, function, status, text))
        return function
    return register


def value(name, shape=(2, 3), dtype=T.FLOAT):
    return helper.make_tensor_value_info(name, dtype, shape)


def model(nodes, inputs=None, outputs=None, initializers=(), opset=17,
          **attributes):
    graph = helper.make_graph(nodes, "g", inputs or [value("x")],
                              outputs or [value("y")], list(initializers))
    attributes.setdefault("ir_version", 8)
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], **attributes)


def relu(**attributes):
    return model([helper.make_node("Relu", ["x"], ["y"], name="r")],
                 **attributes)


def with_weight(tensor):
    """x + w, the tensor as it is."""
    return model([helper.make_node("Add", ["x", "w"], ["y"], name="a")],
                 initializers=[tensor])


def weight(dims=(2, 3), dtype=T.FLOAT, **fields):
    tensor = T(name="w", data_type=dtype, dims=dims)
    for name, content in fields.items():
        if name == "raw_data":
            tensor.raw_data = content
        else:
            getattr(tensor, name).extend(content)
    return tensor


def op(name, inputs=("x",), outputs=("y",), shape=(2, 3), constants=(),
       result=None, **attributes):
    """One node; `constants` are (name, array)."""
    extra = attributes.pop("opset", 17)
    return model(
        [helper.make_node(name, list(inputs), list(outputs), name="n",
                          **attributes)],
        [value("x", shape)], [value(out, result) for out in outputs],
        [numpy_helper.from_array(np.asarray(array), key)
         for key, array in constants], opset=extra)


def graph(nodes, inputs=(), outputs=("t",), initializers=()):
    """A branch or body."""
    return helper.make_graph(
        nodes, "body", [onnx.ValueInfoProto(name=name) for name in inputs],
        [onnx.ValueInfoProto(name=name) for name in outputs],
        list(initializers))


def node(name, inputs, outputs, /, **attributes):
    return helper.make_node(name, inputs, outputs, **attributes)


def delimited(field, payload: bytes) -> bytes:
    """A length-delimited field of the wire format."""
    size, varint = len(payload), b""
    while size >= 128:
        varint += bytes([size & 127 | 128])
        size >>= 7
    return bytes([field << 3 | 2]) + varint + bytes([size]) + payload

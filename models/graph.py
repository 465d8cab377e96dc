# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A small builder that writes ONNX graphs the way torch's exporter names them.

A node of type T inside scope "/a/b" is called "/a/b/T", the next one
"/a/b/T_1"; its result is "/a/b/T_output_0".  Small shape constants are Constant
nodes, weights are initializers named after their parameter.
"""

import collections
import contextlib
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

PRODUCER = "quantc-models"


class Graph:
    """Collects nodes in order; every method returns the names of values."""

    def __init__(self, name: str, opset: int = 17):
        self.name, self.opset = name, opset
        self.nodes, self.initializers = [], []
        self.inputs, self.outputs = [], []
        self._scope: list[str] = []
        self._uses = collections.Counter()

    @contextlib.contextmanager
    def scope(self, name: str):
        """Puts `name` (which may hold slashes) on the path of node names."""
        self._scope.append(name)
        yield
        self._scope.pop()

    def unique(self, op_type: str) -> str:
        """The next free node name for `op_type` in the current scope."""
        stem = "/" + "/".join(self._scope + [op_type])
        index = self._uses[stem]
        self._uses[stem] += 1
        return stem if index == 0 else f"{stem}_{index}"

    def node(self, op_type: str, *inputs: str, output: str | None = None,
             **attributes) -> str:
        """Adds a node with one result and returns the result's name."""
        name = self.unique(op_type)
        result = output or f"{name}_output_0"
        self.nodes.append(helper.make_node(op_type, list(inputs), [result],
                                           name=name, **attributes))
        return result

    def const(self, value, dtype=np.int64) -> str:
        """Adds a Constant node holding `value` (a scalar or a list)."""
        array = np.asarray(value, dtype)
        return self.node("Constant", value=numpy_helper.from_array(array))

    def weight(self, name: str, array: np.ndarray) -> str:
        """Adds an initializer; the same name may be added only once."""
        self.initializers.append(
            numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def input(self, name: str, dtype: int, shape: list) -> str:
        """Declares a graph input; a string in `shape` is a named dimension."""
        self.inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def output(self, name: str, shape: list,
               dtype: int = TensorProto.FLOAT) -> None:
        """Declares that the value `name` is a graph output."""
        self.outputs.append(helper.make_tensor_value_info(name, dtype, shape))

    def dim(self, value: str, axis: int) -> str:
        """The size of `axis` of `value`, a scalar: Shape and Gather."""
        return self.node("Gather", self.node("Shape", value), self.const(axis),
                         axis=0)

    def unsqueeze(self, value: str, *axes: int) -> str:
        return self.node("Unsqueeze", value, self.const(list(axes)))

    def shape_of(self, *parts) -> str:
        """A shape vector from integers and scalar values: Unsqueeze, Concat."""
        columns = [self.const([part]) if isinstance(part, int)
                   else self.unsqueeze(part, 0) for part in parts]
        return self.node("Concat", *columns, axis=0)

    def reshape(self, value: str, *parts) -> str:
        return self.node("Reshape", value, self.shape_of(*parts))

    def slice(self, value: str, start, end, axis: int) -> str:
        """`value`[start:end] on `axis`; ends are integers or 1-D values."""
        ends = [self.const([end]) if isinstance(end, int) else end
                for end in (start, end)]
        return self.node("Slice", value, *ends, self.const([axis]),
                         self.const([1]))

    def model(self, doc: str = "") -> onnx.ModelProto:
        """The finished model, run through the full checker."""
        graph = helper.make_graph(self.nodes, self.name, self.inputs,
                                  self.outputs, self.initializers,
                                  doc_string=doc)
        model = helper.make_model(
            graph, producer_name=PRODUCER, ir_version=8,
            opset_imports=[helper.make_opsetid("", self.opset)])
        onnx.checker.check_model(model, full_check=True)
        return model


def save(model: onnx.ModelProto, path) -> pathlib.Path:
    """Writes `model` with a fixed byte order, making the folder if needed."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString(deterministic=True))
    return path


def histogram(model: onnx.ModelProto) -> dict[str, int]:
    """How many nodes of each type the graph has, most frequent first."""
    counts = collections.Counter(node.op_type for node in model.graph.node)
    return dict(counts.most_common())

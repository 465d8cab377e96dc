# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Malformed files, versions and graphs (see bad_models.py)."""

import gzip
import os

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper

from bad_model_case import (IO, OK, REFUSED, case, delimited, model, op, relu,
                            value, weight, with_weight)

# --- bytes ------------------------------------------------------------------

@case(REFUSED, "the file is empty")
def bytes_empty(_):
    return b""


@case(REFUSED, "not an ONNX model")
def bytes_random(_):
    return np.random.default_rng(1).bytes(4096)


@case(REFUSED, "looks like text")
def bytes_text(_):
    return b"hello, this is not a model\n" * 20


@case(REFUSED, "gzip")
def bytes_gzip(_):
    return gzip.compress(relu().SerializeToString())


@case(REFUSED, "zip archive")
def bytes_zip(_):
    return b"PK\x03\x04" + bytes(100)


@case(REFUSED, "Git LFS")
def bytes_lfs(_):
    return b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n"


@case(REFUSED, "truncated")
def bytes_truncated_half(_):
    data = relu().SerializeToString()
    return data[:len(data) // 2]


@case(REFUSED, "truncated")
def bytes_truncated_last(_):
    return relu().SerializeToString()[:-1]


@case(REFUSED, "byte")
def bytes_trailing_junk(_):
    return relu().SerializeToString() + b"\xff" * 64


@case(REFUSED, "second graph")
def bytes_two_models(_):
    data = relu().SerializeToString()
    return data + data


@case(REFUSED, "not an ONNX model")
def bytes_other_proto(_):
    return relu().graph.SerializeToString()


@case(REFUSED, "is empty")
def bytes_two_million_empty_nodes(_):
    graph = b"\x0a\x00" * 2_000_000
    return b"\x08\x08" + delimited(7, graph)


@case(REFUSED, "2 GiB")
def bytes_over_2_gib(folder):
    path = folder / "big.onnx"
    with open(path, "wb") as file:
        file.truncate((1 << 31) + 10)
    return path


@case(IO, "cannot be opened")
def file_missing(folder):
    return folder / "none.onnx"


@case(IO, "not a regular file")
def file_is_folder(folder):
    return folder


@case(IO, "not a regular file")
def file_is_fifo(folder):
    os.mkfifo(folder / "fifo.onnx")
    return folder / "fifo.onnx"


@case(REFUSED, "deep")
def nested_messages(_):
    data = b""
    for _ in range(2000):
        # NodeProto.attribute { g { node { ... } } }
        data = delimited(5, delimited(6, delimited(1, data)))
    return b"\x08\x08" + delimited(7, delimited(1, data))


# --- versions and graph -----------------------------------------------------

@case(REFUSED, "no graph")
def no_graph(_):
    return onnx.ModelProto(ir_version=8)


@case(REFUSED, "no opset")
def no_opset(_):
    m = relu()
    del m.opset_import[:]
    return m


for number in (0, -1, 29, 999):
    def _opset(_, number=number):
        m = relu()
        m.opset_import[0].version = number
        return m
    _opset.__name__ = f"opset_{number}"
    case(REFUSED, "expected opset 1 to 28")(_opset)

for number in (0, 2, 999):
    def _ir(_, number=number):
        return relu(ir_version=number)
    _ir.__name__ = f"ir_{number}"
    case(REFUSED, "IR version")(_ir)


@case(REFUSED, "imported twice")
def opset_twice(_):
    m = relu()
    m.opset_import.append(helper.make_opsetid("ai.onnx", 13))
    return m


@case(REFUSED, "4 nodes are not supported: 2 x Foo-17 ('f', 'g'); "
               "1 x ImageDecoder-17 ('n'); 1 x com.acme.Bar-1 ('b')")
def unsupported_all_listed(_):
    m = model([helper.make_node("Foo", ["x"], ["a"], name="f"),
               helper.make_node("Foo", ["a"], ["b"], name="g"),
               helper.make_node("ImageDecoder", ["b"], ["c"], name="n"),
               helper.make_node("Bar", ["c"], ["d"], name="b",
                                domain="com.acme"),
               helper.make_node("Relu", ["d"], ["y"], name="r")])
    m.opset_import.append(helper.make_opsetid("com.acme", 1))
    return m


@case(REFUSED, "no opset of domain 'com.acme'")
def domain_not_imported(_):
    return model([helper.make_node("Bar", ["x"], ["y"], domain="com.acme")])


@case(REFUSED, "is defined by")
def duplicate_node_output(_):
    return model([helper.make_node("Relu", ["x"], ["y"], name="first"),
                  helper.make_node("Abs", ["x"], ["y"], name="second")])


@case(REFUSED, "initializer 'w' is defined twice")
def duplicate_initializer(_):
    m = with_weight(weight(float_data=[0.0] * 6))
    m.graph.initializer.append(m.graph.initializer[0])
    return m


@case(REFUSED, "declared twice")
def duplicate_input(_):
    m = relu()
    m.graph.input.append(m.graph.input[0])
    return m


@case(REFUSED, "declared twice")
def duplicate_output(_):
    m = relu()
    m.graph.output.append(m.graph.output[0])
    return m


@case(REFUSED, "is defined by")
def initializer_shadows_output(_):
    m = relu()
    m.graph.initializer.append(numpy_helper.from_array(
        np.zeros((2, 3), np.float32), "y"))
    return m


@case(REFUSED, "cycle of 2 nodes: 'a' <- 'b'")
def cycle(_):
    return model([helper.make_node("Add", ["x", "q"], ["p"], name="a"),
                  helper.make_node("Relu", ["p"], ["q"], name="b"),
                  helper.make_node("Relu", ["q"], ["y"], name="c")])


@case(REFUSED, "cycle of 1 node: 'a'")
def cycle_self(_):
    return model([helper.make_node("Add", ["x", "y"], ["y"], name="a")])


@case(OK)
def not_sorted(_):
    return model([helper.make_node("Relu", ["p"], ["y"], name="b"),
                  helper.make_node("Abs", ["x"], ["p"], name="a")])


@case(REFUSED, "input 'nothing'")
def input_undefined(_):
    return model([helper.make_node("Relu", ["nothing"], ["y"], name="b")])


@case(REFUSED, "produced by no node")
def output_undefined(_):
    return model([helper.make_node("Relu", ["x"], ["z"], name="b")])


@case(REFUSED, "no outputs")
def no_outputs(_):
    m = relu()
    del m.graph.output[:]
    return m


@case(REFUSED)
def too_many_inputs(_):
    return op("Relu", ["x", "x", "x"])


@case(REFUSED)
def too_few_inputs(_):
    return op("Add", ["x"])


@case(REFUSED)
def zero_inputs(_):
    return model([helper.make_node("Relu", [], ["y"])])


@case(REFUSED, "input 1")
def empty_input_name(_):
    return op("Add", ["x", ""])


@case(REFUSED, "input 1 is missing")
def empty_input_of_sequence(_):
    return model([helper.make_node("SequenceConstruct", ["x", "", "x"], ["s"]),
                  helper.make_node("SequenceLength", ["s"], ["y"])])


@case(REFUSED, "has no op_type")
def no_op_type(_):
    return model([helper.make_node("", ["x"], ["y"])])


@case(REFUSED, "no shape")
def input_without_shape(_):
    m = relu()
    m.graph.input[0].type.tensor_type.ClearField("shape")
    return m


@case(REFUSED, "element type 999")
def input_type_999(_):
    m = relu()
    m.graph.input[0].type.tensor_type.elem_type = 999
    return m


@case(REFUSED, "negative dimension")
def input_negative_dim(_):
    m = relu()
    m.graph.input[0].type.tensor_type.shape.dim[0].dim_value = -2
    return m


@case(REFUSED, "is a sequence, whose length is needed")
def input_sequence(_):
    m = relu()
    m.graph.input[0].type.sequence_type.elem_type.tensor_type.elem_type = 1
    return m


@case(REFUSED, "is not a tensor or a sequence of tensors")
def input_map(_):
    m = relu()
    m.graph.input[0].type.map_type.key_type = 7
    return m


@case(REFUSED, "as declared")
def output_type_clash(_):
    return model([helper.make_node("Relu", ["x"], ["y"])],
                 outputs=[value("y", (2, 3), T.INT64)])


@case(OK)  # the nodes decide
def output_shape_clash(_):
    return model([helper.make_node("Relu", ["x"], ["y"])],
                 outputs=[value("y", (5, 3))])


@case(OK)
def name_hostile(_):
    name = "a\0b\nc%s%n\"'\\{}\x7f" + "z" * (1 << 20)
    return model([helper.make_node("Relu", ["x"], [name], name=name),
                  helper.make_node("Relu", [name], ["y"], name="\n")])


@case(REFUSED, r"\x0A")
def name_hostile_in_message(_):
    return model([helper.make_node("Add", ["x", ""], ["y"],
                                   name="evil\n\x1b[31m" + "q" * 9999)])


@case(REFUSED, "UTF-8")
def name_bad_utf8(_):
    data = relu().SerializeToString()
    return data.replace(b"Relu", b"R\xc3\x28u")

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models that quantc must refuse, and some odd ones that it must take.

CASES: (name, function that writes the model into a folder and returns its path,
exit status, texts that the message must hold).
"""

import gzip
import os
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTH = 8
Folder = pathlib.Path


def weight(n: int) -> np.ndarray:
    return np.random.default_rng(3).standard_normal((n, n), np.float32)


def model(nodes, initializers=(), inputs=None, outputs=None, functions=(),
          opsets=(("", 20),)) -> onnx.ModelProto:
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, "g", inputs or [value("x", TensorProto.FLOAT, ["n", WIDTH])],
        outputs or [value("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in initializers])
    return helper.make_model(
        graph, functions=functions, ir_version=10,
        opset_imports=[helper.make_opsetid(*opset) for opset in opsets])


def save(folder: Folder, proto: onnx.ModelProto, name="m.onnx") -> Folder:
    path = folder / name
    path.write_bytes(proto.SerializeToString())
    return path


def linear_proto(n: int = WIDTH) -> onnx.ModelProto:
    value = helper.make_tensor_value_info
    return model([helper.make_node("MatMul", ["x", "w"], ["y"], name="product")],
                 [("w", weight(n))],
                 [value("x", TensorProto.FLOAT, ["n", n])],
                 [value("y", TensorProto.FLOAT, ["n", n])])


def linear(folder: Folder, n: int = WIDTH) -> Folder:
    """The good model."""
    return save(folder, linear_proto(n), f"linear{n}.onnx")


def raw(data: bytes):
    def make(folder: Folder) -> Folder:
        path = folder / "m.onnx"
        path.write_bytes(data)
        return path
    return make


def truncated(part):
    """`part` of the bytes if below 1, else all but `part` bytes."""
    data = linear_proto().SerializeToString()
    return raw(data[:int(len(data) * part)] if part < 1 else data[:-int(part)])


def node(op: str, inputs=("x",), initializers=(), **attributes):
    return lambda folder: save(folder, model(
        [helper.make_node(op, inputs, ["y"], name="bad", **attributes)],
        initializers))


def unsupported(folder: Folder) -> Folder:
    return save(folder, model(
        [helper.make_node("Frobnicate", ["x"], ["a"], name="first"),
         helper.make_node("Relu", ["a"], ["b"], name="fine"),
         helper.make_node("Twiddle", ["b"], ["y"], name="second",
                          domain="com.example")],
        opsets=(("", 20), ("com.example", 1))))


def hostile_name(folder: Folder) -> Folder:
    return save(folder, model([helper.make_node(
        "Frobnicate", ["x"], ["y"], name="a\nquantc: error: b\x1b[31m%s")]))


def external(location: str, length: int | None = None, offset: int = 0,
             size: int | None = WIDTH * WIDTH * 4):
    """A weight in the file `location`, `size` bytes long if it is to exist."""
    def make(folder: Folder) -> Folder:
        proto = linear_proto()
        tensor = proto.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        entries = {"location": location, "offset": str(offset)}
        if length is not None:
            entries["length"] = str(length)
        for key, text in entries.items():
            entry = tensor.external_data.add()
            entry.key, entry.value = key, text
        inner = folder / "inner"
        inner.mkdir()
        if size is not None:
            path = pathlib.Path(os.path.normpath(inner / location))
            if folder in path.parents:
                path.write_bytes(b"\0" * size)
        return save(inner, proto)
    return make


def external_link(folder: Folder) -> Folder:
    path = external("w.bin", size=None)(folder)
    (folder / "secret").write_bytes(b"\0" * WIDTH * WIDTH * 4)
    (path.parent / "w.bin").symlink_to(folder / "secret")
    return path


def conv(**attributes):
    kernel = np.ones((4, 4, 3, 3), np.float32)
    value = helper.make_tensor_value_info
    return lambda folder: save(folder, model(
        [helper.make_node("Conv", ["x", "k"], ["y"], name="bad", **attributes)],
        [("k", kernel)], [value("x", TensorProto.FLOAT, [1, 4, 8, 8])]))


def dims(*extents: int):
    def make(folder: Folder) -> Folder:
        proto = linear_proto()
        proto.graph.initializer[0].dims[:] = extents
        return save(folder, proto)
    return make


def bomb(folder: Folder) -> Folder:
    """Local functions that expand to 10^10 nodes."""
    functions = []
    for level in range(10):
        op, domain = (("Relu", "") if level == 0 else
                      (f"f{level - 1}", "local"))
        names = ["x", *(f"t{i}" for i in range(9)), "y"]
        functions.append(helper.make_function(
            "local", f"f{level}", ["x"], ["y"],
            [helper.make_node(op, [names[i]], [names[i + 1]], domain=domain)
             for i in range(10)],
            [helper.make_opsetid("", 20), helper.make_opsetid("local", 1)]))
    return save(folder, model(
        [helper.make_node("f9", ["x"], ["y"], domain="local")],
        functions=functions, opsets=(("", 20), ("local", 1))))


def recursive(folder: Folder) -> Folder:
    function = helper.make_function(
        "local", "f", ["x"], ["y"],
        [helper.make_node("f", ["x"], ["y"], domain="local")],
        [helper.make_opsetid("", 20), helper.make_opsetid("local", 1)])
    return save(folder, model(
        [helper.make_node("f", ["x"], ["y"], domain="local")],
        functions=[function], opsets=(("", 20), ("local", 1))))


def opset(version: int):
    return lambda folder: save(folder, model(
        [helper.make_node("Relu", ["x"], ["y"])], opsets=(("", version),)))


def divided(folder: Folder) -> Folder:
    """INT64_MIN / -1, which traps when it is folded carelessly."""
    value = helper.make_tensor_value_info
    return save(folder, model(
        [helper.make_node("Div", ["a", "b"], ["q"]),
         helper.make_node("Cast", ["q"], ["c"], to=TensorProto.FLOAT),
         helper.make_node("Add", ["x", "c"], ["y"])],
        [("a", np.array([np.iinfo(np.int64).min])), ("b", np.array([-1]))],
        [value("x", TensorProto.FLOAT, [1])]))


def unsorted(folder: Folder) -> Folder:
    return save(folder, model([helper.make_node("Relu", ["a"], ["y"]),
                               helper.make_node("Neg", ["x"], ["a"])]))


CASES = [
    ("empty file", raw(b""), 1, []),
    ("text file", raw(b"This is not a model.\n" * 10), 1, []),
    ("random bytes", raw(np.random.default_rng(1).bytes(5000)), 1, []),
    ("gzip file", raw(gzip.compress(linear_proto().SerializeToString())), 1,
     []),
    ("trailing bytes", raw(linear_proto().SerializeToString() + b"junk"), 1,
     []),
    ("half of a model", truncated(0.5), 1, []),
    ("model without its last byte", truncated(1), 1, []),
    ("unsupported operators are all listed", unsupported, 1,
     ["Frobnicate", "Twiddle"]),
    ("hostile node name", hostile_name, 1, ["Frobnicate"]),
    ("external data missing", external("w.bin", size=None), 1, ["w.bin"]),
    ("external data too short", external("w.bin", size=16), 1, ["w.bin"]),
    ("external data offset past the end", external("w.bin", offset=1 << 40), 1,
     ["w.bin"]),
    ("external data longer than its shape",
     external("w.bin", length=1 << 50), 1, []),
    ("external data above the folder", external("../w.bin"), 1, ["w.bin"]),
    ("external data at an absolute path", external("/etc/passwd"), 1, []),
    ("external data behind a link", external_link, 1, ["w.bin"]),
    ("conv group 0", conv(group=0), 1, ["group"]),
    ("conv group -1", conv(group=-1), 1, ["group"]),
    ("conv stride 0", conv(strides=[0, 1]), 1, ["stride"]),
    ("transpose with a wrong permutation", node("Transpose", perm=[0, 0]), 1,
     []),
    ("softmax over axis 17", node("Softmax", axis=17), 1, ["axis"]),
    ("reshape to another size",
     node("Reshape", ("w", "s"), [("w", np.ones(6, np.float32)),
                                  ("s", np.array([4, 2]))]), 1, []),
    ("undefined input", node("Add", ("x", "nobody")), 1, ["nobody"]),
    ("dimensions that overflow", dims(1 << 62, 8), 1, []),
    ("dimension below zero", dims(-8, 8), 1, []),
    ("data shorter than its shape", dims(1000, 1000), 1, []),
    ("opset 999", opset(999), 1, ["999"]),
    ("opset 0", opset(0), 1, []),
    ("function that calls itself", recursive, 1, []),
    ("functions that expand to 10^10 nodes", bomb, 3, []),
]

ACCEPTED = [
    ("INT64_MIN / -1 is folded", divided),
    ("nodes out of order", unsorted),
]

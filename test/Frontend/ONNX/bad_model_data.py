# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Malformed tensors, external data, attributes and sizes (see bad_models.py)."""

import os

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper

from bad_model_case import (LIMIT, OK, REFUSED, case, model, op, value,
                            weight, with_weight)

# --- tensors ----------------------------------------------------------------

@case(REFUSED, "expected 24 bytes in tensor 'w', got 20")
def raw_short(_):
    return with_weight(weight(raw_data=bytes(20)))


@case(REFUSED, "expected 24 bytes in tensor 'w', got 28")
def raw_long(_):
    return with_weight(weight(raw_data=bytes(28)))


@case(REFUSED, "got 0")
def raw_missing(_):
    return with_weight(weight())


@case(REFUSED, "expected 6 elements in tensor 'w', got 5")
def typed_short(_):
    return with_weight(weight(float_data=[0.0] * 5))


@case(REFUSED, "expected 3 bytes in tensor 'w', got 6")
def raw_not_packed(_):
    return with_weight(weight(dtype=T.INT4, raw_data=bytes(6)))


@case(REFUSED, "expected 2 elements in tensor 'w', got 6")
def typed_not_packed(_):
    return with_weight(weight(dtype=T.UINT2, int32_data=[0] * 6))


@case(REFUSED, "outside the range of INT4")
def typed_over_a_byte(_):
    return with_weight(weight(dtype=T.INT4, int32_data=[0, 256, 0]))


@case(REFUSED, "expected 5 bytes in tensor 'w', got 6")
def raw_six_bits(_):
    return with_weight(weight(dtype=T.FLOAT6E2M3, raw_data=bytes(6)))


@case(REFUSED, "field of another type")
def typed_wrong_field(_):
    return with_weight(weight(int32_data=[0] * 6))


@case(REFUSED, "both raw_data and typed")
def raw_and_typed(_):
    return with_weight(weight(float_data=[0.0] * 6, raw_data=bytes(24)))


@case(REFUSED, "negative dimension")
def dims_negative(_):
    return with_weight(weight((-2, 3), raw_data=bytes(24)))


@case(REFUSED, "2^63 - 1")
def dims_overflow(_):
    return with_weight(weight((1 << 40, 1 << 40), raw_data=bytes(24)))


@case(REFUSED, "2^63 - 1")
def dims_wrap_to_small(_):
    return with_weight(weight((1 << 32, 1 << 32, 6), raw_data=bytes(24)))


@case(REFUSED, "got 0")
def dims_huge_without_data(_):
    return with_weight(weight((10**6, 10**6)))


@case(REFUSED, "rank 70000")
def dims_rank_70000(_):
    return with_weight(weight([1] * 70000, raw_data=bytes(4)))


for number in (0, 999, -5):
    def _dtype(_, number=number):
        return with_weight(weight(dtype=number, raw_data=bytes(24)))
    _dtype.__name__ = f"dtype_{number}"
    case(REFUSED, "element type")(_dtype)


@case(REFUSED, "of strings")
def string_tensor(_):
    tensor = T(name="w", data_type=T.STRING, dims=[2, 3])
    tensor.string_data.extend([b"a"] * 6)
    return with_weight(tensor)


@case(REFUSED, "sparse")
def sparse_initializer(_):
    m = with_weight(weight(raw_data=bytes(24)))
    sparse = m.graph.sparse_initializer.add()
    sparse.values.name = "s"
    return m


@case(REFUSED, "outside the range")
def bool_out_of_range(_):
    return model([helper.make_node("Cast", ["w"], ["y"], to=1)],
                 initializers=[weight((1,), T.UINT8, int32_data=[300])],
                 outputs=[value("y", (1,))])


@case(OK)
def weights_nan_inf(_):
    return with_weight(numpy_helper.from_array(
        np.array([[np.nan, np.inf, 1], [0, -np.inf, 2]], np.float32), "w"))


@case(OK)
def zero_size_dim(_):
    return model([helper.make_node("Relu", ["x"], ["y"])],
                 [value("x", (0, 3))], [value("y", (0, 3))])


@case(OK)
def symbolic_dims(_):
    return model([helper.make_node("Relu", ["x"], ["y"])],
                 [value("x", ("n", None))], [value("y", ("n", None))])


# --- external data ----------------------------------------------------------

def external(folder, entries, size=24, name="data.bin", dims=(2, 3)):
    """A model in `folder`/m with a weight whose external data is `entries`."""
    inner = folder / "m"
    inner.mkdir()
    if name:
        (inner / name).write_bytes(bytes(range(size)))
    tensor = weight(dims)
    tensor.data_location = T.EXTERNAL
    for key, content in entries:
        entry = tensor.external_data.add()
        entry.key, entry.value = key, str(content)
    path = inner / "model.onnx"
    path.write_bytes(with_weight(tensor).SerializeToString())
    return path


@case(OK)
def ext_good(folder):
    return external(folder, [("location", "data.bin"), ("offset", 0),
                             ("length", 24)])


@case(OK)
def ext_good_misaligned(folder):
    return external(folder, [("location", "./data.bin"), ("offset", 3)], 27)


EXTERNAL = {
    "dotdot": ([("location", "../secret")], "inside the model's folder"),
    "nested_dotdot": ([("location", "a/../../secret")],
                      "inside the model's folder"),
    "absolute": ([("location", "/etc/passwd")], "inside the model's folder"),
    "device": ([("location", "/dev/zero")], "inside the model's folder"),
    "missing": ([("location", "none.bin")], "cannot be opened"),
    "empty": ([("location", "")], "names no location"),
    "none": ([], "names no location"),
    "dot": ([("location", ".")], "names no file"),
    "nul": ([("location", "data.bin\0.txt")], "inside the model's folder"),
    "unknown_key": ([("location", "data.bin"), ("__class__", "x")],
                    "unknown external data key"),
    "key_twice": ([("location", "data.bin"), ("location", "b")], "twice"),
    "offset_past_end": ([("location", "data.bin"), ("offset", 25)],
                        "too short"),
    "offset_negative": ([("location", "data.bin"), ("offset", -1)],
                        "to be a number"),
    "offset_huge": ([("location", "data.bin"), ("offset", 2**63 - 1)],
                    "too short"),
    "offset_over": ([("location", "data.bin"), ("offset", 2**64)],
                    "to be a number"),
    "offset_text": ([("location", "data.bin"), ("offset", "12x")],
                    "to be a number"),
    "offset_plus": ([("location", "data.bin"), ("offset", "+1")],
                    "to be a number"),
    "length_huge": ([("location", "data.bin"), ("length", 2 * 10**15)],
                    "expected 24 bytes"),
    "length_negative": ([("location", "data.bin"), ("length", -24)],
                        "to be a number"),
    "length_short": ([("location", "data.bin"), ("length", 20)],
                     "expected 24 bytes"),
}
for key, (entries, text) in EXTERNAL.items():
    def _external(folder, entries=entries):
        (folder / "secret").write_bytes(bytes(24))
        return external(folder, entries)
    _external.__name__ = f"ext_{key}"
    case(REFUSED, text)(_external)


@case(REFUSED, "too short")
def ext_short_file(folder):
    return external(folder, [("location", "data.bin")], 20)


@case(REFUSED, "symbolic link")
def ext_symlink_out(folder):
    path = external(folder, [("location", "link")])
    (folder / "secret").write_bytes(bytes(24))
    os.symlink("../secret", folder / "m" / "link")
    return path


@case(REFUSED, "symbolic link")
def ext_symlink_inside(folder):
    path = external(folder, [("location", "link")])
    os.symlink("data.bin", folder / "m" / "link")
    return path


@case(REFUSED, "symbolic link")
def ext_symlink_parent(folder):
    path = external(folder, [("location", "sub/secret")])
    (folder / "other").mkdir()
    (folder / "other" / "secret").write_bytes(bytes(24))
    os.symlink("../other", folder / "m" / "sub")
    return path


@case(REFUSED, "hard links")
def ext_hardlink(folder):
    path = external(folder, [("location", "data.bin")])
    os.link(folder / "m" / "data.bin", folder / "other.bin")
    return path


@case(REFUSED, "not a regular file")
def ext_folder(folder):
    path = external(folder, [("location", "sub")])
    (folder / "m" / "sub").mkdir()
    return path


@case(REFUSED, "not a regular file")
def ext_fifo(folder):
    path = external(folder, [("location", "fifo")])
    os.mkfifo(folder / "m" / "fifo")
    return path


@case(REFUSED, "both external and inline")
def ext_and_raw(folder):
    path = external(folder, [("location", "data.bin")])
    m = onnx.load(path, load_external_data=False)
    m.graph.initializer[0].raw_data = bytes(24)
    path.write_bytes(m.SerializeToString())
    return path


# --- attributes and constant operands ---------------------------------------

def conv(shape=(1, 4, 8, 8), kernel=(4, 2, 3, 3), **attributes):
    attributes.setdefault("group", 2)
    return op("Conv", ["x", "w"], shape=shape,
              constants=[("w", np.zeros(kernel, np.float32))],
              result=(None,) * len(shape), **attributes)


BAD_CONVS = {
    "group_0": dict(group=0), "group_negative": dict(group=-1),
    "group_3": dict(group=3), "group_huge": dict(group=2**62),
    "stride_0": dict(strides=[0, 1]), "stride_negative": dict(strides=[-1, 1]),
    "stride_count": dict(strides=[1]), "dilation_0": dict(dilations=[0, 1]),
    "dilation_huge": dict(dilations=[2**40, 1]),
    "kernel_shape": dict(kernel_shape=[5, 5]),
    "kernel_shape_0": dict(kernel_shape=[0, 3]),
    "kernel_rank": dict(kernel=(4, 2, 3)), "kernel_0": dict(kernel=(4, 2, 0, 3)),
    "pad_negative": dict(pads=[-1, 0, 0, 0]), "pad_count": dict(pads=[1, 1]),
    "pad_huge": dict(pads=[2**40] * 4), "auto_pad": dict(auto_pad="MAYBE"),
    "window_outside": dict(kernel=(4, 2, 9, 9)),
    "attribute_type": dict(group=1.5), "attribute_unknown": dict(grooup=1),
}
for key, attributes in BAD_CONVS.items():
    def _conv(_, attributes=attributes):
        return conv(**attributes)
    _conv.__name__ = f"conv_{key}"
    case(REFUSED, "(Conv)")(_conv)


@case(REFUSED, "multiple times")
def attribute_twice(_):
    m = conv()
    m.graph.node[0].attribute.append(m.graph.node[0].attribute[0])
    return m


I = np.int64
BAD_OPS = {
    "axis_17": op("Softmax", axis=17),
    "axis_concat": op("Concat", ["x", "x"], axis=-3),
    "axis_missing": op("Concat", ["x", "x"]),
    "perm_twice": op("Transpose", perm=[0, 0]),
    "perm_short": op("Transpose", perm=[0]),
    "perm_range": op("Transpose", perm=[0, 2]),
    "pool_stride_0": op("MaxPool", shape=(1, 1, 8, 8), kernel_shape=[2, 2],
                        strides=[0, 1]),
    "pool_kernel_0": op("MaxPool", shape=(1, 1, 8, 8), kernel_shape=[0, 2]),
    "pool_pad_huge": op("MaxPool", shape=(1, 1, 8, 8), kernel_shape=[2, 2],
                        pads=[9, 9, 9, 9]),
    "gather_far": op("Gather", ["x", "c"], constants=[("c", I([10**9]))]),
    "gather_negative": op("Gather", ["x", "c"], constants=[("c", I([-3]))]),
    "slice_step_0": op("Slice", ["x", "a", "b", "c", "d"], constants=[
        ("a", I([0])), ("b", I([1])), ("c", I([0])), ("d", I([0]))]),
    "slice_axes_twice": op("Slice", ["x", "a", "b", "c"], constants=[
        ("a", I([0, 0])), ("b", I([1, 1])), ("c", I([0, 0]))]),
    "split_sum": op("Split", ["x", "c"], ["y", "z"],
                    constants=[("c", I([1, 2]))]),
    "split_negative": op("Split", ["x", "c"], ["y", "z"],
                         constants=[("c", I([3, -1]))]),
    "tile_negative": op("Tile", ["x", "c"], constants=[("c", I([-1, 1]))]),
    "reshape_count": op("Reshape", ["x", "c"], constants=[("c", I([4, 2]))]),
    "reshape_two": op("Reshape", ["x", "c"], constants=[("c", I([-1, -1]))]),
    "reshape_negative": op("Reshape", ["x", "c"],
                           constants=[("c", I([-2, -3]))]),
    "reshape_wrap": op("Reshape", ["x", "c"],
                       constants=[("c", I([2**32, 2**32, 6]))]),
    "reshape_remainder": op("Reshape", ["x", "c"],
                            constants=[("c", I([-1, 4]))]),
    "expand_mismatch": op("Expand", ["x", "c"], constants=[("c", I([5, 3]))]),
    "add_mismatch": op("Add", ["x", "c"],
                       constants=[("c", np.zeros(4, np.float32))]),
    "add_types": op("Add", ["x", "c"], constants=[("c", np.zeros(3, I))]),
    "matmul_mismatch": op("MatMul", ["x", "c"],
                          constants=[("c", np.zeros((4, 2), np.float32))]),
    "gemm_rank": op("Gemm", ["x", "c"],
                    constants=[("c", np.zeros(3, np.float32))]),
    "pad_count": op("Pad", ["x", "c"], constants=[("c", I([1]))]),
    "pad_cut": op("Pad", ["x", "c"], constants=[("c", I([-2, 0, -2, 0]))]),
    "squeeze_not_1": op("Squeeze", ["x", "c"], constants=[("c", I([0]))]),
    "unsqueeze_twice": op("Unsqueeze", ["x", "c"],
                          constants=[("c", I([0, 0]))]),
    "range_step_0": op("Range", ["a", "b", "c"], constants=[
        ("a", I(0)), ("b", I(5)), ("c", I(0))]),
    "layer_norm_scale": op("LayerNormalization", ["x", "c"],
                           constants=[("c", np.zeros(4, np.float32))]),
    "batch_norm_scale": op("BatchNormalization", ["x", "c", "c", "c", "c"],
                           constants=[("c", np.zeros(2, np.float32))]),
    "instance_norm_rank": op("InstanceNormalization", ["x", "c", "c"],
                             constants=[("c", np.zeros(3, np.float32))]),
    "flatten_axis": op("Flatten", axis=5),
    "cast_type": op("Cast", to=999),
}
for key, bad in BAD_OPS.items():
    def _bad(_, bad=bad):
        return bad
    _bad.__name__ = f"op_{key}"
    case(REFUSED, "")(_bad)


@case(OK)
def int64_min_divided_by_minus_1(_):
    lowest = np.iinfo(I).min
    return model([helper.make_node("Div", ["a", "b"], ["y"])],
                 outputs=[value("y", (1,), T.INT64)],
                 initializers=[numpy_helper.from_array(I([lowest]), "a"),
                               numpy_helper.from_array(I([-1]), "b")])


@case(OK)
def int_div_0(_):
    return model([helper.make_node("Div", ["a", "b"], ["y"])],
                 outputs=[value("y", (1,), T.INT64)],
                 initializers=[numpy_helper.from_array(I([7]), "a"),
                               numpy_helper.from_array(I([0]), "b")])


@case(REFUSED, "expected 'fmod' to be 1 for floats before opset 28")
def mod_of_floats(_):
    return op("Mod", ["x", "x"])


@case(REFUSED, "Dropout-17 in training mode")
def dropout_in_training(_):
    return op("Dropout", ["x", "r", "t"], constants=[
        ("r", np.float32(0.5)), ("t", np.array(True))])


@case(REFUSED, "expected 'round_mode' to be up, down or nearest, got 'odd'")
def cast_round_mode(_):
    return op("Cast", to=T.FLOAT8E8M0, round_mode="odd", opset=24)


BAD_POOLS = {
    "descends": dict(ngram_counts=[4, 0]), "ends": dict(ngram_counts=[0, 99]),
    "ragged": dict(ngram_counts=[0, 3]), "negative": dict(ngram_counts=[-1]),
    "few_indexes": dict(ngram_indexes=[0]),
    "index_negative": dict(ngram_indexes=[0, 1, 2, -3]),
    "index_huge": dict(ngram_indexes=[0, 1, 2, 2**62]),
    "skips": dict(max_skip_count=2**40), "weights": dict(weights=[1.0]),
    "mode": dict(mode="odd"),
}


for key, attributes in BAD_POOLS.items():
    def _pool(_, attributes=attributes):
        given = dict(mode="TF", min_gram_length=1, max_gram_length=2,
                     max_skip_count=0, ngram_counts=[0, 2],
                     ngram_indexes=[0, 1, 2, 3], pool_int64s=[1, 2, 3, 4, 5, 6])
        return op("TfIdfVectorizer", ["c"], constants=[("c", I([1, 2, 3]))],
                  result=(None,), **(given | attributes))
    _pool.__name__ = f"pool_{key}"
    case(REFUSED, "TfIdfVectorizer")(_pool)


# --- limits -----------------------------------------------------------------

@case(LIMIT, "limit")
def bomb_constant_of_shape(_):
    return op("ConstantOfShape", ["c"],
              constants=[("c", I([2**20, 2**20]))], result=(None, None))


@case(LIMIT, "limit")
def bomb_expand(_):
    return op("Expand", ["x", "c"], constants=[("c", I([2**40, 2, 3]))],
              result=(None,) * 3)


@case(LIMIT, "limit")
def bomb_tile(_):
    return op("Tile", ["x", "c"], constants=[("c", I([2**30, 2**20]))],
              result=(None, None))


@case(LIMIT, "limit")
def bomb_range(_):
    return op("Range", ["a", "b", "c"], constants=[
        ("a", I(0)), ("b", I(10**13)), ("c", I(1))], result=(None,))


def functions(chain, calls=10):
    """f0 calls f1 `calls` times, and so on."""
    made = []
    for i in range(chain):
        callee = f"f{i + 1}" if i + 1 < chain else "Relu"
        domain = "local" if i + 1 < chain else ""
        nodes, last = [], "x"
        for j in range(calls):
            nodes.append(helper.make_node(callee, [last], [f"t{j}"],
                                          domain=domain))
            last = f"t{j}"
        made.append(helper.make_function(
            "local", f"f{i}", ["x"], [last], nodes,
            [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]))
    m = model([helper.make_node("f0", ["x"], ["y"], domain="local")],
              functions=made)
    m.opset_import.append(helper.make_opsetid("local", 1))
    return m


@case(OK)
def functions_expand(_):
    return functions(3, 4)


@case(LIMIT, "expand to more than")
def function_bomb_1e10(_):
    return functions(10, 10)


@case(LIMIT, "deep")
def function_chain_1000(_):
    return functions(1000, 1)


@case(REFUSED, "call themselves")
def function_recursive(_):
    m = functions(2, 1)
    m.functions[1].node[0].op_type = "f0"
    m.functions[1].node[0].domain = "local"
    return m


@case(OK)
def chain_100k(_):
    nodes, last = [], "x"
    for i in range(100_000):
        out = "y" if i == 99_999 else f"v{i}"
        nodes.append(helper.make_node("Relu", [last], [out]))
        last = out
    return model(nodes)


def choice(output):
    branch = helper.make_graph([helper.make_node("Relu", ["x"], ["b"])], "b",
                               [], [value(output)])
    return model([helper.make_node("If", ["c"], ["y"], name="i",
                                   then_branch=branch, else_branch=branch)],
                 initializers=[numpy_helper.from_array(np.array(True), "c")])


@case(OK)
def subgraph(_):
    return choice("b")


@case(REFUSED, "'n' is not an output of any node")
def subgraph_without_output(_):
    return choice("n")

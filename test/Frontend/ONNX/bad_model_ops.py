# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Hostile operands, attributes, subgraphs and functions (see bad_models.py)."""

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper

from bad_model_case import (LIMIT, OK, REFUSED, case, delimited, graph, model,
                            node, op, value, weight)

I, F = np.int64, np.float32
LOWEST, HIGHEST = np.iinfo(I).min, np.iinfo(I).max


def register(status, text, cases):
    for name, made in cases.items():
        def _case(_, made=made):
            return made
        _case.__name__ = name
        case(status, text)(_case)


# --- numbers that are indices, sizes and axes ---------------------------------

def extreme(name, key, count=1, inputs=("x",), constants=(), shape=(2, 3),
            **attributes):
    """Both ends of int64 for one attribute."""
    cases = {}
    for word, number in (("lowest", LOWEST), ("highest", HIGHEST)):
        given = [number] * count if count > 1 else number
        cases[f"extreme_{name}_{key}_{word}"] = op(
            name, inputs, shape=shape, constants=constants, result=None,
            **{key: given}, **attributes)
    return cases


IMAGE = dict(shape=(1, 4, 8, 8))
KERNEL = dict(inputs=("x", "w"), constants=[("w", np.zeros((4, 4, 3, 3), F))],
              **IMAGE)
EXTREMES = [
    extreme("Conv", "strides", 2, **KERNEL),
    extreme("Conv", "dilations", 2, **KERNEL),
    extreme("Conv", "pads", 4, **KERNEL),
    extreme("Conv", "kernel_shape", 2, **KERNEL),
    extreme("Conv", "group", **KERNEL),
    extreme("ConvTranspose", "strides", 2, **KERNEL),
    extreme("ConvTranspose", "dilations", 2, **KERNEL),
    extreme("ConvTranspose", "pads", 4, **KERNEL),
    extreme("ConvTranspose", "output_padding", 2, **KERNEL),
    extreme("ConvTranspose", "output_shape", 2, **KERNEL),
    extreme("ConvTranspose", "group", **KERNEL),
    extreme("MaxPool", "kernel_shape", 2, **IMAGE),
    extreme("MaxPool", "strides", 2, kernel_shape=[2, 2], **IMAGE),
    extreme("MaxPool", "dilations", 2, kernel_shape=[2, 2], **IMAGE),
    extreme("AveragePool", "pads", 4, kernel_shape=[2, 2], **IMAGE),
    extreme("LpPool", "p", kernel_shape=[2, 2], **IMAGE),
    extreme("Softmax", "axis"), extreme("LogSoftmax", "axis"),
    extreme("Flatten", "axis"), extreme("ArgMax", "axis"),
    extreme("Concat", "axis", inputs=("x", "x")),
    extreme("Split", "axis", num_outputs=1, opset=18),
    extreme("Split", "num_outputs", axis=0, opset=18),
    extreme("Transpose", "perm", 2),
    extreme("DepthToSpace", "blocksize", **IMAGE),
    extreme("SpaceToDepth", "blocksize", **IMAGE),
    extreme("Gather", "axis", inputs=("x", "c"), constants=[("c", I([0]))]),
    extreme("GatherElements", "axis", inputs=("x", "c"),
            constants=[("c", np.zeros((2, 3), I))]),
    extreme("GatherND", "batch_dims", inputs=("x", "c"),
            constants=[("c", np.zeros((2, 1), I))]),
    extreme("OneHot", "axis", inputs=("x", "d", "v"), constants=[
        ("d", I(3)), ("v", F([0, 1]))]),
    extreme("EyeLike", "k"),
    extreme("LayerNormalization", "axis", inputs=("x", "c"),
            constants=[("c", np.zeros(3, F))]),
    extreme("LRN", "size", **IMAGE),
    extreme("Hardmax", "axis"),
    extreme("TopK", "axis", inputs=("x", "k"), constants=[("k", I([1]))]),
    extreme("ReduceSum", "keepdims"),
    extreme("ReduceMax", "axes", 2),
    extreme("Squeeze", "axes", 2, opset=11),
    extreme("CumSum", "exclusive", inputs=("x", "c"), constants=[("c", I(0))]),
    extreme("Trilu", "upper"),
    extreme("Cast", "to"),
]
# Some are legal (a flag is any number, a diagonal may be far out): each ends
# with one line or with a module.
for cases in EXTREMES:
    register(None, "", cases)


def fold(name, constants, outputs=("y",), **attributes):
    """All operands are constants: (value, ...)."""
    names = [f"c{i}" if array is not None else ""
             for i, array in enumerate(constants)]
    opset = attributes.pop("opset", 18)
    made = model(
        [helper.make_node(name, names, list(outputs), name="n", **attributes)],
        outputs=[value(out, None) for out in outputs],
        initializers=[numpy_helper.from_array(np.asarray(array), key)
                      for key, array in zip(names, constants)
                      if array is not None], opset=opset)
    for output in made.graph.output:
        output.type.Clear()
    return made


X = np.arange(6, dtype=F).reshape(2, 3)
# Each is refused, or left for run time; never evaluated into a trap.
register(None, "", {
    "fold_mod_0": fold("Mod", [I([7]), I([0])]),
    "fold_mod_lowest": fold("Mod", [I([LOWEST]), I([-1])]),
    "fold_mod_int32": fold("Mod", [np.int32([-2**31]), np.int32([-1])]),
    "fold_div_int32": fold("Div", [np.int32([-2**31]), np.int32([-1])]),
    "fold_div_int8": fold("Div", [np.int8([-128]), np.int8([-1])]),
    "fold_div_0": fold("Div", [np.uint8([1]), np.uint8([0])]),
    "fold_neg_lowest": fold("Neg", [I([LOWEST])]),
    "fold_abs_lowest": fold("Abs", [I([LOWEST])]),
    "fold_add_overflow": fold("Add", [I([HIGHEST]), I([HIGHEST])]),
    "fold_mul_overflow": fold("Mul", [I([LOWEST]), I([-1])]),
    "fold_sub_overflow": fold("Sub", [I(LOWEST), I(1)]),
    "fold_pow_negative": fold("Pow", [I([0, 2]), I([-1, -5])]),
    "fold_pow_huge": fold("Pow", [I([3]), I([HIGHEST])]),
    "fold_shift_64": fold("BitShift", [np.uint64([1]), np.uint64([64])],
                          direction="LEFT"),
    "fold_shift_huge": fold("BitShift", [np.uint8([1]), np.uint8([255])],
                            direction="RIGHT"),
    "fold_cast_nan": fold("Cast", [F([np.nan, np.inf, 1e30])], to=T.INT32),
    "fold_cast_u8": fold("Cast", [F([-1e9, 1e9])], to=T.UINT8),
    "fold_sum_overflow": fold("ReduceSum", [I([HIGHEST, HIGHEST])]),
    "fold_cumsum_axis": fold("CumSum", [X, I(LOWEST)]),
    "fold_gathernd": fold("GatherND", [X, I([[-10**12, 0]])]),
    "fold_gathernd_deep": fold("GatherND", [X, np.zeros((1, 5), I)]),
    "fold_gather_elements": fold("GatherElements", [X, I([[LOWEST]])]),
    "fold_scatter": fold("ScatterElements", [X, I([[HIGHEST]]), F([[1]])]),
    "fold_scatter_shape": fold("ScatterElements", [X, I([[0, 1, 2, 3]]),
                                                   F([[1, 1, 1, 1]])]),
    "fold_scatter_nd": fold("ScatterND", [X, I([[HIGHEST, 0]]), F([1])]),
    "fold_scatter_nd_shape": fold("ScatterND", [X, I([[0]]), F([1, 2])]),
    "fold_tensor_scatter": fold("TensorScatter", [X, X, I([HIGHEST, 0])],
                                opset=24),
    "fold_onehot_depth": fold("OneHot", [I([0]), I(2**40), F([0, 1])]),
    "fold_onehot_negative": fold("OneHot", [I([0]), I(-1), F([0, 1])]),
    "fold_onehot_index": fold("OneHot", [I([LOWEST]), I(3), F([0, 1])]),
    "fold_topk_many": fold("TopK", [X, I([4])], ("y", "z")),
    "fold_topk_negative": fold("TopK", [X, I([-1])], ("y", "z")),
    "fold_eye": fold("EyeLike", [X], k=LOWEST),
    "fold_trilu": fold("Trilu", [X, I(LOWEST)]),
    "fold_slice_ends": fold("Slice", [X, I([LOWEST]), I([HIGHEST]), I([1]),
                                      I([HIGHEST])]),
    "fold_slice_back": fold("Slice", [X, I([HIGHEST]), I([LOWEST]), I([1]),
                                      I([LOWEST])]),
    "fold_pad_cut": fold("Pad", [X, I([LOWEST] * 4)]),
    "fold_pad_huge": fold("Pad", [X, I([2**40] * 4)]),
    "fold_pad_reflect": fold("Pad", [X, I([9, 9, 9, 9])], mode="reflect"),
    "fold_pad_wrap_empty": fold("Pad", [np.zeros((0, 3), F), I([1, 0, 1, 0])],
                                mode="wrap"),
    "fold_pad_axes": fold("Pad", [X, I([1, 1]), None, I([LOWEST])]),
    "fold_tile": fold("Tile", [X, I([HIGHEST, HIGHEST])]),
    "fold_expand": fold("Expand", [X, I([HIGHEST, 1, 1])]),
    "fold_expand_negative": fold("Expand", [X, I([-1, 2, 3])]),
    "fold_constant_of_shape": fold("ConstantOfShape", [I([2**31, 2**31, 4])]),
    "fold_constant_negative": fold("ConstantOfShape", [I([-1])]),
    "fold_range_far": fold("Range", [I(HIGHEST - 1), I(HIGHEST), I(2**32)]),
    "fold_range_back": fold("Range", [I(LOWEST), I(HIGHEST), I(-1)]),
    "fold_range_over": fold("Range", [I(LOWEST), I(HIGHEST), I(1)]),
    "fold_range_lowest": fold("Range", [I(0), I(10), I(LOWEST)]),
    "fold_range_nan": fold("Range", [F(0), F(np.nan), F(1)]),
    "fold_range_float": fold("Range", [F(0), F(1e30), F(1)]),
    "fold_range_zero": fold("Range", [F(0), F(5), F(0)]),
    "fold_reshape": fold("Reshape", [X, I([LOWEST, -1])]),
    "fold_reshape_0": fold("Reshape", [np.zeros((0, 3), F), I([-1, 0])],
                           allowzero=1),
    "fold_squeeze": fold("Squeeze", [X, I([LOWEST])]),
    "fold_unsqueeze": fold("Unsqueeze", [X, I([HIGHEST])]),
    "fold_split": fold("Split", [X, I([HIGHEST, HIGHEST])], ("y", "z")),
    "fold_resize_scale_0": fold("Resize", [np.zeros((1, 1, 2, 2), F), None,
                                           F([1, 1, 0, 0])]),
    "fold_resize_scale_nan": fold("Resize", [np.zeros((1, 1, 2, 2), F), None,
                                             F([1, 1, np.nan, 1])]),
    "fold_resize_scale_huge": fold("Resize", [np.zeros((1, 1, 2, 2), F), None,
                                              F([1, 1, 1e18, 1e18])]),
    "fold_resize_sizes": fold("Resize", [np.zeros((1, 1, 2, 2), F), None, None,
                                         I([1, 1, HIGHEST, LOWEST])]),
    "fold_resize_empty": fold("Resize", [np.zeros((1, 1, 0, 2), F), None, None,
                                         I([1, 1, 4, 4])], mode="linear"),
    "fold_roi_align": fold("RoiAlign", [np.zeros((1, 1, 4, 4), F),
                                        F([[np.nan, -1e30, 1e30, np.inf]]),
                                        I([HIGHEST])]),
    "fold_grid_sample": fold("GridSample", [
        np.zeros((1, 1, 2, 2), F), np.full((1, 1, 1, 2), np.nan, F)],
                             opset=20),
    "fold_nms": fold("NonMaxSuppression", [
        np.full((1, 2, 4), np.nan, F), np.full((1, 1, 2), np.inf, F),
        I([HIGHEST]), F([np.nan]), F([np.nan])]),
    "fold_reverse_sequence": fold("ReverseSequence",
                                  [X, I([LOWEST, HIGHEST, 1])]),
    "fold_compress": fold("Compress", [X, np.array([True] * 9)]),
    "fold_einsum": fold("Einsum", [X], equation="ii->i"),
    "fold_einsum_junk": fold("Einsum", [X], equation="...i...->\n"),
    "fold_dft_axis": fold("DFT", [np.zeros((1, 4, 1), F), None, I(LOWEST)],
                          opset=20),
    "fold_dft_length": fold("DFT", [np.zeros((1, 4, 1), F), I(2**40)],
                            opset=20),
    "fold_stft_window": fold("STFT", [np.zeros((1, 8, 1), F), I(2), F(1)]),
    "fold_stft": fold("STFT", [np.zeros((1, 8, 1), F), I(0), None, I(4)]),
    "fold_mel": fold("MelWeightMatrix", [I(2**40), I(2**40), I(8000), F(0),
                                         F(1e30)]),
    "fold_window": fold("HannWindow", [I(2**40)]),
    "fold_window_negative": fold("HammingWindow", [I(-3)]),
    "fold_bernoulli": fold("Multinomial", [X], sample_size=2**40),
    "fold_quantize_0": fold("QuantizeLinear", [X, F(0)]),
    "fold_group_norm": fold("GroupNormalization", [
        np.zeros((1, 4, 2), F), np.int32([1] * 4), F([0] * 4)], num_groups=2,
                            opset=21),
    "fold_sequence_map": model([
        node("SequenceMap", ["x", "x"], ["y"], body=helper.make_graph(
            [node("Identity", ["s"], ["t"])], "body", [value("s")],
            [value("t")]))]),
    "fold_slice_symbol": model(
        [node("Shape", ["x"], ["s"]), node("Shape", ["x"], ["n"], end=1),
         node("Add", ["n", "one"], ["m"]),
         node("Slice", ["s", "n", "m"], ["y"])],
        [value("x", ("n", 4))], [value("y", (1,), T.INT64)],
        [numpy_helper.from_array(I([1]), "one")]),
    "fold_split_symbol": model(
        [node("Shape", ["x"], ["s"]), node("Shape", ["x"], ["n"], end=1),
         node("Concat", ["n", "one"], ["c"], axis=0),
         node("Split", ["s", "c"], ["a", "y"], axis=0)],
        [value("x", ("n", 4, 5))], [value("y", (1,), T.INT64)],
        [numpy_helper.from_array(I([1]), "one")]),
    "legacy_axis": model([node("Add", ["x", "x"], ["y"], broadcast=1,
                               axis=HIGHEST)], opset=6, ir_version=3),
    "fold_unique": fold("Unique", [X]),
    "fold_center_crop": fold("CenterCropPad", [X, I([HIGHEST, LOWEST])]),
    "fold_col2im": fold("Col2Im", [np.zeros((1, 5, 5), F), I([HIGHEST, 5]),
                                   I([1, 5])]),
    "fold_affine_grid": fold("AffineGrid", [np.zeros((1, 2, 3), F),
                                            I([1, 1, 2**40, 2**40])],
                             opset=20),
    "fold_max_unpool": fold("MaxUnpool", [np.zeros((1, 1, 2, 2), F),
                                          np.full((1, 1, 2, 2), HIGHEST, I)],
                            kernel_shape=[2, 2]),
    "fold_bitcast": fold("BitCast", [X], to=T.INT64, opset=26),
    "fold_swiglu_lstm": fold("LSTM", [np.zeros((2, 1, 3), F),
                                      np.zeros((1, 9, 3), F),
                                      np.zeros((1, 8, 2), F)], hidden_size=2),
})

# --- recurrent shapes -----------------------------------------------------------

LSTM = dict(W=(1, 8, 3), R=(1, 8, 2), B=(1, 16), lengths=(1,), h=(1, 1, 2),
            c=(1, 1, 2), P=(1, 6))


def lstm(hidden=2, ends=None, **shapes):
    shapes = {**LSTM, **shapes}
    constants = [(name, np.zeros(shape, np.int32 if name == "lengths" else F))
                 for name, shape in shapes.items()]
    if ends is not None:
        constants[3] = ("lengths", np.int32(ends))
    return op("LSTM", ["x", *shapes], shape=(4, 1, 3), constants=constants,
              hidden_size=hidden)


register(REFUSED, "(LSTM)", {
    **{f"lstm_{name}": lstm(**{name: tuple(extent + 1 for extent in shape)})
       for name, shape in LSTM.items()},
    **{f"lstm_{name}_rank": lstm(**{name: shape + (1,)})
       for name, shape in LSTM.items()},
    "lstm_hidden_0": lstm(hidden=0), "lstm_hidden_lowest": lstm(hidden=LOWEST),
    "lstm_hidden_other": lstm(hidden=3),
    "lstm_x_rank": op("LSTM", ["x", "W", "R"], constants=[
        ("W", np.zeros((1, 8, 3), F)), ("R", np.zeros((1, 8, 2), F))],
                      hidden_size=2),
})
register(None, "", {
    "lstm_lengths_far": lstm(ends=[2**31 - 1]),
    "lstm_lengths_negative": lstm(ends=[-5]),
})

# --- quantized ------------------------------------------------------------------


def quantize(scale=F(0.5), zero=np.uint8(3), name="QuantizeLinear", x=None,
             **attributes):
    constants = [("s", scale)]
    if zero is not None:
        constants.append(("z", zero))
    if x is not None:
        constants.append(("q", x))
    return op(name, ["x" if x is None else "q",
                     *(key for key, _ in constants if key != "q")],
              constants=constants, result=None, opset=21, **attributes)


Q = np.zeros((2, 3), np.uint8)
DEQUANTIZE = dict(name="DequantizeLinear", x=Q)
register(REFUSED, "scale", {
    "q_scale_0": quantize(F(0)), "q_scale_negative": quantize(F(-1)),
    "q_scale_nan": quantize(F(np.nan)), "q_scale_inf": quantize(F(np.inf)),
    "q_scale_denormal": quantize(F(1e-42)),
    "dq_scale_negative": quantize(F(-1), **DEQUANTIZE),
    "dq_scale_nan": quantize(F(np.nan), **DEQUANTIZE),
    "q_scale_one_of_3": quantize(F([1, 0, 1]), np.uint8([0, 0, 0]), axis=1),
})
register(REFUSED, "", {
    "q_block_huge": quantize(np.ones((2, 1), F), None, block_size=HIGHEST),
})
register(REFUSED, "Linear", {
    "q_scale_length": quantize(F([1, 1]), np.uint8([0, 0]), axis=1),
    "q_axis_9": quantize(F([1, 1, 1]), np.uint8([0, 0, 0]), axis=9),
    "q_axis_lowest": quantize(F([1, 1, 1]), np.uint8([0, 0, 0]), axis=LOWEST),
    "q_zero_length": quantize(F([1, 1, 1]), np.uint8([0, 0]), axis=1),
    "q_zero_float": quantize(zero=F(0)),
    "q_zero_int64": quantize(zero=I(0)),
    "q_scale_int": quantize(np.int32(1)),
    "q_block_negative": quantize(np.ones((2, 3), F), None, block_size=-1),
    "q_block_other": quantize(np.ones((2, 2), F), None, block_size=1),
    "dq_zero_other": quantize(zero=np.int8(0), **DEQUANTIZE),
    "dq_scale_rank": quantize(np.ones((2, 3, 1), F), None, **DEQUANTIZE),
    "dq_float": quantize(zero=None, name="DequantizeLinear"),
})

# --- control flow ---------------------------------------------------------------


def branch(then, other=None):
    return model([node("If", ["c"], ["y"], name="n", then_branch=then,
                       else_branch=other or then)],
                 [value("x"), value("c", (), T.BOOL)])


def loop(count, body, states=("x",), **attributes):
    made = model([node("Loop", ["n", "", *states], ["y"], name="n", body=body)],
                 initializers=[numpy_helper.from_array(I(count), "n")])
    return made


STEP = graph([node("Relu", ["s"], ["t"])], ("i", "c", "s"), ("c", "t"))
RELU = graph([node("Relu", ["x"], ["t"])])


def nested_loops(depth, count):
    body = graph([node("Relu", ["s"], ["t"])], ("i", "c", "s"), ("c", "t"))
    for _ in range(depth):
        body = graph([node("Loop", ["n", "", "s"], ["t"], body=body)],
                     ("i", "c", "s"), ("c", "t"))
    return loop(count, body)


register(LIMIT, "nodes", {
    "loops_in_loops": nested_loops(5, 1000),
})
register(OK, "", {
    "loop_trips_lowest": loop(LOWEST, STEP),
})
register(REFUSED, "", {
    "loop_trips_highest": loop(HIGHEST, STEP),
    "loop_forever": model([node("Loop", ["", "", "x"], ["y"], body=STEP)]),
    "loop_value_missing": model([node("Loop", ["", "", ""], ["y"],
                                      body=STEP)]),
    "loop_body_inputs": loop(2, graph([node("Relu", ["s"], ["t"])], ("s",),
                                      ("t",))),
    "loop_body_outputs": loop(2, graph([], ("i", "c", "s"), ())),
    "loop_without_body": model([node("Loop", ["", "", "x"], ["y"])]),
    "if_without_branch": model([node("If", ["x"], ["y"])]),
    "if_float": model([node("If", ["x"], ["y"], then_branch=RELU,
                            else_branch=RELU)]),
    "if_outer_undefined": branch(graph([node("Relu", ["nobody"], ["t"])])),
    "if_output_undefined": branch(graph([], outputs=("nobody",))),
    "if_counts": branch(RELU, graph([node("Relu", ["x"], ["t"])],
                                    outputs=("t", "x"))),
    "if_reads_branch": model(
        [node("If", ["c"], ["z"], then_branch=RELU, else_branch=RELU),
         node("Relu", ["t"], ["y"])], [value("x"), value("c", (), T.BOOL)]),
    "if_cycle": branch(graph([node("Relu", ["y"], ["t"])])),
    "if_defined_twice": branch(graph([node("Relu", ["x"], ["t"]),
                                      node("Abs", ["x"], ["t"])])),
    "if_bad_initializer": branch(graph(
        [node("Add", ["x", "w"], ["t"])],
        initializers=[weight(raw_data=bytes(20))])),
    "if_initializer_twice": branch(graph(
        [node("Add", ["x", "w"], ["t"])],
        initializers=[weight(raw_data=bytes(24))] * 2)),
    "if_external_initializer": branch(graph(
        [node("Add", ["x", "w"], ["t"])],
        initializers=[T(name="w", data_type=1, dims=[2, 3], data_location=1,
                        external_data=[onnx.StringStringEntryProto(
                            key="location", value="../secret")])])),
    "if_no_op_type": branch(graph([node("", ["x"], ["t"])])),
    "if_sparse": branch(onnx.GraphProto(
        name="g", output=[onnx.ValueInfoProto(name="x")],
        sparse_initializer=[onnx.SparseTensorProto()])),
    "scan_axis": model([node("Scan", ["x"], ["y"], num_scan_inputs=1,
                             scan_input_axes=[LOWEST], body=graph(
                                 [node("Relu", ["s"], ["t"])], ("s",)))]),
    "scan_count": model([node("Scan", ["x"], ["y"], num_scan_inputs=HIGHEST,
                              body=RELU)]),
    "scan_output_axis": model([node("Scan", ["x"], ["y"], num_scan_inputs=1,
                                    scan_output_axes=[HIGHEST], body=graph(
                                        [node("Relu", ["s"], ["t"])],
                                        ("s",)))]),
})


@case(OK)
def if_shadows(_):
    """A name of a branch hides that of the graph around it."""
    return branch(graph([node("Relu", ["x"], ["t"])]))


@case(OK)
def if_before_producer(_):
    """Sorting looks into subgraphs, too."""
    return model([node("If", ["c"], ["y"], then_branch=graph(
        [node("Relu", ["p"], ["t"])]), else_branch=graph(
            [node("Abs", ["p"], ["t"])])), node("Neg", ["x"], ["p"])],
                 [value("x"), value("c", (), T.BOOL)])


def chain_of_ifs(depth):
    """Then-branches in each other; the else-branches are short."""
    short, inner = RELU, RELU
    for _ in range(depth):
        made = node("If", ["c"], ["t"])
        for key, content in (("then_branch", inner), ("else_branch", short)):
            attribute = made.attribute.add()
            attribute.name, attribute.type = key, onnx.AttributeProto.GRAPH
            attribute.g.CopyFrom(content)
        inner = graph([made])
    return branch(inner, short)


for depth in (10, 28):
    register(OK, "", {f"nest_if_{depth}": chain_of_ifs(depth)})


def wire_ifs(depth):
    inner = RELU.SerializeToString()
    for _ in range(depth):
        attributes = b"".join(
            delimited(5, delimited(1, key) + b"\xa0\x01\x05" +
                      delimited(6, content))
            for key, content in ((b"then_branch", inner),
                                 (b"else_branch", RELU.SerializeToString())))
        made = (delimited(1, b"c") + delimited(2, b"t") + delimited(4, b"If") +
                attributes)
        inner = delimited(1, made) + delimited(12, delimited(1, b"t"))
    shell = branch(RELU)
    shell.graph.node[0].attribute[0].g.CopyFrom(onnx.GraphProto(name="@@"))
    data = shell.graph
    nodes = data.node[0]
    del nodes.attribute[:]
    head = nodes.SerializeToString() + b"".join(
        delimited(5, delimited(1, key) + b"\xa0\x01\x05" + delimited(6, content))
        for key, content in ((b"then_branch", inner),
                             (b"else_branch", RELU.SerializeToString())))
    del data.node[:]
    body = data.SerializeToString() + delimited(1, head)
    shell.ClearField("graph")
    return shell.SerializeToString() + delimited(7, body)


for depth in (40, 500, 5000):
    def _deep(_, depth=depth):
        return wire_ifs(depth)
    _deep.__name__ = f"nest_wire_{depth}"
    case(REFUSED, "deep")(_deep)


@case(REFUSED, "")
def wire_groups(_):
    """100,000 groups (an old wire type) in each other."""
    return b"\x08\x08" + b"\x0b" * 100_000


@case(REFUSED, "is empty")
def empty_nodes_in_branch(_):
    graph_bytes = b"\x0a\x00" * 1_000_000
    attribute = delimited(1, b"then_branch") + delimited(6, graph_bytes)
    return b"\x08\x08" + delimited(7, delimited(1, delimited(5, attribute)))


# --- functions ------------------------------------------------------------------


def calls_itself(inner):
    function = helper.make_function(
        "local", "f", ["x"], ["y"], inner,
        [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)])
    made = model([helper.make_node("f", ["x"], ["y"], domain="local")],
                 functions=[function])
    made.opset_import.append(helper.make_opsetid("local", 1))
    return made


register(REFUSED, "call themselves", {
    "function_recursive_in_branch": calls_itself([
        node("Constant", [], ["c"], value=helper.make_tensor(
            "c", T.BOOL, (), [True])),
        node("If", ["c"], ["y"], then_branch=graph(
            [helper.make_node("f", ["x"], ["t"], domain="local")]),
             else_branch=RELU)]),
})


@case(LIMIT, "nodes")
def function_bomb_in_branches(_):
    """Each function calls the next ten times, from a branch."""
    made = []
    for i in range(10):
        last, nodes = "x", [node("Constant", [], ["c"], value=helper.make_tensor(
            "c", T.BOOL, (), [True]))]
        for j in range(10):
            callee, domain = (f"f{i + 1}", "local") if i < 9 else ("Relu", "")
            call = graph([helper.make_node(callee, [last], ["t"],
                                           domain=domain)])
            nodes.append(node("If", ["c"], [f"t{j}"], then_branch=call,
                              else_branch=call))
            last = f"t{j}"
        made.append(helper.make_function(
            "local", f"f{i}", ["x"], [last], nodes,
            [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]))
    bomb = model([helper.make_node("f0", ["x"], ["y"], domain="local")],
                 functions=made)
    bomb.opset_import.append(helper.make_opsetid("local", 1))
    return bomb


# --- odd types ------------------------------------------------------------------

for number, name in ((14, "complex64"), (15, "complex128"), (21, "uint4"),
                     (22, "int4"), (23, "float4"), (24, "float8e8m0"),
                     (25, "uint2"), (26, "int2"), (27, "beyond")):
    def _typed(_, number=number):
        return model([helper.make_node("Cast", ["w"], ["y"], to=1)],
                     initializers=[weight((9,), number, raw_data=b"\1")],
                     outputs=[value("y", (9,))], opset=25, ir_version=12)
    _typed.__name__ = f"short_{name}"
    case(REFUSED, "")(_typed)


register(REFUSED, "Constant", {
    "sparse_constant": model([node("Constant", [], ["y"], sparse_value=helper.
                                   make_sparse_tensor(
        helper.make_tensor("v", T.FLOAT, [1], [1.0]),
        helper.make_tensor("i", T.INT64, [1], [HIGHEST]), [3]))]),
})

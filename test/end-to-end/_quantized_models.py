# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Small quantized models for quantized_input.py, one function per form."""

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper

F = np.float32
MS = "com.microsoft"


def model(nodes, inputs, outputs, constants, opset=21):
    """`inputs` and `outputs` map names to (type, shape)."""
    def infos(values):
        return [helper.make_tensor_value_info(name, *value)
                for name, value in values.items()]
    graph = helper.make_graph(
        nodes, "g", infos(inputs), infos(outputs),
        [value if isinstance(value, onnx.TensorProto)
         else numpy_helper.from_array(value, name)
         for name, value in constants.items()])
    return helper.make_model(
        graph, ir_version=10,
        opset_imports=[helper.make_opsetid("", opset),
                       helper.make_opsetid(MS, 1)])


def node(op, inputs, outputs, domain="", **attributes):
    return helper.make_node(op, inputs, outputs, domain=domain, **attributes)


def quantized(rng, shape, dtype, axis=None):
    """Random codes, scales and zero points; signed types are symmetric."""
    info = np.iinfo(dtype)
    codes = rng.integers(info.min, info.max + 1, shape).astype(dtype)
    count = () if axis is None else (shape[axis],)
    scale = rng.uniform(.005, .02, count).astype(F)
    zero = np.zeros(count, dtype)
    if info.min == 0:
        zero = np.asarray(rng.integers(100, 140, count)).astype(dtype)
    return codes, scale, zero


def half_steps(rng, made):
    """The model with scales of few bits and odd zero points: many values lie
    in the middle between two codes."""
    for tensor in made.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if tensor.name.endswith("s") and array.dtype == F:
            array = (2.0 ** rng.integers(-8, -4, array.shape) *
                     rng.choice([1, 1.5, .75], array.shape)).astype(F)
        elif tensor.name.endswith("z") and not tensor.name.startswith("w"):
            array = array // 2 * 2 + array.dtype.type(1)
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    return made


def matmul_qdq(rng, activation=np.uint8, weight=np.int8, per_channel=True,
               domain="", bias="f32", gemm=False, output=True):
    """Q, DQ, MatMul or Gemm with a DQ weight and a bias, Q, DQ."""
    k, n = 96, 40
    codes, scale, zero = quantized(rng, (k, n), weight, 1 if per_channel else
                                   None)
    info = np.iinfo(activation)
    constants = {
        "xs": np.array(.02, F) if info.bits == 8 else np.array(1e-4, F),
        "xz": np.array((info.max + info.min) // 2 + 3, activation),
        "w": codes, "ws": scale, "wz": zero,
        "ys": np.array(.05, F), "yz": np.array(117, np.uint8)}
    nodes = [node("QuantizeLinear", ["x", "xs", "xz"], ["xq"], domain),
             node("DequantizeLinear", ["xq", "xs", "xz"], ["xd"], domain),
             node("DequantizeLinear", ["w", "ws", "wz"], ["wd"], domain,
                  axis=1)]
    last = "m"
    if bias == "i32":
        constants |= {"b": rng.integers(-9000, 9000, n).astype(np.int32),
                      "bs": (constants["xs"] * scale).astype(F)}
    elif bias == "mismatch":  # a scale that is not x's times w's
        constants |= {"b": rng.integers(-900, 900, n).astype(np.int32),
                      "bs": np.array(.003, F)}
    elif bias == "one":  # rank 1 with a one-element scale and the default axis
        constants |= {"b": rng.integers(-900, 900, n).astype(np.int32),
                      "bs": np.array([.003], F)}
    else:
        constants["bd"] = rng.standard_normal(n).astype(F)
    if bias != "f32":
        axis = {} if bias == "one" else {"axis": 0}
        nodes.append(node("DequantizeLinear", ["b", "bs"], ["bd"], domain,
                          **axis))
    if gemm:
        nodes.append(node("Gemm", ["xd", "wd", "bd"], ["m"]))
    else:
        nodes += [node("MatMul", ["xd", "wd"], ["p"]),
                  node("Add", ["p", "bd"], ["m"])]
    if output:
        nodes += [node("QuantizeLinear", ["m", "ys", "yz"], ["mq"], domain),
                  node("DequantizeLinear", ["mq", "ys", "yz"], ["y"], domain)]
        last = "y"
    shape = ["rows", k]
    return model(nodes, {"x": (T.FLOAT, shape)},
                 {last: (T.FLOAT, ["rows", n])}, constants)


def conv_qdq(rng, groups=1, channels=16, outputs=24, weight=np.int8):
    """A convolution between Q and DQ, its weight per channel."""
    codes, scale, zero = quantized(rng, (outputs, channels // groups, 3, 3),
                                   weight, 0)
    if weight == np.uint8:
        zero[:] = 128
    constants = {
        "xs": np.array(.02, F), "xz": np.array(120, np.uint8),
        "w": codes, "ws": scale, "wz": zero,
        "b": rng.integers(-2000, 2000, outputs).astype(np.int32),
        "bs": (F(.02) * scale).astype(F),
        "ys": np.array(.1, F), "yz": np.array(131, np.uint8)}
    nodes = [node("QuantizeLinear", ["x", "xs", "xz"], ["xq"]),
             node("DequantizeLinear", ["xq", "xs", "xz"], ["xd"]),
             node("DequantizeLinear", ["w", "ws", "wz"], ["wd"], axis=0),
             node("DequantizeLinear", ["b", "bs"], ["bd"], axis=0),
             node("Conv", ["xd", "wd", "bd"], ["m"], group=groups,
                  pads=[1, 1, 1, 1]),
             node("QuantizeLinear", ["m", "ys", "yz"], ["mq"]),
             node("DequantizeLinear", ["mq", "ys", "yz"], ["y"])]
    return model(nodes, {"x": (T.FLOAT, ["n", channels, 9, 11])},
                 {"y": (T.FLOAT, ["n", outputs, 9, 11])}, constants)


def weight_axes(rng, op):
    """A weight per output channel, whose axis depends on the operator; made of
    floats by Q and DQ here, as some tools leave it."""
    shape = {"Gemm": (12, 20), "ConvTranspose": (6, 5, 3, 3)}[op]
    axis = {"Gemm": 0, "ConvTranspose": 1}[op]
    constants = {"w": rng.standard_normal(shape).astype(F),
                 "ws": rng.uniform(.02, .05, shape[axis]).astype(F),
                 "wz": np.zeros(shape[axis], np.int8),
                 "xs": np.array(.02, F), "xz": np.array(120, np.uint8)}
    nodes = [node("QuantizeLinear", ["w", "ws", "wz"], ["wq"], axis=axis),
             node("DequantizeLinear", ["wq", "ws", "wz"], ["wd"], axis=axis),
             node("QuantizeLinear", ["x", "xs", "xz"], ["xq"]),
             node("DequantizeLinear", ["xq", "xs", "xz"], ["xd"]),
             node(op, ["xd", "wd"], ["y"],
                  **({"transB": 1} if op == "Gemm" else {}))]
    shapes = {"Gemm": (["n", 20], ["n", 12]),
              "ConvTranspose": (["n", 6, 7, 5], ["n", 5, 9, 7])}[op]
    return model(nodes, {"x": (T.FLOAT, shapes[0])},
                 {"y": (T.FLOAT, shapes[1])}, constants)


def qlinear_matmul(rng, weight=np.int8, per_column=False):
    k, n = 72, 33
    codes, scale, zero = quantized(rng, (k, n), weight,
                                   1 if per_column else None)
    constants = {"as": np.array(.02, F), "az": np.array(113, np.uint8),
                 "b": codes, "bs": scale, "bz": zero,
                 "ys": np.array(.06, F), "yz": np.array(90, np.uint8)}
    return model([node("QLinearMatMul",
                       ["a", "as", "az", "b", "bs", "bz", "ys", "yz"], ["y"])],
                 {"a": (T.UINT8, [2, "rows", k])},
                 {"y": (T.UINT8, [2, "rows", n])}, constants)


def qlinear_conv(rng, groups=1):
    codes, scale, zero = quantized(rng, (8, 8 // groups, 3, 3), np.int8, 0)
    constants = {"xs": np.array(.02, F), "xz": np.array(121, np.uint8),
                 "w": codes, "ws": scale, "wz": zero,
                 "ys": np.array(.08, F), "yz": np.array(110, np.uint8),
                 "b": rng.integers(-3000, 3000, 8).astype(np.int32)}
    return model([node("QLinearConv", ["x", "xs", "xz", "w", "ws", "wz", "ys",
                                       "yz", "b"], ["y"], group=groups,
                       strides=[2, 1], pads=[1, 0, 1, 2])],
                 {"x": (T.UINT8, ["n", 8, 10, 9])},
                 {"y": (T.UINT8, ["n", 8, 5, 9])}, constants)


def qgemm(rng, has_output=True):
    codes, scale, zero = quantized(rng, (20, 48), np.int8, 0)
    constants = {"as": np.array(.02, F), "az": np.array(113, np.uint8),
                 "b": codes, "bs": scale, "bz": zero,
                 "c": rng.integers(-3000, 3000, 20).astype(np.int32),
                 "ys": np.array(.06, F), "yz": np.array(90, np.uint8)}
    inputs = ["a", "as", "az", "b", "bs", "bz", "c"]
    if has_output:
        inputs += ["ys", "yz"]
    return model([node("QGemm", inputs, ["y"], MS, transB=1)],
                 {"a": (T.UINT8, ["rows", 48])},
                 {"y": (T.UINT8 if has_output else T.FLOAT, ["rows", 20])},
                 constants)


def qlinear_binary(op, a=("n", 5, 7), b=(5, 1)):
    constants = {"as": np.array(.02, F), "az": np.array(113, np.uint8),
                 "bs": np.array(.03, F), "bz": np.array(120, np.uint8),
                 "cs": np.array(.05, F), "cz": np.array(128, np.uint8)}
    return model([node(op, ["a", "as", "az", "b", "bs", "bz", "cs", "cz"],
                       ["c"], MS)],
                 {"a": (T.UINT8, a), "b": (T.UINT8, b)},
                 {"c": (T.UINT8, ["n", 5, 7])}, constants)


def qlinear_unary(op, **attributes):
    constants = {"xs": np.array(.05, F), "xz": np.array(113, np.uint8),
                 "ys": np.array(1 / 256 if op != "QLinearLeakyRelu" else .04,
                                F),
                 "yz": np.array(0 if op != "QLinearLeakyRelu" else 60,
                                np.uint8)}
    return model([node(op, ["x", "xs", "xz", "ys", "yz"], ["y"], MS,
                       **attributes)],
                 {"x": (T.UINT8, ["n", 6, 19])},
                 {"y": (T.UINT8, ["n", 6, 19])}, constants)


def qlinear_pool(op, shape, **attributes):
    constants = {"xs": np.array(.05, F), "xz": np.array(113, np.uint8),
                 "ys": np.array(.03, F), "yz": np.array(100, np.uint8)}
    return model([node(op, ["x", "xs", "xz", "ys", "yz"], ["y"], MS,
                       **attributes)],
                 {"x": (T.UINT8, ["n", 6, 9, 8])},
                 {"y": (T.UINT8, ["n", *shape])}, constants)


def qlinear_concat():
    constants = {"ys": np.array(.05, F), "yz": np.array(113, np.uint8),
                 "as": np.array(.03, F), "az": np.array(100, np.uint8),
                 "bs": np.array(.05, F), "bz": np.array(130, np.uint8)}
    return model([node("QLinearConcat", ["ys", "yz", "a", "as", "az", "b", "bs",
                                         "bz"], ["y"], MS, axis=1)],
                 {"a": (T.UINT8, ["n", 3]), "b": (T.UINT8, ["n", 4])},
                 {"y": (T.UINT8, ["n", 7])}, constants)


def dynamic_matmul(rng, weight, per_column=False):
    """What quantize_dynamic writes."""
    k, n = 80, 36
    codes, scale, zero = quantized(rng, (k, n), weight,
                                   1 if per_column else None)
    constants = {"w": codes, "ws": scale, "wz": zero,
                 "b": rng.standard_normal(n).astype(F)}
    nodes = [node("DynamicQuantizeLinear", ["x"], ["xq", "xs", "xz"]),
             node("MatMulInteger", ["xq", "w", "xz", "wz"], ["i"]),
             node("Cast", ["i"], ["f"], to=T.FLOAT),
             node("Mul", ["xs", "ws"], ["s"]),
             node("Mul", ["f", "s"], ["p"]), node("Add", ["p", "b"], ["y"])]
    return model(nodes, {"x": (T.FLOAT, ["n", "s", k])},
                 {"y": (T.FLOAT, ["n", "s", n])}, constants)


def dynamic_conv(rng, groups=1):
    codes, scale, zero = quantized(rng, (8, 4 // groups, 3, 3), np.uint8)
    zero = np.array(128, np.uint8)
    constants = {"w": codes, "ws": scale, "wz": zero}
    nodes = [node("DynamicQuantizeLinear", ["x"], ["xq", "xs", "xz"]),
             node("ConvInteger", ["xq", "w", "xz", "wz"], ["i"], group=groups,
                  pads=[1, 1, 1, 1]),
             node("Cast", ["i"], ["f"], to=T.FLOAT),
             node("Mul", ["xs", "ws"], ["s"]), node("Mul", ["f", "s"], ["y"])]
    return model(nodes, {"x": (T.FLOAT, ["n", 4, 7, 6])},
                 {"y": (T.FLOAT, ["n", 8, 7, 6])}, constants)


def matmul_integer(rng):
    codes, _, zero = quantized(rng, (50, 12), np.uint8)
    return model([node("MatMulInteger", ["a", "b", "az", "bz"], ["y"])],
                 {"a": (T.UINT8, ["rows", 50])}, {"y": (T.INT32, ["rows", 12])},
                 {"b": codes, "az": np.array(99, np.uint8), "bz": zero})


def contrib_dynamic(rng, op):
    k, n = 80, 36
    codes, scale, zero = quantized(rng, (k, n), np.int8)
    constants = {"b": codes, "bs": scale, "bz": zero,
                 "c": rng.standard_normal(n).astype(F),
                 "as": np.array(.02, F), "az": np.array(113, np.uint8)}
    if op == "DynamicQuantizeMatMul":
        inputs, kind = ["a", "b", "bs", "bz", "c"], T.FLOAT
    else:
        inputs, kind = ["a", "b", "as", "bs", "az", "bz", "c"], T.UINT8
    return model([node(op, inputs, ["y"], MS)], {"a": (kind, ["rows", k])},
                 {"y": (T.FLOAT, ["rows", n])}, constants)


def pack(codes, bits):
    """Codes of the last axis one after the other, the first one lowest."""
    *lead, count = codes.shape
    shifts = np.arange(bits, dtype=np.uint8)
    stream = ((codes[..., None] >> shifts) & 1).reshape(*lead, count * bits)
    return np.packbits(stream, axis=-1, bitorder="little")


class Blocks:
    """A matrix [n, k] in blocks, and the arrays of MatMulNBits."""

    def __init__(self, rng, n, k, bits, block, zeros="packed"):
        self.n, self.k, self.bits, self.block = n, k, bits, block
        count = -(-k // block)
        codes = rng.integers(0, 1 << bits, (n, count * block)).astype(np.uint8)
        self.scales = rng.uniform(.01, .05, (n, count)).astype(F)
        if zeros == "float":
            zero = rng.uniform(0, 1 << bits, (n, count)).astype(F)
        elif zeros:
            zero = rng.integers(0, 1 << bits, (n, count)).astype(np.uint8)
        else:
            zero = np.full((n, count), 1 << (bits - 1), np.uint8)
        self.zero = zero
        self.packed = pack(codes.reshape(n, count, block), bits)
        spread = [np.repeat(a.astype(np.float64), block, 1)[:, :k]
                  for a in (zero, self.scales)]
        self.values = ((codes[:, :k] - spread[0]) * spread[1])

    def arrays(self, layout="rows", zeros="packed", half=False):
        scales = self.scales.astype(np.float16) if half else self.scales
        arrays = {"B": self.packed, "scales": scales}
        if zeros == "packed":
            arrays["zero_points"] = pack(self.zero, self.bits)
            if layout == "flat" and self.bits == 4:
                arrays["zero_points"] = pack(self.zero.reshape(1, -1), 4)[0]
        elif zeros == "float":
            arrays["zero_points"] = self.zero
        if layout == "flat":
            arrays["scales"] = scales.reshape(-1)
        elif layout == "blocks":
            arrays["B"] = np.ascontiguousarray(self.packed.transpose(1, 0, 2))
        return arrays


def matmul_nbits(blocks, constants, bias=None, half=False, **attributes):
    kind = T.FLOAT16 if half else T.FLOAT
    inputs = ["A", "B", "scales",
              "zero_points" if "zero_points" in constants else "", "",
              "bias" if bias is not None else ""]
    while not inputs[-1]:
        inputs.pop()
    if bias is not None:
        constants = constants | {"bias": bias}
    return model([node("MatMulNBits", inputs, ["Y"], MS, N=blocks.n, K=blocks.k,
                       bits=blocks.bits, block_size=blocks.block,
                       **attributes)],
                 {"A": (kind, ["b", "s", blocks.k])},
                 {"Y": (kind, ["b", "s", blocks.n])}, constants)


def gather_blocks(blocks, constants, bits):
    """Bytes of whole rows: k is a multiple of the block here."""
    constants = dict(constants, B=blocks.packed.reshape(blocks.n, -1))
    inputs = ["B", "indices", "scales"]
    if "zero_points" in constants:
        inputs.append("zero_points")
    return model([node("GatherBlockQuantized", inputs, ["Y"], MS, bits=bits,
                       block_size=blocks.block, gather_axis=0,
                       quantize_axis=1)],
                 {"indices": (T.INT64, ["b", "s"])},
                 {"Y": (T.FLOAT, ["b", "s", blocks.k])}, constants)


def blocks_qdq(rng, kind, block=32, n=24, k=96, zeros=True):
    """MatMul with a weight [k, n] of DequantizeLinear in blocks of k, and what
    it stands for; `kind` is INT4 or UINT4."""
    low = -8 if kind == T.INT4 else 0
    codes = rng.integers(low, low + 16, (k, n))
    zero = rng.integers(low, low + 16, (k // block, n)) * zeros
    scales = rng.uniform(.01, .05, (k // block, n)).astype(F)
    constants = {"w": helper.make_tensor("w", kind, (k, n), codes.ravel()),
                 "s": scales}
    inputs = ["w", "s"]
    if zeros:
        inputs.append("z")
        constants["z"] = helper.make_tensor("z", kind, zero.shape,
                                            zero.ravel())
    made = model([node("DequantizeLinear", inputs, ["v"], axis=0,
                       block_size=block), node("MatMul", ["x", "v"], ["y"])],
                 {"x": (T.FLOAT, ["rows", k])}, {"y": (T.FLOAT, ["rows", n])},
                 constants)
    spread = [np.repeat(a.astype(np.float64), block, 0) for a in (zero, scales)]
    return made, (codes - spread[0]) * spread[1]


def nvfp4(rng, n=24, k=96):
    """MatMul with a weight [k, n] of float4e2m1 in blocks of 16 of k, whose
    scales are float8e4m3fn and have one scale themselves; and the weight."""
    codes = rng.choice([0, .5, 1, 1.5, 2, 3, 4, 6], (k, n)) * rng.choice(
        [-1, 1], (k, n))
    scales = rng.uniform(1, 400, (k // 16, n)).astype(ml_dtypes.float8_e4m3fn)
    whole = F(2.0 ** -12)
    made = model([node("DequantizeLinear", ["s8", "g"], ["s"]),
                  node("DequantizeLinear", ["w", "s"], ["v"], axis=0,
                       block_size=16), node("MatMul", ["x", "v"], ["y"])],
                 {"x": (T.FLOAT, ["rows", k])}, {"y": (T.FLOAT, ["rows", n])},
                 {"w": helper.make_tensor("w", T.FLOAT4E2M1, (k, n),
                                          codes.ravel()),
                  "s8": helper.make_tensor("s8", T.FLOAT8E4M3FN, scales.shape,
                                           scales.astype(F).ravel()),
                  "g": np.array(whole)}, opset=23)
    return made, codes * np.repeat(scales.astype(np.float64), 16, 0) * whole


def gather_codes(rng, kind, zeros=True):
    """GatherBlockQuantized of INT4 or UINT4, and the table."""
    low = -8 if kind == T.INT4 else 0
    codes = rng.integers(low, low + 16, (30, 64))
    zero = rng.integers(low, low + 16, (30, 2)) * zeros
    scales = rng.uniform(.01, .05, (30, 2)).astype(F)
    constants = {"d": helper.make_tensor("d", kind, (30, 64), codes.ravel()),
                 "s": scales}
    inputs = ["d", "i", "s"]
    if zeros:
        inputs.append("z")
        constants["z"] = helper.make_tensor("z", kind, (30, 2), zero.ravel())
    spread = [np.repeat(a.astype(np.float64), 32, 1) for a in (zero, scales)]
    return model([node("GatherBlockQuantized", inputs, ["Y"], MS,
                       block_size=32, gather_axis=0, quantize_axis=1)],
                 {"i": (T.INT64, ["b", "s"])},
                 {"Y": (T.FLOAT, ["b", "s", 64])}, constants), (
                     codes - spread[0]) * spread[1]


def simple(op, shapes, outputs, domain=MS, constants=None, names=None,
           **attributes):
    """One node with float inputs a, b, ... of the given shapes."""
    letters = "abcdefghij"
    inputs = {letters[i]: (T.FLOAT, shape) for i, shape in enumerate(shapes)
              if shape is not None}
    order = names or [letters[i] if shape is not None else ""
                      for i, shape in enumerate(shapes)]
    return model([node(op, order, list(outputs), domain, **attributes)],
                 inputs, {name: (T.FLOAT, shape)
                          for name, shape in outputs.items() if name},
                 constants or {})

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Element types of at most a byte, through compiled libraries.

    python test/end-to-end/small_types.py

Every pair of Cast, data movement, control flow, constants in both of ONNX's
encodings, and quantization per tensor, axis and block.  The oracles are
ml_dtypes' conversions and formulas in NumPy.
"""

import os
import sys
import tempfile

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper

from _checks import BUILD, Checks

sys.path.insert(0, str(BUILD / "python"))
import quantc  # noqa: E402

F8 = (T.FLOAT8E4M3FN, T.FLOAT8E4M3FNUZ, T.FLOAT8E5M2, T.FLOAT8E5M2FNUZ)
FLOATS = (T.FLOAT4E2M1, T.FLOAT6E2M3, T.FLOAT6E3M2, *F8)
SMALL_INTS = (T.INT4, T.UINT4, T.INT2, T.UINT2)
SMALL = (*SMALL_INTS, *FLOATS, T.FLOAT8E8M0)
TYPES = (*SMALL, T.BOOL, T.INT8, T.UINT8, T.INT16, T.UINT16, T.INT32, T.UINT32,
         T.INT64, T.UINT64, T.FLOAT16, T.BFLOAT16, T.FLOAT, T.DOUBLE)
BITS = {T.INT2: 2, T.UINT2: 2, T.INT4: 4, T.UINT4: 4, T.FLOAT4E2M1: 4,
        T.FLOAT6E2M3: 6, T.FLOAT6E3M2: 6}
# Ties of the small formats, both sides of their limits, odd and large numbers.
NUMBERS = np.array(
    [0, -0.0, 0.25, 0.5, 0.75, 1, 1.25, 1.75, 2, 2.5, 3, 3.5, 5, 6, 7, 7.25,
     7.5, 8, 15, 16, 17, 28, 29.5, 31, 100.7, 239, 240, 247.9, 448, 463, 464,
     465, 1000, 49152, 57344, 61439, 61440, 65504, 1e6, 2.0**-9, 1.5 * 2.0**-9,
     2.0**-17, 1e-5, 1e-9, -1, -0.6, -1.5, -3, -8, -9, -300, -1e6])


def dtype(kind):
    return np.dtype(helper.tensor_dtype_to_np_dtype(kind))


def samples(kind):
    """Values of a type; all of them if it has at most 256."""
    if kind in SMALL:
        count = 2 ** BITS.get(kind, 8)
        return np.resize(np.arange(count, dtype=np.uint8), count + 3).view(
            dtype(kind))
    if kind == T.BOOL:
        return np.array([False, True, True])
    if kind in (T.FLOAT16, T.BFLOAT16, T.FLOAT, T.DOUBLE):
        special = np.array([np.nan, np.inf, -np.inf, 3e38, -3e38])
        more = NUMBERS * (1 + 2.0**-40) if kind == T.DOUBLE else []
        with np.errstate(over="ignore"):
            return np.concatenate([NUMBERS, special, more]).astype(dtype(kind))
    limits = np.iinfo(dtype(kind))
    return np.array([n for n in (0, 1, 2, 3, 5, 7, 8, 15, 17, 100, 240, 255,
                                 463, 57344, 61441, 2**24 + 1, -1, -2, -9, -128,
                                 limits.max, limits.min)
                     if limits.min <= n <= limits.max], dtype(kind))


def to_integer(value, kind):
    """Truncated and saturated; under a byte by way of int32, then the low
    bits (numerics 2.6)."""
    limits = ml_dtypes.iinfo(dtype(T.INT32 if kind in SMALL_INTS else kind))
    value = np.where(np.isnan(value), 0, np.trunc(value))
    exact = [int(min(max(v, float(limits.min)), float(limits.max)))
             for v in np.clip(value, -2.0**100, 2.0**100).tolist()]
    exact = [min(max(v, int(limits.min)), int(limits.max)) for v in exact]
    return np.array([v & 0xffffffffffffffff for v in exact], np.uint64)


def to_power(value):
    """float8e8m0, rounded up and saturated."""
    size = np.abs(value.astype(np.float64))
    with np.errstate(all="ignore"):
        code = np.ceil(np.log2(np.clip(size, 2.0**-127, 2.0**127))) + 127
    return np.where(np.isnan(size), 255, code).astype(np.uint8).view(
        dtype(T.FLOAT8E8M0))


def nearest(value, kind):
    """Doubles to a signed float, rounded once: ml_dtypes rounds them twice."""
    codes = np.arange(2 ** (BITS.get(kind, 8) - 1), dtype=np.uint8)
    table = codes.view(dtype(kind)).astype(np.float64)
    finite = np.isfinite(table)
    codes, table = codes[finite], table[finite]
    size = np.minimum(np.nan_to_num(np.abs(value), posinf=1e300), table[-1])
    high = np.searchsorted(table, size)
    low = np.maximum(high - 1, 0)
    up, down = table[high] - size, size - table[low]
    take = np.where(up == down, np.where(codes[high] % 2, low, high),
                    np.where(up < down, high, low))
    signed = np.copysign(table[take], value)
    if kind in F8:
        signed[np.isnan(value)] = np.nan
    else:
        signed[np.isnan(value)] = 0
    return signed.astype(np.float32).astype(dtype(kind))


def cast(x, source, target):
    """What Cast gives, as an array of the target's type."""
    kind = dtype(target)
    is_float = source in (*FLOATS, T.FLOAT8E8M0, T.FLOAT16, T.BFLOAT16, T.FLOAT,
                          T.DOUBLE)
    with np.errstate(all="ignore"):
        value = x.astype(np.float64 if source == T.DOUBLE else
                         np.float32 if is_float else
                         np.uint64 if source == T.UINT64 else np.int64)
        if target == T.BOOL:
            return value != 0
        if target == T.FLOAT8E8M0:
            return to_power(value)
        if target in FLOATS:
            if source == T.DOUBLE:
                return nearest(value, target)
            if target in F8:
                return numpy_helper.saturate_cast(
                    value if is_float else value.astype(np.float32), kind)
            coded = value.astype(np.float64).astype(kind)
            coded.view(np.uint8)[np.isnan(value.astype(np.float64))] = 0
            return coded
        if target in (T.FLOAT16, T.BFLOAT16, T.FLOAT, T.DOUBLE):
            return value.astype(kind)
        words = to_integer(value, target) if is_float else value.astype(
            np.uint64)
        if target in SMALL_INTS:
            mask = 2 ** BITS[target] - 1
            return (words & np.uint64(mask)).astype(np.uint8).view(kind)
        return words.astype(kind)


def equal(got, want):
    if got.dtype != want.dtype or got.shape != want.shape:
        return False
    if want.dtype.name in ("float16", "bfloat16", "float32", "float64"):
        return np.array_equal(got.astype(np.float64), want.astype(np.float64),
                              equal_nan=True)
    a, b = (np.ascontiguousarray(v).view(np.uint8) for v in (got, want))
    if want.dtype.name.startswith("float8"):
        both = np.isnan(got.astype(np.float32)) & np.isnan(
            want.astype(np.float32))
        return bool(np.all((a == b) | both))
    return np.array_equal(a, b)


class ModelChecks(Checks):
    def __init__(self, folder):
        super().__init__(quiet=True)
        self.path = os.path.join(folder, "model.so")

    def run(self, graph, inputs, opset=28):
        model = helper.make_model(graph, ir_version=14, opset_imports=[
            helper.make_opsetid("", opset)])
        quantc.compile(model, self.path, threads=1)
        return quantc.load(self.path).run(inputs)

    def compare(self, name, got, want):
        for key, value in want.items():
            self.report(f"{name} {key}", equal(got[key], value),
                        f"\n  got  {got[key]}\n  want {value}")


def value(name, kind, *shape):
    return helper.make_tensor_value_info(name, kind, shape)


def node(kind, inputs, outputs, **attributes):
    return helper.make_node(kind, inputs.split(" ") if inputs else [],
                            outputs.split(), **attributes)


def check_casts(checks):
    """One model per source, with every target; the length is no multiple."""
    for source in TYPES:
        name = T.DataType.Name(source)
        targets = [t for t in TYPES if t != source
                   and (source in SMALL or t in SMALL)]
        graph = helper.make_graph(
            [node("Cast", "x", T.DataType.Name(t), to=t) for t in targets],
            "g", [value("x", source, "n")],
            [value(T.DataType.Name(t), t, "n") for t in targets])
        x = samples(source)
        checks.compare(f"Cast {name} to", checks.run(graph, {"x": x}),
                       {T.DataType.Name(t): cast(x, source, t)
                        for t in targets})


def check_powers(checks):
    """float8e8m0's rounding, by the definition."""
    x = np.array([0, 1e-45, 2.0**-128, 2.0**-127, 1.4 * 2.0**-127,
                  1.5 * 2.0**-127, 2.0**-126, 1, 1.25, 1.5, 1.75, 2, -3,
                  2.0**127, 1.01 * 2.0**127, np.inf, np.nan], np.float32)
    inside = {"up": [0, 1, 1, 1, 127, 128, 128, 128, 128, 129, 254],
              "down": [0, 0, 0, 1, 127, 127, 127, 127, 128, 128, 254],
              "nearest": [0, 0, 1, 1, 127, 127, 128, 128, 128, 129, 254]}
    for mode, codes in inside.items():
        for saturate in (0, 1):
            low, high = (0, 254) if saturate else (255, 255)
            want = np.array([low] * 3 + codes + [high, high, 255], np.uint8)
            graph = helper.make_graph(
                [node("Cast", "x", "y", to=T.FLOAT8E8M0, round_mode=mode,
                      saturate=saturate)], "g", [value("x", T.FLOAT, "n")],
                [value("y", T.FLOAT8E8M0, "n")])
            got = checks.run(graph, {"x": x})["y"].view(np.uint8)
            checks.report(f"e8m0 {mode} {saturate}", np.array_equal(got, want),
                         f"\n  got  {got}\n  want {want}")


def random(kind, *shape):
    rng = np.random.default_rng(kind)
    codes = rng.integers(0, 2 ** BITS.get(kind, 8), shape, np.uint8)
    if kind in (*F8, T.FLOAT8E8M0):
        codes &= 0x3f
    if kind == T.FLOAT8E8M0:
        codes |= 1  # onnx.helper writes the code 0 as 1
    return codes.view(dtype(kind))


def tensor(name, array, kind, raw):
    if raw:
        return numpy_helper.from_array(array, name)
    return helper.make_tensor(name, kind, array.shape, array.ravel(), raw=False)


def check_movement(checks):
    """What ONNX allows of every type, with an odd number of elements."""
    for kind in SMALL:
        if kind in (T.FLOAT6E2M3, T.FLOAT6E3M2):
            continue  # conversions only
        x, w = random(kind, 3, 1, 5), random(kind, 5, 3)
        one = w.ravel()[:1]
        body = [value("s", kind, 3, 5)], [value("t", kind, 3, 5)]
        then = helper.make_graph([node("Identity", "w1", "t")], "then", [],
                                 body[1])
        other = helper.make_graph([node("Reshape", "x sizes", "t")], "else", [],
                                  body[1])
        loop = helper.make_graph(
            [node("Identity", "c", "d"), node("Transpose", "s", "t1"),
             node("Reshape", "t1 sizes", "t")], "loop",
            [value("i", T.INT64), value("c", T.BOOL), value("s", kind, 3, 5)],
            [value("d", T.BOOL), value("t", kind, 3, 5)])
        scan = helper.make_graph([node("Identity", "e", "f")], "scan",
                                 [value("e", kind, 5)], [value("f", kind, 5)])
        nodes = [
            node("Transpose", "x", "transposed", perm=[2, 0, 1]),
            node("Reshape", "w0 sizes", "w1"),
            node("Flatten", "x", "flat"), node("Shape", "x", "shape"),
            node("Size", "x", "size"), node("Identity", "w0", "same"),
            node("Squeeze", "x one", "squeezed"),
            node("Unsqueeze", "w0 one", "unsqueezed"),
            node("If", "yes", "chosen", then_branch=then, else_branch=other),
            node("Loop", "two  x2", "looped", body=loop),
            node("Scan", "x2", "scanned", body=scan, num_scan_inputs=1),
            node("Constant", "", "constant",
                 value=numpy_helper.from_array(w)),
            node("ConstantOfShape", "sizes", "filled",
                 value=numpy_helper.from_array(one)),
            node("Reshape", "x sizes", "x2"),
            node("Pad", "x2 pads", "padded", mode="edge"),
            node("Pad", "x2 pads first", "framed")]
        want = {
            "transposed": x.transpose(2, 0, 1), "flat": x.reshape(3, 5),
            "same": w, "squeezed": x.reshape(3, 5),
            "unsqueezed": w.reshape(5, 1, 3), "shape": np.array([3, 1, 5]),
            "size": np.array(15), "constant": w,
            "filled": np.full((3, 5), one[0]), "scanned": x.reshape(3, 5)}
        two = x.reshape(3, 5).T.reshape(3, 5).T.reshape(3, 5)
        codes, sides = x.reshape(3, 5).view(np.uint8), [(1, 0), (0, 2)]
        want["padded"] = np.pad(codes, sides, "edge").view(x.dtype)
        want["framed"] = np.pad(codes, sides, constant_values=w.view(np.uint8)
                                .ravel()[1]).view(x.dtype)
        for raw in (True, False):
            for yes in (True, False):
                order = sorted(nodes, key=lambda n: n.output[0] not in (
                    "w1", "x2"))
                outputs = want | {"looped": two, "chosen": (
                    w.reshape(3, 5) if yes else x.reshape(3, 5))}
                kinds = {"shape": T.INT64, "size": T.INT64}
                graph = helper.make_graph(
                    order, "g", [value("x", kind, "n", 1, 5),
                                 value("yes", T.BOOL)],
                    [value(k, kinds.get(k, kind), *v.shape)
                     for k, v in outputs.items()],
                    [tensor("w0", w, kind, raw),
                     tensor("first", w.ravel()[1:2].reshape(()), kind, raw),
                     tensor("sizes", np.array([3, 5]), T.INT64, True),
                     tensor("pads", np.array([1, 0, 0, 2]), T.INT64, True),
                     tensor("one", np.array([1]), T.INT64, True),
                     tensor("two", np.array(2), T.INT64, True)])
                checks.compare(
                    f"{T.DataType.Name(kind)} {raw} {yes}",
                    checks.run(graph, {"x": x, "yes": np.array(yes)}), outputs)


def quantize(x, scale, zero, kind):
    ratio = (x.astype(np.float32) / scale).astype(np.float32)
    if kind in SMALL_INTS:
        low, high = ((0, 2 ** BITS[kind] - 1)
                     if kind in (T.UINT4, T.UINT2) else
                     (-2 ** (BITS[kind] - 1), 2 ** (BITS[kind] - 1) - 1))
        codes = np.clip(np.rint(ratio) + zero.astype(np.float32), low, high)
        return codes.astype(np.int8).astype(dtype(kind))
    return cast(ratio + zero.astype(np.float32), T.FLOAT, kind)


def check_quantization(checks):
    rng = np.random.default_rng(7)
    x = (4 * rng.standard_normal((3, 8, 5))).astype(np.float32)
    for kind in (*SMALL_INTS, *FLOATS):
        for shape, attributes, repeat in (
                ((), {}, None), ((8,), {"axis": 1}, 1),
                ((3, 3, 5), {"axis": 1, "block_size": 3}, 3)):
            scale = rng.uniform(0.25, 1.5, shape).astype(np.float32)
            zero = random(kind, *shape)
            if kind not in SMALL_INTS:
                zero = np.zeros_like(zero)
            s, z = scale, zero
            if repeat == 1:
                s, z = (a[None, :, None] for a in (s, z))
            elif repeat:
                s, z = (np.repeat(a, 3, 1)[:, :8] for a in (s, z))
            q = quantize(x, s, z, kind)
            graph = helper.make_graph(
                [node("QuantizeLinear", "x s z", "q", **attributes),
                 node("DequantizeLinear", "q s z", "y", **attributes),
                 node("DequantizeLinear", "w s z", "v", **attributes)], "g",
                [value("x", T.FLOAT, "n", 8, 5), value("z", kind, *shape)],
                [value("q", kind, "n", 8, 5), value("y", T.FLOAT, "n", 8, 5),
                 value("v", T.FLOAT, 3, 8, 5)],
                [tensor("s", scale, T.FLOAT, True),
                 tensor("w", q, kind, False)])
            y = (q.astype(np.float32) - z.astype(np.float32)) * s
            checks.compare(f"{T.DataType.Name(kind)} {attributes}",
                           checks.run(graph, {"x": x, "z": zero}),
                           {"q": q, "y": y, "v": y})


def check_scales(checks):
    """Scales that are powers of two; 'precision' and 'output_dtype'."""
    x = np.linspace(-9, 9, 37, dtype=np.float32)
    scale = np.uint8([126]).view(dtype(T.FLOAT8E8M0))
    third = np.float32([0.3])
    graph = helper.make_graph(
        [node("QuantizeLinear", "x s", "q", output_dtype=T.FLOAT4E2M1),
         node("DequantizeLinear", "q s", "y", output_dtype=T.FLOAT16),
         node("QuantizeLinear", "x t", "h", precision=T.FLOAT16,
              output_dtype=T.INT4)], "g", [value("x", T.FLOAT, 37)],
        [value("q", T.FLOAT4E2M1, 37), value("y", T.FLOAT16, 37),
         value("h", T.INT4, 37)],
        [numpy_helper.from_array(scale, "s"),
         numpy_helper.from_array(third, "t")])
    q = cast(x * 2, T.FLOAT, T.FLOAT4E2M1)
    half = x.astype(np.float16) / third.astype(np.float16)
    want = np.clip(np.rint(half), -8, 7).astype(np.int8).astype(dtype(T.INT4))
    checks.compare("scales", checks.run(graph, {"x": x}), {
        "q": q, "y": (q.astype(np.float32) / 2).astype(np.float16), "h": want})


def check_interface(checks):
    """Arrays of another type, and many elements on several threads."""
    graph = helper.make_graph([node("Cast", "x", "y", to=T.INT8)], "g",
                              [value("x", T.INT4, "n")],
                              [value("y", T.INT8, "n")])
    x = np.resize(np.arange(-8, 8), 1_000_003).astype(np.int8)
    got = checks.run(graph, {"x": x.astype(dtype(T.INT4))})["y"]
    checks.report("a million elements", np.array_equal(got, x))
    words = checks.run(graph, {"x": x.view(np.uint8)})["y"]
    checks.report("words", np.array_equal(words, x))
    for wrong in (x.astype(dtype(T.UINT4)), x.astype(np.float32)):
        try:
            checks.run(graph, {"x": wrong})
            checks.report("another type", False)
        except quantc.Error as error:
            checks.report("another type", "int4" in str(error), str(error))


def main():
    with tempfile.TemporaryDirectory() as folder:
        checks = ModelChecks(folder)
        check_casts(checks)
        check_powers(checks)
        check_movement(checks)
        check_quantization(checks)
        check_scales(checks)
        check_interface(checks)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models that were quantized before, against ONNX Runtime and numpy.

    python test/end-to-end/quantized_input.py [-k TEXT] [--keep FOLDER]

Each form that ONNX Runtime's tools write is built small, compiled with --recipe
fp32 and compared with ONNX Runtime on the same file.  Codes differ by at most
one where a sum lies between two of them, those of QLinear operators not at all;
floats by 2e-6 of their range where both compute on integers.  `kernels` is what the normalized IR must contain: a
linear or convolution on encoded operands, so that int8 kernels run.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime as ort

import _quantized_models as forms
from _checks import BUILD, Checks
from _compiled import compile_model, quantc, runtime
from _quantized_models import F, T

EXACT = 2e-6
ENCODED = r"qnn\.(linear|conv) .*\(!qnn\.encoded<.*, !qnn\.encoded<"
FLOAT = r"qnn\.conv .*\(tensor<.*, tensor<"
BLOCKS = r"qnn\.linear .*\(tensor<[^)]*, !qnn\.encoded<"
ROWS = r"qnn\.gather .*\(!qnn\.encoded<"


class Suite(Checks):
    def __init__(self, folder, pattern):
        super().__init__(only=pattern)
        self.folder = folder
        self.rng = np.random.default_rng(11)

    def data(self, model, sizes):
        """Random inputs; codes over their whole range."""
        inputs = {}
        for value in model.graph.input:
            kind = value.type.tensor_type
            shape = [d.dim_value or sizes.get(d.dim_param, 3)
                     for d in kind.shape.dim]
            dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)
            if np.issubdtype(dtype, np.floating):
                inputs[value.name] = self.rng.standard_normal(shape).astype(
                    dtype)
            else:
                info = np.iinfo(dtype)
                high = min(info.max, 255)
                inputs[value.name] = self.rng.integers(
                    max(info.min, -128), high + 1, shape).astype(dtype)
        return inputs

    def kernels(self):
        """How many operations of the normalized IR match the patterns."""
        done = subprocess.run(
            [str(BUILD / "bin" / "quant-opt"), "--import-onnx",
             str(self.folder / "m.onnx"), "--normalize",
             "--mlir-elide-elementsattrs-if-larger=16",
             "--mlir-elide-resource-strings-if-larger=16"],
            capture_output=True, text=True)
        return done.stdout + done.stderr

    def check(self, label, model, inputs=None, kernel="", tolerance=EXACT,
              reference=None, sizes=None, step=0.0, count=1, share=.02):
        """`step` is one code where outputs are decoded codes, `share` how many
        of them may differ by one."""
        if not self.wanted(label):
            return
        try:
            inputs = inputs or self.data(model, sizes or {})
            if reference is None:
                # Its fusions take a bias to have the product's scale.
                reference = runtime(model, not label.startswith("qdq"))(inputs)
            got = compile_model(model, self.folder).run(inputs)
            self.judge(label, self.compare(got, reference, tolerance, step,
                                             share)
                        or self.missing(kernel, count))
        except Exception as error:  # a refusal is a failure here
            self.judge(label, f"{type(error).__name__}: {error}")

    def missing(self, kernel, count):
        if not kernel:
            return ""
        found = len(re.findall(kernel, self.kernels()))
        return "" if found >= count else (
            f"expected {count} operations on codes, found {found}")

    @staticmethod
    def compare(got, reference, tolerance, step, most):
        for name, want in reference.items():
            have = got[name]
            if have.shape != want.shape or have.dtype != want.dtype:
                return (f"expected {name} to be {want.dtype} {want.shape}, got "
                        f"{have.dtype} {have.shape}")
            difference = np.abs(have.astype(np.float64) -
                                want.astype(np.float64))
            worst = difference.max(initial=0)
            if np.issubdtype(want.dtype, np.integer) and not step:
                step = 1 if want.dtype.itemsize == 1 else 1e-9
            if step:
                share = (difference > step / 2).mean()
                if worst > 1.01 * step or share > most:
                    return (f"{name} differs by {worst / step:.3g} codes, "
                            f"{share:.2%} of them")
            elif not worst <= tolerance * (np.ptp(want) or 1):
                return f"{name} differs by {worst / np.ptp(want):.2e}"
        return ""

    def refuse(self, label, model, message):
        if not self.wanted(label):
            return
        try:
            compile_model(model, self.folder)
            self.judge(label, "expected an error")
        except quantc.Error as error:
            problem = "" if re.search(message, str(error)) and (
                "\n" not in str(error)) else f"unexpected error: {error}"
            self.judge(label, problem)


def qdq(suite):
    for activation in (np.uint8, np.int8):
        for weight in (np.int8, np.uint8):
            for per_channel in (False, True):
                suite.check(
                    f"qdq matmul {activation.__name__} x {weight.__name__}"
                    f"{' per channel' * per_channel}",
                    forms.matmul_qdq(suite.rng, activation, weight,
                                     per_channel), kernel=ENCODED, step=.05)
    suite.check("qdq matmul without output codes",
                forms.matmul_qdq(suite.rng, output=False), kernel=ENCODED)
    suite.check("qdq gemm, bias of codes",
                forms.matmul_qdq(suite.rng, gemm=True, bias="i32"),
                kernel=ENCODED, step=.05)
    suite.check("qdq bias of another scale",
                forms.matmul_qdq(suite.rng, gemm=True, bias="mismatch"),
                kernel=ENCODED, step=.05)
    suite.check("qdq bias with a one-element scale and axis 1",
                forms.matmul_qdq(suite.rng, bias="one", per_channel=False),
                kernel=ENCODED, step=.05)
    suite.check("qdq of com.microsoft",
                forms.matmul_qdq(suite.rng, domain=forms.MS), kernel=ENCODED,
                step=.05)
    for activation in (np.uint16, np.int16):
        suite.check(f"qdq of com.microsoft, {activation.__name__}",
                    forms.matmul_qdq(suite.rng, activation, domain=forms.MS,
                                     output=False), tolerance=1e-5)
    suite.check("qdq gemm, weight of floats, axis 0",
                forms.weight_axes(suite.rng, "Gemm"), kernel=ENCODED)
    suite.check("qdq transposed conv, weight of floats, axis 1",
                forms.weight_axes(suite.rng, "ConvTranspose"), tolerance=1e-5)
    suite.check("qdq conv", forms.conv_qdq(suite.rng), kernel=ENCODED, step=.1)
    suite.check("qdq conv, unsigned weight",
                forms.conv_qdq(suite.rng, weight=np.uint8), kernel=ENCODED,
                step=.1)
    suite.check("qdq conv, depthwise",
                forms.conv_qdq(suite.rng, groups=16, outputs=16),
                kernel=ENCODED, step=.1)
    suite.check("qdq conv, grouped",
                forms.conv_qdq(suite.rng, groups=4), kernel=ENCODED, step=.1)
    suite.check("qdq conv, 8 groups of 8 channels",
                forms.conv_qdq(suite.rng, groups=8, channels=64, outputs=64),
                kernel=ENCODED, step=.1)
    suite.check("qdq conv, 17 groups of 2 outputs",
                forms.conv_qdq(suite.rng, groups=17, channels=34, outputs=34),
                kernel=FLOAT, step=.1)


def operators(suite):
    for weight in (np.int8, np.uint8):
        for per_column in (False, True):
            suite.check(f"QLinearMatMul x {weight.__name__}"
                        f"{' per column' * per_column}",
                        forms.qlinear_matmul(suite.rng, weight, per_column),
                        kernel=ENCODED)
    suite.check("QLinearConv", forms.qlinear_conv(suite.rng), kernel=ENCODED)
    suite.check("QLinearConv, depthwise", forms.qlinear_conv(suite.rng, 8),
                kernel=ENCODED)
    suite.check("QLinearConv, grouped", forms.qlinear_conv(suite.rng, 2),
                kernel=ENCODED)
    suite.check("QGemm", forms.qgemm(suite.rng), kernel=ENCODED)
    suite.check("QGemm to float", forms.qgemm(suite.rng, False),
                kernel=ENCODED)
    suite.check("QLinearAdd", forms.qlinear_binary("QLinearAdd"))
    suite.check("QLinearMul", forms.qlinear_binary("QLinearMul"))
    suite.check("QLinearSigmoid", forms.qlinear_unary("QLinearSigmoid"))
    suite.check("QLinearLeakyRelu",
                forms.qlinear_unary("QLinearLeakyRelu", alpha=.2))
    suite.check("QLinearSoftmax",
                forms.qlinear_unary("QLinearSoftmax", axis=-1, opset=13))
    suite.check("QLinearSoftmax over two axes",
                forms.qlinear_unary("QLinearSoftmax", axis=1, opset=11))
    suite.check("QLinearConcat", forms.qlinear_concat())
    pool = {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 1]}
    suite.check("QLinearAveragePool",
                forms.qlinear_pool("QLinearAveragePool", [6, 5, 8], **pool))
    suite.check("QLinearGlobalAveragePool",
                forms.qlinear_pool("QLinearGlobalAveragePool", [6, 1, 1],
                                   channels_last=0))
    half_steps(suite)
    suite.refuse("QLinearAdd with an unknown attribute",
                 forms.model([forms.node(
                     "QLinearAdd", list("abcdefgh"), ["y"], forms.MS, magic=1)],
                     {name: (T.FLOAT, []) for name in "abcdefgh"},
                     {"y": (T.FLOAT, [])}, {}),
                 r"has no attribute 'magic'")


def half_steps(suite):
    """Where half steps are common every code is ONNX Runtime's."""
    rng = suite.rng
    pool = {"kernel_shape": [2, 2], "strides": [1, 2]}
    for label, model in {
            "QLinearMatMul": forms.qlinear_matmul(rng),
            "QLinearMatMul per column": forms.qlinear_matmul(
                rng, np.uint8, True),
            "QLinearConv": forms.qlinear_conv(rng),
            "QLinearConv, depthwise": forms.qlinear_conv(rng, 8),
            "QGemm": forms.qgemm(rng),
            "QLinearAdd": forms.qlinear_binary("QLinearAdd"),
            "QLinearAdd, column first": forms.qlinear_binary(
                "QLinearAdd", (5, 1), ("n", 5, 7)),
            "QLinearMul": forms.qlinear_binary("QLinearMul"),
            "QLinearSigmoid": forms.qlinear_unary("QLinearSigmoid"),
            "QLinearLeakyRelu": forms.qlinear_unary("QLinearLeakyRelu",
                                                    alpha=.25),
            "QLinearConcat": forms.qlinear_concat(),
            "QLinearAveragePool": forms.qlinear_pool(
                "QLinearAveragePool", [6, 8, 4], **pool),
            "QLinearAveragePool, padded": forms.qlinear_pool(
                "QLinearAveragePool", [6, 10, 5], **pool | {
                    "pads": [1, 1, 1, 1], "count_include_pad": 1}),
            "QLinearGlobalAveragePool": forms.qlinear_pool(
                "QLinearGlobalAveragePool", [6, 1, 1], channels_last=0),
    }.items():
        suite.check(f"half steps of {label}", forms.half_steps(rng, model),
                    sizes={"n": 30, "rows": 50}, share=0)


def dynamic(suite):
    for weight in (np.int8, np.uint8):
        suite.check(f"dynamic matmul x {weight.__name__}",
                    forms.dynamic_matmul(suite.rng, weight), kernel=ENCODED)
    suite.check("dynamic matmul per column",
                forms.dynamic_matmul(suite.rng, np.int8, True), kernel=ENCODED)
    suite.check("dynamic matmul of zeros", forms.dynamic_matmul(suite.rng, np.int8),
                inputs={"x": np.zeros((2, 3, 80), F)}, kernel=ENCODED)
    suite.check("ConvInteger", forms.dynamic_conv(suite.rng), kernel=ENCODED)
    suite.check("ConvInteger, grouped", forms.dynamic_conv(suite.rng, 2),
                kernel=ENCODED)
    suite.check("MatMulInteger to int32", forms.matmul_integer(suite.rng))
    for op in ("MatMulIntegerToFloat", "DynamicQuantizeMatMul"):
        suite.check(op, forms.contrib_dynamic(suite.rng, op), kernel=ENCODED)


def blocks(suite):
    """Against float64: ONNX Runtime is asked where it has the width."""
    for bits, k, block in ((4, 128, 32), (4, 100, 32), (4, 96, 16),
                           (4, 512, 256), (8, 96, 32), (2, 128, 32),
                           (3, 96, 32)):
        for zeros in ("packed", "", "float"):
            if zeros == "float" and bits != 4:
                continue
            made = forms.Blocks(suite.rng, 48, k, bits, block, zeros)
            model = forms.matmul_nbits(made, made.arrays(zeros=zeros))
            inputs = suite.data(model, {})
            want = inputs["A"].astype(np.float64) @ made.values.T
            suite.check(f"MatMulNBits {bits} bits, k {k}, block {block}, "
                        f"zero points {zeros or '2^(bits-1)'}", model, inputs,
                        BLOCKS if bits < 8 else "", 3e-6,
                        {"Y": want.astype(F)})
    made = forms.Blocks(suite.rng, 32, 96, 4, 32)
    bias = suite.rng.standard_normal(32).astype(F)
    for label, model in {
            "bias": forms.matmul_nbits(made, made.arrays(), bias),
            "flat arrays": forms.matmul_nbits(made, made.arrays("flat")),
            "accuracy level 4": forms.matmul_nbits(made, made.arrays(),
                                                   accuracy_level=4),
            "blocks before rows": forms.matmul_nbits(made,
                                                     made.arrays("blocks")),
    }.items():
        inputs = suite.data(model, {})
        want = inputs["A"].astype(np.float64) @ made.values.T
        want = want + bias if label == "bias" else want
        suite.check(f"MatMulNBits, {label}", model, inputs, BLOCKS, 3e-6,
                    {"Y": want.astype(F)})
    suite.check("MatMulNBits of ONNX Runtime",
                forms.matmul_nbits(made, made.arrays()), kernel=BLOCKS,
                tolerance=1e-5)
    suite.check("MatMulNBits of ONNX Runtime, default zero points",
                forms.matmul_nbits(made, made.arrays(zeros="")), kernel=BLOCKS,
                tolerance=1e-5)
    half = forms.matmul_nbits(made, made.arrays(half=True), half=True)
    inputs = suite.data(half, {})
    want = inputs["A"].astype(np.float64) @ made.values.T
    suite.check("MatMulNBits of float16", half, inputs, BLOCKS, 1e-3,
                {"Y": want.astype(np.float16)})
    suite.refuse("MatMulNBits, wrong shape of B", forms.matmul_nbits(
        made, made.arrays() | {"B": made.packed[:, :, 1:]}),
        r"expected packed codes of shape \[32, 3, 16\], got \[32, 3, 15\]")
    suite.refuse("MatMulNBits, block of 24", forms.matmul_nbits(
        forms.Blocks(suite.rng, 8, 48, 4, 24), {
            "B": made.packed, "scales": made.scales}),
        r"expected 'block_size' to be a power of two")
    for kind in (T.INT4, T.UINT4):
        for zeros in (True, False):
            label = f"{T.DataType.Name(kind)}{' with zero points' * zeros}"
            model, values = forms.blocks_qdq(suite.rng, kind, zeros=zeros)
            inputs = suite.data(model, {})
            want = inputs["x"].astype(np.float64) @ values
            suite.check(f"DequantizeLinear in blocks of {label}", model, inputs,
                        BLOCKS, 3e-6, {"y": want.astype(F)})
            model, values = forms.gather_codes(suite.rng, kind, zeros)
            indices = suite.rng.integers(0, 30, (2, 5))
            suite.check(f"GatherBlockQuantized of {label}", model,
                        {"i": indices}, ROWS, EXACT,
                        {"Y": values[indices].astype(F)})
    model, values = forms.nvfp4(suite.rng)
    inputs = suite.data(model, {})
    suite.check("DequantizeLinear in blocks of NVFP4", model, inputs, "", 3e-6,
                {"y": (inputs["x"].astype(np.float64) @ values).astype(F)})
    for zeros in ("packed", ""):
        made = forms.Blocks(suite.rng, 50, 64, 4, 32, zeros)
        arrays = made.arrays(zeros=zeros)
        model = forms.gather_blocks(made, arrays, 4)
        indices = suite.rng.integers(0, 50, (2, 5))
        suite.check(f"GatherBlockQuantized {zeros}", model,
                    {"indices": indices}, ROWS, EXACT,
                    {"Y": made.values[indices].astype(F)})


def fused(suite):
    check, simple = suite.check, forms.simple
    rows = ["n", 4, 16]
    check("FastGelu", simple("FastGelu", [rows, [16]], {"y": rows}),
          tolerance=1e-5)
    check("BiasGelu", simple("BiasGelu", [rows, [16]], {"y": rows}),
          tolerance=1e-5)
    check("Gelu", simple("Gelu", [rows], {"y": rows}), tolerance=1e-5)
    check("QuickGelu", simple("QuickGelu", [rows], {"y": rows}),
          tolerance=1e-5)
    check("FusedMatMul", simple("FusedMatMul", [["n", 16, 5], [7, 16]],
                                {"y": ["n", 5, 7]}, transA=1, transB=1,
                                alpha=.125), tolerance=1e-5)
    check("FusedConv", simple("FusedConv", [["n", 3, 8, 8], [5, 3, 3, 3], [5]],
                              {"y": ["n", 5, 6, 6]}, activation="LeakyRelu",
                              activation_params=[.3]), tolerance=1e-5)
    check("FusedGemm", simple("FusedGemm", [["n", 16], [7, 16], [7]],
                              {"y": ["n", 7]}, transB=1, activation="Relu"),
          tolerance=1e-5)
    check("SkipLayerNormalization",
          simple("SkipLayerNormalization", [rows, rows, [16], [16], [16]],
                 {"y": rows}, epsilon=1e-5), tolerance=1e-5)
    check("SkipSimplifiedLayerNormalization",
          simple("SkipSimplifiedLayerNormalization", [rows, rows, [16]],
                 {"y": rows}, epsilon=1e-6), tolerance=1e-5)
    check("SimplifiedLayerNormalization",
          simple("SimplifiedLayerNormalization", [rows, [16]], {"y": rows},
                 "", axis=-1, epsilon=1e-6), tolerance=1e-5)
    angles = suite.rng.uniform(0, 3, (32, 8)).astype(F)
    tables = {"c": np.cos(angles), "s": np.sin(angles)}
    for label, positions in (("offset", np.array([3], np.int64)),
                             ("rows", np.arange(10).reshape(2, 5))):
        model = forms.model(
            [forms.node("RotaryEmbedding", ["x", "p", "c", "s"], ["y"],
                        forms.MS, num_heads=2)],
            {"x": (T.FLOAT, ["b", "t", 32]),
             "p": (T.INT64, positions.shape if positions.size == 1 else
                   ["b", "t"])},
            {"y": (T.FLOAT, ["b", "t", 32])}, tables)
        x = suite.rng.standard_normal((2, 5, 32)).astype(F)
        check(f"RotaryEmbedding, {label}", model, {"x": x, "p": positions},
              tolerance=1e-5)
    attention(suite)


def attention(suite):
    size = {"b": 2, "t": 5, "l": 6}
    rows = ["b", "t", 64]
    model = forms.model(
        [forms.node("MultiHeadAttention", ["q", "k", "v", "b", "m", "a"],
                    ["y"], forms.MS, num_heads=4)],
        {"q": (T.FLOAT, rows), "k": (T.FLOAT, ["b", "l", 64]),
         "v": (T.FLOAT, ["b", "l", 64]), "b": (T.FLOAT, [192]),
         "m": (T.INT32, ["b", "l"]), "a": (T.FLOAT, ["b", 4, "t", "l"])},
        {"y": (T.FLOAT, rows)}, {})
    inputs = suite.data(model, size)
    inputs["m"] = np.array([[1] * 6, [1] * 4 + [0] * 2], np.int32)
    suite.check("MultiHeadAttention", model, inputs, tolerance=1e-5)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-k", default="", help="only cases with this text")
    parser.add_argument("--keep", help="folder for the last model")
    options = parser.parse_args()
    ort.set_default_logger_severity(3)
    with tempfile.TemporaryDirectory() as name:
        suite = Suite(pathlib.Path(options.keep or name), options.k)
        for part in (qdq, operators, dynamic, blocks, fused):
            part(suite)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Exports of model families, quantized by ONNX Runtime's tools, against ONNX
Runtime.

    python test/end-to-end/quantized_exports.py [--full] [-k REGEX]

Each committed export of test/conformance/families is quantized in four forms:
QDQ and QOperator with static ranges, dynamic, MatMulNBits in 4 bits.  Whole
models round hundreds of times in a row, and codes that differ by one at first
are felt everywhere; so a model is also cut behind each quantization.  Every
piece is fed with ONNX Runtime's own tensors, and its codes are compared: at
most one in a thousand differs, by one.  The whole model must be nearer to ONNX
Runtime's result than quantization has moved that.
"""

import argparse
import logging
import pathlib
import re
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "test" / "conformance" / "families")]

from run_families import read_exports  # noqa: E402
from spec import Input, arrays  # noqa: E402

from _checks import Checks  # noqa: E402
from _compiled import compile_model, runtime  # noqa: E402
from onnxruntime import quantization as tools  # noqa: E402
from onnxruntime.quantization import shape_inference  # noqa: E402

MODELS = ROOT / "test" / "conformance" / "families" / "models"
FORMS = ("qdq", "qoperator", "dynamic", "blocks")
EVERYDAY = (r"(resnet|voice_activity).*(qdq|qoperator)|minilm.*(qdq|dynamic)|"
            r"llama.*(dynamic|blocks)")
FLIPPED = 1e-3
# What comes of the forms that cannot be compared: their tools write models that
# their runtime does not take, scales that are not finite, and a few operators
# that are refused here.
EXPECTED = {
    "deberta-dynamo-23 qoperator": "Invalid model with unknown initializers",
    "llama-torchscript-17 qdq": "expected a finite scale",
    "llama-torchscript-17 qoperator": "expected a finite scale",
    "qwen3-dynamo-23 dynamic": "QAttention",
    "sd_unet-dynamo-23 qoperator": "does not match y_zero_point",
    "sd_unet-dynamo-23 dynamic": "QAttention",
    "video_resolution-torchscript-17 qoperator": "Resize-17 of integers",
    "voice_activity-torchscript-17 dynamic": "DynamicQuantizeLSTM",
    "whisper_encoder-dynamo-23 dynamic": "QAttention",
}


class Samples(tools.CalibrationDataReader):
    def __init__(self, feeds):
        self.feeds = iter(feeds)

    def get_next(self):
        return next(self.feeds, None)


def run(model, feeds, optimized=False):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return runtime(model, optimized, options)(feeds)


def to_blocks(graph, block=32):
    """Every MatMul with a constant matrix becomes a MatMulNBits of 4 bits, as
    ONNX Runtime's tool does it, which needs a further package."""
    weights = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type != "MatMul" or node.input[1] not in weights:
            continue
        matrix = numpy_helper.to_array(weights[node.input[1]])
        if matrix.ndim != 2 or matrix.dtype != np.float32:
            continue
        k, n = matrix.shape
        count = -(-k // block)
        rows = np.pad(matrix.T, ((0, 0), (0, count * block - k)))
        rows = rows.reshape(n, count, block)
        low, high = rows.min(-1).clip(max=0), rows.max(-1).clip(min=0)
        scales = np.maximum(high - low, 1e-8) / np.float32(15)
        zeros = np.rint(-low / scales)
        codes = np.rint(rows / scales[..., None]) + zeros[..., None]
        codes = codes.clip(0, 15).astype(np.uint8)
        zeros = np.pad(zeros.astype(np.uint8), ((0, 0), (0, count % 2)))
        arrays = {"codes": codes[..., ::2] | codes[..., 1::2] << 4,
                  "scales": scales.reshape(-1).astype(np.float32),
                  "zeros": (zeros[:, ::2] | zeros[:, 1::2] << 4).reshape(-1)}
        made = [f"{node.output[0]}/{name}" for name in arrays]
        graph.initializer.extend(
            numpy_helper.from_array(array, name)
            for array, name in zip(arrays.values(), made))
        node.CopyFrom(helper.make_node(
            "MatMulNBits", [node.input[0], *made], node.output,
            name=node.name, domain="com.microsoft", K=k, N=n, bits=4,
            block_size=block))


def quantize(source, target, form, feeds):
    prepared = target.with_suffix(".prepared.onnx")
    shape_inference.quant_pre_process(str(source), str(prepared),
                                      skip_symbolic_shape=True)
    if form == "dynamic":
        tools.quantize_dynamic(str(prepared), str(target), per_channel=True)
    elif form == "blocks":
        model = onnx.load(prepared)
        to_blocks(model.graph)
        if not any(o.domain == "com.microsoft" for o in model.opset_import):
            model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
        onnx.save(model, target)
    else:
        tools.quantize_static(
            str(prepared), str(target), Samples(feeds),
            quant_format=(tools.QuantFormat.QDQ if form == "qdq" else
                          tools.QuantFormat.QOperator),
            per_channel=form == "qdq")
    return onnx.load(target)


def cut(model, feeds):
    """The model with every result of a quantization as an output, and as an
    input for what reads it; its inputs, and the outputs that are expected."""
    names = [name for node in model.graph.node
             for name in node.output if name and (
                 node.op_type in ("QuantizeLinear", "DynamicQuantizeLinear",
                                  "QGemm") or
                 node.op_type.startswith("QLinear"))]
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    del probe.graph.output[:]
    probe.graph.output.extend(map(helper.make_empty_tensor_value_info, names))
    values = run(probe, feeds) if names else {}
    pieces = onnx.ModelProto()
    pieces.CopyFrom(model)
    graph = pieces.graph
    for node in graph.node:
        for i, name in enumerate(node.output):
            if name in values:
                node.output[i] = name + "/made"
    used = {name for node in graph.node for name in node.input}

    def info(name, array):
        kind = helper.np_dtype_to_tensor_dtype(array.dtype)
        return helper.make_tensor_value_info(name, kind, array.shape)
    inputs = feeds | {name: array for name, array in values.items()
                      if name in used}
    del graph.input[:], graph.output[:], graph.value_info[:]
    graph.input.extend(info(name, array) for name, array in inputs.items())
    graph.output.extend(info(name + "/made", array)
                        for name, array in values.items())
    return pieces, inputs, {name + "/made": array
                            for name, array in values.items()}


def compare_pieces(got, want):
    codes = flipped = 0
    for name, expected in want.items():
        have = got[name]
        if have.shape != expected.shape or have.dtype != expected.dtype:
            return (f"{name} is {have.dtype} {have.shape}, expected "
                    f"{expected.dtype} {expected.shape}")
        difference = np.abs(have.astype(np.float64) -
                            expected.astype(np.float64))
        if expected.dtype.kind == "f":  # the scale of a dynamic quantization
            if not (difference <= 1e-5 * np.abs(expected)).all():
                return f"scale {name} differs"
            continue
        if difference.max(initial=0) > 1:
            return f"{name} differs by {difference.max():g} codes"
        codes += difference.size
        flipped += np.count_nonzero(difference)
    return "" if flipped <= FLIPPED * codes else (
        f"{flipped} of {codes} codes differ")


def distance(a, b):
    """Relative to b, over all float outputs."""
    pairs = [(np.asarray(a[name], np.float64), np.asarray(b[name], np.float64))
             for name in b if b[name].dtype.kind == "f"]
    pairs = [(x[np.isfinite(y)], y[np.isfinite(y)]) for x, y in pairs]
    return (sum(((x - y) ** 2).sum() for x, y in pairs) /
            max(sum((y ** 2).sum() for _, y in pairs), 1e-30)) ** .5


def check(export, form, folder):
    """What is wrong, or nothing; and a line of figures."""
    inputs = tuple(Input(*value) for value in export.record["inputs"])
    size = export.record["sizes"][0]
    names = [value.name for value in export.model().graph.input]
    feeds = arrays(inputs, size)
    feeds = {name: feeds[name] for name in names}
    model = quantize(export.path, folder / "q.onnx", form, [feeds])
    if not any("Quantize" in node.op_type or "QLinear" in node.op_type or
               "NBits" in node.op_type for node in model.graph.node):
        return "", "nothing to quantize"
    pieces, fed, want = cut(model, feeds)
    problem = compare_pieces(compile_model(pieces, folder).run(fed),
                             want) if want else ""
    plain = run(export.model(), feeds)
    theirs, best = run(model, feeds), run(model, feeds, optimized=True)
    ours = compile_model(model, folder).run(feeds)
    moved = distance(theirs, plain)
    apart, optimized = distance(ours, theirs), distance(best, theirs)
    figures = (f"{len(want)} pieces, apart {apart:.1e}, their optimizer "
               f"{optimized:.1e}, quantization {moved:.1e}")
    if not problem and not apart <= max(1e-4, moved, 2 * optimized):
        problem = "further from ONNX Runtime than quantization moved it"
    return problem, figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true",
                        help="all forms of all exports")
    parser.add_argument("-k", metavar="REGEX", default="")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    ort.set_default_logger_severity(4)
    chosen = options.k or ("" if options.full else EVERYDAY)
    checks = Checks()
    for name, export in read_exports(MODELS).items():
        for form in FORMS:
            label = f"{name} {form}"
            if not re.search(chosen, label):
                continue
            with tempfile.TemporaryDirectory(prefix="quantc-exports-") as made:
                try:
                    problem, figures = check(export, form, pathlib.Path(made))
                except Exception as error:
                    figures = EXPECTED.get(label, "")
                    problem = ("" if figures and figures in str(error) else
                               f"{type(error).__name__}: {error}")
            checks.judge(f"{label}: {figures}", problem[:300])
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())

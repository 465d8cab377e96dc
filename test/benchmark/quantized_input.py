# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The time of models that ONNX Runtime's tools quantized, beside ONNX Runtime's.

    python test/benchmark/quantized_input.py [-k REGEX] [--threads N] [--rounds N]

Small convolutional networks of three families with random weights (what they
compute does not change their time) as QDQ and QOperator, one image of 112 x 112,
and MiniLM, 1 x 128 tokens, its matrix products quantized dynamically, as QDQ
and QOperator.  In turns, one process each; the ratio is ours over theirs.
"""

import logging
import pathlib
import re
import sys
import tempfile
from typing import Callable

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import quantization
from onnxruntime.quantization import QuantFormat, QuantType, shape_inference

import operators
import workloads

SIZE, CLASSES = 112, 100


class Network:
    """Nodes in the order in which their values are made."""

    def __init__(self):
        self.noise = np.random.default_rng(1)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def weight(self, *shape, scale=0.1) -> str:
        array = (self.noise.standard_normal(shape) * scale).astype(np.float32)
        return self.constant(array)

    def constant(self, array) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def add(self, op: str, *inputs: str, **attributes) -> str:
        result = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [result], name=result,
                                           **attributes))
        return result

    def conv(self, x: str, channels: int, outputs: int, size=3, stride=1,
             groups=1, activation="Relu") -> str:
        inner = channels // groups
        y = self.add("Conv", x, self.weight(outputs, inner, size, size,
                                            scale=(2 / inner) ** .5 / size),
                     self.weight(outputs), kernel_shape=[size, size],
                     strides=[stride, stride], pads=[size // 2] * 4,
                     group=groups)
        if activation == "Clip":
            return self.add("Clip", y, self.constant(np.float32(0)),
                            self.constant(np.float32(6)))
        return self.add(activation, y) if activation else y

    def finish(self, x: str, channels: int) -> onnx.ModelProto:
        x = self.add("Flatten", self.add("GlobalAveragePool", x))
        y = self.add("Gemm", x, self.weight(CLASSES, channels),
                     self.weight(CLASSES), transB=1)
        graph = helper.make_graph(
            self.nodes, "network",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT,
                                           ["n", 3, SIZE, SIZE])],
            [helper.make_tensor_value_info(y, TensorProto.FLOAT,
                                           ["n", CLASSES])], self.weights)
        return helper.make_model(
            graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])


def mobilenet() -> onnx.ModelProto:
    """Pointwise, depthwise, pointwise, with an addition around them."""
    net = Network()
    x, channels = net.conv("x", 3, 16, 3, 2, activation="Clip"), 16
    for expansion, outputs, first, count in ((1, 16, 1, 1), (6, 24, 2, 2),
                                             (6, 32, 2, 3), (6, 64, 2, 3),
                                             (6, 96, 1, 2)):
        for i in range(count):
            inner, stride = channels * expansion, 1 if i else first
            y = x if expansion == 1 else net.conv(x, channels, inner, 1,
                                                  activation="Clip")
            y = net.conv(y, inner, inner, 3, stride, inner, "Clip")
            y = net.conv(y, inner, outputs, 1, activation=None)
            same = stride == 1 and channels == outputs
            x, channels = net.add("Add", x, y) if same else y, outputs
    return net.finish(net.conv(x, channels, 256, 1, activation="Clip"), 256)


def residual(widths: tuple[int, ...], block: Callable) -> onnx.ModelProto:
    """Two blocks of each width, each with an addition around it; the first of
    a width halves the image, but for the first width.  `block` is given the
    network, its input, that one's channels, its outputs and its stride."""
    net = Network()
    x, channels = stem(net)
    for outputs in widths:
        for i in range(2):
            stride = 2 if i == 0 and outputs > widths[0] else 1
            y = block(net, x, channels, outputs, stride)
            x, channels = join(net, x, y, channels, outputs, stride), outputs
    return net.finish(x, channels)


def basic(net: Network, x: str, channels: int, outputs: int,
          stride: int) -> str:
    """Two 3 x 3 convolutions."""
    y = net.conv(x, channels, outputs, 3, stride)
    return net.conv(y, outputs, outputs, activation=None)


def grouped(net: Network, x: str, channels: int, outputs: int,
            stride: int) -> str:
    """Pointwise, 3 x 3 in 32 groups of 2 to 16 channels, pointwise."""
    y = net.conv(x, channels, outputs, 1)
    y = net.conv(y, outputs, outputs, 3, stride, 32)
    return net.conv(y, outputs, outputs, 1, activation=None)


def stem(net: Network) -> tuple[str, int]:
    return net.add("MaxPool", net.conv("x", 3, 32, 7, 2), kernel_shape=[3, 3],
                   strides=[2, 2], pads=[1, 1, 1, 1]), 32


def join(net: Network, x: str, y: str, channels: int, outputs: int,
         stride: int) -> str:
    """The sum of a block's input, projected where shapes differ, and result."""
    if stride != 1 or channels != outputs:
        x = net.conv(x, channels, outputs, 1, stride, activation=None)
    return net.add("Relu", net.add("Add", x, y))


NETWORKS = {"mobilenet": mobilenet,
            "resnet": lambda: residual((32, 64, 128, 256), basic),
            "resnext": lambda: residual((64, 128, 256, 512), grouped)}


class Samples(quantization.CalibrationDataReader):
    def __init__(self, samples: list[workloads.Arrays]):
        self.rest = iter(samples)

    def get_next(self):
        return next(self.rest, None)


def quantize(source: pathlib.Path, target: pathlib.Path, form: str,
             samples: list[workloads.Arrays], operations=None) -> None:
    """Weights per output channel, activations unsigned."""
    prepared = target.with_suffix(".prepared")
    shape_inference.quant_pre_process(str(source), str(prepared),
                                      skip_symbolic_shape=True)
    if form == "dynamic":
        quantization.quantize_dynamic(str(prepared), str(target),
                                      per_channel=True,
                                      weight_type=QuantType.QInt8)
        return
    kind = QuantFormat.QDQ if form == "qdq" else QuantFormat.QOperator
    quantization.quantize_static(
        str(prepared), str(target), Samples(samples), quant_format=kind,
        op_types_to_quantize=operations, per_channel=True,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)


def networks(folder: pathlib.Path):
    """Label, source, forms, samples, operations to quantize, and what is timed."""
    noise = np.random.default_rng(5)

    def image():
        return {"x": noise.standard_normal((1, 3, SIZE, SIZE), np.float32)}
    for name, build in NETWORKS.items():
        source = folder / f"{name}.fp32.onnx"
        onnx.save(onnx.shape_inference.infer_shapes(build()), source)
        yield (name, source, ("qdq", "qop"), [image() for _ in range(4)], None,
               image())
    yield ("minilm", workloads.onnx_path("minilm", folder),
           ("dynamic", "qdq", "qop"),
           workloads.calibration_samples("minilm")[:8], ["MatMul"],
           workloads.WORKLOADS["minilm"].inputs())


def main() -> int:
    options = operators.read_options(__doc__.splitlines()[0])
    logging.disable(logging.WARNING)
    operators.print_head("model")
    failed = 0
    with tempfile.TemporaryDirectory(prefix="quantc-quantized-") as name:
        folder = pathlib.Path(name)
        for model, source, forms, samples, operations, inputs in networks(
                folder):
            for form in forms:
                label = f"{model} {form}"
                if not re.search(options.k, label):
                    continue
                path = folder / f"{model}-{form}.onnx"
                quantize(source, path, form, samples, operations)
                failed += not operators.compare(label, path, inputs, options)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The Fashion-MNIST classifier: one description, read by torch and by ONNX.

A small depthwise-separable network in the manner of MobileNet and ResNet:
NCHW, every convolution without bias and followed by its own batch norm.

    stage          output        what
    stem           32 x 28 x 28  3x3 convolution
    down1          64 x 14 x 14  depthwise 3x3 stride 2, pointwise
    basic1         64 x 14 x 14  3x3, residual add
    separable1     64 x 14 x 14  depthwise, pointwise, residual add
    down2         128 x  7 x  7  depthwise 3x3 stride 2, pointwise
    inverted1     128 x  7 x  7  pointwise to 256, depthwise, pointwise, add
    inverted2     128 x  7 x  7  the same
    head          10             global average pool, linear
"""

from typing import NamedTuple

import numpy as np
from onnx import TensorProto

from models.graph import Graph

EPSILON = 1e-5


class Conv(NamedTuple):
    """A convolution and batch norm; `kernel` is 1 or 3, padding keeps size."""
    name: str
    inputs: int
    outputs: int
    kernel: int
    stride: int = 1
    groups: int = 1
    relu: bool = True


class Block(NamedTuple):
    """Convolutions in a row; with `residual` the block's input is added to
    their result before the last Relu (which then follows the Add)."""
    name: str
    convs: tuple[Conv, ...]
    residual: bool = False


def depthwise(name: str, channels: int, stride: int = 1) -> Conv:
    return Conv(name, channels, channels, 3, stride, channels)


def inverted(name: str, channels: int, expanded: int) -> Block:
    return Block(name, (Conv("expand", channels, expanded, 1),
                        depthwise("depthwise", expanded),
                        Conv("project", expanded, channels, 1, relu=False)),
                 True)


BLOCKS = (
    Block("stem", (Conv("conv", 1, 32, 3),)),
    Block("down1", (depthwise("depthwise", 32, 2),
                    Conv("pointwise", 32, 64, 1))),
    Block("basic1", (Conv("conv", 64, 64, 3, relu=False),), True),
    Block("separable1", (depthwise("depthwise", 64),
                         Conv("pointwise", 64, 64, 1, relu=False)), True),
    Block("down2", (depthwise("depthwise", 64, 2),
                    Conv("pointwise", 64, 128, 1))),
    inverted("inverted1", 128, 256),
    inverted("inverted2", 128, 256),
)
FEATURES, CLASSES = 128, 10


def to_onnx(weights: dict[str, np.ndarray]):
    """The graph with batch norms as nodes of their own.

    `weights` has "<block>.<conv>.conv.weight" [out, in/groups, k, k],
    "<block>.<conv>.norm.{weight,bias,running_mean,running_var}" [out],
    "head.weight" [10, 128] and "head.bias" [10].
    """
    graph = Graph("fashion_classifier")
    value = graph.input("image", TensorProto.FLOAT, ["batch", 1, 28, 28])
    for block in BLOCKS:
        shortcut = value
        for conv in block.convs:
            value = _conv(graph, f"{block.name}.{conv.name}", conv, value,
                          f"{block.name}/{conv.name}", weights)
        if block.residual:
            with graph.scope(block.name):
                value = graph.node("Relu",
                                   graph.node("Add", value, shortcut))
    with graph.scope("head"):
        value = graph.node("GlobalAveragePool", value)
        value = graph.node("Flatten", value, axis=1)
        graph.node("Gemm", value,
                   graph.weight("head.weight", weights["head.weight"]),
                   graph.weight("head.bias", weights["head.bias"]),
                   output="logits", alpha=1.0, beta=1.0, transB=1)
    graph.output("logits", ["batch", CLASSES])
    return graph.model("Fashion-MNIST classifier; input in [0, 1].")


def _conv(graph: Graph, key: str, conv: Conv, value: str, scope: str,
          weights: dict[str, np.ndarray]) -> str:
    pad = conv.kernel // 2
    with graph.scope(scope):
        with graph.scope("conv"):
            name = f"{key}.conv.weight"
            value = graph.node("Conv", value,
                               graph.weight(name, weights[name]),
                               dilations=[1, 1], group=conv.groups,
                               kernel_shape=[conv.kernel] * 2,
                               pads=[pad] * 4, strides=[conv.stride] * 2)
        with graph.scope("norm"):
            names = [f"{key}.norm.{part}" for part in
                     ("weight", "bias", "running_mean", "running_var")]
            value = graph.node(
                "BatchNormalization", value,
                *[graph.weight(name, weights[name]) for name in names],
                epsilon=EPSILON, momentum=0.9, training_mode=0)
        if conv.relu:
            value = graph.node("Relu", value)
    return value

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Graphs as converters other than torch's write them: paddle2onnx, tf2onnx and
tools that are built on them.

The structure follows models that these converters have published; the weights
are random.  What matters is the spelling: shapes that are computed by Shape,
Cast, Slice and Concat, normalizations and activations in parts, channels that
come last, names of dimensions that are no identifiers.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from spec import Input, Size

FLOAT, INT32, INT64 = TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64
END = np.iinfo(np.int64).max


class Graph:
    """Nodes in the order in which they are made; a call gives a name."""

    def __init__(self, opset: int, seed: int = 3):
        self.opset = opset
        self.random = np.random.default_rng(seed)
        self.nodes, self.initializers = [], []

    def constant(self, value) -> str:
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(
            np.asarray(value), name))
        return name

    def ints(self, *values: int) -> str:
        return self.constant(np.array(values, np.int64))

    def weight(self, *shape: int) -> str:
        """Of a size that keeps the variance of what it is contracted with."""
        fan = int(np.prod(shape[1:])) or 1
        values = self.random.standard_normal(shape) / np.sqrt(fan)
        return self.constant(values.astype(np.float32))

    def vector(self, count: int, around: float = 0.0) -> str:
        values = around + 0.2 * self.random.standard_normal(count)
        return self.constant(values.astype(np.float32))

    def __call__(self, op: str, *inputs: str, outputs: int = 1, **attributes):
        names = [f"{op}_{len(self.nodes)}.{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(
            op, inputs, names, f"{op}_{len(self.nodes)}", **attributes))
        return names[0] if outputs == 1 else names

    def add_node(self, op: str, inputs, outputs, **attributes) -> None:
        self.nodes.append(helper.make_node(op, inputs, outputs, **attributes))

    def model(self, inputs, outputs) -> onnx.ModelProto:
        """`outputs` are pairs of a value and the type and shape declared."""
        results = []
        for name, kind, shape in outputs:
            results.append(helper.make_tensor_value_info(name, kind, shape))
        graph = helper.make_graph(
            self.nodes, "graph",
            [helper.make_tensor_value_info(*value) for value in inputs],
            results, self.initializers)
        return helper.make_model(
            graph, ir_version=8 if self.opset < 18 else 9,
            opset_imports=[helper.make_opsetid("", self.opset)])


# paddle2onnx.


def norm(g: Graph, x: str, channels: int) -> str:
    """A batch normalization that was not folded."""
    return g("BatchNormalization", x, g.vector(channels, 1), g.vector(channels),
             g.vector(channels), g.constant(np.float32(
                 0.5 + g.random.random(channels))), epsilon=1e-5, momentum=0.9)


def hard_swish(g: Graph, x: str) -> str:
    """Below opset 14: x * clip(x + 3, 0, 6) / 6."""
    if g.opset >= 14:
        return g("HardSwish", x)
    three, six = (g.constant(np.float32([v])) for v in (3, 6))
    zero = g.constant(np.float32(0))
    top = g.constant(np.float32(6))
    y = g("Clip", g("Add", x, three), zero, top)
    return g("Div", g("Mul", x, y), six)


def paddle_conv(g: Graph, x: str, inputs: int, outputs: int, kernel: int,
                stride, groups: int = 1, act: str = "swish") -> str:
    strides = [stride, stride] if isinstance(stride, int) else list(stride)
    x = g("Conv", x, g.weight(outputs, inputs // groups, kernel, kernel),
          dilations=[1, 1], kernel_shape=[kernel, kernel], strides=strides,
          group=groups, pads=[kernel // 2] * 4)
    x = norm(g, x, outputs)
    if act == "swish":
        return hard_swish(g, x)
    return g("Relu", x) if act == "relu" else x


def paddle_gate(g: Graph, x: str, channels: int) -> str:
    """Squeeze and excitation; biases are added after their convolutions, in
    the shape that Paddle reshapes them to."""
    y = g("GlobalAveragePool", x)
    small = channels // 4
    y = g("Conv", y, g.weight(small, channels, 1, 1), kernel_shape=[1, 1])
    y = g("Relu", g("Add", y, g("Reshape", g.vector(small), g.ints(1, -1, 1, 1))))
    y = g("Conv", y, g.weight(channels, small, 1, 1), kernel_shape=[1, 1])
    y = g("Add", y, g("Reshape", g.vector(channels), g.ints(1, -1, 1, 1)))
    y = g("HardSigmoid", y, alpha=0.2, beta=0.5)
    return g("Mul", x, y)


def paddle_block(g: Graph, x: str, inputs: int, wide: int, outputs: int,
                 kernel: int, stride, gate: bool, act: str) -> str:
    y = paddle_conv(g, x, inputs, wide, 1, 1, act=act)
    y = paddle_conv(g, y, wide, wide, kernel, stride, wide, act)
    if gate:
        y = paddle_gate(g, y, wide)
    y = paddle_conv(g, y, wide, outputs, 1, 1, act="")
    return g("Add", x, y) if inputs == outputs and stride == 1 else y


def paddle_resize_to(g: Graph, x: str, like: str) -> str:
    """To the size of another map: its Shape, cut, as int64, behind the first
    two dimensions of the operand."""
    sizes = g("Slice", g("Cast", g("Shape", like), to=INT64), g.ints(2),
              g.ints(4), g.ints(0))
    front = g("Slice", g("Shape", x), g.ints(0), g.ints(2), g.ints(0))
    sizes = g("Concat", front, g("Cast", g("Cast", sizes, to=INT32), to=INT64),
              axis=0)
    none = g.constant(np.zeros(0, np.float32))
    return g("Resize", x, none, none, sizes, mode="nearest",
             coordinate_transformation_mode="asymmetric", nearest_mode="floor")


def paddle_detector(opset: int) -> onnx.ModelProto:
    """The differentiable binarization of the mobile models."""
    g = Graph(opset)
    x = paddle_conv(g, "x", 3, 8, 3, 2)
    x = paddle_block(g, x, 8, 8, 8, 3, 1, True, "relu")
    c2 = paddle_block(g, x, 8, 24, 12, 3, 2, False, "relu")
    c3 = paddle_block(g, c2, 12, 32, 16, 5, 2, True, "swish")
    c4 = paddle_block(g, c3, 16, 48, 24, 5, 2, True, "swish")
    levels = []
    for c, channels in ((c2, 12), (c3, 16), (c4, 24)):
        levels.append(g("Conv", c, g.weight(16, channels, 1, 1),
                        kernel_shape=[1, 1], auto_pad="NOTSET"))
    levels[1] = g("Add", levels[1], paddle_resize_to(g, levels[2], levels[1]))
    levels[0] = g("Add", levels[0], paddle_resize_to(g, levels[1], levels[0]))
    parts = []
    for level, scale in zip(reversed(levels), (4, 2, 1)):
        y = paddle_conv(g, level, 16, 4, 3, 1, act="relu")
        if scale > 1:
            y = g("Resize", y, g.constant(np.zeros(0, np.float32)),
                  g.constant(np.float32([1, 1, scale, scale])), mode="nearest",
                  coordinate_transformation_mode="asymmetric",
                  nearest_mode="floor")
        parts.append(y)
    x = paddle_conv(g, g("Concat", *parts, axis=1), 12, 8, 3, 1, act="relu")
    for outputs, last in ((8, False), (1, True)):
        x = g("ConvTranspose", x, g.weight(8, outputs, 2, 2), dilations=[1, 1],
              kernel_shape=[2, 2], strides=[2, 2], group=1, pads=[0, 0, 0, 0])
        x = g("Add", x, g("Reshape", g.vector(outputs), g.ints(1, -1, 1, 1)))
        if not last:
            x = g("Relu", norm(g, x, outputs))
    g.add_node("Sigmoid", [x], ["sigmoid_0.tmp_0"])
    any_size = ["DynamicDimension.0", 3, "DynamicDimension.1",
                "DynamicDimension.2"]
    return g.model([("x", FLOAT, any_size)],
                   [("sigmoid_0.tmp_0", FLOAT, ["DynamicDimension.3", 1,
                                                "DynamicDimension.4",
                                                "DynamicDimension.5"])])


def paddle_layer_norm(g: Graph, x: str, width: int, epsilon: float) -> str:
    mean = g("ReduceMean", x, axes=[-1], keepdims=1)
    centred = g("Sub", x, mean)
    variance = g("ReduceMean", g("Pow", centred, g.constant(np.float32([2]))),
                 axes=[-1], keepdims=1)
    root = g("Sqrt", g("Add", variance, g.constant(np.float32([epsilon]))))
    return g("Add", g("Mul", g("Div", centred, root), g.vector(width, 1)),
             g.vector(width))


def paddle_swish(g: Graph, x: str) -> str:
    return g("Mul", x, g("Sigmoid", x))


def paddle_mix(g: Graph, x: str, width: int, heads: int) -> str:
    """Attention whose queries, keys and values are cut from one product; the
    batch is a 0 in one shape and read from Shape in the next."""
    y = g("Add", g("MatMul", x, g.weight(width, 3 * width)), g.vector(3 * width))
    y = g("Reshape", y, g.ints(0, -1, 3, heads, width // heads))
    y = g("Transpose", y, perm=[2, 0, 3, 1, 4])
    parts = []
    for i in range(3):
        part = g("Slice", y, g.ints(i), g.ints(i + 1), g.ints(0))
        parts.append(squeeze(g, part, 0))
    q = g("Mul", parts[0], g.constant(np.float32([(width // heads) ** -0.5])))
    weights = g("MatMul", q, g("Transpose", parts[1], perm=[0, 1, 3, 2]))
    weights = softmax(g, weights, 3)
    y = g("Transpose", g("MatMul", weights, parts[2]), perm=[0, 2, 1, 3])
    y = g("Reshape", y, g.ints(0, -1, width))
    return g("Add", g("MatMul", y, g.weight(width, width)), g.vector(width))


def softmax(g: Graph, x: str, axis: int) -> str:
    return g("Softmax", x, axis=axis)


def squeeze(g: Graph, x: str, *axes: int) -> str:
    if g.opset < 13:
        return g("Squeeze", x, axes=list(axes))
    return g("Squeeze", x, g.ints(*axes))


def unsqueeze(g: Graph, x: str, *axes: int) -> str:
    if g.opset < 13:
        return g("Unsqueeze", x, axes=list(axes))
    return g("Unsqueeze", x, g.ints(*axes))


def paddle_recognizer(opset: int) -> onnx.ModelProto:
    """Convolutions, two mixing blocks over the line, a softmax per step."""
    g = Graph(opset)
    width, classes = 24, 11
    x = paddle_conv(g, "x", 3, 8, 3, 2)
    x = paddle_block(g, x, 8, 16, 16, 3, (2, 1), True, "swish")
    x = paddle_block(g, x, 16, 32, width, 5, (2, 1), True, "swish")
    x = g("AveragePool", x, kernel_shape=[3, 2], strides=[3, 2],
          pads=[0, 0, 0, 0], ceil_mode=0, count_include_pad=0)
    skip = x
    shape = g("Shape", x)
    size = [g("Cast", g("Slice", shape, g.ints(i), g.ints(i + 1), g.ints(0)),
              to=INT32) for i in (2, 3)]
    x = g("Reshape", x, g.ints(0, width, -1))
    x = g("Transpose", x, perm=[0, 2, 1])
    for _ in range(2):
        x = g("Add", x, paddle_mix(g, paddle_layer_norm(g, x, width, 1e-5),
                                   width, 2))
        y = paddle_layer_norm(g, x, width, 1e-5)
        y = g("Add", g("MatMul", y, g.weight(width, 2 * width)),
              g.vector(2 * width))
        y = g("Add", g("MatMul", paddle_swish(g, y), g.weight(2 * width, width)),
              g.vector(width))
        x = g("Add", x, y)
    x = paddle_layer_norm(g, x, width, 1e-6)
    batch = g("Slice", g("Shape", x), g.ints(0), g.ints(1), g.ints(0))
    rows, steps = (g("Cast", s, to=INT64) for s in size)
    x = g("Reshape", x, g("Concat", batch, rows, steps, g.ints(width), axis=0))
    x = g("Transpose", x, perm=[0, 3, 1, 2])
    x = paddle_conv(g, g("Concat", skip, x, axis=1), 2 * width, width, 3, 1)
    x = squeeze(g, g("ReduceMean", x, axes=[2], keepdims=1), 2)
    x = g("Transpose", x, perm=[0, 2, 1])
    x = g("Add", g("MatMul", x, g.weight(width, classes)), g.vector(classes))
    g.add_node("Softmax", [x], ["softmax_2.tmp_0"], axis=2)
    return g.model([("x", FLOAT, ["DynamicDimension.0", 3, 48,
                                  "DynamicDimension.1"])],
                   [("softmax_2.tmp_0", FLOAT,
                     ["DynamicDimension.2", "DynamicDimension.3", classes])])


def paddle_crnn(opset: int) -> onnx.ModelProto:
    """Two-way LSTMs as paddle2onnx writes them: states from Shape and Expand,
    directions put side by side by Transpose and Reshape."""
    g = Graph(opset)
    hidden, width, classes = 12, 16, 11
    x = paddle_conv(g, "x", 3, 8, 3, 2)
    x = paddle_block(g, x, 8, 16, width, 3, (2, 1), False, "swish")
    x = g("MaxPool", x, kernel_shape=[8, 2], strides=[8, 2], ceil_mode=0,
          pads=[0, 0, 0, 0])
    x = squeeze(g, x, 2)
    x = g("Transpose", x, perm=[2, 0, 1])
    for depth in range(2):
        inputs = width if depth == 0 else 2 * hidden
        batch = g("Slice", g("Shape", x), g.ints(1), g.ints(2), g.ints(0))
        batch = g("Cast", g("Cast", batch, to=INT32), to=INT64)
        states = g("Concat", g.ints(2), batch, g.ints(hidden), axis=0)
        zeros = [g("Expand", g.constant(np.zeros((1, 1, 1), np.float32)), states)
                 for _ in range(2)]
        y, _, _ = g("LSTM", x, g.weight(2, 4 * hidden, inputs),
                    g.weight(2, 4 * hidden, hidden),
                    g.constant(np.float32(0.1 * g.random.standard_normal(
                        (2, 8 * hidden)))), "", *zeros, outputs=3,
                    direction="bidirectional", hidden_size=hidden)
        y = g("Transpose", y, perm=[0, 2, 1, 3])
        x = g("Reshape", y, g.ints(0, 0, -1))
    x = g("Transpose", x, perm=[1, 0, 2])
    x = g("Add", g("MatMul", x, g.weight(2 * hidden, classes)),
          g.vector(classes))
    g.add_node("Softmax", [x], ["y"], axis=2)
    return g.model([("x", FLOAT, [-1, 3, 32, -1])],
                   [("y", FLOAT, [-1, -1, classes])])


def paddle_direction(opset: int) -> onnx.ModelProto:
    """Whether a line is upside down: a small classifier whose last reshape has
    the flattened size from Shape and a product."""
    g = Graph(opset)
    x = paddle_conv(g, "x", 3, 8, 3, 2)
    x = paddle_block(g, x, 8, 16, 12, 3, (2, 1), True, "relu")
    x = paddle_block(g, x, 12, 24, 12, 5, 1, True, "swish")
    x = g("GlobalAveragePool", g("MaxPool", x, kernel_shape=[2, 2],
                                 strides=[2, 2], pads=[0, 0, 0, 0]))
    batch = g("Slice", g("Shape", x), g.ints(0), g.ints(1), g.ints(0))
    rest = g("Slice", g("Shape", x), g.ints(1), g.ints(4), g.ints(0))
    rest = g("ReduceProd", rest, axes=[0], keepdims=1)
    x = g("Reshape", x, g("Concat", batch, rest, axis=0))
    x = g("Add", g("MatMul", x, g.weight(12, 2)), g.vector(2))
    g.add_node("Softmax", [x], ["save_infer_model/scale_0.tmp_1"], axis=-1)
    return g.model([("x", FLOAT, ["?", 3, 48, 192])],
                   [("save_infer_model/scale_0.tmp_1", FLOAT, ["?", 2])])


# tf2onnx.


def same_conv(g: Graph, x: str, inputs: int, outputs: int, kernel: int,
              stride: int, depthwise: bool = False) -> str:
    """Convolution with the padding of TensorFlow, batch normalization folded
    to a bias, and a Relu6."""
    groups = inputs if depthwise else 1
    x = g("Conv", x, g.weight(outputs, inputs // groups, kernel, kernel),
          g.vector(outputs), auto_pad="SAME_UPPER", dilations=[1, 1],
          group=groups, kernel_shape=[kernel, kernel], strides=[stride, stride])
    return g("Clip", x, g.constant(np.float32(0)), g.constant(np.float32(6)))


def tf_shape_part(g: Graph, x: str, index: int) -> str:
    """An element of a shape: int64 to int32, StridedSlice, and back."""
    shape = g("Cast", g("Shape", x), to=INT32)
    part = g("Slice", shape, g.ints(index), g.ints(index + 1), g.ints(0))
    return g("Cast", squeeze(g, part, 0), to=INT64)


def tf_detector(opset: int) -> onnx.ModelProto:
    """An SSD over channels-last images of bytes: preprocessing, a MobileNet,
    boxes decoded against constant anchors, suppression of each class, and what
    is left gathered and padded to a fixed count."""
    g = Graph(opset)
    classes, most = 3, 10
    x = g("Cast", "image", to=FLOAT)
    x = g("Transpose", x, perm=[0, 3, 1, 2])
    none = g.constant(np.zeros(0, np.float32))
    sizes = g("Concat", unsqueeze(g, tf_shape_part(g, "image", 0), 0),
              g.ints(3, 64, 64), axis=0)
    x = g("Resize", x, none, none, sizes, mode="linear", coordinate_transformation_mode="asymmetric",
          nearest_mode="floor")
    x = g("Mul", x, g.constant(np.float32(2 / 255)))
    x = g("Sub", x, g.constant(np.float32(1)))
    x = same_conv(g, x, 3, 8, 3, 2)
    x = same_conv(g, x, 8, 8, 3, 2, True)
    x = same_conv(g, x, 8, 16, 1, 1)
    first = same_conv(g, x, 16, 16, 3, 2, True)
    second = same_conv(g, first, 16, 16, 3, 2, True)
    batch = unsqueeze(g, tf_shape_part(g, x, 0), 0)
    boxes, scores, places = [], [], 0
    for level, side in ((first, 8), (second, 4)):
        for outputs, kept in ((2 * 4, boxes), (2 * (classes + 1), scores)):
            y = g("Conv", level, g.weight(outputs, 16, 1, 1), g.vector(outputs),
                  kernel_shape=[1, 1], auto_pad="SAME_UPPER", strides=[1, 1],
                  dilations=[1, 1], group=1)
            y = g("Transpose", y, perm=[0, 2, 3, 1])
            shape = g("Concat", batch, g.ints(side * side * 2, outputs // 2),
                      axis=0)
            kept.append(g("Reshape", y, shape))
        places += side * side * 2
    boxes = g("Concat", *boxes, axis=1)
    scores = g("Sigmoid", g("Concat", *scores, axis=1))
    centers = g.random.uniform(0.1, 0.9, (places, 2))
    sizes = g.random.uniform(0.1, 0.4, (places, 2))
    split = ({"axis": 2} if opset >= 13 else {"axis": 2, "split": [1, 1, 1, 1]})
    operands = (g.ints(1, 1, 1, 1),) if opset >= 13 else ()
    ty, tx, th, tw = g("Split", boxes, *operands, outputs=4, **split)

    def column(values):
        return g.constant(np.float32(values).reshape(1, -1, 1))

    ten, five = (g.constant(np.float32(v)) for v in (10, 5))
    sides = []
    for t, s, axis in ((ty, th, 0), (tx, tw, 1)):
        center = g("Add", g("Mul", g("Div", t, ten), column(sizes[:, axis])),
                   column(centers[:, axis]))
        size = g("Mul", g("Exp", g("Div", s, five)), column(sizes[:, axis]))
        half = g("Mul", size, g.constant(np.float32(0.5)))
        sides.append((g("Sub", center, half), g("Add", center, half)))
    decoded = g("Concat", sides[0][0], sides[1][0], sides[0][1], sides[1][1],
                axis=2)
    scores = g("Slice", scores, g.ints(0, 0, 1), g.ints(END, END, END),
               g.ints(0, 1, 2))
    by_class = g("Transpose", scores, perm=[0, 2, 1])
    kept = g("NonMaxSuppression", decoded, by_class, g.ints(most),
             g.constant(np.float32([0.5])), g.constant(np.float32([0.5])))
    box = g("Slice", kept, g.ints(0, 2), g.ints(END, 3), g.ints(0, 1))
    pairs = g("Concat", g("Slice", kept, g.ints(0, 0), g.ints(END, 1),
                          g.ints(0, 1)), box, axis=1)
    chosen = g("GatherND", decoded, pairs)
    points = g("GatherND", by_class, kept)
    count = g("Shape", points)
    limit = g("ReduceMin", g("Concat", count, g.ints(most), axis=0), axes=[0],
              keepdims=1)
    best, order = g("TopK", points, limit, outputs=2, axis=0, largest=1,
                    sorted=1)
    chosen = g("Gather", chosen, order, axis=0)
    left = g("Sub", g.ints(most), g("Shape", best))
    g.add_node("Pad", [best, g("Concat", g.ints(0), left, axis=0),
                       g.constant(np.float32(0))], ["detection_scores"])
    ends = g("Concat", g.ints(0, 0), left, g.ints(0), axis=0)
    g.add_node("Pad", [chosen, ends, g.constant(np.float32(0))],
               ["detection_boxes"])
    g.add_node("Cast", [g("Squeeze", g("Shape", best)) if opset < 13 else
                        g("Squeeze", g("Shape", best), g.ints(0))],
               ["num_detections"], to=FLOAT)
    return g.model([("image", TensorProto.UINT8,
                     ["unk__616", "unk__617", "unk__618", 3])],
                   [("detection_scores", FLOAT, [None]),
                    ("detection_boxes", FLOAT, [None, 4]),
                    ("num_detections", FLOAT, [])])


def keras_norm(g: Graph, x: str, width: int) -> str:
    """tf.nn.moments and batch_normalization: a squared difference, and the
    scale folded into the reciprocal of the root before it meets the input."""
    mean = g("ReduceMean", x, axes=[2], keepdims=1)
    difference = g("Sub", x, mean)
    variance = g("ReduceMean", g("Mul", difference, difference), axes=[2],
                 keepdims=1)
    root = g("Sqrt", g("Add", variance, g.constant(np.float32(1e-3))))
    scale = g("Mul", g("Reciprocal", root), g.vector(width, 1))
    shift = g("Sub", g.vector(width), g("Mul", mean, scale))
    return g("Add", g("Mul", x, scale), shift)


def keras_gelu(g: Graph, x: str) -> str:
    cube = g("Mul", g("Mul", x, x), x)
    inner = g("Mul", g("Add", x, g("Mul", cube, g.constant(
        np.float32(0.044715)))), g.constant(np.float32(0.7978846)))
    half = g("Mul", x, g.constant(np.float32(0.5)))
    return g("Mul", half, g("Add", g("Tanh", inner), g.constant(np.float32(1))))


def keras_dense(g: Graph, x: str, inputs: int, outputs: int) -> str:
    """Of rank 3: Tensordot, which flattens and reads the shape back."""
    shape = g("Cast", g("Shape", x), to=INT32)
    free = g("Gather", shape, g.constant(np.array([0, 1], np.int32)), axis=0)
    axes = g("Gather", shape, g.constant(np.array([2], np.int32)), axis=0)
    rows = g("ReduceProd", free, axes=[0], keepdims=0)
    depth = g("ReduceProd", axes, axes=[0], keepdims=0)
    flat = g("Concat", unsqueeze(g, rows, 0), unsqueeze(g, depth, 0), axis=0)
    x = g("Reshape", g("Transpose", x, perm=[0, 1, 2]), g("Cast", flat, to=INT64))
    x = g("MatMul", x, g.weight(inputs, outputs))
    back = g("Concat", free, g.constant(np.array([outputs], np.int32)), axis=0)
    return g("Add", g("Reshape", x, g("Cast", back, to=INT64)),
             g.vector(outputs))


def keras_conv1d(g: Graph, x: str, inputs: int, outputs: int,
                 kernel: int) -> str:
    """Of channels-last lines: as a convolution of images of one row."""
    x = unsqueeze(g, x, 1)
    x = g("Transpose", x, perm=[0, 3, 1, 2])
    x = g("Conv", x, g.weight(outputs, inputs, 1, kernel), g.vector(outputs),
          auto_pad="VALID", dilations=[1, 1], group=1, strides=[1, 1],
          kernel_shape=[1, kernel])
    x = g("Transpose", x, perm=[0, 2, 3, 1])
    return squeeze(g, x, 1)


def file_type(opset: int, one_hot: bool) -> onnx.ModelProto:
    """What a file holds, by bytes of its start and end: 257 values, where 256
    stands for none; pairs of bytes side by side."""
    g = Graph(opset)
    length, width, wide, classes = 64, 12, 24, 9
    if one_hot:
        ids = g("Cast", "bytes", to=INT64)
        x = g("OneHot", ids, g.ints(257), g.constant(np.float32([0, 1])),
              axis=-1)
    else:
        x = g("Gather", g.weight(257, width), "bytes", axis=0)
    if one_hot:
        x = keras_gelu(g, keras_dense(g, x, 257, width))
    x = g("Reshape", x, g.ints(-1, length // 4, 4 * width))
    x = keras_norm(g, x, 4 * width)
    x = keras_gelu(g, keras_conv1d(g, x, 4 * width, wide, 5))
    x = g("ReduceMax", x, axes=[1], keepdims=0)
    x = squeeze(g, keras_norm(g, unsqueeze(g, x, 1), wide), 1)
    x = g("Add", g("MatMul", x, g.weight(wide, classes)), g.vector(classes))
    g.add_node("Softmax", [x], ["target_label"], axis=1)
    return g.model([("bytes", INT32, ["unk__12", length])],
                   [("target_label", FLOAT, ["unk__12", classes])])


def palm_detector(opset: int) -> onnx.ModelProto:
    """Blocks of a face detector: channels padded with zeros for the residual,
    PRelu with slopes of [channels, 1, 1], explicit uneven pads."""
    g = Graph(opset)
    x = g("Transpose", "input", perm=[0, 3, 1, 2])
    x = g("Conv", x, g.weight(8, 3, 5, 5), g.vector(8), kernel_shape=[5, 5],
          strides=[2, 2], pads=[1, 1, 2, 2])
    x = g("PRelu", x, g.constant(0.2 * g.random.random((8, 1, 1)).astype(
        np.float32)))
    channels = 8
    for outputs, stride in ((8, 1), (12, 2), (12, 1), (16, 2)):
        y = g("Conv", x, g.weight(channels, 1, 5, 5), g.vector(channels),
              kernel_shape=[5, 5], strides=[stride, stride], group=channels,
              pads=[2, 2, 2, 2] if stride == 1 else [1, 1, 2, 2])
        y = g("Conv", y, g.weight(outputs, channels, 1, 1), g.vector(outputs),
              kernel_shape=[1, 1])
        if stride == 2:
            x = g("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
        if outputs != channels:
            pads = g.ints(0, 0, 0, 0, 0, outputs - channels, 0, 0)
            x = g("Pad", x, pads, g.constant(np.float32(0)), mode="constant")
        x = g("PRelu", g("Add", x, y), g.constant(
            0.2 * g.random.random((outputs, 1, 1)).astype(np.float32)))
        channels = outputs
    results = []
    for outputs in (2, 32):
        y = g("Conv", x, g.weight(outputs, 16, 1, 1), g.vector(outputs),
              kernel_shape=[1, 1])
        y = g("Transpose", y, perm=[0, 2, 3, 1])
        results.append(g("Reshape", y, g("Concat", g("Slice", g(
            "Shape", y), g.ints(0), g.ints(1), g.ints(0)),
            g.ints(-1, outputs // 2), axis=0)))
    g.add_node("Identity", [results[1]], ["regressors"])
    g.add_node("Identity", [results[0]], ["classificators"])
    return g.model([("input", FLOAT, ["batch", 64, 64, 3])],
                   [("regressors", FLOAT, ["batch", 128, 16]),
                    ("classificators", FLOAT, ["batch", 128, 1])])


def end_to_end_yolo(opset: int) -> onnx.ModelProto:
    """Boxes and scores of a grid, suppression, and rows of the batch's index,
    the box, the class and the score; as in the end-to-end exports."""
    g = Graph(opset)
    x = "images"
    channels = 3
    for outputs in (8, 16, 16):
        x = g("Conv", x, g.weight(outputs, channels, 3, 3), g.vector(outputs),
              kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
        x = g("Mul", x, g("Sigmoid", x))
        channels = outputs
    y = g("Conv", x, g.weight(3 * 7, 16, 1, 1), g.vector(3 * 7),
          kernel_shape=[1, 1])
    shape = g("Shape", y)
    batch, height, width = (g("Gather", shape, g.constant(np.int64(i)), axis=0)
                            for i in (0, 2, 3))
    parts = [unsqueeze(g, v, 0) for v in (batch, height, width)]
    y = g("Reshape", y, g("Concat", parts[0], g.ints(3, 7), *parts[1:], axis=0))
    y = g("Sigmoid", g("Transpose", y, perm=[0, 1, 3, 4, 2]))
    zero, one = (g.constant(np.int64(v)) for v in (0, 1))
    rows, columns = g("Range", zero, height, one), g("Range", zero, width, one)
    size = g("Concat", parts[1], parts[2], axis=0)
    rows = g("Expand", unsqueeze(g, rows, 1), size)
    columns = g("Expand", unsqueeze(g, columns, 0), size)
    grid = g("Concat", unsqueeze(g, columns, 2), unsqueeze(g, rows, 2), axis=2)
    grid = unsqueeze(g, g("Cast", grid, to=FLOAT), 0, 1)
    xy, wh, rest = g("Split", y, g.ints(2, 2, 3), outputs=3, axis=4)
    two = g.constant(np.float32(2))
    xy = g("Mul", g("Add", g("Sub", g("Mul", xy, two), g.constant(
        np.float32(0.5))), grid), g.constant(np.float32(8)))
    anchors = g.constant(g.random.uniform(6, 30, (1, 3, 1, 1, 2)).astype(
        np.float32))
    wh = g("Mul", g("Pow", g("Mul", wh, two), two), anchors)
    y = g("Concat", xy, wh, rest, axis=4)
    y = g("Reshape", y, g("Concat", parts[0], g.ints(-1, 7), axis=0))
    boxes = g("Slice", y, g.ints(0), g.ints(4), g.ints(2))
    sure = g("Slice", y, g.ints(4), g.ints(5), g.ints(2))
    scores = g("Mul", g("Slice", y, g.ints(5), g.ints(END), g.ints(2)), sure)
    corners = g("MatMul", boxes, g.constant(np.float32(
        [[1, 0, 1, 0], [0, 1, 0, 1], [-.5, 0, .5, 0], [0, -.5, 0, .5]])))
    by_class = g("Transpose", scores, perm=[0, 2, 1])
    kept = g("NonMaxSuppression", corners, by_class, g.ints(20),
             g.constant(np.float32([0.45])), g.constant(np.float32([0.3])))
    image, kind, place = (g("Gather", kept, g.constant(np.int64(i)), axis=1)
                          for i in range(3))
    chosen = g("GatherND", corners, g("Concat", unsqueeze(g, image, 1),
                                      unsqueeze(g, place, 1), axis=1))
    points = g("GatherND", scores, g("Concat", *(unsqueeze(g, v, 1) for v in (
        image, place, kind)), axis=1))
    g.add_node("Concat", [g("Cast", unsqueeze(g, image, 1), to=FLOAT), chosen,
                          g("Cast", unsqueeze(g, kind, 1), to=FLOAT),
                          unsqueeze(g, points, 1)], ["output"], axis=1)
    return g.model([("images", FLOAT, ["batch", 3, "height", "width"])],
                   [("output", FLOAT, ["Concatoutput_dim_0", 7])])


def sides(*triples: tuple[int, int, int]) -> list[Size]:
    return [{"batch": b, "height": h, "width": w} for b, h, w in triples]


LINES = [{"batch": b, "width": w} for b, w in ((2, 64), (1, 320), (3, 37))]
PLANE = Input("x", ("batch", 3, "height", "width"))

# By name: what makes the model, its inputs and the sizes they are fed at.
SPELLINGS = {
    "paddle_detector-11": (lambda: paddle_detector(11), [PLANE], sides(
        (1, 32, 64), (2, 64, 32), (1, 96, 96))),
    "paddle_detector-14": (lambda: paddle_detector(14), [PLANE], sides(
        (1, 64, 64), (3, 32, 32))),
    "paddle_recognizer-11": (lambda: paddle_recognizer(11), [
        Input("x", ("batch", 3, 48, "width"))], LINES),
    "paddle_recognizer-14": (lambda: paddle_recognizer(14), [
        Input("x", ("batch", 3, 48, "width"))], LINES),
    "paddle_crnn-11": (lambda: paddle_crnn(11), [
        Input("x", ("batch", 3, 32, "width"))], LINES),
    "paddle_direction-11": (lambda: paddle_direction(11), [
        Input("x", ("batch", 3, 48, 192))], [{"batch": 1}, {"batch": 3}]),
    "tf_detector-11": (lambda: tf_detector(11), [
        Input("image", (1, "height", "width", 3), "bytes")],
        [{"height": 48, "width": 80}, {"height": 64, "width": 64},
         {"height": 33, "width": 17}]),
    "tf_detector-13": (lambda: tf_detector(13), [
        Input("image", (1, "height", "width", 3), "bytes")],
        [{"height": 48, "width": 80}, {"height": 101, "width": 64}]),
    "file_type_one_hot-15": (lambda: file_type(15, True), [
        Input("bytes", ("batch", 64), "ids32", 257)],
        [{"batch": 1}, {"batch": 5}]),
    "file_type_gather-11": (lambda: file_type(11, False), [
        Input("bytes", ("batch", 64), "ids32", 257)],
        [{"batch": 1}, {"batch": 5}]),
    "palm_detector-11": (lambda: palm_detector(11), [
        Input("input", ("batch", 64, 64, 3))], [{"batch": 1}, {"batch": 3}]),
    "end_to_end_yolo-14": (lambda: end_to_end_yolo(14), [
        Input("images", PLANE.shape)],
        sides((1, 32, 64), (2, 40, 24), (1, 8, 8))),
}

# Of another opset than one above: not every day.
TWINS = {"paddle_detector-14", "paddle_recognizer-14", "tf_detector-13"}

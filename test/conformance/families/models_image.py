# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Image models: classifiers, detectors, segmentation, super resolution."""

import torch
import transformers
from torch import nn
from torch.nn import functional

from spec import Family, Input, batches


class Pick(nn.Module):
    """A transformers model as a function from tensors to the named outputs."""

    def __init__(self, model: nn.Module, inputs: tuple[str, ...],
                 outputs: tuple[str, ...], **fixed):
        super().__init__()
        self.model, self.inputs, self.outputs = model, inputs, outputs
        self.fixed = fixed

    def forward(self, *tensors):
        result = self.model(**dict(zip(self.inputs, tensors)), **self.fixed)
        return tuple(result[name] for name in self.outputs)


def image(size: int, *, channels: int = 3) -> tuple[Input, ...]:
    return (Input("pixel_values", ("batch", channels, size, size)),)


def classifier(model: nn.Module) -> nn.Module:
    return Pick(model, ("pixel_values",), ("logits",))


def resnet() -> nn.Module:
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 2],
        layer_type="basic", num_labels=5)
    return classifier(transformers.ResNetForImageClassification(config))


def efficientnet() -> nn.Module:
    config = transformers.EfficientNetConfig(
        image_size=64, width_coefficient=0.25, depth_coefficient=0.3,
        hidden_dim=320, num_labels=5)
    return classifier(transformers.EfficientNetForImageClassification(config))


def mobilenet_v2() -> nn.Module:
    config = transformers.MobileNetV2Config(
        image_size=64, depth_multiplier=0.25, num_labels=5)
    return classifier(transformers.MobileNetV2ForImageClassification(config))


def convnext() -> nn.Module:
    config = transformers.ConvNextConfig(
        hidden_sizes=[8, 16], depths=[1, 1], num_stages=2, num_labels=5)
    return classifier(transformers.ConvNextForImageClassification(config))


def vit() -> nn.Module:
    config = transformers.ViTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, image_size=32, patch_size=8, num_labels=5)
    return classifier(transformers.ViTForImageClassification(config))


def clip() -> nn.Module:
    shared = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2,
                  num_attention_heads=2)
    config = transformers.CLIPConfig(
        text_config=dict(**shared, vocab_size=99, max_position_embeddings=20,
                         eos_token_id=98, bos_token_id=97, pad_token_id=1),
        vision_config=dict(**shared, image_size=32, patch_size=8),
        projection_dim=16)
    return Pick(transformers.CLIPModel(config),
                ("input_ids", "pixel_values", "attention_mask"),
                ("logits_per_image", "text_embeds", "image_embeds"))


def yolos() -> nn.Module:
    config = transformers.YolosConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, image_size=[32, 48], patch_size=8,
        num_detection_tokens=5, use_mid_position_embeddings=True, num_labels=4)
    return Pick(transformers.YolosForObjectDetection(config),
                ("pixel_values",), ("logits", "pred_boxes"))


def segformer() -> nn.Module:
    config = transformers.SegformerConfig(
        num_encoder_blocks=2, depths=[1, 1], sr_ratios=[2, 1],
        hidden_sizes=[16, 32], patch_sizes=[7, 3], strides=[4, 2],
        num_attention_heads=[1, 2], mlp_ratios=[2, 2], decoder_hidden_size=16,
        num_labels=4)
    return Pick(transformers.SegformerForSemanticSegmentation(config),
                ("pixel_values",), ("logits",))


def swin() -> nn.Module:
    config = transformers.SwinConfig(
        image_size=32, patch_size=2, embed_dim=16, depths=[2, 1],
        num_heads=[2, 4], window_size=4, num_labels=5)
    return classifier(transformers.SwinForImageClassification(config))


def swin2sr() -> nn.Module:
    config = transformers.Swin2SRConfig(
        image_size=16, patch_size=1, embed_dim=16, depths=[2], num_heads=[2],
        window_size=4, upscale=2, upsampler="pixelshuffledirect")
    return Pick(transformers.Swin2SRForImageSuperResolution(config),
                ("pixel_values",), ("reconstruction",))


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1,
         groups: int = 1, act: type[nn.Module] = nn.SiLU) -> nn.Sequential:
    """Convolution, batch normalization and an activation."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups,
                  bias=False),
        nn.BatchNorm2d(outputs), act())


class CrossStage(nn.Module):
    """Half of the channels pass bottlenecks, and all stages are joined."""

    def __init__(self, width: int, count: int):
        super().__init__()
        half = width // 2
        self.enter = conv(width, width, 1)
        self.blocks = nn.ModuleList(
            nn.Sequential(conv(half, half), conv(half, half))
            for _ in range(count))
        self.leave = conv(half * (2 + count), width, 1)

    def forward(self, x):
        parts = list(self.enter(x).chunk(2, 1))
        for block in self.blocks:
            parts.append(parts[-1] + block(parts[-1]))
        return self.leave(torch.cat(parts, 1))


class Yolo(nn.Module):
    """A one-stage detector: distributions over distances to the four sides of
    a box at two strides, anchors from the shape of the map."""

    BINS = 8
    CLASSES = 3

    def __init__(self, width: int = 16):
        super().__init__()
        self.stem = nn.Sequential(conv(3, width, 3, 2), conv(width, width, 3, 2))
        self.fine = CrossStage(width, 1)
        self.down = conv(width, width, 3, 2)
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.coarse = conv(4 * width, width, 1)
        self.merge = conv(2 * width, width, 1)
        outputs = 4 * self.BINS + self.CLASSES
        self.heads = nn.ModuleList(nn.Conv2d(width, outputs, 1)
                                   for _ in range(2))
        self.register_buffer("bins", torch.arange(self.BINS).float())

    def pyramid(self, x):
        pools = [self.down(x)]
        for _ in range(3):
            pools.append(self.pool(pools[-1]))
        coarse = self.coarse(torch.cat(pools, 1))
        up = functional.interpolate(coarse, scale_factor=2.0, mode="nearest")
        return self.merge(torch.cat([up, x], 1)), coarse

    def forward(self, pixel_values):
        levels = self.pyramid(self.fine(self.stem(pixel_values)))
        outputs, anchors, strides = [], [], []
        for level, head, stride in zip(levels, self.heads, (4, 8)):
            batch, _, height, width = level.shape
            outputs.append(head(level).view(batch, -1, height * width))
            y = torch.arange(height, device=level.device) + 0.5
            x = torch.arange(width, device=level.device) + 0.5
            y, x = torch.meshgrid(y, x, indexing="ij")
            anchors.append(torch.stack((x, y), -1).view(-1, 2))
            strides.append(torch.full((height * width, 1), float(stride)))
        joined = torch.cat(outputs, 2)
        box, scores = joined.split((4 * self.BINS, self.CLASSES), 1)
        box = box.view(box.shape[0], 4, self.BINS, -1).softmax(2)
        sides = (box * self.bins.view(1, 1, -1, 1)).sum(2)
        near, far = sides.chunk(2, 1)
        center, scale = torch.cat(anchors).T, torch.cat(strides).T
        low, high = center - near, center + far
        boxes = torch.cat(((low + high) / 2, high - low), 1) * scale
        return torch.cat((boxes, scores.sigmoid()), 1)


class SignSte(nn.Module):
    def forward(self, x):
        return torch.sign(x)


class Binary(nn.Module):
    """Signs of weights and activations; `scaled` keeps the mean magnitude of
    each output channel, as XNOR networks do, and clips instead."""

    def __init__(self, scaled: bool):
        super().__init__()
        self.scaled = scaled
        self.stem = nn.Conv2d(3, 16, 3, 1, 1)
        self.norms = nn.ModuleList(nn.BatchNorm2d(16) for _ in range(3))
        self.weights = nn.ParameterList(
            nn.Parameter(torch.randn(16, 16, 3, 3)) for _ in range(2))
        self.head = nn.Linear(16, 5)

    def forward(self, pixel_values):
        x = functional.max_pool2d(self.stem(pixel_values), 2)
        for norm, weight in zip(self.norms, self.weights):
            binary = torch.sign(weight)
            if self.scaled:
                binary = binary * weight.abs().mean((1, 2, 3), keepdim=True)
            y = functional.conv2d(torch.sign(norm(x)), binary, padding=1)
            x = torch.clamp(y if self.scaled else x + y, -8, 8)
        x = functional.max_pool2d(self.norms[2](x), 2)
        return self.head(x.mean((2, 3)))


class Squeeze(nn.Module):
    """Channel gates with the hard sigmoid that mobile OCR models use."""

    def __init__(self, width: int):
        super().__init__()
        self.enter = nn.Conv2d(width, width // 4, 1)
        self.leave = nn.Conv2d(width // 4, width, 1)

    def forward(self, x):
        y = functional.adaptive_avg_pool2d(x, 1)
        y = functional.relu(self.enter(y))
        return x * functional.hardsigmoid(self.leave(y))


class Mobile(nn.Module):
    """Expansion, depthwise convolution, gates, projection."""

    def __init__(self, inputs: int, outputs: int, stride):
        super().__init__()
        wide = 2 * inputs
        self.enter = conv(inputs, wide, 1, act=nn.Hardswish)
        self.depth = conv(wide, wide, 3, stride, wide, act=nn.Hardswish)
        self.gate = Squeeze(wide)
        self.leave = nn.Sequential(nn.Conv2d(wide, outputs, 1, bias=False),
                                   nn.BatchNorm2d(outputs))
        self.residual = inputs == outputs and stride == 1

    def forward(self, x):
        y = self.leave(self.gate(self.depth(self.enter(x))))
        return x + y if self.residual else y


class TextDetector(nn.Module):
    """A feature pyramid and the transposed convolutions of a map of text."""

    def __init__(self):
        super().__init__()
        self.stem = conv(3, 8, 3, 2, act=nn.Hardswish)
        self.stages = nn.ModuleList((Mobile(8, 16, 2), Mobile(16, 24, 2)))
        self.lateral = nn.ModuleList((nn.Conv2d(16, 16, 1),
                                      nn.Conv2d(24, 16, 1)))
        self.head = nn.Sequential(
            conv(32, 8, act=nn.ReLU), nn.ConvTranspose2d(8, 8, 2, 2),
            nn.BatchNorm2d(8), nn.ReLU(), nn.ConvTranspose2d(8, 1, 2, 2))

    def forward(self, pixel_values):
        fine = self.stages[0](self.stem(pixel_values))
        coarse = self.lateral[1](self.stages[1](fine))
        up = functional.interpolate(coarse, scale_factor=2.0, mode="nearest")
        both = torch.cat((self.lateral[0](fine) + up, up), 1)
        return torch.sigmoid(self.head(both))


class TextRecognizer(nn.Module):
    """Convolutions down to one line, a transformer and a softmax for each
    step."""

    def __init__(self, width: int = 24):
        super().__init__()
        self.stem = conv(3, 8, 3, 2, act=nn.Hardswish)
        self.stages = nn.Sequential(Mobile(8, 16, (2, 1)),
                                    Mobile(16, width, (2, 1)))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.qkv = nn.Linear(width, 3 * width)
        self.leave = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.SiLU(),
                                 nn.Linear(2 * width, width))
        self.head = nn.Linear(width, 11)

    def mix(self, x):
        batch, steps, width = x.shape
        qkv = self.qkv(x).reshape(batch, steps, 3, 2, width // 2)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        weights = (q * (width // 2) ** -0.5 @ k.transpose(-1, -2)).softmax(-1)
        return self.leave((weights @ v).transpose(1, 2).reshape(x.shape))

    def forward(self, pixel_values):
        x = self.stages(self.stem(pixel_values))
        x = functional.avg_pool2d(x, (4, 1)).squeeze(2).transpose(1, 2)
        x = x + self.mix(self.norms[0](x))
        x = x + self.mlp(self.norms[1](x))
        return self.head(self.norms[2](x)).softmax(-1)


def _sides(*pairs: tuple[int, int, int]) -> tuple[dict[str, int], ...]:
    return tuple({"batch": b, "height": h, "width": w} for b, h, w in pairs)


PLANE = (Input("pixel_values", ("batch", 3, "height", "width")),)
LINE = (Input("pixel_values", ("batch", 3, 32, "width")),)

FAMILIES = (
    Family("resnet", resnet, PLANE,
           _sides((2, 32, 48), (1, 32, 32), (3, 40, 24))),
    Family("efficientnet", efficientnet, image(64), batches(2, 1, 3)),
    Family("mobilenet_v2", mobilenet_v2, image(64), batches(2, 1, 3)),
    Family("convnext", convnext, image(32), batches(2, 1, 3)),
    Family("yolov8", Yolo, PLANE,
           _sides((2, 32, 48), (1, 32, 32), (3, 64, 16))),
    Family("vit", vit, image(32), batches(2, 1, 3)),
    Family("clip", clip, (
        Input("input_ids", ("texts", "sequence"), "ids", 96),
        Input("pixel_values", ("batch", 3, 32, 32)),
        Input("attention_mask", ("texts", "sequence"), "mask")),
        ({"batch": 2, "texts": 3, "sequence": 7},
         {"batch": 1, "texts": 1, "sequence": 20},
         {"batch": 3, "texts": 2, "sequence": 5})),
    Family("yolos", yolos, (
        Input("pixel_values", ("batch", 3, 32, 48)),), batches(2, 1, 3)),
    Family("segformer", segformer, PLANE,
           _sides((2, 32, 64), (1, 64, 32), (3, 32, 32))),
    Family("swin", swin, image(32), batches(2, 1, 3)),
    Family("swin2sr", swin2sr, image(16), batches(2, 1, 3)),
    Family("bnn", lambda: Binary(False), image(16), batches(2, 1, 3)),
    Family("xnor", lambda: Binary(True), image(16), batches(2, 1, 3)),
    Family("ocr_detector", TextDetector, PLANE,
           _sides((2, 32, 64), (1, 64, 32), (3, 32, 32))),
    Family("ocr_recognizer", TextRecognizer, LINE,
           ({"batch": 2, "width": 48}, {"batch": 1, "width": 96},
            {"batch": 3, "width": 32})),
)

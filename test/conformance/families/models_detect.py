# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Detectors, faces and reading, by the structure of published models."""

import torch
from torch import nn
from torch.nn import functional

from models_image import PLANE, _sides as sides, conv
from spec import Family, Input, batches


class Trunk(nn.Module):
    """Maps at strides 4, 8 and 16."""

    def __init__(self, width: int = 12, act=nn.SiLU, inputs: int = 3):
        super().__init__()
        self.stem = nn.Sequential(conv(inputs, width, 3, 2, act=act),
                                  conv(width, width, 3, 2, act=act))
        self.down = nn.ModuleList(conv(width, width, 3, 2, act=act)
                                  for _ in range(2))

    def forward(self, x):
        levels = [self.stem(x)]
        for down in self.down:
            levels.append(down(levels[-1]))
        return levels


class YoloAnchors(nn.Module):
    """Anchors of three sizes on grids made when the map's size is new."""

    def __init__(self, classes: int = 3, width: int = 12):
        super().__init__()
        self.no, self.na = classes + 5, 3
        self.trunk = Trunk(width)
        self.m = nn.ModuleList(nn.Conv2d(width, self.no * self.na, 1)
                               for _ in range(3))
        self.register_buffer("anchors", torch.rand(3, 3, 2) * 4 + 1)
        self.stride = (4.0, 8.0, 16.0)

    def forward(self, images):
        z = []
        for i, x in enumerate(self.trunk(images)):
            x = self.m[i](x)
            bs, _, ny, nx = x.shape
            x = x.view(bs, self.na, self.no, ny, nx).permute(
                0, 1, 3, 4, 2).contiguous()
            yv, xv = torch.meshgrid(torch.arange(ny), torch.arange(nx),
                                    indexing="ij")
            shape = 1, self.na, ny, nx, 2
            grid = torch.stack((xv, yv), 2).expand(shape) - 0.5
            anchors = (self.anchors[i] * self.stride[i]).view(
                (1, self.na, 1, 1, 2)).expand(shape)
            xy, wh, conf = x.sigmoid().split((2, 2, self.no - 4), 4)
            xy = (xy * 2 + grid) * self.stride[i]
            wh = (wh * 2) ** 2 * anchors
            z.append(torch.cat((xy, wh, conf), 4).view(
                bs, self.na * nx * ny, self.no))
        return torch.cat(z, 1)


class Focus(nn.Module):
    """Four pixels to channels by steps of 2; heads for box, object and class;
    the grid in constants of the map's size."""

    def __init__(self, width: int = 12):
        super().__init__()
        self.trunk = Trunk(width, inputs=12)
        self.heads = nn.ModuleList(nn.ModuleList(
            nn.Sequential(conv(width, width), nn.Conv2d(width, outputs, 1))
            for outputs in (4, 1, 3)) for _ in range(3))

    def forward(self, x):
        x = torch.cat((x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2],
                       x[..., 1::2, 1::2]), dim=1)
        outputs = []
        for level, (box, thing, kind) in zip(self.trunk(x), self.heads):
            outputs.append(torch.cat((box(level), thing(level).sigmoid(),
                                      kind(level).sigmoid()), 1).flatten(2))
        return torch.cat(outputs, 2).permute(0, 2, 1)


class YoloTop(nn.Module):
    """No suppression: the best places, then the best classes of those."""

    def __init__(self, width: int = 12, classes: int = 4, most: int = 12):
        super().__init__()
        self.most, self.classes = most, classes
        self.trunk = Trunk(width)
        self.box = nn.ModuleList(nn.Conv2d(width, 32, 1) for _ in range(3))
        self.kind = nn.ModuleList(nn.Conv2d(width, classes, 1)
                                  for _ in range(3))
        self.dfl = nn.Conv2d(8, 1, 1, bias=False)

    def forward(self, images):
        levels = self.trunk(images)
        x = [torch.cat((b(v), k(v)), 1) for v, b, k in zip(
            levels, self.box, self.kind)]
        shape = x[0].shape
        joined = torch.cat([v.view(shape[0], 32 + self.classes, -1) for v in x],
                           2)
        points, strides = [], []
        for v, stride in zip(x, (4, 8, 16)):
            _, _, h, w = v.shape
            sx = torch.arange(end=w, dtype=v.dtype) + 0.5
            sy = torch.arange(end=h, dtype=v.dtype) + 0.5
            sy, sx = torch.meshgrid(sy, sx, indexing="ij")
            points.append(torch.stack((sx, sy), -1).view(-1, 2))
            strides.append(torch.full((h * w, 1), stride, dtype=v.dtype))
        points = torch.cat(points).transpose(0, 1).unsqueeze(0)
        strides = torch.cat(strides).transpose(0, 1)
        box, kind = joined.split((32, self.classes), 1)
        b, _, a = box.shape
        box = self.dfl(box.view(b, 4, 8, a).transpose(2, 1).softmax(1)).view(
            b, 4, a)
        low, high = box.chunk(2, 1)
        boxes = torch.cat((points - low, points + high), 1) * strides
        y = torch.cat((boxes, kind.sigmoid()), 1).transpose(1, 2)
        boxes, scores = y.split([4, self.classes], dim=-1)
        best = scores.amax(dim=-1)
        best, index = torch.topk(best, self.most, dim=-1)
        index = index.unsqueeze(-1)
        boxes = torch.gather(boxes, dim=1, index=index.repeat(1, 1, 4))
        scores = torch.gather(scores, dim=1, index=index.repeat(
            1, 1, self.classes))
        scores, index = torch.topk(scores.flatten(1), self.most, dim=-1)
        labels = index % self.classes
        index = index // self.classes
        boxes = boxes.gather(dim=1, index=index.unsqueeze(-1).repeat(1, 1, 4))
        return torch.cat([boxes, scores.unsqueeze(-1),
                          labels.unsqueeze(-1).float()], dim=-1)


class Attend(nn.Module):
    def __init__(self, width: int, heads: int = 2):
        super().__init__()
        self.heads = heads
        self.qk, self.v = nn.Linear(width, 2 * width), nn.Linear(width, width)
        self.leave = nn.Linear(width, width)

    def forward(self, query, x):
        q, k = self.qk(query).chunk(2, -1)
        q, k, v = (y.unflatten(-1, (self.heads, -1)).transpose(1, 2)
                   for y in (q, k, self.v(x)))
        y = functional.scaled_dot_product_attention(q, k, v)
        return self.leave(y.transpose(1, 2).flatten(2))


class Deformable(nn.Module):
    """Attention that samples each map at a few computed places."""

    def __init__(self, width: int, heads: int = 2, points: int = 2):
        super().__init__()
        self.heads, self.points = heads, points
        self.offsets = nn.Linear(width, heads * 3 * points * 2)
        self.weights = nn.Linear(width, heads * 3 * points)
        self.value = nn.Linear(width, width)
        self.leave = nn.Linear(width, width)

    def forward(self, query, boxes, memory, shapes):
        batch, count, width = query.shape
        value = self.value(memory).reshape(batch, -1, self.heads,
                                           width // self.heads)
        value = value.permute(0, 2, 3, 1).flatten(0, 1)
        value = value.split([h * w for h, w in shapes], dim=-1)
        offsets = self.offsets(query).reshape(
            batch, count, self.heads, 3, self.points, 2)
        weights = self.weights(query).reshape(
            batch, count, self.heads, 3 * self.points).softmax(-1)
        places = (boxes[:, :, None, None, None, :2] + offsets / self.points
                  * boxes[:, :, None, None, None, 2:] * 0.5)
        grids = (2 * places - 1).permute(0, 2, 1, 3, 4, 5).flatten(0, 1)
        sampled = []
        for level, (h, w) in enumerate(shapes):
            image = value[level].reshape(-1, width // self.heads, h, w)
            sampled.append(functional.grid_sample(
                image, grids[:, :, level], mode="bilinear",
                padding_mode="zeros", align_corners=False))
        weights = weights.permute(0, 2, 1, 3).reshape(
            batch * self.heads, 1, count, 3 * self.points)
        x = (torch.concat(sampled, dim=-1) * weights).sum(-1)
        x = x.reshape(batch, width, count).permute(0, 2, 1)
        return self.leave(x)


class DetectionTransformer(nn.Module):
    """Queries from the best places of the encoder, refined twice."""

    def __init__(self, width: int = 16, classes: int = 4, queries: int = 10):
        super().__init__()
        self.queries = queries
        self.trunk = Trunk(width)
        self.top = Attend(width)
        self.norm = nn.LayerNorm(width)
        self.score, self.box = nn.Linear(width, classes), nn.Linear(width, 4)
        self.own = nn.ModuleList(Attend(width) for _ in range(2))
        self.cross = nn.ModuleList(Deformable(width) for _ in range(2))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(4))
        self.place = nn.Linear(4, width)
        self.refine = nn.ModuleList(nn.Linear(width, 4) for _ in range(2))
        self.kind = nn.Linear(width, classes)

    @staticmethod
    def unsigmoid(x):
        x = x.clip(min=0.0, max=1.0)
        return torch.log(x.clip(min=1e-5) / (1 - x).clip(min=1e-5))

    def anchors(self, shapes):
        result = []
        for level, (h, w) in enumerate(shapes):
            y, x = torch.meshgrid(torch.arange(h), torch.arange(w),
                                  indexing="ij")
            xy = torch.stack([x, y], -1)
            xy = (xy.unsqueeze(0) + 0.5) / torch.tensor([w, h])
            size = torch.ones_like(xy) * 0.05 * (2.0 ** level)
            result.append(torch.concat([xy, size], -1).reshape(-1, h * w, 4))
        anchors = torch.concat(result, 1)
        valid = ((anchors > 0.01) * (anchors < 0.99)).all(-1, keepdim=True)
        anchors = torch.log(anchors / (1 - anchors))
        return torch.where(valid, anchors, torch.tensor(1e4)), valid

    def forward(self, images):
        levels = self.trunk(images)
        h, w = levels[-1].shape[2:]
        top = levels[-1].flatten(2).permute(0, 2, 1)
        top = top + self.top(top, top)
        levels[-1] = top.permute(0, 2, 1).reshape(-1, top.shape[-1], h, w)
        shapes = [v.shape[2:] for v in levels]
        memory = torch.concat([v.flatten(2).permute(0, 2, 1) for v in levels], 1)
        anchors, valid = self.anchors(shapes)
        memory = self.norm(valid.to(memory.dtype) * memory)
        scores, boxes = self.score(memory), self.box(memory) + anchors
        _, best = torch.topk(scores.max(-1).values, self.queries, dim=1)
        places = boxes.gather(1, best.unsqueeze(-1).repeat(1, 1, 4)).sigmoid()
        x = memory.gather(1, best.unsqueeze(-1).repeat(1, 1, memory.shape[-1]))
        for i in range(2):
            q = x + self.place(places)
            x = self.norms[2 * i](x + self.own[i](q, x))
            x = self.norms[2 * i + 1](x + self.cross[i](x, places, memory,
                                                        shapes))
            places = torch.sigmoid(self.refine[i](x) + self.unsigmoid(places))
        return self.kind(x), places


class Faces(nn.Module):
    """Scores, boxes and landmarks of each stride as rows, no decoding."""

    def __init__(self, width: int = 12):
        super().__init__()
        self.trunk = Trunk(width, nn.ReLU)
        self.lateral = nn.ModuleList(nn.Conv2d(width, width, 1)
                                     for _ in range(3))
        self.heads = nn.ModuleList(nn.ModuleList(
            nn.Conv2d(width, 2 * size, 3, 1, 1) for size in (1, 4, 10))
            for _ in range(3))
        self.scale = nn.Parameter(torch.ones(3))

    def forward(self, x):
        levels = [f(v) for f, v in zip(self.lateral, self.trunk(x))]
        for i in (1, 0):
            levels[i] = levels[i] + functional.interpolate(
                levels[i + 1], size=levels[i].shape[2:], mode="nearest")
        results = [[], [], []]
        for i, level in enumerate(levels):
            for j, (head, size) in enumerate(zip(self.heads[i], (1, 4, 10))):
                y = head(level)
                if j == 0:
                    y = y.sigmoid()
                elif j == 1:
                    y = y * self.scale[i]
                results[j].append(y.permute(2, 3, 0, 1).reshape(
                    -1, y.shape[0], size).transpose(0, 1))
        return tuple(torch.cat(parts, 1) for parts in results)


class Centers(nn.Module):
    """Peaks of a heat map, found by a maximum over 3 x 3; what is regressed
    there."""

    def __init__(self, width: int = 12, classes: int = 3, most: int = 9):
        super().__init__()
        self.most = most
        self.trunk = Trunk(width, nn.ReLU)
        self.up = nn.ConvTranspose2d(width, width, 4, 2, 1, bias=False)
        self.heat = nn.Conv2d(width, classes, 1)
        self.size = nn.Conv2d(width, 2, 1)

    def forward(self, x):
        levels = self.trunk(x)
        x = functional.relu(self.up(levels[1]) + levels[0])
        heat = self.heat(x).sigmoid()
        peak = functional.max_pool2d(heat, 3, 1, 1)
        heat = heat * (peak == heat).float()
        batch, _, height, width = heat.shape
        scores, index = torch.topk(heat.view(batch, -1), self.most)
        place = index % (height * width)
        kind = torch.div(index, height * width, rounding_mode="floor")
        y = torch.div(place, width, rounding_mode="floor").float()
        x0 = (place % width).float()
        size = self.size(x).permute(0, 2, 3, 1).reshape(batch, -1, 2)
        size = size.gather(1, place.unsqueeze(2).expand(batch, self.most, 2))
        return (torch.stack([x0, y, x0 + size[..., 0], y + size[..., 1]], -1),
                scores, kind)


class Embedding(nn.Module):
    """A face to a unit vector: PReLU, and normalization before convolution."""

    def __init__(self, width: int = 12):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, width, 3, 1, 1, bias=False),
                                  nn.BatchNorm2d(width), nn.PReLU(width))
        self.blocks = nn.ModuleList(nn.Sequential(
            nn.BatchNorm2d(width), nn.Conv2d(width, width, 3, 1, 1, bias=False),
            nn.BatchNorm2d(width), nn.PReLU(width),
            nn.Conv2d(width, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width))
            for _ in range(3))
        self.short = nn.ModuleList(nn.Sequential(
            nn.Conv2d(width, width, 1, 2, bias=False), nn.BatchNorm2d(width))
            for _ in range(3))
        self.norm = nn.BatchNorm2d(width)
        self.fc = nn.Linear(width * 49, 16)
        self.features = nn.BatchNorm1d(16)

    def forward(self, data):
        x = self.stem(data)
        for block, short in zip(self.blocks, self.short):
            x = block(x) + short(x)
        x = self.features(self.fc(torch.flatten(self.norm(x), 1)))
        return functional.normalize(x)


class Crnn(nn.Module):
    """Convolutions down to one row, pooled to it whatever the height, and two
    LSTMs of two ways."""

    def __init__(self, width: int = 16, hidden: int = 12):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(1, 8, 3, 1, 1), nn.ReLU(True), nn.MaxPool2d(2, 2),
            nn.Conv2d(8, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width),
            nn.ReLU(True), nn.MaxPool2d((2, 1), (2, 1)),
            nn.Conv2d(width, width, 2, 1, 0), nn.ReLU(True))
        self.pool = nn.AdaptiveAvgPool2d((None, 1))
        self.rnns = nn.ModuleList(
            nn.LSTM(inputs, hidden, bidirectional=True, batch_first=True)
            for inputs in (width, 12))
        self.leave = nn.ModuleList(nn.Linear(2 * hidden, outputs)
                                   for outputs in (12, 11))

    def forward(self, image):
        x = self.trunk(image)
        x = self.pool(x.permute(0, 3, 1, 2)).squeeze(3)
        for rnn, leave in zip(self.rnns, self.leave):
            x = leave(rnn(x)[0])
        return x


class Matte(nn.Module):
    """Nested maps brought to one size: bilinear, sizes from other maps."""

    def __init__(self, width: int = 8):
        super().__init__()
        self.enter = conv(3, width, act=nn.ReLU)
        self.down = nn.ModuleList(conv(width, width, act=nn.ReLU)
                                  for _ in range(3))
        self.wide = nn.Sequential(nn.Conv2d(width, width, 3, 1, 2, 2),
                                  nn.BatchNorm2d(width), nn.ReLU())
        self.up = nn.ModuleList(conv(2 * width, width, act=nn.ReLU)
                                for _ in range(3))
        self.side = nn.ModuleList(nn.Conv2d(width, 1, 3, 1, 1)
                                  for _ in range(3))
        self.pool = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.fuse = nn.Conv2d(3, 1, 1)

    def forward(self, image):
        x = self.enter(image)
        levels = []
        for down in self.down:
            levels.append(down(x))
            x = self.pool(levels[-1])
        x = self.wide(x)
        maps = []
        for up, side, level in zip(self.up, self.side, reversed(levels)):
            x = functional.interpolate(x, size=level.shape[2:],
                                       mode="bilinear", align_corners=False)
            x = up(torch.cat((x, level), 1))
            maps.append(functional.interpolate(
                side(x), size=image.shape[2:], mode="bilinear",
                align_corners=True))
        y = torch.sigmoid(self.fuse(torch.cat(maps, 1)))
        low, high = y.min(), y.max()
        return (y - low) / (high - low)


FACE = (Input("data", ("batch", 3, 56, 56)),)
LINE = (Input("image", ("batch", 1, "height", "width")),)

FAMILIES = (
    Family("yolo_anchors", YoloAnchors, PLANE,
           sides((2, 32, 48), (1, 32, 32), (3, 64, 16))),
    Family("yolo_focus", Focus, PLANE,
           sides((2, 32, 64), (1, 32, 32), (3, 64, 32))),
    Family("yolo_top", YoloTop, PLANE,
           sides((2, 32, 48), (1, 32, 32), (3, 64, 16))),
    Family("detection_transformer", DetectionTransformer, PLANE,
           sides((2, 32, 48), (1, 32, 32), (3, 64, 16))),
    Family("faces", Faces, PLANE, sides((2, 32, 48), (1, 31, 33), (3, 64, 16))),
    Family("centers", Centers, PLANE,
           sides((2, 32, 48), (1, 32, 32), (3, 64, 16))),
    Family("face_embedding", Embedding, FACE, batches(2, 1, 3)),
    Family("crnn", Crnn, LINE,
           sides((2, 32, 64), (1, 32, 99), (3, 40, 20))),
    Family("matte", Matte, PLANE, sides((2, 32, 48), (1, 31, 33), (1, 17, 64))),
)

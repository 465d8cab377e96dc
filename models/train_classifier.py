# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Trains the Fashion-MNIST classifier and writes it as ONNX with its accuracy.

    python models/train_classifier.py [--epochs N] [--threads N] [--output DIR]

Needs torch (CPU), which is not part of tools/setup.sh: see README.md beside
this file.  Writes fashion_classifier.onnx and fashion_classifier.json, the
committed files.
"""

import argparse
import json
import pathlib
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from models import classifier, data  # noqa: E402
from models.graph import histogram, save  # noqa: E402

SEED = 20261122


class Block(nn.Module):
    """The torch form of a classifier.Block."""

    def __init__(self, block: classifier.Block):
        super().__init__()
        self.block = block
        for conv in block.convs:
            self.add_module(conv.name, nn.ModuleDict({
                "conv": nn.Conv2d(conv.inputs, conv.outputs, conv.kernel,
                                  conv.stride, conv.kernel // 2,
                                  groups=conv.groups, bias=False),
                "norm": nn.BatchNorm2d(conv.outputs,
                                       eps=classifier.EPSILON)}))

    def forward(self, value):
        shortcut = value
        for conv in self.block.convs:
            part = getattr(self, conv.name)
            value = part["norm"](part["conv"](value))
            if conv.relu:
                value = functional.relu(value)
        return functional.relu(value + shortcut) if self.block.residual \
            else value


class Classifier(nn.Module):
    """Images [b, 1, 28, 28] in [0, 1] to logits [b, 10]."""

    def __init__(self):
        super().__init__()
        for block in classifier.BLOCKS:
            self.add_module(block.name, Block(block))
        self.head = nn.Linear(classifier.FEATURES, classifier.CLASSES)

    def forward(self, value):
        for block in classifier.BLOCKS:
            value = getattr(self, block.name)(value)
        return self.head(value.mean((2, 3)))


def augment(images: torch.Tensor) -> torch.Tensor:
    """Mirrors half of `images` u8 [b, 28, 28] and moves each by up to two
    pixels; returns f32 [b, 1, 28, 28] in [0, 1]."""
    count = len(images)
    padded = functional.pad(images, (2, 2, 2, 2))
    offset = torch.randint(0, 5, (2, count, 1))
    rows, columns = offset + torch.arange(28)
    mirror = torch.rand(count, 1) < 0.5
    columns = torch.where(mirror, columns.flip(1), columns)
    index = torch.arange(count)[:, None, None]
    moved = padded[index, rows[:, :, None], columns[:, None, :]]
    return moved[:, None].float() / 255


def train(model: Classifier, epochs: int, batch: int, rate: float) -> None:
    images, labels = (torch.from_numpy(array.copy())
                      for array in data.fashion_bytes("train"))
    labels = labels.long()
    model.to(memory_format=torch.channels_last)
    decayed = [p for p in model.parameters() if p.ndim > 1]
    other = [p for p in model.parameters() if p.ndim == 1]
    optimizer = torch.optim.SGD([{"params": decayed, "weight_decay": 5e-4},
                                 {"params": other, "weight_decay": 0}],
                                lr=rate, momentum=0.9, nesterov=True)
    steps = len(images) // batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=steps * epochs, pct_start=0.2)
    for epoch in range(epochs):
        model.train()
        order, start, total = torch.randperm(len(images)), time.time(), 0.0
        for step in range(steps):
            chosen = order[step * batch:(step + 1) * batch]
            value = augment(images[chosen]).to(
                memory_format=torch.channels_last)
            loss = functional.cross_entropy(model(value), labels[chosen],
                                            label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1}/{epochs} loss {total / steps:.4f} "
              f"test {accuracy(model):.4f} {time.time() - start:.0f} s",
              flush=True)


@torch.no_grad()
def accuracy(model: Classifier) -> float:
    """Share of the 10,000 test images that `model` labels correctly."""
    model.eval()
    images, labels = data.fashion("test")
    images, labels = torch.from_numpy(images), torch.from_numpy(labels)
    right = sum(int((model(images[i:i + 500]).argmax(1)
                     == labels[i:i + 500]).sum())
                for i in range(0, len(images), 500))
    return right / len(images)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--rate", type=float, default=0.2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=pathlib.Path,
                        default=pathlib.Path(__file__).parent)
    options = parser.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(options.threads)
    start = time.time()
    model = Classifier()
    train(model, options.epochs, options.batch, options.rate)
    weights = {name: value.contiguous().numpy().astype(np.float32)
               for name, value in model.state_dict().items()
               if not name.endswith("num_batches_tracked")}
    exported = classifier.to_onnx(weights)
    path = save(exported, options.output / "fashion_classifier.onnx")
    record = {
        "command": "python models/train_classifier.py "
                   f"--epochs {options.epochs} --batch {options.batch} "
                   f"--rate {options.rate} --threads {options.threads}",
        "seed": SEED,
        "torch": torch.__version__,
        "training_seconds": round(time.time() - start),
        "data": "Debian dataset-fashion-mnist, 60,000 training images",
        "test_images": 10000,
        "test_accuracy": accuracy(model),
        "parameters": sum(p.numel() for p in model.parameters()),
        "file_bytes": path.stat().st_size,
        "nodes": histogram(exported),
    }
    (options.output / "fashion_classifier.json").write_text(
        json.dumps(record, indent=2) + "\n")
    print(f"test accuracy {record['test_accuracy']:.4f}, wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a family of models is to this runner: its inputs, and at which sizes they
are fed.

A dimension of an input is a number, or a name that each size gives a number.
Data are made from the description alone, so that a cached or committed export
can be run where there is no torch.
"""

import zlib
from typing import Any, Callable, NamedTuple

import numpy as np

Size = dict[str, int]


class Input(NamedTuple):
    """`kind` says what is in it: normal (floats), uniform (floats from 0 to 1), ids
    (integers below `high`; ids32 of 32 bits), bytes, places (distinct ones), mask (ones, and zeros at the end of some rows),
    leading (zeros at their start, only in the cache, so that no token is without
    anything to look at), position (0, 1, ... from `start`), number (the size of
    `start` itself)."""
    name: str
    shape: tuple[int | str, ...]
    kind: str = "normal"
    high: int = 0
    start: str = ""  # leading and position: the dimension of the cache

    def array(self, size: Size, seed: int) -> np.ndarray:
        shape = tuple(size.get(dim, dim) for dim in self.shape)
        random = np.random.default_rng(
            [seed, zlib.crc32(self.name.encode()), *shape])
        if self.kind == "normal":
            return random.standard_normal(shape, np.float32)
        if self.kind == "uniform":
            return random.random(shape, np.float32)
        if self.kind == "bytes":
            return random.integers(0, 256, shape, np.uint8)
        if self.kind in ("ids", "ids32"):
            kind = np.int32 if self.kind == "ids32" else np.int64
            return random.integers(0, self.high, shape, kind)
        if self.kind == "places":
            return random.permuted(np.broadcast_to(
                np.arange(self.high), (*shape[:-1], self.high)),
                axis=-1)[..., :shape[-1]].copy()
        if self.kind == "number":
            return np.array(size[self.start], np.int64)
        if self.kind == "position":
            row = np.arange(shape[-1]) + size.get(self.start, 0)
            return np.broadcast_to(row, shape).astype(np.int64).copy()
        array = np.ones(shape, np.int64)
        for row in range(1, shape[0]):
            if self.kind == "mask":
                array[row, shape[-1] - 2 * row % shape[-1]:] = 0
            elif self.kind == "leading":
                array[row, :row % (size[self.start] + 1)] = 0
        return array


class Family(NamedTuple):
    name: str
    make: Callable[[], Any]  # a torch module that takes the inputs in order
    inputs: tuple[Input, ...]
    sizes: tuple[Size, ...]  # the first is what the exporters trace
    # Dimensions that the model's own code unrolls or takes as numbers.
    fixed: tuple[str, ...] = ()

    def arrays(self, size: Size) -> dict[str, np.ndarray]:
        return arrays(self.inputs, size)


def arrays(inputs: tuple[Input, ...], size: Size) -> dict[str, np.ndarray]:
    return {value.name: value.array(size, seed=7) for value in inputs}


def batches(*sizes: int, **dims: int) -> tuple[Size, ...]:
    """Sizes that differ in their batch."""
    return tuple({"batch": batch, **dims} for batch in sizes)

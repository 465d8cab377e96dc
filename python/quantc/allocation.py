# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Formats for tensors under a budget of bytes (docs/allocation.md).

    tensors = [Tensor("fc1.weight", 589824, [Candidate("int2", 147456, 0.31),
                                             Candidate("int4", 294912, 0.02)]),
               ...]
    point = quantc.allocation.allocate(tensors, "4.2bpw")
    point.formats                        # {"fc1.weight": "int4", ...}
    point.gap                            # how far from the optimum at most
"""

from typing import NamedTuple, Sequence

from . import _core

__all__ = ["Candidate", "Point", "Tensor", "allocate", "front"]

MAX_NODES = 100000


class Candidate(NamedTuple):
    """A format for a tensor, with the bytes it stores and what it loses."""
    format: str
    bytes: int
    loss: float


class Tensor(NamedTuple):
    name: str
    weights: int
    candidates: Sequence[Candidate]


class Point(NamedTuple):
    """`bound` <= the least loss within the budget <= `loss`."""
    formats: dict[str, str]
    bytes: int
    loss: float
    bound: float
    gap: float


def allocate(tensors: Sequence[Tensor], budget: str | int,
             max_nodes: int = MAX_NODES) -> Point:
    """The least sum of losses within a budget: `25MB`, `4.2bpw` or bytes."""
    if isinstance(budget, str):
        budget = _core.budget_bytes(budget,
                                    sum(tensor.weights for tensor in tensors))
    return _point(tensors, _core.allocate(_tuples(tensors), budget, max_nodes))


def front(tensors: Sequence[Tensor], count: int = 33,
          max_nodes: int = MAX_NODES) -> list[Point]:
    """The best points under `count` budgets, in ascending bytes."""
    return [_point(tensors, values) for values in
            _core.allocation_front(_tuples(tensors), count, max_nodes)]


def _tuples(tensors: Sequence[Tensor]) -> list[tuple]:
    return [(tensor.name, int(tensor.weights),
             [(candidate.format, int(candidate.bytes), float(candidate.loss))
              for candidate in map(Candidate._make, tensor.candidates)])
            for tensor in map(Tensor._make, tensors)]


def _point(tensors: Sequence[Tensor], values: tuple) -> Point:
    choices, *figures = values
    return Point({tensor.name: tensor.candidates[choice].format
                  for tensor, choice in zip(tensors, choices)}, *figures)

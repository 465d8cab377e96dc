# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# RUN: %python %s
"""quantc.allocation: budgets, proofs and refusals, against all combinations."""

import itertools
import random

import quantc
from quantc.allocation import Candidate, Tensor, allocate, front

rng = random.Random(3)
tensors = [
    Tensor(f"t{i}", weights, [
        Candidate(f"int{bits}", weights * bits // 8,
                  sensitivity * 4.0 ** -bits) for bits in (2, 3, 4, 8)])
    for i, (weights, sensitivity) in enumerate(
        (64 * rng.randint(1, 500), 10 ** rng.uniform(-3, 3))
        for _ in range(6))]
total = sum(tensor.weights for tensor in tensors)


def best(budget: int) -> float:
    return min(sum(candidate.loss for candidate in choice)
               for choice in itertools.product(
                   *(tensor.candidates for tensor in tensors))
               if sum(candidate.bytes for candidate in choice) <= budget)


for bits in (2.0, 2.7, 3.1, 4.2, 6.0, 8.0):
    point = allocate(tensors, f"{bits}bpw")
    budget = int(bits * total / 8)
    assert point == allocate(tensors, budget)
    assert point.bytes <= budget
    assert abs(point.loss / best(budget) - 1) < 1e-6
    assert point.bound <= point.loss and point.gap <= 1e-6
    loss = sum(candidate.loss for tensor in tensors
               for candidate in tensor.candidates
               if candidate.format == point.formats[tensor.name])
    assert abs(loss / point.loss - 1) < 1e-9

points = front(tensors, 9)
assert points[0].bytes == 2 * total // 8 and points[-1].bytes == total
assert all(a.bytes < b.bytes and a.loss > b.loss
           for a, b in zip(points, points[1:]))
for point in points:
    assert abs(point.loss / best(point.bytes) - 1) < 1e-6

for arguments, status, text in (
        ((tensors, "1bpw"), 1, f"{2 * total // 8} bytes or more"),
        ((tensors, "fast"), 2, "'fast'"),
        (([Tensor("a", 1, [])], 9), 1, "'a', got none")):
    try:
        allocate(*arguments)
        raise AssertionError(arguments)
    except quantc.Error as error:
        assert error.status == status and text in str(error), str(error)

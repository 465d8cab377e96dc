# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rounding of one weight, with everything that the compiler's passes can use.

    moment = x.T @ x                            # x: inputs of the layer, rows
    result = quantc.solvers.solve(
        weight, "#fmt.int<4, block = [1, 128], scale = f16>", "gptq",
        second_moment=moment, count=len(x))
    result.values                               # what the codes stand for
    result.report["output_error"]

Solvers and their options: docs/solvers.md, and `available()`.  Calls release
the interpreter's lock, so that threads solve layers in parallel; results do
not depend on that.
"""

from typing import Any, Mapping, NamedTuple

import numpy as np

from . import _core

__all__ = ["Option", "Solution", "SolverInfo", "available", "gptq", "solve"]


class Option(NamedTuple):
    name: str
    values: str
    default: str
    summary: str


class SolverInfo(NamedTuple):
    name: str
    summary: str
    needs_second_moment: bool
    options: tuple[Option, ...]


class Solution(NamedTuple):
    """The payload of the format, and what was lost.

    `values` are the floats that codes, scales and offsets stand for;
    `bias_correction` is (weight - values) @ mean if the mean was given.  The
    report has `weight_error`, `stored_bits`, `damping`, `dead_inputs` and, if
    the second moment is known, `output_error`: the mean square of what outputs
    change by, summed over outputs.
    """
    codes: np.ndarray
    scales: np.ndarray
    offsets: np.ndarray | None
    values: np.ndarray
    bias_correction: np.ndarray | None
    report: Mapping[str, float]


def available() -> tuple[SolverInfo, ...]:
    """All solvers, with their options."""
    return tuple(SolverInfo(name, summary, needs,
                            tuple(Option(*option) for option in options))
                 for name, summary, needs, options in _core.solvers())


def solve(weight: Any, format: str, solver: str = "gptq", *,
          second_moment: Any = None, count: int = 1, mean: Any = None,
          cross_moment: Any = None, importance: Any = None,
          **options: Any) -> Solution:
    """Rounds a weight [out, in] to a format.

    `second_moment` is the sum of x xᵀ over `count` rows of the layer's input,
    `mean` the mean of x, `cross_moment` the sum of x_ref xᵀ where x comes from
    layers that are quantized already; `importance` weighs squared errors by
    input.  Further keywords are the solver's options, `_` for `-`.
    """
    text = ",".join(f"{name.replace('_', '-')}={_text(value)}"
                    for name, value in options.items())
    result = _core.solve(
        _floats(weight, np.float32), format, solver, text,
        _floats(second_moment), count, _floats(mean), _floats(cross_moment),
        _floats(importance, np.float32))
    return Solution(result["codes"], result["scales"], result.get("offsets"),
                    result["values"], result.get("bias_correction"),
                    result["report"])


def gptq(weight: Any, second_moment: Any, format: str,
         **arguments: Any) -> Solution:
    """`solve` with the solver gptq."""
    return solve(weight, format, "gptq", second_moment=second_moment,
                 **arguments)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _floats(value: Any, dtype: Any = None) -> np.ndarray | None:
    if value is None:
        return None
    array = np.asarray(value)
    if dtype is None:
        dtype = np.float32 if array.dtype == np.float32 else np.float64
    return np.ascontiguousarray(array, dtype)

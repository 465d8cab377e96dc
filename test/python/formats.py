# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# RUN: %python %s
"""Formats whose codes stand for floats, bit for bit against ml_dtypes and numpy
(docs/numerics.md §6.4, §6.6); rtn is what encoding gives."""

import statistics

import ml_dtypes
import numpy as np

from quantc import solvers

F = np.float32
rng = np.random.default_rng(3)


def weights(n, k):
    w = rng.standard_normal((n, k)) * np.exp(3 * rng.standard_normal((n, k)))
    return np.clip(w, -1000, 1000).astype(F)


def check(got, codes, scales, values):
    assert np.array_equal(got.codes.view(np.uint8),
                          codes.astype(np.int16).astype(np.uint8))
    assert got.scales.tobytes() == scales.tobytes()
    assert got.values.tobytes() == values.astype(F).tobytes()


def scale_of(w, largest, dtype=F):
    return (np.abs(w).max(1) / F(largest)).astype(dtype)


def small_floats():
    for name, dtype in (("E4M3", ml_dtypes.float8_e4m3fn),
                        ("E5M2", ml_dtypes.float8_e5m2),
                        ("E3M4", ml_dtypes.float8_e3m4),
                        ("E3M2", ml_dtypes.float6_e3m2fn),
                        ("E2M3", ml_dtypes.float6_e2m3fn),
                        ("E2M1", ml_dtypes.float4_e2m1fn)):
        width = sum(map(int, name[1::2])) + 1
        every = np.arange(2 ** width).astype(np.uint8).view(dtype).astype(F)
        every = np.unique(every[np.isfinite(every)])
        largest = every.max()
        # All values, the middles between them, and what is next to those.
        middles = (every[1:] + every[:-1]) / 2
        row = np.concatenate([every, middles, np.nextafter(middles, F(9e9)),
                              np.nextafter(middles, F(-9e9)), [F(-0.0)]])
        for w in (row[None], weights(23, 70)):
            s = scale_of(w, largest)
            x = np.clip(w / s[:, None], -largest, largest)
            rounded = x.astype(dtype)
            got = solvers.solve(w, f"#fmt.float<{name}, axis = 0>", "rtn")
            check(got, rounded.view(np.uint8), s,
                  rounded.astype(F) * s[:, None])


def nearest(w, table, s):
    """The first of the nearest entries."""
    x = (w / s[:, None]).astype(np.float64)
    return np.abs(x[..., None] - table.astype(np.float64)).argmin(-1)


def codebooks():
    # The 4-bit normal float as published in f32, and its definition.
    nf4 = np.array([-1.0, -0.6961928009986877, -0.5250730514526367,
                    -0.39491748809814453, -0.28444138169288635,
                    -0.18477343022823334, -0.09105003625154495, 0.0,
                    0.07958029955625534, 0.16093020141124725,
                    0.24611230194568634, 0.33791524171829224,
                    0.44070982933044434, 0.5626170039176941,
                    0.7229568362236023, 1.0], F)
    p = (1 - 1 / 32 + 1 - 1 / 30) / 2
    quantile = statistics.NormalDist().inv_cdf
    exact = sorted([quantile(p + (.5 - p) * i / 8) for i in range(8)] + [0] +
                   [-quantile(p + (.5 - p) * i / 7) for i in range(7)])
    assert np.abs(np.array(exact) / exact[-1] - nf4).max() < 2e-7
    for text, table in (("nf4", nf4),
                        ("[-1.0, -0.25, 0.125, 2.0]",
                         np.array([-1, -.25, .125, 2], F))):
        for dtype, scale in ((F, "f32"), (np.float16, "f16")):
            w = weights(23, 70)
            s = scale_of(w, np.abs(table).max(), dtype)
            codes = nearest(w, table, s.astype(F))
            got = solvers.solve(
                w, f"#fmt.codebook<{text}, axis = 0, scale = {scale}>", "rtn")
            check(got, codes, s, table[codes] * s.astype(F)[:, None])


def ternary():
    w = weights(23, 70)
    s = scale_of(w, 1)
    codes = np.clip(np.rint(w / s[:, None]), -1, 1).astype(np.int64)
    got = solvers.solve(w, "#fmt.ternary<axis = 0>", "rtn")
    check(got, codes, s, codes * s[:, None])
    assert set(np.unique(codes)) == {-1, 0, 1}


def searched():
    """Every solver works with every format, and better ones lose less."""
    w = rng.standard_normal((16, 96)).astype(F)
    x = rng.standard_normal((400, 96)) @ rng.standard_normal((96, 96))
    for text in ("float<E4M3", "float<E2M1", "codebook<nf4",
                 "codebook<[-1.0, 0.0, 0.4, 1.0]", "ternary<"):
        comma = "" if text.endswith("<") else ", "
        fmt = f"#fmt.{text}{comma}block = [1, 32], scale = f16>"
        error = {name: solvers.solve(w, fmt, name, second_moment=x.T @ x,
                                     count=400).report["output_error"]
                 for name in ("rtn", "rtn-mse", "gptq")}
        assert error["gptq"] < min(error["rtn-mse"], error["rtn"]), (fmt, error)


small_floats()
codebooks()
ternary()
searched()

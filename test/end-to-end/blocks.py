# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Weights in blocks against numpy, bit for bit.

    python test/end-to-end/blocks.py

A linear, and a look-up in its table, from .mlir text: the interpreter and
libraries for several CPUs give the bytes that docs/numerics.md §5.3, §5.6, §6.1
and §6.4 ask for, computed here with numpy.
"""

import pathlib
import sys
import tempfile

import ml_dtypes
import numpy as np

from _checks import Checks, quantc

CPUS = ("native", "x86-64-v3")
F = np.float32

TEXT = """
func.func @main(%x: tensor<?x{k}xf32> {{qnn.name = "x",
      qnn.shape = affine_map<()[s0] -> (s0, {k})>}},
    %i: tensor<3xi64> {{qnn.name = "i",
      qnn.shape = affine_map<()[s0] -> (3)>}})
    -> (tensor<?x{n}xf32> {{qnn.name = "bytes"}},
        tensor<?x{n}xf32> {{qnn.name = "floats"}},
        tensor<3x{k}xf32> {{qnn.name = "rows"}})
    attributes {{qnn.entry, qnn.symbols = ["batch"]}} {{
  %b = qnn.constant dense<{bias}> : tensor<{n}xf32> -> tensor<{n}xf32>
  %w = qnn.encoded_constant {{{payload}}} : !qnn.encoded<{n}x{k}xf32, {format}>
  %q = qnn.quantize %x {{rcp}} : (tensor<?x{k}xf32>)
      -> !qnn.encoded<?x{k}xf32, #fmt.int<8, per_row>>
  %y0 = qnn.linear %{input}, %w bias %b
      : ({input_type}, !qnn.encoded<{n}x{k}xf32, {format}>, tensor<{n}xf32>)
      -> tensor<?x{n}xf32>
  %y1 = qnn.linear %x, %w : (tensor<?x{k}xf32>,
      !qnn.encoded<{n}x{k}xf32, {format}>) -> tensor<?x{n}xf32>
  %y2 = qnn.gather %w, %i {{axis = 0 : i64}}
      : (!qnn.encoded<{n}x{k}xf32, {format}>, tensor<3xi64>)
      -> tensor<3x{k}xf32>
  return %y0, %y1, %y2 : tensor<?x{n}xf32>, tensor<?x{n}xf32>, tensor<3x{k}xf32>
}}
"""


def fma(a, b, c):
    """f32 fma of f32 arrays: the product is exact in f64; the sum's error, by
    TwoSum, decides where rounding it to f64 first would differ."""
    p, c = a.astype(np.float64) * b, np.broadcast_to(c, np.broadcast_shapes(
        a.shape, b.shape, c.shape)).astype(np.float64)
    s = p + c
    t = s - p
    error = (p - (s - t)) + (c - t)
    # Round to odd: an inexact sum with an even last bit moves toward the error.
    bits = s.view(np.int64)
    toward = np.where((error > 0) == (s > 0), 1, -1)
    bits = bits + np.where((error != 0) & (bits & 1 == 0), toward, 0)
    return np.where(s == 0, s, bits.view(np.float64)).astype(F)


class Weight:
    """Integers of few bits; subclasses have other codes."""

    def __init__(self, rng, bits, group, offset, scale, n, k):
        groups = -(-k // group)
        low = -(1 << (bits - 1)) if offset == "none" else 0
        self.group, self.offset = group, offset
        self.codes = rng.integers(low, low + (1 << bits), (n, k))
        self.values = self.codes
        self.scales = rng.uniform(.001, .1, (n, groups)).astype(scale)
        self.offsets = (rng.integers(0, 1 << bits, (n, groups))
                        if offset == "integer" else
                        rng.uniform(-1, 1, (n, groups)).astype(scale))
        self.describe(str(bits), "i8" if offset == "none" else "ui8")

    def describe(self, name, kind):
        real = {"float32": "f32", "float16": "f16"}[self.scales.dtype.name]
        arrays = [("codes", self.codes, kind), ("scales", self.scales, real)]
        if self.offset != "none":
            arrays.append(("offsets", self.offsets,
                           kind if self.offset == "integer" else real))
        self.payload = ", ".join(
            f"{name} = dense<{text(array)}> : "
            f"tensor<{'x'.join(map(str, array.shape))}x{element}>"
            for name, array, element in arrays)
        scheme = f"block = [1, {self.group}], scale = {real}"
        self.format = (f"#fmt.{name}{scheme}>" if "<" in name else
                       f"#fmt.int<{name}, {scheme}, offset = {self.offset}>")

    def blocks(self):
        """Columns [begin, end), integer codes, scale and float offset."""
        k = self.codes.shape[1]
        for g, begin in enumerate(range(0, k, self.group)):
            codes = self.values[:, begin:begin + self.group]
            if self.offset == "integer":
                codes = codes - self.offsets[:, g:g + 1]
            added = (self.offsets[:, g].astype(F) if self.offset == "float"
                     else None)
            yield (begin, begin + codes.shape[1], codes,
                   self.scales[:, g].astype(F), added)

    def linear(self, a):
        acc = np.zeros((len(a), len(self.codes)), F)
        for begin, end, codes, scale, added in self.blocks():
            part = a[:, begin:end]
            if a.dtype == F:
                total = np.zeros_like(acc)
                sums = np.zeros((len(a), 1), F)
                for i in range(end - begin):
                    total = fma(part[:, i:i + 1], codes[:, i].astype(F), total)
                    sums = sums + part[:, i:i + 1]
            else:
                total = (part.astype(np.int64) @ codes.T).astype(F)
                sums = part.sum(1, keepdims=True).astype(F)
            acc = fma(total, scale, acc)
            if added is not None:
                acc = fma(sums, added, acc)
        return acc

    def input(self, k):
        """The operand of the first linear."""
        return {"input": "q",
                "input_type": f"!qnn.encoded<?x{k}xf32, #fmt.int<8, per_row>>"}

    def first(self, x):
        """Integer sums times the rows' scales."""
        codes, scale = quantize(x)
        return self.linear(codes) * scale[:, None]

    def rows(self, indices):
        out = []
        for _, _, codes, scale, added in self.blocks():
            codes = codes[indices].astype(F)
            scale = scale[indices][:, None]
            out.append(codes * scale if added is None else
                       fma(codes, scale, added[indices][:, None]))
        return np.concatenate(out, axis=1)


class ValueWeight(Weight):
    """Codes that stand for floats (table, with NaN where one stands for
    nothing) or, without one, -1, 0 and 1."""

    def __init__(self, rng, name, table, group, scale, n, k):
        self.group, self.offset, self.table = group, "none", table
        self.scales = rng.uniform(.001, .1, (n, -(-k // group))).astype(scale)
        if table is None:
            self.codes = rng.integers(-1, 2, (n, k))
            self.values = self.codes
            return self.describe(name, "i8")
        self.codes = rng.choice(np.flatnonzero(np.isfinite(table)), (n, k))
        self.values = table[self.codes]
        self.describe(name, "ui8")

    # Codes that stand for floats are multiplied with floats only.
    def input(self, k):
        if self.table is None:
            return super().input(k)
        return {"input": "x", "input_type": f"tensor<?x{k}xf32>"}

    def first(self, x):
        return super().first(x) if self.table is None else self.linear(x)


def text(array):
    return np.array2string(array, separator=",", threshold=array.size + 1,
                           floatmode="unique")


def quantize(x):
    amax = np.abs(x).max(1).astype(F)
    scale = np.where(amax < F(2) ** -100, F(1), amax / F(127))
    codes = np.rint(x * (F(1) / scale)[:, None])
    return np.clip(codes, -127, 127).astype(np.int64), scale


# Bits, block, offset, scales, N, K, rows.
CASES = [
    (4, 32, "none", np.float16, 48, 96, 7),
    (4, 64, "integer", np.float16, 19, 130, 1),
    (4, 64, "float", np.float32, 65, 200, 50),
    (4, 300, "none", np.float32, 16, 67, 2),
    (3, 32, "integer", np.float16, 33, 131, 5),
    (3, 64, "none", np.float32, 17, 64, 13),
    (2, 64, "none", np.float16, 40, 77, 3),
    (2, 32, "float", np.float16, 16, 128, 6),
    (1, 32, "integer", np.float32, 20, 45, 4),
]


def small_float(dtype):
    return np.arange(2 ** ml_dtypes.finfo(dtype).bits).astype(
        np.uint8).view(dtype).astype(F)


BOOK = np.array([-1, -.6, -.25, 0, .125, .5, .7, 1], F)
NF4 = np.array([-1.0, -0.6961928009986877, -0.5250730514526367,
                -0.39491748809814453, -0.28444138169288635,
                -0.18477343022823334, -0.09105003625154495, 0.0,
                0.07958029955625534, 0.16093020141124725, 0.24611230194568634,
                0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
                0.7229568362236023, 1.0], F)
# Name, what codes stand for, block, scales, N, K, rows.
VALUE_CASES = [
    ("codebook<nf4, ", NF4, 64, np.float16, 48, 130, 7),
    ("codebook<nf4, ", NF4, 37, np.float32, 17, 101, 1),
    (f"codebook<{text(BOOK[:5])}, ", BOOK[:5], 32, np.float16, 33, 67, 13),
    (f"codebook<{text(BOOK[2:4])}, ", BOOK[2:4], 32, np.float16, 16, 40, 2),
    ("float<E4M3, ", small_float(ml_dtypes.float8_e4m3fn), 32, np.float16, 31,
     97, 6),
    ("float<E4M3, ", small_float(ml_dtypes.float8_e4m3fn), 200, np.float32, 65,
     200, 1),
    ("float<E5M2, ", small_float(ml_dtypes.float8_e5m2), 32, np.float32, 16,
     35, 5),
    ("float<E3M2, ", small_float(ml_dtypes.float6_e3m2fn), 64, np.float16, 20,
     64, 50),
    ("float<E2M1, ", small_float(ml_dtypes.float4_e2m1fn), 32, np.float16, 47,
     96, 4),
    ("ternary<", None, 160, np.float16, 48, 321, 7),
    ("ternary<", None, 64, np.float16, 17, 131, 1),
    ("ternary<", None, 1, np.float32, 15, 7, 2),
    ("ternary<", None, 500, np.float32, 64, 499, 50),
]


def main():
    checks = Checks()
    rng = np.random.default_rng(5)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for make, (*scheme, n, k, m) in [
                *((Weight, case) for case in CASES),
                *((ValueWeight, case) for case in VALUE_CASES)]:
            weight = make(rng, *scheme, n, k)
            bias = rng.standard_normal(n).astype(F)
            source = folder / "m.mlir"
            source.write_text(TEXT.format(n=n, k=k, bias=text(bias),
                                          payload=weight.payload,
                                          format=weight.format,
                                          **weight.input(k)))
            x = (rng.standard_normal((m, k)) * 2).astype(F)
            indices = np.array([n - 1, 0, -2])
            np.save(folder / "x.npy", x)
            np.save(folder / "i.npy", indices)
            want = {"bytes": weight.first(x) + bias,
                    "floats": weight.linear(x),
                    "rows": weight.rows(indices)}
            for cpu in ("interpreter", *CPUS):
                program = source
                if cpu != "interpreter":
                    program = folder / "m.so"
                    quantc("compile", source, "-o", program, "--mcpu", cpu)
                quantc("run", program, "--input", f"x={folder / 'x.npy'}",
                       "--input", f"i={folder / 'i.npy'}", "--output-dir",
                       folder)
                for output, reference in want.items():
                    got = np.load(folder / f"{output}.npy")
                    good = got.tobytes() == reference.astype(F).tobytes()
                    checks.report(f"{weight.format} {m}x{k}x{n} {output} on "
                                  f"{cpu}", good)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())

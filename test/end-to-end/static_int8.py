# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Static int8 activations against numpy, bit for bit.

    python test/end-to-end/static_int8.py

A linear on activations with a known scale, with and without a zero point, from
.mlir text: the interpreter and libraries for several CPUs give the bytes that
docs/numerics.md §5.3 and §6.2 ask for, computed here with numpy.
"""

import pathlib
import sys
import tempfile

import numpy as np

from _checks import Checks, quantc

CPUS = ("native", "x86-64-v3")
F = np.float32

TEXT = """
func.func @main(%x: tensor<?x{m}x{k}xf32> {{qnn.name = "x",
      qnn.shape = affine_map<()[s0] -> (s0, {m}, {k})>}})
    -> (tensor<?x{m}x{n}xf32> {{qnn.name = "shifted"}},
        tensor<?x{m}x{n}xf32> {{qnn.name = "symmetric"}})
    attributes {{qnn.entry, qnn.symbols = ["batch"]}} {{
  %s0 = qnn.constant dense<0.02> : tensor<f32> -> tensor<f32>
  %z0 = qnn.constant dense<100> : tensor<ui8> -> tensor<ui8>
  %s1 = qnn.constant dense<0.03> : tensor<f32> -> tensor<f32>
  %b = qnn.constant dense<{bias}> : tensor<{n}xf32> -> tensor<{n}xf32>
  %w = qnn.encoded_constant {{codes = dense<{codes}> : tensor<{n}x{k}xi8>,
      scales = dense<{scales}> : tensor<{n}xf32>}}
      : !qnn.encoded<{n}x{k}xf32, #fmt.int<8, axis = 0>>
  %q0 = qnn.quantize %x scale %s0 offset %z0
      : (tensor<?x{m}x{k}xf32>, tensor<f32>, tensor<ui8>)
      -> !qnn.encoded<?x{m}x{k}xf32, #fmt.int<8, tensor, offset = integer>>
  %y0 = qnn.linear %q0, %w bias %b
      : (!qnn.encoded<?x{m}x{k}xf32, #fmt.int<8, tensor, offset = integer>>,
         !qnn.encoded<{n}x{k}xf32, #fmt.int<8, axis = 0>>, tensor<{n}xf32>)
      -> tensor<?x{m}x{n}xf32>
  %q1 = qnn.quantize %x scale %s1 : (tensor<?x{m}x{k}xf32>, tensor<f32>)
      -> !qnn.encoded<?x{m}x{k}xf32, #fmt.int<8, tensor>>
  %y1 = qnn.linear %q1, %w
      : (!qnn.encoded<?x{m}x{k}xf32, #fmt.int<8, tensor>>,
         !qnn.encoded<{n}x{k}xf32, #fmt.int<8, axis = 0>>)
      -> tensor<?x{m}x{n}xf32>
  return %y0, %y1 : tensor<?x{m}x{n}xf32>, tensor<?x{m}x{n}xf32>
}}
"""


def expected(x, codes, scales, bias):
    def linear(scale, zero, low, high):
        q = np.clip(np.rint(x / F(scale)) + zero, low, high)
        q = np.where(np.isnan(x), zero, q).astype(np.int64)
        total = np.einsum("bmk,nk->bmn", q - zero, codes.astype(np.int64))
        return (total.astype(F) * scales) * F(scale)
    return linear(.02, 100, 0, 255) + bias, linear(.03, 0, -127, 127)


def main():
    checks = Checks()
    rng = np.random.default_rng(5)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for m, k, n in ((7, 37, 19), (1, 64, 16), (50, 130, 65)):
            codes = rng.integers(-127, 128, (n, k)).astype(np.int8)
            scales = rng.uniform(.001, .1, n).astype(F)
            bias = rng.standard_normal(n).astype(F)
            text = [np.array2string(a, separator=",", threshold=a.size + 1,
                                    floatmode="unique")
                    for a in (codes, scales, bias)]
            source = folder / "m.mlir"
            source.write_text(TEXT.format(m=m, k=k, n=n, codes=text[0],
                                          scales=text[1], bias=text[2]))
            x = (rng.standard_normal((3, m, k)) * 2).astype(F)
            x.flat[:3] = np.nan, np.inf, -np.inf
            np.save(folder / "x.npy", x)
            want = expected(x, codes, scales, bias)
            for cpu in CPUS:
                quantc("compile", source, "-o", folder / "m.so", "--mcpu", cpu)
                quantc("run", folder / "m.so", "--input",
                       f"x={folder / 'x.npy'}", "--output-dir", folder)
                for output, reference in zip(("shifted", "symmetric"), want):
                    got = np.load(folder / f"{output}.npy")
                    good = got.tobytes() == reference.astype(F).tobytes()
                    checks.report(f"{m}x{k}x{n} {output} on {cpu}", good)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())

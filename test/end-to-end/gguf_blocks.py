# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""GGUF's Q4_0, Q4_1 and Q8_0 as #fmt.int, bit for bit.

    python test/end-to-end/gguf_blocks.py

The `gguf` package quantizes random weights; its bytes, read here by their
layout, become codes, scales and offsets of an encoded constant, whose values in
quantc are those of the package's own dequantization.

Q4_0's scale d may be negative, so d (q - 8) is written |d| c + o with o = -8 |d|
for d >= 0, and with c = 15 - q, o = -7 |d| for d < 0: exact in f32.
"""

import pathlib
import sys
import tempfile

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import quants

from _checks import Checks, quantc

F, H = np.float32, np.float16
N, K = 7, 96

TEXT = """
func.func @main(%i: tensor<{n}xi64> {{qnn.name = "i",
      qnn.shape = affine_map<()[] -> ({n})>}})
    -> (tensor<{n}x{k}xf32> {{qnn.name = "rows"}})
    attributes {{qnn.entry, qnn.symbols = []}} {{
  %w = qnn.encoded_constant {{{payload}}} : !qnn.encoded<{n}x{k}xf32, {format}>
  %y = qnn.gather %w, %i {{axis = 0 : i64}}
      : (!qnn.encoded<{n}x{k}xf32, {format}>, tensor<{n}xi64>)
      -> tensor<{n}x{k}xf32>
  return %y : tensor<{n}x{k}xf32>
}}
"""


def split(data, *sizes):
    """The parts of each 32-element block, [N, blocks, bytes]."""
    blocks = data.reshape(N, K // 32, sum(sizes))
    return np.split(blocks, np.cumsum(sizes)[:-1], axis=-1)


def nibbles(packed):
    return np.concatenate([packed & 15, packed >> 4], -1).astype(np.int64)


def q4_0(data):
    scale, packed = split(data, 2, 16)
    d, q = scale.copy().view(H).astype(F), nibbles(packed)
    codes = np.where(d < 0, 15 - q, q)
    offsets = np.where(d < 0, F(-7), F(-8)) * np.abs(d)
    return ("int<4, block = [1, 32], offset = float>", codes, np.abs(d)[..., 0],
            offsets[..., 0])


def q4_1(data):
    scale, least, packed = split(data, 2, 2, 16)
    return ("int<4, block = [1, 32], scale = f16, offset = float>",
            nibbles(packed), scale.copy().view(H)[..., 0],
            least.copy().view(H)[..., 0])


def q8_0(data):
    scale, codes = split(data, 2, 32)
    return ("int<8, block = [1, 32], scale = f16>", codes.view(np.int8),
            scale.copy().view(H)[..., 0], None)


def dense(name, array, element):
    shape = "x".join(map(str, array.shape))
    body = np.array2string(array, separator=",", threshold=array.size + 1,
                           floatmode="unique")
    return f"{name} = dense<{body}> : tensor<{shape}x{element}>"


def decode(folder, scheme, codes, scales, offsets):
    real = {F: "f32", H: "f16"}[scales.dtype.type]
    payload = [dense("codes", codes.reshape(N, K),
                     "i8" if offsets is None else "ui8"),
               dense("scales", scales, real)]
    if offsets is not None:
        payload.append(dense("offsets", offsets, real))
    source = folder / "m.mlir"
    source.write_text(TEXT.format(n=N, k=K, payload=", ".join(payload),
                                  format=f"#fmt.{scheme}"))
    np.save(folder / "i.npy", np.arange(N))
    results = []
    for program in (source, folder / "m.so"):
        if program != source:
            quantc("compile", source, "-o", program)
        quantc("run", program, "--input", f"i={folder / 'i.npy'}",
               "--output-dir", folder)
        results.append(np.load(folder / "rows.npy"))
    return results


def main():
    checks = Checks()
    w = np.random.default_rng(1).standard_normal((N, K)).astype(F)
    # Scales that are subnormal in f16, and blocks that are all alike.
    w[1] *= F(1e-5)
    w[2] = F(0.5)
    with tempfile.TemporaryDirectory() as name:
        for kind, read in ((Type.Q4_0, q4_0), (Type.Q4_1, q4_1),
                           (Type.Q8_0, q8_0)):
            data = quants.quantize(w, kind)
            want = quants.dequantize(data, kind)
            scheme, codes, scales, offsets = read(data)
            # A scale of 0 stands for codes that are all 0.
            assert not codes.reshape(N, -1, 32)[scales == 0].any()
            scales = np.where(scales == 0, scales.dtype.type(1), scales)
            for where, got in zip(("interpreter", "native"), decode(
                    pathlib.Path(name), scheme, codes, scales, offsets)):
                checks.report(f"{kind.name} as #fmt.{scheme} on {where}",
                              got.tobytes() == (want + F(0)).tobytes())
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())

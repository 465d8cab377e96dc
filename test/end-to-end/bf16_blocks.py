# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""bf16-dot kernels against float64, within the bound of docs/numerics.md §5.6.

    python test/end-to-end/bf16_blocks.py

Weights are products of codes and powers of two, so that their format holds them
exactly; a recipe with `a16: bf16` compiles the linear, and numpy computes it in
float64 from the weights as they are.  Where the CPU lacks avx512bf16 only the
fallback is checked.
"""

import pathlib
import sys
import tempfile

import numpy as np

from _checks import Checks, call_quantc

F = np.float32

TEXT = """
func.func @main(%x: tensor<?x{k}xf32> {{qnn.name = "x",
      qnn.shape = affine_map<()[s0] -> (s0, {k})>}})
    -> (tensor<?x{n}xf32> {{qnn.name = "y"}})
    attributes {{qnn.entry, qnn.symbols = ["batch"]}} {{
  %w = qnn.constant dense<{weight}> : tensor<{n}x{k}xf32>
      -> tensor<{n}x{k}xf32>
  %y = qnn.linear %x, %w : (tensor<?x{k}xf32>, tensor<{n}x{k}xf32>)
      -> tensor<?x{n}xf32>
  return %y : tensor<?x{n}xf32>
}}
"""
RECIPE = """quantc: 1
base: w4a16
a16: {a16}
weights: "{format}"
"""

# Format, bits (0: ternary), block, offset, N, K, rows.
CASES = [
    ("int<4, block = [1, 64], scale = f16, offset = integer>", 4, 64,
     "integer", 48, 130, 7),
    ("int<4, block = [1, 32], scale = f16>", 4, 32, "none", 17, 97, 1),
    ("int<4, block = [1, 300], scale = f32>", 4, 300, "none", 65, 299, 50),
    ("int<4, block = [1, 64], scale = f32, offset = float>", 4, 64, "float",
     33, 190, 13),
    ("int<3, block = [1, 32], scale = f16, offset = integer>", 3, 32,
     "integer", 33, 131, 5),
    ("int<2, block = [1, 64], scale = f16>", 2, 64, "none", 40, 77, 3),
    ("int<2, block = [1, 32], scale = f16, offset = float>", 2, 32, "float",
     16, 128, 1),
    ("int<1, block = [1, 32], scale = f32, offset = integer>", 1, 32,
     "integer", 20, 45, 4),
    ("ternary<block = [1, 160], scale = f16>", 0, 160, "none", 48, 321, 7),
    ("int<4, block = [1, 1], scale = f32>", 4, 1, "none", 15, 9, 2),
]


class Weight:
    """What codes times scales and offsets give, exactly in f32."""

    def __init__(self, rng, bits, block, offset, n, k):
        groups = -(-k // block)
        scales = 2.0 ** rng.integers(-9, -2, (n, groups))
        # Without offsets the greatest code sets the scale, as the least.
        high = (1 if bits == 0 else (1 << (bits - 1)) - 1 if offset == "none"
                else (1 << bits) - 1)
        low = -high if offset == "none" else 0
        codes = rng.integers(low, high + 1, (n, k))
        zeros = rng.integers(0, high + 1, (n, groups))
        # The format finds scale and offset from the ends of each block.
        for begin in range(0, k, block):
            codes[:, begin] = low
            if begin + 1 < k and block > 1:
                codes[:, begin + 1] = high
        wide = [np.repeat(x, block, axis=1)[:, :k] for x in (scales, zeros)]
        added = np.zeros_like(scales)
        if offset == "integer":
            codes = codes - wide[1]
        if offset == "float":
            added = scales * rng.integers(-40, 40, (n, groups))
        self.added = np.repeat(added, block, axis=1)[:, :k]
        self.scales, self.products = wide[0], codes * wide[0]
        self.values = (self.products + self.added).astype(F)


def bound(x, weight):
    """docs/numerics.md §5.6, for each element of x times the weight."""
    k = x.shape[1]
    parts = np.abs(weight.products) + np.abs(weight.added)
    flushed = (parts + weight.scales).sum(1) * 2.0 ** -124
    relative = 2.0 ** -7.9 + k * 2.0 ** -23
    return relative * (np.abs(x) @ parts.T) + flushed + k * 2.0 ** -148


def inputs(rng, m, k):
    """Common values, the worst that rounding does, and denormals."""
    yield "normal", rng.standard_normal((m, k)) * 2
    yield "halfway", np.full((m, k), 1 + 2.0 ** -8)
    yield "wide", rng.standard_normal((m, k)) * 2.0 ** rng.integers(
        -40, 40, (m, k))
    yield "denormal", rng.standard_normal((m, k)) * 2.0 ** -127
    yield "integers", rng.integers(-128, 129, (m, k)) * 1.0


def text(array):
    return np.array2string(array, separator=",", threshold=array.size + 1,
                           floatmode="unique")


def compile_to(folder, source, name, form, *options):
    recipe = folder / "r.yaml"
    recipe.write_text(RECIPE.format(a16=name, format=form))
    return call_quantc("compile", source, "-o", folder / f"{name}.so", "--recipe",
                  recipe, *options)


def run(folder, program, x, threads):
    np.save(folder / "x.npy", x)
    done = call_quantc("run", program, "--input", f"x={folder / 'x.npy'}",
                  "--threads", threads, "--output-dir", folder)
    if done.returncode:
        sys.exit(done.stderr)
    return np.load(folder / "y.npy")


def check_case(checks, folder, rng, case):
    form, bits, block, offset, n, k, m = case
    weight = Weight(rng, bits, block, offset, n, k)
    source = folder / "m.mlir"
    source.write_text(TEXT.format(n=n, k=k, weight=text(weight.values)))
    for name in ("f32", "bf16"):
        done = compile_to(folder, source, name, form)
        if done.returncode:
            sys.exit(done.stderr)
    for label, values in inputs(rng, m, k):
        x = values.astype(F)
        label = f"{form} {m}x{k}x{n} {label}"
        exact = x.astype(np.float64) @ weight.values.T.astype(np.float64)
        limit = bound(x.astype(np.float64), weight)
        y = run(folder, folder / "bf16.so", x, 1)
        used = float((np.abs(y - exact) / limit).max())
        checks.report(used <= 1, f"{label}: {used:.3f} of the bound")
        again = run(folder, folder / "bf16.so", x, 2)
        checks.report(y.tobytes() == again.tobytes(),
                      f"{label}: the same bytes from 2 threads")
        chain = run(folder, folder / "f32.so", x, 1)
        if "normal" in label.split():
            checks.report(y.tobytes() != chain.tobytes(),
                          f"{label}: not the f32 chain")
        if "integers" in label.split():
            # Products and sums are exact: both are the same.
            checks.report(np.array_equal(y, chain), f"{label}: exact")


def check_fallback(checks, folder):
    source = folder / "m.mlir"
    source.write_text(TEXT.format(n=1, k=1, weight="1.0"))
    done = compile_to(folder, source, "bf16", CASES[0][0], "--mcpu",
                      "x86-64-v3")
    remark = done.stderr.strip()
    checks.report(done.returncode == 0 and
                  "has no avx512bf16: it keeps the f32 chain" in remark,
                  f"x86-64-v3 keeps the f32 chain: {remark}")
    chain = compile_to(folder, source, "f32", CASES[0][0], "--mcpu",
                       "x86-64-v3")
    x = np.array([[1 + 2.0 ** -20]], np.float32)
    checks.report(chain.returncode == 0 and
                  run(folder, folder / "bf16.so", x, 1).tobytes() ==
                  run(folder, folder / "f32.so", x, 1).tobytes(),
                  "x86-64-v3: the bytes of the f32 chain")


def main():
    checks = Checks()
    rng = np.random.default_rng(11)
    flags = pathlib.Path("/proc/cpuinfo").read_text().split()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        check_fallback(checks, folder)
        for case in CASES if "avx512_bf16" in flags else []:
            check_case(checks, folder, rng, case)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())

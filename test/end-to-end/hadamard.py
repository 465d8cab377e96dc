# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Hadamard transforms: compiled code against the interpreter and numpy.

    python test/end-to-end/hadamard.py

Alone, transposed, and between Gelu and the int8 codes of a linear's input.  The
interpreter and libraries for several CPUs give the same bytes (docs/numerics.md
§4.7); the transform alone is also compared with matrices built here.
"""

import pathlib
import sys
import tempfile

import numpy as np

from _checks import quantc

CPUS = ("native", "x86-64-v3")
# Rows of n elements in blocks, and m of the block's order m * 2^k.
CASES = ((1, 1, 1), (8, 8, 1), (12, 12, 12), (16, 16, 1), (32, 32, 1),
         (96, 24, 12), (384, 32, 1), (384, 384, 12), (256, 256, 1),
         (512, 512, 1), (576, 576, 36), (704, 704, 44), (1024, 1024, 1),
         (1536, 1536, 12), (6144, 6144, 12))

TEXT = """
func.func @main(%x: tensor<?x{n}xf32> {{qnn.name = "x",
      qnn.shape = affine_map<()[s0] -> (s0, {n})>}})
    -> (tensor<?x{n}xf32> {{qnn.name = "plain"}},
        tensor<?x{n}xf32> {{qnn.name = "back"}},
        tensor<?x5xf32> {{qnn.name = "linear"}})
    attributes {{qnn.entry, qnn.symbols = ["rows"]}} {{
  %w = qnn.constant dense<{weight}> : tensor<5x{n}xf32> -> tensor<5x{n}xf32>
  %0 = qnn.hadamard %x {{block = {block} : i64}}
      : (tensor<?x{n}xf32>) -> tensor<?x{n}xf32>
  %1 = qnn.hadamard %x {{block = {block} : i64, transposed}}
      : (tensor<?x{n}xf32>) -> tensor<?x{n}xf32>
  %2 = qnn.gelu %x : (tensor<?x{n}xf32>) -> tensor<?x{n}xf32>
  %3 = qnn.hadamard %2 {{block = {block} : i64}}
      : (tensor<?x{n}xf32>) -> tensor<?x{n}xf32>
  %4 = qnn.quantize %3 {{rcp}} : (tensor<?x{n}xf32>)
      -> !qnn.encoded<?x{n}xf32, #fmt.int<8, per_row>>
  %5 = qnn.quantize %w : (tensor<5x{n}xf32>)
      -> !qnn.encoded<5x{n}xf32, #fmt.int<8, axis = 0>>
  %6 = qnn.linear %4, %5
      : (!qnn.encoded<?x{n}xf32, #fmt.int<8, per_row>>,
         !qnn.encoded<5x{n}xf32, #fmt.int<8, axis = 0>>) -> tensor<?x5xf32>
  return %0, %1, %6 : tensor<?x{n}xf32>, tensor<?x{n}xf32>, tensor<?x5xf32>
}}
"""


def paley(m: int) -> np.ndarray:
    """Orders q + 1 and 2 (q + 1), from the squares modulo q."""
    if m == 1:
        return np.ones((1, 1))
    second = m - 1 not in (11, 19, 43)
    q = m // 2 - 1 if second else m - 1
    squares = {i * i % q for i in range(1, q)}
    chi = np.array([0] + [1 if i in squares else -1 for i in range(1, q)])
    c = np.zeros((q + 1, q + 1))
    c[0, 1:], c[1:, 0] = 1, 1 if second else -1
    c[1:, 1:] = chi[np.subtract.outer(np.arange(q), np.arange(q)) % q]
    if not second:
        return c + np.eye(m)
    return (np.kron(c, [[1, 1], [1, -1]])
            + np.kron(np.eye(q + 1), [[1, -1], [-1, -1]]))


def matrix(block: int, m: int) -> np.ndarray:
    h = paley(m)
    while len(h) < block:
        h = np.kron(h, [[1, 1], [1, -1]])
    assert np.array_equal(h @ h.T, block * np.eye(block))
    return h / np.sqrt(block)


def run(model: pathlib.Path, folder: pathlib.Path) -> dict[str, np.ndarray]:
    quantc("run", model, "--input", f"x={folder / 'x.npy'}",
           "--output-dir", folder)
    return {name: np.load(folder / f"{name}.npy")
            for name in ("plain", "back", "linear")}


def check(n: int, block: int, m: int, folder: pathlib.Path) -> None:
    random = np.random.default_rng(n)
    rows = 3 if n > 2000 else 37
    x = random.standard_normal((rows, n)).astype(np.float32)
    np.save(folder / "x.npy", x)
    weight = (random.standard_normal((5, n)).round(3) + 0.0).tolist()
    model = folder / "model.mlir"
    model.write_text(TEXT.format(n=n, block=block, weight=weight))
    want = run(model, folder)
    blocks = x.reshape(rows, n // block, block).astype(np.float64)
    for name, h in (("plain", matrix(block, m)), ("back", matrix(block, m).T)):
        exact = (blocks @ h).reshape(rows, n)
        error = np.abs(want[name] - exact).max()
        assert error < 2e-6 * np.abs(exact).max(), f"{n}, {name}: {error}"
    for cpu in CPUS:
        library = folder / f"{cpu}.so"
        quantc("compile", model, "-o", library, "--mcpu", cpu)
        got = run(library, folder)
        for name, value in want.items():
            assert np.array_equal(value.view(np.int32),
                                  got[name].view(np.int32)), \
                f"{n}, {cpu}, {name}"


def main() -> int:
    failed = 0
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            try:
                check(*case, pathlib.Path(folder))
                print(f"PASS  {case[0]} in blocks of {case[1]}", flush=True)
            except (AssertionError, RuntimeError) as error:
                failed += 1
                print(f"FAIL  {case[0]} in blocks of {case[1]}: {error}",
                      flush=True)
    print(f"{len(CASES) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

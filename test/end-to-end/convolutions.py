# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiled convolutions give the bits of the reference evaluator.

    python test/end-to-end/convolutions.py [--cpus CPU ...]

One module holds convolutions of many forms (dense, depthwise, grouped, strided,
dilated, unevenly padded, of one to three spatial axes, with odd numbers of
channels).  Its library, in float, after `w8a8-dynamic`, and on activations with
a static scale and zero point, is compared with the interpreted module, for
several CPUs, batch sizes and threads.
"""

import argparse
import pathlib
import sys
import tempfile
from typing import NamedTuple

import numpy as np

from _checks import quantc

CPUS = ("x86-64-v3", "x86-64-v4", "icelake-server", "alderlake")


class Case(NamedTuple):
    """`spatial` input extents; one entry per spatial axis in each tuple."""
    spatial: tuple[int, ...]
    inputs: int
    outputs: int
    kernel: tuple[int, ...]
    strides: tuple[int, ...] = (1, 1)
    dilations: tuple[int, ...] = (1, 1)
    low: tuple[int, ...] = (1, 1)
    high: tuple[int, ...] = (1, 1)
    groups: int = 1
    relu: bool = False
    last: bool = True


CASES = (
    Case((9, 7), 16, 32, (3, 3), relu=True),
    Case((28, 28), 1, 32, (3, 3)),
    Case((5, 6), 3, 17, (3, 3), (2, 2), high=(0, 0)),
    Case((8, 8), 64, 24, (3, 3), last=False),
    Case((11, 5), 20, 300, (2, 3), (1, 2), (2, 1), (0, 2), (3, 0)),
    Case((4, 4), 8, 8, (5, 5), low=(2, 2), high=(2, 2)),
    Case((7, 7), 8, 40, (1, 1), (2, 2), low=(0, 0), high=(0, 0)),
    Case((2, 2), 6, 5, (3, 3), low=(2, 2), high=(2, 2)),
    Case((19,), 7, 9, (4,), (3,), (1,), (2,), (1,)),
    Case((4, 3, 5), 5, 6, (2, 2, 3), (1,) * 3, (1,) * 3, (1, 0, 1), (0, 1, 1)),
    Case((6, 6), 12, 8, (3, 3), groups=4),
    Case((6, 6), 4, 8, (3, 3), groups=4),
    Case((9, 13), 32, 32, (3, 3), groups=32, relu=True),
    Case((9, 13), 64, 64, (3, 3), (2, 2), groups=64),
    Case((7, 7), 29, 29, (3, 3), groups=29),
    Case((14, 4), 16, 16, (5, 3), (1, 3), (2, 1), (4, 1), (4, 0), 16),
    Case((12, 12), 24, 24, (7, 7), low=(3, 3), high=(3, 3), groups=24),
    Case((21,), 40, 40, (9,), (1,), (2,), (8,), (8,), 40),
    Case((3, 4, 5), 11, 11, (3, 2, 3), (1,) * 3, (1,) * 3, (1,) * 3, (1,) * 3,
         11),
    # Rows of patches and of channels are longer than a tile.
    Case((4, 3), 912, 20, (3, 3), (1, 1), (2, 2), (2, 2), (2, 2)),
    Case((6,), 8212, 8212, (4,), (1,), (1,), (3,), (0,), 8212, relu=True),
    # Many taps along a line, and across lines; the last is in groups.
    Case((40,), 6, 20, (33,), (2,), (1,), (16,), (11,)),
    Case((23, 19), 3, 10, (18, 17), (2, 1), (1, 1), (9, 8), (8, 9)),
    Case((40,), 12, 24, (32,), (1,), (1,), (16,), (16,), 6),
    # Groups on codes: four, one, eight, one and four of them together.
    Case((9, 13), 32, 32, (3, 3), groups=8, relu=True),
    Case((14, 11), 64, 64, (3, 3), (2, 2), (1, 2), (2, 0), (1, 3), 4),
    Case((5, 7), 8, 16, (3, 3), groups=8),
    Case((19,), 15, 80, (4,), (3,), (1,), (2,), (1,), 5),
    Case((4, 3, 5), 40, 40, (2, 2, 3), (1,) * 3, (1,) * 3, (1, 0, 1),
         (0, 1, 1), 10),
    Case((6, 5), 64, 128, (1, 1), low=(0, 0), high=(0, 0), groups=8),
    # These would be 17 together.
    Case((4, 4), 34, 85, (3, 3), groups=17),
)


def array(values) -> str:
    return f"array<i64: {', '.join(map(str, values))}>"


def constant(values: np.ndarray) -> str:
    shape = "x".join(map(str, values.shape))
    data = values.astype("<f4").tobytes().hex().upper()
    return (f'qnn.constant dense<"0x{data}"> : tensor<{shape}xf32> '
            f"-> tensor<{shape}xf32>")


def extents(case: Case) -> list[int]:
    return [(i + a + b - (k - 1) * d - 1) // s + 1 for i, a, b, k, d, s in
            zip(case.spatial, case.low, case.high, case.kernel,
                case.dilations, case.strides)]


def on_codes(i: int, case: Case, x: str, w: str) -> tuple[list, str, str]:
    """The input x and the weight w of case i as codes: the operations, and the
    two types."""
    a = x.replace("tensor", "!qnn.encoded").replace(
        "f32>", "f32, #fmt.int<8, tensor, offset = integer>>")
    b = w.replace("tensor", "!qnn.encoded").replace(
        "f32>", "f32, #fmt.int<8, axis = 0>>")
    return [f"%s{i} = qnn.constant dense<0.02> : tensor<f32> -> tensor<f32>",
            f"%z{i} = qnn.constant dense<{100 + i}> : tensor<ui8> "
            "-> tensor<ui8>",
            f"%qx{i} = qnn.quantize %x{i} scale %s{i} offset %z{i} "
            f": ({x}, tensor<f32>, tensor<ui8>) -> {a}",
            f"%qw{i} = qnn.quantize %w{i} : ({w}) -> {b}"], a, b


def module(noise: np.random.Generator, static: bool = False) -> str:
    """All cases as outputs of one function; with `static` those that have a
    kernel on codes are on codes of a known scale and zero point."""
    arguments, results, body, returned, types = [], [], [], [], []
    for i, c in enumerate(CASES):
        inner = c.inputs // c.groups
        weight = (c.outputs, *c.kernel, inner) if c.last else \
            (c.outputs, inner, *c.kernel)
        shape = (*c.spatial, c.inputs) if c.last else (c.inputs, *c.spatial)
        out = (*extents(c), c.outputs) if c.last else (c.outputs, *extents(c))
        x = "tensor<?x" + "x".join(map(str, shape)) + "xf32>"
        y = "tensor<?x" + "x".join(map(str, out)) + "xf32>"
        w = "tensor<" + "x".join(map(str, weight)) + "xf32>"
        dims = ", ".join(map(str, shape))
        arguments.append(f'%x{i}: {x} {{qnn.name = "x{i}", qnn.shape = '
                         f"affine_map<()[s0] -> (s0, {dims})>}}")
        results.append(f'{y} {{qnn.name = "y{i}"}}')
        bias = noise.standard_normal(c.outputs)
        body += [f"%w{i} = {constant(noise.standard_normal(weight))}",
                 f"%b{i} = {constant(bias)}"]
        q = ""
        if static and c.last and c.groups != 17:
            q, (codes, x, w) = "q", on_codes(i, c, x, w)
            body += codes
        body += [f"%c{i} = qnn.conv %{q}x{i}, %{q}w{i} bias %b{i} {{strides = "
                 f"{array(c.strides)}, dilations = {array(c.dilations)}, "
                 f"pad_low = {array(c.low)}, pad_high = {array(c.high)}, "
                 f"groups = {c.groups} : i64, channels_last = "
                 f"{str(c.last).lower()}}} : ({x}, {w}, "
                 f"tensor<{c.outputs}xf32>) -> {y}"]
        last = f"%c{i}"
        if c.relu:
            body.append(f"%r{i} = qnn.relu {last} : ({y}) -> {y}")
            last = f"%r{i}"
        returned.append(last)
        types.append(y)
    lines = "\n  ".join(body)
    return (f"func.func @main({', '.join(arguments)}) -> "
            f"({', '.join(results)}) attributes {{qnn.entry, "
            f'qnn.symbols = ["n"]}} {{\n  {lines}\n  return '
            f"{', '.join(returned)} : {', '.join(types)}\n}}\n")


def save_samples(noise: np.random.Generator, folder: pathlib.Path) -> None:
    for batch in (1, 3):
        arrays = {}
        for i, c in enumerate(CASES):
            shape = (*c.spatial, c.inputs) if c.last else \
                (c.inputs, *c.spatial)
            arrays[f"x{i}"] = noise.standard_normal(
                (batch, *shape)).astype(np.float32)
        np.savez(folder / f"batch{batch}.npz", **arrays)


def differing(reference: pathlib.Path, library: pathlib.Path,
              samples: pathlib.Path, threads: int) -> list[str]:
    table = quantc("compare", reference, library, "--data", samples,
                   "--threads", threads).splitlines()
    rows = [line.strip() for line in table[2:]]
    if len(rows) != len(CASES):
        raise RuntimeError(f"expected {len(CASES)} outputs, got {len(rows)}")
    return [row for row in rows if not row.endswith("(identical)")]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cpus", nargs="+", default=["native", *CPUS])
    options = parser.parse_args()
    noise = np.random.default_rng(7)
    failed = passed = 0
    with tempfile.TemporaryDirectory(prefix="quantc-conv-") as name:
        folder = pathlib.Path(name)
        (folder / "samples").mkdir()
        save_samples(noise, folder / "samples")
        source = folder / "m.mlir"
        source.write_text(module(noise))
        codes = folder / "q.mlirbc"
        quantc("compile", source, "-o", codes, "--recipe", "w8a8-dynamic")
        fixed = folder / "s.mlir"
        fixed.write_text(module(noise, static=True))
        for label, reference in (("fp32", source), ("w8a8-dynamic", codes),
                                 ("static", fixed)):
            for cpu in options.cpus:
                library = folder / f"{label}-{cpu}.so"
                quantc("compile", reference, "-o", library, "--mcpu", cpu)
                for threads in (1, 2):
                    try:
                        wrong = differing(reference, library,
                                          folder / "samples", threads)
                    except RuntimeError as error:
                        if "CPU feature" in str(error):
                            continue  # this machine cannot run it
                        raise
                    failed += bool(wrong)
                    passed += not wrong
                    print(f"{'FAIL' if wrong else 'PASS'}  {label} {cpu} "
                          f"{threads} threads", *wrong, sep="\n      "
                          if wrong else "", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks and measures the kernels of lowbit.block_matmul, apart from any model.

    blocks.py check [--target avx2]...   exactness on awkward shapes
    blocks.py gemm                       share of the vpdpbusd probe, M = 512
    blocks.py gemv                       share of the read probe, 4096 x 4096

The lines are packed here from the text of docs/formats.md, not by the compiler.
Everything else is as in gemm.py.
"""
import argparse
import ctypes
import itertools
import os
import statistics
import sys
import tempfile
import threading
import time

import numpy as np

from gemm import (TARGETS, Compiler, check, descriptor, differs, guarded,
                  interleaved, timed)

# Fields of a byte: for each field the (line, shift, bits) of its pieces, from
# the least significant on.
FIELDS = {
    1: [[(0, i, 1)] for i in range(8)],
    2: [[(0, 2 * i, 2)] for i in range(4)],
    3: [[(i // 2, 3 * (i % 2), 3)] for i in range(6)]
       + [[(2, 6, 1), (0, 6, 2)], [(2, 7, 1), (1, 6, 2)]],
    4: [[(0, 0, 4)], [(0, 4, 4)]],
    6: [[(0, 0, 6)]],
    8: [[(0, 0, 8)]],
}


def pack_lines(stored, bits, group):
    """Stored (unsigned) codes [n, k], missing ones as `stored` pads them."""
    n, k = stored.shape
    fields = FIELDS[bits]
    lines = 1 + max(line for field in fields for line, _, _ in field)
    depth = 4 * len(fields)
    units = []
    for begin in range(0, k, group):
        block = stored[:, begin:begin + group]
        block = np.pad(block, ((0, 0), (0, -block.shape[1] % depth)))
        units.append(block.reshape(n, -1, len(fields), 4))
    units = np.concatenate(units, axis=1)
    out = np.zeros((n, units.shape[1], lines, 4), np.uint8)
    for i, field in enumerate(fields):
        low = 0
        for line, shift, width in field:
            piece = units[:, :, i] >> low & (1 << width) - 1
            out[:, :, line] |= (piece << shift).astype(np.uint8)
            low += width
    out = out.reshape(n // 16, 16, -1, 4).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(out)


def panels(values, n16):
    """[n, groups] as [panels, groups, 16]."""
    out = np.zeros((n16, values.shape[1]), values.dtype)
    out[:len(values)] = values
    return np.ascontiguousarray(
        out.reshape(-1, 16, values.shape[1]).transpose(0, 2, 1))


def pack_ternary(codes, group):
    """Five codes of -1, 0 and 1 to a byte; missing ones are 0."""
    n, k = codes.shape
    units = []
    for begin in range(0, k, group):
        block = codes[:, begin:begin + group]
        block = np.pad(block, ((0, 0), (0, -block.shape[1] % 20)))
        units.append(block.reshape(n, -1, 5, 4))
    x = np.concatenate(units, axis=1).astype(np.int64) + 1
    x = np.einsum("nlij,i->nlj", x, 3 ** np.arange(4, -1, -1))
    out = ((256 * x + 255) // 243).astype(np.uint8)
    return np.ascontiguousarray(
        out.reshape(n // 16, 16, -1, 4).transpose(0, 2, 1, 3))


TABLE = np.random.default_rng(2).standard_normal(16).astype(np.float32)


def small_float(bits, exponent):
    """What each code of a small float stands for, if it is finite."""
    mantissa = bits - 1 - exponent
    values = []
    for code in range(1 << bits):
        e, f = code >> mantissa & (1 << exponent) - 1, code & (1 << mantissa) - 1
        value = (f + (bool(e) << mantissa)) * 2.0 ** (
            max(e, 1) - (1 << exponent - 1) + 1 - mantissa)
        values.append(-value if code >> bits - 1 else value)
    return np.array(values, np.float32)


# Names of the operation's attributes for codes that are no integers, and what
# codes stand for.
KINDS = {
    "ternary": (2, " ternary", None),
    "E4M3": (8, " exponent(4)", small_float(8, 4)),
    "E5M2": (8, " exponent(5)", small_float(8, 5)),
    "E2M3": (6, " exponent(2)", small_float(6, 2)),
    **{f"table{n}": (bits, f" values({TABLE[:n].tolist()})", TABLE[:n])
       for n, bits in ((16, 4), (11, 4), (7, 3), (3, 2))},
}


class Problem:
    """One contraction's operands and what the plain loop gives."""

    def __init__(self, rng, bits, group, offset, scale, integer, m, n, k):
        groups, n16 = -(-k // group), -(-n // 16) * 16
        bits, self.kind, values = KINDS.get(bits, (bits, "", None))
        self.bits, self.group, self.integer = bits, group, integer
        bias = 1 << (bits - 1) if offset == "none" else 0
        stored = rng.integers(0, 1 << bits if values is None else len(values),
                              (n16, k), dtype=np.uint8)
        if self.kind == " ternary":
            stored = rng.integers(1, 4, (n16, k), dtype=np.uint8)
        zeros = rng.integers(0, 1 << bits, (n, groups), dtype=np.uint8)
        # The first column and the first rows reach the largest sums.
        stored[0], zeros[0] = stored.max(), 0
        each = np.repeat(zeros, group, axis=1)[:, :k]
        self.codes = stored[:n].astype(np.int16) - bias
        if offset == "integer":
            self.codes -= each
        self.scales = rng.uniform(0.01, 0.02, (n, groups)).astype(scale)
        floats = rng.uniform(-0.1, 0.1, (n, groups)).astype(scale)
        self.floats = floats if offset == "float" else None
        if values is not None:
            self.codes = values[stored[:n]]
        self.lines = (pack_ternary(stored.astype(np.int8) - 2, group)
                      if self.kind == " ternary" else
                      pack_lines(stored, bits, group))
        self.packed_scales = panels(self.scales, n16)
        self.packed_offsets = {"none": None, "integer": panels(zeros, n16),
                               "float": panels(floats, n16)}[offset]
        if integer:
            self.a = rng.integers(-127, 128, (m, k), dtype=np.int8)
            self.a[0] = 127
            self.a[1:2] = -127
        else:
            self.a = rng.standard_normal((m, k), dtype=np.float32)
        self.c = rng.standard_normal((m, n), dtype=np.float32)
        self.sums = None
        if integer:
            padded = np.pad(self.a.astype(np.int32),
                            ((0, 0), (0, groups * group - k)))
            sums = padded.reshape(m, groups, group).sum(2, dtype=np.int32)
            factor = {"none": -bias, "integer": -1, "float": 1}[offset]
            self.sums = np.ascontiguousarray(
                (sums * factor).astype(
                    np.float32 if offset == "float" else np.int32))

    def operands(self):
        return [x for x in (self.a, self.lines, self.packed_scales,
                            self.packed_offsets, self.sums, self.c)
                if x is not None]

    def expected(self, probe):
        c = self.c.copy()
        scales = np.ascontiguousarray(self.scales.astype(np.float32))
        floats = (None if self.floats is None else
                  np.ascontiguousarray(self.floats.astype(np.float32)))
        name, weights = (("i8", self.codes) if self.integer else
                         ("f32", self.codes.astype(np.float32)))
        pointers = [None if x is None else x.ctypes.data_as(ctypes.c_void_p)
                    for x in (np.ascontiguousarray(self.a), weights, scales,
                              floats, c)]
        extents = [ctypes.c_int64(x) for x in (*c.shape, self.a.shape[1],
                                               self.group)]
        getattr(probe, f"reference_blocks_{name}")(*pointers, *extents)
        return c


ELEMENTS = {"int8": "i8", "uint8": "i8", "int32": "i32", "float16": "f16",
            "float32": "f32"}


def memref(array, dynamic, strided=False):
    dims = ["?" if i in dynamic else str(d) for i, d in enumerate(array.shape)]
    layout = ", strided<[?, 1], offset: ?>" if strided else ""
    return f"memref<{'x'.join(dims)}x{ELEMENTS[array.dtype.name]}{layout}>"


def module(problem, dynamic=""):
    rows = {0} if "m" in dynamic else set()
    width = {1} if "n" in dynamic else set()
    first = {0} if "n" in dynamic else set()
    strided = "s" in dynamic
    types = {"a": memref(problem.a, rows, strided),
             "b": memref(problem.lines, first),
             "s": memref(problem.packed_scales, first)}
    extra = ""
    for name, keyword, array, loose in (
            ("o", "offsets", problem.packed_offsets, first),
            ("z", "sums", problem.sums, rows)):
        if array is not None:
            types[name] = memref(array, loose)
            extra += f" {keyword}(%{name} : {types[name]})"
    types["c"] = memref(problem.c, rows | width, strided)
    arguments = ", ".join(f"%{n}: {t}" for n, t in types.items())
    return (f"func.func @gemm({arguments}) "
            "attributes {llvm.emit_c_interface} {\n"
            f"  lowbit.block_matmul bits({problem.bits}) "
            f"group({problem.group}){problem.kind} ins(%a, %b, %s : {types['a']}, "
            f"{types['b']}, {types['s']}){extra} outs(%c : {types['c']})\n"
            "  return\n}\n")


def bind(function, arrays):
    holders = [descriptor(x) for x in arrays]
    pointers = [ctypes.byref(h) for h in holders]
    return (lambda: function(*pointers)), (arrays, holders)


MANY = (1, 2, 3, 4, 5, 6, 7, 11, 13, 31)
# Bits, group, offset, scale, integer A, N, K, values of M, dynamic dimensions.
CASES = [
    # Every width, offset and kind of A; scales and lengths of blocks in turn.
    (1, 64, "integer", "float32", True, 31, 150, (1, 2, 8), "m"),
    (1, 32, "float", "float16", True, 17, 67, (1, 4, 13), "mns"),
    (2, 32, "none", "float32", True, 40, 96, MANY, "m"),
    (2, 64, "integer", "float16", True, 127, 211, (1, 4, 13), "mns"),
    (2, 128, "float", "float16", True, 31, 300, (2, 8), "m"),
    (3, 32, "none", "float16", True, 40, 96, MANY, "m"),
    (3, 64, "integer", "float16", True, 33, 211, (1, 4, 13), "mns"),
    (3, 64, "float", "float32", True, 31, 67, (2, 8), "m"),
    (4, 32, "none", "float32", True, 40, 96, MANY, "m"),
    (4, 64, "integer", "float16", True, 70, 200, (1, 3, 9), "mn"),
    (4, 64, "float", "float16", True, 17, 129, (1, 3, 9), "mns"),
    (1, 128, "integer", "float16", False, 16, 257, (1, 7), "m"),
    (1, 64, "float", "float32", False, 33, 61, (2, 5), "mn"),
    (2, 128, "none", "float16", False, 97, 131, (1, 6), "m"),
    (2, 32, "integer", "float16", False, 40, 77, (1, 3, 9), "m"),
    (2, 64, "float", "float32", False, 31, 65, (1, 12), "mns"),
    (3, 32, "none", "float16", False, 40, 101, (1, 3, 9), "m"),
    (3, 128, "integer", "float32", False, 17, 139, (2, 7), "m"),
    (3, 64, "float", "float16", False, 7, 64, (1, 8), "m"),
    (4, 32, "none", "float32", False, 40, 96, MANY, "m"),
    (4, 64, "integer", "float16", False, 33, 131, (1, 4, 13), "mns"),
    (4, 64, "float", "float32", False, 16, 67, (1, 3), "m"),
    # One column, one k, tile - 1 and tile + 1, odd blocks, fixed extents.
    (4, 32, "none", "float16", True, 1, 1, (1, 5), "m"),
    (3, 32, "none", "float32", False, 1, 1, (1, 5), "m"),
    (4, 256, "none", "float16", True, 31, 257, (1, 5, 7), "m"),
    (2, 256, "integer", "float32", True, 65, 509, (1, 6), "m"),
    (4, 32, "none", "float16", True, 33, 67, (1, 4, 13), "ms"),
    (4, 1, "integer", "float32", True, 5, 3, (1, 2), "m"),
    (3, 5, "none", "float32", True, 16, 13, (1, 3, 6), "m"),
    (4, 37, "none", "float32", True, 100, 149, (7,), ""),
    # Columns that are decoded in several pieces, and blocks too long for that.
    (4, 32, "integer", "float16", True, 33, 1161, (1, 13), "m"),
    (2, 128, "none", "float16", True, 16, 1024, (9,), ""),
    (4, 300, "integer", "float32", True, 16, 601, (1, 5), "m"),
    (3, 64, "integer", "float16", False, 33, 331, (1, 9), "m"),
    (4, 1100, "integer", "float16", True, 17, 2203, (1, 7), "m"),
    (4, 290, "none", "float32", False, 16, 580, (1, 7), "m"),
    # Codes that are no integers, or no fields.
    ("ternary", 160, "none", "float16", True, 40, 340, MANY, "m"),
    ("ternary", 64, "none", "float16", True, 33, 211, (1, 4, 13), "mns"),
    ("ternary", 7, "none", "float32", True, 16, 13, (1, 3), "m"),
    ("ternary", 997, "none", "float32", True, 17, 997, (1, 5), "m"),
    ("ternary", 128, "none", "float16", False, 31, 150, (1, 3, 9), "mns"),
    ("table16", 64, "none", "float16", False, 40, 130, MANY, "m"),
    ("table11", 37, "none", "float32", False, 33, 131, (1, 4, 13), "mns"),
    ("table7", 32, "none", "float16", False, 17, 67, (1, 3), "m"),
    ("table3", 64, "none", "float16", False, 16, 101, (1, 8), "m"),
    ("E4M3", 32, "none", "float16", False, 40, 97, MANY, "m"),
    ("E4M3", 211, "none", "float32", False, 33, 211, (1, 4, 13), "mns"),
    ("E5M2", 5, "none", "float32", False, 16, 13, (1, 3), "m"),
    ("E2M3", 64, "none", "float16", False, 31, 130, (2, 8), "m"),
]


def check_case(compiler, probe, target, case, rng):
    *scheme, n, k, rows, dynamic = case
    function, bad = None, 0
    for m in rows:
        problem = Problem(rng, *scheme, m, n, k)
        want = problem.expected(probe)
        edge = None
        if "s" in dynamic:
            _, problem.a = guarded(problem.a)
            outer, problem.c = guarded(problem.c)
            edge = outer[..., n:]
        if function is None:
            library = compiler.library(module(problem, dynamic), target)
            function = library._mlir_ciface_gemm
        call, _keep = bind(function, problem.operands())
        call()
        bad += differs(f"{target} {case} m={m}", problem.c, want,
                       edge is None or np.all(np.isnan(edge)))
    return bad, len(rows)


def gemm_share(compiler, target, repeats, bits, group, offset="none", m=512,
               n=64, k=1024):
    """Share of the vpdpbusd probe, after printing it.  One tile's worth of
    columns at a time, as the compiler cuts them."""
    rng = np.random.default_rng(3)
    probe = compiler.probe()
    count = 8000
    measure = timed(lambda: probe.probe_bytes(ctypes.c_int64(count)))
    problem = Problem(rng, bits, group, offset, "float16", True, m, n, k)
    function = compiler.library(module(problem, "m"), target)._mlir_ciface_gemm
    call, _keep = bind(function, problem.operands())
    best, peak, ratio = interleaved(timed(call), measure, repeats)
    work, limit = m * n * k, count * 24 * 64
    print(f"{target} int{bits} block {group:3} {offset:7} M={m} N={n} "
          f"K={k:5}: {2e-9 * work / best:6.1f} GOP/s of "
          f"{2e-9 * limit / peak:6.1f}, {100 * work / limit * ratio:5.1f} %",
          flush=True)
    return work / limit * ratio


def bench_gemm(compiler, target, repeats):
    for group, offset, k in itertools.product((32, 64, 128),
                                              ("none", "integer"),
                                              (1024, 4096)):
        gemm_share(compiler, target, repeats, 4, group, offset, k=k)
    for bits in (2, 3):
        gemm_share(compiler, target, repeats, bits, 64)


def on_threads(calls):
    """Runs the calls at once, one thread each, and returns the wall time."""
    barrier = threading.Barrier(len(calls) + 1)

    def body(call):
        barrier.wait()
        call()
    threads = [threading.Thread(target=body, args=(c,)) for c in calls]
    for thread in threads:
        thread.start()
    barrier.wait()
    start = time.perf_counter()
    for thread in threads:
        thread.join()
    return time.perf_counter() - start


def gemv_share(compiler, target, repeats, threads, bits, group):
    """Share of the read probe, after printing it.  Copies of one weight of
    4096 x 4096, more than the caches hold, read one after another by every
    thread; the probe reads the same bytes."""
    rng = np.random.default_rng(3)
    probe = compiler.probe()
    size, copies = 4096, 24
    n = size // threads
    calls, probes, keep, total = [], [], [], 0
    for _ in range(threads):
        problem = Problem(rng, bits, group, "none", "float16", True, 1, n, size)
        runs = []
        function = compiler.library(module(problem), target)._mlir_ciface_gemm
        for _ in range(copies):
            arrays = [x.copy() for x in problem.operands()]
            call, held = bind(function, arrays)
            keep.append(held)
            runs.append((call, arrays[1], arrays[2]))
            total += arrays[1].nbytes + arrays[2].nbytes
        calls.append(lambda runs=runs: [call() for call, _, _ in runs])
        reads = [(x.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(x.nbytes))
                 for _, lines, scales in runs for x in (lines, scales)]
        probes.append(lambda reads=reads: [probe.probe_read(*x)
                                           for x in reads])
    ratios, fastest = [], []
    before = on_threads(probes)
    for _ in range(repeats):
        run, after = on_threads(calls), on_threads(probes)
        ratios.append((before + after) / 2 / run)
        fastest.append(run)
        before = after
    share = statistics.median(ratios)
    print(f"{target} int{bits} block {group:3}, {threads} threads: "
          f"{min(fastest) / copies * 1e6:6.1f} us, "
          f"{total / min(fastest) * 1e-9:5.1f} GB/s, "
          f"{100 * share:5.1f} % of the read probe", flush=True)
    return share


def bench_gemv(compiler, target, repeats, threads):
    for bits, group in itertools.product((4, 3, 2), (32, 128)):
        gemv_share(compiler, target, repeats, threads, bits, group)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["check", "gemm", "gemv"])
    parser.add_argument("--target", action="append", choices=list(TARGETS))
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--keep", help="folder for the intermediate files")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.keep:
            os.makedirs(options.keep, exist_ok=True)
        compiler = Compiler(options.keep or folder)
        targets = options.target or (
            list(TARGETS) if options.command == "check" else ["vnni512"])
        if options.command == "check":
            return check(compiler, targets, CASES, check_case,
                         np.random.default_rng(11))
        for target in targets:
            if options.command == "gemm":
                bench_gemm(compiler, target, options.repeats)
            else:
                bench_gemv(compiler, target, options.repeats, options.threads)
    return 0


if __name__ == "__main__":
    sys.exit(main())

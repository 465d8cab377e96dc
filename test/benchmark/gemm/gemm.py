# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks and measures the kernels of lowbit.matmul, apart from any model.

    gemm.py check [--target avx2]...   exactness on awkward shapes
    gemm.py bench                      share of the machine's peak

Each kernel is compiled as the compiler does it (quant-opt, then upstream
lowering, opt, llc) into a shared library of its own.  Speed is the minimum of
many short repeats of thread time, in turns with a register-only probe of the
same instruction, so that a busy machine disturbs both alike.
"""
import argparse
import ctypes
import hashlib
import itertools
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
LLVM = pathlib.Path(os.environ.get("LLVM_BIN", "/usr/lib/llvm-22/bin"))
QUANT_OPT = pathlib.Path(
    os.environ.get("QUANTC_BUILD_DIR", ROOT / "build")) / "bin" / "quant-opt"

UPSTREAM = (
    "builtin.module(func.func(promote-buffers-to-stack{"
    "max-alloc-size-in-bytes=65536}),canonicalize,cse,"
    "convert-vector-to-scf,lower-affine,"
    "convert-scf-to-cf,expand-strided-metadata,lower-affine,"
    "convert-vector-to-llvm,convert-math-to-llvm,finalize-memref-to-llvm,"
    "convert-arith-to-llvm,convert-index-to-llvm,convert-func-to-llvm,"
    "convert-cf-to-llvm,reconcile-unrealized-casts)")

# Name -> (llc argument, feature bits for the pass).
WIDE = "avx2,fma,avx512f,avx512bw,avx512vl"
TARGETS = {
    "amx": ("-mcpu=sapphirerapids", f"{WIDE},avx512vnni,amx-tile,amx-int8"),
    "vnni512": ("-mcpu=icelake-server", f"{WIDE},avx512vnni,gfni"),
    "cascade": ("-mcpu=cascadelake", f"{WIDE},avx512vnni"),
    "avx512": ("-mcpu=skylake-avx512", WIDE),
    "avxvnni": ("-mcpu=alderlake", "avx2,fma,avxvnni,gfni"),
    "avx2": ("-mcpu=x86-64-v3", "avx2,fma"),
}


def run(*command, text=None):
    done = subprocess.run([str(c) for c in command], input=text, text=True,
                          capture_output=True)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed: {done.stderr[-2000:]}")
    return done.stdout


def request_tiles():
    """Linux gives the AMX tiles only to processes that ask."""
    arch_prctl, request_permission, tile_data = 158, 0x1023, 18
    if ctypes.CDLL(None).syscall(arch_prctl, request_permission, tile_data):
        sys.exit("the operating system refuses the AMX tiles")


class Compiler:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def library(self, module, target):
        """Compiles an MLIR module and loads the shared library."""
        mcpu, features = TARGETS[target]
        if target == "amx":
            request_tiles()
        key = hashlib.sha256((module + target).encode()).hexdigest()[:16]
        stem = self.folder / key
        stem.with_suffix(".mlir").write_text(module)
        lowered = run(QUANT_OPT, "-",
                      f"--convert-lowbit-to-vector=features={features}",
                      "--configure-tiles", text=module)
        llvm = run(LLVM / "mlir-opt", "-", f"--pass-pipeline={UPSTREAM}",
                   text=lowered)
        ir = run(LLVM / "mlir-translate", "--mlir-to-llvmir", "-", text=llvm)
        ir = run(LLVM / "opt", "-O3", mcpu, "-S", "-", text=ir)
        stem.with_suffix(".ll").write_text(ir)
        run(LLVM / "llc", "-O3", mcpu, "-relocation-model=pic",
            stem.with_suffix(".ll"), "-o", stem.with_suffix(".s"))
        run(LLVM / "clang", "-shared", stem.with_suffix(".s"), "-o",
            stem.with_suffix(".so"))
        return ctypes.CDLL(str(stem.with_suffix(".so")))

    def probe(self):
        path = self.folder / "probe.so"
        run(LLVM / "clang", "-O2", "-march=native", "-shared", "-fPIC",
            "-ffp-contract=off", HERE / "probe.c", "-o", path)
        return ctypes.CDLL(str(path))


def descriptor(array):
    """A memref descriptor of a numpy array, strides in elements."""
    rank = array.ndim

    class Descriptor(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("data", ctypes.c_void_p),
                    ("offset", ctypes.c_int64),
                    ("sizes", ctypes.c_int64 * rank),
                    ("strides", ctypes.c_int64 * rank)]
    strides = [s // array.itemsize for s in array.strides]
    return Descriptor(array.ctypes.data, array.ctypes.data, 0,
                      (ctypes.c_int64 * rank)(*array.shape),
                      (ctypes.c_int64 * rank)(*strides))


def memref(array, element, dynamic, strided=False):
    dims = ["?" if i in dynamic else str(d) for i, d in enumerate(array.shape)]
    layout = ""
    if strided:
        strides = ", ".join(["?"] * (array.ndim - 1) + ["1"])
        layout = f", strided<[{strides}], offset: ?>"
    return f"memref<{'x'.join(dims)}x{element}{layout}>"


def pack_f32(b):
    n, k = b.shape
    lines = -(-n // 16)
    out = np.zeros((lines * 16, k), np.float32)
    out[:n] = b
    return np.ascontiguousarray(out.reshape(lines, 16, k).transpose(0, 2, 1))


def pack_i8(b):
    n, k = b.shape
    lines, quads = -(-n // 16), -(-k // 4)
    out = np.full((lines * 16, quads * 4), 128, np.uint8)
    out[:n, :k] = (b.astype(np.int16) + 128).astype(np.uint8)
    out = out.reshape(lines, 16, quads, 4).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(out)


class Kernel:
    """One compiled contraction."""

    def __init__(self, compiler, target, layout, a, b, c, dynamic):
        integer = a.dtype == np.int8
        left, right, out = ("i8", "i8", "i32") if integer else ("f32",) * 3
        rank = a.ndim
        strided = "s" in dynamic
        batch = set(range(rank - 2))

        def loose(*names):
            return {rank - 2 + i for i, name in enumerate(names)
                    if name in dynamic} | batch
        ta = memref(a, left, loose("m", "k"), strided)
        tb = memref(b, right, self.loose_b(layout, b, integer, dynamic),
                    strided and layout != "packed")
        tc = memref(c, out, loose("m", "n"), strided)
        self.module = (
            f"func.func @gemm(%a: {ta}, %b: {tb}, %c: {tc}) "
            "attributes {llvm.emit_c_interface} {\n"
            f"  lowbit.matmul {layout} ins(%a, %b : {ta}, {tb}) "
            f"outs(%c : {tc})\n  return\n}}\n")
        self.function = compiler.library(self.module, target)._mlir_ciface_gemm

    @staticmethod
    def loose_b(layout, b, integer, dynamic):
        if layout == "packed":
            first = b.ndim - (4 if integer else 3)
            return {first + i for i, name in enumerate("nk") if name in dynamic}
        order = "kn" if layout == "row_major" else "nk"
        return ({b.ndim - 2 + i for i, name in enumerate(order)
                 if name in dynamic} | set(range(b.ndim - 2)))

    def bind(self, a, b, c):
        holders = [descriptor(x) for x in (a, b, c)]
        pointers = [ctypes.byref(h) for h in holders]
        return lambda: self.function(*pointers), (a, b, c, holders)


def operands(rng, layout, integer, m, n, k, batch=()):
    """A, the weights as [.., N, K], the operand B, and C's initial value."""
    if integer:
        a = rng.integers(-128, 128, (*batch, m, k), dtype=np.int8)
        w = rng.integers(-128, 128, (n, k), dtype=np.int8)
        c = rng.integers(-1000, 1000, (*batch, m, n), dtype=np.int32)
        return a, w, pack_i8(w), c
    a = rng.standard_normal((*batch, m, k), dtype=np.float32)
    c = rng.standard_normal((*batch, m, n), dtype=np.float32)
    if layout == "packed":
        w = rng.standard_normal((n, k), dtype=np.float32)
        return a, w, pack_f32(w), c
    w = rng.standard_normal((*batch, n, k), dtype=np.float32)
    if layout == "transposed":
        return a, w, w, c
    return a, w, np.ascontiguousarray(np.swapaxes(w, -1, -2)), c


def expected(probe, a, w, c):
    if a.dtype == np.int8:
        unsigned = w.astype(np.int64) + 128
        return (c + a.astype(np.int64) @ unsigned.T).astype(np.int32)
    result = c.copy()
    for index in np.ndindex(*a.shape[:-2]):
        right = np.ascontiguousarray(w[index] if w.ndim == a.ndim else w)
        left = np.ascontiguousarray(a[index])
        part = np.ascontiguousarray(result[index])
        probe.reference_f32(
            *[x.ctypes.data_as(ctypes.c_void_p) for x in (left, right, part)],
            *[ctypes.c_int64(x) for x in (*part.shape, left.shape[1])])
        result[index] = part
    return result


def guarded(array, pad=3):
    """The array inside a wider one whose other elements are NaN or 77."""
    shape = (*array.shape[:-1], array.shape[-1] + pad)
    fill = 77 if array.dtype.kind == "i" else np.nan
    outer = np.full(shape, fill, array.dtype)
    outer[..., :array.shape[-1]] = array
    return outer, outer[..., :array.shape[-1]]


# Layout, integer, N, K, values of M, dynamic dimensions (s: strides), batch.
MANY = (1, 2, 4, 5, 8, 13, 14, 15, 27, 29)
CASES = [
    ("packed", False, 16, 1, (1, 3, 14), "ms", ()),
    ("packed", False, 40, 67, MANY, "m", ()),
    ("packed", False, 64, 33, (1, 3, 9, 28, 127), "ms", ()),
    ("packed", False, 130, 64, (1, 4, 20), "m", (2,)),
    ("packed", False, 7, 5, (1, 6, 12), "mnk", ()),
    ("packed", False, 150, 31, (1, 4, 31), "mnk", ()),
    ("packed", False, 100, 31, (13,), "", ()),
    ("packed", True, 16, 1, (1, 3, 14), "ms", ()),
    ("packed", True, 40, 67, MANY, "m", ()),
    ("packed", True, 64, 36, (1, 3, 9, 28, 127), "ms", ()),
    ("packed", True, 130, 130, (1, 4, 20), "m", (2,)),
    ("packed", True, 7, 3, (1, 6, 12), "mnk", ()),
    ("packed", True, 150, 1031, (1, 4, 31), "mnk", ()),
    ("packed", True, 24, 66, (11,), "", ()),
    ("packed", True, 80, 200, (15, 16, 47, 80), "ms", (2,)),
    ("packed", True, 32, 128, (48,), "", ()),
    ("row_major", False, 40, 67, (1, 3, 5, 29), "m", ()),
    ("row_major", False, 64, 32, (1, 17, 128), "mnks", (2, 3)),
    ("row_major", False, 19, 7, (1, 17), "mnks", (3,)),
    ("transposed", False, 40, 67, (1, 3, 5, 29), "m", ()),
    ("transposed", False, 128, 64, (1, 17, 128), "mns", (2, 3)),
    ("transposed", False, 1, 1, (1, 15), "mnks", ()),
    ("transposed", False, 33, 600, (2, 15), "mnks", (2,)),
    ("transposed", False, 33, 300, (9,), "", ()),
]


def check_case(compiler, probe, target, case, rng):
    layout, integer, n, k, rows, dynamic, batch = case
    kernel, bad = None, 0
    for m in rows:
        a, w, b, c = operands(rng, layout, integer, m, n, k, batch)
        want = expected(probe, a, w, c)
        edge = None
        if "s" in dynamic:
            _, a = guarded(a)
            outer, c = guarded(c)
            edge = outer[..., n:]
            b = b if layout == "packed" else guarded(b)[1]
        kernel = kernel or Kernel(compiler, target, layout, a, b, c, dynamic)
        call, _keep = kernel.bind(a, b, c)
        call()
        bad += differs(f"{target} {case} m={m}", c, want, edge is None or
                       np.all((edge == 77) | np.isnan(edge)))
    return bad, len(rows)


def differs(name, got, want, is_edge_kept):
    """Whether a bit is wrong, after a line that says where."""
    if got.tobytes() == want.tobytes() and is_edge_kept:
        return False
    wrong = np.argwhere(np.asarray(got) != want)
    print(f"WRONG {name}: {len(wrong)} of {got.size}, first "
          f"{wrong[:1].tolist()}", flush=True)
    return True


def check(compiler, targets, cases, check_case, rng):
    """`check_case` gives how many of its results are wrong, and how many there
    are."""
    probe = compiler.probe()
    bad = 0
    for target in targets:
        wrong, total = map(sum, zip(*(
            check_case(compiler, probe, target, case, rng) for case in cases)))
        print(f"{target}: {total - wrong} of {total} exact", flush=True)
        bad += wrong
    return 1 if bad else 0


def timed(call, minimum=1.5e-4):
    start = time.thread_time()
    call()
    once = time.thread_time() - start
    count = max(1, int(minimum / max(once, 1e-7)))

    def measure():
        start = time.thread_time()
        for _ in range(count):
            call()
        return (time.thread_time() - start) / count
    return measure


def interleaved(measure, probe, repeats):
    """Fastest run, fastest probe, and the median of the probe's time before and
    after each run divided by the run's: what the clock does cancels out."""
    runs, probes = [], [probe()]
    for _ in range(repeats):
        runs.append(measure())
        probes.append(probe())
    ratios = [(probes[i] + probes[i + 1]) / 2 / run
              for i, run in enumerate(runs)]
    return min(runs), min(probes), statistics.median(ratios)


def bench(compiler, target, repeats, shapes):
    rng = np.random.default_rng(3)
    probe = compiler.probe()
    probe.probe_fma.restype = ctypes.c_double
    count = 8000
    argument = ctypes.c_int64(count)
    probes = {True: (timed(lambda: probe.probe_bytes(argument)), 64),
              False: (timed(lambda: probe.probe_fma(argument)), 16)}
    for layout, integer, m, n, k in shapes:
        a, w, b, c = operands(rng, layout, integer, m, n, k)
        kernel = Kernel(compiler, target, layout, a, b, c,
                        "m" if layout == "packed" else "mn")
        call, _keep = kernel.bind(a, b, c)
        c[...] = 0
        measure, lanes = probes[integer]
        best, peak, ratio = interleaved(timed(call), measure, repeats)
        work, limit = m * n * k, count * 24 * lanes
        print(f"{target:8} {layout:10} {'i8' if integer else 'f32':3} "
              f"M={m:4} N={n:5} K={k:5}: {best * 1e6:8.1f} us "
              f"{2e-9 * work / best:7.1f} GOP/s of {2e-9 * limit / peak:7.1f}, "
              f"{100 * work / limit * ratio:5.1f} % "
              f"({100 * work / best / (limit / peak):5.1f} %)", flush=True)


SIZES = (1, 4, 8, 16, 64, 128, 512)
SHAPES = [("packed", integer, m, 1024, 1024)
          for integer in (True, False) for m in SIZES]
SHAPES += [("packed", integer, 128, n, k) for integer in (True, False)
           for n, k in ((384, 384), (1536, 384), (384, 1536))]
SHAPES += [("packed", True, 128, 4096, 4096),
           ("transposed", False, 128, 128, 64),
           ("row_major", False, 128, 64, 128),
           ("transposed", False, 128, 128, 32),
           ("row_major", False, 128, 32, 128),
           ("transposed", False, 32, 128, 32),
           ("row_major", False, 32, 32, 128)]
SHAPES += [("packed", integer, m, 64, k) for integer in (True, False)
           for m in (48, 96) for k in (384, 1536)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["check", "bench"])
    parser.add_argument("--target", action="append", choices=list(TARGETS))
    parser.add_argument("--repeats", type=int, default=40)
    parser.add_argument("--keep", help="folder for the intermediate files")
    parser.add_argument("--only", type=int, nargs="*", help="indices of shapes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.keep:
            os.makedirs(options.keep, exist_ok=True)
        compiler = Compiler(options.keep or folder)
        if options.command == "check":
            return check(compiler, options.target or list(TARGETS), CASES,
                         check_case, np.random.default_rng(7))
        shapes = ([SHAPES[i] for i in options.only] if options.only else SHAPES)
        for target in options.target or ["vnni512"]:
            bench(compiler, target, options.repeats, shapes)
    return 0


if __name__ == "__main__":
    sys.exit(main())

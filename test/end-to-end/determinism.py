# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The same bytes from every compilation, and from every run of any build.

    python test/end-to-end/determinism.py [--models M ...] [--recipes R ...]

Per model and recipe: two compilations, with 1 and 2 threads and from another
folder, give the same file; runs with 1 and 2 threads, run after run, and of
libraries for other CPUs give the same output bytes (docs/numerics.md); and the
library needs no symbol of libm.
"""

import argparse
import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from _checks import QUANTC, Checks

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "benchmark"))
import engines  # noqa: E402
import workloads  # noqa: E402

# What each model is run on: several shapes, small enough to be quick.
INPUTS = {
    "minilm": lambda: [workloads.data.minilm_passage(1, 17),
                       workloads.data.minilm_passage(3, 64)],
    "classifier": lambda: [workloads._images(1), workloads._images(5)],
    "decoder": lambda: [workloads._decoder(33, 0), workloads._decoder(1, 40)],
}
# AVX2, AVX-512 without VNNI, with it, and AVX-VNNI.
CPUS = ("x86-64-v3", "x86-64-v4", "icelake-server", "alderlake")
LIBM = {"exp", "expf", "exp2f", "log", "logf", "sqrt", "sqrtf", "sin", "sinf",
        "cos", "cosf", "tan", "tanf", "tanh", "tanhf", "erf", "erff", "pow",
        "powf", "fma", "fmaf", "floorf", "ceilf", "roundf", "rintf",
        "roundevenf", "nearbyintf", "truncf", "fmodf"}


def compile_model(source: pathlib.Path, target: pathlib.Path, recipe: str,
                  threads: int, cpu: str = "native") -> pathlib.Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [QUANTC, "compile",
         str(source.resolve()), "-o", target.name, "--recipe", recipe,
         "--mcpu", cpu, "--threads", str(threads)],
        cwd=target.parent, capture_output=True, text=True,
        env={**os.environ, "LANG": "C" if threads == 1 else "de_DE.UTF-8"})
    if done.returncode:
        raise RuntimeError(f"{target.name}: {done.stderr.strip()}")
    return target


def digest(outputs: workloads.Arrays) -> str:
    sha = hashlib.sha256()
    for name in sorted(outputs):
        sha.update(name.encode())
        sha.update(np.ascontiguousarray(outputs[name]).tobytes())
    return sha.hexdigest()


def runs(library: pathlib.Path, inputs: list, threads: int) -> list[str]:
    run = engines.load("quantc-any", library, threads)
    return [digest(run(arrays)) for arrays in inputs]


def check(checks: Checks, model: str, recipe: str,
          folder: pathlib.Path) -> None:
    label = f"{model} {recipe}"
    source = workloads.onnx_path(model, engines.build_folder() / "bench")
    first = compile_model(source, folder / "a" / "m.so", recipe, 1)
    second = compile_model(source, folder / "b" / "m.so", recipe, 2)
    checks.report(f"{label}: two compilations give the same file",
                  first.read_bytes() == second.read_bytes())
    symbols = subprocess.run(["nm", "-D", "--undefined-only", str(first)],
                             capture_output=True, text=True, check=True).stdout
    needed = {line.split()[-1].split("@")[0] for line in symbols.splitlines()}
    checks.report(f"{label}: nothing of libm is needed",
                  not needed & LIBM, str(sorted(needed & LIBM)))
    inputs = INPUTS[model]()
    expected = runs(first, inputs, 1)
    checks.report(f"{label}: the same bytes run after run",
                  runs(first, inputs * 3, 1) == expected * 3)
    checks.report(f"{label}: the same bytes from 2 threads",
                  runs(first, inputs * 3, 2) == expected * 3)
    import quantc
    for cpu in CPUS:
        other = compile_model(source, folder / cpu / "m.so", recipe, 2, cpu)
        try:
            got = runs(other, inputs, 2)
        except quantc.Error as error:
            if "CPU feature" in str(error):
                continue  # this machine cannot run it
            raise
        checks.report(f"{label}: the same bytes from {cpu}", got == expected)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=INPUTS,
                        default=list(INPUTS))
    parser.add_argument("--recipes", nargs="+",
                        default=["fp32", "w8a8-dynamic", "w4a8"])
    options = parser.parse_args()
    (engines.build_folder() / "bench").mkdir(parents=True, exist_ok=True)
    checks = Checks()
    for model in options.models:
        for recipe in options.recipes:
            with tempfile.TemporaryDirectory(prefix="quantc-same-") as folder:
                try:
                    check(checks, model, recipe, pathlib.Path(folder))
                except RuntimeError as error:
                    checks.report(f"{model} {recipe}", False, str(error))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())

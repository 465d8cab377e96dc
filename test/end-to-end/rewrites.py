# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Equivalence rewrites keep the function of the three real models.

    python test/end-to-end/rewrites.py [--models M ...] [--rewrites R ...]

Compiles each model in float with each rewrite (a list of passes, joined by +)
and compares all outputs with ONNX Runtime on the sizes of agree.py.  A
difference is relative to the range of the reference output; status 1 if one
passes 1e-4.
"""

import argparse
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "benchmark"))
sys.path.insert(0, str(ROOT / "test" / "end-to-end"))
import agree  # noqa: E402
import engines  # noqa: E402
import workloads  # noqa: E402

REWRITES = ["equalize", "smooth-quant", "rotate", "smooth-quant+rotate"]

# Presets, and plain static int8: one scale and zero point for each activation,
# whatever that costs.
BASES = {
    name: f"base: {name}\n" for name in ("fp32", "w8a8-dynamic", "w8a8")
} | {
    "static": """base: fp32
weights: int<8, axis = 0>
activations: int<8, tensor, offset = integer>
tables: int<8, axis = 0>
range: full
static-limit: 1.0e+9
""",
    # Weights only; outliers.py adds the rounding of activations.
    "w4a4": """base: fp32
weights: int<4, block = [1, 64], scale = f16>
solver: gptq
"""
}


def compile_rewritten(model: str, source: pathlib.Path, base: str,
                      passes: list[str], folder: pathlib.Path,
                      suffix: str = ".so") -> pathlib.Path:
    """Compiles a version of `model` with one of BASES and the passes before
    its formats; calibrated where something asks for data."""
    name = "-".join([source.stem, base] + passes)
    name = "".join(c if c.isalnum() or c in "-." else "_" for c in name)
    recipe = folder / f"{name}.yaml"
    quoted = ", ".join(f"'{p}'" for p in passes)
    # What a rewrite does is asked here, not whether it should stay.
    recipe.write_text(f"quantc: 1\n{BASES[base]}rewrites: [{quoted}]\n"
                      "judge-rewrites: false\n")
    target = folder / f"{name}{suffix}"
    command = [str(engines.build_folder() / "bin" / "quantc"), "compile",
               str(source), "-o", str(target), "--recipe", str(recipe)]
    if base in ("static", "w8a8", "w4a4") or any("smooth-quant" in p for p in passes):
        command += ["--calib",
                    str(workloads.calibration_folder(model, folder))]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{name}: status {done.returncode}: "
                           f"{done.stderr.strip()}")
    return target


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=agree.CASES,
                        default=list(agree.CASES))
    parser.add_argument("--rewrites", nargs="+", default=REWRITES)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=pathlib.Path,
                        default=engines.build_folder() / "bench")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    failed = cases = 0
    for model in options.models:
        source = workloads.onnx_path(model, options.folder)
        reference = engines.load("ort-fp32", source, options.threads)
        for rewrite in options.rewrites:
            print(f"{model} {rewrite}", flush=True)
            path = compile_rewritten(model, source, "fp32",
                                     rewrite.split("+"), options.folder)
            agreement = agree.Agreement(
                engines.load("quantc-", path, options.threads), reference,
                options.tolerance)
            agree.CASES[model](agreement)
            failed += agreement.failed
            cases += agreement.cases
    print(f"{cases - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What must be the same to the bit: files of two compilations, and outputs on
every instruction set, thread count and run.

    python test/end-to-end/identical.py

Takes the two committed models in both recipes.  Status 1 if anything differs.
"""

import hashlib
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "benchmark"))
import engines  # noqa: E402

import quantc  # noqa: E402

RECIPES = ("fp32", "w8a8-dynamic")
# Each CPU is compiled for and run where the machine can: the least supported
# one, AVX-512 without and with its int8 instructions, and this machine.
CPUS = ("x86-64-v3", "x86-64-v4", "cascadelake", "native")


def compile_model(model: str, output: pathlib.Path, recipe: str, cpu: str,
                  threads: int) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [str(engines.build_folder() / "bin" / "quantc"), "compile",
         str(ROOT / "models" / f"{model}.onnx"), "-o", str(output),
         "--recipe", recipe, "--mcpu", cpu, "--threads", str(threads)],
        check=True, stdout=subprocess.DEVNULL)


def inputs_of(model: str, size: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(size)
    if model == "fashion_classifier":
        return {"image": rng.random((size, 1, 28, 28), np.float32)}
    past = size // 2
    feed = {"input_ids": rng.integers(0, 2048, (1, size)),
            "position_ids": np.arange(past, past + size)[None]}
    for layer in range(4):
        for part in ("key", "value"):
            feed[f"past_key_values.{layer}.{part}"] = rng.standard_normal(
                (1, 2, past, 32)).astype(np.float32)
    return feed


def digest(outputs: dict[str, np.ndarray]) -> str:
    total = hashlib.sha256()
    for name in sorted(outputs):
        total.update(outputs[name].tobytes())
    return total.hexdigest()


def main() -> int:
    passed = failed = 0

    def report(good: bool, what: str) -> None:
        nonlocal passed, failed
        passed, failed = passed + good, failed + (not good)
        print(f"{'PASS' if good else 'FAIL'}  {what}", flush=True)

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for model in ("fashion_classifier", "bible_decoder"):
            for recipe in RECIPES:
                label = f"{model} {recipe}"
                twice = []
                for threads in (1, 2):
                    file = folder / f"{label}-{threads}" / "model.so"
                    compile_model(model, file, recipe, "x86-64-v3", threads)
                    twice.append(file.read_bytes())
                report(twice[0] == twice[1], f"{label}: two compilations")
                results: dict[int, set[str]] = {}
                ran = []
                for cpu in CPUS:
                    file = folder / f"{label}-{cpu}" / "model.so"
                    compile_model(model, file, recipe, cpu, 2)
                    try:
                        loaded = quantc.load(str(file))
                    except quantc.Error as error:
                        print(f"      {cpu} does not run here: {error}")
                        continue
                    ran.append(cpu)
                    for size in (1, 7, 33):
                        feed = inputs_of(model, size)
                        for threads in (1, 2, 2):
                            results.setdefault(size, set()).add(
                                digest(loaded.run(feed, threads=threads)))
                report(len(ran) >= 2 and
                       all(len(found) == 1 for found in results.values()),
                       f"{label}: outputs of {', '.join(ran)}, 1 and 2 threads")
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())

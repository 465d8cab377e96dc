# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Malformed models and what the importer must answer.

    bad_models.py QUANT-OPT [--filter TEXT] [--keep DIR] [-v]

Every case is generated here, imported in a process of its own with limits of 20
seconds and 8 GiB, and must end with the expected status and, when refused, one
line on standard error that holds the expected text.  Exit status 0 when all do.
The file is longer than others because it is one list.
"""

import argparse
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

import onnx

import bad_model_data  # noqa: F401  (registers its cases)
import bad_model_files  # noqa: F401
import bad_model_ops  # noqa: F401
from bad_model_case import CASES, LIMIT, OK, REFUSED


# AddressSanitizer reserves far more address space than it uses, and is slow.
SANITIZED = "ASAN_OPTIONS" in os.environ
SECONDS = 200 if SANITIZED else 20


def limits():
    if not SANITIZED:
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))


def run(quant_opt, function, folder):
    made = function(folder)
    if isinstance(made, onnx.ModelProto):
        made = made.SerializeToString()
    if isinstance(made, bytes):
        path = folder / "model.onnx"
        path.write_bytes(made)
        made = path
    return subprocess.run([quant_opt, "--import-onnx", str(made), "-o",
                           str(folder / "out.mlir")], capture_output=True,
                          timeout=SECONDS, preexec_fn=limits)


def judge(result, status, text) -> str:
    error = result.stderr.decode(errors="replace")
    if status is None and result.returncode in (OK, REFUSED, LIMIT):
        status = result.returncode
    if result.returncode != status:
        return f"status {result.returncode}, expected {status}: {error[:300]}"
    if status == OK:
        return ""
    lines = error.splitlines()
    if len(lines) != 1 or not lines[0].startswith("quantc: error: "):
        return f"expected one line, got {error[:300]!r}"
    if text not in lines[0]:
        return f"expected {text!r} in {lines[0][:300]!r}"
    if len(lines[0]) > 2000 or not lines[0].isascii():
        return f"message of {len(lines[0])} characters"
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("quant_opt")
    parser.add_argument("--filter", default="")
    parser.add_argument("-v", action="store_true")
    options = parser.parse_args()
    failed = 0
    cases = [entry for entry in CASES if options.filter in entry[0]]
    for name, function, status, text in cases:
        with tempfile.TemporaryDirectory() as folder:
            try:
                result = run(options.quant_opt, function,
                             pathlib.Path(folder))
                problem = judge(result, status, text)
                if not problem and result.returncode != OK and \
                        (pathlib.Path(folder) / "out.mlir").exists():
                    problem = "an output file was left"
            except subprocess.TimeoutExpired:
                problem = f"more than {SECONDS} s"
        failed += bool(problem)
        if problem:
            print(f"FAIL {name}: {problem}")
        elif options.v:
            print(f"ok   {name}: {result.stderr.decode()[:200].strip()}")
    print(f"{len(cases) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

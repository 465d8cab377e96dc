# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the scripts here share: the built quantc and counts of checks."""

import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("QUANTC_BUILD_DIR", ROOT / "build"))
QUANTC = str(BUILD / "bin" / "quantc")


class Checks:
    """Prints and counts checks; of those that hold nothing if `quiet`.  Who
    asks `wanted` makes only those with the text `only` in their names."""

    def __init__(self, quiet: bool = False, only: str = ""):
        self.passed = self.failed = 0
        self.quiet, self.only = quiet, only

    def wanted(self, name: str) -> bool:
        return self.only in name

    def report(self, name: str, good: bool, why: str = "") -> None:
        self.passed += bool(good)
        self.failed += not good
        if good and not self.quiet:
            print(f"PASS  {name}", flush=True)
        elif not good:
            print(f"FAIL  {name}{': ' + why if why else ''}", flush=True)

    def judge(self, name: str, problem: str | None) -> None:
        """A check of which is known what is wrong, or nothing."""
        self.report(name, not problem, problem or "")

    def finish(self) -> int:
        """The last line of every script, and its exit status."""
        print(f"{self.passed} passed, {self.failed} failed")
        return int(self.failed != 0)


def call_quantc(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run([QUANTC, *map(str, arguments)], capture_output=True,
                          text=True)


def quantc(*arguments) -> str:
    """What the command prints; an exception with its last error if it fails."""
    done = call_quantc(*arguments)
    if done.returncode:
        raise RuntimeError(done.stderr.strip()[-2000:])
    return done.stdout

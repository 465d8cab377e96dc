# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Prints 'N passed, N failed' from the file that `lit -o FILE` wrote.

    python tools/lit_counts.py FILE

Tests that this machine cannot run (REQUIRES:) count as neither.
"""

import collections
import json
import pathlib
import sys

codes = collections.Counter(
    test["code"]
    for test in json.loads(pathlib.Path(sys.argv[1]).read_text())["tests"])
passed = sum(codes[code] for code in ("PASS", "XFAIL", "FLAKYPASS"))
left_out = sum(codes[code] for code in ("UNSUPPORTED", "SKIPPED", "EXCLUDED"))
print(f"{passed} passed, {codes.total() - passed - left_out} failed")

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""lit: every case of every GoogleTest binary in build/test/unit."""

import os

import lit.formats

config.name = "quantc-unit"
config.test_format = lit.formats.GoogleTest(".", "Test")
config.test_format.test_suffixes.add("Tests")
config.suffixes = []
config.test_source_root = os.path.join(config.quantc_build, "test", "unit")
config.test_exec_root = config.test_source_root
for name in ("HOME", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS"):
    if name in os.environ:
        config.environment[name] = os.environ[name]
if config.sanitize:
    config.environment["ASAN_OPTIONS"] = (
        "detect_leaks=0:allow_user_poisoning=0")

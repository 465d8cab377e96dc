# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""lit: .mlir and .onnxtxt files, .test scripts and the Python API's tests.

A test is named by its file and says with RUN: lines what it does.  %python is
the environment's interpreter, with `import quantc` from this build.  Features
for REQUIRES: x86_64, avx512vnni, avxvnni, amxint8, python (the module was
built).
"""

import os
import pathlib

import lit.formats

config.name = "quantc"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".onnxtxt", ".test"]
config.excludes = ["Inputs", "unit", "benchmark", "end-to-end", "fuzz",
                   "conformance"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.quantc_build, "test")

build = pathlib.Path(config.quantc_build)
config.environment["PATH"] = os.pathsep.join(
    [str(build / "bin"), config.llvm_tools, os.environ["PATH"]])
config.environment["QUANTC_BUILD_DIR"] = str(build)
config.environment["PYTHONPATH"] = str(build / "python")
for name in ("HOME", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS"):
    if name in os.environ:
        config.environment[name] = os.environ[name]
if config.sanitize:
    # lld and the LLVM libraries keep their globals to the end on purpose, and
    # their allocators, built without the sanitizer, share templates with ours.
    config.environment["ASAN_OPTIONS"] = (
        "detect_leaks=0:allow_user_poisoning=0")

config.substitutions.append(("%python", config.python))
config.substitutions.append(("%source", config.quantc_source))

config.available_features.add(os.uname().machine)
flags = pathlib.Path("/proc/cpuinfo").read_text().split()
for flag, feature in (("avx512_vnni", "avx512vnni"), ("avx_vnni", "avxvnni"),
                      ("avx2", "avx2"), ("amx_int8", "amxint8")):
    if flag in flags:
        config.available_features.add(feature)
if (build / "python" / "quantc").is_dir():
    config.available_features.add("python")

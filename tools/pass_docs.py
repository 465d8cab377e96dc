# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes docs/passes.md: every pass with its options and the IR before and after.

    python tools/pass_docs.py            writes it
    python tools/pass_docs.py --check    fails if it is not what would be written

Descriptions and options come from the Passes.td files, the IR from quant-opt on
functions of the lit tests, so nothing on the page is written by hand.
"""

import argparse
import dataclasses
import difflib
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("QUANTC_BUILD_DIR", ROOT / "build"))
PAGE = ROOT / "docs" / "passes.md"
MOST_LINES = 40  # of one listing


@dataclasses.dataclass
class Example:
    """A function of a lit test.  `before` are passes that come first; `options`
    may name %s, the statistics of the function on synthetic data."""
    file: str
    function: str
    before: str = ""
    options: str = ""
    shown: str = ""  # the function to show, if it is another one


STAGES = ("test/Driver/stages.mlir", "main")
PACKED = ("normalize,canonicalize,cse,func.func(flatten-rows),canonicalize,cse,"
          "func.func(pack-weights),canonicalize,cse")
LINALG = PACKED + ",form-kernels,func.func(convert-qnn-to-linalg),canonicalize,cse"
TILED = LINALG + ",func.func(tile-kernels),canonicalize,cse"
BUFFERS = TILED + ",func.func(bufferize-kernels),canonicalize,cse"
VECTORS = (BUFFERS + ",convert-lowbit-to-vector,fold-memref-alias-ops,canonicalize,"
           "cse,reuse-buffers,vectorize-rows,func.func(convert-linalg-to-loops),"
           "canonicalize,cse,expand-math,lower-vectors,canonicalize,cse")
QNN = "test/Dialect/QNN/"
ENCODED = "func.func(assign-formats)"

# In the order in which a compilation runs them.
EXAMPLES = {
    "qnn-fold-constants": Example(QNN + "fold-constants.mlir", "integers_wrap"),
    "qnn-simplify-shapes": Example(QNN + "simplify-shapes.mlir", "identities"),
    "qnn-recognize": Example(QNN + "normalize-recognize-norm.mlir", "layer_norm"),
    "qnn-fold-batch-norm": Example(QNN + "normalize-fold-batch-norm.mlir", "conv"),
    "qnn-to-linear": Example(QNN + "normalize-to-linear.mlir", "bias"),
    "qnn-channels-last": Example(QNN + "normalize-channels-last.mlir", "between"),
    "qnn-fold-transposes": Example(QNN + "normalize-fold-transposes.mlir", "cancel"),
    "qnn-legalize-floats": Example(QNN + "normalize-legalize-floats.mlir", "chain"),
    "qnn-use-codes": Example(QNN + "normalize-use-codes.mlir", "linear"),
    "insert-observers": Example("test/Calibration/insert-observers.mlir", "shared"),
    "remove-observers": Example("test/Calibration/insert-observers.mlir", "shared",
                                before="func.func(insert-observers)"),
    "print-regions": Example("test/Rewrites/regions.mlir", "gated"),
    "equalize": Example("test/Rewrites/equalize.mlir", "linear_relu_linear"),
    "smooth-quant": Example("test/Rewrites/smooth-quant.mlir", "main",
                            options="{alpha=0 statistics=%s}"),
    "rotate": Example("test/Rewrites/rotate.mlir", "decoder",
                      options="{min-block=8}"),
    "allocate-formats": Example(
        "test/Allocation/allocate-formats.mlir", "main",
        options="{budget=5bpw candidates={{#fmt.int<4, axis = 0>},"
                "{#fmt.int<8, axis = 0>}} sensitivity=weight}"),
    "assign-formats": Example("test/Allocation/assign-formats.mlir", "shared_input"),
    "solve-weights": Example("test/Allocation/solve-weights.mlir", "main",
                             before="func.func(assign-formats{statistics=%s})",
                             options="{solver=gptq statistics=%s}"),
    "correct-bias": Example("test/Rewrites/correct-bias.mlir", "main",
                            before=ENCODED, options="{statistics=%s}"),
    "expand-encoded": Example("test/Codegen/expand-encoded.mlir", "int8"),
    "flatten-rows": Example(*STAGES, before="normalize,canonicalize,cse"),
    "pack-weights": Example("test/Codegen/pack-weights.mlir", "tied"),
    "append-in-place": Example("test/Codegen/append-in-place.mlir", "cache"),
    "form-kernels": Example(*STAGES, before=PACKED),
    "for-kernels": Example("test/Codegen/for-kernels.mlir", "kernel_0",
                           options="{passes={func.func(canonicalize)}}"),
    "convert-qnn-to-linalg": Example(*STAGES, before=PACKED + ",form-kernels",
                                     shown="kernel_0"),
    "tile-kernels": Example(*STAGES, before=LINALG, shown="kernel_0"),
    "bufferize-kernels": Example(*STAGES, before=TILED, shown="kernel_0"),
    "convert-lowbit-to-vector": Example(*STAGES, before=BUFFERS, shown="kernel_0"),
    "reuse-buffers": Example("test/Codegen/reuse-buffers.mlir", "chain"),
    "vectorize-rows": Example("test/Codegen/vectorize-rows.mlir", "row_sum"),
    "expand-math": Example("test/Codegen/expand-math.mlir", "exp"),
    "lower-vectors": Example("test/Codegen/lower-vectors.mlir", "transpose"),
    "configure-tiles": Example(
        "test/Conversion/LowBitToVector/tiles.mlir", "tiles",
        before="convert-lowbit-to-vector{features=avx2,fma,avx512f,avx512bw,"
               "avx512vl,avx512vnni,amx-tile,amx-int8},canonicalize,cse"),
    "outline-steps": Example(*STAGES, before=VECTORS, shown="kernel_1"),
    "call-math": Example("test/Codegen/call-math.mlir", "twice"),
}


def declarations() -> dict:
    """What each pass says of itself, by name: (paragraphs, options)."""
    result = {}
    for source in sorted(ROOT.glob("include/quantc/**/Passes.td")):
        text = subprocess.run(
            ["mlir-tblgen-22", "-gen-pass-doc", f"-I{ROOT}/include",
             "-I/usr/lib/llvm-22/include", str(source)],
            check=True, capture_output=True, text=True).stdout
        for part in re.split(r"^### `-", text, flags=re.M)[1:]:
            name, body = part.split("`\n", 1)
            result[name] = re.sub(r"^####", "**", body.strip(), flags=re.M)
            result[name] = re.sub(r"^\*\* (\w+)$", r"**\1**", result[name],
                                  flags=re.M)
    return result


def chunk(example: Example) -> str:
    """The part of the lit test that has the function, without comments."""
    text = (ROOT / example.file).read_text()
    for part in re.split(r"^// ----.*|^//--- .*", text, flags=re.M):
        if re.search(rf"func.func (private )?@{example.function}\(", re.sub("//.*", "", part)):
            return re.sub(r"^ *//.*\n", "", part, flags=re.M)
    raise SystemExit(f"{example.file}: no function '{example.function}'")


def run(arguments: list, text: str | None = None) -> tuple:
    """Standard output and standard error."""
    done = subprocess.run(arguments, input=text, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)}: {done.stderr}")
    return done.stdout, done.stderr


def listing(text: str, function: str) -> str:
    """The function as it is printed, without what every function has."""
    lines = text.splitlines()
    begin = next(i for i, line in enumerate(lines)
                 if re.search(rf"func.func (private )?@{function}\(", line))
    indent = re.match(" *", lines[begin])[0]
    end = next(i for i in range(begin, len(lines)) if lines[i] == indent + "}")
    body = [line[len(indent):] for line in lines[begin:end + 1]]
    if len(body) > MOST_LINES:
        body[MOST_LINES - 1:] = [f"  // {len(body) - MOST_LINES + 1} more lines"]
    return "\n".join(line.rstrip() for line in body)


def before_and_after(name: str, example: Example, folder: str) -> tuple:
    source = pathlib.Path(folder, "input.mlir")
    source.write_text(chunk(example))
    statistics = pathlib.Path(folder, "statistics.safetensors")
    wanted = example.before + example.options
    if "%s" in wanted:
        run([str(BUILD / "bin" / "quantc"), "calibrate", str(source), "--calib",
             "synthetic", "-o", str(statistics)])
    tool = str(BUILD / "bin" / "quant-opt")

    def passes(text: str) -> str:
        text = text.replace("%s", str(statistics))
        return f"--pass-pipeline=builtin.module({text})"

    show = ["--mlir-print-local-scope", "--mlir-elide-elementsattrs-if-larger=8",
            "--mlir-elide-resource-strings-if-larger=8"]
    nested = "builtin.module" if name in MODULE_PASSES else "func.func"
    one = name + example.options
    one = one if nested == "builtin.module" else f"func.func({one})"
    given = run([tool, "--mlir-print-debuginfo", passes(example.before),
                 str(source)])[0]
    function = example.shown or example.function
    before = listing(run([tool, *show, passes("")], given)[0], function)
    output, remarks = run([tool, *show, passes(one)], given)
    if name not in REMARKS:
        return before, listing(output, function)
    return before, "\n".join(re.findall("^.*(remark: .*)$", remarks, re.M))


REMARKS = {"print-regions"}  # what these print is the result
MODULE_PASSES = {"qnn-fold-constants", "allocate-formats", "solve-weights",
                 "form-kernels", "for-kernels", "outline-steps",
                 "call-math"}

HEAD = """# Passes

Written by `tools/pass_docs.py`; a test checks that it is current. In the order in which a compilation runs them. The examples are
functions of the lit tests that each section names; constants of more than eight elements are elided, and listings end after
{most} lines. [pipeline.md](pipeline.md) follows one model through all stages.
"""


def page() -> str:
    declared = declarations()
    if declared.keys() != EXAMPLES.keys():
        raise SystemExit("passes without an example, or the reverse: "
                         f"{sorted(declared.keys() ^ EXAMPLES.keys())}")
    parts = [HEAD.format(most=MOST_LINES)]
    with tempfile.TemporaryDirectory() as folder:
        for name, example in EXAMPLES.items():
            before, after = before_and_after(name, example, folder)
            options = example.options.replace("%s", "FILE")
            parts.append(f"""## {name}

{declared[name]}

**Before**, in [{example.file}](../{example.file}):

```mlir
{before}
```

**After** `{name}{options}`:

```mlir
{after}
```
""")
    return "\n".join(parts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    text = page()
    if not arguments.check:
        PAGE.write_text(text)
        return 0
    difference = "".join(difflib.unified_diff(
        PAGE.read_text().splitlines(True), text.splitlines(True),
        "docs/passes.md", "as it would be written"))
    if difference:
        sys.stderr.write(difference + "docs/passes.md is not current: run "
                         "tools/pass_docs.py\n")
    return bool(difference)


if __name__ == "__main__":
    sys.exit(main())

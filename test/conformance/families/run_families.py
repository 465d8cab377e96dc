# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Small exports of every family of models against ONNX Runtime.

    python test/conformance/families/run_families.py               the committed ones
    python test/conformance/families/run_families.py --full --torch PYTHON
    python test/conformance/families/run_families.py --full -k bert

Those of converters other than torch's come from spellings.py, always.  With
--full export.py makes the exports, with the interpreter of --torch or
QUANTC_TORCH_PYTHON, which has torch and transformers; they are kept in
build/families and made anew only when their sources change.  One artifact of each
export runs at all its sizes, and agrees when no element is further from ONNX
Runtime's than 1e-4 of the largest.

An export is passed, refused, wrong, crashed or not exportable.  It fails when it is
wrong or crashed, when it is refused and not in refused.txt, or when it is in
refused.txt and passes.  The last line is 'N passed, N failed'.
"""

import argparse
import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import time
from typing import Any, Iterator, NamedTuple

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(HERE), str(HERE.parent)]
build = pathlib.Path(os.environ.get("QUANTC_BUILD_DIR", ROOT / "build"))
sys.path.insert(0, str(build / "python"))

import numpy as np  # noqa: E402
import onnx  # noqa: E402

from spec import Input, arrays  # noqa: E402
from spellings import SPELLINGS, TWINS  # noqa: E402
from workers import Outcome, failure, finish, run_cases  # noqa: E402

LIMIT = 120  # seconds for one export
TOLERANCE = 1e-4
EXPORTERS = ("torchscript-17", "dynamo-20", "dynamo-23", "converters")
KINDS = ("passed", "refused", "wrong", "crashed", "not exportable")


class Export(NamedTuple):
    """A case of the workers: one file, fed at several sizes."""
    path: pathlib.Path
    record: dict[str, Any]

    @property
    def name(self) -> str:
        return self.path.stem

    def model(self) -> onnx.ModelProto:
        return onnx.load(self.path)

    def data(self, model: onnx.ModelProto) -> Iterator[tuple[list, list]]:
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(
            str(self.path), options, providers=["CPUExecutionProvider"])
        inputs = tuple(Input(*value) for value in self.record["inputs"])
        names = [value.name for value in model.graph.input]
        for size in self.record["sizes"]:
            feed = arrays(inputs, size)
            feed = {name: feed[name] for name in names}
            yield list(feed.values()), session.run(None, feed)

    def compare(self, expected: list, got: list) -> None:
        for index, (want, have) in enumerate(zip(expected, got, strict=True)):
            assert want.shape == have.shape and want.dtype == have.dtype, (
                f"output {index} is {have.dtype} {have.shape}, expected "
                f"{want.dtype} {want.shape}")
            if want.dtype.kind != "f":
                assert np.array_equal(want, have), f"output {index} differs"
            elif want.size:
                finite = np.isfinite(want)
                assert np.array_equal(want[~finite], have[~finite],
                                      equal_nan=True), (
                    f"output {index} differs where it is not finite")
                scale = np.abs(want[finite]).max(initial=0) or 1.0
                error = np.abs(want[finite] - have[finite]).max(initial=0)
                assert error <= TOLERANCE * scale, (
                    f"output {index} of shape {want.shape} differs by "
                    f"{error / scale:.1e} of the largest element")


def read_exports(folder: pathlib.Path) -> dict[str, Export]:
    exports = {}
    for record in sorted(folder.glob("*.json")):
        export = Export(record.with_suffix(".onnx"),
                        json.loads(record.read_text()))
        exports[export.name] = export
    return exports


def write_spellings(folder: pathlib.Path, all: bool) -> dict[str, Export]:
    """What converters other than torch's write, from spellings.py."""
    folder.mkdir(parents=True, exist_ok=True)
    exports = {}
    for name, (make, inputs, sizes) in SPELLINGS.items():
        if name in TWINS and not all:
            continue
        path = folder / f"{name}.onnx"
        onnx.save(make(), path)
        exports[name] = Export(path, {
            "family": name, "exporter": "converters", "sizes": sizes,
            "inputs": inputs, "dynamic": list(sizes[0])})
    return exports


def read_refused() -> dict[str, str]:
    """Names with their reason: `name: reason`."""
    lines = (HERE / "refused.txt").read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines
                if line and not line.startswith("#"))


def print_table(outcomes: list[Outcome], exports: dict[str, Export]) -> None:
    table = collections.defaultdict(dict)
    totals = {exporter: collections.Counter() for exporter in EXPORTERS}
    for outcome in outcomes:
        record = exports[outcome.name].record
        cell = outcome.kind
        if "sizes" in record and not record["dynamic"]:
            cell += ", static"
        elif len(record.get("tried", [])):
            cell += f", {' '.join(record['dynamic'])}" if "sizes" in record else ""
        table[record["family"]][record["exporter"]] = cell
        totals[record["exporter"]][outcome.kind] += 1
    print(f"\n{'family':20}" + "".join(f"{name:28}" for name in EXPORTERS))
    for family, cells in sorted(table.items()):
        print(f"{family:20}" + "".join(f"{cells.get(name, '-'):28}"
                                       for name in EXPORTERS).rstrip())
    for exporter, counts in totals.items():
        total = sum(counts.values())
        print(f"{exporter}: " + ", ".join(f"{counts[kind]} {kind}"
                                          for kind in KINDS) + f" of {total}")


def make_exports(python: str, folder: pathlib.Path, families: str) -> bool:
    command = ["nice", "-n", "5", python, str(HERE / "export.py"), "--output",
               str(folder)]
    if families:
        command += ["--families", families]
    return subprocess.run(command).returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true",
                        help="all families, exported by torch")
    parser.add_argument("--torch", metavar="PYTHON",
                        default=os.environ.get("QUANTC_TORCH_PYTHON", ""),
                        help="the interpreter that has torch (default: "
                             "QUANTC_TORCH_PYTHON)")
    parser.add_argument("--exports", type=pathlib.Path,
                        default=build / "families",
                        help="where exports are kept (default: families in "
                             "the build folder)")
    parser.add_argument("-k", metavar="REGEX", help="only exports that match")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--report", type=pathlib.Path,
                        help="write the outcomes as JSON")
    options = parser.parse_args()

    folder = options.exports if options.full else HERE / "models"
    if options.full and options.torch:
        if not make_exports(options.torch, folder, ""):
            print("the exports failed\n0 passed, 1 failed")
            return 1
    exports = read_exports(folder)
    if not exports:
        print(f"skipped: no exports in {folder}, and without --torch PYTHON or "
              "QUANTC_TORCH_PYTHON (see export.py) none are made")
        print("0 passed, 0 failed")
        return 0
    exports |= write_spellings(build / "spellings", options.full)

    started = time.monotonic()
    refused = read_refused()
    chosen = [name for name in exports if not options.k
              or re.search(options.k, name)]
    todo = [name for name in chosen if "sizes" in exports[name].record]
    outcomes = [Outcome(name, "not exportable",
                        exports[name].record["tried"][-1])
                for name in chosen if name not in todo]
    failed = 0
    for outcome in run_cases(exports, todo, options.jobs, LIMIT):
        outcomes.append(outcome)
        why = failure(outcome, refused)
        if why:
            failed += 1
            print(f"FAIL  {outcome.name}: {why}", flush=True)
    print_table(outcomes, exports)
    for outcome in sorted(outcomes):
        if outcome.kind in ("refused", "not exportable"):
            print(f"{outcome.kind}: {outcome.name}: {outcome.why}")
    return finish(outcomes, failed, started, options.jobs, options.report)


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The ONNX backend suite through compiled libraries.

    python test/conformance/run.py            a fixed eighth of the cases
    python test/conformance/run.py --full     all of them
    python test/conformance/run.py -k Resize  cases or operators of that name

Every case is passed, refused, wrong, crashed or excluded.  A case fails this
check when it is wrong or crashed, when it is refused and not in refused.txt, or
when it is in refused.txt and passes now; `--update` writes the list anew.  The
last line is 'N passed, N failed'.
"""

import argparse
import collections
import os
import pathlib
import re
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))
build = pathlib.Path(os.environ.get("QUANTC_BUILD_DIR", ROOT / "build"))
sys.path.insert(0, str(build / "python"))

from cases import Case, load_cases  # noqa: E402
from workers import Outcome, failure, finish, run_cases  # noqa: E402

LIMIT = 120  # seconds for one case
KINDS = ("passed", "refused", "wrong", "crashed", "excluded")


def read_excluded() -> dict[str, str]:
    """Names with the reason of their group: `[reason]`, then its names."""
    names, reason = {}, ""
    for line in (HERE / "excluded.txt").read_text().splitlines():
        if line.startswith("["):
            reason = line.strip("[]")
        elif line and not line.startswith("#"):
            names[line] = reason
    return names


def read_refused() -> set[str]:
    lines = (HERE / "refused.txt").read_text().splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def write_refused(names: set[str]) -> None:
    header = ("# Cases that quantc refuses with a clear error, and should "
              "take one day.\n"
              "# Written by run.py --full --update.\n")
    (HERE / "refused.txt").write_text(
        header + "".join(f"{name}\n" for name in sorted(names)))


def print_counts(cases: dict[str, Case], outcomes: list[Outcome]) -> None:
    by_operator = collections.defaultdict(collections.Counter)
    total = collections.Counter()
    for outcome in outcomes:
        total[outcome.kind] += 1
        by_operator[cases[outcome.name].operator][outcome.kind] += 1
    rows = sorted(by_operator.items(),
                  key=lambda row: (-row[1]["refused"], row[0]))
    incomplete = [row for row in rows
                  if any(row[1][kind] for kind in KINDS[1:4])]
    print(f"\n{'operator':36}" + "".join(f"{kind:>9}" for kind in KINDS[:4]))
    for operator, counts in incomplete:
        print(f"{operator:36}"
              + "".join(f"{counts[kind]:9}" for kind in KINDS[:4]))
    print(f"{len(rows) - len(incomplete)} other operators pass all their cases")
    bound = sum(o.bound and o.kind == "passed" for o in outcomes)
    print(", ".join(f"{total[kind]} {kind}" for kind in KINDS)
          + f" of {len(outcomes)}; {bound} of those passed with inputs that "
          "decide shapes given to the compiler")


def print_reasons(outcomes: list[Outcome]) -> None:
    """Refusals grouped by their text without names and numbers."""
    groups = collections.defaultdict(list)
    for outcome in outcomes:
        if outcome.kind == "refused":
            why = outcome.why.split("': ", 1)[-1]
            why = re.sub(r"\(.*\)|node '[^']*'|\d+", "", why)
            groups[" ".join(why.split())[:110]].append(outcome.name)
    for why, names in sorted(groups.items(), key=lambda g: -len(g[1])):
        print(f"{len(names):5}  {why}  [{names[0]}]")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="all cases")
    parser.add_argument("-k", metavar="REGEX",
                        help="only cases or operators that match")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--update", action="store_true",
                        help="write refused.txt from this run")
    parser.add_argument("--reasons", action="store_true",
                        help="group the refusals by their text")
    parser.add_argument("--report", type=pathlib.Path,
                        help="write the outcomes as JSON")
    options = parser.parse_args()

    started = time.monotonic()
    cases = load_cases()
    excluded, refused = read_excluded(), read_refused()
    unknown = (set(excluded) | refused) - set(cases)
    for name in sorted(unknown):
        print(f"FAIL  {name}: listed, but not a case of this onnx version")
    if options.k:
        pattern = re.compile(options.k)
        chosen = [name for name, case in cases.items()
                  if pattern.search(name) or pattern.search(case.operator)]
    else:
        chosen = [name for name, case in cases.items()
                  if options.full or case.in_eighth()]
    outcomes = [Outcome(name, "excluded", excluded[name])
                for name in chosen if name in excluded]
    # The large models first, so that none of them is the last.
    todo = sorted((name for name in chosen if name not in excluded),
                  key=lambda name: cases[name].kind != "real")
    failed = len(unknown)
    for outcome in run_cases(cases, todo, options.jobs, LIMIT):
        outcomes.append(outcome)
        why = failure(outcome, refused)
        if why and not options.update:
            failed += 1
            print(f"FAIL  {outcome.name}: {why}", flush=True)
    if options.update:
        seen = {outcome.name for outcome in outcomes}
        write_refused((refused - seen) | {o.name for o in outcomes
                                          if o.kind == "refused"})
        failed += sum(o.kind in ("wrong", "crashed") for o in outcomes)
    print_counts(cases, outcomes)
    if options.reasons:
        print_reasons(outcomes)
    return finish(outcomes, failed, started, options.jobs, options.report)


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares the latency of engines: A B A B ..., each run in its own process.

    python test/benchmark/bench.py [--engines E ...] [--workloads W ...]
        [--threads N ...] [--rounds N] [--json FILE]

A round starts every engine once.  The table shows the median over rounds of
each process's median, and its ratio to the first engine: the median over rounds
of the ratio within a round, so that a change of the machine's speed between
rounds does not enter.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys

import engines
import workloads

WORKER = pathlib.Path(__file__).with_name("peers.py")


def start(engine: str, workload: str, file: pathlib.Path, threads: int,
          seconds: float) -> dict:
    """One worker process; returns its JSON record."""
    done = subprocess.run(
        [sys.executable, str(WORKER), "--engine", engine, "--workload",
         workload, "--file", str(file), "--threads", str(threads),
         "--seconds", str(seconds)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{engine} on {workload} failed with status "
                           f"{done.returncode}: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout.splitlines()[-1])


def compare(names: list[str], workload: str, files: dict[str, pathlib.Path],
            threads: int, rounds: int, seconds: float) -> list[dict]:
    """One row per engine of `names`: median_ms over rounds, ratio to the first
    engine, and every round's median in ms."""
    times: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            times[name].append(start(name, workload, files[name], threads,
                                     seconds)["median_ms"])
    first = times[names[0]]
    return [{"workload": workload, "threads": threads, "engine": name,
             "median_ms": statistics.median(times[name]),
             "ratio": statistics.median(
                 mine / theirs for mine, theirs in zip(times[name], first)),
             "rounds_ms": times[name]} for name in names]


def show(rows: list[dict]) -> None:
    print(f"{'workload':16} {'threads':>7}  {'engine':24} {'median ms':>10} "
          f"{'ratio':>6}  rounds", flush=True)
    for row in rows:
        rounds = " ".join(f"{value:.2f}" for value in row["rounds_ms"])
        print(f"{row['workload']:16} {row['threads']:7}  {row['engine']:24} "
              f"{row['median_ms']:10.3f} {row['ratio']:6.2f}  {rounds}",
              flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engines", nargs="+", type=engines.check,
                        default=["ort-fp32", "ort-int8", "quantc-fp32",
                                 "quantc-w8a8-dynamic"])
    parser.add_argument("--workloads", nargs="+", default=workloads.DEFAULT,
                        choices=workloads.WORKLOADS, metavar="W",
                        help=", ".join(workloads.WORKLOADS))
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0,
                        help="timed seconds per process")
    parser.add_argument("--json", type=pathlib.Path)
    engines.add_peer_option(parser)
    options = parser.parse_args()
    folder = engines.build_folder() / "bench"
    rows: list[dict] = []
    for workload in options.workloads:
        model = workloads.WORKLOADS[workload].model
        files = {engine: engines.prepare(engine, model, folder)
                 for engine in options.engines}
        for threads in options.threads:
            rows += compare(options.engines, workload, files, threads,
                            options.rounds, options.seconds)
    show(rows)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

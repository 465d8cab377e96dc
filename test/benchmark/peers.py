# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times one engine on one workload in this process; one JSON line on stdout.

    python peers.py --engine ort-fp32 --workload minilm --file FILE --threads 1

Warm-up runs come first, for `--warmup` seconds; then at least `--runs` runs and
at least `--seconds` seconds are timed one by one.  Times are in milliseconds.
"""

import argparse
import json
import pathlib
import statistics
import sys
import time

import engines
import workloads


def measure(run: engines.Run, inputs: workloads.Arrays, warmup: float,
            seconds: float, runs: int) -> dict[str, float]:
    """Median, lowest and 90th percentile of the run times in ms."""
    def timed() -> float:
        start = time.perf_counter()
        run(inputs)
        return time.perf_counter() - start

    until = time.perf_counter() + warmup
    timed()
    while time.perf_counter() < until:
        timed()
    times: list[float] = []
    until = time.perf_counter() + seconds
    while len(times) < runs or time.perf_counter() < until:
        times.append(timed() * 1e3)
    times.sort()
    return {"median_ms": statistics.median(times), "min_ms": times[0],
            "p90_ms": times[int(0.9 * (len(times) - 1))], "runs": len(times)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", type=engines.check, required=True)
    parser.add_argument("--workload", choices=workloads.WORKLOADS,
                        required=True)
    parser.add_argument("--file", type=pathlib.Path, required=True,
                        help="what engines.prepare made")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--warmup", type=float, default=0.3, metavar="S")
    parser.add_argument("--seconds", type=float, default=1.0, metavar="S")
    parser.add_argument("--runs", type=int, default=10)
    options = parser.parse_args()
    run = engines.load(options.engine, options.file, options.threads)
    inputs = workloads.WORKLOADS[options.workload].inputs()
    record = {"engine": options.engine, "workload": options.workload,
              "threads": options.threads}
    record |= measure(run, inputs, options.warmup, options.seconds,
                      options.runs)
    print(json.dumps(record))
    return 0


if __name__ == "__main__":
    sys.exit(main())

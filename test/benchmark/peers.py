# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times one engine on one workload in this process; one JSON line on stdout.

    python peers.py --engine ort-fp32 --workload minilm --file FILE --threads 1

Warm-up runs come first, for `--warmup` seconds; then at least `--runs` runs and
at least `--seconds` seconds are timed one by one.  Times are in milliseconds.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

import engines
import timing
import workloads


def measure_outside(engine: str, file: pathlib.Path, threads: int,
                    inputs: workloads.Arrays, limits: dict) -> dict:
    """The same by a process of the peer's environment."""
    with tempfile.TemporaryDirectory(prefix="quantc-peer-") as folder:
        path = pathlib.Path(folder) / "inputs.npz"
        np.savez(path, **inputs)
        arguments = engines.peer_run_arguments(engine, file, threads)
        for name, value in limits.items():
            arguments += [f"--{name}", str(value)]
        done = subprocess.run(
            engines.peer_command("time", "--inputs", path, *arguments),
            stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


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
    inputs = workloads.WORKLOADS[options.workload].inputs()
    record = {"engine": options.engine, "workload": options.workload,
              "threads": options.threads}
    limits = {"warmup": options.warmup, "seconds": options.seconds,
              "runs": options.runs}
    if options.engine in engines.OPENVINO:
        record |= measure_outside(options.engine, options.file,
                                  options.threads, inputs, limits)
    else:
        run = engines.load(options.engine, options.file, options.threads)
        record |= timing.measure(lambda: run(inputs), **limits)
    print(json.dumps(record))
    return 0


if __name__ == "__main__":
    sys.exit(main())

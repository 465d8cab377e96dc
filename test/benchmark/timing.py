# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The timing loop of all workers; needs nothing but Python itself, since some
workers run in an environment of their own."""

import statistics
import time
from typing import Callable


def measure(run: Callable[[], object], warmup: float, seconds: float,
            runs: int) -> dict[str, float]:
    """Runs for `warmup` seconds first, then at least `runs` times and `seconds`
    seconds, one by one.  Median, lowest and 90th percentile in ms."""
    def timed() -> float:
        start = time.perf_counter()
        run()
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

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs cases in forked processes: a crash or a hang costs one case.

A worker compiles the model in its process, loads the library, runs it on the
case's data and compares.  Outcomes: passed, refused (quantc said why), wrong
(other numbers, shapes or types), crashed (a signal, a hang, an internal error).

Some node cases feed what decides the number of dimensions, which a compiler
ahead of time needs to know.  When a model is refused for that alone, its short
vectors of integers are bound, and it is compiled once more; such a case is
reported as passed, and counted as bound.  The lengths of sequences and which
optionals are absent are always bound, after the data.
"""

import json
import multiprocessing
import multiprocessing.connection
import os
import pathlib
import re
import tempfile
import time
from typing import Any, Container, Iterable, Iterator, NamedTuple

import numpy as np
import onnx

from cases import Case

INTERNAL = 70  # quantc.Error.status of a bug
NEEDS_DATA = re.compile("run-time data|to be constant|not constant|may be 1 or "
                        "not|differ in type or rank")
BOUND_ELEMENTS = 16


class Outcome(NamedTuple):
    name: str
    kind: str
    why: str = ""
    seconds: float = 0.0
    bound: bool = False  # with inputs that became initializers


def failure(outcome: Outcome, refused: Container[str]) -> str:
    """Why an outcome fails the check, or nothing."""
    if outcome.kind in ("wrong", "crashed"):
        return f"{outcome.kind}: {outcome.why}"
    if outcome.kind == "refused" and outcome.name not in refused:
        return f"refused, and not in refused.txt: {outcome.why}"
    if outcome.kind == "passed" and outcome.name in refused:
        return "passed, and in refused.txt: take it out"
    return ""


def finish(outcomes: list[Outcome], failed: int, started: float, jobs: int,
           report: pathlib.Path | None) -> int:
    """Writes the report, prints the last lines and returns the exit status."""
    if report:
        report.write_text(json.dumps([o._asdict() for o in outcomes]))
    slow = sorted(outcomes, key=lambda o: -o.seconds)[:3]
    print("slowest: " + ", ".join(f"{o.name} {o.seconds:.1f} s" for o in slow))
    print(f"{time.monotonic() - started:.0f} s with {jobs} workers")
    passed = sum(outcome.kind == "passed" for outcome in outcomes)
    print(f"{passed} passed, {failed} failed")
    return int(failed != 0)


class _Worker:
    def __init__(self, context, cases: dict[str, Case]):
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_serve, args=(other, cases),
                                       daemon=True)
        self.process.start()
        other.close()
        self.name = ""
        self.started = 0.0

    def give(self, name: str) -> None:
        self.name, self.started = name, time.monotonic()
        self.pipe.send(name)

    def stop(self) -> None:
        self.process.kill()
        self.process.join()


def run_cases(cases: dict[str, Case], names: Iterable[str], jobs: int,
              limit: float) -> Iterator[Outcome]:
    """Outcomes in the order in which cases end."""
    # The workers share the cases that this process has built.
    context = multiprocessing.get_context("fork")
    waiting = list(reversed(list(names)))
    workers: list[_Worker] = []
    while waiting or workers:
        while waiting and len(workers) < jobs:
            workers.append(_Worker(context, cases))
            workers[-1].give(waiting.pop())
        multiprocessing.connection.wait([w.pipe for w in workers], timeout=1)
        for worker in list(workers):
            outcome = _poll(worker, limit)
            if not outcome:
                continue
            yield outcome
            if worker.process.is_alive() and waiting:
                worker.give(waiting.pop())
            else:
                worker.stop()
                workers.remove(worker)


def _poll(worker: _Worker, limit: float) -> Outcome | None:
    seconds = time.monotonic() - worker.started
    try:
        if worker.pipe.poll():
            kind, why, bound = worker.pipe.recv()
            return Outcome(worker.name, kind, why, seconds, bound)
    except (EOFError, ConnectionError):
        worker.process.join()
        return Outcome(worker.name, "crashed",
                       f"exit status {worker.process.exitcode}", seconds)
    if seconds > limit:
        worker.stop()
        return Outcome(worker.name, "crashed", f"no answer in {limit:.0f} s",
                       seconds)
    return None


def _serve(pipe, cases: dict[str, Case]) -> None:
    # Not before the fork: the library starts threads.
    import quantc
    with tempfile.TemporaryDirectory(prefix="quantc-conformance-") as folder:
        path = pathlib.Path(folder) / "model.so"
        while True:
            try:
                name = pipe.recv()
            except EOFError:
                return
            pipe.send(_run(quantc, cases[name], path))


def _run(quantc, case: Case, path: pathlib.Path) -> tuple[str, str, bool]:
    bound = False
    try:
        model = case.model()
        first, _ = next(case.data(model))
        bind = _bind_lists(model, first)
        try:
            quantc.compile(model, path, threads=1, bind=bind)
        except quantc.Error as error:
            short = _bind_short(model, first)
            if not short or not NEEDS_DATA.search(str(error)):
                raise
            bound = True
            quantc.compile(model, path, threads=1, bind=bind | short)
        compiled = quantc.load(path)
        os.unlink(path)
        inputs = {value.name for value in compiled.inputs}
        for arrays, expected in case.data(model):
            got = compiled.run({name: array for name, array
                                in _named(model, arrays) if name in inputs},
                               threads=1)
            case.compare(expected,
                         [got[value.name] for value in model.graph.output])
    except quantc.Error as error:
        kind = "crashed" if error.status == INTERNAL else "refused"
        return kind, str(error), bound
    except AssertionError as error:
        lines = [line.strip() for line in str(error).splitlines()]
        return "wrong", "; ".join(line for line in lines if line)[:300], bound
    except Exception as error:  # of the harness: shown, and a failure
        return "crashed", f"{type(error).__name__}: {error}"[:300], bound
    return "passed", "", bound


def _named(model: onnx.ModelProto, arrays: list) -> list[tuple[str, Any]]:
    weights = {tensor.name for tensor in model.graph.initializer}
    return list(zip([value.name for value in model.graph.input
                     if len(arrays) == len(model.graph.input)
                     or value.name not in weights], arrays))


def _bind_lists(model: onnx.ModelProto, arrays: list) -> dict[str, Any]:
    """Shapes of sequences and absent optionals, as in the first data set."""
    bind = {}
    for name, value in _named(model, arrays):
        if value is None:
            bind[name] = None
        elif isinstance(value, list):
            bind[name] = [array.shape for array in value]
    return bind


def _bind_short(model: onnx.ModelProto, arrays: list) -> dict[str, Any]:
    """Short inputs that may decide shapes, with the first data set's values."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return {
        name: array for name, array in _named(model, arrays)
        if isinstance(array, np.ndarray) and array.ndim <= 1
        and array.size <= BOUND_ELEMENTS
        and (array.dtype in (np.int64, np.int32)
             or array.dtype == bool and array.ndim == 0
             or array.dtype == np.float32
             and (array.ndim == 0 or name in ("scales", "roi")))
        and name not in weights}

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs cases in forked processes: a crash or a hang costs one case.

A worker compiles the model in its process, loads the library, runs it on the
case's data and compares.  Outcomes: passed, refused (quantc said why), wrong
(other numbers, shapes or types), crashed (a signal, a hang, an internal error).

Many node cases feed what decides a shape (axes, sizes, steps) at run time, which
a compiler ahead of time needs to know.  When a model is refused for that alone,
its short integer vectors become initializers and it is compiled once more; such
a case is reported as passed, and counted as bound.
"""

import multiprocessing
import multiprocessing.connection
import os
import pathlib
import re
import tempfile
import time
from typing import Iterable, Iterator, NamedTuple

import numpy as np
import onnx

from cases import Case, compare

INTERNAL = 70  # quantc.Error.status of a bug
NEEDS_DATA = re.compile("run-time data|to be constant|not constant")
BOUND_ELEMENTS = 16


class Outcome(NamedTuple):
    name: str
    kind: str
    why: str = ""
    seconds: float = 0.0
    bound: bool = False  # with inputs that became initializers


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
        try:
            quantc.compile(model, path, threads=1)
        except quantc.Error as error:
            fixed = _bind(case, model) if NEEDS_DATA.search(str(error)) else None
            if fixed is None:
                raise
            bound = True
            quantc.compile(fixed, path, threads=1)
            model = fixed
        compiled = quantc.load(path)
        os.unlink(path)
        inputs = {value.name for value in compiled.inputs}
        for arrays, expected in case.data(model):
            weights = {tensor.name for tensor in model.graph.initializer}
            names = [value.name for value in model.graph.input
                     if len(arrays) == len(model.graph.input)
                     or value.name not in weights]
            got = compiled.run({name: array for name, array
                                in zip(names, arrays) if name in inputs},
                               threads=1)
            compare(case, expected,
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


def _bind(case: Case, model: onnx.ModelProto) -> onnx.ModelProto | None:
    """The model with its short integer inputs as initializers, of the values of
    the first data set; nothing when there are none."""
    arrays, _ = next(case.data(model))
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    known = {tensor.name for tensor in model.graph.initializer}
    for value, array in zip(model.graph.input, arrays):
        if (isinstance(array, np.ndarray) and array.ndim <= 1
                and array.size <= BOUND_ELEMENTS
                and array.dtype in (np.int64, np.int32, np.float32)
                and (array.dtype != np.float32 or array.ndim == 0
                     or value.name in ("scales", "roi"))
                and value.name not in known):
            fixed.graph.initializer.append(
                onnx.numpy_helper.from_array(array, value.name))
    return fixed if len(fixed.graph.initializer) > len(known) else None

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What quantc does with bad input: files, command lines, disks, signals.

    python test/end-to-end/bad_input.py [--only TEXT]

Every refusal is one line on standard error with the right exit status; nothing
is left at the output path, an existing good output is kept, and no signal is
ever the answer.  The models are made here (bad_models in _bad_models.py).
"""

import argparse
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import time

import numpy as np

import _bad_models as models
from _checks import QUANTC, Checks

LIMIT_SECONDS = 60
MEMORY = 8 << 30


def call(*words: str, file_size: int | None = None, **options):
    """Runs quantc with 8 GiB of memory; `file_size` limits what it may write."""
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if file_size is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    return subprocess.run([QUANTC, *map(str, words)], capture_output=True,
                          text=True, errors="surrogateescape", preexec_fn=limit,
                          timeout=LIMIT_SECONDS, **options)


def refusal(done, status: int, *texts: str) -> str | None:
    """What is wrong with an answer that should be a refusal."""
    lines = done.stderr.splitlines()
    if done.returncode != status:
        return (f"expected status {status}, got {done.returncode}: "
                f"{done.stderr.strip()[:300]}")
    if len(lines) != 1 or not lines[0].startswith("quantc: error: "):
        return f"expected one line, got {done.stderr[:300]!r}"
    if any(ord(c) < 32 for c in lines[0]):
        return f"control character in {lines[0]!r}"
    for text in texts:
        if text not in lines[0]:
            return f"expected '{text}' in: {lines[0][:300]}"
    return None


def leftovers(folder: pathlib.Path, kept: set[str]) -> str | None:
    extra = sorted(set(os.listdir(folder)) - kept)
    return f"left behind: {extra}" if extra else None


def refused_model(folder, model, status, *texts, output="out.so"):
    """Compiles `model` twice: with no output yet, and over an existing one."""
    target = folder / "out" / output
    target.parent.mkdir(exist_ok=True)
    problem = refusal(call("compile", model, "-o", target), status, *texts)
    problem = problem or leftovers(target.parent, set())
    if problem:
        return problem
    target.write_bytes(b"an earlier output")
    problem = refusal(call("compile", model, "-o", target), status, *texts)
    if not problem and target.read_bytes() != b"an earlier output":
        problem = "the earlier output was changed"
    return problem or leftovers(target.parent, {output})


def check_models(checks: Checks, scratch: pathlib.Path) -> None:
    for name, make, status, texts in models.CASES:
        if not checks.wanted(name):
            continue
        folder = scratch / name.replace(" ", "-").replace("/", "-")
        folder.mkdir()
        model = make(folder)
        checks.judge(name, refused_model(folder, model, status, *texts))


def check_accepted(checks: Checks, scratch: pathlib.Path) -> None:
    for name, make in models.ACCEPTED:
        if not checks.wanted(name):
            continue
        folder = scratch / name.replace(" ", "-").replace("/", "-")
        folder.mkdir()
        done = call("compile", make(folder), "-o", folder / "out.mlirbc")
        checks.judge(name, None if done.returncode == 0 else
                     f"status {done.returncode}: {done.stderr[:300]}")


def check_files(checks: Checks, scratch: pathlib.Path) -> None:
    """Inputs and outputs that are not there or cannot be used."""
    good = models.linear(scratch)
    text = (scratch / "text.so")
    text.write_text("an earlier output")
    fifo = scratch / "fifo.onnx"
    os.mkfifo(fifo)
    (scratch / "folder.so").mkdir()
    cases = [
        ("model missing", ("none.onnx", "-o", "x.so"), 4),
        ("model is a folder", (scratch, "-o", "x.so"), 4),
        ("model is a pipe", (fifo, "-o", "x.so"), 4),
        ("output folder missing", (good, "-o", scratch / "no/x.so"), 4),
        ("output is a folder", (good, "-o", scratch / "folder.so"), 4),
        ("output cannot be made", (good, "-o", "/proc/x.so"), 4),
        ("output is the input", (good, "-o", good), 2),
        ("output suffix unknown", (good, "-o", "x.exe"), 2),
        ("output suffix of later", (good, "-o", "x.ptx"), 2),
        ("output missing", (good,), 2),
        ("recipe unknown", (good, "-o", "x.so", "--recipe", "w9"), 2),
        ("cpu unknown", (good, "-o", "x.so", "--mcpu", "abacus"), 2),
        ("cpu without fma", (good, "-o", "x.so", "--mcpu", "x86-64"), 2),
        ("option unknown", (good, "-o", "x.so", "--recip", "fp32"), 2),
        ("option without value", (good, "-o"), 2),
        ("option twice", (good, "-o", "x.so", "-o", "y.so"), 2),
        ("option of later", (good, "-o", "x.so", "--export", "qdq"), 2),
        ("two models", (good, good, "-o", "x.so"), 2),
        ("bind without value", (good, "-o", "x.so", "--bind", "x"), 2),
        ("bind unknown", (good, "-o", "x.so", "--bind", "q=1"), 2),
        ("bind twice", (good, "-o", "x.so", "--bind", "x=1", "--bind", "x=2"),
         2),
        ("bind no number", (good, "-o", "x.so", "--bind", "x=one"), 2),
        ("dim unknown", (good, "-o", "x.so", "--dim", "q=1"), 2),
        ("dim negative", (good, "-o", "x.so", "--dim", "n=-1"), 2),
    ]
    for name, words, status in cases:
        if checks.wanted(name):
            checks.judge(name, refusal(call("compile", *words, cwd=scratch),
                                       status))
    for words, name in (((), "no command"), (("calibrate",), "calibrate"),
                        (("comple",), "command unknown")):
        if checks.wanted(name):
            checks.judge(name, refusal(call(*words), 2))


def check_disk_full(checks: Checks, scratch: pathlib.Path) -> None:
    """A write that fails part of the way keeps the old file."""
    good = models.linear(scratch, 256)
    for suffix in (".so", ".mlir", ".mlirbc"):
        name = f"disk full, {suffix}"
        if not checks.wanted(name):
            continue
        folder = scratch / f"full{suffix}"
        folder.mkdir()
        target = folder / f"out{suffix}"
        target.write_bytes(b"an earlier output")
        done = call("compile", good, "-o", target, file_size=20_000)
        problem = refusal(done, 4)
        if not problem and target.read_bytes() != b"an earlier output":
            problem = "the earlier output was changed"
        checks.judge(name, problem or leftovers(folder, {target.name}))
    name = "standard output full"
    if checks.wanted(name):
        with open("/dev/full", "w") as full:
            done = subprocess.run([QUANTC, "--help"], stdout=full, text=True,
                                  stderr=subprocess.PIPE, timeout=60)
        checks.judge(name, refusal(done, 4, "standard output"))
    name = "standard output closed"
    if checks.wanted(name):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([QUANTC, "--help"], stdout=writer, text=True,
                              stderr=subprocess.PIPE, timeout=60)
        os.close(writer)
        checks.judge(name, refusal(done, 4, "standard output"))


def check_killed(checks: Checks, scratch: pathlib.Path) -> None:
    """SIGKILL at any moment leaves the old output or the whole new one."""
    name = "killed while writing"
    if not checks.wanted(name):
        return
    good = models.linear(scratch, 256)
    target = scratch / "killed" / "out.so"
    target.parent.mkdir()
    start = time.monotonic()
    done = call("compile", good, "-o", target)
    whole = time.monotonic() - start
    if done.returncode:
        return checks.judge(name, f"status {done.returncode}: {done.stderr}")
    new, old = target.read_bytes(), b"an earlier output"
    problem = None
    for step in range(12):
        target.write_bytes(old)
        process = subprocess.Popen([QUANTC, "compile", str(good), "-o",
                                    str(target)], stdout=subprocess.DEVNULL)
        try:
            process.wait(whole * (step + 1) / 12)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        if target.read_bytes() not in (old, new):
            problem = f"after {step + 1}/12 of the time the output is broken"
    checks.judge(name, problem)


def check_replaced(checks: Checks, scratch: pathlib.Path) -> None:
    """A link at the output path is replaced, never written through."""
    name = "output is a link"
    if not checks.wanted(name):
        return
    good, secret = models.linear(scratch), scratch / "secret"
    secret.write_text("keep")
    target = scratch / "link.so"
    target.symlink_to(secret)
    done = call("compile", good, "-o", target)
    problem = None
    if done.returncode:
        problem = f"status {done.returncode}: {done.stderr[:300]}"
    elif secret.read_text() != "keep" or target.is_symlink():
        problem = "the link was written through"
    checks.judge(name, problem)


def check_run(checks: Checks, scratch: pathlib.Path) -> None:
    """Inputs of a compiled model that it cannot take."""
    library = scratch / "run.so"
    done = call("compile", models.linear(scratch), "-o", library)
    if done.returncode:
        return checks.judge("run", f"no library: {done.stderr[:300]}")
    n = models.WIDTH

    def save(name, array, **options):
        np.save(scratch / name, array, **options)
        return f"x={scratch / name}"

    good = save("good.npy", np.zeros((3, n), np.float32))
    (scratch / "junk.npy").write_bytes(b"\x93NUMPY\x01\x00\xff\xff{'descr")
    (scratch / "junk.so").write_bytes(b"\x7fELF" + b"\0" * 100)
    cases = [
        ("input missing", library, [], 1, ["'x'"]),
        ("input unknown", library, [good, good.replace("x=", "z=", 1)], 1,
         ["'z'"]),
        ("input twice", library, [good, good], 2, ["'x'"]),
        ("input file missing", library, ["x=none.npy"], 4, ["none.npy"]),
        ("input damaged", library, [f"x={scratch / 'junk.npy'}"], 1, []),
        ("input type", library, [save("f64.npy", np.zeros((3, n)))], 1,
         ["float32", "float64"]),
        ("input rank", library, [save("rank.npy", np.zeros(n, np.float32))], 1,
         ["'x'"]),
        ("input extent", library,
         [save("wide.npy", np.zeros((3, n + 1), np.float32))], 1, ["'x'"]),
        ("input objects", library,
         [save("objects.npy", np.array([{}]), allow_pickle=True)], 1,
         ["objects"]),
        ("artifact missing", scratch / "none.so", [good], 4, []),
        ("artifact is no library", scratch / "good.npy", [good], 1, []),
        ("artifact damaged", scratch / "junk.so", [good], 1, []),
    ]
    for name, artifact, inputs, status, texts in cases:
        if not checks.wanted(name):
            continue
        words = [word for value in inputs for word in ("--input", value)]
        done = call("run", artifact, *words, "--output-dir", scratch / "out")
        checks.judge(name, refusal(done, status, *texts))
    fortran = np.asfortranarray(
        np.arange(3 * n, dtype=">f4").reshape(3, n))
    done = call("run", library, "--input", save("fortran.npy", fortran),
                "--output-dir", scratch / "out")
    problem = None
    if done.returncode:
        problem = done.stderr
    elif not np.allclose(np.load(scratch / "out" / "y.npy"),
                         fortran @ models.weight(n), rtol=1e-5):
        problem = "wrong values"
    checks.judge("input big-endian in Fortran order", problem)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="cases with this in the name")
    checks = Checks(only=parser.parse_args().only)
    for check in (check_models, check_accepted, check_files, check_disk_full,
                  check_killed, check_replaced, check_run):
        with tempfile.TemporaryDirectory(prefix="quantc-bad-") as scratch:
            try:
                check(checks, pathlib.Path(scratch))
            except subprocess.TimeoutExpired as error:
                checks.judge(check.__name__, f"over {LIMIT_SECONDS} s: "
                                             f"{error.cmd}")
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())

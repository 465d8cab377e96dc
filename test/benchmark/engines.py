# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes, loads and runs what the benchmarks compare.

    ort-fp32        ONNX Runtime on the fp32 model
    ort-int8        ONNX Runtime on its own dynamic int8 form of the model
    ort-int4, openvino-...   peers with an environment of their own
                    (peer_environment.py)
    quantc-RECIPE   our artifact, compiled with that recipe, a preset or a file
                    (recipes/*.yaml); quantc-auto@18MB has a budget

All recipes but fp32 and w8a8-dynamic, and those peers that take data, are
calibrated on workloads.calibration_samples.

ONNX Runtime's dynamic int8 follows its documentation: quant_pre_process first
(shape inference and graph optimization), then quantize_dynamic with signed
8-bit weights per channel, and reduce_range only on CPUs without VNNI, where
8-bit products would saturate.
"""

import argparse
import io
import json
import os
import pathlib
import struct
import subprocess
from typing import Callable

import numpy as np

import workloads
from workloads import ROOT, Arrays

Run = Callable[[Arrays], Arrays]

OPENVINO = ("openvino-int8", "openvino-int8-f32", "openvino-int4")
PEERS = (*OPENVINO, "ort-int4")
PEER_SCRIPT = pathlib.Path(__file__).with_name("peer_environment.py")


def build_folder() -> pathlib.Path:
    return pathlib.Path(os.environ.get("QUANTC_BUILD_DIR", ROOT / "build"))


def check(engine: str) -> str:
    """Returns `engine` if it is one; used as an argument type."""
    if engine in ("ort-fp32", "ort-int8", *PEERS) or (
            engine.startswith("quantc-") and engine != "quantc-"):
        return engine
    raise ValueError(f"expected ort-fp32, ort-int8, {', '.join(PEERS)} or "
                     f"quantc-RECIPE, got '{engine}'")


def add_peer_option(parser: argparse.ArgumentParser) -> None:
    def remember(python: str) -> str:
        os.environ["QUANTC_PEER_PYTHON"] = python
        return python
    parser.add_argument("--peer", type=remember, metavar="PYTHON",
                        help="the interpreter of peer_environment.py's "
                             "environment (default: QUANTC_PEER_PYTHON)")


def peer_python() -> str | None:
    """The interpreter of the peers' environment, if there is one."""
    return os.environ.get("QUANTC_PEER_PYTHON") or None


def missing(engine: str) -> str | None:
    """Why `engine` cannot run here, if it cannot."""
    if engine not in PEERS:
        return None
    python = peer_python()
    if not python:
        return (f"{engine} needs --peer PYTHON or QUANTC_PEER_PYTHON "
                f"({PEER_SCRIPT.name} says how to install it)")
    needed = ("openvino, nncf" if engine in OPENVINO
              else "onnx_ir, onnxruntime")
    done = subprocess.run([python, "-c", f"import {needed}"],
                          capture_output=True, text=True)
    if done.returncode != 0:
        return f"{engine}: '{python}' cannot import {needed}"
    return None


def peer_command(*arguments) -> list[str]:
    python = peer_python()
    if not python:
        raise RuntimeError(missing(PEERS[0]))
    return [python, str(PEER_SCRIPT), *map(str, arguments)]


def peer_run_arguments(engine: str, path: pathlib.Path,
                       threads: int) -> list[str]:
    """What `time` and `serve` of peer_environment.py both take."""
    precision = ["--precision", "f32"] if engine.endswith("-f32") else []
    return ["--file", str(path), "--threads", str(threads), *precision]


def has_avx512_vnni() -> bool:
    return "avx512_vnni" in pathlib.Path("/proc/cpuinfo").read_text().split()


def has_vnni() -> bool:
    flags = pathlib.Path("/proc/cpuinfo").read_text().split()
    return "avx512_vnni" in flags or "avx_vnni" in flags


def stored_bits(artifact: pathlib.Path) -> dict[str, float]:
    """Stored bits per weight of one of ours: "all", and of "linears" only."""
    done = subprocess.run(
        [str(build_folder() / "bin" / "quantc"), "inspect", str(artifact),
         "--json"], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)["stored_bits_per_weight"]


def _quantize(source: pathlib.Path, target: pathlib.Path) -> None:
    import logging
    from onnxruntime import quantization
    from onnxruntime.quantization import shape_inference
    logging.disable(logging.WARNING)
    prepared = target.with_suffix(".prepared")
    shape_inference.quant_pre_process(str(source), str(prepared),
                                      skip_symbolic_shape=True)
    quantization.quantize_dynamic(
        str(prepared), str(target), per_channel=True,
        reduce_range=not has_vnni(),
        weight_type=quantization.QuantType.QInt8)
    prepared.unlink()


def report_folder(artifact: pathlib.Path) -> pathlib.Path:
    """Where a recipe with a budget says what it has chosen."""
    return artifact.with_name(artifact.stem + "-report")


def _compile(model: str, source: pathlib.Path, target: pathlib.Path,
             recipe: str) -> None:
    recipe, _, budget = recipe.partition("@")
    command = [str(build_folder() / "bin" / "quantc"), "compile", str(source),
               "-o", str(target), "--recipe", recipe]
    if budget:
        command += ["--budget", budget, "--report", str(report_folder(target))]
    if recipe not in ("fp32", "w8a8-dynamic"):
        command += ["--calib",
                    str(workloads.calibration_folder(model, target.parent))]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"quantc compile {source.name} --recipe {recipe}: "
                           f"status {done.returncode}: {done.stderr.strip()}")


def _make_by_peer(engine: str, model: str, source: pathlib.Path,
                  target: pathlib.Path) -> None:
    samples = workloads.calibration_folder(model, target.parent)
    done = subprocess.run(
        peer_command("make", engine, "--source", source, "--samples", samples,
                     "--out", target), capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{engine} of {source.name}: status "
                           f"{done.returncode}: {done.stderr.strip()[-500:]}")


def prepare(engine: str, model: str, folder: pathlib.Path) -> pathlib.Path:
    """The file that `engine` runs for `model`, made in `folder` if it is
    missing or older than what it is made from."""
    folder.mkdir(parents=True, exist_ok=True)
    source = workloads.onnx_path(model, folder)
    if engine == "ort-fp32":
        return source
    quantc = build_folder() / "bin" / "quantc"
    ours = engine.startswith("quantc-")
    suffix = (".so" if ours else
              ".xml" if engine in OPENVINO else ".onnx")
    # A recipe file stands without its folder.
    name = engine.removesuffix(".yaml").removesuffix("-f32").split("/")[-1]
    name = name.replace("@", "-")
    target = folder / f"{model}-{name}{suffix}"
    needed = [source] + ([quantc] if ours and quantc.exists() else [])
    if target.exists() and all(target.stat().st_mtime > file.stat().st_mtime
                               for file in needed):
        return target
    if ours:
        _compile(model, source, target, engine.removeprefix("quantc-"))
    elif engine in PEERS:
        _make_by_peer(engine.removesuffix("-f32"), model, source, target)
    else:
        _quantize(source, target)
    return target


def compiled(engine: str, path: pathlib.Path) -> "quantc.Model | None":
    """The model itself, if it is one of ours."""
    if not engine.startswith("quantc-"):
        return None
    import quantc
    return quantc.load(str(path))


def _serve(engine: str, path: pathlib.Path, threads: int) -> Run:
    """A process of the peer's, which ends when the function is forgotten."""
    worker = subprocess.Popen(
        peer_command("serve", *peer_run_arguments(engine, path, threads)),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL)

    def run(inputs: Arrays) -> Arrays:
        message = io.BytesIO()
        np.savez(message, **inputs)
        worker.stdin.write(struct.pack("<q", message.tell()))
        worker.stdin.write(message.getvalue())
        worker.stdin.flush()
        size = worker.stdout.read(8)
        if len(size) < 8:
            raise RuntimeError(f"{engine} on {path.name}: the process ended "
                               f"with status {worker.wait()}")
        answer = worker.stdout.read(*struct.unpack("<q", size))
        return dict(np.load(io.BytesIO(answer)))
    return run


def load(engine: str, path: pathlib.Path, threads: int) -> Run:
    """A function from inputs by name to outputs by name."""
    if artifact := compiled(engine, path):
        return lambda inputs: artifact.run(inputs, threads=threads)
    if engine in OPENVINO:
        return _serve(engine, path, threads)
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(names, inputs)))

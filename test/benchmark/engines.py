# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes, loads and runs what the benchmarks compare.

    ort-fp32        ONNX Runtime on the fp32 model
    ort-int8        ONNX Runtime on its own dynamic int8 form of the model
    quantc-RECIPE   our artifact, compiled with that recipe; all but fp32 and
                    w8a8-dynamic are calibrated (workloads.calibration_samples)

ONNX Runtime's dynamic int8 follows its documentation: quant_pre_process first
(shape inference and graph optimization), then quantize_dynamic with signed
8-bit weights per channel, and reduce_range only on CPUs without VNNI, where
8-bit products would saturate.
"""

import os
import pathlib
import subprocess
from typing import Callable

import workloads
from workloads import ROOT, Arrays

Run = Callable[[Arrays], Arrays]


def build_folder() -> pathlib.Path:
    return pathlib.Path(os.environ.get("QUANTC_BUILD_DIR", ROOT / "build"))


def check(engine: str) -> str:
    """Returns `engine` if it is one; used as an argument type."""
    if engine in ("ort-fp32", "ort-int8") or (
            engine.startswith("quantc-") and engine != "quantc-"):
        return engine
    raise ValueError(f"expected ort-fp32, ort-int8 or quantc-RECIPE, "
                     f"got '{engine}'")


def has_vnni() -> bool:
    flags = pathlib.Path("/proc/cpuinfo").read_text().split()
    return "avx512_vnni" in flags or "avx_vnni" in flags


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


def _compile(model: str, source: pathlib.Path, target: pathlib.Path,
             recipe: str) -> None:
    command = [str(build_folder() / "bin" / "quantc"), "compile", str(source),
               "-o", str(target), "--recipe", recipe]
    if recipe not in ("fp32", "w8a8-dynamic"):
        command += ["--calib",
                    str(workloads.calibration_folder(model, target.parent))]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"quantc compile {source.name} --recipe {recipe}: "
                           f"status {done.returncode}: {done.stderr.strip()}")


def prepare(engine: str, model: str, folder: pathlib.Path) -> pathlib.Path:
    """The file that `engine` runs for `model`, made in `folder` if it is
    missing or older than what it is made from."""
    folder.mkdir(parents=True, exist_ok=True)
    source = workloads.onnx_path(model, folder)
    if engine == "ort-fp32":
        return source
    quantc = build_folder() / "bin" / "quantc"
    ours = engine != "ort-int8"
    target = folder / f"{model}-{engine}{'.so' if ours else '.onnx'}"
    needed = [source] + ([quantc] if ours and quantc.exists() else [])
    if target.exists() and all(target.stat().st_mtime > file.stat().st_mtime
                               for file in needed):
        return target
    if ours:
        _compile(model, source, target, engine.removeprefix("quantc-"))
    else:
        _quantize(source, target)
    return target


def compiled(engine: str, path: pathlib.Path) -> "quantc.Model | None":
    """The model itself, if it is one of ours."""
    if not engine.startswith("quantc-"):
        return None
    import quantc
    return quantc.load(str(path))


def load(engine: str, path: pathlib.Path, threads: int) -> Run:
    """A function from inputs by name to outputs by name."""
    if artifact := compiled(engine, path):
        return lambda inputs: artifact.run(inputs, threads=threads)
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(names, inputs)))

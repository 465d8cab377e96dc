# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ONNX models as functions of their inputs: compiled, and in ONNX Runtime."""

import pathlib
import sys

import onnx
import onnxruntime as ort

from _checks import BUILD

sys.path.insert(0, str(BUILD / "python"))
import quantc  # noqa: E402


def compile_model(model: onnx.ModelProto, folder: pathlib.Path, **options):
    """The library that recipe fp32 makes; `folder` keeps the model as m.onnx."""
    source, library = folder / "m.onnx", folder / "m.so"
    onnx.save(model, source)
    quantc.compile(str(source), str(library), recipe="fp32", **options)
    return quantc.load(str(library))


def runtime(model: onnx.ModelProto, optimized: bool = True,
            options: ort.SessionOptions | None = None):
    """A function from inputs to outputs, both by name."""
    options = options or ort.SessionOptions()
    if not optimized:
        options.graph_optimization_level = (
            ort.GraphOptimizationLevel.ORT_DISABLE_ALL)
    session = ort.InferenceSession(model.SerializeToString(), options,
                                   providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(None, inputs)))

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Exports the families by torch's exporters, in an environment with torch.

    python3 -m venv exporters
    exporters/bin/pip install -r test/conformance/families/requirements.txt
    exporters/bin/python test/conformance/families/export.py --output FOLDER

Each export is tried with all the dimensions of the family's inputs dynamic, then
with fewer, down to none: the first that ONNX Runtime runs at all sizes with
torch's results is kept.  FOLDER gets FAMILY-EXPORTER.onnx, and the same with
.json: inputs, sizes, what is dynamic, or why there is no export.  What is there
from the same sources and versions stays.
"""

import argparse
import contextlib
import hashlib
import inspect
import io
import json
import logging
import os
import pathlib
import sys
import time
import warnings

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import onnx
import onnxruntime
import torch
import transformers
from torch import nn

import models_detect
import models_image
import models_signal
import models_sound
import models_text
from spec import Family, Size

HERE = pathlib.Path(__file__).resolve().parent
MODULES = (models_image, models_text, models_signal, models_detect,
           models_sound)
FAMILIES = {family.name: (family, module) for module in MODULES
            for family in module.FAMILIES}
OPSETS = {"torchscript-17": 17, "dynamo-20": 20, "dynamo-23": 23}
TOLERANCE = 1e-3  # torch and ONNX Runtime, by the range of the output


def randomize(model: nn.Module) -> None:
    """Weights as large as trained ones: what libraries start from leaves the
    softmaxes flat and the normalizations without effect."""
    random = torch.Generator().manual_seed(11)

    def normal(tensor, scale):
        tensor.copy_(torch.randn(tensor.shape, generator=random) * scale)

    with torch.no_grad():
        for module in model.modules():
            for parameter in module.parameters(recurse=False):
                if parameter.ndim == 1:
                    noise = torch.empty_like(parameter)
                    normal(noise, 0.1)
                    parameter += noise
                elif isinstance(module, (nn.Linear, nn.Conv1d, nn.Conv2d)):
                    normal(parameter, parameter[0].numel() ** -0.5)
                elif isinstance(module, nn.Embedding):
                    normal(parameter, 1.0)
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                normal(module.running_mean, 0.2)
                module.running_var.uniform_(0.5, 1.5, generator=random)


def make(family: Family) -> nn.Module:
    torch.manual_seed(5)
    model = family.make().eval()
    for parameter in model.parameters():  # also of scripts
        parameter.requires_grad_(False)
    randomize(model)
    return model


def dimensions(family: Family) -> tuple[str, ...]:
    return tuple(dict.fromkeys(dim for value in family.inputs
                               for dim in value.shape if isinstance(dim, str)))


def levels(family: Family) -> list[tuple[str, ...]]:
    """Sets of dynamic dimensions, the most wanted first."""
    dims = dimensions(family)
    wanted = [tuple(dim for dim in dims if dim not in family.fixed),
              tuple(dim for dim in dims if dim == "batch"), ()]
    return list(dict.fromkeys(wanted))


def sizes_of(family: Family, dynamic: tuple[str, ...]) -> list[Size]:
    """The family's sizes with the other dimensions as in the first."""
    sizes = []
    fixed = {dim: family.sizes[0][dim] for dim in dimensions(family)
             if dim not in dynamic}
    for size in family.sizes:
        changed = {**size, **fixed}
        if changed not in sizes:
            sizes.append(changed)
    return sizes


def tensors(family: Family, size: Size) -> tuple[torch.Tensor, ...]:
    return tuple(torch.from_numpy(array)
                 for array in family.arrays(size).values())


def dynamic_shapes(family: Family, model: nn.Module, dynamic) -> dict:
    """One entry for each parameter of forward, as torch.export wants them."""
    shapes = [{axis: dim for axis, dim in enumerate(value.shape)
               if dim in dynamic} for value in family.inputs]
    result = {}
    for parameter in inspect.signature(model.forward).parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            result[parameter.name] = tuple(shapes)
            break
        if shapes:
            result[parameter.name] = shapes.pop(0)
    return result


def export(family: Family, model: nn.Module, exporter: str,
           dynamic: tuple[str, ...], path: pathlib.Path) -> None:
    names = [value.name for value in family.inputs]
    shared = dict(input_names=names, opset_version=OPSETS[exporter])
    arguments = tensors(family, family.sizes[0])
    if exporter.startswith("dynamo"):
        torch.onnx.export(
            model, arguments, str(path), dynamo=True, external_data=False,
            dynamic_shapes=(dynamic_shapes(family, model, dynamic)
                            if dynamic else None), verbose=False, **shared)
        return
    axes = {value.name: {axis: dim for axis, dim in enumerate(value.shape)
                         if dim in dynamic} for value in family.inputs}
    torch.onnx.export(model, arguments, str(path), dynamo=False,
                      dynamic_axes={n: a for n, a in axes.items() if a},
                      **shared)


def strip(path: pathlib.Path) -> None:
    """Without what the exporters note for people: stack traces with paths."""
    model = onnx.load(path)
    graphs = [model.graph]
    model.ClearField("metadata_props")
    for graph in graphs:
        for part in (graph, *graph.node, *graph.value_info, *graph.initializer,
                     *graph.input, *graph.output):
            part.ClearField("metadata_props")
            part.ClearField("doc_string")
        graphs += [attribute.g for node in graph.node
                   for attribute in node.attribute if attribute.HasField("g")]
    onnx.save(model, path)


def check(family: Family, model: nn.Module, sizes: list[Size],
          path: pathlib.Path) -> None:
    """ONNX Runtime computes what torch does, at all sizes."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"])
    used = {value.name for value in session.get_inputs()}
    for size in sizes:
        arrays = family.arrays(size)
        got = session.run(None, {name: array for name, array in arrays.items()
                                 if name in used})
        expected = model(*tensors(family, size))
        if isinstance(expected, torch.Tensor):
            expected = (expected,)
        for want, have in zip(expected, got, strict=True):
            want = want.numpy()
            if want.shape != have.shape:
                raise ValueError(f"shape {have.shape} in ONNX Runtime, "
                                 f"{want.shape} in torch, at {size}")
            if not want.size:
                continue
            error = np.abs(want - have).max() / max(np.abs(want).max(), 1e-6)
            if not error <= TOLERANCE:
                raise ValueError(f"ONNX Runtime differs from torch by {error:.1e} "
                                 f"at {size}")


def first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:300]


def export_one(family: Family, exporter: str, path: pathlib.Path) -> dict:
    entry = {"family": family.name, "exporter": exporter,
             "inputs": [list(value) for value in family.inputs], "tried": []}
    for dynamic in levels(family):
        sizes = sizes_of(family, dynamic)
        try:
            model = make(family)
            export(family, model, exporter, dynamic, path)
            strip(path)
            check(family, model, sizes, path)
        except Exception as error:  # of the exporter: the next level
            entry["tried"].append(f"{', '.join(dynamic) or 'nothing'} dynamic: "
                                  f"{first_line(error)}")
            path.unlink(missing_ok=True)
            continue
        return entry | {"dynamic": list(dynamic), "sizes": sizes}
    return entry


def key_of(module) -> str:
    """Of the sources that an export is made from, and the versions."""
    digest = hashlib.sha256()
    for file in (HERE / "spec.py", HERE / "export.py",
                 pathlib.Path(module.__file__)):
        digest.update(file.read_bytes())
    digest.update(f"{torch.__version__} {transformers.__version__} "
                  f"{onnx.__version__}".encode())
    return digest.hexdigest()[:16]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--families", default="",
                        help="names, by commas (default: all)")
    parser.add_argument("--exporters", default=",".join(OPSETS))
    parser.add_argument("--again", action="store_true",
                        help="also what is there already")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.disable(logging.ERROR)
    options.output.mkdir(parents=True, exist_ok=True)
    chosen = options.families.split(",") if options.families else FAMILIES
    for name in chosen:
        family, module = FAMILIES[name]
        key = key_of(module)
        for exporter in options.exporters.split(","):
            path = options.output / f"{name}-{exporter}.onnx"
            record = path.with_suffix(".json")
            if record.exists() and not options.again:
                if json.loads(record.read_text())["key"] == key:
                    continue
            started = time.monotonic()
            with contextlib.ExitStack() as stack:
                if not options.verbose:  # the exporters report progress
                    stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
                    stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
                entry = export_one(family, exporter, path) | {"key": key}
            record.write_text(json.dumps(entry, indent=1) + "\n")
            what = (f"{', '.join(entry['dynamic']) or 'nothing'} dynamic"
                    if "sizes" in entry else "not exportable")
            print(f"{name} {exporter}: {what}, "
                  f"{time.monotonic() - started:.1f} s", flush=True)
            if options.verbose:
                print("\n".join(entry["tried"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())

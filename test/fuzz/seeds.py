# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the models that fuzzing starts from.

    python test/fuzz/seeds.py FOLDER               good and bad ones, one node each
    python test/fuzz/seeds.py --backend N FOLDER   N of ONNX's backend suite

Of the suite small cases are taken, in a fixed order of no meaning, each with
its inputs or with them as constants.
"""

import argparse
import pathlib
import sys
import tempfile
import zlib

import onnx
from onnx import helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "end-to-end"))
sys.path.insert(0, str(ROOT / "test" / "conformance"))
import _bad_models as models  # noqa: E402
from cases import load_cases  # noqa: E402

LARGEST = 1 << 13

UNARY = ("Relu", "Erf", "Tanh", "Softmax", "Transpose", "Flatten", "Shape",
         "Identity", "Sigmoid", "ReduceMean", "Cast", "Squeeze")


def with_constants(case, model: onnx.ModelProto) -> bytes:
    """The model with the inputs of its first data set as initializers."""
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    arrays, _ = next(iter(case.data(model)))
    names = {tensor.name for tensor in fixed.graph.initializer}
    inputs = [value for value in fixed.graph.input if value.name not in names]
    for value, array in zip(inputs, arrays):
        fixed.graph.initializer.append(
            numpy_helper.from_array(array, value.name))
        fixed.graph.input.remove(value)
    return fixed.SerializeToString()


def write_backend(target: pathlib.Path, count: int) -> None:
    cases = [(zlib.crc32(name.encode()), name, case)
             for name, case in load_cases().items() if case.kind != "real"]
    for order, name, case in sorted(cases)[:count]:
        model = case.model()
        data = model.SerializeToString()
        try:
            if order % 2:
                data = with_constants(case, model)
        except (TypeError, AttributeError, ValueError, StopIteration):
            pass  # sequences, and cases without data: as they are
        if len(data) <= LARGEST:
            (target / name.replace("/", "-")).write_bytes(data)


def write_import(target: pathlib.Path) -> None:
    (target / "linear").write_bytes(models.linear_proto().SerializeToString())
    for op in UNARY:
        attributes = {"to": 1} if op == "Cast" else {}
        node = helper.make_node(op, ["x"], ["y"], **attributes)
        (target / op).write_bytes(models.model([node]).SerializeToString())
    for name, make, *_ in models.CASES + models.ACCEPTED:
        with tempfile.TemporaryDirectory() as folder:
            data = make(pathlib.Path(folder)).read_bytes()
        if len(data) < 1 << 16:
            (target / name.replace(" ", "-").replace("/", "")).write_bytes(data)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", type=int, metavar="N")
    parser.add_argument("folder", type=pathlib.Path)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.backend:
        write_backend(options.folder, options.backend)
    else:
        write_import(options.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())

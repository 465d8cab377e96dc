# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The cases of the ONNX backend suite, as this runner sees them.

Node cases are built in memory by the onnx package, the others are files of the
package.  A case's model and data are made when it runs, not before.
"""

import functools
import pathlib
import warnings
import zlib
from typing import Any, Iterator, NamedTuple

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.loader import DATA_DIR, load_model_tests
from onnx.backend.test.runner import Runner

KINDS = ("node", "simple", "pytorch-converted", "pytorch-operator", "real")
Arrays = list[Any]


class Case(NamedTuple):
    name: str
    kind: str
    test: Any  # the onnx package's TestCase
    operator: str  # what it is counted under

    def in_eighth(self) -> bool:
        return zlib.crc32(self.name.encode()) % 8 == 0

    def model(self) -> onnx.ModelProto:
        return _load(self.test)

    def data(self, model: onnx.ModelProto) -> Iterator[tuple[Arrays, Arrays]]:
        """Pairs of inputs and expected outputs, in the graph's order."""
        if self.test.data_sets is not None:
            for inputs, outputs in self.test.data_sets:
                yield [_array(value) for value in inputs], [
                    _array(value) for value in outputs]
        elif self.test.url:
            yield _light_data(self.test, model)
        else:
            for folder in sorted(pathlib.Path(self.test.model_dir).glob(
                    "test_data_set*")):
                yield (_read(folder, "input", model.graph.input),
                       _read(folder, "output", model.graph.output))

    def compare(self, expected: Arrays, got: Arrays) -> None:
        """The suite's own comparison; AssertionError when they differ.  It is
        for tensors: those of a sequence are compared one by one."""
        assert len(expected) == len(got), f"{len(got)} values"
        for want, value in zip(expected, got):
            assert isinstance(want, list) == isinstance(value, list), \
                f"expected {type(want).__name__}, got {type(value).__name__}"
            assert (want is None) == (value is None), f"expected {want}"
            if isinstance(want, list):
                self.compare(want, value)
            elif want is not None:
                Runner.assert_similar_outputs([want], [value], self.test.rtol,
                                              self.test.atol)


@functools.cache
def load_cases() -> dict[str, Case]:
    cases = {}
    with warnings.catch_warnings():
        # The suite divides by zero and overflows on purpose.
        warnings.simplefilter("ignore")
        tests = [(kind, test) for kind in KINDS
                 for test in load_model_tests(kind=kind)]
    for kind, test in tests:
        name = test.name if kind == "node" else f"{kind}/{test.name}"
        cases[name] = Case(name, kind, test, kind)
    for name, case in cases.items():
        if case.kind == "node":
            cases[name] = case._replace(operator=_operator(name, cases))
    return cases


def _operator(name: str, cases: dict[str, Case]) -> str:
    """A case that is expanded into a function's body counts for the function."""
    base = name.partition("_expanded")[0]
    if base != name and base not in cases:
        base = next((other for other in cases if other.startswith(base)), name)
    nodes = cases[base].test.model.graph.node
    node = nodes[0] if len(nodes) == 1 else nodes[-1]
    return node.op_type if not node.domain else f"{node.domain}.{node.op_type}"


def _load(test: Any) -> onnx.ModelProto:
    if test.model is not None:
        return test.model
    return onnx.load(_light(test) if test.url
                     else pathlib.Path(test.model_dir) / "model.onnx")


def _light(test: Any) -> pathlib.Path:
    """The wheel has small versions of the real models, with their data."""
    return pathlib.Path(DATA_DIR) / "light" / pathlib.Path(test.url).name


def _light_data(test: Any, model: onnx.ModelProto) -> tuple[Arrays, Arrays]:
    path = _light(test)
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [Runner.generate_dummy_data(value, seed=0, name=test.model_name)
              for value in model.graph.input if value.name not in weights]
    stored = path.with_name(path.stem + "_output_0.pb").read_bytes()
    return inputs, [numpy_helper.to_array(onnx.TensorProto.FromString(stored))]


def _read(folder: pathlib.Path, what: str, values: Any) -> Arrays:
    files = sorted(folder.glob(f"{what}_*.pb"),
                   key=lambda path: int(path.stem.split("_")[-1]))
    arrays = []
    for path, value in zip(files, values):
        kind, data = value.type.WhichOneof("value"), path.read_bytes()
        if kind == "sequence_type":
            arrays.append(numpy_helper.to_list(
                onnx.SequenceProto.FromString(data)))
        elif kind == "optional_type":
            arrays.append(numpy_helper.to_optional(
                onnx.OptionalProto.FromString(data)))
        else:
            arrays.append(numpy_helper.to_array(
                onnx.TensorProto.FromString(data)))
    return arrays


def _array(value: Any) -> Any:
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    if isinstance(value, (list, tuple)):
        return [_array(item) for item in value]
    if value is None or isinstance(value, np.ndarray):
        return value
    return np.asarray(value)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""quantc: compiles ONNX models to small, fast native libraries.

    import quantc
    quantc.compile("model.onnx", "model.so", recipe="w8a8-dynamic")
    model = quantc.load("model.so")
    outputs = model.run({"input_ids": ids, "attention_mask": mask})

A decoder's cache grows in buffers of a fixed size:

    cache = decoder.cache(256, batch=1)
    outputs = decoder.run({"input_ids": ids}, cache=cache)

Every failure is a quantc.Error with one line that says what is wrong.
"""

import contextlib
import json
import os
import pathlib
import tempfile
import zipfile
from typing import Any, Iterator, Mapping, NamedTuple, Sequence

import numpy as np

from . import _core, allocation, solvers
from ._core import Error

__all__ = ["Cache", "Error", "Model", "Pair", "Value", "allocation",
           "calibrate", "compare", "compile", "load", "merge_statistics", "solvers"]


# Types of the ml_dtypes package, with what carries their bits.
WORDS = {"bfloat16": np.uint16} | dict.fromkeys((
    "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz",
    "float8_e8m0fnu", "float6_e2m3fn", "float6_e3m2fn", "float4_e2m1fn",
    "int4", "uint4", "int2", "uint2"), np.uint8)


class Value(NamedTuple):
    """One input or output: named dimensions are strings, fixed ones numbers.

    `kind` is "tensor"; "sequence", whose `shape` is a tuple of its tensors'
    shapes; or "optional", an output that may be None.
    """
    name: str
    dtype: str
    shape: tuple
    kind: str = "tensor"


class Pair(NamedTuple):
    """The two ends of a cache: `output` is `input` with more rows along
    `axis`."""
    input: str
    output: str
    axis: int


class _Entry(NamedTuple):
    name: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    caches: tuple[Pair, ...]


class Cache:
    """What a decoder remembers, in buffers that its runs append to in place.

    Made by Model.cache.  `pairs` tells what is kept, `buffers` holds the arrays
    by the name of the input; their first `length` rows along the growing
    dimension are in use.  Setting `length` to less forgets the last rows.
    """

    def __init__(self, entry: _Entry, capacity: int, dims: Mapping[str, int]):
        if not entry.caches:
            raise _refused(f"entry point '{entry.name}' has no cache: no "
                           "output is an input with more rows")
        inputs = {value.name: value for value in entry.inputs}
        self.capacity = capacity
        self.buffers: dict[str, np.ndarray] = {}
        self.pairs = entry.caches
        self._length = 0
        for pair in entry.caches:
            value = inputs[pair.input]
            shape = [capacity if axis == pair.axis else dims.get(dim, dim)
                     for axis, dim in enumerate(value.shape)]
            for dim in shape:
                if not isinstance(dim, int):
                    raise _refused(f"cache '{pair.input}' needs the size of "
                                   f"its dimension '{dim}': cache({capacity}, "
                                   f"{dim}=...)", 2)
            dtype = np.uint16 if value.dtype == "bfloat16" else value.dtype
            self.buffers[pair.input] = np.zeros(shape, dtype)

    @property
    def length(self) -> int:
        return self._length

    @length.setter
    def length(self, rows: int) -> None:
        if not 0 <= rows <= self._length:
            raise _refused(f"expected a length from 0 to {self._length}, "
                           f"got {rows}", 2)
        self._length = rows

    def __getitem__(self, name: str) -> np.ndarray:
        """The rows in use, by the name of the input or the output."""
        for pair in self.pairs:
            if name in (pair.input, pair.output):
                part = [slice(None)] * pair.axis + [slice(self._length)]
                return self.buffers[pair.input][tuple(part)]
        raise KeyError(name)


class Model:
    """A compiled model.  It may be used from several threads at once."""

    def __init__(self, path: str | os.PathLike):
        self._model = _core.Model(os.fspath(path))
        self._entries = {
            name: _Entry(name, tuple(Value(*value) for value in inputs),
                         tuple(Value(*value) for value in outputs),
                         tuple(Pair(*pair) for pair in caches))
            for name, inputs, outputs, caches in self._model.entries()}
        self._first = next(iter(self._entries.values()))

    @property
    def entries(self) -> tuple[str, ...]:
        """The names of the entry points; the first is what run takes."""
        return tuple(self._entries)

    @property
    def inputs(self) -> tuple[Value, ...]:
        return self._first.inputs

    @property
    def outputs(self) -> tuple[Value, ...]:
        return self._first.outputs

    @property
    def metadata(self) -> dict[str, str]:
        """Recipe, hashes and the like."""
        return self._model.metadata()

    def cache(self, capacity: int, entry: str | None = None,
              **dims: int) -> Cache:
        """An empty cache with room for `capacity` rows; `dims` gives the other
        named dimensions of the model's cache inputs a size: `batch=1`."""
        return Cache(self._entry(entry), capacity, dims)

    def run(self, inputs: Mapping[str, Any], threads: int | None = None,
            entry: str | None = None,
            cache: Cache | None = None) -> dict[str, Any]:
        """Runs the model and returns its outputs by name.

        Inputs are arrays of exactly the model's element types (those that
        NumPy lacks: of ml_dtypes, or words of their bits, one element each);
        contiguous ones of at least a byte are not copied.  A sequence is a list
        of arrays, an optional that is absent None.  `threads` None means all
        CPUs of the process; results do not depend on it.  `cache` takes the
        place of its inputs and outputs: the run appends to it.
        """
        known = {value.name: value for value in self._entry(entry).inputs}
        arrays = []
        for name, value in inputs.items():
            spec = known.get(name)
            is_list = spec is not None and spec.kind == "sequence"
            if value is not None:
                arrays.append((name, [
                    _array(name, part, spec and spec.dtype)
                    for part in (value if is_list else [value])]))
        buffers = [] if cache is None else [
            (name, buffer, cache.length)
            for name, buffer in cache.buffers.items()]
        results = self._model.run(entry or "", arrays, buffers, threads or 0)
        outputs = {}
        for value, result in zip(self._entry(entry).outputs, results):
            if isinstance(result, int):
                cache._length = result
            elif isinstance(result, list):
                outputs[value.name] = [_typed(part, value.dtype)
                                       for part in result]
            else:
                outputs[value.name] = (None if result is None
                                       else _typed(result, value.dtype))
        return outputs

    def _entry(self, name: str | None) -> _Entry:
        if not name:
            return self._first
        if name not in self._entries:
            raise _refused(f"no entry point '{name}'; expected one of "
                           f"{', '.join(self._entries)}")
        return self._entries[name]


def _array(name: str, value: Any, wanted: str | None) -> np.ndarray:
    array = np.ascontiguousarray(value) if np.ndim(value) else np.asarray(value)
    if array.dtype.name in WORDS:
        if array.dtype.name != wanted and wanted is not None:
            raise _refused(f"expected input '{name}' to be of {wanted}, got "
                           f"{array.dtype.name}")
        return array.view(WORDS[array.dtype.name])
    if array.dtype.hasobject or array.dtype.kind in "USVMm":
        raise _refused(f"input '{name}' has dtype {array.dtype}, which no "
                       "model takes")
    if not array.dtype.isnative:
        return array.astype(array.dtype.newbyteorder("="))
    return array


def _typed(array: np.ndarray, dtype: str) -> np.ndarray:
    if dtype not in WORDS:
        return array
    import ml_dtypes
    return array.view(getattr(ml_dtypes, dtype))


def _refused(message: str, status: int = 1) -> Error:
    error = Error(message)
    error.status = status
    return error


def load(path: str | os.PathLike) -> Model:
    """Loads a library that `compile` wrote.  Its code runs in this process:
    only load files you trust."""
    return Model(path)


def compile(model: Any, output: str | os.PathLike, recipe: str = "fp32",
            mcpu: str = "native", mattr: str = "", weights: str = "",
            threads: int = 0, calib: Any = "",
            stats: str | os.PathLike = "", budget: str = "",
            bind: Mapping[str, Any] | None = None,
            dims: Mapping[str, int] | None = None) -> None:
    """Compiles a model.

    `model` is a path (.onnx, .onnxtxt, .mlir, .mlirbc), an onnx.ModelProto or
    the bytes of one.  The suffix of `output` says what is written: .so, .mlir
    or .mlirbc.  `calib` are samples, as for `calibrate`, or `stats` the file
    that it wrote; `budget` is for the recipe auto.  On an error nothing is left
    at `output`, and a file that was there stays.

    `dims` fixes named dimensions.  `bind` decides inputs of an ONNX model before
    the run: the number or array of a tensor, which then is no input of the
    library; the length of a sequence, or a list of its tensors' shapes with None
    for a dimension that stays free; None for an optional that is absent.
    """
    path, data = _source(model)
    with _data_path(calib) as samples:
        _core.compile(path, data, os.fspath(output), recipe, mcpu, mattr,
                      weights, threads, samples, os.fspath(stats), budget,
                      [(name, _binding(value))
                       for name, value in (bind or {}).items()],
                      list((dims or {}).items()))


def _binding(value: Any) -> str:
    """A value of `bind` as --bind takes it."""
    if value is None:
        return "none"
    if isinstance(value, (list, tuple)) and all(
            isinstance(shape, (list, tuple)) for shape in value):
        return ",".join(
            "[" + ",".join("?" if dim is None else str(dim) for dim in shape)
            + "]" for shape in value)
    array = np.asarray(value)
    convert = float if array.dtype.kind == "f" else int
    return ",".join(str(convert(number)) for number in array.ravel())


def calibrate(model: Any, output: str | os.PathLike, calib: Any,
              recipe: str = "fp32", entry: str = "", observers: Sequence[str] = (),
              samples: int = 0, threads: int = 0) -> int:
    """Measures the values inside a model on data, and writes the statistics to
    the file `output` (.safetensors).  Returns the number of samples.

    `calib` is a path (.npz, .npy, a folder of them or of test_data_set_*
    folders), "synthetic" or "synthetic:SEED", or a mapping from input names to
    arrays whose leading axis counts samples.  `recipe` is the one that will be
    compiled with: its rewrites come before the measurement.  `observers`
    selects statistics, `samples` is the most that are used.  Results do not depend on `threads`.
    """
    path, data = _source(model)
    with _data_path(calib) as file:
        return _core.calibrate(path, data, file, os.fspath(output), recipe,
                               entry, list(observers), samples, threads)


def merge_statistics(files: Sequence[str | os.PathLike],
                     output: str | os.PathLike) -> None:
    """Adds up statistics that `calibrate` measured on parts of the data."""
    _core.merge_statistics([os.fspath(file) for file in files],
                           os.fspath(output))


def compare(reference: str | os.PathLike, candidate: str | os.PathLike,
            data: Any, per_layer: bool = False, recipe: str | None = None,
            calib: Any = "", stats: str | os.PathLike = "", budget: str = "",
            entry: str = "", threads: int = 0) -> dict[str, Any]:
    """How far two models lie apart on data (a path or a mapping, as `calib`
    of `calibrate`): what `quantc compare --json` prints, as a dictionary.

    Without `per_layer` both are libraries, or models that the reference
    interpreter runs.  With it both are models; the candidate is compiled with
    `recipe`, `calib` or `stats`, and `budget`, and "layers" lists what each
    layer loses, the worst first.
    """
    with _data_path(data) as samples, _data_path(calib) as calibration:
        if not per_layer and (recipe or calibration or stats or budget):
            raise _refused("recipe, calib, stats and budget are for per_layer",
                           2)
        return json.loads(_core.compare(
            os.fspath(reference), os.fspath(candidate), samples, per_layer,
            recipe or "", calibration, os.fspath(stats), budget, entry,
            threads))


@contextlib.contextmanager
def _data_path(data: Any) -> Iterator[str]:
    """A path, or that of a temporary file with the arrays of a mapping."""
    if not isinstance(data, Mapping):
        yield os.fspath(data)
        return
    arrays = {name: np.asarray(value) for name, value in data.items()}
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise _refused(f"input '{name}' has dtype {array.dtype}, which no "
                           "model takes")
    with tempfile.TemporaryDirectory(prefix="quantc-calib-") as folder:
        file = str(pathlib.Path(folder) / "data.npz")
        with zipfile.ZipFile(file, "w") as archive:
            for name, array in arrays.items():
                with archive.open(name + ".npy", "w",
                                  force_zip64=True) as member:
                    np.lib.format.write_array(member, array,
                                              allow_pickle=False)
        yield file


def _source(model: Any) -> tuple[str, bytes]:
    """A path, or the bytes of a ModelProto; the other is empty."""
    path, data = "", b""
    if isinstance(model, (str, os.PathLike)):
        path = os.fspath(model)
    elif isinstance(model, (bytes, bytearray, memoryview)):
        data = bytes(model)
    elif hasattr(model, "SerializeToString"):
        data = model.SerializeToString()
    else:
        raise _refused("expected a path, an onnx.ModelProto or bytes, got "
                       f"{type(model).__name__}", 2)
    if not path and not data:
        raise _refused("the model is empty")
    return path, data

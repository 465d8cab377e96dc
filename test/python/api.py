# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# RUN: %python %s %t
"""quantc.compile and quantc.load: values, types, errors, threads."""

import concurrent.futures
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import quantc
from _refused import refused

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
N = 8


def model(scale: float) -> onnx.ModelProto:
    value = helper.make_tensor_value_info
    weight = scale * np.eye(N, dtype=np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], "g",
        [value("x", TensorProto.FLOAT, ["batch", N])],
        [value("y", TensorProto.FLOAT, ["batch", N])],
        [numpy_helper.from_array(weight, "w")])
    return helper.make_model(graph, ir_version=10,
                             opset_imports=[helper.make_opsetid("", 20)])


# A ModelProto, bytes and a path give the same file.
library = folder / "m.so"
quantc.compile(model(2), library)
first = library.read_bytes()
quantc.compile(model(2).SerializeToString(), library)
assert library.read_bytes() == first
(folder / "m.onnx").write_bytes(model(2).SerializeToString())
quantc.compile(folder / "m.onnx", str(library), recipe="fp32", threads=1)

loaded = quantc.load(library)
assert loaded.inputs == (quantc.Value("x", "float32", ("batch", N)),)
assert loaded.outputs == (quantc.Value("y", "float32", ("batch", N)),)
assert loaded.metadata["quantc.recipe"] == "fp32", loaded.metadata

# Any layout and byte order of the right type, any batch, any threads.
rng = np.random.default_rng(0)
for batch in (1, 3, 65):
    x = rng.standard_normal((batch, N)).astype(np.float32)
    readonly = x.copy()
    readonly.flags.writeable = False
    for given in (x, readonly, np.asfortranarray(x), x.astype(">f4"),
                  np.repeat(x, 2, axis=1)[:, ::2]):
        for threads in (None, 1, 2):
            y = loaded.run({"x": given}, threads=threads)["y"]
            assert y.dtype == np.float32 and y.shape == (batch, N)
            assert np.array_equal(y, 2 * x)

# An output is the caller's own: a later run leaves it alone.
one = loaded.run({"x": np.ones((2, N), np.float32)})["y"]
loaded.run({"x": np.zeros((2, N), np.float32)})
assert (one == 2).all()

# A file that was replaced is loaded anew; the old model goes on working.
quantc.compile(model(3), library)
assert (quantc.load(library).run({"x": np.ones((1, N), np.float32)})["y"]
        == 3).all()
assert (loaded.run({"x": np.ones((1, N), np.float32)})["y"] == 2).all()

# One model from many threads at once.
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    inputs = [np.full((i % 5 + 1, N), i, np.float32) for i in range(200)]
    for x, y in zip(inputs, pool.map(lambda x: loaded.run({"x": x}), inputs)):
        assert np.array_equal(y["y"], 2 * x)

good = np.zeros((1, N), np.float32)
refused(lambda: loaded.run({}), 1, "'x'")
refused(lambda: loaded.run({"z": good}), 1, "'z'")
refused(lambda: loaded.run({"x": good.astype(np.float64)}), 1, "'x'",
        "float64")
refused(lambda: loaded.run({"x": good[0]}), 1, "'x'")
refused(lambda: loaded.run({"x": np.zeros((1, N + 1), np.float32)}), 1, "'x'")
refused(lambda: loaded.run({"x": np.array([{}])}), 1, "'x'")
refused(lambda: loaded.run({"x": good}, entry="other"), 1, "'other'")
refused(lambda: quantc.load(folder / "none.so"), 4, "none.so")
refused(lambda: quantc.load(folder / "m.onnx"), 1)
refused(lambda: quantc.compile(b"junk", library), 1)
refused(lambda: quantc.compile(b"", library), 1)
refused(lambda: quantc.compile(3, library), 2)
refused(lambda: quantc.compile(model(1), library, recipe="none"), 2, "none")
refused(lambda: quantc.compile(folder / "none.onnx", library), 4)
refused(lambda: quantc.compile(model(1), folder / "no" / "m.so"), 4)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# RUN: %python %s %t
"""Model.cache: caches of any element type that grow in place."""

import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper

import quantc
from _refused import refused

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
HEADS, WIDTH = 3, 4


def model(element: int, declared: bool = True) -> onnx.ModelProto:
    """present = past ++ -x, and y reads all of it."""
    value = helper.make_tensor_value_info
    nodes = [helper.make_node("Neg", ["x"], ["rows"]),
             helper.make_node("Concat", ["past", "rows"] if declared
                              else ["rows", "past"], ["present"], axis=2),
             helper.make_node("Abs", ["present"], ["y"])]
    graph = helper.make_graph(
        nodes, "g",
        [value("x", element, ["batch", HEADS, "n", WIDTH]),
         value("past", element, ["batch", HEADS, "past", WIDTH])],
        [value("y", element, ["batch", HEADS, None, WIDTH]),
         value("present", element, ["batch", HEADS, None, WIDTH])])
    return helper.make_model(graph, ir_version=10,
                             opset_imports=[helper.make_opsetid("", 20)])


rng = np.random.default_rng(0)
library = folder / "m.so"
for element, dtype in ((TensorProto.FLOAT, np.float32),
                       (TensorProto.FLOAT16, np.float16),
                       (TensorProto.INT8, np.int8),
                       (TensorProto.INT64, np.int64)):
    quantc.compile(model(element), library)
    loaded = quantc.load(library)
    for batch in (1, 2):
        cache = loaded.cache(10, batch=batch)
        assert cache.pairs == (quantc.Pair("past", "present", 2),)
        copied = np.zeros((batch, HEADS, 0, WIDTH), dtype)
        for count in (3, 1, 0, 4, 2):
            x = (100 * rng.standard_normal((batch, HEADS, count, WIDTH))
                 ).astype(dtype)
            want = loaded.run({"x": x, "past": copied})
            copied = want["present"]
            got = loaded.run({"x": x}, cache=cache, threads=1)
            assert set(got) == {"y"}
            assert got["y"].tobytes() == want["y"].tobytes()
            assert cache["present"].tobytes() == copied.tobytes()
            assert cache["past"].base is cache.buffers["past"]
        assert np.array_equal(copied[:, :, -2:], -x)
        assert cache.length == 10

# A full cache is left as it was; forgetting rows makes room.
x = np.ones((2, HEADS, 1, WIDTH), np.int64)
before = cache.buffers["past"].copy()
refused(lambda: loaded.run({"x": x}, cache=cache), 1, "'present'",
        "room for 10")
assert cache.length == 10
assert np.array_equal(before, cache.buffers["past"])
cache.length = 4
y = loaded.run({"x": x}, cache=cache)["y"]
assert cache.length == 5 and y.shape[2] == 5 and (y[:, :, 4] == 1).all()
assert np.array_equal(before[:, :, 5:], cache.buffers["past"][:, :, 5:])


def set_length(rows: int) -> None:
    cache.length = rows


refused(lambda: set_length(6), 2, "from 0 to 5")
refused(lambda: set_length(-1), 2)
refused(lambda: loaded.cache(10), 2, "'batch'")
refused(lambda: loaded.run({"x": x[:1]}, cache=cache), 1, "'batch'")
refused(lambda: loaded.run({"x": x, "past": before}, cache=cache), 1,
        "twice")
refused(lambda: loaded.cache(10, entry="other", batch=1), 1, "'other'")
other = loaded.cache(10, batch=2)
other.buffers["past"] = other.buffers["past"].astype(np.int32)
refused(lambda: loaded.run({"x": x}, cache=other), 1, "'past'")

# New rows in front are no cache: nothing stays where it is.
quantc.compile(model(TensorProto.FLOAT, declared=False), library)
refused(lambda: quantc.load(library).cache(10, batch=1), 1, "no cache")

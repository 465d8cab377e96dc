# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# RUN: %python %s %t
"""quantc.calibrate: forms of data, what is refused, statistics by numpy."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors import safe_open

import quantc
from _refused import refused

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
N, M = 6, 5
rng = np.random.default_rng(0)
weight = rng.standard_normal((N, M)).astype(np.float32)


def save(name: str, array: np.ndarray) -> pathlib.Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array)
    return path


def model(scale: float = 1) -> onnx.ModelProto:
    """y = relu(scale * x + c) @ w, seen from node "act"."""
    value = helper.make_tensor_value_info
    nodes = [helper.make_node("Mul", ["x", "s"], ["m"], name="mul"),
             helper.make_node("Add", ["m", "c"], ["a"], name="add"),
             helper.make_node("Relu", ["a"], ["r"], name="act"),
             helper.make_node("MatMul", ["r", "w"], ["y"], name="product")]
    graph = helper.make_graph(
        nodes, "g",
        [value("x", TensorProto.FLOAT, ["batch", "rows", N]),
         value("c", TensorProto.FLOAT, [])],
        [value("y", TensorProto.FLOAT, ["batch", "rows", M])],
        [numpy_helper.from_array(weight, "w"),
         numpy_helper.from_array(np.float32(scale), "s")])
    return helper.make_model(graph, ir_version=10,
                             opset_imports=[helper.make_opsetid("", 20)])


def sums(file, name: str) -> np.ndarray:
    high, low = (file.get_tensor(f"{name}.{part}").astype(np.float64)
                 for part in ("high", "low"))
    bins = file.get_tensor(f"{name}.bins").astype(np.int64)
    return np.ldexp(high, 32 * bins) + np.ldexp(low, 32 * (bins - 1))


# Every statistic of the one point against numpy.
x = (rng.standard_normal((7, 9, N)) * 10.0 ** np.arange(-2, N - 2)
     ).astype(np.float32)
c = np.float32(0.25)
stats = folder / "whole.safetensors"
assert quantc.calibrate(model(), stats, {"x": x, "c": c}) == 7
values = np.maximum(x + c, np.float32(0)).reshape(-1, N)
with safe_open(stats, "np") as file:
    points = file.metadata()["quantc.points"].splitlines()
    assert len(points) == 1, points
    key, observers, point = points[0].split(" ", 2)
    assert len(key) == 32 and point == "act", points
    assert observers == "channel-absmax,histogram,min-max,second-moment"
    assert file.metadata()["quantc.samples"] == "7"
    np.testing.assert_array_equal(file.get_tensor("act/min-max/range"),
                                  [values.min(), values.max()])
    assert file.get_tensor("act/min-max/count") == values.size
    np.testing.assert_array_equal(
        file.get_tensor("act/channel-absmax/maxima"), values.max(0))
    bins, counts = np.unique(values.view(np.uint32).ravel() >> 16,
                             return_counts=True)
    np.testing.assert_array_equal(file.get_tensor("act/histogram/bins"), bins)
    np.testing.assert_array_equal(file.get_tensor("act/histogram/counts"),
                                  counts)
    exact = values.astype(np.float64).T @ values.astype(np.float64)
    size = np.sqrt(np.outer(np.diag(exact), np.diag(exact)))
    got = sums(file, "act/second-moment/triangle")
    assert np.all(np.abs(got - exact[np.tril_indices(N)])
                  <= 1e-6 * size[np.tril_indices(N)])
    np.testing.assert_allclose(sums(file, "act/second-moment/sum"),
                               values.astype(np.float64).sum(0), rtol=1e-7)
    assert file.get_tensor("act/second-moment/count") == len(values)

# The same from an .npz, halves, a folder, and one .npy by C or Fortran order.
whole = stats.read_bytes()
other = folder / "other.safetensors"
np.savez_compressed(folder / "all.npz", x=x, c=c)
quantc.calibrate(model(), other, folder / "all.npz", threads=1)
assert other.read_bytes() == whole
parts = []
for i, cut in enumerate((slice(0, 3), slice(3, 7))):
    parts.append(folder / f"part{i}.safetensors")
    quantc.calibrate(model(), parts[-1], {"x": x[cut], "c": c})
quantc.merge_statistics(parts, other)
assert other.read_bytes() == whole
quantc.merge_statistics(parts[::-1], other)
assert other.read_bytes() == whole
for i in range(7):
    (folder / "many").mkdir(exist_ok=True)
    np.savez(folder / "many" / f"s{i}.npz", x=np.asfortranarray(x[i:i + 1]),
             c=c)
quantc.calibrate(model(), other, folder / "many")
assert other.read_bytes() == whole
assert quantc.calibrate(model(), other, folder / "many", samples=3) == 3
assert other.read_bytes() == parts[0].read_bytes()

# test_data_set_* folders, ten of them: by number, by name or by position.
for i in range(7):
    sets = folder / "sets" / f"test_data_set_{i + 5}"
    sets.mkdir(parents=True, exist_ok=True)
    names = [("", x[i:i + 1]), ("", c)] if i % 2 else [("c", c),
                                                       ("x", x[i:i + 1])]
    for j, (name, array) in enumerate(names):
        (sets / f"input_{j}.pb").write_bytes(
            numpy_helper.from_array(np.asarray(array), name)
            .SerializeToString())
quantc.calibrate(model(), other, folder / "sets")
assert other.read_bytes() == whole
assert quantc.calibrate(model(), other, folder / "sets/test_data_set_5") == 1


def check_recurrent(layers: int) -> None:
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("ReduceSum", ["state", "first"], ["t"], keepdims=0),
         helper.make_node("Add", ["x", "t"], ["a"]),
         helper.make_node("Relu", ["a"], ["r"], name="act"),
         helper.make_node("MatMul", ["r", "w"], ["y"], name="product")],
        "g", [value("state", TensorProto.FLOAT, [layers, "batch", N]),
              value("x", TensorProto.FLOAT, ["batch", N])],
        [value("y", TensorProto.FLOAT, ["batch", M])],
        [numpy_helper.from_array(weight, "w"),
         numpy_helper.from_array(np.array([0]), "first")])
    recurrent = helper.make_model(graph, ir_version=10, opset_imports=[
        helper.make_opsetid("", 20)])
    state = rng.standard_normal((layers, 7, N)).astype(np.float32)
    row = x[:, 0]
    forms = [{"x": row, "state": state},
             {"x": row, "state": np.asfortranarray(state)},
             {"x": row[:, None], "state": np.moveaxis(state, 1, 0)[:, :, None]}]
    if layers == 1:
        forms.append({"x": row, "state": np.moveaxis(state, 1, 0)})
    made = set()
    for form in forms:
        assert quantc.calibrate(recurrent, other, form) == 7
        made.add(other.read_bytes())
    assert len(made) == 1
    values = np.maximum(row + state.sum(0), np.float32(0))
    with safe_open(other, "np") as file:
        np.testing.assert_allclose(file.get_tensor("act/min-max/range"),
                                   [values.min(), values.max()], rtol=1e-6)
    refused(lambda: quantc.calibrate(recurrent, other, {
        "x": row, "state": state[:, :6]}), 1, "'x'", "6 samples, got 7")


# A recurrent state has the batch second.
for layers in (1, 2):
    check_recurrent(layers)

# Synthetic data is the same every time, and differs by seed.
for name, text in (("a", "synthetic"), ("b", "synthetic:0"),
                   ("c", "synthetic:1")):
    quantc.calibrate(model(), folder / name, text, samples=4,
                     observers=["min-max"])
assert (folder / "a").read_bytes() == (folder / "b").read_bytes()
assert (folder / "a").read_bytes() != (folder / "c").read_bytes()
with safe_open(folder / "a", "np") as file:
    assert list(file.keys()) == ["act/min-max/count", "act/min-max/range"]

# A recipe's rewrites count, its formats do not.
quantc.calibrate(model(), other, {"x": x, "c": c}, recipe="w8a8-dynamic")
assert other.read_bytes() == whole
(folder / "r.yaml").write_text("quantc: 1\nbase: fp32\n"
                               "rewrites: ['no-such-pass']\n")
refused(lambda: quantc.calibrate(model(), other, {"x": x, "c": c},
                                 recipe=str(folder / "r.yaml")), 1,
        "no-such-pass")

# Keys: another weight after the point changes nothing, one before it does.
quantc.calibrate(model(2), other, {"x": x, "c": c})
refused(lambda: quantc.merge_statistics([stats, other], folder / "no"), 1,
        "'act' are stale", "calibrate again")
assert not (folder / "no").exists()


# Refused, with sample and input, and nothing is written.
def calibrate(data, **options):
    quantc.calibrate(model(), folder / "no", data, **options)


def wrong(x=x, **inputs):
    return lambda: calibrate({"x": x, "c": c, **inputs})


bad = x.copy()
bad[5, 2, 1] = np.nan
refused(wrong(bad), 1, "sample 5", "'x'", "NaN", "[0, 2, 1]")
bad[5, 2, 1] = -np.inf
refused(wrong(bad), 1, "sample 5", "'x'", "infinite")
bad[5, 2, 1] = 2e30
bad[5, 3, 1] = -3e38
refused(wrong(bad), 1, "sample 5", "'x'", "beyond 1e30", "1 more place")
refused(wrong(c=np.float32(np.inf)), 1, "sample 0", "'c'", "infinite")
refused(wrong(c=np.float32(9e29), x=x * 0 + np.float32(9e29)), 1, "sample 0",
        "'act'", "1.8")
refused(wrong(x.astype(np.float64)), 1, "'x'", "float32", "float64")
refused(wrong(x[0, 0]), 1, "'x'", "shape")
refused(wrong(x[:, :, :3]), 1, "sample 0", "'x'")
refused(wrong(extra=c), 1, "no input 'extra'")
refused(lambda: calibrate({"x": x}), 1, "'c' is missing")
refused(wrong(np.array([[{}]], object)), 1, "'x'", "object")
np.savez(folder / "pickle.npz", x=np.array([{}], object), c=c)
refused(lambda: calibrate(folder / "pickle.npz"), 1, "pickle.npz", "objects",
        "save numbers")
refused(wrong(x[:0]), 1, "no sample")
refused(lambda: calibrate(save("one.npy", x)), 1, "2 inputs", ".npz")
refused(lambda: calibrate(folder / "none.npz"), 4, "none.npz")
refused(lambda: calibrate("synthetic:x"), 2, "synthetic:SEED")
refused(lambda: calibrate("synthetic", observers=["mean"]), 1, "'mean'")
(folder / "empty").mkdir(exist_ok=True)
refused(lambda: calibrate(folder / "empty"), 1, "test_data_set_*")
(folder / "sets2/test_data_set_0").mkdir(parents=True, exist_ok=True)
refused(lambda: calibrate(folder / "sets2"), 1, "input_0.pb")
(folder / "sets2/test_data_set_0/input_0.pb").write_bytes(b"\xff\xff")
refused(lambda: calibrate(folder / "sets2"), 1, "TensorProto")
damaged = bytearray((folder / "all.npz").read_bytes())
damaged[len(damaged) // 3] ^= 0x10
(folder / "damaged.npz").write_bytes(damaged)
refused(lambda: calibrate(folder / "damaged.npz"), 1, "damaged.npz")
refused(lambda: quantc.merge_statistics([folder / "all.npz", stats], other), 1,
        "not a safetensors file")
nothing = helper.make_model(helper.make_graph(
    [helper.make_node("Relu", ["x"], ["y"])], "g",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])]),
    ir_version=10, opset_imports=[helper.make_opsetid("", 20)])
refused(lambda: quantc.calibrate(nothing, folder / "no", "synthetic"), 1,
        "nothing to observe")
assert not (folder / "no").exists()

# Data is streamed: memory does not grow with the samples.
script = """
import resource, sys, quantc
quantc.calibrate(sys.argv[1], sys.argv[2], sys.argv[3], threads=1)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
(folder / "m.onnx").write_bytes(model().SerializeToString())


def peak(samples: int) -> int:
    big = np.zeros((samples, 4096, N), np.float32)
    np.savez_compressed(folder / "big.npz", x=big, c=c)
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder / "m.onnx"), str(other),
         str(folder / "big.npz")], capture_output=True, text=True, check=True)
    return int(done.stdout)


few, many = peak(4), peak(800)
assert many < few + 20_000, (few, many)

# The command line does the same.
done = subprocess.run(
    ["quantc", "calibrate", str(folder / "m.onnx"), "--calib",
     str(folder / "all.npz"), "-o", str(other), "--json"],
    capture_output=True, text=True, check=True)
summary = json.loads(done.stdout)
assert summary["samples"] == 7 and summary["points"][0]["name"] == "act"
assert summary["points"][0]["max"] == float(values.max())
quantc.calibrate(folder / "m.onnx", stats, folder / "all.npz")
assert other.read_bytes() == stats.read_bytes()
done = subprocess.run(
    ["quantc", "calibrate", "--merge", *map(str, parts), "-o", str(other)],
    capture_output=True, text=True, check=True)
assert "1 points, 7 samples" in done.stdout, done.stdout

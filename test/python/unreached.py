# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# RUN: %python %s %t
"""A layer that no sample reaches: as without data, by rows and to nearest."""

import pathlib
import sys

import numpy as np
import onnx
import onnx.numpy_helper
import onnx.parser

import quantc

TEXT = """<ir_version: 8, opset_import: ["" : 18]>
g (float[n, 64] x, bool[n] m) => (float[k, 32] y, float[n, 32] z)
{ c = Compress<axis = 0>(x, m)  y = MatMul(c, w)  z = MatMul(x, v) }"""

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(0)
model = onnx.parser.parse_model(TEXT)
w, v = (rng.standard_normal((64, 32)).astype(np.float32) for _ in "wv")
model.graph.initializer.extend([onnx.numpy_helper.from_array(w, "w"),
                                onnx.numpy_helper.from_array(v, "v")])
x = rng.standard_normal((16, 64)).astype(np.float32)
np.savez(folder / "none.npz", x=x, m=np.zeros(16, bool))

quantc.compile(model, folder / "m.so", recipe="w8a8",
               calib=folder / "none.npz")
outputs = quantc.load(folder / "m.so").run({"x": x, "m": np.ones(16, bool)})
for name, weight in (("y", w), ("z", v)):
    want = x @ weight
    assert np.abs(outputs[name] - want).max() < 0.03 * np.abs(want).max(), name

# An allocation by outputs has nothing to go by.
try:
    quantc.compile(model, folder / "auto.so", recipe="auto", budget="6bpw",
                   calib=folder / "none.npz")
except quantc.Error as error:
    assert "MatMul_1" in str(error) and "1 or more rows" in str(error), error
else:
    raise AssertionError("expected an error")
assert not (folder / "auto.so").exists()

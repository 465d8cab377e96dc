# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators that models seldom have, beyond what the backend suite asks.

    python test/end-to-end/rare_operators.py

Powers and remainders of all types, products of float64, reductions of bool,
training modes, TfIdfVectorizer and the Scan of opset 8, against NumPy and the
reference evaluator of the onnx package.
"""

import os
import sys
import tempfile

import numpy as np
from onnx import TensorProto as T
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from _checks import BUILD, Checks

sys.path.insert(0, str(BUILD / "python"))
import quantc  # noqa: E402

RNG = np.random.default_rng(0)
SIGNED = (np.int8, np.int32, np.int64)


def kind(array):
    return helper.np_dtype_to_tensor_dtype(array.dtype)


def model(node, inputs, outputs, opset, constants=()):
    graph = helper.make_graph(
        [node], "g", [helper.make_tensor_value_info(k, kind(v), v.shape)
                      for k, v in inputs.items()],
        [helper.make_tensor_value_info(k, kind(v), v.shape)
         for k, v in outputs.items()],
        [numpy_helper.from_array(v, k) for k, v in constants])
    return helper.make_model(graph, ir_version=13 if opset < 28 else 14,
                             opset_imports=[helper.make_opsetid("", opset)])


class NodeChecks(Checks):
    def __init__(self, folder):
        super().__init__(quiet=True)
        self.path = os.path.join(folder, "model.so")

    def check(self, name, operator, inputs, wanted, opset=28, names=None,
              constants=(), **attributes):
        """One node; `names` are its inputs where they are not `inputs`."""
        node = helper.make_node(operator, names or list(inputs), list(wanted),
                                **attributes)
        quantc.compile(model(node, inputs, wanted, opset, constants),
                       self.path, threads=1)
        got = quantc.load(self.path).run(inputs)
        for key, want in wanted.items():
            good = (got[key].dtype == want.dtype
                    and got[key].shape == want.shape
                    and np.allclose(got[key], want, 1e-5, 1e-6, equal_nan=True)
                    and (want.dtype.kind != "f" or np.array_equal(
                        np.signbit(got[key][want == 0]),
                        np.signbit(want[want == 0]))))
            self.report(f"{operator} {name} {key}", good,
                        f"\n  got  {got[key]}\n  want {want}")


def power(base, exponent, info):
    """Exact, then the low bits."""
    if exponent < 0:
        exact = 1 if base == 1 else (-1) ** -exponent if base == -1 else 0
    else:
        exact = base ** exponent
    return (exact - info.min) % 2 ** info.bits + info.min


def check_powers(checks):
    for base in (*SIGNED, np.uint8, np.uint64):
        x = RNG.integers(-3 if base in SIGNED else 0, 6, (5, 1)).astype(base)
        x[:2] = [[1], [-1]] if base in SIGNED else [[1], [0]]
        for exponent in (np.int32, np.int64, np.uint8):
            y = np.array([0, 1, 2, 3, 7, 40] + [-1, -2]
                         * (exponent != np.uint8), exponent)
            z = np.array([[power(int(a), int(b), np.iinfo(base)) for b in y]
                          for a in x.ravel()], dtype=object).astype(base)
            checks.check(f"{base.__name__} {exponent.__name__}", "Pow",
                         {"x": x, "y": y}, {"z": z}, 15)
    x = np.arange(1, 13).astype(np.int32)
    for y in (2, 3, 5, 0.5):
        checks.check(f"float {y}", "Pow", {"x": x, "y": np.float32([y])},
                     {"z": np.trunc(x ** np.float64(y)).astype(np.int32)}, 15)


def check_remainders(checks):
    special = [np.inf, -np.inf, np.nan, 0.0, -0.0, 5.5, -5.5, 2, -2, 1e-3]
    for kind_ in (np.float16, np.float32, np.float64):
        x, y = (a.ravel().astype(kind_) for a in np.meshgrid(special, special))
        with np.errstate(all="ignore"):
            z = np.mod(x, y)
        checks.check(kind_.__name__, "Mod", {"x": x, "y": y}, {"z": z})


def check_products(checks):
    for a, b in (((2, 3, 4), (4, 5)), ((4,), (4, 5)), ((2, 3, 4), (4,)),
                 ((4,), (4,)), ((2, 3, 4), (1, 4, 2)),
                 ((3, 1, 2, 4), (5, 4, 3)), ((2, 0), (0, 3))):
        x, y = RNG.standard_normal(a), RNG.standard_normal(b)
        checks.check(f"{a} {b}", "MatMul", {"x": x, "y": y},
                     {"z": np.asarray(np.matmul(x, y))})


def check_bool(checks):
    x = np.array([[True, False], [False, False], [True, True]])
    one = [("a", np.array([1]))]
    checks.check("", "ReduceMax", {"x": x}, {"z": x.max(keepdims=True)})
    checks.check("", "ReduceMin", {"x": x}, {"z": x.min(1)}, 28, ["x", "a"],
                 one, keepdims=0)
    empty = np.zeros((2, 0), bool)
    for operator, value in (("ReduceMax", False), ("ReduceMin", True)):
        checks.check("of nothing", operator, {"x": empty},
                     {"z": np.array([value] * 2)}, 28, ["x", "a"], one,
                     keepdims=0)
    checks.check("to bool", "BitCast", {"x": np.uint8([0, 1, 5, 255])},
                 {"z": np.array([False, True, True, True])}, to=T.BOOL)


def check_shrink(checks):
    for kind_ in (np.int8, np.uint8, np.int32, np.float32):
        x = np.arange(0 if kind_ == np.uint8 else -5, 6).astype(kind_)
        # ONNX's definition converts both attributes first.
        limit, bias = (np.array(1.5).astype(kind_) for _ in range(2))
        wide = x.astype(np.float64)
        z = np.where(wide < -float(limit), wide + bias,
                     np.where(wide > limit, wide - bias, 0)).astype(kind_)
        checks.check(kind_.__name__, "Shrink", {"x": x}, {"z": z}, 20,
                     lambd=1.5, bias=1.5)


def check_training(checks):
    x = RNG.standard_normal((2, 3, 4, 5)).astype(np.float32)
    s, b, m, v = (RNG.uniform(0.5, 1, 3).astype(np.float32) for _ in range(4))
    mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3))
    wide = [a[None, :, None, None] for a in (mean, variance, s, b)]
    y = (x - wide[0]) / np.sqrt(wide[1] + np.float32(1e-5)) * wide[2] + wide[3]
    checks.check("training", "BatchNormalization",
                 {"x": x, "s": s, "b": b, "m": m, "v": v},
                 {"y": y, "p": m * np.float32(0.7) + mean * np.float32(0.3),
                  "q": v * np.float32(0.7) + variance * np.float32(0.3)}, 15,
                 training_mode=1, momentum=0.7)
    checks.check("ratio 0", "Dropout", {"x": x, "t": np.array(True)},
                 {"y": x, "k": np.ones(x.shape, bool)}, 22, ["x", "r", "t"],
                 [("r", np.array(0, np.float32))])


def check_counts(checks):
    x = np.array([[1, 1, 3, 3, 3, 7], [8, 6, 7, 5, 6, 8]])
    pool = dict(max_skip_count=5, ngram_counts=[0, 4],
                ngram_indexes=[0, 1, 2, 3, 4, 5, 7],
                pool_int64s=[2, 3, 5, 4, 5, 6, 7, 8, 6, 7])
    for mode in ("TF", "IDF", "TFIDF"):
        for least, most in ((1, 2), (2, 2), (1, 1)):
            for part in (x, x[0], x.astype(np.int32)):
                attributes = dict(pool, mode=mode, min_gram_length=least,
                                  max_gram_length=most,
                                  weights=np.linspace(0.5, 2, 8).tolist())
                shape = (*part.shape[:-1], 8)
                node = helper.make_node("TfIdfVectorizer", ["x"], ["y"],
                                        **attributes)
                y = ReferenceEvaluator(model(
                    node, {"x": part}, {"y": np.zeros(shape, np.float32)},
                    9)).run(None, {"x": part})[0]
                checks.check(f"{mode} {least} {most} {shape}",
                             "TfIdfVectorizer", {"x": part}, {"y": y}, 9,
                             **attributes)


def check_scan(checks):
    """Opset 8: a batch of two, one input forwards and one backwards."""
    def info(name):
        return helper.make_tensor_value_info(name, T.FLOAT, [2])
    body = helper.make_graph(
        [helper.make_node("Add", ["s", "e"], ["t"]),
         helper.make_node("Mul", ["t", "f"], ["o"])], "body",
        [info("s"), info("e"), info("f")], [info("t"), info("o")])
    i = RNG.standard_normal((2, 2)).astype(np.float32)
    e, f = RNG.standard_normal((2, 2, 3, 2)).astype(np.float32)
    sums = i[:, None] + np.cumsum(e, 1)
    checks.check("8", "Scan", {"i": i, "e": e, "f": f},
                 {"s": sums[:, -1], "o": sums * f[:, ::-1]}, 8,
                 ["", "i", "e", "f"], body=body, num_scan_inputs=2,
                 directions=[0, 1])


def main():
    with tempfile.TemporaryDirectory() as folder:
        checks = NodeChecks(folder)
        for check in (check_powers, check_remainders, check_products,
                      check_bool, check_shrink, check_training, check_counts,
                      check_scan):
            check(checks)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())

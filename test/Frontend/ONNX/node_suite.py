# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs ONNX's own node tests through the importer and the reference evaluator.

    node_suite.py QUANT-OPT [--filter TEXT] [--jobs N] [--list STATE] [--strict]

Every case is imported with its inputs as initializers and folded, which
evaluates it by reference; the results are compared with the suite's tolerances.
States: pass, wrong, unsupported (refused as such), refused (another error),
unevaluated (imported, but not folded to constants), crash.  With `--strict` the
exit status is 1 when a case is wrong, refused for another reason or crashes,
unless EXCUSED says why.
"""

import argparse
import collections
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import tempfile

import ml_dtypes
import numpy as np
import onnx
from onnx import numpy_helper

# Cases whose refusal or difference is right, by a pattern of the name.
EXCUSED = {
    r"window.*_expanded": "a float range whose bounds are computed",
    r"test_not_": "opset 1",
    r"attention.*bf16": "the body rounds every step to bf16, ours once",
}
DTYPES = {"f32": np.float32, "f64": np.float64, "i1": np.bool_,
          "i8": np.int8, "i16": np.int16, "i32": np.int32, "i64": np.int64,
          "ui8": np.uint8, "ui16": np.uint16, "ui32": np.uint32,
          "ui64": np.uint64, "f16": np.float16,
          "bf16": ml_dtypes.bfloat16}
CONSTANT = re.compile(r"(%\S+) = qnn\.constant (dense(?:_resource)?<.*>) : "
                      r"tensor<.*> -> tensor<((?:\d+x)*)(\w+)>")
RETURN = re.compile(r"return (.*) : ")
BLOB = re.compile(r'^\s+(\S+): "0x([0-9A-Fa-f]+)"', re.MULTILINE)


def tensor(array, name: str) -> onnx.TensorProto:
    if isinstance(array, onnx.TensorProto):
        named = onnx.TensorProto()
        named.CopyFrom(array)
        named.name = name
        return named
    return numpy_helper.from_array(np.asarray(array), name)


def bake(model: onnx.ModelProto, inputs) -> bytes:
    """The model with its inputs as initializers."""
    baked = onnx.ModelProto()
    baked.CopyFrom(model)
    baked.ir_version = max(baked.ir_version, 4)
    kept = []
    for value, array in zip(model.graph.input, inputs):
        if value.name:
            baked.graph.initializer.append(tensor(array, value.name))
    del baked.graph.input[:]
    baked.graph.input.extend(kept)
    return baked.SerializeToString()


def parse_constant(text: str, shape: str, dtype: str, blobs) -> np.ndarray:
    dims = [int(d) for d in shape.split("x") if d]
    kind = DTYPES[dtype]
    if text.startswith("dense_resource"):
        key = text[len("dense_resource<"):-1]
        return np.frombuffer(blobs[key], kind).reshape(dims)
    body = text[len("dense<"):-1]
    if body.startswith('"0x'):
        data = bytes.fromhex(body[3:-1])
        if dtype == "i1" and len(data) != int(np.prod(dims)):
            bits = np.unpackbits(np.frombuffer(data, np.uint8),
                                 bitorder="little")
            return bits[:int(np.prod(dims))].astype(bool).reshape(dims)
        return np.frombuffer(data, kind).reshape(dims)
    if body == "":
        return np.zeros(dims, kind)
    if body in ("true", "false"):
        return np.full(dims, body == "true")
    if body.startswith("0x"):
        width = np.dtype(kind).itemsize
        word = int(body, 16).to_bytes(width, "little")
        return np.full(dims, np.frombuffer(word, kind)[0])
    if dtype in ("f16", "bf16"):
        return np.full(dims, np.int16(int(body))).view(kind)
    return np.full(dims, kind(float(body) if "f" in dtype else int(body)))


def evaluate(quant_opt: str, model: bytes):
    """(state, detail, results)."""
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        file.write(model)
        file.flush()
        run = subprocess.run(
            [quant_opt, "--import-onnx", file.name, "--qnn-fold-constants",
             "--mlir-print-elementsattrs-with-hex-if-larger=0"],
            capture_output=True, text=True, timeout=60)
    message = run.stderr.strip().splitlines()[-1:] or [""]
    if run.returncode == 1:
        state = ("unsupported" if "not supported" in message[0] else "refused")
        return state, message[0], None
    if run.returncode != 0:
        return "crash", f"{run.returncode} {message[0]}", None
    return "ok", "", run.stdout


def results(text: str):
    blobs = {key.strip('"'): bytes.fromhex(data)[4:]
             for key, data in BLOB.findall(text)}
    constants = {}
    for name, body, shape, dtype in CONSTANT.findall(text):
        constants[name] = parse_constant(body, shape, dtype, blobs)
    names = RETURN.search(text).group(1).split(", ")
    if not all(name in constants for name in names):
        return None
    return [constants[name] for name in names]


def compare(got, want, rtol, atol) -> str:
    for g, w in zip(got, want):
        w = (numpy_helper.to_array(w) if isinstance(w, onnx.TensorProto)
             else np.asarray(w))
        if g.dtype != w.dtype or g.shape != w.shape:
            return f"{g.dtype}{g.shape} for {w.dtype}{w.shape}"
        if w.dtype.kind == "f" or w.dtype == ml_dtypes.bfloat16:
            g_type = g.dtype
            g, w = g.astype(np.float64), w.astype(np.float64)
            slack = 2 ** -7 if g_type == ml_dtypes.bfloat16 else rtol
            if not np.allclose(g, w, slack, atol, equal_nan=True):
                worst = np.nanmax(np.abs(g - w)) if g.size else 0
                return f"differs by {worst}"
        elif not np.array_equal(g, w):
            return "differs"
    return ""


def run_case(quant_opt, case):
    for inputs, outputs in case.data_sets:
        try:
            model = bake(case.model, inputs)
        except (TypeError, ValueError, AttributeError, RuntimeError,
                IndexError, KeyError) as error:
            return "unfeedable", str(error)[:80]
        try:
            state, detail, text = evaluate(quant_opt, model)
        except subprocess.TimeoutExpired:
            return "crash", "more than 60 s"
        if state != "ok":
            return state, detail
        got = results(text)
        if got is None:
            return "unevaluated", ""
        difference = compare(got, outputs, case.rtol, case.atol)
        if difference:
            return "wrong", difference
    return "pass", ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("quant_opt")
    parser.add_argument("--filter", default="")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--list", default="wrong,refused,crash,unevaluated")
    parser.add_argument("--strict", action="store_true")
    options = parser.parse_args()
    from onnx.backend.test.loader import load_model_tests
    cases = [case for case in load_model_tests(kind="node")
             if options.filter in case.name]
    listed = options.list.split(",")
    counts, bad = collections.Counter(), 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        futures = [(case, pool.submit(run_case, options.quant_opt, case))
                   for case in cases]
        for case, future in futures:
            state, detail = future.result()
            counts[state] += 1
            excused = any(re.search(pattern, case.name)
                          for pattern in EXCUSED)
            bad += state in ("wrong", "refused", "crash") and not excused
            if state in listed:
                print(f"{state:12} {case.name}: {detail}")
    print(", ".join(f"{count} {state}" for state, count in
                    counts.most_common()), f"of {len(cases)}")
    return 1 if options.strict and bad else 0


if __name__ == "__main__":
    sys.exit(main())

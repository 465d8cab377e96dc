# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The sensitivity `loss` and the recipe `auto` on the Bible decoder.

    python test/end-to-end/allocation.py

Of eight windows the last is held out.  What rounding one weight loses there,
as allocation.json says, must be what ONNX Runtime computes with that weight's
decoded values; the file must not depend on the number of threads; and the sum
of losses of the chosen formats must be what the whole rounded model loses, to
a fifth, since that is what allocation relies on.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "benchmark"))
import engines  # noqa: E402
import workloads  # noqa: E402

from quantc import solvers  # noqa: E402

SAMPLES, HELD_OUT = 8, 7
MODEL = ROOT / "models" / "bible_decoder.onnx"
RECIPE = """quantc: 1
solver: rtn
sensitivity: loss
candidates:
  - "int<4, block = [1, 64], scale = f16, offset = integer>"
  - "int<3, block = [1, 64], scale = f16, offset = integer>"
  - "int<2, block = [1, 64], scale = f16, offset = integer>"
"""


class Decoder:
    """The model in ONNX Runtime with some weights replaced."""

    def __init__(self, sample: workloads.Arrays):
        self.model = onnx.load(MODEL)
        self.sample = sample
        made = {output: node for node in self.model.graph.node
                for output in node.output}
        # Each linear's initializer, and whether it is stored as [in, out].
        self.weights = {}
        tensors = {tensor.name for tensor in self.model.graph.initializer}
        for node in self.model.graph.node:
            if node.op_type != "MatMul":
                continue
            name, transposed = node.input[1], True
            if name not in tensors and made[name].op_type == "Transpose":
                name, transposed = made[name].input[0], False
            if name in tensors:
                self.weights[node.name] = name, transposed
        self.float = self.log_softmax({})

    def weight(self, node: str) -> np.ndarray:
        """[out, in]."""
        name, transposed = self.weights[node]
        tensor = next(tensor for tensor in self.model.graph.initializer
                      if tensor.name == name)
        value = numpy_helper.to_array(tensor)
        return np.ascontiguousarray(value.T if transposed else value)

    def log_softmax(self, values: dict[str, np.ndarray]) -> np.ndarray:
        changed = onnx.ModelProto()
        changed.CopyFrom(self.model)
        for node, value in values.items():
            name, transposed = self.weights[node]
            for tensor in changed.graph.initializer:
                if tensor.name == name:
                    tensor.CopyFrom(numpy_helper.from_array(
                        np.ascontiguousarray(value.T if transposed else value),
                        name))
        session = onnxruntime.InferenceSession(changed.SerializeToString())
        logits = session.run(["logits"], self.sample)[0].astype(np.float64)
        logits -= logits.max(-1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(-1, keepdims=True))

    def loss(self, values: dict[str, np.ndarray]) -> float:
        changed = self.log_softmax(values)
        return float((np.exp(self.float) * (self.float - changed))
                     .sum(-1).mean())


def allocate(folder: pathlib.Path, threads: int) -> bytes:
    report = folder / f"report{threads}"
    subprocess.run(
        [str(engines.build_folder() / "bin" / "quantc"), "compile", str(MODEL),
         "-o", str(folder / "auto.mlirbc"), "--recipe",
         str(folder / "auto.yaml"), "--budget", "3.4bpw", "--calib",
         str(folder / "data"), "--report", str(report), "--threads",
         str(threads)], check=True, capture_output=True)
    return (report / "allocation.json").read_bytes()


def check(folder: pathlib.Path) -> list[tuple[str, bool]]:
    samples = workloads.calibration_samples("decoder")[:SAMPLES]
    (folder / "data").mkdir()
    for i, sample in enumerate(samples):
        np.savez(folder / "data" / f"{i}.npz", **sample)
    (folder / "auto.yaml").write_text(RECIPE)
    text = allocate(folder, 1)
    results = [("the same file from 2 threads", allocate(folder, 2) == text)]
    report = json.loads(text)
    results.append((f"gap {report['gap']}", report["gap"] <= 1e-6))
    decoder = Decoder(samples[HELD_OUT])
    layers = {layer["name"]: layer for layer in report["layers"]}

    def rounded(name: str, text: str) -> np.ndarray:
        return solvers.solve(decoder.weight(name), text, "rtn").values
    for name in list(decoder.weights)[::9] + ["/lm_head/MatMul"]:
        for candidate in layers[name]["candidates"][::2]:
            wanted = decoder.loss({name: rounded(name, candidate["format"])})
            results.append((
                f"{name} {candidate['format']}: {candidate['loss']:.4g}, "
                f"ONNX Runtime {wanted:.4g}",
                abs(candidate["loss"] / wanted - 1) < 0.01))
    whole = decoder.loss({name: rounded(name, layer["format"])
                          for name, layer in layers.items()})
    results.append((f"sum of losses {report['loss']:.4g}, of the model "
                    f"{whole:.4g}", abs(report["loss"] / whole - 1) < 0.2))
    return results


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="quantc-allocation-") as folder:
        results = check(pathlib.Path(folder))
    for what, good in results:
        print(f"{'ok    ' if good else 'FAILED'} {what}")
    failed = sum(not good for _, good in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

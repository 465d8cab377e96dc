# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What solvers lose and how long they take.

    python test/benchmark/solvers.py minilm [--format F ...] [--solver S ...]
    python test/benchmark/solvers.py layer [--size 2048]
    python test/benchmark/solvers.py layer --peer PYTHON   # one with nncf

`minilm` rounds all linears of MiniLM with statistics of 128 sentences and
gives the seconds for solving, stored bits per weight, the mean of output
errors relative to outputs, and the cosine of the pooled embedding over 64
sentences that were not used, all computed by ONNX Runtime with the decoded
weights.  A solver is `name` or `name:key=value:...`.  With --budget, formats
are then allocated to linears by what each of them alone loses.

`layer` times GPTQ of one square layer, 4 bits in groups of 128, on one thread,
in turns with NNCF's on all threads if a Python that has it is given; statistics
are not counted for either.
"""

import argparse
import concurrent.futures
import json
import pathlib
import statistics
import subprocess
import sys
import time

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

import engines
import workloads
from models import bible, data
from quantc import allocation, solvers

FORMATS = ["#fmt.int<4, block = [1, 32], scale = f16>"]
SOLVERS = ["rtn", "rtn-mse", "gptq"]
CALIBRATION, SENSITIVITY, EVALUATION = 128, 24, 64

# Runs in the peer's environment: the seconds of its solver alone, statistics
# and the rest of the command left out.
PEER = """
import sys, time
import numpy as np, openvino as ov, nncf
from nncf.quantization.algorithms.weight_compression.gptq import GPTQ
from openvino import opset13 as op
size, rows = map(int, sys.argv[1:])
inner, spent = GPTQ._quantize_weights, []
def timed(*arguments, **keywords):
    begin = time.perf_counter()
    result = inner(*arguments, **keywords)
    spent.append(time.perf_counter() - begin)
    return result
GPTQ._quantize_weights = timed
rng = np.random.default_rng(0)
w = rng.standard_normal((size, size)).astype(np.float32)
x = rng.standard_normal((rows, size)).astype(np.float32)
p = op.parameter([-1, size], np.float32)
model = ov.Model([op.matmul(p, op.constant(w), False, True)], [p])
data = nncf.Dataset([x[i:i + 128] for i in range(0, rows, 128)])
nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT4_SYM,
                      group_size=128, ratio=1.0, all_layers=True,
                      dataset=data, gptq=True)
print(sum(spent))
"""


class Linears:
    """MiniLM's MatMuls with constant weights, and what they read."""

    def __init__(self, path: pathlib.Path):
        self.model = onnx.load(path)
        self.weights = {tensor.name: tensor
                        for tensor in self.model.graph.initializer}
        self.nodes = [node for node in self.model.graph.node
                      if node.op_type == "MatMul"
                      and node.input[1] in self.weights]

    def weight(self, node) -> np.ndarray:
        """[out, in]."""
        return np.ascontiguousarray(
            numpy_helper.to_array(self.weights[node.input[1]]).T)

    def moments(self, texts: list[str]) -> dict[str, tuple]:
        """Second moment, mean and count of each input, padding left out."""
        tapped = onnx.ModelProto()
        tapped.CopyFrom(self.model)
        names = sorted({node.input[0] for node in self.nodes})
        tapped.graph.output.extend(
            helper.make_tensor_value_info(name, 1, None) for name in names)
        session = onnxruntime.InferenceSession(tapped.SerializeToString())
        sums = {name: [0, 0, 0] for name in names}
        for text in texts:
            outputs = session.run(names, data.minilm_inputs([text]))
            for name, x in zip(names, outputs):
                x = x.reshape(-1, x.shape[-1]).astype(np.float64)
                sums[name][0] += x.T @ x
                sums[name][1] += x.sum(0)
                sums[name][2] += len(x)
        return {name: (moment, total / count, count)
                for name, (moment, total, count) in sums.items()}

    def run_with(self, values: dict[str, np.ndarray]):
        """The model with the weights of some nodes replaced."""
        changed = onnx.ModelProto()
        changed.CopyFrom(self.model)
        for tensor in changed.graph.initializer:
            if tensor.name in values:
                tensor.CopyFrom(numpy_helper.from_array(
                    np.ascontiguousarray(values[tensor.name].T), tensor.name))
        return onnxruntime.InferenceSession(changed.SerializeToString())


def embeddings(session) -> np.ndarray:
    parts = []
    for text in bible.sentences(EVALUATION):
        inputs = data.minilm_inputs([text])
        hidden = session.run(["last_hidden_state"], inputs)[0]
        parts.append(data.mean_pool(hidden, inputs["attention_mask"]))
    return np.concatenate(parts)


def parse(solver: str) -> tuple[str, dict[str, str]]:
    name, *options = solver.split(":")
    return name, dict(option.split("=", 1) for option in options)


class Bench:
    """MiniLM, its statistics, and what solvers make of it."""

    def __init__(self, threads: int):
        path = workloads.onnx_path("minilm", engines.build_folder() / "bench")
        self.linears = Linears(path)
        self.moments = self.linears.moments(
            bible.sentences(CALIBRATION, held_out=False))
        self.reference = embeddings(self.linears.run_with({}))
        self.threads = threads
        self.energies = []
        for node in self.linears.nodes:
            weight = self.linears.weight(node).astype(np.float64)
            moment, _, count = self.moments[node.input[0]]
            self.energies.append(((weight @ moment) * weight).sum() / count)

    def solve(self, text: str, solver: str) -> tuple[list, float]:
        """Solutions of all linears, and seconds."""
        name, arguments = parse(solver)

        def one(node):
            moment, mean, count = self.moments[node.input[0]]
            return solvers.solve(
                self.linears.weight(node), text, name, second_moment=moment,
                mean=mean, count=count, **arguments)
        begin = time.perf_counter()
        with concurrent.futures.ThreadPoolExecutor(self.threads) as pool:
            results = list(pool.map(one, self.linears.nodes))
        return results, time.perf_counter() - begin

    def relative(self, results: list) -> list[float]:
        return [result.report["output_error"] / energy
                for result, energy in zip(results, self.energies)]

    def pooled(self, values: dict[str, np.ndarray]) -> np.ndarray:
        """Embeddings of sentences that are not those of `report`."""
        session = self.linears.run_with(values)
        parts = []
        for text in bible.sentences(SENSITIVITY, held_out=False):
            inputs = data.minilm_inputs([text])
            hidden = session.run(["last_hidden_state"], inputs)[0]
            parts.append(data.mean_pool(hidden, inputs["attention_mask"]))
        return np.concatenate(parts)

    def losses(self, results: list, kind: str) -> list[float]:
        """What each linear costs alone: its relative output error times its
        weights, or the square of what the model's embeddings change by."""
        if kind == "output":
            return [error * result.values.size for error, result
                    in zip(self.relative(results), results)]
        before = self.pooled({})
        return [float(((self.pooled({node.input[1]: result.values})
                        - before) ** 2).sum())
                for node, result in zip(self.linears.nodes, results)]

    def report(self, results: list, **labels) -> None:
        nodes = self.linears.nodes
        similar = data.cosines(embeddings(self.linears.run_with(
            {node.input[1]: result.values
             for node, result in zip(nodes, results)})), self.reference)
        bits = sum(result.report["stored_bits"] for result in results)
        count = sum(result.values.size for result in results)
        print(json.dumps({
            **labels, "bits": round(bits / count, 3),
            "relative_error": round(float(np.mean(self.relative(results))), 5),
            "cosine_mean": round(float(similar.mean()), 5),
            "cosine_min": round(float(similar.min()), 5)}), flush=True)


def minilm(options) -> None:
    bench = Bench(options.threads)
    for solver in options.solver:
        solutions = {}
        for text in options.format:
            results, seconds = bench.solve(text, solver)
            solutions[text] = results
            bench.report(results, format=text, solver=solver,
                         seconds=round(seconds, 2))
        if options.budget:
            allocate(bench, solver, solutions, options)


def allocate(bench: Bench, solver: str, solutions: dict[str, list],
             options) -> None:
    nodes = bench.linears.nodes
    losses = {text: bench.losses(results, options.loss)
              for text, results in solutions.items()}
    tensors = [allocation.Tensor(
        node.input[1], bench.linears.weight(node).size,
        [allocation.Candidate(text, results[i].report["stored_bits"] // 8,
                              losses[text][i])
         for text, results in solutions.items()])
        for i, node in enumerate(nodes)]
    for budget in options.budget:
        point = allocation.allocate(tensors, budget)
        bench.report([solutions[point.formats[node.input[1]]][i]
                      for i, node in enumerate(nodes)], budget=budget,
                     loss=options.loss, solver=solver, gap=point.gap)


def layer_seconds(size: int, runs: int,
                  peer: str | None) -> tuple[list[float], list[float]]:
    """Ours and, if there is an interpreter `peer`, NNCF's, in turns."""
    rows = 2 * size
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((size, size)).astype(np.float32)
    x = rng.standard_normal((rows, size)).astype(np.float32)
    moment = x.T @ x
    ours, theirs = [], []
    for _ in range(runs):
        begin = time.perf_counter()
        solvers.gptq(weight, moment, "#fmt.int<4, block = [1, 128]>",
                     count=rows)
        ours.append(time.perf_counter() - begin)
        if peer:
            done = subprocess.run(
                [peer, "-c", PEER, str(size), str(rows)],
                capture_output=True, text=True, check=True)
            theirs.append(float(done.stdout.split()[-1]))
    return ours, theirs


def layer(options) -> None:
    ours, theirs = layer_seconds(options.size, options.runs,
                                 engines.peer_python())
    record = {"size": options.size, "quantc": statistics.median(ours)}
    if theirs:
        record["nncf"] = statistics.median(theirs)
    print(json.dumps(record))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("minilm")
    command.add_argument("--format", nargs="+", default=FORMATS)
    command.add_argument("--solver", nargs="+", default=SOLVERS)
    command.add_argument("--budget", nargs="+", default=[])
    command.add_argument("--loss", choices=["output", "model"],
                         default="model")
    command.add_argument("--threads", type=int, default=2)
    command.set_defaults(run=minilm)
    command = commands.add_parser("layer")
    command.add_argument("--size", type=int, default=2048)
    command.add_argument("--runs", type=int, default=3)
    engines.add_peer_option(command)
    command.set_defaults(run=layer)
    options = parser.parse_args()
    options.run(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())

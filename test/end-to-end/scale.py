# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Large and deep graphs: what they compile to, and that it is right.

    python test/end-to-end/scale.py

Chains of 1,000 and 10,000 nodes (test/benchmark/chains.py, which measures times)
agree with ONNX Runtime; ten times the nodes give about ten times the steps, at
most one per node, and hardly more kernels.  If nested 30 deep computes the branch that the condition
says; deeper than protobuf reads is refused.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from onnx import TensorProto, helper

from _checks import QUANTC, Checks

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "benchmark"))
import chains  # noqa: E402


def counts(library: pathlib.Path) -> tuple[int, int]:
    """Kernels and steps."""
    text = subprocess.run([QUANTC, "inspect", "--json", str(library)],
                          check=True, capture_output=True, text=True).stdout
    made = json.loads(text)
    return made["kernels"], made["steps"]


def check_chain(checks: Checks, kind: str, folder: pathlib.Path) -> None:
    # Of `mixed` no two kernels are equal until there are too many: slow.
    sizes = (1_000, 5_000) if kind == "mixed" else (1_000, 10_000)
    found = []
    for nodes in sizes:
        model = folder / f"{kind}.onnx"
        library = model.with_suffix(".so")
        chains.write(kind, nodes, model)
        chains.compile_measured(model, library)
        x, y, _ = chains.run(library)
        error = chains.difference(model, x, y)
        checks.report(f"{kind}, {nodes} nodes, against ONNX Runtime",
                      error <= 1e-4, f"{error:.2e}")
        found.append(counts(library))
    (kernels, steps), (more_kernels, more_steps) = found
    checks.report(f"{kind}, kernels and steps",
                  more_kernels <= 2 * kernels + 256
                  and more_steps <= max(11 * steps, sizes[1]) + 256,
                  f"{kernels} and {steps}, then {more_kernels} and "
                  f"{more_steps}")


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def graph(nodes: list[bytes], output: str) -> bytes:
    result = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
    return (b"".join(field(1, node) for node in nodes) + field(2, b"g")
            + field(12, result.SerializeToString()))


def nested_if(depth: int) -> bytes:
    """y = c ? sigmoid(what is inside) : x * 2, innermost x + 1.  In bytes:
    Python's protobuf does not write more than 28 graphs in each other."""
    def branch(name: bytes, body: bytes) -> bytes:
        kind = varint(20 << 3) + varint(5)
        return field(5, field(1, name) + field(6, body) + kind)

    def node(op: str, inputs: list[str], output: str) -> bytes:
        return helper.make_node(op, inputs, [output]).SerializeToString()

    inner = graph([node("Add", ["x", "one"], "t0")], "t0")
    for level in range(1, depth + 1):
        other = graph([node("Add", ["x", "x"], f"e{level}")], f"e{level}")
        chosen = (field(1, b"c") + field(2, b"t%d" % level) + field(4, b"If")
                  + branch(b"then_branch", inner)
                  + branch(b"else_branch", other))
        inner = graph([chosen, node("Sigmoid", [f"t{level}"], f"u{level}")],
                      f"u{level}")
    for value in (helper.make_tensor_value_info("x", TensorProto.FLOAT, [4]),
                  helper.make_tensor_value_info("c", TensorProto.BOOL, [])):
        inner += field(11, value.SerializeToString())
    inner += field(5, helper.make_tensor("one", TensorProto.FLOAT, [], [1.0])
                   .SerializeToString())
    opset = field(1, b"") + varint(2 << 3) + varint(17)
    return varint(1 << 3) + varint(8) + field(7, inner) + field(8, opset)


def check_nesting(checks: Checks, folder: pathlib.Path, depth: int) -> None:
    import quantc
    model, library = folder / "nested.onnx", folder / "nested.so"
    model.write_bytes(nested_if(depth))
    done = subprocess.run([QUANTC, "compile", str(model), "-o", str(library)],
                          capture_output=True, text=True, timeout=60)
    if done.returncode:
        checks.report(f"If nested {depth} deep", False, done.stderr)
        return
    x = np.array([-2, -0.5, 0.25, 3], np.float32)
    for condition in (True, False):
        y = quantc.load(library).run({"x": x, "c": np.array(condition)})
        want = x.astype(np.float64) + 1 if condition else 2 * x
        for _ in range(depth if condition else 1):
            want = 1 / (1 + np.exp(-want))
        error = float(np.abs(y[f"u{depth}"] - want).max())
        checks.report(f"If nested {depth} deep, {condition}", error <= 1e-6,
                      f"{error:.2e}")


def check_too_deep(checks: Checks, folder: pathlib.Path, depth: int) -> None:
    model = folder / "deep.onnx"
    model.write_bytes(nested_if(depth))
    done = subprocess.run([QUANTC, "compile", str(model), "-o",
                           str(folder / "deep.so")],
                          capture_output=True, text=True, timeout=60)
    checks.report(f"If nested {depth} deep is refused",
                  done.returncode == 1 and "nested more than" in done.stderr
                  and done.stderr.count("\n") == 1,
                  f"status {done.returncode}: {done.stderr}")


def main() -> int:
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="quantc-scale-") as name:
        folder = pathlib.Path(name)
        for kind in chains.KINDS:
            check_chain(checks, kind, folder)
        for depth in (1, 30):
            check_nesting(checks, folder, depth)
        for depth in (33, 60, 5000):
            check_too_deep(checks, folder, depth)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())

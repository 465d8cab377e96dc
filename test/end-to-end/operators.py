# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Einsum, MatMul and Fourier transforms, compiled, against NumPy.

    python test/end-to-end/operators.py

All equations are in one library and all transforms in another, each in several
element types, with named dimensions that are run at two sizes.  Contractions of
floats may be 1e-5 of the sum of magnitudes away from float64, 16-bit floats one
rounding more; integers are equal.  A complex64 transform of a length without
prime factors above 11 has NumPy's bits; others are within 1e-6 of the largest
value.
"""

import pathlib
import sys
import tempfile
from typing import NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "benchmark"))
import engines  # noqa: E402,F401  (the tree's own quantc)
import quantc  # noqa: E402
from _checks import Checks  # noqa: E402

# Names of dimensions are sizes that the library does not know.
SIZES = ({"m": 3, "n": 4, "k": 5}, {"m": 1, "n": 7, "k": 2})
TYPES = {"float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE,
         "int32": TensorProto.INT32, "uint8": TensorProto.UINT8,
         "float16": TensorProto.FLOAT16}


class Equation(NamedTuple):
    """Of an Einsum; without an arrow and commas the name of an operator."""
    text: str
    shapes: tuple[tuple[int | str, ...], ...]


EQUATIONS = (
    Equation("ij,jk->ik", (("m", "k"), ("k", "n"))),
    Equation("ij,jk", (("m", "k"), ("k", "n"))),
    Equation(" b i j , b j k -> b i k ", ((2, "m", 5), (2, 5, "n"))),
    Equation("bij,jk->bik", ((2, "m", 5), (5, 6))),
    Equation("jk,bij->bik", ((5, 6), (2, "m", 5))),
    Equation("bhld,bhsd->bhls", ((2, 3, "m", 4), (2, 3, "n", 4))),
    Equation("bhld,bhsd->bhsl", ((2, 3, "m", 4), (2, 3, "n", 4))),
    Equation("bhld,bshd->blhs", ((2, 3, "m", 4), (2, "n", 3, 4))),
    Equation("nct,ncp->ntp", ((2, 3, "m"), (2, 3, 5))),
    Equation("ijk,kl,lm->ijm", ((2, 3, 4), (4, 5), (5, "n"))),
    Equation("ij,kl,jk->il", (("m", 3), (4, 5), (3, 4))),
    Equation("i,j->ij", (("m",), ("n",))),
    Equation("i,i", (("k",), ("k",))),
    Equation("ij,ij->j", (("m", 4), ("m", 4))),
    Equation("ijk->", ((2, "m", 3),)),
    Equation("ijk->ki", ((2, "m", 3),)),
    Equation("cba", ((2, "m", 3),)),
    Equation("ii->i", ((4, 4),)),
    Equation("ii", ((4, 4),)),
    Equation("bii,ij->bj", (("m", 3, 3), (3, 5))),
    Equation("...ij,...jk->...ik", ((2, 3, "m", 4), (4, 5))),
    Equation("...ij,...jk->...ik", ((2, 1, "m", 4), (3, 4, 5))),
    Equation("i...,i...->...", ((3, "m"), (3, "m"))),
    Equation("...i->...", (("m", 2, 3),)),
    Equation("...ii->...i", ((2, 3, 3),)),
    Equation("ij,ij->ij", ((1, 4), ("m", 1))),
    Equation("ij,jk->ik", (("m", 1), (4, 5))),
    Equation("aB,Bc->ac", (("m", 3), (3, 2))),
    Equation("a,,b->ab", (("m",), (), ("n",))),
    Equation("->", ((),)),
    Equation("ij,jk->ik", ((3, 0), (0, 2))),
    Equation("bhwc,hkc->bhwk", ((2, 3, "m", 4), (3, 5, 4))),
    Equation("blhn,bshn,bhls,bshp->blhp",
             ((1, 4, 2, 3), (1, 4, 2, 3), (1, 2, 4, 4), (1, 4, 2, 5))),
    Equation("MatMul", (("m", "k"), ("k", "n"))),
    Equation("MatMul", ((2, 1, "m", 3), (4, 3, "n"))),
    Equation("MatMul", ((3,), (2, 3, "n"))),
    Equation("MatMul", (("m", 2, 3), (3,))),
    Equation("MatMul", (("k",), ("k",))),
    Equation("Gemm", (("m", "k"), ("k", "n"), ("n",))),
)


def compute(text: str, operands: list[np.ndarray]) -> np.ndarray:
    if text == "MatMul":
        return np.matmul(*operands)
    if text == "Gemm":
        return operands[0] @ operands[1] + operands[2]
    return np.einsum(text.replace(" ", ""), *operands)

LENGTHS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 16, 24, 30, 49, 64, 77, 100,
           128, 169, 240, 400, 1024)


def save(nodes, inputs, outputs, weights, folder, name) -> quantc.Model:
    graph = helper.make_graph(nodes, "g", inputs, outputs, weights)
    model = helper.make_model(graph, ir_version=10,
                              opset_imports=[helper.make_opsetid("", 20)])
    quantc.compile(model, folder / f"{name}.so")
    return quantc.load(folder / f"{name}.so")


def values(shape, kind: str, random) -> np.ndarray:
    if kind in ("int32", "uint8"):
        return random.integers(0, 200, shape).astype(kind)
    return random.standard_normal(shape).astype(kind)


def equations(kind: str, folder: pathlib.Path) -> None:
    nodes, inputs, outputs = [], [], []
    for i, equation in enumerate(EQUATIONS):
        names = [f"x{i}_{k}" for k in range(len(equation.shapes))]
        nodes.append(helper.make_node(equation.text, names, [f"y{i}"])
                     if equation.text in ("MatMul", "Gemm") else
                     helper.make_node("Einsum", names, [f"y{i}"],
                                      equation=equation.text))
        inputs += [helper.make_tensor_value_info(name, TYPES[kind], shape)
                   for name, shape in zip(names, equation.shapes)]
        outputs.append(helper.make_tensor_value_info(f"y{i}", TYPES[kind],
                                                     None))
    model = save(nodes, inputs, outputs, [], folder, f"einsum-{kind}")
    random = np.random.default_rng(7)
    for sizes in SIZES:
        arrays = {f"x{i}_{k}": values([sizes.get(dim, dim) for dim in shape],
                                      kind, random)
                  for i, equation in enumerate(EQUATIONS)
                  for k, shape in enumerate(equation.shapes)}
        got = model.run(arrays)
        for i, equation in enumerate(EQUATIONS):
            operands = [arrays[f"x{i}_{k}"]
                        for k in range(len(equation.shapes))]
            check_sum(equation.text, operands, got[f"y{i}"], kind)


def check_sum(text: str, operands, got: np.ndarray, kind: str) -> None:
    if kind in ("int32", "uint8"):
        want = compute(text, [x.astype(np.int64) for x in operands])
        assert np.array_equal(got, want.astype(kind)), (text, got, want)
        return
    wide = [x.astype(np.float64) for x in operands]
    want = compute(text, wide)
    scale = compute(text, [np.abs(x) for x in wide])
    bound = {"float32": 1e-5, "float64": 1e-13, "float16": 3e-3}[kind]
    assert got.shape == want.shape, (text, got.shape, want.shape)
    assert np.all(np.abs(got - want) <= bound * scale), (text, got, want)


def transforms(kind: str, folder: pathlib.Path) -> None:
    nodes, inputs, outputs = [], [], []
    one = numpy_helper.from_array(np.array(1, np.int64), "one")
    for length in LENGTHS:
        for parts in (1, 2):
            inputs.append(helper.make_tensor_value_info(
                f"x{length}_{parts}", TYPES[kind], ["m", length, 3, parts]))
        for parts, inverse in ((1, 0), (2, 0), (2, 1)):
            name = f"y{length}_{parts}_{inverse}"
            nodes.append(helper.make_node(
                "DFT", [f"x{length}_{parts}", "", "one"], [name],
                inverse=inverse))
            outputs.append(helper.make_tensor_value_info(name, TYPES[kind],
                                                         None))
    model = save(nodes, inputs, outputs, [one], folder, f"dft-{kind}")
    random = np.random.default_rng(8)
    for m in (1, 2):
        arrays = {f"x{length}_{parts}":
                  values((m, length, 3, parts), kind, random)
                  for length in LENGTHS for parts in (1, 2)}
        got = model.run(arrays)
        for length in LENGTHS:
            for parts, inverse in ((1, 0), (2, 0), (2, 1)):
                check_transform(arrays[f"x{length}_{parts}"], bool(inverse),
                                got[f"y{length}_{parts}_{inverse}"])


def check_transform(x: np.ndarray, inverse: bool, got: np.ndarray) -> None:
    length, parts = x.shape[1], x.shape[3]
    transform = np.fft.ifft if inverse else np.fft.fft
    wide = x.astype(np.float64)
    z = wide[..., 0] if parts == 1 else wide[..., 0] + 1j * wide[..., 1]
    want = transform(z, axis=1)
    bound = 1e-6 if x.dtype == np.float32 else 1e-14
    assert got.shape == (*x.shape[:3], 2), got.shape
    error = np.abs(got[..., 0] + 1j * got[..., 1] - want).max()
    assert error <= bound * np.abs(want).max(), (length, parts, error)
    largest = max((p for p in range(2, length + 1) if length % p == 0
                   and all(p % q for q in range(2, p))), default=1)
    if x.dtype == np.float32 and inverse and largest <= 11:
        same = np.fft.ifft(z.astype(np.complex64), axis=1)
        assert np.array_equal(got[..., 0], same.real) and np.array_equal(
            got[..., 1], same.imag), f"length {length}: not NumPy's bits"


def main() -> int:
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        for check, kinds in ((equations, TYPES),
                             (transforms, ("float32", "float64"))):
            for kind in kinds:
                problem = None
                try:
                    check(kind, pathlib.Path(folder))
                except (AssertionError, quantc.Error) as error:
                    problem = str(error) or "failed"
                checks.judge(f"{check.__name__} of {kind}", problem)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())

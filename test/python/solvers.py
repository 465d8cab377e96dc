# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# RUN: env OMP_NUM_THREADS=1 %python %s %source/docs/solvers.md
"""quantc.solvers against dense float64 references, written from the equations.

GPTQ's reference is the published form: the inverse of the damped H by
inversion, its upper Cholesky factor, and one column after another, each error
passed on to all later columns before the next one is rounded.  quantc factors
H itself in reverse order and feeds errors back block by block.
"""

import concurrent.futures
import pathlib
import sys

import numpy as np

import quantc
from _refused import refused
from quantc import solvers

rng = np.random.default_rng(1)


def correlated(rows: int, n: int, rank: int | None = None) -> np.ndarray:
    """Inputs with a few strong directions and very different channels."""
    mix = rng.standard_normal((rank or n, n)) * np.exp(
        rng.standard_normal(n))
    return rng.standard_normal((rows, rank or n)) @ mix + 0.3


class Format:
    """#fmt.int with one scale for each row and `group` columns (§6.6)."""

    def __init__(self, bits: int, group: int, offset: str = "none",
                 half: bool = True):
        self.bits, self.group, self.offset = bits, group, offset
        self.dtype = np.float16 if half else np.float32
        self.text = (f"#fmt.int<{bits}, block = [1, {group}], offset = "
                     f"{offset}{', scale = f16' if half else ''}>")
        self.high = 2 ** (bits - (offset == "none")) - 1
        self.low = 0 if offset != "none" else -self.high - (bits != 8)

    def fit(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Scales and offsets of the rows of w, from their ranges."""
        w = w.astype(np.float32)
        low, high = w.min(1), w.max(1)
        zero = np.zeros_like(low)
        if self.offset == "none":
            top = np.maximum(abs(low), high)
            return self.store(top / np.float32(self.high)), zero
        if self.offset == "integer":
            low, high = np.minimum(low, 0), np.maximum(high, 0)
            s = self.store((high - low) / np.float32(self.high))
            return s, np.clip(np.rint(-low / s), 0, self.high)
        o = low.astype(self.dtype).astype(np.float32)
        return self.store((high - o) / np.float32(self.high)), o

    def store(self, s: np.ndarray) -> np.ndarray:
        stored = np.maximum(s.astype(np.float32).astype(self.dtype),
                            np.finfo(self.dtype).smallest_subnormal)
        return np.where(s < 2.0 ** -100, np.float32(1),
                        stored.astype(np.float32))

    def round(self, w, s, o) -> tuple[np.ndarray, np.ndarray]:
        """Codes and values."""
        if self.offset == "float":
            q = np.clip(np.rint((w - o) / s), self.low, self.high)
            return q, q * s + o
        q = np.clip(np.rint(w / s) + o, self.low, self.high)
        return q, (q - o) * s


def rtn(w: np.ndarray, fmt: Format):
    codes, values = np.empty(w.shape), np.empty(w.shape)
    scales, offsets = [], []
    for begin in range(0, w.shape[1], fmt.group):
        block = slice(begin, begin + fmt.group)
        s, o = fmt.fit(w[:, block])
        q, v = fmt.round(w[:, block], s[:, None], o[:, None])
        codes[:, block], values[:, block] = q, v
        scales.append(s)
        offsets.append(o)
    return codes, values, np.stack(scales, 1), np.stack(offsets, 1)


def gptq(w: np.ndarray, h: np.ndarray, fmt: Format, damping: float,
         order: np.ndarray, static: bool):
    """Codes and values, columns in their own order."""
    n = w.shape[1]
    w = w.astype(np.float64)[:, order]
    inverse = np.linalg.inv(h[np.ix_(order, order)] + damping * np.eye(n))
    upper = np.linalg.cholesky(inverse).T
    original = rtn(w[:, np.argsort(order)].astype(np.float32), fmt)
    codes, values = np.empty(w.shape), np.empty(w.shape)
    fitted = {}
    for j in range(n):
        group = order[j] // fmt.group
        if static:
            s, o = original[2][:, group], original[3][:, group]
        else:
            if group not in fitted:
                members = [i for i in range(n) if order[i] // fmt.group == group]
                assert members[0] == j
                fitted[group] = fmt.fit(w[:, members])
            s, o = fitted[group]
        codes[:, j], values[:, j] = fmt.round(w[:, j], s, o)
        error = (w[:, j] - values[:, j]) / upper[j, j]
        w[:, j:] -= np.outer(error, upper[j, j:])
    back = np.argsort(order)
    return codes[:, back], values[:, back]


def order_of(h: np.ndarray, group: int, kind: str) -> np.ndarray:
    n = len(h)
    power = np.diag(h)
    if kind == "none":
        return np.arange(n)
    if kind == "descending":
        return np.argsort(-power, kind="stable")
    blocks = [np.arange(b, min(n, b + group)) for b in range(0, n, group)]
    blocks.sort(key=lambda block: -power[block].sum())
    return np.concatenate([block[np.argsort(-power[block], kind="stable")]
                           for block in blocks])


def loss(error: np.ndarray, h: np.ndarray) -> float:
    return float(np.einsum("ij,jk,ik->", error, h, error))


def same_codes(got: np.ndarray, expected: np.ndarray, share: float) -> None:
    equal = (got.astype(int) == expected.astype(int)).mean()
    assert equal >= share, equal


def check_rtn() -> None:
    w = rng.standard_normal((7, 83)).astype(np.float32)
    for bits in (2, 3, 4, 8):
        for group in (1, 16, 32, 83, 100):
            for offset in ("none", "integer", "float"):
                for half in (False, True):
                    fmt = Format(bits, group, offset, half)
                    codes, values, scales, offsets = rtn(w, fmt)
                    got = solvers.solve(w, fmt.text, "rtn")
                    assert (got.scales == scales).all()
                    assert got.scales.dtype == fmt.dtype
                    same_codes(got.codes, codes, 0.9999)
                    if offset != "none":
                        assert (got.offsets == offsets).all()
                    assert np.allclose(got.values, values, rtol=0, atol=1e-6)
                    error = ((w - got.values).astype(np.float64) ** 2).sum()
                    assert np.isclose(got.report["weight_error"], error)


def check_search() -> None:
    """Searching never loses, and importance decides what it loses on."""
    w = rng.standard_t(4, (24, 96)).astype(np.float32)
    importance = np.exp(rng.standard_normal(96)).astype(np.float32)
    for bits in (2, 3, 4, 8):
        for offset in ("none", "integer", "float"):
            fmt = Format(bits, 32, offset)
            plain = solvers.solve(w, fmt.text, "rtn")
            even = solvers.solve(w, fmt.text, "rtn-mse")
            weighted = solvers.solve(w, fmt.text, "rtn-mse",
                                     importance=importance)

            def cost(result, by=1.0):
                return float((by * (w - result.values) ** 2).sum())
            assert cost(even) <= cost(plain)
            assert cost(weighted, importance) <= cost(even, importance)
            if bits == 2:
                assert cost(even) < 0.85 * cost(plain), offset
            # What is stored decodes to what was measured.
            s = np.repeat(weighted.scales.astype(np.float32), 32, 1)
            o = (np.zeros_like(s) if weighted.offsets is None else
                 np.repeat(weighted.offsets.astype(np.float32), 32, 1))
            q = weighted.codes.astype(np.float32)
            decoded = q * s + o if offset == "float" else (q - o) * s
            assert np.allclose(decoded, weighted.values, rtol=0, atol=1e-6)
            # Codes are the nearest ones under these scales.
            nearest, _ = fmt.round(w, s, o)
            same_codes(weighted.codes, nearest, 0.9999)
    # The diagonal of the second moment is the importance by default.
    x = correlated(300, 96)
    a = solvers.solve(w, fmt.text, "rtn-mse", second_moment=x.T @ x,
                      count=300)
    b = solvers.solve(w, fmt.text, "rtn-mse",
                      importance=(x * x).mean(0))
    assert (a.codes == b.codes).mean() > 0.999


def check_gptq() -> None:
    for rows, n, group in ((16, 64, 16), (9, 100, 32), (5, 160, 160),
                           (270, 130, 64), (4, 257, 96)):
        w = rng.standard_normal((rows, n)).astype(np.float32)
        x = correlated(4 * n, n)
        h = x.T @ x / len(x)
        for bits, offset in ((4, "none"), (3, "integer"), (2, "float")):
            fmt = Format(bits, group, offset)
            for kind, static in (("none", False), ("none", True),
                                 ("grouped", False), ("grouped", True),
                                 ("descending", True)):
                order = order_of(h, group, kind)
                got = solvers.gptq(
                    w, h * len(x), fmt.text, count=len(x), order=kind,
                    static=static, scale="range", damping=0.01)
                damping = got.report["damping"]
                assert np.isclose(damping, 0.01 * np.diag(h).mean())
                codes, values = gptq(w, h, fmt, damping, order, static)
                # A value in the middle of two codes may go either way, and
                # takes the rest of its row along.
                assert (got.codes == codes).all(1).mean() >= 0.9
                expected = loss(w - values, h)
                measured = loss(w - got.values, h)
                assert abs(measured / expected - 1) < 0.01
                assert np.isclose(got.report["output_error"], measured,
                                  rtol=1e-4)
                nearest = solvers.solve(w, fmt.text, "rtn")
                if static:
                    assert measured < 0.8 * loss(w - nearest.values, h)


def check_rank() -> None:
    """Fewer rows than inputs, inputs that are always zero, nothing at all."""
    w = rng.standard_normal((12, 96)).astype(np.float32)
    fmt = "#fmt.int<4, block = [1, 32]>"
    x = correlated(300, 96, rank=20)
    x[:, [0, 5, 40, 95]] = 0
    for moment, dead in ((x.T @ x, 4), (np.zeros((96, 96)), 96)):
        for order in ("none", "grouped", "descending"):
            got = solvers.gptq(w, moment, fmt, count=len(x), order=order)
            assert np.isfinite(got.values).all()
            assert got.report["dead_inputs"] == dead
            assert got.report["damping"] > 0
    # Inputs that never spoke are rounded to nearest, not erased.
    silent = solvers.gptq(w, x.T @ x, fmt, count=len(x), scale="range",
                          static=True)
    nearest = solvers.solve(w, fmt, "rtn")
    columns = [0, 5, 40, 95]
    assert (silent.codes[:, columns] == nearest.codes[:, columns]).all()
    # A well-conditioned moment is not damped at all.
    got = solvers.gptq(w, np.eye(96), fmt)
    assert got.report["damping"] == 0
    # Rounding errors of an accumulation in float32 leave it indefinite.
    half = x.astype(np.float32)
    got = solvers.gptq(w, half.T @ half, fmt, count=len(x), damping=0)
    assert 0 < got.report["damping"] < 1e-3 * np.diag(x.T @ x).mean() / len(x)


def check_bias() -> None:
    """Centering leaves to the bias what the bias can take over."""
    w = rng.standard_normal((16, 64)).astype(np.float32)
    x = correlated(500, 64) + 3 * rng.standard_normal(64)
    arguments = dict(format="#fmt.int<3, block = [1, 32]>",
                     second_moment=x.T @ x, count=len(x), mean=x.mean(0))

    def error(result):
        y = x @ (w - result.values).T
        return float(((y - result.bias_correction) ** 2).sum() / len(x))
    for solver in ("rtn-mse", "gptq"):
        plain = solvers.solve(w, solver=solver, **arguments)
        centered = solvers.solve(w, solver=solver, centered=True, **arguments)
        assert np.allclose(plain.bias_correction,
                           (w - plain.values) @ x.mean(0), atol=1e-4)
        if solver == "gptq":
            assert error(centered) < error(plain)
        assert np.isclose(centered.report["output_error"], error(centered),
                          rtol=1e-3)


def check_stream() -> None:
    """Against the least squares optimum on inputs that are wrong already."""
    w = rng.standard_normal((8, 64)).astype(np.float32)
    reference = correlated(600, 64)
    x = reference + 0.3 * rng.standard_normal(reference.shape) * reference.std()
    best = np.linalg.lstsq(x, reference @ w.T, rcond=None)[0].T
    arguments = dict(format="#fmt.int<8, per_row>", second_moment=x.T @ x,
                     count=len(x))
    cross = reference.T @ x
    got = solvers.gptq(w, cross_moment=cross, correction=1,
                       correction_damping=0, **arguments)
    assert abs(got.values - best).max() < 0.05 * abs(best).max()

    def error(result):
        return float(((reference @ w.T - x @ result.values.T) ** 2).sum())
    plain = error(solvers.gptq(w, **arguments))
    some = error(solvers.gptq(w, cross_moment=cross, **arguments))
    assert error(got) < some < plain


def check_threads() -> None:
    """The same bytes whoever else works."""
    layers = []
    for n in (384, 200, 257):
        x = correlated(n + 50, n)
        layers.append((rng.standard_normal((300, n)).astype(np.float32),
                       x.T @ x))

    def solve(layer):
        got = solvers.gptq(*layer, "#fmt.int<4, block = [1, 64], scale = f16>",
                           count=100)
        return got.codes.tobytes() + got.scales.tobytes() + repr(
            got.report).encode()
    alone = [solve(layer) for layer in layers]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        assert list(pool.map(solve, layers * 3)) == alone * 3


def check_refusals() -> None:
    w = np.ones((4, 8), np.float32)
    fmt = "#fmt.int<4, per_row>"
    moment = np.eye(8)
    refused(lambda: solvers.solve(w, "#fmt.int<4"), 2)
    refused(lambda: solvers.solve(w, "i8"), 2, "#fmt.int")
    refused(lambda: solvers.solve(w, fmt, "magic"), 2, "'magic'", "gptq")
    refused(lambda: solvers.solve(w, fmt, "rtn", steps=3), 2, "'steps'")
    refused(lambda: solvers.gptq(w, moment, fmt, damping=-1), 2, "'damping'",
            "0 to 1", "'-1'")
    refused(lambda: solvers.gptq(w, moment, fmt, order="up"), 2, "'up'")
    refused(lambda: solvers.gptq(w, None, fmt), 1, "second moment", "rtn-mse")
    refused(lambda: solvers.gptq(w, np.eye(7), fmt), 1, "[8, 8]", "[7, 7]")
    refused(lambda: solvers.gptq(w, moment, fmt, count=0), 1, "1 or more")
    refused(lambda: solvers.gptq(w, -moment, fmt), 1, "negative")
    refused(lambda: solvers.gptq(w, moment * np.nan, fmt), 1, "finite")
    refused(lambda: solvers.gptq(w, moment, fmt, centered=True), 1, "mean")
    refused(lambda: solvers.gptq(w, 1 - moment, fmt), 1,
            "positive semidefinite")
    refused(lambda: solvers.solve(w[0], fmt, "rtn"), 1, "matrix")
    refused(lambda: solvers.solve(w * np.inf, fmt, "rtn"), 1, "finite", "element 0")
    refused(lambda: solvers.solve(w, fmt, "rtn-mse",
                                  importance=np.ones(3)), 1, "importance")
    empty = solvers.solve(w[:0], fmt, "rtn")
    assert empty.codes.shape == (0, 8)
    solvers.gptq(w[:0], moment, fmt)
    solvers.gptq(w[:, :0], np.zeros((0, 0)), fmt)


def check_docs() -> None:
    """The page's tables are the options there are."""
    sections = pathlib.Path(sys.argv[1]).read_text().split("\n## ")
    for info in solvers.available():
        page = next(section for section in sections
                    if section.startswith(info.name + "\n"))
        rows = [line for line in page.splitlines()
                if line.startswith("| `")]
        assert rows == [
            f"| `{option.name}` | {option.values} | `{option.default}` | "
            f"{option.summary} |" for option in info.options], info.name


assert {info.name for info in solvers.available()} == {"rtn", "rtn-mse",
                                                       "gptq"}
for name, check in list(globals().items()):
    if name.startswith("check_"):
        check()

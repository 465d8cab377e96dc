# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# RUN: %python %s %t
"""quantc run on .npy and .npz files that NumPy wrote, and on hostile ones."""

import os
import pathlib
import shutil
import subprocess
import sys
import warnings
import zipfile

import numpy as np

folder = pathlib.Path(sys.argv[1])
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)
quantc = pathlib.Path(os.environ["QUANTC_BUILD_DIR"]) / "bin" / "quantc"

(folder / "negate.mlir").write_text("""
func.func @main(
    %x: tensor<?x4xf32> {qnn.name = "a/x",
                         qnn.shape = affine_map<()[s0] -> (s0, 4)>})
    -> (tensor<?x4xf32> {qnn.name = "b/y"})
    attributes {qnn.entry, qnn.symbols = ["n"]} {
  %y = qnn.neg %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
""")


def run(*inputs: str):
    words = [word for value in inputs for word in ("--input", value)]
    return subprocess.run([str(quantc), "run", str(folder / "negate.mlir"),
                           *words, "--output-dir", str(folder / "out")],
                          capture_output=True, text=True)


def accepted(what: str, expected: np.ndarray) -> None:
    done = run(what)
    assert done.returncode == 0, done.stderr
    got = np.load(folder / "out" / "b_y.npy")
    assert got.dtype == expected.dtype and np.array_equal(got, expected)


def refused(status: int, text: str, *inputs: str) -> None:
    done = run(*inputs)
    assert done.returncode == status, (done.returncode, done.stderr)
    assert done.stderr.count("\n") == 1 and text in done.stderr, done.stderr


def member(data: np.ndarray) -> bytes:
    np.save(folder / "member.npy", data)
    return (folder / "member.npy").read_bytes()


x = np.arange(12, dtype=np.float32).reshape(3, 4)
path = str(folder / "x.npy")
for array in (x, np.asfortranarray(x), x.astype(">f4"), x[:0], x[::2]):
    np.save(path, array)
    accepted(path, -array.astype("<f4"))
    accepted(f"a/x={path}", -array.astype("<f4"))

archive = folder / "x.npz"
np.savez(archive, **{"a/x": x})
accepted(str(archive), -x)
np.savez_compressed(archive, **{"a/x": np.asfortranarray(x)})
accepted(str(archive), -x)

np.savez(archive, x=x)
refused(1, "'x'", str(archive))
np.savez(archive, **{"a/x": x.astype(np.float64)})
refused(1, "float64", str(archive))

# A checksum that is wrong: one byte of stored data changed.
np.savez(archive, **{"a/x": x})
data = bytearray(archive.read_bytes())
data[data.index(x.tobytes())] ^= 1
archive.write_bytes(data)
refused(1, "damaged", str(archive))

for size in (0, 10, len(data) // 2, len(data) - 1):
    archive.write_bytes(data[:size])
    refused(1, "x.npz", str(archive))

# NumPy's own loader takes one of two members with the same name.
with zipfile.ZipFile(archive, "w") as file:
    file.writestr("a/x.npy", member(x))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file.writestr("a/x.npy", member(2 * x))
refused(1, "twice", str(archive))

with zipfile.ZipFile(archive, "w") as file:
    file.writestr("readme.txt", "hello")
refused(1, "readme.txt", str(archive))

# An archive that says it holds 12 GB is refused before a byte is inflated.
big = member(np.zeros(12345, np.float32))
with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
    for name in "abc":
        file.writestr(f"{name}.npy", big)
size = len(big).to_bytes(4, "little")
assert archive.read_bytes().count(size) == 6
archive.write_bytes(archive.read_bytes().replace(size, b"\xf0\xff\xff\xff"))
refused(3, "8589934592 bytes", str(archive))

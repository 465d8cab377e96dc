# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the models that fuzzing starts from: good ones, bad ones, one node each.

    python test/fuzz/seeds.py FOLDER
"""

import pathlib
import sys
import tempfile

from onnx import helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "end-to-end"))
import _bad_models as models  # noqa: E402

UNARY = ("Relu", "Erf", "Tanh", "Softmax", "Transpose", "Flatten", "Shape",
         "Identity", "Sigmoid", "ReduceMean", "Cast", "Squeeze")


def main() -> int:
    target = pathlib.Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    (target / "linear").write_bytes(models.linear_proto().SerializeToString())
    for op in UNARY:
        attributes = {"to": 1} if op == "Cast" else {}
        node = helper.make_node(op, ["x"], ["y"], **attributes)
        (target / op).write_bytes(models.model([node]).SerializeToString())
    for name, make, *_ in models.CASES + models.ACCEPTED:
        with tempfile.TemporaryDirectory() as folder:
            data = make(pathlib.Path(folder)).read_bytes()
        if len(data) < 1 << 16:
            (target / name.replace(" ", "-").replace("/", "")).write_bytes(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""quantc compare --per-layer on the real models.

    python test/end-to-end/compare_layers.py

One layer is broken on purpose, by 2 bits where the others have 8: it must come
first.  Rewritten models in float must show no error in any layer, which says
that values are brought back.  Outputs must be those of compiled libraries.
"""

import pathlib
import sys
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "benchmark"))
import workloads  # noqa: E402
from models import bible, data, perplexity  # noqa: E402

import quantc  # noqa: E402
from _checks import Checks  # noqa: E402

SAMPLES = 6
BROKEN = {"minilm": "/encoder/layer.2/attention/self/value/MatMul",
          "decoder": "/model/layers.1/mlp/up_proj/MatMul"}
checks = Checks()
report = checks.report


def samples(model: str, folder: pathlib.Path) -> str:
    target = folder / f"{model}-samples"
    target.mkdir()
    if model == "minilm":
        inputs = [data.minilm_inputs([text])
                  for text in bible.sentences(SAMPLES)]
    else:
        windows = perplexity.windows(perplexity.chapter_tokens(True))
        inputs = [perplexity.decoder_inputs(window.tokens[None])
                  for window in windows[:SAMPLES]]
    for i, sample in enumerate(inputs):
        np.savez(target / f"{i}.npz", **sample)
    return str(target)


def check(model: str, folder: pathlib.Path) -> None:
    onnx = str(workloads.onnx_path(model, folder))
    test = samples(model, folder)

    def layers(name: str, text: str, **arguments) -> dict:
        file = folder / f"{name}.yaml"
        file.write_text("quantc: 1\n" + text)
        return quantc.compare(onnx, onnx, test, per_layer=True,
                              recipe=str(file), **arguments)

    got = layers("broken", f"""base: w8a8-dynamic
overrides:
  - nodes: "{BROKEN[model]}"
    weights: int<2, axis = 0>
""")
    top, rest = got["layers"][0], got["layers"][1:]
    report(f"{model}: the broken layer comes first",
           top["name"] == BROKEN[model], top["name"])
    report(f"{model}: and stands out tenfold", top["own"]["relative_error"] >
           10 * rest[0]["own"]["relative_error"])
    report(f"{model}: what it inherits is not counted as its own",
           all(layer["own"]["relative_error"] < 0.01 for layer in rest))

    library = str(folder / f"{model}.so")
    quantc.compile(onnx, library, recipe=str(folder / "broken.yaml"))
    plain = str(folder / f"{model}-fp32.so")
    quantc.compile(onnx, plain)
    report(f"{model}: outputs are those of the libraries",
           quantc.compare(plain, library, test)["outputs"] == got["outputs"])

    for name, passes, calib in (("rotate", "rotate", ""),
                                ("equalize", "equalize", ""),
                                ("smooth", "smooth-quant{alpha=0.5}", test)):
        got = layers(name, f'rewrites: ["{passes}"]\n', calib=calib)
        worst = max(layer[side]["relative_error"] for layer in got["layers"]
                    for side in ("own", "total"))
        report(f"{model}: {name} in float, worst {worst:.1e}", worst < 1e-10)
        changed = sum(bool(layer["rewrites"]) for layer in got["layers"])
        if name == "rotate":
            linears = sum(layer["kind"] == "linear" for layer in got["layers"])
            report(f"{model}: rotate, {changed} of {linears} linears rotated",
                   changed == linears)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        for model in BROKEN:
            path = pathlib.Path(folder) / model
            path.mkdir()
            check(model, path)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())

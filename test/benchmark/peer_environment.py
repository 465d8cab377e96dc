# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Peers that live in a Python environment of their own: OpenVINO with NNCF,
and ONNX Runtime's 4-bit quantizer, which needs a package that quantc does not.

    python3 -m venv peers
    peers/bin/pip install openvino==2026.4.1 nncf==3.4.0 onnxruntime==1.32.0 \
        onnx_ir==1.1.0

The benchmarks take that environment's interpreter from `--peer PYTHON` or from
QUANTC_PEER_PYTHON and leave its engines out, saying so, where there is none.
They start this file with it:

    peer_environment.py make ENGINE --source MODEL.onnx --samples FOLDER --out FILE
    peer_environment.py time --file FILE --inputs FILE.npz --threads N ...   one JSON line
    peer_environment.py serve --file FILE --threads N       .npz on stdin, .npz on stdout

Nothing of quantc's is imported here but the timing loop.

    openvino-int8       nncf.quantize with the samples, as for transformers
    openvino-int8-f32   the same file; what is not int8 is computed in float32,
                        where OpenVINO by itself takes bfloat16 if the CPU can
    openvino-int4       nncf.compress_weights: 4 bits, blocks of 32, all layers
    ort-int4            MatMulNBitsQuantizer: 4 bits, blocks of 32

NNCF's forms of int4 that take data do not work on MatMuls whose weight is
[in, out], as MiniLM's are: GPTQ refuses them ("Transpose is not supported"),
scale estimation gives a model whose mean cosine is -0.015.
"""

import argparse
import io
import json
import pathlib
import struct
import sys

import numpy as np

import timing


def read_samples(folder: pathlib.Path) -> list[dict[str, np.ndarray]]:
    return [dict(np.load(file)) for file in sorted(folder.glob("*.npz"))]


def make_openvino(engine: str, source: pathlib.Path, samples: pathlib.Path,
                  out: pathlib.Path) -> None:
    import nncf
    import openvino
    model = openvino.Core().read_model(source)
    if engine == "openvino-int8":
        data = read_samples(samples)
        model = nncf.quantize(model, nncf.Dataset(data),
                              model_type=nncf.ModelType.TRANSFORMER,
                              subset_size=len(data))
    else:
        model = nncf.compress_weights(
            model, mode=nncf.CompressWeightsMode.INT4_SYM, group_size=32,
            ratio=1.0, all_layers=True)
    openvino.save_model(model, out, compress_to_fp16=False)


def make_ort(source: pathlib.Path, out: pathlib.Path) -> None:
    import onnx
    from onnxruntime.quantization import matmul_nbits_quantizer
    quantizer = matmul_nbits_quantizer.MatMulNBitsQuantizer(
        onnx.load(source), bits=4, block_size=32, is_symmetric=True)
    quantizer.process()
    quantizer.model.save_model_to_file(str(out))


def load(file: pathlib.Path, threads: int, precision: str):
    """A function from inputs to outputs by name."""
    import openvino
    options = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1,
               "PERFORMANCE_HINT": "LATENCY"}
    if precision:
        options["INFERENCE_PRECISION_HINT"] = precision
    request = openvino.Core().compile_model(
        file, "CPU", options).create_infer_request()

    def run(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        result = request.infer(inputs)
        return {port.get_any_name(): value for port, value in result.items()}
    return run


def serve(run) -> None:
    """Messages are a length of 8 bytes, then the bytes of an .npz file."""
    while size := sys.stdin.buffer.read(8):
        message = sys.stdin.buffer.read(*struct.unpack("<q", size))
        outputs = io.BytesIO()
        np.savez(outputs, **run(dict(np.load(io.BytesIO(message)))))
        sys.stdout.buffer.write(struct.pack("<q", outputs.tell()))
        sys.stdout.buffer.write(outputs.getvalue())
        sys.stdout.buffer.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("make")
    command.add_argument("engine")
    command.add_argument("--source", type=pathlib.Path, required=True)
    command.add_argument("--samples", type=pathlib.Path, required=True)
    command.add_argument("--out", type=pathlib.Path, required=True)
    for name in ("time", "serve"):
        command = commands.add_parser(name)
        command.add_argument("--file", type=pathlib.Path, required=True)
        command.add_argument("--threads", type=int, default=1)
        command.add_argument("--precision", default="")
        if name == "time":
            command.add_argument("--inputs", type=pathlib.Path, required=True)
            command.add_argument("--warmup", type=float, default=0.3)
            command.add_argument("--seconds", type=float, default=1.0)
            command.add_argument("--runs", type=int, default=10)
    options = parser.parse_args()
    if options.command == "make":
        if options.engine == "ort-int4":
            make_ort(options.source, options.out)
        else:
            make_openvino(options.engine, options.source, options.samples,
                          options.out)
        return 0
    run = load(options.file, options.threads, options.precision)
    if options.command == "serve":
        serve(run)
        return 0
    inputs = dict(np.load(options.inputs))
    print(json.dumps(timing.measure(lambda: run(inputs), options.warmup,
                                    options.seconds, options.runs)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

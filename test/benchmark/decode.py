# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Decode speed beside llama.cpp's Q4_0, on decoders of the same shape.

    python test/benchmark/decode.py --peer PYTHON [--sizes 30m 135m]
        [--recipe w4a8] [--threads 1 2] [--rounds N]

Both sides get one set of random weights: ours as ONNX (models/decoder.py),
compiled with the recipe, llama.cpp's as GGUF with every matrix in Q4_0.  A
round starts one process per side, in turns; each feeds a prompt of 32 tokens
and times single tokens after it, at the same positions.  A third process reads
as many bytes as our weights take, with as many threads: the probe.  The table
shows medians over rounds and, as the ratio, the median of the rounds' ratios.

llama.cpp has an environment of its own, since it is built from source:

    python -m venv DIR
    DIR/bin/pip install llama-cpp-python gguf numpy

PYTHON is DIR/bin/python; QUANTC_LLAMA_PYTHON says the same.  A machine that
reports AMX but traps its instructions (some virtual ones) needs, for pip,

    CMAKE_ARGS="-DCMAKE_C_FLAGS=-mno-amx-int8 -DCMAKE_CXX_FLAGS=-mno-amx-int8"
"""

import argparse
import ctypes
import json
import os
import pathlib
import statistics
import subprocess
import sys
import threading
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROMPT, WARM = 32, 8
# vocabulary, width, layers, heads, key heads, width of a head, hidden
SIZES = {
    "30m": (8192, 512, 9, 8, 4, 64, 1408),
    "135m": (49152, 576, 30, 9, 3, 64, 1536),
}


#===------------------------------------------------------------------------===#
# Files
#===------------------------------------------------------------------------===#

def shapes(size: str) -> dict[str, tuple[int, ...]]:
    """Parameters by the names of Hugging Face's Llama, [out, in]."""
    vocabulary, width, layers, heads, kv_heads, head, hidden = SIZES[size]
    found = {"model.embed_tokens.weight": (vocabulary, width),
             "model.norm.weight": (width,)}
    for i in range(layers):
        of = f"model.layers.{i}."
        found |= {
            of + "input_layernorm.weight": (width,),
            of + "post_attention_layernorm.weight": (width,),
            of + "self_attn.q_proj.weight": (heads * head, width),
            of + "self_attn.k_proj.weight": (kv_heads * head, width),
            of + "self_attn.v_proj.weight": (kv_heads * head, width),
            of + "self_attn.o_proj.weight": (width, heads * head),
            of + "mlp.gate_proj.weight": (hidden, width),
            of + "mlp.up_proj.weight": (hidden, width),
            of + "mlp.down_proj.weight": (width, hidden),
        }
    return found


def random_weights(size: str) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    return {name: np.ones(shape, np.float32) if len(shape) == 1 else
            rng.standard_normal(shape, np.float32) * np.float32(
                shape[1] ** -0.5) for name, shape in shapes(size).items()}


def make_ours(size: str, folder: pathlib.Path, recipe: str) -> pathlib.Path:
    target = folder / f"decode-{size}-{pathlib.Path(recipe).stem}.so"
    if target.exists():
        return target
    source = folder / f"decode-{size}.onnx"
    if not source.exists():
        sys.path.insert(0, str(ROOT))
        import onnx
        from models import decoder
        config = decoder.Config(*SIZES[size])
        onnx.save(decoder.to_onnx(random_weights(size), config), source)
    build = pathlib.Path(os.environ.get("QUANTC_BUILD_DIR", ROOT / "build"))
    subprocess.run([build / "bin" / "quantc", "compile", source, "-o", target,
                    "--recipe", recipe], check=True)
    return target


# Parts of a layer as GGUF names them.
GGUF_NAMES = {
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def gguf_name(name: str) -> str:
    if name == "model.embed_tokens.weight":
        return "token_embd.weight"
    if name == "model.norm.weight":
        return "output_norm.weight"
    _, _, layer, part = name.removesuffix(".weight").split(".", 3)
    return f"blk.{layer}.{GGUF_NAMES[part]}.weight"


def write_gguf(size: str, target: pathlib.Path) -> None:
    """Runs in the peer's environment.  Query and key rows need no permutation:
    the weights are random, and only the time is compared."""
    import gguf
    from gguf import quants
    vocabulary, width, layers, heads, kv_heads, head, hidden = SIZES[size]
    writer = gguf.GGUFWriter(target, "llama")
    writer.add_context_length(2048)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(hidden)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_dimension_count(head)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(vocabulary)
    # A vocabulary of no use: an unknown token, the bytes and numbers.
    names = ["<unk>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    names += [f"t{i}" for i in range(vocabulary - len(names))]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(names)
    writer.add_token_scores([0.0] * vocabulary)
    writer.add_token_types([2] + [6] * 256 + [1] * (vocabulary - 257))
    q4 = gguf.GGMLQuantizationType.Q4_0
    for name, value in random_weights(size).items():
        if value.ndim == 1:
            writer.add_tensor(gguf_name(name), value)
        else:
            writer.add_tensor(gguf_name(name), quants.quantize(value, q4),
                              raw_dtype=q4)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def make_peer(size: str, folder: pathlib.Path, python: str) -> pathlib.Path:
    target = folder / f"decode-{size}.gguf"
    if not target.exists():
        partial = target.with_suffix(".partial")
        subprocess.run([python, __file__, "--worker", "gguf", "--size", size,
                        "--file", partial], check=True)
        partial.rename(target)
    return target


#===------------------------------------------------------------------------===#
# Workers
#===------------------------------------------------------------------------===#

def clock(threads: int):
    """With one thread its own time, which a busy machine disturbs less."""
    return time.thread_time if threads == 1 else time.perf_counter


def time_steps(feed, size: str, threads: int, steps: int) -> dict[str, float]:
    """`feed(tokens, position)` runs a piece of the sequence."""
    now = clock(threads)
    tokens = np.random.default_rng(1).integers(
        0, SIZES[size][0], PROMPT + WARM + steps)
    feed(tokens[:PROMPT], 0)
    times = []
    for position in range(PROMPT, len(tokens)):
        begin = now()
        feed(tokens[position:position + 1], position)
        times.append((now() - begin) * 1e3)
    times = times[WARM:]
    return {"median_ms": statistics.median(times), "min_ms": min(times)}


def run_ours(size: str, file: str, threads: int, steps: int) -> dict:
    import quantc
    model = quantc.load(file)
    cache = model.cache(PROMPT + WARM + steps, batch=1)

    def feed(tokens, position):
        positions = np.arange(position, position + len(tokens))
        model.run({"input_ids": tokens[None], "position_ids": positions[None]},
                  cache=cache, threads=threads)
    return time_steps(feed, size, threads, steps)


def run_peer(size: str, file: str, threads: int, steps: int) -> dict:
    import llama_cpp as llama
    quiet = llama.llama_log_callback(lambda level, text, data: None)
    llama.llama_log_set(quiet, None)
    llama.llama_backend_init()
    model = llama.llama_model_load_from_file(
        file.encode(), llama.llama_model_default_params())
    parameters = llama.llama_context_default_params()
    parameters.n_ctx = PROMPT + WARM + steps
    parameters.n_threads = parameters.n_threads_batch = threads
    context = llama.llama_init_from_model(model, parameters)

    def feed(tokens, position):
        array = (llama.llama_token * len(tokens))(*tokens.tolist())
        status = llama.llama_decode(
            context, llama.llama_batch_get_one(array, len(tokens)))
        if status != 0:
            raise RuntimeError(f"llama_decode returned {status}")
        llama.llama_get_logits(context)  # waits until the step is done
    return time_steps(feed, size, threads, steps)


def run_probe(library: str, size: int, threads: int, steps: int) -> dict:
    probe = ctypes.CDLL(library)
    part = size // threads // 4096 * 4096
    arrays = [np.ones(part, np.uint8) for _ in range(threads)]
    now, times = clock(threads), []
    gate, done = (threading.Barrier(threads) for _ in range(2))

    def read(array):
        probe.probe_read(array.ctypes.data_as(ctypes.c_void_p),
                         ctypes.c_int64(array.nbytes))

    def help_reading(array):
        for _ in range(WARM + steps):
            gate.wait()
            read(array)
            done.wait()
    workers = [threading.Thread(target=help_reading, args=(a,))
               for a in arrays[1:]]
    for worker in workers:
        worker.start()
    for _ in range(WARM + steps):
        gate.wait()
        begin = now()
        read(arrays[0])
        if workers:
            done.wait()
        times.append((now() - begin) * 1e3)
    for worker in workers:
        worker.join()
    return {"median_ms": statistics.median(times[WARM:]),
            "min_ms": min(times[WARM:])}


def work(options: argparse.Namespace) -> int:
    if options.worker == "gguf":
        write_gguf(options.size, options.file)
        return 0
    arguments = str(options.file), options.thread, options.steps
    if options.worker == "ours":
        record = run_ours(options.size, *arguments)
    elif options.worker == "peer":
        record = run_peer(options.size, *arguments)
    else:
        record = run_probe(arguments[0], options.bytes, *arguments[1:])
    print(json.dumps(record))
    return 0


#===------------------------------------------------------------------------===#
# Rounds
#===------------------------------------------------------------------------===#

def start(python: str, worker: str, **options) -> dict:
    command = [python, __file__, "--worker", worker]
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{worker}: status {done.returncode}: "
                           f"{done.stderr.strip()[-500:]}")
    return json.loads(done.stdout.splitlines()[-1])


def weight_bytes(size: str, bits: float) -> int:
    """Bytes that a token reads: all matrices, the tied table once."""
    return int(sum(np.prod(s) for s in shapes(size).values()
                   if len(s) == 2) * bits / 8)


def make_files(size: str, options) -> dict[str, pathlib.Path]:
    build = pathlib.Path(os.environ.get("QUANTC_BUILD_DIR", ROOT / "build"))
    folder = build / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / "probe.so"
    subprocess.run(["clang-22", "-O2", "-march=native", "-shared", "-fPIC",
                    "-ffp-contract=off", "-o", probe,
                    ROOT / "test" / "benchmark" / "gemm" / "probe.c"],
                   check=True)
    return {"ours": make_ours(size, folder, options.recipe),
            "peer": make_peer(size, folder, options.peer), "probe": probe}


def compare(size: str, files: dict, threads: int, options) -> float:
    """How many times as fast as llama.cpp, after printing it."""
    read = weight_bytes(size, options.bits)
    sides = {
        "ours": (sys.executable, {"size": size, "file": files["ours"]}),
        "peer": (options.peer, {"size": size, "file": files["peer"]}),
        "probe": (sys.executable, {"file": files["probe"], "bytes": read}),
    }
    records = {name: [] for name in sides}
    for _ in range(options.rounds):
        for name, (python, extra) in sides.items():
            records[name].append(start(python, name, thread=threads,
                                       steps=options.steps, **extra))

    def of(name, key="median_ms"):
        return [record[key] for record in records[name]]
    middle = {name: statistics.median(of(name)) for name in sides}
    ratios = [theirs / mine for theirs, mine in zip(of("peer"), of("ours"))]
    best = min(of("peer", "min_ms")) / min(of("ours", "min_ms"))
    print(f"{size}, {threads} threads: ours {1e3 / middle['ours']:.0f} tokens/s "
          f"({middle['ours']:.2f} ms), llama.cpp Q4_0 "
          f"{1e3 / middle['peer']:.0f} ({middle['peer']:.2f} ms): "
          f"{statistics.median(ratios):.2f} times "
          f"({min(ratios):.2f} to {max(ratios):.2f}; fastest steps "
          f"{best:.2f}); {100 * middle['probe'] / middle['ours']:.0f} % of "
          f"reading {read / 1e6:.1f} MB", flush=True)
    return statistics.median(ratios)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--peer",
                        default=os.environ.get("QUANTC_LLAMA_PYTHON"),
                        help="python with llama-cpp-python, gguf and numpy")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=["30m",
                                                                      "135m"])
    parser.add_argument("--recipe", default="w4a8")
    parser.add_argument("--bits", type=float, default=4.375,
                        help="stored bits per weight of the recipe")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=96)
    hidden = {"help": argparse.SUPPRESS}
    parser.add_argument("--worker", choices=["gguf", "ours", "peer", "probe"],
                        **hidden)
    parser.add_argument("--size", choices=SIZES, **hidden)
    parser.add_argument("--file", type=pathlib.Path, **hidden)
    parser.add_argument("--thread", type=int, **hidden)
    parser.add_argument("--bytes", type=int, **hidden)
    options = parser.parse_args(arguments)
    if not options.worker and not options.peer:
        parser.error("--peer PYTHON or QUANTC_LLAMA_PYTHON is needed; --help "
                     "says how to make that environment")
    return options


def main() -> int:
    options = parse()
    if options.worker:
        return work(options)
    for size in options.sizes:
        files = make_files(size, options)
        for threads in options.threads:
            compare(size, files, threads, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Trains the Bible decoder and its tokenizer, writes ONNX and perplexity.

    python models/train_decoder.py [--epochs N] [--threads N] [--output DIR]

Needs torch (CPU), which is not part of tools/setup.sh: see README.md beside
this file.  Writes bible_tokenizer.json, bible_decoder.onnx and
bible_decoder.json, the committed files; the perplexity is of the ONNX file
under ONNX Runtime.
"""

import argparse
import json
import math
import pathlib
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from models import bible, decoder, perplexity  # noqa: E402
from models.decoder import CONFIG  # noqa: E402
from models.graph import histogram, save  # noqa: E402

SEED = 20261122
PROMPT = "And it came to pass in those days, that"


class Norm(nn.Module):

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(CONFIG.width))

    def forward(self, x):
        mean = x.pow(2).mean(-1, keepdim=True)
        return self.weight * (x * torch.rsqrt(mean + CONFIG.epsilon))


def rotate(x, cos, sin):
    """Rotary embedding of x [b, heads, s, head] by tables [s, head]."""
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat((-second, first), -1) * sin


class Layer(nn.Module):
    """Attention and gated MLP, both after a norm and with a residual."""

    def __init__(self, dropout: float):
        super().__init__()
        c = CONFIG
        self.dropout = nn.Dropout(dropout)
        self.input_layernorm, self.post_attention_layernorm = Norm(), Norm()
        self.self_attn = nn.ModuleDict({
            "q_proj": nn.Linear(c.width, c.heads * c.head, bias=False),
            "k_proj": nn.Linear(c.width, c.kv_heads * c.head, bias=False),
            "v_proj": nn.Linear(c.width, c.kv_heads * c.head, bias=False),
            "o_proj": nn.Linear(c.heads * c.head, c.width, bias=False)})
        self.mlp = nn.ModuleDict({
            "gate_proj": nn.Linear(c.width, c.hidden, bias=False),
            "up_proj": nn.Linear(c.width, c.hidden, bias=False),
            "down_proj": nn.Linear(c.hidden, c.width, bias=False)})

    def attend(self, x, cos, sin):
        b, s, _ = x.shape
        q, k, v = (self.self_attn[name](x).view(b, s, -1, CONFIG.head)
                   .transpose(1, 2) for name in ("q_proj", "k_proj", "v_proj"))
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        groups = CONFIG.heads // CONFIG.kv_heads
        k, v = (t.repeat_interleave(groups, 1) for t in (k, v))
        mixed = functional.scaled_dot_product_attention(q, k, v,
                                                        is_causal=True)
        return self.self_attn["o_proj"](mixed.transpose(1, 2).flatten(2))

    def forward(self, x, cos, sin):
        x = x + self.dropout(self.attend(self.input_layernorm(x), cos, sin))
        y = self.post_attention_layernorm(x)
        y = functional.silu(self.mlp["gate_proj"](y)) * self.mlp["up_proj"](y)
        return x + self.dropout(self.mlp["down_proj"](y))


class Decoder(nn.Module):
    """Tokens i64 [b, s] to logits f32 [b, s, vocabulary]."""

    def __init__(self, dropout: float):
        super().__init__()
        self.model = nn.ModuleDict({
            "embed_tokens": nn.Embedding(CONFIG.vocabulary, CONFIG.width),
            "layers": nn.ModuleList(Layer(dropout)
                                    for _ in range(CONFIG.layers)),
            "norm": Norm()})
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                out = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.normal_(weight, std=0.02 / (
                    math.sqrt(2 * CONFIG.layers) if out else 1))
        angles = torch.outer(torch.arange(CONFIG.context).float(),
                             torch.from_numpy(decoder.inverse_frequencies()))
        self.angles = torch.cat((angles, angles), -1)

    def forward(self, tokens):
        x = self.model["embed_tokens"](tokens)
        angles = self.angles[:tokens.shape[1]]
        for layer in self.model["layers"]:
            x = layer(x, angles.cos(), angles.sin())
        return functional.linear(self.model["norm"](x),
                                 self.model["embed_tokens"].weight)


def train_tokenizer(path: pathlib.Path) -> None:
    """A byte-level BPE of CONFIG.vocabulary tokens on the training chapters."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    coder = Tokenizer(models.BPE())
    coder.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    coder.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=CONFIG.vocabulary, special_tokens=[perplexity.START],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False)
    coder.train_from_iterator(
        [perplexity.chapter_text(c) for c in bible.chapters(False)], trainer)
    coder.save(str(path))


def train(model: Decoder, tokens: torch.Tensor, options) -> None:
    """AdamW with a cosine schedule on random windows of the chapters, which lie
    one behind the other in `tokens`."""
    groups = [{"params": [p for p in model.parameters() if p.ndim == 2],
               "weight_decay": 0.1},
              {"params": [p for p in model.parameters() if p.ndim == 1],
               "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=options.rate, betas=(0.9, 0.95))
    per_epoch = len(tokens) // (options.batch * CONFIG.context)
    steps = round(per_epoch * options.epochs)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, options.rate, total_steps=steps, pct_start=0.05,
        cycle_momentum=False, final_div_factor=100)
    span = torch.arange(CONFIG.context + 1)
    model.train()
    start, total = time.time(), 0.0
    for step in range(1, steps + 1):
        begin = torch.randint(0, len(tokens) - CONFIG.context - 1,
                              (options.batch, 1))
        window = tokens[begin + span]
        with torch.autocast("cpu", torch.bfloat16, enabled=options.bf16):
            logits = model(window[:, :-1])
        loss = functional.cross_entropy(logits.float().flatten(0, 1),
                                        window[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        total += loss.item()
        if step % 100 == 0 or step == steps:
            print(f"step {step}/{steps} loss {total / (step % 100 or 100):.4f}"
                  f" {time.time() - start:.0f} s", flush=True)
            total = 0.0


def onnx_runner(path: pathlib.Path) -> perplexity.Run:
    import onnxruntime
    session = onnxruntime.InferenceSession(
        str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(names, inputs)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=float, default=7)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--dropout", type=float, default=0.1)
    flags = pathlib.Path("/proc/cpuinfo")
    amx = flags.exists() and "amx_bf16" in flags.read_text().split()
    parser.add_argument("--bf16", action=argparse.BooleanOptionalAction,
                        default=amx,
                        help="bf16 products (default: on CPUs with AMX)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=pathlib.Path,
                        default=pathlib.Path(__file__).parent)
    options = parser.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(options.threads)
    start = time.time()
    coder = options.output / perplexity.TOKENIZER.name
    train_tokenizer(coder)
    tokens = torch.from_numpy(
        np.concatenate(perplexity.chapter_tokens(False, coder)))
    model = Decoder(options.dropout)
    count = sum(p.numel() for p in model.parameters())
    print(f"{count} parameters, {len(tokens)} training tokens", flush=True)
    train(model, tokens, options)
    exported = decoder.to_onnx({name: value.detach().numpy() for name, value
                                in model.named_parameters()})
    seconds = round(time.time() - start)
    path = save(exported, options.output / "bible_decoder.onnx")
    run = onnx_runner(path)
    record = {
        "command": " ".join(["python models/train_decoder.py", *(
            f"--{name} {getattr(options, name)}" for name in
            ("epochs", "batch", "rate", "dropout", "threads")),
            *["--bf16"] * options.bf16]),
        "seed": SEED,
        "torch": torch.__version__,
        "training_seconds": seconds,
        "data": "Debian bible-kjv-text, 1,130 training chapters",
        "training_tokens": len(tokens),
        "held_out": perplexity.measure(run, coder),
        "parameters": count,
        "config": CONFIG._asdict(),
        "file_bytes": path.stat().st_size,
        "nodes": histogram(exported),
        "sample": perplexity.generate(run, PROMPT, 60, coder),
    }
    (options.output / "bible_decoder.json").write_text(
        json.dumps(record, indent=2) + "\n")
    print(f"perplexity {record['held_out']['perplexity']:.3f}, wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

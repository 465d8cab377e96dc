# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Text models: encoders, decoders with caches, mixtures of experts, state
spaces."""

import torch
import transformers
from torch import nn
from transformers.cache_utils import DynamicCache

from models_image import Pick
from spec import Family, Input

VOCABULARY = 99
ENCODER = dict(vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=2,
               num_attention_heads=2, intermediate_size=64,
               max_position_embeddings=64)
TEXT = (Input("input_ids", ("batch", "sequence"), "ids", VOCABULARY),
        Input("attention_mask", ("batch", "sequence"), "mask"))
TYPED = (*TEXT, Input("token_type_ids", ("batch", "sequence"), "ids", 2))
LENGTHS = ({"batch": 2, "sequence": 8}, {"batch": 1, "sequence": 5},
           {"batch": 3, "sequence": 17})


def names(inputs: tuple[Input, ...]) -> tuple[str, ...]:
    return tuple(value.name for value in inputs)


def bert() -> nn.Module:
    config = transformers.BertConfig(**ENCODER)
    return Pick(transformers.BertModel(config), names(TYPED),
                ("last_hidden_state", "pooler_output"))


def distilbert() -> nn.Module:
    config = transformers.DistilBertConfig(
        vocab_size=VOCABULARY, dim=32, n_layers=2, n_heads=2, hidden_dim=64,
        max_position_embeddings=64, num_labels=3)
    return Pick(transformers.DistilBertForSequenceClassification(config),
                names(TEXT), ("logits",))


class Embedder(nn.Module):
    """The mean of the tokens that the mask keeps, at length 1."""

    def __init__(self):
        super().__init__()
        self.model = transformers.BertModel(
            transformers.BertConfig(**{**ENCODER, "num_attention_heads": 4}),
            add_pooling_layer=False)

    def forward(self, input_ids, attention_mask, token_type_ids):
        hidden = self.model(input_ids, attention_mask,
                            token_type_ids).last_hidden_state
        kept = attention_mask.unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * kept).sum(1) / kept.sum(1).clamp(min=1e-9)
        return nn.functional.normalize(mean, dim=1)


def deberta() -> nn.Module:
    config = transformers.DebertaV2Config(
        **ENCODER, type_vocab_size=0, relative_attention=True,
        position_buckets=8, pos_att_type=["p2c", "c2p"], share_att_key=True,
        norm_rel_ebd="layer_norm", position_biased_input=False)
    return Pick(transformers.DebertaV2Model(config), names(TEXT),
                ("last_hidden_state",))


def t5() -> nn.Module:
    config = transformers.T5Config(
        vocab_size=VOCABULARY, d_model=32, d_kv=16, d_ff=64, num_layers=2,
        num_heads=2, relative_attention_num_buckets=8,
        relative_attention_max_distance=16, decoder_start_token_id=0)
    return Pick(transformers.T5ForConditionalGeneration(config),
                ("input_ids", "attention_mask", "decoder_input_ids"),
                ("logits",), use_cache=False)


class Decoder(nn.Module):
    """A causal model with its cache as plain tensors, two for each layer."""

    def __init__(self, model: nn.Module, layers: int):
        super().__init__()
        self.model, self.layers = model, layers

    def forward(self, input_ids, attention_mask, position_ids, *past):
        cache = DynamicCache(
            [(past[2 * i], past[2 * i + 1]) for i in range(self.layers)])
        result = self.model(input_ids=input_ids, attention_mask=attention_mask,
                            position_ids=position_ids, past_key_values=cache,
                            use_cache=True)
        present = [tensor for layer in result.past_key_values.layers
                   for tensor in (layer.keys, layer.values)]
        return result.logits, *present


DECODER = dict(vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=2,
               num_attention_heads=4, num_key_value_heads=2,
               intermediate_size=48, max_position_embeddings=64,
               pad_token_id=0, bos_token_id=1, eos_token_id=2)
STEPS = ({"batch": 2, "sequence": 5, "past": 6, "total": 11},
         {"batch": 1, "sequence": 1, "past": 9, "total": 10},
         {"batch": 3, "sequence": 7, "past": 0, "total": 7})


def cached(heads: int, width: int, layers: int = 2) -> tuple[Input, ...]:
    shape = ("batch", heads, "past", width)
    past = tuple(Input(f"past_{part}_{layer}", shape)
                 for layer in range(layers) for part in ("key", "value"))
    return (Input("input_ids", ("batch", "sequence"), "ids", VOCABULARY),
            Input("attention_mask", ("batch", "total"), "leading",
                  start="past"),
            Input("position_ids", ("batch", "sequence"), "position",
                  start="past"), *past)


def llama() -> nn.Module:
    return Decoder(transformers.LlamaForCausalLM(
        transformers.LlamaConfig(**DECODER)), 2)


def qwen3() -> nn.Module:
    return Decoder(transformers.Qwen3ForCausalLM(
        transformers.Qwen3Config(**DECODER, head_dim=8)), 2)


def gemma2() -> nn.Module:
    return Decoder(transformers.Gemma2ForCausalLM(transformers.Gemma2Config(
        **DECODER, head_dim=8, query_pre_attn_scalar=8, sliding_window=4,
        attn_implementation="eager")), 2)


def phi3() -> nn.Module:
    return Decoder(transformers.Phi3ForCausalLM(
        transformers.Phi3Config(**DECODER)), 2)


def gpt2() -> nn.Module:
    return Decoder(transformers.GPT2LMHeadModel(transformers.GPT2Config(
        vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=2, n_positions=64,
        bos_token_id=1, eos_token_id=2)), 2)


class Logits(nn.Module):
    """A causal model without a cache."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask=None):
        extra = {} if attention_mask is None else {
            "attention_mask": attention_mask}
        return self.model(input_ids=input_ids, use_cache=False, **extra).logits


def mixtral() -> nn.Module:
    config = transformers.MixtralConfig(
        **DECODER, num_local_experts=4, num_experts_per_tok=2,
        experts_implementation="batched_mm")
    return Logits(transformers.MixtralForCausalLM(config))


def mamba() -> nn.Module:
    config = transformers.MambaConfig(
        vocab_size=VOCABULARY, hidden_size=16, state_size=4,
        num_hidden_layers=2, time_step_rank=2, pad_token_id=0, bos_token_id=1,
        eos_token_id=2)
    return Logits(transformers.MambaForCausalLM(config))


def mamba2() -> nn.Module:
    config = transformers.Mamba2Config(
        vocab_size=VOCABULARY, hidden_size=16, state_size=8,
        num_hidden_layers=2, num_heads=4, head_dim=8, n_groups=2, chunk_size=4,
        pad_token_id=0, bos_token_id=1, eos_token_id=2)
    return Logits(transformers.Mamba2ForCausalLM(config))


def rwkv4() -> nn.Module:
    config = transformers.RwkvConfig(
        vocab_size=VOCABULARY, context_length=32, hidden_size=16,
        num_hidden_layers=2, intermediate_size=32)
    return Logits(transformers.RwkvForCausalLM(config))


class FileType(nn.Module):
    """A classifier of the bytes of files: one embedding for each of some
    hundred bytes, dense layers over pairs of them, the maximum over places."""

    def __init__(self, width: int = 24):
        super().__init__()
        self.embed = nn.Embedding(257, 8)
        self.enter = nn.Linear(16, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.mix = nn.Conv1d(width, width, 3, padding=1)
        self.head = nn.Linear(width, 12)

    def forward(self, content):
        x = self.embed(content)
        x = x.reshape(x.shape[0], -1, 16)
        x = self.norms[0](nn.functional.gelu(self.enter(x)))
        x = nn.functional.gelu(self.mix(x.transpose(1, 2)))
        x = nn.functional.adaptive_max_pool1d(x, 1).squeeze(-1)
        return self.head(self.norms[1](x)).softmax(-1)


class Language(nn.Module):
    """A classifier of lines by their letters, forwards and backwards."""

    def __init__(self, width: int = 12):
        super().__init__()
        self.embed = nn.Embedding(128, 8)
        self.gru = nn.GRU(8, width, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * width, 7)

    def forward(self, letters):
        _, last = self.gru(self.embed(letters))
        return self.head(last.transpose(0, 1).flatten(1)).log_softmax(-1)


UNROLLED = ("sequence",)
IDS = TEXT[:1]

FAMILIES = (
    Family("bert", bert, TYPED, LENGTHS),
    Family("distilbert", distilbert, TEXT, LENGTHS),
    Family("minilm", Embedder, TYPED, LENGTHS),
    Family("deberta", deberta, TEXT, LENGTHS),
    Family("t5", t5, (*TEXT, Input("decoder_input_ids", ("batch", "target"),
                                   "ids", VOCABULARY)),
           ({"batch": 2, "sequence": 8, "target": 5},
            {"batch": 1, "sequence": 5, "target": 1},
            {"batch": 3, "sequence": 17, "target": 9})),
    Family("llama", llama, cached(2, 8), STEPS),
    Family("qwen3", qwen3, cached(2, 8), STEPS),
    Family("gemma2", gemma2, cached(2, 8), STEPS),
    Family("phi3", phi3, cached(2, 8), STEPS),
    Family("gpt2", gpt2, cached(2, 16), STEPS),
    Family("mixtral", mixtral, TEXT, LENGTHS),
    Family("mamba", mamba, IDS, LENGTHS, UNROLLED),
    Family("mamba2", mamba2, IDS, LENGTHS, UNROLLED),
    Family("rwkv4", rwkv4, IDS, LENGTHS, UNROLLED),
    Family("file_type", FileType,
           (Input("content", ("batch", 128), "ids", 257),),
           ({"batch": 2}, {"batch": 1}, {"batch": 3})),
    Family("language", Language,
           (Input("letters", ("batch", "sequence"), "ids", 128),), LENGTHS),
)

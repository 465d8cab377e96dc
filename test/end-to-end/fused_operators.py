# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention and other fused operators of com.microsoft, against ONNX Runtime.

    python test/end-to-end/fused_operators.py [-k TEXT]

One model per form, with dynamic batch, lengths and past; rows of outputs that
ONNX Runtime leaves unspecified are not compared.
"""

import argparse
import math
import pathlib
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime as ort

import _quantized_models as forms
from _checks import Checks
from _compiled import compile_model, quantc, runtime
from _quantized_models import F, T

HEADS, GROUPS, DEPTH = 4, 2, 32
WIDTH, NARROW = HEADS * DEPTH, GROUPS * DEPTH
TOLERANCE = 1e-5


class Suite(Checks):
    def __init__(self, folder, pattern):
        super().__init__(only=pattern)
        self.folder = folder
        self.rng = np.random.default_rng(5)

    def floats(self, *shape):
        return self.rng.standard_normal(shape).astype(F)

    def check(self, label, model, runs, reference=None):
        """`runs` are inputs; `reference` computes what ONNX Runtime refuses."""
        if not self.wanted(label):
            return
        try:
            compiled = compile_model(model, self.folder)
            reference = reference or runtime(model)
            for i, inputs in enumerate(runs):
                problem = self.compare(compiled.run(inputs), reference(inputs))
                self.judge(f"{label} {i}", problem)
        except Exception as error:  # a refusal is a failure here
            self.judge(label, f"{type(error).__name__}: {error}")

    @staticmethod
    def compare(got, reference):
        for name, want in reference.items():
            have = got[name]
            if have.shape != want.shape or have.dtype != want.dtype:
                return (f"expected {name} to be {want.dtype} {want.shape}, got "
                        f"{have.dtype} {have.shape}")
            worst = np.abs(have.astype(np.float64) - want).max(initial=0)
            if not worst <= TOLERANCE * max(np.abs(want).max(initial=0), 1):
                return f"{name} differs by {worst:.2e}"
        return ""

    def refuse(self, label, model, message, inputs=None):
        """An error of one line when it is compiled, or run on `inputs`."""
        if not self.wanted(label):
            return
        try:
            compiled = compile_model(model, self.folder)
            if inputs:
                compiled.run(inputs)
            self.judge(label, "expected an error")
        except quantc.Error as error:
            text = str(error)
            self.judge(label, "" if message in text and "\n" not in text
                        else f"unexpected error: {error}")


# Group query attention

def group_query(suite, packed=False, past=True, extra=(), batch="b",
                **attributes):
    """`extra`: names of optional inputs among p (positions), a (bias), s
    (sink), n (norms)."""
    names = ["q", "" if packed else "k", "" if packed else "v",
             "pk" if past else "", "pv" if past else "", "lengths", "total",
             "c", "s", "p" if "p" in extra else "", "a" if "a" in extra else
             "", "sink" if "s" in extra else ""]
    names += ["", "", "qw", "kw"] if "n" in extra else []
    inputs = {"q": (T.FLOAT, [batch, "t", WIDTH + packed * 2 * NARROW]),
              "k": (T.FLOAT, [batch, "t", NARROW]),
              "v": (T.FLOAT, [batch, "t", NARROW]),
              "pk": (T.FLOAT, [batch, GROUPS, "past", DEPTH]),
              "pv": (T.FLOAT, [batch, GROUPS, "past", DEPTH]),
              "lengths": (T.INT32, [batch]), "total": (T.INT32, []),
              "p": (T.INT64, [batch, "t"]), "a": (T.FLOAT, [
                  1, HEADS, "t", "all"])}
    turned = attributes.pop("turned", DEPTH)
    angles = suite.rng.uniform(0, 3, (32, turned // 2)).astype(F)
    constants = {"c": np.cos(angles), "s": np.sin(angles),
                 "sink": suite.floats(HEADS), "qw": suite.floats(DEPTH),
                 "kw": suite.floats(DEPTH)}
    node = forms.node("GroupQueryAttention", names, ["y", "nk", "nv"],
                      forms.MS, num_heads=HEADS, kv_num_heads=GROUPS,
                      **({"do_rotary": 1} | attributes))
    cache = (T.FLOAT, [batch, GROUPS, "all", DEPTH])
    return forms.model(
        [node], {k: v for k, v in inputs.items() if k in names},
        {"y": (T.FLOAT, [batch, "t", WIDTH]), "nk": cache, "nv": cache},
        {k: v for k, v in constants.items() if k in names})


def group_inputs(suite, model, lengths, t, past):
    """Inputs of a batch whose sequences have `lengths` rows afterwards."""
    sizes = {"b": len(lengths), "t": t, "past": past, "all": t + past}
    inputs = {}
    for value in model.graph.input:
        shape = [d.dim_value or sizes[d.dim_param]
                 for d in value.type.tensor_type.shape.dim]
        inputs[value.name] = suite.floats(*shape)
    inputs["lengths"] = np.array(lengths, np.int32) - 1
    inputs["total"] = np.array(max(lengths), np.int32)
    if "p" in inputs:
        inputs["p"] = np.stack([np.arange(t) + n - t for n in lengths])
    return inputs


GROUP_RUNS = (([5, 5], 5, 0), ([8, 8], 1, 7), ([8, 3], 1, 7), ([1, 8], 1, 7),
              ([12], 4, 8), ([4, 12, 9], 1, 11))


def group_queries(suite):
    forms_ = {
        "plain": {}, "packed": {"packed": True},
        "local window": {"local_window_size": 3},
        "packed, window of one": {"packed": True, "local_window_size": 0},
        "softcap": {"softcap": 2.0},
        "softcap and window": {"softcap": 2.0, "local_window_size": 4},
        "interleaved": {"rotary_interleaved": 1},
        "part of the head turned": {"turned": 16},
        "not turned": {"do_rotary": 0},
        "positions": {"extra": "p"},
        "bias": {"extra": "a"},
        "bias and window": {"extra": "a", "local_window_size": 2},
        "sink": {"extra": "s"},
        "smooth": {"smooth_softmax": 1},
        "sink, window, softcap, bias": {"extra": "sa", "softcap": 3.0,
                                        "local_window_size": 3},
        "scale": {"scale": .2, "packed": True},
        "two-way": {"causal": 0},
    }
    for label, options in forms_.items():
        model = group_query(suite, **options)
        suite.check(f"GroupQueryAttention, {label}", model,
                    [group_inputs(suite, model, *run) for run in GROUP_RUNS])
    model = group_query(suite, local_window_size=2, past=False)
    suite.check("GroupQueryAttention, window without past", model, [
        group_inputs(suite, model, [6, 6], 6, 0)])
    model = group_query(suite, batch=1, local_window_size=2)
    suite.check("GroupQueryAttention, window of one sequence", model, [
        group_inputs(suite, model, [9], 1, 8),
        group_inputs(suite, model, [9], 3, 6)])


def group_norms(suite):
    """ONNX Runtime's CPU provider does without norms: they come before."""
    model = group_query(suite, extra="n", q_norm_epsilon=1e-3)
    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    del plain.graph.node[0].input[12:]
    plain.graph.node[0].attribute.remove(next(
        a for a in plain.graph.node[0].attribute
        if a.name == "q_norm_epsilon"))
    weights = {t.name: onnx.numpy_helper.to_array(t)
               for t in model.graph.initializer}
    attend = runtime(plain)

    def reference(inputs):
        normed = dict(inputs)
        for name, epsilon in (("q", 1e-3), ("k", 1e-6)):
            x = inputs[name].reshape(*inputs[name].shape[:2], -1, DEPTH)
            x = x / np.sqrt((x ** 2).mean(-1, keepdims=True) + epsilon)
            normed[name] = (x * weights[name + "w"]).reshape(
                inputs[name].shape)
        return attend(normed)

    suite.check("GroupQueryAttention, norms", model,
                [group_inputs(suite, model, *run) for run in GROUP_RUNS],
                reference)


def group_errors(suite):
    model = group_query(suite)
    for label, lengths in (("longest too short", [7, 3]),
                           ("too long", [9, 3]), ("no past", [8, 0])):
        suite.refuse(f"GroupQueryAttention, {label}", model, "seqlens_k",
                     group_inputs(suite, model, lengths, 1, 7))
    suite.refuse("GroupQueryAttention, two-way window",
                 group_query(suite, causal=0, local_window_size=2),
                 "expected no 'local_window_size' without 'causal', got 2")
    suite.refuse("GroupQueryAttention, cache of a window",
                 group_query(suite, sliding_window_cache=1,
                             local_window_size=2),
                 "with sliding_window_cache")


# Attention of equal heads

class Case:
    """One node; `inputs` are example arrays, whose first axis or axes named in
    `dims` are dynamic, and `constants` the others, in the order of `names`."""

    def __init__(self, op, names, outputs, arrays, constants=(), **attributes):
        self.arrays = {k: v for k, v in arrays.items()
                       if k in names and k not in constants}
        kinds = {np.dtype(F): T.FLOAT, np.dtype(np.int32): T.INT32,
                 np.dtype(np.int64): T.INT64, np.dtype(np.uint8): T.UINT8,
                 np.dtype(np.int8): T.INT8}
        shapes = {k: [DYNAMIC.get(e, e) for e in v.shape]
                  for k, v in self.arrays.items()}
        self.model = forms.model(
            [forms.node(op, names, list(outputs), forms.MS, **attributes)],
            {k: (kinds[v.dtype], shapes[k]) for k, v in self.arrays.items()},
            {k: (kind, None) for k, kind in outputs.items()},
            {k: arrays[k] for k in constants if k in names})


BATCH, ROWS, KEYS, PAST = 3, 5, 7, 10
# The name of each dynamic extent; no width is one of them.
DYNAMIC = {BATCH: "b", ROWS: "t", KEYS: "l", PAST: "p", PAST + ROWS: "all",
           PAST + KEYS: "whole", 2 * BATCH: "2*b"}


def attention_arrays(suite, keys):
    """Operands by the names that the nodes below give them; `keys` in all."""
    rng, floats = suite.rng, suite.floats
    ends = rng.integers(1, keys + 1, BATCH).astype(np.int32)
    return {
        "x": floats(BATCH, ROWS, 24), "w": floats(24, 3 * WIDTH) * F(.3),
        "bias": floats(3 * WIDTH), "q": floats(BATCH, ROWS, WIDTH),
        "k": floats(BATCH, KEYS, WIDTH), "v": floats(BATCH, KEYS, WIDTH),
        "q1": floats(BATCH, 1, WIDTH), "k1": floats(BATCH, 1, WIDTH),
        "v1": floats(BATCH, 1, WIDTH),
        "k4": floats(BATCH, HEADS, KEYS, DEPTH),
        "v4": floats(BATCH, HEADS, KEYS, DEPTH),
        "past": floats(2, BATCH, HEADS, PAST, DEPTH),
        "pk": floats(BATCH, HEADS, PAST, DEPTH),
        "pv": floats(BATCH, HEADS, PAST, DEPTH), "ends": ends,
        "span": np.concatenate([ends, ends // 2]).astype(np.int32),
        "seen": (rng.random((BATCH, keys)) < .7).astype(np.int32),
        "table": (rng.random((BATCH, ROWS, keys)) < .7).astype(np.int32),
        "a": floats(1, HEADS, ROWS, keys),
        "codes": rng.integers(0, 256, (BATCH, ROWS, 24)).astype(np.uint8),
        "wc": rng.integers(-90, 90, (24, 3 * WIDTH)).astype(np.int8),
        "xs": np.array(.02, F), "xz": np.array(120, np.uint8),
        "ws": np.array(.01, F), "wz": np.array(0, np.int8),
        "wss": rng.uniform(.005, .02, 3 * WIDTH).astype(F)}


def projected(suite):
    y = {"y": T.FLOAT}
    whole = y | {"present": T.FLOAT}
    for label, names, outputs, options in (
            ("plain", "x w bias", y, {}),
            ("one-way", "x w bias", y, {"unidirectional": 1}),
            ("lengths", "x w bias ends", y, {}),
            ("ends and starts", "x w bias span", y, {}),
            ("mask", "x w bias seen", y, {}),
            ("mask, one-way", "x w bias seen", y, {"unidirectional": 1}),
            ("mask of three axes", "x w bias table", y,
             {"mask_filter_value": -1e5}),
            ("past", "x w bias - past", whole, {"unidirectional": 1}),
            ("past and mask", "x w bias seen past", whole,
             {"unidirectional": 1}),
            ("past and lengths", "x w bias ends past", whole, {}),
            ("bias of scores", "x w bias - - a", y, {"scale": .3}),
            ("present alone", "x w bias", whole, {}),
            ("widths", "x w bias", y,
             {"qkv_hidden_sizes": [WIDTH + 16, WIDTH + 16, WIDTH - 32]})):
        names = ["" if n == "-" else n for n in names.split()]
        arrays = attention_arrays(suite, ROWS + PAST * ("past" in names))
        case = Case("Attention", names, outputs, arrays, ("w", "bias"),
                    num_heads=HEADS, **options)
        suite.check(f"Attention, {label}", case.model, [case.arrays])
    for label, names, outputs in (
            ("plain", "codes wc bias xs ws - xz wz", y),
            ("scales by column", "codes wc bias xs wss seen xz", y),
            ("past", "codes wc bias xs ws seen xz wz past", whole)):
        names = ["" if n == "-" else n for n in names.split()]
        arrays = attention_arrays(suite, ROWS + PAST * ("past" in names))
        case = Case("QAttention", names, outputs, arrays,
                    ("wc", "bias", "xs", "ws", "wss", "xz", "wz"),
                    num_heads=HEADS, unidirectional=int("past" in names))
        suite.check(f"QAttention, {label}", case.model, [case.arrays])
    arrays = attention_arrays(suite, ROWS)
    suite.refuse("Attention, buffer shared", Case(
        "Attention", ["x", "w", "bias"], y, arrays, ("w", "bias"),
        num_heads=HEADS, past_present_share_buffer=1).model,
        "with past_present_share_buffer")
    suite.refuse("Attention, widths", Case(
        "Attention", ["x", "w", "bias"], y, arrays, ("w", "bias"),
        num_heads=HEADS, qkv_hidden_sizes=[1, 2, 3]).model,
        "expected an input of rank 3 and weights of as many columns")


def separate(suite):
    y = {"y": T.FLOAT}
    whole = y | {"nk": T.FLOAT, "nv": T.FLOAT}
    for op, label, names, outputs, options in (
            ("MultiHeadAttention", "plain", "q k v", y, {}),
            ("MultiHeadAttention", "biases", "q k v bias", y, {"scale": .1}),
            ("MultiHeadAttention", "lengths", "q k v - ends", y, {}),
            ("MultiHeadAttention", "mask, bias of scores",
             "q k v bias seen a", y, {}),
            ("MultiHeadAttention", "mask of three axes",
             "q k v - table", y, {}),
            ("MultiHeadAttention", "heads first", "q k4 v4", y, {}),
            ("MultiHeadAttention", "past", "q k v - - - pk pv", whole, {}),
            ("MultiHeadAttention", "past, one-way", "q1 k1 v1 bias - - pk pv",
             whole, {"unidirectional": 1}),
            ("DecoderMaskedMultiHeadAttention", "past",
             "q1 k1 v1 - - pk pv", whole, {}),
            ("DecoderMaskedMultiHeadAttention", "heads first", "q1 k4 v4", y,
             {}),
            ("DecoderMaskedMultiHeadAttention", "biases",
             "q1 k1 v1 - - pk pv - - - bias", whole, {})):
        names = ["" if n == "-" else n for n in names.split()]
        arrays = attention_arrays(suite, KEYS)
        case = Case(op, names, outputs, arrays, ("bias",), num_heads=HEADS,
                    **options)
        # The masked one's CPU kernel wants a shared buffer for its past.
        reference = None
        if op != "MultiHeadAttention":
            other = names[:3] + names[10:] + [""] * (11 - max(
                len(names), 10)) + names[3:7]
            reference = runtime(Case(
                "MultiHeadAttention", other, outputs, arrays, ("bias",),
                num_heads=HEADS).model)
        suite.check(f"{op}, {label}", case.model, [case.arrays], reference)
    packed(suite)


def packed(suite):
    """ONNX Runtime's CPU provider takes no packed operands: they are given to
    it one by one."""
    y = {"y": T.FLOAT}
    arrays = attention_arrays(suite, KEYS)
    three = suite.floats(BATCH, ROWS, HEADS, 3, DEPTH)
    two = suite.floats(BATCH, KEYS, HEADS, 2, DEPTH)
    flat = {"q": three[:, :, :, 0].reshape(BATCH, ROWS, WIDTH),
            "k": three[:, :, :, 1].reshape(BATCH, ROWS, WIDTH),
            "v": three[:, :, :, 2].reshape(BATCH, ROWS, WIDTH),
            "bias": arrays["bias"]}
    pair = {"q": arrays["q"], "k": two[:, :, :, 0].reshape(BATCH, KEYS, WIDTH),
            "v": two[:, :, :, 1].reshape(BATCH, KEYS, WIDTH)}
    for label, names, given, plain, own in (
            ("packed", ["x", "", "", "bias"], {"x": three}, flat,
             ["q", "k", "v", "bias"]),
            ("packed keys and values", ["q", "x"],
             {"x": two, "q": arrays["q"]}, pair, ["q", "k", "v"])):
        case = Case("MultiHeadAttention", names, y,
                    given | {"bias": arrays["bias"]}, ("bias",),
                    num_heads=HEADS)
        other = Case("MultiHeadAttention", own, y, plain, ("bias",),
                     num_heads=HEADS)
        attend = runtime(other.model)
        suite.check(f"MultiHeadAttention, {label}", case.model, [case.arrays],
                    lambda _, run=attend, case=other: run(case.arrays))


# What else optimizers fuse

def embeddings(suite):
    rng, rows = suite.rng, (BATCH, ROWS)
    arrays = {"i": rng.integers(0, 20, rows).astype(np.int32),
              "g": rng.integers(0, 2, rows).astype(np.int32),
              "m": (rng.random(rows) < .7).astype(np.int32),
              "p": rng.integers(0, 9, rows).astype(np.int32),
              "we": suite.floats(20, 16), "pe": suite.floats(9, 16),
              "se": suite.floats(2, 16), "gamma": suite.floats(16),
              "beta": suite.floats(16)}
    tables = ("we", "pe", "se", "gamma", "beta")
    for label, names, outputs in (
            ("all", "i g we pe se gamma beta m p", 3),
            ("no segments", "i - we pe - gamma beta m", 3),
            ("no mask", "i g we pe se gamma beta", 2)):
        case = Case("EmbedLayerNormalization",
                    ["" if n == "-" else n for n in names.split()],
                    dict(list({"y": T.FLOAT, "n": T.INT32, "sum": T.FLOAT}
                              .items())[:outputs]), arrays, tables)
        suite.check(f"EmbedLayerNormalization, {label}", case.model,
                    [case.arrays])


def embedded_codes(suite):
    rng = suite.rng
    arrays = {"i": rng.integers(0, 20, (BATCH, ROWS)).astype(np.int32),
              "g": rng.integers(0, 2, (BATCH, ROWS)).astype(np.int32),
              "m": (rng.random((BATCH, ROWS)) < .7).astype(np.int32)}
    tables = {"we": (20, 16), "pe": (9, 16), "se": (2, 16), "ga": (16,),
              "be": (16,)}
    for name, shape in tables.items():
        arrays |= {name: rng.integers(0, 256, shape).astype(np.uint8),
                   name + "s": np.array(rng.uniform(.01, .03), F),
                   name + "z": np.array(rng.integers(100, 150), np.uint8)}
    constants = [t + e for e in ("", "s", "z") for t in tables]
    for label, missing in (("all", ""), ("no segments", "g se ses sez")):
        names = ["i", "g", *tables, "m", *constants[5:]]
        case = Case("QEmbedLayerNormalization",
                    ["" if x in missing.split() else x for x in names],
                    {"y": T.FLOAT, "n": T.INT32}, arrays, constants)
        suite.check(f"QEmbedLayerNormalization, {label}", case.model,
                    [case.arrays])


def gelu(x):
    return x * .5 * (1 + np.array([math.erf(v / math.sqrt(2)) for v in
                                   x.ravel()]).reshape(x.shape))


def images(suite):
    """What only other providers have is compared with ONNX's operators."""
    y, f = {"y": T.FLOAT}, suite.floats
    image = f(BATCH, 9, 10, 8)
    channels = image.transpose(0, 3, 1, 2)

    def reference(op, arrays, **attributes):
        node = forms.node(op, list(arrays), ["y"], **attributes)
        return runtime(forms.model([node], {
            k: (T.FLOAT, v.shape) for k, v in arrays.items()},
            {"y": (T.FLOAT, None)}, {}))(arrays)["y"]

    def check(label, op, arrays, want, constants=(), outputs=y, **attributes):
        case = Case(op, list(arrays), outputs, arrays, constants, **attributes)
        suite.check(label, case.model, [case.arrays],
                    lambda _: dict(zip(outputs, want)))

    w, b = f(12, 4, 3, 3), f(12)
    made = reference("Conv", {"x": channels, "w": w, "b": b}, group=2,
                     pads=[1, 0, 1, 1], strides=[2, 1])
    check("NhwcConv", "NhwcConv",
          {"x": image, "w": w.transpose(0, 2, 3, 1).copy(), "b": b},
          [made.transpose(0, 2, 3, 1)], ("w", "b"), group=2,
          pads=[1, 0, 1, 1], strides=[2, 1])
    g, beta, skip, bias = f(8), f(8), f(BATCH, 8), f(8)

    def normed(x):
        return reference("GroupNormalization", {
            "x": x, "g": g, "b": beta}, num_groups=4, epsilon=1e-5)

    made = normed(channels).transpose(0, 2, 3, 1)
    check("GroupNorm", "GroupNorm", {"x": image, "g": g, "b": beta}, [made],
          ("g", "b"), groups=4, activation=0)
    check("GroupNorm, Swish", "GroupNorm", {"x": image, "g": g, "b": beta},
          [made / (1 + np.exp(-made))], ("g", "b"), groups=4, activation=1)
    check("GroupNorm, channels first", "GroupNorm",
          {"x": channels.copy(), "g": g, "b": beta}, [normed(channels)],
          ("g", "b"), groups=4, activation=0, channels_last=0)
    both = image + skip[:, None, None] + bias
    check("SkipGroupNorm", "SkipGroupNorm",
          {"x": image, "g": g, "b": beta, "k": skip, "o": bias},
          [normed(both.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1), both],
          ("g", "b", "o"), {"y": T.FLOAT, "s": T.FLOAT}, groups=4,
          activation=0)
    x, wide = f(BATCH, ROWS, 32), f(32)
    left, right = np.split(x + wide, 2, -1)
    check("BiasSplitGelu", "BiasSplitGelu", {"x": x, "b": wide},
          [(left * gelu(right)).astype(F)], ("b",))
    check("BiasAdd", "BiasAdd", {"x": x, "b": wide, "k": x}, [x + x + wide],
          ("b",))


def others(suite):
    y, f = {"y": T.FLOAT}, suite.floats
    for label, a, b, options in (
            ("batch first", (4, 2, 8), (2, 8, 9), {"transBatchA": 1}),
            ("both", (8, 2, 4), (9, 2, 8), {
                "transBatchA": 1, "transA": 1, "transBatchB": 1, "transB": 1,
                "alpha": .5})):
        case = Case("FusedMatMul", ["a", "b"], y, {"a": f(*a), "b": f(*b)},
                    **options)
        suite.check(f"FusedMatMul, {label}", case.model, [case.arrays])
    indices = np.array([[0, 1], [2, 0]])
    a, b = f(BATCH, 8, 2), f(BATCH, 8, 2)
    both = (a.view(np.complex64) * b.view(np.complex64)).view(F)
    case = Case("ComplexMul", ["a", "b"], y, {"a": a, "b": b})
    suite.check("ComplexMul", case.model, [case.arrays],
                lambda _: {"y": both})
    x, w, bias = f(BATCH, ROWS, 24), f(24, 9), f(9)
    case = Case("GemmFastGelu", ["x", "w", "b"], y,
                {"x": x, "w": w, "b": bias}, ("w", "b"))
    want = x @ w + bias
    want = want / 2 * (1 + np.tanh(
        math.sqrt(2 / math.pi) * (want + .044715 * want ** 3)))
    suite.check("GemmFastGelu", case.model, [case.arrays],
                lambda _: {"y": want})
    for op, names, arrays, options in (
            ("GatherND", ["x", "i"], {"x": f(4, 2, 8), "i": indices}, {}),
            ("Trilu", ["x"], {"x": f(2, 8, 9)}, {"upper": 0}),
            ("TransposeMatMul", ["a", "b"], {"a": f(8, 4), "b": f(8, 9)},
             {"transA": 1})):
        case = Case(op, names, y, arrays, **options)
        suite.check(op, case.model, [case.arrays])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-k", default="", help="only cases with this text")
    options = parser.parse_args()
    ort.set_default_logger_severity(4)
    with tempfile.TemporaryDirectory() as name:
        suite = Suite(pathlib.Path(name), options.k)
        for part in (group_queries, group_norms, group_errors, projected,
                     separate, embeddings, embedded_codes, images, others):
            part(suite)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())

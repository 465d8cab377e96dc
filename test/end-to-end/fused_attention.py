# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention operators of com.microsoft, against ONNX Runtime.

    python test/end-to-end/fused_attention.py [-k TEXT]

One model per form, with dynamic batch, lengths and past; rows of outputs that
ONNX Runtime leaves unspecified are not compared.
"""

import argparse
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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-k", default="", help="only cases with this text")
    options = parser.parse_args()
    ort.set_default_logger_severity(4)
    with tempfile.TemporaryDirectory() as name:
        suite = Suite(pathlib.Path(name), options.k)
        for part in (group_queries, group_norms, group_errors):
            part(suite)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())

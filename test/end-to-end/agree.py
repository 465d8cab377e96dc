# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares the three real models with ONNX Runtime in fp32, output by output.

    python test/end-to-end/agree.py [--engine E] [--models M ...] [--tolerance T]

One artifact per model serves every size: batch and sequence 1, odd, and larger
than any the model was written or trained with.  The decoder also runs 64 steps
through its own cache, copied and in place.  A difference is relative to the range (largest minus
smallest value) of the reference output; status 1 if one passes the tolerance.
"""

import argparse
import pathlib
import sys

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "benchmark"))
import engines  # noqa: E402
import workloads  # noqa: E402
from models import bible, data, perplexity  # noqa: E402

STEPS = 64


class Agreement:
    """Runs `run` and `reference` on the same inputs and keeps the worst."""

    def __init__(self, run: engines.Run, reference: engines.Run,
                 tolerance: float, model: "quantc.Model | None" = None):
        self.run, self.reference, self.model = run, reference, model
        self.tolerance, self.failed, self.cases = tolerance, 0, 0

    def outputs(self, label: str, got: workloads.Arrays,
                want: workloads.Arrays) -> None:
        """Compares names, shapes and values of all outputs."""
        if set(got) != set(want):
            raise ValueError(f"expected outputs {sorted(want)}, "
                             f"got {sorted(got)}")
        worst, where = -1.0, ""
        for name, value in want.items():
            if got[name].shape != value.shape:
                raise ValueError(f"{label}: expected '{name}' to have shape "
                                 f"{value.shape}, got {got[name].shape}")
            error = np.abs(got[name].astype(np.float64) - value).max()
            error = float(error / (np.ptp(value) or 1.0))
            if np.isnan(error):
                error = float("inf")
            if error > worst:
                worst, where = error, name
        good = worst <= self.tolerance
        self.failed += not good
        self.cases += 1
        print(f"{'PASS' if good else 'FAIL'}  {label}: {worst:.2e} of the "
              f"range of '{where}'", flush=True)

    def case(self, label: str, inputs: workloads.Arrays) -> workloads.Arrays:
        want = self.reference(inputs)
        self.outputs(label, self.run(inputs), want)
        return want


def minilm(agreement: Agreement) -> None:
    for batch, sequence in ((1, 1), (1, 7), (1, 128), (2, 33), (5, 16),
                            (3, 127), (1, 512), (8, 64)):
        inputs = data.minilm_inputs(bible.sentences(batch), sequence)
        agreement.case(f"minilm {batch} x {sequence}, padded", inputs)
    agreement.case("minilm 4 x 200, full", data.minilm_passage(4, 200))


def classifier(agreement: Agreement) -> None:
    images = data.fashion("test")[0]
    for batch in (1, 2, 7, 32, 65):
        agreement.case(f"classifier {batch}", {"image": images[:batch]})


def decoder(agreement: Agreement) -> None:
    tokens = np.concatenate(perplexity.chapter_tokens(True))
    for batch, sequence in ((1, 1), (1, 5), (3, 17), (1, 128), (2, 300)):
        rows = tokens[:batch * sequence].reshape(batch, sequence)
        cache = agreement.case(f"decoder prefill {batch} x {sequence}",
                               perplexity.decoder_inputs(rows))
        more = tokens[1000:1000 + 3 * batch].reshape(batch, 3)
        agreement.case(f"decoder 3 tokens after {sequence}",
                       perplexity.decoder_inputs(more, cache))
    steps(agreement, tokens, 33)


def steps(agreement: Agreement, tokens: np.ndarray, prefill: int) -> None:
    """Each engine keeps its own cache for STEPS steps; compared at the end with
    one long prefill of the reference, which no cache can help."""
    cache = agreement.run(perplexity.decoder_inputs(tokens[None, :prefill]))
    for position in range(prefill, prefill + STEPS):
        cache = agreement.run(perplexity.decoder_inputs(
            tokens[None, position:position + 1], cache))
    whole = agreement.reference(
        perplexity.decoder_inputs(tokens[None, :prefill + STEPS]))
    whole["logits"] = whole["logits"][:, -1:]
    agreement.outputs(f"decoder {STEPS} steps after {prefill}", cache, whole)
    if agreement.model:
        agreement.outputs(
            f"decoder {STEPS} steps after {prefill}, cache in place",
            steps_in_place(agreement.model, tokens, prefill), whole)


def steps_in_place(model: "quantc.Model", tokens: np.ndarray,
                   prefill: int) -> workloads.Arrays:
    """The outputs of the last of STEPS steps that append to one buffer."""
    cache = model.cache(prefill + STEPS, batch=1)
    ends = [prefill, *range(prefill + 1, prefill + STEPS + 1)]
    for first, end in zip([0, *ends], ends):
        outputs = model.run(
            {"input_ids": tokens[None, first:end],
             "position_ids": np.arange(first, end, dtype=np.int64)[None]},
            cache=cache)
    for pair in cache.pairs:
        outputs[pair.output] = cache[pair.output]
    return outputs


CASES = {"minilm": minilm, "classifier": classifier, "decoder": decoder}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", type=engines.check, default="quantc-fp32",
                        help="ort-fp32 checks the models themselves")
    parser.add_argument("--models", nargs="+", choices=CASES,
                        default=list(CASES))
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=pathlib.Path,
                        default=engines.build_folder() / "bench")
    options = parser.parse_args()
    failed = cases = 0
    for model in options.models:
        path = engines.prepare(options.engine, model, options.folder)
        reference = engines.prepare("ort-fp32", model, options.folder)
        agreement = Agreement(
            engines.load(options.engine, path, options.threads),
            engines.load("ort-fp32", reference, options.threads),
            options.tolerance, engines.compiled(options.engine, path))
        CASES[model](agreement)
        failed, cases = failed + agreement.failed, cases + agreement.cases
    print(f"{cases - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Visits every operation once as the possible anchor of each pattern.  Anchors
// are such that a pattern's parts are already recognised when it is tried: a
// SiLU spelled with 1 / (1 + exp(-x)) finds a sigmoid.

#include "GraphRewriter.h"
#include "quantc/Dialect/QNN/Passes.h"

namespace quantc::qnn {
#define GEN_PASS_DEF_RECOGNIZEPASS
#include "quantc/Dialect/QNN/Passes.h.inc"
} // namespace quantc::qnn

using namespace mlir;
using namespace quantc::qnn;

namespace {

struct RecognizePass
    : public quantc::qnn::impl::RecognizePassBase<RecognizePass> {
  void runOnOperation() override {
    LogicalResult result =
        rewriteGraph(getOperation(), [&](GraphRewriter &rewriter) {
          return rewriter.forEach([&](Operation *op) {
            if (recognizeNorm(rewriter, op))
              ++numNorms;
            else if (recognizeActivation(rewriter, op))
              ++numActivations;
            else if (recognizeRotary(rewriter, op))
              ++numRotaries;
            else if (recognizeAttention(rewriter, op))
              ++numAttentions;
          });
        });
    if (failed(result))
      signalPassFailure();
  }
};

} // namespace

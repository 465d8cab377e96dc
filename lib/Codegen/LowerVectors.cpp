// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The upstream vector lowerings that convert-vector-to-llvm expects to have
// run: transposes as 16 x 16 shuffles, multi-dimensional vectors as
// one-dimensional ones.

#include "mlir/Conversion/VectorToSCF/VectorToSCF.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "quantc/Codegen/Passes.h"

namespace quantc {
#define GEN_PASS_DEF_LOWERVECTORSPASS
#include "quantc/Codegen/Passes.h.inc"
} // namespace quantc

using namespace mlir;

namespace {
struct LowerVectorsPass : quantc::impl::LowerVectorsPassBase<LowerVectorsPass> {
  using Base::Base;

  void runOnOperation() override {
    MLIRContext *context = &getContext();
    RewritePatternSet first(context);
    vector::populateVectorTransposeLoweringPatterns(
        first, vector::VectorTransposeLowering::Shuffle16x16);
    vector::populateVectorBroadcastLoweringPatterns(first);
    vector::populateVectorTransferPermutationMapLoweringPatterns(first);
    vector::populateVectorStepLoweringPatterns(first);
    if (failed(applyPatternsGreedily(getOperation(), std::move(first))))
      return signalPassFailure();
    RewritePatternSet second(context);
    vector::populateVectorTransferLoweringPatterns(second,
                                                   /*maxTransferRank=*/1);
    vector::populateVectorShapeCastLoweringPatterns(second);
    vector::populateVectorMaskOpLoweringPatterns(second);
    populateVectorToSCFConversionPatterns(
        second, VectorTransferToSCFOptions().enableFullUnroll(true));
    if (failed(applyPatternsGreedily(getOperation(), std::move(second))))
      return signalPassFailure();
  }
};
} // namespace

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The `normalize` pipeline.  Folding comes first, since equal values must be
// one value before patterns are matched; operations are recognised before f16
// is widened, so a recognised operation rounds once.

#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "quantc/Dialect/QNN/Passes.h"

using namespace mlir;

namespace quantc::qnn {

std::unique_ptr<Pass> createFoldSmallConstantsPass() {
  FoldConstantsPassOptions folding;
  folding.maxBytes = 1 << 16;
  folding.lazyWeights = true;
  return createFoldConstantsPass(folding);
}

void buildNormalizePipeline(OpPassManager &manager) {
  manager.addPass(createFoldSmallConstantsPass());
  OpPassManager &functions = manager.nest<func::FuncOp>();
  functions.addPass(createCanonicalizerPass());
  functions.addPass(createCSEPass());
  functions.addPass(createSimplifyShapesPass());
  functions.addPass(createFoldTransposesPass());
  functions.addPass(createRecognizePass());
  functions.addPass(createToLinearPass());
  functions.addPass(createFoldBatchNormPass());
  functions.addPass(createChannelsLastPass());
  functions.addPass(createFoldTransposesPass());
  // Pointwise convolutions, now that they are channels-last.
  functions.addPass(createToLinearPass());
  functions.addPass(createLegalizeFloatsPass());
  functions.addPass(createCSEPass());
  functions.addPass(createUseCodesPass());
  functions.addPass(createCSEPass());
  // New biases and other small vectors.
  manager.addPass(createFoldSmallConstantsPass());
}

void registerNormalizePipeline() {
  PassPipelineRegistration<>(
      "normalize", "bring imported qnn into its normal form",
      [](OpPassManager &manager) { buildNormalizePipeline(manager); });
}

} // namespace quantc::qnn

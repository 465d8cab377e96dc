// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recipes as pass sequences.

#include "quantc/Driver/Pipelines.h"
#include "mlir/Transforms/Passes.h"
#include "quantc/Allocation/Passes.h"
#include "quantc/Codegen/Passes.h"
#include "quantc/Codegen/Pipelines.h"
#include "quantc/Conversion/Passes.h"
#include "quantc/Dialect/QNN/Passes.h"
#include "quantc/Driver/Compile.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace quantc {

ArrayRef<StringRef> recipeNames() {
  static const StringRef names[] = {"fp32", "w8a8-dynamic"};
  return names;
}

static void addCleanup(OpPassManager &pm) {
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

bool buildFrontPipeline(OpPassManager &pm, StringRef recipe) {
  if (!llvm::is_contained(recipeNames(), recipe))
    return false;
  qnn::buildNormalizePipeline(pm);
  addCleanup(pm);
  if (recipe == "w8a8-dynamic") {
    pm.addNestedPass<func::FuncOp>(createAssignFormatsPass());
    addCleanup(pm);
  }
  return true;
}

void buildCodegenPipeline(OpPassManager &pm, const TargetDescription &target) {
  pm.addNestedPass<func::FuncOp>(createExpandEncodedPass());
  addCleanup(pm);
  pm.addNestedPass<func::FuncOp>(createFlattenRowsPass());
  addCleanup(pm);
  pm.addNestedPass<func::FuncOp>(createPackWeightsPass());
  addCleanup(pm);
  pm.addPass(createFormKernelsPass());
  OpPassManager &kernels = pm.nest<func::FuncOp>();
  kernels.addPass(createConvertQNNToLinalgPass());
  addCleanup(kernels);
  kernels.addPass(createTileKernelsPass());
  addCleanup(kernels);
  kernels.addPass(createBufferizeKernelsPass());
  addCleanup(kernels);
  // Copies of a view onto itself show only after CSE.
  kernels.addPass(createCanonicalizerPass());
  ConvertLowBitToVectorPassOptions options;
  options.features.assign(target.getFeatures().begin(),
                          target.getFeatures().end());
  kernels.addPass(createConvertLowBitToVectorPass(options));
  buildVectorizePipeline(kernels);
  pm.addPass(createOutlineStepsPass());
  buildLowerToLLVMPipeline(pm.nest<ModuleOp>());
}

void registerDriverPipelines() {
  PassPipelineRegistration<>(
      "qnn-front", "normalization of the fp32 recipe",
      [](OpPassManager &pm) { (void)buildFrontPipeline(pm, "fp32"); });
}

} // namespace quantc

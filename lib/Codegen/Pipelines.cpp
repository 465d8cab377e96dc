// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From bufferized functions to the LLVM dialect, in the order that was tried
// out first with the stock tools.

#include "quantc/Codegen/Pipelines.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Affine/Transforms/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "quantc/Codegen/Passes.h"

using namespace mlir;

void quantc::buildVectorizePipeline(OpPassManager &pm) {
  pm.addPass(memref::createFoldMemRefAliasOpsPass());
  addCleanup(pm);
  pm.addPass(createReuseBuffersPass());
  pm.addPass(createVectorizeRowsPass());
  pm.addPass(createConvertLinalgToLoopsPass());
  pm.addPass(memref::createFoldMemRefAliasOpsPass());
  addCleanup(pm);
  pm.addPass(createLoopInvariantCodeMotionPass());
  pm.addPass(createExpandMathPass());
  pm.addPass(createLowerVectorsPass());
  addCleanup(pm);
}

void quantc::buildLowerToLLVMPipeline(OpPassManager &pm) {
  pm.addPass(createCallMathPass());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createConvertVectorToLLVMPass());
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createFinalizeMemRefToLLVMConversionPass());
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createConvertIndexToLLVMPass());
  pm.addPass(createConvertFuncToLLVMPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createUBToLLVMConversionPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  addCleanup(pm);
}

void quantc::buildKernelLoweringPipeline(OpPassManager &pm) {
  buildVectorizePipeline(pm);
  buildLowerToLLVMPipeline(pm);
}

void quantc::registerCodegenPipelines() {
  PassPipelineRegistration<>(
      "kernel-lowering",
      "bufferized functions of linalg, scf and vector to the LLVM dialect",
      buildKernelLoweringPipeline);
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one list of dialects, interface models and passes.

#include "quantc/Driver/Register.h"
#include "LossSensitivity.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Transforms/Passes.h"
#include "quantc/Allocation/Passes.h"
#include "quantc/Calibration/Passes.h"
#include "quantc/Codegen/Passes.h"
#include "quantc/Codegen/Pipelines.h"
#include "quantc/Conversion/Passes.h"
#include "quantc/Dialect/QNN/Passes.h"
#include "quantc/Rewrites/Equivariant.h"
#include "quantc/Rewrites/Passes.h"

using namespace mlir;

void quantc::registerAllDialects(DialectRegistry &registry) {
  registerLossSensitivity();
  registerKernelDialects(registry);
  registry.insert<cf::ControlFlowDialect>();
  registerEquivariantModels(registry);
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
}

void quantc::registerAllPasses() {
  qnn::registerQNNPasses();
  qnn::registerNormalizePipeline();
  registerQuantcAllocationPasses();
  registerQuantcCalibrationPasses();
  registerQuantcCodegenPasses();
  registerQuantcConversionPasses();
  registerQuantcRewritesPasses();
  // Everything that the pipelines use, so that a printed one can be run.
  mlir::registerTransformsPasses();
  mlir::registerConversionPasses();
  mlir::registerLinalgPasses();
  memref::registerMemRefPasses();
  bufferization::registerBufferizationPasses();
  registerCodegenPipelines();
}

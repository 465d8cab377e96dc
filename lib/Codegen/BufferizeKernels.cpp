// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One-shot bufferization of one kernel function.  Arguments are memrefs
// already, so function boundaries are left alone; each kernel function is
// bufferized by itself and in parallel with the others.

#include "mlir/Dialect/Bufferization/Transforms/Bufferize.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/Transforms.h"
#include "quantc/Codegen/Passes.h"

namespace quantc {
#define GEN_PASS_DEF_BUFFERIZEKERNELSPASS
#include "quantc/Codegen/Passes.h.inc"
} // namespace quantc

using namespace mlir;
using namespace quantc;

namespace {

struct BufferizeKernelsPass
    : public quantc::impl::BufferizeKernelsPassBase<BufferizeKernelsPass> {
  void runOnOperation() override {
    func::FuncOp func = getOperation();
    if (!func->hasAttr(qnn::kKernelAttr))
      return;
    bufferization::OneShotBufferizationOptions options;
    options.bufferAlignment = 64;
    options.setFunctionBoundaryTypeConversion(
        bufferization::LayoutMapOption::IdentityLayoutMap);
    IRRewriter rewriter(&getContext());
    {
      bufferization::OneShotAnalysisState state(func, options);
      if (failed(bufferization::analyzeOp(func, state)) ||
          failed(bufferization::eliminateEmptyTensors(rewriter, func, state)))
        return signalPassFailure();
    }
    bufferization::BufferizationState state;
    if (failed(bufferization::runOneShotBufferize(func, options, state)))
      return signalPassFailure();
  }
};

} // namespace

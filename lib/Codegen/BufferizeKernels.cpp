// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One-shot bufferization of one kernel function.  Arguments are memrefs
// already, so function boundaries are left alone; each kernel function is
// bufferized by itself and in parallel with the others.
//
// memref.expand_shape stands for views of which each group of dimensions has at
// most one size that only the run knows: the lowering to strides would divide
// to find it.  Others are written as what they are, a base with sizes and
// strides.
//
// A filled tensor that several operations reduce into is made once for each:
// eliminating empty tensors would bind all of them to one result of the kernel,
// which the copies to the others would then overwrite.

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Bufferization/Transforms/Bufferize.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/Transforms.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "quantc/Codegen/Passes.h"

namespace quantc {
#define GEN_PASS_DEF_BUFFERIZEKERNELSPASS
#include "quantc/Codegen/Passes.h.inc"
} // namespace quantc

using namespace mlir;
using namespace quantc;

static bool hasOpenGroup(memref::ExpandShapeOp op) {
  return llvm::any_of(op.getReassociationIndices(),
                      [&](ArrayRef<int64_t> dims) {
                        return llvm::count_if(dims, [&](int64_t dim) {
                                 return op.getResultType().isDynamicDim(dim);
                               }) > 1;
                      });
}

static void castToStrides(RewriterBase &rewriter, memref::ExpandShapeOp op) {
  Location loc = op.getLoc();
  rewriter.setInsertionPoint(op);
  auto source =
      memref::ExtractStridedMetadataOp::create(rewriter, loc, op.getSrc());
  SmallVector<OpFoldResult> sizes = op.getMixedOutputShape();
  SmallVector<OpFoldResult> strides(sizes.size());
  AffineExpr a, b;
  bindSymbols(op.getContext(), a, b);
  SmallVector<OpFoldResult> outer = source.getConstifiedMixedStrides();
  for (auto [stride, dims] : llvm::zip(outer, op.getReassociationIndices())) {
    OpFoldResult inner = stride;
    for (int64_t dim : llvm::reverse(dims)) {
      strides[dim] = inner;
      inner = affine::makeComposedFoldedAffineApply(rewriter, loc, a * b,
                                                    {inner, sizes[dim]});
    }
  }
  rewriter.replaceOpWithNewOp<memref::ReinterpretCastOp>(
      op, op.getResultType(), source.getBaseBuffer(),
      source.getConstifiedMixedOffset(), sizes, strides);
}

/// One fill, and empty tensor, for each operation that writes over it.
static void splitFills(func::FuncOp func) {
  SmallVector<linalg::FillOp> fills;
  func.walk([&](linalg::FillOp fill) {
    if (fill->getNumResults() == 1 && !fill->getResult(0).hasOneUse() &&
        fill.getDpsInits()[0].getDefiningOp<tensor::EmptyOp>())
      fills.push_back(fill);
  });
  for (linalg::FillOp fill : fills) {
    Operation *empty = fill.getDpsInits()[0].getDefiningOp();
    for (OpOperand &use :
         llvm::make_early_inc_range(fill->getResult(0).getUses())) {
      auto owner = dyn_cast<DestinationStyleOpInterface>(use.getOwner());
      if (!owner || !owner.isDpsInit(&use))
        continue;
      OpBuilder builder(owner);
      Operation *init = builder.clone(*empty);
      Operation *twin = builder.clone(*fill);
      twin->setOperand(twin->getNumOperands() - 1, init->getResult(0));
      use.set(twin->getResult(0));
    }
    if (fill->use_empty())
      fill->erase();
  }
}

namespace {

struct BufferizeKernelsPass
    : public quantc::impl::BufferizeKernelsPassBase<BufferizeKernelsPass> {
  void runOnOperation() override {
    func::FuncOp func = getOperation();
    if (!func->hasAttr(qnn::kKernelAttr))
      return;
    splitFills(func);
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
    func.walk([&](memref::ExpandShapeOp op) {
      if (hasOpenGroup(op))
        castToStrides(rewriter, op);
    });
  }
};

} // namespace

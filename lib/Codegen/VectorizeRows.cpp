// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Turns linalg on memrefs into loops over vectors.  Named operations and copies
// become generics first (a strided memref.copy would call into a library), then
// each generic is matched as a row reduction, an elementwise row, a window or a
// transpose.  Anything else is left for convert-linalg-to-loops.

#include "Vectorize.h"
#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "quantc/Codegen/Passes.h"

namespace quantc {
#define GEN_PASS_DEF_VECTORIZEROWSPASS
#include "quantc/Codegen/Passes.h.inc"
} // namespace quantc

using namespace mlir;
using namespace quantc;

namespace {

void generalizeCopy(IRRewriter &rewriter, memref::CopyOp copy) {
  auto type = dyn_cast<MemRefType>(copy.getTarget().getType());
  if (!type || !isa<MemRefType>(copy.getSource().getType()))
    return;
  rewriter.setInsertionPoint(copy);
  AffineMap identity = rewriter.getMultiDimIdentityMap(type.getRank());
  SmallVector<utils::IteratorType> loops(type.getRank(),
                                         utils::IteratorType::parallel);
  linalg::GenericOp::create(
      rewriter, copy.getLoc(), ValueRange{copy.getSource()},
      ValueRange{copy.getTarget()}, ArrayRef<AffineMap>{identity, identity},
      loops, [](OpBuilder &builder, Location loc, ValueRange arguments) {
        linalg::YieldOp::create(builder, loc, arguments[0]);
      });
  rewriter.eraseOp(copy);
}

/// Index arithmetic that tiling left in a body, as plain integer operations.
void expandAffineApplies(linalg::GenericOp op) {
  SmallVector<affine::AffineApplyOp> applies(
      op.getBody()->getOps<affine::AffineApplyOp>());
  for (affine::AffineApplyOp apply : applies) {
    OpBuilder builder(apply);
    AffineMap map = apply.getAffineMap();
    ValueRange operands = apply.getMapOperands();
    Value value =
        affine::expandAffineExpr(builder, apply.getLoc(), map.getResult(0),
                                 operands.take_front(map.getNumDims()),
                                 operands.drop_front(map.getNumDims()));
    apply.getResult().replaceAllUsesWith(value);
    apply.erase();
  }
}

/// A reduction of rows as opposed to a window: its order is the tree of
/// docs/numerics.md §4.2, which neither windows nor scalar loops give.
bool needsTree(linalg::GenericOp op) {
  if (op.getNumReductionLoops() != 1 ||
      !llvm::all_of(op.getIndexingMapsArray(), [](AffineMap map) {
        return map.isProjectedPermutation(/*allowZeroInResults=*/true);
      }))
    return false;
  return isa<FloatType>(op.getBody()->getArguments().back().getType());
}

struct VectorizeRowsPass
    : quantc::impl::VectorizeRowsPassBase<VectorizeRowsPass> {
  using Base::Base;

  void generalize() {
    IRRewriter rewriter(&getContext());
    SmallVector<Operation *> ops;
    getOperation()->walk([&](Operation *op) {
      if (isa<memref::CopyOp>(op) ||
          (isa<linalg::LinalgOp>(op) && !isa<linalg::GenericOp>(op)))
        ops.push_back(op);
    });
    for (Operation *op : ops) {
      if (auto copy = dyn_cast<memref::CopyOp>(op)) {
        generalizeCopy(rewriter, copy);
        continue;
      }
      auto named = cast<linalg::LinalgOp>(op);
      rewriter.setInsertionPoint(op);
      if (named.hasPureBufferSemantics())
        (void)linalg::generalizeNamedOp(rewriter, named);
    }
  }

  void runOnOperation() override {
    generalize();
    SmallVector<linalg::GenericOp> generics;
    getOperation()->walk([&](linalg::GenericOp op) { generics.push_back(op); });
    for (linalg::GenericOp op : generics) {
      if (!op.hasPureBufferSemantics() || op.getNumDpsInits() != 1 ||
          op.getNumLoops() == 0) {
        ++numScalar;
        continue;
      }
      expandAffineApplies(op);
      if (succeeded(vectorize::vectorizeReduction(op))) {
        ++numVectorized;
        continue;
      }
      if (needsTree(op)) {
        op.emitError("expected a row reduction over the last, contiguous "
                     "dimension of its operands");
        return signalPassFailure();
      }
      if (succeeded(vectorize::vectorizeElementwise(op)) ||
          succeeded(vectorize::vectorizeWindow(op)) ||
          succeeded(vectorize::vectorizeTransposed(op)))
        ++numVectorized;
      else
        ++numScalar;
    }
  }
};

} // namespace

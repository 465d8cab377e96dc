// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Composes transposes and reshapes with symbolic shapes, where folding by types
// alone cannot see that a dynamic shape is unchanged or that only extents of 1
// move.

#include "GraphRewriter.h"
#include "quantc/Dialect/QNN/Passes.h"

namespace quantc::qnn {
#define GEN_PASS_DEF_FOLDTRANSPOSESPASS
#include "quantc/Dialect/QNN/Passes.h.inc"
} // namespace quantc::qnn

using namespace mlir;
using namespace quantc;
using namespace quantc::qnn;

namespace {

struct FoldTransposesPass
    : public quantc::qnn::impl::FoldTransposesPassBase<FoldTransposesPass> {
  void runOnOperation() override {
    func::FuncOp func = getOperation();
    if (func.isExternal())
      return;
    FailureOr<ShapeAnalysis> shapes = ShapeAnalysis::compute(func);
    if (failed(shapes))
      return signalPassFailure();
    GraphRewriter rewriter(func, *shapes);
    LogicalResult result = rewriter.forEach([&](Operation *op) {
      if (!isa<TransposeOp, ReshapeOp>(op))
        return;
      rewriter.builder.setInsertionPoint(op);
      Value input = op->getOperand(0), old = op->getResult(0);
      auto transpose = dyn_cast<TransposeOp>(op);
      Value folded =
          transpose ? rewriter.transpose(op->getLoc(), input,
                                         transpose.getPermutation())
                    : rewriter.reshape(op->getLoc(), input,
                                       SymbolicShape(rewriter.shapeOf(old)));
      if (!folded)
        return;
      // The same operation again is of no use.
      Operation *twin = folded.getDefiningOp();
      if (twin && twin != op && twin->getName() == op->getName() &&
          twin->getOperand(0) == input && folded.use_empty()) {
        twin->erase();
        return;
      }
      rewriter.replaceAllUses(old, folded);
      rewriter.eraseDead(op);
    });
    if (failed(result))
      signalPassFailure();
  }
};

} // namespace

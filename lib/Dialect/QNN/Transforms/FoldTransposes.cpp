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

/// A reshape that only regroups leading dimensions which the transpose before
/// it leaves in place goes before the transpose:
///
///     [m, p, q] -> [m, q, p] -> [a, b, q, p]
///     [m, p, q] -> [a, b, p, q] -> [a, b, q, p]
///
/// so the transpose can meet others, and the reshape the reshapes before.
static Value sinkTranspose(GraphRewriter &rewriter, ReshapeOp op) {
  auto transpose = op.getInput().getDefiningOp<TransposeOp>();
  if (!transpose || !op.getInput().hasOneUse())
    return {};
  ArrayRef<int64_t> permutation = transpose.getPermutation();
  ArrayRef<AffineExpr> before = rewriter.shapeOf(transpose.getInput());
  ArrayRef<AffineExpr> after = rewriter.shapeOf(op.getResult());
  size_t fixed = 0;
  while (fixed < permutation.size() && permutation[fixed] == int64_t(fixed))
    ++fixed;
  size_t moved = permutation.size() - fixed;
  if (fixed == 0 || moved == 0 || after.size() <= moved ||
      rewriter.shapeOf(op.getInput()).take_back(moved) !=
          after.take_back(moved))
    return {};
  ArrayRef<AffineExpr> lead = after.drop_back(moved);
  MLIRContext *context = op.getContext();
  if (elementCount(lead, context) !=
      elementCount(before.take_front(fixed), context))
    return {};
  SymbolicShape shape(lead);
  shape.append(before.begin() + fixed, before.end());
  auto order = llvm::to_vector(llvm::seq<int64_t>(lead.size()));
  for (int64_t dim : permutation.drop_front(fixed))
    order.push_back(dim - int64_t(fixed) + int64_t(lead.size()));
  Value regrouped = rewriter.reshape(op.getLoc(), transpose.getInput(), shape);
  return rewriter.transpose(op.getLoc(), regrouped, order);
}

static void foldOperation(GraphRewriter &rewriter, Operation *op) {
  if (!isa<TransposeOp, ReshapeOp>(op))
    return;
  rewriter.builder.setInsertionPoint(op);
  Value input = op->getOperand(0), old = op->getResult(0);
  auto transpose = dyn_cast<TransposeOp>(op);
  if (!transpose) {
    Value sunk = sinkTranspose(rewriter, cast<ReshapeOp>(op));
    if (sunk) {
      rewriter.replaceAllUses(old, sunk);
      rewriter.eraseDead(op);
      return;
    }
  }
  Value folded =
      transpose
          ? rewriter.transpose(op->getLoc(), input, transpose.getPermutation())
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
}

namespace {

struct FoldTransposesPass
    : public quantc::qnn::impl::FoldTransposesPassBase<FoldTransposesPass> {
  void runOnOperation() override {
    LogicalResult result =
        rewriteGraph(getOperation(), [](GraphRewriter &rewriter) {
          return rewriter.forEach(
              [&](Operation *op) { foldOperation(rewriter, op); });
        });
    if (failed(result))
      signalPassFailure();
  }
};

} // namespace

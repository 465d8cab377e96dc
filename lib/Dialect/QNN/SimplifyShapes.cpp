// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Removes reshapes, broadcasts and slices whose result has the operand's
// symbolic shape.  The folders see types only, where two dynamic dimensions may
// differ.

#include "quantc/Dialect/QNN/Passes.h"
#include "quantc/Dialect/QNN/ShapeAnalysis.h"

using namespace mlir;

namespace quantc::qnn {

#define GEN_PASS_DEF_SIMPLIFYSHAPESPASS
#include "quantc/Dialect/QNN/Passes.h.inc"

static bool isWhole(SliceOp op) {
  auto isZero = [](AffineExpr expr) {
    auto constant = dyn_cast<AffineConstantExpr>(expr);
    return constant && constant.getValue() == 0;
  };
  return llvm::all_of(op.getStarts().getResults(), isZero) &&
         llvm::all_of(op.getSteps(), [](int64_t step) { return step == 1; });
}

namespace {
struct SimplifyShapesPass
    : public impl::SimplifyShapesPassBase<SimplifyShapesPass> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp func = getOperation();
    if (func.isExternal())
      return;
    FailureOr<ShapeAnalysis> shapes = ShapeAnalysis::compute(func);
    if (failed(shapes))
      return signalPassFailure();
    for (Operation &op : llvm::make_early_inc_range(func.getBody().front())) {
      auto slice = dyn_cast<SliceOp>(op);
      if (!isa<ReshapeOp, BroadcastToOp>(op) && !(slice && isWhole(slice)))
        continue;
      Value input = op.getOperand(0), result = op.getResult(0);
      if (input.getType() != result.getType() ||
          shapes->getShape(input) != shapes->getShape(result))
        continue;
      result.replaceAllUsesWith(input);
      op.erase();
      ++numRemoved;
    }
  }
};
} // namespace

} // namespace quantc::qnn

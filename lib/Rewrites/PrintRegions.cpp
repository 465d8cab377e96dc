// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reports the region search for people and tests.

#include "quantc/Rewrites/Passes.h"
#include "quantc/Rewrites/Regions.h"

namespace quantc {
#define GEN_PASS_DEF_PRINTREGIONSPASS
#include "quantc/Rewrites/Passes.h.inc"
} // namespace quantc

using namespace mlir;
using namespace quantc;
using namespace quantc::qnn;

namespace {

struct PrintRegionsPass
    : public quantc::impl::PrintRegionsPassBase<PrintRegionsPass> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp func = getOperation();
    if (kind != "scale" && kind != "rotation") {
      func.emitError("expected kind 'scale' or 'rotation', got '")
          << kind << "'";
      return signalPassFailure();
    }
    FailureOr<ShapeAnalysis> shapes = ShapeAnalysis::compute(func);
    if (failed(shapes))
      return signalPassFailure();
    ConstantExpressions constants;
    RegionSearch search(*shapes, constants);
    func.walk([&](LinearOp op) { print(op, search); });
  }

  void print(LinearOp op, RegionSearch &search) {
    auto type = dyn_cast<RankedTensorType>(op.getInput().getType());
    if (!type || type.isDynamicDim(type.getRank() - 1))
      return;
    ChannelRegion region = search.grow(
        kind == "scale" ? TransformKind::Scale : TransformKind::Rotation,
        {op.getInput(), {type.getRank() - 1}});
    size_t readers = llvm::count_if(
        region.sites, [](const AbsorbSite &site) { return site.inverse; });
    InFlightDiagnostic remark = op.emitRemark();
    remark << region.channels << " channels";
    if (region.block != region.channels)
      remark << " in blocks of " << region.block;
    remark << ", " << region.members.size() << " values, "
           << region.sites.size() - readers << " constants absorb, " << readers
           << " the inverse";
    if (region.folds())
      remark << ": folds";
    for (const Blocker &blocker : region.blockers)
      remark << (&blocker == region.blockers.begin() ? ": blocked, " : ", ")
             << blocker.reason;
  }
};

} // namespace

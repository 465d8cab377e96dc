// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inserts `qnn.pack` between constant weights and their contractions.  The
// packed order of float weights is [ceil(N / 16)][K][16]: one 64-byte line holds
// one k of 16 output columns (docs/rationale.md, "Packed weights").

#include "quantc/Codegen/Passes.h"
#include "quantc/Dialect/QNN/ConstantExpressions.h"

namespace quantc {
#define GEN_PASS_DEF_PACKWEIGHTSPASS
#include "quantc/Codegen/Passes.h.inc"
} // namespace quantc

using namespace mlir;
using namespace quantc;
using namespace quantc::qnn;

namespace {

constexpr int64_t kColumns = 16;

struct PackWeightsPass
    : public quantc::impl::PackWeightsPassBase<PackWeightsPass> {
  void runOnOperation() override {
    ConstantExpressions constants;
    getOperation().walk([&](LinearOp op) {
      auto type = dyn_cast<RankedTensorType>(op.getWeight().getType());
      if (!type || !type.getElementType().isF32() || op.getPackedFrom() ||
          !constants.contains(op.getWeight()))
        return;
      OpBuilder builder(op);
      int64_t n = type.getDimSize(0), k = type.getDimSize(1);
      auto packed = RankedTensorType::get(
          {(n + kColumns - 1) / kColumns, k, kColumns}, type.getElementType());
      auto pack = PackOp::create(builder, op.getLoc(), TypeRange(packed),
                                 op.getWeight(),
                                 builder.getStringAttr("n16"));
      op.getWeightMutable().set(pack.getResult(0));
      op.setPackedFrom(ArrayRef<int64_t>{n, k});
    });
  }
};

} // namespace

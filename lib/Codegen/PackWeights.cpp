// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inserts `qnn.pack` between constant weights and their contractions
// (Dialect/LowBit/PackWeights.h has the orders).

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

// The shape of a packed weight: lines of 16 columns by one k of four bytes, or
// by four k of one byte.
RankedTensorType packedType(RankedTensorType type) {
  constexpr int64_t columns = 16, bytes = 4;
  int64_t n = type.getDimSize(0), k = type.getDimSize(1);
  int64_t panels = (n + columns - 1) / columns;
  Type element = type.getElementType();
  if (element.isF32())
    return RankedTensorType::get({panels, k, columns}, element);
  return RankedTensorType::get(
      {panels, (k + bytes - 1) / bytes, columns, bytes}, element);
}

class WeightPacker {
public:
  /// Packs the weight of a contraction, once per weight.
  template <typename OpTy> void visit(OpTy op) {
    auto type = dyn_cast<RankedTensorType>(op.getWeight().getType());
    if (!type || op.getPackedFrom() || !constants.contains(op.getWeight()))
      return;
    if (!type.getElementType().isF32() && !type.getElementType().isInteger(8))
      return;
    Value &packed = packs[op.getWeight()];
    if (!packed) {
      OpBuilder builder(op.getContext());
      builder.setInsertionPointAfterValue(op.getWeight());
      packed = PackOp::create(builder, op.getLoc(), TypeRange(packedType(type)),
                              op.getWeight(), builder.getStringAttr("n16"))
                   .getResult(0);
    }
    op.getWeightMutable().set(packed);
    op.setPackedFrom(type.getShape());
  }

  /// A look-up in a matrix that a contraction has packed reads the packed one:
  /// a tied embedding is stored once.
  template <typename OpTy> void share(OpTy op, OpOperand &matrix) {
    Value packed = packs.lookup(matrix.get());
    if (!packed)
      return;
    op.setPackedFrom(cast<ShapedType>(matrix.get().getType()).getShape());
    matrix.set(packed);
  }

private:
  ConstantExpressions constants;
  DenseMap<Value, Value> packs;
};

struct PackWeightsPass
    : public quantc::impl::PackWeightsPassBase<PackWeightsPass> {
  void runOnOperation() override {
    WeightPacker packer;
    getOperation().walk([&](LinearOp op) { packer.visit(op); });
    getOperation().walk([&](QuantizedLinearOp op) { packer.visit(op); });
    getOperation().walk(
        [&](QuantizedGatherOp op) { packer.share(op, op.getCodesMutable()); });
  }
};

} // namespace

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rewrites linears and embedding look-ups to int8 with scales per output
// channel and per row.  Weight codes are lazy constant expressions
// (qnn.quantize_rows of the constant), computed when the artifact is written.

#include "quantc/Allocation/Passes.h"
#include "quantc/Dialect/QNN/ConstantExpressions.h"
#include "quantc/Dialect/QNN/ShapeAnalysis.h"

namespace quantc {
#define GEN_PASS_DEF_QUANTIZEDYNAMICPASS
#include "quantc/Allocation/Passes.h.inc"
} // namespace quantc

using namespace mlir;
using namespace quantc;
using namespace quantc::qnn;

namespace {

class DynamicQuantizer {
public:
  explicit DynamicQuantizer(MLIRContext *context) : builder(context) {}

  bool quantize(LinearOp op) {
    if (!isFloatMatrix(op.getWeight()) || op.getPackedFrom() ||
        !cast<ShapedType>(op.getInput().getType()).getElementType().isF32())
      return false;
    QuantizeRowsOp weight = quantizeOnce(op.getWeight(), /*isWeight=*/true);
    QuantizeRowsOp input = quantizeOnce(op.getInput(), /*isWeight=*/false);
    builder.setInsertionPoint(op);
    auto twin = QuantizedLinearOp::create(
        builder, op.getLoc(), op.getType(), input.getCodes(), input.getScales(),
        input.getSums(), weight.getCodes(), weight.getScales(), op.getBias(),
        DenseI64ArrayAttr());
    op.replaceAllUsesWith(twin.getResult());
    op.erase();
    return true;
  }

  bool quantize(GatherOp op, int64_t minElements) {
    if (op.getAxis() != 0 || !isFloatMatrix(op.getInput()) ||
        cast<ShapedType>(op.getInput().getType()).getNumElements() <
            minElements)
      return false;
    QuantizeRowsOp table = quantizeOnce(op.getInput(), /*isWeight=*/true);
    builder.setInsertionPoint(op);
    auto twin = QuantizedGatherOp::create(builder, op.getLoc(), op.getType(),
                                          table.getCodes(), table.getScales(),
                                          op.getIndices(), DenseI64ArrayAttr());
    op.replaceAllUsesWith(twin.getResult());
    op.erase();
    return true;
  }

private:
  bool isFloatMatrix(Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    return type && type.getRank() == 2 && type.getElementType().isF32() &&
           constants.contains(value);
  }

  /// Consumers of one value share its codes.
  QuantizeRowsOp quantizeOnce(Value value, bool isWeight) {
    QuantizeRowsOp &op = quantized[value];
    if (op)
      return op;
    builder.setInsertionPointAfterValue(value);
    auto type = cast<RankedTensorType>(value.getType());
    auto rows = type.getShape().drop_back();
    op = QuantizeRowsOp::create(
        builder, value.getLoc(),
        TypeRange{type.clone(builder.getI8Type()),
                  RankedTensorType::get(rows, builder.getF32Type()),
                  RankedTensorType::get(rows, builder.getI32Type())},
        value, isWeight);
    return op;
  }

  OpBuilder builder;
  ConstantExpressions constants;
  DenseMap<Value, QuantizeRowsOp> quantized;
};

struct QuantizeDynamicPass
    : public quantc::impl::QuantizeDynamicPassBase<QuantizeDynamicPass> {
  using Base::Base;

  void runOnOperation() override {
    if (!getOperation()->hasAttr(kEntryAttr))
      return;
    DynamicQuantizer quantizer(&getContext());
    getOperation().walk(
        [&](LinearOp op) { numLinears += quantizer.quantize(op); });
    getOperation().walk(
        [&](GatherOp op) { numTables += quantizer.quantize(op, minElements); });
  }
};

} // namespace

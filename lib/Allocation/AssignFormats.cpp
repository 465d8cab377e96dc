// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Puts qnn.quantize before the operands of linears and look-ups.

#include "mlir/AsmParser/AsmParser.h"
#include "quantc/Allocation/Passes.h"
#include "quantc/Dialect/QNN/ConstantExpressions.h"
#include "quantc/Dialect/QNN/QNN.h"

namespace quantc {
#define GEN_PASS_DEF_ASSIGNFORMATSPASS
#include "quantc/Allocation/Passes.h.inc"
} // namespace quantc

using namespace mlir;
using namespace quantc;
using namespace quantc::qnn;
using fmt::FormatInterface;

namespace {

/// The formats of one run; null where operands stay float.
struct Formats {
  FormatInterface weight, activation, table;
};

/// The longest run of the last axis that shares a scale.
int64_t groupLength(FormatInterface format, ArrayRef<int64_t> shape) {
  auto uniform = format.asUniform(shape);
  return uniform ? uniform->block.back() : shape.back();
}

class FormatAssigner {
public:
  FormatAssigner(MLIRContext *context, const Formats &formats)
      : builder(context), formats(formats) {}

  bool assign(LinearOp op) {
    auto input = dyn_cast<RankedTensorType>(op.getInput().getType());
    if (!formats.weight || !isFloatMatrix(op.getWeight()) ||
        op.getPackedFrom() || !input || !input.getElementType().isF32() ||
        !fits(op))
      return false;
    op.getWeightMutable().set(
        quantizeOnce(op.getWeight(), formats.weight, /*isConstant=*/true));
    if (formats.activation)
      op.getInputMutable().set(quantizeOnce(op.getInput(), formats.activation,
                                            /*isConstant=*/false));
    return true;
  }

  bool assign(GatherOp op, int64_t minElements) {
    if (!formats.table || op.getAxis() != 0 || !isFloatMatrix(op.getInput()) ||
        cast<ShapedType>(op.getInput().getType()).getNumElements() <
            minElements)
      return false;
    // A tied table has the format of its linear, so that it is stored once.
    Value tied = quantized.lookup({op.getInput(), formats.weight});
    op.getInputMutable().set(
        tied ? tied
             : quantizeOnce(op.getInput(), formats.table, /*isConstant=*/true));
    return true;
  }

private:
  bool isFloatMatrix(Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    return type && type.getRank() == 2 && type.getElementType().isF32() &&
           constants.contains(value);
  }

  bool fits(LinearOp op) {
    auto weight = cast<ShapedType>(op.getWeight().getType());
    if (failed(formats.weight.verifyShape([&] { return op.emitRemark(); },
                                          weight.getShape())))
      return false;
    if (!formats.activation)
      return true;
    constexpr int32_t most = 127; // of an activation's codes
    int64_t length = groupLength(formats.weight, weight.getShape());
    int64_t limit = fmt::maxGroupLength(formats.weight.planes(), -most, most);
    if (length <= limit)
      return true;
    op.emitRemark() << "stays float: a scale of its weight covers " << length
                    << " products, one int32 sum holds at most " << limit;
    return false;
  }

  /// Consumers of one value in one format share it.
  Value quantizeOnce(Value value, FormatInterface format, bool isConstant) {
    Value &result = quantized[{value, format}];
    if (result)
      return result;
    builder.setInsertionPointAfterValue(value);
    auto type = cast<RankedTensorType>(value.getType());
    auto encoded = EncodedType::get(builder.getContext(), type.getShape(),
                                    type.getElementType(), format);
    result = QuantizeOp::create(builder, value.getLoc(), encoded, value,
                                /*scale=*/Value(), /*offset=*/Value(),
                                /*rcp=*/!isConstant);
    return result;
  }

  OpBuilder builder;
  Formats formats;
  ConstantExpressions constants;
  DenseMap<std::pair<Value, Attribute>, Value> quantized;
};

struct AssignFormatsPass
    : public quantc::impl::AssignFormatsPassBase<AssignFormatsPass> {
  using Base::Base;

  LogicalResult initialize(MLIRContext *context) override {
    return success(succeeded(parse(context, weight, formats.weight)) &&
                   succeeded(parse(context, activation, formats.activation)) &&
                   succeeded(parse(context, table, formats.table)));
  }

  void runOnOperation() override {
    if (!getOperation()->hasAttr(kEntryAttr))
      return;
    FormatAssigner assigner(&getContext(), formats);
    getOperation().walk(
        [&](LinearOp op) { numLinears += assigner.assign(op); });
    getOperation().walk(
        [&](GatherOp op) { numTables += assigner.assign(op, minElements); });
  }

private:
  static LogicalResult parse(MLIRContext *context, StringRef text,
                             FormatInterface &format) {
    if (text.empty())
      return success();
    format =
        dyn_cast_if_present<FormatInterface>(parseAttribute(text, context));
    if (format)
      return success();
    return emitError(UnknownLoc::get(context))
           << "expected a number format such as #fmt.int<8, axis = 0>, got '"
           << text << "'";
  }

  Formats formats;
};

} // namespace

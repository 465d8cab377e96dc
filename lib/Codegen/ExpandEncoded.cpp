// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Replaces !qnn.encoded values by their payload arrays, in one forward walk.
// Which pairs of formats have a kernel is decided here and nowhere else.

#include "quantc/Codegen/Passes.h"
#include "quantc/Dialect/QNN/ConstantExpressions.h"
#include "quantc/Dialect/QNN/QNN.h"

namespace quantc {
#define GEN_PASS_DEF_EXPANDENCODEDPASS
#include "quantc/Codegen/Passes.h.inc"
} // namespace quantc

using namespace mlir;
using namespace quantc;
using namespace quantc::qnn;
using fmt::FormatInterface;

namespace {

/// Signed bytes without offset, one f32 scale for each slice of axis 0.
bool isByteRows(FormatInterface format, ArrayRef<int64_t> shape) {
  auto uniform = format.asUniform(shape);
  return uniform && uniform->minCode >= -128 && uniform->maxCode == 127 &&
         uniform->scaleType.isF32() && !uniform->hasOffset &&
         shape.size() == 2 && uniform->block[0] == 1 &&
         uniform->block[1] == shape[1];
}

class Expander {
public:
  explicit Expander(MLIRContext *context) : builder(context) {}

  LogicalResult visit(Operation *op) {
    for (Value operand : op->getOperands())
      if (isa<EncodedType>(operand.getType()) && !payloads.contains(operand))
        return op->emitOpError("expected encoded operands made by "
                               "qnn.quantize or qnn.encoded_constant, got ")
               << operand.getType();
    builder.setInsertionPoint(op);
    if (auto quantize = dyn_cast<QuantizeOp>(op))
      return expand(quantize);
    if (auto constant = dyn_cast<EncodedConstantOp>(op))
      return expand(constant);
    if (auto dequantize = dyn_cast<DequantizeOp>(op))
      return expand(dequantize);
    if (auto linear = dyn_cast<LinearOp>(op); linear && expand(linear))
      return success();
    if (auto gather = dyn_cast<GatherOp>(op); gather && expand(gather))
      return success();
    return decodeOperands(op);
  }

  /// Erases what was replaced, users first.
  void finish() {
    for (Operation *op : llvm::reverse(replaced))
      op->erase();
  }

private:
  /// What stands for an encoded value.
  struct Payload {
    /// By FormatInterface::payload; for activations quantized by rows codes,
    /// scales and sums.
    SmallVector<Value> arrays;
    bool isDynamic = false;
  };

  LogicalResult expand(QuantizeOp op) {
    auto type = cast<EncodedType>(op.getType());
    if (!constants.contains(op.getInput()))
      return expandDynamic(op, type);
    SmallVector<Type> types = payloadTypes(type);
    auto encode = EncodeOp::create(builder, op.getLoc(), types, op.getInput(),
                                   type.getScheme());
    return define(op, {SmallVector<Value>(encode.getResults()), false});
  }

  LogicalResult expandDynamic(QuantizeOp op, EncodedType type) {
    ArrayRef<int64_t> shape = type.getShape();
    auto uniform = type.getScheme().asUniform(shape);
    bool isByRows = uniform && !op.getScale() && op.getRcp() &&
                    !uniform->hasOffset && uniform->maxCode == 127 &&
                    llvm::all_of(ArrayRef(uniform->block).drop_back(),
                                 [](int64_t extent) { return extent == 1; }) &&
                    uniform->block.back() == shape.back();
    if (!isByRows)
      return op.emitOpError("has no kernel to format ")
             << type.getFormat()
             << "; activations are quantized to #fmt.int<8, per_row> with "
                "'rcp' and without scale";
    ArrayRef<int64_t> rows = shape.drop_back();
    auto quantize = QuantizeRowsOp::create(
        builder, op.getLoc(),
        TypeRange{RankedTensorType::get(shape, builder.getI8Type()),
                  RankedTensorType::get(rows, builder.getF32Type()),
                  RankedTensorType::get(rows, builder.getI32Type())},
        op.getInput());
    return define(op, {SmallVector<Value>(quantize.getResults()), true});
  }

  LogicalResult expand(EncodedConstantOp op) {
    auto type = cast<EncodedType>(op.getType());
    SmallVector<Attribute> arrays;
    for (const fmt::PayloadArray &array :
         type.getScheme().payload(type.getShape()))
      arrays.push_back(op.getPayload().get(array.name));
    auto payload = PayloadOp::create(builder, op.getLoc(), payloadTypes(type),
                                     builder.getArrayAttr(arrays));
    return define(op, {SmallVector<Value>(payload.getResults()), false});
  }

  LogicalResult expand(DequantizeOp op) {
    FailureOr<Value> value = decode(op, op.getInput());
    if (failed(value))
      return failure();
    op.getResult().replaceAllUsesWith(*value);
    replaced.push_back(op);
    return success();
  }

  bool expand(LinearOp op) {
    auto input = dyn_cast<EncodedType>(op.getInput().getType());
    auto weight = dyn_cast<EncodedType>(op.getWeight().getType());
    if (!input || !weight || op.getPackedFrom() ||
        !payloads[op.getInput()].isDynamic ||
        !isByteRows(weight.getScheme(), weight.getShape()))
      return false;
    ArrayRef<Value> a = payloads[op.getInput()].arrays;
    ArrayRef<Value> w = payloads[op.getWeight()].arrays;
    auto twin = QuantizedLinearOp::create(builder, op.getLoc(), op.getType(),
                                          a[0], a[1], a[2], w[0], w[1],
                                          op.getBias(), DenseI64ArrayAttr());
    return replace(op, twin.getResult());
  }

  bool expand(GatherOp op) {
    auto table = dyn_cast<EncodedType>(op.getInput().getType());
    if (!table || op.getAxis() != 0 ||
        !isByteRows(table.getScheme(), table.getShape()))
      return false;
    ArrayRef<Value> arrays = payloads[op.getInput()].arrays;
    auto twin = QuantizedGatherOp::create(builder, op.getLoc(), op.getType(),
                                          arrays[0], arrays[1], op.getIndices(),
                                          DenseI64ArrayAttr());
    return replace(op, twin.getResult());
  }

  LogicalResult decodeOperands(Operation *op) {
    for (OpOperand &operand : op->getOpOperands()) {
      if (!isa<EncodedType>(operand.get().getType()))
        continue;
      op->emitRemark() << "computes on decoded values: no kernel for "
                       << operand.get().getType();
      FailureOr<Value> value = decode(op, operand.get());
      if (failed(value))
        return failure();
      operand.set(*value);
    }
    return success();
  }

  /// The float tensor that an encoded value stands for.
  FailureOr<Value> decode(Operation *op, Value value) {
    auto type = cast<EncodedType>(value.getType());
    const Payload &payload = payloads[value];
    ArrayRef<Value> arrays = payload.arrays;
    // The sums of a row are not part of the format's payload.
    if (payload.isDynamic)
      arrays = arrays.drop_back();
    auto decoded = DecodeOp::create(
        builder, op->getLoc(),
        RankedTensorType::get(type.getShape(), type.getElementType()), arrays,
        type.getScheme());
    return Value(decoded.getResult());
  }

  SmallVector<Type> payloadTypes(EncodedType type) {
    SmallVector<Type> types;
    for (const fmt::PayloadArray &array :
         type.getScheme().payload(type.getShape()))
      types.push_back(RankedTensorType::get(array.shape, array.elementType));
    return types;
  }

  LogicalResult define(Operation *op, Payload payload) {
    payloads[op->getResult(0)] = std::move(payload);
    replaced.push_back(op);
    return success();
  }

  bool replace(Operation *op, Value value) {
    op->getResult(0).replaceAllUsesWith(value);
    replaced.push_back(op);
    return true;
  }

  OpBuilder builder;
  ConstantExpressions constants;
  DenseMap<Value, Payload> payloads;
  SmallVector<Operation *> replaced;
};

struct ExpandEncodedPass
    : public quantc::impl::ExpandEncodedPassBase<ExpandEncodedPass> {
  void runOnOperation() override {
    func::FuncOp func = getOperation();
    if (func.isExternal())
      return;
    Expander expander(&getContext());
    for (Operation &op : llvm::make_early_inc_range(func.front()))
      if (failed(expander.visit(&op)))
        return signalPassFailure();
    expander.finish();
  }
};

} // namespace

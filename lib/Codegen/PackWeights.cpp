// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inserts `qnn.pack` between constant weights and their contractions
// (Dialect/LowBit/PackWeights.h and Dialect/Fmt/PackLines.h have the orders).

#include "quantc/Codegen/Passes.h"
#include "quantc/Dialect/Fmt/PackLines.h"
#include "quantc/Dialect/LowBit/LowBit.h"
#include "quantc/Dialect/QNN/ConstantExpressions.h"
#include "llvm/Support/MathExtras.h"

namespace quantc {
#define GEN_PASS_DEF_PACKWEIGHTSPASS
#include "quantc/Codegen/Passes.h.inc"
} // namespace quantc

using namespace mlir;
using namespace quantc;
using namespace quantc::qnn;
using lowbit::kLineColumns, lowbit::kLineDepth;

namespace {

// The shape of a packed weight: lines of 16 columns by one k of four bytes, or
// by four k of one byte.
RankedTensorType packedType(RankedTensorType type) {
  int64_t panels = llvm::divideCeil(type.getDimSize(0), kLineColumns);
  int64_t k = type.getDimSize(1);
  Type element = type.getElementType();
  if (element.isF32())
    return RankedTensorType::get({panels, k, kLineColumns}, element);
  int64_t lines = llvm::divideCeil(k, kLineDepth);
  return RankedTensorType::get({panels, lines, kLineColumns, kLineDepth},
                               element);
}

/// The type of codes [n, k] in packed lines.
RankedTensorType linesType(RankedTensorType codes, fmt::BlockFormat blocks) {
  auto shape =
      fmt::getLineShape(blocks.bits, codes.getDimSize(0), codes.getDimSize(1),
                        blocks.group, blocks.isTernary);
  return shape ? RankedTensorType::get(*shape,
                                       IntegerType::get(codes.getContext(), 8))
               : RankedTensorType();
}

/// The type of scales or offsets [n] or [n, groups] in panels of 16 columns.
RankedTensorType panelsType(RankedTensorType type) {
  int64_t panels = llvm::divideCeil(type.getDimSize(0), kLineColumns);
  Type element = type.getElementType();
  if (element.isInteger())
    element = IntegerType::get(type.getContext(), 8);
  return RankedTensorType::get(
      {panels, type.getRank() < 2 ? 1 : type.getDimSize(1), kLineColumns},
      element);
}

class WeightPacker {
public:
  /// Packs the weight of a contraction, once per weight.
  template <typename OpTy> void visit(OpTy op) {
    auto type = dyn_cast<RankedTensorType>(op.getWeight().getType());
    if (!type || !isPackable(op, op.getWeight()))
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

  /// Packs codes in blocks, with their scales and offsets, once per weight.
  template <typename OpTy>
  void visitBlocks(OpTy op, OpOperand &codes, OpOperand &scales,
                   OpOperand *offsets) {
    auto type = cast<RankedTensorType>(codes.get().getType());
    if (!isPackable(op, codes.get()) || !constants.contains(scales.get()) ||
        (offsets && !constants.contains(offsets->get())))
      return;
    RankedTensorType lines = linesType(type, op.getBlocks());
    if (!lines)
      return;
    packOnce(codes, lines, op.getFormat());
    Attribute layout = StringAttr::get(op.getContext(), "panels");
    packOnce(scales, panelsType(cast<RankedTensorType>(scales.get().getType())),
             layout);
    if (offsets)
      packOnce(*offsets,
               panelsType(cast<RankedTensorType>(offsets->get().getType())),
               layout);
    op.setPackedFrom(type.getShape());
  }
  void visitBlocks(BlockLinearOp op) {
    auto offsets = op.getWeightOffsetsMutable();
    visitBlocks(op, op.getWeightMutable(), op.getWeightScalesMutable(),
                offsets.empty() ? nullptr : &offsets[0]);
  }
  void visitBlocks(BlockGatherOp op) {
    auto offsets = op.getOffsetsMutable();
    visitBlocks(op, op.getCodesMutable(), op.getScalesMutable(),
                offsets.empty() ? nullptr : &offsets[0]);
  }

  /// A convolution's weight [m, taps..., c] is packed as the matrix
  /// [m, taps * c], one in groups only where it is codes and each group has
  /// panels of its own; a depthwise one becomes [taps..., m].
  template <typename OpTy> void visitConv(OpTy op) {
    auto type = dyn_cast<RankedTensorType>(op.getWeight().getType());
    if (!type || !op.getChannelsLast() || !isPackable(op, op.getWeight()))
      return;
    if (!type.getElementType().isF32() && !type.getElementType().isInteger(8))
      return;
    int64_t outputs = type.getDimSize(0), groups = op.getGroups();
    bool depthwise = groups == outputs && type.getShape().back() == 1;
    bool ownPanels = type.getElementType().isInteger() &&
                     outputs / groups % kLineColumns == 0;
    if (!depthwise && groups != 1 && !ownPanels)
      return;
    Value &packed = packs[op.getWeight()];
    if (!packed)
      packed = depthwise ? packTaps(op.getWeight(), type)
                         : packPatches(op.getWeight(), type);
    op.getWeightMutable().set(packed);
    op.setPackedFrom(type.getShape());
  }

  /// A look-up in a matrix that a contraction has packed reads the packed one:
  /// a tied embedding is stored once.
  template <typename OpTy> void share(OpTy op, OpOperand &matrix) {
    Value packed = packs.lookup(matrix.get());
    if (!packed || constants.contains(op.getResult()))
      return;
    op.setPackedFrom(cast<ShapedType>(matrix.get().getType()).getShape());
    matrix.set(packed);
  }

private:
  void packOnce(OpOperand &operand, RankedTensorType type, Attribute layout) {
    Value &packed = packs[operand.get()];
    if (!packed) {
      OpBuilder builder(operand.getOwner()->getContext());
      builder.setInsertionPointAfterValue(operand.get());
      packed = PackOp::create(builder, operand.get().getLoc(), TypeRange(type),
                              operand.get(), layout)
                   .getResult(0);
    }
    operand.set(packed);
  }

  static Value reshape(OpBuilder &builder, Value value,
                       ArrayRef<int64_t> shape) {
    SmallVector<AffineExpr> dims;
    for (int64_t extent : shape)
      dims.push_back(builder.getAffineConstantExpr(extent));
    Type element = cast<ShapedType>(value.getType()).getElementType();
    return ReshapeOp::create(builder, value.getLoc(),
                             RankedTensorType::get(shape, element), value,
                             AffineMap::get(0, 0, dims, builder.getContext()));
  }

  static Value packPatches(Value weight, RankedTensorType type) {
    OpBuilder builder(weight.getContext());
    builder.setInsertionPointAfterValue(weight);
    int64_t depth = llvm::product_of(type.getShape().drop_front());
    auto matrix = RankedTensorType::get({type.getDimSize(0), depth},
                                        type.getElementType());
    Value rows = reshape(builder, weight, matrix.getShape());
    return PackOp::create(builder, weight.getLoc(),
                          TypeRange(packedType(matrix)), rows,
                          builder.getStringAttr("n16"))
        .getResult(0);
  }

  static Value packTaps(Value weight, RankedTensorType type) {
    OpBuilder builder(weight.getContext());
    builder.setInsertionPointAfterValue(weight);
    ArrayRef<int64_t> shape = type.getShape().drop_back();
    Value flat = reshape(builder, weight, shape);
    SmallVector<int64_t> order, extents;
    for (int64_t i = 1; i < int64_t(shape.size()); ++i)
      order.push_back(i);
    order.push_back(0);
    for (int64_t i : order)
      extents.push_back(shape[i]);
    return TransposeOp::create(
        builder, weight.getLoc(),
        RankedTensorType::get(extents, type.getElementType()), flat, order);
  }

  /// A constant weight of what a kernel computes.  What is constant itself is
  /// evaluated from plain weights.
  template <typename OpTy> bool isPackable(OpTy op, Value weight) {
    return !op.getPackedFrom() && constants.contains(weight) &&
           !constants.contains(op.getResult());
  }

  ConstantExpressions constants;
  DenseMap<Value, Value> packs;
};

struct PackWeightsPass
    : public quantc::impl::PackWeightsPassBase<PackWeightsPass> {
  void runOnOperation() override {
    WeightPacker packer;
    getOperation().walk([&](LinearOp op) { packer.visit(op); });
    getOperation().walk([&](QuantizedLinearOp op) { packer.visit(op); });
    getOperation().walk([&](BlockLinearOp op) { packer.visitBlocks(op); });
    getOperation().walk([&](BlockGatherOp op) { packer.visitBlocks(op); });
    getOperation().walk([&](ConvOp op) { packer.visitConv(op); });
    getOperation().walk([&](QuantizedConvOp op) { packer.visitConv(op); });
    getOperation().walk(
        [&](QuantizedGatherOp op) { packer.share(op, op.getCodesMutable()); });
    getOperation().walk([&](GatherOp op) {
      // Packed bytes are not the codes themselves.
      if (op.getAxis() == 0 &&
          cast<ShapedType>(op.getInput().getType()).getElementType().isF32())
        packer.share(op, op.getInputMutable());
    });
  }
};

} // namespace

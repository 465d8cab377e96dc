// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How transforms pass contractions, normalizations and attention: mostly they
// end there, in weights.

#include "EquivariantModels.h"
#include "quantc/Dialect/QNN/Interpreter.h"

using namespace mlir;
using namespace quantc::qnn;

namespace quantc {

//===----------------------------------------------------------------------===//
// Contractions
//===----------------------------------------------------------------------===//

void moveOp(LinearOp op, TransformMove &move) {
  if (op.getPackedFrom() || !isa<TensorType>(op.getWeight().getType()) ||
      !isa<TensorType>(op.getInput().getType()))
    return move.block("is encoded");
  if (!move.getSpace().isLastAxis())
    return move.block("mixes rows");
  if (move.isOperand(0))
    return move.absorb(op.getWeightMutable(), 1, /*inverse=*/true);
  if (!move.isResult())
    return move.block("reads its weight");
  move.absorb(op.getWeightMutable(), 0);
  if (op.getBias())
    move.absorb(op.getBiasMutable()[0], 0);
}

void moveOp(ConvOp op, TransformMove &move) {
  if (op.getPackedFrom() || !isa<TensorType>(op.getWeight().getType()) ||
      !isa<TensorType>(op.getInput().getType()))
    return move.block("is encoded");
  auto weight = cast<RankedTensorType>(op.getWeight().getType());
  int64_t rank = weight.getRank(), last = rank - 1;
  int64_t channel = op.getChannelsLast() ? last : 1;
  if (move.getAxes() != ArrayRef<int64_t>(channel))
    return move.block("mixes positions");
  bool depthwise = op.isDepthwise() && op.getGroups() > 1;
  if (op.getGroups() != 1 && !depthwise)
    return move.block("has groups of channels");
  if (depthwise && !move.isScale())
    return move.block("scales channels");
  if (move.isOperand(0))
    return move.absorb(op.getWeightMutable(), depthwise ? 0 : channel,
                       /*inverse=*/true);
  if (!move.isResult())
    return move.block("reads its weight");
  move.absorb(op.getWeightMutable(), 0);
  if (op.getBias())
    move.absorb(op.getBiasMutable()[0], 0);
}

//===----------------------------------------------------------------------===//
// Normalizations
//===----------------------------------------------------------------------===//

/// Both norms over the last axis, whose channels the space is.
static bool normalizesSpace(int64_t axis, const ChannelSpace &space) {
  return space.isLastAxis() && space.axes[0] == axis;
}

void moveOp(LayerNormOp op, TransformMove &move) {
  if (!normalizesSpace(op.getAxis(), move.getSpace()))
    return move.block("normalizes");
  if (!move.isResult() || !move.isScale())
    return move.block(move.isScale() ? "normalizes" : "centers and scales");
  move.absorb(op.getScaleMutable(), 0);
  if (op.getBias())
    move.absorb(op.getBiasMutable()[0], 0);
}

/// A constant vector of ones.
static bool isOnes(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  auto dense =
      constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : nullptr;
  return dense && dense.isSplat() && dense.getElementType().isF32() &&
         dense.getSplatValue<float>() == 1;
}

void moveOp(RmsNormOp op, TransformMove &move) {
  if (!normalizesSpace(op.getAxis(), move.getSpace()))
    return move.block("normalizes");
  if (move.isScale()) {
    if (!move.isResult())
      return move.block("normalizes");
    return move.absorb(op.getScaleMutable(), 0);
  }
  // The norm of a row does not change when the row is rotated.
  if (!isOnes(op.getScale()))
    return move.block("scales channels");
  if (move.isOperand(1))
    return move.block("reads its scale");
  carryThrough(op.getInputMutable(), op.getResult(), move);
}

//===----------------------------------------------------------------------===//
// Attention, windows, reductions
//===----------------------------------------------------------------------===//

/// Rows of `value` are only averaged, head by head.
void moveOp(AttentionOp op, TransformMove &move) {
  const ChannelSpace &space = move.getSpace();
  bool isValue = move.getUse() == &op.getValueMutable();
  if (!isValue && !move.isResult())
    return move.block("compares");
  auto value = cast<RankedTensorType>(op.getValue().getType());
  auto result = cast<RankedTensorType>(op.getResult().getType());
  int64_t heads = value.getDimSize(1), size = value.getDimSize(3);
  if (space.axes != ArrayRef<int64_t>({1, 3}) || value.isDynamicDim(1) ||
      value.isDynamicDim(3) || result.isDynamicDim(1))
    return move.block("mixes rows");
  int64_t repeat = result.getDimSize(1) / heads;
  move.limitBlock(size);
  if (repeat > 1)
    move.setHeads(size);
  if (isValue)
    return move.carryResult(op.getResult(), space.axes, space.repeat * repeat);
  if (space.repeat % repeat) {
    move.shareHeads(repeat);
    return move.carryResult(op.getResult(), space.axes);
  }
  move.carryOperand(op.getValueMutable(), space.axes, space.repeat / repeat);
}

void moveOp(PoolOp op, TransformMove &move) {
  auto type = cast<RankedTensorType>(op.getInput().getType());
  int64_t channel = op.getChannelsLast() ? type.getRank() - 1 : 1;
  if (move.getAxes() != ArrayRef<int64_t>(channel))
    return move.block("mixes positions");
  if (op.getKind() == PoolKind::max && !move.isScale())
    return move.block("is not linear");
  carryThrough(op.getInputMutable(), op.getResult(), move);
}

void moveOp(ReduceOp op, TransformMove &move) {
  if (op.getKind() == ReduceKind::prod ||
      (!move.isScale() && op.getKind() != ReduceKind::sum &&
       op.getKind() != ReduceKind::mean))
    return move.block("is not linear");
  // Axes of the operand that are kept, in order.
  SmallVector<int64_t> kept;
  int64_t rank = cast<RankedTensorType>(op.getInput().getType()).getRank();
  for (int64_t axis = 0; axis < rank; ++axis)
    if (op.getKeepDims() || !llvm::is_contained(op.getAxes(), axis))
      kept.push_back(axis);
  SmallVector<int64_t> axes;
  for (int64_t axis : move.getAxes()) {
    int64_t input = move.isResult() ? kept[axis] : axis;
    if (llvm::is_contained(op.getAxes(), input))
      return move.block("reduces the channels");
    axes.push_back(move.isResult() ? input
                                   : llvm::find(kept, axis) - kept.begin());
  }
  if (move.isResult())
    move.carryOperand(op.getInputMutable(), axes);
  else
    move.carryResult(op.getResult(), axes);
}

} // namespace quantc

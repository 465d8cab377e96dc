// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How transforms pass elementwise operations and data movement.

#include "EquivariantModels.h"

using namespace mlir;
using namespace quantc::qnn;

namespace quantc {

/// The axes counted from the end, for another tensor that broadcasts.
static SmallVector<int64_t> alignedAxes(ArrayRef<int64_t> axes, Value from,
                                        Value to) {
  int64_t shift = cast<RankedTensorType>(to.getType()).getRank() -
                  cast<RankedTensorType>(from.getType()).getRank();
  return llvm::map_to_vector(axes, [&](int64_t axis) { return axis + shift; });
}

/// Along the axes the tensors have the same extents.
static bool agree(Value from, ArrayRef<int64_t> axes, Value to,
                  ArrayRef<int64_t> toAxes) {
  auto a = cast<RankedTensorType>(from.getType());
  auto b = cast<RankedTensorType>(to.getType());
  return llvm::all_of(llvm::zip_equal(axes, toAxes), [&](auto pair) {
    auto [i, j] = pair;
    return i >= 0 && j >= 0 && a.getDimSize(i) == b.getDimSize(j);
  });
}

void carryThrough(OpOperand &operand, Value result, TransformMove &move) {
  if (move.isResult())
    move.carryOperand(operand, move.getAxes());
  else
    move.carryResult(result, move.getAxes());
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

/// The scalar that does not vary with the channels, if it is one.
static bool isScalar(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.hasStaticShape() && type.getNumElements() == 1;
}

/// x + y: both operands and the result carry the transform.
static void moveSum(Operation *op, TransformMove &move) {
  Value self = move.getSpace().value, result = op->getResult(0);
  SmallVector<int64_t> axes = alignedAxes(move.getAxes(), self, result);
  if (!agree(self, move.getAxes(), result, axes))
    return move.block("broadcasts the channels");
  if (!move.isResult())
    move.carryResult(result, axes);
  for (OpOperand &operand : op->getOpOperands()) {
    if (&operand == move.getUse())
      continue;
    SmallVector<int64_t> own = alignedAxes(axes, result, operand.get());
    if (!agree(result, axes, operand.get(), own))
      return move.block("broadcasts the channels");
    move.carryOperand(operand, own);
  }
}

void moveOp(AddOp op, TransformMove &move) { moveSum(op, move); }
void moveOp(SubOp op, TransformMove &move) { moveSum(op, move); }

/// Of a product of two activations one carries the result's scale: the one that
/// comes from a contraction, since that absorbs.
static OpOperand &carrierOf(MulOp op) {
  bool rightAbsorbs =
      isa_and_nonnull<LinearOp, ConvOp>(op.getRhs().getDefiningOp());
  return rightAbsorbs ? op.getRhsMutable() : op.getLhsMutable();
}

void moveOp(MulOp op, TransformMove &move) {
  OpOperand &lhs = op.getLhsMutable(), &rhs = op.getRhsMutable();
  OpOperand *constant = move.isConstant(rhs.get())   ? &rhs
                        : move.isConstant(lhs.get()) ? &lhs
                                                     : nullptr;
  Value self = move.getSpace().value, result = op.getResult();
  OpOperand *moving = constant ? (constant == &rhs ? &lhs : &rhs) : nullptr;
  if (constant && isScalar(constant->get()))
    return move.shapeOf(moving->get()) == move.shapeOf(result)
               ? carryThrough(*moving, result, move)
               : move.block("broadcasts the channels");
  if (!move.isScale())
    return move.block("scales channels");
  if (constant) {
    // It takes the inverse from its operand, the transform from its result.
    SmallVector<int64_t> own =
        alignedAxes(move.getAxes(), self, constant->get());
    if (own.size() != 1)
      return move.block("has several axes of channels");
    return move.absorb(*constant, own[0], /*inverse=*/!move.isResult());
  }
  OpOperand &carrier = carrierOf(op);
  if (move.shapeOf(carrier.get()) != move.shapeOf(result))
    return move.block("broadcasts the channels");
  if (!move.isResult() && move.getUse() != &carrier)
    return move.block("multiplies two activations");
  if (lhs.get() == rhs.get())
    return move.block("squares");
  carryThrough(carrier, result, move);
}

void moveOp(NegOp op, TransformMove &move) {
  carryThrough(op.getInputMutable(), op.getResult(), move);
}

void moveOp(ReluOp op, TransformMove &move) {
  if (!move.isScale())
    return move.block("is not linear");
  carryThrough(op.getInputMutable(), op.getResult(), move);
}

void moveOp(LeakyReluOp op, TransformMove &move) {
  if (!move.isScale())
    return move.block("is not linear");
  carryThrough(op.getInputMutable(), op.getResult(), move);
}

//===----------------------------------------------------------------------===//
// Movement
//===----------------------------------------------------------------------===//

/// The consecutive axes of `to` that hold the same factor of the row-major
/// index as the consecutive `axes` of `from`; empty if there are none.
static SmallVector<int64_t> sameFactor(ArrayRef<AffineExpr> from,
                                       ArrayRef<int64_t> axes,
                                       ArrayRef<AffineExpr> to) {
  for (size_t i = 1; i < axes.size(); ++i)
    if (axes[i] != axes[i - 1] + 1)
      return {};
  MLIRContext *context = from[0].getContext();
  AffineExpr before = elementCount(from.take_front(axes.front()), context);
  AffineExpr inside = elementCount(
      from.slice(axes.front(), axes.back() + 1 - axes.front()), context);
  // From the end, so that extents of 1 in front are not channels.
  for (size_t first = to.size(); first-- > 0;) {
    if (elementCount(to.take_front(first), context) != before)
      continue;
    SmallVector<int64_t> result;
    for (size_t last = first; last < to.size(); ++last) {
      result.push_back(last);
      if (elementCount(to.slice(first, last + 1 - first), context) == inside &&
          elementCount(from.drop_front(axes.back() + 1), context) ==
              elementCount(to.drop_front(last + 1), context))
        return result;
    }
  }
  return {};
}

void moveOp(ReshapeOp op, TransformMove &move) {
  bool back = move.isResult();
  Value other = back ? op.getInput() : op.getResult();
  SmallVector<int64_t> axes = sameFactor(move.shapeOf(move.getSpace().value),
                                         move.getAxes(), move.shapeOf(other));
  if (axes.empty())
    return move.block("splits the channels");
  if (back)
    move.carryOperand(op.getInputMutable(), axes);
  else
    move.carryResult(other, axes);
}

void moveOp(TransposeOp op, TransformMove &move) {
  ArrayRef<int64_t> permutation = op.getPermutation();
  SmallVector<int64_t> axes;
  for (int64_t axis : move.getAxes())
    axes.push_back(move.isResult()
                       ? permutation[axis]
                       : llvm::find(permutation, axis) - permutation.begin());
  if (move.isResult())
    move.carryOperand(op.getInputMutable(), axes);
  else
    move.carryResult(op.getResult(), axes);
}

void moveOp(BroadcastToOp op, TransformMove &move) {
  Value self = move.getSpace().value;
  Value other = move.isResult() ? op.getInput() : op.getResult();
  SmallVector<int64_t> axes = alignedAxes(move.getAxes(), self, other);
  if (!agree(self, move.getAxes(), other, axes))
    return move.block("broadcasts the channels");
  if (move.isResult())
    move.carryOperand(op.getInputMutable(), axes);
  else
    move.carryResult(other, axes);
}

void moveOp(ConcatOp op, TransformMove &move) {
  if (llvm::is_contained(move.getAxes(), int64_t(op.getAxis())))
    return move.block("joins channels");
  if (!move.isResult())
    move.carryResult(op.getResult(), move.getAxes());
  for (OpOperand &operand : op->getOpOperands())
    if (&operand != move.getUse())
      move.carryOperand(operand, move.getAxes());
}

void moveOp(SliceOp op, TransformMove &move) {
  ArrayRef<AffineExpr> input = move.shapeOf(op.getInput());
  for (int64_t axis : move.getAxes())
    if (op.getSizes().getResult(axis) != input[axis] ||
        op.getSteps()[axis] != 1)
      return move.block("takes some channels");
  carryThrough(op.getInputMutable(), op.getResult(), move);
}

void moveOp(GatherOp op, TransformMove &move) {
  if (op.getPackedFrom())
    return move.block("reads a packed table");
  if (!isa<RankedTensorType>(op.getInput().getType()))
    return move.block("reads an encoded table");
  if (move.getUse() == &op.getIndicesMutable())
    return move.block("looks up");
  // The gathered axis becomes the axes of the indices.
  int64_t at = op.getAxis();
  int64_t grown =
      cast<RankedTensorType>(op.getIndices().getType()).getRank() - 1;
  SmallVector<int64_t> axes;
  for (int64_t axis : move.getAxes()) {
    bool after = move.isResult() ? axis > at + grown : axis > at;
    if (!after && axis >= at)
      return move.block("looks up channels");
    axes.push_back(!after ? axis : axis + (move.isResult() ? -grown : grown));
  }
  if (move.isResult())
    move.carryOperand(op.getInputMutable(), axes);
  else
    move.carryResult(op.getResult(), axes);
}

//===----------------------------------------------------------------------===//
// Registration
//===----------------------------------------------------------------------===//

namespace {
template <typename OpTy>
struct Model : EquivariantOpInterface::ExternalModel<Model<OpTy>, OpTy> {
  void moveTransform(Operation *op, TransformMove &move) const {
    moveOp(cast<OpTy>(op), move);
  }
};
} // namespace

template <typename... Ops> static void attach(MLIRContext *context) {
  (Ops::template attachInterface<Model<Ops>>(*context), ...);
}

void registerEquivariantModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, QNNDialect *) {
    attach<LinearOp, ConvOp, LayerNormOp, RmsNormOp, AttentionOp, PoolOp,
           ReduceOp>(context);
    attach<AddOp, SubOp, MulOp, NegOp, ReluOp, LeakyReluOp>(context);
    attach<ReshapeOp, TransposeOp, BroadcastToOp, ConcatOp, SliceOp, GatherOp>(
        context);
  });
}

} // namespace quantc

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rotary embeddings in the halves form:
//
//     x * cos + concat(-x[d/2:], x[:d/2]) * sin   -->   qnn.rotary x, cos, sin

#include "GraphRewriter.h"

using namespace mlir;

namespace quantc::qnn {

/// x when `value` is x[…, start : start + size] on the last axis, all else
/// whole.
static Value matchLastAxisSlice(Match &match, Value value, int64_t start,
                                int64_t size) {
  auto slice = match.inner<SliceOp>(value);
  if (!slice)
    return {};
  ArrayRef<AffineExpr> shape = match.getShapes().getShape(slice.getInput());
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    bool last = axis + 1 == shape.size();
    AffineExpr wantSize =
        last ? getAffineConstantExpr(size, value.getContext()) : shape[axis];
    if (slice.getSteps()[axis] != 1 ||
        staticExtent(slice.getStarts().getResult(axis)) != (last ? start : 0) ||
        canonicalize(slice.getSizes().getResult(axis)) != wantSize)
      return {};
  }
  return slice.getInput();
}

/// x when `value` is concat(-x[d/2:], x[:d/2]).
static Value matchRotateHalf(Match &match, Value value) {
  auto concat = match.inner<ConcatOp>(value);
  if (!concat || concat.getInputs().size() != 2)
    return {};
  ArrayRef<AffineExpr> shape = match.getShapes().getShape(value);
  int64_t size = staticExtent(shape.back());
  if (size_t(concat.getAxis()) + 1 != shape.size() ||
      ShapedType::isDynamic(size) || size % 2 != 0)
    return {};
  auto neg = match.inner<NegOp>(concat.getInputs()[0]);
  if (!neg)
    return {};
  Value high = matchLastAxisSlice(match, neg.getInput(), size / 2, size / 2);
  Value low = matchLastAxisSlice(match, concat.getInputs()[1], 0, size / 2);
  return high == low ? high : Value();
}

/// The tables must not repeat within a row: their last dimension is the row's.
static bool isTable(GraphRewriter &rewriter, Value table, Value x) {
  ArrayRef<AffineExpr> shape = rewriter.shapeOf(table);
  return !shape.empty() && shape.size() <= rewriter.shapeOf(x).size() &&
         shape.back() == rewriter.shapeOf(x).back();
}

bool recognizeRotary(GraphRewriter &rewriter, Operation *op) {
  auto sum = dyn_cast<AddOp>(op);
  if (!sum)
    return false;
  for (Value turnedProduct : {sum.getLhs(), sum.getRhs()}) {
    Match match(rewriter.shapes);
    auto turned = match.inner<MulOp>(turnedProduct);
    auto straight = match.inner<MulOp>(otherOperand(sum, turnedProduct));
    if (!turned || !straight)
      return false;
    for (Value half : {turned.getLhs(), turned.getRhs()}) {
      Match inner(match);
      Value x = matchRotateHalf(inner, half);
      if (!x || (straight.getLhs() != x && straight.getRhs() != x) ||
          !inner.isClosed(op))
        continue;
      Value sin = otherOperand(turned, half);
      Value cos = otherOperand(straight, x);
      if (!isTable(rewriter, sin, x) || !isTable(rewriter, cos, x) ||
          rewriter.shapeOf(sum.getResult()) != rewriter.shapeOf(x))
        return false;
      rewriter.builder.setInsertionPoint(op);
      Value rotary = rewriter.create<RotaryOp>(
          op->getLoc(), rewriter.elementTypeOf(x), x, cos, sin);
      if (!rotary)
        return false;
      rewriter.replaceAllUses(sum.getResult(), rotary);
      rewriter.eraseDead(op);
      return true;
    }
  }
  return false;
}

} // namespace quantc::qnn

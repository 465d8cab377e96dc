// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Folds what acts per output channel with constants into the contraction
// before it: batch norms, and multiplications and additions of a constant
// vector (as other exporters spell batch norms and biases).
//
//     a = gamma / sqrt(var + eps)
//     W' = W * a,  bias' = (bias - mean) * a + beta
//
// The new weights are lazy constant expressions.

#include "GraphRewriter.h"
#include "quantc/Dialect/QNN/ConstantExpressions.h"
#include "quantc/Dialect/QNN/Passes.h"

namespace quantc::qnn {
#define GEN_PASS_DEF_FOLDBATCHNORMPASS
#include "quantc/Dialect/QNN/Passes.h.inc"
} // namespace quantc::qnn

using namespace mlir;
using namespace quantc;
using namespace quantc::qnn;

namespace {

/// y = (x - shift) * scale + offset per channel; null is 0 or 1.
struct ChannelAffine {
  Value shift, scale, offset;
};

class BatchNormFolder {
public:
  explicit BatchNormFolder(GraphRewriter &rewriter) : rewriter(rewriter) {}

  void visit(Operation *op) {
    if (auto norm = dyn_cast<BatchNormOp>(op))
      visitNorm(norm);
    else if (auto mul = dyn_cast<MulOp>(op))
      visitBinary(mul, mul.getLhs(), mul.getRhs());
    else if (auto add = dyn_cast<AddOp>(op))
      visitBinary(add, add.getLhs(), add.getRhs());
  }

private:
  void visitNorm(BatchNormOp op);
  void visitBinary(Operation *op, Value lhs, Value rhs);
  void expand(BatchNormOp op, Value scale);
  Value getScale(BatchNormOp op);
  Value getChannelVector(Value value, Value contraction);
  size_t getChannelAxis(Value contraction);
  bool isFoldable(Value value);
  void fold(Operation *contraction, Operation *root, ChannelAffine affine);
  Value castTo(Location loc, Value value, Type type);

  template <typename OpTy> Value binary(Location loc, Value lhs, Value rhs) {
    if (!lhs || !rhs)
      return {};
    return rewriter.create<OpTy>(loc, rewriter.elementTypeOf(lhs), lhs, rhs);
  }

  GraphRewriter &rewriter;
  ConstantExpressions constants;
};

} // namespace

Value BatchNormFolder::castTo(Location loc, Value value, Type type) {
  if (!value || rewriter.elementTypeOf(value) == type)
    return value;
  return rewriter.create<CastOp>(loc, type, value);
}

/// The last axis of a linear's result, axis 1 of a convolution's.
size_t BatchNormFolder::getChannelAxis(Value contraction) {
  return contraction.getDefiningOp<LinearOp>()
             ? rewriter.shapeOf(contraction).size() - 1
             : 1;
}

/// A convolution or a linear with constant weights and no other user.
bool BatchNormFolder::isFoldable(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || !value.hasOneUse())
    return false;
  auto conv = dyn_cast<ConvOp>(op);
  auto linear = dyn_cast<LinearOp>(op);
  bool supported = (conv && !conv.getChannelsLast() && !conv.getPackedFrom()) ||
                   (linear && !linear.getPackedFrom());
  if (!supported || !isa<TensorType>(op->getOperand(1).getType()) ||
      isOfCodes(op->getOperand(1)))
    return false;
  return llvm::all_of(llvm::drop_begin(op->getOperands()), [&](Value operand) {
    return constants.contains(operand);
  });
}

/// A constant that varies along the contraction's channels only, as a vector.
Value BatchNormFolder::getChannelVector(Value value, Value contraction) {
  ArrayRef<AffineExpr> shape = rewriter.shapeOf(value);
  ArrayRef<AffineExpr> target = rewriter.shapeOf(contraction);
  size_t channel = getChannelAxis(contraction);
  size_t missing = target.size() - shape.size();
  if (shape.size() > target.size() || missing > channel ||
      !constants.contains(value))
    return {};
  for (auto [axis, dim] : llvm::enumerate(shape))
    if (axis + missing == channel ? dim != target[channel]
                                  : staticExtent(dim) != 1)
      return {};
  return rewriter.reshape(value.getLoc(), value, {target[channel]});
}

void BatchNormFolder::fold(Operation *contraction, Operation *root,
                           ChannelAffine affine) {
  Location loc = contraction->getLoc();
  Value weight = contraction->getOperand(1);
  Value bias =
      contraction->getNumOperands() > 2 ? contraction->getOperand(2) : Value();
  Type type = rewriter.elementTypeOf(weight);
  for (Value *vector : {&affine.shift, &affine.scale, &affine.offset})
    *vector = castTo(loc, *vector, type);
  if (affine.scale) {
    SymbolicShape column(rewriter.shapeOf(weight).size(),
                         rewriter.constantExpr(1));
    column[0] = rewriter.shapeOf(weight)[0];
    weight =
        binary<MulOp>(loc, weight, rewriter.reshape(loc, affine.scale, column));
  }
  if (affine.shift)
    bias = bias ? binary<SubOp>(loc, bias, affine.shift)
                : rewriter.create<NegOp>(loc, type, affine.shift);
  if (bias && affine.scale)
    bias = binary<MulOp>(loc, bias, affine.scale);
  if (affine.offset)
    bias = bias ? binary<AddOp>(loc, bias, affine.offset) : affine.offset;
  if (rewriter.failed)
    return;
  Value input = contraction->getOperand(0);
  Type resultType = rewriter.elementTypeOf(contraction->getResult(0));
  Value result;
  if (auto conv = dyn_cast<ConvOp>(contraction))
    result = rewriter.create<ConvOp>(
        loc, resultType, input, weight, bias, conv.getStridesAttr(),
        conv.getDilationsAttr(), conv.getPadLowAttr(), conv.getPadHighAttr(),
        conv.getGroupsAttr(), conv.getChannelsLastAttr(), DenseI64ArrayAttr());
  else
    result = rewriter.create<LinearOp>(loc, resultType, input, weight, bias,
                                       DenseI64ArrayAttr());
  if (!result)
    return;
  // ConstantExpressions remembers operations, so none is erased before the end.
  rewriter.replaceAllUses(root->getResult(0), result);
}

/// gamma / sqrt(var + eps).
Value BatchNormFolder::getScale(BatchNormOp op) {
  Location loc = op.getLoc();
  Type type = rewriter.elementTypeOf(op.getVariance());
  Value epsilon = rewriter.splat(loc, type, op.getEpsilon().convertToFloat());
  Value sum = binary<AddOp>(loc, op.getVariance(), epsilon);
  Value deviation = sum ? rewriter.create<SqrtOp>(loc, type, sum) : Value();
  return binary<DivOp>(loc, castTo(loc, op.getScale(), type), deviation);
}

/// x * a + (beta - mean * a), a and the rest as [c, 1, …].
void BatchNormFolder::expand(BatchNormOp op, Value scale) {
  Location loc = op.getLoc();
  Type parameters = rewriter.elementTypeOf(scale);
  Type type = rewriter.elementTypeOf(op.getInput());
  Value offset = binary<SubOp>(
      loc, castTo(loc, op.getBias(), parameters),
      binary<MulOp>(loc, castTo(loc, op.getMean(), parameters), scale));
  if (!offset)
    return;
  ArrayRef<AffineExpr> shape = rewriter.shapeOf(op.getInput());
  SymbolicShape column(shape.size() - 1, rewriter.constantExpr(1));
  column[0] = shape[1];
  scale = rewriter.reshape(loc, castTo(loc, scale, type), column);
  offset = rewriter.reshape(loc, castTo(loc, offset, type), column);
  Value result =
      binary<AddOp>(loc, binary<MulOp>(loc, op.getInput(), scale), offset);
  if (!result)
    return;
  rewriter.replaceAllUses(op.getResult(), result);
}

void BatchNormFolder::visitNorm(BatchNormOp op) {
  rewriter.builder.setInsertionPoint(op);
  Value scale = getScale(op);
  if (!scale)
    return;
  bool constant = llvm::all_of(
      ValueRange{scale, op.getBias(), op.getMean()},
      [&](Value parameter) { return constants.contains(parameter); });
  if (constant && isFoldable(op.getInput()) &&
      getChannelAxis(op.getInput()) == 1)
    fold(op.getInput().getDefiningOp(), op,
         {op.getMean(), scale, op.getBias()});
  else
    expand(op, scale);
}

void BatchNormFolder::visitBinary(Operation *op, Value lhs, Value rhs) {
  for (auto [value, other] : {std::pair(lhs, rhs), std::pair(rhs, lhs)}) {
    if (!isFoldable(value) ||
        rewriter.shapeOf(op->getResult(0)) != rewriter.shapeOf(value))
      continue;
    rewriter.builder.setInsertionPoint(op);
    Value vector = getChannelVector(other, value);
    if (!vector)
      continue;
    ChannelAffine affine;
    (isa<MulOp>(op) ? affine.scale : affine.offset) = vector;
    fold(value.getDefiningOp(), op, affine);
    return;
  }
}

namespace {
struct FoldBatchNormPass
    : public quantc::qnn::impl::FoldBatchNormPassBase<FoldBatchNormPass> {
  void runOnOperation() override {
    LogicalResult result =
        rewriteGraph(getOperation(), [&](GraphRewriter &rewriter) {
          BatchNormFolder folder(rewriter);
          return rewriter.forEach([&](Operation *op) { folder.visit(op); });
        });
    if (failed(result))
      signalPassFailure();
  }
};
} // namespace

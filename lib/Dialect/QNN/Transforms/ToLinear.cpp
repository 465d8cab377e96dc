// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products with a constant matrix become qnn.linear, whose weight is
// [out, in]: a lazy transpose of the matrix, or the matrix itself where the
// graph transposes it (tied embeddings, Gemm with transB).  A constant vector
// that is added becomes the bias; a vector that is multiplied is a matrix of
// one row.  A pointwise convolution in channels-last
// form is a linear on every pixel.

#include "GraphRewriter.h"
#include "quantc/Dialect/QNN/ConstantExpressions.h"
#include "quantc/Dialect/QNN/Passes.h"

namespace quantc::qnn {
#define GEN_PASS_DEF_TOLINEARPASS
#include "quantc/Dialect/QNN/Passes.h.inc"
} // namespace quantc::qnn

using namespace mlir;
using namespace quantc;
using namespace quantc::qnn;

namespace {

class LinearBuilder {
public:
  explicit LinearBuilder(GraphRewriter &rewriter) : rewriter(rewriter) {}

  bool visit(Operation *op);

private:
  Value getWeight(MatmulOp op);
  Value takeBias(Operation *&root, AffineExpr outputs);
  bool build(Operation *op, Value input, Value weight);
  bool buildPointwise(ConvOp conv);

  GraphRewriter &rewriter;
  ConstantExpressions constants;
};

} // namespace

/// The constant right operand as [out, in]; leading dimensions of 1 go.
Value LinearBuilder::getWeight(MatmulOp op) {
  Value matrix = op.getRhs();
  ArrayRef<AffineExpr> shape = rewriter.shapeOf(matrix);
  size_t lhsRank = rewriter.shapeOf(op.getLhs()).size();
  if (shape.size() < 2 || (shape.size() > 2 && shape.size() > lhsRank) ||
      !isa<FloatType>(rewriter.elementTypeOf(matrix)) ||
      !constants.contains(matrix))
    return {};
  for (AffineExpr dim : shape.drop_back(2))
    if (staticExtent(dim) != 1)
      return {};
  rewriter.builder.setInsertionPoint(op);
  matrix = rewriter.reshape(matrix.getLoc(), matrix,
                            SymbolicShape(shape.take_back(2)));
  return rewriter.transpose(op.getLoc(), matrix, {1, 0});
}

/// A constant of `outputs` elements along the last dimension that is added to
/// the root's result, which has no other user; the addition is the new root.
Value LinearBuilder::takeBias(Operation *&root, AffineExpr outputs) {
  Value product = root->getResult(0);
  auto add = onlyUser<AddOp>(product);
  if (!add)
    return {};
  Value bias = otherOperand(add, product);
  ArrayRef<AffineExpr> shape = rewriter.shapeOf(bias);
  if (shape.empty() || shape.back() != outputs || !constants.contains(bias) ||
      rewriter.shapeOf(add.getResult()) != rewriter.shapeOf(product))
    return {};
  for (AffineExpr dim : shape.drop_back())
    if (staticExtent(dim) != 1)
      return {};
  root = add;
  rewriter.builder.setInsertionPoint(add);
  return rewriter.reshape(bias.getLoc(), bias, {outputs});
}

bool LinearBuilder::build(Operation *op, Value input, Value weight) {
  Operation *root = op;
  Value bias = takeBias(root, rewriter.shapeOf(weight).front());
  if (!bias && isa<LinearOp>(op))
    return false;
  rewriter.builder.setInsertionPoint(root);
  // A vector is one row; kernels and encodings are of rows.
  SymbolicShape inputShape(rewriter.shapeOf(input));
  if (inputShape.size() == 1)
    input = rewriter.reshape(
        op->getLoc(), input,
        {getAffineConstantExpr(1, op->getContext()), inputShape[0]});
  Value result = rewriter.create<LinearOp>(
      op->getLoc(), rewriter.elementTypeOf(op->getResult(0)), input, weight,
      bias, DenseI64ArrayAttr());
  if (result && inputShape.size() == 1)
    result = rewriter.reshape(op->getLoc(), result,
                              {rewriter.shapeOf(weight).front()});
  if (!result)
    return false;
  // ConstantExpressions remembers operations, so none is erased before the end.
  rewriter.replaceAllUses(root->getResult(0), result);
  return true;
}

bool LinearBuilder::buildPointwise(ConvOp conv) {
  auto isAll = [](ArrayRef<int64_t> values, int64_t value) {
    return llvm::all_of(values, [&](int64_t v) { return v == value; });
  };
  ArrayRef<AffineExpr> shape = rewriter.shapeOf(conv.getWeight());
  if (!conv.getChannelsLast() || conv.getGroups() != 1 ||
      conv.getPackedFrom() || !isAll(conv.getStrides(), 1) ||
      !isAll(conv.getPadLow(), 0) || !isAll(conv.getPadHigh(), 0) ||
      !constants.contains(conv.getWeight()))
    return false;
  for (AffineExpr tap : shape.drop_front().drop_back())
    if (staticExtent(tap) != 1)
      return false;
  rewriter.builder.setInsertionPoint(conv);
  Value weight = rewriter.reshape(conv.getLoc(), conv.getWeight(),
                                  {shape.front(), shape.back()});
  Value result = rewriter.create<LinearOp>(
      conv.getLoc(), rewriter.elementTypeOf(conv.getResult()), conv.getInput(),
      weight, conv.getBias(), DenseI64ArrayAttr());
  if (!result)
    return false;
  rewriter.replaceAllUses(conv.getResult(), result);
  return true;
}

bool LinearBuilder::visit(Operation *op) {
  if (auto conv = dyn_cast<ConvOp>(op))
    return buildPointwise(conv);
  if (auto linear = dyn_cast<LinearOp>(op)) {
    if (linear.getBias() || linear.getPackedFrom() ||
        !isa<TensorType>(linear.getWeight().getType()))
      return false;
    return build(op, linear.getInput(), linear.getWeight());
  }
  auto matmul = dyn_cast<MatmulOp>(op);
  if (!matmul)
    return false;
  Value weight = getWeight(matmul);
  return weight && build(op, matmul.getLhs(), weight);
}

namespace {
struct ToLinearPass : public quantc::qnn::impl::ToLinearPassBase<ToLinearPass> {
  void runOnOperation() override {
    LogicalResult result =
        rewriteGraph(getOperation(), [&](GraphRewriter &rewriter) {
          LinearBuilder linears(rewriter);
          return rewriter.forEach([&](Operation *op) {
            if (linears.visit(op))
              ++numLinears;
          });
        });
    if (failed(result))
      signalPassFailure();
  }
};
} // namespace

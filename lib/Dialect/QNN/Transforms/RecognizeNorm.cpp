// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LayerNorm and RMSNorm from their elementary operations.  The anchor is the
// operation that divides by the deviation (or multiplies by its reciprocal):
// what is divided, and what the mean square was taken of, tells the two apart.
// A gain and a bias that follow are taken in where they are vectors over the
// normalized axes.

#include "GraphRewriter.h"

using namespace mlir;

namespace quantc::qnn {

namespace {
struct Norm {
  /// What is normalized; for a LayerNorm the value before the mean is taken
  /// off.
  Value input;
  /// First of the normalized axes, which are all the trailing ones.
  int64_t axis = 0;
  double epsilon = 0;
  bool centred = false;
};
} // namespace

/// The first axis when the reduction is a mean over all trailing axes.
static std::optional<int64_t> trailingMean(Match &match, ReduceOp op) {
  if (!op || op.getKind() != ReduceKind::mean || !op.getKeepDims() ||
      op.getAxes().empty())
    return std::nullopt;
  SmallVector<int64_t> axes(op.getAxes());
  llvm::sort(axes);
  int64_t rank = match.getShapes().getShape(op.getInput()).size();
  for (auto [i, axis] : llvm::enumerate(axes))
    if (axis != rank - int64_t(axes.size()) + int64_t(i))
      return std::nullopt;
  return axes.front();
}

static bool isSquareOf(Match &match, Value square, Value value) {
  if (auto mul = square.getDefiningOp<MulOp>();
      mul && mul.getLhs() == value && mul.getRhs() == value) {
    match.add(mul);
    return true;
  }
  auto pow = square.getDefiningOp<PowOp>();
  if (!pow || pow.getLhs() != value || splatValue(pow.getRhs()) != 2.0)
    return false;
  match.add(pow);
  return true;
}

/// mean(value²) + epsilon under the root: fills in axis and epsilon.
static bool matchVariance(Match &match, Value variance, Value value,
                          Norm &norm) {
  auto sum = match.withScalar<AddOp>(variance, /*commuted=*/true);
  if (!sum || !(sum->scalar >= 0))
    return false;
  auto mean = match.inner<ReduceOp>(sum->value);
  std::optional<int64_t> axis = trailingMean(match, mean);
  if (!axis || !isSquareOf(match, mean.getInput(), value))
    return false;
  norm.axis = *axis;
  norm.epsilon = sum->scalar;
  return true;
}

static bool matchDeviation(Match &match, Value deviation, Value value,
                           Norm &norm) {
  if (auto root = match.inner<SqrtOp>(deviation))
    return matchVariance(match, root.getInput(), value, norm);
  auto pow = match.inner<PowOp>(deviation);
  return pow && splatValue(pow.getRhs()) == 0.5 &&
         matchVariance(match, pow.getLhs(), value, norm);
}

static bool matchReciprocalDeviation(Match &match, Value factor, Value value,
                                     Norm &norm) {
  if (auto reciprocal = match.inner<ReciprocalOp>(factor))
    return matchDeviation(match, reciprocal.getInput(), value, norm);
  if (auto div = match.inner<DivOp>(factor))
    return splatValue(div.getLhs()) == 1.0 &&
           matchDeviation(match, div.getRhs(), value, norm);
  auto pow = match.inner<PowOp>(factor);
  return pow && splatValue(pow.getRhs()) == -0.5 &&
         matchVariance(match, pow.getLhs(), value, norm);
}

/// value = x - mean(x) over the same axes.
static bool matchCentring(Match &match, Value value, Norm &norm) {
  auto sub = value.getDefiningOp<SubOp>();
  if (!sub)
    return false;
  auto mean = sub.getRhs().getDefiningOp<ReduceOp>();
  if (trailingMean(match, mean) != norm.axis || mean.getInput() != sub.getLhs())
    return false;
  match.add(sub);
  match.add(mean);
  norm.input = sub.getLhs();
  norm.centred = true;
  return true;
}

/// Tries LayerNorm, then RMSNorm, for `value` divided by a deviation.
static std::optional<Norm>
matchNorm(const ShapeAnalysis &shapes, Operation *anchor, Value value,
          llvm::function_ref<bool(Match &, Norm &)> matchFactor) {
  Norm norm;
  Match match(shapes);
  if (!matchFactor(match, norm))
    return std::nullopt;
  Match centred(match);
  if (matchCentring(centred, value, norm) && centred.isClosed(anchor))
    return norm;
  norm.input = value;
  norm.centred = false;
  if (!match.isClosed(anchor))
    return std::nullopt;
  return norm;
}

static std::optional<Norm> matchAnchor(const ShapeAnalysis &shapes,
                                       Operation *op) {
  if (auto div = dyn_cast<DivOp>(op))
    return matchNorm(shapes, op, div.getLhs(), [&](Match &match, Norm &norm) {
      return matchDeviation(match, div.getRhs(), div.getLhs(), norm);
    });
  auto mul = dyn_cast<MulOp>(op);
  if (!mul)
    return std::nullopt;
  for (Value value : {mul.getLhs(), mul.getRhs()}) {
    auto norm = matchNorm(shapes, op, value, [&](Match &match, Norm &norm) {
      return matchReciprocalDeviation(match, otherOperand(mul, value), value,
                                      norm);
    });
    if (norm)
      return norm;
  }
  return std::nullopt;
}

/// The operand that `user` combines with `value`, in the shape of the
/// normalized axes; null if it varies along others or repeats within them.
template <typename OpTy>
static Value takeParameter(GraphRewriter &rewriter, Value value, int64_t axis,
                           Operation *&root) {
  auto user = onlyUser<OpTy>(value);
  if (!user)
    return {};
  Value parameter = otherOperand(user, value);
  ArrayRef<AffineExpr> shape = rewriter.shapeOf(parameter);
  ArrayRef<AffineExpr> trailing = rewriter.shapeOf(value).drop_front(axis);
  while (shape.size() > trailing.size() && staticExtent(shape.front()) == 1)
    shape = shape.drop_front();
  if (shape != trailing ||
      rewriter.shapeOf(user.getResult()) != rewriter.shapeOf(value))
    return {};
  root = user;
  rewriter.builder.setInsertionPoint(user);
  return rewriter.reshape(user.getLoc(), parameter, SymbolicShape(trailing));
}

/// A gain of ones; null where the normalized axes are not static.
static Value makeOnes(GraphRewriter &rewriter, Location loc, Value value,
                      int64_t axis) {
  SmallVector<int64_t> extents;
  for (AffineExpr dim : rewriter.shapeOf(value).drop_front(axis))
    extents.push_back(staticExtent(dim));
  if (llvm::any_of(extents, ShapedType::isDynamic))
    return {};
  return rewriter.splat(loc, rewriter.elementTypeOf(value), 1.0, extents);
}

bool recognizeNorm(GraphRewriter &rewriter, Operation *op) {
  if (!isa<DivOp, MulOp>(op) ||
      !isa<FloatType>(rewriter.elementTypeOf(op->getResult(0))))
    return false;
  std::optional<Norm> norm = matchAnchor(rewriter.shapes, op);
  if (!norm)
    return false;
  Operation *root = op;
  Value value = op->getResult(0);
  Value scale = takeParameter<MulOp>(rewriter, value, norm->axis, root);
  Value bias;
  if (norm->centred)
    bias = takeParameter<AddOp>(rewriter, root->getResult(0), norm->axis, root);
  rewriter.builder.setInsertionPoint(root);
  Location loc = root->getLoc();
  if (!scale)
    scale = makeOnes(rewriter, loc, value, norm->axis);
  if (!scale)
    return false;
  Type type = rewriter.elementTypeOf(value);
  APFloat epsilon{float(norm->epsilon)};
  Value result =
      norm->centred
          ? rewriter.create<LayerNormOp>(loc, type, norm->input, scale, bias,
                                         norm->axis, epsilon)
          : rewriter.create<RmsNormOp>(loc, type, norm->input, scale,
                                       norm->axis, epsilon);
  if (!result)
    return false;
  rewriter.replaceAllUses(root->getResult(0), result);
  rewriter.eraseDead(root);
  return true;
}

} // namespace quantc::qnn

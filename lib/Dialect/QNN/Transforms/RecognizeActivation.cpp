// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gelu (both forms), SiLU and Sigmoid from their elementary operations.
//
// Gelu is x * 0.5 * (1 + f(p(x))) with the products in any order, f = erf and
// p = x / sqrt(2), or f = tanh and p = sqrt(2 / pi) * (x + 0.044715 x³).  The
// argument p is read as a polynomial in x, so its spelling does not matter.

#include "GraphRewriter.h"
#include <array>

using namespace mlir;

namespace quantc::qnn {

//===----------------------------------------------------------------------===//
// Polynomials
//===----------------------------------------------------------------------===//

namespace {
using Cubic = std::array<double, 4>;

/// Reads a value as a polynomial of degree 3 at most in `variable`.
class PolynomialReader {
public:
  PolynomialReader(Match &match, Value variable)
      : match(match), variable(variable) {}

  std::optional<Cubic> read(Value value, int depth = 0);

private:
  static std::optional<Cubic> multiply(const Cubic &lhs, const Cubic &rhs);

  Match &match;
  Value variable;
  int visited = 0;
};
} // namespace

std::optional<Cubic> PolynomialReader::multiply(const Cubic &lhs,
                                                const Cubic &rhs) {
  Cubic product = {};
  for (size_t i = 0; i < lhs.size(); ++i)
    for (size_t j = 0; j < rhs.size(); ++j) {
      double term = lhs[i] * rhs[j];
      if (i + j < product.size())
        product[i + j] += term;
      else if (term != 0)
        return std::nullopt;
    }
  return product;
}

std::optional<Cubic> PolynomialReader::read(Value value, int depth) {
  if (value == variable)
    return Cubic{0, 1, 0, 0};
  if (std::optional<double> constant = splatValue(value))
    return Cubic{*constant, 0, 0, 0};
  Operation *op = value.getDefiningOp();
  // Gelu's longest spelling has eight operations.
  if (depth > 8 || ++visited > 16 ||
      !isa_and_present<MulOp, AddOp, DivOp, PowOp>(op))
    return std::nullopt;
  if (match.getShapes().getShape(value) != match.getShapes().getShape(variable))
    return std::nullopt;
  match.add(op);
  std::optional<Cubic> lhs = read(op->getOperand(0), depth + 1);
  if (!lhs)
    return std::nullopt;
  if (isa<DivOp, PowOp>(op)) {
    std::optional<double> scalar = splatValue(op->getOperand(1));
    if (!scalar)
      return std::nullopt;
    if (isa<DivOp>(op))
      return multiply(*lhs, {1 / *scalar, 0, 0, 0});
    if (*scalar != 2 && *scalar != 3)
      return std::nullopt;
    std::optional<Cubic> power = multiply(*lhs, *lhs);
    return power && *scalar == 3 ? multiply(*power, *lhs) : power;
  }
  std::optional<Cubic> rhs = read(op->getOperand(1), depth + 1);
  if (!rhs)
    return std::nullopt;
  if (isa<MulOp>(op))
    return multiply(*lhs, *rhs);
  for (size_t i = 0; i < rhs->size(); ++i)
    (*lhs)[i] += (*rhs)[i];
  return lhs;
}

//===----------------------------------------------------------------------===//
// Gelu
//===----------------------------------------------------------------------===//

/// x when `value` is x * 0.5 or x / 2.
static Value matchHalf(Match &match, Value value) {
  Match trial(match);
  auto half = trial.withScalar<MulOp>(value, /*commuted=*/true);
  if (!half || half->scalar != 0.5) {
    trial = match;
    half = trial.withScalar<DivOp>(value, /*commuted=*/false);
    if (!half || half->scalar != 2.0)
      return {};
  }
  match = trial;
  return half->value;
}

/// Follows `sum` = 1 + f(…) to the end of the product with 0.5 and x.
static Operation *findGeluRoot(Match &match, Value sum, Value &x) {
  auto first = onlyUser<MulOp>(sum);
  if (!first || first.getLhs() == first.getRhs())
    return nullptr;
  Value factor = otherOperand(first, sum);
  ArrayRef<AffineExpr> shape = match.getShapes().getShape(sum);
  if (match.getShapes().getShape(first.getResult()) != shape)
    return nullptr;
  // (sum * (x * 0.5)).
  if (Value halved = matchHalf(match, factor)) {
    x = halved;
    return first;
  }
  match.add(first);
  // ((sum * 0.5) * x) and ((sum * x) * 0.5), the latter also as / 2.
  bool halvedFirst = splatValue(factor) == 0.5;
  auto second = onlyUser<MulOp>(first.getResult());
  if (!second) {
    auto div = onlyUser<DivOp>(first.getResult());
    if (!div || div.getLhs() != first.getResult() ||
        splatValue(div.getRhs()) != 2.0 || halvedFirst)
      return nullptr;
    x = factor;
    return div;
  }
  Value last = otherOperand(second, first.getResult());
  if (second.getLhs() == second.getRhs() ||
      (splatValue(last) == 0.5) == halvedFirst)
    return nullptr;
  x = halvedFirst ? last : factor;
  return second;
}

/// Which gelu has this argument.  Exporters write its constants with four
/// digits or more, and in the type of the graph.
static std::optional<GeluApproximation>
classify(Operation *function, const Cubic &argument, Type type) {
  double tolerance = type.getIntOrFloatBitWidth() == 16 ? 4e-3 : 1e-4;
  if (argument[0] != 0 || argument[2] != 0)
    return std::nullopt;
  if (isa<ErfOp>(function) && argument[3] == 0 &&
      isNear(argument[1], 0.70710678118654752, tolerance))
    return GeluApproximation::none;
  if (isa<TanhOp>(function) &&
      isNear(argument[1], 0.79788456080286536, tolerance) &&
      isNear(argument[3], 0.035677408136300125, tolerance))
    return GeluApproximation::tanh;
  return std::nullopt;
}

static bool recognizeGelu(GraphRewriter &rewriter, AddOp sum) {
  Match match(rewriter.shapes);
  auto one = match.withScalar<AddOp>(sum.getResult(), /*commuted=*/true);
  if (!one || one->scalar != 1.0)
    return false;
  Operation *function = one->value.getDefiningOp();
  if (!isa_and_present<ErfOp, TanhOp>(function))
    return false;
  match.add(function);
  Value x;
  Operation *root = findGeluRoot(match, sum.getResult(), x);
  if (!root || rewriter.shapeOf(root->getResult(0)) != rewriter.shapeOf(x) ||
      rewriter.shapeOf(sum.getResult()) != rewriter.shapeOf(x))
    return false;
  std::optional<Cubic> argument =
      PolynomialReader(match, x).read(function->getOperand(0));
  if (!argument)
    return false;
  auto approximation = classify(function, *argument, rewriter.elementTypeOf(x));
  if (!approximation || !match.isClosed(root))
    return false;
  rewriter.builder.setInsertionPoint(root);
  Value gelu = rewriter.create<GeluOp>(
      root->getLoc(), rewriter.elementTypeOf(x), x, *approximation);
  if (!gelu)
    return false;
  rewriter.replaceAllUses(root->getResult(0), gelu);
  rewriter.eraseDead(root);
  return true;
}

//===----------------------------------------------------------------------===//
// Sigmoid and SiLU
//===----------------------------------------------------------------------===//

/// x when `value` is 1 + exp(-x).
static Value matchSigmoidDenominator(Match &match, Value value) {
  auto sum = match.withScalar<AddOp>(value, /*commuted=*/true);
  if (!sum || sum->scalar != 1.0)
    return {};
  auto exp = match.inner<ExpOp>(sum->value);
  auto neg = exp ? match.inner<NegOp>(exp.getInput()) : NegOp();
  return neg ? neg.getInput() : Value();
}

template <typename OpTy>
static bool replaceByUnary(GraphRewriter &rewriter, Operation *root, Value x) {
  if (rewriter.shapeOf(root->getResult(0)) != rewriter.shapeOf(x))
    return false;
  rewriter.builder.setInsertionPoint(root);
  Value result =
      rewriter.create<OpTy>(root->getLoc(), rewriter.elementTypeOf(x), x);
  if (!result)
    return false;
  rewriter.replaceAllUses(root->getResult(0), result);
  rewriter.eraseDead(root);
  return true;
}

/// 1 / (1 + exp(-x)) and x / (1 + exp(-x)).
static bool recognizeQuotient(GraphRewriter &rewriter, Operation *op,
                              Value numerator, Value denominator) {
  Match match(rewriter.shapes);
  Value x = matchSigmoidDenominator(match, denominator);
  if (!x || !match.isClosed(op))
    return false;
  if (numerator == x)
    return replaceByUnary<SiluOp>(rewriter, op, x);
  if (numerator && splatValue(numerator) != 1.0)
    return false;
  return replaceByUnary<SigmoidOp>(rewriter, op, x);
}

static bool recognizeSilu(GraphRewriter &rewriter, MulOp mul) {
  for (Value side : {mul.getLhs(), mul.getRhs()}) {
    auto sigmoid = side.getDefiningOp<SigmoidOp>();
    if (sigmoid && side.hasOneUse() &&
        otherOperand(mul, side) == sigmoid.getInput())
      return replaceByUnary<SiluOp>(rewriter, mul, sigmoid.getInput());
  }
  return false;
}

bool recognizeActivation(GraphRewriter &rewriter, Operation *op) {
  if (op->getNumResults() != 1 ||
      !isa<FloatType>(rewriter.elementTypeOf(op->getResult(0))))
    return false;
  if (auto sum = dyn_cast<AddOp>(op))
    return recognizeGelu(rewriter, sum);
  if (auto div = dyn_cast<DivOp>(op))
    return recognizeQuotient(rewriter, op, div.getLhs(), div.getRhs());
  if (auto reciprocal = dyn_cast<ReciprocalOp>(op))
    return recognizeQuotient(rewriter, op, {}, reciprocal.getInput());
  if (auto mul = dyn_cast<MulOp>(op))
    return recognizeSilu(rewriter, mul);
  return false;
}

} // namespace quantc::qnn

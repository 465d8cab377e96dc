// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Interval arithmetic over canonical expressions.  Differences are brought into
// normal form first, so `past + sequence - past` has the bounds of `sequence`.

#include "SymbolicMath.h"
#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace quantc::onnx_frontend {

using Bound = std::optional<int64_t>;

static Bound add(Bound a, Bound b) {
  return a && b ? llvm::checkedAdd(*a, *b) : std::nullopt;
}
static Bound multiply(Bound a, Bound b) {
  return a && b ? llvm::checkedMul(*a, *b) : std::nullopt;
}

static Interval multiply(const Interval &a, const Interval &b) {
  // By a constant.
  for (auto [fixed, other] : {std::pair(a, b), std::pair(b, a)}) {
    if (!fixed.low || fixed.low != fixed.high)
      continue;
    Interval scaled{multiply(other.low, fixed.low),
                    multiply(other.high, fixed.low)};
    if (*fixed.low < 0)
      std::swap(scaled.low, scaled.high);
    return scaled;
  }
  if (a.low.value_or(-1) >= 0 && b.low.value_or(-1) >= 0)
    return {multiply(a.low, b.low), multiply(a.high, b.high)};
  return {};
}

Interval boundsOf(AffineExpr expr) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return {constant.getValue(), constant.getValue()};
  if (isa<AffineSymbolExpr>(expr))
    return {0, std::nullopt};
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return {};
  Interval lhs = boundsOf(binary.getLHS()), rhs = boundsOf(binary.getRHS());
  auto mapBound = [](Bound bound, auto function) {
    return bound ? Bound(function(*bound)) : std::nullopt;
  };
  bool byConstant = rhs.low && rhs.low == rhs.high && *rhs.low > 0;
  int64_t divisor = rhs.low.value_or(1);
  auto floorDivide = [&](int64_t value) {
    return llvm::divideFloorSigned(value, divisor);
  };
  auto ceilDivide = [&](int64_t value) {
    return llvm::divideCeilSigned(value, divisor);
  };
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return {add(lhs.low, rhs.low), add(lhs.high, rhs.high)};
  case AffineExprKind::Mul:
    return multiply(lhs, rhs);
  case AffineExprKind::FloorDiv:
    if (byConstant)
      return {mapBound(lhs.low, floorDivide), mapBound(lhs.high, floorDivide)};
    break;
  case AffineExprKind::CeilDiv:
    if (byConstant)
      return {mapBound(lhs.low, ceilDivide), mapBound(lhs.high, ceilDivide)};
    break;
  case AffineExprKind::Mod:
    if (byConstant)
      return {0, divisor - 1};
    break;
  default:
    return {};
  }
  // A quotient of sizes is a size.
  if (lhs.low.value_or(-1) >= 0 && rhs.low.value_or(-1) >= 0)
    return {0, std::nullopt};
  return {};
}

std::optional<bool> isEqual(AffineExpr a, AffineExpr b) {
  Interval difference = boundsOf(canonicalize(a - b));
  if (difference.low == Bound(0) && difference.high == Bound(0))
    return true;
  if (difference.low.value_or(0) > 0 || difference.high.value_or(0) < 0)
    return false;
  return std::nullopt;
}

std::optional<bool> isAtMost(AffineExpr a, AffineExpr b) {
  Interval difference = boundsOf(canonicalize(b - a));
  if (difference.low.value_or(-1) >= 0)
    return true;
  if (difference.high.value_or(0) < 0)
    return false;
  return std::nullopt;
}

std::optional<AffineExpr> divide(AffineExpr a, AffineExpr b) {
  auto x = dyn_cast<AffineConstantExpr>(a), y = dyn_cast<AffineConstantExpr>(b);
  if (y && y.getValue() == 0)
    return std::nullopt;
  if (x && y) {
    if (y.getValue() == -1 &&
        x.getValue() == std::numeric_limits<int64_t>::min())
      return std::nullopt;
    return getAffineConstantExpr(x.getValue() / y.getValue(), a.getContext());
  }
  AffineExpr quotient = canonicalize(a.floorDiv(b));
  // An exact division holds whatever the divisor is, as long as it is not 0.
  bool exact = isKnownEqual(quotient * b, a);
  Interval dividend = boundsOf(a), divisor = boundsOf(b);
  if (exact || (dividend.low.value_or(-1) >= 0 && divisor.low.value_or(0) > 0))
    return quotient;
  return std::nullopt;
}

std::optional<SmallVector<int64_t>> constantValues(ArrayRef<AffineExpr> exprs) {
  SmallVector<int64_t> values;
  for (AffineExpr expr : exprs) {
    auto constant = dyn_cast<AffineConstantExpr>(expr);
    if (!constant)
      return std::nullopt;
    values.push_back(constant.getValue());
  }
  return values;
}

} // namespace quantc::onnx_frontend

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The normal form of symbolic dimensions.  AffineExpr simplifies while it is
// built but does not order its operands, so `past + sequence` from a Concat and
// `sequence + past` from shape arithmetic would differ.  Here an expression
// becomes a polynomial over its symbols (divisions that do not go through are
// atoms of their own) and is rebuilt in one order.

#include "quantc/Support/SymbolicShape.h"
#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/MathExtras.h"
#include <map>

using namespace mlir;

namespace quantc {
namespace {

/// A total order that does not depend on addresses: symbols by position, then
/// everything else by kind and operands.
int compare(AffineExpr a, AffineExpr b) {
  if (a == b)
    return 0;
  bool symbolA = isa<AffineSymbolExpr>(a), symbolB = isa<AffineSymbolExpr>(b);
  if (symbolA != symbolB)
    return symbolA ? -1 : 1;
  if (a.getKind() != b.getKind())
    return a.getKind() < b.getKind() ? -1 : 1;
  if (auto symbol = dyn_cast<AffineSymbolExpr>(a))
    return symbol.getPosition() < cast<AffineSymbolExpr>(b).getPosition() ? -1
                                                                          : 1;
  if (auto constant = dyn_cast<AffineConstantExpr>(a))
    return constant.getValue() < cast<AffineConstantExpr>(b).getValue() ? -1
                                                                        : 1;
  if (auto dim = dyn_cast<AffineDimExpr>(a))
    return dim.getPosition() < cast<AffineDimExpr>(b).getPosition() ? -1 : 1;
  auto binaryA = cast<AffineBinaryOpExpr>(a);
  auto binaryB = cast<AffineBinaryOpExpr>(b);
  if (int lhs = compare(binaryA.getLHS(), binaryB.getLHS()))
    return lhs;
  return compare(binaryA.getRHS(), binaryB.getRHS());
}

/// The atoms of a product, sorted; empty for the constant term.
using Monomial = SmallVector<AffineExpr, 2>;

struct MonomialOrder {
  // Longer products first, the constant term last.
  bool operator()(const Monomial &a, const Monomial &b) const {
    if (a.size() != b.size())
      return a.size() > b.size();
    for (auto [x, y] : llvm::zip(a, b))
      if (int order = compare(x, y))
        return order < 0;
    return false;
  }
};
using Polynomial = std::map<Monomial, int64_t, MonomialOrder>;

/// Converts between expressions and polynomials.  Arithmetic is checked; after
/// an overflow the expression is left as it was.
class Canonicalizer {
public:
  explicit Canonicalizer(MLIRContext *context) : context(context) {}

  std::optional<Polynomial> expand(AffineExpr expr);
  AffineExpr build(const Polynomial &polynomial);

private:
  std::optional<Polynomial> add(Polynomial a, const Polynomial &b);
  std::optional<Polynomial> multiply(const Polynomial &a, const Polynomial &b);
  std::optional<Polynomial> divide(AffineExprKind kind, const Polynomial &a,
                                   const Polynomial &b);
  std::optional<Polynomial> divideByConstant(AffineExprKind kind,
                                             const Polynomial &a, int64_t by);

  MLIRContext *context;
};

std::optional<Polynomial> Canonicalizer::add(Polynomial a,
                                             const Polynomial &b) {
  for (const auto &[monomial, factor] : b) {
    auto sum = llvm::checkedAdd(a[monomial], factor);
    if (!sum)
      return std::nullopt;
    if (*sum == 0)
      a.erase(monomial);
    else
      a[monomial] = *sum;
  }
  return a;
}

std::optional<Polynomial> Canonicalizer::multiply(const Polynomial &a,
                                                  const Polynomial &b) {
  Polynomial result;
  for (const auto &[left, leftFactor] : a)
    for (const auto &[right, rightFactor] : b) {
      Monomial both(left);
      both.append(right.begin(), right.end());
      llvm::sort(both,
                 [](AffineExpr x, AffineExpr y) { return compare(x, y) < 0; });
      auto factor = llvm::checkedMul(leftFactor, rightFactor);
      if (!factor)
        return std::nullopt;
      auto sum = add(std::move(result), {{both, *factor}});
      if (!sum)
        return std::nullopt;
      result = std::move(*sum);
    }
  return result;
}

/// (by * q + r) floordiv by = q + r floordiv by, and likewise for the others:
/// the terms that `by` divides leave the division.
std::optional<Polynomial> Canonicalizer::divideByConstant(AffineExprKind kind,
                                                          const Polynomial &a,
                                                          int64_t by) {
  Polynomial quotient, rest;
  for (const auto &[monomial, factor] : a) {
    if (factor % by == 0)
      quotient[monomial] = factor / by;
    else
      rest[monomial] = factor;
  }
  bool modulo = kind == AffineExprKind::Mod;
  if (modulo)
    quotient.clear();
  if (rest.empty())
    return quotient;
  if (rest.size() == 1 && rest.begin()->first.empty()) {
    int64_t value = rest.begin()->second;
    int64_t result = modulo ? llvm::mod(value, by)
                     : kind == AffineExprKind::FloorDiv
                         ? llvm::divideFloorSigned(value, by)
                         : llvm::divideCeilSigned(value, by);
    return result == 0 ? quotient : add(quotient, {{Monomial(), result}});
  }
  AffineExpr atom = getAffineBinaryOpExpr(kind, build(rest),
                                          getAffineConstantExpr(by, context));
  return add(quotient, {{Monomial{atom}, 1}});
}

std::optional<Polynomial> Canonicalizer::divide(AffineExprKind kind,
                                                const Polynomial &a,
                                                const Polynomial &b) {
  if (a.empty())
    return a;
  if (b.size() == 1 && b.begin()->first.empty() && b.begin()->second > 0)
    return divideByConstant(kind, a, b.begin()->second);
  // By one product that is a factor of every term.
  if (b.size() == 1) {
    const auto &[divisor, by] = *b.begin();
    Polynomial quotient;
    bool exact = true;
    for (const auto &[monomial, factor] : a) {
      Monomial left(monomial);
      for (AffineExpr atom : divisor) {
        auto *found = llvm::find(left, atom);
        exact &= found != left.end();
        if (found != left.end())
          left.erase(found);
      }
      exact &= by != -1 && factor % by == 0;
      if (!exact)
        break;
      quotient[left] = factor / by;
    }
    if (exact)
      return kind == AffineExprKind::Mod ? Polynomial() : quotient;
  }
  AffineExpr atom = getAffineBinaryOpExpr(kind, build(a), build(b));
  return Polynomial{{Monomial{atom}, 1}};
}

std::optional<Polynomial> Canonicalizer::expand(AffineExpr expr) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
    if (constant.getValue() == 0)
      return Polynomial();
    return Polynomial{{Monomial(), constant.getValue()}};
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return Polynomial{{Monomial{expr}, 1}};
  auto lhs = expand(binary.getLHS());
  auto rhs = expand(binary.getRHS());
  if (!lhs || !rhs)
    return std::nullopt;
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return add(std::move(*lhs), *rhs);
  case AffineExprKind::Mul:
    return multiply(*lhs, *rhs);
  default:
    // A division by zero stays as it is written.
    if (rhs->empty())
      return std::nullopt;
    return divide(expr.getKind(), *lhs, *rhs);
  }
}

AffineExpr Canonicalizer::build(const Polynomial &polynomial) {
  AffineExpr sum = getAffineConstantExpr(0, context);
  for (const auto &[monomial, factor] : polynomial) {
    AffineExpr product;
    for (AffineExpr atom : monomial)
      product = product ? product * atom : atom;
    product =
        product ? product * factor : getAffineConstantExpr(factor, context);
    sum = sum + product;
  }
  return sum;
}

} // namespace

AffineExpr canonicalize(AffineExpr expr) {
  if (!isa<AffineBinaryOpExpr>(expr))
    return expr;
  Canonicalizer canonicalizer(expr.getContext());
  auto polynomial = canonicalizer.expand(expr);
  return polynomial ? canonicalizer.build(*polynomial) : expr;
}

} // namespace quantc

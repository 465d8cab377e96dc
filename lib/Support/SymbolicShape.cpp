// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Evaluation and printing of symbolic dimensions.

#include "quantc/Support/SymbolicShape.h"
#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace quantc {

AffineExpr elementCount(ArrayRef<AffineExpr> shape, MLIRContext *context) {
  AffineExpr count = getAffineConstantExpr(1, context);
  for (AffineExpr dim : shape)
    count = count * dim;
  return canonicalize(count);
}

std::optional<int64_t> evaluate(AffineExpr expr, ArrayRef<int64_t> symbols) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue();
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
    if (symbol.getPosition() >= symbols.size())
      return std::nullopt;
    return symbols[symbol.getPosition()];
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return std::nullopt;
  auto lhs = evaluate(binary.getLHS(), symbols);
  auto rhs = evaluate(binary.getRHS(), symbols);
  if (!lhs || !rhs)
    return std::nullopt;
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return llvm::checkedAdd(*lhs, *rhs);
  case AffineExprKind::Mul:
    return llvm::checkedMul(*lhs, *rhs);
  case AffineExprKind::FloorDiv:
    return *rhs > 0 ? std::optional(llvm::divideFloorSigned(*lhs, *rhs))
                    : std::nullopt;
  case AffineExprKind::CeilDiv:
    return *rhs > 0 ? std::optional(llvm::divideCeilSigned(*lhs, *rhs))
                    : std::nullopt;
  case AffineExprKind::Mod:
    return *rhs > 0 ? std::optional(llvm::mod(*lhs, *rhs)) : std::nullopt;
  default:
    return std::nullopt;
  }
}

std::string toString(AffineExpr expr, ArrayRef<StringRef> names) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return std::to_string(constant.getValue());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
    if (symbol.getPosition() < names.size())
      return names[symbol.getPosition()].str();
    return "s" + std::to_string(symbol.getPosition());
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  auto side = [&](AffineExpr operand) {
    std::string text = toString(operand, names);
    return isa<AffineBinaryOpExpr>(operand) &&
                   operand.getKind() != expr.getKind()
               ? "(" + text + ")"
               : text;
  };
  StringRef op = expr.getKind() == AffineExprKind::Add        ? " + "
                 : expr.getKind() == AffineExprKind::Mul      ? " * "
                 : expr.getKind() == AffineExprKind::FloorDiv ? " floordiv "
                 : expr.getKind() == AffineExprKind::CeilDiv  ? " ceildiv "
                                                              : " mod ";
  return side(binary.getLHS()) + op.str() + side(binary.getRHS());
}

} // namespace quantc

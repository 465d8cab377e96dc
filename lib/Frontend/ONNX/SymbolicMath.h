// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What can be proved about expressions of dimension symbols.  A symbol is a
// size, so it is at least 0.  "Unknown" is always a possible answer.

#ifndef QUANTC_LIB_FRONTEND_ONNX_SYMBOLICMATH_H
#define QUANTC_LIB_FRONTEND_ONNX_SYMBOLICMATH_H

#include "quantc/Support/SymbolicShape.h"
#include <optional>

namespace quantc::onnx_frontend {

/// Inclusive bounds; an empty optional is unbounded.
struct Interval {
  std::optional<int64_t> low, high;
};
Interval boundsOf(mlir::AffineExpr expr);

/// a == b: true, false or unknown.
std::optional<bool> isEqual(mlir::AffineExpr a, mlir::AffineExpr b);
/// a <= b: true, false or unknown.
std::optional<bool> isAtMost(mlir::AffineExpr a, mlir::AffineExpr b);
inline bool isKnownEqual(mlir::AffineExpr a, mlir::AffineExpr b) {
  return isEqual(a, b).value_or(false);
}
inline bool isKnownAtMost(mlir::AffineExpr a, mlir::AffineExpr b) {
  return isAtMost(a, b).value_or(false);
}

/// a / b rounded toward zero where that is an expression: b > 0 and a >= 0, or
/// both constant.
std::optional<mlir::AffineExpr> divide(mlir::AffineExpr a, mlir::AffineExpr b);

/// The values when all are constant.
std::optional<llvm::SmallVector<int64_t>>
constantValues(llvm::ArrayRef<mlir::AffineExpr> exprs);

} // namespace quantc::onnx_frontend

#endif // QUANTC_LIB_FRONTEND_ONNX_SYMBOLICMATH_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shapes whose dimensions are affine expressions of a function's symbols.
//
// A symbol is a named dimension of the model ("batch", "sequence").  Its
// position in the function attribute `qnn.symbols` is its AffineSymbolExpr
// position. Expressions are canonical (AffineExpr is uniqued and simplified),
// so equality of dimensions is pointer equality.

#ifndef QUANTC_SUPPORT_SYMBOLICSHAPE_H
#define QUANTC_SUPPORT_SYMBOLICSHAPE_H

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/SmallVector.h"

namespace quantc {

using SymbolicShape = llvm::SmallVector<mlir::AffineExpr, 4>;

/// The value of a constant dimension, or ShapedType::kDynamic.
inline int64_t staticExtent(mlir::AffineExpr dim) {
  if (auto constant = llvm::dyn_cast<mlir::AffineConstantExpr>(dim))
    return constant.getValue();
  return mlir::ShapedType::kDynamic;
}

/// The type with constant dimensions static and all others dynamic.
inline mlir::RankedTensorType
tensorTypeFor(llvm::ArrayRef<mlir::AffineExpr> shape, mlir::Type elementType) {
  llvm::SmallVector<int64_t> extents;
  for (mlir::AffineExpr dim : shape)
    extents.push_back(staticExtent(dim));
  return mlir::RankedTensorType::get(extents, elementType);
}

/// The normal form of an expression: a sum of products in a fixed order, with
/// exact divisions carried out.  Two equal polynomials have the same normal
/// form, so after this equality is pointer equality.  Division by zero is left
/// alone.
mlir::AffineExpr canonicalize(mlir::AffineExpr expr);

/// The product of all dimensions (1 for rank 0), canonical.
mlir::AffineExpr elementCount(llvm::ArrayRef<mlir::AffineExpr> shape,
                              mlir::MLIRContext *context);

/// The value of an expression under concrete symbol values; std::nullopt on
/// overflow, division by zero or an unknown symbol.
std::optional<int64_t> evaluate(mlir::AffineExpr expr,
                                llvm::ArrayRef<int64_t> symbols);

/// Renders an expression with symbol names: `batch * 12`.
std::string toString(mlir::AffineExpr expr,
                     llvm::ArrayRef<llvm::StringRef> symbolNames);

} // namespace quantc

#endif // QUANTC_SUPPORT_SYMBOLICSHAPE_H

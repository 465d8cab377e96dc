// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Index values of a kernel function as affine expressions of its symbols.

#ifndef QUANTC_CODEGEN_SYMBOLEXPRS_H
#define QUANTC_CODEGEN_SYMBOLEXPRS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AffineExpr.h"
#include <optional>

namespace quantc {

/// The value as an expression of the kernel's symbols, through constants,
/// qnn.symbol_value, memref.dim of arguments, affine.apply and index
/// arithmetic; std::nullopt for anything else (a loop counter, data).
std::optional<mlir::AffineExpr> symbolExprOf(mlir::Value value);

/// An expression that the value never exceeds.  affine.min is bounded by any of
/// its results that is an expression of the symbols, constants first.
std::optional<mlir::AffineExpr> symbolUpperBoundOf(mlir::Value value);

/// Dimension `dim` of a kernel argument from its `qnn.shape`.
std::optional<mlir::AffineExpr> argumentDim(mlir::BlockArgument argument,
                                            int64_t dim);

} // namespace quantc

#endif // QUANTC_CODEGEN_SYMBOLEXPRS_H

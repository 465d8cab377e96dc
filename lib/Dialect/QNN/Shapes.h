// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the shape functions of the operations share.  Every check reports what
// it expected and what it got, on the operation, and returns failure.

#ifndef QUANTC_LIB_DIALECT_QNN_SHAPES_H
#define QUANTC_LIB_DIALECT_QNN_SHAPES_H

#include "quantc/Dialect/QNN/QNN.h"

namespace quantc::qnn {

using Shapes = llvm::ArrayRef<SymbolicShape>;
using ShapeResults = llvm::SmallVectorImpl<SymbolicShape>;

/// The extents of a static type as expressions.
SymbolicShape staticShape(mlir::ShapedType type);

/// The shape of an operand that may be in packed order: `packedFrom` where it
/// is.
SymbolicShape logicalShape(llvm::ArrayRef<mlir::AffineExpr> operand,
                           std::optional<llvm::ArrayRef<int64_t>> packedFrom,
                           mlir::MLIRContext *context);

/// One dimension of a numpy broadcast.  Equal expressions give themselves, 1
/// gives the other, a constant wins over an expression, and of two different
/// expressions the first is taken (importers guard that with qnn.check).  A
/// null expression means that two constants contradict each other.
mlir::AffineExpr broadcastDim(mlir::AffineExpr lhs, mlir::AffineExpr rhs);

/// The numpy broadcast of two shapes.
mlir::FailureOr<SymbolicShape> broadcast(mlir::Operation *op,
                                         llvm::ArrayRef<mlir::AffineExpr> lhs,
                                         llvm::ArrayRef<mlir::AffineExpr> rhs);

/// Fails only when both dimensions are constants and differ.
mlir::LogicalResult expectSame(mlir::Operation *op, llvm::StringRef what,
                               mlir::AffineExpr expected, mlir::AffineExpr got);
mlir::LogicalResult expectRank(mlir::Operation *op, llvm::StringRef what,
                               size_t expected, size_t got);
/// 0 <= axis < rank.
mlir::LogicalResult expectAxis(mlir::Operation *op, int64_t axis, size_t rank);
/// One entry per dimension, each >= `minimum`.
mlir::LogicalResult expectEntries(mlir::Operation *op, llvm::StringRef what,
                                  llvm::ArrayRef<int64_t> values, size_t count,
                                  int64_t minimum);
/// `shape` broadcasts to `target` without growing it.
mlir::LogicalResult expectBroadcastsTo(mlir::Operation *op,
                                       llvm::StringRef what,
                                       llvm::ArrayRef<mlir::AffineExpr> shape,
                                       llvm::ArrayRef<mlir::AffineExpr> target);

std::string toString(llvm::ArrayRef<mlir::AffineExpr> shape);

} // namespace quantc::qnn

#endif // QUANTC_LIB_DIALECT_QNN_SHAPES_H

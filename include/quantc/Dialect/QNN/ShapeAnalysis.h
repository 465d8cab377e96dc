// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The symbolic shape of every value of a function, replayed from the argument
// attributes through SymbolicShapeOpInterface.  Linear in the number of
// operations; never cached across rewrites.

#ifndef QUANTC_DIALECT_QNN_SHAPEANALYSIS_H
#define QUANTC_DIALECT_QNN_SHAPEANALYSIS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "quantc/Dialect/QNN/QNN.h"
#include "llvm/ADT/DenseMap.h"

namespace quantc::qnn {

class ShapeAnalysis {
public:
  /// Arguments without `qnn.shape` get a fresh symbol per dynamic dimension
  /// (named `arg<i>_<j>`); the function's `qnn.symbols` is extended, which is
  /// the only change made to the IR.
  static mlir::FailureOr<ShapeAnalysis> compute(mlir::func::FuncOp func);

  llvm::ArrayRef<mlir::AffineExpr> getShape(mlir::Value value) const {
    auto it = shapes.find(value);
    assert(it != shapes.end() && "value without a symbolic shape");
    return it->second;
  }
  bool contains(mlir::Value value) const { return shapes.contains(value); }

  /// Computes and records the shapes of a new operation's results, and gives
  /// unranked results their ranked type.  Used by importers and rewrites right
  /// after they build an operation.
  mlir::LogicalResult update(mlir::Operation *op);
  void setShape(mlir::Value value, llvm::ArrayRef<mlir::AffineExpr> shape) {
    shapes[value] = SymbolicShape(shape);
  }

private:
  llvm::DenseMap<mlir::Value, SymbolicShape> shapes;
};

/// Builds an operation with one result of the given element type, whose shape
/// is inferred.  Returns a null op after an error (already emitted at `loc`).
template <typename OpTy, typename... Args>
OpTy createInferred(mlir::OpBuilder &builder, ShapeAnalysis &shapes,
                    mlir::Location loc, mlir::Type elementType,
                    Args &&...args) {
  auto op =
      OpTy::create(builder, loc, mlir::UnrankedTensorType::get(elementType),
                   std::forward<Args>(args)...);
  if (mlir::failed(shapes.update(op))) {
    op->erase();
    return nullptr;
  }
  return op;
}

/// The names in the function's `qnn.symbols`.
llvm::SmallVector<llvm::StringRef> getSymbolNames(mlir::func::FuncOp func);

} // namespace quantc::qnn

#endif // QUANTC_DIALECT_QNN_SHAPEANALYSIS_H

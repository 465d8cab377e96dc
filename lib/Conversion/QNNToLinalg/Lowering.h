// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the lowerings of the operation families share: the table of converted
// values, sizes from symbols, and builders for the few forms of generics that
// everything is made of.
//
// A `Tensor` is a value in storage form (booleans are i8) with its symbolic
// shape and its logical element type.  Bodies get *compute* scalars: i1 for
// booleans, f32 for f16 and bf16 (docs/numerics.md §1.5), the type itself
// otherwise.

#ifndef QUANTC_LIB_CONVERSION_QNNTOLINALG_LOWERING_H
#define QUANTC_LIB_CONVERSION_QNNTOLINALG_LOWERING_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "quantc/Dialect/QNN/ShapeAnalysis.h"

namespace quantc::qnntolinalg {

struct Tensor {
  mlir::Value value;
  SymbolicShape shape;
  mlir::Type element;
  mlir::TypedAttr splat = {}; ///< compute form of the value of all elements

  int64_t rank() const { return shape.size(); }
};

/// Builds the body of a generic from compute scalars.
using Body = llvm::function_ref<mlir::Value(mlir::OpBuilder &, mlir::Location,
                                            mlir::ValueRange)>;

mlir::Type storageType(mlir::Type element);
mlir::Type computeType(mlir::Type element);
mlir::Value toCompute(mlir::OpBuilder &builder, mlir::Location loc,
                      mlir::Value stored, mlir::Type element);
mlir::Value toStorage(mlir::OpBuilder &builder, mlir::Location loc,
                      mlir::Value computed, mlir::Type element);
/// A compute constant of a logical element type; integers saturate.
mlir::TypedAttr scalarAttr(mlir::Type element, double value);

class Lowering {
public:
  Lowering(mlir::func::FuncOp func, qnn::ShapeAnalysis &shapes);

  Tensor get(mlir::Value value) const;
  void set(mlir::Value value, const Tensor &tensor);

  mlir::AffineExpr constantExpr(int64_t value) const;
  /// The value of a dimension, from the function's symbols.
  mlir::OpFoldResult size(mlir::Location loc, mlir::AffineExpr expr);
  mlir::Value sizeValue(mlir::Location loc, mlir::AffineExpr expr);
  llvm::SmallVector<mlir::OpFoldResult>
  sizes(mlir::Location loc, llvm::ArrayRef<mlir::AffineExpr> shape);

  Tensor empty(mlir::Location loc, llvm::ArrayRef<mlir::AffineExpr> shape,
               mlir::Type element);
  Tensor fill(mlir::Location loc, llvm::ArrayRef<mlir::AffineExpr> shape,
              mlir::Type element, mlir::TypedAttr value);

  /// out[i] = body(inputs broadcast at i), operands aligned as in numpy.
  Tensor map(mlir::Location loc, llvm::ArrayRef<mlir::AffineExpr> shape,
             mlir::Type element, llvm::ArrayRef<Tensor> inputs, Body body);
  /// The same with one map per input over the dimensions of the result.
  Tensor mapWith(mlir::Location loc, llvm::ArrayRef<mlir::AffineExpr> shape,
                 mlir::Type element, llvm::ArrayRef<Tensor> inputs,
                 llvm::ArrayRef<mlir::AffineMap> maps, Body body);
  /// out[i] = input[map(i)], bit for bit.
  Tensor copyWith(mlir::Location loc, llvm::ArrayRef<mlir::AffineExpr> shape,
                  const Tensor &input, mlir::AffineMap map);
  /// A generic into `init`; `maps` has one more entry, for the result.
  Tensor generic(mlir::Location loc, llvm::ArrayRef<Tensor> inputs,
                 const Tensor &init, llvm::ArrayRef<mlir::AffineMap> maps,
                 llvm::ArrayRef<mlir::utils::IteratorType> iterators,
                 Body body);
  /// Reduces the last dimension; the other inputs are indexed by the kept ones.
  /// The body's last argument is the accumulator.
  Tensor reduceRows(mlir::Location loc, llvm::ArrayRef<Tensor> inputs,
                    mlir::Type element, mlir::TypedAttr neutral, Body body);
  /// Sum of the rows, and sum of squares by fma (§4.2).
  Tensor rowSum(mlir::Location loc, const Tensor &input);

  Tensor transpose(mlir::Location loc, const Tensor &input,
                   llvm::ArrayRef<int64_t> permutation);
  /// The same elements in row-major order under another shape.
  Tensor reshape(mlir::Location loc, const Tensor &input,
                 llvm::ArrayRef<mlir::AffineExpr> shape);
  /// input[start + i * step]; steps are positive.
  Tensor slice(mlir::Location loc, const Tensor &input,
               llvm::ArrayRef<mlir::AffineExpr> starts,
               llvm::ArrayRef<mlir::AffineExpr> shape,
               llvm::ArrayRef<int64_t> steps);
  /// Copies `source` into `destination` at `starts`.
  Tensor insert(mlir::Location loc, const Tensor &source,
                const Tensor &destination,
                llvm::ArrayRef<mlir::AffineExpr> starts);
  Tensor pad(mlir::Location loc, const Tensor &input,
             llvm::ArrayRef<int64_t> low, llvm::ArrayRef<int64_t> high,
             mlir::TypedAttr value);

  /// Map of an operand that broadcasts to `shape`.
  mlir::AffineMap broadcastMap(llvm::ArrayRef<mlir::AffineExpr> operand,
                               llvm::ArrayRef<mlir::AffineExpr> shape) const;

  /// The first `count` of `rank` loops.  (getMajorSubMap(0) is a null map.)
  mlir::AffineMap leadingDims(int64_t rank, int64_t count) const;

  mlir::OpBuilder builder;

private:
  mlir::Value symbolValue(unsigned position);
  mlir::Value copyInto(mlir::Location loc, mlir::Value input, mlir::Value init,
                       mlir::AffineMap map);

  mlir::func::FuncOp func;
  qnn::ShapeAnalysis &shapes;
  llvm::DenseMap<mlir::Value, Tensor> tensors;
  llvm::DenseMap<unsigned, mlir::Value> symbols;
};

/// Each lowers one family: true when done, false when the operation belongs to
/// another family, failure after an error.
mlir::FailureOr<bool> lowerElementwise(Lowering &lowering, mlir::Operation *op);
mlir::FailureOr<bool> lowerLinear(Lowering &lowering, mlir::Operation *op);
mlir::FailureOr<bool> lowerBlocks(Lowering &lowering, mlir::Operation *op);
mlir::FailureOr<bool> lowerMovement(Lowering &lowering, mlir::Operation *op);
mlir::FailureOr<bool> lowerCompute(Lowering &lowering, mlir::Operation *op);
mlir::FailureOr<bool> lowerRows(Lowering &lowering, mlir::Operation *op);
mlir::FailureOr<bool> lowerWindows(Lowering &lowering, mlir::Operation *op);
mlir::FailureOr<bool> lowerContractions(Lowering &lowering,
                                        mlir::Operation *op);

} // namespace quantc::qnntolinalg

#endif // QUANTC_LIB_CONVERSION_QNNTOLINALG_LOWERING_H

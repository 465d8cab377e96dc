// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What handlers write scalar programs with: qnn.compute for operators that have
// no operation of their own.  Scalars are in compute form (f32 for f16 and
// bf16, i1 for booleans, signless integers); where a sign matters the logical
// element type is asked for it.

#ifndef QUANTC_LIB_FRONTEND_ONNX_PROGRAM_H
#define QUANTC_LIB_FRONTEND_ONNX_PROGRAM_H

#include "Importer.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "quantc/Dialect/QNN/Compute.h"

namespace quantc::onnx_frontend {

using Values = llvm::SmallVector<mlir::Value>;

/// The scalar program of one qnn.compute while it is written.
class Program {
public:
  Program(qnn::ComputeOp op, mlir::MLIRContext *context);

  /// The position of the element that is computed.
  const Values &at() const { return indices; }
  mlir::Value at(size_t dim) const { return indices[dim]; }

  /// Element of an operand, clamped into it; in compute form.
  mlir::Value read(size_t input, mlir::ValueRange position);
  /// Element of the result that was computed or written before.
  mlir::Value readSelf(mlir::ValueRange position);
  /// Sets an element of the result; nothing is outside of it.
  void write(mlir::Value value, mlir::ValueRange position);
  /// The position in an operand that broadcasts to the result.
  Values broadcastPosition(llvm::ArrayRef<mlir::AffineExpr> dims);
  /// The same for an operand of matrices, at an element of them.
  Values matrixPosition(llvm::ArrayRef<mlir::AffineExpr> dims, mlir::Value row,
                        mlir::Value column);
  /// Reads an operand that broadcasts to the result.
  mlir::Value readBroadcast(size_t input,
                            llvm::ArrayRef<mlir::AffineExpr> dims);
  mlir::Type elementType(size_t input) const;

  // Constants and sizes.
  mlir::Value index(int64_t value);
  mlir::Value extent(mlir::AffineExpr expr);
  mlir::Value constant(mlir::Type type, double value);
  mlir::Value integer(mlir::Type type, int64_t value);
  mlir::Value boolean(bool value);

  // Arithmetic; of floats or integers by the operands' type.
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  /// Floats: a / b.  Integers: toward zero, 0 for b = 0.
  mlir::Value div(mlir::Value a, mlir::Value b, bool isUnsigned = false);
  mlir::Value rem(mlir::Value a, mlir::Value b, bool isUnsigned = false);
  mlir::Value neg(mlir::Value a);
  mlir::Value fma(mlir::Value a, mlir::Value b, mlir::Value c);
  mlir::Value min(mlir::Value a, mlir::Value b, bool isUnsigned = false);
  mlir::Value max(mlir::Value a, mlir::Value b, bool isUnsigned = false);
  template <typename OpTy> mlir::Value unary(mlir::Value a) {
    return OpTy::create(builder, loc, a);
  }
  template <typename OpTy> mlir::Value binary(mlir::Value a, mlir::Value b) {
    return OpTy::create(builder, loc, a, b);
  }
  mlir::Value floor(mlir::Value a) { return unary<mlir::math::FloorOp>(a); }
  mlir::Value abs(mlir::Value a);

  // Conditions.
  mlir::Value less(mlir::Value a, mlir::Value b, bool isUnsigned = false);
  mlir::Value lessEqual(mlir::Value a, mlir::Value b, bool isUnsigned = false);
  mlir::Value equal(mlir::Value a, mlir::Value b);
  mlir::Value isNan(mlir::Value a);
  mlir::Value both(mlir::Value a, mlir::Value b);
  mlir::Value either(mlir::Value a, mlir::Value b);
  mlir::Value negate(mlir::Value a);
  /// 0 <= a < b on indices.
  mlir::Value inside(mlir::Value a, mlir::Value b);
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b);

  // Conversions.
  /// An integer scalar as an index; `logical` says how it extends.
  mlir::Value toIndex(mlir::Value value, mlir::Type logical);
  /// Negative indices count from the end of a dimension of `extent`.
  mlir::Value wrapIndex(mlir::Value position, mlir::Value extent);
  mlir::Value fromIndex(mlir::Value value, mlir::Type type);
  /// An index or integer (signed) as a float.
  mlir::Value toFloat(mlir::Value value, mlir::Type type);
  /// A finite float in the range of an index, truncated.
  mlir::Value truncateToIndex(mlir::Value value);
  /// Between logical element types, by numerics §2.6.
  mlir::Value convert(mlir::Value value, mlir::Type from, mlir::Type to);

  /// Rounds an f32 scalar to f16 or bf16 and back.
  mlir::Value roundTo(mlir::Value value, mlir::Type type);

  // Control.
  using LoopBody = llvm::function_ref<Values(mlir::Value, mlir::ValueRange)>;
  /// for i = from to end: carried = body(i, carried).
  Values loop(mlir::Value from, mlir::Value end, mlir::ValueRange inits,
              LoopBody body);
  /// Nested loops from 0 to each bound; the body carries one value.
  mlir::Value
  nest(mlir::ValueRange bounds, mlir::Value init,
       llvm::function_ref<mlir::Value(mlir::ValueRange, mlir::Value)> body);
  /// The same with any number of values.
  Values nestValues(
      mlir::ValueRange bounds, mlir::ValueRange inits,
      llvm::function_ref<Values(mlir::ValueRange, mlir::ValueRange)> body);
  mlir::Value branch(mlir::Value condition,
                     llvm::function_ref<mlir::Value()> whenTrue,
                     llvm::function_ref<mlir::Value()> whenFalse);

  mlir::OpBuilder builder;
  mlir::Location loc;

  /// Ends the program with the element's value, if it yields one.
  void finish(mlir::Value value);

private:
  qnn::ComputeOp op;
  Values indices;
  llvm::SmallVector<mlir::AffineExpr> sizes;
  Values sizeValues;
};

/// The type of scalars of an element type.
mlir::Type scalarType(mlir::Type element);

/// A qnn.compute of the given shape.  Null operands and failures give null.
mlir::Value compute(NodeImport &n, mlir::Type elementType,
                    llvm::ArrayRef<mlir::AffineExpr> shape,
                    llvm::ArrayRef<mlir::Value> inputs,
                    llvm::function_ref<mlir::Value(Program &)> body,
                    int64_t sequential = 0);

/// A qnn.compute whose program writes elements of the result itself, once for
/// each element of `domain`, in order.  The result starts as the operand
/// `start`, or as zeros.
mlir::Value computeWrites(NodeImport &n, mlir::Type elementType,
                          llvm::ArrayRef<mlir::AffineExpr> shape,
                          llvm::ArrayRef<mlir::AffineExpr> domain,
                          llvm::ArrayRef<mlir::Value> inputs,
                          std::optional<int64_t> start,
                          llvm::function_ref<void(Program &)> body);

/// An i64 vector of the indices that `body` gives, one for each element.
mlir::Value computeList(NodeImport &n, size_t size,
                        llvm::ArrayRef<mlir::Value> inputs,
                        llvm::function_ref<Values(Program &)> body);

/// The broadcast of all operands' shapes, dimensions tied; failure after an
/// error.
mlir::FailureOr<SymbolicShape>
broadcastShape(NodeImport &n, llvm::ArrayRef<mlir::Value> operands);

/// An elementwise program on operands that broadcast; `body` gets their
/// elements.
mlir::Value computeElements(
    NodeImport &n, mlir::Type elementType, llvm::ArrayRef<mlir::Value> operands,
    llvm::function_ref<mlir::Value(Program &, mlir::ValueRange)> body);

} // namespace quantc::onnx_frontend

#endif // QUANTC_LIB_FRONTEND_ONNX_PROGRAM_H

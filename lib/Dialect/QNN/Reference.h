// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the reference evaluators share: one evaluation's tensors, element access
// in the type that arithmetic is done in, and strided copies.

#ifndef QUANTC_LIB_DIALECT_QNN_REFERENCE_H
#define QUANTC_LIB_DIALECT_QNN_REFERENCE_H

#include "quantc/Dialect/QNN/QNN.h"
#include <type_traits>

namespace quantc::qnn {

/// One operation being evaluated; the results are allocated, zero-filled and of
/// the inferred shapes.
struct Evaluation {
  llvm::ArrayRef<HostTensor> operands;
  llvm::ArrayRef<int64_t> symbols;
  llvm::MutableArrayRef<HostTensor> results;

  HostTensor &result() const { return results[0]; }
};

using Extents = llvm::SmallVector<int64_t, 6>;

/// The values of a shape attribute; emits an error where one is not defined.
mlir::FailureOr<Extents> evaluateExprs(mlir::Operation *op, mlir::AffineMap map,
                                       llvm::ArrayRef<int64_t> symbols);

//===----------------------------------------------------------------------===//
// Elements in the type of the arithmetic (numerics §1.5)
//===----------------------------------------------------------------------===//

/// f16, bf16, f32, f64 and integers of at most 64 bits.
inline bool hasArithmetic(mlir::Type type) {
  return type.isF32() || type.isF16() || type.isBF16() || type.isF64() ||
         (type.isInteger() && type.getIntOrFloatBitWidth() <= 64);
}

/// Calls `fn` with a float for f32, f16 and bf16, a double for f64 and an
/// int64_t for integers and booleans.
template <typename Fn>
mlir::LogicalResult withArithmetic(mlir::Operation *op, mlir::Type type,
                                   Fn &&fn) {
  if (type.isF32() || type.isF16() || type.isBF16())
    return fn(float());
  if (type.isF64())
    return fn(double());
  if (hasArithmetic(type))
    return fn(int64_t());
  return op->emitOpError("has no reference on elements of type ") << type;
}
/// The same for operations that are only defined on floats.
template <typename Fn>
mlir::LogicalResult withFloatArithmetic(mlir::Operation *op, mlir::Type type,
                                        Fn &&fn) {
  if (type.isF32() || type.isF16() || type.isBF16())
    return fn(float());
  if (type.isF64())
    return fn(double());
  return op->emitOpError("has no reference on elements of type ") << type;
}

/// True where a tensor's storage is an array of T.
template <typename T> bool storesAs(mlir::Type type) {
  if constexpr (std::is_same_v<T, float>)
    return type.isF32();
  else if constexpr (std::is_same_v<T, double>)
    return type.isF64();
  else
    return type.isInteger(64);
}

/// A tensor's elements as T; borrows the tensor's memory where it can.
template <typename T> class Elements {
public:
  explicit Elements(const HostTensor &tensor) : tensor(tensor) {
    if (storesAs<T>(tensor.getElementType())) {
      data = tensor.as<T>().data();
      return;
    }
    converted.resize(tensor.getNumElements());
    bool isInteger = tensor.getElementType().isInteger();
    bool isUnsigned64 = tensor.getElementType().isUnsignedInteger(64);
    for (int64_t i = 0; i < tensor.getNumElements(); ++i) {
      if (isUnsigned64 && std::is_floating_point_v<T>)
        converted[i] = T(uint64_t(tensor.getInt(i)));
      else if (isInteger)
        converted[i] = T(tensor.getInt(i));
      else
        converted[i] = T(tensor.getFloat(i));
    }
    data = converted.data();
  }
  const T *get() const { return data; }
  const T &operator[](int64_t index) const { return data[index]; }

private:
  HostTensor tensor;
  std::vector<T> converted;
  const T *data;
};

/// Where results are written as T; `commit` rounds them to the tensor's type.
template <typename T> class Output {
public:
  explicit Output(HostTensor &tensor) : tensor(tensor) {
    if (storesAs<T>(tensor.getElementType())) {
      data = tensor.asMutable<T>().data();
      return;
    }
    pending.resize(tensor.getNumElements());
    data = pending.data();
  }
  T *get() { return data; }
  T &operator[](int64_t index) { return data[index]; }
  mlir::LogicalResult commit() {
    for (auto [i, value] : llvm::enumerate(pending)) {
      if constexpr (std::is_integral_v<T>)
        tensor.setInt(i, value);
      else
        tensor.setFloat(i, value);
    }
    return mlir::success();
  }

private:
  HostTensor &tensor;
  std::vector<T> pending;
  T *data;
};

//===----------------------------------------------------------------------===//
// Strides
//===----------------------------------------------------------------------===//

Extents rowMajorStrides(llvm::ArrayRef<int64_t> shape);

/// Strides that read a row-major tensor of `shape` as if it were broadcast to
/// `target`.  Fails (with an error) where it does not broadcast.
mlir::FailureOr<Extents> broadcastStrides(mlir::Operation *op,
                                          llvm::ArrayRef<int64_t> shape,
                                          llvm::ArrayRef<int64_t> target);

/// Copies an index space of elements of `width` bytes between two strided
/// views. Strides are in elements.
void copyStrided(const char *from, llvm::ArrayRef<int64_t> fromStrides,
                 char *to, llvm::ArrayRef<int64_t> toStrides,
                 llvm::ArrayRef<int64_t> shape, int64_t width);

/// The tensor broadcast to a shape; the tensor itself where it has that shape.
mlir::FailureOr<HostTensor> broadcastTensor(mlir::Operation *op,
                                            const HostTensor &tensor,
                                            llvm::ArrayRef<int64_t> shape);

/// The product of extents [first, last).
int64_t extentProduct(llvm::ArrayRef<int64_t> shape, size_t first, size_t last);

//===----------------------------------------------------------------------===//
// Evaluators
//===----------------------------------------------------------------------===//

mlir::LogicalResult evaluateElementwise(mlir::Operation *op,
                                        const Evaluation &evaluation);

#define QUANTC_EVALUATOR(OP)                                                   \
  mlir::LogicalResult evaluateOp(OP op, const Evaluation &evaluation);
QUANTC_EVALUATOR(WhereOp)
QUANTC_EVALUATOR(CastOp)
QUANTC_EVALUATOR(ConstantOp)
QUANTC_EVALUATOR(ReshapeOp)
QUANTC_EVALUATOR(ChooseOp)
QUANTC_EVALUATOR(ObserveOp)
QUANTC_EVALUATOR(BroadcastToOp)
QUANTC_EVALUATOR(TransposeOp)
QUANTC_EVALUATOR(ConcatOp)
QUANTC_EVALUATOR(AppendOp)
QUANTC_EVALUATOR(SliceOp)
QUANTC_EVALUATOR(PadOp)
QUANTC_EVALUATOR(GatherOp)
QUANTC_EVALUATOR(ShapeValueOp)
QUANTC_EVALUATOR(RangeOp)
QUANTC_EVALUATOR(MatmulOp)
QUANTC_EVALUATOR(LinearOp)
QUANTC_EVALUATOR(ConvOp)
QUANTC_EVALUATOR(PoolOp)
QUANTC_EVALUATOR(ReduceOp)
QUANTC_EVALUATOR(SoftmaxOp)
QUANTC_EVALUATOR(LayerNormOp)
QUANTC_EVALUATOR(RmsNormOp)
QUANTC_EVALUATOR(BatchNormOp)
QUANTC_EVALUATOR(RotaryOp)
QUANTC_EVALUATOR(AttentionOp)
QUANTC_EVALUATOR(ToCodesOp)
QUANTC_EVALUATOR(FromCodesOp)
QUANTC_EVALUATOR(UnpackOp)
QUANTC_EVALUATOR(EncodeOp)
QUANTC_EVALUATOR(PayloadOp)
QUANTC_EVALUATOR(DecodeOp)
QUANTC_EVALUATOR(HadamardOp)
QUANTC_EVALUATOR(QuantizeRowsOp)
QUANTC_EVALUATOR(QuantizeStaticOp)
QUANTC_EVALUATOR(QuantizedLinearOp)
QUANTC_EVALUATOR(QuantizedConvOp)
QUANTC_EVALUATOR(BlockLinearOp)
QUANTC_EVALUATOR(BlockGatherOp)
QUANTC_EVALUATOR(QuantizedGatherOp)
#undef QUANTC_EVALUATOR

/// Elementwise operations that the table covers.
template <typename OpTy>
mlir::LogicalResult evaluateOp(OpTy op, const Evaluation &evaluation) {
  return evaluateElementwise(op, evaluation);
}

} // namespace quantc::qnn

#endif // QUANTC_LIB_DIALECT_QNN_REFERENCE_H

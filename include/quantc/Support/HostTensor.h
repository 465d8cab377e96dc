// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A concrete tensor in host memory: what constants are read into, what the
// reference evaluator computes on and what packing reads.  Row-major,
// contiguous.  Storage per element: i1 one byte (0 or 1), i4/u4 one byte,
// f16/bf16 two bytes, otherwise the type's own width.

#ifndef QUANTC_SUPPORT_HOSTTENSOR_H
#define QUANTC_SUPPORT_HOSTTENSOR_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/ArrayRef.h"
#include <memory>
#include <vector>

namespace quantc {

class HostTensor {
public:
  HostTensor() = default;

  /// A zero-filled tensor.  Returns an empty optional when the byte size
  /// overflows, exceeds `byteBudget` or is not to be had.
  static std::optional<HostTensor>
  allocate(mlir::Type elementType, llvm::ArrayRef<int64_t> shape,
           int64_t byteBudget = int64_t(1) << 40);

  /// Borrows memory that outlives the tensor (mapped weights).
  static HostTensor borrow(mlir::Type elementType,
                           llvm::ArrayRef<int64_t> shape,
                           llvm::ArrayRef<char> bytes);

  /// Reads a dense or dense_resource attribute whose real element type is that
  /// of `type` (f16 and bf16 are kept as i16 words).  Fails for elided
  /// resources and size mismatches.
  static mlir::FailureOr<HostTensor> fromAttribute(mlir::ElementsAttr value,
                                                   mlir::ShapedType type);

  /// The tensor as a `dense` attribute (small tensors).
  mlir::ElementsAttr toAttribute() const;

  mlir::Type getElementType() const { return elementType; }
  llvm::ArrayRef<int64_t> getShape() const { return shape; }
  int64_t getRank() const { return shape.size(); }
  int64_t getNumElements() const { return numElements; }
  int64_t getByteSize() const { return bytes.size(); }
  static int64_t storageBytes(mlir::Type elementType);

  llvm::ArrayRef<char> getBytes() const { return bytes; }
  /// Only for owned tensors.
  llvm::MutableArrayRef<char> getMutableBytes();

  template <typename T> llvm::ArrayRef<T> as() const {
    return {reinterpret_cast<const T *>(bytes.data()), size_t(numElements)};
  }
  template <typename T> llvm::MutableArrayRef<T> asMutable() {
    auto raw = getMutableBytes();
    return {reinterpret_cast<T *>(raw.data()), size_t(numElements)};
  }

  /// Element `index` converted to double / int64 (f16, bf16, all integers).
  double getFloat(int64_t index) const;
  int64_t getInt(int64_t index) const;
  /// Stores with the conversion rules of docs/numerics.md §2.
  void setFloat(int64_t index, double value);
  void setInt(int64_t index, int64_t value);
  void setUnsigned(int64_t index, uint64_t value);

private:
  mlir::Type elementType;
  llvm::SmallVector<int64_t> shape;
  int64_t numElements = 0;
  std::shared_ptr<char> storage;
  llvm::ArrayRef<char> bytes;
};

} // namespace quantc

#endif // QUANTC_SUPPORT_HOSTTENSOR_H

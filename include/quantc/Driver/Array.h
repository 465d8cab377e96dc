// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An n-dimensional array as files hold it and compiled models take it: element
// types are those of DLPack, the memory is compact, row-major and aligned.
//
// Unlike HostTensor it knows nothing of MLIR, so that running a model needs no
// compiler.

#ifndef QUANTC_DRIVER_ARRAY_H
#define QUANTC_DRIVER_ARRAY_H

#include "quantc/Runtime/quantc.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

namespace quantc {

class Array {
public:
  Array() = default;

  /// An array of unset elements.  Returns std::nullopt if a dimension is
  /// negative, the size overflows, or memory is short.
  static std::optional<Array> allocate(quantc_dtype dtype,
                                       llvm::ArrayRef<int64_t> shape);
  /// A copy of a compact tensor.
  static std::optional<Array> copy(const quantc_tensor &tensor);

  /// Elements of less than a byte, packed as the C interface has them, from one
  /// byte each; the lowest bits count.
  static std::optional<Array>
  pack(quantc_dtype dtype, llvm::ArrayRef<int64_t> shape, const char *bytes);
  /// Packed elements as uint8: the code in the low bits.
  std::optional<Array> unpack() const;

  quantc_dtype getType() const { return dtype; }
  llvm::ArrayRef<int64_t> getShape() const { return shape; }
  int64_t getNumElements() const { return numElements; }
  int64_t getByteSize() const { return byteSize; }
  char *getData() { return data.get(); }
  const char *getData() const { return data.get(); }

  /// A view for the C interface; it borrows from this array.
  quantc_tensor getTensor() {
    quantc_tensor tensor =
        quantc_cpu_tensor(data.get(), dtype.code, dtype.bits,
                          int32_t(shape.size()), shape.data());
    tensor.dtype = dtype;
    return tensor;
  }

  /// Element `index` as a double; integers above 2^53 are rounded.
  double getNumber(int64_t index) const;
  /// Stores a number, rounded to nearest even; integers are cut toward zero.
  void setNumber(int64_t index, double value);

private:
  struct Free {
    void operator()(char *memory) const { std::free(memory); }
  };

  quantc_dtype dtype = {};
  llvm::SmallVector<int64_t, 4> shape;
  int64_t numElements = 0;
  int64_t byteSize = 0;
  std::unique_ptr<char, Free> data;
};

struct NamedArray {
  std::string name;
  Array array;
};

/// Bytes of a compact tensor, or std::nullopt on overflow or a negative
/// dimension.
std::optional<int64_t> byteSizeOf(quantc_dtype dtype,
                                  llvm::ArrayRef<int64_t> shape);

/// `float32`, `int8`, `bfloat16`, `bool`: the names that NumPy and ml_dtypes
/// use.
std::string typeName(quantc_dtype dtype);

/// Whether getNumber and setNumber know the type.
bool isNumeric(quantc_dtype dtype);

inline bool operator==(quantc_dtype a, quantc_dtype b) {
  return a.code == b.code && a.bits == b.bits && a.lanes == b.lanes;
}

/// `[2, 3]`.
std::string shapeText(llvm::ArrayRef<int64_t> shape);

} // namespace quantc

#endif // QUANTC_DRIVER_ARRAY_H

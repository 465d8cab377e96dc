// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory, names and elements of arrays.

#include "quantc/Driver/Array.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <cstring>

using namespace llvm;

namespace quantc {

namespace {

// What getData() of an array without elements points to is never read, but
// kernels may ask for its alignment.
constexpr size_t kAlignment = 64;

double fromHalf(uint16_t bits, const fltSemantics &semantics) {
  APFloat value(semantics, APInt(16, bits));
  bool lost;
  value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
  return value.convertToDouble();
}

uint16_t toHalf(double number, const fltSemantics &semantics) {
  APFloat value(number);
  bool lost;
  value.convert(semantics, APFloat::rmNearestTiesToEven, &lost);
  return uint16_t(value.bitcastToAPInt().getZExtValue());
}

template <typename T> T loadAs(const char *memory) {
  T value;
  std::memcpy(&value, memory, sizeof(T));
  return value;
}

template <typename T> void storeAs(char *memory, double value) {
  T typed = T(value);
  std::memcpy(memory, &typed, sizeof(T));
}

} // namespace

std::optional<int64_t> byteSizeOf(quantc_dtype dtype, ArrayRef<int64_t> shape) {
  // A zero dimension makes the array empty, however large the others are.
  int64_t bits = int64_t(dtype.bits) * dtype.lanes;
  for (int64_t dim : shape)
    if (dim < 0)
      return std::nullopt;
  if (is_contained(shape, 0))
    return 0;
  for (int64_t dim : shape)
    if (MulOverflow(bits, dim, bits))
      return std::nullopt;
  return bits / 8 + (bits % 8 != 0);
}

std::optional<Array> Array::allocate(quantc_dtype dtype,
                                     ArrayRef<int64_t> shape) {
  std::optional<int64_t> bytes = byteSizeOf(dtype, shape);
  if (!bytes || *bytes > std::numeric_limits<int64_t>::max() - 64)
    return std::nullopt;
  Array array;
  array.dtype = dtype;
  array.shape.assign(shape.begin(), shape.end());
  array.byteSize = *bytes;
  array.numElements = 1;
  for (int64_t dim : shape)
    array.numElements = is_contained(shape, 0) ? 0 : array.numElements * dim;
  size_t rounded = alignTo(std::max<int64_t>(*bytes, 1), kAlignment);
  array.data.reset(
      static_cast<char *>(std::aligned_alloc(kAlignment, rounded)));
  if (!array.data)
    return std::nullopt;
  return array;
}

std::optional<Array> Array::copy(const quantc_tensor &tensor) {
  std::optional<Array> array =
      allocate(tensor.dtype, {tensor.shape, size_t(tensor.ndim)});
  if (array && array->byteSize)
    std::memcpy(array->getData(),
                static_cast<const char *>(tensor.data) + tensor.byte_offset,
                array->byteSize);
  return array;
}

std::optional<Array> Array::pack(quantc_dtype dtype, ArrayRef<int64_t> shape,
                                 const char *bytes) {
  std::optional<Array> array = allocate(dtype, shape);
  if (!array)
    return std::nullopt;
  unsigned bits = dtype.bits, pending = 0, have = 0;
  char *to = array->getData();
  for (int64_t i = 0; i < array->numElements; ++i) {
    pending |= (uint8_t(bytes[i]) & maskTrailingOnes<unsigned>(bits)) << have;
    have += bits;
    for (; have >= 8; have -= 8, pending >>= 8)
      *to++ = char(pending);
  }
  if (have)
    *to = char(pending);
  return array;
}

std::optional<Array> Array::unpack() const {
  std::optional<Array> array = allocate({QUANTC_UINT, 8, 1}, shape);
  if (!array)
    return std::nullopt;
  unsigned bits = dtype.bits, pending = 0, have = 0;
  const char *from = getData();
  for (int64_t i = 0; i < numElements; ++i) {
    for (; have < bits; have += 8)
      pending |= unsigned(uint8_t(*from++)) << have;
    array->getData()[i] = char(pending & maskTrailingOnes<unsigned>(bits));
    pending >>= bits;
    have -= bits;
  }
  return array;
}

std::string typeName(quantc_dtype dtype) {
  std::string bits = std::to_string(dtype.bits);
  std::string lanes = dtype.lanes == 1 ? "" : "x" + std::to_string(dtype.lanes);
  switch (dtype.code) {
  case QUANTC_INT:
    return "int" + bits + lanes;
  case QUANTC_UINT:
    return "uint" + bits + lanes;
  case QUANTC_FLOAT:
    return "float" + bits + lanes;
  case QUANTC_BFLOAT:
    return "bfloat" + bits + lanes;
  case QUANTC_COMPLEX:
    return "complex" + bits + lanes;
  case QUANTC_BOOL:
    return "bool" + lanes;
  case QUANTC_FLOAT8_E4M3FN:
    return "float8_e4m3fn" + lanes;
  case QUANTC_FLOAT8_E4M3FNUZ:
    return "float8_e4m3fnuz" + lanes;
  case QUANTC_FLOAT8_E5M2:
    return "float8_e5m2" + lanes;
  case QUANTC_FLOAT8_E5M2FNUZ:
    return "float8_e5m2fnuz" + lanes;
  case QUANTC_FLOAT8_E8M0FNU:
    return "float8_e8m0fnu" + lanes;
  case QUANTC_FLOAT6_E2M3FN:
    return "float6_e2m3fn" + lanes;
  case QUANTC_FLOAT6_E3M2FN:
    return "float6_e3m2fn" + lanes;
  case QUANTC_FLOAT4_E2M1FN:
    return "float4_e2m1fn" + lanes;
  default:
    return "type code " + std::to_string(dtype.code) + " of " + bits + " bits";
  }
}

std::string shapeText(ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (auto [i, dim] : enumerate(shape))
    text += (i ? ", " : "") + std::to_string(dim);
  return text + "]";
}

bool isNumeric(quantc_dtype dtype) {
  if (dtype.lanes != 1)
    return false;
  switch (dtype.code) {
  case QUANTC_INT:
  case QUANTC_UINT:
    return dtype.bits >= 8 && dtype.bits <= 64 && isPowerOf2_32(dtype.bits);
  case QUANTC_FLOAT:
    return dtype.bits == 16 || dtype.bits == 32 || dtype.bits == 64;
  case QUANTC_BFLOAT:
    return dtype.bits == 16;
  default:
    return dtype.code == QUANTC_BOOL && dtype.bits == 8;
  }
}

double Array::getNumber(int64_t index) const {
  const char *at = data.get() + index * (dtype.bits / 8);
  switch (dtype.code << 8 | dtype.bits) {
  case QUANTC_BOOL << 8 | 8:
    return *at != 0;
  case QUANTC_INT << 8 | 8:
    return loadAs<int8_t>(at);
  case QUANTC_INT << 8 | 16:
    return loadAs<int16_t>(at);
  case QUANTC_INT << 8 | 32:
    return loadAs<int32_t>(at);
  case QUANTC_INT << 8 | 64:
    return double(loadAs<int64_t>(at));
  case QUANTC_UINT << 8 | 8:
    return loadAs<uint8_t>(at);
  case QUANTC_UINT << 8 | 16:
    return loadAs<uint16_t>(at);
  case QUANTC_UINT << 8 | 32:
    return loadAs<uint32_t>(at);
  case QUANTC_UINT << 8 | 64:
    return double(loadAs<uint64_t>(at));
  case QUANTC_FLOAT << 8 | 16:
    return fromHalf(loadAs<uint16_t>(at), APFloat::IEEEhalf());
  case QUANTC_BFLOAT << 8 | 16:
    return bit_cast<float>(uint32_t(loadAs<uint16_t>(at)) << 16);
  case QUANTC_FLOAT << 8 | 32:
    return loadAs<float>(at);
  case QUANTC_FLOAT << 8 | 64:
    return loadAs<double>(at);
  default:
    llvm_unreachable("not numeric");
  }
}

void Array::setNumber(int64_t index, double value) {
  char *at = data.get() + index * (dtype.bits / 8);
  switch (dtype.code << 8 | dtype.bits) {
  case QUANTC_BOOL << 8 | 8:
    *at = value != 0;
    return;
  case QUANTC_INT << 8 | 8:
    return storeAs<int8_t>(at, value);
  case QUANTC_INT << 8 | 16:
    return storeAs<int16_t>(at, value);
  case QUANTC_INT << 8 | 32:
    return storeAs<int32_t>(at, value);
  case QUANTC_INT << 8 | 64:
    return storeAs<int64_t>(at, value);
  case QUANTC_UINT << 8 | 8:
    return storeAs<uint8_t>(at, value);
  case QUANTC_UINT << 8 | 16:
    return storeAs<uint16_t>(at, value);
  case QUANTC_UINT << 8 | 32:
    return storeAs<uint32_t>(at, value);
  case QUANTC_UINT << 8 | 64:
    return storeAs<uint64_t>(at, value);
  case QUANTC_FLOAT << 8 | 16:
  case QUANTC_BFLOAT << 8 | 16: {
    uint16_t bits =
        toHalf(value, dtype.code == QUANTC_FLOAT ? APFloat::IEEEhalf()
                                                 : APFloat::BFloat());
    std::memcpy(at, &bits, sizeof(bits));
    return;
  }
  case QUANTC_FLOAT << 8 | 32:
    return storeAs<float>(at, value);
  case QUANTC_FLOAT << 8 | 64:
    return storeAs<double>(at, value);
  default:
    llvm_unreachable("not numeric");
  }
}

} // namespace quantc

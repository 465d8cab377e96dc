// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Storage, attribute conversion and converting element access of HostTensor.
// 16-bit floats are converted by integer arithmetic on their bits, so that the
// result does not depend on the host's instructions: widening is exact,
// narrowing rounds once from double, to nearest even.

#include "quantc/Support/HostTensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/CheckedArithmetic.h"
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

using namespace mlir;

namespace quantc {

//===----------------------------------------------------------------------===//
// 16-bit floats
//===----------------------------------------------------------------------===//

/// The value of an IEEE-like float word with the given field widths.
static double widen(uint32_t bits, int exponentBits, int mantissaBits) {
  int bias = (1 << (exponentBits - 1)) - 1;
  uint32_t mantissa = bits & ((1u << mantissaBits) - 1);
  int exponent = (bits >> mantissaBits) & ((1 << exponentBits) - 1);
  bool negative = bits >> (exponentBits + mantissaBits) & 1;
  double magnitude;
  if (exponent == (1 << exponentBits) - 1)
    magnitude = mantissa ? std::numeric_limits<double>::quiet_NaN()
                         : std::numeric_limits<double>::infinity();
  else if (exponent == 0)
    magnitude = std::ldexp(double(mantissa), 1 - bias - mantissaBits);
  else
    magnitude = std::ldexp(double(mantissa | 1u << mantissaBits),
                           exponent - bias - mantissaBits);
  return negative ? -magnitude : magnitude;
}

/// Rounds to the nearest value of the format, ties to even; overflow gives
/// infinity, every NaN becomes the quiet NaN of its sign.
static uint16_t narrow(double value, int exponentBits, int mantissaBits) {
  uint64_t bits = std::bit_cast<uint64_t>(value);
  uint32_t sign = uint32_t(bits >> 63) << (exponentBits + mantissaBits);
  uint32_t infinity = ((1u << exponentBits) - 1) << mantissaBits;
  if (std::isnan(value))
    return sign | infinity | 1u << (mantissaBits - 1);
  uint64_t magnitude = bits & ~(uint64_t(1) << 63);
  if (magnitude == 0)
    return sign;
  if (std::isinf(value))
    return sign | infinity;
  int bias = (1 << (exponentBits - 1)) - 1;
  int exponent = int(magnitude >> 52) - 1023;
  uint64_t mantissa = (magnitude & ((uint64_t(1) << 52) - 1)) |
                      uint64_t(exponent == -1023 ? 0 : 1) << 52;
  // Bits dropped below the format's last place; more for its subnormals.
  int shift = 52 - mantissaBits + std::max(0, 1 - bias - exponent);
  if (shift > 54)
    return sign;
  uint64_t kept = mantissa >> shift;
  uint64_t dropped = mantissa & ((uint64_t(1) << shift) - 1);
  uint64_t half = uint64_t(1) << (shift - 1);
  if (dropped > half || (dropped == half && (kept & 1)))
    ++kept;
  // A carry out of the mantissa moves to the exponent field by itself.
  int64_t field = std::max(0, exponent + bias - 1);
  uint64_t word = (uint64_t(field) << mantissaBits) + kept;
  return sign | uint16_t(std::min<uint64_t>(word, infinity));
}

//===----------------------------------------------------------------------===//
// Storage
//===----------------------------------------------------------------------===//

int64_t HostTensor::storageBytes(Type elementType) {
  if (elementType.isIndex())
    return 8;
  return llvm::divideCeil(elementType.getIntOrFloatBitWidth(), 8);
}

std::optional<HostTensor> HostTensor::allocate(Type elementType,
                                               ArrayRef<int64_t> shape,
                                               int64_t byteBudget) {
  // An extent of 0 counts as 1, so that strides do not overflow either.
  int64_t count = 1;
  for (int64_t extent : shape) {
    auto product = extent < 0
                       ? std::nullopt
                       : llvm::checkedMul(count, std::max<int64_t>(extent, 1));
    if (!product)
      return std::nullopt;
    count = *product;
  }
  auto byteSize = llvm::checkedMul(count, storageBytes(elementType));
  if (byteSize && llvm::is_contained(shape, 0))
    count = 0, byteSize = 0;
  if (!byteSize || *byteSize > byteBudget)
    return std::nullopt;
  HostTensor tensor;
  tensor.elementType = elementType;
  tensor.shape.assign(shape.begin(), shape.end());
  tensor.numElements = count;
  // The pages of large tensors are zero without being written.
  tensor.storage.reset(static_cast<char *>(std::calloc(*byteSize, 1)),
                       std::free);
  if (!tensor.storage && *byteSize != 0)
    return std::nullopt;
  tensor.bytes = {tensor.storage.get(), size_t(*byteSize)};
  return tensor;
}

HostTensor HostTensor::borrow(Type elementType, ArrayRef<int64_t> shape,
                              ArrayRef<char> bytes) {
  HostTensor tensor;
  tensor.elementType = elementType;
  tensor.shape.assign(shape.begin(), shape.end());
  tensor.numElements = llvm::product_of(shape);
  assert(int64_t(bytes.size()) ==
             tensor.numElements * storageBytes(elementType) &&
         "borrowed memory of the wrong size");
  tensor.bytes = bytes;
  return tensor;
}

MutableArrayRef<char> HostTensor::getMutableBytes() {
  assert((storage || bytes.empty()) && "borrowed tensors are read-only");
  if (!storage)
    return {};
  return {storage.get(), bytes.size()};
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

static FailureOr<HostTensor> fromResource(DenseResourceElementsAttr value,
                                          ShapedType type) {
  AsmResourceBlob *blob = value.getRawHandle().getBlob();
  if (!blob)
    return failure();
  ArrayRef<char> data = blob->getData();
  int64_t width = HostTensor::storageBytes(type.getElementType());
  auto expected = llvm::checkedMul(type.getNumElements(), width);
  if (!expected || int64_t(data.size()) != *expected)
    return failure();
  if (reinterpret_cast<uintptr_t>(data.data()) % width == 0)
    return HostTensor::borrow(type.getElementType(), type.getShape(), data);
  auto copy = HostTensor::allocate(type.getElementType(), type.getShape());
  if (!copy)
    return failure();
  llvm::copy(data, copy->getMutableBytes().begin());
  return *copy;
}

/// Leaves in a byte only what an element of less than a byte can be.
static void normalizeBytes(HostTensor &tensor) {
  Type type = tensor.getElementType();
  unsigned width = type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
  if (width >= 8 || width == 1)
    return;
  for (char &byte : tensor.getMutableBytes())
    byte = type.isSignlessInteger()
               ? char(llvm::SignExtend32(uint8_t(byte), width))
               : char(uint8_t(byte) & llvm::maskTrailingOnes<unsigned>(width));
}

FailureOr<HostTensor> HostTensor::fromAttribute(ElementsAttr value,
                                                ShapedType type) {
  if (!type.hasStaticShape() ||
      type.getShape() != value.getShapedType().getShape())
    return failure();
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value))
    return fromResource(resource, type);
  auto dense = dyn_cast<DenseElementsAttr>(value);
  auto tensor = allocate(type.getElementType(), type.getShape());
  Type stored = value.getElementType();
  if (!dense || !tensor || !stored.isIntOrIndexOrFloat() ||
      storageBytes(stored) != storageBytes(type.getElementType()))
    return failure();
  MutableArrayRef<char> bytes = tensor->getMutableBytes();
  unsigned width = stored.isIndex() ? 64 : stored.getIntOrFloatBitWidth();
  if (width % 8 != 0) {
    bool isFloat = isa<FloatType>(stored);
    for (int64_t i = 0; i < tensor->numElements; ++i) {
      APInt bits = isFloat ? dense.getValues<APFloat>()[i].bitcastToAPInt()
                           : dense.getValues<APInt>()[i];
      bytes[i] = stored.isSignlessInteger() && width > 1
                     ? char(bits.getSExtValue())
                     : char(bits.getZExtValue());
    }
    normalizeBytes(*tensor);
    return *tensor;
  }
  ArrayRef<char> raw = dense.getRawData();
  if (!dense.isSplat()) {
    if (raw.size() != bytes.size())
      return failure();
    llvm::copy(raw, bytes.begin());
  } else {
    for (size_t i = 0; i < bytes.size(); i += raw.size())
      std::memcpy(bytes.data() + i, raw.data(), raw.size());
  }
  normalizeBytes(*tensor);
  return *tensor;
}

ElementsAttr HostTensor::toAttribute() const {
  auto type = RankedTensorType::get(shape, elementType);
  unsigned width =
      elementType.isIndex() ? 64 : elementType.getIntOrFloatBitWidth();
  if (width % 8 == 0 || isa<FloatType>(elementType))
    return DenseElementsAttr::getFromRawBuffer(type, bytes);
  SmallVector<APInt> values;
  values.reserve(numElements);
  for (char byte : bytes)
    values.push_back(APInt(width, uint8_t(byte), /*isSigned=*/false,
                           /*implicitTrunc=*/true));
  return DenseElementsAttr::get(type, values);
}

//===----------------------------------------------------------------------===//
// Converting element access
//===----------------------------------------------------------------------===//

int64_t HostTensor::getInt(int64_t index) const {
  assert(index >= 0 && index < numElements && "index out of range");
  if (isa<FloatType>(elementType)) {
    double value = std::trunc(getFloat(index));
    if (!(value >= -0x1p63))
      return std::isnan(value) ? 0 : std::numeric_limits<int64_t>::min();
    return value >= 0x1p63 ? std::numeric_limits<int64_t>::max()
                           : int64_t(value);
  }
  bool isUnsigned = elementType.isUnsignedInteger() || elementType.isInteger(1);
  switch (storageBytes(elementType)) {
  case 1:
    return isUnsigned ? as<uint8_t>()[index] : as<int8_t>()[index];
  case 2:
    return isUnsigned ? as<uint16_t>()[index] : as<int16_t>()[index];
  case 4:
    return isUnsigned ? int64_t(as<uint32_t>()[index]) : as<int32_t>()[index];
  default:
    return as<int64_t>()[index];
  }
}

double HostTensor::getFloat(int64_t index) const {
  assert(index >= 0 && index < numElements && "index out of range");
  if (elementType.isF32())
    return as<float>()[index];
  if (elementType.isF64())
    return as<double>()[index];
  if (elementType.isF16())
    return widen(as<uint16_t>()[index], 5, 10);
  if (elementType.isBF16())
    return widen(as<uint16_t>()[index], 8, 7);
  if (elementType.isUnsignedInteger(64))
    return double(as<uint64_t>()[index]);
  assert(elementType.isIntOrIndex() && "no conversion for this float type");
  return double(getInt(index));
}

/// A double that rounds to 16-bit floats as the integer itself does: bits that
/// do not fit are remembered in the last one.
static double roundToOdd(uint64_t value) {
  int excess = std::max(0, int(std::bit_width(value)) - 53);
  uint64_t kept = value >> excess;
  bool dropped = (kept << excess) != value;
  return std::ldexp(double(kept | (dropped ? 1 : 0)), excess);
}

void HostTensor::setUnsigned(int64_t index, uint64_t value) {
  if (elementType.isF32())
    asMutable<float>()[index] = float(value);
  else if (elementType.isF64())
    asMutable<double>()[index] = double(value);
  else if (isa<FloatType>(elementType))
    setFloat(index, roundToOdd(value));
  else
    setInt(index, int64_t(value));
}

void HostTensor::setInt(int64_t index, int64_t value) {
  assert(index >= 0 && index < numElements && "index out of range");
  if (elementType.isF32()) {
    asMutable<float>()[index] = float(value);
    return;
  }
  if (isa<FloatType>(elementType)) {
    double odd = roundToOdd(uint64_t(value < 0 ? 0 - uint64_t(value) : value));
    setFloat(index, elementType.isF64() ? double(value)
                    : value < 0         ? -odd
                                        : odd);
    return;
  }
  unsigned width =
      elementType.isIndex() ? 64 : elementType.getIntOrFloatBitWidth();
  if (width == 1)
    value = value != 0;
  else if (width < 8)
    value = elementType.isUnsignedInteger()
                ? value & ((int64_t(1) << width) - 1)
                : llvm::SignExtend64(uint64_t(value), width);
  switch (storageBytes(elementType)) {
  case 1:
    asMutable<uint8_t>()[index] = uint8_t(value);
    return;
  case 2:
    asMutable<uint16_t>()[index] = uint16_t(value);
    return;
  case 4:
    asMutable<uint32_t>()[index] = uint32_t(value);
    return;
  default:
    asMutable<int64_t>()[index] = value;
  }
}

/// Truncates towards zero and saturates at the type's range; NaN becomes 0.
static int64_t toInteger(double value, unsigned width, bool isUnsigned) {
  if (std::isnan(value))
    return 0;
  double low = isUnsigned ? 0 : -std::ldexp(1.0, width - 1);
  double high = std::ldexp(1.0, isUnsigned ? width : width - 1);
  value = std::trunc(value);
  if (value <= low)
    return isUnsigned ? 0 : int64_t(low);
  if (value >= high)
    return isUnsigned ? int64_t(~uint64_t(0) >> (64 - width))
                      : int64_t((uint64_t(1) << (width - 1)) - 1);
  return isUnsigned ? int64_t(uint64_t(value)) : int64_t(value);
}

void HostTensor::setFloat(int64_t index, double value) {
  assert(index >= 0 && index < numElements && "index out of range");
  if (elementType.isF32()) {
    asMutable<float>()[index] = float(value);
  } else if (elementType.isF64()) {
    asMutable<double>()[index] = value;
  } else if (elementType.isF16()) {
    asMutable<uint16_t>()[index] = narrow(value, 5, 10);
  } else if (elementType.isBF16()) {
    asMutable<uint16_t>()[index] = narrow(value, 8, 7);
  } else if (elementType.isInteger(1)) {
    asMutable<uint8_t>()[index] = value != 0;
  } else {
    assert(elementType.isIntOrIndex() && "no conversion for this float type");
    unsigned width =
        elementType.isIndex() ? 64 : elementType.getIntOrFloatBitWidth();
    setInt(index, toInteger(value, width, elementType.isUnsignedInteger()));
  }
}

} // namespace quantc

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packing and unpacking of lines.  The packed side is written a line at a time;
// the code of every field is found from its column and k.

#include "quantc/Dialect/Fmt/PackLines.h"
#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <bit>

using namespace mlir;

namespace quantc::fmt {

static constexpr int64_t kColumns = 16;
static constexpr int64_t kLineDepth = 4;

unsigned getFieldBits(unsigned bits) { return std::bit_ceil(bits); }

/// Consecutive k of one column in a line.
static int64_t depthOf(unsigned bits) {
  return kLineDepth * (8 / getFieldBits(bits));
}

std::optional<SmallVector<int64_t>> getLineShape(unsigned bits, int64_t n,
                                                 int64_t k, int64_t group) {
  if (bits < 1 || bits > 8 || n < 0 || k < 0 || group < 1)
    return std::nullopt;
  int64_t depth = depthOf(bits);
  std::optional<int64_t> lines =
      llvm::checkedMulAdd<int64_t>(k / group, llvm::divideCeil(group, depth),
                                   llvm::divideCeil(k % group, depth));
  if (!lines)
    return std::nullopt;
  SmallVector<int64_t> shape = {int64_t(llvm::divideCeil(n, kColumns)), *lines,
                                kColumns, kLineDepth};
  std::optional<int64_t> bytes = llvm::checkedMul(shape[0], *lines);
  if (!bytes || !llvm::checkedMul(*bytes, kColumns * kLineDepth))
    return std::nullopt;
  return shape;
}

/// Calls `visit(row, k, byte, shift)` for every code of an [n, k] weight.
template <typename Visit>
static void forEachField(unsigned bits, int64_t n, int64_t k, int64_t group,
                         int64_t lines, Visit visit) {
  unsigned field = getFieldBits(bits);
  int64_t depth = depthOf(bits), perGroup = llvm::divideCeil(group, depth);
  for (int64_t row = 0; row < n; ++row)
    for (int64_t i = 0; i < k; ++i) {
      int64_t inGroup = i % group, inLine = inGroup % depth;
      int64_t line =
          row / kColumns * lines + i / group * perGroup + inGroup / depth;
      visit(row, i,
            (line * kColumns + row % kColumns) * kLineDepth +
                inLine % kLineDepth,
            unsigned(inLine / kLineDepth) * field);
    }
}

static bool isCodeType(Type type) {
  return type && (type.isSignlessInteger(8) || type.isUnsignedInteger(8));
}

/// What is added to a code to make its field.
static int32_t biasOf(Type codeType, unsigned bits) {
  return codeType.isUnsignedInteger() ? 0 : 1 << (bits - 1);
}

std::optional<HostTensor> packLines(const HostTensor &codes, unsigned bits,
                                    int64_t group) {
  Type type = codes.getElementType();
  if (!isCodeType(type) || codes.getRank() != 2 || bits < 1 || bits > 4)
    return std::nullopt;
  int64_t n = codes.getShape()[0], k = codes.getShape()[1];
  auto shape = getLineShape(bits, n, k, group);
  if (!shape)
    return std::nullopt;
  auto packed = HostTensor::allocate(
      IntegerType::get(type.getContext(), 8, IntegerType::Unsigned), *shape);
  if (!packed)
    return std::nullopt;
  int32_t bias = biasOf(type, bits), mask = (1 << bits) - 1;
  auto bytes = packed->asMutable<uint8_t>();
  uint8_t empty = 0;
  for (unsigned shift = 0; shift < 8; shift += getFieldBits(bits))
    empty |= uint8_t(bias << shift);
  std::fill(bytes.begin(), bytes.end(), empty);
  bool fits = true;
  forEachField(bits, n, k, group, (*shape)[1],
               [&](int64_t row, int64_t i, int64_t byte, unsigned shift) {
                 int32_t field = int32_t(codes.getInt(row * k + i)) + bias;
                 fits &= (field & ~mask) == 0;
                 // The field holds the bias until it is written.
                 bytes[byte] ^= uint8_t(((field & mask) ^ bias) << shift);
               });
  if (!fits)
    return std::nullopt;
  return packed;
}

std::optional<HostTensor> unpackLines(const HostTensor &packed, Type codeType,
                                      unsigned bits, int64_t n, int64_t k,
                                      int64_t group) {
  Type type = packed.getElementType();
  if (!isCodeType(codeType) || bits < 1 || bits > 4 || !type ||
      !type.isUnsignedInteger(8))
    return std::nullopt;
  auto shape = getLineShape(bits, n, k, group);
  if (!shape || packed.getShape() != ArrayRef(*shape))
    return std::nullopt;
  auto codes = HostTensor::allocate(codeType, {n, k});
  if (!codes)
    return std::nullopt;
  auto from = packed.as<uint8_t>();
  auto to = codes->asMutable<uint8_t>();
  int32_t bias = biasOf(codeType, bits), mask = (1 << bits) - 1;
  forEachField(bits, n, k, group, (*shape)[1],
               [&](int64_t row, int64_t i, int64_t byte, unsigned shift) {
                 to[row * k + i] = uint8_t((from[byte] >> shift & mask) - bias);
               });
  return codes;
}

} // namespace quantc::fmt

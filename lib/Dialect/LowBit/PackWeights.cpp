// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packing and unpacking of weights.  Both walk the packed side in order, one
// group of 16 columns at a time, in pieces of k short enough that the 16 rows
// they touch stay in the cache.

#include "quantc/Dialect/LowBit/PackWeights.h"
#include "quantc/Dialect/LowBit/LowBit.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>

using namespace mlir;

namespace quantc::lowbit {

/// Steps of k that are packed before the next column.
static constexpr int64_t kPiece = 256;

/// Calls `visit(row, k, position)` for every element of an [n, k] weight whose
/// lines hold `depth` consecutive k of each column.
template <typename Visit>
static void forEachElement(int64_t n, int64_t k, int64_t depth, Visit visit) {
  int64_t lines = llvm::divideCeil(k, depth);
  for (int64_t piece = 0; piece < k; piece += kPiece)
    for (int64_t row = 0; row < n; ++row) {
      int64_t group = row / kLineColumns, column = row % kLineColumns;
      int64_t end = std::min(k, piece + kPiece);
      for (int64_t i = piece; i < end; ++i) {
        int64_t line = group * lines + i / depth;
        visit(row, i, (line * kLineColumns + column) * depth + i % depth);
      }
    }
}

static SmallVector<int64_t> packedShape(Type element, int64_t n, int64_t k) {
  int64_t groups = llvm::divideCeil(n, kLineColumns);
  if (element.isF32())
    return {groups, k, kLineColumns};
  return {groups, int64_t(llvm::divideCeil(k, kLineDepth)), kLineColumns,
          kLineDepth};
}

static bool isSupported(Type element) {
  return element.isF32() || element.isInteger(8);
}

std::optional<HostTensor> packWeight(const HostTensor &weight) {
  Type element = weight.getElementType();
  if (weight.getRank() != 2 || !isSupported(element))
    return std::nullopt;
  int64_t n = weight.getShape()[0], k = weight.getShape()[1];
  std::optional<HostTensor> packed =
      HostTensor::allocate(element, packedShape(element, n, k));
  if (!packed)
    return std::nullopt;
  if (element.isF32()) {
    auto from = weight.as<float>();
    auto to = packed->asMutable<float>();
    forEachElement(n, k, 1, [&](int64_t row, int64_t i, int64_t position) {
      to[position] = from[row * k + i];
    });
    return packed;
  }
  auto from = weight.as<int8_t>();
  auto to = packed->asMutable<uint8_t>();
  std::fill(to.begin(), to.end(), uint8_t(128));
  forEachElement(n, k, kLineDepth,
                 [&](int64_t row, int64_t i, int64_t position) {
                   to[position] = uint8_t(from[row * k + i] + 128);
                 });
  return packed;
}

std::optional<HostTensor> unpackWeight(const HostTensor &packed, int64_t n,
                                       int64_t k) {
  Type element = packed.getElementType();
  if (!element || !isSupported(element) || n < 0 || k < 0 ||
      packed.getShape() != ArrayRef(packedShape(element, n, k)))
    return std::nullopt;
  std::optional<HostTensor> weight = HostTensor::allocate(element, {n, k});
  if (!weight)
    return std::nullopt;
  if (element.isF32()) {
    auto from = packed.as<float>();
    auto to = weight->asMutable<float>();
    forEachElement(n, k, 1, [&](int64_t row, int64_t i, int64_t position) {
      to[row * k + i] = from[position];
    });
    return weight;
  }
  auto from = packed.as<uint8_t>();
  auto to = weight->asMutable<int8_t>();
  forEachElement(n, k, kLineDepth,
                 [&](int64_t row, int64_t i, int64_t position) {
                   to[row * k + i] = int8_t(from[position] - 128);
                 });
  return weight;
}

std::optional<HostTensor> packPanels(const HostTensor &values) {
  Type element = values.getElementType();
  if (!element || values.getRank() < 1 || values.getRank() > 2)
    return std::nullopt;
  int64_t n = values.getShape()[0];
  int64_t groups = values.getRank() == 2 ? values.getShape()[1] : 1;
  auto packed =
      HostTensor::allocate(element, {int64_t(llvm::divideCeil(n, kLineColumns)),
                                     groups, kLineColumns});
  if (!packed)
    return std::nullopt;
  int64_t size = HostTensor::storageBytes(element);
  const char *from = values.getBytes().data();
  char *to = packed->getMutableBytes().data();
  for (int64_t row = 0; row < n; ++row)
    for (int64_t g = 0; g < groups; ++g) {
      int64_t position =
          (row / kLineColumns * groups + g) * kLineColumns + row % kLineColumns;
      std::copy_n(from + (row * groups + g) * size, size, to + position * size);
    }
  return packed;
}

} // namespace quantc::lowbit

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

LineUnit getLineUnit(unsigned bits, bool isTernary) {
  if (isTernary)
    return {1, {6, 6, 6, 6, 6}};
  if (bits == 3)
    return {3, {0, 3, 0, 3, 0, 3, 5, 5}};
  LineUnit unit{1, {}};
  for (unsigned shift = 0; shift < 8; shift += std::bit_ceil(bits))
    unit.shifts.push_back(shift);
  return unit;
}

namespace {
/// Bits of a code that lie together: `mask` << `shift` in a byte of a line.
struct Piece {
  int64_t line;
  unsigned shift, codeShift, mask;
};
} // namespace

/// Where the bits of field `i` of a unit are.
static SmallVector<Piece, 2> getPieces(unsigned bits, int64_t i) {
  unsigned mask = (1u << bits) - 1;
  if (bits != 3)
    return {{0, unsigned(i) * std::bit_ceil(bits), 0, mask}};
  if (i < 6)
    return {{i / 2, unsigned(i % 2) * 3, 0, mask}};
  return {{i - 6, 6, 1, 3}, {2, unsigned(i), 0, 1}};
}

std::optional<SmallVector<int64_t>> getLineShape(unsigned bits, int64_t n,
                                                 int64_t k, int64_t group,
                                                 bool isTernary) {
  if (bits < 1 || bits > 8 || n < 0 || k < 0 || group < 1)
    return std::nullopt;
  LineUnit unit = getLineUnit(bits, isTernary);
  int64_t depth = unit.getDepth();
  std::optional<int64_t> lines =
      llvm::checkedMulAdd<int64_t>(k / group, llvm::divideCeil(group, depth),
                                   llvm::divideCeil(k % group, depth));
  if (lines)
    lines = llvm::checkedMul(*lines, unit.lines);
  if (!lines)
    return std::nullopt;
  SmallVector<int64_t> shape = {int64_t(llvm::divideCeil(n, kColumns)), *lines,
                                kColumns, kLineDepth};
  std::optional<int64_t> bytes = llvm::checkedMul(shape[0], *lines);
  if (!bytes || !llvm::checkedMul(*bytes, kColumns * kLineDepth))
    return std::nullopt;
  return shape;
}

/// Calls `visit(row, k, byte, piece)` for every piece of an [n, k] weight's
/// codes.
template <typename Visit>
static void forEachPiece(unsigned bits, int64_t n, int64_t k, int64_t group,
                         int64_t lines, Visit visit) {
  LineUnit unit = getLineUnit(bits);
  int64_t depth = unit.getDepth();
  int64_t perGroup = llvm::divideCeil(group, depth) * unit.lines;
  SmallVector<SmallVector<Piece, 2>> fields;
  for (size_t i = 0; i < unit.shifts.size(); ++i)
    fields.push_back(getPieces(bits, i));
  for (int64_t row = 0; row < n; ++row)
    for (int64_t i = 0; i < k; ++i) {
      int64_t inGroup = i % group, inUnit = inGroup % depth;
      int64_t line = row / kColumns * lines + i / group * perGroup +
                     inGroup / depth * unit.lines;
      for (const Piece &piece : fields[inUnit / kLineDepth])
        visit(row, i,
              ((line + piece.line) * kColumns + row % kColumns) * kLineDepth +
                  inUnit % kLineDepth,
              piece);
    }
}

//===----------------------------------------------------------------------===//
// Ternary
//===----------------------------------------------------------------------===//

static constexpr int64_t kTernaryFields = 5;

/// Calls `visit(byte, begin, count)` for every byte of the lines of an [n, k]
/// weight: its fields hold `count` codes from `begin` on, kLineDepth apart;
/// none for missing columns and k.
template <typename Visit>
static void forEachTernaryByte(int64_t n, int64_t k, int64_t group,
                               ArrayRef<int64_t> shape, Visit visit) {
  constexpr int64_t depth = kTernaryFields * kLineDepth;
  int64_t lines = shape[1], perGroup = llvm::divideCeil(group, depth), byte = 0;
  for (int64_t panel = 0; panel < shape[0]; ++panel)
    for (int64_t line = 0; line < lines; ++line)
      for (int64_t column = 0; column < kColumns; ++column)
        for (int64_t j = 0; j < kLineDepth; ++j, ++byte) {
          int64_t row = panel * kColumns + column;
          int64_t start = line / perGroup * group;
          int64_t first = start + line % perGroup * depth + j;
          int64_t end = std::min(k, start + group);
          int64_t count =
              row < n && first < end
                  ? std::min<int64_t>(kTernaryFields,
                                      llvm::divideCeil(end - first, kLineDepth))
                  : 0;
          visit(byte, row * k + first, count);
        }
}

static std::optional<HostTensor> packTernary(const HostTensor &codes,
                                             HostTensor packed, int64_t group) {
  auto bytes = packed.asMutable<uint8_t>();
  bool fits = true;
  forEachTernaryByte(
      codes.getShape()[0], codes.getShape()[1], group, packed.getShape(),
      [&](int64_t byte, int64_t begin, int64_t count) {
        int32_t x = 0;
        for (int64_t i = 0; i < kTernaryFields; ++i) {
          int64_t code =
              i < count ? codes.getInt(begin + i * kLineDepth) : int64_t(0);
          fits &= code >= -1 && code <= 1;
          x = 3 * x + int32_t(code) + 1;
        }
        bytes[byte] = uint8_t((256 * x + 255) / 243);
      });
  if (!fits)
    return std::nullopt;
  return packed;
}

static void unpackTernary(ArrayRef<uint8_t> bytes, ArrayRef<int64_t> shape,
                          int64_t group, HostTensor &codes) {
  auto to = codes.asMutable<int8_t>();
  forEachTernaryByte(codes.getShape()[0], codes.getShape()[1], group, shape,
                     [&](int64_t byte, int64_t begin, int64_t count) {
                       uint8_t y = bytes[byte];
                       for (int64_t i = 0; i < count; ++i, y = uint8_t(3 * y))
                         to[begin + i * kLineDepth] = int8_t((3 * y >> 8) - 1);
                     });
}

//===----------------------------------------------------------------------===//
// All widths
//===----------------------------------------------------------------------===//

static bool isCodeType(Type type) {
  return type && (type.isSignlessInteger(8) || type.isUnsignedInteger(8));
}

/// What is added to a code to make its field.
static int32_t biasOf(Type codeType, unsigned bits) {
  return codeType.isUnsignedInteger() ? 0 : 1 << (bits - 1);
}

std::optional<HostTensor> packLines(const HostTensor &codes, unsigned bits,
                                    int64_t group, bool isTernary) {
  Type type = codes.getElementType();
  if (!isCodeType(type) || codes.getRank() != 2)
    return std::nullopt;
  int64_t n = codes.getShape()[0], k = codes.getShape()[1];
  auto shape = getLineShape(bits, n, k, group, isTernary);
  if (!shape)
    return std::nullopt;
  auto packed = HostTensor::allocate(
      IntegerType::get(type.getContext(), 8, IntegerType::Unsigned), *shape);
  if (!packed)
    return std::nullopt;
  if (isTernary)
    return packTernary(codes, *packed, group);
  int32_t bias = biasOf(type, bits), mask = (1 << bits) - 1;
  auto bytes = packed->asMutable<uint8_t>();
  // Missing codes are zeros: fields hold the bias until they are written.
  LineUnit unit = getLineUnit(bits);
  SmallVector<uint8_t> empty(unit.lines, 0);
  for (size_t i = 0; i < unit.shifts.size(); ++i)
    for (const Piece &piece : getPieces(bits, i))
      empty[piece.line] |= uint8_t(
          (unsigned(bias) >> piece.codeShift & piece.mask) << piece.shift);
  constexpr int64_t lineBytes = kColumns * kLineDepth;
  for (int64_t begin = 0; begin < int64_t(bytes.size()); begin += lineBytes)
    std::fill_n(bytes.begin() + begin, lineBytes,
                empty[begin / lineBytes % unit.lines]);
  bool fits = true;
  forEachPiece(bits, n, k, group, (*shape)[1],
               [&](int64_t row, int64_t i, int64_t byte, const Piece &piece) {
                 int32_t field = int32_t(codes.getInt(row * k + i)) + bias;
                 fits &= (field & ~mask) == 0;
                 unsigned change = unsigned((field & mask) ^ bias);
                 bytes[byte] ^= uint8_t((change >> piece.codeShift & piece.mask)
                                        << piece.shift);
               });
  if (!fits)
    return std::nullopt;
  return packed;
}

std::optional<HostTensor> unpackLines(const HostTensor &packed, Type codeType,
                                      unsigned bits, int64_t n, int64_t k,
                                      int64_t group, bool isTernary) {
  Type type = packed.getElementType();
  if (!isCodeType(codeType) || !type || !type.isUnsignedInteger(8))
    return std::nullopt;
  auto shape = getLineShape(bits, n, k, group, isTernary);
  if (!shape || packed.getShape() != ArrayRef(*shape))
    return std::nullopt;
  auto codes = HostTensor::allocate(codeType, {n, k});
  if (!codes)
    return std::nullopt;
  auto from = packed.as<uint8_t>();
  if (isTernary) {
    unpackTernary(from, *shape, group, *codes);
    return codes;
  }
  auto to = codes->asMutable<uint8_t>();
  int32_t bias = biasOf(codeType, bits);
  forEachPiece(bits, n, k, group, (*shape)[1],
               [&](int64_t row, int64_t i, int64_t byte, const Piece &piece) {
                 to[row * k + i] |=
                     uint8_t((from[byte] >> piece.shift & piece.mask)
                             << piece.codeShift);
               });
  for (uint8_t &code : to)
    code = uint8_t(code - bias);
  return codes;
}

} // namespace quantc::fmt

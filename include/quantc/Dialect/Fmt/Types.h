// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What number formats are asked in terms of: payload arrays, scales, codes.

#ifndef QUANTC_DIALECT_FMT_TYPES_H
#define QUANTC_DIALECT_FMT_TYPES_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpImplementation.h"
#include "quantc/Support/HostTensor.h"

namespace quantc::fmt {

using EmitError = llvm::function_ref<mlir::InFlightDiagnostic()>;

/// In a block's extents: all of the axis, whatever its length.
inline constexpr int64_t kWholeAxis = 0;

/// One array of a payload.
struct PayloadArray {
  llvm::StringRef name;
  mlir::Type elementType;
  llvm::SmallVector<int64_t> shape;
};

/// A tensor of `shape` in some format: the arrays of the format's payload, in
/// its order.
struct EncodedTensor {
  llvm::SmallVector<int64_t> shape;
  llvm::SmallVector<HostTensor> arrays;
};

/// What the codes of one block are scaled and shifted by, as stored.  Integer
/// offsets are whole numbers; formats without offsets have 0.
struct BlockScale {
  float scale = 1, offset = 0;

  bool operator==(const BlockScale &) const = default;
};

/// value = (code - offset) * scale, the offset zero or one integer per scale.
struct UniformFormat {
  int32_t minCode, maxCode;
  mlir::Type codeType, scaleType;
  bool hasOffset;
  /// Extents of the elements that share a scale, one per axis of the shape.
  llvm::SmallVector<int64_t> block;
};

} // namespace quantc::fmt

#include "quantc/Dialect/Fmt/FmtEnums.h.inc"

namespace quantc::fmt {

/// What the codes of a format are, and how they lie in packed lines.
struct CodeScheme {
  /// i8 or ui8.
  mlir::Type type;
  int32_t min, max;
  /// The width of a code's field in a line (PackLines.h).
  unsigned bits;
  /// -1, 0 and 1, five to a byte.
  bool isTernary = false;
  /// Bits of the exponent if codes are small floats, the sign on top.
  unsigned exponentBits = 0;
  /// What codes stand for if neither for themselves nor for small floats.
  llvm::ArrayRef<float> values = {};
  /// Whether lines begin with the elements that share a scale.
  bool areGrouped = true;

  /// Whether codes stand for themselves.
  bool areIntegers() const { return !exponentBits && values.empty(); }
};

/// How the code of a small float, its sign on top, becomes an f32: shifted left
/// to the top of 32 bits, then right with copies of the sign, masked, read as
/// f32 and multiplied by a power of two.
struct SmallFloatBits {
  SmallFloatBits(unsigned width, unsigned exponentBits)
      : left(32 - width), right(8 - exponentBits),
        mask(int32_t(0x80000000u | ((1u << (width - 1)) - 1)
                                       << (24 + exponentBits - width))),
        factor(float(uint64_t(1) << (63 - (1 << (exponentBits - 1)))) *
               0x1p+65f) {}

  unsigned left, right;
  int32_t mask;
  float factor;
};

/// A matrix of codes in packed lines, with one scale, and offset if there are
/// any, for `group` consecutive elements of a row.
struct BlockFormat {
  unsigned bits;
  int64_t group;
  OffsetKind offset;
  bool isTernary;
  unsigned exponentBits;
  llvm::ArrayRef<float> values = {};

  bool areIntegers() const { return !exponentBits && values.empty(); }
};

} // namespace quantc::fmt

#endif // QUANTC_DIALECT_FMT_TYPES_H

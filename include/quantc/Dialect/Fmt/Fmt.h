// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The fmt dialect: number formats and what can be asked of them.
//
// In: an attribute that names a scheme, and values.  Out: payload arrays, the
// values they stand for, and the planes that kernels compute on.  Never here:
// operations, targets, other dialects.

#ifndef QUANTC_DIALECT_FMT_FMT_H
#define QUANTC_DIALECT_FMT_FMT_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpImplementation.h"
#include "quantc/Dialect/Fmt/Planes.h"
#include "quantc/Support/HostTensor.h"
#include <optional>

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

#include "quantc/Dialect/Fmt/FmtDialect.h.inc"
#include "quantc/Dialect/Fmt/FmtEnums.h.inc"

namespace quantc::fmt {

/// A matrix of integer codes in packed lines, with one scale, and offset if
/// there are any, for `group` consecutive elements of a row.
struct BlockFormat {
  unsigned bits;
  int64_t group;
  OffsetKind offset;
};

} // namespace quantc::fmt

#include "quantc/Dialect/Fmt/FmtInterfaces.h.inc"

#define GET_ATTRDEF_CLASSES
#include "quantc/Dialect/Fmt/FmtAttributes.h.inc"

#endif // QUANTC_DIALECT_FMT_FMT_H

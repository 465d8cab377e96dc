// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conversions of floats of at most a byte in scalar programs (numerics §2.6).

#ifndef QUANTC_LIB_FRONTEND_ONNX_SMALLFLOAT_H
#define QUANTC_LIB_FRONTEND_ONNX_SMALLFLOAT_H

#include "Program.h"

namespace quantc::onnx_frontend {

/// How powers of two (float8e8m0) round; of all others, RNE.
enum class PowerRounding { up, down, nearest };

/// What becomes of a value that a small float cannot hold.
struct SmallFloatCast {
  /// Too large becomes the largest, not infinity or NaN.
  bool saturates = true;
  PowerRounding rounding = PowerRounding::up;
};

/// The value of a code, as f32.
mlir::Value decodeSmallFloat(Program &p, mlir::Value code, mlir::Type type);
/// The code of an f32 or f64 value, rounded once.
mlir::Value encodeSmallFloat(Program &p, mlir::Value value, mlir::Type type,
                             const SmallFloatCast &how);

} // namespace quantc::onnx_frontend

#endif // QUANTC_LIB_FRONTEND_ONNX_SMALLFLOAT_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conversions of float8 in scalar programs (numerics §2.6).

#ifndef QUANTC_LIB_FRONTEND_ONNX_FLOAT8_H
#define QUANTC_LIB_FRONTEND_ONNX_FLOAT8_H

#include "Program.h"

namespace quantc::onnx_frontend {

/// The value of a code, as f32.
mlir::Value decodeFloat8(Program &p, mlir::Value code, mlir::Type type);
/// The code nearest to an f32 value, ties to even; what is too large becomes
/// the largest with `saturate`, else infinity or NaN.
mlir::Value encodeFloat8(Program &p, mlir::Value value, mlir::Type type,
                         bool saturate);

} // namespace quantc::onnx_frontend

#endif // QUANTC_LIB_FRONTEND_ONNX_FLOAT8_H

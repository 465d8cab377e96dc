// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Codes of quantized sources as qnn operations: conversions with scales and
// zero points as ONNX gives them, and constants in block formats.

#ifndef QUANTC_LIB_FRONTEND_ONNX_CODES_H
#define QUANTC_LIB_FRONTEND_ONNX_CODES_H

#include "Importer.h"

namespace quantc::onnx_frontend {

/// A scale and perhaps a zero point, one for all elements or one per index of
/// `axis`.  A null zero point is 0; null operands give null.
mlir::Value toCodes(NodeImport &n, mlir::Value x, mlir::Value scale,
                    mlir::Value zero, mlir::Type type, int64_t axis);
/// Of the scale's element type.
mlir::Value fromCodes(NodeImport &n, mlir::Value codes, mlir::Value scale,
                      mlir::Value zero, int64_t axis);

/// Codes with a scale, and perhaps a zero point, for `block` consecutive
/// elements of an axis.
struct BlockCodes {
  mlir::Value codes, scale, zero;
  int64_t axis, block;
  /// Of each code, at most 8; 0 for the width of the element type.  Codes of
  /// fewer bits are unsigned bytes.
  unsigned bits = 0;
};

/// The values (f32) of a constant, kept in a block format; null without an
/// error if it is none or there is no such format.
mlir::Value fromBlocks(NodeImport &n, BlockCodes blocks);

/// codes + by (or scalar zero points + by) in another integer type.
mlir::Value shiftCodes(NodeImport &n, mlir::Value codes, int64_t by,
                       mlir::Type type);

} // namespace quantc::onnx_frontend

#endif // QUANTC_LIB_FRONTEND_ONNX_CODES_H

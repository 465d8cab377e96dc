// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The order of elements that TopK and its kin agree on: NaN comes before every
// number and equals every NaN, -0 equals +0.

#ifndef QUANTC_LIB_FRONTEND_ONNX_SORT_H
#define QUANTC_LIB_FRONTEND_ONNX_SORT_H

#include "Program.h"

namespace quantc::onnx_frontend {

/// Is `a` before `b` in the order that puts the extreme first?
mlir::Value isBefore(Program &p, mlir::Value a, mlir::Value b, mlir::Type type,
                     bool largest);

/// The positions along `axis` of the `count` first elements, in their order;
/// equal ones by ascending position.  Of type i64, null after an error.
mlir::Value firstPositions(NodeImport &n, mlir::Value x, int64_t axis,
                           mlir::AffineExpr count, bool largest);

} // namespace quantc::onnx_frontend

#endif // QUANTC_LIB_FRONTEND_ONNX_SORT_H

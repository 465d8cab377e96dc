// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Axes that only the run knows.  Their number is known, so the result's rank
// is; its sizes are computed by a small program and bound (DataShapes.cpp).

#ifndef QUANTC_LIB_FRONTEND_ONNX_AXES_H
#define QUANTC_LIB_FRONTEND_ONNX_AXES_H

#include "Importer.h"

namespace quantc::onnx_frontend {

/// How many axes input `index` has when only the run knows them; 0 when they
/// are constant, absent, none, or an attribute (before `sinceOpset`).
mlir::FailureOr<int64_t> countRunTimeAxes(NodeImport &n, size_t index,
                                          int64_t sinceOpset);

/// `dims` without the axes, which have to be 1 if `areOnes`.
mlir::FailureOr<SymbolicShape>
removeRunTimeAxes(NodeImport &n, size_t index,
                  llvm::ArrayRef<mlir::AffineExpr> dims, bool areOnes);

/// `dims` with 1 at each of the axes, which are those of the result.
mlir::FailureOr<SymbolicShape>
insertRunTimeAxes(NodeImport &n, size_t index,
                  llvm::ArrayRef<mlir::AffineExpr> dims);

/// A view of a tensor with its axes last: [k0, k1, .., a0, a1, ..] of twice the
/// rank, where dimension i is at k if it is none of the axes and at a if it is
/// one, and 1 at the other place.
mlir::Value moveRunTimeAxes(NodeImport &n, size_t index, mlir::Value value);

} // namespace quantc::onnx_frontend

#endif // QUANTC_LIB_FRONTEND_ONNX_AXES_H

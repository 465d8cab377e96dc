// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bounds of the index values in a scalar program, as expressions of the
// function's symbols.  A read whose index is known to be inside of the tensor
// needs no clamp, and only such reads are vector loads later.

#ifndef QUANTC_LIB_CONVERSION_QNNTOLINALG_INDEXRANGES_H
#define QUANTC_LIB_CONVERSION_QNNTOLINALG_INDEXRANGES_H

#include "quantc/Dialect/QNN/Compute.h"

namespace quantc::qnntolinalg {

class IndexRanges {
public:
  explicit IndexRanges(qnn::ComputeOp op);

  /// Whether `index` is in [0, extent) whenever it is evaluated.
  bool isInside(mlir::Value index, mlir::AffineExpr extent);

private:
  /// Both inclusive; null where unknown.
  struct Range {
    mlir::AffineExpr low, high;
  };

  Range rangeOf(mlir::Value value);
  Range compute(mlir::Value value);
  Range product(Range a, Range b);
  Range quotient(Range a, Range b);
  Range remainder(Range a, Range b);
  mlir::AffineExpr smaller(mlir::AffineExpr a, mlir::AffineExpr b);
  mlir::AffineExpr larger(mlir::AffineExpr a, mlir::AffineExpr b);

  qnn::ComputeOp op;
  llvm::DenseMap<mlir::Value, Range> known;
};

} // namespace quantc::qnntolinalg

#endif // QUANTC_LIB_CONVERSION_QNNTOLINALG_INDEXRANGES_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Row computations that attention and quantization build on.

#ifndef QUANTC_LIB_CONVERSION_QNNTOLINALG_ROWS_H
#define QUANTC_LIB_CONVERSION_QNNTOLINALG_ROWS_H

#include "Scalars.h"

namespace quantc::qnntolinalg {

mlir::TypedAttr negativeInfinity(mlir::Type element);

/// The maximum of value(x) over each row that ignores NaN (§2.2 mx), from
/// `start`.
Tensor rowMx(Lowering &lowering, mlir::Location loc, const Tensor &input,
             mlir::TypedAttr start,
             llvm::function_ref<mlir::Value(ScalarBuilder &, mlir::Value)>
                 value = nullptr);

/// Softmax along the last dimension (§4.5); with `emptyRowIsZero` a row of only
/// -Inf gives zeros (§7.2).
Tensor softmaxRows(Lowering &lowering, mlir::Location loc, const Tensor &rows,
                   mlir::Type element, bool emptyRowIsZero);

/// Dynamic symmetric int8 quantization of each row (§6.1).
struct QuantizedRows {
  Tensor codes;  ///< i8, the shape of the input
  Tensor scales; ///< f32 per row
  Tensor sums;   ///< i32 per row: the sum of the codes
};
QuantizedRows quantizeRows(Lowering &lowering, mlir::Location loc,
                           const Tensor &input);

/// Static int8 quantization (§6.2) by a scale and a zero point of rank 0; the
/// scales of the result are not set.
QuantizedRows quantizeStatic(Lowering &lowering, mlir::Location loc,
                             const Tensor &input, const Tensor &scale,
                             const Tensor &zeroPoint, int64_t low);

/// The sums of every `group` consecutive codes of a row, the last of which may
/// be fewer: i32 [..., groups].
Tensor sumGroups(Lowering &lowering, mlir::Location loc, const Tensor &codes,
                 int64_t group);

/// Where element [row, k] of a matrix of `element` (f32 or i8) lies in its
/// packed order (Dialect/LowBit/PackWeights.h).
llvm::SmallVector<mlir::Value> packedPosition(mlir::OpBuilder &builder,
                                              mlir::Location loc,
                                              mlir::Value row, mlir::Value k,
                                              mlir::Type element);

} // namespace quantc::qnntolinalg

#endif // QUANTC_LIB_CONVERSION_QNNTOLINALG_ROWS_H

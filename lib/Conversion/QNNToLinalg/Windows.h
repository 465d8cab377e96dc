// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The geometry of pooling windows (loops are the dimensions of the result, then
// one per window axis), and convolutions.

#ifndef QUANTC_LIB_CONVERSION_QNNTOLINALG_WINDOWS_H
#define QUANTC_LIB_CONVERSION_QNNTOLINALG_WINDOWS_H

#include "Lowering.h"

namespace quantc::qnntolinalg {

struct Window {
  llvm::ArrayRef<int64_t> extents, strides, dilations, low, high;
  bool channelsLast;

  unsigned firstSpatial() const { return channelsLast ? 1 : 2; }
  unsigned rank() const { return extents.size(); }

  /// Per-dimension pads of the whole tensor.
  llvm::SmallVector<int64_t> padsOf(llvm::ArrayRef<int64_t> pads) const {
    llvm::SmallVector<int64_t> all(rank() + 2, 0);
    for (auto [i, pad] : llvm::enumerate(pads))
      all[firstSpatial() + i] = pad;
    return all;
  }

  /// Input position of output position (d0 …) and tap (d_rank …).
  mlir::AffineMap inputMap(mlir::MLIRContext *context) const {
    unsigned outer = rank() + 2;
    llvm::SmallVector<mlir::AffineExpr> results;
    for (unsigned i = 0; i < outer; ++i)
      results.push_back(mlir::getAffineDimExpr(i, context));
    for (unsigned i = 0; i < rank(); ++i) {
      mlir::AffineExpr &position = results[firstSpatial() + i];
      position = position * strides[i] +
                 mlir::getAffineDimExpr(outer + i, context) * dilations[i];
    }
    return mlir::AffineMap::get(outer + rank(), 0, results, context);
  }

  mlir::AffineMap outputMap(mlir::MLIRContext *context) const {
    return mlir::AffineMap::getMultiDimIdentityMap(rank() + 2 + rank(), context)
        .getMajorSubMap(rank() + 2);
  }

  mlir::AffineMap tapMap(mlir::MLIRContext *context) const {
    return mlir::AffineMap::getMultiDimIdentityMap(rank() + 2 + rank(), context)
        .getMinorSubMap(rank());
  }

  llvm::SmallVector<mlir::utils::IteratorType> iterators() const {
    llvm::SmallVector<mlir::utils::IteratorType> all(
        rank() + 2, mlir::utils::IteratorType::parallel);
    all.append(rank(), mlir::utils::IteratorType::reduction);
    return all;
  }
};

mlir::LogicalResult lowerConvolution(Lowering &lowering, qnn::ConvOp op);
mlir::LogicalResult lowerConvolution(Lowering &lowering,
                                     qnn::QuantizedConvOp op);

} // namespace quantc::qnntolinalg

#endif // QUANTC_LIB_CONVERSION_QNNTOLINALG_WINDOWS_H

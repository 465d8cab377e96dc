// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Applies transforms: into the constants at the edge of a region, as lazy
// expressions, or as operations on single values.  Records them
// (Transforms.h).

#ifndef QUANTC_LIB_REWRITES_TRANSFORMWRITER_H
#define QUANTC_LIB_REWRITES_TRANSFORMWRITER_H

#include "quantc/Rewrites/Regions.h"

namespace quantc {

class TransformWriter {
public:
  TransformWriter(mlir::func::FuncOp func, qnn::ShapeAnalysis &shapes)
      : func(func), shapes(shapes), builder(func.getContext()) {}

  /// Every member becomes member * factors, by channels of the region.
  void foldScale(const ChannelRegion &region, llvm::ArrayRef<float> factors);
  /// Every member becomes member * H, H of order `block` for each block.
  void foldHadamard(const ChannelRegion &region, int64_t block);

  /// value * factors along the last axis, right behind the value.
  mlir::Value scaleValue(mlir::Value value, llvm::ArrayRef<float> factors);
  /// value * H (or its inverse) in blocks of the last axis, right behind it.
  mlir::Value rotateValue(mlir::Value value, int64_t block,
                          bool transposed = false);

  /// One constant operand times factors along an axis.
  void scaleConstant(mlir::OpOperand &constant, int64_t axis,
                     llvm::ArrayRef<float> factors);
  /// One constant operand times H along an axis.
  void rotateConstant(mlir::OpOperand &constant, int64_t axis, int64_t block);

  /// `qnn.constant` of a float vector, as [n] or, for an axis that is not the
  /// last, [n, 1, …].
  mlir::Value vector(llvm::ArrayRef<float> values, int64_t trailing = 0);

private:
  void record(const ChannelSpace &member, mlir::NamedAttribute transform);

  mlir::func::FuncOp func;
  qnn::ShapeAnalysis &shapes;
  mlir::OpBuilder builder;
};

/// The reciprocals, rounded once.
llvm::SmallVector<float> reciprocals(llvm::ArrayRef<float> factors);

/// max |w| over everything but one axis.
llvm::SmallVector<float> absMaxAlong(const HostTensor &tensor, int64_t axis);

/// True if a look-up reads the constant that `weight` is made of, so a
/// transform of the weight alone would have it stored twice.
bool isTied(mlir::Value weight);

} // namespace quantc

#endif // QUANTC_LIB_REWRITES_TRANSFORMWRITER_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Formats with one code for each element and one scale, and offset if there are
// any, for each block of a grid.  They differ in what codes are; shapes, the
// walk over a tensor, storage, slices, reshapes and transposes are the same for
// all of them and are here.

#ifndef QUANTC_DIALECT_FMT_GRID_H
#define QUANTC_DIALECT_FMT_GRID_H

#include "quantc/Dialect/Fmt/Types.h"
#include <optional>

namespace quantc::fmt {

class FormatInterface;

/// Which elements share a scale, and the type that scales are stored in.
struct Grid {
  Granularity granularity = Granularity::Tensor;
  /// For Granularity::Axis, else 0.
  int64_t axis = 0;
  /// For Granularity::Block, one extent for each axis.
  llvm::SmallVector<int64_t> block;
  mlir::Type scaleType;

  /// FormatInterface::getBlockExtents.
  llvm::SmallVector<int64_t> getBlockExtents(int64_t rank) const;
};

/// What formats on a grid answer to the methods of FormatInterface.
namespace grid {

llvm::LogicalResult verifyShape(FormatInterface format, EmitError emitError,
                                llvm::ArrayRef<int64_t> shape);
llvm::SmallVector<PayloadArray> payload(FormatInterface format,
                                        llvm::ArrayRef<int64_t> shape);
std::optional<int64_t> storedBits(FormatInterface format,
                                  llvm::ArrayRef<int64_t> shape);
llvm::FailureOr<EncodedTensor> encode(FormatInterface format,
                                      EmitError emitError,
                                      const HostTensor &values,
                                      llvm::StringRef name);
llvm::FailureOr<HostTensor> decode(FormatInterface format, EmitError emitError,
                                   const EncodedTensor &encoded);
llvm::LogicalResult project(FormatInterface format,
                            llvm::MutableArrayRef<float> block);
/// For formats without offsets.
BlockScale storeScale(FormatInterface format, BlockScale wanted);
FormatInterface slice(FormatInterface format, llvm::ArrayRef<int64_t> shape,
                      int64_t axis, int64_t begin, int64_t size);
FormatInterface reshape(FormatInterface format, llvm::ArrayRef<int64_t> from,
                        llvm::ArrayRef<int64_t> to);
FormatInterface transpose(FormatInterface format,
                          llvm::ArrayRef<int64_t> permutation);
/// The extents of blocks as asUniform has them: no kWholeAxis.
llvm::SmallVector<int64_t> getUniformBlock(FormatInterface format,
                                           llvm::ArrayRef<int64_t> shape);
std::optional<BlockFormat> asBlocks(FormatInterface format,
                                    llvm::ArrayRef<int64_t> shape);

} // namespace grid
} // namespace quantc::fmt

#endif // QUANTC_DIALECT_FMT_GRID_H

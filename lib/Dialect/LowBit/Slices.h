// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Extents and slices of operands that are tensors or memrefs, and what follows
// for every operation from its one destination (LowBit_DestinationOp).

#ifndef QUANTC_LIB_DIALECT_LOWBIT_SLICES_H
#define QUANTC_LIB_DIALECT_LOWBIT_SLICES_H

#include "quantc/Dialect/LowBit/LowBit.h"

namespace quantc::lowbit {

/// Offsets and sizes of the slice of one operand.
struct Slice {
  llvm::SmallVector<mlir::OpFoldResult> offsets, sizes;

  Slice() = default;
  Slice(llvm::ArrayRef<mlir::OpFoldResult> offsets,
        llvm::ArrayRef<mlir::OpFoldResult> sizes)
      : offsets(offsets), sizes(sizes) {}
  void add(mlir::OpFoldResult offset, mlir::OpFoldResult size) {
    offsets.push_back(offset);
    sizes.push_back(size);
  }
};

mlir::OpFoldResult getExtent(mlir::OpBuilder &b, mlir::Location loc,
                             mlir::Value value, int64_t dim);
mlir::Value takeSlice(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value,
                      const Slice &slice);

/// `value` cut to a range of its last dimension.
mlir::Value takeChannels(mlir::OpBuilder &b, mlir::Location loc,
                         mlir::Value value, mlir::OpFoldResult offset,
                         mlir::OpFoldResult size);

/// The panels of 16 columns that `size` columns from `offset` lie in.
void addPanels(mlir::OpBuilder &b, mlir::Location loc, Slice &slice,
               mlir::OpFoldResult offset, mlir::OpFoldResult size);

/// Fails unless all operands with a shape are tensors and there is one result,
/// or all are memrefs and there is none.
mlir::LogicalResult
verifyDestinationStyle(mlir::DestinationStyleOpInterface op);

/// Memrefs are read, the destination only if `readsDestination`, and it is
/// written.
void getDestinationEffects(
    mlir::DestinationStyleOpInterface op, bool readsDestination,
    llvm::SmallVectorImpl<
        mlir::SideEffects::EffectInstance<mlir::MemoryEffects::Effect>>
        &effects);

/// One loop per dimension of the destination.
llvm::SmallVector<mlir::Range>
getDestinationDomain(mlir::OpBuilder &b, mlir::DestinationStyleOpInterface op);

mlir::LogicalResult reifyDestination(mlir::OpBuilder &b,
                                     mlir::DestinationStyleOpInterface op,
                                     mlir::ReifiedRankedShapedTypeDims &shapes);

} // namespace quantc::lowbit

#endif // QUANTC_LIB_DIALECT_LOWBIT_SLICES_H

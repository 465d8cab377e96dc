// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Extents and slices of operands that are tensors or memrefs.

#ifndef QUANTC_LIB_DIALECT_LOWBIT_SLICES_H
#define QUANTC_LIB_DIALECT_LOWBIT_SLICES_H

#include "quantc/Dialect/LowBit/LowBit.h"

namespace quantc::lowbit {

/// Offsets and sizes of the slice of one operand.
struct Slice {
  llvm::SmallVector<mlir::OpFoldResult> offsets, sizes;
  void add(mlir::OpFoldResult offset, mlir::OpFoldResult size) {
    offsets.push_back(offset);
    sizes.push_back(size);
  }
};

mlir::OpFoldResult getExtent(mlir::OpBuilder &b, mlir::Location loc,
                             mlir::Value value, int64_t dim);
mlir::Value takeSlice(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value,
                      const Slice &slice);

/// The panels of 16 columns that `size` columns from `offset` lie in.
void addPanels(mlir::OpBuilder &b, mlir::Location loc, Slice &slice,
               mlir::OpFoldResult offset, mlir::OpFoldResult size);

} // namespace quantc::lowbit

#endif // QUANTC_LIB_DIALECT_LOWBIT_SLICES_H

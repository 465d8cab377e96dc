// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The cells of a grid over a tensor: one per block, whatever the granularity. A
// tensor is walked in runs, the elements of the last axis that lie in one cell.

#ifndef QUANTC_LIB_DIALECT_FMT_GRIDWALK_H
#define QUANTC_LIB_DIALECT_FMT_GRIDWALK_H

#include "quantc/Dialect/Fmt/Fmt.h"

namespace quantc::fmt::grid {

/// Cells along each axis.
llvm::SmallVector<int64_t> gridOf(llvm::ArrayRef<int64_t> shape,
                                  llvm::ArrayRef<int64_t> block);

/// Calls `visit(begin, length, cell)` for every run of a tensor, in order.
void forEachRun(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> block,
                llvm::function_ref<void(int64_t, int64_t, int64_t)> visit);

} // namespace quantc::fmt::grid

#endif // QUANTC_LIB_DIALECT_FMT_GRIDWALK_H

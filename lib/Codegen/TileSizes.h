// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sizes that two passes must agree on: form-kernels joins operations that
// tile-kernels can compute tile by tile without computing anything twice.

#ifndef QUANTC_CODEGEN_TILESIZES_H
#define QUANTC_CODEGEN_TILESIZES_H

#include <cstdint>

namespace quantc {

/// Columns of a contraction tile whose rows of A are computed for it: windows
/// of a convolution, or a depthwise convolution before a linear.
inline constexpr int64_t kGatheredColumns = 256;

} // namespace quantc

#endif // QUANTC_CODEGEN_TILESIZES_H

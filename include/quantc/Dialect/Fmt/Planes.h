// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Planes: what a 64-byte line of packed codes gives after masking, and the
// proof that int32 accumulation over them cannot overflow
// (docs/numerics.md §5.4).

#ifndef QUANTC_DIALECT_FMT_PLANES_H
#define QUANTC_DIALECT_FMT_PLANES_H

#include "mlir/Support/LLVM.h"
#include <cstdint>
#include <limits>

namespace quantc::fmt {

/// 64 byte lanes, each of them (code + offset) * 2^log2Scale.
struct Plane {
  /// Width of the code's field.
  unsigned bits;
  /// Whether lanes are signed bytes.
  bool isSigned;
  unsigned log2Scale;
  int32_t offset;
  /// The smallest and the largest lane, exactly.
  int32_t min, max;

  bool operator==(const Plane &) const = default;
};

/// What contraction lengths return that nothing limits.
inline constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();

/// How many products lane * a, a in [low, high], one int32 accumulator of the
/// plane can take: no partial sum overflows in any order, neither from zero nor
/// from the start value -(offset * 2^log2Scale) * (sum of all a).
int64_t maxPlaneProducts(const Plane &plane, int32_t low, int32_t high);

/// How many consecutive k one group may have if its lines give these planes,
/// with one accumulator for those of one scale.  The sum of the planes without
/// their scales, which combining computes, fits too.
int64_t maxGroupLength(llvm::ArrayRef<Plane> planes, int32_t low, int32_t high);

/// The most taps of a depthwise window on i8: its sums are kept in f32, where
/// 255 * 128 * taps must be exact.
inline constexpr int64_t kMaxDepthwiseTaps = 512;

} // namespace quantc::fmt

#endif // QUANTC_DIALECT_FMT_PLANES_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The overflow proof of integer contractions, from the ranges of the lanes.

#include "quantc/Dialect/Fmt/Planes.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cstdlib>

using namespace mlir;

namespace quantc::fmt {

static int64_t magnitude(int64_t low, int64_t high) {
  return std::max(std::abs(low), std::abs(high));
}

/// How many terms of at most `bound` in magnitude an int32 can sum.
static int64_t maxTerms(int64_t bound) {
  return bound == 0 ? kUnlimited : std::numeric_limits<int32_t>::max() / bound;
}

// From the start value, the products done so far have contributed
// (lane - start) * a each and the others -start * a, so every partial sum has
// one term per product of at most the larger magnitude.
int64_t maxPlaneProducts(const Plane &plane, int32_t low, int32_t high) {
  int64_t start = int64_t(plane.offset) << plane.log2Scale;
  int64_t lane = magnitude(plane.min, plane.max);
  lane = std::max(lane, magnitude(plane.min - start, plane.max - start));
  lane = std::max(lane, std::abs(start));
  return maxTerms(lane * magnitude(low, high));
}

int64_t maxGroupLength(ArrayRef<Plane> planes, int32_t low, int32_t high) {
  // A unit of lines gives every plane four products of each column.
  int64_t length = kUnlimited, perUnit = 4 * int64_t(planes.size());
  for (const Plane &plane : planes) {
    int64_t products = maxPlaneProducts(plane, low, high);
    int64_t shared = 4 * llvm::count_if(planes, [&](const Plane &other) {
                       return other.log2Scale == plane.log2Scale;
                     });
    if (products != kUnlimited)
      length = std::min(length, products / shared * perUnit);
    Plane unscaled = plane;
    unscaled.log2Scale = 0;
    unscaled.min >>= plane.log2Scale;
    unscaled.max >>= plane.log2Scale;
    length = std::min(length, maxPlaneProducts(unscaled, low, high));
  }
  return length;
}

} // namespace quantc::fmt

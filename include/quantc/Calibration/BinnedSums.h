// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums of doubles whose bits do not depend on the order of the additions, nor
// on how they were split and merged.
//
// A number is cut at the exponents that are multiples of 32, always at the same
// places.  A sum keeps two neighbouring slices as integers: the topmost that
// any of its numbers reached, and the one below.  Integers add exactly, what
// falls below both slices falls below them in any order, and a topmost slice
// that moves up takes the former one along as the lower.  So at least 32 bits
// below the largest number are kept.
//
// No MLIR here: also the files that are built for speed include this.

#ifndef QUANTC_CALIBRATION_BINNEDSUMS_H
#define QUANTC_CALIBRATION_BINNEDSUMS_H

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace quantc {

class BinnedSums {
public:
  /// Bits of a slice, and the least bin: what is below 2^(32 * (kLeastBin - 1))
  /// counts as 0.
  static constexpr int kSliceBits = 32;
  static constexpr int kLeastBin = -8, kGreatestBin = 9;
  /// Additions into one sum that cannot overflow.
  static constexpr int64_t kMaxAdditions = (int64_t(1) << 31) - 1;

  explicit BinnedSums(size_t count = 0)
      : high(count, 0), low(count, 0), bins(count, kLeastBin) {}

  size_t size() const { return high.size(); }
  /// Adds `values[i]` to sum `first + i`; finite numbers below 2^320.
  void add(size_t first, std::span<const double> values);
  /// Adds the sums of `other`, which has as many.
  void merge(const BinnedSums &other);
  double get(size_t index) const;

  /// Sum i is high[i] * 2^(32 bins[i]) + low[i] * 2^(32 (bins[i] - 1)).
  std::vector<int64_t> high, low;
  std::vector<int8_t> bins;

private:
  void raise(size_t index, int bin);
};

} // namespace quantc

#endif // QUANTC_CALIBRATION_BINNEDSUMS_H

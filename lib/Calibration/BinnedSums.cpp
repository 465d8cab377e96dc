// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Order-independent sums.  Slices are cut by truncation, so that the part of a
// number in a slice is the same whether the slice was the upper or the lower
// one when the number came.

#include "quantc/Calibration/BinnedSums.h"
#include <cassert>
#include <cmath>

namespace quantc {

namespace {

constexpr int kBits = BinnedSums::kSliceBits;
constexpr int kBins = BinnedSums::kGreatestBin - BinnedSums::kLeastBin + 1;

struct Tables {
  double limit[kBins]; // the first number that a bin cannot hold
  double scale[kBins]; // brings the upper slice's unit to 1
  Tables() {
    for (int i = 0; i < kBins; ++i) {
      int bin = BinnedSums::kLeastBin + i;
      limit[i] = std::ldexp(1.0, kBits * (bin + 1));
      scale[i] = std::ldexp(1.0, -kBits * bin);
    }
  }
};
const Tables kTables;

} // namespace

void BinnedSums::raise(size_t index, int bin) {
  int up = bin - bins[index];
  low[index] = up == 1 ? high[index] : 0;
  high[index] = 0;
  bins[index] = int8_t(bin);
}

void BinnedSums::add(size_t first, std::span<const double> values) {
  int64_t *highs = high.data() + first, *lows = low.data() + first;
  const int8_t *where = bins.data() + first;
  constexpr double kSlice = double(int64_t(1) << kBits);
  for (size_t i = 0; i < values.size(); ++i) {
    double value = values[i], size = std::fabs(value);
    int index = where[i] - kLeastBin;
    if (size >= kTables.limit[index]) [[unlikely]] {
      while (index + 1 < kBins && size >= kTables.limit[index])
        ++index;
      raise(first + i, kLeastBin + index);
    }
    double scaled = value * kTables.scale[index];
    int64_t upper = int64_t(scaled);
    highs[i] += upper;
    lows[i] += int64_t((scaled - double(upper)) * kSlice);
  }
}

void BinnedSums::merge(const BinnedSums &other) {
  assert(size() == other.size());
  for (size_t i = 0; i < size(); ++i) {
    int down = bins[i] - other.bins[i];
    if (down < 0) {
      raise(i, other.bins[i]);
      down = 0;
    }
    if (down == 0) {
      high[i] += other.high[i];
      low[i] += other.low[i];
    } else if (down == 1) {
      low[i] += other.high[i];
    }
  }
}

double BinnedSums::get(size_t index) const {
  return std::ldexp(double(high[index]), kBits * bins[index]) +
         std::ldexp(double(low[index]), kBits * (bins[index] - 1));
}

} // namespace quantc

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Clips the outermost bins of a histogram.

#include "quantc/Calibration/Ranges.h"
#include <algorithm>
#include <cmath>

using namespace llvm;

namespace quantc {

Range percentileRange(const Histogram &histogram, const RangeOptions &options) {
  std::vector<Histogram::Bin> bins = histogram.getBins();
  double outside = double(histogram.getCount()) *
                   (1 - std::clamp(options.percent, 0.0, 100.0) / 100);
  if (options.symmetric)
    llvm::sort(bins, [](const auto &a, const auto &b) {
      return std::pair(std::max(-a.low, a.high), a.low) <
             std::pair(std::max(-b.low, b.high), b.low);
    });
  // How many numbers may be dropped at an end.
  auto budget = int64_t(options.symmetric ? outside : outside / 2);
  size_t first = 0, end = bins.size();
  for (int64_t left = budget; end > 0 && bins[end - 1].count <= left; --end)
    left -= bins[end - 1].count;
  if (!options.symmetric)
    for (int64_t left = budget; first < end && bins[first].count <= left;
         ++first)
      left -= bins[first].count;
  Range range;
  for (size_t i = first; i < end; ++i) {
    range.low = std::min(range.low, bins[i].low);
    if (bins[i].low != 0)
      range.high = std::max(range.high, bins[i].high);
  }
  if (options.symmetric) {
    range.high = std::max(-range.low, range.high);
    range.low = -range.high;
  }
  return range;
}

} // namespace quantc

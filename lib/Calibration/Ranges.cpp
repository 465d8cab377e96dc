// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The registry of range rules, and the rule that clips nothing.

#include "quantc/Calibration/Ranges.h"
#include <algorithm>

using namespace llvm;

namespace quantc {

ArrayRef<RangeRule> rangeRules() {
  static const RangeRule rules[] = {
      {"full", "every number", fullRange},
      {"mse", "the least mean squared error", mseRange},
      {"percentile", "a given part of the numbers", percentileRange},
  };
  return rules;
}

const RangeRule *findRangeRule(StringRef name) {
  for (const RangeRule &rule : rangeRules())
    if (rule.name == name)
      return &rule;
  return nullptr;
}

Range fullRange(const Histogram &histogram, const RangeOptions &options) {
  std::vector<Histogram::Bin> bins = histogram.getBins();
  if (bins.empty())
    return {};
  // The bin of 0 reaches up to the first denormal bin.
  Range range = {std::min(0.0f, bins.front().low),
                 bins.back().low == 0 ? 0 : std::max(0.0f, bins.back().high)};
  if (options.symmetric) {
    range.high = std::max(-range.low, range.high);
    range.low = -range.high;
  }
  return range;
}

} // namespace quantc

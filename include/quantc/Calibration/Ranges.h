// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a histogram to the range that a quantizer represents.
//
// A rule is one function in one file of lib/Calibration, known by its name in
// the registry.  Ranges are finite, contain 0 and follow from the histogram
// alone.

#ifndef QUANTC_CALIBRATION_RANGES_H
#define QUANTC_CALIBRATION_RANGES_H

#include "quantc/Calibration/Observers.h"

namespace quantc {

struct Range {
  /// low <= 0 <= high; both 0 if every number was 0.
  float low = 0, high = 0;
};

struct RangeOptions {
  /// -high <= x <= high instead of low <= x <= high.
  bool symmetric = false;
  /// Percent of the numbers that stay inside (rule "percentile").
  double percent = 99.99;
  /// Codes that the quantizer has (rule "mse"): 2^bits, symmetric one less.
  unsigned bits = 8;
};

using RangeFn = Range (*)(const Histogram &histogram,
                          const RangeOptions &options);

struct RangeRule {
  llvm::StringRef name;
  llvm::StringRef summary;
  RangeFn compute;
};

/// "full", "mse" and "percentile".
llvm::ArrayRef<RangeRule> rangeRules();

/// The rule of that name, or null.
const RangeRule *findRangeRule(llvm::StringRef name);

/// All bins that are not empty.
Range fullRange(const Histogram &histogram, const RangeOptions &options);
/// The smallest range with at least `percent` of the numbers inside; when not
/// symmetric, half of the others may lie on each side.
Range percentileRange(const Histogram &histogram, const RangeOptions &options);
/// The range with the least mean squared error of a uniform quantizer (nearest
/// code, clamped).
Range mseRange(const Histogram &histogram, const RangeOptions &options);

/// The mean squared error of the uniform quantizer over that range.
double quantizationError(const Histogram &histogram, Range range,
                         const RangeOptions &options);

} // namespace quantc

#endif // QUANTC_CALIBRATION_RANGES_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The arithmetic is that of docs/numerics.md §6.6 on a range instead of on the
// extremes of a weight.

#include "StaticRanges.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>

using namespace mlir;

namespace quantc {

std::optional<Error> StaticRanges::load(StringRef path, StringRef ruleName,
                                        func::FuncOp func) {
  if (path.empty())
    return std::nullopt;
  rule = findRangeRule(ruleName);
  if (!rule) {
    std::vector<StringRef> names;
    for (const RangeRule &known : rangeRules())
      names.push_back(known.name);
    return Error{Status::Usage, "unknown range rule '" + ruleName.str() +
                                    "', expected one of " +
                                    llvm::join(names, ", ")};
  }
  if (auto error = Statistics::load(path, statistics))
    return error;
  points = ObservationPoints::compute(func);
  return std::nullopt;
}

std::optional<Error> StaticRanges::find(Value value,
                                        const PointStatistics *&point) const {
  const ObservationPoint &at = points->get(value);
  if (auto error = statistics.find(at.name, at.key, point))
    return error;
  if (point)
    return std::nullopt;
  return Error{Status::Refused,
               "no statistic of '" + at.name +
                   "'; calibrate the model with this recipe's rewrites"};
}

// The least scale: below it 1/s and codes * s would be subnormal.
static constexpr float kLeastScale = 0x1p-100f;

std::optional<Error> StaticRanges::scaleOf(Value value,
                                           const fmt::UniformFormat &format,
                                           StaticScale &scale) const {
  const PointStatistics *point = nullptr;
  if (auto error = find(value, point))
    return error;
  const auto *histogram = point->get<Histogram>();
  if (!histogram)
    return Error{Status::Refused, "no histogram of '" + point->name +
                                      "' in the statistics; calibrate with "
                                      "the observer 'histogram'"};
  RangeOptions options;
  options.symmetric = !format.hasOffset;
  options.bits = 0;
  while ((1 << options.bits) <= format.maxCode - format.minCode)
    ++options.bits;
  Range range = rule->compute(*histogram, options);
  double energy = 0;
  for (const Histogram::Bin &bin : histogram->getBins()) {
    double middle = (double(bin.low) + double(bin.high)) / 2;
    energy += middle * middle * double(bin.count);
  }
  if (energy > 0)
    scale.relativeError = quantizationError(*histogram, range, options) *
                          double(histogram->getCount()) / energy;
  if (options.symmetric) {
    float most = std::fmax(range.high, -range.low);
    scale.scale = most / float(format.maxCode);
  } else {
    float levels = float(format.maxCode - format.minCode);
    scale.scale = range.high / levels - range.low / levels;
  }
  if (!(scale.scale >= kLeastScale))
    scale.scale = 1;
  if (format.hasOffset) {
    float zero = std::nearbyint(-range.low / scale.scale);
    scale.zeroPoint = int32_t(std::fmin(
        std::fmax(zero + float(format.minCode), float(format.minCode)),
        float(format.maxCode)));
  }
  return std::nullopt;
}

} // namespace quantc

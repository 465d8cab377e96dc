// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From what calibration saw of a value to the scale and zero point of its
// static quantization.

#ifndef QUANTC_LIB_ALLOCATION_STATICRANGES_H
#define QUANTC_LIB_ALLOCATION_STATICRANGES_H

#include "quantc/Calibration/ObservationPoints.h"
#include "quantc/Calibration/Ranges.h"
#include "quantc/Calibration/Statistics.h"
#include "quantc/Dialect/Fmt/Fmt.h"
#include <limits>

namespace quantc {

/// value = (code - zeroPoint) * scale.
struct StaticScale {
  float scale = 1;
  int32_t zeroPoint = 0;
  /// The mean squared error that the histogram promises, over the mean square;
  /// infinite where samples had no rows, or only zeros.
  double relativeError = std::numeric_limits<double>::infinity();
};

class StaticRanges {
public:
  /// Reads the file and computes the points of `func`; with an empty path there
  /// are no statistics.
  std::optional<Error> load(llvm::StringRef path, llvm::StringRef rule,
                            mlir::func::FuncOp func);

  bool isLoaded() const { return points.has_value(); }

  /// The statistic of a value; an error says that it is missing or stale.
  std::optional<Error> find(mlir::Value value,
                            const PointStatistics *&point) const;

  /// The scale, and the zero point if the format has one, that represent the
  /// range which the rule finds in the value's histogram.
  std::optional<Error> scaleOf(mlir::Value value,
                               const fmt::UniformFormat &format,
                               StaticScale &scale) const;

private:
  Statistics statistics;
  std::optional<ObservationPoints> points;
  const RangeRule *rule = nullptr;
};

} // namespace quantc

#endif // QUANTC_LIB_ALLOCATION_STATICRANGES_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The clipping range of least squared error.  Both ends shrink together over a
// geometric grid, then each alone around the best, then finer.  Numbers of a
// bin are taken to lie at four places of it, evenly.

#include "quantc/Calibration/Ranges.h"
#include <algorithm>
#include <cmath>

using namespace llvm;

namespace quantc {

namespace {

constexpr int kPlaces = 4;

struct Point {
  double value, weight;
};

std::vector<Point> pointsOf(const Histogram &histogram) {
  std::vector<Point> points;
  double all = double(histogram.getCount());
  for (const Histogram::Bin &bin : histogram.getBins()) {
    // Zeros lie at 0; there are many of them behind a ReLU.
    if (bin.low == 0) {
      points.push_back({0, double(bin.count) / all});
      continue;
    }
    double width = double(bin.high) - double(bin.low);
    for (int i = 0; i < kPlaces; ++i)
      points.push_back({double(bin.low) + width * (i + 0.5) / kPlaces,
                        double(bin.count) / (kPlaces * all)});
  }
  return points;
}

double errorOf(ArrayRef<Point> points, Range range,
               const RangeOptions &options) {
  double codes = std::ldexp(1.0, int(options.bits));
  double low = range.low, high = range.high;
  double least = 0, most = codes - 1;
  if (options.symmetric)
    most = codes / 2 - 1, least = -most;
  double scale = options.symmetric ? high / most : (high - low) / most;
  if (!(scale > 0))
    scale = 1;
  double zero = options.symmetric ? 0 : std::nearbyint(-low / scale);
  double sum = 0, inverse = 1 / scale;
  for (const Point &point : points) {
    double code = std::nearbyint(point.value * inverse) + zero;
    code = std::min(std::max(code, least), most);
    double error = point.value - (code - zero) * scale;
    sum += point.weight * error * error;
  }
  return sum;
}

class Search {
public:
  Search(const Histogram &histogram, const RangeOptions &options)
      : points(pointsOf(histogram)), options(options),
        full(fullRange(histogram, options)), best(full),
        error(errorOf(points, full, options)) {}

  Range run() {
    // Down to a 64th in steps of 2^(1/8), then finer around the best.
    constexpr double kCoarse = 1.0905077326652577;
    shrink(full, 1 / kCoarse, 48, true, true);
    for (double ratio : {1.0442737824274138, 1.0108892860517005}) {
      if (options.symmetric) {
        around(ratio, true, true);
        continue;
      }
      around(ratio, true, false);
      around(ratio, false, true);
    }
    return best;
  }

private:
  void shrink(Range from, double ratio, int count, bool low, bool high) {
    double factor = 1;
    for (int i = 0; i < count; ++i) {
      factor *= ratio;
      Range range = {low ? float(from.low * factor) : from.low,
                     high ? float(from.high * factor) : from.high};
      range = {std::max(range.low, full.low), std::min(range.high, full.high)};
      double candidate = errorOf(points, range, options);
      if (candidate < error) {
        error = candidate;
        best = range;
      }
    }
  }
  void around(double ratio, bool low, bool high) {
    Range middle = best;
    shrink(middle, ratio, 4, low, high);
    shrink(middle, 1 / ratio, 4, low, high);
  }

  std::vector<Point> points;
  const RangeOptions &options;
  Range full, best;
  double error;
};

} // namespace

Range mseRange(const Histogram &histogram, const RangeOptions &options) {
  if (histogram.getCount() == 0)
    return {};
  return Search(histogram, options).run();
}

double quantizationError(const Histogram &histogram, Range range,
                         const RangeOptions &options) {
  if (histogram.getCount() == 0)
    return 0;
  return errorOf(pointsOf(histogram), range, options);
}

} // namespace quantc

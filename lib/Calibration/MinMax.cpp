// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The range of a value.  Both zeros are +0, so that the order of samples does
// not show.

#include "ObserverKernels.h"
#include "quantc/Calibration/Observers.h"
#include <algorithm>
#include <cmath>
#include <limits>

using namespace llvm;

namespace quantc {

// Many times what a run can reach, and far from overflow when merged.
static constexpr int64_t kMaxCount = int64_t(1) << 47;

int64_t MinMax::prepare(const Rows &) { return 1; }

void MinMax::observe(const Rows &rows, int64_t) {
  int64_t numbers = rows.count * rows.channels;
  float seen[2];
  kernels::scanRange(rows.data, numbers, std::numeric_limits<float>::max(),
                     seen);
  if (numbers == 0)
    return;
  range[0] = count ? std::min(range[0], seen[0]) : seen[0];
  range[1] = count ? std::max(range[1], seen[1]) : seen[1];
  count += numbers;
}

std::optional<Error> MinMax::merge(const Observer &observer) {
  const auto &other = static_cast<const MinMax &>(observer);
  if (other.count == 0)
    return std::nullopt;
  range[0] = count ? std::min(range[0], other.range[0]) : other.range[0];
  range[1] = count ? std::max(range[1], other.range[1]) : other.range[1];
  count += other.count;
  return std::nullopt;
}

void MinMax::save(StringRef prefix, SafeTensorsWriter &file) const {
  file.add<float>(prefix + "range", range);
  file.add<int64_t>(prefix + "count", count);
}

std::optional<Error> MinMax::load(StringRef prefix,
                                  const SafeTensorsFile &file) {
  std::vector<float> limits;
  std::vector<int64_t> counts;
  if (auto error = file.read((prefix + "range").str(), limits))
    return error;
  if (auto error = file.read((prefix + "count").str(), counts))
    return error;
  if (limits.size() != 2 || !std::isfinite(limits[0]) ||
      !std::isfinite(limits[1]) || limits[0] > limits[1] ||
      counts.size() != 1 || counts[0] < 0 || counts[0] > kMaxCount)
    return Error{Status::Refused, "'" + prefix.str() + "range' is no range"};
  range[0] = limits[0];
  range[1] = limits[1];
  count = counts[0];
  return std::nullopt;
}

} // namespace quantc

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The greatest absolute value of every channel.

#include "ObserverKernels.h"
#include "quantc/Calibration/Observers.h"
#include <algorithm>
#include <cmath>

using namespace llvm;

namespace quantc {

int64_t ChannelAbsMax::prepare(const Rows &rows) {
  if (maxima.empty())
    maxima.assign(size_t(rows.channels), 0);
  return 1;
}

void ChannelAbsMax::observe(const Rows &rows, int64_t) {
  kernels::maximizeAbs(rows.data, rows.count, rows.channels, maxima.data());
}

std::optional<Error> ChannelAbsMax::merge(const Observer &observer) {
  const auto &other = static_cast<const ChannelAbsMax &>(observer);
  int64_t channels = int64_t(maxima.size());
  if (auto error = agree(channels, int64_t(other.maxima.size())))
    return error;
  maxima.resize(size_t(channels), 0);
  for (size_t i = 0; i < other.maxima.size(); ++i)
    maxima[i] = std::max(maxima[i], other.maxima[i]);
  return std::nullopt;
}

void ChannelAbsMax::save(StringRef prefix, SafeTensorsWriter &file) const {
  file.add<float>(prefix + "maxima", maxima);
}

std::optional<Error> ChannelAbsMax::load(StringRef prefix,
                                         const SafeTensorsFile &file) {
  if (auto error = file.read((prefix + "maxima").str(), maxima))
    return error;
  for (float value : maxima)
    if (!std::isfinite(value) || value < 0)
      return Error{Status::Refused, "'" + prefix.str() +
                                        "maxima' has a value that is negative "
                                        "or not finite"};
  return std::nullopt;
}

} // namespace quantc

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One pass over a value: its range, its channels' maxima, its histogram.

#include "ObserverKernels.h"
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace quantc::kernels {

namespace {

constexpr int64_t kLanes = 16;
using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));

/// Whether all of kBlock numbers are within the limit; extends the range.
constexpr int64_t kBlock = 1024;
bool scanBlock(const float *data, float limit, Lanes &low, Lanes &high) {
  // A NaN fails the comparison.
  auto good = low == low;
  for (int64_t i = 0; i < kBlock; i += kLanes) {
    Lanes x;
    std::memcpy(&x, data + i, sizeof(x));
    good &= (x <= limit) & (x >= -limit);
    low = x < low ? x : low;
    high = x > high ? x : high;
  }
  for (int64_t lane = 0; lane < kLanes; ++lane)
    if (!good[lane])
      return false;
  return true;
}

} // namespace

int64_t scanRange(const float *data, int64_t count, float limit,
                  float range[2]) {
  range[0] = range[1] = 0;
  if (count == 0)
    return -1;
  Lanes low, high;
  for (int64_t lane = 0; lane < kLanes; ++lane)
    low[lane] = high[lane] = data[0];
  int64_t i = 0;
  while (i + kBlock <= count && scanBlock(data + i, limit, low, high))
    i += kBlock;
  float least = data[0], most = data[0];
  for (; i < count; ++i) {
    if (!(std::fabs(data[i]) <= limit))
      return i;
    least = std::min(least, data[i]);
    most = std::max(most, data[i]);
  }
  for (int64_t lane = 0; lane < kLanes; ++lane) {
    least = std::min(least, low[lane]);
    most = std::max(most, high[lane]);
  }
  range[0] = least + 0.0f;
  range[1] = most + 0.0f;
  return -1;
}

void maximizeAbs(const float *data, int64_t rows, int64_t channels,
                 float *maxima) {
  for (int64_t row = 0; row < rows; ++row, data += channels)
    for (int64_t c = 0; c < channels; ++c)
      maxima[c] = std::max(maxima[c], std::fabs(data[c]));
}

void countBins(const float *data, int64_t count, uint64_t *counts) {
  for (int64_t i = 0; i < count; ++i)
    ++counts[std::bit_cast<uint32_t>(data[i] + 0.0f) >> 16];
}

void sumRows(const float *data, int64_t rows, int64_t channels, double *sums) {
  for (int64_t row = 0; row < rows; ++row, data += channels)
    for (int64_t c = 0; c < channels; ++c)
      sums[c] += double(data[c]);
}

} // namespace quantc::kernels

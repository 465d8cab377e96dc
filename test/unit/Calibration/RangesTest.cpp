// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ranges from histograms against sorted numbers and a search over all of them.

#include "quantc/Calibration/Ranges.h"
#include "Samples.h"
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

namespace quantc {
namespace {

/// Sums of twelve: nearly normal, with a few outliers.
Sample bell(float shift, float outlier) {
  Sample sample{1, 20000, {}};
  uint32_t seed = 7;
  for (int i = 0; i < 20000; ++i) {
    float sum = shift;
    for (int j = 0; j < 12; ++j) {
      seed = seed * 1664525u + 1013904223u;
      sum += float(int32_t(seed >> 8) - (1 << 23)) * 0x1p-24f;
    }
    sample.data.push_back(i % 4000 == 17 ? outlier : sum);
  }
  return sample;
}

Histogram histogramOf(const Sample &sample) {
  Histogram histogram;
  observe(histogram, sample);
  return histogram;
}

/// Mean squared error of the numbers themselves.
double errorOf(const std::vector<float> &numbers, Range range, bool symmetric,
               unsigned bits) {
  double codes = std::pow(2.0, bits), sum = 0;
  double most = symmetric ? codes / 2 - 1 : codes - 1;
  double least = symmetric ? -most : 0;
  double scale =
      symmetric ? range.high / most : (double(range.high) - range.low) / most;
  double zero = symmetric ? 0 : std::nearbyint(-range.low / scale);
  for (float x : numbers) {
    double code = std::clamp(std::nearbyint(x / scale) + zero, least, most);
    double error = x - (code - zero) * scale;
    sum += error * error;
  }
  return sum / double(numbers.size());
}

TEST(Ranges, FullHoldsEverything) {
  Sample sample = bell(0.5f, 40);
  Histogram histogram = histogramOf(sample);
  auto [low, high] =
      std::minmax_element(sample.data.begin(), sample.data.end());
  Range range = fullRange(histogram, {});
  EXPECT_LE(range.low, *low);
  EXPECT_GE(range.high, *high);
  EXPECT_LE(range.high, *high * (1 + 1 / 64.0f));
  Range symmetric = fullRange(histogram, {.symmetric = true});
  EXPECT_EQ(symmetric.low, -symmetric.high);
}

TEST(Ranges, PercentileDropsTheGivenPart) {
  Sample sample = bell(0, 40);
  Histogram histogram = histogramOf(sample);
  for (double percent : {99.9, 99.0, 90.0}) {
    for (bool symmetric : {false, true}) {
      Range range = percentileRange(
          histogram, {.symmetric = symmetric, .percent = percent});
      auto inside =
          std::count_if(sample.data.begin(), sample.data.end(), [&](float x) {
            return x >= range.low && x <= range.high;
          });
      double part = 100 * double(inside) / double(sample.data.size());
      EXPECT_GE(part, percent);
      // One bin more or less.
      EXPECT_LE(part, percent + 1.5);
      EXPECT_LT(range.high, 10);
    }
  }
  EXPECT_GE(percentileRange(histogram, {.percent = 100}).high, 40);
}

class Bits : public testing::TestWithParam<unsigned> {};

TEST_P(Bits, MseIsNearTheBestOfManyRanges) {
  for (bool symmetric : {true, false}) {
    Sample sample = bell(symmetric ? 0 : 1, 12);
    RangeOptions options{.symmetric = symmetric, .bits = GetParam()};
    Range range = mseRange(histogramOf(sample), options);
    double got = errorOf(sample.data, range, symmetric, GetParam());
    Range full = fullRange(histogramOf(sample), options);
    double best = errorOf(sample.data, full, symmetric, GetParam());
    for (float factor = 1; factor > 0.02f; factor *= 0.99f)
      best = std::min(best, errorOf(sample.data,
                                    {full.low * factor, full.high * factor},
                                    symmetric, GetParam()));
    EXPECT_LE(got, best * 1.03);
  }
}

INSTANTIATE_TEST_SUITE_P(Widths, Bits, testing::Values(2, 4, 8));

TEST(Ranges, ZerosAndNothing) {
  Histogram nothing;
  Histogram zeros = histogramOf(Sample{1, 3, {0, -0.0f, 0}});
  for (const RangeRule &rule : rangeRules())
    for (const Histogram *histogram : {&nothing, &zeros}) {
      Range range = rule.compute(*histogram, {});
      EXPECT_EQ(range.low, 0) << rule.name.str();
      EXPECT_EQ(range.high, 0) << rule.name.str();
    }
  EXPECT_EQ(findRangeRule("entropy"), nullptr);
}

TEST(Ranges, AlwaysContainZero) {
  Histogram positive = histogramOf(Sample{1, 3, {5, 6, 7}});
  Histogram negative = histogramOf(Sample{1, 3, {-5, -6, -7}});
  for (const RangeRule &rule : rangeRules()) {
    EXPECT_EQ(rule.compute(positive, {}).low, 0) << rule.name.str();
    EXPECT_EQ(rule.compute(negative, {}).high, 0) << rule.name.str();
  }
}

} // namespace
} // namespace quantc

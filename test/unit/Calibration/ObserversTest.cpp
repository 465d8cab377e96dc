// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Observers against sums and maxima that are computed here in another way, and
// the same bytes for any order, any split and any number of parts at once.

#include "Samples.h"
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

namespace quantc {
namespace {

TEST(BinnedSums, AnyOrderAndSplitGivesTheSameBits) {
  // Numbers over 200 binades, of both signs, with much cancellation.
  std::vector<double> numbers;
  uint64_t state = 1;
  for (int i = 0; i < 4000; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    double value = double(state >> 11) * 0x1p-53 - 0.5;
    numbers.push_back(std::ldexp(value, int(state >> 8 & 0xff) - 128));
  }
  auto sumOf = [&](size_t first, size_t end, bool backwards) {
    BinnedSums sums(1);
    for (size_t i = first; i < end; ++i)
      sums.add(0, {&numbers[backwards ? end - 1 - (i - first) : i], 1});
    return sums;
  };
  BinnedSums whole = sumOf(0, numbers.size(), false);
  BinnedSums back = sumOf(0, numbers.size(), true);
  EXPECT_EQ(whole.high, back.high);
  EXPECT_EQ(whole.low, back.low);
  EXPECT_EQ(whole.bins, back.bins);
  for (size_t cut : {size_t(1), size_t(1234), numbers.size() - 1}) {
    BinnedSums left = sumOf(0, cut, true), right = sumOf(cut, 4000, false);
    BinnedSums swapped = right;
    left.merge(right);
    swapped.merge(sumOf(0, cut, false));
    EXPECT_EQ(left.high, whole.high);
    EXPECT_EQ(left.low, whole.low);
    EXPECT_EQ(swapped.low, whole.low);
    EXPECT_EQ(swapped.bins, whole.bins);
  }
  long double exact = 0;
  for (double number : numbers)
    exact += number;
  EXPECT_NEAR(whole.get(0) / double(exact), 1, 1e-9);
}

TEST(BinnedSums, KeepsSmallNumbersExactly) {
  BinnedSums sums(2);
  std::vector<double> one = {1.0, 0x1p-300};
  std::vector<double> small = {0x1p-32, 0x1p300};
  sums.add(0, one);
  sums.add(0, small);
  EXPECT_EQ(sums.get(0), 1.0 + 0x1p-32);
  EXPECT_EQ(sums.get(1), 0x1p300);
}

class Channels : public testing::TestWithParam<int64_t> {};

TEST_P(Channels, RangeAndMaxima) {
  std::vector<Sample> samples = makeSamples(GetParam());
  MinMax range;
  ChannelAbsMax maxima;
  observe(range, samples);
  observe(maxima, samples);
  float low = 0, high = 0;
  int64_t count = 0;
  std::vector<float> expected(size_t(GetParam()), 0);
  for (const Sample &sample : samples)
    for (size_t i = 0; i < sample.data.size(); ++i, ++count) {
      low = std::min(low, sample.data[i]);
      high = std::max(high, sample.data[i]);
      float &most = expected[i % expected.size()];
      most = std::max(most, std::fabs(sample.data[i]));
    }
  EXPECT_EQ(range.getCount(), count);
  EXPECT_EQ(range.getMax(), high);
  EXPECT_EQ(range.getMin(), low);
  EXPECT_EQ(maxima.getMaxima().vec(), expected);
}

TEST_P(Channels, SecondMomentAndMean) {
  std::vector<Sample> samples = makeSamples(GetParam());
  SecondMoment moment;
  observe(moment, samples);
  int64_t n = GetParam(), rows = 0;
  std::vector<double> matrix(size_t(n * n), 0), mean(size_t(n), 0);
  for (const Sample &sample : samples)
    for (int64_t row = 0; row < sample.rows; ++row, ++rows)
      for (int64_t i = 0; i < n; ++i) {
        double x = sample.data[size_t(row * n + i)];
        mean[size_t(i)] += x;
        for (int64_t j = 0; j < n; ++j)
          matrix[size_t(i * n + j)] += x * sample.data[size_t(row * n + j)];
      }
  ASSERT_EQ(moment.getCount(), rows);
  std::vector<double> got = moment.getMatrix(), gotMean = moment.getMean();
  for (int64_t i = 0; i < n; ++i) {
    EXPECT_NEAR(gotMean[size_t(i)], mean[size_t(i)] / double(rows),
                1e-9 * std::sqrt(matrix[size_t(i * n + i)]));
    for (int64_t j = 0; j < n; ++j)
      ASSERT_NEAR(got[size_t(i * n + j)], matrix[size_t(i * n + j)],
                  1e-6 * std::sqrt(matrix[size_t(i * n + i)] *
                                   matrix[size_t(j * n + j)]));
  }
}

template <typename T> void expectMergeable(int64_t channels) {
  std::vector<Sample> samples = makeSamples(channels);
  llvm::ArrayRef<Sample> all = samples;
  T whole, backwards;
  observe(whole, all);
  std::vector<Sample> reversed(samples.rbegin(), samples.rend());
  observe(backwards, reversed, /*backwards=*/true);
  EXPECT_EQ(savedBytes(whole), savedBytes(backwards));
  for (size_t cut = 0; cut <= all.size(); ++cut) {
    T left, right;
    observe(left, all.take_front(cut));
    observe(right, all.drop_front(cut));
    ASSERT_FALSE(left.merge(right));
    EXPECT_EQ(savedBytes(whole), savedBytes(left)) << cut;
  }
}

TEST_P(Channels, HalvesAreTheWhole) {
  expectMergeable<MinMax>(GetParam());
  expectMergeable<ChannelAbsMax>(GetParam());
  expectMergeable<Histogram>(GetParam());
  expectMergeable<SecondMoment>(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Sizes, Channels,
                         testing::Values(1, 5, 16, 47, 97, 193));

TEST(Histogram, BinsHoldTheirNumbers) {
  Sample sample{1, 8, {0.0f, -0.0f, 1.0f, 1.004f, 1.01f, -3.0f, 1e-42f, 9e29f}};
  Histogram histogram;
  observe(histogram, sample);
  EXPECT_EQ(histogram.getCount(), 8);
  std::vector<Histogram::Bin> bins = histogram.getBins();
  std::vector<float> sorted = sample.data;
  std::sort(sorted.begin(), sorted.end());
  size_t next = 0;
  float last = -INFINITY;
  for (const Histogram::Bin &bin : bins) {
    EXPECT_LT(bin.low, bin.high);
    EXPECT_GE(bin.low, last);
    last = bin.high;
    for (int64_t i = 0; i < bin.count; ++i, ++next) {
      EXPECT_GE(sorted[next], bin.low);
      EXPECT_LE(sorted[next], bin.high);
    }
  }
  EXPECT_EQ(next, sorted.size());
}

TEST(Observers, DifferentChannelsDoNotMerge) {
  ChannelAbsMax a, b;
  observe(a, makeSample(2, 3, 1));
  observe(b, makeSample(2, 4, 1));
  std::optional<Error> error = a.merge(b);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->message, "expected channel-absmax of 3 channels, got 4");
  SecondMoment c, d;
  observe(c, makeSample(2, 3, 1));
  observe(d, makeSample(2, 4, 1));
  EXPECT_TRUE(c.merge(d));
}

TEST(Observers, CarriedStatisticsAreGivenBack) {
  SecondMoment moment;
  moment.set({4, 0, 2, 9}, {0.5, -1}, 6);
  EXPECT_EQ(moment.getMatrix(), (std::vector<double>{4, 2, 2, 9}));
  EXPECT_EQ(moment.getMean(), (std::vector<double>{0.5, -1}));
  EXPECT_EQ(moment.getCount(), 6);
  ChannelAbsMax maxima;
  maxima.set({1, 2});
  EXPECT_EQ(maxima.getMaxima().vec(), (std::vector<float>{1, 2}));
}

TEST(Observers, RegistryIsSortedAndComplete) {
  llvm::StringRef last;
  for (const ObserverKind &kind : observerKinds()) {
    EXPECT_LT(last, kind.name);
    last = kind.name;
    std::unique_ptr<Observer> observer = createObserver(kind.name);
    ASSERT_TRUE(observer);
    EXPECT_EQ(observer->getName(), kind.name);
  }
  EXPECT_FALSE(createObserver("mean"));
}

} // namespace
} // namespace quantc

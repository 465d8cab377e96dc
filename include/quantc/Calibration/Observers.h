// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The statistics that exist, for those who use them.

#ifndef QUANTC_CALIBRATION_OBSERVERS_H
#define QUANTC_CALIBRATION_OBSERVERS_H

#include "quantc/Calibration/BinnedSums.h"
#include "quantc/Calibration/Statistics.h"
#include <vector>

namespace quantc {

/// The least and the greatest number.
class MinMax final : public Observer {
public:
  static constexpr llvm::StringLiteral kName = "min-max";
  llvm::StringRef getName() const override { return kName; }
  int64_t prepare(const Rows &rows) override;
  void observe(const Rows &rows, int64_t part) override;
  std::optional<Error> merge(const Observer &other) override;
  void save(llvm::StringRef prefix, SafeTensorsWriter &file) const override;
  std::optional<Error> load(llvm::StringRef prefix,
                            const SafeTensorsFile &file) override;

  /// 0 and 0 before the first number.
  float getMin() const { return range[0]; }
  float getMax() const { return range[1]; }
  int64_t getCount() const { return count; }

private:
  float range[2] = {0, 0};
  int64_t count = 0;
};

/// The greatest absolute value of every channel.
class ChannelAbsMax final : public Observer {
public:
  static constexpr llvm::StringLiteral kName = "channel-absmax";
  llvm::StringRef getName() const override { return kName; }
  int64_t prepare(const Rows &rows) override;
  void observe(const Rows &rows, int64_t part) override;
  std::optional<Error> merge(const Observer &other) override;
  void save(llvm::StringRef prefix, SafeTensorsWriter &file) const override;
  std::optional<Error> load(llvm::StringRef prefix,
                            const SafeTensorsFile &file) override;

  llvm::ArrayRef<float> getMaxima() const { return maxima; }
  /// For statistics that a rewrite carries along, such as maxima times a scale.
  void set(llvm::ArrayRef<float> newMaxima) { maxima = newMaxima.vec(); }

private:
  std::vector<float> maxima;
};

/// How many numbers fell into each bin.  A bin is the upper 16 bits of a
/// float32: sign, exponent and seven bits of mantissa, so bins are at most
/// 1/128 of their numbers wide and known before any data is.
class Histogram final : public Observer {
public:
  static constexpr llvm::StringLiteral kName = "histogram";
  static constexpr size_t kBins = size_t(1) << 16;
  llvm::StringRef getName() const override { return kName; }
  int64_t prepare(const Rows &rows) override;
  void observe(const Rows &rows, int64_t part) override;
  std::optional<Error> merge(const Observer &other) override;
  void save(llvm::StringRef prefix, SafeTensorsWriter &file) const override;
  std::optional<Error> load(llvm::StringRef prefix,
                            const SafeTensorsFile &file) override;

  /// Numbers low <= x < high (for negative bins low < x <= high).
  struct Bin {
    float low, high;
    int64_t count;
  };
  /// The bins that are not empty, in the order of their numbers.
  std::vector<Bin> getBins() const;
  int64_t getCount() const;

private:
  std::vector<uint64_t> counts = std::vector<uint64_t>(kBins, 0);
  // What save() hands to the file, which borrows it.
  mutable std::vector<uint16_t> savedBins;
  mutable std::vector<int64_t> savedCounts;
};

/// XᵀX and the sum of the rows of X.
class SecondMoment final : public Observer {
public:
  static constexpr llvm::StringLiteral kName = "second-moment";
  /// That of a point, if it has one over 1 or more rows, or null.
  static const SecondMoment *find(const PointStatistics *point) {
    auto *moment = point ? point->get<SecondMoment>() : nullptr;
    return moment && moment->getCount() ? moment : nullptr;
  }
  llvm::StringRef getName() const override { return kName; }
  int64_t prepare(const Rows &rows) override;
  void observe(const Rows &rows, int64_t part) override;
  std::optional<Error> merge(const Observer &other) override;
  void save(llvm::StringRef prefix, SafeTensorsWriter &file) const override;
  std::optional<Error> load(llvm::StringRef prefix,
                            const SafeTensorsFile &file) override;

  int64_t getChannels() const { return channels; }
  /// The number of rows.
  int64_t getCount() const { return count; }
  /// Element (i, j) of XᵀX.
  double get(int64_t i, int64_t j) const;
  /// XᵀX, row-major and complete.
  std::vector<double> getMatrix() const;
  /// The mean of the rows; zeros if there are none.
  std::vector<double> getMean() const;
  /// For statistics that a rewrite carries along: R XᵀX Rᵀ and R mean for rows
  /// that become R x.  `matrix` is row-major, its lower triangle is read.
  void set(llvm::ArrayRef<double> matrix, llvm::ArrayRef<double> mean,
           int64_t newCount);

private:
  int64_t channels = 0, count = 0;
  BinnedSums triangle; // row i has elements (i, 0) to (i, i)
  BinnedSums sums;
  // The sample in the kernels' order, between prepare and observe.
  std::vector<float> packed;
};

} // namespace quantc

#endif // QUANTC_CALIBRATION_OBSERVERS_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// XᵀX of all rows.  What one sample gives is computed in a fixed order; samples
// are added by sums that no order changes, so samples may be split over runs in
// any way.

#include "ObserverKernels.h"
#include "quantc/Calibration/Observers.h"
#include <algorithm>

using namespace llvm;

namespace quantc {

static size_t triangleSize(int64_t channels) {
  return size_t(channels) * size_t(channels + 1) / 2;
}

int64_t SecondMoment::prepare(const Rows &rows) {
  if (channels == 0) {
    channels = rows.channels;
    triangle = BinnedSums(triangleSize(channels));
    sums = BinnedSums(size_t(channels));
  }
  count += rows.count;
  packed.resize(size_t(kernels::packedSize(rows.count, rows.channels)));
  kernels::packRows(rows.data, rows.count, rows.channels, packed.data());
  std::vector<double> sample(size_t(channels), 0);
  kernels::sumRows(rows.data, rows.count, rows.channels, sample.data());
  sums.add(0, sample);
  return std::max<int64_t>(1, kernels::triangleParts(channels));
}

void SecondMoment::observe(const Rows &rows, int64_t part) {
  if (rows.count != 0)
    kernels::addTriangle(packed.data(), rows.count, rows.channels, part,
                         triangle);
}

std::optional<Error> SecondMoment::merge(const Observer &observer) {
  const auto &other = static_cast<const SecondMoment &>(observer);
  if (other.channels == 0)
    return std::nullopt;
  if (channels == 0) {
    triangle = BinnedSums(triangleSize(other.channels));
    sums = BinnedSums(size_t(other.channels));
  }
  if (auto error = agree(channels, other.channels))
    return error;
  if (count + other.count > BinnedSums::kMaxAdditions)
    return Error{Status::Limit, "more than 2^31 rows in one second moment"};
  triangle.merge(other.triangle);
  sums.merge(other.sums);
  count += other.count;
  return std::nullopt;
}

static void saveSums(const BinnedSums &sums, const Twine &prefix,
                     SafeTensorsWriter &file) {
  file.add<int64_t>(prefix + "high", sums.high);
  file.add<int64_t>(prefix + "low", sums.low);
  file.add<int8_t>(prefix + "bins", sums.bins);
}

/// `count` is the most numbers that can have been added.
static std::optional<Error> loadSums(StringRef prefix,
                                     const SafeTensorsFile &file, int64_t count,
                                     BinnedSums &sums) {
  if (auto error = file.read((prefix + "high").str(), sums.high))
    return error;
  if (auto error = file.read((prefix + "low").str(), sums.low))
    return error;
  if (auto error = file.read((prefix + "bins").str(), sums.bins))
    return error;
  // A slice of a number is below 2^32, so that merging cannot overflow.
  int64_t most = count << BinnedSums::kSliceBits;
  auto outside = [&](int64_t part) { return part > most || part < -most; };
  if (sums.high.size() != sums.low.size() ||
      sums.high.size() != sums.bins.size() || any_of(sums.high, outside) ||
      any_of(sums.low, outside) || any_of(sums.bins, [](int8_t bin) {
        return bin < BinnedSums::kLeastBin || bin > BinnedSums::kGreatestBin;
      }))
    return Error{Status::Refused, "'" + prefix.str() + "high' is no sum"};
  return std::nullopt;
}

void SecondMoment::save(StringRef prefix, SafeTensorsWriter &file) const {
  file.add<int64_t>(prefix + "count", count);
  saveSums(sums, prefix + "sum.", file);
  saveSums(triangle, prefix + "triangle.", file);
}

std::optional<Error> SecondMoment::load(StringRef prefix,
                                        const SafeTensorsFile &file) {
  std::vector<int64_t> counts;
  if (auto error = file.read((prefix + "count").str(), counts))
    return error;
  if (counts.size() != 1 || counts[0] < 0 ||
      counts[0] > BinnedSums::kMaxAdditions)
    return Error{Status::Refused,
                 "'" + prefix.str() + "count' is no number of rows"};
  if (auto error = loadSums((prefix + "sum.").str(), file, counts[0], sums))
    return error;
  if (auto error =
          loadSums((prefix + "triangle.").str(), file, counts[0], triangle))
    return error;
  if (sums.size() > (size_t(1) << 24) ||
      triangle.size() != triangleSize(int64_t(sums.size())))
    return Error{Status::Refused,
                 "'" + prefix.str() + "triangle.high' is no triangle of " +
                     std::to_string(sums.size()) + " channels"};
  channels = int64_t(sums.size());
  count = counts[0];
  return std::nullopt;
}

double SecondMoment::get(int64_t i, int64_t j) const {
  if (i < j)
    std::swap(i, j);
  return triangle.get(size_t(i * (i + 1) / 2 + j));
}

std::vector<double> SecondMoment::getMatrix() const {
  std::vector<double> matrix(size_t(channels) * size_t(channels));
  for (int64_t i = 0; i < channels; ++i)
    for (int64_t j = 0; j <= i; ++j)
      matrix[size_t(i * channels + j)] = matrix[size_t(j * channels + i)] =
          get(i, j);
  return matrix;
}

std::vector<double> SecondMoment::getMean() const {
  std::vector<double> mean(size_t(channels), 0);
  for (size_t i = 0; count && i < mean.size(); ++i)
    mean[i] = sums.get(i) / double(count);
  return mean;
}

void SecondMoment::set(ArrayRef<double> matrix, ArrayRef<double> mean,
                       int64_t newCount) {
  assert(matrix.size() == mean.size() * mean.size());
  channels = int64_t(mean.size());
  count = newCount;
  triangle = BinnedSums(triangleSize(channels));
  sums = BinnedSums(mean.size());
  for (size_t i = 0; i < mean.size(); ++i) {
    double sum = mean[i] * double(count);
    sums.add(i, {&sum, 1});
    triangle.add(i * (i + 1) / 2, {&matrix[i * mean.size()], i + 1});
  }
}

} // namespace quantc

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A histogram whose bins are bit patterns.  Files hold the bins that are not
// empty.

#include "ObserverKernels.h"
#include "quantc/Calibration/Observers.h"
#include <bit>

using namespace llvm;

namespace quantc {

int64_t Histogram::prepare(const Rows &) { return 1; }

void Histogram::observe(const Rows &rows, int64_t) {
  kernels::countBins(rows.data, rows.count * rows.channels, counts.data());
}

std::optional<Error> Histogram::merge(const Observer &observer) {
  const auto &other = static_cast<const Histogram &>(observer);
  for (size_t bin = 0; bin < kBins; ++bin)
    counts[bin] += other.counts[bin];
  return std::nullopt;
}

void Histogram::save(StringRef prefix, SafeTensorsWriter &file) const {
  savedBins.clear();
  savedCounts.clear();
  for (size_t bin = 0; bin < kBins; ++bin) {
    if (counts[bin] == 0)
      continue;
    savedBins.push_back(uint16_t(bin));
    savedCounts.push_back(int64_t(counts[bin]));
  }
  file.add<uint16_t>(prefix + "bins", savedBins);
  file.add<int64_t>(prefix + "counts", savedCounts);
}

// Observed numbers are at most 1e30, whose upper half this is.
static bool isPossible(uint16_t bin) { return (bin & 0x7fff) <= 0x7149; }

std::optional<Error> Histogram::load(StringRef prefix,
                                     const SafeTensorsFile &file) {
  std::vector<uint16_t> bins;
  std::vector<int64_t> numbers;
  if (auto error = file.read((prefix + "bins").str(), bins))
    return error;
  if (auto error = file.read((prefix + "counts").str(), numbers))
    return error;
  bool good = bins.size() == numbers.size();
  for (size_t i = 0; good && i < bins.size(); ++i) {
    // Below 2^47 each, 65536 of them cannot overflow.
    good = isPossible(bins[i]) && numbers[i] > 0 &&
           numbers[i] < (int64_t(1) << 47) && (i == 0 || bins[i - 1] < bins[i]);
    counts[bins[i]] = good ? uint64_t(numbers[i]) : 0;
  }
  if (good)
    return std::nullopt;
  return Error{Status::Refused, "'" + prefix.str() + "bins' is no histogram"};
}

std::vector<Histogram::Bin> Histogram::getBins() const {
  constexpr size_t kNegative = kBins / 2;
  std::vector<Bin> bins;
  auto edge = [](size_t bin) {
    return std::bit_cast<float>(uint32_t(bin) << 16);
  };
  // Negative numbers grow as their bits fall.
  for (size_t bin = kBins; bin-- > kNegative;)
    if (counts[bin])
      bins.push_back({edge(bin + 1), edge(bin), int64_t(counts[bin])});
  for (size_t bin = 0; bin < kNegative; ++bin)
    if (counts[bin])
      bins.push_back({edge(bin), edge(bin + 1), int64_t(counts[bin])});
  return bins;
}

int64_t Histogram::getCount() const {
  uint64_t sum = 0;
  for (uint64_t count : counts)
    sum += count;
  return int64_t(sum);
}

} // namespace quantc

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Files or the generator, and the split by position.

#include "Samples.h"
#include "SyntheticData.h"

using namespace mlir;

namespace quantc {

namespace {

constexpr int64_t kSyntheticSamples = 32;

bool isHeldOut(int64_t index) {
  return index % kHeldOutPeriod == kHeldOutPeriod - 1 &&
         index < kHeldOutPeriod * kMostHeldOut;
}

std::optional<Error> forEachOfAll(StringRef data, int64_t limit,
                                  func::FuncOp func, const EntrySpec &entry,
                                  SampleFn use) {
  StringRef rest = data;
  if (!rest.consume_front("synthetic") || (!rest.empty() && rest[0] != ':'))
    return forEachSample(data, entry, use,
                         limit ? limit : std::numeric_limits<int64_t>::max());
  uint64_t seed = 0;
  if (rest.consume_front(":") && rest.getAsInteger(10, seed))
    return Error{Status::Usage, "expected synthetic:SEED with a number, got '" +
                                    data.str() + "'"};
  return forEachSyntheticSample(func, entry, seed,
                                limit ? limit : kSyntheticSamples, use);
}

} // namespace

std::optional<Error> forEachSampleOf(StringRef data, int64_t limit,
                                     SampleShare share, func::FuncOp func,
                                     const EntrySpec &entry, SampleFn use) {
  if (share == SampleShare::All)
    return forEachOfAll(data, limit, func, entry, use);
  bool wanted = share == SampleShare::HeldOut;
  int64_t index = 0, used = 0, read = limit;
  if (wanted && (limit == 0 || limit > kHeldOutPeriod * kMostHeldOut))
    // What is made up ends where it would without a split.
    read = StringRef(data).starts_with("synthetic") && limit == 0
               ? 0
               : kHeldOutPeriod * kMostHeldOut;
  auto filter = [&](std::vector<NamedArray> &sample) -> std::optional<Error> {
    if (isHeldOut(index++) != wanted)
      return std::nullopt;
    ++used;
    return use(sample);
  };
  if (auto error = forEachOfAll(data, read, func, entry, filter))
    return error;
  if (used == 0)
    return forEachOfAll(data, limit, func, entry, use);
  return std::nullopt;
}

} // namespace quantc

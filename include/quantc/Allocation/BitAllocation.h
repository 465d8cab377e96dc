// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which tensor gets which format, so that all of them fit into a number of
// bytes and lose least.
//
// In: for each tensor the formats it may have, with the bytes that each stores
// and the loss that it costs; a budget.  Out: one choice for each tensor, and a
// bound that proves it.  Losses are added up, whatever they measure.  Never
// here: how losses are found (sensitivity), how weights are rounded (Solvers).

#ifndef QUANTC_ALLOCATION_BITALLOCATION_H
#define QUANTC_ALLOCATION_BITALLOCATION_H

#include "quantc/Support/Error.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/JSON.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace quantc {

struct FormatCandidate {
  std::string format;
  int64_t bytes = 0;
  double loss = 0;
};

struct AllocatedTensor {
  std::string name;
  int64_t numWeights = 0;
  std::vector<FormatCandidate> candidates;
};

struct AllocationOptions {
  /// A limit on branching, never on time: the answer is the same everywhere.
  int64_t maxNodes = 100000;
  /// The relative gap up to which optimality is proved.
  double maxGap = 1e-7;
};

/// One point of the trade-off between bytes and loss.
struct Allocation {
  /// The index of each tensor's candidate.
  std::vector<int64_t> choices;
  int64_t bytes = 0;
  double loss = 0;
  /// No choice within the budget has a smaller loss.
  double bound = 0;
  /// (loss - bound) / |loss|; 0 if both are 0.
  double gap = 0;
};

/// Bytes for `25MB` (10^6), `25MiB`, `25kB`, `25KiB`, `1GB`, `25B`, or for
/// `4.2bpw`, bits for each of `numWeights`.
std::optional<Error> parseBudget(llvm::StringRef text, int64_t numWeights,
                                 int64_t &bytes);

/// The least sum of losses within `budget` bytes.
std::optional<Error> allocateBits(llvm::ArrayRef<AllocatedTensor> tensors,
                                  int64_t budget,
                                  const AllocationOptions &options,
                                  Allocation &result);

/// The best points under `count` budgets, from all tensors at their smallest to
/// the least loss, in ascending bytes; none is beaten by another in both.
std::optional<Error> traceFront(llvm::ArrayRef<AllocatedTensor> tensors,
                                int64_t count, const AllocationOptions &options,
                                std::vector<Allocation> &front);

/// {"bytes", "bits_per_weight", "loss", "bound", "gap", "formats": {name:
/// format}} for a point; formats are left out of points of a front.
llvm::json::Object toJson(llvm::ArrayRef<AllocatedTensor> tensors,
                          const Allocation &point, bool withFormats);

} // namespace quantc

#endif // QUANTC_ALLOCATION_BITALLOCATION_H

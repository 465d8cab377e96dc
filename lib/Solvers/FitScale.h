// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The scale and offset of one block: from its range, or searched for the least
// weighted square error.  Scales are always ones that the format can store, so
// what a search sees is what decoding gives.

#ifndef QUANTC_LIB_SOLVERS_FITSCALE_H
#define QUANTC_LIB_SOLVERS_FITSCALE_H

#include "Draft.h"
#include <vector>

namespace quantc::solvers {

struct FitOptions {
  /// Search, in place of the block's range.
  bool isSearched = false;
  /// Ranges tried, from the whole one down to `shrink` of it.
  int64_t steps = 24;
  double shrink = 0.4;
};

/// Reused from block to block; one for each thread.
class ScaleFitter {
public:
  ScaleFitter(fmt::FormatInterface format, const FitOptions &options)
      : format(format), options(options) {}

  /// `importance` may be null.
  fmt::BlockScale fit(llvm::ArrayRef<float> values, const float *importance);

private:
  struct Candidate {
    fmt::BlockScale scale;
    double error;
  };

  double measure(const fmt::BlockScale &scale, llvm::ArrayRef<float> values,
                 const float *importance);
  Candidate refine(Candidate best, llvm::ArrayRef<float> values,
                   const float *importance);

  fmt::FormatInterface format;
  FitOptions options;
  std::vector<uint8_t> codes;
  std::vector<float> decoded;
};

/// Fits every block of the layer on its own.
void fitBlocks(const PreparedLayer &layer, const FitOptions &options,
               Draft &draft);

} // namespace quantc::solvers

#endif // QUANTC_LIB_SOLVERS_FITSCALE_H

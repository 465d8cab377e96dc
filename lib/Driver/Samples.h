// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Samples from whatever `--calib` names, and the share of them that is held
// out: measured with, never calibrated on.

#ifndef QUANTC_LIB_DRIVER_SAMPLES_H
#define QUANTC_LIB_DRIVER_SAMPLES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "quantc/Driver/Data.h"

namespace quantc {

/// Every eighth of the first 128 samples is held out.  By position, so that
/// data is streamed without knowing how much there is.
inline constexpr int64_t kHeldOutPeriod = 8, kMostHeldOut = 16;

enum class SampleShare {
  All,
  /// All but those held out.
  Calibration,
  /// Those held out; all if there are fewer than kHeldOutPeriod samples.
  HeldOut
};

/// Calls `use` for the samples of a share of `data`: what Data.h reads, or
/// "synthetic" or "synthetic:SEED".  Of the whole data at most `limit` samples
/// are read; 0: all of them, or 32 synthetic ones.
std::optional<Error> forEachSampleOf(llvm::StringRef data, int64_t limit,
                                     SampleShare share, mlir::func::FuncOp func,
                                     const EntrySpec &entry, SampleFn use);

} // namespace quantc

#endif // QUANTC_LIB_DRIVER_SAMPLES_H

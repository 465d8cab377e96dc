// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Solving on the quantized stream: weights are rounded stage by stage, and what
// a solver sees of a layer's input is measured with all earlier stages rounded.
//
// In: the float model in normal form after rewrites, and the same with formats
// assigned.  Out: solved weights.  Each stage is one calibration, of a program
// that computes both models up to the stage's inputs.

#ifndef QUANTC_LIB_DRIVER_SOLVESTREAM_H
#define QUANTC_LIB_DRIVER_SOLVESTREAM_H

#include "quantc/Allocation/SolveWeights.h"
#include "quantc/Driver/Calibrate.h"

namespace quantc {

struct StreamOptions {
  SolveOptions solve;
  /// The samples.
  CalibrateOptions calibrate;
  /// The most stages; layers that depend on each other then share one where
  /// there are more levels.
  int64_t stages = 8;
};

std::optional<Error> solveOnStream(Workspace &workspace,
                                   mlir::ModuleOp reference,
                                   mlir::ModuleOp module,
                                   const StreamOptions &options);

} // namespace quantc

#endif // QUANTC_LIB_DRIVER_SOLVESTREAM_H

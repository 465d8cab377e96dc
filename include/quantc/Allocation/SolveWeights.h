// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rounding the quantized weights of a module with a solver: what the pass
// `solve-weights` does at once, and the driver in steps, where the statistics
// of later layers are measured behind earlier ones that are rounded already.

#ifndef QUANTC_ALLOCATION_SOLVEWEIGHTS_H
#define QUANTC_ALLOCATION_SOLVEWEIGHTS_H

#include "mlir/IR/BuiltinOps.h"
#include "quantc/Calibration/Statistics.h"

namespace quantc {

struct SolveOptions {
  std::string solver = "gptq", solverOptions;
  /// Leave weights alone whose statistic is not there.
  bool onlyMeasured = false;
  /// Let biases take back what rounding does to the mean of outputs.
  bool correctBias = false;
};

/// Returns how many weights were solved.  A second moment of twice as many
/// channels as a layer has inputs is that of rows (x_ref, x): what the layer
/// reads in the float model and in the one that is quantized so far.
mlir::FailureOr<size_t> solveWeights(mlir::ModuleOp module,
                                     const SolveOptions &options,
                                     const Statistics &statistics);

} // namespace quantc

#endif // QUANTC_ALLOCATION_SOLVEWEIGHTS_H

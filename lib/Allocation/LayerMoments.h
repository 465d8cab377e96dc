// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a calibrated second moment to what solvers take.

#ifndef QUANTC_LIB_ALLOCATION_LAYERMOMENTS_H
#define QUANTC_LIB_ALLOCATION_LAYERMOMENTS_H

#include "quantc/Calibration/Observers.h"
#include "quantc/Solvers/Solver.h"

namespace quantc {

/// The sums as tensors of f64.  The moment of a layer with `inputs` inputs has
/// as many channels, or twice as many: those of the float model, then those of
/// the model that is quantized so far (SolveWeights.h); 0: as many.
solvers::LayerStatistics toLayerStatistics(mlir::MLIRContext *context,
                                           const SecondMoment &moment,
                                           int64_t inputs = 0);

} // namespace quantc

#endif // QUANTC_LIB_ALLOCATION_LAYERMOMENTS_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a calibrated second moment to what solvers take.

#ifndef QUANTC_LIB_ALLOCATION_LAYERMOMENTS_H
#define QUANTC_LIB_ALLOCATION_LAYERMOMENTS_H

#include "quantc/Calibration/Observers.h"
#include "quantc/Solvers/Solver.h"

namespace quantc {

/// The sums as tensors of f64.
solvers::LayerStatistics toLayerStatistics(mlir::MLIRContext *context,
                                           const SecondMoment &moment);

} // namespace quantc

#endif // QUANTC_LIB_ALLOCATION_LAYERMOMENTS_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a calibrated second moment to what solvers take.

#ifndef QUANTC_LIB_ALLOCATION_LAYERMOMENTS_H
#define QUANTC_LIB_ALLOCATION_LAYERMOMENTS_H

#include "quantc/Calibration/Observers.h"
#include "quantc/Dialect/QNN/NodeNames.h"
#include "quantc/Dialect/QNN/QNN.h"
#include "quantc/Solvers/Solver.h"

namespace quantc {

/// The sums as tensors of f64.
solvers::LayerStatistics toLayerStatistics(mlir::MLIRContext *context,
                                           const SecondMoment &moment);

/// The first ONNX node of an operation; `otherwise` if it has none.
std::string firstNodeName(mlir::Operation *op, llvm::StringRef otherwise);

} // namespace quantc

#endif // QUANTC_LIB_ALLOCATION_LAYERMOMENTS_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Calibration: which values are measured, what is measured there, and the
// statistics that come out.
//
// In: qnn in normal form, and samples.  Out: Statistics, mergeable and bit for
// bit the same for any number of threads.  Never here: choices that follow from
// a statistic (Rewrites, Allocation, Solvers), code generation (Driver compiles
// what runs here).

#ifndef QUANTC_CALIBRATION_PASSES_H
#define QUANTC_CALIBRATION_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include "quantc/Dialect/QNN/QNN.h"

namespace quantc {

/// The integer input whose zeros mark padding.
inline constexpr llvm::StringLiteral kPaddingMask = "attention_mask";

#define GEN_PASS_DECL
#include "quantc/Calibration/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "quantc/Calibration/Passes.h.inc"

} // namespace quantc

#endif // QUANTC_CALIBRATION_PASSES_H

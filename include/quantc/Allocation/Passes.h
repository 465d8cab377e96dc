// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Choice of number formats.
//
// In: qnn in normal form, statistics.  Out: qnn whose contractions read encoded
// values.  Never here: how a weight is rounded (Solvers), what is measured
// (Calibration), code generation.

#ifndef QUANTC_ALLOCATION_PASSES_H
#define QUANTC_ALLOCATION_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include "quantc/Dialect/QNN/QNN.h"

namespace quantc {

/// On qnn.quantize of a linear's weight: name and key of the statistic of the
/// linear's input.
inline constexpr llvm::StringLiteral kStatisticAttr = "qnn.statistic";

/// On linears and look-ups: the format of their weight, chosen under a budget.
inline constexpr llvm::StringLiteral kFormatAttr = "qnn.format";

/// Whether activations in this format have one scale, fixed beforehand from
/// statistics.  False for no format.
bool isStaticActivation(fmt::FormatInterface format);

#define GEN_PASS_DECL
#include "quantc/Allocation/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "quantc/Allocation/Passes.h.inc"

} // namespace quantc

#endif // QUANTC_ALLOCATION_PASSES_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Choice of number formats.
//
// In: qnn in normal form.  Out: qnn with quantized contractions.  Never here:
// rounding decisions beyond a format's own (Solvers), code generation.

#ifndef QUANTC_ALLOCATION_PASSES_H
#define QUANTC_ALLOCATION_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include "quantc/Dialect/QNN/QNN.h"

namespace quantc {

#define GEN_PASS_DECL
#include "quantc/Allocation/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "quantc/Allocation/Passes.h.inc"

} // namespace quantc

#endif // QUANTC_ALLOCATION_PASSES_H

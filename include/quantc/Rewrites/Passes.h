// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Equivalence rewriting: transforms of activations that weights absorb
// (docs/rewrites.md).
//
// In: qnn in normal form.  Out: the same function in float, easier to quantize;
// weights are lazy expressions.  Never here: formats, rounding, model families.

#ifndef QUANTC_REWRITES_PASSES_H
#define QUANTC_REWRITES_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include "quantc/Dialect/QNN/QNN.h"

namespace quantc {

#define GEN_PASS_DECL
#include "quantc/Rewrites/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "quantc/Rewrites/Passes.h.inc"

} // namespace quantc

#endif // QUANTC_REWRITES_PASSES_H

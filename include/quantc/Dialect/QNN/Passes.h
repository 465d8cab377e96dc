// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Creation and registration of the qnn dialect's own passes (Passes.td).

#ifndef QUANTC_DIALECT_QNN_PASSES_H
#define QUANTC_DIALECT_QNN_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include "quantc/Dialect/QNN/QNN.h"

namespace quantc::qnn {

#define GEN_PASS_DECL
#include "quantc/Dialect/QNN/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "quantc/Dialect/QNN/Passes.h.inc"

} // namespace quantc::qnn

#endif // QUANTC_DIALECT_QNN_PASSES_H

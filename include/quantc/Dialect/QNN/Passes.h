// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The qnn dialect's own passes (Passes.td), and normalization: qnn as imported
// to qnn in normal form.
//
// In: a function of qnn operations as an exporter spelled them.  Out: the same
// function with whole operations recognised, contractions as qnn.linear,
// convolutions channels-last and float32 arithmetic.  Never here: formats,
// statistics, targets.

#ifndef QUANTC_DIALECT_QNN_PASSES_H
#define QUANTC_DIALECT_QNN_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"
#include "quantc/Dialect/QNN/QNN.h"

namespace quantc::qnn {

#define GEN_PASS_DECL
#include "quantc/Dialect/QNN/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "quantc/Dialect/QNN/Passes.h.inc"

/// Evaluates small constants; weights stay where they are mapped.
std::unique_ptr<mlir::Pass> createFoldSmallConstantsPass();

/// All normalization passes in order, on the functions of a module.  The
/// textual pipeline is `normalize`.
void buildNormalizePipeline(mlir::OpPassManager &manager);
void registerNormalizePipeline();

} // namespace quantc::qnn

#endif // QUANTC_DIALECT_QNN_PASSES_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pass sequences that a recipe expands to, by stage.

#ifndef QUANTC_DRIVER_PIPELINES_H
#define QUANTC_DRIVER_PIPELINES_H

#include "mlir/Pass/PassManager.h"
#include "quantc/Target/TargetDescription.h"

namespace quantc {

/// qnn as imported to qnn in the recipe's form: what `-o OUT.mlir` shows.
/// Returns false for an unknown recipe.
bool buildFrontPipeline(mlir::OpPassManager &pm, llvm::StringRef recipe);

/// From there to launches of kernels and modules of step functions in the LLVM
/// dialect.
void buildCodegenPipeline(mlir::OpPassManager &pm,
                          const TargetDescription &target);

/// Registers both as textual pipelines (`qnn-front`, `qnn-codegen`).
void registerDriverPipelines();

} // namespace quantc

#endif // QUANTC_DRIVER_PIPELINES_H

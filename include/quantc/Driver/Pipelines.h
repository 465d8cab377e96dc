// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pass sequences that a recipe expands to, by stage.

#ifndef QUANTC_DRIVER_PIPELINES_H
#define QUANTC_DRIVER_PIPELINES_H

#include "mlir/Pass/PassManager.h"
#include "quantc/Driver/Recipe.h"
#include "quantc/Target/TargetDescription.h"

namespace quantc {

/// qnn as imported to qnn in the recipe's form: what `-o OUT.mlir` shows.
/// An error names the rewrite that is not a pass.
std::optional<Error> buildFrontPipeline(mlir::OpPassManager &pm,
                                        const Recipe &recipe);

/// Whether a recipe's formats are formats; an error names the one that is not.
std::optional<Error> checkFormats(mlir::MLIRContext *context,
                                  const Recipe &recipe);

/// From there to launches of kernels and modules of step functions in the LLVM
/// dialect.
void buildCodegenPipeline(mlir::OpPassManager &pm,
                          const TargetDescription &target);

/// Registers both as textual pipelines (`qnn-front`, `qnn-codegen`).
void registerDriverPipelines();

} // namespace quantc

#endif // QUANTC_DRIVER_PIPELINES_H

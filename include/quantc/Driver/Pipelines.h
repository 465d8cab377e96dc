// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pass sequences that a recipe expands to, by stage.

#ifndef QUANTC_DRIVER_PIPELINES_H
#define QUANTC_DRIVER_PIPELINES_H

#include "mlir/Pass/PassManager.h"
#include "quantc/Allocation/SolveWeights.h"
#include "quantc/Driver/Recipe.h"
#include "quantc/Target/TargetDescription.h"

namespace quantc {

/// qnn as imported to qnn in normal form, in which statistics are taken.
void buildNormalPipeline(mlir::OpPassManager &pm);

/// The recipe's rewrites, on the normal form.  An error names the one that is
/// not a pass.
std::optional<Error> buildRewritePipeline(mlir::OpPassManager &pm,
                                          const Recipe &recipe);

/// What follows after rewrites.
void buildRewriteCleanup(mlir::OpPassManager &pm);

/// What a recipe is followed with.
struct QuantizeInputs {
  /// A file of quantc calibrate, or empty.
  std::string statistics;
  /// Samples (--calib), or empty.
  std::string data;
  /// For recipes with candidates: `25MB` or `4.2bpw`.
  std::string budget;
  /// JSON file for the allocation, or empty.
  std::string report;
  /// Leaves weights as they are: the driver solves them on the stream.
  bool solveLater = false;
};

/// From there to encoded values.
void buildQuantizePipeline(mlir::OpPassManager &pm, const Recipe &recipe,
                           const QuantizeInputs &inputs);

/// How the recipe rounds weights; nothing if by the formats' own rounding.
std::optional<SolveOptions> solveOptions(const Recipe &recipe,
                                         const QuantizeInputs &inputs);

/// All three: qnn as imported to what `-o OUT.mlir` shows.
std::optional<Error> buildFrontPipeline(mlir::OpPassManager &pm,
                                        const Recipe &recipe,
                                        const QuantizeInputs &inputs = {});

/// Whether a recipe's formats are formats; an error names the one that is not.
std::optional<Error> checkFormats(mlir::MLIRContext *context,
                                  const Recipe &recipe);

/// From there to launches of kernels and modules of step functions in the LLVM
/// dialect.
void buildCodegenPipeline(mlir::OpPassManager &pm,
                          const TargetDescription &target);

} // namespace quantc

#endif // QUANTC_DRIVER_PIPELINES_H

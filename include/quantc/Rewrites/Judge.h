// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Do no harm: a rewrite is kept only if a loss does not rise.  What the loss is
// (the error of the quantized model on held-out samples, say) is the caller's.

#ifndef QUANTC_REWRITES_JUDGE_H
#define QUANTC_REWRITES_JUDGE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace quantc {

struct RewriteLoss {
  double before = 0, after = 0;
};

/// Compares a function with its rewritten form; both stay as they are.
using RewriteJudge = llvm::function_ref<mlir::FailureOr<RewriteLoss>(
    mlir::func::FuncOp before, mlir::func::FuncOp after)>;

/// Runs `passes` (on functions, in quant-opt's syntax) on a copy, which takes
/// the function's place if the loss did not rise.  The decision is a remark.
/// Returns whether the rewrite was kept.
mlir::FailureOr<bool> rewriteUnlessWorse(mlir::func::FuncOp func,
                                         llvm::StringRef passes,
                                         RewriteJudge judge);

} // namespace quantc

#endif // QUANTC_REWRITES_JUDGE_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A recipe's rewrites, one after the other: what one needs to know is measured
// after those before it, and with samples at hand each is kept only if the
// quantized model does not lose more by it on the held-out ones.

#ifndef QUANTC_LIB_DRIVER_REWRITER_H
#define QUANTC_LIB_DRIVER_REWRITER_H

#include "HeldOutLoss.h"
#include "TemporaryFile.h"
#include "quantc/Driver/Compile.h"
#include "quantc/Driver/Pipelines.h"

namespace quantc {

/// What was decided about one rewrite.
struct RewriteDecision {
  std::string rewrite;
  bool isKept = false;
  double before = 0, after = 0;

  std::string text() const;
};

/// Brings a rewritten module to encoded values, weights rounded; on the
/// quantized stream if the recipe says so, there without the samples that
/// are held out if `holdOut`.
std::optional<Error> quantizeModule(Workspace &workspace, const Recipe &recipe,
                                    QuantizeInputs inputs, bool holdOut,
                                    mlir::ModuleOp module);

class Rewriter {
public:
  /// The workspace's module is in normal form and is changed.
  Rewriter(Workspace &workspace, const Recipe &recipe,
           const CompileOptions &options)
      : workspace(workspace), recipe(recipe), options(options),
        holdOut(recipe.holdsOut()), loss(workspace, options.data) {}

  std::optional<Error> run();

  /// The file of statistics of the module as it is now: measured if there are
  /// samples and it was not yet, else what the options name.
  std::optional<Error> getStatistics(std::string &path);

  /// The recipe, without a correction of biases that was dropped.
  const Recipe &getRecipe() const { return recipe; }

  llvm::ArrayRef<RewriteDecision> getDecisions() const { return decisions; }
  int64_t getSampleCount() const { return loss.getSampleCount(); }

private:
  std::optional<Error> measure(mlir::ModuleOp module,
                               std::unique_ptr<TemporaryFile> &file);
  std::optional<Error> apply(llvm::StringRef pass);
  /// The entry that is judged; null where none is.
  mlir::func::FuncOp judgedEntry();
  std::optional<Error> measureCurrent(mlir::func::FuncOp entry);
  std::optional<Error> judgeBiases(mlir::func::FuncOp entry);
  void decide(RewriteDecision decision);
  std::optional<Error> judge(llvm::StringRef name, llvm::StringRef pass,
                             mlir::func::FuncOp entry);
  std::optional<Error> tryRewritten(mlir::func::FuncOp after, double &lost);
  std::optional<Error> lossOf(mlir::ModuleOp module, llvm::StringRef statistics,
                              double &lost);

  Workspace &workspace;
  Recipe recipe;
  const CompileOptions &options;
  const bool holdOut;
  HeldOutLoss loss;
  /// Of the module as it is, and of the form that is judged.
  std::unique_ptr<TemporaryFile> current, tried;
  std::optional<double> currentLoss;
  std::vector<RewriteDecision> decisions;
};

} // namespace quantc

#endif // QUANTC_LIB_DRIVER_REWRITER_H

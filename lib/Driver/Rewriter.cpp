// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Statistics belong to a form of the model, so each form that is tried is
// calibrated once; those of the form that stays serve the next step.

#include "Rewriter.h"
#include "SolveStream.h"
#include "quantc/Calibration/Passes.h"
#include "quantc/Driver/Calibrate.h"
#include "quantc/Driver/FirstError.h"
#include "quantc/Driver/LoadModule.h"
#include "quantc/Rewrites/Judge.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace quantc {

std::string RewriteDecision::text() const {
  return llvm::formatv("'{0}' is {1}: the loss on held-out samples goes from "
                       "{2:e3} to {3:e3}",
                       rewrite, isKept ? "kept" : "dropped", before, after);
}

// What assign-formats and solve-weights read, in the form that they see.
std::optional<Error> Rewriter::measure(ModuleOp module,
                                       std::unique_ptr<TemporaryFile> &file) {
  OwningOpRef<ModuleOp> observed = cast<ModuleOp>(module->clone());
  if (auto error = workspace.run(
          *observed,
          [&](OpPassManager &pm) {
            pm.addNestedPass<func::FuncOp>(createInsertObserversPass());
            return std::nullopt;
          },
          Status::Refused))
    return error;
  CalibrateOptions calibration;
  calibration.data = options.data;
  calibration.holdOut = holdOut;
  Statistics statistics;
  statistics.modelHash = workspace.modelHash();
  if (auto error =
          calibrateModule(workspace, *observed, calibration, statistics))
    return error;
  file = std::make_unique<TemporaryFile>();
  if (auto error = file->create())
    return error;
  return statistics.save(file->getPath());
}

std::optional<Error> Rewriter::getStatistics(std::string &path) {
  path = options.statistics;
  if (options.data.empty())
    return std::nullopt;
  if (!current)
    if (auto error = measure(workspace.getModule(), current))
      return error;
  path = current->getPath();
  return std::nullopt;
}

std::optional<Error> quantizeModule(Workspace &workspace, const Recipe &recipe,
                                    QuantizeInputs inputs, bool holdOut,
                                    ModuleOp module) {
  auto solve = solveOptions(recipe, inputs);
  OwningOpRef<ModuleOp> reference;
  inputs.solveLater = solve && recipe.quantizedStream;
  if (inputs.solveLater)
    reference = cast<ModuleOp>(module->clone());
  if (auto error = workspace.run(
          module,
          [&](OpPassManager &pm) {
            buildQuantizePipeline(pm, recipe, inputs);
            return std::nullopt;
          },
          Status::Refused))
    return error;
  if (!inputs.solveLater)
    return std::nullopt;
  StreamOptions stream;
  stream.solve = *solve;
  stream.calibrate.data = inputs.data;
  stream.calibrate.holdOut = holdOut;
  return solveOnStream(workspace, *reference, module, stream);
}

std::optional<Error> Rewriter::lossOf(ModuleOp module, StringRef statistics,
                                      double &lost) {
  QuantizeInputs inputs;
  inputs.statistics = statistics.str();
  inputs.data = options.data;
  inputs.budget = options.budget;
  if (auto error = quantizeModule(workspace, recipe, inputs, holdOut, module))
    return error;
  return loss.measure(module, lost);
}

/// The loss of the module as it is.
std::optional<Error> Rewriter::measureCurrent(func::FuncOp entry) {
  if (currentLoss)
    return std::nullopt;
  if (auto error = loss.setReference(workspace.getModule(), entry))
    return error;
  std::string statistics;
  if (auto error = getStatistics(statistics))
    return error;
  OwningOpRef<ModuleOp> copy = cast<ModuleOp>(workspace.getModule()->clone());
  return lossOf(*copy, statistics, currentLoss.emplace());
}

/// The loss of the module with `after` in place of its entry.
std::optional<Error> Rewriter::tryRewritten(func::FuncOp after, double &lost) {
  OwningOpRef<ModuleOp> trial = cast<ModuleOp>(workspace.getModule()->clone());
  func::FuncOp entry;
  if (auto error = findEntry(*trial, "", entry))
    return error;
  OpBuilder(entry).clone(*after);
  entry.erase();
  if (auto error = workspace.run(
          *trial,
          [&](OpPassManager &pm) {
            buildRewriteCleanup(pm);
            return std::nullopt;
          },
          Status::Refused))
    return error;
  if (auto error = measure(*trial, tried))
    return error;
  return lossOf(*trial, tried->getPath(), lost);
}

void Rewriter::decide(RewriteDecision decision) {
  if (options.remark)
    options.remark(decision.text());
  decisions.push_back(std::move(decision));
}

std::optional<Error> Rewriter::judge(StringRef name, StringRef pass,
                                     func::FuncOp entry) {
  if (auto error = measureCurrent(entry))
    return error;
  RewriteDecision decision{name.str(), false, *currentLoss, 0};
  std::optional<Error> problem;
  FirstError first(workspace.getContext());
  FailureOr<bool> kept = rewriteUnlessWorse(
      entry, pass,
      [&](func::FuncOp, func::FuncOp after) -> FailureOr<RewriteLoss> {
        if ((problem = tryRewritten(after, decision.after)))
          return failure();
        return RewriteLoss{decision.before, decision.after};
      });
  if (problem)
    return problem;
  if (failed(kept))
    return first.get(workspace.getName(), Status::Refused);
  decision.isKept = *kept;
  decide(decision);
  if (!*kept)
    return std::nullopt;
  current = std::move(tried);
  currentLoss = decision.after;
  return workspace.run(
      workspace.getModule(),
      [&](OpPassManager &pm) {
        buildRewriteCleanup(pm);
        return std::nullopt;
      },
      Status::Refused);
}

// It is part of rounding, so the form of the model stays as it is.
std::optional<Error> Rewriter::judgeBiases(func::FuncOp entry) {
  if (auto error = measureCurrent(entry))
    return error;
  RewriteDecision decision{"correct-bias", false, 0, *currentLoss};
  recipe.correctBias = false;
  OwningOpRef<ModuleOp> copy = cast<ModuleOp>(workspace.getModule()->clone());
  if (auto error = lossOf(*copy, current->getPath(), decision.before))
    return error;
  recipe.correctBias = decision.isKept = decision.after <= decision.before;
  decide(decision);
  return std::nullopt;
}

std::optional<Error> Rewriter::apply(StringRef pass) {
  Recipe step = recipe;
  std::string statistics;
  if (readsStatistics(pass))
    if (auto error = getStatistics(statistics))
      return error;
  step.rewrites = {readsStatistics(pass) ? addStatistics(pass, statistics)
                                         : pass.str()};
  auto build = [&](OpPassManager &pm) {
    return buildRewritePipeline(pm, step);
  };
  func::FuncOp entry = judgedEntry();
  if (!entry) {
    auto error = workspace.run(workspace.getModule(), build, Status::Refused);
    current = nullptr;
    return error;
  }
  // Refuses what is no pass.
  PassManager scratch(&workspace.getContext(), ModuleOp::getOperationName());
  if (auto error = build(scratch))
    return error;
  return judge(pass, step.rewrites.front(), entry);
}

func::FuncOp Rewriter::judgedEntry() {
  SmallVector<func::FuncOp> entries;
  for (auto func : workspace.getModule().getOps<func::FuncOp>())
    if (func->hasAttr(qnn::kEntryAttr))
      entries.push_back(func);
  // Samples are those of one entry.
  bool judges = !options.data.empty() && recipe.judgesRewrites();
  return judges && entries.size() == 1 ? entries.front() : func::FuncOp();
}

std::optional<Error> Rewriter::run() {
  for (const std::string &pass : recipe.rewrites)
    if (auto error = apply(pass))
      return error;
  func::FuncOp entry = recipe.correctBias ? judgedEntry() : func::FuncOp();
  return entry ? judgeBiases(entry) : std::nullopt;
}

} // namespace quantc

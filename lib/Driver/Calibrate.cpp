// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Calibration: the module with observed values as results is compiled like any
// other and run sample by sample.

#include "quantc/Driver/Calibrate.h"
#include "Samples.h"
#include "quantc/Calibration/Passes.h"
#include "quantc/Calibration/Runner.h"
#include "quantc/Driver/InProcess.h"
#include "quantc/Driver/LoadModule.h"
#include "quantc/Driver/Pipelines.h"

using namespace mlir;

namespace quantc {

namespace {

class Calibration {
public:
  Calibration(Workspace &workspace, const CalibrateOptions &options,
              Statistics &statistics)
      : workspace(workspace), options(options), statistics(statistics) {}

  std::optional<Error> run(ModuleOp module);

private:
  std::optional<Error> build(ModuleOp module);
  std::optional<Error> observe(CalibrationRunner &runner,
                               std::vector<NamedArray> &sample);

  Workspace &workspace;
  const CalibrateOptions &options;
  Statistics &statistics;
  func::FuncOp function;
  std::vector<Tap> taps;
  EntrySpec spec;
  std::unique_ptr<InProcessProgram> program;
};

std::optional<Error> Calibration::build(ModuleOp module) {
  if (auto error = findEntry(module, options.entry, function))
    return error;
  if (auto error = describeEntry(function, spec))
    return error;
  OwningOpRef<ModuleOp> copy = cast<ModuleOp>(module->clone());
  for (auto func : llvm::make_early_inc_range(copy->getOps<func::FuncOp>()))
    if (func->hasAttr(qnn::kEntryAttr) && func.getName() != spec.name)
      func.erase();
  func::FuncOp entry;
  if (auto error = findEntry(*copy, spec.name, entry))
    return error;
  if (auto error = exposeTaps(entry, taps))
    return error;
  if (taps.empty())
    return std::nullopt;
  return InProcessProgram::compile(workspace, *copy, program);
}

// Which rows of a sample are no padding, for each mask that a tap names.
llvm::StringMap<RowMask> readMasks(ArrayRef<Tap> taps,
                                   ArrayRef<NamedArray> sample) {
  llvm::StringMap<RowMask> masks;
  for (const Tap &tap : taps) {
    if (tap.rowMask.empty() || masks.contains(tap.rowMask))
      continue;
    for (const NamedArray &input : sample) {
      if (input.name != tap.rowMask)
        continue;
      RowMask &mask = masks[tap.rowMask];
      mask.shape.assign(input.array.getShape().begin(),
                        input.array.getShape().end());
      for (int64_t i = 0; i < input.array.getNumElements(); ++i)
        mask.keep.push_back(input.array.getNumber(i) != 0);
    }
  }
  return masks;
}

std::optional<Error> Calibration::observe(CalibrationRunner &runner,
                                          std::vector<NamedArray> &sample) {
  if (auto error = checkNumbers(sample, kMaxObserved))
    return error;
  std::vector<quantc_tensor> results;
  if (auto error = program->run(sample, results))
    return error;
  std::vector<TapTensor> observed;
  for (const quantc_tensor &tensor : results)
    observed.push_back({reinterpret_cast<const float *>(dataOf(tensor)),
                        ArrayRef(tensor.shape, size_t(tensor.ndim))});
  if (auto error = runner.observe(observed, readMasks(taps, sample)))
    return error;
  if (options.progress)
    options.progress(statistics.samples);
  return std::nullopt;
}

std::optional<Error> Calibration::run(ModuleOp module) {
  if (auto error = build(module))
    return error;
  if (taps.empty())
    return std::nullopt;
  CalibrationRunner runner(taps, workspace.getThreads(), statistics);
  return forEachSampleOf(
      options.data, options.samples,
      options.holdOut ? SampleShare::Calibration : SampleShare::All, function,
      spec,
      [&](std::vector<NamedArray> &sample) { return observe(runner, sample); });
}

} // namespace

std::optional<Error> calibrateModule(Workspace &workspace, ModuleOp module,
                                     const CalibrateOptions &options,
                                     Statistics &statistics) {
  return Calibration(workspace, options, statistics).run(module);
}

std::optional<Error> calibrate(const CalibrateOptions &options,
                               Statistics &statistics) {
  Workspace workspace(options.input, options.model, options.threads);
  Recipe recipe;
  if (auto error = loadRecipe(options.recipe, recipe))
    return error;
  recipe.expectData();
  if (auto error = checkRewrites(recipe))
    return error;
  if (auto error = workspace.load())
    return error;
  if (auto error = workspace.run(
          workspace.getModule(),
          [&](OpPassManager &pm) -> std::optional<Error> {
            buildNormalPipeline(pm);
            if (auto error = buildRewritePipeline(pm, recipe))
              return error;
            InsertObserversPassOptions insert;
            insert.observers.assign(options.observers.begin(),
                                    options.observers.end());
            pm.addNestedPass<func::FuncOp>(createInsertObserversPass(insert));
            return std::nullopt;
          },
          Status::Refused))
    return error;
  statistics.modelHash = workspace.modelHash();
  if (auto error = calibrateModule(workspace, workspace.getModule(), options,
                                   statistics))
    return error;
  if (statistics.getPoints().empty())
    return Error{Status::Refused, workspace.getName() +
                                      ": the model has nothing to observe: no "
                                      "linear, convolution, matmul or "
                                      "attention in float32"};
  return std::nullopt;
}

std::optional<Error> mergeStatistics(ArrayRef<std::string> files,
                                     Statistics &statistics) {
  for (const std::string &path : files) {
    Statistics part;
    if (auto error = Statistics::load(path, part))
      return error;
    if (&path == files.begin()) {
      statistics = std::move(part);
      continue;
    }
    if (auto error = statistics.merge(part)) {
      error->message = "'" + path + "': " + error->message;
      return error;
    }
  }
  return std::nullopt;
}

} // namespace quantc

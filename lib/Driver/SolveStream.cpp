// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A stage's program holds the float function with its observers and, beside it,
// the quantized one, whose weights are float where they are not solved yet.
// Observed are rows (x_ref, x): one second moment then holds that of x, the
// cross moment and both means.

#include "SolveStream.h"
#include "mlir/IR/IRMapping.h"
#include "quantc/Allocation/Passes.h"
#include "quantc/Calibration/Observers.h"
#include "quantc/Calibration/Passes.h"
#include "quantc/Dialect/QNN/Loops.h"
#include "quantc/Driver/FirstError.h"
#include "quantc/Driver/LoadModule.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace quantc::qnn;

namespace quantc {

namespace {

/// A linear whose weight is still to be solved.
struct StreamLayer {
  LinearOp op;
  std::string point, key;
  int64_t stage = 0;
};

/// Name and key of the statistic that assign-formats noted on a weight.
std::optional<std::pair<StringRef, StringRef>> notedOn(LinearOp linear) {
  auto quantize = linear.getWeight().getDefiningOp<QuantizeOp>();
  auto noted = quantize ? quantize->getAttrOfType<ArrayAttr>(kStatisticAttr)
                        : ArrayAttr();
  if (!noted || noted.size() != 2)
    return std::nullopt;
  return std::pair(cast<StringAttr>(noted[0]).getValue(),
                   cast<StringAttr>(noted[1]).getValue());
}

class StreamSolver {
public:
  StreamSolver(Workspace &workspace, ModuleOp reference, ModuleOp module,
               const StreamOptions &options)
      : workspace(workspace), reference(reference), module(module),
        options(options) {}

  std::optional<Error> run();

private:
  void collectLayers();
  OwningOpRef<ModuleOp> buildProgram(int64_t stage);
  std::optional<Error> solveStage(int64_t stage);

  Workspace &workspace;
  ModuleOp reference, module;
  const StreamOptions &options;
  OwningOpRef<ModuleOp> observed;
  func::FuncOp observedEntry, entry;
  std::vector<StreamLayer> layers;
  int64_t numStages = 0;
};

// A layer's level is the number of layers on the longest way to it; levels are
// spread evenly over the stages.
void StreamSolver::collectLayers() {
  DenseMap<Value, int64_t> depth;
  int64_t levels = 0;
  for (Operation &op : entry.front()) {
    int64_t most = 0;
    for (Value operand : op.getOperands())
      most = std::max(most, depth.lookup(operand));
    auto linear = dyn_cast<LinearOp>(op);
    if (auto noted = linear ? notedOn(linear) : std::nullopt) {
      layers.push_back({linear, noted->first.str(), noted->second.str(), most});
      levels = std::max(levels, ++most);
    }
    for (Value result : op.getResults())
      depth[result] = most;
  }
  numStages = std::min(levels, options.stages);
  for (StreamLayer &layer : layers)
    layer.stage = layer.stage * numStages / levels;
}

/// Both functions in one, with an observer of (x_ref, x) at each input of the
/// stage's layers.
OwningOpRef<ModuleOp> StreamSolver::buildProgram(int64_t stage) {
  OwningOpRef<ModuleOp> program = ModuleOp::create(module.getLoc());
  (*program)->setAttrs(module->getAttrDictionary());
  OpBuilder builder = OpBuilder::atBlockBegin(program->getBody());
  IRMapping ofReference, ofModule;
  auto merged =
      cast<func::FuncOp>(builder.clone(*entry.getOperation(), ofModule));
  builder.setInsertionPoint(merged.front().getTerminator());
  ofReference.map(observedEntry.getArguments(), merged.getArguments());
  llvm::StringMap<ObserveOp> observers;
  llvm::SmallPtrSet<Operation *, 8> wanted;
  for (Operation &op : observedEntry.front().without_terminator()) {
    Operation *copy = builder.clone(op, ofReference);
    if (auto observe = dyn_cast<ObserveOp>(copy))
      observers[observe.getPoint()] = observe;
  }
  for (const StreamLayer &layer : layers) {
    auto own =
        cast<LinearOp>(ofModule.lookup(layer.op->getResult(0)).getDefiningOp());
    Value read = own.getInput();
    bool isRounded = getElementTypeOrSelf(read).isBF16();
    if (auto cast = read.getDefiningOp<CastOp>(); cast && isRounded)
      read = cast.getInput();
    else if (auto quantize = read.getDefiningOp<QuantizeOp>())
      read = quantize.getInput();
    if (notedOn(own)) { // not solved yet
      own.getInputMutable().set(read);
      own.getWeightMutable().set(
          own.getWeight().getDefiningOp<QuantizeOp>().getInput());
    }
    auto it = observers.find(layer.point);
    if (layer.stage != stage || it == observers.end())
      continue;
    ObserveOp observe = it->second;
    observers.erase(it);
    auto type = cast<RankedTensorType>(read.getType());
    SmallVector<int64_t> shape(type.getShape());
    shape.back() *= 2;
    builder.setInsertionPoint(merged.front().getTerminator());
    Value both = ConcatOp::create(builder, own.getLoc(), type.clone(shape),
                                  ValueRange{observe.getInput(), read},
                                  type.getRank() - 1);
    wanted.insert(ObserveOp::create(
        builder, own.getLoc(), both.getType(), both,
        builder.getStringAttr(layer.point),
        builder.getStrArrayAttr({SecondMoment::kName}),
        observe.getChannelAxisAttr(), observe.getRowMaskAttr(),
        observe.getRowMaskAxesAttr()));
  }
  merged.walk([&](ObserveOp op) {
    if (wanted.contains(op))
      return;
    op.getResult().replaceAllUsesWith(op.getInput());
    op.erase();
  });
  return program;
}

std::optional<Error> StreamSolver::solveStage(int64_t stage) {
  OwningOpRef<ModuleOp> program = buildProgram(stage);
  Statistics statistics;
  if (auto error =
          calibrateModule(workspace, *program, options.calibrate, statistics))
    return error;
  // Known to assign-formats by the float model's value.
  for (const StreamLayer &layer : layers)
    if (layer.stage == stage)
      if (PointStatistics *point = statistics.find(layer.point))
        point->key = layer.key;
  SolveOptions solve = options.solve;
  solve.onlyMeasured = true;
  FirstError first(workspace.getContext());
  if (failed(solveWeights(module, solve, statistics)))
    return first.get(workspace.getName(), Status::Refused);
  return std::nullopt;
}

std::optional<Error> StreamSolver::run() {
  observed = cast<ModuleOp>(reference->clone());
  if (auto error = workspace.run(
          *observed,
          [&](OpPassManager &pm) {
            InsertObserversPassOptions insert;
            insert.observers = {SecondMoment::kName.str()};
            pm.addNestedPass<func::FuncOp>(createInsertObserversPass(insert));
            return std::nullopt;
          },
          Status::Refused))
    return error;
  if (auto error = findEntry(*observed, options.calibrate.entry, observedEntry))
    return error;
  if (auto error = findEntry(module, options.calibrate.entry, entry))
    return error;
  if (hasLoops(entry))
    return Error{Status::Refused,
                 "a model with a loop whose number of iterations depends on "
                 "run-time data cannot be solved on samples; use a recipe "
                 "without a solver that reads them"};
  collectLayers();
  for (int64_t stage = 0; stage < numStages; ++stage)
    if (auto error = solveStage(stage))
      return error;
  return std::nullopt;
}

} // namespace

std::optional<Error> solveOnStream(Workspace &workspace, ModuleOp reference,
                                   ModuleOp module,
                                   const StreamOptions &options) {
  return StreamSolver(workspace, reference, module, options).run();
}

} // namespace quantc

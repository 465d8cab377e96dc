// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs a solver on every quantized weight of a module, layers in parallel.
// Weights are read and results kept one layer per thread; the IR is changed
// afterwards, in order, since resource keys must be made by one thread.

#include "LayerMoments.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Threading.h"
#include "quantc/Allocation/Passes.h"
#include "quantc/Calibration/Statistics.h"
#include "quantc/Dialect/QNN/ConstantExpressions.h"
#include "quantc/Dialect/QNN/Interpreter.h"
#include "quantc/Dialect/QNN/NodeNames.h"

namespace quantc {
#define GEN_PASS_DEF_SOLVEWEIGHTSPASS
#include "quantc/Allocation/Passes.h.inc"
} // namespace quantc

using namespace mlir;
using namespace quantc;
using namespace quantc::qnn;

namespace {

struct Task {
  QuantizeOp op;
  LinearOp reader;
  std::string name;
  const SecondMoment *moment = nullptr;
  std::optional<solvers::Solution> solution;
};

/// The payload array as a resource of its own.
ElementsAttr toResource(const HostTensor &tensor, StringRef name) {
  auto type = RankedTensorType::get(tensor.getShape(), tensor.getElementType());
  auto blob = HeapAsmResourceBlob::allocateAndCopyWithAlign(
      tensor.getBytes(), /*align=*/64, /*dataIsMutable=*/false);
  return DenseResourceElementsAttr::get(type, name, std::move(blob));
}

class WeightSolver {
public:
  WeightSolver(const solvers::Solver &solver, const Statistics &statistics)
      : solver(solver), statistics(statistics) {}

  /// Collects the weights of a function; an error is emitted where a statistic
  /// is needed and missing.
  LogicalResult collect(func::FuncOp func);
  LogicalResult solve(MLIRContext *context);
  void rewrite();
  size_t size() const { return tasks.size(); }

private:
  LogicalResult attach(Task &task);
  LogicalResult solve(Task &task) const;

  const solvers::Solver &solver;
  const Statistics &statistics;
  ConstantExpressions constants;
  std::vector<Task> tasks;
};

LogicalResult WeightSolver::collect(func::FuncOp func) {
  DenseSet<Operation *> seen;
  auto status = func.walk([&](LinearOp linear) {
    auto quantize = linear.getWeight().getDefiningOp<QuantizeOp>();
    if (!quantize || quantize.getScale() ||
        !constants.contains(quantize.getInput()) ||
        !seen.insert(quantize).second)
      return WalkResult::advance();
    Task task{quantize, linear, firstNodeName(linear.getLoc(), "linear"),
              nullptr, std::nullopt};
    if (failed(attach(task)))
      return WalkResult::interrupt();
    tasks.push_back(std::move(task));
    return WalkResult::advance();
  });
  return failure(status.wasInterrupted());
}

LogicalResult WeightSolver::attach(Task &task) {
  auto noted = task.op->getAttrOfType<ArrayAttr>(kStatisticAttr);
  const PointStatistics *point = nullptr;
  if (noted && noted.size() == 2 && isa<StringAttr>(noted[0]) &&
      isa<StringAttr>(noted[1]))
    if (auto error =
            statistics.find(cast<StringAttr>(noted[0]).getValue(),
                            cast<StringAttr>(noted[1]).getValue(), point))
      return task.reader.emitError(error->message);
  if (point)
    task.moment = point->get<SecondMoment>();
  if (task.moment || !solver.needsSecondMoment())
    return success();
  return task.reader.emitError("solver '")
         << solver.getName()
         << "' needs the second moment of the linear's input; calibrate the "
            "model, or use 'rtn'";
}

LogicalResult WeightSolver::solve(Task &task) const {
  FailureOr<HostTensor> weight = evaluateConstant(task.op.getInput());
  if (failed(weight))
    return failure();
  MLIRContext *context = task.op.getContext();
  auto type = cast<EncodedType>(task.op.getType());
  solvers::Layer layer;
  layer.name = task.name;
  layer.weight = *weight;
  layer.format = type.getScheme();
  if (task.moment)
    layer.statistics = toLayerStatistics(context, *task.moment);
  auto solution = solver.solve([&] { return task.reader.emitError(); }, layer);
  if (failed(solution))
    return failure();
  solution->decoded.clear();
  solution->decoded.shrink_to_fit();
  task.solution = std::move(*solution);
  return success();
}

LogicalResult WeightSolver::solve(MLIRContext *context) {
  return failableParallelForEach(context, tasks,
                                 [&](Task &task) { return solve(task); });
}

void WeightSolver::rewrite() {
  for (Task &task : tasks) {
    OpBuilder builder(task.op);
    auto type = cast<EncodedType>(task.op.getType());
    SmallVector<NamedAttribute> payload;
    for (auto [array, tensor] :
         llvm::zip_equal(type.getScheme().payload(type.getShape()),
                         task.solution->encoded.arrays))
      payload.push_back(builder.getNamedAttr(
          array.name, toResource(tensor, task.name + "." + array.name.str())));
    auto constant = EncodedConstantOp::create(
        builder, task.op.getLoc(), type, builder.getDictionaryAttr(payload));
    const solvers::SolveReport &report = task.solution->report;
    constant->setAttr("weight_error",
                      builder.getF64FloatAttr(report.weightError));
    if (report.outputError)
      constant->setAttr("output_error",
                        builder.getF64FloatAttr(*report.outputError));
    auto remark = task.reader.emitRemark("weight solved by '")
                  << solver.getName() << "': squared error of the weight "
                  << report.weightError;
    if (report.outputError)
      remark << ", of the output " << *report.outputError << ", damping "
             << report.damping << ", " << report.deadInputs << " dead inputs";
    task.op.getResult().replaceAllUsesWith(constant.getResult());
    task.op.erase();
    task.solution.reset();
  }
}

struct SolveWeightsPass
    : public quantc::impl::SolveWeightsPassBase<SolveWeightsPass> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    Statistics file;
    if (!statistics.empty() && failed(loadStatistics(module, statistics, file)))
      return signalPassFailure();
    auto chosen = solvers::Solver::create([&] { return module.emitError(); },
                                          solver, solverOptions);
    if (!chosen)
      return signalPassFailure();
    WeightSolver weights(*chosen, file);
    for (auto func : module.getOps<func::FuncOp>())
      if (func->hasAttr(kEntryAttr) && failed(weights.collect(func)))
        return signalPassFailure();
    if (failed(weights.solve(&getContext())))
      return signalPassFailure();
    numSolved += weights.size();
    weights.rewrite();
  }
};

} // namespace

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs a solver on every quantized weight of a module, layers in parallel.
// Weights are read and results kept one layer per thread; the IR is changed
// afterwards, in order, since resource keys must be made by one thread.

#include "quantc/Allocation/SolveWeights.h"
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
  /// What the bias takes over, one for each output, if that is wanted.
  SmallVector<float> shift;
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
  WeightSolver(const solvers::Solver &solver, const SolveOptions &options,
               const Statistics &statistics)
      : solver(solver), options(options), statistics(statistics) {}

  /// Collects the weights of a function; an error is emitted where a statistic
  /// is needed and missing.
  LogicalResult collect(func::FuncOp func);
  LogicalResult solve(MLIRContext *context);
  void rewrite();
  size_t size() const { return tasks.size(); }

private:
  FailureOr<bool> attach(Task &task);
  LogicalResult solve(Task &task) const;
  void shiftBias(Task &task);
  bool canShiftBias(LinearOp linear);

  const solvers::Solver &solver;
  const SolveOptions &options;
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
    Task task;
    task.op = quantize;
    task.reader = linear;
    task.name = firstNodeName(linear.getLoc(), "linear");
    FailureOr<bool> attached = attach(task);
    if (failed(attached))
      return WalkResult::interrupt();
    if (*attached)
      tasks.push_back(std::move(task));
    return WalkResult::advance();
  });
  return failure(status.wasInterrupted());
}

/// False if the weight is left alone.
FailureOr<bool> WeightSolver::attach(Task &task) {
  auto noted = task.op->getAttrOfType<ArrayAttr>(kStatisticAttr);
  const PointStatistics *point = nullptr;
  if (noted && noted.size() == 2 && isa<StringAttr>(noted[0]) &&
      isa<StringAttr>(noted[1]))
    if (auto error =
            statistics.find(cast<StringAttr>(noted[0]).getValue(),
                            cast<StringAttr>(noted[1]).getValue(), point))
      return task.reader.emitError(error->message);
  task.moment = SecondMoment::find(point);
  if (task.moment)
    return true;
  // Samples may not reach every layer; those are rounded to nearest.
  if (options.onlyMeasured || (point && point->get<SecondMoment>()))
    return false;
  if (!solver.needsSecondMoment() && !options.correctBias)
    return true;
  return task.reader.emitError("solver '")
         << solver.getName()
         << "' needs the second moment of the linear's input; calibrate the "
            "model, or use 'rtn'";
}

/// The mean of a layer's outputs before and after rounding differs by
/// W E[x_ref] - Q E[x].
static SmallVector<float> meanShift(const HostTensor &weight,
                                    ArrayRef<float> rounded,
                                    ArrayRef<double> mean) {
  int64_t rows = weight.getShape()[0], columns = weight.getShape()[1];
  ArrayRef<double> before = mean.take_front(columns);
  ArrayRef<double> after = mean.take_back(columns);
  ArrayRef<float> w = weight.as<float>();
  SmallVector<float> shift(rows);
  for (int64_t row = 0; row < rows; ++row) {
    double sum = 0;
    for (int64_t i = row * columns, k = 0; k < columns; ++i, ++k)
      sum += w[i] * before[k] - rounded[i] * after[k];
    shift[row] = float(sum);
  }
  return shift;
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
    layer.statistics =
        toLayerStatistics(context, *task.moment, type.getShape()[1]);
  auto solution = solver.solve([&] { return task.reader.emitError(); }, layer);
  if (failed(solution))
    return failure();
  if (options.correctBias && task.moment)
    task.shift = meanShift(*weight, solution->decoded, task.moment->getMean());
  solution->decoded.clear();
  solution->decoded.shrink_to_fit();
  task.solution = std::move(*solution);
  return success();
}

LogicalResult WeightSolver::solve(MLIRContext *context) {
  return failableParallelForEach(context, tasks,
                                 [&](Task &task) { return solve(task); });
}

bool WeightSolver::canShiftBias(LinearOp linear) {
  Value bias = linear.getBias();
  return linear.getWeight().hasOneUse() &&
         (!bias || (constants.contains(bias) &&
                    cast<ShapedType>(bias.getType()).getElementType().isF32()));
}

void WeightSolver::shiftBias(Task &task) {
  LinearOp linear = task.reader;
  if (task.shift.empty() || !canShiftBias(linear))
    return;
  if (linear.getBias()) {
    FailureOr<HostTensor> old = evaluateConstant(linear.getBias());
    if (failed(old) || old->getNumElements() != int64_t(task.shift.size()))
      return;
    for (auto [to, from] : llvm::zip(task.shift, old->as<float>()))
      to += from;
  }
  OpBuilder builder(linear);
  auto type =
      RankedTensorType::get({int64_t(task.shift.size())}, builder.getF32Type());
  linear.getBiasMutable().assign(
      ConstantOp::create(builder, linear.getLoc(), type,
                         DenseElementsAttr::get(type, ArrayRef(task.shift)))
          .getResult());
}

void WeightSolver::rewrite() {
  for (Task &task : tasks) {
    shiftBias(task);
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
    FailureOr<size_t> count = solveWeights(
        module, {solver, solverOptions, /*onlyMeasured=*/false, correctBias},
        file);
    if (failed(count))
      return signalPassFailure();
    numSolved += *count;
  }
};

} // namespace

FailureOr<size_t> quantc::solveWeights(ModuleOp module,
                                       const SolveOptions &options,
                                       const Statistics &statistics) {
  auto chosen = solvers::Solver::create([&] { return module.emitError(); },
                                        options.solver, options.solverOptions);
  if (!chosen)
    return failure();
  WeightSolver weights(*chosen, options, statistics);
  for (auto func : module.getOps<func::FuncOp>())
    if (func->hasAttr(kEntryAttr) && failed(weights.collect(func)))
      return failure();
  if (failed(weights.solve(module.getContext())))
    return failure();
  size_t count = weights.size();
  weights.rewrite();
  return count;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Candidates and their costs, tensors in parallel; then the integer program.

#include "LayerMoments.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/Threading.h"
#include "quantc/Allocation/BitAllocation.h"
#include "quantc/Allocation/Passes.h"
#include "quantc/Calibration/ObservationPoints.h"
#include "quantc/Calibration/Statistics.h"
#include "quantc/Dialect/QNN/ConstantExpressions.h"
#include "quantc/Dialect/QNN/Interpreter.h"
#include "quantc/Dialect/QNN/NodeNames.h"
#include "quantc/Support/AtomicFile.h"

namespace quantc {
#define GEN_PASS_DEF_ALLOCATEFORMATSPASS
#include "quantc/Allocation/Passes.h.inc"
} // namespace quantc

using namespace mlir;
using namespace quantc;
using namespace quantc::qnn;
using fmt::FormatInterface;

namespace {

/// A weight and the operations that read it.
struct Matrix {
  Value value;
  SmallVector<Operation *> readers;
  std::string name;
  const SecondMoment *moment = nullptr;
  AllocatedTensor tensor;
};

class FormatAllocator {
public:
  FormatAllocator(ArrayRef<FormatInterface> candidates,
                  const solvers::Solver &solver, bool byOutput)
      : candidates(candidates), solver(solver), byOutput(byOutput) {}

  LogicalResult collect(func::FuncOp func, const Statistics *statistics,
                        int64_t minElements);
  LogicalResult measure(ModuleOp module);
  LogicalResult allocate(ModuleOp module, StringRef budget, int64_t points,
                         StringRef report);

private:
  void add(Value value, Operation *reader);
  bool isMatrix(Value value);
  LogicalResult measure(Matrix &matrix) const;
  FailureOr<double> costOf(const Matrix &matrix, const solvers::Layer &layer,
                           double energy) const;
  LogicalResult write(ModuleOp module, StringRef path, const Allocation &point,
                      ArrayRef<Allocation> front) const;

  ArrayRef<FormatInterface> candidates;
  const solvers::Solver &solver;
  bool byOutput;
  ConstantExpressions constants;
  DenseMap<Value, size_t> known;
  std::vector<Matrix> matrices;
  /// Bytes of constants that keep their type.
  int64_t otherBytes = 0;
};

bool FormatAllocator::isMatrix(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.getRank() == 2 && type.getElementType().isF32() &&
         constants.contains(value);
}

void FormatAllocator::add(Value value, Operation *reader) {
  auto [it, isNew] = known.try_emplace(value, matrices.size());
  if (isNew) {
    Matrix matrix;
    matrix.value = value;
    matrix.name =
        firstNodeName(reader->getLoc(), reader->getName().stripDialect());
    matrices.push_back(std::move(matrix));
  }
  matrices[it->second].readers.push_back(reader);
}

LogicalResult FormatAllocator::collect(func::FuncOp func,
                                       const Statistics *statistics,
                                       int64_t minElements) {
  func.walk([&](LinearOp op) {
    if (isMatrix(op.getWeight()) && !op.getPackedFrom())
      add(op.getWeight(), op);
  });
  func.walk([&](GatherOp op) {
    if (op.getAxis() == 0 && isMatrix(op.getInput()) &&
        cast<ShapedType>(op.getInput().getType()).getNumElements() >=
            minElements)
      add(op.getInput(), op);
  });
  func.walk([&](ConstantOp op) {
    auto type = cast<ShapedType>(op.getType());
    if (type.getElementType().isIntOrFloat())
      otherBytes += type.getNumElements() *
                    HostTensor::storageBytes(type.getElementType());
  });
  // What is allocated is not among the others, lazy or not.
  for (const Matrix &matrix : matrices)
    otherBytes -= cast<ShapedType>(matrix.value.getType()).getNumElements() * 4;
  otherBytes = std::max<int64_t>(otherBytes, 0);
  if (!byOutput)
    return success();
  ObservationPoints points = ObservationPoints::compute(func);
  for (Matrix &matrix : matrices) {
    auto linear = dyn_cast<LinearOp>(matrix.readers.front());
    if (!linear || matrix.moment)
      continue;
    const ObservationPoint &at = points.get(linear.getInput());
    const PointStatistics *point = nullptr;
    if (auto error = statistics->find(at.name, at.key, point))
      return linear.emitError(error->message);
    matrix.moment = point ? point->get<SecondMoment>() : nullptr;
    if (!matrix.moment)
      return linear.emitError("no second moment of '")
             << at.name << "' in the statistics; calibrate, or use the "
             << "sensitivity 'weight'";
  }
  return success();
}

FailureOr<double> FormatAllocator::costOf(const Matrix &matrix,
                                          const solvers::Layer &layer,
                                          double energy) const {
  auto solution =
      solver.solve([&] { return matrix.readers.front()->emitError(); }, layer);
  if (failed(solution))
    return failure();
  double error =
      solution->report.outputError.value_or(solution->report.weightError);
  return energy > 0 ? error / energy : 0;
}

LogicalResult FormatAllocator::measure(Matrix &matrix) const {
  Operation *op = matrix.readers.front();
  FailureOr<HostTensor> weight = evaluateConstant(matrix.value);
  if (failed(weight))
    return failure();
  solvers::Layer layer;
  layer.name = matrix.name;
  layer.weight = *weight;
  double energy = 0;
  if (matrix.moment) {
    layer.statistics = toLayerStatistics(op->getContext(), *matrix.moment);
    auto known = solvers::outputEnergy([&] { return op->emitError(); },
                                       layer.weight, layer.statistics);
    if (failed(known))
      return failure();
    energy = *known;
  } else {
    for (float value : weight->as<float>())
      energy += double(value) * value;
  }
  matrix.tensor.name = matrix.name;
  matrix.tensor.numWeights = weight->getNumElements();
  for (FormatInterface format : candidates) {
    layer.format = format;
    if (failed(format.verifyShape([&] { return op->emitError(); },
                                  weight->getShape())))
      return failure();
    FailureOr<double> cost = costOf(matrix, layer, energy);
    std::optional<int64_t> bits = format.storedBits(weight->getShape());
    if (failed(cost) || !bits)
      return failure();
    std::string text;
    llvm::raw_string_ostream(text) << Attribute(format);
    matrix.tensor.candidates.push_back(
        {text, (*bits + 7) / 8, *cost * double(weight->getNumElements())});
  }
  return success();
}

LogicalResult FormatAllocator::measure(ModuleOp module) {
  if (matrices.empty())
    return module.emitError("the model has no weight to allocate: no linear "
                            "with a constant matrix, no large table");
  return failableParallelForEach(
      module.getContext(), matrices,
      [&](Matrix &matrix) { return measure(matrix); });
}

LogicalResult FormatAllocator::allocate(ModuleOp module, StringRef budget,
                                        int64_t points, StringRef report) {
  std::vector<AllocatedTensor> tensors;
  int64_t weights = 0;
  for (const Matrix &matrix : matrices) {
    tensors.push_back(matrix.tensor);
    weights += matrix.tensor.numWeights;
  }
  int64_t bytes = 0;
  if (auto error = parseBudget(budget, weights, bytes))
    return module.emitError(error->message);
  if (!budget.ends_with("bpw")) {
    if (bytes <= otherBytes)
      return module.emitError("budget ")
             << budget << " is less than the " << otherBytes
             << " bytes of the constants that keep their type";
    bytes -= otherBytes;
  }
  Allocation point;
  if (auto error = allocateBits(tensors, bytes, AllocationOptions(), point))
    return module.emitError(error->message);
  for (auto [matrix, choice] : llvm::zip_equal(matrices, point.choices))
    for (Operation *reader : matrix.readers)
      reader->setAttr(kFormatAttr, candidates[choice]);
  if (report.empty())
    return success();
  std::vector<Allocation> front;
  if (auto error = traceFront(tensors, points, AllocationOptions(), front))
    return module.emitError(error->message);
  llvm::json::Array curve;
  for (const Allocation &other : front)
    curve.push_back(toJson(tensors, other, /*withFormats=*/false));
  llvm::json::Object root = toJson(tensors, point, /*withFormats=*/true);
  root["budget"] = budget;
  root["other_bytes"] = otherBytes;
  root["front"] = std::move(curve);
  Error error;
  auto file = AtomicFile::create(report, error);
  if (!file)
    return module.emitError(error.message);
  file->os() << llvm::formatv("{0:2}", llvm::json::Value(std::move(root)))
             << "\n";
  if (auto failed = file->commit())
    return module.emitError(failed->message);
  return success();
}

struct AllocateFormatsPass
    : public quantc::impl::AllocateFormatsPassBase<AllocateFormatsPass> {
  using Base::Base;

  LogicalResult initialize(MLIRContext *context) override {
    auto refuse = [&](const Twine &why) {
      return emitError(UnknownLoc::get(context)) << why;
    };
    if (sensitivity != "output" && sensitivity != "weight")
      return refuse("expected sensitivity output or weight, got '" +
                    sensitivity + "'");
    for (StringRef text : candidates) {
      auto format =
          dyn_cast_if_present<FormatInterface>(parseAttribute(text, context));
      if (!format)
        return refuse("expected a number format such as #fmt.int<8, axis = "
                      "0>, got '" +
                      text + "'");
      formats.push_back(format);
    }
    return formats.empty() ? refuse("expected at least one candidate format")
                           : success();
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    Statistics file;
    if (!statistics.empty() && failed(loadStatistics(module, statistics, file)))
      return signalPassFailure();
    auto chosen =
        solvers::Solver::create([&] { return module.emitError(); }, solver);
    if (!chosen)
      return signalPassFailure();
    FormatAllocator allocator(formats, *chosen, sensitivity == "output");
    for (auto func : module.getOps<func::FuncOp>())
      if (func->hasAttr(kEntryAttr) &&
          failed(allocator.collect(func, &file, minElements)))
        return signalPassFailure();
    if (failed(allocator.measure(module)) ||
        failed(allocator.allocate(module, budget, frontPoints, report)))
      return signalPassFailure();
  }

private:
  SmallVector<FormatInterface> formats;
};

} // namespace

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Candidates rounded by the solver, their costs by a sensitivity provider, then
// the integer program.  Weights go through in groups, so that only a few are
// held in all their formats.

#include "LayerMoments.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/Threading.h"
#include "quantc/Allocation/BitAllocation.h"
#include "quantc/Allocation/Passes.h"
#include "quantc/Allocation/Sensitivity.h"
#include "quantc/Calibration/ObservationPoints.h"
#include "quantc/Calibration/Statistics.h"
#include "quantc/Dialect/Fmt/PackLines.h"
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

/// The bytes that a weight takes as kernels read it, padding of lines and
/// panels included; nothing where no size is fixed.
static std::optional<int64_t> storedBytes(FormatInterface format,
                                          ArrayRef<int64_t> shape) {
  auto blocks = format.asBlocks(shape);
  auto lines = blocks ? fmt::getLineShape(blocks->bits, shape[0], shape[1],
                                          blocks->group)
                      : std::nullopt;
  if (!lines) {
    auto bits = format.storedBits(shape);
    return bits ? std::optional<int64_t>((*bits + 7) / 8) : std::nullopt;
  }
  int64_t bytes = llvm::product_of(*lines);
  // Panels of 16 columns for each of the other arrays.
  auto arrays = format.payload(shape);
  for (const fmt::PayloadArray &array : llvm::drop_begin(arrays)) {
    int64_t groups = array.shape.size() < 2 ? 1 : array.shape[1];
    bytes += llvm::divideCeil(shape[0], 16) * 16 * groups *
             HostTensor::storageBytes(array.elementType);
  }
  return bytes;
}

namespace {

/// Rounded forms of the weights at hand take about this much, or are those of
/// one weight.
constexpr int64_t kFormBytes = int64_t(1) << 28;

/// What is allocated: a weight, its input's moment, its candidates.
struct Matrix {
  const SecondMoment *moment = nullptr;
  SmallVector<FormatInterface> formats;
  AllocatedTensor tensor;
};

class FormatAllocator {
public:
  FormatAllocator(ArrayRef<FormatInterface> candidates,
                  const solvers::Solver &solver, SensitivityProvider &provider)
      : candidates(candidates), solver(solver), provider(provider) {}

  LogicalResult collect(func::FuncOp func, const Statistics *statistics,
                        int64_t minElements);
  LogicalResult measure(ModuleOp module, StringRef data);
  LogicalResult allocate(ModuleOp module, StringRef budget, int64_t points,
                         StringRef report);

private:
  void add(Value value, Operation *reader);
  bool isMatrix(Value value);
  LogicalResult attachMoments(func::FuncOp func, size_t first,
                              const Statistics &statistics);
  LogicalResult chooseFormats(size_t index);
  LogicalResult prepare(size_t index, RoundedWeight &rounded,
                        solvers::Layer &layer) const;
  LogicalResult measure(ModuleOp module, size_t first, size_t last);
  LogicalResult write(ModuleOp module, StringRef path, StringRef budget,
                      const Allocation &point, int64_t points) const;

  ArrayRef<FormatInterface> candidates;
  const solvers::Solver &solver;
  SensitivityProvider &provider;
  ConstantExpressions constants;
  DenseMap<Value, size_t> known;
  std::vector<WeightSite> sites;
  std::vector<Matrix> matrices;
  std::vector<AllocatedTensor> tensors;
  /// Bytes of constants that keep their type.
  int64_t otherBytes = 0;
};

bool FormatAllocator::isMatrix(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.getRank() == 2 && type.getElementType().isF32() &&
         constants.contains(value);
}

void FormatAllocator::add(Value value, Operation *reader) {
  auto [it, isNew] = known.try_emplace(value, sites.size());
  if (isNew) {
    sites.push_back(
        {firstNodeName(reader->getLoc(), reader->getName().stripDialect()),
         value,
         {}});
    matrices.emplace_back();
  }
  sites[it->second].readers.push_back(reader);
}

LogicalResult FormatAllocator::collect(func::FuncOp func,
                                       const Statistics *statistics,
                                       int64_t minElements) {
  size_t first = sites.size();
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
  for (const WeightSite &site : ArrayRef(sites).drop_front(first))
    otherBytes -= cast<ShapedType>(site.value.getType()).getNumElements() * 4;
  otherBytes = std::max<int64_t>(otherBytes, 0);
  for (size_t i = first; i < sites.size(); ++i)
    if (failed(chooseFormats(i)))
      return failure();
  return attachMoments(func, first, *statistics);
}

LogicalResult FormatAllocator::attachMoments(func::FuncOp func, size_t first,
                                             const Statistics &statistics) {
  bool needed = provider.needsStatistics() || solver.needsSecondMoment();
  if (!needed && statistics.getPoints().empty())
    return success();
  ObservationPoints points = ObservationPoints::compute(func);
  for (size_t i = first; i < sites.size(); ++i) {
    auto linear = dyn_cast<LinearOp>(sites[i].readers.front());
    if (!linear)
      continue;
    const ObservationPoint &at = points.get(linear.getInput());
    const PointStatistics *point = nullptr;
    if (auto error = statistics.find(at.name, at.key, point))
      return linear.emitError(error->message);
    matrices[i].moment = SecondMoment::find(point);
    if (!matrices[i].moment && needed)
      return linear.emitError("no second moment of '")
             << at.name << "' over 1 or more rows in the statistics; calibrate "
             << "on samples that reach it, or use the sensitivity 'weight' and "
             << "the solver 'rtn'";
  }
  return success();
}

/// Those of the candidates that the weight's shape allows; others are left out
/// with a remark.
LogicalResult FormatAllocator::chooseFormats(size_t index) {
  const WeightSite &site = sites[index];
  auto type = cast<ShapedType>(site.value.getType());
  Operation *op = site.readers.front();
  for (FormatInterface format : candidates)
    if (succeeded(format.verifyShape([&] { return op->emitRemark(); },
                                     type.getShape())) &&
        storedBytes(format, type.getShape()))
      matrices[index].formats.push_back(format);
  if (!matrices[index].formats.empty())
    return success();
  return op->emitError("none of the candidate formats fits a weight of ")
         << type;
}

LogicalResult FormatAllocator::prepare(size_t index, RoundedWeight &rounded,
                                       solvers::Layer &layer) const {
  const WeightSite &site = sites[index];
  Operation *op = site.readers.front();
  FailureOr<HostTensor> weight = evaluateConstant(site.value);
  if (failed(weight))
    return failure();
  layer.name = site.name;
  layer.weight = *weight;
  rounded.site = &site;
  rounded.numWeights = weight->getNumElements();
  for (float value : weight->as<float>())
    rounded.weightEnergy += double(value) * value;
  if (const SecondMoment *moment = matrices[index].moment) {
    layer.statistics = toLayerStatistics(op->getContext(), *moment);
    auto energy = solvers::outputEnergy([&] { return op->emitError(); },
                                        layer.weight, layer.statistics);
    if (failed(energy))
      return failure();
    rounded.outputEnergy = *energy;
  }
  for (FormatInterface format : matrices[index].formats)
    rounded.forms.push_back({format, {}, 0});
  return success();
}

/// Weights from `first` to `last`: rounded in parallel, then measured.
LogicalResult FormatAllocator::measure(ModuleOp module, size_t first,
                                       size_t last) {
  MLIRContext *context = module.getContext();
  std::vector<RoundedWeight> rounded(last - first);
  std::vector<solvers::Layer> layers(last - first);
  if (failed(
          failableParallelForEachN(context, 0, rounded.size(), [&](size_t i) {
            return prepare(first + i, rounded[i], layers[i]);
          })))
    return failure();
  auto nearest =
      solvers::Solver::create([&] { return module.emitError(); }, "rtn");
  SmallVector<std::pair<size_t, size_t>> tasks;
  for (size_t i = 0; i < rounded.size(); ++i)
    for (size_t j = 0; j < rounded[i].forms.size(); ++j)
      tasks.push_back({i, j});
  auto solve = [&](std::pair<size_t, size_t> task) -> LogicalResult {
    auto [i, j] = task;
    solvers::Layer layer = layers[i];
    RoundedForm &form = rounded[i].forms[j];
    layer.format = form.format;
    // solve-weights leaves tables that no linear reads to their format.
    Operation *reader = rounded[i].site->readers.front();
    const solvers::Solver &chosen = isa<LinearOp>(reader) ? solver : *nearest;
    auto solution = chosen.solve([&] { return reader->emitError(); }, layer);
    if (failed(solution))
      return failure();
    solution->encoded = {};
    form.solution = std::move(*solution);
    return success();
  };
  if (failed(failableParallelForEach(context, tasks, solve)) ||
      failed(provider.measure([&] { return module.emitError(); }, rounded)))
    return failure();
  for (size_t i = first; i < last; ++i) {
    AllocatedTensor &tensor = tensors.emplace_back();
    tensor.name = sites[i].name;
    tensor.numWeights = rounded[i - first].numWeights;
    auto shape = cast<ShapedType>(sites[i].value.getType()).getShape();
    for (const RoundedForm &form : rounded[i - first].forms) {
      std::string text;
      llvm::raw_string_ostream(text) << Attribute(form.format);
      tensor.candidates.push_back(
          {text, *storedBytes(form.format, shape), form.loss});
    }
  }
  return success();
}

LogicalResult FormatAllocator::measure(ModuleOp module, StringRef data) {
  if (sites.empty())
    return module.emitError("the model has no weight to allocate: no linear "
                            "with a constant matrix, no large table");
  if (failed(provider.prepare([&] { return module.emitError(); },
                              {module, sites, data.str()})))
    return failure();
  for (size_t first = 0, last = 0; first < sites.size(); first = last) {
    for (int64_t bytes = 0;
         last < sites.size() && (last == first || bytes < kFormBytes); ++last) {
      auto type = cast<ShapedType>(sites[last].value.getType());
      bytes +=
          type.getNumElements() * 4 * int64_t(matrices[last].formats.size());
    }
    if (failed(measure(module, first, last)))
      return failure();
  }
  return success();
}

LogicalResult FormatAllocator::allocate(ModuleOp module, StringRef budget,
                                        int64_t points, StringRef report) {
  int64_t weights = 0;
  for (const AllocatedTensor &tensor : tensors)
    weights += tensor.numWeights;
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
  for (auto [i, choice] : llvm::enumerate(point.choices))
    for (Operation *reader : sites[i].readers)
      reader->setAttr(kFormatAttr, matrices[i].formats[choice]);
  return report.empty() ? success()
                        : write(module, report, budget, point, points);
}

/// By weight: what each candidate stores and loses, and which one was chosen.
static llvm::json::Array describe(ArrayRef<AllocatedTensor> tensors,
                                  const Allocation &point) {
  llvm::json::Array layers;
  for (auto [tensor, choice] : llvm::zip_equal(tensors, point.choices)) {
    llvm::json::Array candidates;
    for (const FormatCandidate &candidate : tensor.candidates)
      candidates.push_back(llvm::json::Object{{"format", candidate.format},
                                              {"bytes", candidate.bytes},
                                              {"loss", candidate.loss}});
    layers.push_back(
        llvm::json::Object{{"name", tensor.name},
                           {"weights", tensor.numWeights},
                           {"format", tensor.candidates[choice].format},
                           {"candidates", std::move(candidates)}});
  }
  return layers;
}

LogicalResult FormatAllocator::write(ModuleOp module, StringRef path,
                                     StringRef budget, const Allocation &point,
                                     int64_t points) const {
  std::vector<Allocation> front;
  if (auto error = traceFront(tensors, points, AllocationOptions(), front))
    return module.emitError(error->message);
  llvm::json::Array curve;
  for (const Allocation &other : front)
    curve.push_back(toJson(tensors, other, /*withFormats=*/false));
  llvm::json::Object root = toJson(tensors, point, /*withFormats=*/true);
  root["budget"] = budget;
  root["sensitivity"] = provider.getName();
  root["solver"] = solver.getName();
  root["other_bytes"] = otherBytes;
  root["layers"] = describe(tensors, point);
  root["front"] = std::move(curve);
  Error error;
  auto file = AtomicFile::create(path, error);
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
    if (!SensitivityProvider::create(
            [&] { return emitError(UnknownLoc::get(context)); }, sensitivity))
      return failure();
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

  void getDependentDialects(DialectRegistry &registry) const override {
    Base::getDependentDialects(registry);
    if (auto known = SensitivityProvider::find(sensitivity))
      known->getDependentDialects(registry);
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    Statistics file;
    if (!statistics.empty() && failed(loadStatistics(module, statistics, file)))
      return signalPassFailure();
    auto chosen = solvers::Solver::create([&] { return module.emitError(); },
                                          solver, solverOptions);
    auto provider = SensitivityProvider::find(sensitivity);
    if (!chosen || !provider)
      return signalPassFailure();
    FormatAllocator allocator(formats, *chosen, *provider);
    for (auto func : module.getOps<func::FuncOp>())
      if (func->hasAttr(kEntryAttr) &&
          failed(allocator.collect(func, &file, minElements)))
        return signalPassFailure();
    if (failed(allocator.measure(module, data)) ||
        failed(allocator.allocate(module, budget, frontPoints, report)))
      return signalPassFailure();
  }

private:
  SmallVector<FormatInterface> formats;
};

} // namespace

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Distances layer by layer: both models are brought to where they have layers,
// the program that computes both is compiled and run, and values are brought
// back through the candidate's rewrites before they are compared.

#include "LayerProgram.h"
#include "quantc/Dialect/QNN/Interpreter.h"
#include "quantc/Driver/Compare.h"
#include "quantc/Driver/Data.h"
#include "quantc/Driver/FirstError.h"
#include "quantc/Driver/InProcess.h"
#include "quantc/Driver/LoadModule.h"
#include "quantc/Driver/Pipelines.h"
#include "quantc/Rewrites/Transforms.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace quantc::qnn;

namespace quantc {

namespace {

/// `int<8, per_row>`.
std::string formatName(Type type) {
  auto encoded = dyn_cast<EncodedType>(type);
  if (!encoded)
    return "float";
  std::string text;
  llvm::raw_string_ostream(text) << encoded.getFormat();
  return StringRef(text).ltrim("#").split("fmt.").second.str();
}

/// What the layer's input carries, and who makes it so.
std::vector<std::string> describeRewrites(Value input) {
  std::vector<std::string> result;
  Operation *source = input.getDefiningOp();
  auto transforms =
      source ? source->getAttrOfType<ArrayAttr>(kTransformsAttr) : ArrayAttr();
  if (!transforms)
    return result;
  for (auto one : transforms.getAsRange<DictionaryAttr>()) {
    bool last = one == transforms[transforms.size() - 1];
    bool rotated = one.contains("hadamard");
    bool online =
        last && (rotated ? isa<HadamardOp>(source) : isa<MulOp>(source));
    result.push_back(std::string(rotated ? "rotated" : "scaled") +
                     (online ? " while running" : ""));
  }
  return result;
}

LayerReport describe(const ComparedLayer &layer) {
  WeightedOpInterface op = layer.candidate;
  LayerReport report;
  report.name = layer.name;
  report.kind = op->getName().stripDialect().str();
  Value weight = op.getWeightOperand().get();
  auto type = cast<ShapedType>(weight.getType());
  report.shape.assign(type.getShape().begin(), type.getShape().end());
  report.weights = formatName(type);
  report.storedBits =
      report.getElements() * int64_t(type.getElementTypeBitWidth());
  if (auto encoded = dyn_cast<EncodedType>(weight.getType()))
    report.storedBits = encoded.getScheme()
                            .storedBits(type.getShape())
                            .value_or(report.storedBits);
  report.solved = bool(weight.getDefiningOp<EncodedConstantOp>());
  Value input = dataOperand(op).get();
  if (isa<GatherOp>(op))
    return report;
  report.activations = formatName(input.getType());
  if (auto quantize = input.getDefiningOp<QuantizeOp>())
    report.staticRange = bool(quantize.getScale());
  report.rewrites = describeRewrites(beforeQuantization(input));
  return report;
}

class LayerComparison {
public:
  LayerComparison(const CompareOptions &options, ComparisonReport &report)
      : options(options), report(report),
        workspace(options.candidate, "", options.threads) {}

  std::optional<Error> run();

private:
  std::optional<Error> loadCandidate();
  std::optional<Error> loadReference();
  std::optional<Error> add(std::vector<NamedArray> &sample);
  std::optional<Error> addLayer(ArrayRef<quantc_tensor> results, size_t index);
  std::optional<Error> addOutputs(ArrayRef<quantc_tensor> results);
  /// A result as the layer would give it without rewrites.
  std::optional<Error> original(Operation *op, const quantc_tensor &result,
                                HostTensor &value);

  const CompareOptions &options;
  ComparisonReport &report;
  Workspace workspace;
  OwningOpRef<ModuleOp> reference;
  func::FuncOp referenceEntry, candidateEntry;
  EntrySpec referenceSpec, candidateSpec;
  LayerProgram program;
  std::unique_ptr<InProcessProgram> running;
};

std::optional<Error> refuseLibrary(StringRef path) {
  if (isModelFile(path))
    return std::nullopt;
  return Error{Status::Usage,
               "cannot look at the layers of '" + path.str() +
                   "': give --per-layer a model, .onnx with the --recipe and "
                   "--calib or --stats that it is compiled with, or the "
                   ".mlirbc that 'quantc compile -o' writes"};
}

/// Whether formats have been assigned.
bool isEncoded(ModuleOp module) {
  return module
      .walk([](Operation *op) {
        return isa<QuantizeOp, EncodedConstantOp>(op) ? WalkResult::interrupt()
                                                      : WalkResult::advance();
      })
      .wasInterrupted();
}

std::optional<Error> LayerComparison::loadCandidate() {
  CompileOptions compile = options.compile;
  compile.input = options.candidate;
  compile.threads = options.threads;
  StringRef suffix = llvm::sys::path::extension(options.candidate);
  if (options.hasRecipe || !suffix.starts_with(".mlir"))
    return quantize(compile, workspace);
  if (auto error = workspace.load())
    return error;
  if (isEncoded(workspace.getModule()))
    return std::nullopt;
  return workspace.run(
      workspace.getModule(),
      [](OpPassManager &pm) {
        buildNormalPipeline(pm);
        return std::nullopt;
      },
      Status::Refused);
}

std::optional<Error> LayerComparison::loadReference() {
  if (auto error =
          loadModule(options.reference, workspace.getContext(), reference))
    return error;
  if (isEncoded(*reference))
    return std::nullopt;
  return workspace.run(
      *reference,
      [](OpPassManager &pm) {
        buildNormalPipeline(pm);
        return std::nullopt;
      },
      Status::Refused);
}

std::optional<Error> LayerComparison::original(Operation *op,
                                               const quantc_tensor &result,
                                               HostTensor &value) {
  Type element =
      cast<RankedTensorType>(op->getResult(0).getType()).getElementType();
  ArrayRef<int64_t> shape(result.shape, size_t(result.ndim));
  int64_t bytes = llvm::product_of(shape) * HostTensor::storageBytes(element);
  value = HostTensor::borrow(element, shape, {dataOf(result), size_t(bytes)});
  FirstError first(workspace.getContext());
  FailureOr<HostTensor> restored = restoreOriginal(op, value);
  if (failed(restored))
    return first.get(workspace.getName(), Status::Refused);
  value = *restored;
  return std::nullopt;
}

void addAll(const HostTensor &a, const HostTensor &b, LayerDistance &distance) {
  int64_t count = a.getNumElements();
  if (a.getElementType().isF32() && b.getElementType().isF32()) {
    ArrayRef<float> x = a.as<float>(), y = b.as<float>();
    for (int64_t i = 0; i < count; ++i)
      distance.add(x[i], y[i]);
    return;
  }
  for (int64_t i = 0; i < count; ++i)
    distance.add(a.getFloat(i), b.getFloat(i));
}

std::optional<Error> LayerComparison::addLayer(ArrayRef<quantc_tensor> results,
                                               size_t index) {
  const ComparedLayer &layer = program.layers[index];
  HostTensor expected, got, alone;
  if (auto error =
          original(layer.reference, results[layer.referenceResult], expected))
    return error;
  if (auto error =
          original(layer.candidate, results[layer.candidateResult], got))
    return error;
  addAll(expected, got, report.layers[index].total);
  if (!layer.ownResult)
    return std::nullopt;
  if (auto error = original(layer.candidate, results[*layer.ownResult], alone))
    return error;
  addAll(expected, alone, *report.layers[index].own);
  return std::nullopt;
}

std::optional<Error>
LayerComparison::addOutputs(ArrayRef<quantc_tensor> results) {
  auto take = [&](size_t first, const EntrySpec &spec,
                  std::vector<NamedArray> &arrays) -> std::optional<Error> {
    for (size_t i = 0; i < spec.outputs.size(); ++i) {
      auto array = Array::copy(results[first + i]);
      if (!array)
        return Error{Status::Limit,
                     "no memory for output '" + spec.outputs[i].name + "'"};
      arrays.push_back({spec.outputs[i].name, std::move(*array)});
    }
    return std::nullopt;
  };
  std::vector<NamedArray> expected, got;
  if (auto error = take(program.firstOutput, referenceSpec, expected))
    return error;
  if (auto error =
          take(program.firstOutput + expected.size(), candidateSpec, got))
    return error;
  return quantc::addOutputs(expected, got, report);
}

std::optional<Error> LayerComparison::add(std::vector<NamedArray> &sample) {
  std::vector<quantc_tensor> results;
  if (auto error = running->run(sample, results))
    return error;
  for (size_t i = 0; i < program.layers.size(); ++i)
    if (auto error = addLayer(results, i))
      return error;
  if (auto error = addOutputs(results))
    return error;
  if (options.progress)
    options.progress(report.samples);
  return std::nullopt;
}

std::optional<Error> LayerComparison::run() {
  for (const std::string &path : {options.candidate, options.reference})
    if (auto error = refuseLibrary(path))
      return error;
  if (auto error = loadCandidate())
    return error;
  if (auto error = loadReference())
    return error;
  if (auto error = findEntry(*reference, options.entry, referenceEntry))
    return error;
  if (auto error =
          findEntry(workspace.getModule(), options.entry, candidateEntry))
    return error;
  if (auto error = describeEntry(referenceEntry, referenceSpec))
    return error;
  if (auto error = describeEntry(candidateEntry, candidateSpec))
    return error;
  if (auto error = buildLayerProgram(referenceEntry, candidateEntry, program))
    return error;
  for (const ComparedLayer &layer : program.layers) {
    report.layers.push_back(describe(layer));
    if (layer.ownResult)
      report.layers.back().own.emplace();
  }
  report.unmatched = program.unmatched;
  if (auto error =
          InProcessProgram::compile(workspace, *program.module, running))
    return error;
  if (auto error = forEachSample(
          options.data, referenceSpec,
          [&](std::vector<NamedArray> &sample) { return add(sample); }))
    return error;
  auto lost = [](const LayerReport &layer) {
    double relative = layer.own.value_or(layer.total).relative();
    return std::isnan(relative) ? HUGE_VAL : relative;
  };
  llvm::sort(report.layers, [&](const LayerReport &a, const LayerReport &b) {
    return lost(a) != lost(b) ? lost(a) > lost(b) : a.name < b.name;
  });
  return std::nullopt;
}

} // namespace

std::optional<Error> compareLayers(const CompareOptions &options,
                                   ComparisonReport &report) {
  return LayerComparison(options, report).run();
}

} // namespace quantc

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The float program is compiled once, with the weights as arguments in their
// packed order.  Each held-out sample is run with the float weights and then
// with one weight at a time replaced by what its codes stand for, so that
// memory is that of one sample, of the model, and of the weights at hand.  Two
// forms of a weight are measured; the others follow from their errors.

#include "LossSensitivity.h"
#include "Loss.h"
#include "Samples.h"
#include "quantc/Allocation/Sensitivity.h"
#include "quantc/Calibration/Runner.h"
#include "quantc/Dialect/LowBit/PackWeights.h"
#include "quantc/Dialect/QNN/Interpreter.h"
#include "quantc/Dialect/QNN/QNN.h"
#include "quantc/Driver/InProcess.h"
#include "quantc/Driver/LoadModule.h"
#include "quantc/Driver/Register.h"
#include "quantc/Support/ReferenceMath.h"
#include <cmath>

using namespace mlir;

namespace quantc {

namespace {

struct Trial;

/// An argument of the program in place of a constant.
struct WeightArgument {
  std::string name;
  /// In lines of 16 columns, as kernels of linears read it.
  bool isPacked = false;
  Array value;
};

class LossSensitivity final : public SensitivityProvider {
public:
  StringRef getName() const override { return "loss"; }
  StringRef getSummary() const override {
    return "what the model's outputs lose on held-out samples";
  }
  bool needsData() const override { return true; }
  void getDependentDialects(DialectRegistry &registry) const override {
    registerAllDialects(registry);
  }
  LogicalResult prepare(EmitError emitError,
                        const SensitivityInputs &inputs) override;
  LogicalResult measure(EmitError emitError,
                        MutableArrayRef<RoundedWeight> weights) override;

private:
  std::optional<Error> build(const SensitivityInputs &inputs);
  std::optional<Error> expose(func::FuncOp entry, const WeightSite &site,
                              IRMapping &copied);
  std::optional<Error> run(std::vector<NamedArray> &sample,
                           std::vector<quantc_tensor> &outputs);
  std::optional<Error> prepareTrials(MutableArrayRef<RoundedWeight> weights,
                                     std::vector<Trial> &trials) const;
  std::optional<Error> pack(const WeightArgument &argument,
                            const HostTensor &weight, Array &packed) const;

  std::string data;
  func::FuncOp function;
  EntrySpec spec;
  DenseMap<const WeightSite *, size_t> indices;
  std::vector<WeightArgument> arguments;
  std::unique_ptr<InProcessProgram> program;
};

Error noMemory(StringRef name) {
  return {Status::Limit, "no memory for the weight '" + name.str() + "'"};
}

std::optional<Error> LossSensitivity::pack(const WeightArgument &argument,
                                           const HostTensor &weight,
                                           Array &packed) const {
  std::optional<HostTensor> lines;
  if (argument.isPacked && !(lines = lowbit::packWeight(weight)))
    return noMemory(argument.name);
  const HostTensor &source = lines ? *lines : weight;
  auto array = Array::allocate({QUANTC_FLOAT, 32, 1}, source.getShape());
  if (!array)
    return noMemory(argument.name);
  llvm::copy(source.getBytes(), array->getData());
  packed = std::move(*array);
  return std::nullopt;
}

// A linear reads a packed argument as it would read the packed constant, and so
// do the look-ups in its table.
std::optional<Error> LossSensitivity::expose(func::FuncOp entry,
                                             const WeightSite &site,
                                             IRMapping &copied) {
  FailureOr<HostTensor> weight = qnn::evaluateConstant(site.value);
  if (failed(weight))
    return Error{Status::Refused, "cannot evaluate '" + site.name + "'"};
  WeightArgument &argument = arguments.emplace_back();
  argument.name = "quantc.weight." + std::to_string(arguments.size() - 1);
  argument.isPacked = llvm::any_of(site.readers, llvm::IsaPred<qnn::LinearOp>);
  if (auto error = pack(argument, *weight, argument.value))
    return error;
  auto type = cast<RankedTensorType>(site.value.getType());
  unsigned index = entry.getNumArguments();
  OpBuilder builder(entry.getContext());
  auto attributes = builder.getDictionaryAttr(builder.getNamedAttr(
      qnn::kNameAttr, builder.getStringAttr(argument.name)));
  if (failed(
          entry.insertArgument(index,
                               RankedTensorType::get(argument.value.getShape(),
                                                     type.getElementType()),
                               attributes, site.value.getLoc())))
    return Error{Status::Internal, "cannot add an argument"};
  for (Operation *reader : site.readers) {
    Operation *op = copied.lookup(reader);
    if (auto linear = dyn_cast<qnn::LinearOp>(op)) {
      linear.getWeightMutable().set(entry.getArgument(index));
      linear.setPackedFrom(type.getShape());
      continue;
    }
    auto gather = cast<qnn::GatherOp>(op);
    gather.getInputMutable().set(entry.getArgument(index));
    if (argument.isPacked)
      gather.setPackedFrom(type.getShape());
  }
  return std::nullopt;
}

std::optional<Error> LossSensitivity::build(const SensitivityInputs &inputs) {
  if (data.empty())
    return Error{Status::Refused,
                 "sensitivity 'loss' needs samples: give --calib DATA, or use "
                 "the sensitivity 'output'"};
  for (const WeightSite &site : inputs.sites) {
    auto owner = site.readers.front()->getParentOfType<func::FuncOp>();
    if (function && owner != function)
      return Error{Status::Refused,
                   "sensitivity 'loss' takes models with one entry point; use "
                   "the sensitivity 'output'"};
    function = owner;
  }
  if (auto error = describeEntry(function, spec))
    return error;
  IRMapping copied;
  OwningOpRef<ModuleOp> copy = cast<ModuleOp>(inputs.module->clone(copied));
  auto entry = cast<func::FuncOp>(copied.lookup(function.getOperation()));
  for (auto func : llvm::make_early_inc_range(copy->getOps<func::FuncOp>()))
    if (func->hasAttr(qnn::kEntryAttr) && func != entry)
      func.erase();
  for (const WeightSite &site : inputs.sites) {
    indices[&site] = arguments.size();
    if (auto error = expose(entry, site, copied))
      return error;
  }
  if (auto error = LossMeter::keepOutputs(entry))
    return error;
  MLIRContext *context = function.getContext();
  unsigned threads =
      context->isMultithreadingEnabled() ? context->getNumThreads() : 1;
  return InProcessProgram::compile(*copy, "the float program", threads,
                                   program);
}

LogicalResult LossSensitivity::prepare(EmitError emitError,
                                       const SensitivityInputs &inputs) {
  data = inputs.data;
  if (auto error = build(inputs))
    return emitError() << error->message;
  return success();
}

std::optional<Error> LossSensitivity::run(std::vector<NamedArray> &sample,
                                          std::vector<quantc_tensor> &outputs) {
  std::vector<quantc_tensor> tensors;
  for (WeightArgument &argument : arguments)
    tensors.push_back(argument.value.getTensor());
  std::vector<quantc_value> values;
  for (auto [argument, tensor] : llvm::zip_equal(arguments, tensors))
    values.push_back(quantc_tensor_value(argument.name.c_str(), &tensor));
  return program->run(sample, outputs, values);
}

/// The error that a form makes where it is, over the outputs if they are known.
double errorOf(const RoundedForm &form) {
  const solvers::SolveReport &report = form.solution.report;
  return report.outputError.value_or(report.weightError);
}

/// What is measured of a weight: the forms of least and of greatest error.
std::pair<size_t, size_t> endsOf(const RoundedWeight &weight) {
  auto less = [](const RoundedForm &a, const RoundedForm &b) {
    return errorOf(a) < errorOf(b);
  };
  auto [least, most] =
      std::minmax_element(weight.forms.begin(), weight.forms.end(), less);
  return {least - weight.forms.begin(), most - weight.forms.begin()};
}

/// The others follow from their errors, along the line through both ends in
/// logarithms, since a small change costs in proportion to its square.
void interpolate(RoundedWeight &weight) {
  auto [least, most] = endsOf(weight);
  const RoundedForm &low = weight.forms[least], &high = weight.forms[most];
  for (auto [i, form] : llvm::enumerate(weight.forms)) {
    if (i == least || i == most)
      continue;
    double error = errorOf(form), slope = 1;
    if (!(high.loss > 0) || !(errorOf(high) > 0)) {
      form.loss = high.loss;
      continue;
    }
    if (low.loss > 0 && errorOf(low) > 0 && errorOf(low) < errorOf(high))
      slope = reference::log(high.loss / low.loss) /
              reference::log(errorOf(high) / errorOf(low));
    form.loss = high.loss * reference::pow(error / errorOf(high), slope);
  }
}

/// One weight in one form, on all samples.
struct Trial {
  RoundedForm *form;
  size_t argument;
  Array value;
  LossTotal total;
};

std::optional<Error>
LossSensitivity::prepareTrials(MutableArrayRef<RoundedWeight> weights,
                               std::vector<Trial> &trials) const {
  for (RoundedWeight &weight : weights) {
    auto type = cast<RankedTensorType>(weight.site->value.getType());
    auto [least, most] = endsOf(weight);
    for (auto [i, form] : llvm::enumerate(weight.forms)) {
      std::vector<float> decoded = std::move(form.solution.decoded);
      if (i != least && i != most)
        continue;
      auto bytes = ArrayRef(reinterpret_cast<const char *>(decoded.data()),
                            decoded.size() * sizeof(float));
      Trial &trial = trials.emplace_back();
      trial.form = &form;
      trial.argument = indices.at(weight.site);
      if (auto error = pack(
              arguments[trial.argument],
              HostTensor::borrow(type.getElementType(), type.getShape(), bytes),
              trial.value))
        return error;
    }
  }
  return std::nullopt;
}

LogicalResult LossSensitivity::measure(EmitError emitError,
                                       MutableArrayRef<RoundedWeight> weights) {
  std::vector<Trial> trials;
  if (auto error = prepareTrials(weights, trials))
    return emitError() << error->message;
  LossMeter meter(function.getContext(), program->getEntry());
  std::vector<quantc_tensor> outputs;
  auto tryAll = [&](std::vector<NamedArray> &sample) -> std::optional<Error> {
    if (auto error = checkNumbers(sample, kMaxObserved))
      return error;
    if (auto error = run(sample, outputs))
      return error;
    meter.setReference(sample, outputs);
    for (Trial &trial : trials) {
      std::swap(arguments[trial.argument].value, trial.value);
      auto error = run(sample, outputs);
      std::swap(arguments[trial.argument].value, trial.value);
      if (error)
        return error;
      meter.add(outputs, trial.total);
    }
    return std::nullopt;
  };
  if (auto error = forEachSampleOf(data, /*limit=*/0, SampleShare::HeldOut,
                                   function, spec, tryAll))
    return emitError() << error->message;
  for (Trial &trial : trials) {
    trial.form->loss = trial.total.get();
    if (!std::isfinite(trial.form->loss))
      return emitError() << "the model's outputs are not finite with "
                         << Attribute(trial.form->format)
                         << " in one weight; leave that candidate out";
  }
  for (RoundedWeight &weight : weights)
    interpolate(weight);
  return success();
}

} // namespace

void registerLossSensitivity() {
  SensitivityProvider::add("loss",
                           []() -> std::unique_ptr<SensitivityProvider> {
                             return std::make_unique<LossSensitivity>();
                           });
}

} // namespace quantc

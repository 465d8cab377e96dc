// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Libraries through the C interface, modules through the interpreter.

#include "quantc/Driver/Executable.h"
#include "mlir/Pass/PassManager.h"
#include "quantc/Codegen/Passes.h"
#include "quantc/Dialect/QNN/Interpreter.h"
#include "quantc/Driver/FirstError.h"
#include "quantc/Driver/LoadModule.h"
#include "quantc/Driver/Register.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace quantc {

namespace {

class CompiledExecutable final : public Executable {
public:
  std::optional<Error> load(StringRef path, StringRef name, unsigned threads) {
    std::shared_ptr<Artifact> artifact;
    if (auto error = Artifact::load(path, artifact))
      return error;
    if (auto error = artifact->findEntry(name, index))
      return error;
    entry = artifact->getEntries()[index];
    SessionOptions options;
    options.threads = int32_t(threads);
    return Session::create(artifact, options, session);
  }

  std::optional<Error> run(llvm::MutableArrayRef<NamedArray> inputs,
                           std::vector<NamedArray> &outputs) override {
    return session->run(index, inputs, outputs);
  }

private:
  size_t index = 0;
  std::unique_ptr<Session> session;
};

class InterpretedExecutable final : public Executable {
public:
  InterpretedExecutable()
      : context(registry(), MLIRContext::Threading::DISABLED) {
    context.loadAllAvailableDialects();
  }

  std::optional<Error> load(StringRef file, StringRef name) {
    path = file.str();
    if (auto error = loadModule(path, context, module))
      return error;
    if (auto error = expandEncoded())
      return error;
    if (auto error = findEntry(*module, name, function))
      return error;
    return describeEntry(function, entry);
  }

  std::optional<Error> run(llvm::MutableArrayRef<NamedArray> inputs,
                           std::vector<NamedArray> &outputs) override;

private:
  static DialectRegistry registry() {
    DialectRegistry registry;
    registerAllDialects(registry);
    return registry;
  }
  std::optional<Error> expandEncoded();
  std::optional<Error> order(llvm::MutableArrayRef<NamedArray> inputs,
                             SmallVector<HostTensor> &tensors);

  std::string path;
  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  func::FuncOp function;
};

// Encoded values mean what they expand to.
std::optional<Error> InterpretedExecutable::expandEncoded() {
  FirstError first(context);
  PassManager pm(&context);
  pm.addNestedPass<func::FuncOp>(createExpandEncodedPass());
  if (failed(pm.run(*module)))
    return first.get(path, Status::Refused);
  return std::nullopt;
}

// The function's arguments in order, borrowed from the arrays.
std::optional<Error>
InterpretedExecutable::order(llvm::MutableArrayRef<NamedArray> inputs,
                             SmallVector<HostTensor> &tensors) {
  for (const NamedArray &input : inputs)
    if (llvm::none_of(entry.inputs, [&](const ValueSpec &spec) {
          return spec.name == input.name;
        }))
      return Error{Status::Refused, "no input '" + input.name + "'"};
  for (auto [argument, spec] :
       llvm::zip(function.getArguments(), entry.inputs)) {
    const auto *it = llvm::find_if(inputs, [&](const NamedArray &input) {
      return input.name == spec.name;
    });
    if (it == inputs.end())
      return Error{Status::Refused, "input '" + spec.name + "' is missing"};
    quantc_dtype expected = spec.tensors[0].dtype;
    if (!isNumeric(expected) || !(it->array.getType() == expected))
      return Error{Status::Refused, "expected input '" + spec.name +
                                        "' to be " + typeName(expected) +
                                        ", got " +
                                        typeName(it->array.getType())};
    tensors.push_back(HostTensor::borrow(
        cast<ShapedType>(argument.getType()).getElementType(),
        it->array.getShape(),
        {it->array.getData(), size_t(it->array.getByteSize())}));
  }
  return std::nullopt;
}

std::optional<Error>
InterpretedExecutable::run(llvm::MutableArrayRef<NamedArray> inputs,
                           std::vector<NamedArray> &outputs) {
  SmallVector<HostTensor> tensors;
  if (auto error = order(inputs, tensors))
    return error;
  FirstError first(context);
  auto symbols = qnn::bindSymbols(function, tensors);
  if (failed(symbols))
    return first.get(path, Status::Refused);
  auto results = qnn::evaluateFunction(function, tensors);
  if (failed(results))
    return first.get(path, Status::Refused);
  outputs.clear();
  for (auto [result, spec] : llvm::zip(*results, entry.outputs)) {
    quantc_dtype dtype = spec.tensors[0].dtype;
    std::optional<Array> array = Array::allocate(dtype, result.getShape());
    if (!array || !isNumeric(dtype) ||
        array->getByteSize() != result.getByteSize())
      return Error{Status::Limit, "no memory for output '" + spec.name + "'"};
    llvm::copy(result.getBytes(), array->getData());
    outputs.push_back({spec.name, std::move(*array)});
  }
  return std::nullopt;
}

} // namespace

std::optional<Error> Executable::open(StringRef path, StringRef entry,
                                      unsigned threads,
                                      std::unique_ptr<Executable> &executable) {
  if (isModelFile(path)) {
    auto interpreted = std::make_unique<InterpretedExecutable>();
    if (auto error = interpreted->load(path, entry))
      return error;
    executable = std::move(interpreted);
    return std::nullopt;
  }
  auto compiled = std::make_unique<CompiledExecutable>();
  if (auto error = compiled->load(path, entry, threads))
    return error;
  executable = std::move(compiled);
  return std::nullopt;
}

} // namespace quantc

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inspection of models and modules: entry functions, the number of each
// operation, and the bytes of constants.

#include "InspectModel.h"
#include "Commands.h"
#include "quantc/Dialect/QNN/QNN.h"
#include "quantc/Dialect/QNN/ShapeAnalysis.h"
#include "quantc/Driver/LoadModule.h"
#include "quantc/Driver/Register.h"
#include <map>

using namespace mlir;

namespace quantc {

namespace {

struct ModelContents {
  std::vector<EntrySpec> entries;
  std::vector<std::vector<std::string>> symbols;
  std::map<std::string, int64_t> operations;
  int64_t constantBytes = 0;
  int64_t constantElements = 0;
};

std::optional<Error> collect(ModuleOp module, ModelContents &contents) {
  for (func::FuncOp func : module.getOps<func::FuncOp>()) {
    if (!func->hasAttr(qnn::kEntryAttr))
      continue;
    EntrySpec entry;
    if (auto error = describeEntry(func, entry))
      return error;
    contents.entries.push_back(std::move(entry));
    std::vector<std::string> names;
    for (StringRef name : qnn::getSymbolNames(func))
      names.push_back(name.str());
    contents.symbols.push_back(std::move(names));
  }
  module.walk([&](Operation *op) {
    if (isa<ModuleOp, func::FuncOp, func::ReturnOp>(op))
      return;
    ++contents.operations[op->getName().getStringRef().str()];
    auto constant = dyn_cast<qnn::ConstantOp>(op);
    auto type = constant ? dyn_cast<RankedTensorType>(constant.getType())
                         : RankedTensorType();
    if (!type || !type.hasStaticShape())
      return;
    contents.constantElements += type.getNumElements();
    contents.constantBytes +=
        type.getNumElements() * HostTensor::storageBytes(type.getElementType());
  });
  return std::nullopt;
}

void printJson(StringRef path, const ModelContents &contents) {
  llvm::json::OStream os(llvm::outs(), 2);
  os.object([&] {
    os.attribute("file", llvm::json::fixUTF8(path));
    os.attribute("kind", "model");
    os.attributeArray("entries", [&] {
      for (auto [entry, symbols] :
           llvm::zip(contents.entries, contents.symbols))
        os.object([&, &entry = entry, &symbols = symbols] {
          os.attribute("name", llvm::json::fixUTF8(entry.name));
          os.attributeArray("symbols", [&] {
            for (const std::string &symbol : symbols)
              os.value(llvm::json::fixUTF8(symbol));
          });
          writeValues(os, "inputs", entry.inputs);
          writeValues(os, "outputs", entry.outputs);
        });
    });
    os.attributeObject("operations", [&] {
      for (const auto &[name, count] : contents.operations)
        os.attribute(name, count);
    });
    os.attribute("constant_elements", contents.constantElements);
    os.attribute("constant_bytes", contents.constantBytes);
  });
  llvm::outs() << "\n";
}

void printText(StringRef path, const ModelContents &contents) {
  llvm::outs() << path << ": model\n";
  for (const EntrySpec &entry : contents.entries) {
    llvm::outs() << "entry " << entry.name << "\n";
    printValues("input ", entry.inputs);
    printValues("output", entry.outputs);
  }
  llvm::outs() << "constants: " << contents.constantElements << " elements, "
               << sizeText(uint64_t(contents.constantBytes)) << "\n";
  for (const auto &[name, count] : contents.operations)
    llvm::outs() << "  " << count << " x " << name << "\n";
}

} // namespace

std::optional<Error> inspectModel(StringRef path, bool asJson) {
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  OwningOpRef<ModuleOp> module;
  if (auto error = loadModule(path, context, module))
    return error;
  ModelContents contents;
  if (auto error = collect(*module, contents))
    return error;
  if (asJson)
    printJson(path, contents);
  else
    printText(path, contents);
  return finishOutput();
}

} // namespace quantc

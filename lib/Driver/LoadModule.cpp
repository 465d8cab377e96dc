// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading modules, and describing their entry functions.

#include "quantc/Driver/LoadModule.h"
#include "mlir/Parser/Parser.h"
#include "quantc/Dialect/QNN/QNN.h"
#include "quantc/Dialect/QNN/ShapeAnalysis.h"
#include "quantc/Driver/FirstError.h"
#include "quantc/Target/ProgramEmitter.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace quantc {

static bool isMlirFile(StringRef path) {
  StringRef suffix = llvm::sys::path::extension(path);
  return suffix == ".mlir" || suffix == ".mlirbc";
}

bool isModelFile(StringRef path) {
  StringRef suffix = llvm::sys::path::extension(path);
  return isMlirFile(path) || suffix == ".onnx" || suffix == ".onnxtxt";
}

static std::optional<Error> cannotRead(StringRef path, StringRef reason) {
  return Error{Status::IO, "cannot read '" + path.str() + "': " + reason.str()};
}

std::optional<Error> loadModule(StringRef path, MLIRContext &context,
                                OwningOpRef<ModuleOp> &module,
                                const ImportOptions &options) {
  llvm::sys::fs::file_status status;
  if (std::error_code code = llvm::sys::fs::status(path, status))
    return cannotRead(path, code.message());
  if (status.type() != llvm::sys::fs::file_type::regular_file)
    return cannotRead(path, "not a file");
  if (!isMlirFile(path)) {
    Error error;
    auto imported = importOnnx(path, context, options, error);
    if (failed(imported))
      return error;
    module = std::move(*imported);
    return std::nullopt;
  }
  if (!options.bind.empty() || !options.dims.empty())
    return Error{Status::Usage, "--bind and --dim are for ONNX models; '" +
                                    path.str() + "' is none"};
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return cannotRead(path, buffer.getError().message());
  FirstError first(context);
  ParserConfig config(&context);
  module = parseSourceString<ModuleOp>((*buffer)->getBuffer(), config, path);
  if (!module)
    return first.get(path, Status::Refused);
  return std::nullopt;
}

std::optional<Error> findEntry(ModuleOp module, StringRef name,
                               func::FuncOp &entry) {
  std::string names;
  for (func::FuncOp func : module.getOps<func::FuncOp>()) {
    if (!func->hasAttr(qnn::kEntryAttr))
      continue;
    if (name.empty() || func.getName() == name) {
      entry = func;
      return std::nullopt;
    }
    names += (names.empty() ? "'" : ", '") + func.getName().str() + "'";
  }
  if (names.empty())
    return Error{Status::Refused,
                 "the module has no function with the attribute " +
                     qnn::kEntryAttr.str()};
  return Error{Status::Refused, "the model has no entry point '" + name.str() +
                                    "'; it has " + names};
}

quantc_dtype toDType(Type type) {
  std::optional<runtime::program::DType> dtype = dlpackType(type);
  return dtype ? quantc_dtype{dtype->code, dtype->bits, dtype->lanes}
               : quantc_dtype{};
}

static ValueSpec describe(Type type, StringRef name, ArrayRef<AffineExpr> shape,
                          ArrayRef<StringRef> symbols) {
  TensorSpec tensor;
  tensor.dtype = toDType(cast<ShapedType>(type).getElementType());
  for (AffineExpr dim : shape) {
    auto constant = dyn_cast<AffineConstantExpr>(dim);
    tensor.extents.push_back(constant ? constant.getValue() : -1);
    tensor.dims.push_back(toString(dim, symbols));
  }
  return {name.str(), QUANTC_TENSOR, {std::move(tensor)}};
}

std::optional<Error> describeEntry(func::FuncOp func, EntrySpec &spec) {
  FirstError first(*func.getContext());
  auto shapes = qnn::ShapeAnalysis::compute(func);
  if (failed(shapes))
    return first.get(func.getName(), Status::Refused);
  SmallVector<StringRef> symbols = qnn::getSymbolNames(func);
  spec.name = func.getName().str();
  for (BlockArgument argument : func.getArguments()) {
    unsigned index = argument.getArgNumber();
    auto name = func.getArgAttrOfType<StringAttr>(index, qnn::kNameAttr);
    spec.inputs.push_back(describe(
        argument.getType(), name ? name.str() : "input" + std::to_string(index),
        shapes->getShape(argument), symbols));
  }
  for (OpOperand &result : func.front().getTerminator()->getOpOperands()) {
    unsigned index = result.getOperandNumber();
    auto name = func.getResultAttrOfType<StringAttr>(index, qnn::kNameAttr);
    spec.outputs.push_back(
        describe(result.get().getType(),
                 name ? name.str() : "output" + std::to_string(index),
                 shapes->getShape(result.get()), symbols));
  }
  return std::nullopt;
}

} // namespace quantc

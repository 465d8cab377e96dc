// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators that quantc defines by others, in ONNX's text, and the checks that
// the ONNX library makes only of operators that it knows.

#include "Importer.h"
#include "onnx/defs/parser.h"

using namespace mlir;

namespace quantc::onnx_frontend {

const onnx::FunctionProto *Importer::parseDefinition(StringRef text) {
  const onnx::FunctionProto *&known = definitions[text];
  if (known)
    return known;
  std::string whole = "<opset_import: [\"\" : 24, \"com.microsoft\" : 1], "
                      "domain: \"quantc\"> Definition " +
                      text.str();
  onnx::FunctionProto function;
  auto status = onnx::OnnxParser::Parse(function, whole);
  if (!status.IsOK()) {
    (void)fail("definition: " + oneLine(status.ErrorMessage()),
               Status::Internal);
    return nullptr;
  }
  return known = &bodies.emplace_back(std::move(function));
}

LogicalResult NodeImport::define(StringRef text) {
  const onnx::FunctionProto *function = importer.parseDefinition(text);
  return function ? importer.importCall(*function, *this, scope) : failure();
}

LogicalResult NodeImport::expect(size_t minInputs, size_t maxInputs,
                                 size_t maxOutputs, StringRef attributes) {
  if (inputs.size() > maxInputs || numOutputs() > maxOutputs)
    return error("expected at most " + Twine(maxInputs) + " inputs and " +
                 Twine(maxOutputs) + " outputs, got " + Twine(inputs.size()) +
                 " and " + Twine(numOutputs()));
  for (size_t i = 0; i < minInputs; ++i)
    if (!input(i))
      return failure();
  SmallVector<StringRef> names;
  attributes.split(names, ' ');
  for (const auto &given : node.attribute())
    if (!llvm::is_contained(names, StringRef(given.name())))
      return error("has no attribute " + quote(given.name()) + "; it has " +
                   (attributes.empty() ? "none" : attributes));
  return success();
}

} // namespace quantc::onnx_frontend

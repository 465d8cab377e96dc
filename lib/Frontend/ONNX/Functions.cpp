// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Model-local functions are expanded where they are called.  How many nodes
// that gives is counted first (a few kilobytes can expand to 10^10 nodes),
// recursion and deep nesting are refused, then the body is imported in a scope
// of its own: no message is copied, and attribute references resolve to the
// call's.
//
// Operators without a handler that ONNX defines by others are such functions,
// too; some of their bodies depend on the node's types and attributes.

#include "GraphWalk.h"
#include "Importer.h"
#include "onnx/defs/schema.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CheckedArithmetic.h"

using namespace mlir;

namespace quantc::onnx_frontend {

static std::string functionKey(StringRef domain, StringRef name,
                               StringRef overload) {
  return normalDomain(domain).str() + '\0' + name.str() + '\0' + overload.str();
}

const onnx::FunctionProto *
Importer::findFunction(const onnx::NodeProto &node) const {
  if (functions.empty())
    return nullptr;
  return functions.lookup(
      functionKey(node.domain(), node.op_type(), node.overload()));
}

/// Adds what the node expands to, with its subgraphs; `count` sets the number
/// for a node that is a call.
static LogicalResult countNode(
    const onnx::NodeProto &node,
    llvm::function_ref<LogicalResult(const onnx::NodeProto &, int64_t &)> count,
    int64_t &nodes) {
  LogicalResult result = success();
  forEachNode(node, [&](const onnx::NodeProto &inner) {
    int64_t expanded = 1;
    if (succeeded(result))
      result = count(inner, expanded);
    // Saturates far above every limit.
    nodes = std::min(nodes + expanded, int64_t(1) << 60);
  });
  return result;
}

LogicalResult
Importer::countFunction(const onnx::FunctionProto &function,
                        SmallVectorImpl<const onnx::FunctionProto *> &path,
                        int64_t &nodes) {
  constexpr size_t maxDepth = 64;
  if (auto counted = expansion.find(&function); counted != expansion.end()) {
    nodes = counted->second;
    return success();
  }
  if (auto *again = llvm::find(path, &function); again != path.end()) {
    SmallVector<std::string> names;
    for (const auto *caller : ArrayRef(again, path.end()))
      names.push_back(quote(caller->name()));
    names.push_back(quote(function.name()));
    return fail("functions call themselves: " + llvm::join(names, " -> "));
  }
  if (path.size() == maxDepth)
    return fail("functions are nested more than " + Twine(maxDepth) +
                    " calls deep",
                Status::Limit);
  path.push_back(&function);
  nodes = 0;
  auto count = [&](const onnx::NodeProto &node, int64_t &expanded) {
    const auto *callee = findFunction(node);
    return callee ? countFunction(*callee, path, expanded) : success();
  };
  for (const auto &node : function.node())
    if (failed(countNode(node, count, nodes)))
      return failure();
  path.pop_back();
  expansion[&function] = nodes;
  return success();
}

LogicalResult Importer::countExpansion() {
  for (const auto &function : model->proto.functions())
    functions[functionKey(function.domain(), function.name(),
                          function.overload())] = &function;
  int64_t total = 0;
  SmallVector<const onnx::FunctionProto *> path;
  auto count = [&](const onnx::NodeProto &node, int64_t &expanded) {
    const auto *callee = findFunction(node);
    return callee ? countFunction(*callee, path, expanded) : success();
  };
  for (const auto &node : model->proto.graph().node())
    if (failed(countNode(node, count, total)))
      return failure();
  if (total > options.maxNodes)
    return fail("local functions expand to more than " +
                    Twine(options.maxNodes) + " nodes",
                Status::Limit);
  return success();
}

LogicalResult Importer::importCall(const onnx::FunctionProto &function,
                                   NodeImport &call, Scope &scope) {
  Scope body;
  body.isFunction = true;
  body.prefix = call.name + "/";
  if (call.inputs.size() > size_t(function.input_size()) ||
      call.numOutputs() > size_t(function.output_size()))
    return call.error("expected at most " + Twine(function.input_size()) +
                      " inputs and " + Twine(function.output_size()) +
                      " outputs, got " + Twine(call.inputs.size()) + " and " +
                      Twine(call.numOutputs()));
  for (auto [i, entry] : llvm::enumerate(call.inputs))
    if (entry)
      body.values[function.input(i)] = entry;
  for (const std::string &name : function.attribute())
    if (const auto *given = call.attribute(name))
      body.attributes[name] = given;
  for (const auto &fallback : function.attribute_proto()) {
    const auto *given = call.attribute(fallback.name());
    body.attributes[fallback.name()] = given ? given : &fallback;
  }
  for (const auto &import : function.opset_import())
    body.opsets[normalDomain(import.domain())] = import.version();
  if (body.opsets.empty())
    for (const auto &opset : scope.opsets)
      body.opsets[opset.first()] = opset.second;
  int64_t own = body.opsets.lookup("");
  if (own < 0 || own > 28)
    return call.error("expected the function's opset to be from 1 to 28, got " +
                      Twine(own));
  // An omitted optional input is an empty name inside the body.
  for (const std::string &name : function.input())
    body.values.try_emplace(name, nullptr);
  for (const std::string &name : function.output())
    body.used.insert(name);
  if (failed(importNodes(function.node(), body)))
    return failure();
  for (size_t i = 0; i < call.numOutputs(); ++i) {
    Entry *entry = body.values.lookup(function.output(i));
    if (entry)
      (void)call.resultEntry(entry, i);
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Operators that ONNX defines by others
//===----------------------------------------------------------------------===//

static onnx::TypeProto typeOf(const Entry *entry) {
  onnx::TypeProto type;
  if (!entry)
    return type;
  auto *tensor = type.mutable_tensor_type();
  tensor->set_elem_type(elementTypeNumber(entry->elementType));
  auto *shape = tensor->mutable_shape();
  for (AffineExpr dim : entry->shape) {
    auto *added = shape->add_dim();
    int64_t extent = staticExtent(dim);
    if (!ShapedType::isDynamic(extent))
      added->set_dim_value(extent);
  }
  return type;
}

const onnx::FunctionProto *Importer::schemaBody(NodeImport &call,
                                                StringRef domain) {
  const onnx::OpSchema *schema = onnx::OpSchemaRegistry::Schema(
      call.node.op_type(), int(call.opset), domain.str());
  if (!schema)
    return nullptr;
  onnx::FunctionProto body;
  if (schema->HasFunction()) {
    const auto *known = schema->GetFunction(int(call.opset));
    if (!known)
      return nullptr;
    body = *known;
  } else if (schema->HasContextDependentFunction()) {
    // References to a surrounding function's attributes are resolved first.
    onnx::NodeProto node = call.node;
    node.clear_attribute();
    for (const auto &given : call.node.attribute())
      if (const auto *resolved = call.attribute(given.name())) {
        auto *added = node.add_attribute();
        *added = *resolved;
        added->set_name(given.name());
      }
    std::vector<onnx::TypeProto> types;
    for (const Entry *entry : call.inputs)
      types.push_back(typeOf(entry));
    onnx::FunctionBodyBuildContextImpl context(node, types);
    try {
      if (!schema->BuildContextDependentFunction(context, body,
                                                 int(call.opset)))
        return nullptr;
    } catch (const std::exception &exception) {
      // Types or attributes that the body cannot be written for.
      (void)call.error(oneLine(exception.what()));
      return nullptr;
    }
  } else {
    return nullptr;
  }
  llvm::StringSet<> listed;
  for (const std::string &name : body.attribute())
    listed.insert(name);
  for (const auto &[name, attribute] : schema->attributes()) {
    if (call.attribute(name)) {
      if (listed.insert(name).second)
        body.add_attribute(name);
    } else if (!attribute.default_value.name().empty()) {
      *body.add_attribute_proto() = attribute.default_value;
    }
  }
  return &bodies.emplace_back(std::move(body));
}

} // namespace quantc::onnx_frontend

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Checks of a model as a whole, before any node is read: versions, names, graph
// inputs and outputs, initializers.  The ONNX checker then looks at each node
// when it is imported (Import.cpp); it accepts several of the things refused
// here, such as an opset imported twice or a tensor with too much data.

#include "Model.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/ConvertUTF.h"

using namespace mlir;

namespace quantc::onnx_frontend {

StringRef normalDomain(StringRef domain) {
  return domain == "ai.onnx" ? "" : domain;
}

ValueForm::ValueForm(const onnx::TypeProto &type) {
  const onnx::TypeProto *inner = &type;
  if (inner->has_optional_type()) {
    isOptional = true;
    inner = &inner->optional_type().elem_type();
  }
  if (inner->has_sequence_type()) {
    isSequence = true;
    inner = &inner->sequence_type().elem_type();
  }
  if (inner->has_tensor_type())
    tensor = &inner->tensor_type();
}

static LogicalResult checkText(StringRef text, const Twine &what,
                               Error &error) {
  const auto *start = reinterpret_cast<const llvm::UTF8 *>(text.data());
  if (llvm::isLegalUTF8String(&start, start + text.size()))
    return success();
  return refuse(error, what + " " + quote(text) + " is not valid UTF-8");
}

static LogicalResult checkVersions(const onnx::ModelProto &proto,
                                   Error &error) {
  constexpr int64_t minIr = 3, maxIr = 14, minOpset = 1, maxOpset = 28;
  if (proto.ir_version() < minIr || proto.ir_version() > maxIr)
    return refuse(error, "expected an IR version from " + Twine(minIr) +
                             " to " + Twine(maxIr) + ", got " +
                             Twine(proto.ir_version()));
  if (proto.opset_import_size() == 0)
    return refuse(error, "no opset is imported");
  llvm::StringMap<int64_t> seen;
  for (const auto &import : proto.opset_import()) {
    if (failed(checkText(import.domain(), "domain", error)))
      return failure();
    StringRef domain = normalDomain(import.domain());
    if (!seen.try_emplace(domain, import.version()).second)
      return refuse(error, "the opset of domain " +
                               quote(domain.empty() ? "ai.onnx" : domain) +
                               " is imported twice");
  }
  auto found = seen.find("");
  if (found != seen.end() &&
      (found->second < minOpset || found->second > maxOpset))
    return refuse(error, "expected opset " + Twine(minOpset) + " to " +
                             Twine(maxOpset) + ", got " + Twine(found->second));
  return success();
}

static LogicalResult checkSubgraph(const onnx::GraphProto &graph,
                                   const Twine &what, Error &error);

static LogicalResult
checkNodes(const google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes,
           llvm::StringMap<std::string> &defined, Error &error) {
  for (const auto &node : nodes) {
    if (node.op_type().empty())
      return refuse(error, "node " + quote(node.name()) + " has no op_type");
    for (const std::string *text :
         {&node.name(), &node.op_type(), &node.domain()})
      if (failed(checkText(*text, "name", error)))
        return failure();
    for (const std::string &input : node.input())
      if (failed(checkText(input, "value name", error)))
        return failure();
    std::string site = "node " + quote(node.name()) + " (" +
                       StringRef(quote(node.op_type())).trim('\'').str() + ")";
    for (const std::string &output : node.output()) {
      if (output.empty())
        continue;
      if (failed(checkText(output, "value name", error)))
        return failure();
      auto [entry, added] = defined.try_emplace(output, site);
      if (!added)
        return refuse(error, "value " + quote(output) + " is defined by " +
                                 site + " and by " + entry->second);
    }
    for (const auto &attribute : node.attribute())
      if (attribute.has_g() &&
          failed(checkSubgraph(attribute.g(),
                               quote(attribute.name()) + " of " + site, error)))
        return failure();
  }
  return success();
}

/// A branch or body; its tensors are checked when they are read.
static LogicalResult checkSubgraph(const onnx::GraphProto &graph,
                                   const Twine &what, Error &error) {
  llvm::StringMap<std::string> defined;
  if (graph.sparse_initializer_size() != 0)
    return refuse(error, "sparse initializers are not supported, in " + what);
  for (const auto &input : graph.input()) {
    if (failed(checkText(input.name(), "value name", error)))
      return failure();
    if (!defined.try_emplace(input.name(), "an input").second)
      return refuse(error, "input " + quote(input.name()) + " of " + what +
                               " is declared twice");
  }
  llvm::StringMap<bool> initializers;
  for (const auto &tensor : graph.initializer()) {
    if (failed(checkText(tensor.name(), "initializer", error)))
      return failure();
    if (!initializers.try_emplace(tensor.name(), true).second)
      return refuse(error, "initializer " + quote(tensor.name()) + " of " +
                               what + " is defined twice");
    defined.try_emplace(tensor.name(), "an initializer");
  }
  return checkNodes(graph.node(), defined, error);
}

static LogicalResult checkInput(const onnx::ValueInfoProto &input,
                                Error &error) {
  auto what = "graph input " + quote(input.name());
  if (input.name().empty())
    return refuse(error, "a graph input has no name");
  ValueForm form(input.type());
  if (!form.tensor)
    return refuse(error, what + " is not a tensor or a sequence of tensors");
  const auto &type = *form.tensor;
  if (!isElementType(type.elem_type()))
    return refuse(error, what + " has element type " +
                             elementTypeName(type.elem_type()) +
                             ", which is not supported");
  if (!type.has_shape() && !form.isSequence)
    return refuse(error, what + " has no shape");
  if (type.shape().dim_size() > kMaxRank)
    return refuse(error, what + " has rank " + Twine(type.shape().dim_size()) +
                             ", the limit is " + Twine(kMaxRank));
  for (const auto &dim : type.shape().dim()) {
    if (dim.has_dim_value() && dim.dim_value() < 0)
      return refuse(error, what + " has the negative dimension " +
                               Twine(dim.dim_value()) +
                               "; a dynamic dimension has a name");
    if (failed(checkText(dim.dim_param(), "dimension name", error)))
      return failure();
  }
  return success();
}

/// Some converters write -1 for a dimension that they do not know.
static void forgetUnknown(
    google::protobuf::RepeatedPtrField<onnx::ValueInfoProto> &values) {
  for (onnx::ValueInfoProto &value : values) {
    if (!value.type().tensor_type().has_shape())
      continue;
    auto *shape = value.mutable_type()->mutable_tensor_type()->mutable_shape();
    for (auto &dim : *shape->mutable_dim())
      if (dim.has_dim_value() && dim.dim_value() == -1)
        dim.clear_dim_value();
  }
}

static LogicalResult checkGraph(Model &model, Error &error) {
  forgetUnknown(*model.proto.mutable_graph()->mutable_input());
  forgetUnknown(*model.proto.mutable_graph()->mutable_output());
  const onnx::GraphProto &graph = model.proto.graph();
  llvm::StringMap<std::string> defined, initializers, outputs;
  if (graph.output_size() == 0)
    return refuse(error, "the graph has no outputs");
  if (graph.sparse_initializer_size() != 0)
    return refuse(error, "sparse initializers are not supported");
  for (const auto &input : graph.input()) {
    if (failed(checkText(input.name(), "graph input", error)))
      return failure();
    if (!defined.try_emplace(input.name(), "a graph input").second)
      return refuse(error, "graph input " + quote(input.name()) +
                               " is declared twice");
  }
  for (const auto &tensor : graph.initializer()) {
    if (failed(checkText(tensor.name(), "initializer", error)))
      return failure();
    if (tensor.name().empty())
      return refuse(error, "an initializer has no name");
    if (!initializers.try_emplace(tensor.name(), "").second)
      return refuse(error, "initializer " + quote(tensor.name()) +
                               " is defined twice");
    defined.try_emplace(tensor.name(), "an initializer");
    if (tensor.data_type() != onnx::TensorProto::STRING &&
        failed(checkTensor(tensor, model, error)))
      return failure();
  }
  for (const auto &input : graph.input())
    if (!initializers.contains(input.name()) &&
        failed(checkInput(input, error)))
      return failure();
  if (failed(checkNodes(graph.node(), defined, error)))
    return failure();
  for (const auto &output : graph.output()) {
    if (!defined.contains(output.name()))
      return refuse(error, "graph output " + quote(output.name()) +
                               " is produced by no node");
    if (!outputs.try_emplace(output.name(), "").second)
      return refuse(error, "graph output " + quote(output.name()) +
                               " is declared twice");
  }
  return success();
}

static LogicalResult checkFunctions(const onnx::ModelProto &proto,
                                    Error &error) {
  llvm::StringMap<bool> names;
  for (const auto &function : proto.functions()) {
    std::string key = normalDomain(function.domain()).str() + '\0' +
                      function.name() + '\0' + function.overload();
    if (failed(checkText(function.name(), "function", error)) ||
        failed(checkText(function.domain(), "domain", error)))
      return failure();
    if (!names.try_emplace(key, true).second)
      return refuse(error,
                    "function " + quote(function.name()) + " is defined twice");
    llvm::StringMap<std::string> defined;
    for (const std::string &input : function.input())
      if (!defined.try_emplace(input, "an input").second)
        return refuse(error, "function " + quote(function.name()) +
                                 " has the input " + quote(input) + " twice");
    if (failed(checkNodes(function.node(), defined, error)))
      return failure();
    for (const std::string &output : function.output())
      if (!defined.contains(output))
        return refuse(error, "output " + quote(output) + " of function " +
                                 quote(function.name()) +
                                 " is produced by no node");
  }
  return success();
}

LogicalResult checkModel(Model &model, const ImportOptions &options,
                         Error &error) {
  const onnx::ModelProto &proto = model.proto;
  if (!proto.has_graph())
    return refuse(error, "the model has no graph");
  int64_t nodes = proto.graph().node_size();
  for (const auto &function : proto.functions())
    nodes += function.node_size();
  if (nodes > options.maxNodes)
    return refuse(error, "more than " + Twine(options.maxNodes) + " nodes",
                  Status::Limit);
  if (proto.training_info_size() != 0)
    return refuse(error, "training information is not supported");
  llvm::StringMap<bool> keys;
  for (const auto &entry : proto.metadata_props()) {
    if (failed(checkText(entry.key(), "metadata key", error)) ||
        failed(checkText(entry.value(), "metadata value", error)))
      return failure();
    if (!keys.try_emplace(entry.key(), true).second)
      return refuse(error,
                    "metadata key " + quote(entry.key()) + " is given twice");
  }
  if (failed(checkVersions(proto, error)) || failed(checkGraph(model, error)))
    return failure();
  return checkFunctions(proto, error);
}

} // namespace quantc::onnx_frontend

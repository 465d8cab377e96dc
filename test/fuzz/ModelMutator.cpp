// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which part of a model is changed, and changes of what is there.  Operators
// that are added are in NodeGenerator.cpp.

#include "ModelMutator.h"
#include <algorithm>

using onnx::AttributeProto;
using onnx::GraphProto;
using onnx::ModelProto;
using onnx::NodeProto;
using onnx::TensorProto;

namespace quantc {

//===----------------------------------------------------------------------===//
// Parts of a model
//===----------------------------------------------------------------------===//

void ModelMutator::collect(Nodes &list) {
  lists.push_back(&list);
  for (NodeProto &node : list) {
    nodes.push_back(&node);
    names += node.output_size();
    for (AttributeProto &attribute : *node.mutable_attribute()) {
      attributes.push_back(&attribute);
      if (attribute.has_t())
        tensors.push_back(attribute.mutable_t());
      if (attribute.has_g())
        collect(*attribute.mutable_g());
    }
  }
}

void ModelMutator::collect(GraphProto &graph) {
  graphs.push_back(&graph);
  for (TensorProto &tensor : *graph.mutable_initializer())
    tensors.push_back(&tensor);
  collect(*graph.mutable_node());
}

void ModelMutator::collect(ModelProto &model) {
  graphs.clear();
  lists.clear();
  nodes.clear();
  tensors.clear();
  attributes.clear();
  collect(*model.mutable_graph());
  for (auto &function : *model.mutable_functions())
    collect(*function.mutable_node());
  for (const auto &import : model.opset_import())
    if (import.domain().empty())
      opset = int(std::clamp<int64_t>(import.version(), 1, 28));
}

std::string ModelMutator::newName() {
  return "v" + std::to_string(names++) + "_" + std::to_string(below(1000));
}

//===----------------------------------------------------------------------===//
// Changes
//===----------------------------------------------------------------------===//

bool ModelMutator::changeAttribute() {
  if (attributes.empty())
    return false;
  AttributeProto &attribute = *pick(attributes);
  switch (below(8)) {
  case 0:
    setValue(attribute, onnx::AttributeProto_AttributeType(
                            1 + below(AttributeProto::INTS)));
    return true;
  case 1:
    attribute.set_name(pick(attributes)->name());
    return true;
  default:
    break;
  }
  if (attribute.type() == AttributeProto::INTS && attribute.ints_size()) {
    int at = int(below(attribute.ints_size()));
    switch (below(4)) {
    case 0:
      attribute.add_ints(integer());
      break;
    case 1:
      attribute.mutable_ints()->RemoveLast();
      break;
    default:
      attribute.set_ints(at, integer());
    }
    return true;
  }
  if (attribute.type() == AttributeProto::GRAPH)
    return false;
  setValue(attribute, attribute.type());
  return true;
}

bool ModelMutator::changeTensor() {
  if (tensors.empty())
    return false;
  TensorProto &tensor = *pick(tensors);
  switch (below(5)) {
  case 0:
    tensor.set_data_type(type());
    break;
  case 1:
    if (oneIn(2) || tensor.dims_size() == 0)
      tensor.add_dims(extent());
    else
      tensor.mutable_dims()->RemoveLast();
    break;
  case 2:
    if (tensor.dims_size())
      tensor.set_dims(int(below(tensor.dims_size())), extent());
    break;
  case 3: // Data that does not fit.
    if (tensor.raw_data().empty())
      return false;
    tensor.mutable_raw_data()->pop_back();
    return true;
  default:
    break;
  }
  fill(tensor);
  return true;
}

/// A value that nodes of the list define or read.
static std::string anyName(const NodeProto &node, uint64_t at) {
  uint64_t count = node.input_size() + node.output_size();
  if (count == 0)
    return "";
  at %= count;
  return at < uint64_t(node.input_size())
             ? node.input(int(at))
             : node.output(int(at) - node.input_size());
}

bool ModelMutator::changeNode() {
  if (nodes.empty())
    return false;
  NodeProto &node = *pick(nodes);
  if (oneIn(8)) {
    node.add_input(anyName(*pick(nodes), random()));
    return true;
  }
  if (oneIn(8)) {
    node.add_output(newName());
    return true;
  }
  if (oneIn(6))
    if (const auto *known = schema(node.domain(), node.op_type())) {
      addAttribute(node, *known, false);
      return true;
    }
  if (node.attribute_size() && oneIn(6)) {
    node.mutable_attribute()->RemoveLast();
    return true;
  }
  if (node.input_size() == 0)
    return false;
  int at = int(below(node.input_size()));
  switch (below(4)) {
  case 0:
    node.set_input(at, "");
    break;
  case 1:
    node.mutable_input()->RemoveLast();
    break;
  case 2:
    node.mutable_input()->SwapElements(at, int(below(node.input_size())));
    break;
  default:
    node.set_input(at, anyName(*pick(nodes), random()));
  }
  return true;
}

bool ModelMutator::changeInput() {
  GraphProto &graph = *pick(graphs);
  if (graph.input_size() == 0)
    return false;
  auto &value = *graph.mutable_input(int(below(graph.input_size())));
  auto &tensor = *value.mutable_type()->mutable_tensor_type();
  auto &shape = *tensor.mutable_shape();
  switch (below(6)) {
  case 0:
    tensor.set_elem_type(type());
    return true;
  case 1:
    shape.add_dim()->set_dim_value(extent());
    return true;
  case 2:
    if (shape.dim_size())
      shape.mutable_dim()->RemoveLast();
    return true;
  default:
    break;
  }
  if (shape.dim_size() == 0)
    return false;
  auto &dim = *shape.mutable_dim(int(below(shape.dim_size())));
  static const std::vector<std::string> symbols = {
      "n", "m", "n", "n + 1", "2 * n", "n * m", "n - 1", ""};
  if (oneIn(2))
    dim.set_dim_value(extent());
  else
    dim.set_dim_param(pick(symbols));
  return true;
}

/// An input becomes a constant, which folds what reads it.
bool ModelMutator::fixInput() {
  GraphProto &graph = *pick(graphs);
  if (graph.input_size() == 0)
    return false;
  int at = int(below(graph.input_size()));
  const auto &value = graph.input(at);
  TensorProto &tensor = *graph.add_initializer();
  tensor.set_name(value.name());
  const auto &given = value.type().tensor_type();
  tensor.set_data_type(given.elem_type() ? given.elem_type() : type());
  for (const auto &dim : given.shape().dim())
    tensor.add_dims(dim.has_dim_value() ? dim.dim_value() : int(below(4)));
  fill(tensor);
  graph.mutable_input()->DeleteSubrange(at, 1);
  return true;
}

/// Another value is returned, so that nothing of it is dead.
bool ModelMutator::addOutput() {
  GraphProto &graph = *pick(graphs);
  if (graph.node_size() == 0)
    return false;
  const NodeProto &node = graph.node(int(below(graph.node_size())));
  if (node.output_size() == 0)
    return false;
  auto *value = graph.output_size() && oneIn(2)
                    ? graph.mutable_output(int(below(graph.output_size())))
                    : graph.add_output();
  value->Clear();
  value->set_name(node.output(int(below(node.output_size()))));
  return true;
}

bool ModelMutator::changeVersion(ModelProto &model) {
  for (auto &import : *model.mutable_opset_import())
    if (import.domain().empty())
      import.set_version(7 + int64_t(below(22)));
  if (oneIn(4))
    model.set_ir_version(3 + int64_t(below(12)));
  return true;
}

/// Nodes in another order, one twice, or one less.
bool ModelMutator::renumber() {
  Nodes &list = *pick(lists);
  if (list.size() == 0)
    return false;
  int at = int(below(list.size()));
  switch (below(3)) {
  case 0:
    list.SwapElements(at, int(below(list.size())));
    break;
  case 1:
    list.DeleteSubrange(at, 1);
    break;
  default: {
    NodeProto copy = list[at];
    for (std::string &output : *copy.mutable_output())
      output = newName();
    *list.Add() = copy;
  }
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Control flow and functions
//===----------------------------------------------------------------------===//

/// The node becomes the body of a function that is called in its place.
bool ModelMutator::wrapInFunction(ModelProto &model, NodeProto &node) {
  std::string name = "F" + newName();
  NodeProto inner = node;
  auto &function = *model.add_functions();
  function.set_name(name);
  function.set_domain("local");
  *function.mutable_opset_import() = model.opset_import();
  for (const std::string &input : inner.input())
    if (!input.empty() &&
        std::find(function.input().begin(), function.input().end(), input) ==
            function.input().end())
      function.add_input(input);
  *function.mutable_output() = inner.output();
  node.set_op_type(name);
  node.set_domain("local");
  *node.mutable_input() = function.input();
  node.clear_attribute();
  for (AttributeProto &attribute : *inner.mutable_attribute()) {
    if (attribute.has_g() || oneIn(2))
      continue;
    AttributeProto given = attribute;
    *node.add_attribute() = given;
    function.add_attribute(attribute.name());
    attribute.Clear();
    attribute.set_name(given.name());
    attribute.set_ref_attr_name(given.name());
    attribute.set_type(given.type());
  }
  *function.add_node() = inner;
  if (std::none_of(model.opset_import().begin(), model.opset_import().end(),
                   [](const auto &i) { return i.domain() == "local"; })) {
    auto *import = model.add_opset_import();
    import->set_domain("local");
    import->set_version(1);
  }
  return true;
}

bool ModelMutator::wrap(ModelProto &model) {
  GraphProto &graph = *pick(graphs);
  if (graph.node_size() == 0)
    return false;
  NodeProto &node = *graph.mutable_node(int(below(graph.node_size())));
  if (oneIn(3))
    return wrapInFunction(model, node);
  NodeProto inner = node;
  node.Clear();
  node.set_name(inner.name());
  *node.mutable_output() = inner.output();
  GraphProto body;
  body.set_name("body");
  for (std::string &output : *inner.mutable_output()) {
    output = newName();
    body.add_output()->set_name(output);
  }
  *body.add_node() = inner;
  auto addGraph = [&](const char *name, const GraphProto &content) {
    AttributeProto &attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(AttributeProto::GRAPH);
    *attribute.mutable_g() = content;
  };
  if (oneIn(2)) {
    node.set_op_type("If");
    node.add_input(constant(graph, TensorProto::BOOL));
    addGraph("then_branch", body);
    addGraph("else_branch", body);
    return true;
  }
  // A loop whose results are stacked.
  node.set_op_type("Loop");
  node.add_input(constant(graph, TensorProto::INT64));
  node.add_input(oneIn(2) ? "" : constant(graph, TensorProto::BOOL));
  body.add_input()->set_name(newName());
  body.add_input()->set_name(newName());
  GraphProto looped = body;
  looped.mutable_output()->Clear();
  looped.add_output()->set_name(body.input(1).name());
  for (const auto &output : body.output())
    *looped.add_output() = output;
  addGraph("body", looped);
  return true;
}

//===----------------------------------------------------------------------===//
// Entry points
//===----------------------------------------------------------------------===//

void ModelMutator::change(ModelProto &model) {
  for (int tries = 0; tries < 20; ++tries) {
    collect(model);
    bool done = false;
    switch (below(20)) {
    case 0:
    case 1:
    case 2:
    case 3:
      done = changeAttribute();
      break;
    case 4:
    case 5:
    case 6:
      done = changeTensor();
      break;
    case 7:
    case 8:
      done = changeNode();
      break;
    case 9:
    case 10:
      done = changeInput();
      break;
    case 11:
    case 12:
      done = fixInput();
      break;
    case 13:
      done = addOutput();
      break;
    case 14:
      done = changeVersion(model);
      break;
    case 15:
      done = renumber();
      break;
    case 16:
      done = wrap(model);
      break;
    default:
      done = addNode();
    }
    if (done)
      return;
  }
}

void ModelMutator::mutate(ModelProto &model) {
  if (model.opset_import_size() == 0) {
    model.set_ir_version(10);
    model.add_opset_import()->set_version(opset);
  }
  if (model.graph().node_size() == 0) {
    collect(model);
    addNode();
  }
  do
    change(model);
  while (oneIn(2));
}

void ModelMutator::splice(ModelProto &model, const ModelProto &other) {
  collect(model);
  GraphProto &graph = *model.mutable_graph();
  const GraphProto &from = other.graph();
  if (graph.node_size() == 0 || from.node_size() == 0)
    return;
  // The other's first input reads one of our values.
  std::string joint = graph.node(int(below(graph.node_size()))).output_size()
                          ? anyName(pick(nodes)[0], random())
                          : "";
  std::string mark = newName();
  auto rename = [&](const std::string &name) {
    if (name.empty())
      return name;
    return !from.input().empty() && name == from.input(0).name() ? joint
                                                                 : mark + name;
  };
  for (const NodeProto &node : from.node()) {
    NodeProto &added = *graph.add_node();
    added = node;
    for (std::string &input : *added.mutable_input())
      input = rename(input);
    for (std::string &output : *added.mutable_output())
      output = rename(output);
  }
  for (const TensorProto &tensor : from.initializer()) {
    TensorProto &added = *graph.add_initializer();
    added = tensor;
    added.set_name(rename(tensor.name()));
  }
  for (int i = 1; i < from.input_size(); ++i) {
    auto &added = *graph.add_input();
    added = from.input(i);
    added.set_name(rename(from.input(i).name()));
  }
  for (const auto &output : from.output()) {
    auto &added = *graph.add_output();
    added = output;
    added.set_name(rename(output.name()));
  }
}

} // namespace quantc

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The ONNX library's checker on one node, and the order of nodes.  The checker
// runs per node because it stops at the first operator it does not know,
// expects sorted nodes and prints to standard output when it looks at whole
// graphs.

#include "GraphWalk.h"
#include "Importer.h"
#include "onnx/checker.h"
#include "onnx/defs/schema.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace quantc::onnx_frontend {

LogicalResult checkNode(const onnx::NodeProto &node, const Scope &scope,
                        int64_t irVersion, Error &error) {
  std::string problem;
  try {
    onnx::checker::CheckerContext context;
    context.set_ir_version(int(irVersion));
    context.set_is_main_graph(!scope.isFunction);
    std::unordered_map<std::string, int> opsets;
    for (const auto &entry : scope.opsets)
      opsets[entry.first().str()] = int(entry.second);
    context.set_opset_imports(opsets);
    onnx::checker::LexicalScopeContext names;
    // What subgraphs read from around them.
    if (llvm::any_of(node.attribute(),
                     [](const auto &attribute) { return attribute.has_g(); }))
      forEachUse(node, [&](const std::string &name) {
        Entry *entry = nullptr;
        if (scope.lookup(name, entry))
          names.add(name);
      });
    StringRef domain = normalDomain(node.domain());
    bool isKnown = onnx::OpSchemaRegistry::Schema(node.op_type(), domain.str());
    if (node.domain() == "ai.onnx" || (domain.empty() && !isKnown)) {
      // Operators that others have added to the domain are checked as foreign.
      onnx::NodeProto copy = node;
      if (isKnown)
        copy.clear_domain();
      else
        copy.set_domain("com.microsoft");
      opsets.try_emplace("com.microsoft", 1);
      context.set_opset_imports(opsets);
      onnx::checker::check_node(copy, context, names);
    } else {
      onnx::checker::check_node(node, context, names);
    }
    return success();
  } catch (const std::exception &exception) {
    problem = exception.what();
  }
  // One line, without the checker's context, which the caller adds.
  StringRef text = StringRef(problem).split("\n\n==> Context").first.trim();
  return refuse(error, oneLine(text));
}

/// Calls `visit` with the names that the node reads from around it, not those
/// that its subgraphs define.
static void
forEachOuterUse(const onnx::NodeProto &node,
                llvm::function_ref<void(const std::string &)> visit) {
  bool isPlain = llvm::none_of(node.attribute(), [](const auto &attribute) {
    return attribute.has_g();
  });
  if (isPlain) {
    llvm::for_each(node.input(), visit);
    return;
  }
  llvm::StringSet<> own;
  forEachNode(node, [&](const onnx::NodeProto &inner) {
    if (&inner != &node)
      for (const std::string &output : inner.output())
        own.insert(output);
    for (const auto &attribute : inner.attribute()) {
      for (const auto &input : attribute.g().input())
        own.insert(input.name());
      for (const auto &tensor : attribute.g().initializer())
        own.insert(tensor.name());
    }
  });
  forEachUse(node, [&](const std::string &name) {
    if (!own.contains(name))
      visit(name);
  });
}

/// Prints the cycle that `start` is on, following unfinished producers.
static LogicalResult
reportCycle(const google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes,
            const llvm::StringMap<int> &producer,
            const std::vector<bool> &finished, int start, Error &error) {
  std::vector<int> path, seenAt(nodes.size(), -1);
  int at = start;
  while (seenAt[at] < 0) {
    seenAt[at] = path.size();
    path.push_back(at);
    int next = -1;
    forEachOuterUse(nodes[at], [&](const std::string &input) {
      auto found = producer.find(input);
      if (next < 0 && found != producer.end() && !finished[found->second])
        next = found->second;
    });
    at = next;
  }
  SmallVector<std::string> names;
  for (size_t i = seenAt[at]; i < path.size() && names.size() < 8; ++i) {
    const onnx::NodeProto &node = nodes[path[i]];
    names.push_back(quote(node.name().empty()
                              ? node.op_type() + "_" + std::to_string(path[i])
                              : node.name()));
  }
  size_t length = path.size() - seenAt[at];
  return refuse(error, "the graph has a cycle of " + Twine(length) +
                           (length == 1 ? " node: " : " nodes: ") +
                           llvm::join(names, " <- ") +
                           (length > names.size() ? " <- ..." : ""));
}

FailureOr<SmallVector<int>> topologicalOrder(
    const google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes,
    const llvm::StringMap<Entry *> &known, bool &sorted, Error &error) {
  llvm::StringMap<int> producer;
  for (const auto &[i, node] : llvm::enumerate(nodes))
    for (const std::string &output : node.output())
      if (!output.empty())
        producer[output] = i;
  // Kahn's algorithm with a first-in order of node positions; a sorted graph
  // keeps its order.
  std::vector<int> missing(nodes.size(), 0);
  std::vector<SmallVector<int, 2>> users(nodes.size());
  sorted = true;
  for (int i = 0; i < nodes.size(); ++i)
    forEachOuterUse(nodes[i], [&](const std::string &input) {
      auto found = producer.find(input);
      if (input.empty() || found == producer.end())
        return;
      ++missing[i];
      users[found->second].push_back(i);
      sorted &= found->second < i;
    });
  SmallVector<int> order;
  if (sorted) {
    for (int i = 0; i < nodes.size(); ++i)
      order.push_back(i);
    return order;
  }
  std::vector<bool> finished(nodes.size(), false);
  for (int i = 0; i < nodes.size(); ++i)
    if (missing[i] == 0)
      order.push_back(i);
  for (size_t next = 0; next < order.size(); ++next) {
    finished[order[next]] = true;
    for (int user : users[order[next]])
      if (--missing[user] == 0)
        order.push_back(user);
  }
  if (int(order.size()) == nodes.size())
    return order;
  for (int i = 0; i < nodes.size(); ++i)
    if (!finished[i])
      return reportCycle(nodes, producer, finished, i, error);
  return order;
}

} // namespace quantc::onnx_frontend

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Subgraphs, and If.  A branch that is known is imported in place; otherwise
// both are, under a guard, and a run computes the one that it chooses.

#include "GraphWalk.h"
#include "Program.h"
#include "Subgraphs.h"

using namespace mlir;

namespace quantc::onnx_frontend {

constexpr int64_t kMaxIterations = 4096;

//===----------------------------------------------------------------------===//
// Subgraphs
//===----------------------------------------------------------------------===//

bool Scope::lookup(StringRef name, Entry *&entry) const {
  for (const Scope *scope = this; scope; scope = scope->parent) {
    auto found = scope->values.find(name);
    if (found == scope->values.end())
      continue;
    entry = found->second;
    return true;
  }
  return false;
}

void forEachNode(const onnx::NodeProto &node,
                 llvm::function_ref<void(const onnx::NodeProto &)> visit) {
  SmallVector<const onnx::NodeProto *> work = {&node};
  while (!work.empty()) {
    const onnx::NodeProto *next = work.pop_back_val();
    visit(*next);
    for (const auto &attribute : next->attribute())
      for (const auto &inner : attribute.g().node())
        work.push_back(&inner);
  }
}

void forEachUse(const onnx::NodeProto &node,
                llvm::function_ref<void(const std::string &)> visit) {
  forEachNode(node, [&](const onnx::NodeProto &next) {
    for (const std::string &input : next.input())
      visit(input);
    for (const auto &attribute : next.attribute())
      for (const auto &output : attribute.g().output())
        visit(output.name());
  });
}

LogicalResult Importer::importGraph(const onnx::GraphProto &graph,
                                    NodeImport &owner, ArrayRef<Entry *> inputs,
                                    SmallVectorImpl<Entry *> &outputs) {
  if (graph.input_size() != int(inputs.size()))
    return owner.error("expected a subgraph with " + Twine(inputs.size()) +
                       " inputs, got " + Twine(graph.input_size()));
  Scope body;
  body.parent = &owner.scope;
  body.prefix = owner.name + "/";
  body.isFunction = owner.scope.isFunction;
  for (const auto &opset : owner.scope.opsets)
    body.opsets[opset.first()] = opset.second;
  for (const auto &attribute : owner.scope.attributes)
    body.attributes[attribute.first()] = attribute.second;
  for (const auto &tensor : graph.initializer()) {
    auto data = readTensor(tensor, model, &context, error);
    if (failed(data))
      return owner.error(error.message, error.status);
    body.values[tensor.name()] = constantEntry(tensor.name(), std::move(*data));
  }
  for (auto [input, entry] : llvm::zip(graph.input(), inputs))
    body.values[input.name()] = entry;
  for (const auto &output : graph.output())
    body.used.insert(output.name());
  if (failed(importNodes(graph.node(), body)))
    return failure();
  for (const auto &output : graph.output()) {
    Entry *entry = nullptr;
    if (!body.lookup(output.name(), entry) || !entry)
      return owner.error("output " + quote(output.name()) +
                         " of a subgraph is produced by no node");
    outputs.push_back(entry);
  }
  return success();
}

FailureOr<SmallVector<Entry *>> Subgraphs::import(StringRef name,
                                                  ArrayRef<Entry *> inputs) {
  const auto *attribute = n.attribute(name);
  SmallVector<Entry *> outputs;
  if (!attribute || !attribute->has_g())
    return n.error(quote(name) + " is missing");
  if (failed(n.importer.importGraph(attribute->g(), n, inputs, outputs)))
    return failure();
  return outputs;
}

FailureOr<SmallVector<Entry *>>
Subgraphs::importBody(ArrayRef<Entry *> inputs) {
  auto outputs = import("body", inputs);
  if (succeeded(outputs) && outputs->size() != n.numOutputs())
    return n.error("expected a body with " + Twine(n.numOutputs()) +
                   " outputs, got " + Twine(outputs->size()));
  return outputs;
}

FailureOr<SmallVector<Entry *>> Subgraphs::importIf(StringRef name,
                                                    AffineExpr guard) {
  n.importer.guards.push_back(canonicalize(guard));
  auto outputs = import(name);
  n.importer.guards.pop_back();
  return outputs;
}

bool Subgraphs::isTrivial(StringRef name) {
  const auto *attribute = n.attribute(name);
  return attribute && llvm::all_of(attribute->g().node(), [](auto &node) {
           return node.op_type() == "Constant" || node.op_type() == "Identity";
         });
}

bool Subgraphs::mayRepeat(int64_t iterations) {
  const auto *attribute = n.attribute("body");
  int64_t nodes = attribute ? attribute->g().node_size() + 1 : 1;
  // A negative count is none.
  return iterations <= kMaxIterations &&
         std::max<int64_t>(iterations, 0) * nodes <=
             n.importer.options.maxNodes;
}

LogicalResult Subgraphs::needCount(int64_t iterations) {
  if (!mayRepeat(iterations))
    return n.unsupported("of more than 4096 iterations");
  return success();
}

bool Subgraphs::isPassed(StringRef name, int output, int input) {
  const onnx::GraphProto &graph = n.attribute(name)->g();
  StringRef from = graph.output(output).name();
  for (int i = graph.node_size() - 1; i >= 0; --i) {
    const onnx::NodeProto &node = graph.node(i);
    if (node.op_type() == "Identity" && node.input_size() == 1 &&
        node.output_size() == 1 && node.output(0) == from)
      from = node.input(0);
  }
  return from == graph.input(input).name();
}

Type Subgraphs::outputType(StringRef name, size_t index) {
  const auto *attribute = n.attribute(name);
  if (!attribute || int(index) >= attribute->g().output_size())
    return {};
  ValueForm form(attribute->g().output(int(index)).type());
  return form.tensor
             ? elementTypeOf(form.tensor->elem_type(), &n.importer.context)
             : Type();
}

Entry *Subgraphs::integer(int64_t value) {
  Entry *entry = n.importer.newEntry(n.name);
  entry->elementType = n.builder().getI64Type();
  entry->data = ShapeData{n.expr(value)};
  return entry;
}

Entry *Subgraphs::boolean(bool value) {
  Entry *entry = integer(value);
  entry->elementType = n.builder().getI1Type();
  return entry;
}

Entry *Subgraphs::entryOf(Value value) {
  Entry *entry = n.importer.newEntry(n.name);
  entry->value = value;
  entry->elementType = n.elementType(value);
  entry->shape = n.shape(value);
  return entry;
}

Entry *Subgraphs::poisoned() {
  Entry *entry = n.importer.newEntry(n.name);
  entry->poisoned = true;
  return entry;
}

FailureOr<Entry *> Subgraphs::stack(ArrayRef<Entry *> parts, int64_t axis) {
  SmallVector<Entry *> lines;
  for (Entry *part : parts) {
    if (part->poisoned)
      return poisoned();
    if (part->kind != Entry::Kind::Tensor)
      return n.error("expected tensors to stack, got " + part->kindName());
    SymbolicShape shape = part->shape;
    FailureOr<int64_t> normal = n.axis(axis, shape.size() + 1);
    if (failed(normal))
      return failure();
    shape.insert(shape.begin() + *normal, n.expr(1));
    axis = *normal;
    Value line = n.reshape(value(part), shape);
    if (!line)
      return failure();
    lines.push_back(entryOf(line));
  }
  if (lines.empty())
    return n.unsupported("that gives an empty stack of results");
  return concatenate(lines, axis);
}

FailureOr<Entry *> Subgraphs::concatenate(ArrayRef<Entry *> parts,
                                          int64_t axis) {
  Entry *first = parts.front();
  FailureOr<int64_t> normal = n.axis(axis, first->shape.size());
  if (failed(normal))
    return failure();
  SmallVector<Value> values;
  for (Entry *part : parts) {
    if (part->poisoned)
      return poisoned();
    if (part->shape.size() != first->shape.size())
      return n.error("expected tensors of rank " + Twine(first->shape.size()) +
                     ", got rank " + Twine(part->shape.size()));
    for (auto [d, dim] : llvm::enumerate(part->shape))
      if (int64_t(d) != *normal && failed(n.needEqual(first->shape[d], dim)))
        return failure();
    values.push_back(value(part));
  }
  if (values.size() == 1)
    return first;
  Value all =
      n.create<qnn::ConcatOp>(first->elementType, ValueRange(values), *normal);
  if (!all)
    return failure();
  return entryOf(all);
}

//===----------------------------------------------------------------------===//
// If
//===----------------------------------------------------------------------===//

/// The shape of the branch that is chosen: where both differ, the run binds it.
static FailureOr<SymbolicShape> chosenShape(NodeImport &n, AffineExpr condition,
                                            ArrayRef<AffineExpr> yes,
                                            ArrayRef<AffineExpr> no) {
  SymbolicShape shape(yes);
  SmallVector<size_t> open;
  for (size_t i = 0; i < shape.size(); ++i)
    if (!isKnownEqual(yes[i], no[i]))
      open.push_back(i);
  if (open.empty())
    return shape;
  Value sizes = computeList(n, open.size(), {}, [&](Program &p) {
    Value holds = p.equal(p.extent(condition), p.index(1));
    Values list;
    for (size_t i : open)
      list.push_back(p.select(holds, p.extent(yes[i]), p.extent(no[i])));
    return list;
  });
  auto bound = n.bindAll(sizes, "shape of " + n.name, "a size of at least 0");
  if (failed(bound))
    return failure();
  for (auto [i, size] : llvm::zip(open, *bound))
    shape[i] = size;
  return shape;
}

/// Branches of which only one computes anything, and whose results differ in
/// rank or type: what the others give stands for an error that a script raises,
/// or for a dimension that Squeeze was to drop and that is not 1.  The run
/// checks that the branch that computes is chosen.
static FailureOr<Entry *> chooseComputed(NodeImport &n, Subgraphs &graphs,
                                         AffineExpr condition, Entry *yes,
                                         Entry *no) {
  bool thenIsTrivial = graphs.isTrivial("then_branch");
  if (thenIsTrivial == graphs.isTrivial("else_branch"))
    return n.unsupported("with branches whose results differ in type or rank");
  Entry *taken = thenIsTrivial ? no : yes, *other = thenIsTrivial ? yes : no;
  auto form = [](Entry *entry) {
    std::string text;
    llvm::raw_string_ostream(text)
        << entry->elementType << " of rank " << entry->shape.size();
    return text;
  };
  n.importer.addCheck(
      n.loc, canonicalize(thenIsTrivial ? condition : condition - 1),
      /*isEquality=*/true,
      "node " + quote(n.name) + " needs its condition to be " +
          (thenIsTrivial ? "false" : "true") + ": it was compiled to give " +
          form(taken) + ", and the other branch gives " + form(other));
  return taken;
}

/// The result of a choice; poisoned where a branch's is.
static FailureOr<Entry *> choose(NodeImport &n, Subgraphs &graphs,
                                 AffineExpr condition, Entry *yes, Entry *no) {
  if (yes == no)
    return yes;
  if (yes->poisoned || no->poisoned)
    return graphs.poisoned();
  if (yes->kind != no->kind || yes->elements.size() != no->elements.size())
    return n.unsupported("with branches that give " + yes->kindName() +
                         " and " + no->kindName() +
                         ", and a condition that depends on run-time data");
  if (yes->kind == Entry::Kind::Absent)
    return yes;
  if (yes->kind == Entry::Kind::List) {
    Entry *list = n.importer.newEntry(n.name);
    *list = *yes;
    for (auto [to, other] : llvm::zip(list->elements, no->elements)) {
      auto element = choose(n, graphs, condition, to, other);
      if (failed(element) || (*element)->poisoned)
        return element;
      to = *element;
    }
    return list;
  }
  if (yes->elementType != no->elementType ||
      yes->shape.size() != no->shape.size())
    return chooseComputed(n, graphs, condition, yes, no);
  auto shape = chosenShape(n, condition, yes->shape, no->shape);
  Value lhs = graphs.value(yes), rhs = graphs.value(no);
  if (failed(shape))
    return failure();
  Value chosen = n.create<qnn::ChooseOp>(yes->elementType, lhs, rhs,
                                         n.importer.map({condition}),
                                         n.importer.map(*shape));
  if (!chosen)
    return failure();
  return graphs.entryOf(chosen);
}

/// Branches of constants: an elementwise choice costs less than the run's.
static LogicalResult chooseConstants(NodeImport &n, Subgraphs &graphs,
                                     bool &isDone) {
  isDone = false;
  if (!graphs.isTrivial("then_branch") || !graphs.isTrivial("else_branch"))
    return success();
  auto yes = graphs.import("then_branch"), no = graphs.import("else_branch");
  if (failed(yes) || failed(no))
    return failure();
  auto agree = [](auto pair) {
    auto [a, b] = pair;
    return !a->poisoned && !b->poisoned && a->kind == Entry::Kind::Tensor &&
           b->kind == a->kind && a->elementType == b->elementType &&
           a->shape == b->shape;
  };
  if (yes->size() != no->size() || !llvm::all_of(llvm::zip(*yes, *no), agree))
    return success();
  isDone = true;
  Value flag = n.reshape(n.value(0), {});
  for (auto [i, pair] : llvm::enumerate(llvm::zip(*yes, *no))) {
    auto [a, b] = pair;
    Value chosen = n.create<qnn::WhereOp>(a->elementType, flag, graphs.value(a),
                                          graphs.value(b));
    if (failed(n.result(chosen, i)))
      return failure();
  }
  return success();
}

static LogicalResult importIf(NodeImport &n) {
  Entry *condition = n.input(0);
  if (!condition)
    return failure();
  if (!isBool(condition->elementType))
    return n.error("expected a condition of type BOOL");
  Subgraphs graphs(n);
  if (auto known = n.constantInts(0); known && known->size() == 1) {
    auto taken = graphs.import(known->front() ? "then_branch" : "else_branch");
    if (failed(taken))
      return failure();
    for (auto [i, entry] : llvm::enumerate(*taken))
      (void)n.resultEntry(entry, i);
    return success();
  }
  bool isDone = false;
  if (failed(chooseConstants(n, graphs, isDone)) || isDone)
    return failure(!isDone);
  auto flag = n.size(0, "a condition", "a condition");
  if (failed(flag))
    return failure();
  AffineExpr holds = *flag;
  auto yes = graphs.importIf("then_branch", holds);
  if (failed(yes))
    return failure();
  auto no = graphs.importIf("else_branch", 1 - holds);
  if (failed(no))
    return failure();
  if (yes->size() != no->size())
    return n.error("expected branches with as many outputs as each other");
  for (auto [i, pair] : llvm::enumerate(llvm::zip(*yes, *no))) {
    auto entry = choose(n, graphs, holds, std::get<0>(pair), std::get<1>(pair));
    if (failed(entry) || failed(n.resultEntry(*entry, i)))
      return failure();
  }
  return success();
}

void registerControl(Registry &r) { r.add("If", importIf); }

} // namespace quantc::onnx_frontend

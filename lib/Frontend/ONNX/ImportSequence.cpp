// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sequences and optionals exist while a model is imported, as lists of values:
// lengths and positions are known then, and nothing of them is left in the
// module but the tensors that somebody uses.  An optional that has its element
// is that element.

#include "Subgraphs.h"

using namespace mlir;

namespace quantc::onnx_frontend {

/// The input's list; null and an error when it is something else.
static Entry *listInput(NodeImport &n, size_t index) {
  Entry *entry = n.input(index);
  if (!entry || entry->kind == Entry::Kind::List)
    return entry;
  (void)n.error("expected input " + Twine(index) + " to be a sequence, got " +
                entry->kindName());
  return nullptr;
}

static LogicalResult resultList(NodeImport &n, Type elementType,
                                ArrayRef<Entry *> elements, size_t index = 0) {
  for (auto [i, element] : llvm::enumerate(elements)) {
    if (element->poisoned)
      return n.resultEntry(element, index);
    if (element->kind != Entry::Kind::Tensor)
      return n.error("expected element " + Twine(i) + " to be a tensor, got " +
                     element->kindName());
    if (element->elementType != elementType)
      return n.error("expected elements of one element type");
  }
  Entry *list = n.importer.newEntry(n.node.output(index));
  list->kind = Entry::Kind::List;
  list->elementType = elementType;
  list->elements.assign(elements.begin(), elements.end());
  return n.resultEntry(list, index);
}

/// A constant position in [-size, size], from the start; `otherwise` without
/// one.
static FailureOr<int64_t> readPosition(NodeImport &n, size_t index,
                                       int64_t size, int64_t otherwise) {
  if (!n.has(index))
    return otherwise;
  auto given = n.constantInts(index);
  if (!given || given->size() != 1)
    return n.error("the position depends on run-time data");
  int64_t position = given->front();
  if (position < -size || position > size)
    return n.error("expected a position in [" + Twine(-size) + ", " +
                   Twine(size) + "], got " + Twine(position));
  return position < 0 ? position + size : position;
}

//===----------------------------------------------------------------------===//
// Sequences
//===----------------------------------------------------------------------===//

static LogicalResult importConstruct(NodeImport &n) {
  for (size_t i = 0; i < std::max<size_t>(n.numInputs(), 1); ++i)
    if (!n.input(i))
      return failure();
  return resultList(n, n.inputs[0]->elementType, n.inputs);
}

static LogicalResult importEmpty(NodeImport &n) {
  constexpr int64_t kFloat = 1;
  Type type = elementTypeOf(n.intAttr("dtype", kFloat), &n.importer.context);
  if (!type)
    return n.unsupported("of this element type");
  return resultList(n, type, {});
}

/// The element that SequenceAt or SequenceErase names.
static FailureOr<int64_t> readElement(NodeImport &n, const Entry &list) {
  int64_t size = list.elements.size();
  auto position = readPosition(n, 1, size, size - 1);
  if (failed(position))
    return failure();
  if (*position < 0 || *position >= size)
    return n.error("a sequence of " + Twine(size) + " has no element " +
                   Twine(*position));
  return position;
}

static LogicalResult importAt(NodeImport &n) {
  Entry *list = listInput(n, 0);
  if (!list || !n.input(1))
    return failure();
  auto position = readElement(n, *list);
  if (failed(position))
    return failure();
  return n.resultEntry(list->elements[*position]);
}

static LogicalResult importErase(NodeImport &n) {
  Entry *list = listInput(n, 0);
  if (!list)
    return failure();
  auto position = readElement(n, *list);
  if (failed(position))
    return failure();
  SmallVector<Entry *> elements = list->elements;
  elements.erase(elements.begin() + *position);
  return resultList(n, list->elementType, elements);
}

static LogicalResult importInsert(NodeImport &n) {
  Entry *list = listInput(n, 0), *tensor = n.input(1);
  if (!list || !tensor)
    return failure();
  SmallVector<Entry *> elements = list->elements;
  int64_t size = elements.size();
  auto position = readPosition(n, 2, size, size);
  if (failed(position))
    return failure();
  elements.insert(elements.begin() + *position, tensor);
  return resultList(n, list->elementType, elements);
}

static LogicalResult importLength(NodeImport &n) {
  Entry *list = listInput(n, 0);
  if (!list)
    return failure();
  return n.resultData(n.builder().getI64Type(),
                      {n.expr(int64_t(list->elements.size()))}, 0);
}

/// The sizes of the parts along the axis; `size` when it is one number.
static FailureOr<SmallVector<int64_t>> readParts(NodeImport &n,
                                                 AffineExpr dim) {
  int64_t extent = staticExtent(dim), part = 1;
  if (n.has(1)) {
    auto given = n.constantInts(1);
    if (!given)
      return n.error("the split depends on run-time data");
    for (int64_t size : *given)
      if (size < 0)
        return n.error("expected sizes of 0 or more, got " + Twine(size));
    if (!n.inputs[1]->shape.empty()) {
      int64_t sum = 0;
      for (int64_t size : *given)
        if (llvm::AddOverflow(sum, size, sum))
          return n.error("the sizes' sum is more than 2^63 - 1");
      if (failed(n.needEqual(dim, n.expr(sum))))
        return failure();
      return *given;
    }
    part = given->front();
    if (part == 0)
      return n.error("expected a split of 1 or more, got 0");
  }
  if (ShapedType::isDynamic(extent))
    return n.unsupported("into as many parts as dimension " +
                         n.importer.text(dim) + " says");
  constexpr int64_t maxParts = 1 << 16;
  if (extent / part > maxParts)
    return n.unsupported("into more than 65536 parts");
  SmallVector<int64_t> sizes(extent / part, part);
  if (extent % part)
    sizes.push_back(extent % part);
  return sizes;
}

static LogicalResult importSplit(NodeImport &n) {
  Value x = n.value(0);
  if (!x)
    return failure();
  SymbolicShape dims = n.shape(x);
  FailureOr<int64_t> axis = n.axis(n.intAttr("axis", 0), dims.size());
  if (failed(axis))
    return failure();
  auto parts = readParts(n, dims[*axis]);
  if (failed(parts))
    return failure();
  bool keepDims = n.has(1) || n.intAttr("keepdims", 1) != 0;
  SymbolicShape starts(dims.size(), n.expr(0)), sizes = dims;
  SmallVector<int64_t> steps(dims.size(), 1);
  SmallVector<Entry *> elements;
  int64_t start = 0;
  for (int64_t part : *parts) {
    starts[*axis] = n.expr(start);
    sizes[*axis] = n.expr(part);
    start += part;
    Value y = n.slice(x, starts, sizes, steps);
    SymbolicShape shape = sizes;
    if (!keepDims)
      shape.erase(shape.begin() + *axis);
    y = n.reshape(y, shape);
    if (!y)
      return failure();
    elements.push_back(Subgraphs(n).entryOf(y));
  }
  return resultList(n, n.elementType(x), elements);
}

static LogicalResult importConcat(NodeImport &n) {
  Entry *list = listInput(n, 0);
  if (!list)
    return failure();
  if (list->elements.empty())
    return n.error("expected a sequence with elements");
  int64_t axis = n.intAttr("axis", 0);
  Subgraphs graphs(n);
  auto joined = n.intAttr("new_axis", 0)
                    ? graphs.stack(list->elements, axis)
                    : graphs.concatenate(list->elements, axis);
  return failed(joined) ? failure() : n.resultEntry(*joined);
}

/// The body for each element, unrolled.  Tensors are the same every time.
static LogicalResult importMap(NodeImport &n) {
  Entry *first = listInput(n, 0);
  if (!first)
    return failure();
  Subgraphs graphs(n);
  size_t count = first->elements.size();
  if (failed(graphs.needCount(count)))
    return failure();
  SmallVector<SmallVector<Entry *>> results(n.numOutputs());
  for (size_t i = 0; i < count; ++i) {
    SmallVector<Entry *> inputs;
    for (size_t k = 0; k < n.numInputs(); ++k) {
      Entry *entry = n.input(k);
      if (!entry)
        return failure();
      if (entry->kind == Entry::Kind::List) {
        if (entry->elements.size() != count)
          return n.error("expected sequences of one length, got " +
                         Twine(count) + " and " +
                         Twine(entry->elements.size()));
        entry = entry->elements[i];
      }
      inputs.push_back(entry);
    }
    auto outputs = graphs.importBody(inputs);
    if (failed(outputs))
      return failure();
    for (auto [list, entry] : llvm::zip(results, *outputs))
      list.push_back(entry);
  }
  for (auto [i, list] : llvm::enumerate(results)) {
    Type type =
        list.empty() ? graphs.outputType("body", i) : list.front()->elementType;
    if (!type)
      return n.unsupported("over an empty sequence");
    if (failed(resultList(n, type, list, i)))
      return failure();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Optionals
//===----------------------------------------------------------------------===//

static LogicalResult importOptional(NodeImport &n) {
  if (n.has(0))
    return n.resultEntry(n.inputs[0]);
  const auto *attribute = n.attribute("type");
  if (!attribute || !attribute->has_tp())
    return n.error("expected an input or a 'type'");
  ValueForm form(attribute->tp());
  Type type = form.tensor
                  ? elementTypeOf(form.tensor->elem_type(), &n.importer.context)
                  : Type();
  if (!type)
    return n.unsupported("of this type");
  Entry *entry = n.importer.newEntry(n.node.output(0));
  entry->kind = Entry::Kind::Absent;
  entry->elementType = type;
  return n.resultEntry(entry);
}

static LogicalResult importHasElement(NodeImport &n) {
  bool present = n.has(0) && n.inputs[0]->kind != Entry::Kind::Absent;
  return n.resultData(n.builder().getI1Type(), {n.expr(present)}, 0);
}

static LogicalResult importGetElement(NodeImport &n) {
  Entry *entry = n.input(0);
  if (!entry)
    return failure();
  if (entry->kind == Entry::Kind::Absent)
    return n.error("the optional has no element");
  return n.resultEntry(entry);
}

void registerSequence(Registry &r) {
  r.add("SequenceConstruct", importConstruct);
  r.add("SequenceEmpty", importEmpty);
  r.addForLists("SequenceAt", importAt);
  r.addForLists("SequenceErase", importErase);
  r.addForLists("SequenceInsert", importInsert);
  r.addForLists("SequenceLength", importLength);
  r.add("SplitToSequence", importSplit);
  r.addForLists("ConcatFromSequence", importConcat);
  r.addForLists("SequenceMap", importMap);
  r.addForLists("Optional", importOptional);
  r.addForLists("OptionalHasElement", importHasElement);
  r.addForLists("OptionalGetElement", importGetElement);
}

} // namespace quantc::onnx_frontend

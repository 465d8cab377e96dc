// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loop and Scan.  The body is imported once per iteration where their number is
// known and small; otherwise once, and the run repeats it (RunTimeLoop.cpp).

#include "Program.h"
#include "Subgraphs.h"

using namespace mlir;

namespace quantc::onnx_frontend {

//===----------------------------------------------------------------------===//
// Loop
//===----------------------------------------------------------------------===//

/// Repeats the body during the run; what it only passes on stays outside.
static LogicalResult importLoopOfRun(NodeImport &n, Subgraphs &graphs) {
  constexpr int64_t noLimit = std::numeric_limits<int64_t>::max();
  const auto *attribute = n.attribute("body");
  size_t values = n.numInputs() - 2;
  if (!attribute || size_t(attribute->g().input_size()) != values + 2 ||
      size_t(attribute->g().output_size()) < values + 1)
    return n.error("expected a body with an output for each value");
  auto scalar = [&](size_t index, Type type) {
    return n.reshape(n.cast(n.value(index), type), {});
  };
  RunTimeLoop loop{n, {}, {}, {}, {}};
  auto limit = n.has(0) ? n.constantInts(0) : std::nullopt;
  auto running = n.has(1) ? n.constantInts(1) : std::nullopt;
  bool isLimited =
      n.has(0) && !(limit && limit->size() == 1 && limit->front() == noLimit);
  bool isAsked =
      n.has(1) && !(running && running->size() == 1 && running->front() != 0);
  if (isLimited && !(loop.limit = scalar(0, n.builder().getI64Type())))
    return failure();
  if (isAsked && !(loop.condition = scalar(1, n.builder().getI1Type())))
    return failure();
  SmallVector<Entry *> inputs(values + 2, nullptr);
  SmallVector<size_t> changing;
  for (size_t i = 0; i < values; ++i) {
    inputs[i + 2] = n.inputs[i + 2];
    if (graphs.isPassed("body", int(i + 1), int(i + 2)))
      continue;
    changing.push_back(i);
    loop.carried.push_back(n.inputs[i + 2]);
    loop.names.push_back(attribute->g().input(int(i + 2)).name());
  }
  auto results = loop.import(
      [&](Entry *number,
          ArrayRef<Entry *> carried) -> FailureOr<SmallVector<Entry *>> {
        SmallVector<Entry *> now = inputs, next;
        now[0] = number;
        now[1] = graphs.boolean(true);
        for (auto [i, entry] : llvm::zip(changing, carried))
          now[i + 2] = entry;
        auto outputs = graphs.import("body", now);
        if (failed(outputs))
          return failure();
        next.push_back(outputs->front());
        for (size_t i : changing)
          next.push_back((*outputs)[i + 1]);
        next.append(outputs->begin() + 1 + values, outputs->end());
        return next;
      });
  if (failed(results))
    return failure();
  SmallVector<Entry *> all(inputs.begin() + 2, inputs.end());
  for (auto [i, entry] : llvm::zip(changing, *results))
    all[i] = entry;
  all.append(results->begin() + changing.size(), results->end());
  for (auto [i, entry] : llvm::enumerate(all))
    if (i < n.numOutputs() && failed(n.resultEntry(entry, i)))
      return failure();
  return success();
}

/// Imports the body once per iteration.  `isKnown` is false where the run
/// decides how many there are, or there are too many.
static LogicalResult unrollLoop(NodeImport &n, Subgraphs &graphs,
                                bool &isKnown) {
  isKnown = false;
  std::optional<int64_t> limit;
  if (n.has(0)) {
    auto count = n.constantInts(0);
    if (!count || count->size() != 1)
      return success();
    limit = count->front();
  }
  bool running = true;
  if (n.has(1)) {
    auto condition = n.constantInts(1);
    if (!condition || condition->size() != 1)
      return success();
    running = condition->front() != 0;
  }
  SmallVector<Entry *> carried(n.inputs.begin() + 2, n.inputs.end());
  SmallVector<SmallVector<Entry *>> stacked;
  if (limit && !graphs.mayRepeat(*limit))
    return success();
  for (int64_t i = 0; running && (!limit || i < *limit); ++i) {
    if (!graphs.mayRepeat(i))
      return success();
    SmallVector<Entry *> inputs = {graphs.integer(i), graphs.boolean(true)};
    inputs.append(carried);
    auto outputs = graphs.import("body", inputs);
    if (failed(outputs))
      return failure();
    if (outputs->size() < carried.size() + 1)
      return n.error("expected a body with an output for each value");
    Entry *next = outputs->front();
    isKnown = next->poisoned;
    if (next->poisoned)
      return n.resultEntry(graphs.poisoned());
    auto known = next->data ? constantValues(*next->data) : std::nullopt;
    if (!known || known->size() != 1)
      return success();
    running = known->front() != 0;
    auto rest = ArrayRef(*outputs).drop_front();
    carried.assign(rest.begin(), rest.begin() + carried.size());
    rest = rest.drop_front(carried.size());
    stacked.resize(rest.size());
    for (auto [list, entry] : llvm::zip(stacked, rest))
      list.push_back(entry);
  }
  if (stacked.empty() && n.numOutputs() > carried.size())
    return success();
  isKnown = true;
  for (auto [i, entry] : llvm::enumerate(carried))
    if (failed(n.resultEntry(entry, i)))
      return failure();
  for (auto [i, list] : llvm::enumerate(stacked)) {
    auto entry = graphs.stack(list, 0);
    if (failed(entry) || failed(n.resultEntry(*entry, carried.size() + i)))
      return failure();
  }
  return success();
}

static LogicalResult importLoop(NodeImport &n) {
  if (n.numInputs() < 2)
    return n.error("expected a trip count, a condition and values");
  for (size_t i = 2; i < n.numInputs(); ++i)
    if (!n.input(i))
      return failure();
  Subgraphs graphs(n);
  bool isKnown = false;
  Importer::Mark mark = n.importer.mark();
  LogicalResult result = unrollLoop(n, graphs, isKnown);
  if (failed(result) || isKnown)
    return result;
  n.importer.rollback(mark);
  return importLoopOfRun(n, graphs);
}

//===----------------------------------------------------------------------===//
// Scan
//===----------------------------------------------------------------------===//

namespace {

/// Lists of Scan, one entry per scanned input or output.
struct ScanLists {
  SmallVector<int64_t> inputAxes, inputDirections, outputAxes, outputDirections;
};

} // namespace

static LogicalResult readScan(NodeImport &n, size_t inputs, size_t outputs,
                              ScanLists &lists) {
  auto read = [&](StringRef name, size_t size, SmallVector<int64_t> &list) {
    list.assign(size, 0);
    if (auto given = n.intsAttr(name))
      list = *given;
    if (list.size() != size)
      return n.error("expected " + quote(name) + " with " + Twine(size) +
                     " entries");
    return success();
  };
  return failure(
      failed(read("scan_input_axes", inputs, lists.inputAxes)) ||
      failed(read("scan_input_directions", inputs, lists.inputDirections)) ||
      failed(read("scan_output_axes", outputs, lists.outputAxes)) ||
      failed(read("scan_output_directions", outputs, lists.outputDirections)));
}

/// Element `i` of a scanned input along its axis, without that axis.
static Entry *scanElement(NodeImport &n, Subgraphs &graphs, Entry *input,
                          int64_t axis, int64_t i) {
  SymbolicShape starts(input->shape.size(), n.expr(0)), sizes = input->shape;
  starts[axis] = n.expr(i);
  sizes[axis] = n.expr(1);
  SymbolicShape shape = input->shape;
  shape.erase(shape.begin() + axis);
  Value part = n.slice(graphs.value(input), starts, sizes,
                       SmallVector<int64_t>(sizes.size(), 1));
  part = n.reshape(part, shape);
  return part ? graphs.entryOf(part) : nullptr;
}

/// Runs the body over all elements; `results` are the final states and the
/// stacked outputs.
static LogicalResult runScan(NodeImport &n, Subgraphs &graphs,
                             const ScanLists &lists,
                             SmallVector<Entry *> carried,
                             ArrayRef<Entry *> scanned, int64_t count,
                             SmallVectorImpl<Entry *> &results) {
  size_t states = carried.size();
  SmallVector<SmallVector<Entry *>> stacked(n.numOutputs() - states);
  for (int64_t step = 0; step < count; ++step) {
    SmallVector<Entry *> inputs = carried;
    for (auto [i, entry] : llvm::enumerate(scanned)) {
      int64_t at = lists.inputDirections[i] ? count - 1 - step : step;
      inputs.push_back(scanElement(n, graphs, entry, lists.inputAxes[i], at));
      if (!inputs.back())
        return failure();
    }
    auto outputs = graphs.importBody(inputs);
    if (failed(outputs))
      return failure();
    carried.assign(outputs->begin(), outputs->begin() + states);
    for (auto [list, entry] :
         llvm::zip(stacked, ArrayRef(*outputs).drop_front(states)))
      list.push_back(entry);
  }
  results.assign(carried);
  for (auto [i, list] : llvm::enumerate(stacked)) {
    if (lists.outputDirections[i] != 0)
      std::reverse(list.begin(), list.end());
    auto entry = graphs.stack(list, lists.outputAxes[i]);
    if (failed(entry))
      return failure();
    results.push_back(*entry);
  }
  return success();
}

/// Element `index` of a scanned input, where the run knows the number.
static Entry *scanElement(NodeImport &n, Subgraphs &graphs, Entry *input,
                          int64_t axis, Value index) {
  Value part = n.create<qnn::GatherOp>(input->elementType, graphs.value(input),
                                       index, axis, DenseI64ArrayAttr());
  return part ? graphs.entryOf(part) : nullptr;
}

/// A stack with its first dimension reversed if `reverse`, then moved to
/// `axis`.
static Value placeStack(NodeImport &n, Value stack, bool reverse,
                        int64_t axis) {
  SymbolicShape shape = n.shape(stack);
  FailureOr<int64_t> to = n.axis(axis, shape.size());
  if (failed(to))
    return {};
  if (reverse)
    stack = compute(n, n.elementType(stack), shape, {stack}, [&](Program &p) {
      Values at = p.at();
      at[0] = p.sub(p.sub(p.extent(shape[0]), p.index(1)), at[0]);
      return p.read(0, at);
    });
  SmallVector<int64_t> permutation;
  for (size_t d = 1; d < shape.size(); ++d)
    permutation.push_back(d);
  permutation.insert(permutation.begin() + *to, 0);
  return *to == 0 ? stack : n.transpose(stack, permutation);
}

/// Repeats the body during the run.
static LogicalResult runScanOfRun(NodeImport &n, Subgraphs &graphs,
                                  const ScanLists &lists,
                                  ArrayRef<Entry *> carried,
                                  ArrayRef<Entry *> scanned,
                                  SmallVectorImpl<Entry *> &results) {
  AffineExpr count = scanned[0]->shape[lists.inputAxes[0]];
  for (auto [entry, axis] : llvm::zip(scanned, lists.inputAxes))
    if (failed(n.needEqual(count, entry->shape[axis])))
      return failure();
  RunTimeLoop loop{n, {}, {}, SmallVector<Entry *>(carried), {}};
  for (Entry *entry : carried)
    loop.names.push_back(entry->name);
  Entry *limit = graphs.integer(0);
  limit->data = ShapeData{count};
  loop.limit = graphs.value(limit);
  auto all = loop.import(
      [&](Entry *number,
          ArrayRef<Entry *> now) -> FailureOr<SmallVector<Entry *>> {
        SmallVector<Entry *> inputs(now), next = {nullptr};
        Type i64 = n.builder().getI64Type();
        for (auto [i, entry] : llvm::enumerate(scanned)) {
          Value index = graphs.value(number);
          if (lists.inputDirections[i])
            index = compute(n, i64, {}, {index}, [&](Program &p) {
              Value last = p.sub(p.extent(count), p.index(1));
              return p.sub(p.fromIndex(last, i64), p.read(0, {}));
            });
          inputs.push_back(
              scanElement(n, graphs, entry, lists.inputAxes[i], index));
          if (!inputs.back())
            return failure();
        }
        auto outputs = graphs.importBody(inputs);
        if (failed(outputs))
          return failure();
        llvm::append_range(next, *outputs);
        return next;
      });
  if (failed(all))
    return failure();
  results.assign(all->begin(), all->begin() + carried.size());
  for (auto [i, entry] :
       llvm::enumerate(ArrayRef(*all).drop_front(carried.size()))) {
    if (entry->poisoned) {
      results.push_back(entry);
      continue;
    }
    Value stack = placeStack(n, entry->value, lists.outputDirections[i] != 0,
                             lists.outputAxes[i]);
    if (!stack)
      return failure();
    results.push_back(graphs.entryOf(stack));
  }
  return success();
}

/// The one extent of all scanned inputs along their axes, which become
/// non-negative.
static FailureOr<std::optional<int64_t>>
findScanLength(NodeImport &n, ArrayRef<Entry *> scanned,
               MutableArrayRef<int64_t> axes) {
  std::optional<int64_t> count;
  bool isKnown = true;
  for (auto [entry, given] : llvm::zip(scanned, axes)) {
    FailureOr<int64_t> axis = n.axis(given, entry->shape.size());
    if (failed(axis))
      return failure();
    given = *axis;
    int64_t extent = staticExtent(entry->shape[given]);
    isKnown &= !ShapedType::isDynamic(extent);
    if (ShapedType::isDynamic(extent))
      continue;
    if (count && *count != extent)
      return n.error("expected scanned inputs of one length");
    count = extent;
  }
  return isKnown ? count : std::nullopt;
}

static FailureOr<int64_t> scanLength(NodeImport &n, ArrayRef<Entry *> scanned,
                                     MutableArrayRef<int64_t> axes) {
  auto count = findScanLength(n, scanned, axes);
  if (failed(count))
    return failure();
  if (!*count)
    return n.unsupported("over a dynamic extent");
  return **count;
}

/// Opset 8: axis 0 of everything is the batch, whose elements are scanned one
/// after the other, along the axis that follows.
static LogicalResult importBatchedScan(NodeImport &n, Subgraphs &graphs,
                                       ArrayRef<Entry *> inputs,
                                       size_t states) {
  size_t scanned = inputs.size() - states;
  ScanLists lists;
  lists.inputAxes.assign(scanned, 0);
  lists.inputDirections.assign(scanned, 0);
  lists.outputAxes.assign(n.numOutputs() - states, 0);
  lists.outputDirections.assign(n.numOutputs() - states, 0);
  if (auto given = n.intsAttr("directions")) {
    if (given->size() != scanned)
      return n.error("expected 'directions' with " + Twine(scanned) +
                     " entries");
    lists.inputDirections = *given;
  }
  SmallVector<int64_t> axes(inputs.size(), 0), inner(scanned, 1);
  FailureOr<int64_t> batch = scanLength(n, inputs, axes);
  if (failed(batch))
    return failure();
  FailureOr<int64_t> count = scanLength(n, inputs.drop_front(states), inner);
  if (failed(count) || failed(graphs.needCount(*batch)) ||
      failed(graphs.needCount(*count)) ||
      failed(graphs.needCount(*batch * *count)))
    return failure();
  SmallVector<SmallVector<Entry *>> all(n.numOutputs());
  for (int64_t b = 0; b < *batch; ++b) {
    SmallVector<Entry *> parts, results;
    for (Entry *input : inputs) {
      parts.push_back(scanElement(n, graphs, input, 0, b));
      if (!parts.back())
        return failure();
    }
    ArrayRef<Entry *> split = parts;
    if (failed(runScan(n, graphs, lists,
                       SmallVector<Entry *>(split.take_front(states)),
                       split.drop_front(states), *count, results)))
      return failure();
    for (auto [list, entry] : llvm::zip(all, results))
      list.push_back(entry);
  }
  for (auto [i, list] : llvm::enumerate(all)) {
    auto entry = graphs.stack(list, 0);
    if (failed(entry) || failed(n.resultEntry(*entry, i)))
      return failure();
  }
  return success();
}

static LogicalResult importScan(NodeImport &n) {
  Subgraphs graphs(n);
  size_t first = n.opset < 9;
  if (first && n.has(0))
    return n.unsupported("with 'sequence_lens'");
  int64_t scanned = n.intAttr("num_scan_inputs", 0);
  if (scanned < 1 || scanned + first > n.numInputs())
    return n.error("expected 'num_scan_inputs' of 1 or more");
  size_t states = n.numInputs() - first - scanned;
  if (n.numOutputs() < states)
    return n.error("expected an output for each state");
  SmallVector<Entry *> inputs;
  for (size_t i = first; i < n.numInputs(); ++i) {
    inputs.push_back(n.input(i));
    if (!inputs.back())
      return failure();
  }
  if (first)
    return importBatchedScan(n, graphs, inputs, states);
  ScanLists lists;
  if (failed(readScan(n, scanned, n.numOutputs() - states, lists)))
    return failure();
  ArrayRef<Entry *> split = inputs;
  auto count = findScanLength(n, split.drop_front(states), lists.inputAxes);
  if (failed(count))
    return failure();
  SmallVector<Entry *> results;
  bool isUnrolled = *count && **count > 0 && graphs.mayRepeat(**count);
  if (failed(isUnrolled
                 ? runScan(n, graphs, lists,
                           SmallVector<Entry *>(split.take_front(states)),
                           split.drop_front(states), **count, results)
                 : runScanOfRun(n, graphs, lists, split.take_front(states),
                                split.drop_front(states), results)))
    return failure();
  for (auto [i, entry] : llvm::enumerate(results))
    if (failed(n.resultEntry(entry, i)))
      return failure();
  return success();
}

void registerLoops(Registry &r) {
  r.addForLists("Loop", importLoop);
  r.add("Scan", importScan);
}

} // namespace quantc::onnx_frontend

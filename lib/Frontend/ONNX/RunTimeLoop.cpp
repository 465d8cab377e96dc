// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loops whose number of iterations only the run knows (qnn.loop_begin).  The
// body is imported on trial with carried values of the shapes that they have
// before the loop.  Dimensions that an iteration changes become symbols, whose
// values are carried along, and the body is imported once more, until nothing
// changes.

#include "Program.h"
#include "Subgraphs.h"
#include "quantc/Dialect/QNN/Loops.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;

namespace quantc::onnx_frontend {

/// Loops in loops multiply trials.
constexpr size_t kMaxTrials = 1024;

//===----------------------------------------------------------------------===//
// Trials
//===----------------------------------------------------------------------===//

Importer::Mark Importer::mark() {
  Block *block = builder.getInsertionBlock();
  return {block->empty() ? nullptr : &block->back(), entries.size(),
          symbols.size(), checks, unsupported};
}

void Importer::rollback(const Mark &mark) {
  Block *block = builder.getInsertionBlock();
  llvm::SmallPtrSet<Operation *, 32> erased;
  for (Operation &op : llvm::reverse(*block)) {
    if (&op == mark.last)
      break;
    erased.insert(&op);
  }
  while (entries.size() > mark.entries)
    entries.pop_back();
  auto isNew = [&](AffineExpr expr) {
    for (size_t s = mark.symbols; s < symbols.size(); ++s)
      if (expr.isFunctionOfSymbol(s))
        return true;
    return false;
  };
  // What the body read first.
  for (Entry &entry : entries) {
    if (entry.value && erased.contains(entry.value.getDefiningOp()))
      entry.value = {};
    if (entry.floatValue && erased.contains(entry.floatValue.getDefiningOp()))
      entry.floatValue = {};
    if (entry.bound && llvm::any_of(*entry.bound, isNew))
      entry.bound.reset();
  }
  while (!block->empty() && &block->back() != mark.last)
    block->back().erase();
  symbols.resize(mark.symbols);
  checks = mark.checks;
  unsupported = mark.unsupported;
  builder.setInsertionPointToEnd(block);
  hasError = false;
  error = Error();
}

//===----------------------------------------------------------------------===//
// One trial
//===----------------------------------------------------------------------===//

namespace {

/// Which dimensions of the carried values and of the parts differ from
/// iteration to iteration.
struct Varying {
  SmallVector<SmallVector<bool>> carried, parts;

  /// Marks those of the shapes that `differs` names.
  template <typename Differs>
  static bool mark(SmallVectorImpl<bool> &dims, size_t rank, Differs differs) {
    bool changed = false;
    dims.resize(rank, false);
    for (size_t d = 0; d < rank; ++d)
      if (!dims[d] && differs(d))
        dims[d] = changed = true;
    return changed;
  }
};

/// What is carried besides the values: sizes of the dimensions that vary.
class Trial {
public:
  Trial(RunTimeLoop &loop, Varying &varying)
      : loop(loop), n(loop.n), graphs(n), varying(varying),
        i64(n.builder().getI64Type()), i1(n.builder().getI1Type()),
        firstSymbol(n.importer.symbolNames().size()) {}

  /// Whether `results` are final: not when dimensions vary that were not known
  /// to.
  FailureOr<bool> run(RunTimeLoop::Body body,
                      SmallVectorImpl<Entry *> &results);

private:
  /// Positions among the operands of the loop's begin.
  static constexpr int64_t kFlag = 0, kCounter = 1, kFirst = 2;

  LogicalResult begin();
  FailureOr<bool> findVarying(ArrayRef<Entry *> next, ArrayRef<Entry *> parts);
  LogicalResult end(Entry *condition, ArrayRef<Entry *> next,
                    ArrayRef<Entry *> parts, SmallVectorImpl<Entry *> &results);
  Value firstFlag();
  Value nextFlag(Entry *condition, Value counter);
  Value size(AffineExpr expr);
  Value partSize(Value carriedSize, AffineExpr expr);
  AffineExpr newSymbol(const Twine &what) {
    return n.importer.newSymbol((what + " of " + n.name).str());
  }
  bool isOfLoop(AffineExpr expr) const {
    for (size_t s = firstSymbol; s < n.importer.symbolNames().size(); ++s)
      if (expr.isFunctionOfSymbol(s))
        return true;
    return false;
  }
  /// The shapes of what is carried, with a new symbol where a size varies.
  SmallVector<SymbolicShape> nameSizes(SmallVectorImpl<int64_t> &bound,
                                       SmallVectorImpl<int64_t> &symbols);
  StringAttr message() {
    return n.builder().getStringAttr("node " + quote(n.name) +
                                     " needs parts of one shape");
  }
  template <typename Range> AffineMap flatten(const Range &shapes) {
    SmallVector<AffineExpr> dims;
    for (const SymbolicShape &shape : shapes)
      llvm::append_range(dims, shape);
    return n.importer.map(dims);
  }

  RunTimeLoop &loop;
  NodeImport &n;
  Subgraphs graphs;
  Varying &varying;
  Type i64, i1;
  size_t firstSymbol;
  SmallVector<Value> inits;
  qnn::LoopBeginOp head;
};

} // namespace

/// A size as a scalar.
Value Trial::size(AffineExpr expr) {
  auto op = qnn::ShapeValueOp::create(n.builder(), n.loc,
                                      RankedTensorType::get({}, i64),
                                      n.importer.map({expr}));
  n.importer.shapes.setShape(op, {});
  return op;
}

/// The size of a part, which is the same in all iterations: -1 where it is not.
Value Trial::partSize(Value carriedSize, AffineExpr expr) {
  return compute(
      n, i64, {}, {head.getCarried()[kCounter], carriedSize}, [&](Program &p) {
        Value size = p.fromIndex(p.extent(expr), i64);
        Value isFirst = p.equal(p.read(0, {}), p.integer(i64, 0));
        Value isSame = p.equal(p.read(1, {}), size);
        return p.select(p.either(isFirst, isSame), size, p.integer(i64, -1));
      });
}

Value Trial::firstFlag() {
  Values inputs;
  if (loop.condition)
    inputs.push_back(loop.condition);
  if (loop.limit)
    inputs.push_back(loop.limit);
  Value flag = compute(n, i1, {}, inputs, [&](Program &p) {
    Value holds = loop.condition ? p.read(0, {}) : p.boolean(true);
    if (!loop.limit)
      return holds;
    Value limit = p.read(loop.condition ? 1 : 0, {});
    return p.both(holds, p.less(p.integer(i64, 0), limit));
  });
  // In a branch that is not taken nothing that the flag reads is computed.
  for (AffineExpr guard : n.importer.guards) {
    Value never = graphs.value(graphs.boolean(false));
    flag = n.create<qnn::ChooseOp>(i1, flag, n.reshape(never, {}),
                                   n.importer.map({guard}), n.importer.map({}));
  }
  return flag;
}

Value Trial::nextFlag(Entry *condition, Value counter) {
  Values inputs;
  if (loop.limit)
    inputs.append({counter, loop.limit});
  auto known = condition && condition->data ? constantValues(*condition->data)
                                            : std::nullopt;
  Value more;
  if (condition && !known)
    more = n.reshape(graphs.value(condition), {});
  bool isKnownFalse = known && known->front() == 0;
  if (more)
    inputs.push_back(more);
  return compute(n, i1, {}, inputs, [&](Program &p) {
    Value holds =
        more ? p.read(inputs.size() - 1, {}) : p.boolean(!isKnownFalse);
    return loop.limit ? p.both(holds, p.less(p.read(0, {}), p.read(1, {})))
                      : holds;
  });
}

SmallVector<SymbolicShape> Trial::nameSizes(SmallVectorImpl<int64_t> &bound,
                                            SmallVectorImpl<int64_t> &symbols) {
  SmallVector<SymbolicShape> shapes(kFirst);
  int64_t position = kFirst + int64_t(loop.carried.size());
  auto name = [&](AffineExpr &dim) {
    dim = newSymbol("size");
    bound.push_back(position++);
    symbols.push_back(cast<AffineSymbolExpr>(dim).getPosition());
  };
  for (auto [entry, dims] : llvm::zip(loop.carried, varying.carried)) {
    SymbolicShape &shape = shapes.emplace_back(entry->shape);
    for (auto [d, varies] : llvm::enumerate(dims))
      if (varies)
        name(shape[d]);
  }
  return shapes;
}

LogicalResult Trial::begin() {
  varying.carried.resize(loop.carried.size());
  for (auto [entry, dims] : llvm::zip(loop.carried, varying.carried))
    dims.resize(entry->shape.size(), false);
  inits = {firstFlag(), size(n.expr(0))};
  for (Entry *entry : loop.carried)
    inits.push_back(graphs.value(entry));
  for (auto [entry, dims] : llvm::zip(loop.carried, varying.carried))
    for (auto [d, varies] : llvm::enumerate(dims))
      if (varies)
        inits.push_back(size(entry->shape[d]));
  for (ArrayRef<bool> dims : varying.parts)
    for (bool varies : dims)
      if (varies)
        inits.push_back(size(n.expr(0)));
  if (llvm::is_contained(inits, Value()))
    return failure();
  SmallVector<int64_t> bound, symbols;
  SmallVector<SymbolicShape> shapes = nameSizes(bound, symbols);
  shapes.resize(inits.size());
  SmallVector<Type> types;
  for (auto [init, shape] : llvm::zip(inits, shapes))
    types.push_back(tensorTypeFor(shape, n.elementType(init)));
  head = qnn::LoopBeginOp::create(n.builder(), n.loc, types, inits, bound,
                                  symbols, flatten(shapes), message(),
                                  n.importer.guardAttr());
  for (auto [value, shape] : llvm::zip(head.getCarried(), shapes))
    n.importer.shapes.setShape(value, shape);
  return success();
}

FailureOr<bool> Trial::findVarying(ArrayRef<Entry *> next,
                                   ArrayRef<Entry *> parts) {
  bool changed = false;
  for (auto [i, entry] : llvm::enumerate(next)) {
    Value before = head.getCarried()[kFirst + i];
    if (entry->elementType != n.elementType(before))
      return n.error("expected " + quote(loop.names[i]) +
                     " to keep its element type in the body");
    SymbolicShape shape = n.shape(before);
    if (entry->shape.size() != shape.size())
      return n.error(quote(loop.names[i]) + " is of rank " +
                     Twine(shape.size()) + " before and of rank " +
                     Twine(entry->shape.size()) +
                     " after an iteration whose number depends on run-time "
                     "data");
    changed |= Varying::mark(varying.carried[i], shape.size(), [&](size_t d) {
      return !isKnownEqual(shape[d], entry->shape[d]);
    });
  }
  varying.parts.resize(parts.size());
  for (auto [entry, dims] : llvm::zip(parts, varying.parts))
    changed |= Varying::mark(dims, entry->shape.size(), [&](size_t d) {
      return isOfLoop(entry->shape[d]);
    });
  return changed;
}

LogicalResult Trial::end(Entry *condition, ArrayRef<Entry *> next,
                         ArrayRef<Entry *> parts,
                         SmallVectorImpl<Entry *> &results) {
  Value counter =
      compute(n, i64, {}, {head.getCarried()[kCounter]}, [&](Program &p) {
        return p.add(p.read(0, {}), p.integer(i64, 1));
      });
  SmallVector<Value> values = {nextFlag(condition, counter), counter};
  for (Entry *entry : next)
    values.push_back(graphs.value(entry));
  for (auto [entry, dims] : llvm::zip(next, varying.carried))
    for (auto [d, varies] : llvm::enumerate(dims))
      if (varies)
        values.push_back(size(entry->shape[d]));
  for (auto [entry, dims] : llvm::zip(parts, varying.parts))
    for (auto [d, varies] : llvm::enumerate(dims))
      if (varies)
        values.push_back(
            partSize(head.getCarried()[values.size()], entry->shape[d]));
  for (Entry *part : parts)
    values.push_back(graphs.value(part));
  if (llvm::is_contained(values, Value()))
    return failure();

  SmallVector<int64_t> bound, symbols;
  SmallVector<SymbolicShape> shapes = nameSizes(bound, symbols);
  int64_t position = kFirst + int64_t(loop.carried.size() + bound.size());
  shapes.resize(inits.size());
  AffineExpr count;
  auto bind = [&](StringRef what, int64_t value) {
    AffineExpr symbol = newSymbol(what);
    bound.push_back(value);
    symbols.push_back(cast<AffineSymbolExpr>(symbol).getPosition());
    return symbol;
  };
  if (!parts.empty())
    count = bind("iterations", kCounter);
  for (auto [entry, dims] : llvm::zip(parts, varying.parts)) {
    SymbolicShape shape = {count};
    for (auto [d, varies] : llvm::enumerate(dims))
      shape.push_back(varies ? bind("size", position++) : entry->shape[d]);
    shapes.push_back(shape);
  }
  SmallVector<Type> types;
  for (auto [value, shape] : llvm::zip_equal(values, shapes))
    types.push_back(tensorTypeFor(shape, n.elementType(value)));
  auto tail = qnn::LoopEndOp::create(
      n.builder(), n.loc, types, head.getCarried()[kFlag], values, bound,
      symbols, flatten(shapes), message(), n.importer.guardAttr());
  for (auto [value, shape] : llvm::zip_equal(tail.getResults(), shapes))
    n.importer.shapes.setShape(value, shape);
  for (size_t i = 0; i < next.size(); ++i)
    results.push_back(graphs.entryOf(tail.getResults()[kFirst + i]));
  for (size_t i = inits.size(); i < values.size(); ++i)
    results.push_back(graphs.entryOf(tail.getResults()[i]));
  return success();
}

FailureOr<bool> Trial::run(RunTimeLoop::Body body,
                           SmallVectorImpl<Entry *> &results) {
  if (failed(begin()))
    return failure();
  SmallVector<Entry *> inputs;
  for (size_t i = 0; i < loop.carried.size(); ++i)
    inputs.push_back(graphs.entryOf(head.getCarried()[kFirst + i]));
  auto outputs = body(graphs.entryOf(head.getCarried()[kCounter]), inputs);
  if (failed(outputs))
    return failure();
  Entry *condition = outputs->front();
  ArrayRef<Entry *> rest = ArrayRef(*outputs).drop_front();
  // The model is refused already: each result is one of its values.
  auto isPoisoned = [](Entry *entry) { return entry && entry->poisoned; };
  if (llvm::any_of(*outputs, isPoisoned)) {
    results.assign(rest.size(), graphs.poisoned());
    return true;
  }
  for (Entry *entry : rest)
    if (entry->kind != Entry::Kind::Tensor)
      return n.error("expected a body that gives tensors, got " +
                     entry->kindName() +
                     ", in a loop whose number of iterations depends on "
                     "run-time data");
  bool isConstant = !condition || condition->data;
  if (!loop.limit && isConstant &&
      (!condition || (constantValues(*condition->data) &&
                      constantValues(*condition->data)->front() != 0)))
    return n.error("the loop never ends");
  ArrayRef<Entry *> next = rest.take_front(loop.carried.size());
  ArrayRef<Entry *> parts = rest.drop_front(loop.carried.size());
  FailureOr<bool> changed = findVarying(next, parts);
  if (failed(changed))
    return failure();
  if (*changed)
    return false;
  if (failed(end(condition, next, parts, results)))
    return failure();
  return true;
}

FailureOr<SmallVector<Entry *>> RunTimeLoop::import(Body body) {
  for (auto [i, entry] : llvm::enumerate(carried))
    if (entry->kind != Entry::Kind::Tensor)
      return n.error("expected " + quote(names[i]) + " to be a tensor, got " +
                     entry->kindName() +
                     ", in a loop whose number of iterations depends on "
                     "run-time data");
  Varying varying;
  std::optional<Error> firstError;
  for (;;) {
    if (++n.importer.trials > kMaxTrials)
      return n.error("loops in loops take more than " + Twine(kMaxTrials) +
                         " trials to import",
                     Status::Limit);
    Importer::Mark mark = n.importer.mark();
    SmallVector<Entry *> results;
    FailureOr<bool> isDone = Trial(*this, varying).run(body, results);
    if (succeeded(isDone) && *isDone)
      return results;
    if (failed(isDone)) {
      // The shapes that values have before the loop may be what the body
      // refuses: an empty list that grows.
      if (firstError)
        n.importer.error = *firstError;
      if (firstError || n.importer.error.status != Status::Refused)
        return failure();
      firstError = n.importer.error;
      varying.carried.resize(carried.size());
      for (auto [entry, dims] : llvm::zip(carried, varying.carried))
        dims.assign(entry->shape.size(), true);
    }
    n.importer.rollback(mark);
  }
}

} // namespace quantc::onnx_frontend

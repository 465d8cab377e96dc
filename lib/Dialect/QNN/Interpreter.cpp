// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks a function's operations in order.  `qnn.check` is tested, `qnn.launch`
// evaluates its kernel function with the launch's symbols; a kernel that
// launches is evaluated to a fixed depth only, so that a cycle is an error.

#include "quantc/Dialect/QNN/Interpreter.h"
#include "quantc/Dialect/QNN/Demand.h"
#include "quantc/Dialect/QNN/Loops.h"

using namespace mlir;

namespace quantc::qnn {

//===----------------------------------------------------------------------===//
// Symbols
//===----------------------------------------------------------------------===//

static std::string nameOf(func::FuncOp func, unsigned index) {
  if (auto name = func.getArgAttrOfType<StringAttr>(index, kNameAttr))
    return name.str();
  return std::to_string(index);
}

static LogicalResult checkType(func::FuncOp func, unsigned index,
                               const HostTensor &input) {
  auto type = dyn_cast<RankedTensorType>(func.getArgument(index).getType());
  if (type && type.getElementType() == input.getElementType() &&
      succeeded(verifyCompatibleShape(type.getShape(), input.getShape())))
    return success();
  return func.emitError("expected input '")
         << nameOf(func, index) << "' of type "
         << func.getArgument(index).getType() << ", got shape ["
         << input.getShape() << "] of " << input.getElementType();
}

FailureOr<SmallVector<int64_t>> bindSymbols(func::FuncOp func,
                                            ArrayRef<HostTensor> inputs) {
  if (inputs.size() != func.getNumArguments())
    return func.emitError("expected ")
           << func.getNumArguments() << " inputs, got " << inputs.size();
  auto names = func->getAttrOfType<ArrayAttr>(kSymbolsAttr);
  SmallVector<int64_t> symbols(names ? names.size() : 0, -1);
  // Plain symbols first, then every expression is checked.
  for (bool check : {false, true}) {
    for (auto [index, input] : llvm::enumerate(inputs)) {
      if (!check && failed(checkType(func, index, input)))
        return failure();
      auto shape = func.getArgAttrOfType<AffineMapAttr>(index, kShapeAttr);
      if (!shape)
        continue;
      for (auto [dim, pair] : llvm::enumerate(
               llvm::zip(shape.getValue().getResults(), input.getShape()))) {
        auto [expr, extent] = pair;
        auto symbol = dyn_cast<AffineSymbolExpr>(expr);
        if (!check && symbol && symbol.getPosition() < symbols.size() &&
            symbols[symbol.getPosition()] < 0)
          symbols[symbol.getPosition()] = extent;
        if (!check)
          continue;
        std::optional<int64_t> expected = evaluate(expr, symbols);
        if (!expected || *expected != extent)
          return func.emitError("expected dimension ")
                 << dim << " of input '" << nameOf(func, index) << "' to be "
                 << (expected ? std::to_string(*expected)
                              : quantc::toString(expr, {}))
                 << ", got " << extent;
      }
    }
  }
  return symbols;
}

//===----------------------------------------------------------------------===//
// Evaluation
//===----------------------------------------------------------------------===//

namespace {
/// One function being evaluated.
class Frame {
public:
  Frame(ArrayRef<int64_t> symbols, EvaluationObserver observer, unsigned depth)
      : symbols(symbols.begin(), symbols.end()), observer(observer),
        depth(depth) {}

  FailureOr<SmallVector<HostTensor>> run(func::FuncOp func,
                                         ArrayRef<HostTensor> inputs);
  FailureOr<HostTensor>
  runExpression(ArrayRef<Operation *> order,
                const llvm::SmallPtrSetImpl<Operation *> &inside, Value result);

private:
  LogicalResult step(Operation *op);
  LogicalResult runBody(LoopBeginOp loop);
  LogicalResult runLoop(LoopBeginOp begin);
  LogicalResult iterate(LoopBeginOp begin, ArrayRef<HostTensor> carried,
                        SmallVectorImpl<HostTensor> &next);
  LogicalResult finishLoop(LoopEndOp end, ArrayRef<HostTensor> carried,
                           ArrayRef<SmallVector<HostTensor>> parts);
  /// Binds the symbols of a loop's begin or end to carried values.
  template <typename OpTy>
  LogicalResult bindCarried(OpTy op, ArrayRef<HostTensor> carried);
  /// Whether the next iteration reads an operand of `op` again, because it
  /// comes from outside of the loop.
  bool isRepeated(Operation *op, Value operand) const;
  /// An operand of `op`, which is forgotten after its last use.
  FailureOr<HostTensor> read(Operation *op, Value operand);
  LogicalResult check(CheckOp op);
  LogicalResult bind(BindSymbolOp op, const HostTensor &input);
  /// Whether no expression of a guard is 0.
  bool holds(std::optional<AffineMap> guard);
  /// Results of operations that this run does not need, never read.
  void skip(Operation *op);
  LogicalResult launch(LaunchOp op, ArrayRef<HostTensor> operands,
                       SmallVectorImpl<HostTensor> &results);
  void define(Value value, const HostTensor &tensor);

  /// When set, only uses by these operations keep a value alive.
  const llvm::SmallPtrSetImpl<Operation *> *users = nullptr;
  Value kept;
  struct Live {
    HostTensor tensor;
    unsigned uses;
  };
  SmallVector<int64_t> symbols;
  EvaluationObserver observer;
  unsigned depth;
  std::optional<Demand> demand;
  std::optional<Loops> loops;
  llvm::DenseMap<Value, Live> values;
};
} // namespace

static constexpr unsigned kMaximumLaunchDepth = 8;

void Frame::define(Value value, const HostTensor &tensor) {
  unsigned uses = llvm::count_if(value.getUsers(), [&](Operation *user) {
    return !users || users->contains(user);
  });
  uses += value == kept;
  if (uses != 0)
    values[value] = Live{tensor, uses};
}

bool Frame::holds(std::optional<AffineMap> guard) {
  return !guard || llvm::all_of(guard->getResults(), [&](AffineExpr expr) {
    return evaluate(expr, symbols) != 0;
  });
}

LogicalResult Frame::bind(BindSymbolOp op, const HostTensor &input) {
  int64_t &symbol = symbols[op.getSymbol()];
  symbol = 0;
  if (!holds(op.getGuard()))
    return success();
  if (int64_t(op.getElement()) >= input.getNumElements())
    return op.emitOpError("expected an element of ")
           << input.getNumElements() << ", got " << op.getElement();
  symbol = input.getInt(op.getElement());
  if (symbol < 0)
    return op.emitError() << op.getMessage() << ", got " << symbol;
  return success();
}

bool Frame::isRepeated(Operation *op, Value operand) const {
  if (!loops || loops->isEmpty())
    return false;
  auto end = dyn_cast<LoopEndOp>(op);
  return loops->homeOf(operand) != (end ? end.getHead() : loops->of(op));
}

void Frame::skip(Operation *op) {
  for (Value operand : op->getOperands())
    if (auto it = values.find(operand); it != values.end())
      if (!isRepeated(op, operand) && --it->second.uses == 0)
        values.erase(it);
  for (Value result : op->getResults())
    define(result, HostTensor());
}

LogicalResult Frame::check(CheckOp op) {
  if (!holds(op.getGuard()))
    return success();
  IntegerSet condition = op.getCondition();
  for (unsigned i = 0; i < condition.getNumConstraints(); ++i) {
    auto value = evaluate(condition.getConstraint(i), symbols);
    if (!value || (condition.isEq(i) ? *value != 0 : *value < 0))
      return op.emitError() << op.getMessage();
  }
  return success();
}

LogicalResult Frame::launch(LaunchOp op, ArrayRef<HostTensor> operands,
                            SmallVectorImpl<HostTensor> &results) {
  auto kernel = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      op, op.getKernelAttr());
  if (!kernel || kernel.isExternal())
    return op.emitOpError("expected a kernel function with a body");
  if (depth >= kMaximumLaunchDepth)
    return op.emitOpError("expected launches at most ")
           << kMaximumLaunchDepth << " deep";
  SmallVector<int64_t> kernelSymbols;
  for (AffineExpr expr : op.getSymbols().getResults()) {
    auto value = evaluate(expr, symbols);
    if (!value)
      return op.emitOpError("expected known symbols, cannot evaluate ")
             << quantc::toString(expr, {});
    kernelSymbols.push_back(*value);
  }
  Frame frame(kernelSymbols, observer, depth + 1);
  auto outputs = frame.run(kernel, operands);
  if (failed(outputs))
    return failure();
  results.append(outputs->begin(), outputs->end());
  return success();
}

FailureOr<HostTensor> Frame::read(Operation *op, Value operand) {
  auto it = values.find(operand);
  if (it == values.end())
    return op->emitError("expected operands that are tensors of this "
                         "function");
  HostTensor tensor = it->second.tensor;
  if (!isRepeated(op, operand) && --it->second.uses == 0)
    values.erase(it);
  return tensor;
}

LogicalResult Frame::step(Operation *op) {
  if (auto condition = dyn_cast<CheckOp>(op))
    return check(condition);
  SmallVector<HostTensor> operands, results;
  for (Value operand : op->getOperands()) {
    FailureOr<HostTensor> tensor = read(op, operand);
    if (failed(tensor))
      return failure();
    operands.push_back(*tensor);
  }
  // The other one may not have been computed.
  if (auto choose = dyn_cast<ChooseOp>(op))
    if (auto holds = evaluate(choose.getCondition().getResult(0), symbols))
      operands[*holds ? 1 : 0] = operands[*holds ? 0 : 1];
  if (auto binding = dyn_cast<BindSymbolOp>(op)) {
    if (failed(bind(binding, operands.front())))
      return failure();
  } else if (auto launched = dyn_cast<LaunchOp>(op)) {
    if (failed(launch(launched, operands, results)))
      return failure();
  } else if (auto reference = dyn_cast<ReferenceOpInterface>(op)) {
    if (failed(reference.evaluate(operands, symbols, results)))
      return failure();
  } else {
    return op->emitError("has no reference evaluation");
  }
  if (observer)
    observer(op, results);
  for (auto [value, tensor] : llvm::zip_equal(op->getResults(), results))
    define(value, tensor);
  return success();
}

FailureOr<SmallVector<HostTensor>> Frame::run(func::FuncOp func,
                                              ArrayRef<HostTensor> inputs) {
  for (auto [argument, input] : llvm::zip_equal(func.getArguments(), inputs))
    define(argument, input);
  demand.emplace(func);
  FailureOr<Loops> found = Loops::compute(func);
  if (failed(found))
    return failure();
  loops = std::move(*found);
  if (failed(runBody({})))
    return failure();
  SmallVector<HostTensor> outputs;
  for (Value value : func.getBody().front().getTerminator()->getOperands())
    outputs.push_back(values.at(value).tensor);
  return outputs;
}

LogicalResult Frame::runBody(LoopBeginOp loop) {
  for (Operation *op : loops->getBody(loop)) {
    AffineExpr guard = demand->guardOf(op);
    if (auto begin = dyn_cast<LoopBeginOp>(op)) {
      if (failed(runLoop(begin)))
        return failure();
    } else if (guard && !isa<BindSymbolOp>(op) &&
               evaluate(guard, symbols) == 0) {
      skip(op);
    } else if (failed(step(op))) {
      return failure();
    }
  }
  return success();
}

template <typename OpTy>
LogicalResult Frame::bindCarried(OpTy op, ArrayRef<HostTensor> carried) {
  for (auto [value, symbol] : llvm::zip(op.getBound(), op.getSymbols())) {
    int64_t &bound = symbols[symbol];
    bound = carried[value].getInt(0);
    if (bound < 0)
      return op.emitError() << op.getMessage() << ", got " << bound;
  }
  return success();
}

LogicalResult Frame::runLoop(LoopBeginOp begin) {
  LoopEndOp end = begin.getEnd();
  SmallVector<HostTensor> carried, next;
  if (!holds(begin.getGuard())) {
    for (int64_t symbol : end.getSymbols())
      symbols[symbol] = 0;
    for (Value result : end.getResults())
      define(result, HostTensor());
    return success();
  }
  for (Value init : begin.getInits()) {
    FailureOr<HostTensor> tensor = read(begin, init);
    if (failed(tensor))
      return failure();
    carried.push_back(*tensor);
  }
  SmallVector<SmallVector<HostTensor>> parts(end.getParts().size());
  while (carried[0].getInt(0)) {
    next.clear();
    if (failed(iterate(begin, carried, next)))
      return failure();
    carried.assign(next.begin(), next.begin() + carried.size());
    for (auto [i, list] : llvm::enumerate(parts))
      list.push_back(next[carried.size() + i]);
  }
  return finishLoop(end, carried, parts);
}

LogicalResult Frame::iterate(LoopBeginOp begin, ArrayRef<HostTensor> carried,
                             SmallVectorImpl<HostTensor> &next) {
  LoopEndOp end = begin.getEnd();
  for (unsigned symbol : loops->getSymbols(begin))
    symbols[symbol] = -1;
  if (failed(bindCarried(begin, carried)))
    return failure();
  for (auto [value, tensor] : llvm::zip_equal(begin.getCarried(), carried))
    define(value, tensor);
  if (failed(runBody(begin)))
    return failure();
  for (Value value : end.getNext()) {
    FailureOr<HostTensor> tensor = read(end, value);
    if (failed(tensor))
      return failure();
    next.push_back(*tensor);
  }
  return success();
}

LogicalResult Frame::finishLoop(LoopEndOp end, ArrayRef<HostTensor> carried,
                                ArrayRef<SmallVector<HostTensor>> parts) {
  if (failed(bindCarried(end, carried)))
    return failure();
  SmallVector<HostTensor> results(carried);
  ArrayRef<AffineExpr> dims = end.getShapes().getResults().drop_front([&] {
    size_t count = 0;
    for (const HostTensor &tensor : carried)
      count += tensor.getShape().size();
    return count;
  }());
  for (auto [stack, list] : llvm::zip(end.getStacks(), parts)) {
    auto type = cast<RankedTensorType>(stack.getType());
    SmallVector<int64_t> extents;
    for (AffineExpr dim : dims.take_front(type.getRank()))
      extents.push_back(evaluate(dim, symbols).value_or(-1));
    dims = dims.drop_front(type.getRank());
    auto all = HostTensor::allocate(type.getElementType(), extents);
    size_t at = 0;
    for (const HostTensor &part : list) {
      if (!all || at + part.getBytes().size() > all->getBytes().size())
        return end.emitOpError("expected parts that fill their stack");
      llvm::copy(part.getBytes(), all->getMutableBytes().begin() + at);
      at += part.getBytes().size();
    }
    if (!all || at != all->getBytes().size())
      return end.emitOpError("expected parts that fill their stack");
    results.push_back(*all);
  }
  for (auto [value, tensor] : llvm::zip_equal(end.getResults(), results))
    define(value, tensor);
  return success();
}

FailureOr<HostTensor>
Frame::runExpression(ArrayRef<Operation *> order,
                     const llvm::SmallPtrSetImpl<Operation *> &inside,
                     Value result) {
  users = &inside;
  kept = result;
  for (Operation *op : order)
    if (failed(step(op)))
      return failure();
  return values.at(result).tensor;
}

/// The operations that `value` is computed from, operands first.
static SmallVector<Operation *> producersOf(Operation *root) {
  SmallVector<Operation *> order;
  SmallVector<std::pair<Operation *, unsigned>> stack{{root, 0}};
  llvm::SmallPtrSet<Operation *, 8> seen{root};
  while (!stack.empty()) {
    auto &[op, next] = stack.back();
    if (next == op->getNumOperands()) {
      order.push_back(op);
      stack.pop_back();
      continue;
    }
    Operation *producer = op->getOperand(next++).getDefiningOp();
    if (producer && seen.insert(producer).second)
      stack.push_back({producer, 0});
  }
  return order;
}

FailureOr<HostTensor> evaluateConstant(Value value) {
  Operation *root = value.getDefiningOp();
  if (!root)
    return failure();
  SmallVector<Operation *> order = producersOf(root);
  llvm::SmallPtrSet<Operation *, 8> inside(order.begin(), order.end());
  Frame frame({}, nullptr, 0);
  return frame.runExpression(order, inside, value);
}

FailureOr<SmallVector<HostTensor>>
evaluateFunction(func::FuncOp func, ArrayRef<HostTensor> inputs,
                 EvaluationObserver observer) {
  if (!func.getBody().hasOneBlock())
    return func.emitError("expected a function of one block");
  FailureOr<SmallVector<int64_t>> symbols = bindSymbols(func, inputs);
  if (failed(symbols))
    return failure();
  return Frame(*symbols, observer, 0).run(func, inputs);
}

} // namespace quantc::qnn

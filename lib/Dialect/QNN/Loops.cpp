// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loops: their operations' shapes and verifiers, and one walk over a function
// that says what each loop repeats.

#include "quantc/Dialect/QNN/Loops.h"
#include "Shapes.h"
#include "mlir/IR/IntegerSet.h"
#include "quantc/Dialect/QNN/ShapeAnalysis.h"

using namespace mlir;

namespace quantc::qnn {

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

/// Cuts `shapes` into one shape for each result.
static LogicalResult splitShapes(Operation *op, AffineMap shapes,
                                 ArrayRef<size_t> ranks,
                                 ShapeResults &results) {
  ArrayRef<AffineExpr> rest = shapes.getResults();
  size_t total = 0;
  for (size_t rank : ranks)
    total += rank;
  if (rest.size() != total)
    return op->emitOpError("expected 'shapes' with ")
           << total << " expressions, got " << rest.size();
  for (size_t rank : ranks) {
    results.emplace_back(rest.take_front(rank));
    rest = rest.drop_front(rank);
  }
  return success();
}

LogicalResult LoopBeginOp::inferSymbolicShapes(Shapes operands,
                                               ShapeResults &results) {
  SmallVector<size_t> ranks;
  for (const SymbolicShape &operand : operands)
    ranks.push_back(operand.size());
  return splitShapes(*this, getShapes(), ranks, results);
}

LogicalResult LoopEndOp::inferSymbolicShapes(Shapes operands,
                                             ShapeResults &results) {
  auto begin = getHead();
  size_t carried = begin ? begin.getInits().size() : 0;
  SmallVector<size_t> ranks;
  for (auto [i, operand] : llvm::enumerate(operands.drop_front()))
    ranks.push_back(operand.size() + (i < carried ? 0 : 1));
  return splitShapes(*this, getShapes(), ranks, results);
}

/// Checks what begin and end have in common.
template <typename OpTy>
static LogicalResult verifyBounds(OpTy op, TypeRange carried) {
  auto func = dyn_cast<func::FuncOp>(op->getParentOp());
  if (!func)
    return op.emitOpError("expected to be in the body of a function");
  int64_t count = getSymbolNames(func).size();
  ArrayRef<int64_t> bound = op.getBound(), symbols = op.getSymbols();
  if (bound.size() != symbols.size())
    return op.emitOpError("expected as many entries of 'bound' as of "
                          "'symbols', got ")
           << bound.size() << " and " << symbols.size();
  for (auto [value, symbol] : llvm::zip(bound, symbols)) {
    if (symbol < 0 || symbol >= count)
      return op.emitOpError("expected entries of 'symbols' in [0, ")
             << count << "), got " << symbol;
    bool isScalar =
        value > 0 && value < int64_t(carried.size()) &&
        carried[value] ==
            RankedTensorType::get({}, IntegerType::get(op.getContext(), 64));
    if (!isScalar)
      return op.emitOpError("expected entries of 'bound' that are numbers of "
                            "carried tensor<i64> values, got ")
             << value;
  }
  return success();
}

static LogicalResult verifySameElements(Operation *op, StringRef what,
                                        TypeRange expected, TypeRange got) {
  if (expected.size() != got.size())
    return op->emitOpError("expected ")
           << expected.size() << ' ' << what << ", got " << got.size();
  for (auto [want, have] : llvm::zip(expected, got)) {
    auto wantShape = cast<ShapedType>(want), haveShape = cast<ShapedType>(have);
    if (wantShape.getElementType() != haveShape.getElementType() ||
        (wantShape.hasRank() && haveShape.hasRank() &&
         wantShape.getRank() != haveShape.getRank()))
      return op->emitOpError("expected ")
             << what << " of the element types and ranks that are carried, got "
             << have << " for " << want;
  }
  return success();
}

LogicalResult LoopBeginOp::verify() {
  auto flag = RankedTensorType::get({}, IntegerType::get(getContext(), 1));
  if (getInits().empty() || getInits()[0].getType() != flag)
    return emitOpError("expected a first operand of type ") << flag;
  if (failed(verifySameElements(*this, "results", getInits().getTypes(),
                                getCarried().getTypes())))
    return failure();
  return verifyBounds(*this, getInits().getTypes());
}

LoopEndOp LoopBeginOp::getEnd() {
  for (Operation *user : getCarried()[0].getUsers())
    if (auto end = dyn_cast<LoopEndOp>(user); end && end.getHead() == *this)
      return end;
  return {};
}

LogicalResult LoopEndOp::verify() {
  LoopBeginOp begin = getHead();
  if (!begin || begin.getCarried()[0] != getBegin())
    return emitOpError("expected the first operand to be the first result of "
                       "a qnn.loop_begin");
  size_t carried = begin.getInits().size();
  if (begin.getEnd() != *this)
    return emitOpError("expected a qnn.loop_begin with one end");
  if (getNext().size() < carried || getResults().size() != getNext().size())
    return emitOpError("expected at least ")
           << carried << " next values and as many results, got "
           << getNext().size() << " and " << getResults().size();
  TypeRange types = begin.getInits().getTypes();
  if (failed(verifySameElements(*this, "next values", types,
                                getCarried().getTypes())) ||
      failed(verifySameElements(*this, "results", types,
                                getResults().take_front(carried).getTypes())))
    return failure();
  for (auto [part, stack] : llvm::zip(getParts(), getStacks()))
    if (getElementTypeOrSelf(part) != getElementTypeOrSelf(stack))
      return emitOpError("expected stacks of the parts' element types, got ")
             << stack.getType() << " for " << part.getType();
  return verifyBounds(*this, types);
}

//===----------------------------------------------------------------------===//
// Analysis
//===----------------------------------------------------------------------===//

bool hasLoops(func::FuncOp func) {
  return !func.getBody().front().getOps<LoopBeginOp>().empty();
}

SmallVector<int64_t> boundSymbols(Operation *op) {
  if (auto bind = dyn_cast<BindSymbolOp>(op))
    return {int64_t(bind.getSymbol())};
  if (auto begin = dyn_cast<LoopBeginOp>(op))
    return SmallVector<int64_t>(begin.getSymbols());
  if (auto end = dyn_cast<LoopEndOp>(op))
    return SmallVector<int64_t>(end.getSymbols());
  return {};
}

class Loops::Builder {
public:
  explicit Builder(Loops &loops) : loops(loops) {}

  LogicalResult visit(Operation *op);
  LogicalResult finish() {
    if (open.empty())
      return success();
    return open.back().emitOpError("expected a qnn.loop_end in the same body");
  }

private:
  /// Makes `home` the inner one of itself and `loop`, which must be open.
  LogicalResult enter(LoopBeginOp loop, Operation *op, LoopBeginOp &home);
  LogicalResult enterSymbols(Operation *op, LoopBeginOp &home);
  void define(Operation *op, LoopBeginOp home);

  Loops &loops;
  SmallVector<LoopBeginOp> open;
  DenseMap<Operation *, unsigned> depths;
  DenseMap<unsigned, LoopBeginOp> symbolHomes;
};

LogicalResult Loops::Builder::enter(LoopBeginOp loop, Operation *op,
                                    LoopBeginOp &home) {
  if (!loop)
    return success();
  unsigned depth = depths.lookup(loop);
  if (depth > open.size() || open[depth - 1] != loop)
    return op->emitOpError("uses a value or symbol of a loop behind its end");
  if (!home || depths.lookup(home) < depth)
    home = loop;
  return success();
}

/// Expressions of an operation may read symbols that a loop binds.
LogicalResult Loops::Builder::enterSymbols(Operation *op, LoopBeginOp &home) {
  if (symbolHomes.empty())
    return success();
  auto visitExpr = [&](AffineExpr expr) {
    LogicalResult result = success();
    expr.walk([&](AffineExpr part) {
      if (auto symbol = dyn_cast<AffineSymbolExpr>(part))
        if (auto it = symbolHomes.find(symbol.getPosition());
            succeeded(result) && it != symbolHomes.end())
          result = enter(it->second, op, home);
    });
    return result;
  };
  for (NamedAttribute attribute : op->getAttrs()) {
    // What a loop's begin and end bind themselves.
    if (isa<LoopBeginOp, LoopEndOp>(op) && attribute.getName() == "shapes")
      continue;
    if (auto map = dyn_cast<AffineMapAttr>(attribute.getValue()))
      for (AffineExpr expr : map.getValue().getResults())
        if (failed(visitExpr(expr)))
          return failure();
    if (auto set = dyn_cast<IntegerSetAttr>(attribute.getValue()))
      for (AffineExpr expr : set.getValue().getConstraints())
        if (failed(visitExpr(expr)))
          return failure();
  }
  return success();
}

void Loops::Builder::define(Operation *op, LoopBeginOp home) {
  for (int64_t symbol : boundSymbols(op)) {
    if (!home) {
      symbolHomes.erase(unsigned(symbol));
      continue;
    }
    symbolHomes[unsigned(symbol)] = home;
    for (LoopBeginOp around : ArrayRef(open).take_front(depths.lookup(home)))
      loops.symbols[around].push_back(unsigned(symbol));
  }
}

LogicalResult Loops::Builder::visit(Operation *op) {
  LoopBeginOp home;
  for (Value operand : op->getOperands())
    if (failed(enter(loops.homeOf(operand), op, home)))
      return failure();
  if (failed(enterSymbols(op, home)))
    return failure();
  if (auto begin = dyn_cast<LoopBeginOp>(op)) {
    loops.homes[op] = open.empty() ? LoopBeginOp() : open.back();
    open.push_back(begin);
    depths[op] = open.size();
    define(op, begin);
    return success();
  }
  if (auto end = dyn_cast<LoopEndOp>(op)) {
    LoopBeginOp begin = end.getHead();
    if (open.empty() || open.back() != begin)
      return op->emitOpError("expected the innermost loop to end first");
    open.pop_back();
    LoopBeginOp around = open.empty() ? LoopBeginOp() : open.back();
    if (around)
      loops.homes[op] = around;
    loops.ends[begin] = end;
    loops.bodies[around].push_back(begin);
    define(op, around);
    return success();
  }
  if (home)
    loops.homes[op] = home;
  loops.bodies[home].push_back(op);
  define(op, home);
  return success();
}

FailureOr<Loops> Loops::compute(func::FuncOp func) {
  Loops loops;
  Builder builder(loops);
  for (Operation &op : func.getBody().front().without_terminator())
    if (failed(builder.visit(&op)))
      return failure();
  if (failed(builder.finish()))
    return failure();
  for (Value value : func.getBody().front().getTerminator()->getOperands())
    if (loops.homeOf(value))
      return func.emitError("expected results that are no values of a loop");
  return loops;
}

LoopBeginOp Loops::homeOf(Value value) const {
  Operation *producer = value.getDefiningOp();
  if (!producer)
    return {};
  if (auto begin = dyn_cast<LoopBeginOp>(producer))
    return begin;
  return homes.lookup(producer);
}

ArrayRef<Operation *> Loops::getBody(LoopBeginOp loop) const {
  auto it = bodies.find(loop);
  return it == bodies.end() ? ArrayRef<Operation *>() : it->second;
}

ArrayRef<unsigned> Loops::getSymbols(LoopBeginOp loop) const {
  auto it = symbols.find(loop);
  return it == symbols.end() ? ArrayRef<unsigned>() : it->second;
}

} // namespace quantc::qnn

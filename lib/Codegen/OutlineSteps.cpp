// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Moves each top-level loop of a bufferized kernel function into a step
// function
//
//   (buffers: ptr, scalars: ptr, begin: i64, end: i64, scratch: ptr)
//
// that computes the loop's iterations [begin, end), numbered row-major.  The
// step function rebuilds its memrefs from bare pointers and the symbols'
// values, so nothing but pointers and symbols crosses the boundary. Temporaries
// inside the loop become parts of the worker's scratch block; temporaries
// between loops stay in the kernel function and are placed by the runtime's
// arena.

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Transforms/RegionUtils.h"
#include "quantc/Codegen/Passes.h"
#include "quantc/Codegen/SymbolExprs.h"
#include "quantc/Dialect/QNN/ShapeAnalysis.h"

namespace quantc {
#define GEN_PASS_DEF_OUTLINESTEPSPASS
#include "quantc/Codegen/Passes.h.inc"
} // namespace quantc

using namespace mlir;
using namespace quantc;

namespace {

constexpr int64_t kScratchAlignment = 64;

/// Builds one step function from one top-level operation.
class StepBuilder {
public:
  StepBuilder(func::FuncOp kernel, ModuleOp target, unsigned number)
      : kernel(kernel), target(target), number(number),
        context(kernel.getContext()), builder(context) {}

  LogicalResult build(Operation *work);

private:
  void collectInputs(Operation *work);
  void createFunction(Operation *work);
  Value createMemref(Value pointer, MemRefType type,
                     ArrayRef<AffineExpr> shape);
  Value emit(AffineExpr expr);
  LogicalResult mapBuffer(Value memref, unsigned index);
  void clonePure(Operation *op);
  LogicalResult cloneLoop(scf::ForallOp forall);
  LogicalResult useScratch();
  void replaceBySteps(Operation *work);
  FailureOr<SmallVector<AffineExpr>> shapeOf(Value memref);

  func::FuncOp kernel;
  ModuleOp target;
  unsigned number;
  MLIRContext *context;
  OpBuilder builder;

  SetVector<Value> buffers;
  SetVector<Operation *> pure; // in program order
  IRMapping mapping;
  func::FuncOp step;
  SmallVector<Value> words;   // the symbols' values, loaded
  SmallVector<Value> symbols; // the same as qnn.symbol_value
  AffineExpr trip, scratchBytes;
};

// What the loop uses from outside: memrefs become buffers, index arithmetic and
// views are repeated inside.
void StepBuilder::collectInputs(Operation *work) {
  SetVector<Operation *> slice;
  SmallVector<Value> stack;
  auto useOf = [&](Value value) { stack.push_back(value); };
  work->walk([&](Operation *op) {
    for (Value operand : op->getOperands())
      if (!work->isAncestor(operand.getParentRegion()->getParentOp()) ||
          operand.getParentRegion() == work->getParentRegion())
        useOf(operand);
  });
  while (!stack.empty()) {
    Value value = stack.pop_back_val();
    Operation *op = value.getDefiningOp();
    if (!op || isa<memref::AllocOp>(op)) {
      buffers.insert(value);
      continue;
    }
    if (!slice.insert(op))
      continue;
    for (Value operand : op->getOperands())
      stack.push_back(operand);
  }
  for (Operation &op : kernel.front())
    if (slice.contains(&op))
      pure.insert(&op);
  // Buffers in a canonical order: arguments, then temporaries.
  SmallVector<Value> sorted;
  for (BlockArgument argument : kernel.getArguments())
    if (buffers.contains(argument))
      sorted.push_back(argument);
  for (auto alloc : kernel.front().getOps<memref::AllocOp>())
    if (buffers.contains(alloc))
      sorted.push_back(alloc);
  buffers.clear();
  buffers.insert(sorted.begin(), sorted.end());
}

void StepBuilder::createFunction(Operation *work) {
  Type pointer = LLVM::LLVMPointerType::get(context);
  Type i64 = builder.getI64Type();
  auto type =
      FunctionType::get(context, {pointer, pointer, i64, i64, pointer}, {});
  builder.setInsertionPointToEnd(target.getBody());
  std::string name = (kernel.getName() + "_step_" + Twine(number)).str();
  step = func::FuncOp::create(builder, work->getLoc(), name, type);
  builder.setInsertionPointToStart(step.addEntryBlock());
  unsigned count = qnn::getSymbolNames(kernel).size();
  for (unsigned i = 0; i < count; ++i) {
    Value address = LLVM::GEPOp::create(builder, work->getLoc(), pointer, i64,
                                        step.getArgument(1),
                                        ArrayRef<LLVM::GEPArg>{int32_t(i)});
    Value word = LLVM::LoadOp::create(builder, work->getLoc(), i64, address);
    words.push_back(arith::IndexCastOp::create(builder, work->getLoc(),
                                               builder.getIndexType(), word));
  }
  // Until the step is finished its sizes are read back as expressions.
  for (unsigned i = 0; i < count; ++i)
    symbols.push_back(qnn::SymbolValueOp::create(
        builder, work->getLoc(), builder.getIndexType(), uint64_t(i)));
}

Value StepBuilder::emit(AffineExpr expr) {
  AffineMap map = AffineMap::get(0, symbols.size(), expr);
  return affine::AffineApplyOp::create(builder, step.getLoc(), map, symbols);
}

Value StepBuilder::createMemref(Value pointer, MemRefType type,
                                ArrayRef<AffineExpr> shape) {
  Location loc = step.getLoc();
  Type i64 = builder.getI64Type();
  int64_t rank = type.getRank();
  SmallVector<Type> fields = {pointer.getType(), pointer.getType(), i64};
  if (rank > 0) {
    Type array = LLVM::LLVMArrayType::get(i64, rank);
    fields.append({array, array});
  }
  Type descriptor = LLVM::LLVMStructType::getLiteral(context, fields);
  Value result = LLVM::PoisonOp::create(builder, loc, descriptor);
  auto insert = [&](Value field, ArrayRef<int64_t> position) {
    result = LLVM::InsertValueOp::create(builder, loc, result, field, position);
  };
  insert(pointer, {0});
  insert(pointer, {1});
  insert(
      LLVM::ConstantOp::create(builder, loc, i64, builder.getI64IntegerAttr(0)),
      {2});
  AffineExpr stride = getAffineConstantExpr(1, context);
  for (int64_t i = rank - 1; i >= 0; --i) {
    auto word = [&](AffineExpr expr) -> Value {
      return arith::IndexCastOp::create(builder, loc, i64, emit(expr));
    };
    insert(word(shape[i]), {3, i});
    insert(word(stride), {4, i});
    stride = stride * shape[i];
  }
  return UnrealizedConversionCastOp::create(builder, loc, TypeRange(type),
                                            ValueRange(result))
      .getResult(0);
}

FailureOr<SmallVector<AffineExpr>> StepBuilder::shapeOf(Value memref) {
  auto type = cast<MemRefType>(memref.getType());
  SmallVector<AffineExpr> shape;
  unsigned dynamic = 0;
  for (auto [i, extent] : llvm::enumerate(type.getShape())) {
    if (!ShapedType::isDynamic(extent)) {
      shape.push_back(getAffineConstantExpr(extent, context));
      continue;
    }
    std::optional<AffineExpr> dim;
    if (auto argument = dyn_cast<BlockArgument>(memref))
      dim = argumentDim(argument, i);
    else
      dim = symbolExprOf(
          memref.getDefiningOp<memref::AllocOp>().getDynamicSizes()[dynamic]);
    ++dynamic;
    if (!dim)
      return failure();
    shape.push_back(*dim);
  }
  return shape;
}

LogicalResult StepBuilder::mapBuffer(Value memref, unsigned index) {
  Location loc = step.getLoc();
  auto shape = shapeOf(memref);
  if (failed(shape))
    return kernel.emitError("a buffer of the kernel has a dimension that is "
                            "not an expression of its symbols");
  Type pointer = LLVM::LLVMPointerType::get(context);
  Value address =
      LLVM::GEPOp::create(builder, loc, pointer, pointer, step.getArgument(0),
                          ArrayRef<LLVM::GEPArg>{int32_t(index)});
  Value base = LLVM::LoadOp::create(builder, loc, pointer, address);
  mapping.map(memref,
              createMemref(base, cast<MemRefType>(memref.getType()), *shape));
  return success();
}

void StepBuilder::clonePure(Operation *op) {
  if (op->getNumResults() == 1 && op->getResult(0).getType().isIndex())
    if (auto expr = symbolExprOf(op->getResult(0))) {
      mapping.map(op->getResult(0), emit(*expr));
      return;
    }
  builder.clone(*op, mapping);
}

// for t = begin to end { ivs = delinearize(t); body }
LogicalResult StepBuilder::cloneLoop(scf::ForallOp forall) {
  Location loc = forall.getLoc();
  SmallVector<AffineExpr> extents;
  auto exprOf = [&](OpFoldResult value) -> std::optional<AffineExpr> {
    if (auto constant = getConstantIntValue(value))
      return getAffineConstantExpr(*constant, context);
    return symbolExprOf(cast<Value>(value));
  };
  trip = getAffineConstantExpr(1, context);
  SmallVector<std::pair<AffineExpr, AffineExpr>> starts;
  for (auto [lower, upper, by] :
       llvm::zip(forall.getMixedLowerBound(), forall.getMixedUpperBound(),
                 forall.getMixedStep())) {
    auto lb = exprOf(lower), ub = exprOf(upper), step = exprOf(by);
    if (!lb || !ub || !step)
      return forall.emitError(
          "loop bounds are not expressions of the kernel's symbols");
    extents.push_back((*ub - *lb).ceilDiv(*step));
    starts.push_back({*lb, *step});
    trip = trip * extents.back();
  }
  Value begin = arith::IndexCastOp::create(builder, loc, builder.getIndexType(),
                                           step.getArgument(2));
  Value end = arith::IndexCastOp::create(builder, loc, builder.getIndexType(),
                                         step.getArgument(3));
  Value one = arith::ConstantIndexOp::create(builder, loc, 1);
  SmallVector<Value> extentValues;
  for (AffineExpr extent : extents)
    extentValues.push_back(emit(extent));
  auto loop = scf::ForOp::create(builder, loc, begin, end, one);
  builder.setInsertionPointToStart(loop.getBody());
  Value rest = loop.getInductionVar();
  for (int64_t i = int64_t(extents.size()) - 1; i >= 0; --i) {
    Value index = rest;
    if (i > 0) {
      index = arith::RemUIOp::create(builder, loc, rest, extentValues[i]);
      rest = arith::DivUIOp::create(builder, loc, rest, extentValues[i]);
    }
    SmallVector<Value> operands = {index};
    operands.append(symbols);
    AffineMap map = AffineMap::get(
        1, symbols.size(),
        starts[i].first + getAffineDimExpr(0, context) * starts[i].second);
    mapping.map(forall.getInductionVars()[i],
                affine::AffineApplyOp::create(builder, loc, map, operands));
  }
  for (Operation &op : forall.getBody()->without_terminator())
    builder.clone(op, mapping);
  return success();
}

// Every allocation inside the step becomes a part of the scratch block.
LogicalResult StepBuilder::useScratch() {
  SmallVector<memref::AllocOp> allocs;
  step.walk([&](memref::AllocOp alloc) { allocs.push_back(alloc); });
  scratchBytes = getAffineConstantExpr(0, context);
  if (allocs.empty())
    return success();
  Block &entry = step.front();
  builder.setInsertionPoint(entry.getTerminator());
  // The block's size is not needed for addressing; one dynamic dimension.
  auto bytesType =
      MemRefType::get({ShapedType::kDynamic}, builder.getIntegerType(8));
  SmallVector<AffineExpr> offsets;
  for (memref::AllocOp alloc : allocs) {
    MemRefType type = alloc.getType();
    AffineExpr bytes = getAffineConstantExpr(
        llvm::divideCeil(type.getElementTypeBitWidth(), 8), context);
    unsigned dynamic = 0;
    for (int64_t extent : type.getShape()) {
      if (!ShapedType::isDynamic(extent)) {
        bytes = bytes * extent;
        continue;
      }
      auto bound = symbolUpperBoundOf(alloc.getDynamicSizes()[dynamic++]);
      if (!bound)
        return alloc.emitError("cannot bound the size of this temporary");
      bytes = bytes * *bound;
    }
    offsets.push_back(scratchBytes);
    scratchBytes =
        scratchBytes + bytes.ceilDiv(kScratchAlignment) * kScratchAlignment;
  }
  builder.setInsertionPointAfterValue(symbols.empty() ? step.getArgument(4)
                                                      : symbols.back());
  if (symbols.empty())
    builder.setInsertionPointToStart(&entry);
  Value block = createMemref(step.getArgument(4), bytesType, {scratchBytes});
  SmallVector<Value> starts;
  for (AffineExpr offset : offsets)
    starts.push_back(emit(offset));
  for (auto [alloc, start] : llvm::zip(allocs, starts)) {
    builder.setInsertionPoint(alloc);
    Value view =
        memref::ViewOp::create(builder, alloc.getLoc(), alloc.getType(), block,
                               start, alloc.getDynamicSizes());
    alloc.replaceAllUsesWith(view);
    alloc.erase();
  }
  return success();
}

void StepBuilder::replaceBySteps(Operation *work) {
  builder.setInsertionPoint(work);
  unsigned count = symbols.size();
  auto function = SymbolRefAttr::get(
      target.getSymNameAttr(), {FlatSymbolRefAttr::get(step.getSymNameAttr())});
  qnn::StepOp::create(builder, work->getLoc(), function, buffers.getArrayRef(),
                      AffineMap::get(0, count, trip),
                      AffineMap::get(0, count, scratchBytes), 1);
  work->erase();
}

LogicalResult StepBuilder::build(Operation *work) {
  collectInputs(work);
  createFunction(work);
  for (auto [i, buffer] : llvm::enumerate(buffers))
    if (failed(mapBuffer(buffer, i)))
      return failure();
  for (Operation *op : pure)
    clonePure(op);
  if (auto forall = dyn_cast<scf::ForallOp>(work)) {
    if (failed(cloneLoop(forall)))
      return failure();
  } else {
    trip = getAffineConstantExpr(1, context);
    builder.clone(*work, mapping);
  }
  builder.setInsertionPointToEnd(&step.front());
  func::ReturnOp::create(builder, step.getLoc());
  if (failed(useScratch()))
    return failure();
  step.walk([&](qnn::SymbolValueOp op) {
    op.replaceAllUsesWith(words[op.getIndex()]);
    op.erase();
  });
  replaceBySteps(work);
  return success();
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

/// Top-level operations that do work, as opposed to index arithmetic, views and
/// allocations.
bool isWork(Operation *op) {
  if (isa<memref::AllocOp, func::ReturnOp, memref::DeallocOp>(op))
    return false;
  return !isMemoryEffectFree(op);
}

/// A loop of one iteration is folded away, and what it loaded, computed and
/// stored lies open in the kernel, in values or in tile registers.  Puts such a
/// run into one loop again: the operations with effects and all that depends on
/// them, in order, at the end of the run.
void closeRun(ArrayRef<Operation *> run, Operation *end) {
  if (llvm::none_of(run, [](Operation *op) {
        return isWork(op) &&
               (!op->use_empty() || isa<LLVM::CallIntrinsicOp>(op));
      }))
    return;
  SetVector<Operation *> inside;
  for (Operation *op : run) {
    bool depends = llvm::any_of(op->getOperands(), [&](Value operand) {
      return inside.contains(operand.getDefiningOp());
    });
    if (isWork(op) || (depends && !isa<memref::AllocOp>(op)))
      inside.insert(op);
  }
  OpBuilder builder(end);
  auto index = [&](int64_t value) -> OpFoldResult {
    return builder.getIndexAttr(value);
  };
  auto loop = scf::ForallOp::create(
      builder, inside.front()->getLoc(), ArrayRef<OpFoldResult>{index(0)},
      ArrayRef<OpFoldResult>{index(1)}, ArrayRef<OpFoldResult>{index(1)},
      /*outputs=*/ValueRange(), /*mapping=*/std::nullopt);
  for (Operation *op : inside)
    op->moveBefore(loop.getTerminator());
}

void closeRuns(func::FuncOp kernel) {
  SmallVector<Operation *> run;
  for (Operation &op : llvm::make_early_inc_range(kernel.front())) {
    if (!isa<scf::ForallOp, func::ReturnOp>(op)) {
      run.push_back(&op);
      continue;
    }
    closeRun(run, &op);
    run.clear();
  }
}

struct OutlineStepsPass
    : public quantc::impl::OutlineStepsPassBase<OutlineStepsPass> {
  void runOnOperation() override {
    SmallVector<func::FuncOp> kernels;
    for (auto func : getOperation().getOps<func::FuncOp>())
      if (func->hasAttr(qnn::kKernelAttr))
        kernels.push_back(func);
    for (func::FuncOp kernel : kernels) {
      auto target =
          ModuleOp::create(kernel.getLoc(), (kernel.getName() + "_code").str());
      getOperation().push_back(target);
      closeRuns(kernel);
      SmallVector<Operation *> work;
      for (Operation &op : kernel.front())
        if (isWork(&op))
          work.push_back(&op);
      unsigned number = 0;
      for (Operation *op : work)
        if (failed(StepBuilder(kernel, target, number++).build(op)))
          return signalPassFailure();
      for (Operation &op :
           llvm::make_early_inc_range(llvm::reverse(kernel.front())))
        if (isOpTriviallyDead(&op))
          op.erase();
    }
  }
};

} // namespace

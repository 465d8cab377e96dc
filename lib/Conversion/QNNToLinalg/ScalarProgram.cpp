// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scalar programs on tensors.  See ScalarProgram.h.

#include "ScalarProgram.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace quantc::qnn;

namespace quantc::qnntolinalg {

ScalarProgram::ScalarProgram(Lowering &lowering, ComputeOp op)
    : lowering(lowering), op(op), ranges(op) {
  Location loc = op.getLoc();
  zero = arith::ConstantIndexOp::create(lowering.builder, loc, 0);
  for (auto [argument, size] :
       llvm::zip(op.getSizeArguments(), op.getSizes().getResults()))
    mapping.map(argument, lowering.sizeValue(loc, size));
  for (auto [argument, input] :
       llvm::zip(op.getTensorArguments(), op.getInputs())) {
    Source source = sourceOf(lowering.get(input));
    mapping.map(argument, source.tensor.value);
    sources[argument] = source;
  }
  if (Value self = op.getSelfArgument())
    sources[self] = sourceOf(lowering.get(op.getResult()));
}

ScalarProgram::Source ScalarProgram::sourceOf(const Tensor &tensor) {
  Source source{tensor, {}, false};
  for (AffineExpr dim : tensor.shape) {
    source.isEmpty |= staticExtent(dim) == 0;
    source.last.push_back(
        lowering.sizeValue(op.getLoc(), canonicalize(dim - 1)));
  }
  return source;
}

Value ScalarProgram::clamp(OpBuilder &builder, Location loc, Value index,
                           Value last) {
  Value low = arith::MaxSIOp::create(builder, loc, index, zero);
  return arith::MinSIOp::create(builder, loc, low, last);
}

/// Elements of the result are computed only where it has some.
bool ScalarProgram::mayBeEmpty(AffineExpr extent) {
  if (!ShapedType::isDynamic(staticExtent(extent)))
    return false;
  return op.getDomain() ||
         !llvm::is_contained(lowering.get(op.getResult()).shape, extent);
}

Value ScalarProgram::emitRead(OpBuilder &builder, ElementOp read) {
  Location loc = read.getLoc();
  const Source &source = sources.find(read.getTensor())->second;
  Type element = source.tensor.element;
  if (source.isEmpty)
    return arith::ConstantOp::create(builder, loc,
                                     builder.getZeroAttr(read.getType()));
  if (source.tensor.splat)
    return arith::ConstantOp::create(builder, loc, source.tensor.splat);
  SmallVector<Value> indices;
  Value hasElements;
  for (auto [given, extent, last] :
       llvm::zip(read.getIndices(), source.tensor.shape, source.last)) {
    Value index = mapping.lookup(given);
    if (ranges.isInside(given, extent)) {
      indices.push_back(index);
      continue;
    }
    indices.push_back(clamp(builder, loc, index, last));
    if (!mayBeEmpty(extent))
      continue;
    Value some = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::sge,
                                       last, zero);
    hasElements = hasElements
                      ? arith::AndIOp::create(builder, loc, hasElements, some)
                      : some;
  }
  // An empty tensor has room for one element, whose value does not count.
  if (hasElements)
    for (Value &index : indices)
      index = arith::SelectOp::create(builder, loc, hasElements, index, zero);
  Value value = tensor::ExtractOp::create(
      builder, loc, mapping.lookup(read.getTensor()), indices);
  value = toCompute(builder, loc, value, element);
  if (!hasElements)
    return value;
  Value none = arith::ConstantOp::create(builder, loc,
                                         builder.getZeroAttr(value.getType()));
  return arith::SelectOp::create(builder, loc, hasElements, value, none);
}

/// Outside of the tensor some element is given the value that it has, so that
/// the tensor stays one chain of insertions.
Value ScalarProgram::emitWrite(OpBuilder &builder, WriteOp write, Value self) {
  Location loc = write.getLoc();
  const Source &source = sources.find(write.getTensor())->second;
  Value value = toStorage(builder, loc, mapping.lookup(write.getValue()),
                          source.tensor.element);
  Value inside;
  SmallVector<Value> indices;
  for (auto [given, extent, last] :
       llvm::zip(write.getIndices(), source.tensor.shape, source.last)) {
    Value index = mapping.lookup(given);
    if (!ranges.isInside(given, extent)) {
      // A negative index is large as an unsigned number, but so is the last one
      // of an empty tensor.
      Value within = arith::CmpIOp::create(
          builder, loc, arith::CmpIPredicate::ule, index, last);
      if (mayBeEmpty(extent)) {
        Value some = arith::CmpIOp::create(
            builder, loc, arith::CmpIPredicate::sge, last, zero);
        within = arith::AndIOp::create(builder, loc, within, some);
      }
      index = arith::SelectOp::create(builder, loc, within, index, zero);
      inside =
          inside ? arith::AndIOp::create(builder, loc, inside, within) : within;
    }
    indices.push_back(index);
  }
  if (inside) {
    Value old = tensor::ExtractOp::create(builder, loc, self, indices);
    value = arith::SelectOp::create(builder, loc, inside, value, old);
  }
  return tensor::InsertOp::create(builder, loc, value, self, indices);
}

void ScalarProgram::emitLoop(OpBuilder &builder, scf::ForOp loop, Value &self) {
  bool writes = loop->walk([](WriteOp) { return WalkResult::interrupt(); })
                    .wasInterrupted();
  SmallVector<Value> inits;
  for (Value init : loop.getInitArgs())
    inits.push_back(mapping.lookup(init));
  if (writes)
    inits.push_back(self);
  auto copy = scf::ForOp::create(builder, loop.getLoc(),
                                 mapping.lookup(loop.getLowerBound()),
                                 mapping.lookup(loop.getUpperBound()),
                                 mapping.lookup(loop.getStep()), inits);
  mapping.map(loop.getInductionVar(), copy.getInductionVar());
  mapping.map(loop.getRegionIterArgs(),
              copy.getRegionIterArgs().take_front(loop.getNumRegionIterArgs()));
  Value inner = writes ? copy.getRegionIterArgs().back() : self;
  OpBuilder body = OpBuilder::atBlockBegin(copy.getBody());
  emitBlock(body, *loop.getBody(), inner);
  SmallVector<Value> next;
  for (Value value : loop.getBody()->getTerminator()->getOperands())
    next.push_back(mapping.lookup(value));
  if (writes)
    next.push_back(inner);
  if (!next.empty())
    scf::YieldOp::create(body, loop.getLoc(), next);
  mapping.map(loop.getResults(),
              copy.getResults().take_front(loop.getNumResults()));
  if (writes)
    self = copy.getResults().back();
}

void ScalarProgram::emitBranch(OpBuilder &builder, scf::IfOp branch,
                               Value &self) {
  bool hasElse = !branch.getElseRegion().empty();
  auto copy =
      scf::IfOp::create(builder, branch.getLoc(), branch.getResultTypes(),
                        mapping.lookup(branch.getCondition()), hasElse);
  for (auto [from, to] : llvm::zip(branch->getRegions(), copy->getRegions())) {
    if (from.empty())
      continue;
    Block &block = to.front();
    // Branches without results come with a terminator.
    if (!block.empty())
      block.back().erase();
    OpBuilder body = OpBuilder::atBlockBegin(&block);
    emitBlock(body, from.front(), self);
    SmallVector<Value> results;
    for (Value value : from.front().getTerminator()->getOperands())
      results.push_back(mapping.lookup(value));
    scf::YieldOp::create(body, branch.getLoc(), results);
  }
  mapping.map(branch.getResults(), copy.getResults());
}

void ScalarProgram::emitBlock(OpBuilder &builder, Block &block, Value &self) {
  for (Operation &inner : block.without_terminator()) {
    if (self)
      mapping.map(op.getSelfArgument(), self);
    if (auto read = dyn_cast<ElementOp>(inner))
      mapping.map(read.getResult(), emitRead(builder, read));
    else if (auto write = dyn_cast<WriteOp>(inner))
      self = emitWrite(builder, write, self);
    else if (auto loop = dyn_cast<scf::ForOp>(inner))
      emitLoop(builder, loop, self);
    else if (auto branch = dyn_cast<scf::IfOp>(inner))
      emitBranch(builder, branch, self);
    else
      builder.clone(inner, mapping);
  }
}

Value ScalarProgram::emit(OpBuilder &builder, ValueRange indices, Value &self) {
  mapping.map(ValueRange(op.getIndexArguments()), indices);
  Block &body = op.getBody().front();
  emitBlock(builder, body, self);
  Value yielded = cast<YieldOp>(body.getTerminator()).getValue();
  return yielded ? mapping.lookup(yielded) : Value();
}

} // namespace quantc::qnntolinalg

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qnn.compute: its scalar program is the body of a parallel generic, or, for a
// recurrence, of a nest of sequential loops that carry the result.

#include "quantc/Dialect/QNN/Compute.h"
#include "Lowering.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace quantc::qnn;

namespace quantc::qnntolinalg {

namespace {

/// Copies the scalar program for one element.
class Program {
public:
  Program(Lowering &lowering, ComputeOp op);

  /// The element's value in compute form; `self` is the result so far.
  Value emit(OpBuilder &builder, ValueRange indices, Value self);

private:
  struct Source {
    Tensor tensor;
    SmallVector<Value> last; ///< extent - 1, where indices are clamped to
    bool isEmpty = false;
  };

  Source sourceOf(Tensor tensor);
  Value replaceRead(ElementOp read);
  Value clamp(OpBuilder &builder, Location loc, Value index, Value last);

  Lowering &lowering;
  ComputeOp op;
  SmallVector<Value> sizes;
  SmallVector<Source> sources;
  Value zero;
};

} // namespace

Program::Program(Lowering &lowering, ComputeOp op)
    : lowering(lowering), op(op) {
  Location loc = op.getLoc();
  zero = arith::ConstantIndexOp::create(lowering.builder, loc, 0);
  for (AffineExpr size : op.getSizes().getResults())
    sizes.push_back(lowering.sizeValue(loc, size));
  for (Value input : op.getInputs())
    sources.push_back(sourceOf(lowering.get(input)));
  if (op.getSelfArgument())
    sources.push_back(sourceOf(lowering.get(op.getResult())));
}

Program::Source Program::sourceOf(Tensor tensor) {
  Source source{tensor, {}, false};
  for (AffineExpr dim : tensor.shape) {
    source.isEmpty |= staticExtent(dim) == 0;
    source.last.push_back(
        lowering.sizeValue(op.getLoc(), canonicalize(dim - 1)));
  }
  return source;
}

Value Program::clamp(OpBuilder &builder, Location loc, Value index,
                     Value last) {
  Value low = arith::MaxSIOp::create(builder, loc, index, zero);
  return arith::MinSIOp::create(builder, loc, low, last);
}

Value Program::replaceRead(ElementOp read) {
  OpBuilder builder(read);
  Location loc = read.getLoc();
  const Source &source = *llvm::find_if(sources, [&](const Source &candidate) {
    return candidate.tensor.value == read.getTensor();
  });
  Type element = source.tensor.element;
  Value value;
  if (source.isEmpty) {
    value = arith::ConstantOp::create(builder, loc, scalarAttr(element, 0));
  } else if (source.tensor.splat) {
    value = arith::ConstantOp::create(builder, loc, source.tensor.splat);
  } else {
    SmallVector<Value> indices;
    for (auto [index, last] : llvm::zip(read.getIndices(), source.last))
      indices.push_back(clamp(builder, loc, index, last));
    value = tensor::ExtractOp::create(builder, loc, read.getTensor(), indices);
    value = toCompute(builder, loc, value, element);
  }
  read.getResult().replaceAllUsesWith(value);
  return value;
}

Value Program::emit(OpBuilder &builder, ValueRange indices, Value self) {
  IRMapping mapping;
  mapping.map(ValueRange(op.getIndexArguments()), indices);
  mapping.map(ValueRange(op.getSizeArguments()), ValueRange(sizes));
  if (self) {
    sources.back().tensor.value = self;
    mapping.map(op.getSelfArgument(), self);
  }
  for (auto [argument, source] : llvm::zip(op.getTensorArguments(), sources))
    mapping.map(argument, source.tensor.value);
  SmallVector<ElementOp> reads;
  Block &body = op.getBody().front();
  for (Operation &inner : body.without_terminator())
    builder.clone(inner, mapping)->walk([&](ElementOp read) {
      reads.push_back(read);
    });
  Value yielded = mapping.lookup(body.getTerminator()->getOperand(0));
  for (ElementOp read : reads) {
    Value value = replaceRead(read);
    if (yielded == read.getResult())
      yielded = value;
    read.erase();
  }
  return yielded;
}

static Tensor lowerParallel(Lowering &lowering, ComputeOp op) {
  Tensor result = lowering.get(op.getResult());
  Program program(lowering, op);
  return lowering.map(op.getLoc(), result.shape, result.element, {},
                      [&](OpBuilder &b, Location at, ValueRange) {
                        SmallVector<Value> indices;
                        for (int64_t i = 0; i < result.rank(); ++i)
                          indices.push_back(linalg::IndexOp::create(b, at, i));
                        return program.emit(b, indices, {});
                      });
}

/// for i0 { for i1 { ... result[i0, i1, ...] = program } }, in order.
static Tensor lowerSequential(Lowering &lowering, ComputeOp op) {
  Location loc = op.getLoc();
  OpBuilder &builder = lowering.builder;
  Tensor result = lowering.get(op.getResult());
  Program program(lowering, op);
  Value zero = arith::ConstantIndexOp::create(builder, loc, 0);
  Value one = arith::ConstantIndexOp::create(builder, loc, 1);
  SmallVector<Value> bounds;
  for (AffineExpr dim : result.shape)
    bounds.push_back(lowering.sizeValue(loc, dim));
  result = lowering.empty(loc, result.shape, result.element);
  scf::LoopNest nest = scf::buildLoopNest(
      builder, loc, SmallVector<Value>(bounds.size(), zero), bounds,
      SmallVector<Value>(bounds.size(), one), result.value,
      [&](OpBuilder &b, Location at, ValueRange indices, ValueRange carried) {
        Value value = program.emit(b, indices, carried[0]);
        value = toStorage(b, at, value, result.element);
        Value next =
            tensor::InsertOp::create(b, at, value, carried[0], indices);
        return scf::ValueVector{next};
      });
  result.value = nest.results.front();
  return result;
}

FailureOr<bool> lowerCompute(Lowering &lowering, Operation *op) {
  auto compute = dyn_cast<ComputeOp>(op);
  if (!compute)
    return false;
  lowering.set(compute.getResult(), compute.getSequential() > 0
                                        ? lowerSequential(lowering, compute)
                                        : lowerParallel(lowering, compute));
  return true;
}

} // namespace quantc::qnntolinalg

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qnn.compute: its scalar program is the body of a parallel generic.  In a
// recurrence that generic computes one step, inside loops over the steps that
// carry the result; a program that writes elements itself is the body of loops
// over its domain.

#include "quantc/Dialect/QNN/Compute.h"
#include "ScalarProgram.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace quantc::qnn;

namespace quantc::qnntolinalg {

/// A parallel generic over the dimensions of the result after `outer`.
static Tensor emitParallel(Lowering &lowering, ComputeOp op,
                           ScalarProgram &program, ValueRange outer,
                           Value self) {
  Tensor result = lowering.get(op.getResult());
  ArrayRef<AffineExpr> shape = ArrayRef(result.shape).drop_front(outer.size());
  return lowering.map(op.getLoc(), shape, result.element, {},
                      [&](OpBuilder &b, Location at, ValueRange) {
                        SmallVector<Value> indices(outer);
                        for (size_t i = 0; i < shape.size(); ++i)
                          indices.push_back(linalg::IndexOp::create(b, at, i));
                        return program.emit(b, indices, self);
                      });
}

/// for each index of `extents` in order: carried = body(index, carried).
static Value emitNest(Lowering &lowering, Location loc, ArrayRef<Value> extents,
                      Value carried,
                      llvm::function_ref<Value(ValueRange, Value)> body) {
  OpBuilder &builder = lowering.builder;
  Value zero = arith::ConstantIndexOp::create(builder, loc, 0);
  Value one = arith::ConstantIndexOp::create(builder, loc, 1);
  scf::LoopNest nest = scf::buildLoopNest(
      builder, loc, SmallVector<Value>(extents.size(), zero), extents,
      SmallVector<Value>(extents.size(), one), carried,
      [&](OpBuilder &b, Location, ValueRange indices, ValueRange values) {
        OpBuilder::InsertionGuard guard(builder);
        builder.setInsertionPoint(b.getInsertionBlock(), b.getInsertionPoint());
        return scf::ValueVector{body(indices, values[0])};
      });
  return nest.results.front();
}

/// for i0 { result[i0, ...] = generic over the rest }, in order.
static Tensor lowerSequential(Lowering &lowering, ComputeOp op) {
  Location loc = op.getLoc();
  OpBuilder &builder = lowering.builder;
  Tensor result = lowering.get(op.getResult());
  ScalarProgram program(lowering, op);
  size_t sequential = op.getSequential();
  SmallVector<Value> extents;
  for (AffineExpr dim : ArrayRef(result.shape).take_front(sequential))
    extents.push_back(lowering.sizeValue(loc, dim));
  ArrayRef<AffineExpr> inner = ArrayRef(result.shape).drop_front(sequential);
  SmallVector<OpFoldResult> sizes(sequential, builder.getIndexAttr(1));
  llvm::append_range(sizes, lowering.sizes(loc, inner));
  SmallVector<OpFoldResult> steps(sizes.size(), builder.getIndexAttr(1));
  result = lowering.empty(loc, result.shape, result.element);
  result.value = emitNest(
      lowering, loc, extents, result.value,
      [&](ValueRange indices, Value carried) -> Value {
        if (inner.empty()) {
          Value value = program.emit(builder, indices, carried);
          value = toStorage(builder, loc, value, result.element);
          return tensor::InsertOp::create(builder, loc, value, carried,
                                          indices);
        }
        Tensor step = emitParallel(lowering, op, program, indices, carried);
        SmallVector<OpFoldResult> starts = getAsOpFoldResult(indices);
        starts.resize(sizes.size(), builder.getIndexAttr(0));
        return tensor::InsertSliceOp::create(builder, loc, step.value, carried,
                                             starts, sizes, steps);
      });
  return result;
}

/// What a program that writes elements starts from.
static Tensor startOf(Lowering &lowering, ComputeOp op) {
  Location loc = op.getLoc();
  Tensor result = lowering.get(op.getResult());
  if (!op.getStart())
    return lowering.fill(loc, result.shape, result.element,
                         scalarAttr(result.element, 0));
  Tensor start = lowering.get(op.getInputs()[*op.getStart()]);
  if (start.splat)
    return lowering.fill(loc, result.shape, result.element, start.splat);
  return lowering.copyWith(
      loc, result.shape, start,
      lowering.builder.getMultiDimIdentityMap(result.rank()));
}

/// result = start; for i0 { for i1 { ... program(result) } }, in order.
static Tensor lowerWrites(Lowering &lowering, ComputeOp op) {
  Location loc = op.getLoc();
  OpBuilder &builder = lowering.builder;
  Tensor result = startOf(lowering, op);
  ScalarProgram program(lowering, op);
  Value zero = arith::ConstantIndexOp::create(builder, loc, 0);
  SmallVector<Value> extents;
  for (AffineExpr dim : op.getSpace().getResults())
    extents.push_back(lowering.sizeValue(loc, canonicalize(dim)));
  size_t rank = extents.size();
  if (rank == 0)
    extents.push_back(arith::ConstantIndexOp::create(builder, loc, 1));
  // There is nothing to write to in an empty tensor.
  for (AffineExpr dim : result.shape) {
    int64_t extent = staticExtent(dim);
    if (extent > 0)
      continue;
    Value size = lowering.sizeValue(loc, dim);
    Value empty = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq,
                                        size, zero);
    extents[0] = arith::SelectOp::create(builder, loc, empty, zero, extents[0]);
  }
  result.value =
      emitNest(lowering, loc, extents, result.value,
               [&](ValueRange indices, Value carried) {
                 program.emit(builder, indices.take_front(rank), carried);
                 return carried;
               });
  return result;
}

FailureOr<bool> lowerCompute(Lowering &lowering, Operation *op) {
  auto compute = dyn_cast<ComputeOp>(op);
  if (!compute)
    return false;
  Tensor result;
  if (compute.getDomain()) {
    result = lowerWrites(lowering, compute);
  } else if (compute.getSequential() > 0) {
    result = lowerSequential(lowering, compute);
  } else {
    ScalarProgram program(lowering, compute);
    result = emitParallel(lowering, compute, program, {}, {});
  }
  lowering.set(compute.getResult(), result);
  return true;
}

} // namespace quantc::qnntolinalg

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qnn.compute: the arguments of its region, its shape and its verifiers.

#include "Shapes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "quantc/Dialect/QNN/Compute.h"

using namespace mlir;

namespace quantc::qnn {

static ArrayRef<BlockArgument> argumentsOf(ComputeOp op) {
  return op.getBody().front().getArguments();
}

ArrayRef<BlockArgument> ComputeOp::getIndexArguments() {
  return argumentsOf(*this).take_front(getShape().getNumResults());
}

ArrayRef<BlockArgument> ComputeOp::getSizeArguments() {
  return argumentsOf(*this).slice(getShape().getNumResults(),
                                  getSizes().getNumResults());
}

ArrayRef<BlockArgument> ComputeOp::getTensorArguments() {
  return argumentsOf(*this).slice(getShape().getNumResults() +
                                      getSizes().getNumResults(),
                                  getInputs().size());
}

Value ComputeOp::getSelfArgument() {
  return getSequential() > 0 ? Value(argumentsOf(*this).back()) : Value();
}

LogicalResult ComputeOp::inferSymbolicShapes(Shapes, ShapeResults &results) {
  for (AffineExpr dim : getShape().getResults())
    if (auto constant = dyn_cast<AffineConstantExpr>(dim);
        constant && constant.getValue() < 0)
      return emitOpError("expected 'shape' without negative entries, got ")
             << toString(getShape().getResults());
  results.emplace_back(getShape().getResults());
  return success();
}

/// The type that scalar programs have for an element type.
static Type scalarType(Type element) {
  if (element.isF16() || element.isBF16())
    return Float32Type::get(element.getContext());
  if (isa<FloatType>(element) && element.getIntOrFloatBitWidth() <= 8)
    return IntegerType::get(element.getContext(), 8);
  if (auto integer = dyn_cast<IntegerType>(element))
    return IntegerType::get(element.getContext(), integer.getWidth());
  return element;
}

static LogicalResult verifyTensorArgument(ComputeOp op, BlockArgument argument,
                                          Type operand) {
  auto given = dyn_cast<RankedTensorType>(argument.getType());
  auto wanted = cast<ShapedType>(operand);
  if (given && given.getElementType() == wanted.getElementType() &&
      (!wanted.hasRank() || given.getRank() == wanted.getRank()))
    return success();
  return op.emitOpError("expected region argument ")
         << argument.getArgNumber() << " of the kind " << operand << ", got "
         << argument.getType();
}

LogicalResult ComputeOp::verifyRegions() {
  int64_t rank = getShape().getNumResults(), sequential = getSequential();
  if (sequential < 0 || sequential > rank)
    return emitOpError("expected 'sequential' in [0, ")
           << rank << "], got " << sequential;
  int64_t scalars = rank + getSizes().getNumResults();
  int64_t expected = scalars + getInputs().size() + (sequential > 0);
  ArrayRef<BlockArgument> arguments = argumentsOf(*this);
  if (int64_t(arguments.size()) != expected)
    return emitOpError("expected a region with ")
           << expected << " arguments, got " << arguments.size();
  for (BlockArgument argument : arguments.take_front(scalars))
    if (!argument.getType().isIndex())
      return emitOpError("expected region argument ")
             << argument.getArgNumber() << " of type index, got "
             << argument.getType();
  for (auto [argument, input] : llvm::zip(getTensorArguments(), getInputs()))
    if (failed(verifyTensorArgument(*this, argument, input.getType())))
      return failure();
  if (Value self = getSelfArgument())
    if (failed(verifyTensorArgument(*this, cast<BlockArgument>(self),
                                    getResult().getType())))
      return failure();
  auto yield = dyn_cast<YieldOp>(getBody().front().getTerminator());
  if (!yield)
    return emitOpError("expected a region that ends with 'qnn.yield'");
  Type element = cast<ShapedType>(getResult().getType()).getElementType();
  if (yield.getValue().getType() != scalarType(element))
    return emitOpError("expected a value of type ")
           << scalarType(element) << " for elements of " << element << ", got "
           << yield.getValue().getType();
  WalkResult known = getBody().walk([&](Operation *inner) {
    bool allowed =
        isa<ElementOp, YieldOp, scf::ForOp, scf::IfOp, scf::YieldOp>(inner) ||
        isa<arith::ArithDialect, math::MathDialect>(inner->getDialect());
    if (allowed)
      return WalkResult::advance();
    inner->emitOpError("is no part of a scalar program");
    return WalkResult::interrupt();
  });
  return failure(known.wasInterrupted());
}

LogicalResult ElementOp::verify() {
  auto type = dyn_cast<RankedTensorType>(getTensor().getType());
  if (!type || !isa<BlockArgument>(getTensor()))
    return emitOpError("expected a tensor argument of the region, got ")
           << getTensor().getType();
  if (type.getRank() != int64_t(getIndices().size()))
    return emitOpError("expected ")
           << type.getRank() << " indices, got " << getIndices().size();
  if (getResult().getType() != scalarType(type.getElementType()))
    return emitOpError("expected a result of type ")
           << scalarType(type.getElementType()) << ", got "
           << getResult().getType();
  return success();
}

} // namespace quantc::qnn

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

AffineMap ComputeOp::getSpace() { return getDomain().value_or(getShape()); }

ArrayRef<BlockArgument> ComputeOp::getIndexArguments() {
  return argumentsOf(*this).take_front(getSpace().getNumResults());
}

ArrayRef<BlockArgument> ComputeOp::getSizeArguments() {
  return argumentsOf(*this).slice(getSpace().getNumResults(),
                                  getSizes().getNumResults());
}

ArrayRef<BlockArgument> ComputeOp::getTensorArguments() {
  return argumentsOf(*this).slice(getSpace().getNumResults() +
                                      getSizes().getNumResults(),
                                  getInputs().size());
}

static bool hasSelf(ComputeOp op) {
  return op.getSequential() > 0 || op.getDomain();
}

Value ComputeOp::getSelfArgument() {
  return hasSelf(*this) ? Value(argumentsOf(*this).back()) : Value();
}

LogicalResult ComputeOp::inferSymbolicShapes(Shapes, ShapeResults &results) {
  auto isNegative = [](AffineExpr dim) {
    auto constant = dyn_cast<AffineConstantExpr>(dim);
    return constant && constant.getValue() < 0;
  };
  for (auto [name, map] :
       {std::pair("shape", getShape()), std::pair("domain", getSpace())})
    if (llvm::any_of(map.getResults(), isNegative))
      return emitOpError("expected '")
             << name << "' without negative entries, got "
             << toString(map.getResults());
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

/// 'start' names an operand that the result can be a copy of.
static LogicalResult verifyStart(ComputeOp op) {
  std::optional<uint64_t> start = op.getStart();
  if (!start)
    return success();
  if (!op.getDomain())
    return op.emitOpError("has 'start' without 'domain'");
  if (*start >= op.getInputs().size())
    return op.emitOpError("expected 'start' to be one of ")
           << op.getInputs().size() << " operands, got " << *start;
  auto wanted = cast<ShapedType>(op.getResult().getType());
  auto given = cast<ShapedType>(op.getInputs()[*start].getType());
  if (given.getElementType() == wanted.getElementType() &&
      (!wanted.hasRank() || !given.hasRank() ||
       succeeded(verifyCompatibleShape(given, wanted))))
    return success();
  return op.emitOpError("expected 'start' to be of the result's type ")
         << wanted << ", got " << given;
}

/// The value of an element, or none where the region writes the elements.
static LogicalResult verifyYield(ComputeOp op) {
  auto yield = dyn_cast<YieldOp>(op.getBody().front().getTerminator());
  if (!yield)
    return op.emitOpError("expected a region that ends with 'qnn.yield'");
  if (op.getDomain())
    return yield.getValue() ? op.emitOpError("expected 'qnn.yield' without a "
                                             "value, since 'domain' is given")
                            : success();
  if (!yield.getValue())
    return op.emitOpError("expected 'qnn.yield' with the element's value");
  Type element = cast<ShapedType>(op.getResult().getType()).getElementType();
  if (yield.getValue().getType() == scalarType(element))
    return success();
  return op.emitOpError("expected a value of type ")
         << scalarType(element) << " for elements of " << element << ", got "
         << yield.getValue().getType();
}

LogicalResult ComputeOp::verifyRegions() {
  int64_t rank = getShape().getNumResults(), sequential = getSequential();
  if (sequential < 0 || sequential > rank)
    return emitOpError("expected 'sequential' in [0, ")
           << rank << "], got " << sequential;
  if (sequential > 0 && getDomain())
    return emitOpError("expected 'sequential' or 'domain', got both");
  if (failed(verifyStart(*this)))
    return failure();
  int64_t scalars = getSpace().getNumResults() + getSizes().getNumResults();
  int64_t expected = scalars + getInputs().size() + hasSelf(*this);
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
  if (failed(verifyYield(*this)))
    return failure();
  WalkResult known = getBody().walk([&](Operation *inner) {
    bool allowed =
        isa<ElementOp, WriteOp, YieldOp, scf::ForOp, scf::IfOp, scf::YieldOp>(
            inner) ||
        isa<arith::ArithDialect, math::MathDialect>(inner->getDialect());
    if (!allowed) {
      inner->emitOpError("is no part of a scalar program");
      return WalkResult::interrupt();
    }
    for (Type type : inner->getResultTypes())
      if (!type.isIntOrIndexOrFloat()) {
        inner->emitOpError("expected scalars in a scalar program, got ")
            << type;
        return WalkResult::interrupt();
      }
    return WalkResult::advance();
  });
  return failure(known.wasInterrupted());
}

/// The checks that reading and writing an element share.
static LogicalResult verifyAccess(Operation *op, Value tensor,
                                  ValueRange indices, Type value,
                                  StringRef what) {
  auto type = dyn_cast<RankedTensorType>(tensor.getType());
  if (!type || !isa<BlockArgument>(tensor))
    return op->emitOpError("expected a tensor argument of the region, got ")
           << tensor.getType();
  if (type.getRank() != int64_t(indices.size()))
    return op->emitOpError("expected ")
           << type.getRank() << " indices, got " << indices.size();
  Type scalar = scalarType(type.getElementType());
  if (value == scalar)
    return success();
  return op->emitOpError("expected a ")
         << what << " of type " << scalar << ", got " << value;
}

LogicalResult ElementOp::verify() {
  return verifyAccess(*this, getTensor(), getIndices(), getResult().getType(),
                      "result");
}

/// What a program writes itself must be read in order.
void ElementOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  auto compute = (*this)->getParentOfType<ComputeOp>();
  if (compute && compute.getDomain() &&
      getTensor() == compute.getSelfArgument())
    effects.emplace_back(MemoryEffects::Read::get());
}

LogicalResult WriteOp::verify() {
  auto compute = (*this)->getParentOfType<ComputeOp>();
  if (!compute || !compute.getDomain() ||
      compute.getBody().front().getArguments().back() != getTensor())
    return emitOpError("expected the result of a 'qnn.compute' with 'domain'");
  if ((*this)->getParentOfType<scf::IfOp>())
    return emitOpError("stands in a branch; write at an index outside of the "
                       "tensor where nothing is to be written");
  return verifyAccess(*this, getTensor(), getIndices(), getValue().getType(),
                      "value");
}

} // namespace quantc::qnn

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Building, matching and erasing for the normalization passes.

#include "GraphRewriter.h"
#include <cmath>

using namespace mlir;

namespace quantc::qnn {

//===----------------------------------------------------------------------===//
// Scalars and permutations
//===----------------------------------------------------------------------===//

/// The splat of a dense attribute.  Words of f16 and bf16 constants are
/// integers of the same bits.
static std::optional<double> denseSplat(DenseElementsAttr dense, Type type) {
  if (auto floatType = dyn_cast<FloatType>(type)) {
    APFloat value = isa<FloatType>(dense.getElementType())
                        ? dense.getSplatValue<APFloat>()
                        : APFloat(floatType.getFloatSemantics(),
                                  dense.getSplatValue<APInt>());
    bool losesInfo;
    value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                  &losesInfo);
    return value.convertToDouble();
  }
  if (type.isInteger(1))
    return dense.getSplatValue<APInt>().getBoolValue();
  if (type.isIntOrIndex())
    return dense.getSplatValue<APInt>().getSExtValue();
  return std::nullopt;
}

std::optional<double> splatValue(Value value) {
  // Casts, reshapes and broadcasts of a splat are splats.
  for (int i = 0; i < 4; ++i) {
    Operation *op = value.getDefiningOp();
    if (!isa_and_present<ReshapeOp, BroadcastToOp, TransposeOp>(op))
      break;
    value = op->getOperand(0);
  }
  auto constant = value.getDefiningOp<ConstantOp>();
  if (!constant || constant.getValue().getNumElements() == 0)
    return std::nullopt;
  auto type = cast<ShapedType>(constant.getType());
  if (auto dense = dyn_cast<DenseElementsAttr>(constant.getValue()))
    return dense.isSplat() ? denseSplat(dense, type.getElementType())
                           : std::nullopt;
  if (constant.getValue().getNumElements() != 1 ||
      !type.getElementType().isIntOrFloat())
    return std::nullopt;
  FailureOr<HostTensor> host =
      HostTensor::fromAttribute(constant.getValue(), type);
  if (failed(host))
    return std::nullopt;
  return isa<FloatType>(type.getElementType()) ? host->getFloat(0)
                                               : double(host->getInt(0));
}

bool isOfCodes(Value value) {
  Operation *op = value.getDefiningOp();
  while (isa_and_present<TransposeOp, ReshapeOp>(op))
    op = op->getOperand(0).getDefiningOp();
  return isa_and_present<FromCodesOp, DequantizeOp>(op);
}

bool isNear(double got, double expected, double tolerance) {
  return std::abs(got - expected) <= tolerance * std::abs(expected);
}

SmallVector<int64_t> compose(ArrayRef<int64_t> first,
                             ArrayRef<int64_t> second) {
  SmallVector<int64_t> result;
  for (int64_t dim : second)
    result.push_back(first[dim]);
  return result;
}

bool isIdentity(ArrayRef<int64_t> permutation) {
  for (auto [i, dim] : llvm::enumerate(permutation))
    if (int64_t(i) != dim)
      return false;
  return true;
}

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

AffineMapAttr GraphRewriter::mapOf(ArrayRef<AffineExpr> exprs) {
  unsigned symbols = 0;
  for (AffineExpr expr : exprs)
    expr.walk([&](AffineExpr part) {
      if (auto symbol = dyn_cast<AffineSymbolExpr>(part))
        symbols = std::max(symbols, symbol.getPosition() + 1);
    });
  return AffineMapAttr::get(
      AffineMap::get(0, symbols, exprs, builder.getContext()));
}

Value GraphRewriter::cloneOp(Operation *op, IRMapping &mapping,
                             Type elementType) {
  Operation *twin = builder.clone(*op, mapping);
  twin->getResult(0).setType(UnrankedTensorType::get(elementType));
  if (succeeded(shapes.update(twin)))
    return twin->getResult(0);
  twin->erase();
  this->failed = true;
  return {};
}

Value GraphRewriter::reshape(Location loc, Value value,
                             ArrayRef<AffineExpr> shape) {
  if (!value || shapeOf(value) == shape)
    return value;
  if (auto before = value.getDefiningOp<ReshapeOp>()) {
    value = before.getInput();
    if (shapeOf(value) == shape)
      return value;
  }
  return create<ReshapeOp>(loc, elementTypeOf(value), value,
                           mapOf(shape).getValue());
}

/// The dimensions that are not 1 keep their order.
static bool movesOnlyUnits(ArrayRef<AffineExpr> shape,
                           ArrayRef<int64_t> permutation) {
  int64_t last = -1;
  for (int64_t dim : permutation) {
    if (staticExtent(shape[dim]) == 1)
      continue;
    if (dim < last)
      return false;
    last = dim;
  }
  return true;
}

Value GraphRewriter::transpose(Location loc, Value value,
                               ArrayRef<int64_t> permutation) {
  if (!value)
    return value;
  SmallVector<int64_t> total(permutation);
  if (auto before = value.getDefiningOp<TransposeOp>()) {
    total = compose(before.getPermutation(), permutation);
    value = before.getInput();
  }
  if (isIdentity(total))
    return value;
  if (movesOnlyUnits(shapeOf(value), total)) {
    SymbolicShape shape;
    for (int64_t dim : total)
      shape.push_back(shapeOf(value)[dim]);
    return reshape(loc, value, shape);
  }
  return create<TransposeOp>(loc, elementTypeOf(value), value,
                             ArrayRef<int64_t>(total));
}

Value GraphRewriter::splat(Location loc, Type elementType, double value,
                           ArrayRef<int64_t> shape) {
  auto type = RankedTensorType::get(shape, elementType);
  Type stored = elementType;
  Attribute element;
  if (auto floatType = dyn_cast<FloatType>(elementType)) {
    FloatAttr real = builder.getFloatAttr(floatType, value);
    element = real;
    if (floatType.getWidth() == 16) {
      stored = builder.getI16Type();
      element =
          builder.getIntegerAttr(stored, real.getValue().bitcastToAPInt());
    }
  } else {
    element = builder.getIntegerAttr(elementType, int64_t(value));
  }
  auto dense =
      DenseElementsAttr::get(RankedTensorType::get(shape, stored), element);
  return create<ConstantOp>(loc, type.getElementType(), dense);
}

void GraphRewriter::replaceAllUses(Value old, Value with) {
  if (old.getType() != with.getType()) {
    // A new value takes the old type; one with users is seen through a reshape,
    // which only changes what the type says.
    if (with.use_empty() && with.getDefiningOp()) {
      with.setType(old.getType());
    } else {
      AffineMapAttr map = mapOf(shapeOf(old));
      auto view = ReshapeOp::create(builder, with.getLoc(), old.getType(), with,
                                    map.getValue());
      shapes.setShape(view.getResult(), SymbolicShape(shapeOf(old)));
      with = view.getResult();
    }
  }
  old.replaceAllUsesWith(with);
}

//===----------------------------------------------------------------------===//
// Walking and erasing
//===----------------------------------------------------------------------===//

void GraphRewriter::eraseDead(Operation *op) {
  SmallVector<Operation *> stack = {op};
  while (!stack.empty()) {
    Operation *dead = stack.pop_back_val();
    if (erased.contains(dead) || !isOpTriviallyDead(dead))
      continue;
    for (Value operand : dead->getOperands())
      if (Operation *producer = operand.getDefiningOp())
        stack.push_back(producer);
    erased.insert(dead);
    dead->erase();
  }
}

LogicalResult
GraphRewriter::forEach(llvm::function_ref<void(Operation *)> visit) {
  Block &block = func.getBody().front();
  // An operation built later may lie where an erased one lay; it is not visited
  // then, which is what is wanted.
  SmallVector<Operation *> ops;
  for (Operation &op : block.without_terminator())
    ops.push_back(&op);
  for (Operation *op : ops) {
    if (erased.contains(op))
      continue;
    visit(op);
    if (failed)
      return failure();
  }
  for (Operation *op = block.getTerminator()->getPrevNode(); op;) {
    Operation *previous = op->getPrevNode();
    if (isOpTriviallyDead(op))
      op->erase();
    op = previous;
  }
  return success();
}

LogicalResult
rewriteGraph(func::FuncOp func,
             llvm::function_ref<LogicalResult(GraphRewriter &)> rewrite) {
  if (func.isExternal())
    return success();
  FailureOr<ShapeAnalysis> shapes = ShapeAnalysis::compute(func);
  if (failed(shapes))
    return failure();
  GraphRewriter rewriter(func, *shapes);
  return rewrite(rewriter);
}

bool Match::isClosed(Operation *root) const {
  for (Operation *op : ops) {
    if (op == root)
      continue;
    for (Operation *user : op->getUsers())
      if (user != root && !ops.contains(user))
        return false;
  }
  return true;
}

} // namespace quantc::qnn

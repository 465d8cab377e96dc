// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads index arithmetic back into expressions of the kernel's symbols.

#include "quantc/Codegen/SymbolExprs.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "quantc/Dialect/QNN/QNN.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace quantc {

std::optional<AffineExpr> argumentDim(BlockArgument argument, int64_t dim) {
  auto func = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp());
  if (!func)
    return std::nullopt;
  auto shape = func.getArgAttrOfType<AffineMapAttr>(argument.getArgNumber(),
                                                    qnn::kShapeAttr);
  if (!shape || dim >= int64_t(shape.getValue().getNumResults()))
    return std::nullopt;
  return shape.getValue().getResult(dim);
}

/// Replaces the map's operands by their expressions in result `index`.
static std::optional<AffineExpr> substitute(AffineMap map, unsigned index,
                                            ValueRange operands) {
  SmallVector<AffineExpr> dims, symbols;
  for (auto [i, operand] : llvm::enumerate(operands)) {
    bool isDim = i < map.getNumDims();
    unsigned position = isDim ? i : i - map.getNumDims();
    AffineExpr expr;
    // An operand the result does not use need not have an expression.
    AffineExpr result = map.getResult(index);
    bool used = isDim ? result.isFunctionOfDim(position)
                      : result.isFunctionOfSymbol(position);
    if (used) {
      std::optional<AffineExpr> known = symbolExprOf(operand);
      if (!known)
        return std::nullopt;
      expr = *known;
    } else {
      expr = getAffineConstantExpr(0, map.getContext());
    }
    (isDim ? dims : symbols).push_back(expr);
  }
  return map.getResult(index).replaceDimsAndSymbols(dims, symbols);
}

static std::optional<AffineExpr> arithExprOf(Operation *op) {
  if (op->getNumOperands() != 2)
    return std::nullopt;
  auto lhs = symbolExprOf(op->getOperand(0));
  auto rhs = symbolExprOf(op->getOperand(1));
  if (!lhs || !rhs)
    return std::nullopt;
  return llvm::TypeSwitch<Operation *, std::optional<AffineExpr>>(op)
      .Case([&](arith::AddIOp) { return *lhs + *rhs; })
      .Case([&](arith::SubIOp) { return *lhs - *rhs; })
      .Case([&](arith::MulIOp) { return *lhs * *rhs; })
      .Case<arith::DivUIOp, arith::FloorDivSIOp>(
          [&](auto) { return lhs->floorDiv(*rhs); })
      .Case<arith::CeilDivUIOp, arith::CeilDivSIOp>(
          [&](auto) { return lhs->ceilDiv(*rhs); })
      .Default([](Operation *) { return std::nullopt; });
}

/// A dimension of an argument, of a buffer, or of a regrouped view of either.
static std::optional<AffineExpr> dimExprOf(Value memref, int64_t dim) {
  auto type = cast<MemRefType>(memref.getType());
  if (dim >= type.getRank())
    return std::nullopt;
  if (!type.isDynamicDim(dim))
    return getAffineConstantExpr(type.getDimSize(dim), memref.getContext());
  if (auto argument = dyn_cast<BlockArgument>(memref))
    return argumentDim(argument, dim);
  if (auto alloc = memref.getDefiningOp<memref::AllocOp>())
    return symbolExprOf(alloc.getDynamicSizes()[type.getDynamicDimIndex(dim)]);
  auto collapse = memref.getDefiningOp<memref::CollapseShapeOp>();
  if (!collapse)
    return std::nullopt;
  AffineExpr product = getAffineConstantExpr(1, memref.getContext());
  auto groups = collapse.getReassociationIndices();
  for (int64_t part : groups[dim]) {
    auto size = dimExprOf(collapse.getSrc(), part);
    if (!size)
      return std::nullopt;
    product = product * *size;
  }
  return product;
}

std::optional<AffineExpr> symbolExprOf(Value value) {
  MLIRContext *context = value.getContext();
  Operation *op = value.getDefiningOp();
  if (!op)
    return std::nullopt;
  if (auto constant = getConstantIntValue(value))
    return getAffineConstantExpr(*constant, context);
  if (auto symbol = dyn_cast<qnn::SymbolValueOp>(op))
    return getAffineSymbolExpr(symbol.getIndex(), context);
  if (auto dim = dyn_cast<memref::DimOp>(op)) {
    auto index = dim.getConstantIndex();
    return index ? dimExprOf(dim.getSource(), *index) : std::nullopt;
  }
  if (auto apply = dyn_cast<affine::AffineApplyOp>(op))
    return substitute(apply.getAffineMap(), 0, apply.getMapOperands());
  return arithExprOf(op);
}

std::optional<AffineExpr> symbolUpperBoundOf(Value value) {
  if (auto expr = symbolExprOf(value))
    return expr;
  auto min = value.getDefiningOp<affine::AffineMinOp>();
  if (!min)
    return std::nullopt;
  AffineMap map = min.getMap();
  std::optional<AffineExpr> bound;
  for (unsigned i = 0; i < map.getNumResults(); ++i) {
    auto expr = substitute(map, i, min.getOperands());
    if (expr && (!bound || isa<AffineConstantExpr>(*expr)))
      bound = expr;
  }
  return bound;
}

} // namespace quantc

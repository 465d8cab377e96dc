// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Interval arithmetic on affine expressions.  Bounds are compared by their
// difference, which must be a constant: symbols have no known sign.

#include "IndexRanges.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "quantc/Support/SymbolicShape.h"

using namespace mlir;
using namespace quantc::qnn;

namespace quantc::qnntolinalg {

/// a - b where it is a constant.
static std::optional<int64_t> difference(AffineExpr a, AffineExpr b) {
  if (!a || !b)
    return std::nullopt;
  if (auto known = dyn_cast<AffineConstantExpr>(canonicalize(a - b)))
    return known.getValue();
  return std::nullopt;
}

static std::optional<int64_t> constantOf(AffineExpr expr) {
  if (auto known = dyn_cast_or_null<AffineConstantExpr>(expr))
    return known.getValue();
  return std::nullopt;
}

IndexRanges::IndexRanges(ComputeOp op) : op(op) {
  for (auto [argument, extent] :
       llvm::zip(op.getIndexArguments(), op.getSpace().getResults()))
    known[argument] = {getAffineConstantExpr(0, op.getContext()),
                       canonicalize(extent - 1)};
  for (auto [argument, size] :
       llvm::zip(op.getSizeArguments(), op.getSizes().getResults()))
    known[argument] = {canonicalize(size), canonicalize(size)};
}

bool IndexRanges::isInside(Value index, AffineExpr extent) {
  Range range = rangeOf(index);
  auto low = constantOf(range.low);
  auto room = difference(extent, range.high);
  return low && *low >= 0 && room && *room >= 1;
}

AffineExpr IndexRanges::smaller(AffineExpr a, AffineExpr b) {
  auto more = difference(a, b);
  return !more ? AffineExpr() : *more < 0 ? a : b;
}

AffineExpr IndexRanges::larger(AffineExpr a, AffineExpr b) {
  auto more = difference(a, b);
  return !more ? AffineExpr() : *more < 0 ? b : a;
}

IndexRanges::Range IndexRanges::product(Range a, Range b) {
  if (!constantOf(b.low) || constantOf(b.low) != constantOf(b.high))
    std::swap(a, b);
  auto factor = constantOf(b.low);
  if (!factor || constantOf(b.high) != factor || *factor < 0)
    return {};
  auto scaled = [&](AffineExpr bound) {
    return bound ? canonicalize(bound * *factor) : bound;
  };
  return {scaled(a.low), scaled(a.high)};
}

/// Of a non-negative number by a positive constant.
IndexRanges::Range IndexRanges::quotient(Range a, Range b) {
  auto divisor = constantOf(b.low), low = constantOf(a.low);
  if (!divisor || constantOf(b.high) != divisor || *divisor <= 0 || !low ||
      *low < 0)
    return {};
  return {canonicalize(a.low.floorDiv(*divisor)),
          a.high ? canonicalize(a.high.floorDiv(*divisor)) : a.high};
}

IndexRanges::Range IndexRanges::remainder(Range a, Range b) {
  auto divisor = constantOf(b.low), low = constantOf(a.low);
  if (!divisor || *divisor <= 0 || !low || *low < 0 || !b.high)
    return {};
  return {getAffineConstantExpr(0, op.getContext()), canonicalize(b.high - 1)};
}

IndexRanges::Range IndexRanges::compute(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto loop = dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp());
    if (!loop || loop.getInductionVar() != value)
      return {};
    AffineExpr end = rangeOf(loop.getUpperBound()).high;
    return {rangeOf(loop.getLowerBound()).low,
            end ? canonicalize(end - 1) : end};
  }
  Operation *source = value.getDefiningOp();
  if (auto constant = dyn_cast<arith::ConstantOp>(source)) {
    auto number = dyn_cast<IntegerAttr>(constant.getValue());
    if (!number)
      return {};
    AffineExpr expr = getAffineConstantExpr(number.getValue().getSExtValue(),
                                            op.getContext());
    return {expr, expr};
  }
  auto operand = [&](unsigned i) { return rangeOf(source->getOperand(i)); };
  if (isa<arith::AndIOp>(source)) {
    // The bits of a mask, if that is not negative.
    auto mask = constantOf(operand(1).low);
    AffineExpr none = getAffineConstantExpr(0, op.getContext());
    return mask && *mask >= 0 ? Range{none, operand(1).high} : Range();
  }
  if (isa<arith::IndexCastOp, arith::IndexCastUIOp>(source)) {
    auto low = constantOf(operand(0).low);
    return low && *low >= 0 ? operand(0) : Range();
  }
  if (!value.getType().isIndex()) // narrower integers wrap
    return {};
  auto sum = [](AffineExpr a, AffineExpr b) {
    return a && b ? canonicalize(a + b) : AffineExpr();
  };
  auto less = [](AffineExpr a, AffineExpr b) {
    return a && b ? canonicalize(a - b) : AffineExpr();
  };
  if (isa<arith::SelectOp>(source)) {
    Range a = operand(1), b = operand(2);
    return {smaller(a.low, b.low), larger(a.high, b.high)};
  }
  if (source->getNumOperands() != 2)
    return {};
  Range a = operand(0), b = operand(1);
  if (isa<arith::AddIOp>(source))
    return {sum(a.low, b.low), sum(a.high, b.high)};
  if (isa<arith::SubIOp>(source))
    return {less(a.low, b.high), less(a.high, b.low)};
  if (isa<arith::MulIOp>(source))
    return product(a, b);
  if (isa<arith::DivSIOp>(source))
    return quotient(a, b);
  if (isa<arith::RemSIOp>(source))
    return remainder(a, b);
  // A bound of one operand bounds the extreme in one direction.
  auto either = [](AffineExpr best, AffineExpr a, AffineExpr b) {
    return best ? best : a ? a : b;
  };
  if (isa<arith::MaxSIOp>(source))
    return {either(larger(a.low, b.low), a.low, b.low), larger(a.high, b.high)};
  if (isa<arith::MinSIOp>(source))
    return {smaller(a.low, b.low),
            either(smaller(a.high, b.high), a.high, b.high)};
  return {};
}

IndexRanges::Range IndexRanges::rangeOf(Value value) {
  if (auto found = known.find(value); found != known.end())
    return found->second;
  Range range = compute(value);
  known[value] = range;
  return range;
}

} // namespace quantc::qnntolinalg

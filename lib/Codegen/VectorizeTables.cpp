// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tables of positions.  What a body computes from the position in the row alone
// (where a resized row reads its source, with which weight) is the same for all
// rows: it is computed once, by scalars, and loaded by the rows as vectors.

#include "Vectorize.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "quantc/Codegen/SymbolExprs.h"

using namespace mlir;

namespace quantc::vectorize {
namespace {

constexpr int64_t kLongestUnrolled = 8;

/// One or two instructions for a vector of any element type.
bool isCheap(Operation &inner) {
  return isa<arith::ConstantOp, linalg::IndexOp, arith::AddIOp, arith::SubIOp,
             arith::CmpIOp, arith::CmpFOp, arith::SelectOp, arith::MinSIOp,
             arith::MaxSIOp, arith::AndIOp, arith::OrIOp, arith::XOrIOp,
             arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::MaximumFOp,
             arith::MinimumFOp, arith::NegFOp, math::FmaOp, math::AbsFOp,
             arith::IndexCastOp>(inner);
}

/// The values of a body that are functions of the position in the row.
class Positions {
public:
  Positions(linalg::GenericOp op, unsigned dim) : op(op) {
    for (Operation &inner : op.getBody()->without_terminator())
      visit(inner, dim);
  }

  bool isKnown(Value value) const { return known.contains(value); }

  /// Those worth a table that something else uses.
  SmallVector<Value> frontier() const {
    SmallVector<Value> values;
    for (Operation &inner : op.getBody()->without_terminator())
      if (inner.getNumResults() == 1 && costly.contains(inner.getResult(0)) &&
          llvm::any_of(inner.getUsers(), [&](Operation *user) {
            return user->getBlock() != op.getBody() ||
                   user->getNumResults() != 1 || !isKnown(user->getResult(0));
          }))
        values.push_back(inner.getResult(0));
    return values;
  }

private:
  void visit(Operation &inner, unsigned dim) {
    if (inner.getNumRegions() || inner.getNumResults() != 1 || !isPure(&inner))
      return;
    Value result = inner.getResult(0);
    if (auto index = dyn_cast<linalg::IndexOp>(inner)) {
      if (index.getDim() == dim)
        known.insert(result);
      return;
    }
    bool costs = !isCheap(inner), depends = false;
    for (Value operand : inner.getOperands()) {
      if (operand.getParentRegion() != op.getBody()->getParent())
        continue;
      if (!isKnown(operand))
        return;
      depends = true;
      costs |= costly.contains(operand);
    }
    known.insert(result);
    if (costs && depends)
      costly.insert(result);
  }

  mutable linalg::GenericOp op;
  DenseSet<Value> known, costly;
};

/// The operations of the body that `values` need, in order.
SetVector<Operation *> sliceOf(linalg::GenericOp op, ArrayRef<Value> values) {
  DenseSet<Operation *> needed;
  SmallVector<Value> stack(values);
  while (!stack.empty()) {
    Operation *source = stack.pop_back_val().getDefiningOp();
    if (source && source->getBlock() == op.getBody() &&
        needed.insert(source).second)
      llvm::append_range(stack, source->getOperands());
  }
  SetVector<Operation *> ordered;
  for (Operation &inner : *op.getBody())
    if (needed.contains(&inner))
      ordered.insert(&inner);
  return ordered;
}
} // namespace

void VectorBody::emitTables(OpBuilder &builder, const LoopNest &nest) {
  bool hasRows = false;
  for (auto [loop, extent] : llvm::enumerate(nest.extents))
    hasRows |= loop != dim && extent != 1;
  SmallVector<Value> values;
  for (Value value : Positions(op, dim).frontier())
    if (variationOf(value) == Variation::Varying &&
        value.getType().isIntOrIndexOrFloat())
      values.push_back(value);
  bool dynamic = ShapedType::isDynamic(nest.extents[dim]);
  if (!hasRows || values.empty() ||
      (dynamic && !symbolUpperBoundOf(nest.bounds[dim])))
    return;
  for (Value value : values) {
    Type stored = value.getType();
    if (stored.isInteger(1))
      stored = builder.getI8Type();
    else if (stored.isIndex())
      stored = builder.getI64Type();
    auto type = MemRefType::get({nest.extents[dim]}, stored);
    ValueRange sizes = dynamic ? ValueRange(nest.bounds[dim]) : ValueRange();
    tables[value] = memref::AllocOp::create(builder, nest.loc, type, sizes,
                                            builder.getI64IntegerAttr(64));
  }
  auto loop = scf::ForOp::create(builder, nest.loc, nest.constant(builder, 0),
                                 nest.bounds[dim], nest.constant(builder, 1));
  OpBuilder inner = OpBuilder::atBlockTerminator(loop.getBody());
  IRMapping mapping;
  for (Operation *source : sliceOf(op, values)) {
    if (isa<linalg::IndexOp>(source))
      mapping.map(source->getResult(0), loop.getInductionVar());
    else
      inner.clone(*source, mapping);
  }
  for (auto [value, table] : tables) {
    Value scalar = mapping.lookup(value);
    Type stored = cast<MemRefType>(table.getType()).getElementType();
    if (scalar.getType().isIndex())
      scalar = arith::IndexCastOp::create(inner, nest.loc, stored, scalar);
    else if (stored != scalar.getType())
      scalar = arith::ExtUIOp::create(inner, nest.loc, stored, scalar);
    memref::StoreOp::create(inner, nest.loc, scalar, table,
                            loop.getInductionVar());
  }
}

void unrollShortLoops(linalg::GenericOp op) {
  for (auto loop :
       llvm::make_early_inc_range(op.getBody()->getOps<scf::ForOp>())) {
    auto begin = getConstantIntValue(loop.getLowerBound());
    auto end = getConstantIntValue(loop.getUpperBound());
    auto step = getConstantIntValue(loop.getStep());
    bool hasNested = llvm::any_of(*loop.getBody(), [](Operation &inner) {
      return inner.getNumRegions() > 0;
    });
    bool gains = llvm::any_of(
        loop.getBody()->without_terminator(),
        [](Operation &inner) { return isPure(&inner) && !isCheap(inner); });
    if (!begin || !end || !step || *step <= 0 || hasNested || !gains ||
        (*end - *begin) / *step >= kLongestUnrolled)
      continue;
    OpBuilder builder(loop);
    SmallVector<Value> carried(loop.getInitArgs());
    for (int64_t i = *begin; i < *end; i += *step) {
      IRMapping mapping;
      mapping.map(loop.getInductionVar(),
                  arith::ConstantIndexOp::create(builder, loop.getLoc(), i));
      mapping.map(loop.getRegionIterArgs(), carried);
      for (Operation &inner : loop.getBody()->without_terminator())
        builder.clone(inner, mapping);
      for (auto [value, next] : llvm::zip(carried, loop.getYieldedValues()))
        value = mapping.lookupOrDefault(next);
    }
    loop.replaceAllUsesWith(carried);
    loop.erase();
  }
}

} // namespace quantc::vectorize

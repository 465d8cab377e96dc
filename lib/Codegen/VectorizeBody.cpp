// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loop nest of the row vectorizer, and what a body must look like.
//
// Values of the body fall into three classes along the vectorized dimension.
// Uniform ones (broadcast operands and what is computed from them: means,
// scales, gathered row numbers) stay scalars and are emitted once per row;
// consecutive ones are row positions, so a memref.load at such an index is a
// vector load; the rest becomes vector operations, one for one.  Loops of the
// body have the same bounds for all lanes.

#include "Vectorize.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"

using namespace mlir;

namespace quantc::vectorize {

//===----------------------------------------------------------------------===//
// LoopNest
//===----------------------------------------------------------------------===//

LoopNest::LoopNest(OpBuilder &builder, linalg::GenericOp op)
    : op(op), loc(op.getLoc()), extents(op.getStaticLoopRanges()) {
  Value zero = constant(builder, 0);
  auto linalgOp = cast<linalg::LinalgOp>(op.getOperation());
  for (auto [dim, range] :
       llvm::enumerate(linalgOp.createLoopRanges(builder, loc))) {
    bounds.push_back(
        ShapedType::isDynamic(extents[dim])
            ? getValueOrCreateConstantIndexOp(builder, loc, range.size)
            : constant(builder, extents[dim]));
    ivs.push_back(zero);
  }
}

Value LoopNest::constant(OpBuilder &builder, int64_t value) const {
  return arith::ConstantIndexOp::create(builder, loc, value);
}

void LoopNest::enter(OpBuilder &builder, unsigned dim) {
  if (extents[dim] == 1)
    return;
  auto loop = scf::ForOp::create(builder, loc, constant(builder, 0),
                                 bounds[dim], constant(builder, 1));
  ivs[dim] = loop.getInductionVar();
  builder.setInsertionPointToStart(loop.getBody());
}

SmallVector<Value> LoopNest::indices(OpBuilder &builder,
                                     unsigned operand) const {
  AffineMap map = op.getIndexingMapsArray()[operand];
  SmallVector<Value> result;
  for (AffineExpr expr : map.getResults()) {
    if (auto plain = dyn_cast<AffineDimExpr>(expr)) {
      result.push_back(ivs[plain.getPosition()]);
      continue;
    }
    OpFoldResult index = affine::makeComposedFoldedAffineApply(
        builder, loc, AffineMap::get(map.getNumDims(), 0, expr),
        getAsOpFoldResult(ivs));
    result.push_back(getValueOrCreateConstantIndexOp(builder, loc, index));
  }
  return result;
}

Value LoopNest::floorBound(OpBuilder &builder, unsigned dim,
                           int64_t width) const {
  if (!ShapedType::isDynamic(extents[dim]))
    return constant(builder, extents[dim] / width * width);
  Value rest = arith::RemUIOp::create(builder, loc, bounds[dim],
                                      constant(builder, width));
  return arith::SubIOp::create(builder, loc, bounds[dim], rest);
}

//===----------------------------------------------------------------------===//
// VectorBody: matching
//===----------------------------------------------------------------------===//

/// True when the operand is addressed as [..., d_dim] with stride 1 and `dim`
/// appears nowhere else in its map.
static bool isUnitStride(AffineMap map, MemRefType type, unsigned dim) {
  if (map.getNumResults() == 0)
    return false;
  for (AffineExpr expr : map.getResults().drop_back())
    if (expr.isFunctionOfDim(dim))
      return false;
  AffineExpr self = getAffineDimExpr(dim, map.getContext());
  AffineExpr last = map.getResults().back();
  if (!last.isFunctionOfDim(dim) || (last - self).isFunctionOfDim(dim))
    return false;
  int64_t offset;
  SmallVector<int64_t> strides;
  return succeeded(type.getStridesAndOffset(strides, offset)) &&
         strides.back() == 1;
}

LogicalResult VectorBody::matchOperands(std::optional<unsigned> transposedDim) {
  for (auto [operand, map] :
       llvm::zip_equal(op->getOperands(), op.getIndexingMapsArray())) {
    auto type = dyn_cast<MemRefType>(operand.getType());
    if (!map.isFunctionOfDim(dim))
      accesses.push_back(Access::Broadcast);
    else if (type && isUnitStride(map, type, dim))
      accesses.push_back(Access::UnitStride);
    else if (type && transposedDim && isUnitStride(map, type, *transposedDim))
      accesses.push_back(Access::Transposed);
    else
      return failure();
  }
  return success();
}

Variation VectorBody::variationOf(Value value) const {
  auto it = variations.find(value);
  return it == variations.end() ? Variation::Uniform : it->second;
}

Variation VectorBody::classify(Operation &inner) const {
  if (auto index = dyn_cast<linalg::IndexOp>(inner))
    return index.getDim() == dim ? Variation::Consecutive : Variation::Uniform;
  SmallVector<Variation> kinds;
  for (Value operand : inner.getOperands())
    kinds.push_back(variationOf(operand));
  if (llvm::all_of(kinds, [](auto k) { return k == Variation::Uniform; }))
    return Variation::Uniform;
  bool shifted = (isa<arith::AddIOp>(inner) &&
                  llvm::is_contained(kinds, Variation::Uniform)) ||
                 (isa<arith::SubIOp>(inner) && kinds[1] == Variation::Uniform);
  if (shifted && !llvm::is_contained(kinds, Variation::Varying))
    return Variation::Consecutive;
  return Variation::Varying;
}

bool VectorBody::isUniform(Operation &inner) const {
  return llvm::all_of(inner.getResults(), [&](Value result) {
    return variationOf(result) == Variation::Uniform;
  });
}

bool canGather(MemRefType type) {
  int64_t offset;
  SmallVector<int64_t> strides;
  return type.getRank() > 0 && type.getElementType().isIntOrIndexOrFloat() &&
         succeeded(type.getStridesAndOffset(strides, offset)) &&
         strides.back() == 1 &&
         (type.getLayout().isIdentity() ||
          !llvm::is_contained(strides, ShapedType::kDynamic));
}

LogicalResult VectorBody::matchPlain(Operation &inner) {
  if (inner.getNumRegions() || inner.getNumResults() != 1 ||
      (isa<linalg::IndexOp>(inner) && inner.getBlock() != op.getBody()))
    return failure();
  Value result = inner.getResult(0);
  Variation variation = classify(inner);
  variations[result] = variation;
  if (variation != Variation::Varying)
    return success();
  hasIndexVectors |= result.getType().isIndex();
  if (auto load = dyn_cast<memref::LoadOp>(inner))
    return success(canGather(load.getMemRefType()));
  return success(OpTrait::hasElementwiseMappableTraits(&inner));
}

/// Results of an operation with regions are vectors unless none of them is.
void VectorBody::joinResults(Operation &inner, ArrayRef<Variation> kinds) {
  bool uniform =
      llvm::all_of(kinds, [](auto k) { return k == Variation::Uniform; });
  for (Value result : inner.getResults())
    variations[result] = uniform ? Variation::Uniform : Variation::Varying;
}

LogicalResult VectorBody::matchLoop(scf::ForOp loop) {
  for (Value bound :
       {loop.getLowerBound(), loop.getUpperBound(), loop.getStep()})
    if (variationOf(bound) != Variation::Uniform)
      return failure();
  variations[loop.getInductionVar()] = Variation::Uniform;
  auto carried = [](Variation kind) {
    return kind == Variation::Uniform ? kind : Variation::Varying;
  };
  for (auto [argument, init] :
       llvm::zip(loop.getRegionIterArgs(), loop.getInitArgs()))
    variations[argument] = carried(variationOf(init));
  SmallVector<Variation> kinds;
  for (bool changed = true; changed;) {
    changed = false;
    if (failed(matchBlock(*loop.getBody())))
      return failure();
    kinds.clear();
    for (auto [argument, next] :
         llvm::zip(loop.getRegionIterArgs(), loop.getYieldedValues())) {
      Variation &kind = variations[argument];
      if (kind == Variation::Uniform &&
          carried(variationOf(next)) != Variation::Uniform) {
        kind = Variation::Varying;
        changed = true;
      }
      kinds.push_back(kind);
    }
  }
  joinResults(*loop, kinds);
  return success();
}

LogicalResult VectorBody::matchBranch(scf::IfOp branch) {
  if (branch.getNumResults() == 0)
    return failure();
  SmallVector<Variation> kinds = {variationOf(branch.getCondition())};
  for (Region &region : branch->getRegions()) {
    if (failed(matchBlock(region.front())))
      return failure();
    for (Value value : region.front().getTerminator()->getOperands())
      kinds.push_back(variationOf(value));
  }
  joinResults(*branch, kinds);
  return success();
}

LogicalResult VectorBody::matchBlock(Block &block) {
  for (Operation &inner : block.without_terminator()) {
    LogicalResult matched =
        isa<scf::ForOp>(inner)  ? matchLoop(cast<scf::ForOp>(inner))
        : isa<scf::IfOp>(inner) ? matchBranch(cast<scf::IfOp>(inner))
                                : matchPlain(inner);
    if (failed(matched))
      return failure();
  }
  return success();
}

LogicalResult VectorBody::matchBody() {
  Block &body = *op.getBody();
  for (auto [argument, access] : llvm::zip_equal(body.getArguments(), accesses))
    variations[argument] =
        access == Access::Broadcast ? Variation::Uniform : Variation::Varying;
  if (op.getNumReductionLoops())
    variations[body.getArguments().back()] = Variation::Varying;
  return matchBlock(body);
}

FailureOr<VectorBody> VectorBody::match(linalg::GenericOp op, unsigned dim,
                                        std::optional<unsigned> transposedDim) {
  VectorBody result(op, dim);
  if (failed(result.matchOperands(transposedDim)) || failed(result.matchBody()))
    return failure();
  return result;
}

bool VectorBody::hasNarrowOperand() const {
  auto isNarrow = [](Type type) {
    return type.isIntOrFloat() && type.getIntOrFloatBitWidth() < 32;
  };
  for (auto [argument, access] :
       llvm::zip_equal(op.getBody()->getArguments(), accesses))
    if (access != Access::Broadcast && isNarrow(argument.getType()))
      return true;
  return op.getBody()
      ->walk([&](memref::LoadOp load) {
        return variationOf(load) == Variation::Varying &&
                       isNarrow(load.getType())
                   ? WalkResult::interrupt()
                   : WalkResult::advance();
      })
      .wasInterrupted();
}

} // namespace quantc::vectorize

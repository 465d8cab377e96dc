// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loop nest and the body cloner of the row vectorizer.
//
// Values of the body fall into three classes along the vectorized dimension.
// Uniform ones (broadcast operands and what is computed from them: means,
// scales, gathered row numbers) stay scalars and are emitted once per row;
// consecutive ones are row positions, so a memref.load at such an index is a
// vector load; the rest becomes vector operations, one for one.

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

LogicalResult VectorBody::matchBody() {
  Block &body = *op.getBody();
  for (auto [argument, access] : llvm::zip_equal(body.getArguments(), accesses))
    variations[argument] =
        access == Access::Broadcast ? Variation::Uniform : Variation::Varying;
  if (op.getNumReductionLoops())
    variations[body.getArguments().back()] = Variation::Varying;
  for (Operation &inner : body.without_terminator()) {
    if (inner.getNumRegions() || inner.getNumResults() != 1)
      return failure();
    Variation variation = classify(inner);
    variations[inner.getResult(0)] = variation;
    if (variation != Variation::Varying)
      continue;
    if (auto load = dyn_cast<memref::LoadOp>(inner)) {
      auto indices = load.getIndices();
      int64_t offset;
      SmallVector<int64_t> strides;
      if (indices.empty() ||
          failed(load.getMemRefType().getStridesAndOffset(strides, offset)) ||
          strides.back() != 1 ||
          variationOf(indices.back()) != Variation::Consecutive ||
          !llvm::all_of(indices.drop_back(), [&](Value index) {
            return variationOf(index) == Variation::Uniform;
          }))
        return failure();
      continue;
    }
    if (!OpTrait::hasElementwiseMappableTraits(&inner))
      return failure();
  }
  return success();
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
  return llvm::any_of(op.getBody()->getOps<memref::LoadOp>(),
                      [&](memref::LoadOp load) {
                        return variationOf(load) == Variation::Varying &&
                               isNarrow(load.getType());
                      });
}

//===----------------------------------------------------------------------===//
// VectorBody: emission
//===----------------------------------------------------------------------===//

IRMapping VectorBody::emitUniform(OpBuilder &builder,
                                  const LoopNest &nest) const {
  IRMapping mapping;
  Block &body = *op.getBody();
  for (auto [i, argument] : llvm::enumerate(body.getArguments())) {
    if (variationOf(argument) != Variation::Uniform || argument.use_empty())
      continue;
    Value operand = op->getOperand(i);
    mapping.map(argument,
                isa<MemRefType>(operand.getType())
                    ? Value(memref::LoadOp::create(builder, nest.loc, operand,
                                                   nest.indices(builder, i)))
                    : operand);
  }
  for (Operation &inner : body.without_terminator()) {
    if (variationOf(inner.getResult(0)) != Variation::Uniform)
      continue;
    if (auto index = dyn_cast<linalg::IndexOp>(inner))
      mapping.map(index.getResult(), nest.ivs[index.getDim()]);
    else
      builder.clone(inner, mapping);
  }
  return mapping;
}

static Value zeroVector(OpBuilder &builder, Location loc, VectorType type) {
  return arith::ConstantOp::create(builder, loc,
                                   cast<TypedAttr>(builder.getZeroAttr(type)));
}

static Value loadVector(OpBuilder &builder, Location loc, Value memref,
                        ValueRange indices, VectorType type, Value mask) {
  if (!mask)
    return vector::LoadOp::create(builder, loc, type, memref, indices);
  return vector::MaskedLoadOp::create(builder, loc, type, memref, indices, mask,
                                      zeroVector(builder, loc, type));
}

Value VectorBody::load(OpBuilder &builder, LoopNest nest, unsigned operand,
                       Value position, int64_t width, Value mask) const {
  nest.ivs[dim] = position;
  auto type =
      VectorType::get({width}, op.getBody()->getArgument(operand).getType());
  return loadVector(builder, nest.loc, op->getOperand(operand),
                    nest.indices(builder, operand), type, mask);
}

namespace {
/// One clone of the varying part of a body.
struct VectorCloner {
  OpBuilder &builder;
  Location loc;
  int64_t width;
  Value mask;
  const IRMapping &uniform;
  IRMapping vectors = {};
  IRMapping starts = {}; ///< first lane of consecutive values

  VectorType vectorOf(Type element) const {
    return VectorType::get({width}, element);
  }

  Value scalar(Value value) const {
    if (Value start = starts.lookupOrNull(value))
      return start;
    return uniform.lookupOrDefault(value);
  }

  Value get(Value value) {
    if (Value vector = vectors.lookupOrNull(value))
      return vector;
    VectorType type = vectorOf(value.getType());
    Value result;
    if (auto constant = value.getDefiningOp<arith::ConstantOp>())
      result = arith::ConstantOp::create(
          builder, loc,
          DenseElementsAttr::get(type,
                                 ArrayRef<Attribute>(constant.getValue())));
    else
      result = vector::BroadcastOp::create(builder, loc, type, scalar(value));
    if (starts.contains(value))
      result = arith::AddIOp::create(
          builder, loc, result, vector::StepOp::create(builder, loc, type));
    vectors.map(value, result);
    return result;
  }

  void cloneVarying(Operation &inner) {
    if (auto load = dyn_cast<memref::LoadOp>(inner)) {
      SmallVector<Value> indices;
      for (Value index : load.getIndices())
        indices.push_back(scalar(index));
      vectors.map(load.getResult(),
                  loadVector(builder, loc, load.getMemRef(), indices,
                             vectorOf(load.getType()), mask));
      return;
    }
    IRMapping operands;
    for (Value operand : inner.getOperands())
      operands.map(operand, get(operand));
    Operation *clone = inner.cloneWithoutRegions(operands);
    clone->getResult(0).setType(vectorOf(inner.getResult(0).getType()));
    builder.insert(clone);
    vectors.map(inner.getResult(0), clone->getResult(0));
  }

  void cloneConsecutive(Operation &inner, Value position) {
    if (isa<linalg::IndexOp>(inner)) {
      starts.map(inner.getResult(0), position);
      return;
    }
    IRMapping operands;
    for (Value operand : inner.getOperands())
      operands.map(operand, scalar(operand));
    starts.map(inner.getResult(0),
               builder.clone(inner, operands)->getResult(0));
  }
};
} // namespace

Value VectorBody::emit(OpBuilder &builder, LoopNest nest,
                       const IRMapping &uniform, ArrayRef<Value> arguments,
                       Value position, int64_t width, Value mask) const {
  Block &body = *op.getBody();
  VectorCloner cloner{builder, nest.loc, width, mask, uniform};
  for (auto [i, argument] : llvm::enumerate(body.getArguments())) {
    if (arguments[i])
      cloner.vectors.map(argument, arguments[i]);
    else if (accesses[i] == Access::UnitStride && !argument.use_empty())
      cloner.vectors.map(argument,
                         load(builder, nest, i, position, width, mask));
  }
  for (Operation &inner : body.without_terminator()) {
    switch (variationOf(inner.getResult(0))) {
    case Variation::Uniform:
      break;
    case Variation::Consecutive:
      cloner.cloneConsecutive(inner, position);
      break;
    case Variation::Varying:
      cloner.cloneVarying(inner);
      break;
    }
  }
  return cloner.get(body.getTerminator()->getOperand(0));
}

void VectorBody::store(OpBuilder &builder, LoopNest nest, Value result,
                       Value position, Value mask) const {
  nest.ivs[dim] = position;
  unsigned output = op.getNumDpsInputs();
  Value memref = op.getDpsInits()[0];
  SmallVector<Value> indices = nest.indices(builder, output);
  if (mask)
    vector::MaskedStoreOp::create(builder, nest.loc, memref, indices, mask,
                                  result);
  else
    vector::StoreOp::create(builder, nest.loc, result, memref, indices);
}

void emitScalar(OpBuilder &builder, const LoopNest &nest) {
  linalg::GenericOp op = nest.op;
  Block &body = *op.getBody();
  IRMapping mapping;
  for (auto [i, argument] : llvm::enumerate(body.getArguments())) {
    if (argument.use_empty())
      continue;
    Value operand = op->getOperand(i);
    mapping.map(argument,
                isa<MemRefType>(operand.getType())
                    ? Value(memref::LoadOp::create(builder, nest.loc, operand,
                                                   nest.indices(builder, i)))
                    : operand);
  }
  for (Operation &inner : body.without_terminator()) {
    if (auto index = dyn_cast<linalg::IndexOp>(inner))
      mapping.map(index.getResult(), nest.ivs[index.getDim()]);
    else
      builder.clone(inner, mapping);
  }
  unsigned output = op.getNumDpsInputs();
  Value result = mapping.lookupOrDefault(body.getTerminator()->getOperand(0));
  memref::StoreOp::create(builder, nest.loc, result, op.getDpsInits()[0],
                          nest.indices(builder, output));
}

Value tailMask(OpBuilder &builder, Location loc, Value count) {
  auto type = VectorType::get({kTailWidth}, builder.getI1Type());
  return vector::CreateMaskOp::create(builder, loc, type, ValueRange{count});
}

} // namespace quantc::vectorize

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Clones a matched body for many lanes: uniform values as scalars, the others
// as vectors.  Loops and branches with a uniform condition stay what they are
// and carry vectors; a branch on a vector is both sides and a select.  A load
// at varying positions is a gather.

#include "Vectorize.h"

using namespace mlir;

namespace quantc::vectorize {

/// Loads the arguments and clones the operations that are wanted, as scalars.
static IRMapping
cloneScalars(OpBuilder &builder, const LoopNest &nest,
             llvm::function_ref<bool(BlockArgument)> wantsArgument,
             llvm::function_ref<bool(Operation &)> wants) {
  IRMapping mapping;
  linalg::GenericOp op = nest.op;
  Block &body = *op.getBody();
  for (auto [i, argument] : llvm::enumerate(body.getArguments())) {
    if (argument.use_empty() || !wantsArgument(argument))
      continue;
    Value operand = op->getOperand(i);
    mapping.map(argument,
                isa<MemRefType>(operand.getType())
                    ? Value(memref::LoadOp::create(builder, nest.loc, operand,
                                                   nest.indices(builder, i)))
                    : operand);
  }
  for (Operation &inner : body.without_terminator()) {
    if (!wants(inner))
      continue;
    if (auto index = dyn_cast<linalg::IndexOp>(inner))
      mapping.map(index.getResult(), nest.ivs[index.getDim()]);
    else
      builder.clone(inner, mapping);
  }
  return mapping;
}

IRMapping VectorBody::emitUniform(OpBuilder &builder,
                                  const LoopNest &nest) const {
  return cloneScalars(
      builder, nest,
      [&](BlockArgument argument) {
        return variationOf(argument) == Variation::Uniform;
      },
      [&](Operation &inner) { return isUniform(inner); });
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

/// One clone of the varying part of a body.  What a block adds to the maps is
/// not seen outside of it, so nested blocks get a copy.
class VectorCloner {
public:
  VectorCloner(const VectorBody &body, OpBuilder &builder, Location loc,
               int64_t width, Value mask, Value position,
               const IRMapping &uniform)
      : body(body), builder(builder), loc(loc), width(width), mask(mask),
        position(position), scalars(uniform) {}

  void mapVector(Value from, Value to) { vectors.map(from, to); }
  void emitBlock(Block &block);
  /// The value as a vector.
  Value get(Value value);

private:
  VectorType vectorOf(Type element) const {
    return VectorType::get({width}, element);
  }
  Value scalar(Value value) const {
    if (Value start = starts.lookupOrNull(value))
      return start;
    return scalars.lookupOrDefault(value);
  }
  bool isTop(Operation &inner) const {
    return inner.getBlock() == body.op.getBody();
  }

  void emitPlain(Operation &inner);
  void emitConsecutive(Operation &inner);
  void emitLoop(scf::ForOp loop);
  void emitBranch(scf::IfOp branch);
  Value emitLoad(memref::LoadOp load);
  Value emitTableLoad(Value value, Value table);
  Value gather(OpBuilder &at, memref::LoadOp load, VectorType type);
  Value strideOf(OpBuilder &at, Value memref, unsigned dim);

  const VectorBody &body;
  OpBuilder builder;
  Location loc;
  int64_t width;
  Value mask, position;
  IRMapping scalars;
  IRMapping vectors = {};
  IRMapping starts = {}; ///< first lane of consecutive values
};

Value VectorCloner::get(Value value) {
  if (Value vector = vectors.lookupOrNull(value))
    return vector;
  VectorType type = vectorOf(value.getType());
  Value result;
  if (auto constant = value.getDefiningOp<arith::ConstantOp>())
    result = arith::ConstantOp::create(
        builder, loc,
        DenseElementsAttr::get(type, ArrayRef<Attribute>(constant.getValue())));
  else
    result = vector::BroadcastOp::create(builder, loc, type, scalar(value));
  if (starts.contains(value))
    result = arith::AddIOp::create(builder, loc, result,
                                   vector::StepOp::create(builder, loc, type));
  vectors.map(value, result);
  return result;
}

//===----------------------------------------------------------------------===//
// Loads
//===----------------------------------------------------------------------===//

Value VectorCloner::strideOf(OpBuilder &at, Value memref, unsigned dim) {
  auto type = cast<MemRefType>(memref.getType());
  int64_t offset;
  SmallVector<int64_t> strides;
  (void)type.getStridesAndOffset(strides, offset);
  if (!ShapedType::isDynamic(strides[dim]))
    return arith::ConstantIndexOp::create(at, loc, strides[dim]);
  Value stride = arith::ConstantIndexOp::create(at, loc, 1);
  for (unsigned i = dim + 1; i < type.getRank(); ++i)
    stride = arith::MulIOp::create(
        at, loc, stride, memref::DimOp::create(at, loc, memref, int64_t(i)));
  return stride;
}

/// Lanes at base[uniform indices, 0 elsewhere] + the other indices' offsets.
Value VectorCloner::gather(OpBuilder &at, memref::LoadOp load,
                           VectorType type) {
  Value zero = arith::ConstantIndexOp::create(at, loc, 0);
  SmallVector<Value> base;
  Value offsets;
  for (auto [dim, index] : llvm::enumerate(load.getIndices())) {
    if (body.variationOf(index) == Variation::Uniform) {
      base.push_back(scalar(index));
      continue;
    }
    base.push_back(zero);
    Value lanes = get(index);
    if (dim + 1 < load.getIndices().size())
      lanes = arith::MulIOp::create(
          at, loc, lanes,
          vector::BroadcastOp::create(at, loc, lanes.getType(),
                                      strideOf(at, load.getMemRef(), dim)));
    offsets = offsets ? arith::AddIOp::create(at, loc, offsets, lanes) : lanes;
  }
  Value lanes = mask;
  if (!lanes) {
    VectorType flags = vectorOf(at.getI1Type());
    lanes =
        arith::ConstantOp::create(at, loc, DenseElementsAttr::get(flags, true));
  }
  return vector::GatherOp::create(at, loc, type, load.getMemRef(), base,
                                  offsets, lanes, zeroVector(at, loc, type));
}

namespace {
/// min(max(position, 0), last) of consecutive positions.
struct ClampedIndex {
  Value position, last;
};
} // namespace

static std::optional<ClampedIndex> matchClamp(const VectorBody &body,
                                              Value index) {
  auto low = index.getDefiningOp<arith::MinSIOp>();
  auto high = low ? low.getLhs().getDefiningOp<arith::MaxSIOp>() : nullptr;
  if (!high || !isConstantIntValue(high.getRhs(), 0) ||
      body.variationOf(high.getLhs()) != Variation::Consecutive ||
      body.variationOf(low.getRhs()) != Variation::Uniform)
    return std::nullopt;
  return ClampedIndex{high.getLhs(), low.getRhs()};
}

Value VectorCloner::emitLoad(memref::LoadOp load) {
  VectorType type = vectorOf(load.getType());
  auto indices = load.getIndices();
  bool isRow = llvm::all_of(indices.drop_back(), [&](Value index) {
    return body.variationOf(index) == Variation::Uniform;
  });
  auto loadAt = [&](OpBuilder &at, Value last) {
    SmallVector<Value> position;
    for (Value index : indices.drop_back())
      position.push_back(scalar(index));
    position.push_back(last);
    return loadVector(at, loc, load.getMemRef(), position, type, mask);
  };
  if (isRow && body.variationOf(indices.back()) == Variation::Consecutive)
    return loadAt(builder, scalar(indices.back()));
  auto clamped = isRow ? matchClamp(body, indices.back()) : std::nullopt;
  if (!clamped)
    return gather(builder, load, type);
  // Away from the ends nothing is clamped.
  Value start = scalar(clamped->position), last = scalar(clamped->last);
  Value end = arith::AddIOp::create(
      builder, loc, start,
      arith::ConstantIndexOp::create(builder, loc, width - 1));
  Value zero = arith::ConstantIndexOp::create(builder, loc, 0);
  Value fits = arith::AndIOp::create(
      builder, loc,
      arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::sle, zero,
                            start),
      arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::sle, end,
                            last));
  (void)get(indices.back()); // for all that follows, not only the branch
  auto branch = scf::IfOp::create(builder, loc, type, fits,
                                  /*withElseRegion=*/true);
  OpBuilder inside = branch.getThenBodyBuilder();
  scf::YieldOp::create(inside, loc, loadAt(inside, start));
  OpBuilder outside = branch.getElseBodyBuilder();
  scf::YieldOp::create(outside, loc, gather(outside, load, type));
  return branch.getResult(0);
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

void VectorCloner::emitPlain(Operation &inner) {
  Value result = inner.getResult(0);
  if (auto load = dyn_cast<memref::LoadOp>(inner)) {
    vectors.map(result, emitLoad(load));
    return;
  }
  IRMapping operands;
  for (Value operand : inner.getOperands())
    operands.map(operand, get(operand));
  Operation *clone = inner.cloneWithoutRegions(operands);
  clone->getResult(0).setType(vectorOf(result.getType()));
  builder.insert(clone);
  vectors.map(result, clone->getResult(0));
}

void VectorCloner::emitConsecutive(Operation &inner) {
  if (isa<linalg::IndexOp>(inner)) {
    starts.map(inner.getResult(0), position);
    return;
  }
  IRMapping operands;
  for (Value operand : inner.getOperands())
    operands.map(operand, scalar(operand));
  starts.map(inner.getResult(0), builder.clone(inner, operands)->getResult(0));
}

void VectorCloner::emitLoop(scf::ForOp loop) {
  auto isScalar = [&](Value argument) {
    return body.variationOf(argument) == Variation::Uniform;
  };
  SmallVector<Value> inits;
  for (auto [argument, init] :
       llvm::zip(loop.getRegionIterArgs(), loop.getInitArgs()))
    inits.push_back(isScalar(argument) ? scalar(init) : get(init));
  auto copy = scf::ForOp::create(builder, loc, scalar(loop.getLowerBound()),
                                 scalar(loop.getUpperBound()),
                                 scalar(loop.getStep()), inits);
  VectorCloner inner = *this;
  inner.builder.setInsertionPointToStart(copy.getBody());
  inner.scalars.map(loop.getInductionVar(), copy.getInductionVar());
  for (auto [from, to] :
       llvm::zip(loop.getRegionIterArgs(), copy.getRegionIterArgs()))
    (isScalar(from) ? inner.scalars : inner.vectors).map(from, to);
  inner.emitBlock(*loop.getBody());
  SmallVector<Value> next;
  for (auto [argument, value] :
       llvm::zip(loop.getRegionIterArgs(), loop.getYieldedValues()))
    next.push_back(isScalar(argument) ? inner.scalar(value) : inner.get(value));
  if (!next.empty())
    scf::YieldOp::create(inner.builder, loc, next);
  for (auto [argument, from, to] : llvm::zip(
           loop.getRegionIterArgs(), loop.getResults(), copy.getResults()))
    (isScalar(argument) ? scalars : vectors).map(from, to);
}

void VectorCloner::emitBranch(scf::IfOp branch) {
  Block &whenTrue = branch.getThenRegion().front();
  Block &whenFalse = branch.getElseRegion().front();
  auto yields = [](Block &block) {
    return block.getTerminator()->getOperands();
  };
  if (body.variationOf(branch.getCondition()) != Variation::Uniform) {
    emitBlock(whenTrue);
    emitBlock(whenFalse);
    Value condition = get(branch.getCondition());
    for (auto [result, a, b] :
         llvm::zip(branch.getResults(), yields(whenTrue), yields(whenFalse)))
      vectors.map(result, arith::SelectOp::create(builder, loc, condition,
                                                  get(a), get(b)));
    return;
  }
  SmallVector<Type> types;
  for (Type type : branch.getResultTypes())
    types.push_back(vectorOf(type));
  auto copy =
      scf::IfOp::create(builder, loc, types, scalar(branch.getCondition()),
                        /*withElseRegion=*/true);
  for (auto [from, to] : llvm::zip(branch->getRegions(), copy->getRegions())) {
    VectorCloner inner = *this;
    inner.builder.setInsertionPointToStart(&to.front());
    inner.emitBlock(from.front());
    SmallVector<Value> results;
    for (Value value : yields(from.front()))
      results.push_back(inner.get(value));
    scf::YieldOp::create(inner.builder, loc, results);
  }
  for (auto [from, to] : llvm::zip(branch.getResults(), copy.getResults()))
    vectors.map(from, to);
}

void VectorCloner::emitBlock(Block &block) {
  for (Operation &inner : block.without_terminator()) {
    if (body.isUniform(inner)) {
      // At the top they have been emitted before the lanes' loop.
      if (!isTop(inner))
        builder.clone(inner, scalars);
    } else if (auto loop = dyn_cast<scf::ForOp>(inner)) {
      emitLoop(loop);
    } else if (auto branch = dyn_cast<scf::IfOp>(inner)) {
      emitBranch(branch);
    } else if (Value table = body.tables.lookup(inner.getResult(0))) {
      vectors.map(inner.getResult(0), emitTableLoad(inner.getResult(0), table));
    } else if (body.variationOf(inner.getResult(0)) == Variation::Consecutive) {
      emitConsecutive(inner);
    } else {
      emitPlain(inner);
    }
  }
}

Value VectorCloner::emitTableLoad(Value value, Value table) {
  Type stored = cast<MemRefType>(table.getType()).getElementType();
  Value lanes =
      loadVector(builder, loc, table, position, vectorOf(stored), mask);
  if (stored == value.getType())
    return lanes;
  if (value.getType().isIndex())
    return arith::IndexCastOp::create(builder, loc, vectorOf(value.getType()),
                                      lanes);
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne, lanes,
                               zeroVector(builder, loc, vectorOf(stored)));
}

Value VectorBody::emit(OpBuilder &builder, LoopNest nest,
                       const IRMapping &uniform, ArrayRef<Value> arguments,
                       Value position, int64_t width, Value mask) const {
  Block &block = *op.getBody();
  VectorCloner cloner(*this, builder, nest.loc, width, mask, position, uniform);
  for (auto [i, argument] : llvm::enumerate(block.getArguments())) {
    if (arguments[i])
      cloner.mapVector(argument, arguments[i]);
    else if (accesses[i] == Access::UnitStride && !argument.use_empty())
      cloner.mapVector(argument, load(builder, nest, i, position, width, mask));
  }
  cloner.emitBlock(block);
  return cloner.get(block.getTerminator()->getOperand(0));
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
  IRMapping mapping = cloneScalars(
      builder, nest, [](BlockArgument) { return true; },
      [](Operation &) { return true; });
  linalg::GenericOp op = nest.op;
  unsigned output = op.getNumDpsInputs();
  Value result =
      mapping.lookupOrDefault(op.getBody()->getTerminator()->getOperand(0));
  memref::StoreOp::create(builder, nest.loc, result, op.getDpsInits()[0],
                          nest.indices(builder, output));
}

Value tailMask(OpBuilder &builder, Location loc, Value count) {
  auto type = VectorType::get({kTailWidth}, builder.getI1Type());
  return vector::CreateMaskOp::create(builder, loc, type, ValueRange{count});
}

} // namespace quantc::vectorize

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Row reductions in the order of docs/numerics.md §4: 64 virtual lanes over the
// part of the row divisible by 64, folded by halves to 16 lanes, then steps of
// 16 with one masked tail, folded by halves to one, then combined with the
// initial value.  The accumulator is a value carried by the loops, never
// memory.

#include "Vectorize.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace quantc::vectorize {
namespace {

/// How two partial results become one, read off the body's last operation.
struct Combiner {
  TypedAttr neutral;
  std::function<Value(OpBuilder &, Location, Value, Value)> combine;
};

template <typename OpTy> auto combineWith() {
  return [](OpBuilder &builder, Location loc, Value lhs, Value rhs) -> Value {
    return OpTy::create(builder, loc, lhs, rhs);
  };
}

FloatAttr infinity(Type type, bool negative) {
  auto floatType = cast<FloatType>(type);
  return FloatAttr::get(
      type, APFloat::getInf(floatType.getFloatSemantics(), negative));
}

/// `select(x > accumulator, x, accumulator)`: a maximum that ignores NaN in x.
/// Returns the predicate when `select` has this form.
std::optional<arith::CmpFPredicate> matchSelect(arith::SelectOp select,
                                                Value accumulator) {
  auto compare = select.getCondition().getDefiningOp<arith::CmpFOp>();
  if (!compare || select.getFalseValue() != accumulator ||
      compare.getRhs() != accumulator ||
      compare.getLhs() != select.getTrueValue())
    return std::nullopt;
  return compare.getPredicate();
}

std::optional<Combiner> matchSelectCombiner(arith::SelectOp select,
                                            Value accumulator) {
  auto predicate = matchSelect(select, accumulator);
  if (!predicate || (*predicate != arith::CmpFPredicate::OGT &&
                     *predicate != arith::CmpFPredicate::OLT))
    return std::nullopt;
  bool isMax = *predicate == arith::CmpFPredicate::OGT;
  auto combine = [predicate = *predicate](OpBuilder &builder, Location loc,
                                          Value lhs, Value rhs) -> Value {
    Value first = arith::CmpFOp::create(builder, loc, predicate, lhs, rhs);
    return arith::SelectOp::create(builder, loc, first, lhs, rhs);
  };
  return Combiner{infinity(accumulator.getType(), isMax), combine};
}

std::optional<Combiner> matchIntegerCombiner(Operation *last, Type type) {
  Builder builder(type.getContext());
  unsigned width = type.getIntOrFloatBitWidth();
  auto integer = [&](const APInt &value) {
    return builder.getIntegerAttr(type, value);
  };
  if (isa<arith::AddIOp>(last))
    return Combiner{builder.getIntegerAttr(type, 0),
                    combineWith<arith::AddIOp>()};
  if (isa<arith::MulIOp>(last))
    return Combiner{builder.getIntegerAttr(type, 1),
                    combineWith<arith::MulIOp>()};
  if (isa<arith::MaxSIOp>(last))
    return Combiner{integer(APInt::getSignedMinValue(width)),
                    combineWith<arith::MaxSIOp>()};
  if (isa<arith::MinSIOp>(last))
    return Combiner{integer(APInt::getSignedMaxValue(width)),
                    combineWith<arith::MinSIOp>()};
  if (isa<arith::MaxUIOp>(last))
    return Combiner{integer(APInt::getMinValue(width)),
                    combineWith<arith::MaxUIOp>()};
  if (isa<arith::MinUIOp>(last))
    return Combiner{integer(APInt::getMaxValue(width)),
                    combineWith<arith::MinUIOp>()};
  return std::nullopt;
}

std::optional<Combiner> matchCombiner(linalg::GenericOp op) {
  Block &body = *op.getBody();
  Value accumulator = body.getArguments().back();
  Operation *last = body.getTerminator()->getOperand(0).getDefiningOp();
  if (!last || last->getBlock() != &body)
    return std::nullopt;
  Type type = accumulator.getType();
  Builder builder(op.getContext());
  if (auto select = dyn_cast<arith::SelectOp>(last))
    return accumulator.hasNUses(2) ? matchSelectCombiner(select, accumulator)
                                   : std::nullopt;
  if (!accumulator.hasOneUse() || *accumulator.user_begin() != last)
    return std::nullopt;
  if (type.isSignlessInteger())
    return matchIntegerCombiner(last, type);
  if (isa<arith::AddFOp>(last))
    return Combiner{builder.getFloatAttr(type, 0.0),
                    combineWith<arith::AddFOp>()};
  if (auto fma = dyn_cast<math::FmaOp>(last); fma && fma.getC() == accumulator)
    return Combiner{builder.getFloatAttr(type, 0.0),
                    combineWith<arith::AddFOp>()};
  if (isa<arith::MulFOp>(last))
    return Combiner{builder.getFloatAttr(type, 1.0),
                    combineWith<arith::MulFOp>()};
  if (isa<arith::MaximumFOp>(last))
    return Combiner{infinity(type, true), combineWith<arith::MaximumFOp>()};
  if (isa<arith::MinimumFOp>(last))
    return Combiner{infinity(type, false), combineWith<arith::MinimumFOp>()};
  return std::nullopt;
}

/// One row: everything is emitted at the builder's insertion point.
struct RowReduction {
  OpBuilder &builder;
  LoopNest &nest;
  const VectorBody &body;
  const Combiner &combiner;
  unsigned dim;
  IRMapping uniform;
  Value accumulator;

  Value step(OpBuilder &b, Value position, int64_t width, Value mask,
             Value previous) {
    SmallVector<Value> arguments(nest.op->getNumOperands());
    arguments.back() = previous;
    Value next = body.emit(b, nest, uniform, arguments, position, width, mask);
    return mask ? arith::SelectOp::create(b, nest.loc, mask, next, previous)
                : next;
  }

  void loop(Value begin, Value end, int64_t width) {
    auto loop = scf::ForOp::create(builder, nest.loc, begin, end,
                                   nest.constant(builder, width),
                                   ValueRange{accumulator});
    OpBuilder inner = OpBuilder::atBlockEnd(loop.getBody());
    Value next = step(inner, loop.getInductionVar(), width, {},
                      loop.getRegionIterArgs()[0]);
    scf::YieldOp::create(inner, nest.loc, next);
    accumulator = loop.getResult(0);
  }

  void fold(int64_t from, int64_t to) {
    auto half = [&](int64_t offset, int64_t count) -> Value {
      return vector::ExtractStridedSliceOp::create(
          builder, nest.loc, accumulator, ArrayRef<int64_t>{offset},
          ArrayRef<int64_t>{count}, ArrayRef<int64_t>{1});
    };
    for (int64_t count = from / 2; count >= to; count /= 2) {
      Value low = half(0, count), high = half(count, count);
      accumulator = combiner.combine(builder, nest.loc, low, high);
    }
  }

  void tail(Value begin, bool dynamic) {
    Value rest =
        arith::SubIOp::create(builder, nest.loc, nest.bounds[dim], begin);
    if (!dynamic) {
      Value mask = tailMask(builder, nest.loc, rest);
      accumulator = step(builder, begin, kTailWidth, mask, accumulator);
      return;
    }
    Value some =
        arith::CmpIOp::create(builder, nest.loc, arith::CmpIPredicate::ne, rest,
                              nest.constant(builder, 0));
    auto branch = scf::IfOp::create(builder, nest.loc, accumulator.getType(),
                                    some, /*withElseRegion=*/true);
    OpBuilder inner = branch.getThenBodyBuilder();
    Value mask = tailMask(inner, nest.loc, rest);
    Value next = step(inner, begin, kTailWidth, mask, accumulator);
    scf::YieldOp::create(inner, nest.loc, next);
    OpBuilder other = branch.getElseBodyBuilder();
    scf::YieldOp::create(other, nest.loc, accumulator);
    accumulator = branch.getResult(0);
  }

  void emit() {
    int64_t extent = nest.extents[dim];
    bool dynamic = ShapedType::isDynamic(extent);
    bool hasMain = dynamic || extent >= kMainWidth;
    Type element = combiner.neutral.getType();
    auto type = VectorType::get({hasMain ? kMainWidth : kTailWidth}, element);
    accumulator = arith::ConstantOp::create(
        builder, nest.loc,
        DenseElementsAttr::get(type, ArrayRef<Attribute>(combiner.neutral)));

    Value mainEnd = nest.floorBound(builder, dim, kMainWidth);
    Value tailBegin = nest.floorBound(builder, dim, kTailWidth);
    if (hasMain) {
      loop(nest.constant(builder, 0), mainEnd, kMainWidth);
      fold(kMainWidth, kTailWidth);
    }
    if (dynamic || extent % kMainWidth >= kTailWidth)
      loop(mainEnd, tailBegin, kTailWidth);
    if (dynamic || extent % kTailWidth != 0)
      tail(tailBegin, dynamic);
    fold(kTailWidth, 1);

    Value total =
        vector::ExtractOp::create(builder, nest.loc, accumulator, int64_t(0));
    unsigned output = nest.op.getNumDpsInputs();
    Value memref = nest.op.getDpsInits()[0];
    SmallVector<Value> indices = nest.indices(builder, output);
    Value initial = memref::LoadOp::create(builder, nest.loc, memref, indices);
    total = combiner.combine(builder, nest.loc, total, initial);
    memref::StoreOp::create(builder, nest.loc, total, memref, indices);
  }
};
} // namespace

LogicalResult vectorizeReduction(linalg::GenericOp op) {
  if (op.getNumReductionLoops() != 1)
    return failure();
  unsigned dim = op.getNumLoops() - 1;
  if (op.getIteratorTypesArray()[dim] != utils::IteratorType::reduction)
    return failure();
  FailureOr<VectorBody> body = VectorBody::match(op, dim);
  std::optional<Combiner> combiner = matchCombiner(op);
  if (failed(body) || !combiner ||
      body->access(op.getNumDpsInputs()) != Access::Broadcast)
    return failure();

  OpBuilder builder(op);
  LoopNest nest(builder, op);
  for (unsigned loop = 0; loop < dim; ++loop)
    nest.enter(builder, loop);
  RowReduction row{builder, nest, *body, *combiner, dim, {}, {}};
  row.uniform = body->emitUniform(builder, nest);
  row.emit();
  op.erase();
  return success();
}

} // namespace quantc::vectorize

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pooling and depthwise convolution as generics over windows of a padded input
// (docs/numerics.md §5.2, §5.7).  The vectorizer keeps the accumulator in a
// register over the window.

#include "Scalars.h"

using namespace mlir;
using namespace quantc::qnn;

namespace quantc::qnntolinalg {

namespace {
/// Attributes that pooling and convolution share.
struct Window {
  ArrayRef<int64_t> extents, strides, dilations, low, high;
  bool channelsLast;

  unsigned firstSpatial() const { return channelsLast ? 1 : 2; }
  unsigned rank() const { return extents.size(); }

  /// Per-dimension pads of the whole tensor.
  SmallVector<int64_t> padsOf(ArrayRef<int64_t> pads) const {
    SmallVector<int64_t> all(rank() + 2, 0);
    for (auto [i, pad] : llvm::enumerate(pads))
      all[firstSpatial() + i] = pad;
    return all;
  }

  /// Input position of output position (d0 …) and tap (d_rank …).
  AffineMap inputMap(MLIRContext *context) const {
    unsigned outer = rank() + 2;
    SmallVector<AffineExpr> results;
    for (unsigned i = 0; i < outer; ++i)
      results.push_back(getAffineDimExpr(i, context));
    for (unsigned i = 0; i < rank(); ++i) {
      AffineExpr &position = results[firstSpatial() + i];
      position = position * strides[i] +
                 getAffineDimExpr(outer + i, context) * dilations[i];
    }
    return AffineMap::get(outer + rank(), 0, results, context);
  }

  AffineMap outputMap(MLIRContext *context) const {
    return AffineMap::getMultiDimIdentityMap(rank() + 2 + rank(), context)
        .getMajorSubMap(rank() + 2);
  }

  AffineMap tapMap(MLIRContext *context) const {
    return AffineMap::getMultiDimIdentityMap(rank() + 2 + rank(), context)
        .getMinorSubMap(rank());
  }

  SmallVector<utils::IteratorType> iterators() const {
    SmallVector<utils::IteratorType> all(rank() + 2,
                                         utils::IteratorType::parallel);
    all.append(rank(), utils::IteratorType::reduction);
    return all;
  }
};
} // namespace

//===----------------------------------------------------------------------===//
// Pooling
//===----------------------------------------------------------------------===//

/// In a body: how many taps of the window at output position `position` along
/// one axis are inside the input, as i64.
static Value countTaps(OpBuilder &b, Location loc, Value position, Value extent,
                       int64_t window, int64_t stride, int64_t dilation,
                       int64_t low) {
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(b, loc, value);
  };
  auto sub = [&](Value x, Value y) -> Value {
    return arith::SubIOp::create(b, loc, x, y);
  };
  auto add = [&](Value x, Value y) -> Value {
    return arith::AddIOp::create(b, loc, x, y);
  };
  auto max = [&](Value x, Value y) -> Value {
    return arith::MaxSIOp::create(b, loc, x, y);
  };
  Value zero = constant(0);
  // Tap k reads input[start + k * dilation].  Divisions see no negative number.
  Value start = sub(arith::MulIOp::create(b, loc, position, constant(stride)),
                    constant(low));
  Value before = max(sub(zero, start), zero);
  Value first = arith::DivUIOp::create(
      b, loc, add(before, constant(dilation - 1)), constant(dilation));
  Value room = max(add(sub(extent, start), constant(dilation - 1)), zero);
  Value end = arith::MinSIOp::create(
      b, loc, constant(window),
      arith::DivUIOp::create(b, loc, room, constant(dilation)));
  return max(sub(end, first), zero);
}

/// sum / number of taps inside the input (§5.7).
static Tensor divideByTaps(Lowering &lowering, PoolOp op, const Window &window,
                           const Tensor &input, const Tensor &sum,
                           Type element) {
  Location loc = op.getLoc();
  SmallVector<Value> extents;
  for (unsigned i = 0; i < window.rank(); ++i)
    extents.push_back(
        lowering.sizeValue(loc, input.shape[window.firstSpatial() + i]));
  auto isZero = [](int64_t pad) { return pad == 0; };
  bool full = op.getCountIncludePad() || (llvm::all_of(window.low, isZero) &&
                                          llvm::all_of(window.high, isZero));
  int64_t all = 1;
  for (int64_t extent : window.extents)
    all *= extent;
  return lowering.map(
      loc, sum.shape, element, sum,
      [&](OpBuilder &b, Location at, ValueRange args) {
        ScalarBuilder s(b, at, sum.element);
        if (full)
          return s.div(args[0], s.constant(double(all)));
        Value count = arith::ConstantIndexOp::create(b, at, 1);
        for (unsigned i = 0; i < window.rank(); ++i) {
          Value position =
              linalg::IndexOp::create(b, at, window.firstSpatial() + i);
          Value taps =
              countTaps(b, at, position, extents[i], window.extents[i],
                        window.strides[i], window.dilations[i], window.low[i]);
          count = arith::MulIOp::create(b, at, count, taps);
        }
        Value integer =
            arith::IndexCastOp::create(b, at, b.getI64Type(), count);
        return s.div(args[0], arith::SIToFPOp::create(b, at, s.type, integer));
      });
}

static LogicalResult lower(Lowering &lowering, PoolOp op) {
  Location loc = op.getLoc();
  MLIRContext *context = op.getContext();
  Tensor input = lowering.get(op.getInput());
  Tensor result = lowering.get(op.getResult());
  bool average = op.getKind() == PoolKind::average;
  auto floatType = dyn_cast<FloatType>(computeType(input.element));
  if (!floatType)
    return op.emitOpError("expected a float operand, got ")
           << op.getInput().getType();
  Window window{op.getWindow(), op.getStrides(), op.getDilations(),
                op.getPadLow(), op.getPadHigh(), op.getChannelsLast()};

  TypedAttr start =
      average ? TypedAttr(lowering.builder.getFloatAttr(floatType, 0))
              : FloatAttr::get(floatType,
                               APFloat::getInf(floatType.getFloatSemantics(),
                                               /*Negative=*/true));
  Tensor padded = lowering.pad(loc, input, window.padsOf(window.low),
                               window.padsOf(window.high), start);
  SymbolicShape taps;
  for (int64_t extent : window.extents)
    taps.push_back(lowering.constantExpr(extent));
  // The last input only gives the window's extents.
  Tensor shapeOnly = lowering.empty(loc, taps, floatType);
  Type element = average ? Type(floatType) : result.element;
  Tensor pooled = lowering.generic(
      loc, {padded, shapeOnly},
      lowering.fill(loc, result.shape, element, start),
      {window.inputMap(context), window.tapMap(context),
       window.outputMap(context)},
      window.iterators(), [&](OpBuilder &b, Location at, ValueRange args) {
        ScalarBuilder s(b, at, floatType);
        return average ? s.add(args.back(), args[0])
                       : s.max(args.back(), args[0]);
      });
  if (average)
    pooled = divideByTaps(lowering, op, window, input, pooled, result.element);
  lowering.set(op.getResult(), pooled);
  return success();
}

//===----------------------------------------------------------------------===//
// Depthwise convolution
//===----------------------------------------------------------------------===//

static FailureOr<bool> lower(Lowering &lowering, ConvOp op) {
  Location loc = op.getLoc();
  MLIRContext *context = op.getContext();
  if (!isa<RankedTensorType>(op.getWeight().getType()) || op.getPackedFrom())
    return false;
  Tensor input = lowering.get(op.getInput());
  Tensor weight = lowering.get(op.getWeight());
  Tensor result = lowering.get(op.getResult());
  unsigned channel = op.getChannelsLast() ? input.rank() - 1 : 1;
  int64_t groups = op.getGroups();
  if (staticExtent(input.shape[channel]) != groups ||
      staticExtent(weight.shape[0]) != groups)
    return false;

  SmallVector<int64_t> extents;
  unsigned firstTap = op.getChannelsLast() ? 1 : 2;
  for (unsigned i = 0; i + 2 < input.shape.size(); ++i)
    extents.push_back(staticExtent(weight.shape[firstTap + i]));
  Window window{extents,        op.getStrides(), op.getDilations(),
                op.getPadLow(), op.getPadHigh(), op.getChannelsLast()};
  Type type = computeType(input.element);
  // [channel, taps…] -> [taps…, channel], so that channels are contiguous.
  SymbolicShape flat = {weight.shape[0]};
  SmallVector<int64_t> order;
  for (unsigned i = 0; i < window.rank(); ++i) {
    flat.push_back(weight.shape[firstTap + i]);
    order.push_back(i + 1);
  }
  order.push_back(0);
  weight = lowering.reshape(loc, weight, flat);
  if (op.getChannelsLast())
    weight = lowering.transpose(loc, weight, order);
  SmallVector<AffineExpr> weightDims;
  for (unsigned i = 0; i < window.rank(); ++i)
    weightDims.push_back(getAffineDimExpr(window.rank() + 2 + i, context));
  AffineExpr channelDim = getAffineDimExpr(channel, context);
  weightDims.insert(
      op.getChannelsLast() ? weightDims.end() : weightDims.begin(), channelDim);

  Builder builder(context);
  Tensor padded =
      lowering.pad(loc, input, window.padsOf(window.low),
                   window.padsOf(window.high), builder.getZeroAttr(type));
  Tensor sum = lowering.generic(
      loc, {padded, weight},
      lowering.fill(loc, result.shape, type, builder.getZeroAttr(type)),
      {window.inputMap(context),
       AffineMap::get(window.rank() * 2 + 2, 0, weightDims, context),
       window.outputMap(context)},
      window.iterators(),
      [&](OpBuilder &b, Location at, ValueRange args) -> Value {
        return math::FmaOp::create(b, at, args[0], args[1], args[2]);
      });
  if (!op.getBias() && sum.element == result.element) {
    lowering.set(op.getResult(), sum);
    return true;
  }
  AffineMap identity = lowering.builder.getMultiDimIdentityMap(result.rank());
  SmallVector<Tensor> inputs = {sum};
  SmallVector<AffineMap> maps = {identity};
  if (op.getBias()) {
    inputs.push_back(lowering.get(op.getBias()));
    maps.push_back(identity.getSubMap({channel}));
  }
  lowering.set(op.getResult(),
               lowering.mapWith(
                   loc, result.shape, result.element, inputs, maps,
                   [&](OpBuilder &b, Location at, ValueRange args) -> Value {
                     if (args.size() == 1)
                       return args[0];
                     return arith::AddFOp::create(b, at, args[0], args[1]);
                   }));
  return true;
}

FailureOr<bool> lowerWindows(Lowering &lowering, Operation *op) {
  if (auto pool = dyn_cast<PoolOp>(op)) {
    if (failed(lower(lowering, pool)))
      return failure();
    return true;
  }
  if (auto conv = dyn_cast<ConvOp>(op))
    return lower(lowering, conv);
  return false;
}

} // namespace quantc::qnntolinalg

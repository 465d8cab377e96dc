// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pooling as a generic over windows of a padded input (docs/numerics.md §5.7).
// The vectorizer keeps the accumulator in a register over the window.

#include "Windows.h"
#include "Scalars.h"

using namespace mlir;
using namespace quantc::qnn;

namespace quantc::qnntolinalg {

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

FailureOr<bool> lowerWindows(Lowering &lowering, Operation *op) {
  if (auto pool = dyn_cast<PoolOp>(op)) {
    if (failed(lower(lowering, pool)))
      return failure();
    return true;
  }
  if (auto conv = dyn_cast<ConvOp>(op)) {
    if (failed(lowerConvolution(lowering, conv)))
      return failure();
    return true;
  }
  if (auto conv = dyn_cast<QuantizedConvOp>(op)) {
    if (failed(lowerConvolution(lowering, conv)))
      return failure();
    return true;
  }
  return false;
}

} // namespace quantc::qnntolinalg

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reductions, normalizations and softmax as sequences of generics over rows, in
// the order of docs/numerics.md §4.  The reduced axes are brought innermost and
// merged first, so that every reduction is one over the last dimension.

#include "Rows.h"
#include "Scalars.h"
#include "quantc/Dialect/LowBit/LowBit.h"
#include "llvm/ADT/SmallBitVector.h"

using namespace mlir;
using namespace quantc::qnn;

namespace quantc::qnntolinalg {

//===----------------------------------------------------------------------===//
// Row statistics
//===----------------------------------------------------------------------===//

TypedAttr negativeInfinity(Type element) {
  auto type = cast<FloatType>(computeType(element));
  return FloatAttr::get(
      type, APFloat::getInf(type.getFloatSemantics(), /*Negative=*/true));
}

Tensor rowMx(Lowering &lowering, Location loc, const Tensor &input,
             TypedAttr start,
             llvm::function_ref<Value(ScalarBuilder &, Value)> value) {
  Type element = computeType(input.element);
  return lowering.reduceRows(
      loc, input, element, start,
      [&](OpBuilder &b, Location at, ValueRange args) -> Value {
        ScalarBuilder s(b, at, element);
        Value x = value ? value(s, args[0]) : args[0];
        Value greater =
            arith::CmpFOp::create(b, at, arith::CmpFPredicate::OGT, x, args[1]);
        return s.select(greater, x, args[1]);
      });
}

/// sum over the row of (x - mean)², or of x² without `mean`, by fma.
static Tensor sumOfSquares(Lowering &lowering, Location loc,
                           const Tensor &input, const Tensor *mean) {
  Type element = computeType(input.element);
  SmallVector<Tensor> inputs = {input};
  if (mean)
    inputs.push_back(*mean);
  return lowering.reduceRows(
      loc, inputs, element, lowering.builder.getZeroAttr(element),
      [&](OpBuilder &b, Location at, ValueRange args) {
        ScalarBuilder s(b, at, element);
        Value d = mean ? s.sub(args[0], args[1]) : args[0];
        return s.fma(d, d, args.back());
      });
}

/// The number of elements of a row as a compute scalar, in a body.
static Value rowLength(ScalarBuilder &s, Value count) {
  if (auto constant = getConstantIntValue(count))
    return s.constant(double(*constant));
  Value integer = arith::IndexCastOp::create(s.builder, s.loc,
                                             s.builder.getI64Type(), count);
  return arith::SIToFPOp::create(s.builder, s.loc, s.type, integer);
}

/// sum / N, one division.
static Tensor divideByLength(Lowering &lowering, Location loc,
                             const Tensor &sum, AffineExpr length) {
  Value count = lowering.sizeValue(loc, length);
  return lowering.map(loc, sum.shape, sum.element, sum,
                      [&](OpBuilder &b, Location at, ValueRange args) {
                        ScalarBuilder s(b, at, sum.element);
                        return s.div(args[0], rowLength(s, count));
                      });
}

/// 1 / sqrt(sum / N + epsilon).
static Tensor inverseDeviation(Lowering &lowering, Location loc,
                               const Tensor &sum, AffineExpr length,
                               double epsilon) {
  Value count = lowering.sizeValue(loc, length);
  return lowering.map(loc, sum.shape, sum.element, sum,
                      [&](OpBuilder &b, Location at, ValueRange args) {
                        ScalarBuilder s(b, at, sum.element);
                        Value variance = s.div(args[0], rowLength(s, count));
                        Value shifted = s.add(variance, s.constant(epsilon));
                        Value root = math::SqrtOp::create(b, at, shifted);
                        return s.div(s.constant(1), root);
                      });
}

//===----------------------------------------------------------------------===//
// Reduce
//===----------------------------------------------------------------------===//

namespace {
/// The operand with its reduced axes last and merged into one.
struct MergedRows {
  Tensor rows;
  SymbolicShape kept;
};
} // namespace

/// Neighbouring reduced axes as one, so that a transposition moves long rows.
static void mergeNeighbours(Lowering &lowering, Location loc, Tensor &input,
                            llvm::SmallBitVector &reduced) {
  SymbolicShape shape;
  llvm::SmallBitVector merged;
  for (int64_t i = 0; i < input.rank(); ++i) {
    if (i > 0 && reduced.test(i) && reduced.test(i - 1)) {
      shape.back() = canonicalize(shape.back() * input.shape[i]);
      continue;
    }
    shape.push_back(input.shape[i]);
    merged.push_back(reduced.test(i));
  }
  input = lowering.reshape(loc, input, shape);
  reduced = merged;
}

static MergedRows mergeRows(Lowering &lowering, Location loc, Tensor input,
                            ArrayRef<int64_t> axes) {
  llvm::SmallBitVector reduced(input.rank());
  for (int64_t axis : axes)
    reduced.set(axis);
  mergeNeighbours(lowering, loc, input, reduced);
  SmallVector<int64_t> permutation;
  for (int64_t i = 0; i < input.rank(); ++i)
    if (!reduced.test(i))
      permutation.push_back(i);
  MergedRows result;
  for (int64_t i : permutation)
    result.kept.push_back(input.shape[i]);
  for (int64_t i = 0; i < input.rank(); ++i)
    if (reduced.test(i))
      permutation.push_back(i);
  if (!llvm::is_sorted(permutation))
    input = lowering.transpose(loc, input, permutation);
  SymbolicShape shape = result.kept;
  shape.push_back(
      elementCount(ArrayRef(input.shape).drop_front(result.kept.size()),
                   lowering.builder.getContext()));
  result.rows = lowering.reshape(loc, input, shape);
  return result;
}

static TypedAttr reduceStart(ReduceKind kind, Type element) {
  Type type = computeType(element);
  if (kind == ReduceKind::sum || kind == ReduceKind::mean)
    return cast<TypedAttr>(Builder(type.getContext()).getZeroAttr(type));
  if (kind == ReduceKind::prod)
    return scalarAttr(element, 1);
  bool isMax = kind == ReduceKind::max;
  if (auto floatType = dyn_cast<FloatType>(type))
    return FloatAttr::get(
        type, APFloat::getInf(floatType.getFloatSemantics(), isMax));
  unsigned width = type.getIntOrFloatBitWidth();
  bool isUnsigned = element.isUnsignedInteger() || width == 1;
  APInt low =
      isUnsigned ? APInt::getMinValue(width) : APInt::getSignedMinValue(width);
  APInt high =
      isUnsigned ? APInt::getMaxValue(width) : APInt::getSignedMaxValue(width);
  return IntegerAttr::get(type, isMax ? low : high);
}

static Tensor reduceMerged(Lowering &lowering, Location loc, ReduceKind kind,
                           const Tensor &rows) {
  // f16 rows accumulate in f32; integers wrap in their own type.
  Type element =
      isa<FloatType>(rows.element) ? computeType(rows.element) : rows.element;
  Tensor result =
      lowering.reduceRows(loc, rows, element, reduceStart(kind, element),
                          [&](OpBuilder &b, Location at, ValueRange args) {
                            ScalarBuilder s(b, at, element);
                            switch (kind) {
                            case ReduceKind::sum:
                            case ReduceKind::mean:
                              return s.add(args[1], args[0]);
                            case ReduceKind::max:
                              return s.max(args[1], args[0]);
                            case ReduceKind::min:
                              return s.min(args[1], args[0]);
                            case ReduceKind::prod:
                              return s.mul(args[1], args[0]);
                            }
                            llvm_unreachable("covered switch");
                          });
  if (kind != ReduceKind::mean)
    return result;
  AffineExpr length = rows.shape.back();
  if (isa<FloatType>(element))
    return divideByLength(lowering, loc, result, length);
  Value count = lowering.sizeValue(loc, length);
  return lowering.map(loc, result.shape, element, result,
                      [&](OpBuilder &b, Location at, ValueRange args) {
                        ScalarBuilder s(b, at, element);
                        Value n =
                            arith::IndexCastOp::create(b, at, s.type, count);
                        return s.div(args[0], n);
                      });
}

/// The result in its own element type and shape; dimensions of extent 1 are
/// loops of their own, so that consumers can still be fused with it.
static Tensor finishReduce(Lowering &lowering, Location loc,
                           const Tensor &reduced, const Tensor &result,
                           ArrayRef<int64_t> axes, bool keepDims) {
  if (!keepDims && reduced.element == result.element)
    return reduced;
  SmallVector<AffineExpr> dims;
  for (int64_t i = 0; i < result.rank(); ++i)
    if (!keepDims || !llvm::is_contained(axes, i))
      dims.push_back(lowering.builder.getAffineDimExpr(i));
  AffineMap map =
      AffineMap::get(result.rank(), 0, dims, lowering.builder.getContext());
  return lowering.mapWith(
      loc, result.shape, result.element, reduced, map,
      [](OpBuilder &, Location, ValueRange args) { return args[0]; });
}

static LogicalResult lower(Lowering &lowering, ReduceOp op) {
  Tensor input = lowering.get(op.getInput());
  Tensor result = lowering.get(op.getResult());
  if (input.element.isInteger(1))
    return op.emitOpError("expected a numeric operand, got ")
           << op.getInput().getType();
  MergedRows merged = mergeRows(lowering, op.getLoc(), input, op.getAxes());
  Tensor reduced =
      reduceMerged(lowering, op.getLoc(), op.getKind(), merged.rows);
  lowering.set(op.getResult(),
               finishReduce(lowering, op.getLoc(), reduced, result,
                            op.getAxes(), op.getKeepDims()));
  return success();
}

//===----------------------------------------------------------------------===//
// Softmax
//===----------------------------------------------------------------------===//

Tensor softmaxRows(Lowering &lowering, Location loc, const Tensor &rows,
                   Type element, bool emptyRowIsZero) {
  Type type = computeType(rows.element);
  Tensor maximum = rowMx(lowering, loc, rows, negativeInfinity(type));
  SmallVector<AffineMap> maps = {
      lowering.builder.getMultiDimIdentityMap(rows.rank()),
      lowering.leadingDims(rows.rank(), rows.rank() - 1)};
  auto isEmpty = [&](ScalarBuilder &s, Value m) {
    Value infinity =
        arith::ConstantOp::create(s.builder, s.loc, negativeInfinity(type));
    return s.equal(m, infinity);
  };
  Tensor shift = maximum;
  if (emptyRowIsZero)
    shift = lowering.map(loc, maximum.shape, type, maximum,
                         [&](OpBuilder &b, Location at, ValueRange args) {
                           ScalarBuilder s(b, at, type);
                           return s.select(isEmpty(s, args[0]), s.constant(0),
                                           args[0]);
                         });
  Tensor exponential =
      lowering.mapWith(loc, rows.shape, type, {rows, shift}, maps,
                       [&](OpBuilder &b, Location at, ValueRange args) {
                         ScalarBuilder s(b, at, type);
                         return s.exp(s.sub(args[0], args[1]));
                       });
  Tensor sum = lowering.rowSum(loc, exponential);
  SmallVector<Tensor> inputs = {sum};
  if (emptyRowIsZero)
    inputs.push_back(maximum);
  Tensor factor = lowering.map(loc, sum.shape, type, inputs,
                               [&](OpBuilder &b, Location at, ValueRange args) {
                                 ScalarBuilder s(b, at, type);
                                 Value inverse = s.div(s.constant(1), args[0]);
                                 if (!emptyRowIsZero)
                                   return inverse;
                                 return s.select(isEmpty(s, args[1]),
                                                 s.constant(0), inverse);
                               });
  return lowering.mapWith(
      loc, rows.shape, element, {exponential, factor}, maps,
      [&](OpBuilder &b, Location at, ValueRange args) -> Value {
        return arith::MulFOp::create(b, at, args[0], args[1]);
      });
}

static LogicalResult lower(Lowering &lowering, SoftmaxOp op) {
  Location loc = op.getLoc();
  Tensor input = lowering.get(op.getInput());
  int64_t axis = op.getAxis(), last = input.rank() - 1;
  SmallVector<int64_t> swap =
      llvm::to_vector(llvm::seq<int64_t>(0, input.rank()));
  std::swap(swap[axis], swap[last]);
  if (axis != last)
    input = lowering.transpose(loc, input, swap);
  Tensor result = softmaxRows(lowering, loc, input, input.element,
                              /*emptyRowIsZero=*/false);
  if (axis != last)
    result = lowering.transpose(loc, result, swap);
  lowering.set(op.getResult(), result);
  return success();
}

//===----------------------------------------------------------------------===//
// Normalizations
//===----------------------------------------------------------------------===//

namespace {
/// Operands of a normalization with the normalized axes merged.
struct NormRows {
  Tensor rows;
  SmallVector<Tensor> parameters;
};
} // namespace

static NormRows mergeNorm(Lowering &lowering, Location loc, const Tensor &input,
                          int64_t axis, ArrayRef<Tensor> parameters) {
  if (axis == input.rank() - 1)
    return {input, SmallVector<Tensor>(parameters)};
  ArrayRef<AffineExpr> normalized = ArrayRef(input.shape).drop_front(axis);
  SymbolicShape length = {
      elementCount(normalized, lowering.builder.getContext())};
  SymbolicShape shape(ArrayRef(input.shape).take_front(axis));
  shape.append(length);
  NormRows result{lowering.reshape(loc, input, shape), {}};
  for (Tensor parameter : parameters) {
    if (!parameter.splat) {
      if (ArrayRef(parameter.shape) != normalized)
        parameter = lowering.copyWith(
            loc, normalized, parameter,
            lowering.broadcastMap(parameter.shape, normalized));
      parameter = lowering.reshape(loc, parameter, length);
    }
    result.parameters.push_back(parameter);
  }
  return result;
}

static void lowerNorm(Lowering &lowering, Operation *op, ArrayRef<Tensor> all,
                      int64_t axis, double epsilon, bool centered) {
  Location loc = op->getLoc();
  NormRows norm = mergeNorm(lowering, loc, all[0], axis, all.drop_front());
  const Tensor &rows = norm.rows;
  AffineExpr length = rows.shape.back();
  Type type = computeType(rows.element);
  AffineMap identity = lowering.builder.getMultiDimIdentityMap(rows.rank());
  AffineMap stat = lowering.leadingDims(rows.rank(), rows.rank() - 1);

  SmallVector<Tensor> inputs = {rows};
  SmallVector<AffineMap> maps = {identity};
  Tensor sum;
  if (centered) {
    Tensor mean =
        divideByLength(lowering, loc, lowering.rowSum(loc, rows), length);
    sum = sumOfSquares(lowering, loc, rows, &mean);
    inputs.push_back(mean);
    maps.push_back(stat);
  } else {
    sum = sumOfSquares(lowering, loc, rows, nullptr);
  }
  inputs.push_back(inverseDeviation(lowering, loc, sum, length, epsilon));
  maps.push_back(stat);
  for (const Tensor &parameter : norm.parameters) {
    inputs.push_back(parameter);
    maps.push_back(lowering.broadcastMap(parameter.shape, rows.shape));
  }
  Tensor result =
      lowering.mapWith(loc, rows.shape, rows.element, inputs, maps,
                       [&](OpBuilder &b, Location at, ValueRange args) {
                         ScalarBuilder s(b, at, type);
                         Value x = args.front();
                         args = args.drop_front();
                         if (centered) {
                           x = s.sub(x, args.front());
                           args = args.drop_front();
                         }
                         x = s.mul(x, args[0]);
                         return args.size() == 3 ? s.fma(x, args[1], args[2])
                                                 : s.mul(x, args[1]);
                       });
  lowering.set(op->getResult(0), lowering.reshape(loc, result, all[0].shape));
}

static void lower(Lowering &lowering, LayerNormOp op) {
  SmallVector<Tensor> all = {lowering.get(op.getInput()),
                             lowering.get(op.getScale())};
  if (op.getBias())
    all.push_back(lowering.get(op.getBias()));
  lowerNorm(lowering, op, all, op.getAxis(), op.getEpsilon().convertToDouble(),
            /*centered=*/true);
}

static void lower(Lowering &lowering, RmsNormOp op) {
  SmallVector<Tensor> all = {lowering.get(op.getInput()),
                             lowering.get(op.getScale())};
  lowerNorm(lowering, op, all, op.getAxis(), op.getEpsilon().convertToDouble(),
            /*centered=*/false);
}

// a = gamma / sqrt(var + eps);  b = fma(-mean, a, beta);  y = fma(x, a, b)
static void lower(Lowering &lowering, BatchNormOp op) {
  Location loc = op.getLoc();
  Tensor input = lowering.get(op.getInput());
  Tensor scale = lowering.get(op.getScale());
  Type type = computeType(input.element);
  double epsilon = op.getEpsilon().convertToDouble();
  Tensor a = lowering.map(
      loc, scale.shape, type, {scale, lowering.get(op.getVariance())},
      [&](OpBuilder &b, Location at, ValueRange args) {
        ScalarBuilder s(b, at, type);
        Value shifted = s.add(args[1], s.constant(epsilon));
        return s.div(args[0], math::SqrtOp::create(b, at, shifted));
      });
  Tensor b =
      lowering.map(loc, scale.shape, type,
                   {lowering.get(op.getMean()), a, lowering.get(op.getBias())},
                   [&](OpBuilder &b, Location at, ValueRange args) {
                     ScalarBuilder s(b, at, type);
                     return s.fma(s.neg(args[0]), args[1], args[2]);
                   });
  AffineMap identity = lowering.builder.getMultiDimIdentityMap(input.rank());
  AffineMap channel = identity.getSubMap({1});
  lowering.set(op.getResult(),
               lowering.mapWith(
                   loc, input.shape, input.element, {input, a, b},
                   {identity, channel, channel},
                   [&](OpBuilder &b, Location at, ValueRange args) -> Value {
                     return math::FmaOp::create(b, at, args[0], args[1],
                                                args[2]);
                   }));
}

//===----------------------------------------------------------------------===//
// Dynamic quantization (§6.1)
//===----------------------------------------------------------------------===//

/// The sum of the codes of every row, i32.
static Tensor sumCodes(Lowering &lowering, Location loc, const Tensor &codes) {
  Type i32 = lowering.builder.getI32Type();
  return lowering.reduceRows(
      loc, codes, i32, lowering.builder.getZeroAttr(i32),
      [&](OpBuilder &b, Location at, ValueRange args) -> Value {
        Value wide = arith::ExtSIOp::create(b, at, i32, args[0]);
        return arith::AddIOp::create(b, at, args[1], wide);
      });
}

QuantizedRows quantizeRows(Lowering &lowering, Location loc,
                           const Tensor &input) {
  MLIRContext *context = lowering.builder.getContext();
  Type f32 = Float32Type::get(context), i32 = IntegerType::get(context, 32);
  constexpr double qmax = 127;
  Tensor amax = rowMx(lowering, loc, input, scalarAttr(f32, 0),
                      [](ScalarBuilder &s, Value x) { return s.abs(x); });
  QuantizedRows result;
  result.scales = lowering.map(
      loc, amax.shape, f32, amax,
      [&](OpBuilder &b, Location at, ValueRange args) {
        ScalarBuilder s(b, at, f32);
        Value infinity = s.constant(std::numeric_limits<double>::infinity());
        Value largest = s.div(s.constant(std::numeric_limits<float>::max()),
                              s.constant(qmax));
        Value scale = s.div(args[0], s.constant(qmax));
        scale = s.select(s.less(args[0], s.constant(0x1p-100)), s.constant(1),
                         scale);
        return s.select(s.equal(args[0], infinity), largest, scale);
      });
  Tensor inverse =
      lowering.map(loc, amax.shape, f32, result.scales,
                   [&](OpBuilder &b, Location at, ValueRange args) {
                     ScalarBuilder s(b, at, f32);
                     return s.div(s.constant(1), args[0]);
                   });
  AffineMap identity = lowering.builder.getMultiDimIdentityMap(input.rank());
  result.codes = lowering.mapWith(
      loc, input.shape, IntegerType::get(context, 8), {input, inverse},
      {identity, lowering.leadingDims(input.rank(), input.rank() - 1)},
      [&](OpBuilder &b, Location at, ValueRange args) -> Value {
        ScalarBuilder s(b, at, f32);
        Value rounded =
            math::RoundEvenOp::create(b, at, s.mul(args[0], args[1]));
        // NaN only where x is NaN: 1/s is positive and finite, except 0 * Inf,
        // which cannot be (s is Inf for no row).
        Value clamped = s.clip(rounded, -qmax, qmax);
        clamped = s.select(s.isNan(args[0]), s.constant(0), clamped);
        Value code = arith::FPToSIOp::create(b, at, i32, clamped);
        return arith::TruncIOp::create(b, at, b.getI8Type(), code);
      });
  result.sums = sumCodes(lowering, loc, result.codes);
  return result;
}

QuantizedRows quantizeStatic(Lowering &lowering, Location loc,
                             const Tensor &input, const Tensor &scale,
                             const Tensor &zeroPoint, int64_t low) {
  OpBuilder &builder = lowering.builder;
  Type f32 = builder.getF32Type(), i32 = builder.getI32Type();
  constexpr double high = 127;
  AffineMap identity = builder.getMultiDimIdentityMap(input.rank());
  AffineMap none =
      AffineMap::get(input.rank(), 0, {}, lowering.builder.getContext());
  QuantizedRows result;
  result.codes = lowering.mapWith(
      loc, input.shape, builder.getI8Type(), {input, scale, zeroPoint},
      {identity, none, none},
      [&](OpBuilder &b, Location at, ValueRange args) -> Value {
        ScalarBuilder s(b, at, f32);
        Value zero = arith::SIToFPOp::create(b, at, f32, args[2]);
        Value least = arith::SubFOp::create(b, at, s.constant(low), zero);
        Value most = arith::SubFOp::create(b, at, s.constant(high), zero);
        Value rounded =
            math::RoundEvenOp::create(b, at, s.div(args[0], args[1]));
        rounded = s.select(s.less(rounded, least), least, rounded);
        rounded = s.select(s.less(most, rounded), most, rounded);
        rounded = s.select(s.isNan(args[0]), s.constant(0), rounded);
        Value code = arith::FPToSIOp::create(b, at, i32, rounded);
        code = arith::AddIOp::create(b, at, code, args[2]);
        return arith::TruncIOp::create(b, at, b.getI8Type(), code);
      });
  result.sums = sumCodes(lowering, loc, result.codes);
  return result;
}

static LogicalResult lower(Lowering &lowering, HadamardOp op) {
  Location loc = op.getLoc();
  Tensor input = lowering.get(op.getInput());
  if (!input.element.isF32())
    return op.emitError("expected float32 to transform, got ") << input.element;
  SymbolicShape shape = input.shape;
  AffineExpr count =
      elementCount(ArrayRef(shape).drop_back(), lowering.builder.getContext());
  SymbolicShape flat = {count, shape.back()};
  Tensor rows = lowering.reshape(loc, input, flat);
  Tensor result = lowering.empty(loc, flat, input.element);
  auto transform = lowbit::HadamardOp::create(
      lowering.builder, loc, result.value.getType(), rows.value, result.value,
      op.getBlock(), op.getTransposed());
  result.value = transform.getResult(0);
  lowering.set(op.getResult(), lowering.reshape(loc, result, shape));
  return success();
}

FailureOr<bool> lowerRows(Lowering &lowering, Operation *op) {
  if (auto hadamard = dyn_cast<HadamardOp>(op)) {
    if (failed(lower(lowering, hadamard)))
      return failure();
    return true;
  }
  if (auto reduce = dyn_cast<ReduceOp>(op)) {
    if (failed(lower(lowering, reduce)))
      return failure();
    return true;
  }
  if (auto softmax = dyn_cast<SoftmaxOp>(op)) {
    if (failed(lower(lowering, softmax)))
      return failure();
    return true;
  }
  if (auto norm = dyn_cast<LayerNormOp>(op))
    return lower(lowering, norm), true;
  if (auto norm = dyn_cast<RmsNormOp>(op))
    return lower(lowering, norm), true;
  if (auto norm = dyn_cast<BatchNormOp>(op))
    return lower(lowering, norm), true;
  return false;
}

} // namespace quantc::qnntolinalg

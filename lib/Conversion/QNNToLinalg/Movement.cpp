// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constants, data movement and shapes as data.  Everything copies bits.

#include "Rows.h"

using namespace mlir;
using namespace quantc::qnn;

namespace quantc::qnntolinalg {

//===----------------------------------------------------------------------===//
// Values from attributes
//===----------------------------------------------------------------------===//

/// The value of all elements, as a compute scalar.
static TypedAttr splatOf(const HostTensor &data, Type element) {
  int64_t count = data.getNumElements();
  if (count == 0)
    return {};
  ArrayRef<char> bytes = data.getBytes();
  int64_t width = HostTensor::storageBytes(element);
  for (int64_t i = 1; i < count; ++i)
    if (bytes.slice(i * width, width) != bytes.take_front(width))
      return {};
  Type type = computeType(element);
  if (auto integer = dyn_cast<IntegerType>(type))
    return IntegerAttr::get(
        type, APInt(integer.getWidth(),
                    isa<FloatType>(element) ? uint64_t(data.as<uint8_t>()[0])
                                            : uint64_t(data.getInt(0)),
                    /*isSigned=*/true, /*implicitTrunc=*/true));
  return FloatAttr::get(type, data.getFloat(0));
}

static LogicalResult lower(Lowering &lowering, ConstantOp op) {
  auto type = cast<ShapedType>(op.getType());
  Tensor result = lowering.get(op.getResult());
  FailureOr<HostTensor> data = HostTensor::fromAttribute(op.getValue(), type);
  if (failed(data))
    return op.emitOpError("expected data of ") << type;
  result.splat = splatOf(*data, result.element);
  if (result.splat) {
    // Whoever reads more than the scalar gets a buffer: a constant tensor would
    // become a global, which a kernel cannot have.
    result.value =
        lowering.fill(op.getLoc(), result.shape, result.element, result.splat)
            .value;
  } else {
    auto stored =
        RankedTensorType::get(type.getShape(), storageType(result.element));
    auto attribute =
        DenseElementsAttr::getFromRawBuffer(stored, data->getBytes());
    result.value = arith::ConstantOp::create(lowering.builder, op.getLoc(),
                                             stored, attribute);
  }
  lowering.set(op.getResult(), result);
  return success();
}

static void lower(Lowering &lowering, RangeOp op) {
  Location loc = op.getLoc();
  Tensor result = lowering.get(op.getResult());
  Value start = lowering.sizeValue(loc, op.getStart().getResult(0));
  int64_t step = op.getStep();
  lowering.set(
      op.getResult(),
      lowering.map(loc, result.shape, result.element, {},
                   [&](OpBuilder &b, Location at, ValueRange) {
                     Type i64 = b.getI64Type();
                     Value i = linalg::IndexOp::create(b, at, 0);
                     Value scaled = arith::MulIOp::create(
                         b, at, i, arith::ConstantIndexOp::create(b, at, step));
                     Value sum = arith::AddIOp::create(b, at, start, scaled);
                     Value integer =
                         arith::IndexCastOp::create(b, at, i64, sum);
                     return buildCast(b, at, integer, i64, result.element);
                   }));
}

static void lower(Lowering &lowering, ShapeValueOp op) {
  Location loc = op.getLoc();
  Tensor result = lowering.get(op.getResult());
  SmallVector<Value> values;
  for (AffineExpr expr : op.getValues().getResults())
    values.push_back(lowering.sizeValue(loc, expr));
  lowering.set(
      op.getResult(),
      lowering.map(loc, result.shape, result.element, {},
                   [&](OpBuilder &b, Location at, ValueRange) {
                     Value value = values.front();
                     for (auto [i, other] : llvm::enumerate(values)) {
                       if (i == 0)
                         continue;
                       Value position = linalg::IndexOp::create(b, at, 0);
                       Value reached = arith::CmpIOp::create(
                           b, at, arith::CmpIPredicate::sge, position,
                           arith::ConstantIndexOp::create(b, at, i));
                       value = arith::SelectOp::create(b, at, reached, other,
                                                       value);
                     }
                     Type i64 = b.getI64Type();
                     Value integer =
                         arith::IndexCastOp::create(b, at, i64, value);
                     return buildCast(b, at, integer, i64, result.element);
                   }));
}

//===----------------------------------------------------------------------===//
// Movement
//===----------------------------------------------------------------------===//

static void lower(Lowering &lowering, BroadcastToOp op) {
  Tensor input = lowering.get(op.getInput());
  SymbolicShape shape = lowering.get(op.getResult()).shape;
  lowering.set(op.getResult(),
               lowering.copyWith(op.getLoc(), shape, input,
                                 lowering.broadcastMap(input.shape, shape)));
}

static void lower(Lowering &lowering, ConcatOp op) {
  Location loc = op.getLoc();
  Tensor result = lowering.get(op.getResult());
  result = lowering.empty(loc, result.shape, result.element);
  SymbolicShape starts(result.rank(), lowering.constantExpr(0));
  for (Value operand : op.getInputs()) {
    Tensor input = lowering.get(operand);
    result = lowering.insert(loc, input, result, starts);
    AffineExpr &start = starts[op.getAxis()];
    start = canonicalize(start + input.shape[op.getAxis()]);
  }
  lowering.set(op.getResult(), result);
}

/// Reads of a computed position: input[start + i * step] along every axis.
static Tensor stridedRead(Lowering &lowering, SliceOp op, const Tensor &input,
                          const Tensor &result) {
  Location loc = op.getLoc();
  SmallVector<Value> starts;
  for (AffineExpr start : op.getStarts().getResults())
    starts.push_back(lowering.sizeValue(loc, start));
  return lowering.map(
      loc, result.shape, result.element, {},
      [&](OpBuilder &b, Location at, ValueRange) {
        SmallVector<Value> indices;
        for (auto [i, step] : llvm::enumerate(op.getSteps())) {
          Value index = linalg::IndexOp::create(b, at, i);
          if (step != 1)
            index = arith::MulIOp::create(
                b, at, index, arith::ConstantIndexOp::create(b, at, step));
          indices.push_back(arith::AddIOp::create(b, at, index, starts[i]));
        }
        Value read = tensor::ExtractOp::create(b, at, input.value, indices);
        return toCompute(b, at, read, input.element);
      });
}

static void lower(Lowering &lowering, SliceOp op) {
  Tensor input = lowering.get(op.getInput());
  Tensor result = lowering.get(op.getResult());
  if (llvm::any_of(op.getSteps(), [](int64_t step) { return step < 0; })) {
    lowering.set(op.getResult(), stridedRead(lowering, op, input, result));
    return;
  }
  Tensor part = lowering.slice(op.getLoc(), input, op.getStarts().getResults(),
                               result.shape, op.getSteps());
  // Inside of a kernel the slice is a view; a result has to be written.
  if (llvm::none_of(op->getUsers(), llvm::IsaPred<func::ReturnOp>))
    return lowering.set(op.getResult(), part);
  lowering.set(op.getResult(),
               lowering.copyWith(
                   op.getLoc(), result.shape, part,
                   lowering.builder.getMultiDimIdentityMap(result.rank())));
}

static void lower(Lowering &lowering, PadOp op) {
  Tensor input = lowering.get(op.getInput());
  TypedAttr value = scalarAttr(input.element, op.getValue().convertToDouble());
  Tensor padded =
      lowering.pad(op.getLoc(), input, op.getLow(), op.getHigh(), value);
  lowering.set(op.getResult(), padded);
}

/// The dimensions [first, first + count) of a result of rank `rank`.
static AffineMap dimRange(Lowering &lowering, int64_t rank, int64_t first,
                          int64_t count) {
  SmallVector<AffineExpr> dims;
  for (int64_t i = 0; i < count; ++i)
    dims.push_back(lowering.builder.getAffineDimExpr(first + i));
  return AffineMap::get(rank, 0, dims, lowering.builder.getContext());
}

static LogicalResult lower(Lowering &lowering, GatherOp op) {
  if (!isa<RankedTensorType>(op.getInput().getType()))
    return op.emitOpError("expected a plain tensor, got ")
           << op.getInput().getType();
  Location loc = op.getLoc();
  Tensor input = lowering.get(op.getInput());
  Tensor indices = lowering.get(op.getIndices());
  Tensor result = lowering.get(op.getResult());
  int64_t axis = op.getAxis();
  auto packedFrom = op.getPackedFrom();
  Value extent = packedFrom ? arith::ConstantIndexOp::create(
                                  lowering.builder, loc, (*packedFrom)[0])
                                  .getResult()
                            : lowering.sizeValue(loc, input.shape[axis]);
  // The value is read in storage form: a gather copies bits.
  Type stored = storageType(input.element);
  Tensor copy = lowering.mapWith(
      loc, result.shape, stored, indices,
      dimRange(lowering, result.rank(), axis, indices.rank()),
      [&](OpBuilder &b, Location at, ValueRange args) -> Value {
        ScalarBuilder s(b, at, indices.element);
        SmallVector<Value> position;
        if (packedFrom) {
          Value row = clampIndex(s, args[0], extent);
          Value k = linalg::IndexOp::create(b, at, indices.rank());
          position = packedPosition(b, at, row, k, stored);
        }
        for (int64_t i = 0; !packedFrom && i < input.rank(); ++i) {
          if (i == axis)
            position.push_back(clampIndex(s, args[0], extent));
          else
            position.push_back(linalg::IndexOp::create(
                b, at, i < axis ? i : i + indices.rank() - 1));
        }
        Value read = tensor::ExtractOp::create(b, at, input.value, position);
        return toCompute(b, at, read, stored);
      });
  copy.element = result.element;
  lowering.set(op.getResult(), copy);
  return success();
}

static void lower(Lowering &lowering, TransposeOp op) {
  lowering.set(op.getResult(),
               lowering.transpose(op.getLoc(), lowering.get(op.getInput()),
                                  op.getPermutation()));
}

static void lower(Lowering &lowering, ReshapeOp op) {
  Tensor input = lowering.get(op.getInput());
  lowering.set(
      op.getResult(),
      lowering.reshape(op.getLoc(), input, lowering.get(op.getResult()).shape));
}

// x * cos + rotate_half(x) * sin, each half into its half of the result.
static void lower(Lowering &lowering, RotaryOp op) {
  Location loc = op.getLoc();
  Tensor input = lowering.get(op.getInput());
  Type type = computeType(input.element);
  AffineExpr zero = lowering.constantExpr(0);
  AffineExpr half = canonicalize(input.shape.back().floorDiv(2));
  auto halfOf = [&](const Tensor &tensor, bool upper) {
    // A table of the half width (or of one element) serves both halves.
    bool whole = tensor.rank() > 0 && tensor.shape.back() == input.shape.back();
    if (!whole || tensor.splat)
      return tensor;
    SymbolicShape starts(tensor.rank(), zero), shape = tensor.shape;
    starts.back() = upper ? half : zero;
    shape.back() = half;
    SmallVector<int64_t> ones(tensor.rank(), 1);
    return lowering.slice(loc, tensor, starts, shape, ones);
  };
  Tensor cos = lowering.get(op.getCos()), sin = lowering.get(op.getSin());
  Tensor result = lowering.empty(loc, input.shape, input.element);
  SymbolicShape shape = input.shape;
  shape.back() = half;
  for (bool upper : {false, true}) {
    SmallVector<Tensor> inputs = {halfOf(input, upper), halfOf(cos, upper),
                                  halfOf(input, !upper), halfOf(sin, upper)};
    Tensor rotated = lowering.map(
        loc, shape, input.element, inputs,
        [&](OpBuilder &b, Location at, ValueRange args) {
          ScalarBuilder s(b, at, type);
          Value other = upper ? args[2] : s.neg(args[2]);
          return s.add(s.mul(args[0], args[1]), s.mul(other, args[3]));
        });
    SymbolicShape starts(input.rank(), zero);
    starts.back() = upper ? half : zero;
    result = lowering.insert(loc, rotated, result, starts);
  }
  lowering.set(op.getResult(), result);
}

FailureOr<bool> lowerMovement(Lowering &lowering, Operation *op) {
  auto done = [](LogicalResult result) -> FailureOr<bool> {
    if (failed(result))
      return failure();
    return true;
  };
  if (auto constant = dyn_cast<ConstantOp>(op))
    return done(lower(lowering, constant));
  if (auto gather = dyn_cast<GatherOp>(op))
    return done(lower(lowering, gather));
  if (auto range = dyn_cast<RangeOp>(op))
    return lower(lowering, range), true;
  if (auto value = dyn_cast<ShapeValueOp>(op))
    return lower(lowering, value), true;
  if (auto broadcast = dyn_cast<BroadcastToOp>(op))
    return lower(lowering, broadcast), true;
  if (auto concat = dyn_cast<ConcatOp>(op))
    return lower(lowering, concat), true;
  if (auto slice = dyn_cast<SliceOp>(op))
    return lower(lowering, slice), true;
  if (auto pad = dyn_cast<PadOp>(op))
    return lower(lowering, pad), true;
  if (auto transpose = dyn_cast<TransposeOp>(op))
    return lower(lowering, transpose), true;
  if (auto reshape = dyn_cast<ReshapeOp>(op))
    return lower(lowering, reshape), true;
  if (auto rotary = dyn_cast<RotaryOp>(op))
    return lower(lowering, rotary), true;
  return false;
}

} // namespace quantc::qnntolinalg

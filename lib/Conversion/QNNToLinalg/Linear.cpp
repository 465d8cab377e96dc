// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linears, and what dynamic int8 quantization makes of them: one lowbit.matmul
// on a packed weight, whose destination starts at the right value, and a
// generic for scales and bias (docs/numerics.md §5.1, §5.3, §6.1).

#include "Rows.h"
#include "quantc/Dialect/LowBit/LowBit.h"

using namespace mlir;
using namespace quantc::qnn;

namespace quantc::qnntolinalg {

/// codes or values [rows, K] times a packed weight, added to `start` [rows, N].
static Tensor packedMatmul(Lowering &lowering, Location loc,
                           const Tensor &input, Value weight,
                           const Tensor &start) {
  if (staticExtent(input.shape.back()) == 0)
    return start; // an empty sum
  auto matmul = lowbit::MatmulOp::create(
      lowering.builder, loc, start.value.getType(), lowbit::BLayout::Packed,
      input.value, weight, start.value);
  return {matmul.getResult(0), start.shape, start.element};
}

SmallVector<Value> packedPosition(OpBuilder &b, Location at, Value row, Value k,
                                  Type element) {
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(b, at, value);
  };
  Value columns = constant(lowbit::kLineColumns);
  Value line = arith::DivUIOp::create(b, at, row, columns);
  Value column = arith::RemUIOp::create(b, at, row, columns);
  if (element.isF32())
    return {line, k, column};
  Value depth = constant(lowbit::kLineDepth);
  return {line, arith::DivUIOp::create(b, at, k, depth), column,
          arith::RemUIOp::create(b, at, k, depth)};
}

static SymbolicShape resultShape(Lowering &lowering, Value result) {
  return lowering.get(result).shape;
}

static LogicalResult expectPackedRows(Operation *op, const Tensor &input,
                                      bool packed) {
  if (packed && input.rank() == 2)
    return success();
  return op->emitOpError("expected a packed weight and an input of rank 2 "
                         "(flatten-rows and pack-weights run first)");
}

static LogicalResult lower(Lowering &lowering, LinearOp op) {
  Location loc = op.getLoc();
  Tensor input = lowering.get(op.getInput());
  if (failed(expectPackedRows(op, input, op.getPackedFrom().has_value())))
    return failure();
  SymbolicShape shape = resultShape(lowering, op.getResult());
  Type f32 = lowering.builder.getF32Type();
  Tensor start = lowering.fill(loc, shape, f32, scalarAttr(f32, 0));
  Tensor product = packedMatmul(lowering, loc, input,
                                lowering.get(op.getWeight()).value, start);
  if (op.getBias())
    product =
        lowering.map(loc, shape, f32, {product, lowering.get(op.getBias())},
                     [](OpBuilder &b, Location at, ValueRange args) -> Value {
                       return arith::AddFOp::create(b, at, args[0], args[1]);
                     });
  lowering.set(op.getResult(), product);
  return success();
}

// The accumulator starts at -(128 + weight zero point) * sum(a) because the
// packed bytes are w + 128.
static LogicalResult lower(Lowering &lowering, QuantizedLinearOp op) {
  Location loc = op.getLoc();
  Tensor codes = lowering.get(op.getCodes());
  if (failed(expectPackedRows(op, codes, op.getPackedFrom().has_value())))
    return failure();
  OpBuilder &builder = lowering.builder;
  SymbolicShape shape = resultShape(lowering, op.getResult());
  Type f32 = builder.getF32Type(), i32 = builder.getI32Type();
  AffineMap both = builder.getMultiDimIdentityMap(2);
  AffineMap row = both.getMajorSubMap(1), column = both.getMinorSubMap(1);

  SmallVector<Tensor> starts = {lowering.get(op.getSums())};
  SmallVector<AffineMap> startMaps = {row};
  for (Value vector : {op.getStart(), op.getWeightZero()})
    if (vector) {
      starts.push_back(lowering.get(vector));
      startMaps.push_back(column);
    }
  Tensor start = lowering.mapWith(
      loc, shape, i32, starts, startMaps,
      [&](OpBuilder &b, Location at, ValueRange args) -> Value {
        Value offset =
            arith::ConstantOp::create(b, at, b.getI32IntegerAttr(-128));
        if (op.getWeightZero())
          offset = arith::SubIOp::create(b, at, offset, args.back());
        Value sum = arith::MulIOp::create(b, at, args[0], offset);
        return op.getStart() ? arith::AddIOp::create(b, at, sum, args[1]) : sum;
      });
  Tensor sums = packedMatmul(lowering, loc, codes,
                             lowering.get(op.getWeight()).value, start);
  SmallVector<Tensor> inputs = {sums, lowering.get(op.getWeightScales()),
                                lowering.get(op.getScales())};
  AffineMap scaleMap =
      inputs[2].rank() ? row : AffineMap::get(2, 0, {}, builder.getContext());
  SmallVector<AffineMap> maps = {both, column, scaleMap};
  if (op.getBias()) {
    inputs.push_back(lowering.get(op.getBias()));
    maps.push_back(column);
  }
  Tensor result = lowering.mapWith(
      loc, shape, f32, inputs, maps,
      [&](OpBuilder &b, Location at, ValueRange args) -> Value {
        Value y = arith::SIToFPOp::create(b, at, f32, args[0]);
        y = arith::MulFOp::create(b, at, y, args[1]);
        y = arith::MulFOp::create(b, at, y, args[2]);
        if (args.size() > 3)
          y = arith::AddFOp::create(b, at, y, args[3]);
        return y;
      });
  lowering.set(op.getResult(), result);
  return success();
}

static LogicalResult lower(Lowering &lowering, QuantizeRowsOp op) {
  QuantizedRows rows =
      quantizeRows(lowering, op.getLoc(), lowering.get(op.getInput()));
  if (std::optional<uint64_t> group = op.getGroup())
    rows.sums = sumGroups(lowering, op.getLoc(), rows.codes, *group);
  lowering.set(op.getCodes(), rows.codes);
  lowering.set(op.getScales(), rows.scales);
  lowering.set(op.getSums(), rows.sums);
  return success();
}

static LogicalResult lower(Lowering &lowering, QuantizeStaticOp op) {
  QuantizedRows rows =
      quantizeStatic(lowering, op.getLoc(), lowering.get(op.getInput()),
                     lowering.get(op.getScale()),
                     lowering.get(op.getZeroPoint()), int32_t(op.getLow()));
  lowering.set(op.getCodes(), rows.codes);
  lowering.set(op.getSums(), rows.sums);
  return success();
}

static LogicalResult lower(Lowering &lowering, QuantizedGatherOp op) {
  Location loc = op.getLoc();
  OpBuilder &builder = lowering.builder;
  Tensor codes = lowering.get(op.getCodes());
  Tensor scales = lowering.get(op.getScales());
  Tensor indices = lowering.get(op.getIndices());
  SymbolicShape shape = resultShape(lowering, op.getResult());
  bool packed = op.getPackedFrom().has_value();
  Value count = lowering.sizeValue(loc, scales.shape[0]);
  Type f32 = builder.getF32Type();
  AffineMap rows = lowering.leadingDims(shape.size(), indices.rank());
  Tensor result = lowering.mapWith(
      loc, shape, f32, indices, rows,
      [&](OpBuilder &b, Location at, ValueRange args) -> Value {
        ScalarBuilder s(b, at, indices.element);
        Value row = clampIndex(s, args[0], count);
        Value k = linalg::IndexOp::create(b, at, int64_t(shape.size()) - 1);
        Value scale =
            tensor::ExtractOp::create(b, at, scales.value, ValueRange{row});
        SmallVector<Value> position = {row, k};
        if (packed)
          position = packedPosition(b, at, row, k, codes.element);
        Value code = tensor::ExtractOp::create(b, at, codes.value, position);
        Value wide;
        if (packed) {
          wide = arith::ExtUIOp::create(b, at, b.getI32Type(), code);
          Value offset =
              arith::ConstantOp::create(b, at, b.getI32IntegerAttr(128));
          wide = arith::SubIOp::create(b, at, wide, offset);
        } else {
          wide = arith::ExtSIOp::create(b, at, b.getI32Type(), code);
        }
        Value value = arith::SIToFPOp::create(b, at, f32, wide);
        return arith::MulFOp::create(b, at, value, scale);
      });
  lowering.set(op.getResult(), result);
  return success();
}

FailureOr<bool> lowerLinear(Lowering &lowering, Operation *op) {
  auto done = [](LogicalResult result) -> FailureOr<bool> {
    if (failed(result))
      return failure();
    return true;
  };
  if (auto linear = dyn_cast<LinearOp>(op))
    return done(lower(lowering, linear));
  if (auto linear = dyn_cast<QuantizedLinearOp>(op))
    return done(lower(lowering, linear));
  if (auto quantize = dyn_cast<QuantizeRowsOp>(op))
    return done(lower(lowering, quantize));
  if (auto quantize = dyn_cast<QuantizeStaticOp>(op))
    return done(lower(lowering, quantize));
  if (auto gather = dyn_cast<QuantizedGatherOp>(op))
    return done(lower(lowering, gather));
  return false;
}

} // namespace quantc::qnntolinalg

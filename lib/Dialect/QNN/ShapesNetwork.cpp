// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shapes of contractions, convolutions, pooling, reductions, normalizations and
// attention, and which operand of them is a weight.

#include "Shapes.h"
#include "llvm/ADT/SmallBitVector.h"

using namespace mlir;

namespace quantc::qnn {

/// A rank-1 operand with `extent` elements.
static LogicalResult expectVector(Operation *op, StringRef what,
                                  ArrayRef<AffineExpr> shape,
                                  AffineExpr extent) {
  if (failed(expectRank(op, what, 1, shape.size())))
    return failure();
  return expectSame(op, ("the size of " + what).str(), extent, shape[0]);
}

//===----------------------------------------------------------------------===//
// Contractions
//===----------------------------------------------------------------------===//

LogicalResult MatmulOp::inferSymbolicShapes(Shapes operands,
                                            ShapeResults &results) {
  SymbolicShape lhs = operands[0], rhs = operands[1];
  if (lhs.empty() || rhs.empty())
    return emitOpError("expected operands of rank 1 or more, got ranks ")
           << lhs.size() << " and " << rhs.size();
  bool lhsVector = lhs.size() == 1, rhsVector = rhs.size() == 1;
  AffineExpr one = getAffineConstantExpr(1, getContext());
  if (lhsVector)
    lhs.insert(lhs.begin(), one);
  if (rhsVector)
    rhs.push_back(one);
  if (failed(expectSame(*this, "the reduced dimension of 'rhs'", lhs.back(),
                        rhs[rhs.size() - 2])))
    return failure();
  FailureOr<SymbolicShape> result =
      broadcast(*this, ArrayRef(lhs).drop_back(2), ArrayRef(rhs).drop_back(2));
  if (failed(result))
    return failure();
  if (!lhsVector)
    result->push_back(lhs[lhs.size() - 2]);
  if (!rhsVector)
    result->push_back(rhs.back());
  results.push_back(*result);
  return success();
}

LogicalResult LinearOp::inferSymbolicShapes(Shapes operands,
                                            ShapeResults &results) {
  SymbolicShape result = operands[0];
  if (result.empty())
    return emitOpError("expected an input of rank 1 or more, got rank 0");
  if (getPackedFrom() &&
      failed(expectEntries(*this, "packed_from", *getPackedFrom(), 2, 0)))
    return failure();
  SymbolicShape weight =
      logicalShape(operands[1], getPackedFrom(), getContext());
  if (failed(expectRank(*this, "a weight", 2, weight.size())) ||
      failed(expectSame(*this, "the reduced dimension of the weight",
                        result.back(), weight[1])))
    return failure();
  if (getBias() &&
      failed(expectVector(*this, "the bias", operands[2], weight[0])))
    return failure();
  result.back() = weight[0];
  results.push_back(result);
  return success();
}

OpOperand &LinearOp::getWeightOperand() { return getWeightMutable(); }
int64_t LinearOp::getOutputChannelAxis() { return 0; }
SmallVector<int64_t> LinearOp::getReducedAxes() { return {1}; }

//===----------------------------------------------------------------------===//
// Sliding windows
//===----------------------------------------------------------------------===//

namespace {
/// The attributes that conv and pool share, one entry per spatial dimension.
struct Window {
  ArrayRef<int64_t> strides, dilations, padLow, padHigh;
};
} // namespace

static LogicalResult checkWindow(Operation *op, const Window &window,
                                 size_t spatialRank) {
  return success(
      succeeded(expectEntries(op, "strides", window.strides, spatialRank, 1)) &&
      succeeded(
          expectEntries(op, "dilations", window.dilations, spatialRank, 1)) &&
      succeeded(expectEntries(op, "pad_low", window.padLow, spatialRank, 0)) &&
      succeeded(expectEntries(op, "pad_high", window.padHigh, spatialRank, 0)));
}

/// (input + pads - dilation * (kernel - 1) - 1) floordiv stride + 1.
static FailureOr<AffineExpr> windowExtent(Operation *op, const Window &window,
                                          size_t i, AffineExpr input,
                                          AffineExpr kernel) {
  AffineExpr reach = (kernel - 1) * window.dilations[i] + 1;
  AffineExpr padded = input + (window.padLow[i] + window.padHigh[i]);
  AffineExpr result = (padded - reach).floorDiv(window.strides[i]) + 1;
  if (auto constant = dyn_cast<AffineConstantExpr>(result);
      constant && constant.getValue() < 0)
    return op->emitOpError("expected a window inside the padded extent ")
           << staticExtent(padded) << " of spatial dimension " << i
           << ", got reach " << staticExtent(reach);
  return result;
}

/// Operands 0 and `weightIndex` are the input and the weight; `bias` is null
/// where there is none.
template <typename OpTy>
static LogicalResult inferConvolution(OpTy op, const SymbolicShape &input,
                                      const SymbolicShape &weightOperand,
                                      const SymbolicShape *bias,
                                      ShapeResults &results) {
  size_t rank = input.size();
  if (rank < 3)
    return op.emitOpError("expected an input of rank 3 or more, got rank ")
           << rank;
  if (op.getPackedFrom() &&
      failed(expectEntries(op, "packed_from", *op.getPackedFrom(), rank, 0)))
    return failure();
  SymbolicShape weight =
      logicalShape(weightOperand, op.getPackedFrom(), op.getContext());
  Window window{op.getStrides(), op.getDilations(), op.getPadLow(),
                op.getPadHigh()};
  int64_t groups = op.getGroups();
  if (failed(expectRank(op, "a weight", rank, weight.size())) ||
      failed(checkWindow(op, window, rank - 2)) ||
      failed(expectEntries(op, "groups", groups, 1, 1)))
    return failure();
  bool channelsLast = op.getChannelsLast();
  if (op.getFlatRows() && !channelsLast)
    return op.emitOpError("expected 'channels_last' with 'flat_rows'");
  size_t firstSpatial = channelsLast ? 1 : 2;
  size_t channel = channelsLast ? rank - 1 : 1;
  if (failed(expectSame(op, "the number of input channels",
                        weight[channel] * groups, input[channel])))
    return failure();
  if (int64_t out = staticExtent(weight[0]);
      !ShapedType::isDynamic(out) && out % groups != 0)
    return op.emitOpError("expected output channels that are a multiple of ")
           << groups << " groups, got " << out;
  if (bias && failed(expectVector(op, "the bias", *bias, weight[0])))
    return failure();
  SymbolicShape result = input;
  result[channel] = weight[0];
  for (size_t i = 0; i < rank - 2; ++i) {
    FailureOr<AffineExpr> extent = windowExtent(
        op, window, i, input[firstSpatial + i], weight[firstSpatial + i]);
    if (failed(extent))
      return failure();
    result[firstSpatial + i] = *extent;
  }
  if (op.getFlatRows())
    result = {elementCount(ArrayRef(result).drop_back(), op.getContext()),
              result.back()};
  results.push_back(result);
  return success();
}

LogicalResult ConvOp::inferSymbolicShapes(Shapes operands,
                                          ShapeResults &results) {
  return inferConvolution(*this, operands[0], operands[1],
                          getBias() ? &operands[2] : nullptr, results);
}

LogicalResult QuantizedConvOp::inferSymbolicShapes(Shapes operands,
                                                   ShapeResults &results) {
  if (failed(inferConvolution(*this, operands[0], operands[2],
                              getBias() ? &operands.back() : nullptr, results)))
    return failure();
  AffineExpr outputs = results.back().back();
  if (failed(expectVector(*this, "the weight scales", operands[3], outputs)))
    return failure();
  if (getZeroPoint() &&
      failed(expectRank(*this, "a zero point", 0, operands[4].size())))
    return failure();
  if (getStart() &&
      failed(expectVector(*this, "'start'", operands[4 + bool(getZeroPoint())],
                          outputs)))
    return failure();
  if (operands[1].empty())
    return success();
  if (failed(expectRank(*this, "scales", 1, operands[1].size())))
    return failure();
  return expectSame(*this, "the number of scales", operands[0][0],
                    operands[1][0]);
}

LogicalResult QuantizedConvOp::verify() {
  auto check = [&](Value value, StringRef what, Type type) -> LogicalResult {
    if (!value)
      return success();
    Type got = cast<ShapedType>(value.getType()).getElementType();
    if (got == type)
      return success();
    return emitOpError("expected ")
           << what << " of " << type << ", got " << got;
  };
  Type f32 = Float32Type::get(getContext());
  Type i8 = IntegerType::get(getContext(), 8);
  Type i32 = IntegerType::get(getContext(), 32);
  return success(succeeded(check(getCodes(), "codes", i8)) &&
                 succeeded(check(getScales(), "scales", f32)) &&
                 succeeded(check(getWeight(), "a weight", i8)) &&
                 succeeded(check(getWeightScales(), "weight scales", f32)) &&
                 succeeded(check(getZeroPoint(), "a zero point", i32)) &&
                 succeeded(check(getStart(), "'start'", i32)) &&
                 succeeded(check(getBias(), "a bias", f32)) &&
                 succeeded(check(getResult(), "a result", f32)));
}

OpOperand &ConvOp::getWeightOperand() { return getWeightMutable(); }
int64_t ConvOp::getOutputChannelAxis() { return 0; }
SmallVector<int64_t> ConvOp::getReducedAxes() {
  return llvm::to_vector(llvm::seq<int64_t>(1, getStrides().size() + 2));
}

LogicalResult PoolOp::inferSymbolicShapes(Shapes operands,
                                          ShapeResults &results) {
  SymbolicShape result = operands[0];
  if (result.size() < 3)
    return emitOpError("expected an input of rank 3 or more, got rank ")
           << result.size();
  size_t spatialRank = result.size() - 2;
  Window window{getStrides(), getDilations(), getPadLow(), getPadHigh()};
  if (failed(expectEntries(*this, "window", getWindow(), spatialRank, 1)) ||
      failed(checkWindow(*this, window, spatialRank)))
    return failure();
  size_t firstSpatial = getChannelsLast() ? 1 : 2;
  for (size_t i = 0; i < spatialRank; ++i) {
    FailureOr<AffineExpr> extent =
        windowExtent(*this, window, i, result[firstSpatial + i],
                     getAffineConstantExpr(getWindow()[i], getContext()));
    if (failed(extent))
      return failure();
    result[firstSpatial + i] = *extent;
  }
  results.push_back(result);
  return success();
}

//===----------------------------------------------------------------------===//
// Reductions and normalizations
//===----------------------------------------------------------------------===//

LogicalResult ReduceOp::inferSymbolicShapes(Shapes operands,
                                            ShapeResults &results) {
  llvm::SmallBitVector reduced(operands[0].size());
  for (int64_t axis : getAxes()) {
    if (failed(expectAxis(*this, axis, operands[0].size())))
      return failure();
    if (reduced.test(axis))
      return emitOpError("expected distinct axes, got ") << axis << " twice";
    reduced.set(axis);
  }
  SymbolicShape &result = results.emplace_back();
  for (auto [i, dim] : llvm::enumerate(operands[0])) {
    if (!reduced.test(i))
      result.push_back(dim);
    else if (getKeepDims())
      result.push_back(getAffineConstantExpr(1, getContext()));
  }
  return success();
}

LogicalResult SoftmaxOp::inferSymbolicShapes(Shapes operands,
                                             ShapeResults &results) {
  results.push_back(operands[0]);
  return expectAxis(*this, getAxis(), operands[0].size());
}

/// Scale and bias broadcast to the normalized trailing dimensions.
static LogicalResult inferNormalization(Operation *op, Shapes operands,
                                        int64_t axis, ShapeResults &results) {
  if (failed(expectAxis(op, axis, operands[0].size())))
    return failure();
  for (const SymbolicShape &parameter : operands.drop_front())
    if (failed(expectBroadcastsTo(op, "scale and bias", parameter,
                                  ArrayRef(operands[0]).drop_front(axis))))
      return failure();
  results.push_back(operands[0]);
  return success();
}

LogicalResult LayerNormOp::inferSymbolicShapes(Shapes operands,
                                               ShapeResults &results) {
  return inferNormalization(*this, operands, getAxis(), results);
}

LogicalResult RmsNormOp::inferSymbolicShapes(Shapes operands,
                                             ShapeResults &results) {
  return inferNormalization(*this, operands, getAxis(), results);
}

LogicalResult BatchNormOp::inferSymbolicShapes(Shapes operands,
                                               ShapeResults &results) {
  if (operands[0].size() < 2)
    return emitOpError("expected an input of rank 2 or more, got rank ")
           << operands[0].size();
  StringRef names[] = {"the scale", "the bias", "the mean", "the variance"};
  for (auto [name, operand] : llvm::zip(names, operands.drop_front()))
    if (failed(expectVector(*this, name, operand, operands[0][1])))
      return failure();
  results.push_back(operands[0]);
  return success();
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

LogicalResult RotaryOp::inferSymbolicShapes(Shapes operands,
                                            ShapeResults &results) {
  const SymbolicShape &input = operands[0];
  if (input.empty())
    return emitOpError("expected an input of rank 1 or more, got rank 0");
  int64_t size = staticExtent(input.back());
  if (!ShapedType::isDynamic(size) && size % 2 != 0)
    return emitOpError("expected an even last dimension, got ") << size;
  for (const SymbolicShape &table : operands.drop_front()) {
    SymbolicShape target = input;
    int64_t have = table.empty() ? 1 : staticExtent(table.back());
    if (!ShapedType::isDynamic(size) && have == size / 2)
      target.back() = table.back();
    if (failed(expectBroadcastsTo(*this, "cos and sin", table, target)))
      return failure();
  }
  results.push_back(input);
  return success();
}

LogicalResult AttentionOp::inferSymbolicShapes(Shapes operands,
                                               ShapeResults &results) {
  const SymbolicShape &query = operands[0], &key = operands[1],
                      &value = operands[2];
  if (failed(expectRank(*this, "a query", 4, query.size())) ||
      failed(expectRank(*this, "a key", 4, key.size())) ||
      failed(expectRank(*this, "a value", 4, value.size())))
    return failure();
  AffineExpr keyDepth = key[getKeyTransposed() ? 2 : 3];
  AffineExpr keyLength = key[getKeyTransposed() ? 3 : 2];
  if (failed(expectSame(*this, "the key's batch", query[0], key[0])) ||
      failed(expectSame(*this, "the value's batch", query[0], value[0])) ||
      failed(expectSame(*this, "the value's heads", key[1], value[1])) ||
      failed(expectSame(*this, "the key's depth", query[3], keyDepth)) ||
      failed(expectSame(*this, "the value's length", keyLength, value[2])))
    return failure();
  int64_t heads = staticExtent(query[1]), groups = staticExtent(key[1]);
  if (!ShapedType::isDynamic(heads) && !ShapedType::isDynamic(groups) &&
      (groups == 0 || heads % groups != 0))
    return emitOpError("expected query heads that are a multiple of ")
           << groups << " key heads, got " << heads;
  SymbolicShape scores{query[0], query[1], query[2], keyLength};
  if (getMask() &&
      failed(expectBroadcastsTo(*this, "the mask", operands[3], scores)))
    return failure();
  results.push_back({query[0], query[1], query[2], value[3]});
  return success();
}

} // namespace quantc::qnn

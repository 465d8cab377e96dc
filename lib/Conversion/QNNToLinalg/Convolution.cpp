// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolution, in float and on int8 codes (docs/numerics.md §5.2, §5.3), in
// channels-last order whatever the attribute says, as a matrix with one row per
// pixel.  Depthwise: one lowbit.depthwise.  Otherwise patches [pixels, taps *
// c] times the weight [m, taps * c]; a window of one tap reads the input
// itself.  Tiling computes the patches of a tile just before they are read.

#include "Contractions.h"
#include "Windows.h"

using namespace mlir;
using namespace quantc::qnn;
namespace quantc::qnntolinalg {

using lowbit::BLayout;

namespace {

/// [first, …, last of the middle, second] or the reverse of it.
SmallVector<int64_t> channelsLastOrder(int64_t rank) {
  SmallVector<int64_t> order = {0};
  for (int64_t i = 2; i < rank; ++i)
    order.push_back(i);
  order.push_back(1);
  return order;
}

SmallVector<int64_t> channelsFirstOrder(int64_t rank) {
  SmallVector<int64_t> order = {0, rank - 1};
  for (int64_t i = 1; i + 1 < rank; ++i)
    order.push_back(i);
  return order;
}

/// A convolution with all operands in channels-last order.
class Convolution {
public:
  template <typename OpTy>
  Convolution(Lowering &lowering, OpTy op, Value input)
      : lowering(lowering), op(op), loc(op.getLoc()), strides(op.getStrides()),
        dilations(op.getDilations()), low(op.getPadLow()),
        high(op.getPadHigh()), groups(op.getGroups()),
        channelsLast(op.getChannelsLast()), flatRows(op.getFlatRows()),
        packedFrom(op.getPackedFrom()), input(lowering.get(input)),
        weight(lowering.get(op.getWeight())),
        result(lowering.get(op.getResult()).shape) {}

  LogicalResult lower(ConvOp conv);
  LogicalResult lower(QuantizedConvOp conv);

private:
  LogicalResult checkWeight();
  void bringChannelsLast();
  bool isDepthwise() { return channels == 1 && outputs == groups; }
  bool hasPanelsByGroup() {
    return weight.element.isInteger() &&
           outputs / groups % lowbit::kLineColumns == 0;
  }
  int64_t getDepth(int64_t unit = 1);
  SymbolicShape getRows(int64_t columns);
  AffineExpr getPixels();
  AffineExpr getPixelsPerSample();
  bool isPoint();

  Tensor withStaticChannels(Tensor tensor);
  Tensor tapsFirst();
  Tensor depthwise();
  Tensor patches(const Tensor &part);
  Tensor grouped();
  Tensor sliceOf(const Tensor &tensor, int64_t axis, int64_t start,
                 int64_t size);
  Tensor contractGroup(const Tensor &part, const Tensor &rows, BLayout layout,
                       int64_t columns);
  Tensor integerSums(QuantizedConvOp conv);
  Tensor groupedSums(QuantizedConvOp conv);
  Tensor rescale(QuantizedConvOp conv, const Tensor &sums);
  void finish(Value original, const Tensor &output);

  Lowering &lowering;
  Operation *op;
  Location loc;
  ArrayRef<int64_t> strides, dilations, low, high;
  int64_t groups;
  bool channelsLast, flatRows;
  std::optional<ArrayRef<int64_t>> packedFrom;
  Tensor input, weight;
  Value zeroPoint; ///< tensor<i32>; null where it is 0
  SymbolicShape result;
  int64_t outputs = 0, channels = 0;
  SmallVector<int64_t> taps;
};

} // namespace

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

LogicalResult Convolution::checkWeight() {
  SmallVector<int64_t> shape;
  if (packedFrom)
    shape = llvm::to_vector(*packedFrom);
  else
    for (AffineExpr dim : weight.shape)
      shape.push_back(staticExtent(dim));
  if (llvm::is_contained(shape, ShapedType::kDynamic))
    return op->emitOpError("expected a weight of static shape, got ")
           << weight.value.getType();
  ArrayRef<int64_t> inner = ArrayRef(shape).drop_front();
  outputs = shape.front();
  channels = channelsLast ? inner.back() : inner.front();
  taps = llvm::to_vector(channelsLast ? inner.drop_back() : inner.drop_front());
  if (packedFrom &&
      !(channelsLast && (groups == 1 || isDepthwise() || hasPanelsByGroup())))
    return op->emitOpError("expected a packed weight only in channels-last "
                           "order and with 1 group, depthwise, or of codes "
                           "with a multiple of 16 outputs in a group, got ")
           << groups << " groups";
  return success();
}

void Convolution::bringChannelsLast() {
  if (!channelsLast) {
    SmallVector<int64_t> order = channelsLastOrder(input.rank());
    input = lowering.transpose(loc, input, order);
    weight = lowering.transpose(loc, weight, order);
    SymbolicShape shape;
    for (int64_t i : order)
      shape.push_back(result[i]);
    result = shape;
  }
  input = withStaticChannels(input);
}

/// The symbols may know the number of channels where the type does not.
Tensor Convolution::withStaticChannels(Tensor tensor) {
  Type type = tensorTypeFor(tensor.shape, tensor.element);
  if (tensor.value.getType() != type)
    tensor.value =
        tensor::CastOp::create(lowering.builder, loc, type, tensor.value);
  return tensor;
}

/// Elements in one window of a group, rounded up to a multiple of `unit`.
int64_t Convolution::getDepth(int64_t unit) {
  int64_t depth = llvm::product_of(taps) * channels;
  return llvm::divideCeil(depth, unit) * unit;
}

AffineExpr Convolution::getPixels() {
  return flatRows ? result[0]
                  : elementCount(ArrayRef(result).drop_back(),
                                 lowering.builder.getContext());
}

/// From the input, since the result may have no dimension for samples.
AffineExpr Convolution::getPixelsPerSample() {
  SymbolicShape shape;
  for (auto [i, extent] : llvm::enumerate(taps)) {
    int64_t reach = (extent - 1) * dilations[i] + 1;
    AffineExpr room = input.shape[i + 1] + (low[i] + high[i] - reach);
    shape.push_back(canonicalize(room.floorDiv(strides[i]) + 1));
  }
  return elementCount(shape, op->getContext());
}

/// One row per pixel.
SymbolicShape Convolution::getRows(int64_t columns) {
  return {getPixels(), lowering.constantExpr(columns)};
}

bool Convolution::isPoint() {
  auto isAll = [](ArrayRef<int64_t> values, int64_t value) {
    return llvm::all_of(values, [&](int64_t v) { return v == value; });
  };
  return isAll(taps, 1) && isAll(strides, 1) && isAll(low, 0) && isAll(high, 0);
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

/// [channel, taps…, 1] -> [taps…, channel]: channels are contiguous.
Tensor Convolution::tapsFirst() {
  SymbolicShape flat(ArrayRef(weight.shape).drop_back());
  SmallVector<int64_t> order =
      llvm::to_vector(llvm::seq<int64_t>(1, int64_t(flat.size())));
  order.push_back(0);
  return lowering.transpose(loc, lowering.reshape(loc, weight, flat), order);
}

/// One chain over the taps for each channel, f32 also for codes.
Tensor Convolution::depthwise() {
  OpBuilder &builder = lowering.builder;
  Tensor byTap = packedFrom ? weight : tapsFirst();
  Tensor rows = lowering.empty(loc, getRows(outputs), builder.getF32Type());
  Value first = arith::ConstantIndexOp::create(builder, loc, 0);
  auto window = lowbit::DepthwiseOp::create(
      builder, loc, rows.value.getType(), input.value, byTap.value, rows.value,
      first, zeroPoint, strides, dilations, low, high);
  rows.value = window.getResult(0);
  return rows;
}

/// [pixels, taps * c], of codes rounded up to whole quads.
Tensor Convolution::patches(const Tensor &part) {
  OpBuilder &builder = lowering.builder;
  bool isInteger = part.element.isInteger();
  int64_t depth = getDepth(isInteger ? lowbit::kLineDepth : 1);
  if (isPoint() && depth == channels)
    return lowering.reshape(loc, part, getRows(depth));
  Tensor rows = lowering.empty(loc, getRows(depth), part.element);
  Value first = arith::ConstantIndexOp::create(builder, loc, 0);
  auto window = lowbit::PatchesOp::create(
      builder, loc, rows.value.getType(), part.value, rows.value, first,
      zeroPoint, taps, strides, dilations, low, high);
  rows.value = window.getResult(0);
  return rows;
}

Tensor Convolution::grouped() {
  BLayout layout = BLayout::Packed;
  if (!packedFrom) {
    layout = BLayout::Transposed;
    weight = lowering.reshape(
        loc, weight,
        {lowering.constantExpr(outputs), lowering.constantExpr(getDepth())});
  }
  if (groups == 1)
    return contractGroup(input, weight, layout, outputs);
  Tensor output = lowering.empty(loc, getRows(outputs), input.element);
  int64_t perGroup = outputs / groups;
  for (int64_t group = 0; group < groups; ++group) {
    Tensor part = sliceOf(input, input.rank() - 1, group * channels, channels);
    Tensor rows = sliceOf(weight, 0, group * perGroup, perGroup);
    Tensor sum = contractGroup(part, rows, layout, perGroup);
    output = lowering.insert(
        loc, sum, output,
        {lowering.constantExpr(0), lowering.constantExpr(group * perGroup)});
  }
  return output;
}

Tensor Convolution::sliceOf(const Tensor &tensor, int64_t axis, int64_t start,
                            int64_t size) {
  SymbolicShape starts(tensor.rank(), lowering.constantExpr(0));
  SymbolicShape shape = tensor.shape;
  starts[axis] = lowering.constantExpr(start);
  shape[axis] = lowering.constantExpr(size);
  SmallVector<int64_t> ones(tensor.rank(), 1);
  return lowering.slice(loc, tensor, starts, shape, ones);
}

Tensor Convolution::contractGroup(const Tensor &part, const Tensor &rows,
                                  BLayout layout, int64_t columns) {
  Type f32 = lowering.builder.getF32Type();
  return contract(lowering, loc, patches(part), rows, layout,
                  lowering.fill(loc, getRows(columns), f32,
                                lowering.builder.getF32FloatAttr(0)));
}

//===----------------------------------------------------------------------===//
// Float
//===----------------------------------------------------------------------===//

void Convolution::finish(Value original, const Tensor &output) {
  if (flatRows)
    return lowering.set(original, output);
  Tensor image = lowering.reshape(loc, output, result);
  if (!channelsLast)
    image = lowering.transpose(loc, image, channelsFirstOrder(image.rank()));
  lowering.set(original, image);
}

LogicalResult Convolution::lower(ConvOp conv) {
  if (!input.element.isF32() || !weight.element.isF32())
    return conv.emitOpError("expected f32 operands, got ")
           << input.element << " and " << weight.element;
  if (failed(checkWeight()))
    return failure();
  bringChannelsLast();
  Tensor sum = isDepthwise() ? depthwise() : grouped();
  std::optional<Tensor> bias;
  if (conv.getBias())
    bias = lowering.get(conv.getBias());
  finish(conv.getResult(), finishContraction(lowering, loc, sum, sum.element,
                                             bias ? &*bias : nullptr));
  return success();
}

//===----------------------------------------------------------------------===//
// Codes
//===----------------------------------------------------------------------===//

/// Σ (a - z) * w in int32.  The packed bytes are w + 128, so the accumulator
/// starts at -128 * Σ a - z * Σ w.
Tensor Convolution::integerSums(QuantizedConvOp conv) {
  OpBuilder &builder = lowering.builder;
  Type i32 = builder.getI32Type();
  Tensor rows = patches(input);
  Tensor rowSums = lowering.reduceRows(
      loc, rows, i32, builder.getZeroAttr(i32),
      [&](OpBuilder &b, Location at, ValueRange args) -> Value {
        Value wide = arith::ExtSIOp::create(b, at, i32, args[0]);
        return arith::AddIOp::create(b, at, args[1], wide);
      });
  AffineMap both = builder.getMultiDimIdentityMap(2);
  SmallVector<Tensor> inputs = {rowSums};
  SmallVector<AffineMap> maps = {both.getMajorSubMap(1)};
  if (conv.getStart()) {
    inputs.push_back(lowering.get(conv.getStart()));
    maps.push_back(both.getMinorSubMap(1));
  }
  Tensor start = lowering.mapWith(
      loc, getRows(outputs), i32, inputs, maps,
      [&](OpBuilder &b, Location at, ValueRange args) -> Value {
        Value factor =
            arith::ConstantOp::create(b, at, b.getI32IntegerAttr(-128));
        Value sum = arith::MulIOp::create(b, at, args[0], factor);
        return args.size() > 1 ? arith::AddIOp::create(b, at, sum, args[1])
                               : sum;
      });
  return contract(lowering, loc, rows, weight, BLayout::Packed, start);
}

/// The same, of the channels of each group.
Tensor Convolution::groupedSums(QuantizedConvOp conv) {
  OpBuilder &builder = lowering.builder;
  Tensor sums = lowering.empty(loc, getRows(outputs), builder.getI32Type());
  Value first = arith::ConstantIndexOp::create(builder, loc, 0);
  Value start = conv.getStart() ? lowering.get(conv.getStart()).value : Value();
  auto window = lowbit::GroupedConvOp::create(
      builder, loc, sums.value.getType(), input.value, weight.value, start,
      sums.value, first, zeroPoint, groups, taps, strides, dilations, low,
      high);
  sums.value = window.getResult(0);
  return sums;
}

/// (float(S) * weight_scales[m]) * scale + bias[m].
Tensor Convolution::rescale(QuantizedConvOp conv, const Tensor &sums) {
  Type f32 = lowering.builder.getF32Type();
  Tensor scales = lowering.get(conv.getScales());
  AffineMap both = lowering.builder.getMultiDimIdentityMap(2);
  AffineMap column = both.getMinorSubMap(1);
  SmallVector<Tensor> inputs = {sums, lowering.get(conv.getWeightScales())};
  SmallVector<AffineMap> maps = {both, column};
  bool isShared = scales.rank() == 0;
  Value pixels;
  if (isShared) {
    inputs.push_back(scales);
    maps.push_back(AffineMap::get(2, 0, {}, op->getContext()));
  } else {
    pixels = lowering.sizeValue(loc, getPixelsPerSample());
  }
  if (conv.getBias()) {
    inputs.push_back(lowering.get(conv.getBias()));
    maps.push_back(column);
  }
  return lowering.mapWith(
      loc, sums.shape, f32, inputs, maps,
      [&](OpBuilder &b, Location at, ValueRange args) -> Value {
        Value y = args[0];
        if (y.getType().isInteger())
          y = arith::SIToFPOp::create(b, at, f32, y);
        y = arith::MulFOp::create(b, at, y, args[1]);
        args = args.drop_front(2);
        Value scale;
        if (isShared) {
          scale = args.front();
          args = args.drop_front();
        } else {
          Value pixel = linalg::IndexOp::create(b, at, 0);
          Value sample = arith::DivUIOp::create(b, at, pixel, pixels);
          scale = tensor::ExtractOp::create(b, at, scales.value,
                                            ValueRange{sample});
        }
        y = arith::MulFOp::create(b, at, y, scale);
        if (!args.empty())
          y = arith::AddFOp::create(b, at, y, args.front());
        return y;
      });
}

LogicalResult Convolution::lower(QuantizedConvOp conv) {
  if (failed(checkWeight()))
    return failure();
  if (!packedFrom)
    return conv.emitOpError(
        "expected a packed weight (pack-weights runs first)");
  if (isDepthwise() && llvm::product_of(taps) > fmt::kMaxDepthwiseTaps)
    return conv.emitOpError("has ")
           << llvm::product_of(taps) << " taps; a depthwise window of codes "
           << "holds at most " << fmt::kMaxDepthwiseTaps;
  if (getDepth() > 65536)
    return conv.emitOpError("reduces ")
           << getDepth() << " elements; one int32 group holds at most 65536";
  bringChannelsLast();
  if (conv.getZeroPoint()) {
    if (!conv.getStart() && !isDepthwise())
      return conv.emitOpError("expected 'start' with a zero point");
    zeroPoint = lowering.get(conv.getZeroPoint()).value;
  }
  Tensor sums = isDepthwise() ? depthwise()
                : groups == 1 ? integerSums(conv)
                              : groupedSums(conv);
  finish(conv.getResult(), rescale(conv, sums));
  return success();
}

LogicalResult lowerConvolution(Lowering &lowering, ConvOp op) {
  if (!isa<RankedTensorType>(op.getInput().getType()) ||
      !isa<RankedTensorType>(op.getWeight().getType()))
    return op.emitOpError("expected plain operands, got an encoded one");
  return Convolution(lowering, op, op.getInput()).lower(op);
}

LogicalResult lowerConvolution(Lowering &lowering, QuantizedConvOp op) {
  return Convolution(lowering, op, op.getCodes()).lower(op);
}

} // namespace quantc::qnntolinalg

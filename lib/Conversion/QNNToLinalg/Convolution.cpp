// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolution (docs/numerics.md §5.2).  Depthwise: one generic over the window
// of the padded input, which the vectorizer keeps in registers.  Otherwise
// patches [n, out…, taps * c] times the weight [m, taps * c], in channels-last
// order whatever the attribute says; a window of one tap reads the input
// itself.

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
  Convolution(Lowering &lowering, ConvOp op)
      : lowering(lowering), op(op), loc(op.getLoc()),
        input(lowering.get(op.getInput())),
        weight(lowering.get(op.getWeight())),
        result(lowering.get(op.getResult())) {}

  LogicalResult lower() {
    if (failed(check()))
      return failure();
    bringChannelsLast();
    Builder builder(op.getContext());
    TypedAttr zero = builder.getF32FloatAttr(0);
    window = Window{taps,           op.getStrides(), op.getDilations(),
                    op.getPadLow(), op.getPadHigh(), /*channelsLast=*/true};
    input = lowering.pad(loc, input, window.padsOf(window.low),
                         window.padsOf(window.high), zero);
    Tensor sum = isDepthwise() ? depthwise() : grouped();
    std::optional<Tensor> bias;
    if (op.getBias())
      bias = lowering.get(op.getBias());
    Tensor output = finishContraction(lowering, loc, sum, result.element,
                                      bias ? &*bias : nullptr);
    if (!op.getChannelsLast())
      output =
          lowering.transpose(loc, output, channelsFirstOrder(output.rank()));
    lowering.set(op.getResult(), output);
    return success();
  }

private:
  LogicalResult check() {
    if (!isa<RankedTensorType>(op.getInput().getType()) ||
        !isa<RankedTensorType>(op.getWeight().getType()))
      return op.emitOpError("expected plain operands, got an encoded one");
    if (!input.element.isF32() || !weight.element.isF32())
      return op.emitOpError("expected f32 operands, got ")
             << input.element << " and " << weight.element;
    SmallVector<int64_t> shape;
    if (op.getPackedFrom())
      shape = llvm::to_vector(*op.getPackedFrom());
    else
      for (AffineExpr dim : weight.shape)
        shape.push_back(staticExtent(dim));
    if (llvm::is_contained(shape, ShapedType::kDynamic))
      return op.emitOpError("expected a weight of static shape, got ")
             << op.getWeight().getType();
    ArrayRef<int64_t> inner = ArrayRef(shape).drop_front();
    outputs = shape.front();
    channels = op.getChannelsLast() ? inner.back() : inner.front();
    taps = llvm::to_vector(op.getChannelsLast() ? inner.drop_back()
                                                : inner.drop_front());
    if (op.getPackedFrom() &&
        !(op.getChannelsLast() && (op.getGroups() == 1 || isDepthwise())))
      return op.emitOpError("expected a packed weight only in channels-last "
                            "order and with 1 group or depthwise, got ")
             << op.getGroups() << " groups";
    return success();
  }

  void bringChannelsLast() {
    if (op.getChannelsLast())
      return;
    SmallVector<int64_t> order = channelsLastOrder(input.rank());
    input = lowering.transpose(loc, input, order);
    weight = lowering.transpose(loc, weight, order);
    SymbolicShape shape;
    for (int64_t i : order)
      shape.push_back(result.shape[i]);
    result.shape = shape;
  }

  bool isDepthwise() {
    return channels == 1 && outputs == int64_t(op.getGroups());
  }

  /// [channel, taps…, 1] -> [taps…, channel]: channels are contiguous.
  Tensor tapsFirst() {
    SymbolicShape flat(ArrayRef(weight.shape).drop_back());
    SmallVector<int64_t> order =
        llvm::to_vector(llvm::seq<int64_t>(1, int64_t(flat.size())));
    order.push_back(0);
    return lowering.transpose(loc, lowering.reshape(loc, weight, flat), order);
  }

  /// One chain over the taps for each channel.
  Tensor depthwise() {
    MLIRContext *context = op.getContext();
    Tensor byTap = op.getPackedFrom() ? weight : tapsFirst();
    SmallVector<AffineExpr> dims;
    for (unsigned i = 0; i < window.rank(); ++i)
      dims.push_back(getAffineDimExpr(window.rank() + 2 + i, context));
    dims.push_back(getAffineDimExpr(window.rank() + 1, context));
    Type f32 = lowering.builder.getF32Type();
    return lowering.generic(
        loc, {input, byTap},
        lowering.fill(loc, result.shape, f32,
                      lowering.builder.getF32FloatAttr(0)),
        {window.inputMap(context),
         AffineMap::get(window.rank() * 2 + 2, 0, dims, context),
         window.outputMap(context)},
        window.iterators(),
        [](OpBuilder &b, Location at, ValueRange args) -> Value {
          return math::FmaOp::create(b, at, args[0], args[1], args[2]);
        });
  }

  Tensor grouped() {
    int64_t groups = op.getGroups();
    BLayout layout = BLayout::Packed;
    if (!op.getPackedFrom()) {
      layout = BLayout::Transposed;
      int64_t depth = channels;
      for (int64_t extent : taps)
        depth *= extent;
      weight = lowering.reshape(
          loc, weight,
          {lowering.constantExpr(outputs), lowering.constantExpr(depth)});
    }
    if (groups == 1)
      return contractGroup(input, weight, layout, result.shape);
    Tensor output = lowering.empty(loc, result.shape, input.element);
    SymbolicShape starts(result.rank(), lowering.constantExpr(0));
    int64_t perGroup = outputs / groups;
    for (int64_t group = 0; group < groups; ++group) {
      Tensor part =
          sliceOf(input, input.rank() - 1, group * channels, channels);
      Tensor rows = sliceOf(weight, 0, group * perGroup, perGroup);
      SymbolicShape shape = result.shape;
      shape.back() = lowering.constantExpr(perGroup);
      Tensor sum = contractGroup(part, rows, layout, shape);
      starts.back() = lowering.constantExpr(group * perGroup);
      output = lowering.insert(loc, sum, output, starts);
    }
    return output;
  }

  Tensor sliceOf(const Tensor &tensor, int64_t axis, int64_t start,
                 int64_t size) {
    SymbolicShape starts(tensor.rank(), lowering.constantExpr(0));
    SymbolicShape shape = tensor.shape;
    starts[axis] = lowering.constantExpr(start);
    shape[axis] = lowering.constantExpr(size);
    SmallVector<int64_t> ones(tensor.rank(), 1);
    return lowering.slice(loc, tensor, starts, shape, ones);
  }

  Tensor contractGroup(const Tensor &part, const Tensor &rows, BLayout layout,
                       ArrayRef<AffineExpr> shape) {
    Type f32 = lowering.builder.getF32Type();
    return contract(
        lowering, loc, patches(part), rows, layout,
        lowering.fill(loc, shape, f32, lowering.builder.getF32FloatAttr(0)));
  }

  /// [n, out…, taps * c]
  Tensor patches(const Tensor &part) {
    auto isOne = [](int64_t value) { return value == 1; };
    bool point = llvm::all_of(taps, isOne);
    if (point && llvm::all_of(window.strides, isOne))
      return part;
    MLIRContext *context = op.getContext();
    unsigned spatial = window.rank();
    SymbolicShape shape(ArrayRef(result.shape).drop_back());
    SymbolicShape flat = shape;
    AffineExpr depth = part.shape.back();
    for (int64_t extent : taps) {
      shape.push_back(lowering.constantExpr(extent));
      depth = depth * extent;
    }
    shape.push_back(part.shape.back());
    flat.push_back(canonicalize(depth));
    SmallVector<AffineExpr> dims = {getAffineDimExpr(0, context)};
    for (unsigned i = 0; i < spatial; ++i)
      dims.push_back(getAffineDimExpr(1 + i, context) * window.strides[i] +
                     getAffineDimExpr(1 + spatial + i, context) *
                         window.dilations[i]);
    dims.push_back(getAffineDimExpr(1 + 2 * spatial, context));
    Tensor copy = lowering.copyWith(
        loc, shape, part, AffineMap::get(2 + 2 * spatial, 0, dims, context));
    return lowering.reshape(loc, copy, flat);
  }

  Lowering &lowering;
  ConvOp op;
  Location loc;
  Tensor input, weight, result;
  int64_t outputs = 0, channels = 0;
  SmallVector<int64_t> taps;
  Window window;
};
} // namespace

LogicalResult lowerConvolution(Lowering &lowering, ConvOp op) {
  return Convolution(lowering, op).lower();
}

} // namespace quantc::qnntolinalg

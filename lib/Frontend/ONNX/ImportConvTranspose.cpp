// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ConvTranspose.  Outputs that lie `stride` apart see the same taps, so each
// such phase is a plain convolution of the input.  All of them are one, with a
// set of channels per phase, whose phases are then interleaved (the sub-pixel
// convolution of Shi et al., arXiv:1609.07009).  What has no contraction
// (float64, padding that depends on sizes) is a scalar program.

#include "Program.h"
#include "Window.h"
#include <numeric>

using namespace mlir;

namespace quantc::onnx_frontend {
namespace {

struct Transposed {
  Value x, weight, bias;
  Window window;
  int64_t groups, channels, outputs; ///< outputs of one group
  SymbolicShape dims, shape;         ///< of the input and the result

  size_t rank() const { return window.kernel.size(); }
  int64_t reach(size_t i) const {
    return window.dilations[i] * (window.kernel[i] - 1) + 1;
  }
  /// Taps of one phase along an axis.
  int64_t taps(size_t i) const {
    return llvm::divideCeil(reach(i), window.strides[i]);
  }
  int64_t phases() const {
    return std::accumulate(window.strides.begin(), window.strides.end(),
                           int64_t(1), std::multiplies<int64_t>());
  }
};

} // namespace

/// Padding and output sizes of ConvTranspose, whose attributes may give either.
static FailureOr<SymbolicShape>
transposedShape(NodeImport &n, ArrayRef<AffineExpr> spatial, Window &window,
                ArrayRef<int64_t> outputPadding) {
  size_t rank = spatial.size();
  auto sizes = n.intsAttr("output_shape");
  std::string automatic = n.stringAttr("auto_pad", "NOTSET");
  SymbolicShape shape;
  if (sizes && sizes->size() > rank)
    sizes->erase(sizes->begin(), sizes->end() - rank);
  if (sizes && sizes->size() != rank)
    return n.error("expected 'output_shape' with " + Twine(rank) + " entries");
  for (size_t i = 0; i < rank; ++i) {
    int64_t reach = window.dilations[i] * (window.kernel[i] - 1) + 1;
    AffineExpr full =
        (spatial[i] - 1) * window.strides[i] + (reach + outputPadding[i]);
    bool same = automatic == "SAME_UPPER" || automatic == "SAME_LOWER";
    if (sizes || same) {
      AffineExpr want =
          sizes ? n.expr((*sizes)[i]) : spatial[i] * window.strides[i];
      int64_t total = staticExtent(canonicalize(full - want));
      if (ShapedType::isDynamic(total))
        return n.unsupported("with an output shape over a dynamic extent");
      total = std::max<int64_t>(0, total);
      // Odd padding goes to the end, except by SAME_UPPER of a fixed size.
      bool endFirst = automatic == "SAME_UPPER";
      window.padLow[i] = endFirst ? total / 2 : total - total / 2;
      window.padHigh[i] = total - window.padLow[i];
      shape.push_back(want);
      continue;
    }
    shape.push_back(full - (window.padLow[i] + window.padHigh[i]));
    if (failed(n.needNonNegative(shape.back(), "an output of size 0 or more")))
      return failure();
  }
  return shape;
}

//===----------------------------------------------------------------------===//
// As a convolution
//===----------------------------------------------------------------------===//

/// Positions behind the input that the last outputs see, one entry per axis;
/// failure where they depend on the input's size.
static FailureOr<SmallVector<int64_t>> rowsBehind(const Transposed &t) {
  SmallVector<int64_t> high;
  for (size_t i = 0; i < t.rank(); ++i) {
    AffineExpr positions =
        (t.shape[i + 2] + t.window.padLow[i]).ceilDiv(t.window.strides[i]);
    int64_t behind = staticExtent(canonicalize(positions - t.dims[i + 2]));
    if (ShapedType::isDynamic(behind))
      return failure();
    high.push_back(std::max<int64_t>(0, behind));
  }
  return high;
}

/// Axis `axis` of extent k as [taps, stride]: zeros between the taps of a
/// dilated kernel and behind the last, and the taps in reverse.
static Value splitTaps(NodeImport &n, const Transposed &t, Value w, size_t i,
                       size_t axis) {
  if (!w)
    return {};
  SymbolicShape shape = n.shape(w);
  int64_t dilation = t.window.dilations[i], stride = t.window.strides[i];
  auto padEnd = [&](size_t at, int64_t count) {
    SmallVector<int64_t> low(n.rank(w), 0), high(n.rank(w), 0);
    high[at] = count;
    if (count > 0)
      w = n.create<qnn::PadOp>(n.elementType(w), w,
                               n.builder().getDenseI64ArrayAttr(low),
                               n.builder().getDenseI64ArrayAttr(high),
                               n.builder().getF64FloatAttr(0));
  };
  int64_t extent = t.window.kernel[i], want = t.taps(i) * stride;
  if (dilation > 1) {
    SymbolicShape apart = shape;
    apart.insert(apart.begin() + axis + 1, n.expr(1));
    w = n.reshape(w, apart);
    padEnd(axis + 1, dilation - 1);
    extent *= dilation;
    shape[axis] = n.expr(extent);
    w = n.reshape(w, shape);
  }
  if (extent > want) {
    shape[axis] = n.expr(want);
    w = n.slice(w, SymbolicShape(shape.size(), n.expr(0)), shape,
                SmallVector<int64_t>(shape.size(), 1));
  } else {
    padEnd(axis, want - extent);
  }
  shape[axis] = n.expr(t.taps(i));
  shape.insert(shape.begin() + axis + 1, n.expr(stride));
  w = n.reshape(w, shape);
  if (t.taps(i) == 1)
    return w;
  SymbolicShape starts(shape.size(), n.expr(0));
  SmallVector<int64_t> steps(shape.size(), 1);
  starts[axis] = n.expr(t.taps(i) - 1);
  steps[axis] = -1;
  return n.slice(w, starts, shape, steps);
}

/// [groups * phases * outputs, taps..., depth] of [channels, outputs,
/// kernel...].
static Value phaseWeight(NodeImport &n, const Transposed &t) {
  SymbolicShape shape = n.shape(t.weight);
  int64_t depth = t.channels / t.groups;
  shape.insert(shape.begin(), n.expr(t.groups));
  shape[1] = n.expr(depth);
  Value w = n.reshape(t.weight, shape);
  for (size_t i = 0; i < t.rank(); ++i)
    w = splitTaps(n, t, w, i, 3 + 2 * i);
  SymbolicShape result = {n.expr(t.groups * t.outputs * t.phases())};
  SmallVector<int64_t> order = {0}, taps;
  for (size_t i = 0; i < t.rank(); ++i) {
    order.push_back(4 + 2 * i);
    taps.push_back(3 + 2 * i);
    result.push_back(n.expr(t.taps(i)));
  }
  order.push_back(2);
  order.append(taps);
  order.push_back(1);
  result.push_back(n.expr(depth));
  return n.reshape(n.transpose(w, order), result);
}

/// The bias of a channel for each of its phases.
static Value phaseBias(NodeImport &n, const Transposed &t) {
  AffineExpr groups = n.expr(t.groups), outputs = n.expr(t.outputs);
  Value rows = n.reshape(t.bias, {groups, n.expr(1), outputs});
  Value all = n.broadcastTo(rows, {groups, n.expr(t.phases()), outputs});
  return n.reshape(all, {n.expr(t.groups * t.outputs * t.phases())});
}

/// [n, q..., groups * phases * outputs] as [n, q * stride..., channels].
static Value interleave(NodeImport &n, const Transposed &t, Value phases) {
  if (!phases || t.phases() == 1)
    return phases;
  SymbolicShape dims = n.shape(phases), apart(dims);
  apart.back() = n.expr(t.groups);
  SymbolicShape joined = {dims[0]};
  SmallVector<int64_t> order = {0};
  for (size_t i = 0; i < t.rank(); ++i) {
    apart.push_back(n.expr(t.window.strides[i]));
    order.push_back(1 + i);
    order.push_back(2 + t.rank() + i);
    joined.push_back(dims[1 + i] * t.window.strides[i]);
  }
  apart.push_back(n.expr(t.outputs));
  order.push_back(1 + t.rank());
  order.push_back(2 + 2 * t.rank());
  joined.push_back(n.expr(t.groups * t.outputs));
  return n.reshape(n.transpose(n.reshape(phases, apart), order), joined);
}

static Value asConvolution(NodeImport &n, const Transposed &t,
                           ArrayRef<int64_t> high) {
  // Channels are last from here to the end, which is how convolutions compute.
  SmallVector<int64_t> low, ones(t.rank(), 1), toLast = {0}, toFirst = {0};
  toFirst.push_back(t.rank() + 1);
  for (size_t i = 0; i < t.rank(); ++i) {
    low.push_back(t.taps(i) - 1);
    toLast.push_back(2 + i);
    toFirst.push_back(1 + i);
  }
  toLast.push_back(1);
  Value weight = phaseWeight(n, t), bias;
  if (t.bias)
    bias = phaseBias(n, t);
  Value phases = n.create<qnn::ConvOp>(
      n.elementType(t.x), n.transpose(t.x, toLast), weight, OptionalValue{bias},
      ArrayRef<int64_t>(ones), ArrayRef<int64_t>(ones), ArrayRef<int64_t>(low),
      high, t.groups, /*channels_last=*/true, DenseI64ArrayAttr());
  Value whole = interleave(n, t, phases);
  SymbolicShape starts = {n.expr(0)}, sizes = {t.shape[0]};
  for (size_t i = 0; i < t.rank(); ++i) {
    starts.push_back(n.expr(t.window.padLow[i]));
    sizes.push_back(t.shape[2 + i]);
  }
  starts.push_back(n.expr(0));
  sizes.push_back(t.shape[1]);
  Value part =
      n.slice(whole, starts, sizes, SmallVector<int64_t>(sizes.size(), 1));
  return n.transpose(part, toFirst);
}

//===----------------------------------------------------------------------===//
// As a scalar program
//===----------------------------------------------------------------------===//

static Value asProgram(NodeImport &n, const Transposed &t) {
  SmallVector<Value> inputs = {t.x, t.weight};
  if (t.bias)
    inputs.push_back(t.bias);
  const Window &window = t.window;
  int64_t depth = t.channels / t.groups;
  Type type = n.elementType(t.x);
  return compute(n, type, t.shape, inputs, [&](Program &p) {
    Type scalar = scalarType(type);
    Value group = p.div(p.at(1), p.index(t.outputs));
    Value output = p.rem(p.at(1), p.index(t.outputs));
    Values bounds;
    for (int64_t extent : window.kernel)
      bounds.push_back(p.index(extent));
    bounds.push_back(p.index(depth));
    Value sum =
        p.nest(bounds, p.constant(scalar, 0), [&](ValueRange tap, Value sum) {
          Value valid;
          Value channel = p.add(p.mul(group, p.index(depth)), tap.back());
          Values position = {p.at(0), channel}, weight = {channel, output};
          for (size_t i = 0; i < t.rank(); ++i) {
            position.push_back(windowStart(
                p, p.at(i + 2), tap[i], window.padLow[i], window.dilations[i],
                window.strides[i], p.extent(t.dims[i + 2]), valid));
            weight.push_back(tap[i]);
          }
          Value next = p.fma(p.read(0, position), p.read(1, weight), sum);
          return p.select(valid, next, sum);
        });
    return t.bias ? p.add(sum, p.read(2, p.at(1))) : sum;
  });
}

//===----------------------------------------------------------------------===//
// The operator
//===----------------------------------------------------------------------===//

static LogicalResult readTransposed(NodeImport &n, Transposed &t) {
  t.x = n.value(0);
  t.weight = n.value(1);
  SmallVector<Value> inputs = {t.x, t.weight};
  if (n.has(2))
    inputs.push_back(t.bias = n.value(2));
  if (failed(sameType(n, inputs, isFloat)))
    return failure();
  t.dims = n.shape(t.x);
  SymbolicShape filter = n.shape(t.weight);
  if (t.dims.size() < 3 || filter.size() != t.dims.size())
    return n.error("expected an input of rank 3 or more and a weight of the "
                   "same rank");
  size_t rank = t.dims.size() - 2;
  Window &window = t.window;
  for (AffineExpr extent : ArrayRef(filter).drop_front(2))
    window.kernel.push_back(staticExtent(extent));
  t.channels = staticExtent(filter[0]);
  t.outputs = staticExtent(filter[1]);
  t.groups = n.intAttr("group", 1);
  if (t.channels < 1 || t.outputs < 1 ||
      llvm::any_of(window.kernel, [](int64_t k) { return k < 1; }))
    return n.unsupported("with a weight of dynamic shape");
  SmallVector<int64_t> pads, outputPadding;
  if (failed(readList(n, "strides", rank, 1, 1, window.strides)) ||
      failed(readList(n, "dilations", rank, 1, 1, window.dilations)) ||
      failed(readList(n, "pads", 2 * rank, 0, 0, pads)) ||
      failed(readList(n, "output_padding", rank, 0, 0, outputPadding)) ||
      failed(n.needEqual(t.dims[1], filter[0])))
    return failure();
  // The weight knows what a reshape with -1 before it does not.
  t.dims[1] = filter[0];
  t.x = n.reshape(t.x, t.dims);
  for (size_t i = 0; i < rank; ++i)
    if (std::max({window.kernel[i], window.strides[i], window.dilations[i]}) >
        std::numeric_limits<int32_t>::max())
      return n.error("expected strides, dilations and a kernel below 2^31");
  if (t.groups < 1 || t.channels % t.groups != 0)
    return n.error("expected 'group' to divide " + Twine(t.channels) +
                   " channels, got " + Twine(t.groups));
  AffineExpr biases = n.expr(t.groups * t.outputs);
  if (t.bias && (n.rank(t.bias) != 1 || n.shape(t.bias)[0] != biases))
    return n.error("expected a bias of " + Twine(t.groups * t.outputs) +
                   " elements");
  window.padLow.assign(pads.begin(), pads.begin() + rank);
  window.padHigh.assign(pads.begin() + rank, pads.end());
  auto spatial =
      transposedShape(n, ArrayRef(t.dims).drop_front(2), window, outputPadding);
  if (failed(spatial))
    return failure();
  t.shape = {t.dims[0], biases};
  for (AffineExpr extent : *spatial)
    t.shape.push_back(canonicalize(extent));
  return success();
}

static LogicalResult importConvTranspose(NodeImport &n) {
  Transposed t;
  if (failed(readTransposed(n, t)))
    return failure();
  auto high = rowsBehind(t);
  // Strides far beyond the kernel would multiply channels by zeros.
  bool pays = llvm::all_of(llvm::seq(t.rank()), [&](size_t i) {
    return t.window.strides[i] <= 2 * t.window.kernel[i];
  });
  return n.result(failed(high) || n.elementType(t.x).isF64() || !pays
                      ? asProgram(n, t)
                      : asConvolution(n, t, *high));
}

void registerConvTranspose(Registry &r) {
  r.add("ConvTranspose", importConvTranspose);
}

} // namespace quantc::onnx_frontend

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads between pixels at positions that are data: GridSample, RoiAlign,
// DeformConv.

#include "Program.h"
#include <cmath>

using namespace mlir;

namespace quantc::onnx_frontend {
namespace {

/// One spatial dimension of a sampled image.
struct SampleAxis {
  Value extent;    ///< as an index
  Value low, high; ///< the border, as floats
  Value position;  ///< as a float
};

enum class Padding { Zeros, Border, Reflection };

} // namespace

/// Mirrors x at the borders until it is between them.
static Value reflect(Program &p, Value x, Value low, Value high) {
  Type type = x.getType();
  Value one = p.constant(type, 1), two = p.constant(type, 2);
  Value range = p.sub(high, low);
  // A border of one point: all positions are that one.
  range = p.select(p.less(p.constant(type, 0), range), range, one);
  auto mirrored = [&](Value distance, Value near, bool fromLow) {
    Value count = p.floor(p.div(distance, range));
    Value rest = p.sub(distance, p.mul(count, range));
    Value half = p.floor(p.div(count, two));
    Value isEven = p.equal(p.mul(half, two), count);
    Value far = near == low ? high : low;
    Value inward = fromLow ? p.add(near, rest) : p.sub(near, rest);
    Value outward = fromLow ? p.sub(far, rest) : p.add(far, rest);
    return p.select(isEven, inward, outward);
  };
  Value below = mirrored(p.sub(low, x), low, true);
  Value above = mirrored(p.sub(x, high), high, false);
  return p.select(p.less(x, low), below, p.select(p.less(high, x), above, x));
}

/// The pixel that index i stands for, and whether it counts.
static Value padIndex(Program &p, Padding padding, const SampleAxis &axis,
                      Value i, Value &counts) {
  if (padding == Padding::Zeros) {
    Value inside = p.inside(i, axis.extent);
    counts = counts ? p.both(counts, inside) : inside;
  }
  if (padding != Padding::Reflection)
    return i;
  Value at = p.toFloat(i, axis.position.getType());
  return p.truncateToIndex(reflect(p, at, axis.low, axis.high));
}

/// The weights of the taps around a position: 2 (linear) or 4 (cubic).
static Values tapWeights(Program &p, Value ratio, bool isCubic) {
  Type type = ratio.getType();
  auto number = [&](double value) { return p.constant(type, value); };
  Value one = number(1), rest = p.sub(one, ratio);
  if (!isCubic)
    return {rest, ratio};
  const double a = -0.75;
  auto outer = [&](Value x) {
    Value sum = p.sub(p.mul(number(a), x), number(5 * a));
    sum = p.add(p.mul(sum, x), number(8 * a));
    return p.sub(p.mul(sum, x), number(4 * a));
  };
  auto inner = [&](Value x) {
    Value sum = p.sub(p.mul(number(a + 2), x), number(a + 3));
    return p.add(p.mul(p.mul(sum, x), x), one);
  };
  return {outer(p.add(ratio, one)), inner(ratio), inner(rest),
          outer(p.add(rest, one))};
}

/// Interpolates between the pixels around the axes' positions; `lead` indexes
/// what is before the spatial dimensions.  `takesMax`: the largest of the
/// weighted pixels in place of their sum.
static Value sampleAt(Program &p, Values lead, ArrayRef<SampleAxis> axes,
                      bool isCubic, Padding padding, bool takesMax = false) {
  Type type = axes.front().position.getType();
  Type element = p.elementType(0);
  SmallVector<Values> weights;
  Values origins, bounds;
  for (const SampleAxis &axis : axes) {
    Value low = p.floor(axis.position);
    weights.push_back(tapWeights(p, p.sub(axis.position, low), isCubic));
    origins.push_back(p.sub(p.truncateToIndex(low), p.index(isCubic ? 1 : 0)));
    bounds.push_back(p.index(isCubic ? 4 : 2));
  }
  return p.nest(
      bounds, p.constant(scalarType(element), takesMax ? -INFINITY : 0),
      [&](ValueRange taps, Value sum) {
        Value counts, weight;
        Values position = lead;
        for (auto [d, axis] : llvm::enumerate(axes)) {
          position.push_back(
              padIndex(p, padding, axis, p.add(origins[d], taps[d]), counts));
          Value part = weights[d].back();
          for (size_t k = weights[d].size() - 1; k-- > 0;)
            part = p.select(p.equal(taps[d], p.index(k)), weights[d][k], part);
          weight = weight ? p.mul(weight, part) : part;
        }
        Value pixel = p.read(0, position);
        if (counts)
          pixel = p.select(counts, pixel, p.constant(pixel.getType(), 0));
        pixel = p.mul(p.convert(weight, type, pixel.getType()), pixel);
        return takesMax ? p.max(sum, pixel) : p.add(sum, pixel);
      });
}

/// From [-1, 1] to positions in pixels, made to fit by the padding mode.
static SampleAxis gridAxis(Program &p, Value normal, Value extent,
                           bool alignCorners, bool isNearest, Padding padding) {
  Type type = normal.getType();
  auto number = [&](double value) { return p.constant(type, value); };
  Value length = p.toFloat(extent, type), one = number(1), half = number(0.5);
  SampleAxis axis{extent, number(-0.5), p.sub(length, half), {}};
  Value shifted = p.add(normal, one);
  if (alignCorners) {
    axis.low = number(0);
    axis.high = p.sub(length, one);
    axis.position = p.mul(p.div(shifted, number(2)), axis.high);
  } else {
    axis.position = p.div(p.sub(p.mul(shifted, length), one), number(2));
  }
  if (isNearest)
    axis.position = p.unary<math::RoundEvenOp>(axis.position);
  if (padding == Padding::Border)
    axis.position = p.min(p.max(axis.position, number(0)), p.sub(length, one));
  else if (padding == Padding::Reflection)
    axis.position = reflect(p, axis.position, axis.low, axis.high);
  return axis;
}

static LogicalResult importGridSample(NodeImport &n) {
  Value x = n.value(0), grid = n.value(1);
  if (failed(sameType(n, {x}, isFloat)) || failed(sameType(n, {grid}, isFloat)))
    return failure();
  SymbolicShape dims = n.shape(x), where = n.shape(grid);
  size_t spatial = dims.size() - 2;
  if (dims.size() < 3 || where.size() != dims.size() ||
      staticExtent(where.back()) != int64_t(spatial) ||
      failed(n.needEqual(dims[0], where[0])))
    return n.error("expected a grid [batch, positions..., " + Twine(spatial) +
                   "]");
  std::string mode = n.stringAttr("mode", "linear");
  std::string padding = n.stringAttr("padding_mode", "zeros");
  bool isNearest = mode == "nearest",
       isCubic = mode == "cubic" || mode == "bicubic";
  if (!isNearest && !isCubic && mode != "linear" && mode != "bilinear")
    return n.error("unknown mode " + quote(mode));
  if (!llvm::is_contained({"zeros", "border", "reflection"}, padding))
    return n.error("unknown padding_mode " + quote(padding));
  Padding kind = padding == "zeros"    ? Padding::Zeros
                 : padding == "border" ? Padding::Border
                                       : Padding::Reflection;
  bool alignCorners = n.intAttr("align_corners", 0) != 0;
  SymbolicShape shape = {dims[0], dims[1]};
  shape.append(where.begin() + 1, where.end() - 1);
  return n.result(
      compute(n, n.elementType(x), shape, {x, grid}, [&](Program &p) {
        SmallVector<SampleAxis> axes;
        for (size_t d = 0; d < spatial; ++d) {
          Values at = p.at();
          at.erase(at.begin() + 1);
          at.push_back(p.index(spatial - 1 - d)); // x comes first
          axes.push_back(gridAxis(p, p.read(1, at), p.extent(dims[d + 2]),
                                  alignCorners, isNearest, kind));
        }
        Values lead = {p.at(0), p.at(1)};
        if (!isNearest)
          return sampleAt(p, lead, axes, isCubic, kind);
        Value counts;
        for (const SampleAxis &axis : axes)
          lead.push_back(padIndex(p, kind, axis,
                                  p.truncateToIndex(axis.position), counts));
        Value pixel = p.read(0, lead);
        return counts ? p.select(counts, pixel, p.constant(pixel.getType(), 0))
                      : pixel;
      }));
}

//===----------------------------------------------------------------------===//
// RoiAlign
//===----------------------------------------------------------------------===//

namespace {

/// One side of a region: where its bins start, how large and how many samples.
struct RoiSide {
  Value start, bin, samples, extent;
  /// Samples are a pixel or less apart; else their number is given.
  bool isAdaptive = false;
};

} // namespace

static RoiSide roiSide(Program &p, Value low, Value high, double offset,
                       int64_t bins, int64_t ratio, Value extent) {
  Type type = low.getType();
  low = p.sub(low, p.constant(type, offset));
  Value length = p.sub(p.sub(high, p.constant(type, offset)), low);
  if (offset == 0)
    length = p.max(length, p.constant(type, 1));
  RoiSide side{low, p.div(length, p.constant(type, double(bins))), {}, extent};
  side.isAdaptive = ratio == 0;
  if (!side.isAdaptive) {
    side.samples = p.index(ratio);
    return side;
  }
  Value one = p.constant(type, 1);
  side.samples = p.truncateToIndex(
      p.unary<math::CeilOp>(p.select(p.isNan(side.bin), one, side.bin)));
  side.samples = p.max(p.min(side.samples, p.index(1 << 30)), p.index(0));
  return side;
}

/// The first sample of a bin that may be inside of the image, and the end of
/// those.  Regions are run-time data and may be far larger than the image; what
/// is outside counts as 0.
static std::pair<Value, Value> insideSamples(Program &p, const RoiSide &side,
                                             Value bin) {
  if (!side.isAdaptive)
    return {p.index(0), side.samples};
  Type type = side.bin.getType(), f64 = p.builder.getF64Type();
  Value size = p.convert(side.bin, type, f64);
  Value start =
      p.add(p.convert(side.start, type, f64), p.mul(p.toFloat(bin, f64), size));
  Value step = p.div(size, p.toFloat(side.samples, f64));
  auto sampleAt = [&](Value position) {
    Value at = p.div(p.sub(position, start), step);
    at = p.max(p.min(at, p.constant(f64, 0x1p32)), p.constant(f64, -8));
    return p.truncateToIndex(p.floor(at));
  };
  // Positions are rounded: two more on each side.
  Value two = p.index(2), zero = p.index(0);
  Value first = p.sub(sampleAt(p.constant(f64, -1)), two);
  first = p.min(p.max(first, zero), side.samples);
  Value end = p.add(sampleAt(p.toFloat(side.extent, f64)), p.index(3));
  // Steps are longer than half a pixel.
  Value most = p.add(p.mul(side.extent, two), p.index(10));
  end = p.min(p.min(end, side.samples), p.add(first, most));
  return {first, p.max(end, first)};
}

/// The position of sample i of a bin; `counts` becomes false where it is more
/// than a pixel outside.
static SampleAxis roiPosition(Program &p, const RoiSide &side, Value bin,
                              Value i, Value &counts) {
  Type type = side.bin.getType();
  Value half = p.constant(type, 0.5), zero = p.constant(type, 0);
  Value inBin = p.div(p.mul(p.add(p.toFloat(i, type), half), side.bin),
                      p.toFloat(side.samples, type));
  Value at =
      p.add(p.add(side.start, p.mul(p.toFloat(bin, type), side.bin)), inBin);
  Value extent = p.toFloat(side.extent, type);
  Value outside =
      p.either(p.less(at, p.constant(type, -1)), p.less(extent, at));
  counts = counts ? p.both(counts, p.negate(outside)) : p.negate(outside);
  Value last = p.sub(extent, p.constant(type, 1));
  at = p.min(p.max(at, zero), last);
  return {side.extent, zero, last, at};
}

static LogicalResult importRoiAlign(NodeImport &n) {
  Value x = n.value(0), rois = n.value(1), batch = n.value(2);
  if (failed(sameType(n, {x, rois}, isFloat)) || !batch)
    return failure();
  SymbolicShape dims = n.shape(x), boxes = n.shape(rois);
  int64_t height = n.intAttr("output_height", 1);
  int64_t width = n.intAttr("output_width", 1);
  int64_t ratio = n.intAttr("sampling_ratio", 0);
  if (dims.size() != 4 || boxes.size() != 2 || staticExtent(boxes[1]) != 4 ||
      height < 1 || width < 1 || height > 1 << 20 || width > 1 << 20)
    return n.error("expected an image of rank 4 and regions [count, 4]");
  if (ratio < 0 || ratio > 1 << 14)
    return n.error("expected 'sampling_ratio' of 0 to 2^14, got " +
                   Twine(ratio));
  std::string mode = n.stringAttr("mode", "avg");
  bool takesMax = mode == "max";
  if (mode != "avg" && !takesMax)
    return n.error("unknown mode " + quote(mode));
  double scale = n.floatAttr("spatial_scale", 1.0f);
  bool half = n.stringAttr("coordinate_transformation_mode",
                           n.opset < 16 ? "output_half_pixel" : "half_pixel") ==
              "half_pixel";
  Type type = n.elementType(x), batchType = n.elementType(batch);
  SymbolicShape shape = {boxes[0], dims[1], n.expr(height), n.expr(width)};
  return n.result(compute(n, type, shape, {x, rois, batch}, [&](Program &p) {
    Type scalar = scalarType(type);
    auto corner = [&](int64_t i) {
      return p.mul(p.read(1, {p.at(0), p.index(i)}), p.constant(scalar, scale));
    };
    double offset = half ? 0.5 : 0;
    RoiSide rows = roiSide(p, corner(1), corner(3), offset, height, ratio,
                           p.extent(dims[2]));
    RoiSide columns = roiSide(p, corner(0), corner(2), offset, width, ratio,
                              p.extent(dims[3]));
    Value image = p.toIndex(p.read(2, p.at(0)), batchType);
    auto [top, bottom] = insideSamples(p, rows, p.at(2));
    auto [left, right] = insideSamples(p, columns, p.at(3));
    Value height = p.sub(bottom, top), width = p.sub(right, left);
    Value zero = p.constant(scalar, 0);
    Value sum = p.nest(
        {height, width}, takesMax ? p.constant(scalar, -INFINITY) : zero,
        [&, top = top, left = left](ValueRange i, Value sum) {
          Value counts;
          SmallVector<SampleAxis> axes = {
              roiPosition(p, rows, p.at(2), p.add(top, i[0]), counts),
              roiPosition(p, columns, p.at(3), p.add(left, i[1]), counts)};
          Value pixel = sampleAt(p, {image, p.at(1)}, axes, false,
                                 Padding::Border, takesMax);
          pixel = p.select(counts, pixel, zero);
          return takesMax ? p.max(sum, pixel) : p.add(sum, pixel);
        });
    Value samples = p.mul(rows.samples, columns.samples);
    if (takesMax) {
      Value all = p.equal(p.mul(height, width), samples);
      sum = p.select(all, sum, p.max(sum, zero));
      return p.select(p.less(p.index(0), samples), sum, zero);
    }
    return p.div(sum, p.toFloat(p.max(samples, p.index(1)), scalar));
  }));
}

//===----------------------------------------------------------------------===//
// DeformConv
//===----------------------------------------------------------------------===//

static FailureOr<SmallVector<int64_t>> intsOr(NodeImport &n, StringRef name,
                                              size_t size, int64_t fallback) {
  SmallVector<int64_t> list(size, fallback);
  if (auto given = n.intsAttr(name))
    list = *given;
  if (list.size() != size || llvm::any_of(list, [](int64_t value) {
        return value < 0 || value > 1 << 20;
      }))
    return n.error("expected " + quote(name) + " with " + Twine(size) +
                   " entries of 0 or more");
  return list;
}

static LogicalResult importDeformConv(NodeImport &n) {
  SmallVector<Value> inputs = {n.value(0), n.value(1), n.value(2)};
  if (failed(sameType(n, inputs, isFloat)))
    return failure();
  SymbolicShape dims = n.shape(inputs[0]), filter = n.shape(inputs[1]);
  SymbolicShape shift = n.shape(inputs[2]);
  if (dims.size() != 4 || filter.size() != 4 || shift.size() != 4)
    return n.unsupported("of another rank than 4");
  auto strides = intsOr(n, "strides", 2, 1);
  auto dilations = intsOr(n, "dilations", 2, 1);
  auto pads = intsOr(n, "pads", 4, 0);
  int64_t groups = n.intAttr("group", 1);
  int64_t offsetGroups = n.intAttr("offset_group", 1);
  int64_t outputs = staticExtent(filter[0]), depth = staticExtent(filter[1]);
  if (failed(strides) || failed(dilations) || failed(pads))
    return failure();
  int64_t channels = 0;
  if (groups < 1 || offsetGroups < 1 || outputs < 1 || depth < 1 ||
      outputs % groups != 0 || llvm::MulOverflow(depth, groups, channels) ||
      channels % offsetGroups != 0 ||
      failed(n.needEqual(dims[1], n.expr(channels))))
    return n.error("expected groups that divide the channels");
  int64_t perOffset = channels / offsetGroups;
  std::optional<size_t> biasAt, maskAt;
  for (auto [position, at] : {std::pair(3, &biasAt), std::pair(4, &maskAt)})
    if (n.has(position)) {
      *at = inputs.size();
      inputs.push_back(n.value(position));
    }
  Type type = n.elementType(inputs[0]);
  SymbolicShape shape = {dims[0], filter[0], shift[2], shift[3]};
  return n.result(compute(n, type, shape, inputs, [&](Program &p) {
    Type scalar = scalarType(type);
    Value zero = p.constant(scalar, 0);
    Value kernel[2] = {p.extent(filter[2]), p.extent(filter[3])};
    Value area = p.mul(kernel[0], kernel[1]);
    Value group = p.div(p.at(1), p.index(outputs / groups));
    Value sum = p.nest(
        {kernel[0], kernel[1], p.index(depth)}, zero,
        [&](ValueRange k, Value sum) {
          Value channel = p.add(p.mul(group, p.index(depth)), k[2]);
          Value offsetGroup = p.div(channel, p.index(perOffset));
          Value tap = p.add(p.mul(k[0], kernel[1]), k[1]);
          Value maskChannel = p.add(p.mul(offsetGroup, area), tap);
          SmallVector<SampleAxis> axes;
          for (int64_t d = 0; d < 2; ++d) {
            Value base = p.sub(p.add(p.mul(p.at(d + 2), p.index((*strides)[d])),
                                     p.mul(k[d], p.index((*dilations)[d]))),
                               p.index((*pads)[d]));
            Value row = p.add(p.mul(maskChannel, p.index(2)), p.index(d));
            Value moved = p.add(p.toFloat(base, scalar),
                                p.read(2, {p.at(0), row, p.at(2), p.at(3)}));
            axes.push_back({p.extent(dims[d + 2]), zero, zero, moved});
          }
          Value pixel =
              sampleAt(p, {p.at(0), channel}, axes, false, Padding::Zeros);
          if (maskAt)
            pixel = p.mul(pixel, p.read(*maskAt, {p.at(0), maskChannel, p.at(2),
                                                  p.at(3)}));
          Value weight = p.read(1, {p.at(1), k[2], k[0], k[1]});
          return p.fma(pixel, weight, sum);
        });
    return biasAt ? p.add(sum, p.read(*biasAt, p.at(1))) : sum;
  }));
}

/// The positions that the rows of theta [n, d, d + 1] map a regular grid to:
/// [n, (depth,) height, width, d].
static LogicalResult importAffineGrid(NodeImport &n) {
  Value theta = n.value(0);
  if (failed(sameType(n, {theta}, isFloat)))
    return failure();
  const ShapeData *size = n.sizes(1, "sizes of 0 or more");
  if (!size)
    return failure();
  SymbolicShape dims = n.shape(theta);
  size_t axes = size->size() < 4 ? 0 : size->size() - 2;
  if ((axes != 2 && axes != 3) || dims.size() != 3)
    return n.error("expected 'theta' of rank 3 and a size of 4 or 5 elements");
  if (failed(n.needEqual(dims[0], size->front())) ||
      failed(n.needEqual(dims[1], n.expr(int64_t(axes)))) ||
      failed(n.needEqual(dims[2], n.expr(int64_t(axes + 1)))))
    return failure();
  SymbolicShape shape = {size->front()};
  shape.append(size->begin() + 2, size->end());
  shape.push_back(n.expr(int64_t(axes)));
  bool isAligned = n.intAttr("align_corners", 0) != 0;
  Type type = n.elementType(theta), scalar = scalarType(type);
  return n.result(compute(n, type, shape, {theta}, [&](Program &p) {
    Value one = p.constant(scalar, 1), two = p.constant(scalar, 2);
    // x, the position along the last axis, comes first.
    Value sum = p.read(0, {p.at(0), p.at(axes + 1), p.index(int64_t(axes))});
    for (size_t j = 0; j < axes; ++j) {
      size_t dim = axes - j;
      Value at = p.toFloat(p.at(dim), scalar);
      Value extent = p.toFloat(p.extent(shape[dim]), scalar);
      // From -1 to 1: at the corners, or at the centers of the pixels.
      Value last = p.sub(extent, one);
      Value step =
          p.div(two, p.select(p.equal(last, p.constant(scalar, 0)), one, last));
      if (!isAligned)
        step = p.div(two, extent);
      Value start =
          isAligned ? p.neg(one) : p.add(p.neg(one), p.div(one, extent));
      Value position = p.add(start, p.mul(at, step));
      Value factor = p.read(0, {p.at(0), p.at(axes + 1), p.index(int64_t(j))});
      sum = p.add(sum, p.mul(factor, position));
    }
    return sum;
  }));
}

void registerSampling(Registry &r) {
  r.add("AffineGrid", importAffineGrid);
  r.add("GridSample", importGridSample);
  r.add("RoiAlign", importRoiAlign);
  r.add("DeformConv", importDeformConv);
}

} // namespace quantc::onnx_frontend

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Resize and Upsample, one axis at a time.  Positions are computed in f64, so
// that a scale of 2/3 rounds like the definition's; weights and sums are in the
// element's own arithmetic.

#include "Program.h"
#include <cmath>

using namespace mlir;

namespace quantc::onnx_frontend {
namespace {

enum class Interpolation { Nearest, Linear, Cubic };

struct ResizeOptions {
  Interpolation mode = Interpolation::Nearest;
  std::string coordinates = "half_pixel", nearest = "round_prefer_floor";
  double cubic = -0.75, extrapolation = 0;
  bool excludeOutside = false, antialias = false;
};

/// One axis: the scale is known, an element of a tensor, or the quotient of two
/// extents.
struct AxisResize {
  int64_t axis = 0;
  AffineExpr from, to;
  std::optional<double> scale;
  double roiStart = 0, roiEnd = 1;
  /// Places in the tensors of run-time scales and regions.
  size_t index = 0;
};

/// Tensors that decide positions during the run; null where none does.
struct RunTimeResize {
  Value scales, roi;
};

/// Writes the interpolation of one element along one axis.
class AxisProgram {
public:
  AxisProgram(Program &p, const ResizeOptions &options, const AxisResize &axis,
              const RunTimeResize &given, size_t axisCount, Type type)
      : p(p), options(options), axis(axis), given(given), axisCount(axisCount),
        scalar(scalarType(type)), f64(p.builder.getF64Type()) {}

  Value emit();

private:
  Value number(double value) { return p.constant(f64, value); }
  /// An element of one of the run-time tensors.
  Value given64(size_t input, size_t index) {
    return p.convert(p.read(input, p.index(int64_t(index))),
                     p.elementType(input), f64);
  }
  Value position();
  Value nearest(Value at);
  Value weighted(Value at);
  Value linearWeight(Value distance);
  Value cubicWeight(Value distance);
  Value read(Value i) {
    Values where = p.at();
    where[axis.axis] = i;
    return p.read(0, where);
  }

  Program &p;
  const ResizeOptions &options;
  const AxisResize &axis;
  const RunTimeResize &given;
  size_t axisCount;
  Type scalar, f64;
  Value scale, from, to, outside;
};

} // namespace

/// The position in the input, by the coordinate transformation.
Value AxisProgram::position() {
  StringRef mode = options.coordinates;
  Value x = p.toFloat(p.at(axis.axis), f64);
  Value half = number(0.5), one = number(1);
  Value halfPixel = p.sub(p.div(p.add(x, half), scale), half);
  Value length = p.mul(scale, from);
  if (mode == "asymmetric")
    return p.div(x, scale);
  if (mode == "align_corners") {
    Value single = p.equal(to, one);
    Value step =
        p.div(p.sub(from, one), p.select(single, one, p.sub(length, one)));
    return p.select(single, number(0), p.mul(x, step));
  }
  if (mode == "pytorch_half_pixel")
    return p.select(p.equal(to, one), number(-0.5), halfPixel);
  if (mode == "tf_half_pixel_for_nn")
    return p.div(p.add(x, half), scale);
  if (mode == "half_pixel_symmetric") {
    Value adjustment = p.div(to, length);
    Value offset = p.mul(p.mul(from, half), p.sub(one, adjustment));
    return p.add(offset, halfPixel);
  }
  if (mode == "tf_crop_and_resize") {
    Value start = number(axis.roiStart), end = number(axis.roiEnd);
    if (given.roi) {
      size_t input = given.scales ? 2 : 1;
      start = given64(input, axis.index);
      end = given64(input, axis.index + axisCount);
    }
    Value span = p.mul(p.sub(end, start), p.sub(from, one));
    Value single = p.equal(length, one);
    Value spread =
        p.div(p.mul(x, span), p.select(single, one, p.sub(length, one)));
    Value at = p.select(single, p.mul(span, half), spread);
    at = p.add(at, p.mul(start, p.sub(from, one)));
    outside = p.either(p.less(at, number(0)), p.less(p.sub(from, one), at));
    return at;
  }
  return halfPixel;
}

Value AxisProgram::nearest(Value at) {
  Value low = p.floor(at), ratio = p.sub(at, low), half = number(0.5);
  Value up;
  if (options.nearest == "floor")
    up = p.boolean(false);
  else if (options.nearest == "ceil")
    up = p.less(number(0), ratio);
  else if (options.nearest == "round_prefer_ceil")
    up = p.lessEqual(half, ratio);
  else
    up = p.less(half, ratio);
  return read(p.truncateToIndex(p.select(up, p.add(low, number(1)), low)));
}

Value AxisProgram::linearWeight(Value distance) {
  return p.max(p.sub(number(1), p.abs(distance)), number(0));
}

Value AxisProgram::cubicWeight(Value distance) {
  double a = options.cubic;
  Value x = p.abs(distance);
  auto polynomial = [&](std::initializer_list<double> coefficients) {
    Value result;
    for (double c : coefficients)
      result = result ? p.add(p.mul(result, x), number(c)) : number(c);
    return result;
  };
  Value inner = polynomial({a + 2, -(a + 3), 0, 1});
  Value outer = polynomial({a, -5 * a, 8 * a, -4 * a});
  Value far = p.select(p.less(x, number(2)), outer, number(0));
  return p.select(p.lessEqual(x, number(1)), inner, far);
}

/// sum of weight(i - at) x[i] over the filter's reach, divided by the sum of
/// weights where that is not 1.
Value AxisProgram::weighted(Value at) {
  bool isLinear = options.mode == Interpolation::Linear;
  Value shrink = number(1), start = p.index(isLinear ? 0 : -1);
  if (options.antialias) {
    shrink = p.min(scale, number(1));
    Value reach = p.floor(p.div(number(isLinear ? -1 : -2), shrink));
    // A scale so small would make a result without elements.
    reach = p.max(reach, number(-0x1p40));
    start = p.add(p.truncateToIndex(reach), p.index(1));
  }
  Value taps = p.sub(p.index(2), p.add(start, start));
  Value low = p.floor(at), origin = p.truncateToIndex(low);
  bool normalizes = options.antialias || options.excludeOutside;
  Value end = p.extent(axis.from);
  Values sums =
      p.loop(p.index(0), taps, {p.constant(scalar, 0), number(0)},
             [&](Value k, ValueRange sum) {
               Value offset = p.add(k, start);
               Value i = p.add(origin, offset);
               Value distance =
                   p.mul(p.sub(p.add(low, p.toFloat(offset, f64)), at), shrink);
               Value weight =
                   isLinear ? linearWeight(distance) : cubicWeight(distance);
               if (options.excludeOutside)
                 weight = p.select(p.inside(i, end), weight, number(0));
               Value factor = p.convert(weight, f64, scalar);
               return Values{p.add(sum[0], p.mul(factor, read(i))),
                             p.add(sum[1], weight)};
             });
  return normalizes ? p.div(sums[0], p.convert(sums[1], f64, scalar)) : sums[0];
}

Value AxisProgram::emit() {
  from = p.toFloat(p.extent(axis.from), f64);
  to = p.toFloat(p.extent(axis.to), f64);
  scale = axis.scale     ? number(*axis.scale)
          : given.scales ? given64(1, axis.index)
                         : p.div(to, from);
  Value at = position();
  Value result =
      options.mode == Interpolation::Nearest ? nearest(at) : weighted(at);
  if (outside)
    result =
        p.select(outside, p.constant(scalar, options.extrapolation), result);
  return result;
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

constexpr int64_t kLargestExtent = int64_t(1) << 31;

/// The sizes that a program of f64 gives for the axes; what is no size is
/// refused.
static LogicalResult
bindSizes(NodeImport &n, ArrayRef<Value> inputs,
          MutableArrayRef<AxisResize> axes,
          llvm::function_ref<Value(Program &, const AxisResize &)> size) {
  Type f64 = n.builder().getF64Type();
  Value list = computeList(n, axes.size(), inputs, [&](Program &p) {
    Values result;
    for (const AxisResize &axis : axes) {
      Value exact = size(p, axis), none = p.constant(f64, -1);
      Value fits = p.both(p.lessEqual(p.constant(f64, 0), exact),
                          p.less(exact, p.constant(f64, 0x1p31)));
      result.push_back(p.truncateToIndex(p.select(fits, exact, none)));
    }
    return result;
  });
  auto bound = n.bindAll(list, "size of " + n.name, "sizes from 0 to 2^31");
  if (failed(bound))
    return failure();
  for (auto [axis, to] : llvm::zip(axes, *bound))
    axis.to = to;
  return success();
}

/// floor(extent * scale).
static FailureOr<AffineExpr> scaledExtent(NodeImport &n, AffineExpr extent,
                                          double scale) {
  int64_t known = staticExtent(extent);
  if (!(scale > 0) || std::isinf(scale))
    return n.error("expected scales above 0");
  if (!ShapedType::isDynamic(known)) {
    double size = std::floor(double(known) * scale);
    if (!(size <= double(kLargestExtent)))
      return n.error("a scale is too large", Status::Limit);
    return n.expr(int64_t(size));
  }
  if (scale == std::floor(scale) && scale < 0x1p20)
    return canonicalize(extent * int64_t(scale));
  double inverse = 1 / scale;
  if (inverse == std::floor(inverse) && inverse < 0x1p20)
    return canonicalize(extent.floorDiv(int64_t(inverse)));
  // Not affine.
  AxisResize axis;
  axis.from = extent;
  if (failed(bindSizes(n, {}, axis, [&](Program &p, const AxisResize &axis) {
        Type f64 = p.builder.getF64Type();
        Value from = p.toFloat(p.extent(axis.from), f64);
        return p.floor(p.mul(from, p.constant(f64, scale)));
      })))
    return failure();
  return axis.to;
}

static LogicalResult scaleAxesBy(NodeImport &n, ArrayRef<double> scales,
                                 MutableArrayRef<AxisResize> axes) {
  if (scales.size() != axes.size())
    return n.error("expected " + Twine(axes.size()) + " scales, got " +
                   Twine(scales.size()));
  for (auto [axis, scale] : llvm::zip(axes, scales)) {
    FailureOr<AffineExpr> size = scaledExtent(n, axis.from, scale);
    if (failed(size))
      return failure();
    axis.to = *size;
    axis.scale = scale;
  }
  return success();
}

/// By an input, which the run may be the first to know.
static LogicalResult scaleAxes(NodeImport &n, size_t input,
                               RunTimeResize &given,
                               MutableArrayRef<AxisResize> axes) {
  if (auto known = n.constantFloats(input))
    return scaleAxesBy(n, *known, axes);
  FailureOr<int64_t> count = n.elements(input);
  given.scales = n.value(input);
  if (failed(count) || !given.scales)
    return failure();
  if (*count != int64_t(axes.size()) || !isFloat(n.elementType(given.scales)))
    return n.error("expected " + Twine(axes.size()) + " scales, got " +
                   Twine(*count));
  return bindSizes(
      n, {given.scales}, axes, [&](Program &p, const AxisResize &axis) {
        Type f64 = p.builder.getF64Type();
        Value scale = p.convert(p.read(0, p.index(int64_t(axis.index))),
                                p.elementType(0), f64);
        Value size = p.floor(p.mul(p.toFloat(p.extent(axis.from), f64), scale));
        Value isPositive = p.less(p.constant(f64, 0), scale);
        return p.select(isPositive, size, p.constant(f64, -1));
      });
}

/// The common scale of a policy that keeps the image's proportions, where an
/// extent is dynamic.
static LogicalResult keepRatio(NodeImport &n, RunTimeResize &given, bool larger,
                               MutableArrayRef<AxisResize> axes) {
  Type f64 = n.builder().getF64Type();
  given.scales =
      compute(n, f64, {n.expr(int64_t(axes.size()))}, {}, [&](Program &p) {
        Value common;
        for (const AxisResize &axis : axes) {
          Value scale = p.div(p.toFloat(p.extent(axis.to), f64),
                              p.toFloat(p.extent(axis.from), f64));
          common = !common  ? scale
                   : larger ? p.max(common, scale)
                            : p.min(common, scale);
        }
        return common;
      });
  if (!given.scales)
    return failure();
  for (AxisResize &axis : axes)
    axis.scale.reset();
  return bindSizes(
      n, {given.scales}, axes, [&](Program &p, const AxisResize &axis) {
        Value from = p.toFloat(p.extent(axis.from), f64);
        Value scale = p.read(0, p.index(int64_t(axis.index)));
        return p.floor(p.add(p.mul(from, scale), p.constant(f64, 0.5)));
      });
}

/// Sizes are exact, or bounds that the image keeps its shape within.
static LogicalResult sizeAxes(NodeImport &n, ArrayRef<AffineExpr> sizes,
                              RunTimeResize &given,
                              MutableArrayRef<AxisResize> axes) {
  if (sizes.size() != axes.size())
    return n.error("expected " + Twine(axes.size()) + " sizes, got " +
                   Twine(sizes.size()));
  std::string policy = n.stringAttr("keep_aspect_ratio_policy", "stretch");
  if (!llvm::is_contained({"stretch", "not_larger", "not_smaller"}, policy))
    return n.error("unknown policy " + quote(policy));
  bool larger = policy == "not_smaller", isKnown = true;
  std::optional<double> common;
  for (auto [axis, size] : llvm::zip(axes, sizes)) {
    if (failed(n.needNonNegative(size, "sizes of 0 or more")))
      return failure();
    axis.to = size;
    int64_t from = staticExtent(axis.from), to = staticExtent(size);
    if (to > kLargestExtent)
      return n.error("a size is too large", Status::Limit);
    if (from <= 0 || to < 0) {
      isKnown = false;
      continue;
    }
    axis.scale = double(to) / double(from);
    double other = common.value_or(*axis.scale);
    common =
        larger ? std::max(other, *axis.scale) : std::min(other, *axis.scale);
  }
  if (policy == "stretch")
    return success();
  if (!isKnown)
    return keepRatio(n, given, larger, axes);
  for (AxisResize &axis : axes) {
    axis.scale = *common;
    double size = double(staticExtent(axis.from)) * *common;
    if (!(size <= double(kLargestExtent)))
      return n.error("a size is too large", Status::Limit);
    axis.to = n.expr(int64_t(std::floor(size + 0.5)));
  }
  return success();
}

static LogicalResult readRoi(NodeImport &n, MutableArrayRef<AxisResize> axes,
                             RunTimeResize &given) {
  auto roi = n.constantFloats(1);
  if (n.has(1) && !roi) {
    FailureOr<int64_t> count = n.elements(1);
    given.roi = n.value(1);
    if (failed(count) || !given.roi)
      return failure();
    if (*count != int64_t(2 * axes.size()) ||
        !isFloat(n.elementType(given.roi)))
      return n.error("expected 'roi' with two numbers per axis");
    return success();
  }
  if (!roi || roi->size() != 2 * axes.size())
    return n.error("expected 'roi' with two numbers per axis");
  for (auto [i, axis] : llvm::enumerate(axes)) {
    axis.roiStart = (*roi)[i];
    axis.roiEnd = (*roi)[i + axes.size()];
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Operators
//===----------------------------------------------------------------------===//

static FailureOr<Interpolation> readMode(NodeImport &n) {
  std::string mode = n.stringAttr("mode", "nearest");
  if (mode == "nearest")
    return Interpolation::Nearest;
  if (mode == "linear" || mode == "bilinear")
    return Interpolation::Linear;
  if (mode == "cubic")
    return Interpolation::Cubic;
  return n.error("unknown mode " + quote(mode));
}

static LogicalResult resizeAxes(NodeImport &n, Value x,
                                const ResizeOptions &options,
                                const RunTimeResize &given,
                                ArrayRef<AxisResize> axes) {
  Type type = n.elementType(x);
  if (options.mode != Interpolation::Nearest && !isFloat(type))
    return n.unsupported("of integers, except to the nearest");
  // The last axis first: rows are read in order while they are longest.
  for (const AxisResize &axis : llvm::reverse(axes)) {
    bool isSame = axis.from == axis.to && axis.scale == 1.0 &&
                  options.coordinates != "tf_crop_and_resize";
    if (isSame || !x)
      continue;
    if (failed(n.needAtMost(n.expr(1), axis.from)))
      return failure();
    SymbolicShape shape = n.shape(x);
    shape[axis.axis] = axis.to;
    SmallVector<Value> inputs = {x};
    for (Value tensor : {given.scales, given.roi})
      if (tensor)
        inputs.push_back(tensor);
    x = compute(n, type, shape, inputs, [&](Program &p) {
      return AxisProgram(p, options, axis, given, axes.size(), type).emit();
    });
  }
  return n.result(x);
}

static FailureOr<SmallVector<AxisResize>> listAxes(NodeImport &n, Value x) {
  SymbolicShape dims = n.shape(x);
  auto list = llvm::to_vector(llvm::seq<int64_t>(0, dims.size()));
  if (auto given = n.intsAttr("axes"))
    list = *given;
  if (failed(n.normalizeAxes(list, dims.size())))
    return failure();
  SmallVector<AxisResize> axes;
  for (int64_t axis : list) {
    axes.emplace_back();
    axes.back().index = axes.size() - 1;
    axes.back().axis = axis;
    axes.back().from = axes.back().to = dims[axis];
  }
  return axes;
}

static bool isGiven(NodeImport &n, size_t index) {
  return n.has(index) && !(n.inputs[index]->shape.size() == 1 &&
                           staticExtent(n.inputs[index]->shape[0]) == 0);
}

static LogicalResult importResize(NodeImport &n) {
  Value x = n.value(0);
  if (failed(sameType(n, {x}, isAny)))
    return failure();
  ResizeOptions options;
  FailureOr<Interpolation> mode = readMode(n);
  auto axes = listAxes(n, x);
  if (failed(mode) || failed(axes))
    return failure();
  options.mode = *mode;
  if (n.opset < 11) {
    options.coordinates = "asymmetric";
    options.nearest = "floor";
  } else {
    options.coordinates =
        n.stringAttr("coordinate_transformation_mode", "half_pixel");
    options.nearest = n.stringAttr("nearest_mode", "round_prefer_floor");
  }
  options.cubic = n.floatAttr("cubic_coeff_a", -0.75f);
  options.extrapolation = n.floatAttr("extrapolation_value", 0.0f);
  options.excludeOutside = n.intAttr("exclude_outside", 0) != 0;
  options.antialias = n.intAttr("antialias", 0) != 0;
  if (!llvm::is_contained({"half_pixel", "half_pixel_symmetric",
                           "pytorch_half_pixel", "align_corners", "asymmetric",
                           "tf_half_pixel_for_nn", "tf_crop_and_resize"},
                          options.coordinates))
    return n.error("unknown coordinate_transformation_mode " +
                   quote(options.coordinates));
  if (!llvm::is_contained(
          {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"},
          options.nearest))
    return n.error("unknown nearest_mode " + quote(options.nearest));
  RunTimeResize given;
  size_t scalesAt = n.opset < 11 ? 1 : 2, sizesAt = 3;
  if (n.opset >= 11 && isGiven(n, sizesAt)) {
    const ShapeData *sizes = n.sizes(sizesAt, "sizes of 0 or more");
    if (!sizes || failed(sizeAxes(n, *sizes, given, *axes)))
      return failure();
  } else if (!n.input(scalesAt) ||
             failed(scaleAxes(n, scalesAt, given, *axes))) {
    return failure();
  }
  if (options.coordinates == "tf_crop_and_resize" &&
      failed(readRoi(n, *axes, given)))
    return failure();
  return resizeAxes(n, x, options, given, *axes);
}

/// Opsets 7 to 9; the scales are an attribute before 9.
static LogicalResult importUpsample(NodeImport &n) {
  Value x = n.value(0);
  if (failed(sameType(n, {x}, isAny)))
    return failure();
  ResizeOptions options;
  options.coordinates = "asymmetric";
  options.nearest = "floor";
  FailureOr<Interpolation> mode = readMode(n);
  auto axes = listAxes(n, x);
  if (failed(mode) || failed(axes))
    return failure();
  options.mode = *mode;
  RunTimeResize given;
  if (n.opset >= 9)
    return failure(!n.input(1) || failed(scaleAxes(n, 1, given, *axes)) ||
                   failed(resizeAxes(n, x, options, given, *axes)));
  const auto *scales = n.attribute("scales");
  if (!scales)
    return n.error("'scales' is missing");
  SmallVector<double> values(scales->floats().begin(), scales->floats().end());
  if (failed(scaleAxesBy(n, values, *axes)))
    return failure();
  return resizeAxes(n, x, options, given, *axes);
}

void registerResize(Registry &r) {
  r.add("Resize", importResize);
  r.add("Upsample", importUpsample);
  registerSampling(r);
}

} // namespace quantc::onnx_frontend

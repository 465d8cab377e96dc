// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Slice and Split.  qnn.slice has clamped starts and sizes; ONNX clamps at run
// time.  Of a dynamic dimension, a bound whose clamping cannot be decided is
// assumed to fit, and the model checks that at entry: position ids [1, 512]
// sliced to `sequence` need sequence <= 512.

#include "Importer.h"

using namespace mlir;

namespace quantc::onnx_frontend {
namespace {

/// Bounds at least this far out mean "to the end" whatever the dimension is.
constexpr int64_t kFar = std::numeric_limits<int32_t>::max();

struct AxisSlice {
  AffineExpr start, size;
};

} // namespace

/// A bound, counted from the end when it is negative, clamped to
/// [atLeast, atMost].
static FailureOr<AffineExpr> clampBound(NodeImport &n, AffineExpr bound,
                                        AffineExpr dim, AffineExpr atLeast,
                                        AffineExpr atMost) {
  if (auto constant = dyn_cast<AffineConstantExpr>(bound)) {
    if (constant.getValue() >= kFar)
      return atMost;
    if (constant.getValue() <= -kFar)
      return atLeast;
    if (constant.getValue() < 0)
      bound = canonicalize(dim + bound);
  } else if (boundsOf(bound).high.value_or(0) < 0) {
    bound = canonicalize(dim + bound);
  }
  if (isKnownAtMost(atMost, bound))
    return atMost;
  if (isKnownAtMost(bound, atLeast))
    return atLeast;
  if (failed(n.needAtMost(atLeast, bound)) ||
      failed(n.needAtMost(bound, atMost)))
    return failure();
  return bound;
}

static FailureOr<AxisSlice> sliceAxis(NodeImport &n, AffineExpr dim,
                                      AffineExpr start, AffineExpr end,
                                      int64_t step) {
  AffineExpr zero = n.expr(0);
  if (dim == zero)
    return AxisSlice{zero, zero};
  // Backwards the positions run from dim - 1 down to 0, the end down to -1.
  AffineExpr high = step > 0 ? dim : canonicalize(dim - 1);
  auto first = clampBound(n, start, dim, zero, high);
  auto last = clampBound(n, end, dim, step > 0 ? zero : n.expr(-1), high);
  if (failed(first) || failed(last))
    return failure();
  AffineExpr span = canonicalize(step > 0 ? *last - *first : *first - *last);
  std::optional<bool> backwards = isAtMost(span, zero);
  if (backwards == true)
    return AxisSlice{zero, zero};
  if (boundsOf(span).low.value_or(-1) < 0 &&
      failed(
          n.needAtMost(step > 0 ? *first : *last, step > 0 ? *last : *first)))
    return failure();
  return AxisSlice{*first, canonicalize(span.ceilDiv(step > 0 ? step : -step))};
}

namespace {

/// What Slice is given, one entry per listed axis.
struct SliceBounds {
  ShapeData starts, ends;
  SmallVector<int64_t> axes, steps;
};

} // namespace

/// Attributes before opset 10, inputs since.
static FailureOr<SliceBounds> readBounds(NodeImport &n, size_t rank) {
  SliceBounds bounds;
  if (n.opset < 10) {
    auto starts = n.intsAttr("starts"), ends = n.intsAttr("ends");
    if (!starts || !ends)
      return n.error("'starts' or 'ends' is missing");
    for (int64_t start : *starts)
      bounds.starts.push_back(n.expr(start));
    for (int64_t end : *ends)
      bounds.ends.push_back(n.expr(end));
    if (auto axes = n.intsAttr("axes"))
      bounds.axes = *axes;
  } else {
    if (!n.input(1) || !n.input(2))
      return failure();
    if (!n.data(1) || !n.data(2))
      return n.error("the bounds depend on run-time data");
    bounds.starts = *n.data(1);
    bounds.ends = *n.data(2);
    for (auto [index, list] :
         {std::pair(3, &bounds.axes), std::pair(4, &bounds.steps)}) {
      if (!n.has(index))
        continue;
      auto values = n.constantInts(index);
      if (!values)
        return n.error("expected 'axes' and 'steps' to be constant");
      *list = *values;
    }
  }
  size_t count = bounds.starts.size();
  if (bounds.axes.empty())
    for (size_t i = 0; i < count; ++i)
      bounds.axes.push_back(i);
  if (bounds.steps.empty())
    bounds.steps.assign(count, 1);
  if (bounds.ends.size() != count || bounds.axes.size() != count ||
      bounds.steps.size() != count)
    return n.error("expected as many starts, ends, axes and steps, got " +
                   Twine(count) + ", " + Twine(bounds.ends.size()) + ", " +
                   Twine(bounds.axes.size()) + " and " +
                   Twine(bounds.steps.size()));
  if (failed(n.normalizeAxes(bounds.axes, rank)))
    return failure();
  for (int64_t step : bounds.steps) {
    if (step == 0)
      return n.error("expected steps other than 0");
    if (step > kFar || step < -kFar)
      return n.unsupported("with a step over 2^31");
  }
  return bounds;
}

/// The elements of a slice of shape data, row by row.
static ShapeData sliceData(ArrayRef<AffineExpr> data, ArrayRef<int64_t> dims,
                           ArrayRef<int64_t> starts, ArrayRef<int64_t> sizes,
                           ArrayRef<int64_t> steps) {
  ShapeData picked(data);
  // One axis after the other; `inner` elements lie between its neighbours.
  int64_t inner = data.size(), outer = 1;
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    if (dims[axis] == 0)
      return {};
    inner /= dims[axis];
    ShapeData next;
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < sizes[axis]; ++i) {
        int64_t at = o * dims[axis] + starts[axis] + i * steps[axis];
        llvm::append_range(
            next, ArrayRef<AffineExpr>(picked).slice(at * inner, inner));
      }
    picked = std::move(next);
    outer *= sizes[axis];
  }
  return picked;
}

static LogicalResult importSlice(NodeImport &n) {
  Entry *input = n.input(0);
  if (!input)
    return failure();
  SymbolicShape dims = input->shape;
  FailureOr<SliceBounds> bounds = readBounds(n, dims.size());
  if (failed(bounds))
    return failure();
  SymbolicShape starts(dims.size(), n.expr(0)), sizes(dims);
  SmallVector<int64_t> steps(dims.size(), 1);
  for (auto [i, axis] : llvm::enumerate(bounds->axes)) {
    auto part = sliceAxis(n, dims[axis], bounds->starts[i], bounds->ends[i],
                          bounds->steps[i]);
    if (failed(part))
      return failure();
    starts[axis] = part->start;
    sizes[axis] = part->size;
    steps[axis] = bounds->steps[i];
  }
  auto first = constantValues(starts), counts = constantValues(sizes);
  if (const ShapeData *data = n.table(0); data && first && counts)
    return n.resultTable(
        input->elementType,
        sliceData(*data, *constantValues(dims), *first, *counts, steps), sizes);
  return n.result(n.slice(n.value(0), starts, sizes, steps));
}

//===----------------------------------------------------------------------===//
// Split
//===----------------------------------------------------------------------===//

/// The size of every part: given, or equal parts (since opset 18 the last one
/// may be smaller).
static FailureOr<ShapeData> splitSizes(NodeImport &n, AffineExpr dim) {
  int64_t count = n.numOutputs();
  if (n.opset >= 13 && n.has(1) && !n.data(1))
    return n.error("the split depends on run-time data");
  ShapeData sizes;
  if (n.opset >= 13 && n.has(1))
    sizes = *n.data(1);
  else if (auto given = n.opset < 13 ? n.intsAttr("split") : std::nullopt)
    for (int64_t size : *given)
      sizes.push_back(n.expr(size));
  if (!sizes.empty()) {
    if (int64_t(sizes.size()) != count)
      return n.error("expected " + Twine(count) + " split sizes, got " +
                     Twine(sizes.size()));
    AffineExpr sum = n.expr(0);
    for (AffineExpr size : sizes) {
      if (failed(n.needNonNegative(size, "split sizes of 0 or more")))
        return failure();
      sum = sum + size;
    }
    if (failed(n.needEqual(sum, dim)))
      return failure();
    return sizes;
  }
  int64_t parts = n.intAttr("num_outputs", count);
  if (parts != count)
    return n.error("expected 'num_outputs' to be " + Twine(count) + ", got " +
                   Twine(parts));
  AffineExpr part =
      canonicalize(n.opset < 18 ? dim.floorDiv(count) : dim.ceilDiv(count));
  AffineExpr last = canonicalize(dim - part * (count - 1));
  if (n.opset < 18 && failed(n.needEqual(last, part)))
    return failure();
  if (failed(n.needNonNegative(last, "parts of 0 or more elements")))
    return failure();
  sizes.assign(count, part);
  sizes.back() = last;
  return sizes;
}

static LogicalResult importSplit(NodeImport &n) {
  Entry *input = n.input(0);
  if (!input)
    return failure();
  if (n.numOutputs() == 0)
    return n.error("expected at least 1 output");
  ArrayRef<AffineExpr> dims = input->shape;
  FailureOr<int64_t> axis = n.axis(n.intAttr("axis", 0), dims.size());
  if (failed(axis))
    return failure();
  FailureOr<ShapeData> parts = splitSizes(n, dims[*axis]);
  if (failed(parts))
    return failure();
  AffineExpr start = n.expr(0);
  for (auto [i, part] : llvm::enumerate(*parts)) {
    SymbolicShape starts(dims.size(), n.expr(0)), sizes(dims);
    starts[*axis] = canonicalize(start);
    sizes[*axis] = part;
    start = start + part;
    LogicalResult result = success();
    const ShapeData *data = n.data(0);
    int64_t at = staticExtent(starts[*axis]), size = staticExtent(part);
    if (data && dims.size() == 1 && !ShapedType::isDynamic(size))
      result = n.resultData(
          input->elementType,
          ShapeData(ArrayRef<AffineExpr>(*data).slice(at, size)), 1, i);
    else
      result = n.result(n.slice(n.value(0), starts, sizes,
                                SmallVector<int64_t>(dims.size(), 1)),
                        i);
    if (failed(result))
      return failure();
  }
  return success();
}

void registerSlice(Registry &r) {
  r.add("Slice", importSlice);
  r.add("Split", importSplit);
}

} // namespace quantc::onnx_frontend

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Slice and Split.  qnn.slice has clamped starts and sizes; ONNX clamps at run
// time.  Of a dynamic dimension, a bound whose clamping cannot be decided is
// assumed to fit, and the model checks that at entry: position ids [1, 512]
// sliced to `sequence` need sequence <= 512.  Not so the first so many elements
// of a dynamic dimension (`x[:512]`) or the last ones (`x[-512:]`), which may
// have fewer: the run clamps that bound.  A few last ones (`x[-2:]`) are a
// known number.  Bounds that only the run knows are clamped by a small program.

#include "Program.h"

using namespace mlir;

namespace quantc::onnx_frontend {
namespace {

/// Bounds at least this far out mean "to the end" whatever the dimension is.
constexpr int64_t kFar = std::numeric_limits<int32_t>::max();

/// At least so many last elements may be more than there are.
constexpr int64_t kManyLast = 64;

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

/// The smaller of a dimension and a number, where it takes the run to tell.
/// Slices of equal dimensions to the same number have equal sizes.
static AffineExpr clampedEnd(NodeImport &n, AffineExpr end, AffineExpr dim) {
  auto number = dyn_cast<AffineConstantExpr>(end);
  if (!number || number.getValue() <= 1 || number.getValue() >= kFar ||
      isKnownAtMost(end, dim) || isKnownAtMost(dim, end))
    return end;
  return n.bindOnce({dim, end}, [&]() -> AffineExpr {
    Value smaller = computeList(n, 1, {}, [&](Program &p) {
      return Values{p.min(p.extent(dim), p.extent(end))};
    });
    return smaller
               ? n.bind(smaller, 0, "end of " + n.name, "an end of 0 or more")
               : AffineExpr();
  });
}

/// max(0, dim - k) for a start at the k-th last element of a dimension that may
/// have fewer.  Slices of equal dimensions share it.
static AffineExpr clampedStart(NodeImport &n, AffineExpr start,
                               AffineExpr dim) {
  auto number = dyn_cast<AffineConstantExpr>(start);
  if (!number || number.getValue() > -kManyLast || number.getValue() <= -kFar ||
      isKnownAtMost(n.expr(0), dim + start) ||
      isKnownAtMost(dim + start, n.expr(0)))
    return start;
  return n.bindOnce({dim, start}, [&]() -> AffineExpr {
    Value larger = computeList(n, 1, {}, [&](Program &p) {
      return Values{p.max(p.add(p.extent(dim), p.extent(start)), p.index(0))};
    });
    return larger
               ? n.bind(larger, 0, "start of " + n.name, "a start of 0 or more")
               : AffineExpr();
  });
}

static FailureOr<AxisSlice> sliceAxis(NodeImport &n, AffineExpr dim,
                                      AffineExpr start, AffineExpr end,
                                      int64_t step) {
  AffineExpr zero = n.expr(0);
  if (dim == zero)
    return AxisSlice{zero, zero};
  AffineExpr smaller = step > 0 ? clampedEnd(n, end, dim) : end;
  AffineExpr larger = step > 0 ? clampedStart(n, start, dim) : start;
  if (!smaller || !larger)
    return failure();
  // Backwards the positions run from dim - 1 down to 0, the end down to -1.
  AffineExpr high = step > 0 ? dim : canonicalize(dim - 1);
  FailureOr<AffineExpr> first = larger;
  if (larger == start)
    first = clampBound(n, start, dim, zero, high);
  FailureOr<AffineExpr> last = smaller;
  if (smaller == end)
    last = clampBound(n, end, dim, step > 0 ? zero : n.expr(-1), high);
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

/// Clamped [start, size, step] of an axis in a program; a step of 0 makes the
/// size negative.
static Values clampAxis(Program &p, Value extent, Value start, Value end,
                        Value step) {
  Value zero = p.index(0), one = p.index(1);
  Value forward = p.less(zero, step);
  Value last = p.select(forward, extent, p.sub(extent, one));
  Value low = p.select(forward, zero, p.index(-1));
  start = p.max(p.min(p.wrapIndex(start, extent), last), zero);
  end = p.max(p.min(p.wrapIndex(end, extent), last), low);
  Value span = p.select(forward, p.sub(end, start), p.sub(start, end));
  Value stride = p.select(forward, step, p.neg(step));
  Value count = p.add(p.div(p.sub(span, one), stride), one);
  Value runs = p.both(p.less(zero, span), p.less(zero, extent));
  Value size = p.select(runs, count, zero);
  return {start, p.select(p.equal(step, zero), p.index(-1), size), step};
}

namespace {
/// Operands of Slice in a program that gets the unknown ones as inputs.
struct SliceOperands {
  /// Null after an error.
  explicit SliceOperands(NodeImport &n);
  /// Element `k` of input `index`.
  Value read(Program &p, size_t index, int64_t k) const;

  NodeImport &n;
  bool isValid = false;
  int64_t count = 0;
  SmallVector<Value> values;
  std::map<size_t, size_t> inputOf;
};
} // namespace

SliceOperands::SliceOperands(NodeImport &n) : n(n) {
  for (size_t i = 1; i < 5; ++i) {
    if (i > 2 && !n.has(i))
      continue;
    FailureOr<int64_t> elements = n.elements(i);
    if (failed(elements))
      return;
    if (i > 1 && *elements != count) {
      (void)n.error("expected as many starts, ends, axes and steps, got " +
                    Twine(count) + " and " + Twine(*elements));
      return;
    }
    count = *elements;
    if (n.data(i))
      continue;
    inputOf[i] = values.size();
    values.push_back(n.value(i));
    if (!values.back())
      return;
  }
  isValid = true;
}

Value SliceOperands::read(Program &p, size_t index, int64_t k) const {
  auto input = inputOf.find(index);
  if (input == inputOf.end())
    return p.extent((*n.data(index))[k]);
  return p.toIndex(p.read(input->second, p.index(k)),
                   p.elementType(input->second));
}

/// Known axes and steps: a slice whose starts and sizes are bound.
static LogicalResult sliceAtRunTime(NodeImport &n, ArrayRef<AffineExpr> dims,
                                    const SliceOperands &given) {
  SmallVector<int64_t> axes, steps(given.count, 1);
  for (int64_t i = 0; i < given.count; ++i)
    axes.push_back(i);
  if (n.has(3))
    axes = *n.constantInts(3);
  if (n.has(4))
    steps = *n.constantInts(4);
  if (failed(n.normalizeAxes(axes, dims.size())))
    return failure();
  Value list = computeList(n, 2 * axes.size(), given.values, [&](Program &p) {
    Values starts, sizes;
    for (auto [k, axis] : llvm::enumerate(axes)) {
      Values part = clampAxis(p, p.extent(dims[axis]), given.read(p, 1, k),
                              given.read(p, 2, k), p.index(steps[k]));
      starts.push_back(part[0]);
      sizes.push_back(part[1]);
    }
    starts.append(sizes);
    return starts;
  });
  auto bound = n.bindAll(list, "bounds of " + n.name, "steps other than 0");
  if (failed(bound))
    return failure();
  SymbolicShape starts(dims.size(), n.expr(0)), sizes(dims);
  SmallVector<int64_t> all(dims.size(), 1);
  for (auto [k, axis] : llvm::enumerate(axes)) {
    starts[axis] = (*bound)[k];
    sizes[axis] = (*bound)[k + axes.size()];
    all[axis] = steps[k];
  }
  return n.result(n.slice(n.value(0), starts, sizes, all));
}

/// Axes or steps that only the run knows: sizes are bound, positions computed.
static LogicalResult sliceByProgram(NodeImport &n, ArrayRef<AffineExpr> dims,
                                    const SliceOperands &given) {
  size_t rank = dims.size();
  if (given.count > int64_t(rank))
    return n.error("expected at most " + Twine(rank) + " axes, got " +
                   Twine(given.count));
  // All sizes, then all starts and all steps.
  Value list = computeList(n, 3 * rank, given.values, [&](Program &p) {
    Values starts(rank, p.index(0)), ends(rank, p.index(INT64_MAX)),
        steps(rank, p.index(1)), result(3 * rank);
    Value valid = p.boolean(true);
    for (int64_t k = 0; k < given.count; ++k) {
      Value size = p.index(int64_t(rank));
      Value axis = n.has(3) ? given.read(p, 3, k) : p.index(k);
      axis = p.wrapIndex(axis, size);
      valid = p.both(valid, p.inside(axis, size));
      for (size_t d = 0; d < rank; ++d) {
        Value here = p.equal(axis, p.index(int64_t(d)));
        starts[d] = p.select(here, given.read(p, 1, k), starts[d]);
        ends[d] = p.select(here, given.read(p, 2, k), ends[d]);
        if (n.has(4))
          steps[d] = p.select(here, given.read(p, 4, k), steps[d]);
      }
    }
    for (size_t d = 0; d < rank; ++d) {
      Values part =
          clampAxis(p, p.extent(dims[d]), starts[d], ends[d], steps[d]);
      result[d] = p.select(valid, part[1], p.index(-1));
      result[rank + d] = part[0];
      result[2 * rank + d] = part[2];
    }
    return result;
  });
  if (!list)
    return failure();
  SymbolicShape sizes;
  for (size_t d = 0; d < rank; ++d)
    sizes.push_back(n.bind(list, int64_t(d),
                           "size of " + n.name + "[" + Twine(d) + "]",
                           "axes of the operand and steps other than 0"));
  Value x = n.value(0);
  Type i64 = n.builder().getI64Type();
  return n.result(
      compute(n, n.elementType(x), sizes, {x, list}, [&](Program &p) {
        Values position;
        for (size_t d = 0; d < rank; ++d) {
          Value start = p.toIndex(p.read(1, p.index(int64_t(rank + d))), i64);
          Value step =
              p.toIndex(p.read(1, p.index(int64_t(2 * rank + d))), i64);
          position.push_back(p.add(start, p.mul(p.at(d), step)));
        }
        return p.read(0, position);
      }));
}

/// Bounds that only the run knows.
static LogicalResult importRunTimeSlice(NodeImport &n,
                                        ArrayRef<AffineExpr> dims) {
  SliceOperands given(n);
  if (!given.isValid)
    return failure();
  auto isKnown = [&](size_t i) { return !n.has(i) || n.constantInts(i); };
  bool isSimple = isKnown(3) && isKnown(4);
  SmallVector<int64_t> steps;
  if (isSimple && n.has(4))
    steps = *n.constantInts(4);
  for (int64_t step : steps)
    isSimple &= step != 0 && step >= -kFar && step <= kFar;
  return isSimple ? sliceAtRunTime(n, dims, given)
                  : sliceByProgram(n, dims, given);
}

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
    bounds.starts = *n.data(1);
    bounds.ends = *n.data(2);
    for (auto [index, list] :
         {std::pair(3, &bounds.axes), std::pair(4, &bounds.steps)}) {
      if (!n.has(index))
        continue;
      *list = *n.constantInts(index);
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
  auto isKnown = [&](size_t i) { return !n.has(i) || n.constantInts(i); };
  if (n.opset >= 10 && n.has(1) && n.has(2) &&
      (!n.data(1) || !n.data(2) || !isKnown(3) || !isKnown(4)))
    return importRunTimeSlice(n, dims);
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
  ShapeData sizes;
  if (n.opset >= 13 && n.has(1)) {
    const ShapeData *given = n.sizes(1, "split sizes of 0 or more");
    if (!given)
      return failure();
    sizes = *given;
  } else if (auto given = n.opset < 13 ? n.intsAttr("split") : std::nullopt) {
    for (int64_t size : *given)
      sizes.push_back(n.expr(size));
  }
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
    bool isKnown = dims.size() == 1 && !ShapedType::isDynamic(size) &&
                   !ShapedType::isDynamic(at);
    if (data && isKnown && at + size <= int64_t(data->size()))
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

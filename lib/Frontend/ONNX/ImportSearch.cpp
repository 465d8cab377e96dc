// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators that look along an axis: positions of extremes, running sums and
// products.

#include "Sort.h"

using namespace mlir;

namespace quantc::onnx_frontend {

/// The position of the first (or last) extreme of the row through `position`.
static Value positionOfExtreme(Program &p, Values position, int64_t axis,
                               Value extent, Type type, bool largest,
                               bool last) {
  position[axis] = p.index(0);
  Value first = p.read(0, position);
  return p.loop(
      p.index(1), extent, {first, p.index(0)}, [&](Value i, ValueRange best) {
        position[axis] = i;
        Value x = p.read(0, position);
        Value better = last ? p.negate(isBefore(p, best[0], x, type, largest))
                            : isBefore(p, x, best[0], type, largest);
        return Values{p.select(better, x, best[0]),
                      p.select(better, i, best[1])};
      })[1];
}

/// The same along a contiguous row, whose elements are looked at side by side:
/// the extreme, then the lowest (or highest) position that has it.
static Value positionInRow(NodeImport &n, Value x, int64_t axis, bool largest,
                           bool last, bool keep) {
  Type type = n.elementType(x), i32 = n.builder().getI32Type();
  SymbolicShape dims = n.shape(x);
  auto kind = largest ? qnn::ReduceKind::max : qnn::ReduceKind::min;
  Value best = n.reduce(kind, x, {axis}, /*keepDims=*/true);
  Value positions = compute(n, i32, dims, {x, best}, [&](Program &p) {
    Values row = p.at();
    row[axis] = p.index(0);
    Value a = p.read(0, p.at()), b = p.read(1, row);
    Value hit = p.equal(a, b);
    if (isFloat(type))
      hit = p.either(hit, p.isNan(a));
    return p.select(hit, p.fromIndex(p.at(axis), i32),
                    p.integer(i32, last ? -1 : INT32_MAX));
  });
  return n.reduce(last ? qnn::ReduceKind::max : qnn::ReduceKind::min, positions,
                  {axis}, keep);
}

template <bool largest> static LogicalResult importArg(NodeImport &n) {
  Value x = n.value(0);
  if (failed(sameType(n, {x}, isNumber)))
    return failure();
  SymbolicShape dims = n.shape(x);
  FailureOr<int64_t> axis = n.axis(n.intAttr("axis", 0), dims.size());
  if (failed(axis) || failed(n.needAtMost(n.expr(1), dims[*axis])))
    return failure();
  bool keep = n.intAttr("keepdims", 1) != 0;
  bool last = n.intAttr("select_last_index", 0) != 0;
  SymbolicShape shape = dims;
  if (keep)
    shape[*axis] = n.expr(1);
  else
    shape.erase(shape.begin() + *axis);
  Type type = n.elementType(x), i64 = n.builder().getI64Type();
  constexpr int64_t shortRow = 16;
  int64_t extent = staticExtent(dims[*axis]);
  if (*axis + 1 == int64_t(dims.size()) &&
      (ShapedType::isDynamic(extent) || extent >= shortRow))
    return n.result(
        n.cast(positionInRow(n, x, *axis, largest, last, keep), i64));
  return n.result(compute(n, i64, shape, {x}, [&](Program &p) {
    Values position = p.at();
    if (!keep)
      position.insert(position.begin() + *axis, p.index(0));
    return p.fromIndex(positionOfExtreme(p, position, *axis,
                                         p.extent(dims[*axis]), type, largest,
                                         last),
                       i64);
  }));
}

/// 1 at the first maximum of each row, 0 elsewhere; before opset 13 a row is
/// all dimensions from `axis` on.
static LogicalResult importHardmax(NodeImport &n) {
  Value x = n.value(0);
  if (failed(sameType(n, {x}, isFloat)))
    return failure();
  SymbolicShape original = n.shape(x);
  FailureOr<int64_t> axis =
      n.axis(n.intAttr("axis", n.opset < 13 ? 1 : -1), original.size());
  if (failed(axis))
    return failure();
  int64_t row = *axis;
  if (n.opset < 13) {
    ArrayRef<AffineExpr> dims = original;
    MLIRContext *context = &n.importer.context;
    x = n.reshape(x, {elementCount(dims.take_front(row), context),
                      elementCount(dims.drop_front(row), context)});
    row = 1;
  }
  if (!x)
    return failure();
  SymbolicShape dims = n.shape(x);
  Type type = n.elementType(x);
  Value hot = compute(n, type, dims, {x}, [&](Program &p) {
    Value best = positionOfExtreme(p, p.at(), row, p.extent(dims[row]), type,
                                   true, false);
    Type scalar = scalarType(type);
    return p.select(p.equal(best, p.at(row)), p.constant(scalar, 1),
                    p.constant(scalar, 0));
  });
  return n.result(n.reshape(hot, original));
}

//===----------------------------------------------------------------------===//
// Running sums and products
//===----------------------------------------------------------------------===//

/// Along an axis that only the run knows: each element adds up its own row.
template <bool product>
static LogicalResult cumulateAtRunTime(NodeImport &n, Value x) {
  Value axis = n.value(1);
  FailureOr<int64_t> count = n.elements(1);
  if (!axis || failed(count))
    return failure();
  axis = n.reshape(axis, {});
  if (*count != 1 || !axis)
    return n.error("expected an axis with 1 element");
  SymbolicShape dims = n.shape(x);
  int64_t rank = int64_t(dims.size());
  Type type = n.elementType(x), logical = n.elementType(axis);
  // The axis itself is bound, so that a wrong one is refused.
  Value wrapped = computeList(n, 1, {axis}, [&](Program &p) {
    Value at = p.wrapIndex(p.toIndex(p.read(0, {}), logical), p.index(rank));
    return Values{p.select(p.inside(at, p.index(rank)), at, p.index(-1))};
  });
  auto bound =
      n.bindAll(wrapped, "axis of " + n.name, "an axis of the operand");
  if (failed(bound))
    return failure();
  bool exclusive = n.intAttr("exclusive", 0) != 0;
  bool reverse = n.intAttr("reverse", 0) != 0;
  return n.result(compute(n, type, dims, {x}, [&](Program &p) {
    Value along = p.extent(bound->front()), extent = p.index(0),
          one = p.index(1);
    Value own = p.index(0);
    for (int64_t d = 0; d < rank; ++d) {
      Value here = p.equal(along, p.index(d));
      extent = p.select(here, p.extent(dims[d]), extent);
      own = p.select(here, p.at(d), own);
    }
    Value last = p.sub(extent, one);
    Value terms = reverse ? p.sub(extent, own) : p.add(own, one);
    if (exclusive)
      terms = p.sub(terms, one);
    Value neutral = p.constant(scalarType(type), product ? 1 : 0);
    return p.loop(p.index(0), terms, neutral, [&](Value k, ValueRange sum) {
      Value at = reverse ? p.sub(last, k) : k;
      Values position;
      for (int64_t d = 0; d < rank; ++d)
        position.push_back(p.select(p.equal(along, p.index(d)), at, p.at(d)));
      Value next = p.read(0, position);
      return Values{product ? p.mul(sum[0], next) : p.add(sum[0], next)};
    })[0];
  }));
}

template <bool product> static LogicalResult importCumulative(NodeImport &n) {
  Value x = n.value(0);
  if (failed(sameType(n, {x}, isNumber)) || !n.input(1))
    return failure();
  auto given = n.constantInts(1);
  if (!given)
    return cumulateAtRunTime<product>(n, x);
  if (given->size() != 1)
    return n.error("expected an axis with 1 element");
  SymbolicShape dims = n.shape(x);
  FailureOr<int64_t> axis = n.axis(given->front(), dims.size());
  if (failed(axis))
    return failure();
  bool exclusive = n.intAttr("exclusive", 0) != 0;
  bool reverse = n.intAttr("reverse", 0) != 0;
  // In the order of the sum: row 0 is the start, each next one adds one.
  Type type = n.elementType(x);
  SmallVector<int64_t> order = {*axis};
  for (int64_t i = 0; i < int64_t(dims.size()); ++i)
    if (i != *axis)
      order.push_back(i);
  SymbolicShape shape;
  for (int64_t i : order)
    shape.push_back(dims[i]);
  Value sums = compute(
      n, type, shape, {x},
      [&](Program &p) {
        Value extent = p.extent(dims[*axis]), one = p.index(1);
        Value step = exclusive ? p.sub(p.at(0), one) : p.at(0);
        Values position(dims.size());
        for (auto [i, dim] : llvm::enumerate(order))
          position[dim] = p.at(i);
        position[*axis] = reverse ? p.sub(p.sub(extent, one), step) : step;
        Values before = p.at();
        before[0] = p.sub(p.at(0), one);
        Value neutral = p.constant(scalarType(type), product ? 1 : 0);
        Value isFirst = p.equal(p.at(0), p.index(0));
        Value old = p.select(isFirst, neutral, p.readSelf(before));
        Value next = p.read(0, position);
        if (exclusive)
          next = p.select(isFirst, neutral, next);
        return product ? p.mul(old, next) : p.add(old, next);
      },
      /*sequential=*/1);
  // Back, reversed if the sum ran from the end.
  return n.result(compute(n, type, dims, {sums}, [&](Program &p) {
    Values position;
    for (int64_t dim : order)
      position.push_back(p.at(dim));
    if (reverse)
      position[0] =
          p.sub(p.sub(p.extent(dims[*axis]), p.index(1)), position[0]);
    return p.read(0, position);
  }));
}

void registerSearch(Registry &r) {
  r.add("ArgMax", importArg<true>);
  r.add("ArgMin", importArg<false>);
  r.add("Hardmax", importHardmax);
  r.add("CumSum", importCumulative<false>);
  r.add("CumProd", importCumulative<true>);
}

} // namespace quantc::onnx_frontend

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators that look along an axis: positions of extremes, the k largest,
// running sums and products.

#include "Program.h"

using namespace mlir;

namespace quantc::onnx_frontend {

/// Is `a` before `b` in the order that puts the extreme first?  NaN comes
/// before every number.
static Value isBefore(Program &p, Value a, Value b, Type type, bool largest) {
  bool isUnsigned = type.isUnsignedInteger() || isBool(type);
  Value order = largest ? p.less(b, a, isUnsigned) : p.less(a, b, isUnsigned);
  if (isFloat(type))
    order = p.either(order, p.both(p.isNan(a), p.negate(p.isNan(b))));
  return order;
}

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
// TopK
//===----------------------------------------------------------------------===//

/// The rank of every element in its row: how many come before it.  Equal ones
/// are in the order of their positions.
static Value ranks(NodeImport &n, Value x, int64_t axis, bool largest) {
  SymbolicShape dims = n.shape(x);
  Type type = n.elementType(x), i64 = n.builder().getI64Type();
  return compute(n, i64, dims, {x}, [&](Program &p) {
    Value self = p.read(0, p.at());
    return p.loop(p.index(0), p.extent(dims[axis]), p.integer(i64, 0),
                  [&](Value i, ValueRange count) {
                    Values position = p.at();
                    position[axis] = i;
                    Value other = p.read(0, position);
                    Value before = isBefore(p, other, self, type, largest);
                    Value tied =
                        p.negate(isBefore(p, self, other, type, largest));
                    before =
                        p.either(before, p.both(tied, p.less(i, p.at(axis))));
                    Value next = p.add(count[0], p.integer(i64, 1));
                    return Values{p.select(before, next, count[0])};
                  })[0];
  });
}

static LogicalResult importTopK(NodeImport &n) {
  Value x = n.value(0);
  if (failed(sameType(n, {x}, isNumber)))
    return failure();
  SymbolicShape dims = n.shape(x);
  FailureOr<int64_t> axis = n.axis(n.intAttr("axis", -1), dims.size());
  if (failed(axis))
    return failure();
  AffineExpr count;
  if (n.opset < 10)
    count = n.expr(n.intAttr("k", -1));
  else if (!n.input(1))
    return failure();
  else if (const ShapeData *k = n.data(1); k && k->size() == 1)
    count = k->front();
  else
    return n.error("'K' depends on run-time data");
  if (failed(n.needNonNegative(count, "'K' of 0 or more")) ||
      failed(n.needAtMost(count, dims[*axis])))
    return failure();
  // Any order is right when it need not be sorted; sorted is one.
  Value rank = ranks(n, x, *axis, n.intAttr("largest", 1) != 0);
  SymbolicShape shape = dims;
  shape[*axis] = count;
  Type i64 = n.builder().getI64Type();
  Value where = compute(n, i64, shape, {rank}, [&](Program &p) {
    Value wanted = p.fromIndex(p.at(*axis), i64);
    return p.loop(p.index(0), p.extent(dims[*axis]), p.integer(i64, 0),
                  [&](Value i, ValueRange found) {
                    Values position = p.at();
                    position[*axis] = i;
                    return Values{p.select(p.equal(p.read(0, position), wanted),
                                           p.fromIndex(i, i64), found[0])};
                  })[0];
  });
  if (!rank || !where)
    return failure();
  Value values =
      compute(n, n.elementType(x), shape, {x, where}, [&](Program &p) {
        Values position = p.at();
        position[*axis] = p.toIndex(p.read(1, p.at()), i64);
        return p.read(0, position);
      });
  if (failed(n.result(values)))
    return failure();
  return n.result(where, 1);
}

//===----------------------------------------------------------------------===//
// Running sums and products
//===----------------------------------------------------------------------===//

template <bool product> static LogicalResult importCumulative(NodeImport &n) {
  Value x = n.value(0);
  auto given = n.constantInts(1);
  if (failed(sameType(n, {x}, isNumber)))
    return failure();
  if (!given || given->size() != 1)
    return n.error("the axis depends on run-time data");
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
  r.add("TopK", importTopK);
  r.add("CumSum", importCumulative<false>);
  r.add("CumProd", importCumulative<true>);
}

} // namespace quantc::onnx_frontend

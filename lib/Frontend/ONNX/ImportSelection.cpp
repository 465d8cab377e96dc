// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators whose result is as long as the data decides: NonZero, Compress,
// Unique, NonMaxSuppression.  One program flags what is kept, one counts the
// flags up to each place, the last count is bound, and each element of the
// result looks for the place that it comes from.

#include "Sort.h"

using namespace mlir;

namespace quantc::onnx_frontend {
namespace {

/// Places that were kept, in order.
struct Selection {
  /// i64 [places]: how many are kept up to and including each place.
  Value counts;
  AffineExpr places;
  /// How many are kept.
  AffineExpr kept;
};

} // namespace

/// `flag` says of place `p.at(0)` whether it is kept.
static FailureOr<Selection> select(NodeImport &n, AffineExpr places,
                                   ArrayRef<Value> inputs,
                                   const Twine &symbolName,
                                   llvm::function_ref<Value(Program &)> flag) {
  Type i64 = n.builder().getI64Type();
  Selection result;
  result.places = places;
  // The flags themselves may be computed by all threads.
  Value flags = compute(n, n.builder().getI1Type(), {places}, inputs, flag);
  result.counts = compute(
      n, i64, {places}, {flags},
      [&](Program &p) {
        Value one = p.integer(i64, 1), zero = p.integer(i64, 0);
        Value own = p.select(p.read(0, p.at(0)), one, zero);
        Value isFirst = p.equal(p.at(0), p.index(0));
        Value before = p.readSelf(p.sub(p.at(0), p.index(1)));
        return p.add(own, p.select(isFirst, zero, before));
      },
      /*sequential=*/1);
  Value last = compute(n, i64, {}, {result.counts}, [&](Program &p) {
    Value isEmpty = p.equal(p.extent(places), p.index(0));
    Value count = p.read(0, p.sub(p.extent(places), p.index(1)));
    return p.select(isEmpty, p.integer(i64, 0), count);
  });
  auto bound = n.bindAll(last, symbolName, "a count");
  if (failed(bound))
    return failure();
  result.kept = bound->front();
  return result;
}

/// The place of the kept one number `which`, by bisection: the first place
/// whose count exceeds it.  `counts` is the number of the program's input.
static Value placeOf(Program &p, const Selection &selection, size_t counts,
                     Value which) {
  Type i64 = p.builder.getI64Type();
  Value wanted = p.fromIndex(which, i64), one = p.index(1), two = p.index(2);
  // 63 halvings are enough for any length.
  return p.loop(p.index(0), p.index(63),
                {p.index(0), p.sub(p.extent(selection.places), one)},
                [&](Value, ValueRange range) {
                  Value middle = p.div(p.add(range[0], range[1]), two);
                  Value above = p.less(wanted, p.read(counts, middle));
                  Value open = p.less(range[0], range[1]);
                  Value low = p.select(above, range[0], p.add(middle, one));
                  Value high = p.select(above, middle, range[1]);
                  return Values{p.select(open, low, range[0]),
                                p.select(open, high, range[1])};
                })[0];
}

static Value isNotZero(Program &p, Value value) {
  // NaN is not zero.
  return p.negate(p.equal(value, p.constant(value.getType(), 0)));
}

//===----------------------------------------------------------------------===//
// NonZero and Compress
//===----------------------------------------------------------------------===//

/// Row d of the result: the index along dimension d of each element that is not
/// zero.
static LogicalResult importNonZero(NodeImport &n) {
  Value x = n.value(0);
  if (failed(sameType(n, {x}, isAny)))
    return failure();
  SymbolicShape dims = n.shape(x);
  AffineExpr places = elementCount(dims, &n.importer.context);
  Value flat = n.reshape(x, {places});
  if (!flat)
    return failure();
  auto selection =
      select(n, places, {flat}, "count of " + n.name,
             [&](Program &p) { return isNotZero(p, p.read(0, p.at(0))); });
  if (failed(selection))
    return failure();
  Type i64 = n.builder().getI64Type();
  int64_t rank = int64_t(dims.size());
  // A scalar counts as a vector of one element.
  if (rank == 0)
    return n.result(
        n.broadcastTo(n.scalar(i64, 0), {n.expr(1), selection->kept}));
  return n.result(compute(n, i64, {n.expr(rank), selection->kept},
                          {selection->counts}, [&](Program &p) {
                            Value place = placeOf(p, *selection, 0, p.at(1)),
                                  result = p.index(0);
                            for (int64_t d = rank; d-- > 0;) {
                              Value extent = p.extent(dims[d]);
                              Value own = p.rem(place, extent);
                              result = p.select(p.equal(p.at(0), p.index(d)),
                                                own, result);
                              place = p.div(place, extent);
                            }
                            return p.fromIndex(result, i64);
                          }));
}

static LogicalResult importCompress(NodeImport &n) {
  Value x = n.value(0), condition = n.value(1);
  if (!x || !condition)
    return failure();
  if (!isBool(n.elementType(condition)) || n.rank(condition) != 1)
    return n.error("expected a condition of type BOOL and rank 1");
  SymbolicShape dims = n.shape(x);
  int64_t axis = 0;
  if (n.attribute("axis")) {
    FailureOr<int64_t> given = n.axis(n.intAttr("axis", 0), dims.size());
    if (failed(given))
      return failure();
    axis = *given;
  } else {
    dims = {elementCount(dims, &n.importer.context)};
    x = n.reshape(x, dims);
  }
  // The condition may be shorter; what it does not reach is dropped.
  AffineExpr places = n.shape(condition)[0];
  if (failed(n.needAtMost(places, dims[axis])))
    return failure();
  auto selection = select(n, places, {condition}, "count of " + n.name,
                          [&](Program &p) { return p.read(0, p.at(0)); });
  if (failed(selection))
    return failure();
  SymbolicShape shape = dims;
  shape[axis] = selection->kept;
  return n.result(compute(
      n, n.elementType(x), shape, {x, selection->counts}, [&](Program &p) {
        Values position = p.at();
        position[axis] = placeOf(p, *selection, 1, p.at(axis));
        return p.read(0, position);
      }));
}

//===----------------------------------------------------------------------===//
// Unique
//===----------------------------------------------------------------------===//

namespace {

/// Compares slices of a tensor [outer, items, inner] in a program, element by
/// element; NaN is equal to itself and behind all other numbers.
struct ItemOrder {
  AffineExpr outer, items, inner;
  Type type;

  Value isEqual(Program &p, Value a, Value b) const {
    return p.equal(compare(p, a, b), p.index(0));
  }
  Value isLess(Program &p, Value a, Value b) const {
    return p.equal(compare(p, a, b), p.index(-1));
  }
  /// -1, 0 or 1.
  Value compare(Program &p, Value a, Value b) const;
};

} // namespace

Value ItemOrder::compare(Program &p, Value a, Value b) const {
  bool isUnsigned = type.isUnsignedInteger() || isBool(type);
  auto before = [&](Value x, Value y) {
    Value less = p.less(x, y, isUnsigned);
    if (!isFloat(type))
      return less;
    return p.either(less, p.both(p.isNan(y), p.negate(p.isNan(x))));
  };
  Value length = p.extent(inner);
  Value end = p.mul(p.extent(outer), length);
  return p.loop(p.index(0), end, {p.index(0)}, [&](Value t, ValueRange found) {
    Value row = p.div(t, length), column = p.rem(t, length);
    Value x = p.read(0, {row, a, column}), y = p.read(0, {row, b, column});
    Value own = p.select(before(x, y), p.index(-1),
                         p.select(before(y, x), p.index(1), p.index(0)));
    return Values{p.select(p.equal(found[0], p.index(0)), own, found[0])};
  })[0];
}

/// Every item's place in the result (`order`), and what it takes to write it.
static LogicalResult finishUnique(NodeImport &n, Value x, Value items,
                                  const ItemOrder &order, Value firsts,
                                  const Selection &selection,
                                  std::optional<int64_t> axis) {
  Type i64 = n.builder().getI64Type();
  bool isSorted = n.intAttr("sorted", 1) != 0;
  // Of first places: how many other first places come before.
  Value rank = compute(
      n, i64, {order.items}, {items, firsts, selection.counts},
      [&](Program &p) {
        Value one = p.integer(i64, 1), zero = p.integer(i64, 0);
        if (!isSorted)
          return p.sub(p.read(2, p.at(0)), one);
        return p.loop(
            p.index(0), p.extent(order.items), {zero},
            [&](Value j, ValueRange sum) {
              Value isFirst = p.equal(p.read(1, j), p.fromIndex(j, i64));
              Value counts = p.both(isFirst, order.isLess(p, j, p.at(0)));
              return Values{p.add(sum[0], p.select(counts, one, zero))};
            })[0];
      });
  Value inverse =
      compute(n, i64, {order.items}, {rank, firsts}, [&](Program &p) {
        return p.read(0, p.toIndex(p.read(1, p.at(0)), i64));
      });
  Value where =
      compute(n, i64, {selection.kept}, {inverse, firsts}, [&](Program &p) {
        Value wanted = p.fromIndex(p.at(0), i64), zero = p.integer(i64, 0);
        return p.loop(p.index(0), p.extent(order.items), {zero},
                      [&](Value j, ValueRange found) {
                        Value place = p.fromIndex(j, i64);
                        Value hit = p.both(p.equal(p.read(0, j), wanted),
                                           p.equal(p.read(1, j), place));
                        return Values{p.select(hit, place, found[0])};
                      })[0];
      });
  Value counts = compute(n, i64, {selection.kept}, {inverse}, [&](Program &p) {
    Value wanted = p.fromIndex(p.at(0), i64), zero = p.integer(i64, 0);
    return p.loop(p.index(0), p.extent(order.items), {zero},
                  [&](Value j, ValueRange sum) {
                    Value hit = p.equal(p.read(0, j), wanted);
                    return Values{
                        p.add(sum[0], p.select(hit, p.integer(i64, 1), zero))};
                  })[0];
  });
  if (!rank || !inverse || !where || !counts)
    return failure();
  SymbolicShape shape = n.shape(x);
  int64_t along = axis.value_or(0);
  shape[along] = selection.kept;
  Value y = compute(n, n.elementType(x), shape, {x, where}, [&](Program &p) {
    Values position = p.at();
    position[along] = p.toIndex(p.read(1, p.at(along)), i64);
    return p.read(0, position);
  });
  return failure(failed(n.result(y)) || failed(n.result(where, 1)) ||
                 failed(n.result(inverse, 2)) || failed(n.result(counts, 3)));
}

/// Each item is compared with all others.
static LogicalResult importUnique(NodeImport &n) {
  Value x = n.value(0);
  if (failed(sameType(n, {x}, isAny)))
    return failure();
  MLIRContext *context = &n.importer.context;
  SymbolicShape dims = n.shape(x);
  ItemOrder order{n.expr(1), elementCount(dims, context), n.expr(1),
                  n.elementType(x)};
  std::optional<int64_t> axis;
  if (n.attribute("axis")) {
    FailureOr<int64_t> given = n.axis(n.intAttr("axis", 0), dims.size());
    if (failed(given))
      return failure();
    axis = *given;
    ArrayRef<AffineExpr> all = dims;
    order.outer = elementCount(all.take_front(*axis), context);
    order.items = dims[*axis];
    order.inner = elementCount(all.drop_front(*axis + 1), context);
  } else {
    x = n.reshape(x, {order.items});
  }
  Value items = n.reshape(x, {order.outer, order.items, order.inner});
  if (!items)
    return failure();
  // The first place with the same item.
  Type i64 = n.builder().getI64Type();
  Value firsts = compute(n, i64, {order.items}, {items}, [&](Program &p) {
    Value own = p.fromIndex(p.at(0), i64);
    return p.loop(p.index(0), p.at(0), {own}, [&](Value j, ValueRange found) {
      Value open = p.equal(found[0], own);
      Value hit = p.both(open, order.isEqual(p, j, p.at(0)));
      return Values{p.select(hit, p.fromIndex(j, i64), found[0])};
    })[0];
  });
  auto selection =
      select(n, order.items, {firsts}, "count of " + n.name, [&](Program &p) {
        return p.equal(p.read(0, p.at(0)), p.fromIndex(p.at(0), i64));
      });
  if (failed(selection))
    return failure();
  return finishUnique(n, x, items, order, firsts, *selection, axis);
}

//===----------------------------------------------------------------------===//
// NonMaxSuppression
//===----------------------------------------------------------------------===//

namespace {

/// [top, left, bottom, right] of a box in a program.
struct Box {
  Value top, left, bottom, right;

  Box(Program &p, size_t input, Value batch, Value index, bool isCentered) {
    auto read = [&](int64_t i) {
      return p.read(input, {batch, index, p.index(i)});
    };
    Value a = read(0), b = read(1), c = read(2), d = read(3);
    if (isCentered) { // x, y, width, height
      Value two = p.constant(a.getType(), 2);
      Value halfWidth = p.div(c, two), halfHeight = p.div(d, two);
      left = p.sub(a, halfWidth), right = p.add(a, halfWidth);
      top = p.sub(b, halfHeight), bottom = p.add(b, halfHeight);
    } else { // y, x of any two opposite corners
      top = p.min(a, c), bottom = p.max(a, c);
      left = p.min(b, d), right = p.max(b, d);
    }
  }
  Value area(Program &p) const {
    return p.mul(p.sub(bottom, top), p.sub(right, left));
  }
};

} // namespace

/// Whether the intersection of two boxes is over `threshold` of their union;
/// never of boxes without an area.
static Value overlaps(Program &p, const Box &a, const Box &b, Value threshold) {
  Value zero = p.constant(threshold.getType(), 0);
  Value height = p.sub(p.min(a.bottom, b.bottom), p.max(a.top, b.top));
  Value width = p.sub(p.min(a.right, b.right), p.max(a.left, b.left));
  Value shared = p.mul(p.max(height, zero), p.max(width, zero));
  Value whole = p.sub(p.add(a.area(p), b.area(p)), shared);
  Value valid = p.both(p.less(zero, a.area(p)), p.less(zero, b.area(p)));
  valid = p.both(valid, p.both(p.less(zero, shared), p.less(zero, whole)));
  return p.both(valid, p.less(threshold, p.div(shared, whole)));
}

/// A scalar input, or its default.
static Value scalarInput(NodeImport &n, size_t index, Type type) {
  if (!n.has(index))
    return n.scalar(type, 0);
  Value value = n.reshape(n.value(index), {});
  if (value && n.elementType(value) == type)
    return value;
  (void)n.error("expected input " + Twine(index) + " of another type");
  return {};
}

namespace {
/// What NonMaxSuppression is given; the inputs of the program that keeps boxes.
struct Suppression {
  Value boxes, scores, order, limit, overlap;
  Value least; ///< of the scores; may be null
  bool isCentered = false;
};
} // namespace

/// The boxes of each batch and class in falling order of their scores, as
/// i64 [batches, classes, boxes]; equal scores in the given order, NaN last.
static Value sortByScore(NodeImport &n, Value scores) {
  Type f32 = n.builder().getF32Type();
  SymbolicShape dims = n.shape(scores);
  Value numbers = compute(n, f32, dims, {scores}, [&](Program &p) {
    Value own = p.read(0, p.at());
    Value lowest =
        p.constant(own.getType(), -std::numeric_limits<double>::infinity());
    return p.select(p.isNan(own), lowest, own);
  });
  return numbers ? firstPositions(n, numbers, 2, dims[2], /*largest=*/true)
                 : Value();
}

/// One after the other, boxes are kept that overlap none kept before.  Gives
/// i64 [batches, classes, 1 + boxes]: how many are kept, and which.
static Value keepBoxes(NodeImport &n, const Suppression &given) {
  Type i64 = n.builder().getI64Type();
  SymbolicShape dims = n.shape(given.scores);
  SmallVector<Value> inputs = {given.boxes, given.scores, given.order,
                               given.limit, given.overlap};
  if (given.least)
    inputs.push_back(given.least);
  auto body = [&](Program &p) {
    Value batch = p.at(0), group = p.at(1);
    Value zero = p.index(0), one = p.index(1);
    Value limit = p.read(3, {}), threshold = p.read(4, {});
    Values counted = p.loop(
        zero, p.extent(dims[2]), {zero}, [&](Value place, ValueRange carried) {
          Value count = carried[0];
          Value own = p.read(2, {batch, group, place});
          Value index = p.toIndex(own, i64);
          Value wanted = p.less(p.fromIndex(count, i64), limit);
          if (given.least)
            wanted = p.both(wanted, p.less(p.read(5, {}),
                                           p.read(1, {batch, group, index})));
          Box box(p, 0, batch, index, given.isCentered);
          // Nothing is compared for a box that is out already.
          Value isFree = p.loop(
              zero, p.select(wanted, count, zero), {p.boolean(true)},
              [&](Value j, ValueRange sofar) {
                Value other = p.readSelf({batch, group, p.add(j, one)});
                Box kept(p, 0, batch, p.toIndex(other, i64), given.isCentered);
                Value hit = overlaps(p, box, kept, threshold);
                return Values{p.both(sofar[0], p.negate(hit))};
              })[0];
          // Behind those that are kept, where the next one may replace it.
          Value next = p.add(count, one);
          p.write(own, {batch, group, next});
          return Values{p.select(p.both(wanted, isFree), next, count)};
        });
    p.write(p.fromIndex(counted[0], i64), {batch, group, zero});
  };
  return computeWrites(n, i64, {dims[0], dims[1], dims[2] + 1},
                       {dims[0], dims[1]}, inputs, std::nullopt, body);
}

static LogicalResult importNonMaxSuppression(NodeImport &n) {
  Type f32 = n.builder().getF32Type(), i64 = n.builder().getI64Type();
  Suppression given;
  given.boxes = n.value(0), given.scores = n.value(1);
  if (!given.boxes || !given.scores)
    return failure();
  SymbolicShape dims = n.shape(given.scores), boxDims = n.shape(given.boxes);
  if (!n.elementType(given.boxes).isF32() ||
      !n.elementType(given.scores).isF32() || dims.size() != 3 ||
      boxDims.size() != 3)
    return n.error("expected boxes [batches, boxes, 4] and scores [batches, "
                   "classes, boxes] of FLOAT");
  if (failed(n.needEqual(boxDims[0], dims[0])) ||
      failed(n.needEqual(boxDims[1], dims[2])) ||
      failed(n.needEqual(boxDims[2], n.expr(4))))
    return failure();
  given.limit = scalarInput(n, 2, i64), given.overlap = scalarInput(n, 3, f32);
  given.least = n.has(4) ? scalarInput(n, 4, f32) : Value();
  given.isCentered = n.intAttr("center_point_box", 0) != 0;
  given.order = sortByScore(n, given.scores);
  if (!given.limit || !given.overlap || (n.has(4) && !given.least) ||
      !given.order)
    return failure();
  Value kept = keepBoxes(n, given);
  if (!kept)
    return failure();
  // The result lists them by batch, class and score.
  auto split = [&](Program &p, Value place) {
    Value size = p.extent(dims[2]), classes = p.extent(dims[1]);
    Value row = p.div(place, size);
    return Values{p.div(row, classes), p.rem(row, classes), p.rem(place, size)};
  };
  AffineExpr places = elementCount(dims, &n.importer.context);
  auto selection =
      select(n, places, {kept}, "count of " + n.name, [&](Program &p) {
        Values at = split(p, p.at(0));
        Value count = p.read(0, {at[0], at[1], p.index(0)});
        return p.less(p.fromIndex(at[2], i64), count);
      });
  if (failed(selection))
    return failure();
  return n.result(
      compute(n, i64, {selection->kept, n.expr(3)}, {selection->counts, kept},
              [&](Program &p) {
                Values at = split(p, placeOf(p, *selection, 0, p.at(0)));
                Value box = p.read(1, {at[0], at[1], p.add(at[2], p.index(1))});
                Value result = p.select(p.equal(p.at(1), p.index(0)),
                                        p.fromIndex(at[0], i64), box);
                return p.select(p.equal(p.at(1), p.index(1)),
                                p.fromIndex(at[1], i64), result);
              }));
}

void registerSelection(Registry &r) {
  r.add("NonZero", importNonZero);
  r.add("Compress", importCompress);
  r.add("Unique", importUnique);
  r.add("NonMaxSuppression", importNonMaxSuppression);
}

} // namespace quantc::onnx_frontend

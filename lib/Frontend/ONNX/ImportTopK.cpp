// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// TopK.  A row is sorted by bytes: elements become integers in the order that
// is wanted, and one stable pass per byte, from the lowest, moves the positions
// to where the counts of the bytes say.  Short rows count instead how many
// elements come before each one.

#include "Sort.h"

using namespace mlir;

namespace quantc::onnx_frontend {

Value isBefore(Program &p, Value a, Value b, Type type, bool largest) {
  bool isUnsigned = type.isUnsignedInteger() || isBool(type);
  Value order = largest ? p.less(b, a, isUnsigned) : p.less(a, b, isUnsigned);
  if (isFloat(type))
    order = p.either(order, p.both(p.isNan(a), p.negate(p.isNan(b))));
  return order;
}

//===----------------------------------------------------------------------===//
// Short rows
//===----------------------------------------------------------------------===//

/// The rank of every element in its row: how many come before it.
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

static Value firstByRank(NodeImport &n, Value x, int64_t axis, AffineExpr count,
                         bool largest) {
  Value rank = ranks(n, x, axis, largest);
  SymbolicShape dims = n.shape(x), shape = dims;
  shape[axis] = count;
  Type i64 = n.builder().getI64Type();
  return compute(n, i64, shape, {rank}, [&](Program &p) {
    Value wanted = p.fromIndex(p.at(axis), i64);
    return p.loop(p.index(0), p.extent(dims[axis]), p.integer(i64, 0),
                  [&](Value i, ValueRange found) {
                    Values position = p.at();
                    position[axis] = i;
                    return Values{p.select(p.equal(p.read(0, position), wanted),
                                           p.fromIndex(i, i64), found[0])};
                  })[0];
  });
}

//===----------------------------------------------------------------------===//
// Sorting by bytes
//===----------------------------------------------------------------------===//

/// An element as an unsigned integer whose order is the one wanted.
static Value sortKey(Program &p, Value x, Type type, Type keyType,
                     bool largest) {
  unsigned width = keyType.getIntOrFloatBitWidth();
  Value ones = p.integer(keyType, -1);
  Value sign = p.integer(keyType, int64_t(1) << (width - 1));
  if (!isFloat(type)) {
    if (isBool(type))
      x = arith::ExtUIOp::create(p.builder, p.loc, keyType, x);
    else if (!type.isUnsignedInteger())
      x = p.binary<arith::XOrIOp>(x, sign);
    return largest ? p.binary<arith::XOrIOp>(x, ones) : x;
  }
  // x + 0 has no -0.
  Value number = p.add(x, p.constant(x.getType(), 0));
  Value bits = arith::BitcastOp::create(p.builder, p.loc, keyType, number);
  // Positive numbers get the sign bit, negative ones are inverted.
  Value isNegative = p.less(bits, p.integer(keyType, 0));
  Value flips = largest ? p.select(isNegative, p.integer(keyType, 0),
                                   p.binary<arith::XOrIOp>(sign, ones))
                        : p.select(isNegative, ones, sign);
  Value key = p.binary<arith::XOrIOp>(bits, flips);
  return p.select(p.isNan(x), p.integer(keyType, 0), key);
}

/// The keys with the sorted axis last.
static Value sortKeys(NodeImport &n, Value x, int64_t axis, bool largest) {
  SymbolicShape dims = n.shape(x), shape = dims;
  Type type = n.elementType(x), scalar = scalarType(type);
  unsigned width = std::max(8u, scalar.getIntOrFloatBitWidth());
  Type keyType = n.builder().getIntegerType(width);
  shape.erase(shape.begin() + axis);
  shape.push_back(dims[axis]);
  return compute(n, keyType, shape, {x}, [&](Program &p) {
    Values position(p.at().begin(), p.at().end() - 1);
    position.insert(position.begin() + axis, p.at().back());
    return sortKey(p, p.read(0, position), type, keyType, largest);
  });
}

namespace {
constexpr int64_t kBins = 256;

/// The program that sorts one row of keys.  Its state is two lists of
/// positions, the counts of a byte's values, and which list is the sorted one.
struct ByteSort {
  Program &p;
  Type keyType, stateType;
  Value extent, bins, end; ///< the row's length; where counts start and end

  Value state(Value at) { return p.toIndex(p.readSelf(with(at)), stateType); }
  void setState(Value value, Value at) {
    p.write(p.fromIndex(value, stateType), with(at));
  }
  Values with(Value at) {
    Values position = p.at();
    position.push_back(at);
    return position;
  }
  Value bin(Value digit) { return p.add(bins, digit); }

  Value digit(Value position, Value shift) {
    Value key = p.read(0, with(position));
    Value byte = p.binary<arith::AndIOp>(p.binary<arith::ShRUIOp>(key, shift),
                                         p.integer(keyType, kBins - 1));
    return arith::IndexCastUIOp::create(p.builder, p.loc,
                                        p.builder.getIndexType(), byte);
  }

  void repeat(Value count, llvm::function_ref<void(Value)> body) {
    p.loop(p.index(0), count, {}, [&](Value i, ValueRange) {
      body(i);
      return Values();
    });
  }

  /// Where in a list each byte's positions start; returns whether all keys
  /// have the same byte.
  Value countBytes(Value shift) {
    Value zero = p.index(0), one = p.index(1), count = p.index(kBins);
    repeat(count, [&](Value i) { setState(zero, bin(i)); });
    repeat(extent, [&](Value i) {
      Value at = bin(digit(i, shift));
      setState(p.add(state(at), one), at);
    });
    return p.loop(zero, count, {zero, p.boolean(false)},
                  [&](Value i, ValueRange carried) {
                    Value size = state(bin(i));
                    setState(carried[0], bin(i));
                    return Values{p.add(carried[0], size),
                                  p.either(carried[1], p.equal(size, extent))};
                  })[1];
  }

  /// From the list at `from`, or from the positions in order, to that at `to`.
  void place(Value shift, Value count, Value isFirst, Value from, Value to) {
    Value one = p.index(1);
    repeat(count, [&](Value i) {
      Value position = p.select(isFirst, i, state(p.add(from, i)));
      Value at = bin(digit(position, shift)), target = state(at);
      setState(p.add(target, one), at);
      setState(position, p.add(to, target));
    });
  }

  void emit() {
    Value zero = p.index(0),
          passes = p.index(keyType.getIntOrFloatBitWidth() / 8);
    Values done = p.loop(
        zero, passes, {zero, p.boolean(true)},
        [&](Value pass, ValueRange carried) {
          Value list = carried[0], isFirst = carried[1];
          Value shift = p.fromIndex(p.mul(pass, p.index(8)), keyType);
          Value skip = countBytes(shift);
          Value other = p.sub(extent, list);
          place(shift, p.select(skip, zero, extent), isFirst, list, other);
          return Values{p.select(skip, list, other), p.both(isFirst, skip)};
        });
    // Where all keys are equal nothing was placed.
    repeat(p.select(done[1], extent, zero), [&](Value i) { setState(i, i); });
    setState(done[0], end);
  }
};
} // namespace

static Value firstByBytes(NodeImport &n, Value x, int64_t axis,
                          AffineExpr count, bool largest) {
  Value keys = sortKeys(n, x, axis, largest);
  if (!keys)
    return {};
  SymbolicShape dims = n.shape(x), rows = n.shape(keys);
  AffineExpr extent = rows.pop_back_val();
  Type i64 = n.builder().getI64Type(), i32 = n.builder().getI32Type();
  SymbolicShape stateShape = rows;
  stateShape.push_back(extent * 2 + (kBins + 1));
  Value state = computeWrites(
      n, i32, stateShape, rows, {keys}, std::nullopt, [&](Program &p) {
        ByteSort{p,
                 cast<ShapedType>(keys.getType()).getElementType(),
                 i32,
                 p.extent(extent),
                 p.extent(extent * 2),
                 p.extent(extent * 2 + kBins)}
            .emit();
      });
  SymbolicShape shape = dims;
  shape[axis] = count;
  return compute(n, i64, shape, {state}, [&](Program &p) {
    Values row = p.at();
    row.erase(row.begin() + axis);
    row.push_back(p.extent(extent * 2 + kBins));
    Value list = p.toIndex(p.read(0, row), i32);
    row.back() = p.add(list, p.at(axis));
    return arith::ExtSIOp::create(p.builder, p.loc, i64, p.read(0, row));
  });
}

Value firstPositions(NodeImport &n, Value x, int64_t axis, AffineExpr count,
                     bool largest) {
  constexpr int64_t longestByRank = 32;
  int64_t extent = staticExtent(n.shape(x)[axis]);
  bool isShort = !ShapedType::isDynamic(extent) && extent <= longestByRank;
  return isShort ? firstByRank(n, x, axis, count, largest)
                 : firstByBytes(n, x, axis, count, largest);
}

static LogicalResult importTopK(NodeImport &n) {
  Value x = n.value(0);
  if (failed(sameType(n, {x}, isNumber)))
    return failure();
  SymbolicShape dims = n.shape(x);
  FailureOr<int64_t> axis = n.axis(n.intAttr("axis", -1), dims.size());
  if (failed(axis))
    return failure();
  FailureOr<AffineExpr> count = n.expr(n.intAttr("k", -1));
  if (n.opset >= 10)
    count = n.size(1, "'K'", "'K' of 0 or more");
  if (failed(count) || failed(n.needNonNegative(*count, "'K' of 0 or more")) ||
      failed(n.needAtMost(*count, dims[*axis])))
    return failure();
  // Any order is right when it need not be sorted; sorted is one.
  Value where =
      firstPositions(n, x, *axis, *count, n.intAttr("largest", 1) != 0);
  if (!where)
    return failure();
  SymbolicShape shape = n.shape(where);
  Type i64 = n.builder().getI64Type();
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

void registerTopK(Registry &r) { r.add("TopK", importTopK); }

} // namespace quantc::onnx_frontend

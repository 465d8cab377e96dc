// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Padding, triangles and blocks of pixels: what is composed from slices, masks,
// reshapes and transposes.

#include "Program.h"

using namespace mlir;

namespace quantc::onnx_frontend {

//===----------------------------------------------------------------------===//
// Pad and Trilu
//===----------------------------------------------------------------------===//

/// Removes elements at both ends (negative padding).
static Value crop(NodeImport &n, Value x, ArrayRef<int64_t> low,
                  ArrayRef<int64_t> high) {
  SymbolicShape starts, sizes;
  SmallVector<int64_t> steps(n.rank(x), 1);
  for (auto [i, dim] : llvm::enumerate(n.shape(x))) {
    starts.push_back(n.expr(low[i]));
    sizes.push_back(dim - (low[i] + high[i]));
    if (failed(n.needNonNegative(sizes.back(), "padding that leaves a size "
                                               "of 0 or more")))
      return {};
  }
  return n.slice(x, starts, sizes, steps);
}

/// Where `at` outside of [0, extent) is read, for any mode but "constant".
static Value padPosition(Program &p, Value at, Value extent, StringRef mode) {
  Value one = p.index(1), zero = p.index(0);
  if (mode == "wrap")
    return p.wrapIndex(p.rem(at, extent), extent);
  if (mode != "reflect")
    return p.max(p.min(at, p.sub(extent, one)), zero);
  // A triangle wave of period 2 (extent - 1).
  Value period = p.max(p.mul(p.sub(extent, one), p.index(2)), one);
  at = p.wrapIndex(p.rem(at, period), period);
  at = p.min(at, p.sub(period, at));
  return p.select(p.equal(extent, one), zero, at);
}

/// Padding with what the tensor holds, or with a value that is not constant.
static Value padProgram(NodeImport &n, Value x, ArrayRef<int64_t> low,
                        ArrayRef<int64_t> high, StringRef mode, Value filler) {
  SymbolicShape dims = n.shape(x), shape;
  for (auto [i, dim] : llvm::enumerate(dims)) {
    shape.push_back(dim + (low[i] + high[i]));
    if (mode != "constant" && low[i] + high[i] != 0 &&
        failed(n.needAtMost(n.expr(1), dim)))
      return {};
  }
  SmallVector<Value> inputs = {x};
  if (filler)
    inputs.push_back(filler);
  if (filler &&
      (n.elementType(filler) != n.elementType(x) || n.rank(filler) > 1)) {
    (void)n.error("expected one value of the operand's element type");
    return {};
  }
  return compute(n, n.elementType(x), shape, inputs, [&](Program &p) {
    Values position;
    Value inside = p.boolean(true), zero = p.index(0);
    for (auto [i, dim] : llvm::enumerate(dims)) {
      Value extent = p.extent(dim), at = p.sub(p.at(i), p.index(low[i]));
      if (low[i] + high[i] == 0) {
        position.push_back(p.at(i));
        continue;
      }
      inside = p.both(inside, p.inside(at, extent));
      position.push_back(mode == "constant" ? at
                                            : padPosition(p, at, extent, mode));
    }
    Value element = p.read(0, position);
    if (mode != "constant")
      return element;
    Value value = p.read(1, Values(n.rank(filler), zero));
    return p.select(inside, element, value);
  });
}

/// The result for the rows of the list below.
static Value padBy(NodeImport &n, Value x, Value list,
                   ArrayRef<AffineExpr> shape, StringRef mode) {
  int64_t rank = int64_t(shape.size());
  Type type = n.elementType(x), i64 = n.builder().getI64Type();
  SmallVector<Value> inputs = {x, list};
  bool isFilled = mode == "constant" && n.opset >= 11 && n.has(2);
  if (isFilled) {
    inputs.push_back(n.reshape(n.value(2), {}));
    if (failed(sameType(n, {x, inputs.back()}, isAny)))
      return {};
  }
  return compute(n, type, shape, inputs, [&](Program &p) {
    Values position;
    Value inside = p.boolean(true);
    auto entry = [&](int64_t row, int64_t d) {
      return p.toIndex(p.read(1, p.index(row * rank + d)), i64);
    };
    for (int64_t d = 0; d < rank; ++d) {
      Value at = p.sub(p.at(d), entry(1, d)), left = entry(3, d);
      inside = p.both(inside, p.inside(at, left));
      if (mode != "constant")
        at = padPosition(p, at, left, mode);
      position.push_back(p.add(at, entry(2, d)));
    }
    Value element = p.read(0, position);
    if (mode != "constant")
      return element;
    Value filler = isFilled ? p.read(2, {}) : p.constant(scalarType(type), 0);
    return p.select(inside, element, filler);
  });
}

/// With pads or axes that only the run knows.  Rows of the list: sizes, how far
/// the result begins before the operand, and the part of the operand that is
/// left by negative pads (first element and extent).
static LogicalResult padAtRunTime(NodeImport &n, Value x, StringRef mode) {
  SymbolicShape dims = n.shape(x);
  int64_t rank = int64_t(dims.size());
  FailureOr<int64_t> count = n.elements(1);
  FailureOr<int64_t> listed = n.has(3) ? n.elements(3) : rank;
  if (failed(count) || failed(listed))
    return failure();
  if (*count != 2 * *listed)
    return n.error("expected " + Twine(2 * *listed) + " pads, got " +
                   Twine(*count));
  SmallVector<Value> inputs = {n.value(1)};
  if (n.has(3))
    inputs.push_back(n.value(3));
  Value list = computeList(n, size_t(4 * rank), inputs, [&](Program &p) {
    Values low(rank, p.index(0)), high(rank, p.index(0)), result(4 * rank);
    Value valid = p.boolean(true), zero = p.index(0), size = p.index(rank);
    auto read = [&](size_t input, int64_t k) {
      return p.toIndex(p.read(input, p.index(k)), p.elementType(input));
    };
    auto readPad = [&](int64_t k) {
      constexpr int64_t limit = int64_t(1) << 40;
      Value pad = read(0, k);
      valid = p.both(valid, p.both(p.lessEqual(p.index(-limit), pad),
                                   p.lessEqual(pad, p.index(limit))));
      return pad;
    };
    for (int64_t k = 0; k < *listed; ++k) {
      Value axis = n.has(3) ? p.wrapIndex(read(1, k), size) : p.index(k);
      valid = p.both(valid, p.inside(axis, size));
      Value before = readPad(k), after = readPad(k + *listed);
      for (int64_t d = 0; d < rank; ++d) {
        Value here = p.equal(axis, p.index(d));
        low[d] = p.select(here, before, low[d]);
        high[d] = p.select(here, after, high[d]);
      }
    }
    for (int64_t d = 0; d < rank; ++d) {
      Value cut = p.max(p.neg(low[d]), zero);
      Value left =
          p.sub(p.sub(p.extent(dims[d]), cut), p.max(p.neg(high[d]), zero));
      Value grown = p.add(p.max(low[d], zero), p.max(high[d], zero));
      // Only a constant is there to pad nothing with.
      Value fits = p.lessEqual(zero, left);
      if (mode != "constant")
        fits = p.both(fits, p.either(p.less(zero, left), p.equal(grown, zero)));
      result[d] =
          p.select(p.both(valid, fits), p.add(left, grown), p.index(-1));
      result[rank + d] = p.max(low[d], zero);
      result[2 * rank + d] = cut;
      result[3 * rank + d] = left;
    }
    return result;
  });
  if (!list)
    return failure();
  SymbolicShape shape;
  for (int64_t d = 0; d < rank; ++d)
    shape.push_back(n.bind(list, d, "size of " + n.name + "[" + Twine(d) + "]",
                           "axes of the operand, and pads within 2^40 that "
                           "leave something of it"));
  return n.result(padBy(n, x, list, shape, mode));
}

static LogicalResult importPad(NodeImport &n) {
  Value x = n.value(0);
  std::string mode = n.stringAttr("mode", "constant");
  if (!llvm::is_contained({"constant", "reflect", "edge", "wrap"}, mode))
    return n.error("unknown mode " + quote(mode));
  bool isKnown =
      n.opset < 11 || (n.constantInts(1) && (!n.has(3) || n.constantInts(3)));
  if (x && n.has(1) && !isKnown)
    return padAtRunTime(n, x, mode);
  auto pads = n.intsAttrOrInput("pads", 1, 11);
  if (!x || failed(pads))
    return failure();
  if (!*pads)
    return n.error("'pads' is missing");
  Value filler;
  double value = 0;
  if (n.opset < 11) {
    value = n.floatAttr("value", 0.0f);
  } else if (n.has(2)) {
    auto known = n.constantScalar(2);
    // A small float is its code, which no number stands for.
    if (known && !isSmallFloat(n.elementType(x)))
      value = *known;
    else
      filler = n.value(2);
  }
  size_t rank = n.rank(x);
  SmallVector<int64_t> axes;
  if (n.has(3)) {
    axes = *n.constantInts(3);
    if (failed(n.normalizeAxes(axes, rank)))
      return failure();
  } else {
    for (size_t i = 0; i < rank; ++i)
      axes.push_back(i);
  }
  if ((*pads)->size() != 2 * axes.size())
    return n.error("expected " + Twine(2 * axes.size()) + " pads, got " +
                   Twine((*pads)->size()));
  SmallVector<int64_t> low(rank, 0), high(rank, 0), cutLow(rank, 0),
      cutHigh(rank, 0);
  constexpr int64_t limit = std::numeric_limits<int32_t>::max();
  for (auto [i, axis] : llvm::enumerate(axes)) {
    int64_t before = (**pads)[i], after = (**pads)[i + axes.size()];
    if (std::max(before, after) > limit || std::min(before, after) < -limit)
      return n.error("expected pads within 2^31, got " + Twine(before) +
                     " and " + Twine(after));
    low[axis] = std::max<int64_t>(before, 0);
    high[axis] = std::max<int64_t>(after, 0);
    cutLow[axis] = std::max<int64_t>(-before, 0);
    cutHigh[axis] = std::max<int64_t>(-after, 0);
  }
  bool cuts = llvm::any_of(llvm::concat<int64_t>(cutLow, cutHigh),
                           [](int64_t cut) { return cut != 0; });
  if (cuts)
    x = crop(n, x, cutLow, cutHigh);
  bool grows = llvm::any_of(llvm::concat<int64_t>(low, high),
                            [](int64_t pad) { return pad != 0; });
  if (!grows)
    return n.result(x);
  if (mode != "constant" || filler)
    return n.result(padProgram(n, x, low, high, mode, filler));
  return n.result(n.create<qnn::PadOp>(n.elementType(x), x,
                                       n.builder().getDenseI64ArrayAttr(low),
                                       n.builder().getDenseI64ArrayAttr(high),
                                       n.builder().getF64FloatAttr(value)));
}

/// With a diagonal that only the run knows; it is negative below the main one.
static LogicalResult triluAtRunTime(NodeImport &n, Value x) {
  Value diagonal = n.reshape(n.value(1), {});
  if (!diagonal)
    return failure();
  bool upper = n.intAttr("upper", 1) != 0;
  size_t rank = n.rank(x);
  Type type = n.elementType(x), logical = n.elementType(diagonal);
  return n.result(compute(n, type, n.shape(x), {x, diagonal}, [&](Program &p) {
    Value own = p.sub(p.at(rank - 1), p.at(rank - 2));
    Value k = p.toIndex(p.read(1, {}), logical);
    Value kept = upper ? p.lessEqual(k, own) : p.lessEqual(own, k);
    return p.select(kept, p.read(0, p.at()), p.constant(scalarType(type), 0));
  }));
}

/// Keeps one triangle of the last two dimensions: where(mask, x, 0) with a mask
/// from two ranges.
static LogicalResult importTrilu(NodeImport &n) {
  Value x = n.value(0);
  if (!x)
    return failure();
  size_t rank = n.rank(x);
  if (rank < 2)
    return n.error("expected an operand of rank 2 or more, got " + Twine(rank));
  AffineExpr diagonal = n.expr(0);
  if (n.has(1)) {
    FailureOr<int64_t> count = n.elements(1);
    if (failed(count))
      return failure();
    if (*count != 1)
      return n.error("expected a diagonal with 1 element");
    if (!n.data(1))
      return triluAtRunTime(n, x);
    diagonal = n.data(1)->front();
  }
  bool upper = n.intAttr("upper", 1) != 0;
  Type index = n.builder().getI64Type(), boolean = n.builder().getI1Type();
  AffineExpr rows = n.shape(x)[rank - 2], columns = n.shape(x)[rank - 1];
  // Element (r, c) lies on diagonal c - r: compare c with r + diagonal.
  Value row = n.reshape(n.range(index, diagonal, rows, 1), {rows, n.expr(1)});
  Value column = n.range(index, n.expr(0), columns, 1);
  Value mask = upper ? n.binary<qnn::GreaterEqualOp>(column, row, boolean)
                     : n.binary<qnn::LessEqualOp>(column, row, boolean);
  Type type = n.elementType(x);
  return n.result(n.create<qnn::WhereOp>(type, mask, x, n.scalar(type, 0)));
}

//===----------------------------------------------------------------------===//
// Blocks of pixels
//===----------------------------------------------------------------------===//

namespace {
/// How blocks of pixels become channels.
struct PixelBlocks {
  int64_t size = 0;
  /// The channel before the place in the block ('CRD').
  bool channelFirst = false;
};
} // namespace

/// For an operand [n, c, h, w].
static FailureOr<PixelBlocks> readBlocks(NodeImport &n, Value x) {
  if (!x)
    return failure();
  int64_t size = n.intAttr("blocksize", 0);
  if (n.rank(x) != 4)
    return n.error("expected an operand of rank 4, got " + Twine(n.rank(x)));
  if (size < 1 || size > std::numeric_limits<int16_t>::max())
    return n.error("expected 'blocksize' to be from 1 to 32767, got " +
                   Twine(size));
  std::string mode = n.stringAttr("mode", "DCR");
  if (mode != "DCR" && mode != "CRD")
    return n.error("expected 'mode' to be 'DCR' or 'CRD', got " + quote(mode));
  return PixelBlocks{size, mode == "CRD"};
}

static LogicalResult importDepthToSpace(NodeImport &n) {
  Value x = n.value(0);
  FailureOr<PixelBlocks> blocks = readBlocks(n, x);
  if (failed(blocks))
    return failure();
  SymbolicShape d = n.shape(x);
  AffineExpr b = n.expr(blocks->size);
  int64_t area = blocks->size * blocks->size;
  AffineExpr depth = canonicalize(d[1].floorDiv(area));
  if (failed(n.needEqual(depth * area, d[1])))
    return failure();
  if (blocks->channelFirst)
    x = n.transpose(n.reshape(x, {d[0], depth, b, b, d[2], d[3]}),
                    {0, 1, 4, 2, 5, 3});
  else
    x = n.transpose(n.reshape(x, {d[0], b, b, depth, d[2], d[3]}),
                    {0, 3, 4, 1, 5, 2});
  return n.result(n.reshape(x, {d[0], depth, d[2] * b, d[3] * b}));
}

static LogicalResult importSpaceToDepth(NodeImport &n) {
  Value x = n.value(0);
  FailureOr<PixelBlocks> blocks = readBlocks(n, x);
  if (failed(blocks))
    return failure();
  SymbolicShape d = n.shape(x);
  AffineExpr b = n.expr(blocks->size);
  AffineExpr height = canonicalize(d[2].floorDiv(b));
  AffineExpr width = canonicalize(d[3].floorDiv(b));
  if (failed(n.needEqual(height * b, d[2])) ||
      failed(n.needEqual(width * b, d[3])))
    return failure();
  x = n.reshape(x, {d[0], d[1], height, b, width, b});
  x = blocks->channelFirst ? n.transpose(x, {0, 1, 3, 5, 2, 4})
                           : n.transpose(x, {0, 3, 5, 1, 2, 4});
  return n.result(n.reshape(x, {d[0], d[1] * b * b, height, width}));
}

void registerLayout(Registry &r) {
  r.add("Pad", importPad);
  r.add("Trilu", importTrilu);
  r.add("DepthToSpace", importDepthToSpace);
  r.add("SpaceToDepth", importSpaceToDepth);
}

} // namespace quantc::onnx_frontend

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Windows as scalar programs: pools with indices or powers, unpooling, columns
// of images, local response normalization.

#include "Program.h"
#include "Window.h"

using namespace mlir;

namespace quantc::onnx_frontend {
SymbolicShape windowShape(ArrayRef<AffineExpr> dims, const Window &window) {
  SymbolicShape shape(dims.take_front(2));
  for (auto [i, dim] : llvm::enumerate(dims.drop_front(2))) {
    int64_t reach = window.dilations[i] * (window.kernel[i] - 1) + 1;
    AffineExpr padded = dim + (window.padLow[i] + window.padHigh[i]);
    if (window.isOuter(i))
      padded = padded + window.outerLow[i] + window.outerHigh[i];
    shape.push_back(
        canonicalize((padded - reach).floorDiv(window.strides[i]) + 1));
  }
  return shape;
}

Taps tapsOf(Program &p, const Window &window) {
  Taps taps;
  for (size_t i = 0; i < window.kernel.size(); ++i) {
    taps.bounds.push_back(p.index(window.kernel[i]));
    Value low = window.isOuter(i) ? p.extent(window.outerLow[i])
                                  : p.index(window.padLow[i]);
    taps.origin.push_back(
        p.sub(p.mul(p.at(i + 2), p.index(window.strides[i])), low));
  }
  return taps;
}

Values tapPosition(Program &p, const Window &window, const Taps &taps,
                   ValueRange tap, ArrayRef<AffineExpr> dims, Value &inside) {
  Values position = {p.at(0), p.at(1)};
  inside = p.boolean(true);
  for (size_t i = 0; i < window.kernel.size(); ++i) {
    Value at =
        p.add(taps.origin[i], p.mul(tap[i], p.index(window.dilations[i])));
    inside = p.both(inside, p.inside(at, p.extent(dims[i + 2])));
    position.push_back(at);
  }
  return position;
}

FailureOr<Window> readPool(NodeImport &n, Value x, bool canPad) {
  SymbolicShape dims = n.shape(x);
  if (dims.size() < 3)
    return n.error("expected an input of rank 3 or more, got " +
                   Twine(dims.size()));
  FailureOr<Window> window =
      readWindow(n, ArrayRef(dims).drop_front(2), {}, canPad);
  if (failed(window))
    return failure();
  if (n.intAttr("ceil_mode", 0) != 0)
    for (auto [i, extent] : llvm::enumerate(ArrayRef(dims).drop_front(2)))
      if (failed(extendForCeil(n, *window, i, extent, canPad)))
        return failure();
  return window;
}

//===----------------------------------------------------------------------===//
// Padding that depends on extents
//===----------------------------------------------------------------------===//

/// The extents with the outer padding.
static SymbolicShape outerShape(ArrayRef<AffineExpr> dims,
                                const Window &window) {
  SymbolicShape shape(dims);
  for (size_t i = 0; i < window.outerLow.size(); ++i)
    if (window.isOuter(i))
      shape[i + 2] =
          canonicalize(dims[i + 2] + window.outerLow[i] + window.outerHigh[i]);
  return shape;
}

/// The position in the operand of the element of the padded one that a program
/// computes; `inside` says whether there is one.
static Values outerPosition(Program &p, const Window &window,
                            ArrayRef<AffineExpr> dims, Value &inside) {
  Values position = {p.at(0), p.at(1)};
  inside = p.boolean(true);
  for (size_t i = 0; i < window.outerLow.size(); ++i) {
    Value at = p.at(i + 2);
    if (window.isOuter(i)) {
      at = p.sub(at, p.extent(window.outerLow[i]));
      inside = p.both(inside, p.inside(at, p.extent(dims[i + 2])));
    }
    position.push_back(at);
  }
  return position;
}

Value padOuter(NodeImport &n, Value x, const Window &window, double filler) {
  if (window.outerLow.empty())
    return x;
  SymbolicShape dims = n.shape(x), shape = outerShape(dims, window);
  Type type = n.elementType(x);
  return compute(n, type, shape, {x}, [&](Program &p) {
    Value inside;
    Values position = outerPosition(p, window, dims, inside);
    return p.select(inside, p.read(0, position),
                    p.constant(scalarType(type), filler));
  });
}

/// The average of the padded operand over that of ones in the place of what
/// counts.
LogicalResult averageOuter(NodeImport &n, Value x, Window window,
                           bool countPad) {
  SymbolicShape dims = n.shape(x), shape = outerShape(dims, window);
  size_t rank = window.kernel.size();
  SmallVector<int64_t> pads;
  if (failed(readList(n, "pads", 2 * rank, 0, 0, pads)))
    return failure();
  if (countPad && window.extended)
    return n.unsupported("with ceil_mode over a dynamic and a fixed extent");
  shape[0] = shape[1] = n.expr(1);
  Type type = n.elementType(x);
  bool isAuto = n.stringAttr("auto_pad", "NOTSET").starts_with("SAME");
  Value ones = compute(n, type, shape, {}, [&](Program &p) {
    Value inside = p.boolean(true), zero = p.index(0);
    for (size_t i = 0; i < rank; ++i) {
      if (!window.isOuter(i))
        continue;
      Value at = p.sub(p.at(i + 2), p.extent(window.outerLow[i]));
      Value low = countPad ? p.index(-pads[i]) : zero;
      Value end = p.extent(dims[i + 2]);
      if (countPad)
        end = p.add(end, p.index(pads[i + rank]));
      inside = p.both(inside, p.both(p.lessEqual(low, at), p.less(at, end)));
    }
    Type scalar = scalarType(type);
    return p.select(inside, p.constant(scalar, 1), p.constant(scalar, 0));
  });
  auto average = [&](Value operand, bool countsPad) {
    return n.create<qnn::PoolOp>(
        type, qnn::PoolKind::average, operand, ArrayRef<int64_t>(window.kernel),
        ArrayRef<int64_t>(window.strides), ArrayRef<int64_t>(window.dilations),
        ArrayRef<int64_t>(window.padLow), ArrayRef<int64_t>(window.padHigh),
        countsPad, /*channels_last=*/false);
  };
  x = padOuter(n, x, window, 0.0);
  if (!x || !ones)
    return failure();
  Value sum = average(x, countPad);
  if (countPad && isAuto)
    return n.result(sum);
  Value count = average(ones, false);
  if (!sum || !count)
    return failure();
  return n.result(n.create<qnn::DivOp>(type, sum, count));
}

//===----------------------------------------------------------------------===//
// Pools
//===----------------------------------------------------------------------===//

/// The offset of a position in its channel's image; column-major has the first
/// dimension fastest.
static Value flatOffset(Program &p, ValueRange position,
                        ArrayRef<AffineExpr> dims, bool columnMajor) {
  Value offset = p.add(p.mul(position[0], p.extent(dims[1])), position[1]);
  size_t rank = dims.size() - 2;
  Value inner = p.index(0), count = p.index(1);
  for (size_t k = 0; k < rank; ++k) {
    size_t d = columnMajor ? rank - 1 - k : k;
    inner = p.add(p.mul(inner, p.extent(dims[d + 2])), position[d + 2]);
    count = p.mul(count, p.extent(dims[d + 2]));
  }
  return p.add(p.mul(offset, count), inner);
}

LogicalResult importMaxPool(NodeImport &n) {
  Value x = n.value(0);
  if (failed(sameType(n, {x}, isNumber)))
    return failure();
  FailureOr<Window> window = readPool(n, x, /*canPad=*/true);
  if (failed(window))
    return failure();
  SymbolicShape dims = n.shape(x), shape = windowShape(dims, *window);
  Type type = n.elementType(x), i64 = n.builder().getI64Type();
  bool isUnsigned = type.isUnsignedInteger();
  bool columnMajor = n.intAttr("storage_order", 0) != 0;
  // The first maximum of the taps inside, or its offset; a window without taps
  // has what is next to it.
  auto search = [&](Program &p, bool wantsOffset) {
    Taps taps = tapsOf(p, *window);
    auto resultAt = [&](ValueRange position) {
      return wantsOffset
                 ? p.fromIndex(flatOffset(p, position, dims, columnMajor), i64)
                 : p.read(0, position);
    };
    Values first(taps.bounds.size(), p.index(0)), carried;
    Value ignored;
    Values start = tapPosition(p, *window, taps, first, dims, ignored);
    carried = {p.boolean(false), p.read(0, start)};
    if (wantsOffset)
      carried.push_back(resultAt(start));
    auto step = [&](ValueRange tap, ValueRange best) {
      Value inside;
      Values here = tapPosition(p, *window, taps, tap, dims, inside);
      Value a = p.read(0, here), b = best[1];
      Value greater = p.less(b, a, isUnsigned);
      if (isFloat(type))
        greater = p.either(greater, p.both(p.isNan(a), p.negate(p.isNan(b))));
      Value isBetter = p.either(p.negate(best[0]), greater);
      Value taken = p.both(inside, isBetter);
      Values next = {p.either(best[0], inside), p.select(taken, a, b)};
      if (wantsOffset)
        next.push_back(p.select(taken, resultAt(here), best[2]));
      return next;
    };
    return p.nestValues(taps.bounds, carried, step).back();
  };
  Value y = compute(n, type, shape, {x},
                    [&](Program &p) { return search(p, false); });
  if (failed(n.result(y)))
    return failure();
  if (!n.isOutputUsed(1))
    return success();
  return n.result(
      compute(n, i64, shape, {x}, [&](Program &p) { return search(p, true); }),
      1);
}

/// Sum of the taps over the number of those inside the padded input, as it is
/// without what ceil_mode adds.
LogicalResult importAveragePool(NodeImport &n) {
  Value x = n.value(0);
  FailureOr<Window> window = readPool(n, x);
  if (failed(window))
    return failure();
  SymbolicShape dims = n.shape(x), shape = windowShape(dims, *window);
  SmallVector<int64_t> pads;
  if (failed(readList(n, "pads", 2 * window->kernel.size(), 0, 0, pads)))
    return failure();
  Type type = n.elementType(x);
  return n.result(compute(n, type, shape, {x}, [&](Program &p) {
    Type scalar = scalarType(type);
    Value zero = p.constant(scalar, 0), one = p.constant(scalar, 1);
    Taps taps = tapsOf(p, *window);
    auto sumOf = [&](bool counts) {
      return p.nest(taps.bounds, zero, [&](ValueRange tap, Value sum) {
        Value inside;
        Values position = tapPosition(p, *window, taps, tap, dims, inside);
        if (!counts)
          return p.add(sum, p.select(inside, p.read(0, position), zero));
        Value padded = p.boolean(true);
        for (size_t i = 0; i < window->kernel.size(); ++i) {
          Value end = p.add(p.extent(dims[i + 2]),
                            p.index(pads[i + window->kernel.size()]));
          padded = p.both(padded, p.less(position[i + 2], end));
        }
        return p.add(sum, p.select(padded, one, zero));
      });
    };
    return p.div(sumOf(false), sumOf(true));
  }));
}

static LogicalResult importLpPool(NodeImport &n) {
  Value x = n.value(0);
  if (failed(sameType(n, {x}, isFloat)))
    return failure();
  FailureOr<Window> window = readPool(n, x);
  if (failed(window))
    return failure();
  int64_t power = n.intAttr("p", 2);
  if (power < 1 || power > 1024)
    return n.error("expected 'p' of 1 to 1024, got " + Twine(power));
  SymbolicShape dims = n.shape(x), shape = windowShape(dims, *window);
  Type type = n.elementType(x);
  return n.result(compute(n, type, shape, {x}, [&](Program &p) {
    Type scalar = scalarType(type);
    Value zero = p.constant(scalar, 0);
    Taps taps = tapsOf(p, *window);
    auto raise = [&](Value v, double exponent) {
      return p.binary<math::PowFOp>(v, p.constant(scalar, exponent));
    };
    Value sum = p.nest(taps.bounds, zero, [&](ValueRange tap, Value sum) {
      Value inside;
      Values position = tapPosition(p, *window, taps, tap, dims, inside);
      Value v = p.abs(p.select(inside, p.read(0, position), zero));
      v = power == 1 ? v : power == 2 ? p.mul(v, v) : raise(v, double(power));
      return p.add(sum, v);
    });
    if (power == 1)
      return sum;
    return power == 2 ? p.unary<math::SqrtOp>(sum)
                      : raise(sum, 1.0 / double(power));
  }));
}

static LogicalResult importGlobalLpPool(NodeImport &n) {
  Value x = n.value(0);
  if (failed(sameType(n, {x}, isFloat)))
    return failure();
  if (n.rank(x) < 3 || n.intAttr("p", 2) != 2)
    return n.unsupported("with another power than 2");
  auto axes = llvm::to_vector(llvm::seq<int64_t>(2, n.rank(x)));
  Value sum =
      n.reduce(qnn::ReduceKind::sum, n.binary<qnn::MulOp>(x, x), axes, true);
  return n.result(n.create<qnn::SqrtOp>(n.elementType(x), sum));
}

/// Each value of the input at the place that its index names, 0 elsewhere.
static LogicalResult importMaxUnpool(NodeImport &n) {
  Value x = n.value(0), which = n.value(1);
  if (failed(sameType(n, {x}, isNumber)) || !which)
    return failure();
  SymbolicShape dims = n.shape(x);
  if (dims.size() < 3 || n.rank(which) != dims.size() ||
      !n.elementType(which).isSignlessInteger(64))
    return n.error("expected indices of the input's shape");
  if (failed(n.needSame(n.shape(which), dims)))
    return failure();
  size_t rank = dims.size() - 2;
  SmallVector<int64_t> kernel, strides, pads;
  if (failed(readList(n, "kernel_shape", rank, 1, 1, kernel)) ||
      failed(readList(n, "strides", rank, 1, 1, strides)) ||
      failed(readList(n, "pads", 2 * rank, 0, 0, pads)))
    return failure();
  SymbolicShape inferred(ArrayRef(dims).take_front(2));
  for (size_t i = 0; i < rank; ++i)
    inferred.push_back((dims[i + 2] - 1) * strides[i] +
                       (kernel[i] - pads[i] - pads[i + rank]));
  SymbolicShape shape = inferred;
  if (n.has(2)) {
    const ShapeData *given =
        n.sizes(2, "an output shape without negative dimensions");
    if (!given)
      return failure();
    if (given->size() != dims.size())
      return n.error("expected an output shape of rank " + Twine(dims.size()));
    shape.assign(given->begin(), given->end());
  }
  Type type = n.elementType(x), i64 = n.builder().getI64Type();
  return n.result(computeWrites(
      n, type, shape, dims, {x, which}, std::nullopt, [&](Program &p) {
        // The index counts in the inferred shape, over the whole tensor; what
        // it says of another channel is not for this one.
        Value rest = p.toIndex(p.read(1, p.at()), i64);
        Values target(dims.size());
        for (size_t d = dims.size(); d-- > 1;) {
          target[d] = p.rem(rest, p.extent(inferred[d]));
          rest = p.div(rest, p.extent(inferred[d]));
        }
        target[0] = rest;
        Value own =
            p.both(p.equal(target[0], p.at(0)), p.equal(target[1], p.at(1)));
        target[0] = p.select(own, p.at(0), p.index(-1));
        p.write(p.read(0, p.at()), target);
      }));
}

//===----------------------------------------------------------------------===//
// Columns
//===----------------------------------------------------------------------===//

Value windowStart(Program &p, Value position, Value tap, int64_t pad,
                  int64_t dilation, int64_t stride, Value extent,
                  Value &valid) {
  Value shifted =
      p.sub(p.add(position, p.index(pad)), p.mul(tap, p.index(dilation)));
  Value start = p.div(shifted, p.index(stride));
  Value exact = p.equal(p.mul(start, p.index(stride)), shifted);
  exact = p.both(exact, p.lessEqual(p.index(0), shifted));
  exact = p.both(exact, p.less(start, extent));
  valid = valid ? p.both(valid, exact) : exact;
  return start;
}

static LogicalResult importCol2Im(NodeImport &n) {
  Value x = n.value(0);
  if (failed(sameType(n, {x}, isNumber)))
    return failure();
  const ShapeData *image = n.sizes(1, "extents of 1 or more"),
                  *block = n.sizes(2, "extents of 1 or more");
  if (!image || !block)
    return failure();
  if (image->size() != block->size() || image->empty())
    return n.error("expected as many extents of the image as of the block");
  size_t rank = image->size();
  SmallVector<int64_t> strides, dilations, pads;
  if (failed(readList(n, "strides", rank, 1, 1, strides)) ||
      failed(readList(n, "dilations", rank, 1, 1, dilations)) ||
      failed(readList(n, "pads", 2 * rank, 0, 0, pads)))
    return failure();
  SymbolicShape dims = n.shape(x);
  if (dims.size() != 3)
    return n.error("expected columns [batch, channels * block, windows]");
  AffineExpr area = elementCount(*block, &n.importer.context);
  ShapeData windows;
  for (size_t i = 0; i < rank; ++i) {
    AffineExpr own = (*block)[i], extent = (*image)[i];
    if (failed(n.needAtMost(n.expr(1), own)) ||
        failed(n.needAtMost(n.expr(1), extent)))
      return failure();
    AffineExpr reach =
        extent + (pads[i] + pads[i + rank]) - (own - 1) * dilations[i] - 1;
    windows.push_back(canonicalize(reach.floorDiv(strides[i]) + 1));
  }
  AffineExpr channels = canonicalize(dims[1].floorDiv(area));
  if (failed(n.needEqual(channels * area, dims[1])))
    return failure();
  SymbolicShape shape = {dims[0], channels};
  shape.append(image->begin(), image->end());
  Type type = n.elementType(x);
  return n.result(compute(n, type, shape, {x}, [&](Program &p) {
    Values bounds;
    for (AffineExpr extent : *block)
      bounds.push_back(p.extent(extent));
    // Sizes are arguments of the whole program.
    Values counts;
    for (AffineExpr count : windows)
      counts.push_back(p.extent(count));
    Value zero = p.constant(scalarType(type), 0);
    return p.nest(bounds, zero, [&](ValueRange tap, Value sum) {
      Value valid, row = p.at(1), column = p.index(0);
      for (size_t i = 0; i < rank; ++i) {
        Value start = windowStart(p, p.at(i + 2), tap[i], pads[i], dilations[i],
                                  strides[i], counts[i], valid);
        row = p.add(p.mul(row, bounds[i]), tap[i]);
        column = p.add(p.mul(column, counts[i]), start);
      }
      Value v = p.read(0, {p.at(0), row, column});
      return p.add(sum, p.select(valid, v, zero));
    });
  }));
}

//===----------------------------------------------------------------------===//
// Normalization over windows and rows
//===----------------------------------------------------------------------===//

/// x / (bias + alpha / size * sum of squares of nearby channels) ^ beta.
static LogicalResult importLrn(NodeImport &n) {
  Value x = n.value(0);
  if (failed(sameType(n, {x}, isFloat)))
    return failure();
  SymbolicShape dims = n.shape(x);
  int64_t size = n.intAttr("size", 1);
  if (dims.size() < 2 || size < 1 || size > 1 << 20)
    return n.error("expected a rank of 2 or more and a 'size' of 1 or more");
  float alpha = n.floatAttr("alpha", 0.0001f),
        beta = n.floatAttr("beta", 0.75f);
  float bias = n.floatAttr("bias", 1.0f);
  Type type = n.elementType(x);
  return n.result(compute(n, type, dims, {x}, [&](Program &p) {
    Type scalar = scalarType(type);
    Value zero = p.constant(scalar, 0);
    Value first = p.sub(p.at(1), p.index((size - 1) / 2));
    Value sum =
        p.loop(p.index(0), p.index(size), zero, [&](Value k, ValueRange sum) {
          Values position = p.at();
          position[1] = p.add(first, k);
          Value v = p.read(0, position);
          Value square = p.mul(v, v);
          Value inside = p.inside(position[1], p.extent(dims[1]));
          return Values{p.add(sum[0], p.select(inside, square, zero))};
        })[0];
    Value scaled = p.mul(p.constant(scalar, double(alpha) / double(size)), sum);
    Value base = p.add(p.constant(scalar, bias), scaled);
    Value power = p.binary<math::PowFOp>(base, p.constant(scalar, beta));
    return p.div(p.read(0, p.at()), power);
  }));
}

/// x / norm along an axis, 0 where the norm is 0.
static LogicalResult importLpNormalization(NodeImport &n) {
  Value x = n.value(0);
  if (failed(sameType(n, {x}, isFloat)))
    return failure();
  int64_t power = n.intAttr("p", 2);
  FailureOr<int64_t> axis = n.axis(n.intAttr("axis", -1), n.rank(x));
  if (failed(axis))
    return failure();
  if (power != 1 && power != 2)
    return n.error("expected 'p' to be 1 or 2, got " + Twine(power));
  Type type = n.elementType(x);
  Value terms =
      power == 1 ? n.create<qnn::AbsOp>(type, x) : n.binary<qnn::MulOp>(x, x);
  Value norm = n.reduce(qnn::ReduceKind::sum, terms, {*axis}, true);
  if (power == 2)
    norm = n.create<qnn::SqrtOp>(type, norm);
  Value zero = n.scalar(type, 0);
  Value isZero = n.binary<qnn::EqualOp>(norm, zero, n.builder().getI1Type());
  Value ratio = n.binary<qnn::DivOp>(x, norm);
  return n.result(n.create<qnn::WhereOp>(type, isZero, zero, ratio));
}

void registerWindows(Registry &r) {
  r.add("LpPool", importLpPool);
  r.add("GlobalLpPool", importGlobalLpPool);
  r.add("MaxUnpool", importMaxUnpool);
  r.add("Col2Im", importCol2Im);
  r.add("LRN", importLrn);
  r.add("LpNormalization", importLpNormalization);
}

} // namespace quantc::onnx_frontend

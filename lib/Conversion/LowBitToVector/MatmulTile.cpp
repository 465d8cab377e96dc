// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One tile of C in registers: read, extended by every step of the reduction in
// ascending k, written back.

#include "Dot.h"
#include "MatmulEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace quantc::lowbit {

/// How many lines ahead of its use a line of B is asked for: 2 KiB.
static constexpr int64_t kPrefetchSteps = 32;

//===----------------------------------------------------------------------===//
// Loads and stores
//===----------------------------------------------------------------------===//

/// The vectors of B for one step.  Missing columns read a repeated line, zeros,
/// or whatever packing left; the sums of these lanes are dropped.
SmallVector<Value> MatmulEmitter::loadLines(const Columns &columns,
                                            Value step) {
  bool isBytes = op.isInteger();
  int64_t bytes = isBytes ? kLineDepth : 1;
  auto type =
      VectorType::get({plan.lanes * bytes}, op.getBType().getElementType());
  int64_t perLine = kLineColumns / plan.lanes;
  Values lines;
  for (int64_t v = 0; v < columns.vectors; ++v) {
    if (scratch) {
      Value line = mul(sub(step, scratchBegin), columns.vectors * plan.lanes);
      lines.push_back(vector::LoadOp::create(
          b, type, scratch, ValueRange{add(line, v * plan.lanes)}));
    } else if (op.getBLayout() == BLayout::Packed) {
      Value line = getPanel(columns, v);
      Value lane = constant(v % perLine * plan.lanes * bytes);
      lines.push_back(vector::LoadOp::create(b, type, right.memref,
                                             at(right, {line, step, lane})));
    } else {
      Value column = add(columns.first, v * plan.lanes);
      Values indices = at(right, {step, column});
      Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
      lines.push_back(
          columns.partial
              ? vector::MaskedLoadOp::create(b, type, right.memref, indices,
                                             getMask(columns, v), zero)
                    .getResult()
              : vector::LoadOp::create(b, type, right.memref, indices)
                    .getResult());
    }
  }
  return lines;
}

/// Asks for lines of B that later steps read.  The first tile of a group of
/// columns reads them from far away, and is the one that waits (measured: 4 to
/// 8 % of large contractions; nothing is gained with a single row).
void MatmulEmitter::prefetchLines(const Columns &columns, Value step) {
  if (op.getBLayout() != BLayout::Packed)
    return;
  int64_t perLine = kLineColumns / plan.lanes;
  for (int64_t v = 0; v < columns.vectors; v += perLine) {
    Value line = add(div(columns.first, kLineColumns), v / perLine);
    Values indices = at(right, {line, add(step, kPrefetchSteps), constant(0)});
    memref::PrefetchOp::create(b, right.memref, indices, /*isWrite=*/false,
                               /*localityHint=*/3, /*isDataCache=*/true);
  }
}

/// Asks for the lines that the epilogue will write: large results are far away,
/// and so many stores at once would wait for them.
void MatmulEmitter::prefetchResult(const Places &places) {
  if (!result)
    return;
  for (Value row : places.rows)
    for (Value column : places.columns)
      memref::PrefetchOp::create(b, result, ValueRange{row, column},
                                 /*isWrite=*/true, /*localityHint=*/3,
                                 /*isDataCache=*/true);
}

/// A's element, or its four bytes as an i32, for one step.
Value MatmulEmitter::loadElement(Value row, Value step) {
  if (!op.isInteger())
    return memref::LoadOp::create(b, a.memref, at(a, {row, step}));
  auto bytes = VectorType::get({kLineDepth}, b.getI8Type());
  Value loaded = vector::LoadOp::create(b, bytes, a.memref,
                                        at(a, {row, mul(step, kLineDepth)}));
  Value word = vector::BitCastOp::create(
      b, VectorType::get({1}, b.getI32Type()), loaded);
  return vector::ExtractOp::create(b, word, 0);
}

/// The bytes after the last whole step, with zeros for the missing ones and
/// without a read beyond the row.
Value MatmulEmitter::loadLastBytes(Value row) {
  Value begin = mul(steps, kLineDepth);
  Value last = sub(k, constant(1));
  Value zero = arith::ConstantIntOp::create(b, b.getI32Type(), 0);
  Value word = zero;
  for (int64_t i = 0; i + 1 < kLineDepth; ++i) {
    Value index = add(begin, i);
    Value byte =
        memref::LoadOp::create(b, a.memref, at(a, {row, min(index, last)}));
    Value wide = arith::ExtUIOp::create(b, b.getI32Type(), byte);
    Value shift = arith::ConstantIntOp::create(b, b.getI32Type(), 8 * i);
    Value placed = arith::ShLIOp::create(b, wide, shift);
    Value kept =
        b.createOrFold<arith::SelectOp>(isLess(index, k), placed, zero);
    word = arith::OrIOp::create(b, word, kept);
  }
  return word;
}

//===----------------------------------------------------------------------===//
// The tile
//===----------------------------------------------------------------------===//

SmallVector<Value> MatmulEmitter::emitSteps(Values sums, const Values &rows,
                                            const Columns &columns,
                                            const Depth &depth) {
  if (windows)
    return emitTaps(sums, rows, columns);
  auto step = [&](Value index, Values &carried) {
    Values lines = loadLines(columns, index), elements;
    if (rows.size() > 1)
      prefetchLines(columns, index);
    for (Value row : rows)
      elements.push_back(loadElement(row, index));
    multiplyAdd(b, plan, carried, elements, lines);
  };
  Value whole =
      add(depth.begin, roundDown(sub(depth.end, depth.begin), plan.unroll));
  sums = emitLoop(depth.begin, whole, plan.unroll, sums, step);
  if (plan.unroll > 1)
    sums = emitLoop(whole, depth.end, 1, sums, step);
  return op.isInteger() ? emitLastBytes(sums, rows, columns) : sums;
}

/// The whole depth, tap by tap: all channels of one after those of another.
SmallVector<Value> MatmulEmitter::emitTaps(Values sums, const Values &rows,
                                           const Columns &columns) {
  SmallVector<WindowRows::Pixel> pixels;
  for (Value row : rows)
    pixels.push_back(windows->getPixel(row));
  int64_t channels = windows->getChannels();
  return emitLoop(constant(0), constant(windows->getTaps()), 1, sums,
                  [&](Value tap, Values &carried) {
                    Values pointers;
                    for (const WindowRows::Pixel &pixel : pixels)
                      pointers.push_back(windows->getPointer(pixel, tap));
                    Value begin = mul(tap, channels);
                    carried = emitLoop(
                        constant(0), constant(channels), plan.unroll, carried,
                        [&](Value channel, Values &inner) {
                          Value step = add(begin, channel);
                          Values lines = loadLines(columns, step), elements;
                          prefetchLines(columns, step);
                          for (Value pointer : pointers)
                            elements.push_back(windows->load(pointer, channel));
                          multiplyAdd(b, plan, inner, elements, lines);
                        });
                  });
}

SmallVector<Value> MatmulEmitter::emitLastBytes(Values sums, const Values &rows,
                                                const Columns &columns) {
  Value whole = mul(steps, kLineDepth);
  std::optional<int64_t> depth = getConstantIntValue(k);
  if (depth && *depth % kLineDepth == 0)
    return sums;
  auto add = [&] {
    Values lines = loadLines(columns, steps), elements;
    for (Value row : rows)
      elements.push_back(loadLastBytes(row));
    Values result(sums);
    multiplyAdd(b, plan, result, elements, lines);
    return result;
  };
  if (depth)
    return add();
  auto branch = scf::IfOp::create(
      b, b.getLoc(), isLess(whole, k),
      [&](OpBuilder &, Location) { scf::YieldOp::create(b, add()); },
      [&](OpBuilder &, Location) { scf::YieldOp::create(b, sums); });
  return Values(branch.getResults());
}

void MatmulEmitter::emitTile(int64_t rowCount, const Rows &rows,
                             const Columns &columns, const Depth &depth) {
  Places places = getPlaces(rowCount, rows, columns);
  if (!columns.partial)
    prefetchResult(places);
  Values sums;
  if (startsAtZero && getConstantIntValue(depth.begin) == 0) {
    auto type = VectorType::get({plan.lanes}, op.getCType().getElementType());
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
    sums.assign(rowCount * columns.vectors, zero);
  } else {
    sums = loadTile(places);
  }
  storeTile(places, emitSteps(sums, places.rows, columns, depth));
}

} // namespace quantc::lowbit

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tiles of a block-wise contraction: groups in ascending order, each an exact
// sum or a chain, then one fma with the group's scale (docs/numerics.md §5.3,
// §5.6).

#include "BlockEmitter.h"
#include "Dot.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/SmallSet.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace quantc::lowbit {

/// Units of a group that follow each other without a loop.
static constexpr int64_t kUnrolledUnits = 4;
/// Vectors of accumulators that a tile may have.
static constexpr int64_t kAccumulators = 16;
/// Groups of so many k are so short that combining their sets counts.
static constexpr int64_t kShortGroup = 32;

BlockEmitter::BlockEmitter(ImplicitLocOpBuilder &b, BlockMatmulOp op,
                           KernelPlan plan)
    : TileLoops(b, plan), op(op),
      unit(fmt::getLineUnit(op.getBits(), op.getTernary())),
      depth(op.getDepth()), group(op.getGroup()) {
  unitsPerGroup = llvm::divideCeil(group, unit.getDepth());
}

/// A panel's [.., 16, 4] bytes as one dimension: [.., 64].
static Value collapseLines(ImplicitLocOpBuilder &b, Value lines) {
  SmallVector<ReassociationIndices> dims = {{0}, {1}, {2, 3}};
  return memref::CollapseShapeOp::create(b, lines, dims);
}

void BlockEmitter::emit() {
  a.memref = op.getA();
  c.memref = op.getC();
  lines = collapseLines(b, op.getB());
  scales = op.getScales();
  offsets = op.getOffsets();
  inputSums = op.getSums();
  m = getExtent(b, c.memref, 0);
  n = getExtent(b, c.memref, 1);
  createDecoded();
  emitHeights();
}

void BlockEmitter::emitGroup(const Columns &columns, Height height) {
  int64_t whole = depth / group, left = depth % group;
  int64_t atOnce = height == Height::Many ? getDecodedGroups() : 0;
  readsDecoded = atOnce > 0;
  rest = left;
  if (!readsDecoded)
    return emitRows(columns, height, {constant(0), constant(whole)});
  if (whole + (left != 0) <= atOnce)
    return emitDecoded(columns, constant(0), constant(whole));
  // C holds the sums in between, as they are.
  rest = 0;
  forRange(constant(0), constant(whole), atOnce, [&](Value begin) {
    emitDecoded(columns, begin, min(add(begin, atOnce), constant(whole)));
  });
  rest = left;
  if (rest)
    emitDecoded(columns, constant(whole), constant(whole));
}

//===----------------------------------------------------------------------===//
// Vectors
//===----------------------------------------------------------------------===//

VectorType BlockEmitter::lanesOf(Type element, int64_t perLane) {
  return VectorType::get({plan.lanes * perLane}, element);
}

Value BlockEmitter::splat(VectorType type, int64_t value) {
  APInt bits(type.getElementTypeBitWidth(), uint64_t(value),
             /*isSigned=*/false, /*implicitTrunc=*/true);
  return arith::ConstantOp::create(b, DenseElementsAttr::get(type, bits));
}

Value BlockEmitter::broadcast(Type element, Value value) {
  return vector::BroadcastOp::create(b, lanesOf(element), value);
}

//===----------------------------------------------------------------------===//
// Groups
//===----------------------------------------------------------------------===//

/// How planes share sums in a tile of `count` vectors.
int64_t BlockEmitter::chooseTurns(int64_t count) {
  if (op.isBf16())
    return 1;
  if (!op.isInteger())
    return 0;
  if (readsDecoded || plan.dot == Dot::Pairs)
    return 1;
  // All ternary planes have one scale.
  if (op.getTernary())
    return 0;
  // Two short chains of additions are faster than a long one.
  if (plan.takesBits && group <= kShortGroup)
    return 3 * count <= kAccumulators ? 2 : 1;
  llvm::SmallSet<unsigned, 8> scalesOfPlanes(unit.shifts.begin(),
                                             unit.shifts.end());
  int64_t needed = count * int64_t(scalesOfPlanes.size() + 1);
  return needed > kAccumulators ? 1 : 0;
}

void BlockEmitter::emitTile(int64_t rowCount, const Rows &rows,
                            const Columns &columns, const Depth &groups) {
  Places places = getPlaces(rowCount, rows, columns);
  Values sums = loadTile(places);
  Tile tile{places.rows, columns, chooseTurns(int64_t(sums.size()))};
  sums = emitLoop(groups.begin, groups.end, 1, sums,
                  [&](Value index, Values &carried) {
                    emitBlock(carried, tile, index, group);
                  });
  if (rest)
    emitBlock(sums, tile, constant(depth / group), rest);
  storeTile(places, sums);
}

/// Adds one group of `length` k to the sums of a tile.
void BlockEmitter::emitBlock(Values &sums, const Tile &tile, Value index,
                             int64_t length) {
  Values zeros;
  if (op.hasIntegerOffsets() && !readsDecoded)
    zeros = loadOffsets(tile, index);
  if (!readsDecoded)
    prefetchScales(tile, index);
  Sums block = startSums(tile, index, zeros);
  block = emitUnits(block, tile, index, length, zeros);
  combine(sums, tile, index, block);
}

BlockEmitter::Sums BlockEmitter::emitUnits(Sums sums, const Tile &tile,
                                           Value index, int64_t length,
                                           const Values &zeros) {
  int64_t whole = length / unit.getDepth(), rest = length % unit.getDepth();
  Position start{mul(index, group), mul(index, unitsPerGroup)};
  auto addAt = [&](Sums &carried, Value step, int64_t count) {
    Position position{add(start.k, mul(step, unit.getDepth())),
                      add(start.unit, step)};
    addUnit(carried, tile, position, count, zeros);
  };
  int64_t unrolled = whole;
  if (whole > 2 * kUnrolledUnits) {
    // What the loop carries, in one list.
    Values flat;
    for (const Values &products : sums.products)
      llvm::append_range(flat, products);
    llvm::append_range(flat, sums.inputs);
    auto unflatten = [&](Sums &to, const Values &from) {
      size_t next = 0;
      for (Values &products : to.products)
        for (Value &product : products)
          product = from[next++];
      for (Value &input : to.inputs)
        input = from[next++];
    };
    unrolled = whole % kUnrolledUnits;
    flat = emitLoop(constant(0), constant(whole - unrolled), kUnrolledUnits,
                    flat, [&](Value step, Values &carried) {
                      Sums inner = sums;
                      unflatten(inner, carried);
                      addAt(inner, step, unit.getDepth());
                      carried.clear();
                      for (const Values &products : inner.products)
                        llvm::append_range(carried, products);
                      llvm::append_range(carried, inner.inputs);
                    });
    unflatten(sums, flat);
  }
  for (int64_t i = whole - unrolled; i < whole; ++i)
    addAt(sums, constant(i), unit.getDepth());
  if (rest)
    addAt(sums, constant(whole), rest);
  return sums;
}

//===----------------------------------------------------------------------===//
// Starts and scales
//===----------------------------------------------------------------------===//

Value BlockEmitter::loadSum(Value row, Value index) {
  return memref::LoadOp::create(b, inputSums, ValueRange{row, index});
}

/// One vector of each group's array [panels, groups, 16], as f32.
SmallVector<Value> BlockEmitter::loadFloats(const Tile &tile, Value memref,
                                            Value index) {
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  int64_t perLine = kLineColumns / plan.lanes;
  Values values;
  for (int64_t v = 0; v < tile.columns.vectors; ++v) {
    Values indices = {getPanel(tile.columns, v), index,
                      constant(v % perLine * plan.lanes)};
    Value value = vector::LoadOp::create(b, lanesOf(element), memref, indices);
    if (!element.isF32())
      value = arith::ExtFOp::create(b, lanesOf(b.getF32Type()), value);
    values.push_back(value);
  }
  return values;
}

/// Integer offsets as i32.
SmallVector<Value> BlockEmitter::loadOffsets(const Tile &tile, Value index) {
  int64_t perLine = kLineColumns / plan.lanes;
  Values values;
  for (int64_t v = 0; v < tile.columns.vectors; ++v) {
    Values indices = {getPanel(tile.columns, v), index,
                      constant(v % perLine * plan.lanes)};
    Value value =
        vector::LoadOp::create(b, lanesOf(b.getI8Type()), offsets, indices);
    values.push_back(arith::ExtUIOp::create(b, lanesOf(b.getI32Type()), value));
  }
  return values;
}

/// The set of sums that a plane is added to.
unsigned BlockEmitter::getSet(const Tile &tile, size_t plane) {
  if (!op.isInteger())
    return 0;
  return tile.turns ? plane % tile.turns : unit.shifts[plane];
}

BlockEmitter::Sums BlockEmitter::startSums(const Tile &tile, Value index,
                                           const Values &zeros) {
  Type element = op.isInteger() ? Type(b.getI32Type()) : b.getF32Type();
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(lanesOf(element)));
  int64_t vectors = tile.columns.vectors;
  Sums sums;
  for (size_t plane = 0; plane < unit.shifts.size(); ++plane) {
    size_t set = getSet(tile, plane);
    if (sums.products.size() <= set)
      sums.products.resize(set + 1);
    sums.products[set].assign(tile.rows.size() * vectors, zero);
  }
  bool hasFloatOffsets = offsets && !op.hasIntegerOffsets();
  if (!op.isInteger()) {
    if (hasFloatOffsets)
      sums.inputs.assign(tile.rows.size(), zero);
    return sums;
  }
  if (hasFloatOffsets)
    return sums;
  // Sums start in the set of the planes with the least scale.
  size_t first = 0;
  while (sums.products[first].empty())
    ++first;
  // multiplyWords takes 16 bits: 127 * 258 < 2^15.
  bool isShort = group <= 256;
  for (auto [r, row] : llvm::enumerate(tile.rows)) {
    Value start = broadcast(element, loadSum(row, index));
    // Decoded codes are 2^bits more than the codes less their offset.
    if (readsDecoded && offsets)
      start = arith::ShLIOp::create(
          b, start, splat(lanesOf(element), int64_t(op.getBits())));
    if (first)
      start = arith::ShLIOp::create(b, start,
                                    splat(lanesOf(element), int64_t(first)));
    for (int64_t v = 0; v < vectors; ++v) {
      Value &sum = sums.products[first][r * vectors + v];
      if (zeros.empty())
        sum = start;
      else if (isShort)
        sum = multiplyWords(b, plan, zeros[v], start);
      else
        sum = arith::MulIOp::create(b, zeros[v], start);
    }
  }
  return sums;
}

/// sums = fma(sum of the group, scale, sums), then the float offsets.
void BlockEmitter::combine(Values &sums, const Tile &tile, Value index,
                           const Sums &block) {
  Type f32 = b.getF32Type();
  Values factors = loadFloats(tile, scales, index), added;
  bool hasFloatOffsets = offsets && !op.hasIntegerOffsets();
  if (hasFloatOffsets)
    added = loadFloats(tile, offsets, index);
  for (size_t i = 0; i < sums.size(); ++i) {
    Value total;
    for (auto [set, products] : llvm::enumerate(block.products)) {
      if (products.empty())
        continue;
      Value more = products[i];
      if (set && !tile.turns)
        more = arith::ShRSIOp::create(
            b, more, splat(lanesOf(b.getI32Type()), int64_t(set)));
      total = total ? arith::AddIOp::create(b, total, more).getResult() : more;
    }
    if (op.isInteger())
      total = arith::SIToFPOp::create(b, lanesOf(f32), total);
    size_t v = i % tile.columns.vectors, r = i / tile.columns.vectors;
    sums[i] = math::FmaOp::create(b, total, factors[v], sums[i]);
    if (!hasFloatOffsets)
      continue;
    Value input = op.isInteger() ? broadcast(f32, loadSum(tile.rows[r], index))
                                 : block.inputs[r];
    sums[i] = math::FmaOp::create(b, input, added[v], sums[i]);
  }
}

} // namespace quantc::lowbit

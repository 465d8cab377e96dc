// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Index arithmetic, loops over columns and rows, and access to the tiles of C.

#include "TileLoops.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace quantc::lowbit {

Value getExtent(ImplicitLocOpBuilder &b, Value memref, int64_t dim) {
  return b.createOrFold<memref::DimOp>(memref, dim);
}

SmallVector<Value> TileLoops::at(const Matrix &matrix, ValueRange indices) {
  Values all(matrix.batch);
  llvm::append_range(all, indices);
  return all;
}

/// The start of the function or parallel loop body around `op`.
static Block *getAllocationBlock(Operation *op) {
  Operation *parent = op;
  do {
    op = parent;
    parent = op->getParentOp();
  } while (!isa<FunctionOpInterface, scf::ForallOp, scf::ParallelOp>(parent));
  return op->getBlock();
}

Value TileLoops::allocateScratch(Operation *op, MemRefType type) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(getAllocationBlock(op));
  return memref::AllocOp::create(b, type, b.getI64IntegerAttr(64));
}

SmallVector<Value>
TileLoops::emitLoop(Value begin, Value end, int64_t unroll, Values sums,
                    function_ref<void(Value, Values &)> step) {
  std::optional<int64_t> from = getConstantIntValue(begin);
  std::optional<int64_t> to = getConstantIntValue(end);
  if (from && to && *from >= *to)
    return sums;
  auto loop = scf::ForOp::create(
      b, b.getLoc(), begin, end, constant(unroll), sums,
      [&](OpBuilder &, Location, Value index, ValueRange carried) {
        Values inner(carried);
        for (int64_t i = 0; i < unroll; ++i)
          step(add(index, i), inner);
        scf::YieldOp::create(b, inner);
      });
  return Values(loop.getResults());
}

//===----------------------------------------------------------------------===//
// Columns and rows
//===----------------------------------------------------------------------===//

void TileLoops::emitHeights() {
  ifElse(
      isLess(constant(plan.few.rows), m), [&] { emitColumns(Height::Many); },
      [&] {
        ifElse(
            isLess(constant(1), m), [&] { emitColumns(Height::Few); },
            [&] { emitColumns(Height::Single); });
      });
}

void TileLoops::emitColumns(Height height) {
  int64_t vectors = height == Height::Single ? plan.single.vectors
                    : height == Height::Few  ? plan.few.vectors
                                             : plan.main.vectors;
  std::optional<int64_t> columns = getConstantIntValue(n);
  int64_t perLine = kLineColumns / plan.lanes;
  if (columns)
    vectors = std::min<int64_t>(
        vectors, llvm::divideCeil(*columns, kLineColumns) * perLine);
  if (vectors == 0)
    return;
  int64_t width = vectors * plan.lanes;
  Value whole = roundDown(n, width);
  forRange(constant(0), whole, width, [&](Value first) {
    emitGroup({first, vectors, /*partial=*/false}, height);
  });
  if (!columns) {
    ifElse(
        isLess(whole, n),
        [&] { emitGroup({whole, vectors, /*partial=*/true}, height); }, [] {});
    return;
  }
  if (int64_t left = *columns % width)
    emitGroup({whole, int64_t(llvm::divideCeil(left, plan.lanes)),
               left % plan.lanes != 0},
              height);
}

void TileLoops::emitRows(const Columns &columns, Height height,
                         const Depth &depth) {
  if (height == Height::Single)
    return emitTile(1, {constant(0), Value()}, columns, depth);
  if (height == Height::Few) {
    int64_t rows = getConstantIntValue(m).value_or(plan.few.rows);
    return emitTile(rows, {constant(0), sub(m, constant(1))}, columns, depth);
  }
  Value whole = roundDown(m, plan.main.rows);
  forRange(constant(0), whole, plan.main.rows, [&](Value first) {
    emitTile(plan.main.rows, {first, Value()}, columns, depth);
  });
  emitLastRows(whole, columns, depth);
}

void TileLoops::emitLastRows(Value first, const Columns &columns,
                             const Depth &depth) {
  if (std::optional<int64_t> rows = getConstantIntValue(m)) {
    if (int64_t left = *rows % plan.main.rows)
      emitTile(left, {first, Value()}, columns, depth);
    return;
  }
  Value last = sub(m, constant(1));
  forRange(first, m, plan.tail.rows, [&](Value row) {
    ifElse(
        isLess(constant(plan.end.rows), sub(m, row)),
        [&] { emitTile(plan.tail.rows, {row, last}, columns, depth); },
        [&] { emitTile(plan.end.rows, {row, last}, columns, depth); });
  });
}

//===----------------------------------------------------------------------===//
// Tiles of C
//===----------------------------------------------------------------------===//

Value TileLoops::getMask(const Columns &columns, int64_t vector) {
  Value column = add(columns.first, vector * plan.lanes);
  auto type = VectorType::get({plan.lanes}, b.getI1Type());
  return vector::CreateMaskOp::create(b, type, ValueRange{sub(n, column)});
}

Value TileLoops::getPanel(const Columns &columns, int64_t vector) {
  int64_t perLine = kLineColumns / plan.lanes;
  Value panel = add(div(columns.first, kLineColumns), vector / perLine);
  if (columns.partial && !getConstantIntValue(n))
    panel = min(panel, div(sub(n, constant(1)), kLineColumns));
  return panel;
}

TileLoops::Places TileLoops::getPlaces(int64_t rowCount, const Rows &rows,
                                       const Columns &columns) {
  Places places;
  for (int64_t i = 0; i < rowCount; ++i) {
    Value row = add(rows.first, i);
    places.rows.push_back(rows.last ? min(row, rows.last) : row);
  }
  for (int64_t v = 0; v < columns.vectors; ++v) {
    places.columns.push_back(add(columns.first, v * plan.lanes));
    places.masks.push_back(columns.partial ? getMask(columns, v) : Value());
  }
  return places;
}

SmallVector<Value> TileLoops::loadTile(const Places &places) {
  Type element = cast<MemRefType>(c.memref.getType()).getElementType();
  auto type = VectorType::get({plan.lanes}, element);
  Values sums;
  for (Value row : places.rows)
    for (auto [column, mask] : llvm::zip(places.columns, places.masks)) {
      Values indices = at(c, {row, column});
      if (!mask) {
        sums.push_back(vector::LoadOp::create(b, type, c.memref, indices));
        continue;
      }
      Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
      sums.push_back(
          vector::MaskedLoadOp::create(b, type, c.memref, indices, mask, zero));
    }
  return sums;
}

// Repeated rows store the same sums again.
void TileLoops::storeTile(const Places &places, const Values &sums) {
  int64_t index = 0;
  for (Value row : places.rows)
    for (auto [column, mask] : llvm::zip(places.columns, places.masks)) {
      Values indices = at(c, {row, column});
      Value sum = sums[index++];
      if (!mask)
        vector::StoreOp::create(b, sum, c.memref, indices);
      else
        vector::MaskedStoreOp::create(b, c.memref, indices, mask, sum);
    }
}

} // namespace quantc::lowbit

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loops around the tiles: batches, groups of columns, rows.  Rows are
// innermost, so that the lines of a group of columns stay in the near caches
// while all rows pass by.

#include "MatmulEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace quantc::lowbit {

MatmulEmitter::MatmulEmitter(ImplicitLocOpBuilder &b, MatmulOp op,
                             KernelPlan plan)
    : IndexBuilder(b), op(op), plan(plan) {}

SmallVector<Value> MatmulEmitter::at(const Matrix &matrix, ValueRange indices) {
  Values all(matrix.batch);
  llvm::append_range(all, indices);
  return all;
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

static Value getExtent(ImplicitLocOpBuilder &b, Value memref, int64_t dim) {
  return b.createOrFold<memref::DimOp>(memref, dim);
}

void MatmulEmitter::emit() {
  int64_t rank = op.getCType().getRank();
  a.memref = op.getA();
  right.memref = op.getB();
  c.memref = op.getC();
  m = getExtent(b, c.memref, rank - 2);
  n = getExtent(b, c.memref, rank - 1);
  k = getExtent(b, a.memref, rank - 1);
  steps = op.isInteger() ? div(k, kLineDepth) : k;
  if (op.isInteger()) {
    // A line of bytes becomes one dimension: [.., 16, 4] -> [.., 64].
    SmallVector<ReassociationIndices> groups;
    int64_t lineDim = op.getBType().getRank() - 2;
    for (int64_t i = 0; i < lineDim; ++i)
      groups.push_back({i});
    groups.push_back({lineDim, lineDim + 1});
    right.memref = memref::CollapseShapeOp::create(b, right.memref, groups);
  }
  if (op.getBLayout() == BLayout::Transposed)
    createScratch();
  emitBatch();
}

void MatmulEmitter::emitBatch() {
  int64_t dim = c.batch.size();
  if (dim == op.getNumBatchDims())
    return emitMatrix();
  forRange(constant(0), getExtent(b, c.memref, dim), 1, [&](Value index) {
    a.batch.push_back(index);
    c.batch.push_back(index);
    if (op.getNumBBatchDims() != 0)
      right.batch.push_back(op.isBroadcastInB(dim) ? constant(0) : index);
    emitBatch();
    a.batch.pop_back();
    c.batch.pop_back();
    if (op.getNumBBatchDims() != 0)
      right.batch.pop_back();
  });
}

void MatmulEmitter::emitMatrix() {
  // Packing costs more than a few rows do, so those need no tiles of their own.
  if (op.getBLayout() == BLayout::Transposed)
    return emitColumns(Height::Many);
  ifElse(
      isLess(constant(plan.few.rows), m), [&] { emitColumns(Height::Many); },
      [&] {
        ifElse(
            isLess(constant(1), m), [&] { emitColumns(Height::Few); },
            [&] { emitColumns(Height::Single); });
      });
}

void MatmulEmitter::emitColumns(Height height) {
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

void MatmulEmitter::emitGroup(const Columns &columns, Height height) {
  if (op.getBLayout() != BLayout::Transposed)
    return emitRows(columns, height, {constant(0), steps});
  // C holds the sums between chunks, which changes nothing: they are stored
  // and read back as they are.
  forRange(constant(0), k, kPackedDepth, [&](Value begin) {
    Depth depth{begin, min(add(begin, kPackedDepth), k)};
    packColumns(columns, depth);
    emitRows(columns, height, depth);
  });
}

void MatmulEmitter::emitRows(const Columns &columns, Height height,
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

void MatmulEmitter::emitLastRows(Value first, const Columns &columns,
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

} // namespace quantc::lowbit

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loops around the tiles: batches, groups of columns, rows.  Rows are
// innermost, so that the lines of a group of columns stay in the near caches
// while all rows pass by.

#include "MatmulEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace quantc::lowbit {

MatmulEmitter::MatmulEmitter(ImplicitLocOpBuilder &b, MatmulOp op,
                             KernelPlan plan, PatchesOp windows)
    : TileLoops(b, plan), op(op) {
  if (windows)
    this->windows.emplace(b, windows);
}

/// Zeros that were filled into a whole buffer for this operation stay in
/// registers.  (Between chunks of the depth, C holds sums.)
void MatmulEmitter::takeZeros() {
  if (op.getBLayout() == BLayout::Transposed ||
      !op.getC().getDefiningOp<memref::AllocOp>())
    return;
  linalg::FillOp fill;
  for (Operation *user : op.getC().getUsers()) {
    Operation *inBlock = op->getBlock()->findAncestorOpInBlock(*user);
    if (inBlock && (inBlock == op || op->isBeforeInBlock(inBlock)))
      continue;
    auto candidate = dyn_cast<linalg::FillOp>(user);
    if (!candidate || candidate != inBlock || fill)
      return;
    fill = candidate;
  }
  if (!fill || (!matchPattern(fill.value(), m_PosZeroFloat()) &&
                !matchPattern(fill.value(), m_Zero())))
    return;
  fill->erase();
  startsAtZero = true;
}

/// The part of a kernel's result that the epilogue of a tile writes: of C's
/// shape, and nothing else writes it.
void MatmulEmitter::findResult() {
  Block *block = op->getBlock();
  if (op.isInteger() || op.getNumBatchDims() != 0 ||
      !op.getC().getDefiningOp<memref::AllocOp>())
    return;
  for (Operation *user : op.getC().getUsers()) {
    auto epilogue = dyn_cast<linalg::LinalgOp>(user);
    if (!epilogue || user->getBlock() != block || user->isBeforeInBlock(op) ||
        epilogue.getNumDpsInits() != 1)
      continue;
    auto view =
        epilogue.getDpsInits().front().getDefiningOp<memref::SubViewOp>();
    if (!view || !isa<BlockArgument>(view.getSource()) ||
        view.getType().getShape() != op.getCType().getShape() ||
        view.getType().getElementTypeBitWidth() != 32)
      continue;
    bool isReady = llvm::all_of(view->getOperands(), [&](Value operand) {
      Operation *producer = operand.getDefiningOp();
      return !producer || producer->getBlock() != block ||
             producer->isBeforeInBlock(op);
    });
    if (isReady)
      result = b.clone(*view)->getResult(0);
    return;
  }
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

void MatmulEmitter::emit() {
  takeZeros();
  findResult();
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
  emitHeights();
}

void MatmulEmitter::emitGroup(const Columns &columns, Height height) {
  if (fitsTiles(columns, height))
    return emitRowsByTiles(columns, {constant(0), steps});
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

} // namespace quantc::lowbit

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Emits the loops and tiles of one contraction on memrefs.
//
// In: a verified lowbit.matmul with unit inner strides and a kernel plan.  Out:
// scf, arith, memref, vector and math operations before it.  Never here: the
// choice of tile shapes.

#ifndef QUANTC_CONVERSION_LOWBITTOVECTOR_MATMULEMITTER_H
#define QUANTC_CONVERSION_LOWBITTOVECTOR_MATMULEMITTER_H

#include "TileLoops.h"
#include "WindowRows.h"
#include <optional>

namespace quantc::lowbit {

/// Steps of the reduction that are packed together: with two vectors of 16
/// columns, 32 KiB.
inline constexpr int64_t kPackedDepth = 256;

class MatmulEmitter : TileLoops {
public:
  /// With `windows`, these are the rows of A.
  MatmulEmitter(mlir::ImplicitLocOpBuilder &b, MatmulOp op, KernelPlan plan,
                PatchesOp windows = nullptr);

  /// Emits everything at the builder's insertion point.
  void emit();

private:
  void takeZeros();
  void findResult();

  // Loops over batches and pieces of the depth (MatmulLoops.cpp).
  void emitBatch();
  void emitMatrix();
  void emitGroup(const Columns &columns, Height height) override;

  // One tile (MatmulTile.cpp).
  void emitTile(int64_t rowCount, const Rows &rows, const Columns &columns,
                const Depth &depth) override;
  Values emitSteps(Values sums, const Values &rows, const Columns &columns,
                   const Depth &depth);
  Values emitTaps(Values sums, const Values &rows, const Columns &columns);
  Values emitLastBytes(Values sums, const Values &rows, const Columns &columns);
  Values loadLines(const Columns &columns, Value step);
  void prefetchResult(const Places &places);
  void prefetchLines(const Columns &columns, Value step);
  Value loadElement(Value row, Value step);
  Value loadLastBytes(Value row);

  // Tiles of C in matrix registers (MatrixTiles.cpp).
  bool fitsTiles(const Columns &columns, Height height);
  void emitRowsByTiles(const Columns &columns, const Depth &depth);
  void emitTiles(Value row, int64_t height, const Columns &columns, Value end);
  Value getAddress(Value memref, const Values &indices);
  Value getPitch(Value memref);

  // Packing of columns that are rows of B (PackColumns.cpp).
  void createScratch();
  void packColumns(const Columns &columns, const Depth &depth);
  void packBlock(const Columns &columns, const Depth &depth, Value step,
                 Value depthMask);
  void transpose(Values &block);

  MatmulOp op;
  std::optional<WindowRows> windows;
  Matrix a, right;
  /// The depth, and whole steps of it: one k, or four of i8.
  Value k, steps;
  /// The packed columns, of step `scratchBegin` first.
  Value scratch, scratchBegin;
  /// C holds nothing yet and counts as zeros.
  bool startsAtZero = false;
  /// Where an epilogue writes what it makes of C, or null.
  Value result;
};

} // namespace quantc::lowbit

#endif // QUANTC_CONVERSION_LOWBITTOVECTOR_MATMULEMITTER_H

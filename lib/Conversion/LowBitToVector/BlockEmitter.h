// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Emits the loops and tiles of one lowbit.block_matmul on memrefs.
//
// In: a verified operation with unit inner strides and a kernel plan.  Out:
// scf, arith, memref, vector and math operations before it.  Lines of codes are
// masked into planes (docs/formats.md).  The planes of one scale share an int32
// accumulator per group of k, or, where a tile has too many rows for that, are
// shifted down to share one; either way the sum of a group is exact.

#ifndef QUANTC_CONVERSION_LOWBITTOVECTOR_BLOCKEMITTER_H
#define QUANTC_CONVERSION_LOWBITTOVECTOR_BLOCKEMITTER_H

#include "TileLoops.h"
#include "quantc/Dialect/Fmt/PackLines.h"

namespace quantc::lowbit {

class BlockEmitter : TileLoops {
public:
  BlockEmitter(mlir::ImplicitLocOpBuilder &b, BlockMatmulOp op,
               KernelPlan plan);

  /// Emits everything at the builder's insertion point.
  void emit();

private:
  /// What a tile carries through the k of one group: sums over the codes, by
  /// scale of the planes, row and column vector; and, by row, sums over A where
  /// float offsets need them.
  struct Sums {
    mlir::SmallVector<Values> products;
    Values inputs;
  };
  /// Where a group, or a unit of lines in it, begins.
  struct Position {
    Value k, line;
  };
  /// A tile being emitted.
  struct Tile {
    Values rows;
    Columns columns;
    bool shiftsPlanes;
  };

  void emitGroup(const Columns &columns, Height height) override;
  void emitTile(int64_t rowCount, const Rows &rows, const Columns &columns,
                const Depth &depth) override;
  void emitBlock(Values &sums, const Tile &tile, Value group, int64_t length);
  Sums emitUnits(Sums sums, const Tile &tile, Value group, int64_t length,
                 const Values &zeros);
  void combine(Values &sums, const Tile &tile, Value group, const Sums &block);

  // Where sums start, and the arrays with one vector per group.
  Sums startSums(const Tile &tile, Value group, const Values &zeros);
  Values loadOffsets(const Tile &tile, Value group);
  Values loadFloats(const Tile &tile, Value memref, Value group);
  Value loadSum(Value row, Value group);

  // One unit of lines (BlockDecode.cpp).
  void addUnit(Sums &sums, const Tile &tile, const Position &position,
               int64_t length, const Values &zeros);
  void addBytes(Sums &sums, const Tile &tile, const Position &position,
                int64_t length, mlir::ArrayRef<Values> planes);
  void addFloats(Sums &sums, const Tile &tile, const Position &position,
                 int64_t length, mlir::ArrayRef<Values> planes,
                 const Values &zeros);
  mlir::SmallVector<Values> loadPlanes(const Tile &tile, Value line);
  Values decode(const Values &lines, bool shiftsPlanes);
  Value decodeCode(Value plane, int64_t shift, Value zero);
  Value loadWord(Value row, Value k, int64_t count);

  // Vectors of one lane per column, or of its four bytes.
  mlir::VectorType lanesOf(mlir::Type element, int64_t perLane = 1);
  Value splat(mlir::VectorType type, int64_t value);
  Value broadcast(mlir::Type element, Value value);
  Value andMask(Value bytes, int64_t mask);
  Value shiftWords(Value bytes, int64_t right);

  BlockMatmulOp op;
  fmt::LineUnit unit;
  Matrix a;
  Value lines, scales, offsets, inputSums;
  int64_t depth, group, linesPerGroup;
};

} // namespace quantc::lowbit

#endif // QUANTC_CONVERSION_LOWBITTOVECTOR_BLOCKEMITTER_H

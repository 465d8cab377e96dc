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
  /// set of planes (see getSet), row and column vector; and, by row, sums over
  /// A where float offsets need them.
  struct Sums {
    mlir::SmallVector<Values> products;
    Values inputs;
  };
  /// Where a unit of lines begins, in A and counted in units.
  struct Position {
    Value k, unit;
  };
  /// A tile being emitted.
  struct Tile {
    Values rows;
    Columns columns;
    /// Planes are shifted down, and this many sets of sums take turns;
    /// otherwise, if 0, planes of one scale share a set.
    int64_t turns;
  };

  void emitGroup(const Columns &columns, Height height) override;
  void emitTile(int64_t rowCount, const Rows &rows, const Columns &columns,
                const Depth &depth) override;
  void emitBlock(Values &sums, const Tile &tile, Value group, int64_t length);
  Sums emitUnits(Sums sums, const Tile &tile, Value group, int64_t length,
                 const Values &zeros);
  void combine(Values &sums, const Tile &tile, Value group, const Sums &block);

  // Columns that are decoded once for many rows (BlockColumns.cpp).
  int64_t getDecodedGroups();
  void createDecoded();
  void emitDecoded(const Columns &columns, Value begin, Value end);
  void decodeGroup(const Tile &tile, Value group, int64_t length);
  Value loadDecoded(const Position &position, int64_t vector, int64_t entry);

  // Where sums start, and the arrays with one vector per group.
  int64_t chooseTurns(int64_t count);
  unsigned getSet(const Tile &tile, size_t plane);
  Sums startSums(const Tile &tile, Value group, const Values &zeros);
  Values loadOffsets(const Tile &tile, Value group);
  Values loadFloats(const Tile &tile, Value memref, Value group);
  Value loadSum(Value row, Value group);

  // One unit of lines (BlockDecode.cpp): entries are planes or, where A is of
  // f32 or bf16, the codes of one k or of two.
  using Entry = llvm::function_ref<Value(int64_t vector, int64_t entry)>;
  int64_t getEntries();
  void addUnit(Sums &sums, const Tile &tile, const Position &position,
               int64_t length, const Values &zeros);
  void addBytes(Sums &sums, const Tile &tile, Value k, int64_t length,
                Entry entry);
  void addFloats(Sums &sums, const Tile &tile, Value k, int64_t length,
                 Entry entry);
  void addBf16(Sums &sums, const Tile &tile, Value k, int64_t length,
               Entry entry);
  Value decodeEntry(const Values &planes, int64_t entry, Value zero);
  mlir::SmallVector<Values> loadPlanes(const Tile &tile, Value line);
  void prefetch(Value memref, Value panel, Value line);
  void prefetchScales(const Tile &tile, Value group);
  Values decode(const Values &lines, bool shiftsPlanes);
  Value takeSplit(const Values &lines, size_t plane, bool shiftsPlanes);
  Value decodeCode(Value plane, int64_t shift, Value zero);
  Value decodePair(Value plane, int64_t pair, Value zero);
  Values prepareOffsets(const Values &zeros);

  // Codes that are no fields of integers (BlockValues.cpp).
  mlir::SmallVector<Value> decodeTernary(Value bytes, bool shiftsPlanes);
  Value decodeSmallFloat(Value words, int64_t shift);
  Value lookUp(Value codes, mlir::ArrayRef<float> values);
  Value loadWord(Value row, Value k, int64_t count);
  Value loadPair(Value row, Value k, int64_t count);

  // Vectors of one lane per column, or of its four bytes.
  mlir::VectorType lanesOf(mlir::Type element, int64_t perLane = 1);
  Value splat(mlir::VectorType type, int64_t value);
  Value broadcast(mlir::Type element, Value value);
  Value andMask(Value bytes, int64_t mask);
  Value shiftWords(Value bytes, int64_t right);
  Value takeBits(Value bytes, mlir::ArrayRef<unsigned> bits);

  BlockMatmulOp op;
  fmt::LineUnit unit;
  Matrix a;
  Value lines, scales, offsets, inputSums;
  int64_t depth, group, unitsPerGroup;
  /// The k after the whole groups, if the tile being emitted adds them.
  int64_t rest = 0;
  /// Decoded columns, [entry][vector][bytes, words or floats], and their first
  /// group.
  Value decoded, decodedBegin;
  /// Whether the tile being emitted reads those.
  bool readsDecoded = false;
};

} // namespace quantc::lowbit

#endif // QUANTC_CONVERSION_LOWBITTOVECTOR_BLOCKEMITTER_H

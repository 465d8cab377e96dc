// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Emits the loops and tiles of one contraction on memrefs.
//
// In: a verified lowbit.matmul with unit inner strides and a kernel plan.  Out:
// scf, arith, memref, vector and math operations before it.  Never here: the
// choice of tile shapes.

#ifndef QUANTC_CONVERSION_LOWBITTOVECTOR_MATMULEMITTER_H
#define QUANTC_CONVERSION_LOWBITTOVECTOR_MATMULEMITTER_H

#include "IndexBuilder.h"
#include "KernelPlan.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "quantc/Dialect/LowBit/LowBit.h"

namespace quantc::lowbit {

/// Steps of the reduction that are packed together: with two vectors of 16
/// columns, 32 KiB.
inline constexpr int64_t kPackedDepth = 256;

class MatmulEmitter : private IndexBuilder {
public:
  MatmulEmitter(mlir::ImplicitLocOpBuilder &b, MatmulOp op, KernelPlan plan);

  /// Emits everything at the builder's insertion point.
  void emit();

private:
  /// A matrix inside a memref: the batch indices come first.
  struct Matrix {
    Value memref;
    Values batch;
  };
  /// Rows from `first`; those beyond `last`, unless that is null, repeat it.
  struct Rows {
    Value first, last;
  };
  /// `vectors` vectors of columns from `first`.  When `partial`, some may be
  /// beyond N and are neither read nor written.
  struct Columns {
    Value first;
    int64_t vectors;
    bool partial;
  };
  /// Steps [begin, end) of the reduction: one k, or four of i8.
  struct Depth {
    Value begin, end;
  };
  /// How many rows there are: one, up to KernelPlan::few, or any number.
  enum class Height { Single, Few, Many };

  // Loops over batches, columns and rows (MatmulLoops.cpp).
  void emitBatch();
  void emitMatrix();
  void emitColumns(Height height);
  void emitGroup(const Columns &columns, Height height);
  void emitRows(const Columns &columns, Height height, const Depth &depth);
  void emitLastRows(Value first, const Columns &columns, const Depth &depth);

  // One tile (MatmulTile.cpp).
  void emitTile(int64_t rowCount, const Rows &rows, const Columns &columns,
                const Depth &depth);
  Values emitSteps(Values sums, const Values &rows, const Columns &columns,
                   const Depth &depth);
  Values emitLoop(Value begin, Value end, int64_t unroll, Values sums,
                  llvm::function_ref<void(Value, Values &)> step);
  Values emitLastBytes(Values sums, const Values &rows, const Columns &columns);
  void multiplyAdd(Values &sums, const Values &elements, const Values &lines);
  Values loadLines(const Columns &columns, Value step);
  void prefetchLines(const Columns &columns, Value step);
  Value loadElement(Value row, Value step);
  Value loadLastBytes(Value row);
  Value getMask(const Columns &columns, int64_t vector);
  Value loadSum(Value row, Value column, Value mask);
  void storeSum(Value sum, Value row, Value column, Value mask);

  // Packing of columns that are rows of B (PackColumns.cpp).
  void createScratch();
  void packColumns(const Columns &columns, const Depth &depth);
  void packBlock(const Columns &columns, const Depth &depth, Value step,
                 Value depthMask);
  void transpose(Values &block);

  Values at(const Matrix &matrix, mlir::ValueRange indices);

  mlir::VectorType getSumType();

  MatmulOp op;
  KernelPlan plan;
  Matrix a, right, c;
  /// Extents, and whole steps of the reduction.
  Value m, n, k, steps;
  /// The packed columns, of step `scratchBegin` first.
  Value scratch, scratchBegin;
};

} // namespace quantc::lowbit

#endif // QUANTC_CONVERSION_LOWBITTOVECTOR_MATMULEMITTER_H

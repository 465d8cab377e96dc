// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loops around register tiles of C, and index arithmetic that folds
// constants.
//
// In: the extents of C and a kernel plan.  Out: loops over groups of columns
// and, innermost, rows, so that the lines of a group of columns stay in the
// near caches while all rows pass by.  Never here: what a tile computes.

#ifndef QUANTC_CONVERSION_LOWBITTOVECTOR_TILELOOPS_H
#define QUANTC_CONVERSION_LOWBITTOVECTOR_TILELOOPS_H

#include "IndexBuilder.h"
#include "KernelPlan.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "quantc/Dialect/LowBit/LowBit.h"

namespace quantc::lowbit {

class TileLoops : protected IndexBuilder {
public:
  virtual ~TileLoops() = default;

protected:
  TileLoops(mlir::ImplicitLocOpBuilder &b, KernelPlan plan)
      : IndexBuilder(b), plan(plan) {}

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
  /// Steps [begin, end) of the reduction.
  struct Depth {
    Value begin, end;
  };
  /// How many rows there are: one, up to KernelPlan::few, or any number.
  enum class Height { Single, Few, Many };

  void emitHeights();
  void emitColumns(Height height);
  void emitRows(const Columns &columns, Height height, const Depth &depth);
  void emitLastRows(Value first, const Columns &columns, const Depth &depth);
  /// Everything on one group of columns; calls emitRows.
  virtual void emitGroup(const Columns &columns, Height height) = 0;
  /// One tile of C in registers.
  virtual void emitTile(int64_t rowCount, const Rows &rows,
                        const Columns &columns, const Depth &depth) = 0;

  /// A loop over [begin, end), `unroll` steps at a time, that carries values.
  Values emitLoop(Value begin, Value end, int64_t unroll, Values sums,
                  llvm::function_ref<void(Value, Values &)> step);

  /// What a tile reads and writes of C, row by row.
  struct Places {
    Values rows, columns, masks;
  };
  Places getPlaces(int64_t rowCount, const Rows &rows, const Columns &columns);
  Values loadTile(const Places &places);
  void storeTile(const Places &places, const Values &sums);
  Value getMask(const Columns &columns, int64_t vector);
  /// The panel of 16 columns that holds a vector of them.  Missing ones give a
  /// panel that exists.
  Value getPanel(const Columns &columns, int64_t vector);

  Values at(const Matrix &matrix, mlir::ValueRange indices);

  /// A buffer for the parallel loop's body or the function around `op`, at
  /// whose start it is allocated, so that outlining or promotion to the stack
  /// places it.
  Value allocateScratch(mlir::Operation *op, mlir::MemRefType type);

  KernelPlan plan;
  Matrix c;
  /// Extents of C.
  Value m, n;
};

mlir::Value getExtent(mlir::ImplicitLocOpBuilder &b, mlir::Value memref,
                      int64_t dim);

} // namespace quantc::lowbit

#endif // QUANTC_CONVERSION_LOWBITTOVECTOR_TILELOOPS_H

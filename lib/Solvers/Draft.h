// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What all solvers share: the checked and prepared layer, the grid of blocks of
// its weight, and the encoding in the making, which becomes a payload.

#ifndef QUANTC_LIB_SOLVERS_DRAFT_H
#define QUANTC_LIB_SOLVERS_DRAFT_H

#include "quantc/Solvers/Solver.h"

namespace quantc::solvers {

/// Which elements of a [rows, columns] weight share a scale.
struct BlockGrid {
  int64_t rows, columns, blockRows, blockColumns, gridRows, gridColumns;

  static BlockGrid of(fmt::FormatInterface format, int64_t rows,
                      int64_t columns);

  int64_t getNumBlocks() const { return gridRows * gridColumns; }
  int64_t blockAt(int64_t row, int64_t column) const {
    return row / blockRows * gridColumns + column / blockColumns;
  }
  int64_t columnBegin(int64_t gridColumn) const {
    return gridColumn * blockColumns;
  }
  int64_t columnEnd(int64_t gridColumn) const {
    return std::min(columns, (gridColumn + 1) * blockColumns);
  }
};

/// A layer whose parts fit together, with its statistics divided by the count.
struct PreparedLayer {
  llvm::StringRef name;
  fmt::FormatInterface format;
  int64_t rows = 0, columns = 0;
  /// What is to be rounded: the weight, or what the quantized stream makes
  /// of it.
  std::vector<float> target;
  /// [in, in], empty if not measured.
  std::vector<double> moment;
  std::vector<double> mean;
  /// One for each input, or empty.
  std::vector<float> importance;
  int64_t deadInputs = 0;
};

/// How statistics enter; options of all solvers that use them.
struct PrepareOptions {
  /// Errors are measured after the bias took over their mean.
  bool isCentered = false;
  /// How much of the step to the optimum on the quantized stream is taken, and
  /// its damping as a share of the mean diagonal of H.
  double correction = 0.5, correctionDamping = 1;
};

mlir::FailureOr<PreparedLayer> prepare(EmitError emitError, const Layer &layer,
                                       const PrepareOptions &options);

/// Scales, offsets, codes and their values, as solvers fill them in.
struct Draft {
  explicit Draft(const PreparedLayer &layer);

  BlockGrid grid;
  /// One for each block.
  std::vector<float> scales, offsets;
  /// [rows, columns].
  std::vector<uint8_t> codes;
  std::vector<float> decoded;
};

/// The payload, and the report as far as it follows from the values.
mlir::FailureOr<Solution> finish(EmitError emitError,
                                 const PreparedLayer &layer, Draft draft);

} // namespace quantc::solvers

#endif // QUANTC_LIB_SOLVERS_DRAFT_H

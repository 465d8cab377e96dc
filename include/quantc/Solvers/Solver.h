// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Solvers: how a weight is rounded.
//
// In: a weight [out, in], a number format, and what calibration saw at the
// layer's input.  Out: the payload of the format, and what was lost.  Never
// here: graphs, choice of formats (Allocation), measuring (Calibration).
//
// A layer is y = W x for each row x of its input.  With H = sum of x xᵀ over
// `count` rows, rounding W to Q costs tr((W - Q) H (W - Q)ᵀ) / count, the mean
// square of what its outputs change by, summed over outputs.  A solver runs on
// one thread and is not changed by solving, so that layers are solved in
// parallel; its results depend on its inputs only.

#ifndef QUANTC_SOLVERS_SOLVER_H
#define QUANTC_SOLVERS_SOLVER_H

#include "quantc/Dialect/Fmt/Fmt.h"
#include <memory>
#include <optional>
#include <vector>

namespace quantc::solvers {

using fmt::EmitError;

/// Sums over the rows of a layer's input.  Tensors are f32 or f64; those that
/// were not measured have no elements.
struct LayerStatistics {
  /// How many rows were summed.
  int64_t count = 0;
  /// Sum of x xᵀ, [in, in].
  HostTensor secondMoment;
  /// Mean of x, [in].
  HostTensor mean;
  /// Sum of x_ref xᵀ, [in, in], if x comes from layers that are quantized
  /// already and x_ref is what they gave before.
  HostTensor crossMoment;
};

struct Layer {
  /// Stands in messages.
  llvm::StringRef name;
  /// [out, in], f32.
  HostTensor weight;
  fmt::FormatInterface format;
  LayerStatistics statistics;
  /// Weights of squared errors by input; if empty, the diagonal of H / count.
  llvm::ArrayRef<float> importance;
};

struct SolveReport {
  /// Sum of (W - Q)².
  double weightError = 0;
  /// tr((W - Q) H (W - Q)ᵀ) / count, if H is known.
  std::optional<double> outputError;
  /// What was added to the diagonal of H / count before it was factorized.
  double damping = 0;
  /// Inputs that were zero in every row.
  int64_t deadInputs = 0;
};

struct Solution {
  fmt::EncodedTensor encoded;
  /// The value of each element of the payload, [out, in].
  std::vector<float> decoded;
  /// (W - Q) mean, one for each output, to be added to the bias; empty if the
  /// mean is not known.
  std::vector<float> biasCorrection;
  SolveReport report;
};

/// One option of a solver, as recipes and passes write it.
struct OptionSpec {
  llvm::StringRef name, values, defaultValue, summary;
};

class Solver {
public:
  virtual ~Solver();

  virtual llvm::StringRef getName() const = 0;
  virtual llvm::StringRef getSummary() const = 0;
  virtual llvm::ArrayRef<OptionSpec> getOptions() const = 0;
  /// Whether it cannot work without H.
  virtual bool needsSecondMoment() const { return false; }

  virtual mlir::FailureOr<Solution> solve(EmitError emitError,
                                          const Layer &layer) const = 0;

  /// The solver `name` with options `key=value,key=value`.
  static std::unique_ptr<Solver> create(EmitError emitError,
                                        llvm::StringRef name,
                                        llvm::StringRef options = "");
  /// The names of all solvers, sorted.
  static std::vector<llvm::StringRef> getNames();

protected:
  /// False if the value is none of the option's.
  virtual bool setOption(llvm::StringRef name, llvm::StringRef value) = 0;
};

/// tr(A H Aᵀ) / count for a matrix A [out, in]: the mean square of the layer's
/// outputs for A = W, the damage of an encoding for A = W - Q.
mlir::FailureOr<double> outputEnergy(EmitError emitError,
                                     const HostTensor &matrix,
                                     const LayerStatistics &statistics);

} // namespace quantc::solvers

#endif // QUANTC_SOLVERS_SOLVER_H

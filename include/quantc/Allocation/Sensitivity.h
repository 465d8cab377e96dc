// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sensitivity: what it costs to store a weight in a format.
//
// In: weights, each rounded to the formats that it may have by the solver that
// will round it.  Out: a loss for each, in a unit of the provider's, whose sum
// over weights allocation minimizes.  Never here: the choice (BitAllocation),
// rounding (Solvers).
//
// Providers have names, which recipes and `allocate-formats` use.  Those that
// look at weights and statistics are here; `loss`, which runs the model, is the
// driver's and is added to the registry by it.

#ifndef QUANTC_ALLOCATION_SENSITIVITY_H
#define QUANTC_ALLOCATION_SENSITIVITY_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "quantc/Solvers/Solver.h"

namespace quantc {

using solvers::EmitError;

/// A constant matrix whose format is chosen.
struct WeightSite {
  std::string name;
  /// Lazy, [out, in] of f32.
  mlir::Value value;
  /// Linears and look-ups.
  llvm::SmallVector<mlir::Operation *> readers;
};

/// One of the formats that a weight may have.
struct RoundedForm {
  fmt::FormatInterface format;
  solvers::Solution solution;
  /// What a provider finds.
  double loss = 0;
};

struct RoundedWeight {
  const WeightSite *site = nullptr;
  /// Mean square of the outputs, summed over them, if their input's second
  /// moment is known.
  std::optional<double> outputEnergy;
  /// Sum of the squares of the weight.
  double weightEnergy = 0;
  int64_t numWeights = 0;
  std::vector<RoundedForm> forms;
};

/// What is known before any weight is rounded.
struct SensitivityInputs {
  mlir::ModuleOp module;
  llvm::ArrayRef<WeightSite> sites;
  /// Samples, as `--calib` names them, or empty.
  std::string data;
};

class SensitivityProvider {
public:
  virtual ~SensitivityProvider();

  virtual llvm::StringRef getName() const = 0;
  virtual llvm::StringRef getSummary() const = 0;
  /// Whether it reads second moments of inputs.
  virtual bool needsStatistics() const { return false; }
  /// Whether it runs the model on samples.
  virtual bool needsData() const { return false; }
  /// Dialects that it makes operations of.
  virtual void getDependentDialects(mlir::DialectRegistry &) const {}

  /// Called once.  Errors are emitted.
  virtual mlir::LogicalResult prepare(EmitError, const SensitivityInputs &) {
    return mlir::success();
  }
  /// Sets the loss of every form.  Called for a few weights at a time, in the
  /// order of the sites; what it finds does not depend on how they are grouped.
  virtual mlir::LogicalResult
  measure(EmitError emitError,
          llvm::MutableArrayRef<RoundedWeight> weights) = 0;

  static std::unique_ptr<SensitivityProvider> create(EmitError emitError,
                                                     llvm::StringRef name);
  /// Null if there is none of that name.
  static std::unique_ptr<SensitivityProvider> find(llvm::StringRef name);
  /// The names of all providers, sorted.
  static std::vector<llvm::StringRef> getNames();

  using Factory = std::unique_ptr<SensitivityProvider> (*)();
  /// Adds a provider; again with the same name does nothing.
  static void add(llvm::StringRef name, Factory create);
};

} // namespace quantc

#endif // QUANTC_ALLOCATION_SENSITIVITY_H

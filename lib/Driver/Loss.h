// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loss of a changed program: how far its outputs are from those of the
// float one, over samples.
//
// In: outputs of both on one sample after the other.  Out: one number, 0 for no
// change.  For an output whose name contains "logits" it is the divergence
// KL(softmax(float) || softmax(changed)), the mean over rows of the last axis;
// for others the squared error over the square of the float outputs.  The
// model's is the mean over its outputs of floats; continued caches do not
// count, since what they hold shows in the others.  Sums are taken in one
// order: the loss does not depend on the number of threads.

#ifndef QUANTC_LIB_DRIVER_LOSS_H
#define QUANTC_LIB_DRIVER_LOSS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "quantc/Driver/Artifact.h"

namespace quantc {

/// Numerators and denominators by output, over the samples so far.
struct LossTotal {
  llvm::SmallVector<double, 2> lost, whole;

  /// NaN if an output is not finite.
  double get() const;
};

class LossMeter {
public:
  /// Leaves only the outputs that count in `func`.  An error if it has none.
  static std::optional<Error> keepOutputs(mlir::func::FuncOp func);

  /// `entry` is that of such a function.
  LossMeter(mlir::MLIRContext *context, const EntrySpec &entry);

  /// Takes what the float program gives for a sample; rows of outputs at which
  /// the sample's padding mask is 0 do not count.
  void setReference(llvm::ArrayRef<NamedArray> sample,
                    llvm::ArrayRef<quantc_tensor> outputs);
  /// Adds what `outputs` of the same sample lose.
  void add(llvm::ArrayRef<quantc_tensor> outputs, LossTotal &total) const;

private:
  struct Output {
    bool isDivergence = false;
    int64_t rowLength = 1;
    std::vector<float> reference;
    /// By row.
    std::vector<uint8_t> keep;
  };

  mlir::MLIRContext *context;
  std::vector<Output> outputs;
};

} // namespace quantc

#endif // QUANTC_LIB_DRIVER_LOSS_H

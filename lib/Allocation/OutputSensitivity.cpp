// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The mean square of what a layer's outputs change by over that of the outputs,
// from the second moment of its input, times the number of weights.  A table
// that only look-ups read has no input: there it is the error of its rows.

#include "Sensitivities.h"

using namespace mlir;

namespace quantc {

namespace {
class OutputSensitivity final : public SensitivityProvider {
public:
  StringRef getName() const override { return "output"; }
  StringRef getSummary() const override {
    return "squared error of the layer's outputs over their square";
  }
  bool needsStatistics() const override { return true; }
  LogicalResult measure(EmitError,
                        MutableArrayRef<RoundedWeight> weights) override {
    for (RoundedWeight &weight : weights)
      for (RoundedForm &form : weight.forms) {
        const solvers::SolveReport &report = form.solution.report;
        double error = report.outputError.value_or(report.weightError);
        double energy = weight.outputEnergy.value_or(weight.weightEnergy);
        form.loss = energy > 0 ? error / energy * double(weight.numWeights) : 0;
      }
    return success();
  }
};
} // namespace

std::unique_ptr<SensitivityProvider> createOutputSensitivity() {
  return std::make_unique<OutputSensitivity>();
}

} // namespace quantc

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The squared error of a weight over its square, times how many numbers it has:
// one relative error in a large matrix hurts more than in a small one, and
// without that factor large matrices would pay for the small ones.

#include "Sensitivities.h"

using namespace mlir;

namespace quantc {

namespace {
class WeightSensitivity final : public SensitivityProvider {
public:
  StringRef getName() const override { return "weight"; }
  StringRef getSummary() const override {
    return "squared error of the weight over its square";
  }
  LogicalResult measure(EmitError,
                        MutableArrayRef<RoundedWeight> weights) override {
    for (RoundedWeight &weight : weights)
      for (RoundedForm &form : weight.forms) {
        double error = form.solution.report.weightError;
        form.loss = weight.weightEnergy > 0 ? error / weight.weightEnergy *
                                                  double(weight.numWeights)
                                            : 0;
      }
    return success();
  }
};
} // namespace

std::unique_ptr<SensitivityProvider> createWeightSensitivity() {
  return std::make_unique<WeightSensitivity>();
}

} // namespace quantc

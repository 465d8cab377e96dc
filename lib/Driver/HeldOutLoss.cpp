// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two programs side by side, sample by sample.

#include "HeldOutLoss.h"
#include "Loss.h"
#include "Samples.h"
#include "quantc/Calibration/Runner.h"
#include "quantc/Driver/LoadModule.h"
#include <cmath>

using namespace mlir;

namespace quantc {

std::optional<Error>
HeldOutLoss::compile(ModuleOp module,
                     std::unique_ptr<InProcessProgram> &program) {
  func::FuncOp entry;
  if (auto error = findEntry(module, spec.name, entry))
    return error;
  if (auto error = LossMeter::keepOutputs(entry))
    return error;
  return InProcessProgram::compile(workspace, module, program);
}

std::optional<Error> HeldOutLoss::setReference(ModuleOp module,
                                               func::FuncOp entry) {
  function = entry;
  if (auto error = describeEntry(function, spec))
    return error;
  OwningOpRef<ModuleOp> copy = cast<ModuleOp>(module->clone());
  return compile(*copy, reference);
}

std::optional<Error> HeldOutLoss::measure(ModuleOp module, double &loss) {
  std::unique_ptr<InProcessProgram> program;
  if (auto error = compile(module, program))
    return error;
  LossMeter meter(&workspace.getContext(), reference->getEntry());
  LossTotal total;
  std::vector<quantc_tensor> outputs;
  samples = 0;
  auto use = [&](std::vector<NamedArray> &sample) -> std::optional<Error> {
    if (auto error = checkNumbers(sample, kMaxObserved))
      return error;
    if (auto error = reference->run(sample, outputs))
      return error;
    meter.setReference(sample, outputs);
    if (auto error = program->run(sample, outputs))
      return error;
    meter.add(outputs, total);
    ++samples;
    return std::nullopt;
  };
  if (auto error = forEachSampleOf(data, /*limit=*/0, SampleShare::HeldOut,
                                   function, spec, use))
    return error;
  loss = total.get();
  if (!std::isfinite(loss))
    loss = std::numeric_limits<double>::infinity();
  return std::nullopt;
}

} // namespace quantc

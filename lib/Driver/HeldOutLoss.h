// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loss of a whole program on held-out samples: both it and the float model
// are compiled for this machine and run, so the number is that of what will be
// deployed.

#ifndef QUANTC_LIB_DRIVER_HELDOUTLOSS_H
#define QUANTC_LIB_DRIVER_HELDOUTLOSS_H

#include "quantc/Driver/InProcess.h"

namespace quantc {

class HeldOutLoss {
public:
  /// `data` is what `--calib` names.
  HeldOutLoss(Workspace &workspace, std::string data)
      : workspace(workspace), data(std::move(data)) {}

  /// Compiles the float model, whose only entry is `entry` of `module`.  The
  /// module does not change, and the function must live as long as this.
  std::optional<Error> setReference(mlir::ModuleOp module,
                                    mlir::func::FuncOp entry);

  /// What `module`, another form of the model with encoded values or none,
  /// loses; it is consumed.  Infinite if its outputs are not finite.
  std::optional<Error> measure(mlir::ModuleOp module, double &loss);

  int64_t getSampleCount() const { return samples; }

private:
  std::optional<Error> compile(mlir::ModuleOp module,
                               std::unique_ptr<InProcessProgram> &program);

  Workspace &workspace;
  std::string data;
  mlir::func::FuncOp function;
  EntrySpec spec;
  std::unique_ptr<InProcessProgram> reference;
  int64_t samples = 0;
};

} // namespace quantc

#endif // QUANTC_LIB_DRIVER_HELDOUTLOSS_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From entry functions of launches to a program table.
//
// In: a module after `outline-steps`.  Out: calls on a ProgramBuilder and bytes
// in a weights stream.  The kernels' objects and the link are not its business.

#ifndef QUANTC_TARGET_PROGRAMEMITTER_H
#define QUANTC_TARGET_PROGRAMEMITTER_H

#include "mlir/IR/BuiltinOps.h"
#include "quantc/Runtime/ProgramBuilder.h"
#include "quantc/Target/Weights.h"

namespace quantc {

/// What the stored weights cost: bits over all stored bytes (scales and padding
/// included), and the number of weights that they stand for.
struct StorageCount {
  uint64_t bits = 0, weights = 0;
  double bitsPerWeight() const {
    return weights ? double(bits) / double(weights) : 0;
  }
};
struct StorageReport {
  StorageCount all, linears;
};

/// Describes every entry function of `module`.  `kernelNames` receives the step
/// functions in the order of their ids.  Errors are diagnostics on the IR.
mlir::LogicalResult emitProgram(mlir::ModuleOp module,
                                runtime::ProgramBuilder &program,
                                WeightsWriter &weights,
                                std::vector<std::string> &kernelNames,
                                StorageReport &storage);

/// The DLPack type of a tensor element as the artifact shows it.
std::optional<runtime::program::DType> dlpackType(mlir::Type elementType);

} // namespace quantc

#endif // QUANTC_TARGET_PROGRAMEMITTER_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The --import-onnx form of quant-opt.

#ifndef QUANTC_TOOLS_QUANTOPT_IMPORTONNX_H
#define QUANTC_TOOLS_QUANTOPT_IMPORTONNX_H

#include "mlir/IR/DialectRegistry.h"
#include "llvm/ADT/StringRef.h"

namespace quantc {

/// Imports the input file, runs the passes of the command line on it and writes
/// the result.  Returns the exit status.
int runOnOnnx(int argc, char **argv, llvm::StringRef toolName,
              mlir::DialectRegistry &registry);

/// Prints docs/operators.md.
int printOnnxOperators();

} // namespace quantc

#endif // QUANTC_TOOLS_QUANTOPT_IMPORTONNX_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a file to a verified module, and what a module's entry function takes
// and gives.  The suffix says how a file is read.

#ifndef QUANTC_DRIVER_LOADMODULE_H
#define QUANTC_DRIVER_LOADMODULE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "quantc/Driver/Artifact.h"
#include "quantc/Frontend/ONNX/Import.h"
#include "quantc/Support/Error.h"

namespace quantc {

/// Whether the suffix is one of a model: .onnx, .onnxtxt, .mlir, .mlirbc.
bool isModelFile(llvm::StringRef path);

/// `context` has quantc's dialects loaded (registerAllDialects).  What
/// `options` decide about inputs is refused for a module, which has no ONNX
/// inputs.
std::optional<Error> loadModule(llvm::StringRef path,
                                mlir::MLIRContext &context,
                                mlir::OwningOpRef<mlir::ModuleOp> &module,
                                const ImportOptions &options = {});

/// The entry function of that name, or the first one if it is empty.
std::optional<Error> findEntry(mlir::ModuleOp module, llvm::StringRef name,
                               mlir::func::FuncOp &entry);

/// Names, types and symbolic shapes of an entry function.
std::optional<Error> describeEntry(mlir::func::FuncOp func, EntrySpec &spec);

/// The element type as the C interface shows it; lanes 0 if it cannot.
quantc_dtype toDType(mlir::Type type);

} // namespace quantc

#endif // QUANTC_DRIVER_LOADMODULE_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a module goes through once it is imported, for fuzzing: without targets,
// so that the instrumented build needs only part of the compiler.

#ifndef QUANTC_TEST_FUZZ_STAGES_H
#define QUANTC_TEST_FUZZ_STAGES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include <memory>

namespace quantc {

/// A context without threads that prints no diagnostics.
std::unique_ptr<mlir::MLIRContext> makeFuzzContext();

/// Normalizes, evaluates and lowers; ends the process where something is
/// refused without a reason.
void runStages(mlir::ModuleOp module);

[[noreturn]] void abortWith(const llvm::Twine &message);

} // namespace quantc

#endif // QUANTC_TEST_FUZZ_STAGES_H

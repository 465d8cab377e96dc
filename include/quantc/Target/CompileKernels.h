// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From modules of step functions in the LLVM dialect to object files in memory.

#ifndef QUANTC_TARGET_COMPILEKERNELS_H
#define QUANTC_TARGET_COMPILEKERNELS_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/LLVM.h"
#include "quantc/Target/TargetDescription.h"
#include "llvm/ADT/SmallVector.h"

namespace quantc {

using ObjectBytes = llvm::SmallVector<char, 0>;

/// Compiles each module (LLVM dialect) to one object; `threads` at a time, in
/// the order given.  The result does not depend on `threads`.
llvm::Expected<std::vector<ObjectBytes>>
compileToObjects(llvm::ArrayRef<mlir::ModuleOp> modules,
                 const TargetDescription &target, unsigned threads);

/// An object that defines the program table and the kernel array
/// (Runtime/Program.h, `symbols`).
llvm::Expected<ObjectBytes>
compileProgramObject(llvm::ArrayRef<uint8_t> program,
                     llvm::ArrayRef<std::string> kernelNames,
                     const TargetDescription &target);

} // namespace quantc

#endif // QUANTC_TARGET_COMPILEKERNELS_H

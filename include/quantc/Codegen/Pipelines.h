// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pass sequences of code generation by name.

#ifndef QUANTC_CODEGEN_PIPELINES_H
#define QUANTC_CODEGEN_PIPELINES_H

#include "mlir/Pass/PassManager.h"

namespace quantc {

/// linalg on memrefs to loops over one-dimensional vectors, with all functions
/// of docs/numerics.md §3 expanded.
void buildVectorizePipeline(mlir::OpPassManager &pm);

/// Loops, vectors and memrefs to the LLVM dialect.
void buildLowerToLLVMPipeline(mlir::OpPassManager &pm);

/// Both: bufferized functions to the LLVM dialect (`kernel-lowering`).
void buildKernelLoweringPipeline(mlir::OpPassManager &pm);

void registerCodegenPipelines();

} // namespace quantc

#endif // QUANTC_CODEGEN_PIPELINES_H

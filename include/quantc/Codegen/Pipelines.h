// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pass sequences of code generation by name.

#ifndef QUANTC_CODEGEN_PIPELINES_H
#define QUANTC_CODEGEN_PIPELINES_H

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Pass/PassManager.h"

namespace quantc {

/// The dialects and interface models of everything from an imported module to
/// kernels over buffers.
void registerKernelDialects(mlir::DialectRegistry &registry);

/// Canonicalization and CSE.
void addCleanup(mlir::OpPassManager &pm);

/// A module's functions of encoded tensors to kernel functions and their calls.
void buildFormKernelsPipeline(mlir::OpPassManager &pm);

/// A kernel function of qnn on tensors to linalg and lowbit on memrefs.
void buildBufferKernelsPipeline(mlir::OpPassManager &kernels);

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

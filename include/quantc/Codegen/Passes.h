// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Code generation: from qnn in normal form to LLVM dialect functions.
//
// In: an entry function of qnn operations.  Out: modules of step functions, and
// kernel functions that list their steps.  Never here: ONNX, files, linking.

#ifndef QUANTC_CODEGEN_PASSES_H
#define QUANTC_CODEGEN_PASSES_H

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/PassManager.h"
#include "quantc/Dialect/QNN/QNN.h"

namespace quantc {

#define GEN_PASS_DECL
#include "quantc/Codegen/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "quantc/Codegen/Passes.h.inc"

} // namespace quantc

#endif // QUANTC_CODEGEN_PASSES_H

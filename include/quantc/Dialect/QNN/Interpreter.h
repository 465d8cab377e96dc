// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs a function of qnn operations on host tensors through
// ReferenceOpInterface: the oracle that compiled code is compared with, and the
// executor of .mlir candidates.

#ifndef QUANTC_DIALECT_QNN_INTERPRETER_H
#define QUANTC_DIALECT_QNN_INTERPRETER_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "quantc/Dialect/QNN/QNN.h"

namespace quantc::qnn {

/// Called after every operation with its results.
using EvaluationObserver =
    llvm::function_ref<void(mlir::Operation *, llvm::ArrayRef<HostTensor>)>;

/// The function's symbols from its inputs' shapes.  Fails (with an error on the
/// function that names the input and the dimension) where a shape contradicts
/// the argument's type or another input.
mlir::FailureOr<llvm::SmallVector<int64_t>>
bindSymbols(mlir::func::FuncOp func, llvm::ArrayRef<HostTensor> inputs);

/// Evaluates a function of one block.  Values are dropped after their last use.
mlir::FailureOr<llvm::SmallVector<HostTensor>>
evaluateFunction(mlir::func::FuncOp func, llvm::ArrayRef<HostTensor> inputs,
                 EvaluationObserver observer = nullptr);

/// The tensor of a constant expression (ConstantExpressions).  Intermediate
/// tensors live only as long as they are needed.
mlir::FailureOr<HostTensor> evaluateConstant(mlir::Value value);

} // namespace quantc::qnn

#endif // QUANTC_DIALECT_QNN_INTERPRETER_H

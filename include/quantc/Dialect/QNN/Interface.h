// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The inputs and outputs of an entry function as its callers see them, where
// they are not all tensors: a sequence is several arguments or results, an
// optional that is absent none.  Kept in the attributes `qnn.inputs` and
// `qnn.outputs` of the function:
//
//   qnn.inputs = [{name = "x", sequence = 2 : i64}, {name = "y"}]
//
// The arguments are then named x.0, x.1 and y.  A function without the
// attribute has one value for each argument or result.
#ifndef QUANTC_DIALECT_QNN_INTERFACE_H
#define QUANTC_DIALECT_QNN_INTERFACE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace quantc::qnn {

struct InterfaceValue {
  enum class Kind { Tensor, Sequence, Absent };
  std::string name;
  Kind kind = Kind::Tensor;
  /// The first of `count` arguments or results.
  unsigned first = 0, count = 1;
  /// Of an absent value, which has no argument to tell it.
  mlir::Type elementType;
};

using Interface = llvm::SmallVector<InterfaceValue>;

Interface getInputs(mlir::func::FuncOp func);
Interface getOutputs(mlir::func::FuncOp func);
/// Sets the attributes if they are needed.
void setInterface(mlir::func::FuncOp func,
                  llvm::ArrayRef<InterfaceValue> inputs,
                  llvm::ArrayRef<InterfaceValue> outputs);

} // namespace quantc::qnn

#endif // QUANTC_DIALECT_QNN_INTERFACE_H

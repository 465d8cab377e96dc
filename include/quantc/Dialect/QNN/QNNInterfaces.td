// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What passes may ask of a qnn operation without knowing which one it is.

#ifndef QUANTC_DIALECT_QNN_QNNINTERFACES_TD
#define QUANTC_DIALECT_QNN_QNNINTERFACES_TD

include "mlir/IR/OpBase.td"

def QNN_SymbolicShapeOpInterface : OpInterface<"SymbolicShapeOpInterface"> {
  let cppNamespace = "::quantc::qnn";
  let description = [{
    The one place where an operation's result shapes are defined: importers
    build types with it, and ShapeAnalysis replays it.  Every operation of the
    dialect implements it.
  }];
  let methods = [
    InterfaceMethod<[{
        Computes the shape of every result from the operands' shapes.  Failure
        is an error already emitted on the operation (expected and got).
      }], "::mlir::LogicalResult", "inferSymbolicShapes",
      (ins "::llvm::ArrayRef<::quantc::SymbolicShape>":$operands,
           "::llvm::SmallVectorImpl<::quantc::SymbolicShape> &":$results)>
  ];
  let verify = [{
    return ::quantc::qnn::verifySymbolicShapes($_op);
  }];
}

def QNN_ReferenceOpInterface : OpInterface<"ReferenceOpInterface"> {
  let cppNamespace = "::quantc::qnn";
  let description = [{
    Evaluates the operation on host tensors in plain C++, bit for bit as
    docs/numerics.md defines it: the oracle of every kernel, and the constant
    folder.  Result shapes are concrete; integer arithmetic is checked.
  }];
  let methods = [
    InterfaceMethod<[{
        Computes all results.  `symbols` holds the values of the function's
        symbols, for operations with shape attributes.
      }], "::mlir::LogicalResult", "evaluate",
      (ins "::llvm::ArrayRef<::quantc::HostTensor>":$operands,
           "::llvm::ArrayRef<int64_t>":$symbols,
           "::llvm::SmallVectorImpl<::quantc::HostTensor> &":$results)>
  ];
}

def QNN_ElementwiseOpInterface : OpInterface<"ElementwiseOpInterface"> {
  let cppNamespace = "::quantc::qnn";
  let description = [{
    One scalar function applied at every index, operands broadcast as in numpy.
    The function itself (scalar IR and reference) is in the elementwise table,
    lib/Dialect/QNN/Elementwise*.cpp, under the operation's name.
  }];
  let methods = [];
}

def QNN_WeightedOpInterface : OpInterface<"WeightedOpInterface"> {
  let cppNamespace = "::quantc::qnn";
  let description = [{
    Operations with a weight operand: contractions, convolutions, embedding
    gathers.
  }];
  let methods = [
    InterfaceMethod<"The weight operand.", "::mlir::OpOperand &",
                    "getWeightOperand", (ins)>,
    InterfaceMethod<"The weight's output-channel axis.", "int64_t",
                    "getOutputChannelAxis", (ins)>,
    InterfaceMethod<"The weight's reduced axes (empty for a gather).",
                    "::llvm::SmallVector<int64_t>", "getReducedAxes", (ins)>
  ];
}

#endif // QUANTC_DIALECT_QNN_QNNINTERFACES_TD

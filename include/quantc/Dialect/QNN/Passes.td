// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes that stay inside the qnn dialect.

#ifndef QUANTC_DIALECT_QNN_PASSES_TD
#define QUANTC_DIALECT_QNN_PASSES_TD

include "mlir/Pass/PassBase.td"

def FoldConstantsPass : Pass<"qnn-fold-constants", "mlir::ModuleOp"> {
  let summary = "evaluate operations on constants";
  let description = [{
    Replaces pure operations whose operands are constants and whose shapes are
    static by the constant that the reference evaluator computes; bit-exact.
    Small results become `dense`, larger ones a new `dense_resource`; a reshape
    of a resource shares its memory.  An operation stays when its result is
    larger than `max-bytes`, when it is larger than its operands by more than
    `max-growth-bytes` (broadcasts of small constants), or when its evaluation
    fails.  A result over `max-bytes` is still folded if the operation is the
    only use of its largest operand, which the result then replaces.

    ```mlir
    %0 = qnn.constant dense<[1, 2]> : tensor<2xi64> -> tensor<2xi64>
    %1 = qnn.add %0, %0 : (tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
    // becomes
    %1 = qnn.constant dense<[2, 4]> : tensor<2xi64> -> tensor<2xi64>
    ```
  }];
  let dependentDialects = ["quantc::qnn::QNNDialect"];
  let options = [
    Option<"maxBytes", "max-bytes", "int64_t", "int64_t(64) << 20",
           "Largest result in bytes">,
    Option<"maxGrowthBytes", "max-growth-bytes", "int64_t", "1 << 20",
           "How many bytes a result may be larger than its operands">];
  let statistics = [
    Statistic<"numFolded", "num-folded", "Operations folded">];
}

def SimplifyShapesPass
    : Pass<"qnn-simplify-shapes", "mlir::func::FuncOp"> {
  let summary = "remove operations that symbolic shapes prove to be identities";
  let description = [{
    A reshape or broadcast to the operand's own symbolic shape, and a slice of
    the whole operand, are replaced by the operand.  Bit-exact.
  }];
  let dependentDialects = ["quantc::qnn::QNNDialect"];
  let statistics = [
    Statistic<"numRemoved", "num-removed", "Operations removed">];
}

#endif // QUANTC_DIALECT_QNN_PASSES_TD

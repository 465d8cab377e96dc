// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Transforms that equivalence rewriting puts into a model (lib/Rewrites).

#ifndef QUANTC_DIALECT_QNN_QNNTRANSFORMOPS_TD
#define QUANTC_DIALECT_QNN_QNNTRANSFORMOPS_TD

include "quantc/Dialect/QNN/QNNBase.td"

def QNN_HadamardOp : QNN_PureOp<"hadamard",
    [SameOperandsAndResultElementType]> {
  let summary = "orthogonal Hadamard transform of blocks of the last axis";
  let description = [{
    Every `block` consecutive elements x of the last axis become x H / sqrt
    (block), with `transposed` x Hᵀ / sqrt(block), which is the inverse.  H is
    the matrix of order `block` = m * 2^k of docs/numerics.md §4.7.

    ```mlir
    %1 = qnn.hadamard %0 {block = 384 : i64}
        : (tensor<?x384xf32>) -> tensor<?x384xf32>
    ```
  }];
  let arguments = (ins QNN_FloatTensor:$input, I64Attr:$block,
                       UnitAttr:$transposed);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat =
      "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

#endif // QUANTC_DIALECT_QNN_QNNTRANSFORMOPS_TD

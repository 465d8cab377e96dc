// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Observation points of calibration.

#ifndef QUANTC_DIALECT_QNN_QNNOBSERVEOPS_TD
#define QUANTC_DIALECT_QNN_QNNOBSERVEOPS_TD

include "quantc/Dialect/QNN/QNNBase.td"

def QNN_ObserveOp : QNN_PureOp<"observe"> {
  let summary = "a point where calibration measures; passes its operand on";
  let description = [{
    The result is the operand.  `point` names the value for people and files,
    `observers` are the statistics that are wanted (lib/Calibration), taken over
    rows of the axis `channel_axis`.

    `row_mask` names an input of the function with one integer per row: where it
    is 0 the row is padding and no statistic counts it.  `row_mask_axes` are the
    axes of the operand that the mask's dimensions run along, in order.

    ```mlir
    %1 = qnn.observe %0 {point = "layer0/ln", observers = ["min-max"],
                         channel_axis = 2, row_mask = "attention_mask",
                         row_mask_axes = array<i64: 0, 1>}
        : (tensor<?x?x384xf32>) -> tensor<?x?x384xf32>
    ```
  }];
  let arguments = (ins QNN_FloatTensor:$input, StrAttr:$point,
    StrArrayAttr:$observers, I64Attr:$channel_axis,
    OptionalAttr<StrAttr>:$row_mask,
    OptionalAttr<DenseI64ArrayAttr>:$row_mask_axes);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat =
      "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

#endif // QUANTC_DIALECT_QNN_QNNOBSERVEOPS_TD

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolution on int8 codes: the expanded form of qnn.conv on encoded operands.

#ifndef QUANTC_DIALECT_QNN_QNNQUANTIZEDCONVOP_TD
#define QUANTC_DIALECT_QNN_QNNQUANTIZEDCONVOP_TD

include "quantc/Dialect/QNN/QNNBase.td"

def QNN_QuantizedConvOp : QNN_PureOp<"quantized_conv", [
    AttrSizedOperandSegments]> {
  let summary = "channels-last convolution on int8 codes";
  let description = [{
    y = (float(S) * weight_scales[m]) * scale + bias[m] with S = Σ (a - z) * w
    over all taps, exact in int32; a tap in the padding adds nothing
    (docs/numerics.md §5.3).  `scales` has one element per sample, or rank 0
    where all samples share it.  `weight` holds codes [m, k…, c/groups].

    `zero_point` is z (i32, rank 0); without it z is 0.  With it, unless the
    convolution is depthwise, `start` has -z times the sum of the codes of
    each output channel, as in qnn.quantized_linear.  `packed_from` and
    `flat_rows` as in qnn.conv.
  }];
  let arguments = (ins QNN_Tensor:$codes, QNN_Tensor:$scales,
    QNN_Tensor:$weight, QNN_Tensor:$weight_scales,
    Optional<QNN_Tensor>:$zero_point, Optional<QNN_Tensor>:$start,
    Optional<QNN_Tensor>:$bias, DenseI64ArrayAttr:$strides,
    DenseI64ArrayAttr:$dilations, DenseI64ArrayAttr:$pad_low,
    DenseI64ArrayAttr:$pad_high, I64Attr:$groups,
    OptionalAttr<DenseI64ArrayAttr>:$packed_from, UnitAttr:$flat_rows);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat = [{
    $codes `,` $scales `,` $weight `,` $weight_scales
    (`zero_point` $zero_point^)? (`start` $start^)? (`bias` $bias^)? attr-dict
    `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    /// As in qnn.conv; the operands are always channels-last.
    bool getChannelsLast() { return true; }
  }];
  let hasVerifier = 1;
}

#endif // QUANTC_DIALECT_QNN_QNNQUANTIZEDCONVOP_TD

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Contractions, convolutions, reductions, normalizations and attention.

#ifndef QUANTC_DIALECT_QNN_QNNNETWORKOPS_TD
#define QUANTC_DIALECT_QNN_QNNNETWORKOPS_TD

include "quantc/Dialect/QNN/QNNBase.td"

def QNN_MatmulOp : QNN_PureOp<"matmul"> {
  let summary = "numpy matmul with broadcast batch dimensions";
  let description = [{
    lhs[…, m, k] · rhs[…, k, n].  Rank-1 operands follow numpy.  Normalization
    turns a product with a constant rank-2 rhs into `qnn.linear`.
  }];
  let arguments = (ins QNN_Tensor:$lhs, QNN_Tensor:$rhs);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat =
      "operands attr-dict `:` functional-type(operands, results)";
}

def QNN_LinearOp : QNN_PureOp<"linear", [
    DeclareOpInterfaceMethods<QNN_WeightedOpInterface>]> {
  let summary = "y[…, n] = sum_k x[…, k] * w[n, k] + bias[n]";
  let description = [{
    The weight is [out, in] (rows are output channels).  `bias` is added after
    the contraction by one addition.  With `packed_from` the weight operand is
    in its kernels' packed order and `packed_from` is its logical shape.
  }];
  let arguments = (ins QNN_Value:$input, QNN_Value:$weight,
                       Optional<QNN_Tensor>:$bias,
                       OptionalAttr<DenseI64ArrayAttr>:$packed_from);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` $bias^)? attr-dict `:`
    functional-type(operands, results)
  }];
}

def QNN_ConvOp : QNN_PureOp<"conv", [
    DeclareOpInterfaceMethods<QNN_WeightedOpInterface>]> {
  let summary = "convolution (cross-correlation), any spatial rank";
  let description = [{
    channels_last = false: input [n, c, spatial…], weight [m, c/groups, k…],
    as in ONNX.  channels_last = true: input [n, spatial…, c], weight
    [m, k…, c/groups].  Padding is explicit: the input is zero there.
    `packed_from` as in qnn.linear, for the weight seen as [m, k… * c]; the
    weight of a depthwise convolution with `packed_from` is [k…, m].  With
    `flat_rows` (channels_last only) the result is the matrix [n * spatial…, m].
  }];
  let arguments = (ins QNN_Value:$input, QNN_Value:$weight,
    Optional<QNN_Tensor>:$bias, DenseI64ArrayAttr:$strides,
    DenseI64ArrayAttr:$dilations, DenseI64ArrayAttr:$pad_low,
    DenseI64ArrayAttr:$pad_high, I64Attr:$groups, BoolAttr:$channels_last,
    OptionalAttr<DenseI64ArrayAttr>:$packed_from, UnitAttr:$flat_rows);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` $bias^)? attr-dict `:`
    functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    /// Whether each output channel is a group of its own with one input
    /// channel.
    bool isDepthwise();
  }];
}

def QNN_PoolKind : I32EnumAttr<"PoolKind", "pooling function", [
    I32EnumAttrCase<"max", 0>, I32EnumAttrCase<"average", 1>]> {
  let cppNamespace = "::quantc::qnn";
}
def QNN_PoolOp : QNN_PureOp<"pool",
    [SameOperandsAndResultElementType]> {
  let summary = "max or average over a sliding window";
  let arguments = (ins QNN_PoolKind:$kind, QNN_Tensor:$input,
    DenseI64ArrayAttr:$window, DenseI64ArrayAttr:$strides,
    DenseI64ArrayAttr:$dilations, DenseI64ArrayAttr:$pad_low,
    DenseI64ArrayAttr:$pad_high, BoolAttr:$count_include_pad,
    BoolAttr:$channels_last);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat =
      "$kind $input attr-dict `:` functional-type(operands, results)";
}

def QNN_ReduceKind : I32EnumAttr<"ReduceKind", "reduction function", [
    I32EnumAttrCase<"sum", 0>, I32EnumAttrCase<"mean", 1>,
    I32EnumAttrCase<"max", 2>, I32EnumAttrCase<"min", 3>,
    I32EnumAttrCase<"prod", 4>]> {
  let cppNamespace = "::quantc::qnn";
}
def QNN_ReduceOp : QNN_PureOp<"reduce",
    [SameOperandsAndResultElementType]> {
  let summary = "reduction over axes (docs/numerics.md §4)";
  let arguments = (ins QNN_ReduceKind:$kind, QNN_Tensor:$input,
                       DenseI64ArrayAttr:$axes, BoolAttr:$keep_dims);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat =
      "$kind $input attr-dict `:` functional-type(operands, results)";
}
def QNN_SoftmaxOp : QNN_PureOp<"softmax",
    [SameOperandsAndResultElementType]> {
  let summary = "softmax along one axis";
  let arguments = (ins QNN_FloatTensor:$input, I64Attr:$axis);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat =
      "$input attr-dict `:` functional-type(operands, results)";
}
def QNN_LayerNormOp : QNN_PureOp<"layer_norm",
    [AllElementTypesMatch<["input", "result"]>]> {
  let summary = "layer normalization over the trailing axes from `axis`";
  let arguments = (ins QNN_FloatTensor:$input, QNN_FloatTensor:$scale,
    Optional<QNN_FloatTensor>:$bias, I64Attr:$axis, F32Attr:$epsilon);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat = [{
    $input `,` $scale (`bias` $bias^)? attr-dict `:`
    functional-type(operands, results)
  }];
}
def QNN_RmsNormOp : QNN_PureOp<"rms_norm",
    [AllElementTypesMatch<["input", "result"]>]> {
  let summary = "root mean square normalization over the trailing axes";
  let arguments = (ins QNN_FloatTensor:$input, QNN_FloatTensor:$scale, I64Attr:$axis,
                       F32Attr:$epsilon);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat =
      "operands attr-dict `:` functional-type(operands, results)";
}
def QNN_BatchNormOp : QNN_PureOp<"batch_norm",
    [AllElementTypesMatch<["input", "result"]>]> {
  let summary = "inference batch normalization over axis 1";
  let arguments = (ins QNN_FloatTensor:$input, QNN_FloatTensor:$scale, QNN_FloatTensor:$bias,
                       QNN_FloatTensor:$mean, QNN_FloatTensor:$variance,
                       F32Attr:$epsilon);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat =
      "operands attr-dict `:` functional-type(operands, results)";
}
def QNN_RotaryOp : QNN_PureOp<"rotary",
    [SameOperandsAndResultElementType]> {
  let summary = "rotary position embedding, halves form";
  let description = [{
    input [b, heads, s, d]; cos and sin broadcast against it (last dimension d,
    or d/2 repeated).  result = x * cos + rotate_half(x) * sin with rotate_half
    (x) = concat(-x[d/2:], x[:d/2]).
  }];
  let arguments = (ins QNN_FloatTensor:$input, QNN_FloatTensor:$cos, QNN_FloatTensor:$sin);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat =
      "operands attr-dict `:` functional-type(operands, results)";
}
def QNN_AttentionOp : QNN_PureOp<"attention",
    [SameOperandsAndResultElementType]> {
  let summary = "softmax(scale · q kᵀ + mask) v per head";
  let description = [{
    query [b, h, s, d], key [b, g, t, d], value [b, g, t, e], h a multiple of g
    (query head i uses key head i / (h / g)); mask broadcasts to [b, h, s, t] and
    is added; the result is [b, h, s, e].  `scale` multiplies the scores;
    `key_transposed` means key is [b, g, d, t].  docs/numerics.md §7.
  }];
  let arguments = (ins QNN_FloatTensor:$query, QNN_FloatTensor:$key, QNN_FloatTensor:$value,
    Optional<QNN_FloatTensor>:$mask, F32Attr:$scale, BoolAttr:$causal,
    BoolAttr:$key_transposed);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat = [{
    $query `,` $key `,` $value (`mask` $mask^)? attr-dict `:`
    functional-type(operands, results)
  }];
}

#endif // QUANTC_DIALECT_QNN_QNNNETWORKOPS_TD

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quantization and the host-program operations of the lowered form.

#ifndef QUANTC_DIALECT_QNN_QNNQUANTOPS_TD
#define QUANTC_DIALECT_QNN_QNNQUANTOPS_TD

include "quantc/Dialect/QNN/QNNBase.td"
include "mlir/IR/SymbolInterfaces.td"

def QNN_QuantizeOp : QNN_PureOp<"quantize", [AttrSizedOperandSegments]> {
  let summary = "float tensor to encoded value";
  let description = [{
    With `scale` (and `offset`, an integer zero point; 0 without) the
    quantization is static (docs/numerics.md §6.2).  Without, scales come from
    the values: of an activation while running, one per row of the format's
    granularity and by the reciprocal (`rcp`, §6.1); of a constant when it is
    needed, by the format's reference encoding (§6.6).
  }];
  let arguments = (ins QNN_Tensor:$input, Optional<QNN_Tensor>:$scale,
                       Optional<QNN_Tensor>:$offset, UnitAttr:$rcp);
  let results = (outs QNN_EncodedType:$result);
  let assemblyFormat = [{
    $input (`scale` $scale^)? (`offset` $offset^)? attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}
def QNN_DequantizeOp : QNN_PureOp<"dequantize"> {
  let summary = "encoded value to float tensor";
  let arguments = (ins QNN_EncodedType:$input);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat =
      "$input attr-dict `:` functional-type(operands, results)";
}
def QNN_EncodedConstantOp : QNN_PureOp<"encoded_constant"> {
  let summary = "a constant in a number format";
  let description = [{ The payload arrays of the format by name, canonical and
    row-major (FormatInterface::payload). }];
  let arguments = (ins DictionaryAttr:$payload);
  let results = (outs QNN_EncodedType:$result);
  let assemblyFormat = "$payload attr-dict `:` qualified(type($result))";
  let hasVerifier = 1;
}
def QNN_AssembleOp : QNN_PureOp<"assemble"> {
  let summary = "an encoded value of its payload arrays";
  let description = [{ The arrays of FormatInterface::payload in order: codes,
    scales, then offsets if the format has them.  Of a weight they are constant
    expressions; codes of an activation may come from anywhere. }];
  let arguments = (ins Variadic<QNN_Tensor>:$payload);
  let results = (outs QNN_EncodedType:$result);
  let assemblyFormat =
      "$payload attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}
def QNN_UnpackOp : QNN_PureOp<"unpack"> {
  let summary = "codes of few bits from bytes";
  let description = [{
    Codes of `bits` bits lie one after the other in the bytes (ui8) of the last
    axis, the first one in the lowest bits; a code may go on in the next byte.
    The result has `count` of them, one ui8 each.
  }];
  let arguments = (ins QNN_Tensor:$input, I64Attr:$bits, I64Attr:$count);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat =
      "$input attr-dict `:` functional-type(operands, results)";
}

// What encoded values become when `expand-encoded` leaves !qnn.encoded: plain
// tensors, one per payload array.
def QNN_EncodeOp : QNN_PureOp<"encode"> {
  let summary = "the payload arrays of a constant in a number format";
  let description = [{
    FormatInterface::encode: codes, then scales, then offsets if the format has
    them.  Evaluated when the artifact is written, one tensor at a time.
  }];
  let arguments = (ins QNN_Tensor:$input, QNN_FormatAttr:$format);
  let results = (outs Variadic<QNN_Tensor>:$payload);
  let assemblyFormat =
      "$input attr-dict `:` functional-type(operands, results)";
}
def QNN_PayloadOp : QNN_PureOp<"payload"> {
  let summary = "the payload arrays of an encoded constant";
  let description = [{ Codes first, in the order of FormatInterface::payload. }];
  let arguments = (ins TypedArrayAttrBase<ElementsAttr, "arrays">:$arrays);
  let results = (outs Variadic<QNN_Tensor>:$payload);
  let assemblyFormat = "attr-dict `:` type($payload)";
}
def QNN_DecodeOp : QNN_PureOp<"decode"> {
  let summary = "the values that payload arrays stand for";
  let description = [{ FormatInterface::decode (docs/numerics.md §6.4). }];
  let arguments = (ins Variadic<QNN_Tensor>:$payload, QNN_FormatAttr:$format);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat =
      "$payload attr-dict `:` functional-type(operands, results)";
}
def QNN_QuantizeRowsOp : QNN_PureOp<"quantize_rows"> {
  let summary = "dynamic symmetric int8 quantization of every row";
  let description = [{
    A row is all axes from `axis` on, by default the last one.  `codes` has the
    input's shape, `scales` (f32) and `sums` (i32, the sum of a row's codes)
    have one element per row (docs/numerics.md §6.1): codes are
    roundeven(x * (1 / s)).  With `group`, rows are the last axis, and `sums`
    has one element per row and `group` consecutive codes, the last of which may
    be fewer.
  }];
  let arguments = (ins QNN_Tensor:$input,
                       DefaultValuedAttr<I64Attr, "-1">:$axis,
                       OptionalAttr<I64Attr>:$group);
  let results = (outs QNN_Tensor:$codes, QNN_Tensor:$scales, QNN_Tensor:$sums);
  let assemblyFormat =
      "$input attr-dict `:` functional-type(operands, results)";
}
def QNN_QuantizeStaticOp : QNN_PureOp<"quantize_static"> {
  let summary = "int8 quantization by a known scale and zero point";
  let description = [{
    codes = clamp(roundeven(x / scale) + zero_point, low, 127), NaN gives the
    zero point (docs/numerics.md §6.2); `scale` (f32) and `zero_point` (i32)
    have rank 0.  `sums` (i32) has the sum of the codes of every row, the last
    axis.
  }];
  let arguments = (ins QNN_Tensor:$input, QNN_Tensor:$scale,
                       QNN_Tensor:$zero_point, I32Attr:$low);
  let results = (outs QNN_Tensor:$codes, QNN_Tensor:$sums);
  let assemblyFormat =
      "operands attr-dict `:` functional-type(operands, results)";
}
def QNN_QuantizedLinearOp : QNN_PureOp<"quantized_linear",
    [AttrSizedOperandSegments]> {
  let summary = "linear on int8 codes";
  let description = [{
    y[r, n] = (float(S[r, n]) * weight_scales[n]) * scales[r] + bias[n] with
    S = sum_k a[r, k] * w[n, k] + start[n], exact in int32 (docs/numerics.md
    §5.3).  `start` is minus the zero point of a static activation times the sum
    of the codes of w[n, :]; without it the zero point is 0.  `scales` has one
    element per row, or rank 0 where all rows share it.  With `weight_zero` (i32,
    one per output), w[n, k] - weight_zero[n] stands for w[n, k].  `weight` holds
    codes [out, in]; with `packed_from` it is in its kernels' packed order and
    `packed_from` is the logical shape.
  }];
  let arguments = (ins QNN_Tensor:$codes, QNN_Tensor:$scales, QNN_Tensor:$sums,
    QNN_Tensor:$weight, QNN_Tensor:$weight_scales,
    Optional<QNN_Tensor>:$weight_zero, Optional<QNN_Tensor>:$start,
    Optional<QNN_Tensor>:$bias, OptionalAttr<DenseI64ArrayAttr>:$packed_from);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat = [{
    $codes `,` $scales `,` $sums `,` $weight `,` $weight_scales
    (`weight_zero` $weight_zero^)? (`start` $start^)? (`bias` $bias^)? attr-dict `:`
    functional-type(operands, results)
  }];
}
def QNN_BlockLinearOp : QNN_PureOp<"block_linear", [AttrSizedOperandSegments]> {
  let summary = "linear with a weight whose blocks of k share a scale";
  let description = [{
    `weight` holds the codes [out, in] of `format`, integers of 1 to 4 bits with
    blocks along `in`; `weight_scales` and `weight_offsets` have one element per
    output and block.

    - `input` int8 codes, `rows` their scales and their sums over the blocks
      (qnn.quantize_rows with `group`): docs/numerics.md §5.3.
    - `input` f32, no `rows`: §5.6, one f32 chain per block.
    - `input` bf16, no `rows`, codes that are integers: the kernels of §5.6 that
      keep a bound; the reference is a chain of the same values.

    With `packed_from` weight, scales and offsets are in their kernels' packed
    order (lowbit.block_matmul) and `packed_from` is the logical shape.
  }];
  let arguments = (ins QNN_Tensor:$input, Optional<QNN_Tensor>:$scales,
    Optional<QNN_Tensor>:$sums, QNN_Tensor:$weight, QNN_Tensor:$weight_scales,
    Optional<QNN_Tensor>:$weight_offsets, Optional<QNN_Tensor>:$bias,
    QNN_FormatAttr:$format, OptionalAttr<DenseI64ArrayAttr>:$packed_from);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat = [{
    $input (`rows` $scales^ `,` $sums)? `weight` $weight `,` $weight_scales
    (`offsets` $weight_offsets^)? (`bias` $bias^)? attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The logical shape [out, in] of the weight.
    ::llvm::ArrayRef<int64_t> getWeightShape();
    /// The format on that shape; the verifier has checked that it has blocks.
    ::quantc::fmt::BlockFormat getBlocks() {
      return *getFormat().asBlocks(getWeightShape());
    }
  }];
}
def QNN_BlockGatherOp : QNN_PureOp<"block_gather"> {
  let summary = "rows of a matrix in a block-wise format, dequantized";
  let description = [{
    Rows of the values that codes, scales and offsets, if the format has them,
    stand for (docs/numerics.md §6.4).  With `packed_from` the arrays are in the
    packed order of their linear and `packed_from` is the logical shape, so a
    tied embedding is stored once.
  }];
  let arguments = (ins QNN_Tensor:$codes, QNN_Tensor:$scales,
    Optional<QNN_Tensor>:$offsets, QNN_Tensor:$indices, QNN_FormatAttr:$format,
    OptionalAttr<DenseI64ArrayAttr>:$packed_from);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat = [{
    $codes `,` $scales (`offsets` $offsets^)? `at` $indices attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The logical shape of the matrix.
    ::llvm::ArrayRef<int64_t> getMatrixShape();
    ::quantc::fmt::BlockFormat getBlocks() {
      return *getFormat().asBlocks(getMatrixShape());
    }
  }];
}
def QNN_QuantizedGatherOp : QNN_PureOp<"quantized_gather"> {
  let summary = "rows of an int8 matrix, dequantized";
  let description = [{
    result[i…, :] = float(codes[indices[i…], :]) * scales[indices[i…]].  With
    `packed_from` the codes are in their linear's packed order and
    `packed_from` is the logical shape, so a tied embedding is stored once.
  }];
  let arguments = (ins QNN_Tensor:$codes, QNN_Tensor:$scales,
    QNN_Tensor:$indices, OptionalAttr<DenseI64ArrayAttr>:$packed_from);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat =
      "operands attr-dict `:` functional-type(operands, results)";
}

def QNN_PackOp : QNN_PureOp<"pack"> {
  let summary = "a constant in the packed order of its kernels";
  let description = [{
    Evaluated when the artifact is written, one tensor at a time, so a weight is
    never held twice.  The result is the plain tensor the kernels read.
  }];
  let arguments = (ins QNN_Value:$input, AnyAttr:$layout);
  let results = (outs Variadic<QNN_Tensor>:$results);
  let assemblyFormat =
      "$input attr-dict `:` functional-type(operands, results)";
}
def QNN_LaunchOp : QNN_Op<"launch",
    [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "runs a kernel function";
  let description = [{
    `symbols` gives the kernel function's symbols as expressions of this
    function's symbols, in order.
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<QNN_Tensor>:$inputs,
                       QNN_ShapeExprs:$symbols);
  let results = (outs Variadic<QNN_Tensor>:$results);
  let assemblyFormat = [{
    $kernel `(` $inputs `)` attr-dict `:` functional-type(operands, results)
  }];
}

def QNN_SymbolValueOp : Op<QNN_Dialect, "symbol_value", [Pure]> {
  let summary = "the value of a symbol of the kernel function, as index";
  let arguments = (ins I64Attr:$index);
  let results = (outs Index:$result);
  let assemblyFormat = "$index attr-dict";
}

def QNN_StepOp : Op<QNN_Dialect, "step"> {
  let summary = "one parallel loop of a lowered kernel function";
  let description = [{
    Calls a step function on all iterations [0, trip).  `trip` and `scratch`
    (bytes per worker) are maps over the kernel's symbols with one result; all
    the kernel's symbols are the step's scalars, in order.
  }];
  let arguments = (ins SymbolRefAttr:$function, Variadic<AnyMemRef>:$buffers,
                       QNN_ShapeExprs:$trip, QNN_ShapeExprs:$scratch,
                       I64Attr:$grain);
  let assemblyFormat =
      "$function `(` $buffers `)` attr-dict `:` type($buffers)";
}

#endif // QUANTC_DIALECT_QNN_QNNQUANTOPS_TD

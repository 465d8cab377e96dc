// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constants, data movement and shape operations.  Axes are non-negative.
// Shapes, starts and sizes are affine expressions of the function's symbols.

#ifndef QUANTC_DIALECT_QNN_QNNTENSOROPS_TD
#define QUANTC_DIALECT_QNN_QNNTENSOROPS_TD

include "quantc/Dialect/QNN/QNNBase.td"

def QNN_ConstantOp : QNN_PureOp<"constant", [ConstantLike]> {
  let summary = "a constant tensor";
  let description = [{
    Small tensors are `dense<…>`; weights are `dense_resource<…>` over mapped
    memory.  f16 and bf16 data are kept as i16 words of the same bits, the real
    element type is the result's.
  }];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat = "attr-dict $value `->` type($result)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def QNN_ReshapeOp : QNN_PureOp<"reshape",
    [SameOperandsAndResultElementType]> {
  let summary = "the same elements in row-major order under another shape";
  let arguments = (ins QNN_Tensor:$input, QNN_ShapeExprs:$shape);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat =
      "$input attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}
def QNN_BroadcastToOp : QNN_PureOp<"broadcast_to",
    [SameOperandsAndResultElementType]> {
  let summary = "numpy broadcast to a shape (ONNX Expand)";
  let description = [{ The result is the broadcast of the operand's shape with
    `shape`, so a 1 in `shape` keeps the operand's dimension. }];
  let arguments = (ins QNN_Tensor:$input, QNN_ShapeExprs:$shape);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat =
      "$input attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}
def QNN_TransposeOp : QNN_PureOp<"transpose",
    [SameOperandsAndResultElementType]> {
  let summary = "result dimension i is operand dimension permutation[i]";
  let arguments = (ins QNN_Tensor:$input, DenseI64ArrayAttr:$permutation);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat =
      "$input attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}
def QNN_ConcatOp : QNN_PureOp<"concat",
    [SameOperandsAndResultElementType]> {
  let summary = "operands one after the other along an axis";
  let arguments = (ins Variadic<QNN_Tensor>:$inputs, I64Attr:$axis);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat =
      "$inputs attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}
def QNN_AppendOp : QNN_PureOp<"append",
    [SameOperandsAndResultElementType]> {
  let summary = "a cache and new rows after it, in a buffer with room";
  let description = [{
    `present` is the concatenation of `past` and `rows` along `axis`.  `buffer`
    has `capacity` rows along it: those of `present`, then others that nobody
    may rely on.  What computes reads slices of `buffer`, so that its strides
    do not depend on how much of it is in use; `present` may only be returned.
    In a compiled model both are the memory of that output, and `past` is
    copied there unless it is there already (`qnn.alias`).
  }];
  let arguments = (ins QNN_Tensor:$past, QNN_Tensor:$rows, I64Attr:$axis,
                       QNN_ShapeExprs:$capacity);
  let results = (outs QNN_Tensor:$present, QNN_Tensor:$buffer);
  let assemblyFormat =
      "$past `,` $rows attr-dict `:` functional-type(operands, results)";
}
def QNN_SliceOp : QNN_PureOp<"slice",
    [SameOperandsAndResultElementType]> {
  let summary = "result[i] = input[start + i * step] along every axis";
  let description = [{
    `starts` and `sizes` have one expression per dimension, already clamped as
    ONNX Slice clamps them; `steps` may be negative, never 0.
  }];
  let arguments = (ins QNN_Tensor:$input, QNN_ShapeExprs:$starts,
                       QNN_ShapeExprs:$sizes, DenseI64ArrayAttr:$steps);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat =
      "$input attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}
def QNN_PadOp : QNN_PureOp<"pad",
    [SameOperandsAndResultElementType]> {
  let summary = "constant padding";
  let arguments = (ins QNN_Tensor:$input, DenseI64ArrayAttr:$low,
                       DenseI64ArrayAttr:$high, F64Attr:$value);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat =
      "$input attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}
def QNN_GatherOp : QNN_PureOp<"gather",
    [DeclareOpInterfaceMethods<QNN_WeightedOpInterface>]> {
  let summary = "slices of `input` along `axis` at integer indices";
  let description = [{ Negative indices count from the end.  An index out of
    range is clamped into it (never a wild read).  With `packed_from` the input
    is a matrix in its linear's packed order and `packed_from` is its logical
    shape, so a tied embedding is stored once. }];
  let arguments = (ins QNN_Value:$input, QNN_IntTensor:$indices,
                       I64Attr:$axis,
                       OptionalAttr<DenseI64ArrayAttr>:$packed_from);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat =
      "$input `,` $indices attr-dict `:` functional-type(operands, results)";
}

// Shape arithmetic that is used as data.
def QNN_ShapeValueOp : QNN_PureOp<"shape_value"> {
  let summary = "shape expressions as an integer tensor";
  let description = [{ Rank 1 with one element per expression, or rank 0 with
    exactly one.  This is what Shape, Gather, Concat and arithmetic on shapes
    become. }];
  let arguments = (ins QNN_ShapeExprs:$values);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
}
def QNN_RangeOp : QNN_PureOp<"range"> {
  let summary = "start, start + step, …: size elements";
  let arguments = (ins QNN_ShapeExprs:$start, QNN_ShapeExprs:$size,
                       I64Attr:$step);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
}
def QNN_CheckOp : QNN_Op<"check"> {
  let summary = "run-time condition on the symbols";
  let description = [{
    `affine_set<()[s0, s1] : (512 - s1 >= 0)>`: when it does not hold the run is
    refused with `message`, before any kernel starts unless the condition reads
    a symbol of `qnn.bind_symbol`.  Where an expression of the `guard` is 0,
    nothing is checked.
  }];
  let arguments = (ins IntegerSetAttr:$condition, StrAttr:$message,
                       OptionalAttr<QNN_ShapeExprs>:$guard);
  let assemblyFormat = "attr-dict";
}

// Shapes that depend on data.
def QNN_BindSymbolOp : QNN_Op<"bind_symbol"> {
  let summary = "binds a symbol of the function to an element during the run";
  let description = [{
    Symbol number `symbol` becomes element `element` of an integer or boolean
    tensor; operations behind this one may use it in their shapes.  A negative
    value refuses the run with `message`, so that every symbol is at least 0.
    Where an expression of the `guard` is 0, nothing is read and the symbol is
    0.  No argument's shape may name the symbol.

    ```mlir
    qnn.bind_symbol %count {symbol = 1 : i64, message = "…"} : tensor<i64>
    ```
  }];
  let arguments = (ins QNN_IntTensor:$input, I64Attr:$symbol,
                       DefaultValuedAttr<I64Attr, "0">:$element,
                       StrAttr:$message, OptionalAttr<QNN_ShapeExprs>:$guard);
  let assemblyFormat = "$input attr-dict `:` type($input)";
  let hasVerifier = 1;
}
def QNN_ChooseOp : QNN_PureOp<"choose",
    [SameOperandsAndResultElementType]> {
  let summary = "one of two tensors, by an expression";
  let description = [{
    The result is `lhs` where `condition` (one expression, 1 or 0) holds, else
    `rhs`; the chosen one has the shape `shape`.  What only the other one needs
    is not computed.
  }];
  let arguments = (ins QNN_Tensor:$lhs, QNN_Tensor:$rhs,
                       QNN_ShapeExprs:$condition, QNN_ShapeExprs:$shape);
  let results = (outs QNN_Tensor:$result);
  let assemblyFormat =
      "$lhs `,` $rhs attr-dict `:` functional-type(operands, results)";
}

#endif // QUANTC_DIALECT_QNN_QNNTENSOROPS_TD

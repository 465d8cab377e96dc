// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise operations.  Shapes broadcast as in numpy.  The scalar function
// of each is in the elementwise table under the operation's name; rounding and
// special values are those of docs/numerics.md §2 and §3.

#ifndef QUANTC_DIALECT_QNN_QNNELEMENTWISEOPS_TD
#define QUANTC_DIALECT_QNN_QNNELEMENTWISEOPS_TD

include "quantc/Dialect/QNN/QNNBase.td"

class QNN_ElementwiseOp<string mnemonic, dag operands, list<Trait> traits = [],
                        TypeConstraint resultType = QNN_Tensor>
    : QNN_PureOp<mnemonic, !listconcat([
        DeclareOpInterfaceMethods<QNN_ElementwiseOpInterface>], traits)> {
  let arguments = operands;
  let results = (outs resultType:$result);
  let assemblyFormat =
      "operands attr-dict `:` functional-type(operands, results)";
}

class QNN_UnaryOp<string mnemonic, string text,
                  TypeConstraint type = QNN_Tensor>
    : QNN_ElementwiseOp<mnemonic, (ins type:$input),
                        [SameOperandsAndResultElementType]> {
  let summary = text;
}
class QNN_FloatUnaryOp<string mnemonic, string text>
    : QNN_UnaryOp<mnemonic, text, QNN_FloatTensor>;
class QNN_BinaryOp<string mnemonic, string text, list<Trait> traits = [],
                   TypeConstraint type = QNN_Tensor>
    : QNN_ElementwiseOp<mnemonic, (ins type:$lhs, type:$rhs),
        !listconcat([SameOperandsAndResultElementType], traits)> {
  let summary = text;
}
class QNN_LogicalOp<string mnemonic, string text>
    : QNN_BinaryOp<mnemonic, text, [Commutative], QNN_BoolTensor>;
class QNN_CompareOp<string mnemonic, string text, list<Trait> traits = []>
    : QNN_ElementwiseOp<mnemonic, (ins QNN_Tensor:$lhs, QNN_Tensor:$rhs),
        !listconcat([SameOperandsElementType], traits), QNN_BoolTensor> {
  let summary = text;
}

def QNN_AbsOp : QNN_UnaryOp<"abs", "absolute value">;
def QNN_NegOp : QNN_UnaryOp<"neg", "negation">;
def QNN_ExpOp : QNN_FloatUnaryOp<"exp", "e to the power x">;
def QNN_LogOp : QNN_FloatUnaryOp<"log", "natural logarithm">;
def QNN_SqrtOp : QNN_FloatUnaryOp<"sqrt", "square root, correctly rounded">;
def QNN_ReciprocalOp : QNN_FloatUnaryOp<"reciprocal", "1 / x, correctly rounded">;
def QNN_ErfOp : QNN_FloatUnaryOp<"erf", "error function">;
def QNN_SinOp : QNN_FloatUnaryOp<"sin", "sine">;
def QNN_CosOp : QNN_FloatUnaryOp<"cos", "cosine">;
def QNN_TanhOp : QNN_FloatUnaryOp<"tanh", "hyperbolic tangent">;
def QNN_SigmoidOp : QNN_FloatUnaryOp<"sigmoid", "1 / (1 + exp(-x))">;
def QNN_SiluOp : QNN_FloatUnaryOp<"silu", "x / (1 + exp(-x))">;
def QNN_ReluOp : QNN_UnaryOp<"relu", "max(x, 0)">;
def QNN_FloorOp : QNN_FloatUnaryOp<"floor", "largest integer not above x">;
def QNN_CeilOp : QNN_FloatUnaryOp<"ceil", "smallest integer not below x">;
def QNN_RoundOp : QNN_FloatUnaryOp<"round", "nearest integer, ties to even">;
def QNN_SignOp : QNN_UnaryOp<"sign", "-1, 0 or 1">;
def QNN_NotOp : QNN_UnaryOp<"not", "logical not", QNN_BoolTensor>;
def QNN_IsNanOp : QNN_ElementwiseOp<"is_nan", (ins QNN_FloatTensor:$input), [],
                                    QNN_BoolTensor> {
  let summary = "true where x is NaN";
}
def QNN_SoftplusOp : QNN_FloatUnaryOp<"softplus", "log(1 + exp(x))">;
def QNN_HardSwishOp : QNN_FloatUnaryOp<"hard_swish", "x * hard_sigmoid(x)">;

def QNN_AddOp : QNN_BinaryOp<"add", "x + y", [Commutative]>;
def QNN_SubOp : QNN_BinaryOp<"sub", "x - y">;
def QNN_MulOp : QNN_BinaryOp<"mul", "x * y", [Commutative]>;
def QNN_DivOp : QNN_BinaryOp<"div", "x / y; integers truncate">;
def QNN_PowOp : QNN_ElementwiseOp<"pow",
    (ins QNN_Tensor:$lhs, QNN_Tensor:$rhs),
    [AllElementTypesMatch<["lhs", "result"]>]> {
  let summary = "x to the power y; the exponent's element type may differ";
  let hasCanonicalizeMethod = 1;
}
def QNN_MinOp : QNN_BinaryOp<"min", "minimum, NaN if either is", [Commutative]>;
def QNN_MaxOp : QNN_BinaryOp<"max", "maximum, NaN if either is", [Commutative]>;
def QNN_AndOp : QNN_LogicalOp<"and", "logical and">;
def QNN_OrOp : QNN_LogicalOp<"or", "logical or">;
def QNN_XorOp : QNN_LogicalOp<"xor", "logical exclusive or">;
def QNN_EqualOp : QNN_CompareOp<"equal", "x == y", [Commutative]>;
def QNN_LessOp : QNN_CompareOp<"less", "x < y">;
def QNN_LessEqualOp : QNN_CompareOp<"less_equal", "x <= y">;
def QNN_GreaterOp : QNN_CompareOp<"greater", "x > y">;
def QNN_GreaterEqualOp : QNN_CompareOp<"greater_equal", "x >= y">;

def QNN_GeluApproximation : I32EnumAttr<"GeluApproximation",
    "which gelu", [I32EnumAttrCase<"none", 0>, I32EnumAttrCase<"tanh", 1>]> {
  let cppNamespace = "::quantc::qnn";
}
def QNN_GeluOp : QNN_ElementwiseOp<"gelu", (ins QNN_FloatTensor:$input,
    DefaultValuedAttr<QNN_GeluApproximation,
                      "GeluApproximation::none">:$approximation),
    [SameOperandsAndResultElementType]> {
  let summary = "Gaussian error linear unit (erf or tanh form)";
}
def QNN_LeakyReluOp : QNN_ElementwiseOp<"leaky_relu",
    (ins QNN_FloatTensor:$input, F32Attr:$alpha),
    [SameOperandsAndResultElementType]> {
  let summary = "x < 0 ? alpha * x : x";
}
def QNN_HardSigmoidOp : QNN_ElementwiseOp<"hard_sigmoid",
    (ins QNN_FloatTensor:$input, F32Attr:$alpha, F32Attr:$beta),
    [SameOperandsAndResultElementType]> {
  let summary = "max(0, min(1, alpha * x + beta))";
}
def QNN_ClipOp : QNN_ElementwiseOp<"clip",
    (ins QNN_Tensor:$input, F64Attr:$min, F64Attr:$max),
    [SameOperandsAndResultElementType]> {
  let summary = "min(max(x, min), max); NaN stays NaN";
}
def QNN_WhereOp : QNN_ElementwiseOp<"where",
    (ins QNN_BoolTensor:$condition, QNN_Tensor:$lhs, QNN_Tensor:$rhs),
    [AllElementTypesMatch<["lhs", "rhs", "result"]>]> {
  let summary = "condition ? x : y";
}
def QNN_CastOp : QNN_ElementwiseOp<"cast", (ins QNN_Tensor:$input)> {
  let summary = "element type conversion (docs/numerics.md §2.6)";
  let hasFolder = 1;
}

// Quantization that is in the source.  Codes are plain integer tensors here;
// `qnn-use-codes` turns what contractions read into encoded values.
def QNN_ToCodesOp : QNN_ElementwiseOp<"to_codes",
    (ins QNN_FloatTensor:$input, QNN_FloatTensor:$scale, QNN_Tensor:$zero),
    [AllElementTypesMatch<["zero", "result"]>], QNN_IntTensor> {
  let summary = "clamp(roundeven(x / scale) + zero), NaN gives zero";
  let description = [{
    ONNX QuantizeLinear (docs/numerics.md §6.2), clamped to the range of the
    element type, which has at most 16 bits.  Scale and zero point broadcast:
    one for all elements, or one per index of an axis.
  }];
  let hasVerifier = 1;
}
def QNN_FromCodesOp : QNN_ElementwiseOp<"from_codes",
    (ins QNN_IntTensor:$codes, QNN_FloatTensor:$scale, QNN_Tensor:$zero),
    [AllElementTypesMatch<["codes", "zero"]>], QNN_FloatTensor> {
  let summary = "float(code - zero) * scale";
  let description = [{
    ONNX DequantizeLinear (docs/numerics.md §6.4); scale and zero point as in
    qnn.to_codes.  Codes have at most 16 bits, or 32 with a zero point of 0.
  }];
  let hasVerifier = 1;
}

#endif // QUANTC_DIALECT_QNN_QNNELEMENTWISEOPS_TD

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators on codes that ONNX Runtime's tools write (QLinear...): dequantize,
// operate, quantize (docs/numerics.md §5.5), defined by ONNX's operators.  What
// rounds otherwise in ONNX Runtime, where half steps are common, is done as it
// does.  Contractions of codes become integer kernels afterwards
// (qnn-use-codes).  Its table also has the fused operators on floats that are
// one text.

#include "Importer.h"

using namespace mlir;

namespace quantc::onnx_frontend {

namespace {
/// Arity, attributes and definition of an operator.
struct Definition {
  StringLiteral name;
  size_t minInputs, maxInputs, maxOutputs;
  StringLiteral attributes, text;
};
} // namespace

//===----------------------------------------------------------------------===//
// By one text
//===----------------------------------------------------------------------===//

static constexpr Definition kDefinitions[] = {
    {"QLinearSigmoid", 4, 5, 1, "", R"(
      (X, Xs, Xz, Ys, Yz) => (Y) {
        x = DequantizeLinear(X, Xs, Xz)
        y = Sigmoid(x)
        Y = QuantizeLinear(y, Ys, Yz)
      })"},
    {"QLinearLeakyRelu", 4, 5, 1, "alpha", R"(
      <alpha> (X, Xs, Xz, Ys, Yz) => (Y) {
        x = DequantizeLinear(X, Xs, Xz)
        y = LeakyRelu<alpha: float = @alpha>(x)
        Y = QuantizeLinear(y, Ys, Yz)
      })"},
    {"QLinearWhere", 9, 9, 1, "", R"(
      (C, X, Xs, Xz, Y, Ys, Yz, Zs, Zz) => (Z) {
        x = DequantizeLinear(X, Xs, Xz)
        y = DequantizeLinear(Y, Ys, Yz)
        z = Where(C, x, y)
        Z = QuantizeLinear(z, Zs, Zz)
      })"},
    {"DynamicQuantizeMatMul", 3, 5, 1, "", R"(
      (A, B, Bs, Bz, bias) => (Y) {
        Aq, As, Az = DynamicQuantizeLinear(A)
        Y = com.microsoft.MatMulIntegerToFloat(Aq, B, As, Bs, Az, Bz, bias)
      })"},
    {"BiasSplitGelu", 2, 2, 1, "", R"(
      (X, B) => (Y) {
        s = Add(X, B)
        a, b = Split<axis = -1, num_outputs = 2>(s)
        g = Gelu(b)
        Y = Mul(a, g)
      })"},
    {"BiasAdd", 3, 3, 1, "", R"(
      (X, B, K) => (Y) {
        s = Add(X, B)
        Y = Add(s, K)
      })"},
    {"GemmFastGelu", 2, 3, 1, "", R"(
      (X, W, B) => (Y) {
        p = MatMul(X, W)
        Y = com.microsoft.FastGelu(p, B)
      })"},
    {"GatherND", 2, 2, 1, "", "(X, I) => (Y) { Y = GatherND(X, I) }"},
    {"Trilu", 1, 2, 1, "upper", R"(
      <upper: int = 1> (X, K) => (Y) { Y = Trilu<upper: int = @upper>(X, K) })"},
    {"ComplexMul", 2, 2, 1, "", R"(
      (A, B) => (Y) {
        a, b = Split<axis = -1, num_outputs = 2>(A)
        c, d = Split<axis = -1, num_outputs = 2>(B)
        ac = Mul(a, c)
        bd = Mul(b, d)
        r = Sub(ac, bd)
        ad = Mul(a, d)
        bc = Mul(b, c)
        i = Add(ad, bc)
        Y = Concat<axis = -1>(r, i)
      })"},
};

/// The table's definition of the node's operator.
static LogicalResult importDefined(NodeImport &n) {
  const auto *found = llvm::find_if(kDefinitions, [&](const Definition &d) {
    return d.name == n.node.op_type();
  });
  if (failed(n.expect(found->minInputs, found->maxInputs, found->maxOutputs,
                      found->attributes)))
    return failure();
  return n.define(found->text);
}

//===----------------------------------------------------------------------===//
// Rounded with the zero point
//===----------------------------------------------------------------------===//

/// Quantizes y, which counts steps of Y, to Y: roundeven(y + Yz), so that half
/// steps go to even codes, not to even distances from the zero point.  The
/// zero point is input `zero`, called Yz.
static std::string roundedCodes(NodeImport &n, size_t zero) {
  if (!n.has(zero))
    return "one = Constant<value_float = 1.0>() Y = QuantizeLinear(y, one) }";
  // Only its lowest bit matters to the rounding.
  return "one = Constant<value_float = 1.0>() "
         "number = Constant<value_int = 2>() two = CastLike(number, Yz) "
         "odd = Mod(Yz, two) even = Sub(Yz, odd) shift = Cast<to = 1>(odd) "
         "shifted = Add(y, shift) Y = QuantizeLinear(shifted, one, even) }";
}

static LogicalResult importQLinearAdd(NodeImport &n) {
  if (failed(n.expect(7, 8, 1, "")))
    return failure();
  return n.define("(A, As, Az, B, Bs, Bz, Ys, Yz) => (Y) {"
                  "ra = Div(As, Ys) a = DequantizeLinear(A, ra, Az) "
                  "rb = Div(Bs, Ys) b = DequantizeLinear(B, rb, Bz) "
                  "y = Add(a, b) " +
                  roundedCodes(n, 7));
}

static LogicalResult importQLinearMul(NodeImport &n) {
  if (failed(n.expect(7, 8, 1, "")))
    return failure();
  return n.define("(A, As, Az, B, Bs, Bz, Ys, Yz) => (Y) {"
                  "s = Mul(As, Bs) r = Div(s, Ys) "
                  "unit = Constant<value_float = 1.0>() "
                  "a = DequantizeLinear(A, r, Az) "
                  "b = DequantizeLinear(B, unit, Bz) "
                  "y = Mul(a, b) " +
                  roundedCodes(n, 7));
}

//===----------------------------------------------------------------------===//
// Contractions of codes
//===----------------------------------------------------------------------===//

/// a (s_a, z_a) times b (s_b, z_b), whose scales are one or one per column.
static LogicalResult importQLinearMatMul(NodeImport &n) {
  if (!n.input(0) || !n.input(3))
    return failure();
  size_t rank = n.inputs[0]->shape.size(), other = n.inputs[3]->shape.size();
  if (rank < 2 || other < 2)
    return n.unsupported("of vectors");
  // Scales may be narrow floats; the arithmetic is f32.
  return n.define(
      "(A, As, Az, B, Bs, Bz, Ys, Yz) => (Y) {"
      "as = Cast<to = 1>(As) bs = Cast<to = 1>(Bs) "
      "ys = Cast<to = 1>(Ys) a = DequantizeLinear<axis = " +
      std::to_string(rank - 2) +
      ">(A, as, Az) b = DequantizeLinear<axis = " + std::to_string(other - 1) +
      ">(B, bs, Bz) y = MatMul(a, b) "
      "Y = QuantizeLinear(y, ys, Yz) }");
}

/// The bias is a code, too, whose scale is the product of the others.
static LogicalResult importQLinearConv(NodeImport &n) {
  std::string bias = n.has(8) ? "bs = Mul(Xs, Ws) "
                                "b = DequantizeLinear<axis = 0>(B, bs) "
                              : "";
  return n.define(
      "<auto_pad, dilations, group, kernel_shape, pads, strides> "
      "(X, Xs, Xz, W, Ws, Wz, Ys, Yz, B) => (Y) {"
      "x = DequantizeLinear(X, Xs, Xz) "
      "w = DequantizeLinear<axis = 0>(W, Ws, Wz) " +
      bias +
      "y = Conv<auto_pad: string = @auto_pad, dilations: ints = @dilations,"
      "group: int = @group, kernel_shape: ints = @kernel_shape,"
      "pads: ints = @pads, strides: ints = @strides>(x, w" +
      (bias.empty() ? "" : ", b") + ") Y = QuantizeLinear(y, Ys, Yz) }");
}

/// alpha * a' * b' + alpha * s_a * s_b * c, quantized if it has a scale.
static LogicalResult importQGemm(NodeImport &n) {
  if (failed(n.expect(6, 9, 1, "alpha transA transB")))
    return failure();
  bool hasBias = n.has(6);
  std::string axis = n.intAttr("transB", 0) != 0 ? "0" : "1";
  std::string bias = hasBias ? "s = Mul(As, Bs) t = Mul(s, factor) "
                               "c = DequantizeLinear<axis = -1>(C, t) "
                             : "";
  std::string result = n.has(7) ? "y" : "Y";
  return n.define("<alpha: float = 1.0, transA, transB> "
                  "(A, As, Az, B, Bs, Bz, C, Ys, Yz) => (Y) {"
                  "factor = Constant<value_float: float = @alpha>() "
                  "a = DequantizeLinear(A, As, Az) "
                  "b = DequantizeLinear<axis = " +
                  axis + ">(B, Bs, Bz) " + bias + result +
                  " = Gemm<alpha: float = @alpha, transA: int = @transA,"
                  "transB: int = @transB>(a, b" +
                  (hasBias ? ", c" : "") + ") " +
                  (n.has(7) ? "Y = QuantizeLinear(y, Ys, Yz)" : "") + "}");
}

static LogicalResult importMatMulIntegerToFloat(NodeImport &n) {
  if (failed(n.expect(4, 7, 1, "")))
    return failure();
  size_t rank = n.inputs[0]->shape.size(), other = n.inputs[1]->shape.size();
  if (rank < 2 || other < 2)
    return n.unsupported("of vectors");
  return n.define("(A, B, As, Bs, Az, Bz, bias) => (Y) {"
                  "a = DequantizeLinear<axis = " +
                  std::to_string(rank - 2) +
                  ">(A, As, Az) "
                  "b = DequantizeLinear<axis = " +
                  std::to_string(other - 1) + ">(B, Bs, Bz) " +
                  (n.has(6) ? "y = MatMul(a, b) Y = Add(y, bias) }"
                            : "Y = MatMul(a, b) }"));
}

//===----------------------------------------------------------------------===//
// Other quantized forms
//===----------------------------------------------------------------------===//

/// Y's scale and zero point, then value, scale and zero point of each input.
static LogicalResult importQLinearConcat(NodeImport &n) {
  if (failed(n.expect(5, n.numInputs(), 1, "axis")))
    return failure();
  if (n.numInputs() % 3 != 2)
    return n.error("expected a scale and a zero point, then three inputs for "
                   "each value, got " +
                   Twine(n.numInputs()) + " inputs");
  std::string inputs = "<axis> (Ys, Yz", body, values;
  for (size_t i = 0; i < n.numInputs() / 3; ++i) {
    std::string at = std::to_string(i);
    inputs += ", X" + at + ", S" + at + ", Z" + at;
    body += "x" + at + " = DequantizeLinear(X" + at + ", S" + at + ", Z" + at +
            ") ";
    values += (i ? ", x" : "x") + at;
  }
  return n.define(inputs + ") => (Y) {" + body +
                  "y = Concat<axis: int = @axis>(" + values +
                  ") Y = QuantizeLinear(y, Ys, Yz) }");
}

static LogicalResult importQLinearSoftmax(NodeImport &n) {
  if (failed(n.expect(5, 5, 1, "axis opset")))
    return failure();
  // `opset` is that of the Softmax it was made from: before 13 it flattens.
  if (n.intAttr("opset", 13) < 13)
    return n.define(R"(
      <axis: int = 1> (X, Xs, Xz, Ys, Yz) => (Y) {
        x = DequantizeLinear(X, Xs, Xz)
        rows = Flatten<axis: int = @axis>(x)
        p = Softmax<axis = -1>(rows)
        shape = Shape(x)
        y = Reshape(p, shape)
        Y = QuantizeLinear(y, Ys, Yz)
      })");
  return n.define(R"(
      <axis: int = -1> (X, Xs, Xz, Ys, Yz) => (Y) {
        x = DequantizeLinear(X, Xs, Xz)
        y = Softmax<axis: int = @axis>(x)
        Y = QuantizeLinear(y, Ys, Yz)
      })");
}

/// `channels_last` values are transposed around the operator.
static std::string aroundChannels(NodeImport &n, StringRef call,
                                  StringRef result) {
  size_t rank = n.inputs[0]->shape.size();
  if (n.intAttr("channels_last", 0) == 0 || rank < 3)
    return (result + " = " + call + "(x) ").str();
  std::string first = "0, " + std::to_string(rank - 1), last = "0";
  for (size_t i = 1; i + 1 < rank; ++i) {
    first += ", " + std::to_string(i);
    last += ", " + std::to_string(i + 1);
  }
  return "f = Transpose<perm = [" + first + "]>(x) g = " + call.str() + "(f) " +
         result.str() + " = Transpose<perm = [" + last + ", 1]>(g) ";
}

static LogicalResult importQLinearAveragePool(NodeImport &n) {
  if (failed(n.expect(4, 5, 1,
                      "auto_pad ceil_mode channels_last count_include_pad "
                      "kernel_shape pads strides")))
    return failure();
  std::string pool = aroundChannels(
      n,
      "AveragePool<auto_pad: string = @auto_pad, ceil_mode: int = "
      "@ceil_mode, count_include_pad: int = @count_include_pad, "
      "kernel_shape: ints = @kernel_shape, pads: ints = @pads, "
      "strides: ints = @strides>",
      "mean");
  return n.define("<auto_pad, ceil_mode, count_include_pad, kernel_shape, "
                  "pads, strides> (X, Xs, Xz, Ys, Yz) => (Y) {"
                  "x = DequantizeLinear(X, Xs, Xz) " +
                  pool + "y = Div(mean, Ys) " + roundedCodes(n, 4));
}

static LogicalResult importQLinearGlobalAveragePool(NodeImport &n) {
  if (failed(n.expect(5, 5, 1, "channels_last")))
    return failure();
  return n.define("(X, Xs, Xz, Ys, Yz) => (Y) {"
                  "x = DequantizeLinear(X, Xs, Xz) " +
                  aroundChannels(n, "GlobalAveragePool", "y") +
                  "Y = QuantizeLinear(y, Ys, Yz) }");
}

static LogicalResult importQLinearReduceMean(NodeImport &n) {
  if (failed(n.expect(4, 5, 1, "axes keepdims")))
    return failure();
  std::string axes =
      n.attribute("axes") ? "axes = Constant<value_ints: ints = @axes>() " : "";
  return n.define("<axes, keepdims> (X, Xs, Xz, Ys, Yz) => (Y) {"
                  "x = DequantizeLinear(X, Xs, Xz) " +
                  axes + "y = ReduceMean<keepdims: int = @keepdims>(x" +
                  (axes.empty() ? "" : ", axes") +
                  ") Y = QuantizeLinear(y, Ys, Yz) }");
}

void registerQLinear(Registry &r) {
  r.add("QLinearMatMul", importQLinearMatMul);
  r.add("QLinearConv", importQLinearConv);
  auto add = [&](StringRef op, Handler handler) {
    r.add(op, handler, 1, "com.microsoft");
  };
  for (const Definition &definition : kDefinitions)
    add(definition.name, importDefined);
  add("QLinearAdd", importQLinearAdd);
  add("QLinearMul", importQLinearMul);
  add("QGemm", importQGemm);
  add("MatMulIntegerToFloat", importMatMulIntegerToFloat);
  add("QLinearConcat", importQLinearConcat);
  add("QLinearSoftmax", importQLinearSoftmax);
  add("QLinearAveragePool", importQLinearAveragePool);
  add("QLinearGlobalAveragePool", importQLinearGlobalAveragePool);
  add("QLinearReduceMean", importQLinearReduceMean);
}

} // namespace quantc::onnx_frontend

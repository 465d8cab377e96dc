// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators that ONNX Runtime's tools write: quantized forms (QLinear...),
// which are dequantize, operate, quantize (docs/numerics.md §5.5), and fused
// forms. Each is defined by ONNX's operators; contractions of codes become
// integer kernels afterwards (qnn-use-codes).

#include "Importer.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace quantc::onnx_frontend {

static constexpr StringLiteral kMicrosoft = "com.microsoft";

/// Arity, attributes and definition of an operator.
struct Definition {
  StringLiteral name;
  size_t minInputs, maxInputs, maxOutputs;
  StringLiteral attributes, text;
};

//===----------------------------------------------------------------------===//
// By one text
//===----------------------------------------------------------------------===//

static constexpr Definition kDefinitions[] = {
    {"QLinearAdd", 7, 8, 1, "", R"(
      (A, As, Az, B, Bs, Bz, Cs, Cz) => (C) {
        a = DequantizeLinear(A, As, Az)
        b = DequantizeLinear(B, Bs, Bz)
        c = Add(a, b)
        C = QuantizeLinear(c, Cs, Cz)
      })"},
    {"QLinearMul", 7, 8, 1, "", R"(
      (A, As, Az, B, Bs, Bz, Cs, Cz) => (C) {
        a = DequantizeLinear(A, As, Az)
        b = DequantizeLinear(B, Bs, Bz)
        c = Mul(a, b)
        C = QuantizeLinear(c, Cs, Cz)
      })"},
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
    {"QuickGelu", 1, 1, 1, "alpha", R"(
      <alpha: float = 1.702> (X) => (Y) {
        Y = Swish<alpha: float = @alpha>(X)
      })"},
    {"Gelu", 1, 1, 1, "", R"((X) => (Y) { Y = Gelu(X) })"},
    {"BiasGelu", 2, 2, 1, "", R"(
      (A, B) => (C) {
        sum = Add(A, B)
        C = Gelu(sum)
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
  if (n.intAttr("opset", 13) < 13) {
    int64_t rank = n.inputs[0]->shape.size();
    FailureOr<int64_t> axis = n.axis(n.intAttr("axis", 1), rank);
    if (failed(axis))
      return failure();
    if (*axis != rank - 1)
      return n.unsupported("over several axes");
  }
  return n.define(R"(
      <axis: int = -1> (X, Xs, Xz, Ys, Yz) => (Y) {
        x = DequantizeLinear(X, Xs, Xz)
        y = Softmax<axis: int = @axis>(x)
        Y = QuantizeLinear(y, Ys, Yz)
      })");
}

/// `channels_last` values are transposed around the operator.
static std::string aroundChannels(NodeImport &n, StringRef call) {
  size_t rank = n.inputs[0]->shape.size();
  if (n.intAttr("channels_last", 0) == 0 || rank < 3)
    return ("y = " + call + "(x) ").str();
  std::string first = "0, " + std::to_string(rank - 1), last = "0";
  for (size_t i = 1; i + 1 < rank; ++i) {
    first += ", " + std::to_string(i);
    last += ", " + std::to_string(i + 1);
  }
  return "f = Transpose<perm = [" + first + "]>(x) g = " + call.str() +
         "(f) y = Transpose<perm = [" + last + ", 1]>(g) ";
}

static LogicalResult importQLinearAveragePool(NodeImport &n) {
  if (failed(n.expect(4, 5, 1,
                      "auto_pad ceil_mode channels_last count_include_pad "
                      "kernel_shape pads strides")))
    return failure();
  std::string pool = aroundChannels(
      n, "AveragePool<auto_pad: string = @auto_pad, ceil_mode: int = "
         "@ceil_mode, count_include_pad: int = @count_include_pad, "
         "kernel_shape: ints = @kernel_shape, pads: ints = @pads, "
         "strides: ints = @strides>");
  return n.define("<auto_pad, ceil_mode, count_include_pad, kernel_shape, "
                  "pads, strides> (X, Xs, Xz, Ys, Yz) => (Y) {"
                  "x = DequantizeLinear(X, Xs, Xz) " +
                  pool + "Y = QuantizeLinear(y, Ys, Yz) }");
}

static LogicalResult importQLinearGlobalAveragePool(NodeImport &n) {
  if (failed(n.expect(5, 5, 1, "channels_last")))
    return failure();
  return n.define("(X, Xs, Xz, Ys, Yz) => (Y) {"
                  "x = DequantizeLinear(X, Xs, Xz) " +
                  aroundChannels(n, "GlobalAveragePool") +
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

//===----------------------------------------------------------------------===//
// Fused forms
//===----------------------------------------------------------------------===//

static LogicalResult importFastGelu(NodeImport &n) {
  if (failed(n.expect(1, 2, 1, "")))
    return failure();
  return n.define(n.has(1) ? "(X, B) => (Y) { s = Add(X, B) "
                             "Y = Gelu<approximate = \"tanh\">(s) }"
                           : "(X) => (Y) { Y = Gelu<approximate = "
                             "\"tanh\">(X) }");
}

/// The last two axes swapped.
static std::string swapped(size_t rank) {
  std::string order;
  for (size_t i = 0; i + 2 < rank; ++i)
    order += std::to_string(i) + ", ";
  return "Transpose<perm = [" + order + std::to_string(rank - 1) + ", " +
         std::to_string(rank - 2) + "]>";
}

static LogicalResult importFusedMatMul(NodeImport &n) {
  if (failed(n.expect(2, 2, 1, "alpha transA transB transBatchA transBatchB")))
    return failure();
  for (StringRef name : {"transBatchA", "transBatchB"})
    if (n.intAttr(name, 0) != 0)
      return n.unsupported(name == "transBatchA" ? "with transBatchA"
                                                 : "with transBatchB");
  std::string body, names[] = {"A", "B"};
  for (size_t i : {0, 1}) {
    size_t rank = n.inputs[i]->shape.size();
    // Vectors are not transposed.
    if (n.intAttr(i ? "transB" : "transA", 0) == 0 || rank < 2)
      continue;
    std::string name = i ? "b" : "a";
    body += name + " = " + swapped(rank) + "(" + names[i] + ") ";
    names[i] = name;
  }
  std::string product = " = MatMul(" + names[0] + ", " + names[1] + ") ";
  if (n.floatAttr("alpha", 1.0f) == 1.0f)
    return n.define("(A, B) => (Y) {" + body + "Y" + product + "}");
  return n.define("<alpha> (A, B) => (Y) {" + body + "y" + product +
                  "f = Constant<value_float: float = @alpha>() "
                  "g = CastLike(f, y) Y = Mul(y, g) }");
}

/// The node of an activation that others are fused with; empty with an error if
/// it is none that is known.
static std::string activationCall(NodeImport &n, StringRef activation,
                                  ArrayRef<float> p) {
  auto number = [&](size_t i, StringRef name, float fallback) {
    return (name + " = " +
            llvm::formatv("{0:E8}", i < p.size() ? p[i] : fallback))
        .str();
  };
  if (activation == "Relu" || activation == "Sigmoid" || activation == "Tanh")
    return "Y = " + activation.str() + "(y)";
  if (activation == "LeakyRelu")
    return "Y = LeakyRelu<" + number(0, "alpha", 0.01f) + ">(y)";
  if (activation == "HardSigmoid")
    return "Y = HardSigmoid<" + number(0, "alpha", 0.2f) + ", " +
           number(1, "beta", 0.5f) + ">(y)";
  if (activation == "Clip" && p.size() == 2)
    return "l = Constant<" + number(0, "value_float", 0) + ">() h = Constant<" +
           number(1, "value_float", 0) + ">() Y = Clip(y, l, h)";
  (void)n.error("unknown activation " + quote(activation) +
                "; expected Relu, Sigmoid, Tanh, LeakyRelu, HardSigmoid or "
                "Clip");
  return "";
}

static LogicalResult importFusedConv(NodeImport &n) {
  if (failed(n.expect(2, 4, 1,
                      "activation activation_params auto_pad dilations group "
                      "kernel_shape pads strides")))
    return failure();
  SmallVector<float> parameters;
  if (const auto *given = n.attribute("activation_params"))
    parameters.assign(given->floats().begin(), given->floats().end());
  std::string activation = n.stringAttr("activation", "");
  std::string last = activation.empty()
                         ? "Y = Identity(y)"
                         : activationCall(n, activation, parameters);
  if (last.empty())
    return failure();
  return n.define(
      "<auto_pad, dilations, group, kernel_shape, pads, strides> "
      "(X, W, B, Z) => (Y) {" +
      std::string(n.has(3) ? "z" : "y") +
      " = Conv<auto_pad: string = @auto_pad, dilations: ints = @dilations,"
      "group: int = @group, kernel_shape: ints = @kernel_shape,"
      "pads: ints = @pads, strides: ints = @strides>(X, W, B) " +
      (n.has(3) ? "y = Add(z, Z) " : "") + last + "}");
}

static LogicalResult importFusedGemm(NodeImport &n) {
  if (failed(n.expect(2, 3, 1,
                      "activation activation_alpha activation_beta "
                      "activation_gamma alpha beta transA transB")))
    return failure();
  SmallVector<float> parameters;
  if (n.attribute("activation_alpha"))
    parameters.push_back(n.floatAttr("activation_alpha", 0));
  if (n.attribute("activation_beta"))
    parameters.push_back(n.floatAttr("activation_beta", 0));
  std::string last =
      activationCall(n, n.stringAttr("activation", ""), parameters);
  if (last.empty())
    return failure();
  return n.define("<alpha: float = 1.0, beta: float = 1.0, transA, transB> "
                  "(A, B, C) => (Y) {"
                  "y = Gemm<alpha: float = @alpha, beta: float = @beta, "
                  "transA: int = @transA, transB: int = @transB>(A, B, C) " +
                  last + "}");
}

//===----------------------------------------------------------------------===//
// Normalizations
//===----------------------------------------------------------------------===//

static LogicalResult importSimplifiedNorm(NodeImport &n) {
  if (failed(n.expect(2, 2, 2, "axis epsilon stash_type")))
    return failure();
  if (n.isOutputUsed(1))
    return n.unsupported("with the output inv_std_var");
  return n.define("<axis: int = -1, epsilon: float = 1e-05> (X, S) => (Y, I) {"
                  "Y = RMSNormalization<axis: int = @axis, epsilon: float = "
                  "@epsilon>(X, S) }");
}

/// The sum of input, skip and bias, normalized; `simplified` without mean.
static LogicalResult importSkipNorm(NodeImport &n, bool simplified) {
  size_t bias = simplified ? 3 : 4;
  if (failed(n.expect(3, bias + 1, 4, "epsilon")))
    return failure();
  if (n.isOutputUsed(1) || n.isOutputUsed(2))
    return n.unsupported("with the outputs mean and inv_std_var");
  std::string sum =
      n.has(bias) ? "t = Add(X, K) S = Add(t, B) " : "S = Add(X, K) ";
  if (simplified)
    return n.define("<epsilon: float = 1e-12> (X, K, G, B) => (Y, M, I, S) {" +
                    sum +
                    "Y = RMSNormalization<axis = -1, epsilon: float = "
                    "@epsilon>(S, G) }");
  return n.define(
      "<epsilon: float = 1e-12> (X, K, G, beta, B) => (Y, M, I, S) {" + sum +
      "Y = LayerNormalization<axis = -1, epsilon: float = @epsilon>(S, G" +
      (n.has(3) ? ", beta" : "") + ") }");
}

void registerContrib(Registry &r) {
  r.add("QLinearMatMul", importQLinearMatMul);
  r.add("QLinearConv", importQLinearConv);
  auto add = [&](StringRef op, Handler handler) {
    r.add(op, handler, 1, kMicrosoft);
  };
  for (const Definition &definition : kDefinitions)
    add(definition.name, importDefined);
  add("QGemm", importQGemm);
  add("MatMulIntegerToFloat", importMatMulIntegerToFloat);
  add("QLinearConcat", importQLinearConcat);
  add("QLinearSoftmax", importQLinearSoftmax);
  add("QLinearAveragePool", importQLinearAveragePool);
  add("QLinearGlobalAveragePool", importQLinearGlobalAveragePool);
  add("QLinearReduceMean", importQLinearReduceMean);
  add("FastGelu", importFastGelu);
  add("FusedMatMul", importFusedMatMul);
  add("FusedConv", importFusedConv);
  add("FusedGemm", importFusedGemm);
  r.add("SimplifiedLayerNormalization", importSimplifiedNorm);
  add("SimplifiedLayerNormalization", importSimplifiedNorm);
  add("SkipLayerNormalization",
      [](NodeImport &n) { return importSkipNorm(n, false); });
  add("SkipSimplifiedLayerNormalization",
      [](NodeImport &n) { return importSkipNorm(n, true); });
}

} // namespace quantc::onnx_frontend

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fused operators that ONNX Runtime's tools write. Each is defined by ONNX's
// operators.

#include "Importer.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace quantc::onnx_frontend {

static constexpr StringLiteral kMicrosoft = "com.microsoft";

static LogicalResult importQuickGelu(NodeImport &n) {
  if (failed(n.expect(1, 1, 1, "alpha")))
    return failure();
  return n.define("<alpha: float = 1.702> (X) => (Y) { "
                  "Y = Swish<alpha: float = @alpha>(X) }");
}

static LogicalResult importGelu(NodeImport &n) {
  if (failed(n.expect(1, 1, 1, "")))
    return failure();
  return n.define("(X) => (Y) { Y = Gelu(X) }");
}

static LogicalResult importBiasGelu(NodeImport &n) {
  if (failed(n.expect(2, 2, 1, "")))
    return failure();
  return n.define("(A, B) => (C) { sum = Add(A, B) C = Gelu(sum) }");
}

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

/// The first axis moved behind those of the batch.
static std::string rowsLast(size_t rank) {
  std::string order;
  for (size_t i = 1; i + 1 < rank; ++i)
    order += std::to_string(i) + ", ";
  return "Transpose<perm = [" + order + "0, " + std::to_string(rank - 1) + "]>";
}

static LogicalResult importFusedMatMul(NodeImport &n) {
  if (failed(n.expect(2, 2, 1, "alpha transA transB transBatchA transBatchB")))
    return failure();
  std::string body, names[] = {"A", "B"};
  for (size_t i : {0, 1}) {
    size_t rank = n.inputs[i]->shape.size();
    if (n.intAttr(i ? "transBatchB" : "transBatchA", 0) != 0 && rank > 2) {
      std::string name = i ? "bb" : "ba";
      body += name + " = " + rowsLast(rank) + "(" + names[i] + ") ";
      names[i] = name;
    }
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

/// The sum of embeddings of words, positions and segments, normalized, and how
/// many words the mask keeps.  With `codes` all tables are of 8 bits.
static LogicalResult importEmbedNorm(NodeImport &n, bool codes) {
  if (failed(n.expect(1, codes ? 18 : 9, codes ? 2 : 3,
                      "epsilon mask_index_type")))
    return failure();
  for (size_t needed : {2, 3, 5, 6})
    if (!n.input(needed))
      return failure();
  for (size_t scale : {8, 9, 11, 12, 13, 14, 16, 17})
    if (codes && !n.input(scale))
      return failure();
  if (n.inputs[0]->shape.size() != 2)
    return n.error("expected 'input_ids' of rank 2");
  if (n.has(1) != n.has(4))
    return n.error("expected both of segments and their embeddings, or none");
  std::string body;
  // Rows of codes are decoded, so that tables stay as they are.
  auto write = [&](StringRef name, StringRef value, StringRef prefix) {
    body +=
        (codes ? name + "q = " + value + " " + name + " = DequantizeLinear(" +
                     name + "q, " + prefix + "s, " + prefix + "z) "
               : name + " = " + value + " ")
            .str();
  };
  bool hasPlaces = !codes && n.has(8);
  if (!hasPlaces)
    body += "size = Shape<start = 1, end = 2>(I) "
            "first = Constant<value_ints = [0]>() ";
  write("words", "Gather<axis = 0>(WE, I)", "W");
  write("places",
        hasPlaces ? "Gather<axis = 0>(PE, P)" : "Slice(PE, first, size, first)",
        "P");
  write("gamma", "Identity(G)", "G");
  write("beta", "Identity(B)", "B");
  body += "sum = Add(words, places) ";
  if (n.has(1))
    write("kinds", "Gather<axis = 0>(SE, K)", "S");
  body += n.has(1) ? "E = Add(sum, kinds) " : "E = Identity(sum) ";
  body += "Y = LayerNormalization<axis = -1, epsilon: float = @epsilon>(E, "
          "gamma, beta) ";
  if (n.isOutputUsed(1))
    body += n.has(7) ? "one = Constant<value_ints = [1]>() "
                       "L = ReduceSum<keepdims = 0>(M, one) "
                     : "batch = Shape<start = 0, end = 1>(I) zero = "
                       "Constant<value_int = 0>() zeros = Expand(zero, batch) "
                       "L = Cast<to = 6>(zeros) ";
  return n.define(
      "<epsilon: float = 1e-12> (I, K, WE, PE, SE, G, B, M, " +
      std::string(codes ? "Ws, Ps, Ss, Gs, Bs, Wz, Pz, Sz, Gz, Bz" : "P") +
      ") => (Y, L, E) {" + body + "}");
}

//===----------------------------------------------------------------------===//
// Channels last
//===----------------------------------------------------------------------===//

static LogicalResult importNhwcConv(NodeImport &n) {
  if (failed(n.expect(2, 3, 1,
                      "auto_pad dilations group kernel_shape pads strides")))
    return failure();
  if (n.inputs[0]->shape.size() != 4 || n.inputs[1]->shape.size() != 4)
    return n.error("expected an image and weights of rank 4");
  return n.define(
      "<auto_pad, dilations, group, kernel_shape, pads, strides> "
      "(X, W, B) => (Y) { x = Transpose<perm = [0, 3, 1, 2]>(X) "
      "w = Transpose<perm = [0, 3, 1, 2]>(W) "
      "y = Conv<auto_pad: string = @auto_pad, dilations: ints = @dilations,"
      "group: int = @group, kernel_shape: ints = @kernel_shape,"
      "pads: ints = @pads, strides: ints = @strides>(x, w, B) "
      "Y = Transpose<perm = [0, 2, 3, 1]>(y) }");
}

/// GroupNorm; with `skips` of the sum of input, skip and bias.
static LogicalResult importGroupNorm(NodeImport &n, bool skips) {
  if (failed(n.expect(skips ? 4 : 3, skips ? 5 : 3, skips ? 2 : 1,
                      "activation channels_last epsilon groups")))
    return failure();
  if (n.inputs[0]->shape.size() != 4)
    return n.error("expected an image of rank 4");
  int64_t activation = n.intAttr("activation", 0);
  bool isLast = n.intAttr("channels_last", 1) != 0;
  if (activation != 0 && activation != 1)
    return n.error("expected 'activation' to be 0 or 1, got " +
                   Twine(activation));
  std::string body = "S = Identity(X) ";
  if (skips) {
    size_t rank = n.inputs[3]->shape.size();
    if (!isLast || (rank != 2 && rank != 4))
      return n.unsupported("with channels first or a skip of rank 1 or 3");
    body = rank == 2 ? "axes = Constant<value_ints = [1, 2]>() "
                       "k = Unsqueeze(K, axes) "
                     : "k = Identity(K) ";
    body += n.has(4) ? "t = Add(X, k) S = Add(t, B) " : "S = Add(X, k) ";
  }
  body +=
      isLast ? "x = Transpose<perm = [0, 3, 1, 2]>(S) " : "x = Identity(S) ";
  body += "g = CastLike(G, X) b = CastLike(beta, X) "
          "y = GroupNormalization<epsilon: float = @epsilon, num_groups: int = "
          "@groups>(x, g, b) ";
  body += activation == 1 ? "z = Swish(y) " : "z = Identity(y) ";
  body +=
      isLast ? "Y = Transpose<perm = [0, 2, 3, 1]>(z) " : "Y = Identity(z) ";
  return n.define("<epsilon: float = 1e-5, groups> (X, G, beta, K, B) => "
                  "(Y, S) {" +
                  body + "}");
}

void registerContrib(Registry &r) {
  auto add = [&](StringRef op, Handler handler) {
    r.add(op, handler, 1, kMicrosoft);
  };
  add("QuickGelu", importQuickGelu);
  add("Gelu", importGelu);
  add("BiasGelu", importBiasGelu);
  add("FastGelu", importFastGelu);
  add("FusedMatMul", importFusedMatMul);
  add("FusedConv", importFusedConv);
  add("FusedGemm", importFusedGemm);
  add("TransposeMatMul", importFusedMatMul);
  add("EmbedLayerNormalization",
      [](NodeImport &n) { return importEmbedNorm(n, false); });
  add("QEmbedLayerNormalization",
      [](NodeImport &n) { return importEmbedNorm(n, true); });
  add("NhwcConv", importNhwcConv);
  add("GroupNorm", [](NodeImport &n) { return importGroupNorm(n, false); });
  add("SkipGroupNorm", [](NodeImport &n) { return importGroupNorm(n, true); });
  r.add("SimplifiedLayerNormalization", importSimplifiedNorm);
  add("SimplifiedLayerNormalization", importSimplifiedNorm);
  add("SkipLayerNormalization",
      [](NodeImport &n) { return importSkipNorm(n, false); });
  add("SkipSimplifiedLayerNormalization",
      [](NodeImport &n) { return importSkipNorm(n, true); });
}

} // namespace quantc::onnx_frontend

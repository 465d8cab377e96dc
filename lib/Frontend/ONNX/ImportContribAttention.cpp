// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention and rotary embeddings as ONNX Runtime's tools write them, in terms
// of ONNX's.

#include "ContribAttention.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace quantc::onnx_frontend {

static constexpr StringLiteral kMicrosoft = "com.microsoft";

/// `name` = begin, begin + 1, ... as [1, s], s the extent of `axis` of `like`;
/// `begin` is an INT64 vector of one element.
static std::string countFrom(StringRef begin, StringRef like, size_t axis,
                             StringRef name) {
  std::string start = std::to_string(axis), end = std::to_string(axis + 1);
  return ("count = Shape<start = " + start + ", end = " + end + ">(" + like +
          ") first = Constant<value_ints = [0]>() none = Constant<value_int = "
          "0>() one = Constant<value_int = 1>() to = Squeeze(count, first) "
          "line = Range(none, to, one) moved = Add(line, " +
          begin + ") " + name + " = Unsqueeze(moved, first) ")
      .str();
}

/// The number of heads of a value [b, s, h * d], from the attribute or the
/// cosines' d / 2.
static FailureOr<int64_t> headCount(NodeImport &n, size_t input, size_t cosines,
                                    StringRef attribute) {
  ArrayRef<AffineExpr> shape = n.inputs[input]->shape;
  int64_t heads = n.intAttr(attribute, 0);
  if (heads > 0)
    return heads;
  ArrayRef<AffineExpr> table = n.inputs[cosines]->shape;
  int64_t width = shape.empty() ? 0 : staticExtent(shape.back());
  int64_t depth = table.empty() ? 0 : staticExtent(table.back());
  if (width > 0 && depth > 0 && width % (2 * depth) == 0)
    return width / (2 * depth);
  return n.error("expected " + quote(attribute) + " of 1 or more, got " +
                 Twine(heads));
}

static LogicalResult importRotary(NodeImport &n) {
  if (failed(n.expect(4, 4, 1,
                      "interleaved is_packed_batching num_heads "
                      "rotary_embedding_dim scale")))
    return failure();
  if (n.intAttr("is_packed_batching", 0) != 0)
    return n.unsupported("with is_packed_batching");
  if (n.floatAttr("scale", 1.0f) != 1.0f)
    return n.unsupported("with a scale");
  size_t rank = n.inputs[0]->shape.size();
  if (rank != 3 && rank != 4)
    return n.error("expected an input of rank 3 or 4, got " + Twine(rank));
  std::string heads;
  if (rank == 3) {
    auto count = headCount(n, 0, 2, "num_heads");
    if (failed(count))
      return failure();
    heads = ", num_heads = " + std::to_string(*count);
  }
  // One position is that of the first element.
  bool isFirst = n.inputs[1]->shape.size() == 1;
  std::string positions =
      isFirst ? countFrom("P", "X", rank == 3 ? 1 : 2, "p") : "";
  return n.define("<interleaved, rotary_embedding_dim> (X, P, C, S) => (Y) {" +
                  positions +
                  "Y = RotaryEmbedding<interleaved: int = @interleaved, "
                  "rotary_embedding_dim: int = @rotary_embedding_dim" +
                  heads + ">(X, C, S, " + (isFirst ? "p" : "P") + ") }");
}

std::string scaleText(NodeImport &n) {
  float scale = n.floatAttr("scale", 0.0f);
  return scale == 0.0f ? "" : llvm::formatv(", scale = {0:E8}", scale).str();
}

//===----------------------------------------------------------------------===//
// Attention of equal heads
//===----------------------------------------------------------------------===//

/// Which inputs of a node are what.
struct Operands {
  size_t bias, mask, added, past;
};

static FailureOr<int64_t> equalHeads(NodeImport &n) {
  int64_t heads = n.intAttr("num_heads", 0);
  if (heads < 1)
    return n.error("expected 'num_heads' of 1 or more, got " + Twine(heads));
  return heads;
}

/// Writes what the mask M and the bias A add to scores; gives its name, empty
/// without either.  `keys` is the number of keys, an INT64 vector of one.
static FailureOr<std::string> writeMask(NodeImport &n, const Operands &at,
                                        std::string &body) {
  std::string added = n.has(at.added) ? "A" : "";
  if (!n.has(at.mask))
    return added;
  ArrayRef<AffineExpr> shape = n.inputs[at.mask]->shape;
  AffineExpr batch = n.inputs[0]->shape[0];
  if (shape.empty() || shape.size() > 3) {
    (void)n.unsupported("with a mask of rank 0 or 4");
    return failure();
  }
  if (shape.size() > 1) {
    body += "seen = Cast<to = 9>(M) ";
  } else {
    int64_t count = staticExtent(shape[0]), rows = staticExtent(batch);
    bool hasStarts = shape[0] == batch * 2 || (rows > 0 && count == 2 * rows);
    if (!hasStarts && failed(n.needEqual(shape[0], batch)))
      return failure();
    body += "length = Cast<to = 7>(M) m0 = Constant<value_ints = [0]>() "
            "m1 = Constant<value_ints = [1]>() "
            "from = Constant<value_int = 0>() step = Constant<value_int = "
            "1>() to = Squeeze(keys, m0) column = Range(from, to, step) ";
    body += hasStarts
                ? "last, first = Split<axis = 0, num_outputs = 2>(length) "
                  "ends = Unsqueeze(last, m1) starts = Unsqueeze(first, m1) "
                  "before = Less(column, ends) after = "
                  "GreaterOrEqual(column, starts) seen = And(before, after) "
                : "ends = Unsqueeze(length, m1) seen = Less(column, ends) ";
  }
  body += llvm::formatv("axes = Constant<value_ints = [{0}]>() low = "
                        "Constant<value_float: float = @mask_filter_value>() "
                        "none = Constant<value_float = 0.0>() "
                        "kept = Where(seen, none, low) shut = CastLike(kept, "
                        "q) mask = Unsqueeze(shut, axes) ",
                        shape.size() == 3 ? "1" : "1, 2");
  if (added.empty())
    return std::string("mask");
  body += "both = Add(mask, A) ";
  return std::string("both");
}

static std::string attendText(NodeImport &n, int64_t heads, StringRef mask,
                              bool hasPast) {
  return llvm::formatv("Y, NK, NV = Attention<is_causal = {0}, q_num_heads = "
                       "{1}, kv_num_heads = {1}{2}>(q, k, v, {3}{4}) ",
                       int(n.intAttr("unidirectional", 0) != 0), heads,
                       scaleText(n), mask, hasPast ? ", PK, PV" : "");
}

/// Queries, keys and values of one tensor `x`: of the inputs times weights.
static LogicalResult importProjected(NodeImport &n, const Operands &at,
                                     StringRef names, StringRef product) {
  auto heads = equalHeads(n);
  if (failed(heads))
    return failure();
  for (StringRef name : {"do_rotary", "past_present_share_buffer"})
    if (n.intAttr(name, 0) != 0)
      return n.unsupported(name == "do_rotary"
                               ? "with do_rotary"
                               : "with past_present_share_buffer");
  ArrayRef<AffineExpr> weight = n.inputs[1]->shape;
  int64_t width = weight.size() == 2 ? staticExtent(weight[1]) : 0;
  auto given = n.intsAttr("qkv_hidden_sizes");
  SmallVector<int64_t> sizes =
      given ? *given : SmallVector<int64_t>(3, width / 3);
  if (n.inputs[0]->shape.size() != 3 || sizes.size() != 3 || width < 1 ||
      sizes[0] + sizes[1] + sizes[2] != width)
    return n.error("expected an input of rank 3 and weights of as many columns "
                   "as queries, keys and values have, got " +
                   Twine(width));
  bool hasPast = n.has(at.past);
  std::string body = llvm::formatv(
      "{0} sizes = Constant<value_ints = [{1}, {2}, {3}]>() "
      "q, k, v = Split<axis = 2>(x, sizes) i0 = Constant<value_ints = [0]>() "
      "rows = Shape<start = 1, end = 2>(X) ",
      product, sizes[0], sizes[1], sizes[2]);
  if (hasPast && n.inputs[at.past]->shape.size() != 5)
    return n.error("expected a past of rank 5");
  body += hasPast ? "PKs, PVs = Split<axis = 0, num_outputs = 2>(PAST) "
                    "PK = Squeeze(PKs, i0) PV = Squeeze(PVs, i0) "
                    "held = Shape<start = 3, end = 4>(PAST) "
                    "keys = Add(rows, held) "
                  : "keys = Identity(rows) ";
  auto mask = writeMask(n, at, body);
  if (failed(mask))
    return failure();
  body += attendText(n, *heads, *mask, hasPast);
  if (n.isOutputUsed(1))
    body += "NKs = Unsqueeze(NK, i0) NVs = Unsqueeze(NV, i0) "
            "PRESENT = Concat<axis = 0>(NKs, NVs) ";
  return n.define(("<mask_filter_value: float = -10000.0> " + names +
                   " => (Y, PRESENT) {" + body + "}")
                      .str());
}

static LogicalResult importFusedAttention(NodeImport &n) {
  if (failed(n.expect(2, 7, 2,
                      "do_rotary mask_filter_value num_heads "
                      "past_present_share_buffer qkv_hidden_sizes "
                      "rotary_embedding_dim scale unidirectional")))
    return failure();
  if (n.has(6))
    return n.unsupported("with past_sequence_length");
  return importProjected(n, {2, 3, 5, 4}, "(X, W, B, M, PAST, A)",
                         n.has(2) ? "p = MatMul(X, W) x = Add(p, B)"
                                  : "x = MatMul(X, W)");
}

static LogicalResult importQAttention(NodeImport &n) {
  if (failed(n.expect(5, 9, 2,
                      "do_rotary mask_filter_value num_heads "
                      "past_present_share_buffer scale unidirectional")))
    return failure();
  return importProjected(
      n, {2, 5, 9, 8}, "(X, W, B, Xs, Ws, M, Xz, Wz, PAST)",
      "x = com.microsoft.MatMulIntegerToFloat(X, W, Xs, Ws, Xz, Wz, B)");
}

/// `names` from the tensor [b, s, h, count, d] that holds them.
static std::string unpackText(StringRef packed, ArrayRef<StringRef> names) {
  std::string parts = llvm::join(names, "s, ") + "s";
  std::string body =
      llvm::formatv("{0} = Split<axis = 3, num_outputs = {1}>({2}) "
                    "flat = Constant<value_ints = [0, 0, -1]>() ",
                    parts, names.size(), packed);
  for (StringRef name : names)
    body += llvm::formatv("{0} = Reshape({0}s, flat) ", name);
  return body;
}

/// `q`, `k` and `v` [b, s, h * d], those of keys and values may have heads
/// first; biases added.
static LogicalResult writeOperands(NodeImport &n, const Operands &at,
                                   std::string &body) {
  auto rank = [&](size_t i) {
    return n.has(i) ? n.inputs[i]->shape.size() : 0;
  };
  bool hasBias = n.has(at.bias);
  std::string names[] = {"Q", "K", "V"};
  if (rank(0) == 5 && !n.has(1) && !n.has(2)) {
    body += unpackText("Q", {"pq", "pk", "pv"});
    names[0] = "pq", names[1] = "pk", names[2] = "pv";
  } else if (rank(0) == 3 && rank(1) == 5 && !n.has(2) && !hasBias) {
    body += unpackText("K", {"pk", "pv"});
    names[1] = "pk", names[2] = "pv";
  } else if (rank(0) != 3 || rank(1) != rank(2) ||
             (rank(1) != 3 && rank(1) != 4)) {
    return n.error("expected queries, keys and values of rank 3, keys and "
                   "values of rank 4, or packed ones of rank 5");
  }
  if (!hasBias) {
    body += "q = Identity(" + names[0] + ") k = Identity(" + names[1] +
            ") v = Identity(" + names[2] + ") ";
    return success();
  }
  // Keys and values with heads first have their biases in them.
  ArrayRef<AffineExpr> bias = n.inputs[at.bias]->shape;
  int64_t all = bias.size() == 1 ? staticExtent(bias[0]) : 0;
  int64_t width = rank(0) == 5 ? all / 3 : staticExtent(n.inputs[0]->shape[2]);
  int64_t last = rank(2) == 3 ? staticExtent(n.inputs[2]->shape[2]) : width;
  if (width < 1 || last < 1 || all != 2 * width + last)
    return n.error("expected a bias of the widths of queries, keys and values "
                   "one after the other");
  body += llvm::formatv("sizes = Constant<value_ints = [{0}, {0}, {1}]>() "
                        "bq, bk, bv = Split<axis = 0>(B, sizes) "
                        "q = Add({2}, bq) ",
                        width, last, names[0]);
  body += rank(1) == 4
              ? "k = Identity(K) v = Identity(V) "
              : "k = Add(" + names[1] + ", bk) v = Add(" + names[2] + ", bv) ";
  return success();
}

static LogicalResult importSeparate(NodeImport &n, const Operands &at,
                                    StringRef names) {
  auto heads = equalHeads(n);
  if (failed(heads))
    return failure();
  if (n.has(at.past) != n.has(at.past + 1))
    return n.error("expected both of past keys and values, or none");
  if (n.isOutputUsed(3))
    return n.unsupported("with the output qk");
  bool hasPast = n.has(at.past);
  if (hasPast && n.inputs[at.past]->shape.size() != 4)
    return n.error("expected past keys of rank 4");
  std::string body;
  if (failed(writeOperands(n, at, body)))
    return failure();
  bool headsFirst = n.has(1) && n.inputs[1]->shape.size() == 4;
  body += headsFirst ? "rows = Shape<start = 2, end = 3>(k) "
                     : "rows = Shape<start = 1, end = 2>(k) ";
  body += hasPast ? "held = Shape<start = 2, end = 3>(PK) "
                    "keys = Add(rows, held) "
                  : "keys = Identity(rows) ";
  auto mask = writeMask(n, at, body);
  if (failed(mask))
    return failure();
  return n.define(("<mask_filter_value: float = -10000.0> " + names +
                   " => (Y, NK, NV) {" + body +
                   attendText(n, *heads, *mask, hasPast) + "}")
                      .str());
}

static LogicalResult importMultiHead(NodeImport &n) {
  if (failed(n.expect(1, 10, 4,
                      "mask_filter_value num_heads scale unidirectional")))
    return failure();
  if (n.has(8) || n.has(9))
    return n.unsupported("with past_sequence_length or cache_indirection");
  return importSeparate(n, {3, 4, 5, 6}, "(Q, K, V, B, M, A, PK, PV)");
}

static LogicalResult importDecoderMultiHead(NodeImport &n) {
  if (failed(n.expect(1, 11, 4,
                      "mask_filter_value num_heads output_qk "
                      "past_present_share_buffer scale")))
    return failure();
  if (n.intAttr("past_present_share_buffer", 0) != 0 || n.has(8) || n.has(9))
    return n.unsupported("with past_present_share_buffer or a beam");
  return importSeparate(n, {10, 3, 4, 5},
                        "(Q, K, V, M, A, PK, PV, P, W, I, B)");
}

void registerContribAttention(Registry &r) {
  r.add("RotaryEmbedding", importRotary, 1, kMicrosoft);
  r.add("GroupQueryAttention", importGroupQuery, 1, kMicrosoft);
  r.add("MultiHeadAttention", importMultiHead, 1, kMicrosoft);
  r.add("DecoderMaskedMultiHeadAttention", importDecoderMultiHead, 1,
        kMicrosoft);
  r.add("Attention", importFusedAttention, 1, kMicrosoft);
  r.add("QAttention", importQAttention, 1, kMicrosoft);
}

} // namespace quantc::onnx_frontend

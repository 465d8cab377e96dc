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
// MultiHeadAttention
//===----------------------------------------------------------------------===//

static LogicalResult importMultiHead(NodeImport &n) {
  if (failed(n.expect(3, 8, 3,
                      "mask_filter_value num_heads scale unidirectional")))
    return failure();
  int64_t heads = n.intAttr("num_heads", 0);
  if (heads < 1)
    return n.error("expected 'num_heads' of 1 or more, got " + Twine(heads));
  if (n.has(6) != n.has(7))
    return n.error("expected both of past keys and values, or none");
  std::string names[] = {"Q", "K", "V"}, body;
  for (size_t i = 0; i < 3; ++i)
    if (n.inputs[i]->shape.size() != 3)
      return n.unsupported("with packed or transposed operands");
  if (n.has(3)) {
    std::string sizes;
    for (size_t i = 0; i < 3; ++i) {
      int64_t width = staticExtent(n.inputs[i]->shape.back());
      if (width < 1)
        return n.unsupported("with a bias over a dynamic width");
      sizes += (i ? ", " : "") + std::to_string(width);
    }
    body = "sizes = Constant<value_ints = [" + sizes +
           "]>() bq, bk, bv = Split<axis = 0>(B, sizes) "
           "q = Add(Q, bq) k = Add(K, bk) v = Add(V, bv) ";
    names[0] = "q", names[1] = "k", names[2] = "v";
  }
  std::string mask = n.has(5) ? "A" : "";
  if (n.has(4)) {
    if (n.inputs[4]->shape.size() != 2)
      return n.unsupported("with a mask that is not [batch, keys]");
    body += "axes = Constant<value_ints = [1, 2]>() "
            "seen = Cast<to = 9>(M) low = "
            "Constant<value_float: float = @mask_filter_value>() "
            "zero = Constant<value_float = 0.0>() "
            "keys = Where(seen, zero, low) kq = CastLike(keys, Q) "
            "mask = Unsqueeze(kq, axes) ";
    if (n.has(5))
      body += "both = Add(mask, A) ";
    mask = n.has(5) ? "both" : "mask";
  }
  std::string count = std::to_string(heads);
  return n.define("<mask_filter_value: float = -10000.0> "
                  "(Q, K, V, B, M, A, PK, PV) => (Y, NK, NV) {" +
                  body + "Y, NK, NV = Attention<is_causal = " +
                  (n.intAttr("unidirectional", 0) != 0 ? "1" : "0") +
                  ", q_num_heads = " + count + ", kv_num_heads = " + count +
                  scaleText(n) + ">(" + names[0] + ", " + names[1] + ", " +
                  names[2] + ", " + mask + (n.has(6) ? ", PK, PV" : "") +
                  ") }");
}

void registerContribAttention(Registry &r) {
  r.add("RotaryEmbedding", importRotary, 1, kMicrosoft);
  r.add("GroupQueryAttention", importGroupQuery, 1, kMicrosoft);
  r.add("MultiHeadAttention", importMultiHead, 1, kMicrosoft);
}

} // namespace quantc::onnx_frontend

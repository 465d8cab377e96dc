// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention and RotaryEmbedding of opset 23.  The forms without soft cap,
// window or external cache are one qnn operation each; masks become one
// additive mask.

#include "Importer.h"
#include <cmath>

using namespace mlir;

namespace quantc::onnx_frontend {

/// [b, s, heads * d] to [b, heads, s, d]; rank 4 stays.
static Value splitHeads(NodeImport &n, Value x, StringRef attribute) {
  if (!x || n.rank(x) == 4)
    return x;
  int64_t heads = n.intAttr(attribute, 0);
  SymbolicShape dims = n.shape(x);
  int64_t width = dims.size() == 3 ? staticExtent(dims[2]) : 0;
  if (dims.size() != 3 || heads < 1 || ShapedType::isDynamic(width) ||
      width % heads != 0) {
    (void)n.error("expected an operand [b, h, s, d], or [b, s, h * d] with " +
                  quote(attribute));
    return {};
  }
  x = n.reshape(x, {dims[0], dims[1], n.expr(heads), n.expr(width / heads)});
  return n.transpose(x, {0, 2, 1, 3});
}

static Value mergeHeads(NodeImport &n, Value x) {
  x = n.transpose(x, {0, 2, 1, 3});
  if (!x)
    return {};
  SymbolicShape dims = n.shape(x);
  return n.reshape(x, {dims[0], dims[1], dims[2] * dims[3]});
}

/// past and present along the sequence axis; `index` is the past's input.
static Value append(NodeImport &n, size_t index, Value x) {
  if (!x || !n.has(index))
    return x;
  Value past = n.value(index);
  if (!past)
    return {};
  if (n.rank(past) != 4 || n.elementType(past) != n.elementType(x)) {
    (void)n.error("expected a cache of rank 4 and of the operands' type");
    return {};
  }
  for (size_t axis : {0, 1, 3})
    if (failed(n.needEqual(n.shape(past)[axis], n.shape(x)[axis])))
      return {};
  return n.create<qnn::ConcatOp>(n.elementType(x), ValueRange{past, x},
                                 int64_t(2));
}

/// A bool mask keeps where it is true; a float mask is added as it is.
static Value additiveMask(NodeImport &n, Value mask, Type type) {
  if (!mask)
    return {};
  if (isBool(n.elementType(mask))) {
    double lowest = -std::numeric_limits<double>::infinity();
    return n.create<qnn::WhereOp>(type, mask, n.scalar(type, 0),
                                  n.scalar(type, lowest));
  }
  if (n.elementType(mask) == type)
    return mask;
  (void)n.unsupported("with a mask of another element type");
  return {};
}

/// Query i sees keys 0 to i + past.
static Value causalMask(NodeImport &n, Type type, AffineExpr past,
                        AffineExpr queries, AffineExpr keys) {
  Type index = n.builder().getI64Type(), boolean = n.builder().getI1Type();
  Value row = n.reshape(n.range(index, past, queries, 1), {queries, n.expr(1)});
  Value column = n.range(index, n.expr(0), keys, 1);
  return additiveMask(n, n.binary<qnn::LessEqualOp>(column, row, boolean),
                      type);
}

static LogicalResult importAttention(NodeImport &n) {
  if (n.has(6))
    return n.unsupported("with nonpad_kv_seqlen");
  if (n.floatAttr("softcap", 0.0f) != 0.0f)
    return n.unsupported("with softcap");
  if (n.intAttr("left_window_size", -1) >= 0 ||
      n.intAttr("right_window_size", -1) >= 0)
    return n.unsupported("with a window");
  if (n.isOutputUsed(3))
    return n.unsupported("with the output qk_matmul_output");
  Value query = n.value(0), key = n.value(1), value = n.value(2);
  if (!query || !key || !value)
    return failure();
  Type type = n.elementType(query);
  if (!isFloat(type) || n.elementType(key) != type ||
      n.elementType(value) != type)
    return n.unsupported("with operands of different types");
  bool merged = n.rank(query) == 3;
  query = splitHeads(n, query, "q_num_heads");
  key = append(n, 4, splitHeads(n, key, "kv_num_heads"));
  value = append(n, 5, splitHeads(n, value, "kv_num_heads"));
  if (!query || !key || !value)
    return failure();
  SymbolicShape q = n.shape(query), k = n.shape(key), v = n.shape(value);
  if (failed(n.needEqual(q[0], k[0])) || failed(n.needEqual(q[0], v[0])) ||
      failed(n.needEqual(q[3], k[3])) || failed(n.needEqual(k[1], v[1])) ||
      failed(n.needEqual(k[2], v[2])))
    return failure();
  if (!isa<AffineConstantExpr>(q[3]))
    return n.unsupported("with heads of dynamic size");
  Value mask;
  if (n.has(3) && !(mask = additiveMask(n, n.value(3), type)))
    return failure();
  if (n.intAttr("is_causal", 0) != 0) {
    AffineExpr past = n.has(4) ? n.inputs[4]->shape[2] : n.expr(0);
    Value causal = causalMask(n, type, past, q[2], k[2]);
    mask = mask ? n.binary<qnn::AddOp>(mask, causal) : causal;
    if (!mask)
      return failure();
  }
  if (mask && failed(n.tieBroadcast(n.shape(mask), {q[0], q[1], q[2], k[2]})))
    return failure();
  float scale = n.attribute("scale")
                    ? n.floatAttr("scale", 1.0f)
                    : float(1.0 / std::sqrt(double(staticExtent(q[3]))));
  Value result = n.create<qnn::AttentionOp>(
      type, query, key, value, OptionalValue{mask},
      n.builder().getF32FloatAttr(scale), n.builder().getBoolAttr(false),
      n.builder().getBoolAttr(false));
  if (failed(n.result(merged ? mergeHeads(n, result) : result)))
    return failure();
  if (n.numOutputs() > 1 && failed(n.result(key, 1)))
    return failure();
  return n.numOutputs() > 2 ? n.result(value, 2) : success();
}

/// The cache's rows for every position, both halves alike: [b, 1, s, d].
static Value rotaryTable(NodeImport &n, Value cache, Value positions,
                         AffineExpr depth) {
  if (!cache)
    return {};
  if (positions)
    cache = n.create<qnn::GatherOp>(n.elementType(cache), cache, positions,
                                    int64_t(0), DenseI64ArrayAttr());
  if (!cache)
    return {};
  SymbolicShape dims = n.shape(cache);
  if (dims.size() != 3) {
    (void)n.error("expected caches of rank " + Twine(positions ? 2 : 3));
    return {};
  }
  if (failed(n.needEqual(dims[2] * 2, depth)))
    return {};
  cache = n.create<qnn::ConcatOp>(n.elementType(cache),
                                  ValueRange{cache, cache}, int64_t(2));
  return n.reshape(cache, {dims[0], n.expr(1), dims[1], depth});
}

static LogicalResult importRotary(NodeImport &n) {
  if (n.intAttr("interleaved", 0) != 0)
    return n.unsupported("interleaved");
  if (n.intAttr("rotary_embedding_dim", 0) != 0)
    return n.unsupported("of a part of the head");
  Value x = n.value(0), cos = n.value(1), sin = n.value(2), positions;
  if (n.has(3))
    positions = n.value(3);
  if (!x || !cos || !sin)
    return failure();
  bool merged = n.rank(x) == 3;
  x = splitHeads(n, x, "num_heads");
  if (!x)
    return failure();
  SymbolicShape dims = n.shape(x);
  cos = rotaryTable(n, cos, positions, dims[3]);
  sin = rotaryTable(n, sin, positions, dims[3]);
  if (!cos || !sin || failed(n.tieBroadcast(n.shape(cos), dims)) ||
      failed(n.tieBroadcast(n.shape(sin), dims)))
    return failure();
  Value y = n.create<qnn::RotaryOp>(n.elementType(x), x, cos, sin);
  return n.result(merged ? mergeHeads(n, y) : y);
}

void registerAttention(Registry &r) {
  r.add("Attention", importAttention, 23);
  r.add("RotaryEmbedding", importRotary, 23);
}

} // namespace quantc::onnx_frontend

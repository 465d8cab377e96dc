// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// GroupQueryAttention of com.microsoft in terms of ONNX's Attention: grouped
// heads, rotary embeddings and a cache in one node.
//
// `past_key` holds the past of the longest sequence and no more.  A sequence
// that is shorter ends earlier in it, as `seqlens_k` says: its new rows are
// written after its own past, and what each row sees is a mask.  Where batches
// have one sequence the cache is a concatenation, which compiled models do in
// place.

#include "ContribAttention.h"
#include "Program.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace quantc::onnx_frontend {

std::string headsFirst(StringRef name, int64_t heads, int64_t depth,
                       StringRef result) {
  return llvm::formatv("{0}_s = Constant<value_ints = [0, 0, {2}, {3}]>() "
                       "{0}_r = Reshape({1}, {0}_s) "
                       "{0} = Transpose<perm = [0, 2, 1, 3]>({0}_r) ",
                       result, name, heads, depth);
}

std::string headsLast(StringRef name, int64_t heads, int64_t depth,
                      StringRef result) {
  return llvm::formatv("{0}_t = Transpose<perm = [0, 2, 1, 3]>({1}) "
                       "{0}_s = Constant<value_ints = [0, 0, {2}]>() "
                       "{0} = Reshape({0}_t, {0}_s) ",
                       result, name, heads * depth);
}

namespace {

/// One node; `text` is its definition as far as it was written.
struct GroupQuery {
  explicit GroupQuery(NodeImport &n) : n(n) {}

  LogicalResult readAttributes();
  LogicalResult readShapes();
  LogicalResult checkLengths();
  void writePast();
  void writeNorm(std::string &name, int64_t count, StringRef weight,
                 StringRef epsilon);
  LogicalResult writeRotary();
  void writeCache(StringRef rows, StringRef past, StringRef present);
  void writeMask();
  void writeSink();
  std::string attend(StringRef form, StringRef operands);
  LogicalResult import();

  NodeImport &n;
  int64_t heads = 0, groups = 0, depth = 0, window = -1;
  bool hasPast = false, isCausal = true, hasSink = false;
  /// Whether sequences of the batch may continue pasts of different lengths.
  bool isRagged = false;
  std::string q = "Q", k = "K", v = "V", mask, text;
};

} // namespace

LogicalResult GroupQuery::readAttributes() {
  if (failed(n.expect(
          1, 17, 4,
          "causal do_rotary k_norm_epsilon k_quant_type kv_cache_bit_width "
          "kv_num_heads local_window_size num_heads q_norm_epsilon "
          "qk_norm_epsilon qk_output rotary_interleaved scale "
          "sliding_window_cache smooth_softmax softcap v_quant_type")))
    return failure();
  heads = n.intAttr("num_heads", 0);
  groups = n.intAttr("kv_num_heads", 0);
  if (heads < 1 || groups < 1 || heads % groups != 0)
    return n.error("expected 'num_heads' to be a multiple of 'kv_num_heads', "
                   "got " +
                   Twine(heads) + " and " + Twine(groups));
  window = n.intAttr("local_window_size", -1);
  isCausal = n.intAttr("causal", 1) != 0;
  if (!isCausal && window >= 0)
    return n.error("expected no 'local_window_size' without 'causal', got " +
                   Twine(window));
  hasSink = n.has(11) || n.intAttr("smooth_softmax", 0) > 0;
  if (n.intAttr("qk_output", 0) != 0 || n.isOutputUsed(3))
    return n.unsupported("with the output output_qk");
  if (n.intAttr("sliding_window_cache", 0) != 0)
    return n.unsupported("with sliding_window_cache");
  if (n.has(16))
    return n.unsupported("with query_seqlens");
  for (StringRef name : {"k_quant_type", "v_quant_type"})
    if (n.stringAttr(name, "NONE") != "NONE")
      return n.unsupported("with a quantized cache");
  return failure(n.importer.failedAlready());
}

LogicalResult GroupQuery::readShapes() {
  ArrayRef<AffineExpr> shape = n.inputs[0]->shape;
  bool isPacked = !n.has(1);
  int64_t width = shape.size() == 3 ? staticExtent(shape[2]) : 0;
  int64_t parts = isPacked && heads <= width ? heads + 2 * groups : heads;
  if (width < 1 || width % parts != 0 || n.has(1) != n.has(2) ||
      n.has(3) != n.has(4) || n.has(14) != n.has(15))
    return n.error("expected a query [b, s, h * d] of static h * d, and both "
                   "of keys and values, past and present, weights of norms, "
                   "or none");
  depth = width / parts;
  hasPast = n.has(3);
  isRagged = hasPast && n.has(5) && staticExtent(shape[0]) != 1;
  if (isPacked) {
    q = "q", k = "k", v = "v";
    text += llvm::formatv("sizes = Constant<value_ints = [{0}, {1}, {1}]>() "
                          "q, k, v = Split<axis = 2>(Q, sizes) ",
                          heads * depth, groups * depth);
  }
  if (!hasPast)
    return success();
  if (n.inputs[3]->shape.size() != 4)
    return n.error("expected past keys of rank 4");
  return n.has(5) ? checkLengths() : success();
}

/// The longest sequence has all of past and present; with a past none is
/// shorter than what is new.  Without one causal masks hide what pads the end.
LogicalResult GroupQuery::checkLengths() {
  AffineExpr past = n.inputs[3]->shape[2], present = n.inputs[0]->shape[1];
  Value lengths = n.value(5);
  if (!lengths || !isInt(n.elementType(lengths)))
    return n.importer.failedAlready()
               ? failure()
               : n.error("expected 'seqlens_k' of integers");
  Type type = n.elementType(lengths);
  AffineExpr count = elementCount(n.shape(lengths), &n.importer.context);
  if (failed(n.needEqual(count, n.inputs[0]->shape[0])))
    return failure();
  lengths = n.reshape(lengths, {count});
  Value verdict = computeList(n, 1, {lengths}, [&](Program &p) {
    Value last = p.sub(p.extent(past + present), p.index(1));
    Value first = p.sub(p.extent(present), p.index(1));
    Values ends =
        p.loop(p.index(0), p.extent(count), {last, p.index(0)},
               [&](Value i, ValueRange sofar) {
                 Value own = p.toIndex(p.read(0, i), type);
                 return Values{p.min(sofar[0], own), p.max(sofar[1], own)};
               });
    Value isEmpty = p.equal(p.extent(past), p.index(0));
    Value fits = p.both(p.lessEqual(first, ends[0]), p.equal(ends[1], last));
    Value none = p.equal(p.extent(count), p.index(0));
    return Values{p.select(p.either(p.either(isEmpty, none), fits), p.index(0),
                           p.index(-1))};
  });
  return failure(failed(n.bindAll(
      verdict, "lengths of " + n.name,
      "the largest 'seqlens_k' to be the last position of past and present, "
      "and none to be less than the last position of a sequence without "
      "past")));
}

/// `before`, how much each sequence has seen, `at` [b, s], the positions of its
/// new rows, and `column`, those of all keys.
void GroupQuery::writePast() {
  text += "n0 = Constant<value_int = 0>() n1 = Constant<value_int = 1>() "
          "i0 = Constant<value_ints = [0]>() "
          "i1 = Constant<value_ints = [1]>() "
          "rows = Shape<start = 1, end = 2>(Q) ";
  text += hasPast ? "held = Shape<start = 2, end = 3>(PK) "
                  : "held = Identity(i0) ";
  if (n.has(5))
    text += "flat = Constant<value_ints = [-1]>() length = Reshape(L, flat) "
            "last = Cast<to = 7>(length) all = Add(last, i1) ";
  if (isRagged)
    text +=
        "own = Sub(all, rows) some = Max(own, i0) before = Min(some, held) ";
  else
    text += "before = Identity(held) ";
  text += "row = Squeeze(rows, i0) line = Range(n0, row, n1) "
          "start = Unsqueeze(before, i1) at = Add(start, line) "
          "total = Add(held, rows) count = Squeeze(total, i0) "
          "column = Range(n0, count, n1) "
          "a123 = Constant<value_ints = [1, 2, 3]>() "
          "null = Constant<value_float = 0.0>() zero = CastLike(null, Q) ";
}

/// Each head of `name` normalized.
void GroupQuery::writeNorm(std::string &name, int64_t count, StringRef weight,
                           StringRef epsilon) {
  float own = n.floatAttr(epsilon, n.floatAttr("qk_norm_epsilon", 1e-6f));
  text += llvm::formatv(
      "{0}n_s = Constant<value_ints = [0, 0, {1}, {2}]>() "
      "{0}n_h = Reshape({0}, {0}n_s) "
      "{0}n_n = RMSNormalization<axis = -1, epsilon = {3:E8}>({0}n_h, {4}) "
      "{0}n_f = Constant<value_ints = [0, 0, {5}]>() "
      "{0}n = Reshape({0}n_n, {0}n_f) ",
      name, count, depth, own, weight, count * depth);
  name += "n";
}

LogicalResult GroupQuery::writeRotary() {
  if (!n.has(7) || !n.has(8))
    return n.error("expected cosines and sines with 'do_rotary'");
  ArrayRef<AffineExpr> table = n.inputs[7]->shape;
  int64_t turned = table.empty() ? 0 : 2 * staticExtent(table.back());
  std::string part = turned > 0 && turned != depth
                         ? ", rotary_embedding_dim = " + std::to_string(turned)
                         : std::string();
  for (auto [name, count] : {std::pair(&q, heads), std::pair(&k, groups)}) {
    text += llvm::formatv(
        "{0}r = RotaryEmbedding<interleaved: int = @rotary_interleaved{1}, "
        "num_heads = {2}>({0}, C, S, {3}) ",
        *name, part, count, n.has(9) ? "P" : "at");
    *name += "r";
  }
  return success();
}

/// `past` and the new `rows`, both with heads first, as `present`.
void GroupQuery::writeCache(StringRef rows, StringRef past, StringRef present) {
  if (!hasPast)
    text += llvm::formatv("{0} = Identity({1}) ", present, rows);
  else if (!isRagged)
    text +=
        llvm::formatv("{0} = Concat<axis = 2>({1}, {2}) ", present, past, rows);
  else
    text += llvm::formatv("{0}w = Concat<axis = 2>({1}, {2}) {0}m = "
                          "TensorScatter<axis = 2>({0}w, {2}, before) "
                          "{0} = Where(used, {0}m, zero) ",
                          present, past, rows);
}

/// `mask`, booleans or what is added: which keys each query sees.
void GroupQuery::writeMask() {
  text += "a13 = Constant<value_ints = [1, 3]>() here = Unsqueeze(at, a13) ";
  if (isCausal)
    text += "seen = LessOrEqual(column, here) ";
  else
    text += "end = Unsqueeze(all, a123) seen = Less(column, end) ";
  mask = "seen";
  if (window >= 0) {
    text += llvm::formatv("w = Constant<value_int = {0}>() lowest = Sub(here, "
                          "w) near = Greater(column, lowest) "
                          "both = And(seen, near) ",
                          window);
    mask = "both";
  }
  if (!n.has(10) && !hasSink)
    return;
  text += llvm::formatv("low = Constant<value_float = -inf>() out = "
                        "CastLike(low, Q) bias = Where({0}, {1}, out) ",
                        mask, n.has(10) ? "A" : "zero");
  mask = "bias";
}

/// One more key, of zeros, whose score is what the mask adds to it.
void GroupQuery::writeSink() {
  text += llvm::formatv(
      "ones = Constant<value_ints = [1, {0}, 1, 1]>() "
      "nulls = Expand(zero, ones) {1} wide = Add(bias, nulls) "
      "ws = Shape<start = 0, end = 3>(wide) cs = Concat<axis = 0>(ws, i1) "
      "last_column = Expand(sink, cs) "
      "biases = Concat<axis = 3>(wide, last_column) "
      "d1 = Constant<value_ints = [1, {2}]>() "
      "ks = Shape<start = 0, end = 2>(NK) zs = Concat<axis = 0>(ks, d1) "
      "nothing = Expand(zero, zs) keys = Concat<axis = 2>(NK, nothing) "
      "values = Concat<axis = 2>(NV, nothing) ",
      heads, n.has(11) ? "sink = Reshape(HS, ones)" : "sink = Identity(nulls)",
      depth);
  mask = "biases";
}

/// Attention of `operands`; `form` are attributes.
std::string GroupQuery::attend(StringRef form, StringRef operands) {
  return llvm::formatv(
      "Attention<{0}{1}{2}>({3}) ", form, scaleText(n),
      n.floatAttr("softcap", 0.0f) != 0.0f ? ", softcap: float = @softcap" : "",
      operands);
}

LogicalResult GroupQuery::import() {
  if (failed(readAttributes()) || failed(readShapes()))
    return failure();
  writePast();
  if (n.has(14)) {
    writeNorm(q, heads, "QW", "q_norm_epsilon");
    writeNorm(k, groups, "KW", "k_norm_epsilon");
  }
  if (n.intAttr("do_rotary", 0) != 0 && failed(writeRotary()))
    return failure();
  // Without a mask of its own the node is one of ONNX's.
  bool masks = isRagged || window >= 0 || hasSink || (!isCausal && n.has(5));
  if (!masks) {
    std::string form =
        llvm::formatv("is_causal = {0}, q_num_heads = {1}, kv_num_heads = {2}",
                      int(isCausal), heads, groups);
    text += "Y, NK, NV = " + attend(form, q + ", " + k + ", " + v + ", " +
                                              (n.has(10) ? "A" : "") +
                                              (hasPast ? ", PK, PV" : ""));
  } else {
    text += headsFirst(q, heads, depth, "q4") +
            headsFirst(k, groups, depth, "k4") +
            headsFirst(v, groups, depth, "v4");
    if (isRagged)
      text += "until = Add(before, rows) ends = Unsqueeze(until, a123) "
              "columns = Unsqueeze(column, i1) used = Less(columns, ends) ";
    writeCache("k4", "PK", "NK");
    writeCache("v4", "PV", "NV");
    writeMask();
    if (hasSink)
      writeSink();
    text += "y4 = " +
            attend("is_causal = 0",
                   std::string("q4, ") +
                       (hasSink ? "keys, values, " : "NK, NV, ") + mask) +
            headsLast("y4", heads, depth, "Y");
  }
  return n.define("<rotary_interleaved, softcap> (Q, K, V, PK, PV, L, TL, C, "
                  "S, P, A, HS, X, Z, QW, KW) => (Y, NK, NV) {" +
                  text + "}");
}

LogicalResult importGroupQuery(NodeImport &n) { return GroupQuery(n).import(); }

} // namespace quantc::onnx_frontend

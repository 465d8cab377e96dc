// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// TfIdfVectorizer over integers: how often each n-gram of a pool occurs in a
// row, its elements next to each other or with equal gaps between them.  The
// pool is three constants that one scalar program walks: for each output the
// n-gram that it counts, and each n-gram's length and elements.

#include "Program.h"

using namespace mlir;

namespace quantc::onnx_frontend {
namespace {

struct Pool {
  std::vector<int64_t> grams;   ///< elements, `longest` for each n-gram
  std::vector<int64_t> lengths; ///< 0: of a size that is not counted
  std::vector<int64_t> gramOf;  ///< by output; -1: none
  int64_t longest = 1;
};

} // namespace

/// 'ngram_counts' says where in the pool the n-grams of each size begin.
static LogicalResult readPool(NodeImport &n, Pool &pool) {
  auto items = n.intsAttr("pool_int64s"), starts = n.intsAttr("ngram_counts");
  auto outputs = n.intsAttr("ngram_indexes");
  if (!items)
    return n.unsupported("of strings");
  if (!starts || !outputs)
    return n.error("expected 'ngram_counts' and 'ngram_indexes'");
  int64_t least = n.intAttr("min_gram_length", 1);
  int64_t most = n.intAttr("max_gram_length", 1);
  int64_t total = items->size(), sizes = starts->size();
  pool.longest = std::max<int64_t>(sizes, 1);
  if (sizes > 64 || pool.longest * total > int64_t(1) << 24)
    return n.unsupported("with a pool of more than 2^24 elements");
  for (int64_t size = 1; size <= sizes; ++size) {
    int64_t from = (*starts)[size - 1];
    int64_t end = size < sizes ? (*starts)[size] : total;
    if (from < 0 || from > end || end > total || (end - from) % size != 0)
      return n.error("expected 'ngram_counts' to cut the pool into n-grams of "
                     "each size");
    for (; from < end; from += size) {
      pool.lengths.push_back(size >= least && size <= most ? size : 0);
      for (int64_t i = 0; i < pool.longest; ++i)
        pool.grams.push_back(i < size ? (*items)[from + i] : 0);
    }
  }
  if (pool.lengths.size() != outputs->size() || outputs->empty())
    return n.error("expected an entry of 'ngram_indexes' for each of " +
                   Twine(pool.lengths.size()) + " n-grams, got " +
                   Twine(outputs->size()));
  for (auto [gram, output] : llvm::enumerate(*outputs)) {
    if (output < 0 || output >= int64_t(1) << 24)
      return n.error("expected 'ngram_indexes' in [0, 2^24), got " +
                     Twine(output));
    if (output >= int64_t(pool.gramOf.size()))
      pool.gramOf.resize(output + 1, -1);
    if (pool.gramOf[output] >= 0)
      return n.unsupported("with n-grams that share an output");
    pool.gramOf[output] = gram;
  }
  return success();
}

template <typename T>
static Value tableOf(NodeImport &n, Type type, ArrayRef<T> values) {
  auto *first = reinterpret_cast<const char *>(values.data());
  std::vector<char> bytes(first, first + values.size() * sizeof(T));
  Entry *entry = n.importer.constantEntry(
      "", ownTensor(type, {int64_t(values.size())}, std::move(bytes)));
  return n.importer.materialize(*entry);
}

/// How often the n-gram occurs in the row that `read` gives.
static Value countGram(Program &p, Value gram, int64_t longest, Value extent,
                       int64_t maxSkips, Type type,
                       llvm::function_ref<Value(Value)> read) {
  Type i64 = p.builder.getI64Type();
  auto indexAt = [&](size_t input, Value at) {
    return p.toIndex(p.read(input, at), i64);
  };
  Value one = p.index(1), length = indexAt(2, gram);
  Value skips = p.select(p.lessEqual(length, one), one, p.index(maxSkips + 1));
  return p.nest(
      {skips, extent}, p.constant(type, 0), [&](ValueRange i, Value count) {
        Value step = p.add(i[0], one);
        Value last = p.add(i[1], p.mul(p.sub(length, one), step));
        Value found = p.both(p.less(last, extent), p.less(p.index(0), length));
        found = p.loop(p.index(0), p.index(longest), found,
                       [&](Value k, ValueRange carried) -> Values {
                         Value at = p.add(p.mul(gram, p.index(longest)), k);
                         Value same = p.equal(read(p.add(i[1], p.mul(k, step))),
                                              p.read(1, at));
                         Value beyond = p.lessEqual(length, k);
                         return {p.both(carried[0], p.either(beyond, same))};
                       })[0];
        return p.add(count,
                     p.select(found, p.constant(type, 1), p.constant(type, 0)));
      });
}

static LogicalResult importTfIdf(NodeImport &n) {
  Value x = n.value(0);
  Pool pool;
  if (!x || failed(readPool(n, pool)))
    return failure();
  Type from = n.elementType(x), f32 = n.builder().getF32Type(),
       i64 = n.builder().getI64Type();
  SymbolicShape dims = n.shape(x), shape = dims;
  if (!isInt(from) || dims.empty() || dims.size() > 2)
    return n.error("expected integers of rank 1 or 2");
  int64_t maxSkips = n.intAttr("max_skip_count", 0);
  if (maxSkips < 0 || maxSkips > 1 << 20)
    return n.error("expected 'max_skip_count' in [0, 2^20], got " +
                   Twine(maxSkips));
  std::string mode = n.stringAttr("mode", "");
  if (mode != "TF" && mode != "IDF" && mode != "TFIDF")
    return n.error("expected 'mode' to be TF, IDF or TFIDF, got " +
                   quote(mode));
  int64_t size = pool.gramOf.size();
  shape.back() = n.expr(size);
  std::vector<float> weights(size, 1.0f);
  const onnx::AttributeProto *given = n.attribute("weights");
  if (given && given->floats_size() != 0) {
    if (given->floats_size() != size)
      return n.error("expected " + Twine(size) + " weights, got " +
                     Twine(given->floats_size()));
    weights.assign(given->floats().begin(), given->floats().end());
  }
  SmallVector<Value> inputs = {x, tableOf<int64_t>(n, i64, pool.grams),
                               tableOf<int64_t>(n, i64, pool.lengths),
                               tableOf<int64_t>(n, i64, pool.gramOf),
                               tableOf<float>(n, f32, weights)};
  return n.result(compute(n, f32, shape, inputs, [&](Program &p) {
    Value output = p.at().back(), zero = p.constant(f32, 0);
    Value gram = p.toIndex(p.read(3, output), i64);
    auto read = [&](Value at) {
      Values position = p.at();
      position.back() = at;
      return p.convert(p.read(0, position), from, i64);
    };
    Value count = countGram(p, gram, pool.longest, p.extent(dims.back()),
                            maxSkips, f32, read);
    count = p.select(p.less(gram, p.index(0)), zero, count);
    Value weight = p.read(4, output);
    if (mode == "IDF")
      return p.select(p.less(zero, count), weight, zero);
    return mode == "TF" ? count : p.mul(count, weight);
  }));
}

void registerTfIdf(Registry &r) { r.add("TfIdfVectorizer", importTfIdf); }

} // namespace quantc::onnx_frontend

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Einsum as products of pairs.  A repeated label takes the diagonal, a label of
// one operand only is summed before anything else, and a pair of operands is
// one qnn.matmul of [batch, free, contracted] and [batch, contracted, free], or
// a broadcast product when nothing is contracted.  So the kernels, the
// recognizers and the recipes see ordinary products.  The operand that comes
// next is the one whose product is smallest, the first of equals.

#include "Program.h"

using namespace mlir;

namespace quantc::onnx_frontend {
namespace {

/// Labels are the letters' codes; dimensions under an ellipsis count up to this
/// one, so that equal labels are aligned from the right.
constexpr int kLastOfEllipsis = 512;
/// The ellipsis itself, until an operand's rank says what it stands for.
constexpr int kEllipsis = kLastOfEllipsis + 1;

using Labels = SmallVector<int>;

/// An operand with the label of each dimension.
struct Factor {
  Value value;
  Labels labels;
};

class Einsum {
public:
  explicit Einsum(NodeImport &n) : n(n) {}
  LogicalResult run();

private:
  LogicalResult parse(StringRef equation);
  FailureOr<Labels> parseTerm(StringRef term);
  FailureOr<Labels> expandEllipsis(const Labels &term, size_t operand,
                                   size_t rank);
  LogicalResult takeDiagonal(Factor &factor);
  LogicalResult unify();
  Value dropBroadcast(Factor &factor);
  /// Sums what neither the output nor another operand uses.
  LogicalResult sumLone(Factor &factor);
  size_t smallestProduct();
  LogicalResult multiply(Factor &a, Factor b);
  Value product(Factor &a, Factor &b, ArrayRef<int> batch, ArrayRef<int> freeA,
                ArrayRef<int> freeB, ArrayRef<int> sum);

  bool isOutput(int label) const { return llvm::is_contained(output, label); }
  SymbolicShape sizesOf(ArrayRef<int> labels) {
    SymbolicShape shape;
    for (int label : labels)
      shape.push_back(sizes[label]);
    return shape;
  }
  AffineExpr count(ArrayRef<int> labels) {
    return elementCount(sizesOf(labels), &n.importer.context);
  }
  /// The factor's dimensions in the order of `labels`.
  Value arrange(const Factor &factor, ArrayRef<int> labels);

  NodeImport &n;
  SmallVector<Factor> factors;
  Labels output;
  std::map<int, AffineExpr> sizes;
  /// In how many factors a label occurs.
  std::map<int, int> uses;
};

} // namespace

//===----------------------------------------------------------------------===//
// The equation
//===----------------------------------------------------------------------===//

FailureOr<Labels> Einsum::parseTerm(StringRef term) {
  Labels labels;
  for (StringRef rest = term.trim(); !rest.empty(); rest = rest.ltrim()) {
    bool isEllipsis = rest.consume_front("...");
    int label = isEllipsis ? kEllipsis : rest.front();
    if (isEllipsis && llvm::is_contained(labels, kEllipsis))
      return n.error("term " + quote(term) + " has two ellipses");
    if (!isEllipsis && !llvm::isAlpha(rest.front()))
      return n.error("expected letters and '...' in term " + quote(term) +
                     " of the equation");
    if (!isEllipsis)
      rest = rest.drop_front();
    labels.push_back(label);
  }
  return labels;
}

FailureOr<Labels> Einsum::expandEllipsis(const Labels &term, size_t operand,
                                         size_t rank) {
  bool hasEllipsis = llvm::is_contained(term, kEllipsis);
  size_t letters = term.size() - hasEllipsis;
  if (hasEllipsis ? rank < letters : rank != letters)
    return n.error("operand " + Twine(operand) + " of rank " + Twine(rank) +
                   " does not fit its term of " + Twine(letters) + " letters" +
                   (hasEllipsis ? " and an ellipsis" : ""));
  Labels labels;
  for (int label : term) {
    if (label != kEllipsis)
      labels.push_back(label);
    else
      for (size_t i = rank - letters; i-- > 0;)
        labels.push_back(kLastOfEllipsis - int(i));
  }
  return labels;
}

LogicalResult Einsum::parse(StringRef equation) {
  auto [left, right] = equation.split("->");
  bool isExplicit = equation.contains("->");
  SmallVector<StringRef> terms;
  left.split(terms, ',');
  if (terms.size() != n.numInputs())
    return n.error("expected an equation with a term for each of " +
                   Twine(n.numInputs()) + " operands, got " +
                   Twine(terms.size()));
  std::map<int, int> occurrences;
  for (auto [i, term] : llvm::enumerate(terms)) {
    Value value = n.value(i);
    auto parsed = parseTerm(term);
    if (!value || failed(parsed))
      return failure();
    auto labels = expandEllipsis(*parsed, i, n.rank(value));
    if (failed(labels))
      return failure();
    for (int label : *labels)
      ++occurrences[label];
    factors.push_back({value, *labels});
  }
  // The dimensions of all ellipses come in the order of their labels.
  Labels ellipsis;
  for (auto [label, times] : occurrences)
    if (label > 256)
      ellipsis.push_back(label);
  if (!isExplicit) {
    // In the order of the letters' codes, as a map keeps them.
    output = ellipsis;
    for (auto [label, times] : occurrences)
      if (label <= 256 && times == 1)
        output.push_back(label);
    return success();
  }
  auto parsed = parseTerm(right);
  if (failed(parsed))
    return failure();
  for (int label : *parsed) {
    if (label == kEllipsis) {
      output.append(ellipsis);
      continue;
    }
    if (!occurrences.count(label) || isOutput(label))
      return n.error("expected the equation's result to have each label of an "
                     "operand once, got " +
                     quote(right.trim()));
    output.push_back(label);
  }
  return success();
}

//===----------------------------------------------------------------------===//
// One operand
//===----------------------------------------------------------------------===//

/// x[i, j, i] becomes y[i, j].
LogicalResult Einsum::takeDiagonal(Factor &factor) {
  Labels unique;
  SymbolicShape dims = n.shape(factor.value), shape;
  for (auto [label, dim] : llvm::zip(factor.labels, dims)) {
    auto *first = llvm::find(unique, label);
    if (first == unique.end()) {
      unique.push_back(label);
      shape.push_back(dim);
    } else if (failed(n.needEqual(shape[first - unique.begin()], dim))) {
      return failure();
    }
  }
  if (unique.size() == factor.labels.size())
    return success();
  factor.value = compute(
      n, n.elementType(factor.value), shape, {factor.value}, [&](Program &p) {
        Values position;
        for (int label : factor.labels)
          position.push_back(p.at(llvm::find(unique, label) - unique.begin()));
        return p.read(0, position);
      });
  factor.labels = unique;
  return success(factor.value);
}

/// Sizes of the labels; a dimension 1 broadcasts.
LogicalResult Einsum::unify() {
  for (Factor &factor : factors)
    for (auto [label, dim] : llvm::zip(factor.labels, n.shape(factor.value))) {
      ++uses[label];
      AffineExpr &size = sizes[label];
      if (!size || staticExtent(size) == 1)
        size = dim;
      else if (staticExtent(dim) != 1 && failed(n.needEqual(size, dim)))
        return failure();
    }
  return success();
}

/// Without the dimensions 1 of labels that another operand gives a size.
Value Einsum::dropBroadcast(Factor &factor) {
  Labels kept;
  SymbolicShape shape;
  for (auto [label, dim] : llvm::zip(factor.labels, n.shape(factor.value))) {
    if (staticExtent(dim) == 1 && staticExtent(sizes[label]) != 1) {
      --uses[label];
      continue;
    }
    kept.push_back(label);
    shape.push_back(dim);
  }
  factor.labels = kept;
  return n.reshape(factor.value, shape);
}

LogicalResult Einsum::sumLone(Factor &factor) {
  SmallVector<int64_t> axes;
  Labels kept;
  for (auto [axis, label] : llvm::enumerate(factor.labels)) {
    if (uses[label] > 1 || isOutput(label))
      kept.push_back(label);
    else
      axes.push_back(axis);
  }
  if (axes.empty())
    return success();
  factor.labels = kept;
  factor.value =
      n.reduce(qnn::ReduceKind::sum, factor.value, axes, /*keepDims=*/false);
  return success(factor.value);
}

Value Einsum::arrange(const Factor &factor, ArrayRef<int> labels) {
  SmallVector<int64_t> permutation;
  for (int label : labels)
    permutation.push_back(llvm::find(factor.labels, label) -
                          factor.labels.begin());
  return llvm::is_sorted(permutation) ? factor.value
                                      : n.transpose(factor.value, permutation);
}

//===----------------------------------------------------------------------===//
// Pairs
//===----------------------------------------------------------------------===//

/// The factor to multiply the first one by; symbolic sizes count as 64.
size_t Einsum::smallestProduct() {
  const Factor &first = factors.front();
  size_t best = 1;
  double least = std::numeric_limits<double>::infinity();
  for (size_t i = 1; i < factors.size(); ++i) {
    double elements = 1;
    auto add = [&](int label, bool isShared) {
      if (!isOutput(label) && uses[label] == 1 + isShared)
        return;
      int64_t extent = staticExtent(sizes[label]);
      elements *= ShapedType::isDynamic(extent) ? 64.0 : double(extent);
    };
    for (int label : first.labels)
      add(label, llvm::is_contained(factors[i].labels, label));
    for (int label : factors[i].labels)
      if (!llvm::is_contained(first.labels, label))
        add(label, false);
    if (elements < least) {
      least = elements;
      best = i;
    }
  }
  return best;
}

/// [batch, free of a, free of b].
Value Einsum::product(Factor &a, Factor &b, ArrayRef<int> batch,
                      ArrayRef<int> freeA, ArrayRef<int> freeB,
                      ArrayRef<int> sum) {
  auto join = [](std::initializer_list<ArrayRef<int>> parts) {
    Labels all;
    for (ArrayRef<int> part : parts)
      all.append(part.begin(), part.end());
    return all;
  };
  Labels result = join({batch, freeA, freeB});
  if (sum.empty()) {
    SymbolicShape left = sizesOf(join({batch, freeA}));
    left.append(freeB.size(), n.expr(1));
    SymbolicShape right = sizesOf(batch);
    right.append(freeA.size(), n.expr(1));
    llvm::append_range(right, sizesOf(freeB));
    return n.binary<qnn::MulOp>(
        n.reshape(arrange(a, join({batch, freeA})), left),
        n.reshape(arrange(b, join({batch, freeB})), right));
  }
  // Without a batch the left operand keeps its dimensions: a constant of rank 2
  // on the right makes a linear of it.
  SymbolicShape left = sizesOf(batch), right = left;
  if (batch.empty())
    left = sizesOf(freeA);
  else
    left.push_back(count(freeA));
  left.push_back(count(sum));
  right.append({count(sum), count(freeB)});
  Value y = matmul(n, n.reshape(arrange(a, join({batch, freeA, sum})), left),
                   n.reshape(arrange(b, join({batch, sum, freeB})), right));
  return n.reshape(y, sizesOf(result));
}

LogicalResult Einsum::multiply(Factor &a, Factor b) {
  // A weight stands on the right; otherwise what the output has first is left.
  auto place = [&](const Factor &factor, const Factor &other) {
    for (int label : factor.labels)
      if (!llvm::is_contained(other.labels, label))
        return llvm::find(output, label);
    return output.end();
  };
  auto isConstant = [](const Factor &factor) {
    return factor.value.getDefiningOp<qnn::ConstantOp>() != nullptr;
  };
  if (isConstant(a) != isConstant(b) ? isConstant(a)
                                     : place(b, a) < place(a, b))
    std::swap(a, b);
  Labels batch, freeA, freeB, sum;
  for (int label : a.labels) {
    bool isShared = llvm::is_contained(b.labels, label);
    bool isKept = isOutput(label) || uses[label] > 1 + isShared;
    (!isShared ? freeA : isKept ? batch : sum).push_back(label);
    uses[label] -= isShared;
  }
  for (int label : b.labels)
    if (!llvm::is_contained(a.labels, label))
      freeB.push_back(label);
  a.value = product(a, b, batch, freeA, freeB, sum);
  a.labels = batch;
  llvm::append_range(a.labels, freeA);
  llvm::append_range(a.labels, freeB);
  return success(a.value);
}

LogicalResult Einsum::run() {
  if (failed(parse(n.stringAttr("equation", ""))))
    return failure();
  SmallVector<Value> values;
  for (Factor &factor : factors)
    values.push_back(factor.value);
  if (failed(sameType(n, values, isNumber)))
    return failure();
  for (Factor &factor : factors)
    if (failed(takeDiagonal(factor)))
      return failure();
  if (failed(unify()))
    return failure();
  for (Factor &factor : factors)
    if (!(factor.value = dropBroadcast(factor)))
      return failure();
  for (Factor &factor : factors)
    if (failed(sumLone(factor)))
      return failure();
  while (factors.size() > 1) {
    size_t next = smallestProduct();
    Factor right = factors[next];
    factors.erase(factors.begin() + next);
    if (failed(multiply(factors.front(), right)))
      return failure();
  }
  return n.result(arrange(factors.front(), output));
}

static LogicalResult importEinsum(NodeImport &n) { return Einsum(n).run(); }

void registerEinsum(Registry &r) { r.add("Einsum", importEinsum); }

} // namespace quantc::onnx_frontend

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention: softmax(scale · q kᵀ + mask) v.  The anchor is the softmax.
//
// Scalings of the scores, of q and of k become one scale; masks that are added,
// or selected by qnn.where with a value no smaller than -1e30 in magnitude,
// become the mask; heads repeated by broadcast_to and reshape become grouped
// heads; transposes of k go away, so that q, k and v are transposes of
// [b, s, h, d].  Rank-3 products get one head per batch.

#include "GraphRewriter.h"
#include <cmath>

using namespace mlir;

namespace quantc::qnn {

namespace {

/// The value of q, k or v with what was peeled off it.
struct Heads {
  Value value;
  /// The matched value is `value` transposed by this.
  SmallVector<int64_t> permutation;
  double factor = 1;
};

class AttentionMatcher {
public:
  AttentionMatcher(GraphRewriter &rewriter, SoftmaxOp softmax)
      : rewriter(rewriter), softmax(softmax), match(rewriter.shapes) {}

  bool run();

private:
  bool matchScores();
  bool saysWithoutKeys(Value condition);
  bool matchMixing();
  bool peelMask(Value &scores);
  bool peelScale(Value &scores);
  Heads trace(Value value, bool throughRepeat) const;
  bool chooseHeads();
  bool areCompatible() const;
  Value getMask(Location loc, int64_t rank);
  Value insertHead(Location loc, Value value);
  Value build();

  ArrayRef<AffineExpr> shapeOf(Value value) const {
    return rewriter.shapeOf(value);
  }

  GraphRewriter &rewriter;
  SoftmaxOp softmax;
  Match match;
  double factor = 1;
  /// Added masks, outermost first; with a condition, where(condition, 0, value)
  /// or the other way round.
  struct Mask {
    Value value, condition;
    bool keepsWhereTrue = true;
  };
  SmallVector<Mask> masks;
  MatmulOp scores, mixing;
  Heads query, key, value;
};

} // namespace

/// True if a few scalings and masks lead from `value` to a product: this, not
/// the other operand of an addition, is the scores.
static bool leadsToProduct(const ShapeAnalysis &shapes, Value value) {
  for (int i = 0; i < 6; ++i) {
    Operation *op = value.getDefiningOp();
    if (isa_and_present<MatmulOp>(op))
      return true;
    if (!isa_and_present<MulOp, DivOp, AddOp, WhereOp>(op))
      return false;
    unsigned first = isa<WhereOp>(op) ? 1 : 0;
    Value next = op->getOperand(first);
    if (!next.getDefiningOp() || splatValue(next) ||
        shapes.getShape(next) != shapes.getShape(value))
      next = op->getOperand(first + 1);
    value = next;
  }
  return false;
}

/// scores = where(condition, scores, lowest) or scores + mask.
bool AttentionMatcher::peelMask(Value &current) {
  if (auto where = current.getDefiningOp<WhereOp>()) {
    for (bool keepsWhereTrue : {true, false}) {
      Value kept = keepsWhereTrue ? where.getLhs() : where.getRhs();
      Value fill = keepsWhereTrue ? where.getRhs() : where.getLhs();
      std::optional<double> lowest = splatValue(fill);
      // With a smaller magnitude a row without visible keys would differ.
      if (!lowest || !(*lowest <= -1e30) || shapeOf(kept) != shapeOf(current))
        continue;
      match.add(where);
      masks.push_back({fill, where.getCondition(), keepsWhereTrue});
      current = kept;
      return true;
    }
    return false;
  }
  auto add = current.getDefiningOp<AddOp>();
  if (!add)
    return false;
  for (Value kept : {add.getLhs(), add.getRhs()}) {
    if (shapeOf(kept) != shapeOf(current) ||
        !leadsToProduct(rewriter.shapes, kept))
      continue;
    match.add(add);
    masks.push_back({otherOperand(add, kept), Value(), true});
    current = kept;
    return true;
  }
  return false;
}

bool AttentionMatcher::peelScale(Value &current) {
  if (auto mul = match.withScalar<MulOp>(current, /*commuted=*/true)) {
    factor *= mul->scalar;
    current = mul->value;
    return true;
  }
  auto div = match.withScalar<DivOp>(current, /*commuted=*/false);
  if (!div || div->scalar == 0)
    return false;
  factor /= div->scalar;
  current = div->value;
  return true;
}

bool AttentionMatcher::matchScores() {
  Value current = softmax.getInput();
  for (int i = 0; i < 3; ++i)
    if (!peelMask(current))
      break;
  for (int i = 0; i < 3; ++i)
    if (!peelScale(current))
      break;
  scores = match.inner<MatmulOp>(current);
  size_t rank = shapeOf(softmax.getInput()).size();
  return scores && (rank == 3 || rank == 4) &&
         shapeOf(scores.getLhs()).size() == rank &&
         shapeOf(scores.getRhs()).size() == rank &&
         shapeOf(scores.getResult()) == shapeOf(softmax.getInput());
}

/// Whether the condition holds for rows at most whose scores are all -inf:
/// their softmax is not a number; an added mask has nothing above -inf there;
/// or it never holds.
bool AttentionMatcher::saysWithoutKeys(Value condition) {
  if (auto isNan = condition.getDefiningOp<IsNanOp>()) {
    if (isNan.getInput() != softmax.getResult())
      return false;
    match.add(isNan);
    return true;
  }
  if (splatValue(condition) == 0.0)
    return true;
  auto equal = condition.getDefiningOp<EqualOp>();
  if (!equal)
    return false;
  for (Value side : {equal.getLhs(), equal.getRhs()}) {
    auto reduce = side.getDefiningOp<ReduceOp>();
    std::optional<double> lowest = splatValue(otherOperand(equal, side));
    if (!reduce || reduce.getKind() != ReduceKind::max ||
        !reduce.getKeepDims() || !lowest || !std::isinf(*lowest) || *lowest > 0)
      continue;
    int64_t last = int64_t(shapeOf(reduce.getInput()).size()) - 1;
    if (reduce.getAxes() == ArrayRef<int64_t>(last) &&
        llvm::any_of(masks, [&](const Mask &mask) {
          return !mask.condition && mask.value == reduce.getInput();
        }))
      return true;
  }
  return false;
}

/// softmax · v, also behind where(condition, 0, softmax) for rows without keys,
/// which is what attention gives for them.
bool AttentionMatcher::matchMixing() {
  Value weights = softmax.getResult();
  for (Operation *user : weights.getUsers()) {
    auto where = dyn_cast<WhereOp>(user);
    if (!where || where.getRhs() != weights ||
        splatValue(where.getLhs()) != 0.0 ||
        shapeOf(where.getResult()) != shapeOf(weights) ||
        !saysWithoutKeys(where.getCondition()))
      continue;
    match.add(where);
    weights = where.getResult();
    break;
  }
  match.add(softmax);
  mixing = onlyUser<MatmulOp>(weights);
  return mixing && mixing.getLhs() == weights &&
         shapeOf(mixing.getRhs()).size() == shapeOf(weights).size() &&
         match.isClosed(mixing);
}

/// [b, g, 1, t, d] expanded to [b, g, r, t, d] and merged to [b, g·r, t, d]:
/// the value of shape [b, g, 1, t, d].
static Value matchRepeat(const ShapeAnalysis &shapes, Value value) {
  auto merge = value.getDefiningOp<ReshapeOp>();
  auto expand =
      merge ? merge.getInput().getDefiningOp<BroadcastToOp>() : BroadcastToOp();
  if (!expand)
    return {};
  ArrayRef<AffineExpr> merged = shapes.getShape(value);
  ArrayRef<AffineExpr> wide = shapes.getShape(expand.getResult());
  ArrayRef<AffineExpr> narrow = shapes.getShape(expand.getInput());
  if (merged.size() != 4 || wide.size() != 5 || narrow.size() != 5 ||
      staticExtent(narrow[2]) != 1)
    return {};
  for (int axis : {0, 1, 3, 4})
    if (narrow[axis] != wide[axis])
      return {};
  bool same = merged[0] == wide[0] && merged[2] == wide[3] &&
              merged[3] == wide[4] &&
              merged[1] == canonicalize(wide[1] * wide[2]);
  return same ? expand.getInput() : Value();
}

Heads AttentionMatcher::trace(Value current, bool throughRepeat) const {
  Heads heads;
  heads.permutation =
      llvm::to_vector(llvm::seq<int64_t>(shapeOf(current).size()));
  Match ignored(rewriter.shapes);
  for (int i = 0; i < 8; ++i) {
    if (auto transpose = current.getDefiningOp<TransposeOp>()) {
      heads.permutation =
          compose(transpose.getPermutation(), heads.permutation);
      current = transpose.getInput();
    } else if (auto mul = ignored.withScalar<MulOp>(current, true)) {
      heads.factor *= mul->scalar;
      current = mul->value;
    } else if (auto div = ignored.withScalar<DivOp>(current, false);
               div && div->scalar != 0) {
      heads.factor /= div->scalar;
      current = div->value;
    } else {
      break;
    }
  }
  heads.value = current;
  if (!throughRepeat || heads.permutation.size() != 4 ||
      heads.permutation[1] != 1)
    return heads;
  Value narrow = matchRepeat(rewriter.shapes, current);
  if (!narrow)
    return heads;
  SymbolicShape shape(shapeOf(narrow));
  shape.erase(shape.begin() + 2);
  rewriter.builder.setInsertionPoint(mixing);
  current = rewriter.reshape(current.getLoc(), narrow, shape);
  Heads before = trace(current, /*throughRepeat=*/false);
  before.permutation = compose(before.permutation, heads.permutation);
  before.factor *= heads.factor;
  return before;
}

/// Dimension `axis` of the matched value.
static AffineExpr dimOf(const ShapeAnalysis &shapes, const Heads &heads,
                        int64_t axis) {
  return shapes.getShape(heads.value)[heads.permutation[axis]];
}

/// Batches agree, and query heads are a multiple of key and value heads.
bool AttentionMatcher::areCompatible() const {
  const ShapeAnalysis &shapes = rewriter.shapes;
  if (dimOf(shapes, query, 0) != dimOf(shapes, key, 0) ||
      dimOf(shapes, query, 0) != dimOf(shapes, value, 0))
    return false;
  int64_t rank = query.permutation.size();
  if (dimOf(shapes, query, rank - 1) != dimOf(shapes, key, rank - 2) ||
      dimOf(shapes, key, rank - 1) != dimOf(shapes, value, rank - 2))
    return false;
  if (rank == 3)
    return true;
  AffineExpr heads = dimOf(shapes, query, 1), groups = dimOf(shapes, key, 1);
  if (groups != dimOf(shapes, value, 1))
    return false;
  int64_t h = staticExtent(heads), g = staticExtent(groups);
  return heads == groups || (!ShapedType::isDynamic(h) &&
                             !ShapedType::isDynamic(g) && g > 0 && h % g == 0);
}

bool AttentionMatcher::chooseHeads() {
  query = trace(scores.getLhs(), /*throughRepeat=*/false);
  for (bool throughRepeat : {true, false}) {
    key = trace(scores.getRhs(), throughRepeat);
    value = trace(mixing.getRhs(), throughRepeat);
    if (areCompatible())
      break;
    if (!throughRepeat)
      return false;
  }
  // A factor of v is not a factor of the scores.
  if (value.factor == 1)
    return true;
  value.value = mixing.getRhs();
  value.permutation =
      llvm::to_vector(llvm::seq<int64_t>(query.permutation.size()));
  value.factor = 1;
  key = trace(scores.getRhs(), /*throughRepeat=*/false);
  return areCompatible();
}

/// [b, s, d] to [b, 1, s, d].
Value AttentionMatcher::insertHead(Location loc, Value operand) {
  SymbolicShape shape(shapeOf(operand));
  if (shape.size() != 3)
    return operand;
  shape.insert(shape.begin() + 1, rewriter.constantExpr(1));
  return rewriter.reshape(loc, operand, shape);
}

/// The sum of all masks, null without any.
Value AttentionMatcher::getMask(Location loc, int64_t rank) {
  Value total;
  Type type = rewriter.elementTypeOf(softmax.getInput());
  for (Mask &mask : llvm::reverse(masks)) {
    Value one = mask.value;
    if (mask.condition) {
      Value zero = rewriter.splat(loc, type, 0.0);
      Value kept = mask.keepsWhereTrue ? zero : one;
      Value filled = mask.keepsWhereTrue ? one : zero;
      one = rewriter.create<WhereOp>(loc, type, mask.condition, kept, filled);
    }
    total = total ? rewriter.create<AddOp>(loc, type, total, one) : one;
    if (!total)
      return {};
  }
  return total && rank == 3 ? insertHead(loc, total) : total;
}

Value AttentionMatcher::build() {
  Location loc = mixing.getLoc();
  rewriter.builder.setInsertionPoint(mixing);
  int64_t rank = query.permutation.size();
  // k as [b, g, t, d]: the last two dimensions of kᵀ swapped back.  Where that
  // would add a transpose, the operation reads kᵀ.
  SmallVector<int64_t> keyOrder(key.permutation);
  bool transposed = isIdentity(keyOrder);
  if (!transposed)
    std::swap(keyOrder[rank - 1], keyOrder[rank - 2]);
  Value q = rewriter.transpose(loc, query.value, query.permutation);
  Value k = rewriter.transpose(loc, key.value, keyOrder);
  Value v = rewriter.transpose(loc, value.value, value.permutation);
  Value mask = getMask(loc, rank);
  double scale = factor * query.factor * key.factor;
  Value result = rewriter.create<AttentionOp>(
      loc, rewriter.elementTypeOf(mixing.getResult()), insertHead(loc, q),
      insertHead(loc, k), insertHead(loc, v), mask, APFloat(float(scale)),
      /*causal=*/false, transposed);
  return rewriter.reshape(loc, result,
                          SymbolicShape(shapeOf(mixing.getResult())));
}

bool AttentionMatcher::run() {
  if (getElementTypeOrSelf(softmax.getType()).isF64())
    return false; // qnn.attention accumulates in f32
  ArrayRef<AffineExpr> shape = shapeOf(softmax.getInput());
  if (softmax.getAxis() + 1 != shape.size() || !matchScores() || !matchMixing())
    return false;
  // A mask may not have more dimensions than the scores.
  for (const Mask &mask : masks)
    if (shapeOf(mask.value).size() > shape.size() ||
        (mask.condition && shapeOf(mask.condition).size() > shape.size()))
      return false;
  if (!chooseHeads())
    return false;
  Value result = build();
  if (!result)
    return false;
  rewriter.replaceAllUses(mixing.getResult(), result);
  rewriter.eraseDead(mixing);
  return true;
}

bool recognizeAttention(GraphRewriter &rewriter, Operation *op) {
  auto softmax = dyn_cast<SoftmaxOp>(op);
  return softmax && AttentionMatcher(rewriter, softmax).run();
}

} // namespace quantc::qnn

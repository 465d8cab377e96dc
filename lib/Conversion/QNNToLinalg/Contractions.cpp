// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Batched contractions of activations as lowbit.matmul between generics: matmul
// and attention (docs/numerics.md §5.1, §7).

#include "Contractions.h"
#include "Rows.h"
#include "quantc/Dialect/LowBit/LowBit.h"

using namespace mlir;
using namespace quantc::qnn;
namespace quantc::qnntolinalg {

using lowbit::BLayout;

Tensor contract(Lowering &lowering, Location loc, const Tensor &a,
                const Tensor &b, BLayout layout, const Tensor &init) {
  if (staticExtent(a.shape.back()) == 0)
    return init; // an empty sum
  auto op =
      lowbit::MatmulOp::create(lowering.builder, loc, init.value.getType(),
                               layout, a.value, b.value, init.value);
  return {op->getResult(0), init.shape, init.element};
}

/// a · b from +0; the result has `shape`.
static Tensor contractFloat(Lowering &lowering, Location loc, const Tensor &a,
                            const Tensor &b, BLayout layout,
                            ArrayRef<AffineExpr> shape) {
  Type f32 = lowering.builder.getF32Type();
  return contract(
      lowering, loc, a, b, layout,
      lowering.fill(loc, shape, f32, lowering.builder.getF32FloatAttr(0)));
}

/// The operand in f32 (§5.1).
static Tensor toF32(Lowering &lowering, Location loc, const Tensor &input) {
  Type f32 = lowering.builder.getF32Type();
  if (input.element == f32)
    return input;
  return lowering.map(
      loc, input.shape, f32, input,
      [](OpBuilder &, Location, ValueRange args) { return args[0]; });
}

Tensor finishContraction(Lowering &lowering, Location loc, const Tensor &sum,
                         Type element, const Tensor *bias) {
  if (!bias && sum.element == element)
    return sum;
  SmallVector<Tensor> inputs = {sum};
  if (bias)
    inputs.push_back(*bias);
  return lowering.map(loc, sum.shape, element, inputs,
                      [](OpBuilder &b, Location at, ValueRange args) -> Value {
                        if (args.size() == 1)
                          return args[0];
                        return arith::AddFOp::create(b, at, args[0], args[1]);
                      });
}

static bool isF32Like(const Tensor &tensor) {
  return computeType(tensor.element).isF32();
}

/// Gives a vector operand a row dimension.
static Tensor asMatrix(Lowering &lowering, Location loc, const Tensor &input) {
  if (input.rank() > 1)
    return input;
  SymbolicShape shape = {lowering.constantExpr(1)};
  shape.append(input.shape);
  return lowering.reshape(loc, input, shape);
}

//===----------------------------------------------------------------------===//
// Matmul
//===----------------------------------------------------------------------===//

/// The operand with the leading dimensions `batch`, copied where it has to be
/// repeated.
static Tensor withBatch(Lowering &lowering, Location loc, const Tensor &input,
                        ArrayRef<AffineExpr> batch) {
  SymbolicShape shape(batch);
  llvm::append_range(shape, ArrayRef(input.shape).take_back(2));
  if (input.shape == shape)
    return input;
  return lowering.copyWith(loc, shape, input,
                           lowering.broadcastMap(input.shape, shape));
}

static LogicalResult lower(Lowering &lowering, MatmulOp op) {
  Location loc = op.getLoc();
  Tensor result = lowering.get(op.getResult());
  Tensor lhs = lowering.get(op.getLhs()), rhs = lowering.get(op.getRhs());
  if (!isF32Like(lhs) || !isF32Like(rhs))
    return op.emitOpError("expected f32, f16 or bf16 operands, got ")
           << lhs.element << " and " << rhs.element;
  lhs = asMatrix(lowering, loc, toF32(lowering, loc, lhs));
  rhs = toF32(lowering, loc, rhs);
  if (rhs.rank() == 1)
    rhs = lowering.reshape(loc, rhs, {rhs.shape[0], lowering.constantExpr(1)});

  // The result's batch, without the dimensions that vectors dropped.
  size_t kept = result.shape.size() -
                (cast<ShapedType>(op.getLhs().getType()).getRank() > 1) -
                (cast<ShapedType>(op.getRhs().getType()).getRank() > 1);
  SymbolicShape batch(ArrayRef(result.shape).take_front(kept));
  lhs = withBatch(lowering, loc, lhs, batch);
  // No batch, or dimensions of extent 1, serve all slices of the left operand.
  if (rhs.rank() > 2) {
    SymbolicShape shape(batch.size() + 2 - rhs.shape.size(),
                        lowering.constantExpr(1));
    shape.append(rhs.shape);
    rhs = lowering.reshape(loc, rhs, shape);
  }
  SymbolicShape sums = lhs.shape;
  sums.back() = rhs.shape.back();
  Tensor sum = contractFloat(lowering, loc, lhs, rhs, BLayout::RowMajor, sums);
  sum = finishContraction(lowering, loc, sum, result.element, nullptr);
  lowering.set(op.getResult(), lowering.reshape(loc, sum, result.shape));
  return success();
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

namespace {
/// Operands with the query heads split into [key heads, heads per key head]
/// where the two numbers differ.
struct AttentionOperands {
  Tensor query, key, value;
  SymbolicShape scores; ///< […, s, t]
  SymbolicShape result; ///< […, s, e]
};
} // namespace

static AttentionOperands splitHeads(Lowering &lowering, AttentionOp op) {
  Location loc = op.getLoc();
  AttentionOperands all{toF32(lowering, loc, lowering.get(op.getQuery())),
                        toF32(lowering, loc, lowering.get(op.getKey())),
                        toF32(lowering, loc, lowering.get(op.getValue())),
                        {},
                        lowering.get(op.getResult()).shape};
  AffineExpr heads = all.query.shape[1], groups = all.key.shape[1];
  if (heads != groups) {
    AffineExpr perGroup = canonicalize(heads.floorDiv(groups));
    auto split = [&](SymbolicShape shape, AffineExpr inner) {
      shape[1] = groups;
      shape.insert(shape.begin() + 2, inner);
      return shape;
    };
    AffineExpr one = lowering.constantExpr(1);
    all.query =
        lowering.reshape(loc, all.query, split(all.query.shape, perGroup));
    all.key = lowering.reshape(loc, all.key, split(all.key.shape, one));
    all.value = lowering.reshape(loc, all.value, split(all.value.shape, one));
    all.result = split(all.result, perGroup);
  }
  all.scores = all.query.shape;
  all.scores.back() = all.value.shape[all.value.rank() - 2];
  return all;
}

/// The mask aligned with the scores.
static Tensor alignMask(Lowering &lowering, Location loc, Tensor mask,
                        ArrayRef<AffineExpr> scores) {
  if (scores.size() == 4 || mask.rank() < 3)
    return mask;
  SymbolicShape shape = mask.shape;
  size_t head = shape.size() - 3;
  AffineExpr one = lowering.constantExpr(1);
  bool perHead = staticExtent(shape[head]) != 1;
  shape[head] = perHead ? scores[1] : one;
  shape.insert(shape.begin() + head + 1, perHead ? scores[2] : one);
  return lowering.reshape(loc, mask, shape);
}

/// q·k * scale + mask, -Inf for keys that `causal` excludes (§7.1).
static Tensor finishScores(Lowering &lowering, AttentionOp op,
                           const Tensor &products) {
  Location loc = op.getLoc();
  Type f32 = lowering.builder.getF32Type();
  SmallVector<Tensor> inputs = {products};
  if (op.getMask())
    inputs.push_back(
        alignMask(lowering, loc, lowering.get(op.getMask()), products.shape));
  int64_t rank = products.rank();
  Value lag;
  if (op.getCausal())
    lag = lowering.sizeValue(
        loc, canonicalize(products.shape[rank - 1] - products.shape[rank - 2]));
  float scale = op.getScale().convertToFloat();
  return lowering.map(loc, products.shape, f32, inputs,
                      [&](OpBuilder &b, Location at, ValueRange args) {
                        ScalarBuilder s(b, at, f32);
                        Value score = s.mul(args[0], s.constant(scale));
                        if (args.size() > 1)
                          score = s.add(score, args[1]);
                        if (!lag)
                          return score;
                        Value row = linalg::IndexOp::create(b, at, rank - 2);
                        Value column = linalg::IndexOp::create(b, at, rank - 1);
                        Value last = arith::AddIOp::create(b, at, row, lag);
                        Value seen = arith::CmpIOp::create(
                            b, at, arith::CmpIPredicate::sle, column, last);
                        Value excluded = arith::ConstantOp::create(
                            b, at, negativeInfinity(f32));
                        return s.select(seen, score, excluded);
                      });
}

static LogicalResult lower(Lowering &lowering, AttentionOp op) {
  Location loc = op.getLoc();
  for (Value operand : {op.getQuery(), op.getKey(), op.getValue()})
    if (!isF32Like(lowering.get(operand)))
      return op.emitOpError("expected f32, f16 or bf16 operands, got ")
             << operand.getType();
  Tensor result = lowering.get(op.getResult());
  AttentionOperands all = splitHeads(lowering, op);
  Tensor products = contractFloat(lowering, loc, all.query, all.key,
                                  op.getKeyTransposed() ? BLayout::RowMajor
                                                        : BLayout::Transposed,
                                  all.scores);
  Tensor scores = finishScores(lowering, op, products);
  Tensor weights = softmaxRows(lowering, loc, scores, scores.element,
                               /*emptyRowIsZero=*/true);
  Tensor output = contractFloat(lowering, loc, weights, all.value,
                                BLayout::RowMajor, all.result);
  output = finishContraction(lowering, loc, output, result.element, nullptr);
  lowering.set(op.getResult(), lowering.reshape(loc, output, result.shape));
  return success();
}

FailureOr<bool> lowerContractions(Lowering &lowering, Operation *op) {
  auto done = [](LogicalResult result) -> FailureOr<bool> {
    if (failed(result))
      return failure();
    return true;
  };
  if (auto matmul = dyn_cast<MatmulOp>(op))
    return done(lower(lowering, matmul));
  if (auto attention = dyn_cast<AttentionOp>(op))
    return done(lower(lowering, attention));
  return false;
}

} // namespace quantc::qnntolinalg

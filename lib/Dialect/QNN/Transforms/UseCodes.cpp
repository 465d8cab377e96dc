// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Keeps the integer arithmetic of a model that was quantized before: where a
// contraction reads values of codes, and a kernel computes on the codes, it
// gets them as !qnn.encoded.  Between codes and contraction there may be
// transposes and reshapes, which move the codes instead.  What has no kernel
// reads floats: their products are those of the source all the same.

#include "GraphRewriter.h"
#include "quantc/Dialect/Fmt/Planes.h"
#include "quantc/Dialect/QNN/ConstantExpressions.h"
#include "quantc/Dialect/QNN/GroupedConvs.h"
#include "quantc/Dialect/QNN/Passes.h"
#include <cmath>

namespace quantc::qnn {
#define GEN_PASS_DEF_USECODESPASS
#include "quantc/Dialect/QNN/Passes.h.inc"
} // namespace quantc::qnn

using namespace mlir;
using namespace quantc;
using namespace quantc::qnn;

namespace {

/// What a value is made of: `op`, then the moves, the last one first.
template <typename OpTy> struct Moved {
  OpTy op;
  SmallVector<Operation *> moves;
};
using Codes = Moved<FromCodesOp>;

class CodeUser {
public:
  explicit CodeUser(GraphRewriter &rewriter)
      : rewriter(rewriter), builder(rewriter.builder),
        f32(Float32Type::get(rewriter.func.getContext())) {}

  bool visit(Operation *op) {
    builder.setInsertionPoint(op);
    if (auto linear = dyn_cast<LinearOp>(op))
      return visitLinear(linear);
    if (auto conv = dyn_cast<ConvOp>(op))
      return visitConv(conv);
    if (auto gather = dyn_cast<GatherOp>(op))
      return visitGather(gather);
    if (auto matmul = dyn_cast<MatmulOp>(op))
      return visitMatmul(matmul);
    return false;
  }

private:
  bool visitLinear(LinearOp op);
  bool visitConv(ConvOp op);
  bool visitGather(GatherOp op);
  bool visitMatmul(MatmulOp op);
  bool useBlocks(OpOperand &weight);

  template <typename OpTy>
  std::optional<Moved<OpTy>> trace(Value value, bool acrossReshapes);
  Value move(Value value, ArrayRef<Operation *> moves);
  bool isScalar(Value value) const;
  std::optional<int64_t> axisOfScale(const Codes &codes);
  bool isActivation(const std::optional<Codes> &codes);
  bool isWeight(const std::optional<Codes> &codes);
  bool hasWeightZero(const Codes &weight);
  bool isSame(Value a, Value b);

  Value cast(Value value, Type type) {
    if (rewriter.elementTypeOf(value) == type)
      return value;
    return rewriter.create<CastOp>(value.getLoc(), type, value);
  }
  Value shifted(Value value, int64_t by, Type type);
  Value encoded(Location loc, Value like, Attribute format,
                function_ref<Operation *(Type)> build);
  Value encodeActivation(const Codes &codes);
  Value encodeWeight(const Codes &codes);
  Value vectorOf(Value value, int64_t size);

  GraphRewriter &rewriter;
  OpBuilder &builder;
  Type f32;
  ConstantExpressions constants;
};

} // namespace

//===----------------------------------------------------------------------===//
// Where codes come from
//===----------------------------------------------------------------------===//

template <typename OpTy>
std::optional<Moved<OpTy>> CodeUser::trace(Value value, bool acrossReshapes) {
  Moved<OpTy> moved;
  while (Operation *op = value.getDefiningOp()) {
    if ((moved.op = dyn_cast<OpTy>(op)))
      return moved;
    if (!isa<TransposeOp>(op) && !(acrossReshapes && isa<ReshapeOp>(op)))
      break;
    moved.moves.push_back(op);
    value = op->getOperand(0);
  }
  return std::nullopt;
}

Value CodeUser::move(Value value, ArrayRef<Operation *> moves) {
  for (Operation *op : llvm::reverse(moves)) {
    auto transpose = dyn_cast<TransposeOp>(op);
    value = transpose ? rewriter.transpose(op->getLoc(), value,
                                           transpose.getPermutation())
                      : rewriter.reshape(
                            op->getLoc(), value,
                            SymbolicShape(rewriter.shapeOf(op->getResult(0))));
  }
  return value;
}

bool CodeUser::isScalar(Value value) const {
  return llvm::all_of(rewriter.shapeOf(value),
                      [](AffineExpr dim) { return staticExtent(dim) == 1; });
}

/// The axis of the moved codes along which scales and zero points vary; -1 if
/// they do not.
std::optional<int64_t> CodeUser::axisOfScale(const Codes &codes) {
  FromCodesOp op = codes.op;
  SymbolicShape shape(rewriter.shapeOf(op.getResult()));
  int64_t axis = -1;
  for (Value parameter : {Value(op.getScale()), Value(op.getZero())}) {
    if (isScalar(parameter))
      continue;
    ArrayRef<AffineExpr> dims = rewriter.shapeOf(parameter);
    for (auto [i, dim] : llvm::enumerate(dims)) {
      int64_t at = int64_t(i + shape.size() - dims.size());
      if (staticExtent(dim) == 1)
        continue;
      if (dim != shape[at] || (axis >= 0 && axis != at))
        return std::nullopt;
      axis = at;
    }
  }
  if (axis < 0)
    return axis;
  MLIRContext *context = op.getContext();
  for (Operation *move : llvm::reverse(codes.moves)) {
    SymbolicShape after(rewriter.shapeOf(move->getResult(0)));
    std::optional<int64_t> found;
    if (auto transpose = dyn_cast<TransposeOp>(move)) {
      found = llvm::find(transpose.getPermutation(), axis) -
              transpose.getPermutation().begin();
    } else {
      // The axis is still one of its own.
      AffineExpr before =
          elementCount(ArrayRef(shape).take_front(axis), context);
      for (size_t i = 0; i < after.size() && !found; ++i)
        if (after[i] == shape[axis] &&
            elementCount(ArrayRef(after).take_front(i), context) == before)
          found = i;
    }
    if (!found)
      return std::nullopt;
    axis = *found;
    shape = after;
  }
  return axis;
}

static bool isByte(Type type) {
  return isa<IntegerType>(type) && type.getIntOrFloatBitWidth() == 8;
}

bool CodeUser::isActivation(const std::optional<Codes> &codes) {
  if (!codes)
    return false;
  FromCodesOp op = codes->op;
  // Static quantization divides by a scale above 0 (docs/numerics.md §6.2).
  double scale = splatValue(op.getScale()).value_or(1);
  return scale > 0 && std::isfinite(scale) &&
         isByte(rewriter.elementTypeOf(op.getCodes())) &&
         // Constant codes are decoded, or folded with their scale.
         !constants.contains(op.getCodes()) &&
         rewriter.elementTypeOf(op.getScale()).isF32() &&
         rewriter.elementTypeOf(op.getResult()).isF32() &&
         isScalar(op.getScale()) && isScalar(op.getZero());
}

/// One scale and zero point for all, or one per output channel.
bool CodeUser::isWeight(const std::optional<Codes> &codes) {
  if (!codes)
    return false;
  FromCodesOp op = codes->op;
  if (!isByte(rewriter.elementTypeOf(op.getCodes())) ||
      !rewriter.elementTypeOf(op.getScale()).isF32() ||
      !rewriter.elementTypeOf(op.getResult()).isF32() ||
      !constants.contains(op.getResult()))
    return false;
  std::optional<int64_t> axis = axisOfScale(*codes);
  return axis && *axis <= 0;
}

/// 0 for signed codes, 128 for unsigned ones.
bool CodeUser::hasWeightZero(const Codes &weight) {
  FromCodesOp op = weight.op;
  bool isUnsigned = rewriter.elementTypeOf(op.getCodes()).isUnsignedInteger();
  std::optional<double> zero = splatValue(op.getZero());
  // Bytes are read signed.
  return !zero || (isUnsigned ? std::abs(*zero) != 128 : *zero != 0);
}

bool CodeUser::isSame(Value a, Value b) {
  if (a == b)
    return true;
  auto x = a.getDefiningOp<ConstantOp>(), y = b.getDefiningOp<ConstantOp>();
  return x && y && x.getType() == y.getType() && x.getValue() == y.getValue();
}

//===----------------------------------------------------------------------===//
// Encoded values
//===----------------------------------------------------------------------===//

/// value + by, of another type of the same width.
Value CodeUser::shifted(Value value, int64_t by, Type type) {
  Location loc = value.getLoc();
  Type i32 = builder.getI32Type();
  Value wide = cast(value, i32);
  return cast(rewriter.create<AddOp>(loc, i32, wide,
                                     rewriter.splat(loc, i32, double(by))),
              type);
}

Value CodeUser::encoded(Location loc, Value like, Attribute format,
                        function_ref<Operation *(Type)> build) {
  auto type = EncodedType::get(
      builder.getContext(), llvm::cast<ShapedType>(like.getType()).getShape(),
      f32, format);
  Value result = build(type)->getResult(0);
  rewriter.shapes.setShape(result, SymbolicShape(rewriter.shapeOf(like)));
  return result;
}

/// Quantized here where the codes are, or made of codes from elsewhere.
Value CodeUser::encodeActivation(const Codes &codes) {
  FromCodesOp op = codes.op;
  Location loc = op.getLoc();
  Type ui8 = IntegerType::get(builder.getContext(), 8, IntegerType::Unsigned);
  bool isSigned = !rewriter.elementTypeOf(op.getCodes()).isUnsignedInteger();
  bool hasOffset = !isSigned || splatValue(op.getZero()) != 0.0;
  Value scale = rewriter.reshape(loc, op.getScale(), {});
  Value offset;
  if (hasOffset) {
    offset = rewriter.reshape(loc, op.getZero(), {});
    if (isSigned)
      offset = shifted(offset, 128, ui8);
  }
  auto format = fmt::IntAttr::get(
      builder.getContext(), 8, fmt::Granularity::Tensor, /*axis=*/0, {}, f32,
      hasOffset ? fmt::OffsetKind::Integer : fmt::OffsetKind::None,
      /*narrow=*/false);
  auto source = op.getCodes().getDefiningOp<ToCodesOp>();
  if (source && isSame(source.getScale(), op.getScale()) &&
      isSame(source.getZero(), op.getZero()) &&
      rewriter.elementTypeOf(source.getInput()).isF32()) {
    Value input = move(source.getInput(), codes.moves);
    return encoded(loc, input, format, [&](Type type) {
      return QuantizeOp::create(builder, loc, type, input, scale, offset,
                                /*rcp=*/false);
    });
  }
  Value moved = move(op.getCodes(), codes.moves);
  SmallVector<Value> payload = {moved, scale};
  if (hasOffset) {
    if (isSigned)
      payload[0] = shifted(moved, 128, ui8);
    payload.push_back(offset);
  }
  return encoded(loc, moved, format, [&](Type type) {
    return AssembleOp::create(builder, loc, type, payload);
  });
}

/// One element per output channel.
Value CodeUser::vectorOf(Value value, int64_t size) {
  Location loc = value.getLoc();
  AffineExpr extent = rewriter.constantExpr(size);
  if (!isScalar(value) || size == 1)
    return rewriter.reshape(loc, value, {extent});
  return rewriter.create<BroadcastToOp>(loc, rewriter.elementTypeOf(value),
                                        rewriter.reshape(loc, value, {}),
                                        rewriter.mapOf({extent}).getValue());
}

Value CodeUser::encodeWeight(const Codes &codes) {
  FromCodesOp op = codes.op;
  Location loc = op.getLoc();
  MLIRContext *context = builder.getContext();
  Type ui8 = IntegerType::get(context, 8, IntegerType::Unsigned);
  bool isUnsigned = rewriter.elementTypeOf(op.getCodes()).isUnsignedInteger();
  bool hasOffset = hasWeightZero(codes);
  Value moved = move(op.getCodes(), codes.moves);
  int64_t outputs = llvm::cast<ShapedType>(moved.getType()).getShape().front();
  auto format = fmt::IntAttr::get(
      context, 8, fmt::Granularity::Axis, /*axis=*/0, {}, f32,
      hasOffset ? fmt::OffsetKind::Integer : fmt::OffsetKind::None,
      /*narrow=*/false);
  SmallVector<Value> payload = {moved, vectorOf(op.getScale(), outputs)};
  if (hasOffset)
    payload.push_back(vectorOf(op.getZero(), outputs));
  // Signed without an offset, unsigned with one.
  if (hasOffset && !isUnsigned) {
    payload[0] = shifted(payload[0], 128, ui8);
    payload[2] = shifted(payload[2], 128, ui8);
  } else if (!hasOffset && isUnsigned) {
    payload[0] = shifted(payload[0], -128, builder.getI8Type());
  }
  return encoded(loc, moved, format, [&](Type type) {
    return AssembleOp::create(builder, loc, type, payload);
  });
}

//===----------------------------------------------------------------------===//
// Users of codes
//===----------------------------------------------------------------------===//

/// Products of bytes that one int32 sum holds, with and without an offset of
/// the weight: 255 * 255, and 255 * 128, times this is below 2^31.
static int64_t mostProducts(bool hasOffset) {
  return hasOffset ? 33025 : 65536;
}

bool CodeUser::visitLinear(LinearOp op) {
  if (!isa<TensorType>(op.getInput().getType()) ||
      !isa<TensorType>(op.getWeight().getType()) || op.getPackedFrom())
    return false;
  if (useBlocks(op.getWeightMutable()))
    return true;
  auto input = trace<FromCodesOp>(op.getInput(), /*acrossReshapes=*/true);
  auto weight = trace<FromCodesOp>(op.getWeight(), /*acrossReshapes=*/true);
  if (!isActivation(input) || !isWeight(weight))
    return false;
  auto shape = llvm::cast<ShapedType>(op.getWeight().getType()).getShape();
  if (shape[1] > mostProducts(hasWeightZero(*weight)))
    return false;
  op.getInputMutable().set(encodeActivation(*input));
  op.getWeightMutable().set(encodeWeight(*weight));
  return true;
}

/// Dense, depthwise, and in groups that few kernels take together.
bool CodeUser::visitConv(ConvOp op) {
  if (!isa<TensorType>(op.getInput().getType()) ||
      !isa<TensorType>(op.getWeight().getType()) || op.getPackedFrom() ||
      !op.getChannelsLast())
    return false;
  auto input = trace<FromCodesOp>(op.getInput(), /*acrossReshapes=*/true);
  auto weight = trace<FromCodesOp>(op.getWeight(), /*acrossReshapes=*/true);
  if (!isActivation(input) || !isWeight(weight) || hasWeightZero(*weight))
    return false;
  auto shape = llvm::cast<ShapedType>(op.getWeight().getType()).getShape();
  int64_t limit = op.isDepthwise() ? fmt::kMaxDepthwiseTaps
                                   : mostProducts(/*hasOffset=*/false);
  int64_t together = getGroupsTogether(op);
  if (together == 0 || llvm::product_of(shape.drop_front()) * together > limit)
    return false;
  op.getInputMutable().set(encodeActivation(*input));
  op.getWeightMutable().set(encodeWeight(*weight));
  return true;
}

/// Rows of a table are looked up as codes.
bool CodeUser::visitGather(GatherOp op) {
  if (!isa<TensorType>(op.getInput().getType()) || op.getPackedFrom())
    return false;
  if (op.getAxis() == 0 && useBlocks(op.getInputMutable()))
    return true;
  auto table = trace<FromCodesOp>(op.getInput(), /*acrossReshapes=*/true);
  if (!table)
    return false;
  FromCodesOp source = table->op;
  if (op.getAxis() == 0 && isWeight(table) && !hasWeightZero(*table) &&
      rewriter.shapeOf(op.getInput()).size() == 2) {
    op.getInputMutable().set(encodeWeight(*table));
    return true;
  }
  if (!isScalar(source.getScale()) || !isScalar(source.getZero()))
    return false;
  Value codes = rewriter.create<GatherOp>(
      op.getLoc(), rewriter.elementTypeOf(source.getCodes()),
      move(source.getCodes(), table->moves), op.getIndices(), op.getAxis(),
      DenseI64ArrayAttr());
  if (!codes)
    return false;
  Value values = rewriter.create<FromCodesOp>(
      op.getLoc(), rewriter.elementTypeOf(source.getResult()), codes,
      rewriter.reshape(op.getLoc(), source.getScale(), {}),
      rewriter.reshape(op.getLoc(), source.getZero(), {}));
  if (!values)
    return false;
  rewriter.replaceAllUses(op.getResult(), values);
  return true;
}

/// Two activations are multiplied as floats that are integers, so sums are
/// exact up to 2^24; the scales come after.
bool CodeUser::visitMatmul(MatmulOp op) {
  auto lhs = trace<FromCodesOp>(op.getLhs(), /*acrossReshapes=*/true);
  auto rhs = trace<FromCodesOp>(op.getRhs(), /*acrossReshapes=*/true);
  if (!isActivation(lhs) || !isActivation(rhs))
    return false;
  Location loc = op.getLoc();
  auto unscaled = [&](const Codes &codes) {
    FromCodesOp source = codes.op;
    return move(rewriter.create<FromCodesOp>(loc, f32, source.getCodes(),
                                             rewriter.splat(loc, f32, 1),
                                             source.getZero()),
                codes.moves);
  };
  Value result =
      rewriter.create<MatmulOp>(loc, f32, unscaled(*lhs), unscaled(*rhs));
  for (FromCodesOp source : {rhs->op, lhs->op}) {
    if (splatValue(source.getScale()) == 1.0 || !result)
      continue;
    result = rewriter.create<MulOp>(
        loc, f32, result, rewriter.reshape(loc, source.getScale(), {}));
  }
  if (!result)
    return false;
  rewriter.replaceAllUses(op.getResult(), result);
  return true;
}

/// A constant matrix in blocks, as codes.
bool CodeUser::useBlocks(OpOperand &weight) {
  auto source = trace<DequantizeOp>(weight.get(), /*acrossReshapes=*/false);
  if (!source)
    return false;
  auto assemble = source->op.getInput().getDefiningOp<AssembleOp>();
  if (!assemble || !constants.contains(assemble.getResult()))
    return false;
  auto format = llvm::cast<EncodedType>(assemble.getType()).getScheme();
  SmallVector<Value> payload = llvm::to_vector(assemble.getPayload());
  for (Operation *op : llvm::reverse(source->moves)) {
    ArrayRef<int64_t> order = llvm::cast<TransposeOp>(op).getPermutation();
    format = format.transpose(order);
    for (Value &array : payload) {
      if (!format || rewriter.shapeOf(array).size() != order.size())
        return false;
      array = rewriter.transpose(op->getLoc(), array, order);
    }
  }
  auto shape = llvm::cast<ShapedType>(payload[0].getType()).getShape();
  if (shape.size() != 2 || !format.asBlocks(shape))
    return false;
  Location loc = assemble.getLoc();
  weight.set(encoded(loc, payload[0], format, [&](Type type) {
    return AssembleOp::create(builder, loc, type, payload);
  }));
  return true;
}

namespace {
struct UseCodesPass : public quantc::qnn::impl::UseCodesPassBase<UseCodesPass> {
  void runOnOperation() override {
    LogicalResult result =
        rewriteGraph(getOperation(), [&](GraphRewriter &rewriter) {
          CodeUser codes(rewriter);
          return rewriter.forEach(
              [&](Operation *op) { numUses += codes.visit(op); });
        });
    if (failed(result))
      signalPassFailure();
  }
};
} // namespace

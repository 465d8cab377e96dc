// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Replaces !qnn.encoded values by their payload arrays, in one forward walk.
// Which pairs of formats have a kernel is decided here and nowhere else.

#include "quantc/Codegen/Passes.h"
#include "quantc/Dialect/QNN/ConstantExpressions.h"
#include "quantc/Dialect/QNN/GroupedConvs.h"
#include "quantc/Dialect/QNN/QNN.h"

namespace quantc {
#define GEN_PASS_DEF_EXPANDENCODEDPASS
#include "quantc/Codegen/Passes.h.inc"
} // namespace quantc

using namespace mlir;
using namespace quantc;
using namespace quantc::qnn;
using fmt::FormatInterface;

namespace {

/// Bytes, one f32 scale, and integer offset if there are any, for each slice of
/// axis 0.
bool isByteRows(FormatInterface format, ArrayRef<int64_t> shape,
                bool withOffset) {
  auto uniform = format.asUniform(shape);
  return uniform && uniform->maxCode - uniform->minCode >= 253 &&
         uniform->maxCode >= 127 && uniform->scaleType.isF32() &&
         uniform->hasOffset == withOffset && uniform->block[0] == 1 &&
         ArrayRef(uniform->block).drop_front() == shape.drop_front();
}

/// The blocks of a weight that kernels read as packed lines: codes of few bits,
/// whose groups of products fit one int32 sum if they are integers.
std::optional<fmt::BlockFormat> blocksOf(EncodedType type) {
  FormatInterface format = type.getScheme();
  if (type.getRank() != 2 || !type.hasStaticShape())
    return std::nullopt;
  auto blocks = format.asBlocks(type.getShape());
  constexpr int32_t most = 127; // of an activation's codes
  if (blocks &&
      blocks->group > fmt::maxGroupLength(format.planes(), -most, most))
    return std::nullopt;
  return blocks;
}

class Expander {
public:
  explicit Expander(MLIRContext *context) : builder(context) {}

  LogicalResult visit(Operation *op) {
    for (Value operand : op->getOperands())
      if (isa<EncodedType>(operand.getType()) && !payloads.contains(operand))
        return op->emitOpError("expected encoded operands made by "
                               "qnn.quantize, qnn.assemble or "
                               "qnn.encoded_constant, got ")
               << operand.getType();
    builder.setInsertionPoint(op);
    if (auto quantize = dyn_cast<QuantizeOp>(op))
      return expand(quantize);
    if (auto constant = dyn_cast<EncodedConstantOp>(op))
      return expand(constant);
    if (auto assemble = dyn_cast<AssembleOp>(op))
      return expand(assemble);
    if (auto dequantize = dyn_cast<DequantizeOp>(op))
      return expand(dequantize);
    if (auto linear = dyn_cast<LinearOp>(op); linear && expand(linear))
      return success();
    if (auto conv = dyn_cast<ConvOp>(op); conv && expand(conv))
      return success();
    if (auto gather = dyn_cast<GatherOp>(op); gather && expand(gather))
      return success();
    return decodeOperands(op);
  }

  /// Erases what was replaced, users first.
  void finish() {
    for (Operation *op : llvm::reverse(replaced))
      op->erase();
  }

private:
  /// What stands for an encoded value.
  using Values = SmallVector<Value, 3>;
  struct Payload {
    /// By FormatInterface::payload, of activations signed codes and scales.
    Values arrays;
    /// Of activations: the sums of the rows' codes if a linear needs them, and
    /// the zero point of the signed codes unless it is 0.
    Value sums, zeroPoint;
    bool isActivation = false;
  };

  LogicalResult expand(QuantizeOp op) {
    auto type = cast<EncodedType>(op.getType());
    if (!constants.contains(op.getInput()))
      return op.getScale() ? expandStatic(op, type) : expandDynamic(op, type);
    SmallVector<Type> types = payloadTypes(type);
    auto encode = EncodeOp::create(builder, op.getLoc(), types, op.getInput(),
                                   type.getScheme());
    return define(op, {Values(encode.getResults()), {}, {}});
  }

  LogicalResult expandDynamic(QuantizeOp op, EncodedType type) {
    std::optional<int64_t> axis = firstAxisOfRow(type);
    if (!axis || !op.getRcp())
      return noKernel(op);
    // A sample of one row is both; a convolution takes samples.
    if (llvm::all_of(op->getUsers(), llvm::IsaPred<ConvOp>))
      while (*axis > 1 && type.getShape()[*axis - 1] == 1)
        --*axis;
    Values rows = quantizeRows(op, *axis, std::nullopt);
    return define(op, {Values{rows[0], rows[1]}, rows[2], Value(), true});
  }

  /// Codes, scales, and the sums of rows or of groups in them.
  Values quantizeRows(QuantizeOp op, int64_t axis,
                      std::optional<int64_t> group) {
    ArrayRef<int64_t> shape = cast<EncodedType>(op.getType()).getShape();
    ArrayRef<int64_t> rows = shape.take_front(axis);
    SmallVector<int64_t> sums(rows);
    if (group)
      sums.push_back(llvm::divideCeil(shape.back(), *group));
    auto quantize = QuantizeRowsOp::create(
        builder, op.getLoc(),
        TypeRange{RankedTensorType::get(shape, builder.getI8Type()),
                  RankedTensorType::get(rows, builder.getF32Type()),
                  RankedTensorType::get(sums, builder.getI32Type())},
        op.getInput(), axis + 1 == int64_t(shape.size()) ? -1 : axis,
        group ? builder.getI64IntegerAttr(*group) : nullptr);
    return Values(quantize.getResults());
  }

  /// Codes, scales and sums of groups, computed where the value is quantized.
  ArrayRef<Value> groupedRows(Value value, int64_t group) {
    Values &arrays = grouped[{value, group}];
    if (arrays.empty()) {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPoint(value.getDefiningOp());
      int64_t axis = cast<EncodedType>(value.getType()).getRank() - 1;
      arrays = quantizeRows(value.getDefiningOp<QuantizeOp>(), axis, group);
    }
    return arrays;
  }

  /// Unsigned codes become signed ones: codes and zero point less 128.
  LogicalResult expandStatic(QuantizeOp op, EncodedType type) {
    ArrayRef<int64_t> shape = type.getShape();
    auto uniform = type.getScheme().asUniform(shape);
    bool isShared = uniform && ArrayRef(uniform->block) == shape &&
                    uniform->maxCode - uniform->minCode >= 254 &&
                    uniform->hasOffset == bool(op.getOffset());
    if (!isShared)
      return noKernel(op);
    int32_t shift = uniform->hasOffset ? -128 : 0;
    Value zero = op.getOffset() ? shifted(op.getLoc(), op.getOffset(), shift)
                                : scalarConstant(op.getLoc(), shift);
    StaticCodes made = quantizeStatic(op, op.getInput(), op.getScale(), zero,
                                      uniform->minCode + shift);
    return define(op, {Values{made.codes, op.getScale()}, made.sums,
                       op.getOffset() ? zero : Value(), true});
  }

  struct StaticCodes {
    Value codes, sums;
  };

  /// Signed codes for the users of `encoded`.  Linears need the sums of rows,
  /// which come from one pass with the codes; for convolutions alone codes are
  /// an elementwise operation, part of the kernel of a contraction before it.
  StaticCodes quantizeStatic(Operation *encoded, Value input, Value scale,
                             Value zero, int32_t low) {
    Location loc = encoded->getLoc();
    Type i8 = builder.getI8Type();
    ArrayRef<int64_t> shape = cast<ShapedType>(input.getType()).getShape();
    auto codesType = RankedTensorType::get(shape, i8);
    bool needsSums = llvm::any_of(encoded->getUsers(), [](Operation *user) {
      return !isa<ConvOp>(user);
    });
    Operation *producer = input.getDefiningOp();
    bool isMoved = !producer || isa<TransposeOp, ReshapeOp>(producer);
    if (low == -128 && !needsSums && (isMoved || followsContraction(input))) {
      Value narrow =
          CastOp::create(builder, loc, RankedTensorType::get({}, i8), zero);
      Value codes =
          ToCodesOp::create(builder, loc, codesType, input, scale, narrow);
      return {codes, Value()};
    }
    auto quantize = QuantizeStaticOp::create(
        builder, loc,
        TypeRange{codesType, RankedTensorType::get(shape.drop_back(),
                                                   builder.getI32Type())},
        input, scale, zero, low);
    return {quantize.getCodes(), quantize.getSums()};
  }

  /// Whether a value that nobody else reads is the result of a contraction, but
  /// for elementwise operations: a kernel with two results takes two passes.
  static bool followsContraction(Value value) {
    for (int depth = 0; depth < 16; ++depth) {
      Operation *op = value.getDefiningOp();
      if (!value.hasOneUse())
        return false;
      if (op && isa<LinearOp, QuantizedLinearOp, BlockLinearOp, MatmulOp,
                    ConvOp, QuantizedConvOp>(op))
        return true;
      if (!op || !isa<ElementwiseOpInterface>(op))
        return false;
      value = op->getOperand(0);
    }
    return false;
  }

  /// The sum of each row's codes.
  Value rowSums(Location loc, Value codes) {
    ArrayRef<int64_t> shape = cast<ShapedType>(codes.getType()).getShape();
    Type i32 = builder.getI32Type();
    Value wide =
        CastOp::create(builder, loc, RankedTensorType::get(shape, i32), codes);
    return ReduceOp::create(
        builder, loc, RankedTensorType::get(shape.drop_back(), i32),
        ReduceKind::sum, wide, ArrayRef<int64_t>{int64_t(shape.size()) - 1},
        /*keep_dims=*/false);
  }

  Value scalarConstant(Location loc, int32_t value) {
    auto scalar = RankedTensorType::get({}, builder.getI32Type());
    return ConstantOp::create(builder, loc, scalar,
                              DenseElementsAttr::get(scalar, value));
  }

  /// value + by, in i32.
  Value shifted(Location loc, Value value, int32_t by) {
    Type type = RankedTensorType::get(
        cast<ShapedType>(value.getType()).getShape(), builder.getI32Type());
    Value wide = CastOp::create(builder, loc, type, value);
    return AddOp::create(builder, loc, type, wide, scalarConstant(loc, by));
  }

  /// Unsigned codes less 128.
  Value signedCodes(Location loc, Value codes) {
    auto type = cast<ShapedType>(codes.getType());
    if (!type.getElementType().isUnsignedInteger())
      return codes;
    return CastOp::create(
        builder, loc,
        RankedTensorType::get(type.getShape(), builder.getI8Type()),
        shifted(loc, codes, -128));
  }

  /// Codes of a weight stay as they are until a consumer is found; those of an
  /// activation get the sums of their rows.
  LogicalResult expand(AssembleOp op) {
    auto type = cast<EncodedType>(op.getType());
    auto arrays = llvm::to_vector_of<Value, 3>(op.getPayload());
    if (constants.contains(arrays[0]))
      return define(op, {arrays, {}, {}});
    ArrayRef<int64_t> shape = type.getShape();
    auto uniform = type.getScheme().asUniform(shape);
    if (!uniform || ArrayRef(uniform->block) != shape ||
        uniform->maxCode - uniform->minCode < 254 || shape.empty())
      return op.emitOpError("has no kernel on codes that change from run to "
                            "run in format ")
             << type.getFormat() << "; expected #fmt.int<8, tensor>";
    Location loc = op.getLoc();
    Value zero = uniform->hasOffset ? shifted(loc, arrays[2], -128) : Value();
    if (std::optional<StaticCodes> made = quantizeAnew(op, *uniform))
      return define(op,
                    {Values{made->codes, arrays[1]}, made->sums, zero, true});
    Value codes = signedCodes(loc, arrays[0]);
    return define(op,
                  {Values{codes, arrays[1]}, rowSums(loc, codes), zero, true});
  }

  /// Codes that are quantized here, in the form that gives their sums as well.
  /// Codes that others read too serve convolutions, which need no sums, as they
  /// are: a kernel with two results made of one value would compute it twice.
  std::optional<StaticCodes> quantizeAnew(AssembleOp op,
                                          const fmt::UniformFormat &uniform) {
    auto source = op.getPayload()[0].getDefiningOp<ToCodesOp>();
    auto isScalar = [](Value value) {
      return cast<ShapedType>(value.getType()).getRank() == 0;
    };
    if (!source || !isScalar(source.getScale()) || !isScalar(source.getZero()))
      return std::nullopt;
    if (llvm::all_of(op->getUsers(), llvm::IsaPred<ConvOp>) &&
        !llvm::all_of(source->getUsers(), llvm::IsaPred<AssembleOp>))
      return std::nullopt;
    int32_t shift = uniform.hasOffset ? -128 : 0;
    return quantizeStatic(op, source.getInput(), source.getScale(),
                          shifted(op.getLoc(), source.getZero(), shift),
                          uniform.minCode + shift);
  }

  static LogicalResult noKernel(QuantizeOp op) {
    return op.emitOpError("has no kernel to format ")
           << cast<EncodedType>(op.getType()).getFormat()
           << "; activations are quantized to #fmt.int<8> by rows or samples "
              "with 'rcp', or to #fmt.int<8, tensor> with a scale";
  }

  /// Where an int8 format has one scale for all elements that differ only in
  /// the axes from this one on.
  static std::optional<int64_t> firstAxisOfRow(EncodedType type) {
    ArrayRef<int64_t> shape = type.getShape();
    auto uniform = type.getScheme().asUniform(shape);
    if (!uniform || uniform->hasOffset || uniform->maxCode != 127)
      return std::nullopt;
    ArrayRef<int64_t> block = uniform->block;
    int64_t axis = 0;
    while (axis + 1 < int64_t(block.size()) && block[axis] == 1)
      ++axis;
    if (axis == 0 || block.drop_front(axis) != shape.drop_front(axis))
      return std::nullopt;
    return axis;
  }

  LogicalResult expand(EncodedConstantOp op) {
    auto type = cast<EncodedType>(op.getType());
    SmallVector<Attribute> arrays;
    for (const fmt::PayloadArray &array :
         type.getScheme().payload(type.getShape()))
      arrays.push_back(op.getPayload().get(array.name));
    auto payload = PayloadOp::create(builder, op.getLoc(), payloadTypes(type),
                                     builder.getArrayAttr(arrays));
    return define(op, {Values(payload.getResults()), {}, {}});
  }

  LogicalResult expand(DequantizeOp op) {
    FailureOr<Value> value = decode(op, op.getInput());
    if (failed(value))
      return failure();
    op.getResult().replaceAllUsesWith(*value);
    replaced.push_back(op);
    return success();
  }

  bool expand(LinearOp op) {
    auto input = dyn_cast<EncodedType>(op.getInput().getType());
    auto weight = dyn_cast<EncodedType>(op.getWeight().getType());
    if (weight && !op.getPackedFrom() && expandBlocks(op, input, weight))
      return true;
    if (!input || !weight || op.getPackedFrom() ||
        !payloads[op.getInput()].sums)
      return false;
    bool hasOffset =
        weight.getScheme().getOffsetKind() == fmt::OffsetKind::Integer;
    if (!isByteRows(weight.getScheme(), weight.getShape(), hasOffset))
      return false;
    Location loc = op.getLoc();
    const Payload &a = payloads[op.getInput()];
    const Payload &w = payloads[op.getWeight()];
    Value codes = w.arrays[0], zero, start;
    if (hasOffset) {
      codes = signedOnce(loc, codes);
      zero = shifted(loc, w.arrays[2], -128);
    }
    if (a.zeroPoint)
      start = zeroPointSums(loc, codes, a.zeroPoint, zero);
    auto twin = QuantizedLinearOp::create(
        builder, loc, op.getType(), a.arrays[0], a.arrays[1], a.sums, codes,
        w.arrays[1], zero, start, op.getBias(), DenseI64ArrayAttr());
    return replace(op, twin.getResult());
  }

  /// Linears that share a weight share its signed codes.
  Value signedOnce(Location loc, Value codes) {
    Value &known = signedWeights[codes];
    if (!known) {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointAfterValue(codes);
      known = signedCodes(loc, codes);
    }
    return known;
  }

  /// -zero * the sum of the codes, less the weight's zero point, of each output
  /// channel: a lazy expression if the zero is constant.
  Value zeroPointSums(Location loc, Value codes, Value zero,
                      Value weightZero = {}) {
    auto shape = cast<ShapedType>(codes.getType()).getShape();
    Type i32 = builder.getI32Type();
    auto vector = RankedTensorType::get(shape[0], i32);
    auto matrix = RankedTensorType::get(shape, i32);
    Value wide = CastOp::create(builder, loc, matrix, codes);
    if (weightZero) {
      auto column = RankedTensorType::get({shape[0], 1}, i32);
      AffineExpr one = builder.getAffineConstantExpr(1),
                 outputs = builder.getAffineConstantExpr(shape[0]);
      Value zeros = ReshapeOp::create(
          builder, loc, column, weightZero,
          AffineMap::get(0, 0, {outputs, one}, builder.getContext()));
      wide = SubOp::create(builder, loc, matrix, wide, zeros);
    }
    Value sums =
        ReduceOp::create(builder, loc, vector, ReduceKind::sum, wide,
                         llvm::to_vector(llvm::seq<int64_t>(1, shape.size())),
                         /*keep_dims=*/false);
    Value products = MulOp::create(builder, loc, vector, sums, zero);
    return NegOp::create(builder, loc, vector, products);
  }

  /// One scale for all samples or one per sample, one per output channel.
  bool expand(ConvOp op) {
    auto input = dyn_cast<EncodedType>(op.getInput().getType());
    auto weight = dyn_cast<EncodedType>(op.getWeight().getType());
    if (!input || !weight || !op.getChannelsLast() || op.getPackedFrom() ||
        !payloads[op.getInput()].isActivation ||
        !isByteRows(weight.getScheme(), weight.getShape(),
                    /*withOffset=*/false))
      return false;
    const Payload &a = payloads[op.getInput()];
    const Values &w = payloads[op.getWeight()].arrays;
    int64_t groups = op.getGroups(), together = getGroupsTogether(op);
    if (cast<ShapedType>(a.arrays[1].getType()).getRank() > 1 || !together)
      return false;
    Value start = a.zeroPoint && !op.isDepthwise()
                      ? zeroPointSums(op.getLoc(), w[0], a.zeroPoint)
                      : Value();
    Value codes = together == 1 ? w[0]
                                : spreadGroups(builder, op.getLoc(), w[0],
                                               groups, together);
    auto twin = QuantizedConvOp::create(
        builder, op.getLoc(), op.getType(), a.arrays[0], a.arrays[1], codes,
        w[1], a.zeroPoint, start, op.getBias(), op.getStridesAttr(),
        op.getDilationsAttr(), op.getPadLowAttr(), op.getPadHighAttr(),
        builder.getI64IntegerAttr(groups / together), DenseI64ArrayAttr(),
        UnitAttr());
    return replace(op, twin.getResult());
  }

  /// Whether a value is an activation quantized while running, by rows of its
  /// last axis.
  static bool isByRows(Value value) {
    auto quantize = value.getDefiningOp<QuantizeOp>();
    auto type = cast<EncodedType>(value.getType());
    return quantize && quantize.getRcp() && !quantize.getScale() &&
           firstAxisOfRow(type) == int64_t(type.getRank()) - 1;
  }

  /// Codes in blocks, times int8 rows or floats; only integers times rows and
  /// times bf16.
  bool expandBlocks(LinearOp op, EncodedType input, EncodedType weight) {
    auto blocks = blocksOf(weight);
    if (!blocks ||
        (input && !(isByRows(op.getInput()) && blocks->areIntegers())) ||
        !cast<ShapedType>(op.getType()).getElementType().isF32())
      return false;
    Values a = {op.getInput(), Value(), Value()};
    if (input)
      llvm::copy(groupedRows(op.getInput(), blocks->group), a.begin());
    else if (Type element =
                 cast<ShapedType>(op.getInput().getType()).getElementType();
             !element.isF32() && !(element.isBF16() && blocks->areIntegers()))
      return false;
    const Values &w = payloads[op.getWeight()].arrays;
    auto twin = BlockLinearOp::create(
        builder, op.getLoc(), op.getType(), a[0], a[1], a[2], w[0], w[1],
        w.size() > 2 ? w[2] : Value(), op.getBias(), weight.getScheme(),
        DenseI64ArrayAttr());
    return replace(op, twin.getResult());
  }

  bool expand(GatherOp op) {
    auto table = dyn_cast<EncodedType>(op.getInput().getType());
    if (table && op.getAxis() == 0 && blocksOf(table)) {
      ArrayRef<Value> arrays = payloads[op.getInput()].arrays;
      auto twin = BlockGatherOp::create(
          builder, op.getLoc(), op.getType(), arrays[0], arrays[1],
          arrays.size() > 2 ? arrays[2] : Value(), op.getIndices(),
          table.getScheme(), DenseI64ArrayAttr());
      return replace(op, twin.getResult());
    }
    if (!table || op.getAxis() != 0 || table.getShape().size() != 2 ||
        !isByteRows(table.getScheme(), table.getShape(),
                    /*withOffset=*/false))
      return false;
    const Values &arrays = payloads[op.getInput()].arrays;
    auto twin = QuantizedGatherOp::create(builder, op.getLoc(), op.getType(),
                                          arrays[0], arrays[1], op.getIndices(),
                                          DenseI64ArrayAttr());
    return replace(op, twin.getResult());
  }

  LogicalResult decodeOperands(Operation *op) {
    for (OpOperand &operand : op->getOpOperands()) {
      if (!isa<EncodedType>(operand.get().getType()))
        continue;
      op->emitRemark() << "computes on decoded values: no kernel for "
                       << operand.get().getType();
      FailureOr<Value> value = decode(op, operand.get());
      if (failed(value))
        return failure();
      operand.set(*value);
    }
    return success();
  }

  /// The float tensor that an encoded value stands for.
  FailureOr<Value> decode(Operation *op, Value value) {
    auto type = cast<EncodedType>(value.getType());
    const Payload &payload = payloads[value];
    if (payload.zeroPoint)
      return op->emitOpError("has no kernel for an operand of type ") << type;
    ArrayRef<Value> arrays = payload.arrays;
    auto decoded = DecodeOp::create(
        builder, op->getLoc(),
        RankedTensorType::get(type.getShape(), type.getElementType()), arrays,
        type.getScheme());
    return Value(decoded.getResult());
  }

  SmallVector<Type> payloadTypes(EncodedType type) {
    SmallVector<Type> types;
    for (const fmt::PayloadArray &array :
         type.getScheme().payload(type.getShape()))
      types.push_back(RankedTensorType::get(array.shape, array.elementType));
    return types;
  }

  LogicalResult define(Operation *op, Payload payload) {
    payloads[op->getResult(0)] = std::move(payload);
    replaced.push_back(op);
    return success();
  }

  bool replace(Operation *op, Value value) {
    op->getResult(0).replaceAllUsesWith(value);
    replaced.push_back(op);
    return true;
  }

  OpBuilder builder;
  ConstantExpressions constants;
  DenseMap<Value, Payload> payloads;
  /// Codes, scales and sums of groups of activations, by the groups' length.
  DenseMap<std::pair<Value, int64_t>, Values> grouped;
  /// Unsigned codes of weights, less 128.
  DenseMap<Value, Value> signedWeights;
  SmallVector<Operation *> replaced;
};

struct ExpandEncodedPass
    : public quantc::impl::ExpandEncodedPassBase<ExpandEncodedPass> {
  void runOnOperation() override {
    func::FuncOp func = getOperation();
    if (func.isExternal())
      return;
    Expander expander(&getContext());
    for (Operation &op : llvm::make_early_inc_range(func.front()))
      if (failed(expander.visit(&op)))
        return signalPassFailure();
    expander.finish();
  }
};

} // namespace

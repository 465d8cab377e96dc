// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Puts qnn.quantize before the operands of linears, convolutions and look-ups.

#include "StaticRanges.h"
#include "mlir/AsmParser/AsmParser.h"
#include "quantc/Allocation/Passes.h"
#include "quantc/Dialect/QNN/ConstantExpressions.h"
#include "quantc/Dialect/QNN/GroupedConvs.h"
#include "quantc/Dialect/QNN/NodeNames.h"
#include "quantc/Dialect/QNN/QNN.h"
#include "llvm/Support/GlobPattern.h"

namespace quantc {
#define GEN_PASS_DEF_ASSIGNFORMATSPASS
#include "quantc/Allocation/Passes.h.inc"

// A row or sample that is all of a value still has a scale of its own.
bool isStaticActivation(fmt::FormatInterface format) {
  auto integer = mlir::dyn_cast_if_present<fmt::IntAttr>(format);
  return integer && integer.getGranularity() == fmt::Granularity::Tensor;
}
} // namespace quantc

using namespace mlir;
using namespace quantc;
using namespace quantc::qnn;
using fmt::FormatInterface;

namespace {

/// The formats of one run; null where operands stay float.
struct Formats {
  FormatInterface weight, activation, table;
};

/// The longest run of the last axis that shares a scale.
int64_t groupLength(FormatInterface format, ArrayRef<int64_t> shape) {
  auto uniform = format.asUniform(shape);
  return uniform ? uniform->block.back() : shape.back();
}

/// Other formats for the nodes that a pattern matches.
struct FormatOverride {
  std::string text;
  llvm::GlobPattern nodes;
  std::optional<FormatInterface> weight, activation, table;

  bool matches(Location loc) const {
    SmallVector<StringRef> names;
    collectNodeNames(loc, names);
    return llvm::any_of(names,
                        [&](StringRef name) { return nodes.match(name); });
  }
};

/// A pixel is part of several windows, so where rows have a scale each, images
/// have one for each sample.
FormatInterface imageFormat(FormatInterface format) {
  auto rows = dyn_cast<fmt::IntAttr>(format);
  if (!rows || rows.getGranularity() != fmt::Granularity::Row)
    return format;
  return fmt::IntAttr::get(
      rows.getContext(), rows.getBits(), fmt::Granularity::Axis, /*axis=*/0,
      /*block=*/{}, rows.getScaleType(), rows.getOffset(), rows.getNarrow());
}

class FormatAssigner {
public:
  FormatAssigner(MLIRContext *context, const Formats &formats,
                 ArrayRef<FormatOverride> overrides, const StaticRanges &ranges,
                 double staticLimit, bool bf16)
      : builder(context), recipe(formats), overrides(overrides), ranges(ranges),
        staticLimit(staticLimit), bf16(bf16) {}

  /// Whether the linear was given formats; an error is emitted on it.
  FailureOr<bool> assign(LinearOp op) {
    Formats formats = formatsOf(op);
    auto input = dyn_cast<RankedTensorType>(op.getInput().getType());
    if (!formats.weight || !isFloatMatrix(op.getWeight()) ||
        op.getPackedFrom() || !input || !input.getElementType().isF32() ||
        !fits(op, formats))
      return false;
    Value weight =
        quantizeOnce(op.getWeight(), formats.weight, /*isConstant=*/true);
    if (ranges.isLoaded() && failed(noteStatistic(op, weight)))
      return failure();
    tied.try_emplace(op.getWeight(), weight);
    op.getWeightMutable().set(weight);
    if (!formats.activation) {
      if (bf16)
        roundInput(op, formats.weight);
      return true;
    }
    if (formats.weight.planes().empty()) {
      op.emitRemark() << "its input stays float: codes of "
                      << Attribute(formats.weight) << " are no integers";
      return true;
    }
    FailureOr<Value> activation = quantizeActivation(
        op, op.getInput(), formats.activation, intByRows(builder.getContext()));
    if (failed(activation))
      return failure();
    op.getInputMutable().set(*activation);
    return true;
  }

  /// Those that have a kernel on codes.
  FailureOr<bool> assign(ConvOp op) {
    Formats formats = formatsOf(op);
    auto input = dyn_cast<RankedTensorType>(op.getInput().getType());
    auto weight = dyn_cast<RankedTensorType>(op.getWeight().getType());
    if (!formats.weight || !formats.activation || !input || !weight ||
        !input.getElementType().isF32() || !weight.getElementType().isF32() ||
        !constants.contains(op.getWeight()) || !op.getChannelsLast() ||
        op.getPackedFrom() || !fits(op, formats))
      return false;
    FailureOr<Value> activation =
        quantizeActivation(op, op.getInput(), imageFormat(formats.activation),
                           imageFormat(intByRows(builder.getContext())));
    if (failed(activation))
      return failure();
    op.getInputMutable().set(*activation);
    op.getWeightMutable().set(
        quantizeOnce(op.getWeight(), formats.weight, /*isConstant=*/true));
    return true;
  }

  bool assign(GatherOp op, int64_t minElements) {
    Formats formats = formatsOf(op);
    if (!formats.table || op.getAxis() != 0 || !isFloatMatrix(op.getInput()) ||
        cast<ShapedType>(op.getInput().getType()).getNumElements() <
            minElements)
      return false;
    // A tied table has the format of its linear, so that it is stored once.
    Value table = tied.lookup(op.getInput());
    if (!table)
      table = quantizeOnce(op.getInput(), formats.table, /*isConstant=*/true);
    op.getInputMutable().set(table);
    return true;
  }

private:
  Formats formatsOf(Operation *op) const {
    Formats formats = recipe;
    if (auto chosen = op->getAttrOfType<FormatInterface>(kFormatAttr))
      formats.weight = formats.table = chosen;
    const auto *it = llvm::find_if(overrides, [&](const FormatOverride &o) {
      return o.matches(op->getLoc());
    });
    if (it == overrides.end())
      return formats;
    formats.weight = it->weight.value_or(formats.weight);
    formats.activation = it->activation.value_or(formats.activation);
    formats.table = it->table.value_or(formats.table);
    return formats;
  }

  bool isFloatMatrix(Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    return type && type.getRank() == 2 && type.getElementType().isF32() &&
           constants.contains(value);
  }

  static bool fits(LinearOp op, const Formats &formats) {
    auto weight = cast<ShapedType>(op.getWeight().getType());
    if (failed(formats.weight.verifyShape([&] { return op.emitRemark(); },
                                          weight.getShape())))
      return false;
    if (!formats.activation)
      return true;
    constexpr int32_t least = -128, most = 127; // of an activation's codes
    int64_t length = groupLength(formats.weight, weight.getShape());
    int64_t limit = fmt::maxGroupLength(formats.weight.planes(), least, most);
    if (length <= limit)
      return true;
    op.emitRemark() << "stays float: a scale of its weight covers " << length
                    << " products, one int32 sum holds at most " << limit;
    return false;
  }

  static bool fits(ConvOp op, const Formats &formats) {
    auto shape = cast<ShapedType>(op.getWeight().getType()).getShape();
    if (formats.weight.planes().empty()) {
      op.emitRemark() << "stays float: codes of " << Attribute(formats.weight)
                      << " are no integers";
      return false;
    }
    int64_t together = getGroupsTogether(op);
    if (together == 0) {
      op.emitRemark() << "stays float: it has " << op.getGroups()
                      << " groups of " << shape.back() << " channels";
      return false;
    }
    if (failed(
            formats.weight.verifyShape([&] { return op.emitRemark(); }, shape)))
      return false;
    int64_t length = llvm::product_of(shape.drop_front()) * together;
    int64_t limit =
        op.isDepthwise()
            ? fmt::kMaxDepthwiseTaps
            : fmt::maxGroupLength(formats.weight.planes(), -128, 127);
    if (length <= limit)
      return true;
    op.emitRemark() << "stays float: a scale of its weight covers " << length
                    << " products, a sum holds at most " << limit;
    return false;
  }

  /// Names the statistic of the linear's input on its quantized weight.
  LogicalResult noteStatistic(LinearOp op, Value weight) {
    const PointStatistics *point = nullptr;
    if (auto error = ranges.find(op.getInput(), point))
      return op->emitError(error->message);
    // A weight that several linears share is solved for the first.
    if (!weight.getDefiningOp()->hasAttr(kStatisticAttr))
      weight.getDefiningOp()->setAttr(
          kStatisticAttr, builder.getStrArrayAttr({point->name, point->key}));
    return success();
  }

  /// Linears that read one value share its rounded form.
  void roundInput(LinearOp op, FormatInterface weight) {
    auto blocks =
        weight.asBlocks(cast<ShapedType>(op.getWeight().getType()).getShape());
    if (!blocks || !blocks->areIntegers()) {
      op.emitRemark() << "keeps the f32 chain: no bf16-dot kernel for "
                      << Attribute(weight);
      return;
    }
    op.emitRemark("bf16-dot: within a bound of the reference evaluator, not "
                  "bit for bit (docs/numerics.md §5.6)");
    Value input = op.getInput();
    Value &result = rounded[input];
    if (!result) {
      builder.setInsertionPointAfterValue(input);
      auto type = cast<RankedTensorType>(input.getType());
      result = CastOp::create(builder, input.getLoc(),
                              type.clone(builder.getBF16Type()), input);
    }
    op.getInputMutable().set(result);
  }

  static FormatInterface intByRows(MLIRContext *context) {
    return fmt::IntAttr::get(context, 8, fmt::Granularity::Row, /*axis=*/0, {},
                             Float32Type::get(context), fmt::OffsetKind::None,
                             /*narrow=*/true);
  }

  /// `byRows` replaces a static format that would lose too much.
  FailureOr<Value> quantizeActivation(Operation *op, Value input,
                                      FormatInterface format,
                                      FormatInterface byRows) {
    auto type = cast<RankedTensorType>(input.getType());
    auto uniform = format.asUniform(type.getShape());
    if (!uniform || !isStaticActivation(format) ||
        quantized.contains({input, format}))
      return quantizeOnce(input, format, /*isConstant=*/false);
    StaticScale scale;
    if (!ranges.isLoaded())
      return op->emitError("a static activation format needs statistics; "
                           "calibrate, or use #fmt.int<8, per_row>");
    if (auto error = ranges.scaleOf(input, *uniform, scale))
      return op->emitError(error->message);
    bool isBetterByRows = scale.relativeError > staticLimit;
    op->emitRemark() << "input quantized "
                     << (isBetterByRows ? "by rows" : "statically")
                     << ": relative squared error of one scale "
                     << scale.relativeError;
    if (isBetterByRows)
      return quantizeOnce(input, byRows, /*isConstant=*/false);
    builder.setInsertionPointAfterValue(input);
    auto constant = [&](Type element, auto value) -> Value {
      auto scalar = RankedTensorType::get({}, element);
      return ConstantOp::create(builder, input.getLoc(), scalar,
                                DenseElementsAttr::get(scalar, value));
    };
    Value offset;
    Value scaleValue = constant(builder.getF32Type(), scale.scale);
    if (uniform->hasOffset)
      offset = constant(uniform->codeType, APInt(8, scale.zeroPoint));
    auto encoded = EncodedType::get(builder.getContext(), type.getShape(),
                                    type.getElementType(), format);
    Value result = QuantizeOp::create(builder, input.getLoc(), encoded, input,
                                      scaleValue, offset, /*rcp=*/false);
    quantized[{input, format}] = result;
    return result;
  }

  /// Consumers of one value in one format share it.
  Value quantizeOnce(Value value, FormatInterface format, bool isConstant) {
    Value &result = quantized[{value, format}];
    if (result)
      return result;
    builder.setInsertionPointAfterValue(value);
    auto type = cast<RankedTensorType>(value.getType());
    auto encoded = EncodedType::get(builder.getContext(), type.getShape(),
                                    type.getElementType(), format);
    result = QuantizeOp::create(builder, value.getLoc(), encoded, value,
                                /*scale=*/Value(), /*offset=*/Value(),
                                /*rcp=*/!isConstant);
    return result;
  }

  OpBuilder builder;
  Formats recipe;
  ArrayRef<FormatOverride> overrides;
  const StaticRanges &ranges;
  double staticLimit;
  bool bf16;
  ConstantExpressions constants;
  DenseMap<std::pair<Value, Attribute>, Value> quantized;
  /// Inputs as bf16.
  DenseMap<Value, Value> rounded;
  /// The encoded form of matrices that a linear reads.
  DenseMap<Value, Value> tied;
};

struct AssignFormatsPass
    : public quantc::impl::AssignFormatsPassBase<AssignFormatsPass> {
  using Base::Base;

  LogicalResult initialize(MLIRContext *context) override {
    for (StringRef text : overrides)
      if (failed(parseOverride(context, text)))
        return failure();
    return success(succeeded(parse(context, weight, formats.weight)) &&
                   succeeded(parse(context, activation, formats.activation)) &&
                   succeeded(parse(context, table, formats.table)));
  }

  void runOnOperation() override {
    if (!getOperation()->hasAttr(kEntryAttr))
      return;
    StaticRanges ranges;
    if (auto error = ranges.load(statistics, range, getOperation())) {
      getOperation().emitError(error->message);
      return signalPassFailure();
    }
    FormatAssigner assigner(&getContext(), formats, parsedOverrides, ranges,
                            staticLimit, bf16);
    for (const FormatOverride &o : parsedOverrides)
      if (!getOperation()
               .walk([&](Operation *op) {
                 return o.matches(op->getLoc()) ? WalkResult::interrupt()
                                                : WalkResult::advance();
               })
               .wasInterrupted()) {
        getOperation().emitError("override '")
            << o.text << "' matches no node of the model";
        return signalPassFailure();
      }
    auto assign = [&](auto op, auto &count) {
      FailureOr<bool> assigned = assigner.assign(op);
      if (failed(assigned))
        return WalkResult::interrupt();
      count += *assigned;
      return WalkResult::advance();
    };
    auto status = getOperation().walk([&](Operation *op) {
      if (auto linear = dyn_cast<LinearOp>(op))
        return assign(linear, numLinears);
      if (auto conv = dyn_cast<ConvOp>(op))
        return assign(conv, numConvs);
      return WalkResult::advance();
    });
    if (status.wasInterrupted())
      return signalPassFailure();
    getOperation().walk(
        [&](GatherOp op) { numTables += assigner.assign(op, minElements); });
  }

private:
  static LogicalResult parse(MLIRContext *context, StringRef text,
                             FormatInterface &format) {
    if (text.empty())
      return success();
    format =
        dyn_cast_if_present<FormatInterface>(parseAttribute(text, context));
    if (format)
      return success();
    return emitError(UnknownLoc::get(context))
           << "expected a number format such as #fmt.int<8, axis = 0>, got '"
           << text << "'";
  }

  // PATTERN;weight=F;activation=F;table=F
  LogicalResult parseOverride(MLIRContext *context, StringRef text) {
    auto refuse = [&](const Twine &why) {
      return emitError(UnknownLoc::get(context))
             << "override '" << text << "': " << why;
    };
    SmallVector<StringRef> parts;
    text.split(parts, ';');
    auto pattern = llvm::GlobPattern::create(parts.front());
    if (!pattern)
      return refuse(llvm::toString(pattern.takeError()));
    FormatOverride result{parts.front().str(), *pattern, {}, {}, {}};
    for (StringRef part : ArrayRef(parts).drop_front()) {
      auto [key, value] = part.split('=');
      auto *slot = key == "weight"       ? &result.weight
                   : key == "activation" ? &result.activation
                   : key == "table"      ? &result.table
                                         : nullptr;
      if (!slot)
        return refuse("expected weight=, activation= or table=, got '" + part +
                      "'");
      slot->emplace();
      if (failed(parse(context, value, **slot)))
        return failure();
    }
    parsedOverrides.push_back(std::move(result));
    return success();
  }

  Formats formats;
  SmallVector<FormatOverride> parsedOverrides;
};

} // namespace

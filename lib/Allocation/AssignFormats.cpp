// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Puts qnn.quantize before the operands of linears and look-ups.

#include "mlir/AsmParser/AsmParser.h"
#include "quantc/Allocation/Passes.h"
#include "quantc/Dialect/QNN/ConstantExpressions.h"
#include "quantc/Dialect/QNN/NodeNames.h"
#include "quantc/Dialect/QNN/QNN.h"
#include "llvm/Support/GlobPattern.h"

namespace quantc {
#define GEN_PASS_DEF_ASSIGNFORMATSPASS
#include "quantc/Allocation/Passes.h.inc"
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

class FormatAssigner {
public:
  FormatAssigner(MLIRContext *context, const Formats &formats,
                 ArrayRef<FormatOverride> overrides)
      : builder(context), recipe(formats), overrides(overrides) {}

  bool assign(LinearOp op) {
    Formats formats = formatsOf(op);
    auto input = dyn_cast<RankedTensorType>(op.getInput().getType());
    if (!formats.weight || !isFloatMatrix(op.getWeight()) ||
        op.getPackedFrom() || !input || !input.getElementType().isF32() ||
        !fits(op, formats))
      return false;
    Value weight =
        quantizeOnce(op.getWeight(), formats.weight, /*isConstant=*/true);
    tied.try_emplace(op.getWeight(), weight);
    op.getWeightMutable().set(weight);
    if (formats.activation)
      op.getInputMutable().set(quantizeOnce(op.getInput(), formats.activation,
                                            /*isConstant=*/false));
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
    constexpr int32_t most = 127; // of an activation's codes
    int64_t length = groupLength(formats.weight, weight.getShape());
    int64_t limit = fmt::maxGroupLength(formats.weight.planes(), -most, most);
    if (length <= limit)
      return true;
    op.emitRemark() << "stays float: a scale of its weight covers " << length
                    << " products, one int32 sum holds at most " << limit;
    return false;
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
  ConstantExpressions constants;
  DenseMap<std::pair<Value, Attribute>, Value> quantized;
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
    FormatAssigner assigner(&getContext(), formats, parsedOverrides);
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
    getOperation().walk(
        [&](LinearOp op) { numLinears += assigner.assign(op); });
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

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise operators that map to one operation.  Operands of one element
// type, except where ONNX mixes them (Pow, Where, comparisons give bool).  On
// shape data the arithmetic is done at once; what cannot be decided there
// becomes an operation.

#include "SmallFloat.h"
#include "llvm/Support/CheckedArithmetic.h"

using namespace mlir;

namespace quantc::onnx_frontend {

//===----------------------------------------------------------------------===//
// On shape data
//===----------------------------------------------------------------------===//

/// Does the value still fit the element type?  (Symbols are sizes, they do.)
static bool fits(AffineExpr expr, Type type) {
  auto constant = dyn_cast<AffineConstantExpr>(expr);
  return !constant || type.isInteger(64) ||
         llvm::isIntN(type.getIntOrFloatBitWidth(), constant.getValue()) ||
         isBool(type);
}

bool foldShapeData(NodeImport &n, Type resultType, ShapeFunction function) {
  size_t size = 1, rank = 0;
  SmallVector<const ShapeData *> operands;
  for (size_t i = 0; i < n.numInputs(); ++i) {
    const ShapeData *data = n.data(i);
    if (!data)
      return false;
    size_t operandRank = n.inputs[i]->shape.size();
    rank = std::max(rank, operandRank);
    if (data->size() != 1) {
      if (size != 1 && size != data->size())
        return false;
      size = data->size();
    }
    operands.push_back(data);
  }
  if (operands.empty())
    return false;
  ShapeData result;
  for (size_t i = 0; i < size; ++i) {
    SmallVector<AffineExpr, 3> elements;
    for (const ShapeData *operand : operands)
      elements.push_back(operand->size() == 1 ? (*operand)[0] : (*operand)[i]);
    std::optional<AffineExpr> value = function(elements);
    if (!value)
      return false;
    AffineExpr element = canonicalize(*value);
    if (!fits(element, resultType))
      return false;
    result.push_back(element);
  }
  return succeeded(n.resultData(resultType, std::move(result), rank));
}

/// Sum or product of two elements; constants are checked for overflow.
template <typename Checked, typename Symbolic>
static std::optional<AffineExpr>
arithmetic(AffineExpr a, AffineExpr b, Checked checked, Symbolic symbolic) {
  auto x = dyn_cast<AffineConstantExpr>(a), y = dyn_cast<AffineConstantExpr>(b);
  if (!x || !y)
    return symbolic(a, b);
  auto value = checked(x.getValue(), y.getValue());
  if (!value)
    return std::nullopt;
  return getAffineConstantExpr(*value, a.getContext());
}

static std::optional<AffineExpr> truth(std::optional<bool> value,
                                       MLIRContext *context) {
  if (!value)
    return std::nullopt;
  return getAffineConstantExpr(*value, context);
}

template <typename OpTy>
static std::optional<AffineExpr> foldElement(ArrayRef<AffineExpr> x) {
  MLIRContext *context = x[0].getContext();
  auto invert = [](std::optional<bool> value) {
    return value ? std::optional(!*value) : value;
  };
  if constexpr (std::is_same_v<OpTy, qnn::AddOp>)
    return arithmetic(x[0], x[1], llvm::checkedAdd<int64_t>,
                      [](auto a, auto b) { return a + b; });
  if constexpr (std::is_same_v<OpTy, qnn::SubOp>)
    return arithmetic(x[0], x[1], llvm::checkedSub<int64_t>,
                      [](auto a, auto b) { return a - b; });
  if constexpr (std::is_same_v<OpTy, qnn::MulOp>)
    return arithmetic(x[0], x[1], llvm::checkedMul<int64_t>,
                      [](auto a, auto b) { return a * b; });
  if constexpr (std::is_same_v<OpTy, qnn::DivOp>)
    return divide(x[0], x[1]);
  if constexpr (std::is_same_v<OpTy, qnn::MinOp> ||
                std::is_same_v<OpTy, qnn::MaxOp>) {
    std::optional<bool> order = isAtMost(x[0], x[1]);
    if (!order && isKnownAtMost(x[1], x[0]))
      order = false;
    if (!order)
      return std::nullopt;
    return *order == std::is_same_v<OpTy, qnn::MinOp> ? x[0] : x[1];
  }
  if constexpr (std::is_same_v<OpTy, qnn::EqualOp>)
    return truth(isEqual(x[0], x[1]), context);
  if constexpr (std::is_same_v<OpTy, qnn::LessEqualOp>)
    return truth(isAtMost(x[0], x[1]), context);
  if constexpr (std::is_same_v<OpTy, qnn::GreaterEqualOp>)
    return truth(isAtMost(x[1], x[0]), context);
  if constexpr (std::is_same_v<OpTy, qnn::LessOp>)
    return truth(invert(isAtMost(x[1], x[0])), context);
  if constexpr (std::is_same_v<OpTy, qnn::GreaterOp>)
    return truth(invert(isAtMost(x[0], x[1])), context);
  if constexpr (std::is_same_v<OpTy, qnn::AndOp>)
    return arithmetic(
        x[0], x[1], [](int64_t a, int64_t b) { return std::optional(a & b); },
        [](auto, auto) { return std::optional<AffineExpr>(); });
  if constexpr (std::is_same_v<OpTy, qnn::OrOp>)
    return arithmetic(
        x[0], x[1], [](int64_t a, int64_t b) { return std::optional(a | b); },
        [](auto, auto) { return std::optional<AffineExpr>(); });
  if constexpr (std::is_same_v<OpTy, qnn::NotOp>)
    return truth(invert(isEqual(x[0], getAffineConstantExpr(1, context))),
                 context);
  if constexpr (std::is_same_v<OpTy, qnn::NegOp>)
    return arithmetic(getAffineConstantExpr(0, context), x[0],
                      llvm::checkedSub<int64_t>,
                      [](auto a, auto b) { return a - b; });
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Operators with one operation
//===----------------------------------------------------------------------===//

template <typename OpTy, TypeClass allowed>
static LogicalResult unary(NodeImport &n) {
  if (n.has(0) && foldShapeData(n, n.inputs[0]->elementType, foldElement<OpTy>))
    return success();
  Value x = n.value(0);
  if (failed(sameType(n, {x}, allowed)))
    return failure();
  return n.result(n.create<OpTy>(n.elementType(x), x));
}

/// Exporters write the quotient that floors as Div, which rounds toward zero:
/// (height - 1) / 2.  They are equal as long as nothing is below 0, which the
/// model checks at entry.
static std::optional<AffineExpr> flooredQuotient(NodeImport &n, AffineExpr a,
                                                 AffineExpr b) {
  auto divisor = dyn_cast<AffineConstantExpr>(b);
  if (!divisor || divisor.getValue() <= 0 || isa<AffineConstantExpr>(a) ||
      failed(n.needAtMost(n.expr(0), a)))
    return std::nullopt;
  return canonicalize(a.floorDiv(b));
}

template <typename OpTy, TypeClass allowed>
static LogicalResult binary(NodeImport &n) {
  auto fold = [&](ArrayRef<AffineExpr> x) {
    auto element = foldElement<OpTy>(x);
    if (!element && std::is_same_v<OpTy, qnn::DivOp>)
      element = flooredQuotient(n, x[0], x[1]);
    return element;
  };
  if (n.has(0) && n.has(1) && foldShapeData(n, n.inputs[0]->elementType, fold))
    return success();
  Value a = n.value(0), b = n.value(1);
  if (failed(sameType(n, {a, b}, allowed)))
    return failure();
  return n.result(n.binary<OpTy>(a, b));
}

template <typename OpTy, TypeClass allowed>
static LogicalResult comparison(NodeImport &n) {
  Type boolean = n.builder().getI1Type();
  if (n.has(0) && n.has(1) && foldShapeData(n, boolean, foldElement<OpTy>))
    return success();
  Value a = n.value(0), b = n.value(1);
  if (failed(sameType(n, {a, b}, allowed)))
    return failure();
  return n.result(n.binary<OpTy>(a, b, boolean));
}

/// Min, Max, Sum: a left fold.
template <typename OpTy> static Value variadicValue(NodeImport &n) {
  SmallVector<Value> operands;
  for (size_t i = 0; i < n.numInputs(); ++i)
    operands.push_back(n.value(i));
  if (operands.empty() || failed(sameType(n, operands, isNumber)))
    return {};
  Value result = operands.front();
  for (Value operand : ArrayRef(operands).drop_front())
    result = n.binary<OpTy>(result, operand);
  return result;
}

template <typename OpTy> static LogicalResult variadic(NodeImport &n) {
  if (n.numInputs() == 2 && n.has(0) && n.has(1) &&
      foldShapeData(n, n.inputs[0]->elementType, foldElement<OpTy>))
    return success();
  return n.result(variadicValue<OpTy>(n));
}

static LogicalResult importMean(NodeImport &n) {
  Value sum = variadicValue<qnn::AddOp>(n);
  if (!sum || n.numInputs() == 1)
    return n.result(sum);
  Value count = n.scalar(n.elementType(sum), double(n.numInputs()));
  return n.result(n.binary<qnn::DivOp>(sum, count));
}

static LogicalResult importWhere(NodeImport &n) {
  auto choose = [](ArrayRef<AffineExpr> x) -> std::optional<AffineExpr> {
    auto condition = dyn_cast<AffineConstantExpr>(x[0]);
    if (!condition)
      return x[1] == x[2] ? std::optional(x[1]) : std::nullopt;
    return condition.getValue() ? x[1] : x[2];
  };
  if (n.has(1) && foldShapeData(n, n.inputs[1]->elementType, choose))
    return success();
  Value condition = n.value(0), a = n.value(1), b = n.value(2);
  if (failed(sameType(n, {condition}, isBool)) ||
      failed(sameType(n, {a, b}, isAny)) ||
      failed(n.tieBroadcast(n.shape(a), n.shape(b))) ||
      failed(n.tieBroadcast(n.shape(condition), n.shape(a))) ||
      failed(n.tieBroadcast(n.shape(condition), n.shape(b))))
    return failure();
  return n.result(n.create<qnn::WhereOp>(n.elementType(a), condition, a, b));
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

/// 'saturate' and 'round_mode', for targets that are small floats.
static FailureOr<SmallFloatCast> readSmallFloatCast(NodeImport &n) {
  SmallFloatCast how;
  how.saturates = n.intAttr("saturate", 1) != 0;
  std::string mode = n.stringAttr("round_mode", "up");
  if (mode == "down")
    how.rounding = PowerRounding::down;
  else if (mode == "nearest")
    how.rounding = PowerRounding::nearest;
  else if (mode != "up")
    return n.error("expected 'round_mode' to be up, down or nearest, got " +
                   quote(mode));
  return how;
}

static LogicalResult castTo(NodeImport &n, Type target) {
  auto convert = [&](ArrayRef<AffineExpr> x) -> std::optional<AffineExpr> {
    if (!isBool(target))
      return x[0];
    auto isZero = isEqual(x[0], n.expr(0));
    return isZero ? std::optional(n.expr(!*isZero)) : std::nullopt;
  };
  const ShapeData *data = n.data(0);
  bool tracked = isBool(target) || target.isSignlessInteger(32) ||
                 target.isSignlessInteger(64);
  if (data && tracked) {
    ShapeData result;
    for (AffineExpr element : *data)
      if (auto converted = convert(element);
          converted && fits(*converted, target))
        result.push_back(*converted);
    if (result.size() == data->size())
      return n.resultData(target, result, n.inputs[0]->shape.size());
  }
  Value x = n.value(0);
  if (!x)
    return failure();
  Type from = n.elementType(x), i32 = n.builder().getI32Type();
  // Under a byte the low bits are what is left of an integer.
  bool wraps = isSmallInt(target) && isa<FloatType>(from);
  if (from == target || (!isSmallFloat(from) && !isSmallFloat(target)))
    return n.result(n.cast(wraps ? n.cast(x, i32) : x, target));
  FailureOr<SmallFloatCast> how = readSmallFloatCast(n);
  if (failed(how))
    return failure();
  Type f32 = n.builder().getF32Type();
  return n.result(computeElements(n, target, x, [&](Program &p, ValueRange e) {
    Value value = e[0];
    if (isSmallFloat(from))
      value = decodeSmallFloat(p, value, from);
    else if (!from.isF64())
      value =
          p.convert(value, from, isInt(from) ? p.builder.getF64Type() : f32);
    if (isSmallFloat(target))
      return encodeSmallFloat(p, value, target, *how);
    if (!wraps)
      return p.convert(value, f32, target);
    return p.convert(p.convert(value, f32, i32), i32, target);
  }));
}

static LogicalResult importCast(NodeImport &n) {
  int64_t to = n.intAttr("to", 0);
  Type target = elementTypeOf(to, &n.importer.context);
  if (!target)
    return n.unsupported("to " + elementTypeName(to));
  if (n.has(0) && n.inputs[0]->floatValue && target.isF32())
    return n.result(n.inputs[0]->floatValue);
  return castTo(n, target);
}

static LogicalResult importCastLike(NodeImport &n) {
  Entry *like = n.input(1);
  return like ? castTo(n, like->elementType) : failure();
}

//===----------------------------------------------------------------------===//
// Pass-through
//===----------------------------------------------------------------------===//

static LogicalResult importIdentity(NodeImport &n) {
  return n.resultEntry(n.input(0));
}

/// At inference, or with ratio 0, the input, and a mask that keeps everything.
static LogicalResult importDropout(NodeImport &n) {
  auto training = n.constantInts(2);
  bool infers = training && training->size() == 1 && training->front() == 0;
  if (n.has(2) && !infers) {
    auto ratio = n.constantScalar(1);
    if (!ratio && n.has(1))
      return n.error("in training mode expected 'ratio' to be constant, it "
                     "depends on run-time data");
    if (!ratio || *ratio != 0)
      return n.unsupported("in training mode");
  }
  if (!n.input(0) || failed(n.resultEntry(n.input(0))))
    return failure();
  if (!n.isOutputUsed(1) || n.opset < 10)
    return success();
  Type boolean = n.builder().getI1Type();
  return n.result(n.broadcastTo(n.scalar(boolean, 1), n.inputs[0]->shape), 1);
}

void registerElementwise(Registry &r) {
  r.add("Abs", unary<qnn::AbsOp, isNumber>);
  r.add("Neg", unary<qnn::NegOp, isNumber>);
  r.add("Exp", unary<qnn::ExpOp, isFloat>);
  r.add("Log", unary<qnn::LogOp, isFloat>);
  r.add("Sqrt", unary<qnn::SqrtOp, isFloat>);
  r.add("Reciprocal", unary<qnn::ReciprocalOp, isFloat>);
  r.add("Erf", unary<qnn::ErfOp, isFloat>);
  r.add("Sin", unary<qnn::SinOp, isFloat>);
  r.add("Cos", unary<qnn::CosOp, isFloat>);
  r.add("Tanh", unary<qnn::TanhOp, isFloat>);
  r.add("Sigmoid", unary<qnn::SigmoidOp, isFloat>);
  r.add("Relu", unary<qnn::ReluOp, isNumber>);
  r.add("Floor", unary<qnn::FloorOp, isFloat>);
  r.add("Ceil", unary<qnn::CeilOp, isFloat>);
  r.add("Round", unary<qnn::RoundOp, isFloat>);
  r.add("Sign", unary<qnn::SignOp, isNumber>);
  r.add("Not", unary<qnn::NotOp, isBool>);
  r.add("Softplus", unary<qnn::SoftplusOp, isFloat>);
  r.add("HardSwish", unary<qnn::HardSwishOp, isFloat>);
  r.add("Add", binary<qnn::AddOp, isNumber>);
  r.add("Sub", binary<qnn::SubOp, isNumber>);
  r.add("Mul", binary<qnn::MulOp, isNumber>);
  r.add("Div", binary<qnn::DivOp, isNumber>);
  r.add("And", binary<qnn::AndOp, isBool>);
  r.add("Or", binary<qnn::OrOp, isBool>);
  r.add("Xor", binary<qnn::XorOp, isBool>);
  r.add("Equal", comparison<qnn::EqualOp, isAny>);
  r.add("Less", comparison<qnn::LessOp, isNumber>);
  r.add("LessOrEqual", comparison<qnn::LessEqualOp, isNumber>);
  r.add("Greater", comparison<qnn::GreaterOp, isNumber>);
  r.add("GreaterOrEqual", comparison<qnn::GreaterEqualOp, isNumber>);
  r.add("Min", variadic<qnn::MinOp>);
  r.add("Max", variadic<qnn::MaxOp>);
  r.add("Sum", variadic<qnn::AddOp>);
  r.add("Mean", importMean);
  r.add("Where", importWhere);
  r.add("Cast", importCast);
  r.add("CastLike", importCastLike);
  r.addForLists("Identity", importIdentity);
  r.add("Dropout", importDropout);
}

} // namespace quantc::onnx_frontend

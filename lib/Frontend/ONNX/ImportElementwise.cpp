// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise operators.  Operands of one element type, except where ONNX mixes
// them (Pow, Where, comparisons give bool).  On shape data the arithmetic is
// done at once; what cannot be decided there becomes an operation.

#include "Importer.h"
#include "llvm/Support/CheckedArithmetic.h"

using namespace mlir;

namespace quantc::onnx_frontend {

using TypeClass = bool (*)(Type);
static bool isNumber(Type type) { return isFloat(type) || isInt(type); }
static bool isAny(Type type) { return isNumber(type) || isBool(type); }

/// All operands have the first one's element type and it is of the class.
static LogicalResult sameType(NodeImport &n, ArrayRef<Value> operands,
                              TypeClass allowed) {
  for (Value operand : operands)
    if (!operand)
      return failure();
  Type first = n.elementType(operands.front());
  std::string text;
  llvm::raw_string_ostream stream(text);
  for (Value operand : operands.drop_front())
    if (n.elementType(operand) != first) {
      stream << "expected operands of one element type, got " << first
             << " and " << n.elementType(operand);
      return n.error(text);
    }
  if (allowed(first))
    return success();
  stream << "element type " << first << " is not allowed here";
  return n.error(text);
}

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

using ElementFunction =
    llvm::function_ref<std::optional<AffineExpr>(ArrayRef<AffineExpr>)>;

/// Applies `function` elementwise when every input is shape data and it can be
/// decided for every element.
static bool foldData(NodeImport &n, Type resultType, ElementFunction function) {
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
  if (n.has(0) && foldData(n, n.inputs[0]->elementType, foldElement<OpTy>))
    return success();
  Value x = n.value(0);
  if (failed(sameType(n, {x}, allowed)))
    return failure();
  return n.result(n.create<OpTy>(n.elementType(x), x));
}

template <typename OpTy, TypeClass allowed>
static LogicalResult binary(NodeImport &n) {
  if (n.has(0) && n.has(1) &&
      foldData(n, n.inputs[0]->elementType, foldElement<OpTy>))
    return success();
  Value a = n.value(0), b = n.value(1);
  if (failed(sameType(n, {a, b}, allowed)))
    return failure();
  return n.result(n.binary<OpTy>(a, b));
}

template <typename OpTy, TypeClass allowed>
static LogicalResult comparison(NodeImport &n) {
  Type boolean = n.builder().getI1Type();
  if (n.has(0) && n.has(1) && foldData(n, boolean, foldElement<OpTy>))
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
      foldData(n, n.inputs[0]->elementType, foldElement<OpTy>))
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

/// Mixed types: the result has the base's, so the exponent is converted.
static LogicalResult importPow(NodeImport &n) {
  Value base = n.value(0), exponent = n.value(1);
  if (!base || !exponent)
    return failure();
  if (isInt(n.elementType(base)) && isFloat(n.elementType(exponent)))
    return n.unsupported("integer base with float exponent");
  if (failed(sameType(n, {base}, isNumber)) ||
      failed(sameType(n, {exponent}, isNumber)))
    return failure();
  return n.result(
      n.binary<qnn::PowOp>(base, n.cast(exponent, n.elementType(base))));
}

static LogicalResult importWhere(NodeImport &n) {
  auto choose = [](ArrayRef<AffineExpr> x) -> std::optional<AffineExpr> {
    auto condition = dyn_cast<AffineConstantExpr>(x[0]);
    if (!condition)
      return x[1] == x[2] ? std::optional(x[1]) : std::nullopt;
    return condition.getValue() ? x[1] : x[2];
  };
  if (n.has(1) && foldData(n, n.inputs[1]->elementType, choose))
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
  return n.result(n.cast(x, target));
}

static LogicalResult importCast(NodeImport &n) {
  int64_t to = n.intAttr("to", 0);
  Type target = elementTypeOf(to, &n.importer.context);
  if (!target)
    return n.unsupported("to " + elementTypeName(to));
  return castTo(n, target);
}

static LogicalResult importCastLike(NodeImport &n) {
  Entry *like = n.input(1);
  return like ? castTo(n, like->elementType) : failure();
}

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

/// A float operand, or null and an error.
static Value floatValue(NodeImport &n, size_t index = 0) {
  Value x = n.value(index);
  return succeeded(sameType(n, {x}, isFloat)) ? x : Value();
}

static LogicalResult importGelu(NodeImport &n) {
  Value x = floatValue(n);
  std::string form = n.stringAttr("approximate", "none");
  if (form != "none" && form != "tanh")
    return n.error("expected 'approximate' to be 'none' or 'tanh', got " +
                   quote(form));
  if (!x)
    return failure();
  auto approximation = form == "tanh" ? qnn::GeluApproximation::tanh
                                      : qnn::GeluApproximation::none;
  return n.result(n.create<qnn::GeluOp>(n.elementType(x), x, approximation));
}

/// x * sigmoid(alpha * x): Swish, and QuickGelu of com.microsoft.
static LogicalResult importSwish(NodeImport &n) {
  Value x = floatValue(n);
  float fallback = n.node.op_type() == "QuickGelu" ? 1.702f : 1.0f;
  float alpha = n.floatAttr("alpha", fallback);
  if (!x)
    return failure();
  Type type = n.elementType(x);
  if (alpha == 1.0f)
    return n.result(n.create<qnn::SiluOp>(type, x));
  Value scaled = n.binary<qnn::MulOp>(x, n.scalar(type, alpha));
  return n.result(
      n.binary<qnn::MulOp>(x, n.create<qnn::SigmoidOp>(type, scaled)));
}

static LogicalResult importLeakyRelu(NodeImport &n) {
  Value x = floatValue(n);
  FloatAttr alpha = n.builder().getF32FloatAttr(n.floatAttr("alpha", 0.01f));
  return n.result(n.create<qnn::LeakyReluOp>(n.elementType(x), x, alpha));
}

static LogicalResult importHardSigmoid(NodeImport &n) {
  Value x = floatValue(n);
  FloatAttr alpha = n.builder().getF32FloatAttr(n.floatAttr("alpha", 0.2f));
  FloatAttr beta = n.builder().getF32FloatAttr(n.floatAttr("beta", 0.5f));
  return n.result(
      n.create<qnn::HardSigmoidOp>(n.elementType(x), x, alpha, beta));
}

static LogicalResult importPRelu(NodeImport &n) {
  Value x = floatValue(n), slope = n.value(1);
  if (failed(sameType(n, {x, slope}, isFloat)))
    return failure();
  Type type = n.elementType(x);
  Value negative =
      n.binary<qnn::LessOp>(x, n.scalar(type, 0), n.builder().getI1Type());
  Value scaled = n.binary<qnn::MulOp>(x, slope);
  return n.result(n.create<qnn::WhereOp>(type, negative, scaled, x));
}

/// x < 0 ? alpha * (exp(x) - 1) : x
static LogicalResult importElu(NodeImport &n) {
  Value x = floatValue(n);
  if (!x)
    return failure();
  Type type = n.elementType(x);
  Value negative =
      n.binary<qnn::LessOp>(x, n.scalar(type, 0), n.builder().getI1Type());
  Value bent =
      n.binary<qnn::SubOp>(n.create<qnn::ExpOp>(type, x), n.scalar(type, 1));
  bent = n.binary<qnn::MulOp>(bent, n.scalar(type, n.floatAttr("alpha", 1.0f)));
  return n.result(n.create<qnn::WhereOp>(type, negative, bent, x));
}

static LogicalResult importMish(NodeImport &n) {
  Value x = floatValue(n);
  Type type = n.elementType(x);
  Value soft = n.create<qnn::SoftplusOp>(type, x);
  return n.result(n.binary<qnn::MulOp>(x, n.create<qnn::TanhOp>(type, soft)));
}

/// Bounds are attributes before opset 11 and optional inputs since.  Constant
/// bounds of floats become qnn.clip; others and integers, min and max.
static LogicalResult importClip(NodeImport &n) {
  Value x = n.value(0);
  if (failed(sameType(n, {x}, isNumber)))
    return failure();
  Type type = n.elementType(x);
  double low = -std::numeric_limits<double>::infinity(), high = -low;
  bool constant = isFloat(type);
  if (n.opset < 11) {
    low = n.floatAttr("min", std::numeric_limits<float>::lowest());
    high = n.floatAttr("max", std::numeric_limits<float>::max());
  } else {
    auto bound = [&](size_t index, double &value) {
      if (!n.has(index))
        return;
      auto known = n.constantScalar(index);
      constant &= known.has_value();
      value = known.value_or(0);
    };
    bound(1, low);
    bound(2, high);
  }
  if (constant)
    return n.result(n.create<qnn::ClipOp>(type, x,
                                          n.builder().getF64FloatAttr(low),
                                          n.builder().getF64FloatAttr(high)));
  if (n.opset < 11)
    return n.unsupported("of integers before opset 11");
  for (size_t i : {1, 2}) {
    if (!n.has(i))
      continue;
    Value bound = n.value(i);
    if (failed(sameType(n, {x, bound}, isNumber)))
      return failure();
    bound = n.reshape(bound, {});
    x = i == 1 ? n.binary<qnn::MaxOp>(x, bound)
               : n.binary<qnn::MinOp>(x, bound);
  }
  return n.result(x);
}

/// `detect_negative` and `detect_positive` are both 1 by default.
static LogicalResult importIsInf(NodeImport &n) {
  Value x = floatValue(n);
  if (!x)
    return failure();
  bool negative = n.intAttr("detect_negative", 1) != 0;
  bool positive = n.intAttr("detect_positive", 1) != 0;
  if (!negative && !positive)
    return n.unsupported("that detects nothing");
  Type type = n.elementType(x);
  double infinity = std::numeric_limits<double>::infinity();
  if (negative && positive)
    x = n.create<qnn::AbsOp>(type, x);
  Value limit = n.scalar(type, positive ? infinity : -infinity);
  return n.result(n.binary<qnn::EqualOp>(x, limit, n.builder().getI1Type()));
}

//===----------------------------------------------------------------------===//
// Pass-through
//===----------------------------------------------------------------------===//

static LogicalResult importIdentity(NodeImport &n) {
  return n.resultEntry(n.input(0));
}

/// At inference the input; the mask output is not available.
static LogicalResult importDropout(NodeImport &n) {
  if (n.has(2)) {
    auto training = n.constantInts(2);
    if (!training || training->size() != 1 || training->front() != 0)
      return n.unsupported("in training mode");
  }
  return n.resultEntry(n.input(0));
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
  r.add("IsNaN", [](NodeImport &n) {
    Value x = floatValue(n);
    return n.result(n.create<qnn::IsNanOp>(n.builder().getI1Type(), x));
  });
  r.add("IsInf", importIsInf);
  r.add("Add", binary<qnn::AddOp, isNumber>);
  r.add("Sub", binary<qnn::SubOp, isNumber>);
  r.add("Mul", binary<qnn::MulOp, isNumber>);
  r.add("Div", binary<qnn::DivOp, isNumber>);
  r.add("And", binary<qnn::AndOp, isBool>);
  r.add("Or", binary<qnn::OrOp, isBool>);
  r.add("Xor", binary<qnn::XorOp, isBool>);
  r.add("Pow", importPow);
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
  r.add("Clip", importClip);
  r.add("Gelu", importGelu);
  r.add("Gelu", importGelu, 1, "com.microsoft");
  r.add("QuickGelu", importSwish, 1, "com.microsoft");
  r.add("Swish", importSwish);
  r.add("LeakyRelu", importLeakyRelu);
  r.add("HardSigmoid", importHardSigmoid);
  r.add("PRelu", importPRelu);
  r.add("Elu", importElu);
  r.add("Mish", importMish);
  r.add("Identity", importIdentity);
  r.add("Dropout", importDropout);
}

} // namespace quantc::onnx_frontend

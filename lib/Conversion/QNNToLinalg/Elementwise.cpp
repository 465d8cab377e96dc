// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of elementwise operations: operation -> scalar IR, by
// docs/numerics.md §2 and §3.  math.exp, log, erf, tanh, sin and cos stay until
// expand-math.

#include "Scalars.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace quantc::qnn;

namespace quantc::qnntolinalg {

static Value buildSign(ScalarBuilder &s, Value x) {
  Value zero = s.constant(0);
  Value negative = s.select(s.less(x, zero), s.constant(-1),
                            s.isFloat() ? s.select(s.isNan(x), x, zero) : zero);
  return s.select(s.less(zero, x), s.constant(1), negative);
}

// max(x, +0) + log1p(exp(-|x|)), log1p by §3.3.
static Value buildSoftplus(ScalarBuilder &s, Value x) {
  Value t = s.exp(s.neg(s.abs(x)));
  Value one = s.constant(1);
  Value w = s.add(one, t);
  Value correction = s.div(s.sub(t, s.sub(w, one)), w);
  return s.add(s.relu(x), s.add(s.log(w), correction));
}

static Value buildHardSigmoid(ScalarBuilder &s, Value x, double alpha,
                              double beta) {
  Value t = s.add(s.mul(s.constant(alpha), x), s.constant(beta));
  return s.clip(t, 0.0, 1.0);
}

static Value buildGelu(ScalarBuilder &s, Value x, GeluApproximation form) {
  if (form == GeluApproximation::none) {
    Value half = s.mul(s.constant(0.5), x);
    Value scaled = s.mul(x, s.constant(M_SQRT1_2));
    Value e = math::ErfOp::create(s.builder, s.loc, scaled);
    return s.fma(half, e, half);
  }
  // x / (1 + exp(-2 sqrt(2/pi) (x + 0.044715 x^3)))
  bool wide = s.type.isF64();
  double linear = wide ? -1.5957691216057308 : -0x1.988454p+0;
  double cubic = wide ? -0.07135481282723036 : -0x1.2444f2p-4;
  Value u = s.mul(x, s.fma(s.mul(x, x), s.constant(cubic), s.constant(linear)));
  return s.div(x, s.add(s.constant(1), s.exp(u)));
}

static Value buildUnary(ScalarBuilder &s, Operation *op, Value x) {
  auto math = [&](auto tag) -> Value {
    return decltype(tag)::create(s.builder, s.loc, x);
  };
  auto rounding = [&](auto tag) -> Value {
    return s.isFloat() ? math(tag) : x;
  };
  return TypeSwitch<Operation *, Value>(op)
      .Case([&](AbsOp) { return s.abs(x); })
      .Case([&](NegOp) { return s.neg(x); })
      .Case([&](ExpOp) { return s.exp(x); })
      .Case([&](LogOp) { return s.log(x); })
      .Case([&](SqrtOp) { return math(math::SqrtOp()); })
      .Case([&](ReciprocalOp) { return s.div(s.constant(1), x); })
      .Case([&](ErfOp) { return math(math::ErfOp()); })
      .Case([&](SinOp) { return math(math::SinOp()); })
      .Case([&](CosOp) { return math(math::CosOp()); })
      .Case([&](TanhOp) { return math(math::TanhOp()); })
      .Case([&](SigmoidOp) { return s.sigmoid(x); })
      .Case([&](SiluOp) { return s.div(x, s.onePlusExpNeg(x)); })
      .Case([&](ReluOp) { return s.relu(x); })
      .Case([&](FloorOp) { return rounding(math::FloorOp()); })
      .Case([&](CeilOp) { return rounding(math::CeilOp()); })
      .Case([&](RoundOp) { return rounding(math::RoundEvenOp()); })
      .Case([&](SignOp) { return buildSign(s, x); })
      .Case([&](NotOp) {
        return Value(arith::XOrIOp::create(s.builder, s.loc, x, s.constant(1)));
      })
      .Case([&](IsNanOp) { return s.isNan(x); })
      .Case([&](SoftplusOp) { return buildSoftplus(s, x); })
      .Case([&](HardSwishOp) {
        double sixth = s.type.isF64() ? 1.0 / 6.0 : 0x1.555556p-3;
        return s.mul(x, buildHardSigmoid(s, x, sixth, 0.5));
      })
      .Case(
          [&](GeluOp gelu) { return buildGelu(s, x, gelu.getApproximation()); })
      .Case([&](LeakyReluOp leaky) {
        Value alpha = s.constant(leaky.getAlpha().convertToDouble());
        return s.select(s.less(x, s.constant(0)), s.mul(alpha, x), x);
      })
      .Case([&](HardSigmoidOp hard) {
        return buildHardSigmoid(s, x, hard.getAlpha().convertToDouble(),
                                hard.getBeta().convertToDouble());
      })
      .Case([&](ClipOp clip) {
        return s.clip(x, clip.getMin().convertToDouble(),
                      clip.getMax().convertToDouble());
      })
      .Default(Value());
}

static Value buildBinary(ScalarBuilder &s, Operation *op, Value a, Value b) {
  auto logic = [&](auto tag) -> Value {
    return decltype(tag)::create(s.builder, s.loc, a, b);
  };
  return TypeSwitch<Operation *, Value>(op)
      .Case([&](AddOp) { return s.add(a, b); })
      .Case([&](SubOp) { return s.sub(a, b); })
      .Case([&](MulOp) { return s.mul(a, b); })
      .Case([&](DivOp) { return s.div(a, b); })
      .Case(
          [&](PowOp) { return s.isFloat() ? logic(math::PowFOp()) : Value(); })
      .Case([&](MinOp) { return s.min(a, b); })
      .Case([&](MaxOp) { return s.max(a, b); })
      .Case([&](AndOp) { return logic(arith::AndIOp()); })
      .Case([&](OrOp) { return logic(arith::OrIOp()); })
      .Case([&](XorOp) { return logic(arith::XOrIOp()); })
      .Case([&](EqualOp) { return s.equal(a, b); })
      .Case([&](LessOp) { return s.less(a, b); })
      .Case([&](LessEqualOp) { return s.lessEqual(a, b); })
      .Case([&](GreaterOp) { return s.less(b, a); })
      .Case([&](GreaterEqualOp) { return s.lessEqual(b, a); })
      .Default(Value());
}

static Value extendCode(OpBuilder &builder, Location loc, Value code,
                        Type from) {
  return buildCast(builder, loc, code, from, builder.getI32Type());
}

// clamp(roundeven(x / s) + z): clamped before the addition, where all is exact.
static Value buildToCodes(OpBuilder &builder, Location loc,
                          ArrayRef<Type> elements, Type codes,
                          ValueRange operands) {
  Type f32 = builder.getF32Type(), i32 = builder.getI32Type();
  if (!elements[0].isF32() || !elements[1].isF32())
    return Value();
  unsigned width = codes.getIntOrFloatBitWidth();
  bool isUnsigned = codes.isUnsignedInteger();
  double low = isUnsigned ? 0 : -std::ldexp(1.0, int(width) - 1);
  double high = std::ldexp(1.0, int(isUnsigned ? width : width - 1)) - 1;
  ScalarBuilder s(builder, loc, f32);
  Value wide = extendCode(builder, loc, operands[2], codes);
  Value zero = arith::SIToFPOp::create(builder, loc, f32, wide);
  Value least = s.sub(s.constant(low), zero);
  Value most = s.sub(s.constant(high), zero);
  Value rounded =
      math::RoundEvenOp::create(builder, loc, s.div(operands[0], operands[1]));
  Value clamped = s.select(s.less(rounded, least), least, rounded);
  clamped = s.select(s.less(most, clamped), most, clamped);
  clamped = s.select(s.isNan(rounded), s.constant(0), clamped);
  Value code = arith::FPToSIOp::create(builder, loc, i32, clamped);
  code = arith::AddIOp::create(builder, loc, code, wide);
  return buildCast(builder, loc, code, i32, codes);
}

static Value buildFromCodes(OpBuilder &builder, Location loc,
                            ArrayRef<Type> elements, Type result,
                            ValueRange operands) {
  Type f32 = builder.getF32Type();
  if (!elements[1].isF32() || !result.isF32())
    return Value();
  Value code = extendCode(builder, loc, operands[0], elements[0]);
  Value zero = extendCode(builder, loc, operands[2], elements[2]);
  Value difference = arith::SubIOp::create(builder, loc, code, zero);
  Value value = arith::SIToFPOp::create(builder, loc, f32, difference);
  return arith::MulFOp::create(builder, loc, value, operands[1]);
}

Value buildScalar(OpBuilder &builder, Location loc, Operation *op,
                  ArrayRef<Type> elements, Type resultElement,
                  ValueRange operands) {
  if (isa<CastOp>(op))
    return buildCast(builder, loc, operands[0], elements[0], resultElement);
  if (isa<WhereOp>(op))
    return arith::SelectOp::create(builder, loc, operands[0], operands[1],
                                   operands[2]);
  if (isa<ToCodesOp>(op))
    return buildToCodes(builder, loc, elements, resultElement, operands);
  if (isa<FromCodesOp>(op))
    return buildFromCodes(builder, loc, elements, resultElement, operands);
  ScalarBuilder scalars(builder, loc, elements[0]);
  if (operands.size() == 1)
    return buildUnary(scalars, op, operands[0]);
  if (operands.size() != 2)
    return Value();
  Value rhs = operands[1];
  if (elements[1] != elements[0])
    rhs = buildCast(builder, loc, rhs, elements[1], elements[0]);
  return buildBinary(scalars, op, operands[0], rhs);
}

FailureOr<bool> lowerElementwise(Lowering &lowering, Operation *op) {
  if (!isa<ElementwiseOpInterface>(op))
    return false;
  Type element = cast<ShapedType>(op->getResult(0).getType()).getElementType();
  SmallVector<Tensor> inputs;
  SmallVector<Type> elements;
  for (Value operand : op->getOperands()) {
    inputs.push_back(lowering.get(operand));
    elements.push_back(inputs.back().element);
  }
  SymbolicShape shape = lowering.get(op->getResult(0)).shape;
  bool known = true;
  Tensor result = lowering.map(
      op->getLoc(), shape, element, inputs,
      [&](OpBuilder &b, Location loc, ValueRange scalars) -> Value {
        Value value = buildScalar(b, loc, op, elements, element, scalars);
        known &= bool(value);
        return value
                   ? value
                   : arith::ConstantOp::create(b, loc, scalarAttr(element, 0));
      });
  if (!known) {
    op->emitOpError("has no scalar form for element type ") << elements[0];
    return failure();
  }
  lowering.set(op->getResult(0), result);
  return true;
}

} // namespace quantc::qnntolinalg

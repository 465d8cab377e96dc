// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arithmetic of docs/numerics.md §2 on scalars.  Minima and maxima with a known
// bound are written as selects that compile to one or two instructions; the
// bits are those of arith.maximumf and arith.minimumf.

#include "Scalars.h"

using namespace mlir;

namespace quantc::qnntolinalg {

Value ScalarBuilder::add(Value a, Value b) {
  if (isFloat())
    return arith::AddFOp::create(builder, loc, a, b);
  return arith::AddIOp::create(builder, loc, a, b);
}

Value ScalarBuilder::sub(Value a, Value b) {
  if (isFloat())
    return arith::SubFOp::create(builder, loc, a, b);
  return arith::SubIOp::create(builder, loc, a, b);
}

Value ScalarBuilder::mul(Value a, Value b) {
  if (isFloat())
    return arith::MulFOp::create(builder, loc, a, b);
  return arith::MulIOp::create(builder, loc, a, b);
}

Value ScalarBuilder::div(Value a, Value b) {
  if (isFloat())
    return arith::DivFOp::create(builder, loc, a, b);
  // The division itself sees 1 where the divisor is 0 or -1.
  Value zero = constant(0), one = constant(1);
  Value byZero = equal(b, zero);
  if (isUnsigned()) {
    Value safe = select(byZero, one, b);
    Value quotient = arith::DivUIOp::create(builder, loc, a, safe);
    return select(byZero, zero, quotient);
  }
  Value byMinusOne = equal(b, constant(-1));
  Value special = arith::OrIOp::create(builder, loc, byZero, byMinusOne);
  Value quotient =
      arith::DivSIOp::create(builder, loc, a, select(special, one, b));
  quotient = select(byMinusOne, neg(a), quotient);
  return select(byZero, zero, quotient);
}

Value ScalarBuilder::neg(Value a) {
  if (isFloat())
    return arith::NegFOp::create(builder, loc, a);
  return sub(constant(0), a);
}

Value ScalarBuilder::abs(Value a) {
  if (isFloat())
    return math::AbsFOp::create(builder, loc, a);
  return isUnsigned() ? a : select(less(a, constant(0)), neg(a), a);
}

Value ScalarBuilder::fma(Value a, Value b, Value c) {
  return math::FmaOp::create(builder, loc, a, b, c);
}

Value ScalarBuilder::exp(Value a) {
  return math::ExpOp::create(builder, loc, a);
}

Value ScalarBuilder::log(Value a) {
  return math::LogOp::create(builder, loc, a);
}

Value ScalarBuilder::max(Value a, Value b) {
  if (isFloat())
    return arith::MaximumFOp::create(builder, loc, a, b);
  if (isUnsigned())
    return arith::MaxUIOp::create(builder, loc, a, b);
  return arith::MaxSIOp::create(builder, loc, a, b);
}

Value ScalarBuilder::min(Value a, Value b) {
  if (isFloat())
    return arith::MinimumFOp::create(builder, loc, a, b);
  if (isUnsigned())
    return arith::MinUIOp::create(builder, loc, a, b);
  return arith::MinSIOp::create(builder, loc, a, b);
}

Value ScalarBuilder::less(Value a, Value b) {
  if (isFloat())
    return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLT, a, b);
  auto predicate =
      isUnsigned() ? arith::CmpIPredicate::ult : arith::CmpIPredicate::slt;
  return arith::CmpIOp::create(builder, loc, predicate, a, b);
}

Value ScalarBuilder::lessEqual(Value a, Value b) {
  if (isFloat())
    return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLE, a, b);
  auto predicate =
      isUnsigned() ? arith::CmpIPredicate::ule : arith::CmpIPredicate::sle;
  return arith::CmpIOp::create(builder, loc, predicate, a, b);
}

Value ScalarBuilder::equal(Value a, Value b) {
  if (isFloat())
    return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OEQ, a, b);
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, a, b);
}

Value ScalarBuilder::isNan(Value a) {
  return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::UNO, a, a);
}

Value ScalarBuilder::select(Value condition, Value a, Value b) {
  return arith::SelectOp::create(builder, loc, condition, a, b);
}

Value ScalarBuilder::relu(Value x) {
  Value zero = constant(0);
  return isFloat() ? select(lessEqual(x, zero), zero, x) : max(x, zero);
}

Value ScalarBuilder::clip(Value x, double low, double high) {
  bool positiveZeroLow = low == 0 && !std::signbit(low);
  bool negativeZeroHigh = high == 0 && std::signbit(high);
  if (!std::isinf(low) || low > 0) {
    Value bound = constant(low);
    Value below = positiveZeroLow ? lessEqual(x, bound) : less(x, bound);
    x = select(below, bound, x);
  }
  if (!std::isinf(high) || high < 0) {
    Value bound = constant(high);
    Value above = negativeZeroHigh ? lessEqual(bound, x) : less(bound, x);
    x = select(above, bound, x);
  }
  return x;
}

Value ScalarBuilder::onePlusExpNeg(Value x) {
  return add(constant(1), exp(neg(x)));
}

Value ScalarBuilder::sigmoid(Value x) {
  return div(constant(1), onePlusExpNeg(x));
}

//===----------------------------------------------------------------------===//
// Casts
//===----------------------------------------------------------------------===//

/// Truncation toward zero, saturated to the target's range, NaN to 0.
static Value floatToInteger(ScalarBuilder &from, Value value, Type to) {
  bool isUnsigned = to.isUnsignedInteger();
  unsigned width = to.getIntOrFloatBitWidth();
  // Narrow targets go through i32, which vectorizes.
  unsigned through = std::max(width, 32u);
  double low = isUnsigned ? 0 : -std::ldexp(1.0, width - 1);
  double end = std::ldexp(1.0, isUnsigned ? width : width - 1);
  unsigned precision = from.type.isF64() ? 53 : 24;
  unsigned bits = isUnsigned ? width : width - 1;
  double high =
      bits <= precision ? end - 1 : end - std::ldexp(1.0, bits - precision);

  Value zero = from.constant(0);
  Value finite = from.select(from.isNan(value), zero, value);
  finite = from.clip(finite, low, high);
  Type type = IntegerType::get(to.getContext(), through);
  Value result;
  if (isUnsigned && width >= 32)
    result = arith::FPToUIOp::create(from.builder, from.loc, type, finite);
  else
    result = arith::FPToSIOp::create(from.builder, from.loc, type, finite);
  if (through != width)
    result = arith::TruncIOp::create(from.builder, from.loc,
                                     IntegerType::get(to.getContext(), width),
                                     result);
  if (bits <= precision)
    return result;
  // The largest float below the limit is not the largest integer.
  APInt limit =
      isUnsigned ? APInt::getMaxValue(width) : APInt::getSignedMaxValue(width);
  Value largest = arith::ConstantOp::create(
      from.builder, from.loc,
      from.builder.getIntegerAttr(result.getType(), limit));
  return from.select(from.lessEqual(from.constant(end), value), largest,
                     result);
}

Value buildCast(OpBuilder &builder, Location loc, Value value, Type from,
                Type to) {
  ScalarBuilder source(builder, loc, from);
  Type type = computeType(to);
  bool toFloat = isa<FloatType>(type);
  if (to.isInteger(1)) {
    if (source.isBool())
      return value;
    Value zero = source.constant(0);
    if (source.isFloat())
      return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::UNE,
                                   value, zero);
    return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne, value,
                                 zero);
  }
  if (source.isFloat()) {
    if (!toFloat)
      return floatToInteger(source, value, to);
    unsigned have = source.type.getIntOrFloatBitWidth();
    unsigned want = type.getIntOrFloatBitWidth();
    if (have == want)
      return value;
    if (have < want)
      return arith::ExtFOp::create(builder, loc, type, value);
    return arith::TruncFOp::create(builder, loc, type, value);
  }
  if (toFloat) {
    if (source.isUnsigned())
      return arith::UIToFPOp::create(builder, loc, type, value);
    return arith::SIToFPOp::create(builder, loc, type, value);
  }
  unsigned have = from.getIntOrFloatBitWidth();
  unsigned want = to.getIntOrFloatBitWidth();
  if (have == want)
    return value;
  if (have > want)
    return arith::TruncIOp::create(builder, loc, type, value);
  if (source.isUnsigned())
    return arith::ExtUIOp::create(builder, loc, type, value);
  return arith::ExtSIOp::create(builder, loc, type, value);
}

Value clampIndex(ScalarBuilder &s, Value index, Value extent) {
  Value count = arith::IndexCastOp::create(s.builder, s.loc, s.type, extent);
  Value zero = s.constant(0);
  Value wrapped = s.select(s.less(index, zero), s.add(index, count), index);
  Value inside = s.max(s.min(wrapped, s.sub(count, s.constant(1))), zero);
  return arith::IndexCastOp::create(s.builder, s.loc, s.builder.getIndexType(),
                                    inside);
}

} // namespace quantc::qnntolinalg

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Float8 codes: a sign, an exponent and a mantissa that are found and built in
// 32-bit integers, as f32's own are.

#include "Float8.h"
#include <cmath>

using namespace mlir;

namespace quantc::onnx_frontend {
namespace {

struct Layout {
  int64_t mantissa, bias;
  int64_t largest, nan;
  std::optional<int64_t> infinity;
  bool hasNegativeZero = true;
};

} // namespace

static Layout layoutOf(Type type) {
  if (isa<Float8E4M3FNType>(type))
    return {3, 7, 0x7e, 0x7f, std::nullopt};
  if (isa<Float8E4M3FNUZType>(type))
    return {3, 8, 0x7f, 0x80, std::nullopt, false};
  if (isa<Float8E5M2Type>(type))
    return {2, 15, 0x7b, 0x7e, 0x7c};
  return {2, 16, 0x7f, 0x80, std::nullopt, false};
}

static Value bitcast(Program &p, Value value, Type type) {
  return arith::BitcastOp::create(p.builder, p.loc, type, value);
}

Value decodeFloat8(Program &p, Value code, Type type) {
  Layout layout = layoutOf(type);
  Type i32 = p.builder.getI32Type(), f32 = p.builder.getF32Type();
  auto number = [&](int64_t value) { return p.integer(i32, value); };
  auto shift = [&](Value value, int64_t by) {
    return p.binary<arith::ShLIOp>(value, number(by));
  };
  Value bits = arith::ExtUIOp::create(p.builder, p.loc, i32, code);
  Value magnitude = p.both(bits, number(0x7f));
  Value sign = p.both(bits, number(0x80));
  // Normal: the same fields, moved; subnormal: an integer times a power of two.
  int64_t m = layout.mantissa;
  Value moved =
      p.add(shift(magnitude, 23 - m), shift(number(127 - layout.bias), 23));
  Value isSubnormal = p.less(magnitude, number(int64_t(1) << m));
  Value small = p.mul(p.toFloat(magnitude, f32),
                      p.constant(f32, std::ldexp(1.0, 1 - layout.bias - m)));
  Value value = p.select(isSubnormal, small, bitcast(p, moved, f32));
  if (layout.infinity)
    value = p.select(p.equal(magnitude, number(*layout.infinity)),
                     p.constant(f32, INFINITY), value);
  value = p.select(p.equal(sign, number(0)), value, p.neg(value));
  Value isNan;
  if (!layout.hasNegativeZero)
    isNan = p.equal(bits, number(layout.nan));
  else
    isNan = p.less(number(layout.infinity.value_or(layout.nan - 1)), magnitude);
  return p.select(isNan, p.constant(f32, NAN), value);
}

Value encodeFloat8(Program &p, Value value, Type type, bool saturate) {
  Layout layout = layoutOf(type);
  Type i32 = p.builder.getI32Type(), f32 = p.builder.getF32Type();
  auto number = [&](int64_t value) { return p.integer(i32, value); };
  auto shiftRight = [&](Value value, int64_t by) {
    return p.binary<arith::ShRUIOp>(value, number(by));
  };
  int64_t m = layout.mantissa;
  Value bits = bitcast(p, value, i32);
  Value magnitude = p.both(bits, number(0x7fffffff));
  Value sign = p.both(shiftRight(bits, 24), number(0x80));
  // Normal: the bits below the mantissa are rounded off, a carry moves the
  // exponent.
  int64_t dropped = 23 - m;
  Value odd = p.both(shiftRight(magnitude, dropped), number(1));
  Value rounded =
      p.add(p.add(magnitude, number((int64_t(1) << (dropped - 1)) - 1)), odd);
  Value normal =
      p.sub(shiftRight(rounded, dropped), number((127 - layout.bias) << m));
  // Subnormal: a multiple of the smallest.
  double smallest = std::ldexp(1.0, 1 - layout.bias - m);
  Value size = bitcast(p, magnitude, f32);
  Value lowest = p.constant(f32, std::ldexp(1.0, 1 - layout.bias));
  Value isSubnormal = p.less(size, lowest);
  Value safe = p.select(isSubnormal, size, p.constant(f32, 0));
  Value steps =
      p.unary<math::RoundEvenOp>(p.mul(safe, p.constant(f32, 1.0 / smallest)));
  Value subnormal = arith::FPToSIOp::create(p.builder, p.loc, i32, steps);
  Value code = p.select(isSubnormal, subnormal, normal);
  int64_t over =
      saturate ? layout.largest : layout.infinity.value_or(layout.nan);
  code = p.select(p.less(number(layout.largest), code), number(over), code);
  Value isNan = p.less(number(0x7f800000), magnitude);
  code = p.select(isNan, number(layout.nan), code);
  Value coded = p.either(code, sign);
  // One zero, and one NaN, which is where the other zero would be.
  if (!layout.hasNegativeZero) {
    Value bare =
        p.either(p.equal(code, number(0)), p.equal(code, number(layout.nan)));
    coded = p.select(bare, code, coded);
  }
  return arith::TruncIOp::create(p.builder, p.loc, p.builder.getI8Type(),
                                 coded);
}

} // namespace quantc::onnx_frontend

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Codes of floats of 8, 6 and 4 bits: a sign, an exponent and a mantissa that
// are found and built in 32-bit integers, as f32's own are.  float8e8m0 is an
// exponent alone.

#include "SmallFloat.h"
#include <cmath>

using namespace mlir;

namespace quantc::onnx_frontend {
namespace {

struct Layout {
  unsigned bits;
  int64_t mantissa, bias, largest;
  /// Formats under a byte have neither.
  std::optional<int64_t> nan, infinity;
  bool hasNegativeZero = true;

  int64_t signBit() const { return int64_t(1) << (bits - 1); }
};

} // namespace

static Layout layoutOf(Type type) {
  if (isa<Float8E4M3FNType>(type))
    return {8, 3, 7, 0x7e, 0x7f, std::nullopt};
  if (isa<Float8E4M3FNUZType>(type))
    return {8, 3, 8, 0x7f, 0x80, std::nullopt, false};
  if (isa<Float8E5M2Type>(type))
    return {8, 2, 15, 0x7b, 0x7e, 0x7c};
  if (isa<Float8E5M2FNUZType>(type))
    return {8, 2, 16, 0x7f, 0x80, std::nullopt, false};
  if (isa<Float6E2M3FNType>(type))
    return {6, 3, 1, 0x1f, std::nullopt, std::nullopt};
  if (isa<Float6E3M2FNType>(type))
    return {6, 2, 3, 0x1f, std::nullopt, std::nullopt};
  return {4, 1, 1, 0x7, std::nullopt, std::nullopt};
}

static Value bitcast(Program &p, Value value, Type type) {
  return arith::BitcastOp::create(p.builder, p.loc, type, value);
}

static Value number(Program &p, int64_t value) {
  return p.integer(p.builder.getI32Type(), value);
}

static Value toCode(Program &p, Value word) {
  return arith::TruncIOp::create(p.builder, p.loc, p.builder.getI8Type(), word);
}

//===----------------------------------------------------------------------===//
// Powers of two
//===----------------------------------------------------------------------===//

/// Code c is 2^(c - 127), 255 NaN.  f32 has the same exponents, but the
/// smallest is a subnormal.
static Value decodePower(Program &p, Value code) {
  Type i32 = p.builder.getI32Type(), f32 = p.builder.getF32Type();
  Value exponent = arith::ExtUIOp::create(p.builder, p.loc, i32, code);
  Value bits = p.binary<arith::ShLIOp>(exponent, number(p, 23));
  bits = p.select(p.equal(exponent, number(p, 0)), number(p, 0x400000), bits);
  return p.select(p.equal(exponent, number(p, 255)), p.constant(f32, NAN),
                  bitcast(p, bits, f32));
}

static Value encodePower(Program &p, Value value, const SmallFloatCast &how) {
  Value magnitude =
      p.both(bitcast(p, value, p.builder.getI32Type()), number(p, 0x7fffffff));
  Value exponent = p.binary<arith::ShRUIOp>(magnitude, number(p, 23));
  Value isSubnormal = p.equal(exponent, number(p, 0));
  // What is above the power: a subnormal's first bit is the power itself.
  Value rest = p.both(magnitude, p.select(isSubnormal, number(p, 0x3fffff),
                                          number(p, 0x7fffff)));
  Value code = exponent;
  if (how.rounding != PowerRounding::down) {
    Value half =
        p.select(isSubnormal, number(p, 0x200000), number(p, 0x400000));
    Value from = how.rounding == PowerRounding::up ? number(p, 1) : half;
    Value isUp = p.lessEqual(from, rest);
    code = p.add(code, p.select(isUp, number(p, 1), number(p, 0)));
  }
  Value tooSmall = p.less(magnitude, number(p, 0x400000));
  Value tooLarge = p.less(number(p, 0x7f000000), magnitude);
  code = p.select(tooSmall, number(p, how.saturates ? 0 : 255), code);
  code = p.select(tooLarge, number(p, how.saturates ? 254 : 255), code);
  Value isNan = p.less(number(p, 0x7f800000), magnitude);
  return toCode(p, p.select(isNan, number(p, 255), code));
}

//===----------------------------------------------------------------------===//
// Signed formats
//===----------------------------------------------------------------------===//

Value decodeSmallFloat(Program &p, Value code, Type type) {
  if (isa<Float8E8M0FNUType>(type))
    return decodePower(p, code);
  Layout layout = layoutOf(type);
  Type i32 = p.builder.getI32Type(), f32 = p.builder.getF32Type();
  auto shift = [&](Value value, int64_t by) {
    return p.binary<arith::ShLIOp>(value, number(p, by));
  };
  Value bits = arith::ExtUIOp::create(p.builder, p.loc, i32, code);
  Value magnitude = p.both(bits, number(p, layout.signBit() - 1));
  Value sign = p.both(bits, number(p, layout.signBit()));
  // Normal: the same fields, moved; subnormal: an integer times a power of two.
  int64_t m = layout.mantissa;
  Value moved =
      p.add(shift(magnitude, 23 - m), shift(number(p, 127 - layout.bias), 23));
  Value isSubnormal = p.less(magnitude, number(p, int64_t(1) << m));
  Value small = p.mul(p.toFloat(magnitude, f32),
                      p.constant(f32, std::ldexp(1.0, 1 - layout.bias - m)));
  Value value = p.select(isSubnormal, small, bitcast(p, moved, f32));
  if (layout.infinity)
    value = p.select(p.equal(magnitude, number(p, *layout.infinity)),
                     p.constant(f32, INFINITY), value);
  value = p.select(p.equal(sign, number(p, 0)), value, p.neg(value));
  if (!layout.nan)
    return value;
  Value isNan =
      layout.hasNegativeZero
          ? p.less(number(p, layout.infinity.value_or(layout.largest)),
                   magnitude)
          : p.equal(bits, number(p, *layout.nan));
  return p.select(isNan, p.constant(f32, NAN), value);
}

/// f64 to f32, rounded to odd: what follows rounds as if from the f64.
static Value narrowToOdd(Program &p, Value value) {
  Type i32 = p.builder.getI32Type(), f32 = p.builder.getF32Type();
  Value near = arith::TruncFOp::create(p.builder, p.loc, f32, value);
  Value wide = arith::ExtFOp::create(p.builder, p.loc, value.getType(), near);
  Value bits = bitcast(p, near, i32);
  Value isShort = p.less(p.abs(wide), p.abs(value));
  Value isLong = p.less(p.abs(value), p.abs(wide));
  Value step = p.select(isShort, number(p, 1),
                        p.select(isLong, number(p, -1), number(p, 0)));
  Value isOdd = p.equal(p.both(bits, number(p, 1)), number(p, 1));
  return bitcast(p, p.select(isOdd, bits, p.add(bits, step)), f32);
}

Value encodeSmallFloat(Program &p, Value value, Type type,
                       const SmallFloatCast &how) {
  if (value.getType().isF64())
    value = narrowToOdd(p, value);
  if (isa<Float8E8M0FNUType>(type))
    return encodePower(p, value, how);
  Layout layout = layoutOf(type);
  Type i32 = p.builder.getI32Type(), f32 = p.builder.getF32Type();
  auto shiftRight = [&](Value value, int64_t by) {
    return p.binary<arith::ShRUIOp>(value, number(p, by));
  };
  int64_t m = layout.mantissa;
  Value bits = bitcast(p, value, i32);
  Value magnitude = p.both(bits, number(p, 0x7fffffff));
  Value sign =
      p.both(shiftRight(bits, 32 - layout.bits), number(p, layout.signBit()));
  // Normal: the bits below the mantissa are rounded off, a carry moves the
  // exponent.
  int64_t dropped = 23 - m;
  Value odd = p.both(shiftRight(magnitude, dropped), number(p, 1));
  Value rounded = p.add(
      p.add(magnitude, number(p, (int64_t(1) << (dropped - 1)) - 1)), odd);
  Value normal =
      p.sub(shiftRight(rounded, dropped), number(p, (127 - layout.bias) << m));
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
  int64_t over = how.saturates || !layout.nan
                     ? layout.largest
                     : layout.infinity.value_or(*layout.nan);
  code =
      p.select(p.less(number(p, layout.largest), code), number(p, over), code);
  Value isNan = p.less(number(p, 0x7f800000), magnitude);
  code = p.select(isNan, number(p, layout.nan.value_or(0)), code);
  // Of a NaN that there is no code for no sign is left either.
  if (!layout.nan)
    sign = p.select(isNan, number(p, 0), sign);
  Value coded = p.either(code, sign);
  // One zero, and one NaN, which is where the other zero would be.
  if (!layout.hasNegativeZero) {
    Value bare = p.either(p.equal(code, number(p, 0)),
                          p.equal(code, number(p, *layout.nan)));
    coded = p.select(bare, code, coded);
  }
  return toCode(p, coded);
}

} // namespace quantc::onnx_frontend

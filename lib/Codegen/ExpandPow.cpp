// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// pow on vectors of f32: exp64(y * log64(|x|)) of docs/numerics.md §3.12 in f64
// lanes, with its special cases as selects.  Integers of the size of exponents
// go to and from f64 by adding 1.5 * 2^52, which has a vector form everywhere.

#include "ExpandMath.h"

using namespace mlir;

namespace quantc::expandmath {
namespace {

constexpr double kMagic = 0x1.8p+52;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// f64 and i64 arithmetic on top of the emitter's.
struct Emitter64 {
  Emitter &e;

  Value bits(Value a) {
    return arith::BitcastOp::create(e.builder, e.loc,
                                    e.as(e.builder.getI64Type()), a);
  }
  Value pattern(Value a) {
    return arith::BitcastOp::create(e.builder, e.loc,
                                    e.as(e.builder.getF64Type()), a);
  }
  Value shl(Value a, unsigned n) {
    return arith::ShLIOp::create(e.builder, e.loc, a, e.integer64(n));
  }
  Value shr(Value a, unsigned n) {
    return arith::ShRSIOp::create(e.builder, e.loc, a, e.integer64(n));
  }
  Value isNegative(Value integer) {
    return arith::CmpIOp::create(e.builder, e.loc, arith::CmpIPredicate::slt,
                                 integer, e.integer64(0));
  }
  Value abs(Value a) { return math::AbsFOp::create(e.builder, e.loc, a); }
  Value trunc(Value a) { return math::TruncOp::create(e.builder, e.loc, a); }
  Value both(Value a, Value b) {
    return arith::AndIOp::create(e.builder, e.loc, a, b);
  }
  Value either(Value a, Value b) {
    return arith::OrIOp::create(e.builder, e.loc, a, b);
  }
  Value negate(Value a) {
    return arith::XOrIOp::create(
        e.builder, e.loc, a,
        arith::ConstantOp::create(
            e.builder, e.loc,
            DenseElementsAttr::get(cast<ShapedType>(a.getType()), true)));
  }
  Value polynomial(Value x, ArrayRef<double> coefficients) {
    Value result = e.constant64(coefficients.front());
    for (double coefficient : coefficients.drop_front())
      result = e.fma(result, x, e.constant64(coefficient));
    return result;
  }
  /// 2^n of an integer.
  Value powerOfTwo(Value n) {
    return pattern(shl(e.iadd(n, e.integer64(1023)), 52));
  }

  Value exp(Value x);
  Value logOfMagnitude(Value x);
};

/// x is not NaN where the result matters.
Value Emitter64::exp(Value x) {
  Value low = e.constant64(-746.0), high = e.constant64(710.0);
  x = e.select(e.less(x, low), low, x);
  x = e.select(e.greater(x, high), high, x);
  Value n = math::RoundEvenOp::create(
      e.builder, e.loc, e.mul(x, e.constant64(0x1.71547652b82fep+0)));
  Value y = e.fma(n, e.constant64(-0x1.62e42fefa39efp-1), x);
  y = e.fma(n, e.constant64(-0x1.abc9e3b39803fp-56), y);
  SmallVector<double> inverse = {1.0};
  double factorial = 1;
  for (int i = 1; i <= 13; ++i)
    inverse.insert(inverse.begin(), 1.0 / (factorial *= i));
  Value p = polynomial(y, inverse);
  Value whole = e.isub(bits(e.add(n, e.constant64(kMagic))),
                       e.integer64(llvm::bit_cast<uint64_t>(kMagic)));
  // Two factors, since one might not be a normal number.
  Value half = shr(whole, 1);
  return e.mul(e.mul(p, powerOfTwo(half)), powerOfTwo(e.isub(whole, half)));
}

/// x is a magnitude that f32 has, so no subnormal number of f64.
Value Emitter64::logOfMagnitude(Value x) {
  Value one = e.integer64(0x3fe6a09e667f3bcd);
  Value u = e.isub(bits(x), one);
  Value k =
      e.sub(pattern(e.iadd(shr(u, 52),
                           e.integer64(llvm::bit_cast<uint64_t>(kMagic)))),
            e.constant64(kMagic));
  Value mantissa = e.iand(u, e.integer64(0xfffffffffffff));
  Value f = e.sub(pattern(e.iadd(mantissa, one)), e.constant64(1.0));
  Value s = e.div(f, e.add(e.constant64(2.0), f)), z = e.mul(s, s);
  SmallVector<double> odd;
  for (int i = 25; i >= 3; i -= 2)
    odd.push_back(2.0 / i);
  Value p = polynomial(z, odd);
  Value t =
      e.fma(k, e.constant64(0x1.abc9e3b39803fp-56), e.mul(e.mul(s, z), p));
  Value w =
      e.fma(k, e.constant64(0x1.62e42fefa39efp-1), e.mul(e.constant64(2.0), s));
  Value r = e.add(w, t);
  Value infinity = e.constant64(kInfinity);
  r = e.select(e.equal(x, infinity), infinity, r);
  return e.select(e.equal(x, e.constant64(0.0)), e.constant64(-kInfinity), r);
}
} // namespace

Value emitPow(Emitter &e, Value base, Value exponent) {
  Emitter64 d{e};
  Type f64 = e.as(e.builder.getF64Type());
  Value x = arith::ExtFOp::create(e.builder, e.loc, f64, base);
  Value y = arith::ExtFOp::create(e.builder, e.loc, f64, exponent);
  Value zero = e.constant64(0.0), one = e.constant64(1.0);
  Value magnitude = d.abs(x);
  Value m = d.exp(e.mul(y, d.logOfMagnitude(magnitude)));
  m = e.select(e.equal(magnitude, one), one, m);
  // An odd integer is one whose half is none; infinities and all that is too
  // large to be odd are halved to an integer.
  Value isInteger = e.equal(y, d.trunc(y));
  Value half = e.mul(y, e.constant64(0.5));
  Value isOdd = d.both(isInteger, d.negate(e.equal(half, d.trunc(half))));
  Value isNegative = d.isNegative(d.bits(x));
  m = e.select(d.both(isNegative, isOdd), e.neg(m), m);
  Value isFinite = e.less(magnitude, e.constant64(kInfinity));
  Value undefined =
      d.both(d.both(e.less(x, zero), isFinite), d.negate(isInteger));
  undefined = d.either(undefined, d.either(e.isNan(x), e.isNan(y)));
  m = e.select(undefined,
               e.constant64(std::numeric_limits<double>::quiet_NaN()), m);
  m = e.select(d.either(e.equal(y, zero), e.equal(x, one)), one, m);
  return arith::TruncFOp::create(e.builder, e.loc, base.getType(), m);
}

} // namespace quantc::expandmath

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// sin and cos (docs/numerics.md §3.10).  Up to 2^20 the argument is reduced by
// three fma; beyond, exactly in integers with 256 bits of 2/pi, in a branch
// that is taken only when some lane needs it.

#include "ExpandMath.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace quantc::expandmath {
namespace {

/// x = r + j * pi/2 with |r| at most pi/4; only the low bits of j count.
struct Reduced {
  Value r, j;
};

Reduced reduceSmall(Emitter &e, Value x) {
  constexpr double kMagic = 12582912.0;
  Value k = e.fma(x, e.constant(0x1.45f306p-1), e.constant(kMagic));
  Value n = e.sub(k, e.constant(kMagic));
  Value r = e.fma(n, e.constant(-0x1.921fb6p+0), x);
  r = e.fma(n, e.constant(0x1.777a5cp-25), r);
  r = e.fma(n, e.constant(0x1.ee59dap-50), r);
  return {r, e.bits(k)};
}

/// 64-bit integer arithmetic on the emitter's lanes.
struct Wide {
  Emitter &e;
  Value constant(uint64_t value) { return e.integer64(value); }
  Value extend(Value a) {
    return arith::ExtUIOp::create(e.builder, e.loc,
                                  e.as(e.builder.getI64Type()), a);
  }
  Value truncate(Value a) {
    return arith::TruncIOp::create(e.builder, e.loc,
                                   e.as(e.builder.getI32Type()), a);
  }
  Value shl(Value a, Value n) {
    return arith::ShLIOp::create(e.builder, e.loc, a, n);
  }
  Value shr(Value a, Value n) {
    return arith::ShRUIOp::create(e.builder, e.loc, a, n);
  }
  Value mul(Value a, Value b) {
    return arith::MulIOp::create(e.builder, e.loc, a, b);
  }
  Value low(Value a) { return e.iand(a, constant(0xffffffff)); }
  Value high(Value a) { return shr(a, constant(32)); }
};

/// Words word, word + 1, … of 2/pi with one zero word in front.
SmallVector<Value> selectWords(Wide &w, Value word) {
  static constexpr uint32_t kTwoOverPi[] = {0,          0xa2f9836e, 0x4e441529,
                                            0xfc2757d1, 0xf534ddc0, 0xdb629599,
                                            0x3c439041, 0xfe5163ab, 0xdebbc561};
  SmallVector<Value> words;
  for (unsigned offset = 0; offset < 4; ++offset) {
    Value value = w.constant(kTwoOverPi[offset]);
    for (unsigned first = 1; first <= 4; ++first) {
      Value here =
          arith::CmpIOp::create(w.e.builder, w.e.loc, arith::CmpIPredicate::eq,
                                word, w.constant(first));
      value = w.e.select(here, w.constant(kTwoOverPi[first + offset]), value);
    }
    words.push_back(value);
  }
  return words;
}

Reduced reduceLarge(Emitter &e, Value x) {
  Wide w{e};
  // |x| = mantissa * 2^exponent.  96 bits of 2/pi from bit exponent - 2 on
  // decide the quadrant and the remainder.
  Value bits = e.iand(e.bits(x), e.integer(0x7fffffff));
  Value mantissa =
      w.extend(e.ior(e.iand(bits, e.integer(0x7fffff)), e.integer(0x800000)));
  Value exponent = e.isub(e.shr(bits, 23), e.integer(150));
  Value position = w.extend(e.iadd(exponent, e.integer(30)));
  SmallVector<Value> words = selectWords(w, w.shr(position, w.constant(5)));
  Value down = e.isub(w.constant(32), e.iand(position, w.constant(31)));
  auto limb = [&](unsigned i) {
    Value pair = e.ior(w.shl(words[i], w.constant(32)), words[i + 1]);
    return w.low(w.shr(pair, down));
  };
  // The product modulo 2^96, without its low 32 bits.
  Value low = w.mul(mantissa, limb(2));
  Value middle = e.iadd(w.mul(mantissa, limb(1)), w.high(low));
  Value high = e.iadd(w.mul(mantissa, limb(0)), w.high(middle));
  Value rest = e.ior(w.shl(w.low(high), w.constant(32)), w.low(middle));
  Value quadrant =
      w.shr(e.iadd(rest, w.constant(uint64_t(1) << 61)), w.constant(62));
  Value remainder = e.isub(rest, w.shl(quadrant, w.constant(62)));

  Type f64 = e.as(e.builder.getF64Type());
  Value exact = arith::SIToFPOp::create(e.builder, e.loc, f64, remainder);
  Value r = arith::TruncFOp::create(
      e.builder, e.loc, e.as(e.builder.getF32Type()),
      e.mul(exact, e.constant64(0x1.921fb54442d18p-62)));
  Value j = w.truncate(quadrant);
  Value negative = e.less(x, e.constant(0.0));
  return {e.select(negative, e.neg(r), r),
          e.select(negative, e.isub(e.integer(0), j), j)};
}

Value anyLane(Emitter &e, Value condition) {
  if (!isa<VectorType>(condition.getType()))
    return condition;
  return vector::ReductionOp::create(e.builder, e.loc,
                                     vector::CombiningKind::OR, condition);
}

Reduced reduce(Emitter &e, Value x) {
  Reduced small = reduceSmall(e, x);
  Value magnitude = e.pattern(e.iand(e.bits(x), e.integer(0x7fffffff)));
  Value large = e.greater(magnitude, e.constant(0x1p+20));
  Value infinity = e.constant(std::numeric_limits<double>::infinity());
  large = e.iand(large, e.less(magnitude, infinity));
  auto branch = scf::IfOp::create(
      e.builder, e.loc, TypeRange{small.r.getType(), small.j.getType()},
      anyLane(e, large), /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(e.builder);
  e.builder.setInsertionPointToStart(branch.thenBlock());
  Reduced exact = reduceLarge(e, x);
  scf::YieldOp::create(e.builder, e.loc,
                       ValueRange{e.select(large, exact.r, small.r),
                                  e.select(large, exact.j, small.j)});
  e.builder.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(e.builder, e.loc, ValueRange{small.r, small.j});
  return {branch.getResult(0), branch.getResult(1)};
}

Value emitQuadrant(Emitter &e, Value r, Value j) {
  Value z = e.mul(r, r);
  Value ps = e.polynomial(z, {-0x1.9869cep-13, 0x1.110494p-7, -0x1.55553ep-3});
  Value pc = e.polynomial(z, {0x1.993c9ep-16, -0x1.6c09c2p-10, 0x1.555546p-5});
  Value sine = e.fma(e.mul(r, z), ps, r);
  Value cosine =
      e.fma(e.mul(z, z), pc, e.fma(e.constant(-0.5), z, e.constant(1.0)));
  Value odd = e.nonZero(e.iand(j, e.integer(1)));
  Value value = e.select(odd, cosine, sine);
  Value negated = e.nonZero(e.iand(j, e.integer(2)));
  return e.select(negated, e.neg(value), value);
}

} // namespace

Value emitSin(Emitter &e, Value x) {
  Reduced reduced = reduce(e, x);
  return emitQuadrant(e, reduced.r, reduced.j);
}

Value emitCos(Emitter &e, Value x) {
  Reduced reduced = reduce(e, x);
  return emitQuadrant(e, reduced.r, e.iadd(reduced.j, e.integer(1)));
}

} // namespace quantc::expandmath

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise operators without an operation of their own: remainders, bit
// operations, functions that are rare (numerics §3.12: computed in f64 and
// rounded once).

#include "Program.h"

using namespace mlir;

namespace quantc::onnx_frontend {

/// A float remainder with the divisor's sign, zeros included.
static Value flooredRemainder(Program &p, Value a, Value b) {
  Type type = a.getType();
  Value zero = p.constant(type, 0);
  Value rest = p.rem(a, b);
  Value isBelow = p.less(rest, zero), isNegative = p.less(b, zero);
  Value differs = p.binary<arith::XOrIOp>(isBelow, isNegative);
  Value signedZero = p.select(isNegative, p.constant(type, -0.0), zero);
  return p.select(p.equal(rest, zero), signedZero,
                  p.select(differs, p.add(rest, b), rest));
}

/// A remainder has the divisor's sign, or the dividend's with fmod.
static LogicalResult importMod(NodeImport &n) {
  bool truncates = n.intAttr("fmod", 0) != 0;
  auto remainder = [&](ArrayRef<AffineExpr> x) -> std::optional<AffineExpr> {
    auto a = dyn_cast<AffineConstantExpr>(x[0]);
    auto b = dyn_cast<AffineConstantExpr>(x[1]);
    if (!a || !b || b.getValue() <= 0 || a.getValue() < 0)
      return std::nullopt;
    return n.expr(a.getValue() % b.getValue());
  };
  if (n.has(0) && n.has(1) &&
      foldShapeData(n, n.inputs[0]->elementType, remainder))
    return success();
  Value a = n.value(0), b = n.value(1);
  if (failed(sameType(n, {a, b}, isNumber)))
    return failure();
  Type type = n.elementType(a);
  if (isFloat(type) && !truncates && n.opset < 28)
    return n.error("expected 'fmod' to be 1 for floats before opset 28");
  bool isUnsigned = type.isUnsignedInteger();
  return n.result(
      computeElements(n, type, {a, b}, [&](Program &p, ValueRange x) {
        if (isFloat(type) && !truncates)
          return flooredRemainder(p, x[0], x[1]);
        Value rest = p.rem(x[0], x[1], isUnsigned);
        if (truncates || isUnsigned || isFloat(type))
          return rest;
        Value zero = p.integer(rest.getType(), 0);
        Value differs = p.less(p.binary<arith::XOrIOp>(rest, x[1]), zero);
        Value adjust = p.both(p.negate(p.equal(rest, zero)), differs);
        return p.select(adjust, p.add(rest, x[1]), rest);
      }));
}

/// Of integers: base^exponent by squares, which wraps as repeated
/// multiplication does; negative exponents leave powers of 1 and -1.
static Value integerPower(Program &p, Value base, Value exponent, bool hasSign,
                          bool exponentHasSign) {
  Type type = base.getType(), e = exponent.getType();
  Value one = p.integer(type, 1), zero = p.integer(type, 0);
  Value isOdd = p.equal(p.both(exponent, p.integer(e, 1)), p.integer(e, 1));
  Values loop = p.loop(
      p.index(0), p.index(e.getIntOrFloatBitWidth()), {one, base, exponent},
      [&](Value, ValueRange c) -> Values {
        Value takes = p.equal(p.both(c[2], p.integer(e, 1)), p.integer(e, 1));
        return {p.select(takes, p.mul(c[0], c[1]), c[0]), p.mul(c[1], c[1]),
                p.binary<arith::ShRUIOp>(c[2], p.integer(e, 1))};
      });
  if (!exponentHasSign)
    return loop[0];
  Value inverse = p.select(p.equal(base, one), one, zero);
  Value minusOne = p.integer(type, -1);
  if (hasSign)
    inverse = p.select(p.equal(base, minusOne), p.select(isOdd, minusOne, one),
                       inverse);
  return p.select(p.less(exponent, p.integer(e, 0)), inverse, loop[0]);
}

/// Mixed types: the result has the base's, so the exponent is converted where
/// that is a float (numerics §2.5).
static LogicalResult importPow(NodeImport &n) {
  Value base = n.value(0), exponent = n.value(1);
  if (failed(sameType(n, {base}, isNumber)) ||
      failed(sameType(n, {exponent}, isNumber)))
    return failure();
  Type type = n.elementType(base), power = n.elementType(exponent);
  if (isFloat(type))
    return n.result(n.binary<qnn::PowOp>(base, n.cast(exponent, type)));
  Type f64 = n.builder().getF64Type();
  return n.result(
      computeElements(n, type, {base, exponent}, [&](Program &p, ValueRange x) {
        if (isInt(power))
          return integerPower(p, x[0], x[1], !type.isUnsignedInteger(),
                              !power.isUnsignedInteger());
        Value result = p.binary<math::PowFOp>(p.convert(x[0], type, f64),
                                              p.convert(x[1], power, f64));
        // What is an integer but for the error of pow is that integer.
        Value whole = p.unary<math::RoundEvenOp>(result);
        Value error = p.abs(p.sub(result, whole));
        Value bound = p.mul(p.abs(whole), p.constant(f64, 0x1p-44));
        result = p.select(p.lessEqual(error, bound), whole, result);
        return p.convert(result, f64, type);
      }));
}

/// x < -lambd: x + bias; x > lambd: x - bias; else 0.  Both attributes are
/// converted to the type first, as in ONNX's definition.
static LogicalResult importShrink(NodeImport &n) {
  Value x = n.value(0);
  if (failed(sameType(n, {x}, isNumber)))
    return failure();
  double bias = n.floatAttr("bias", 0.0f), limit = n.floatAttr("lambd", 0.5f);
  Type type = n.elementType(x);
  bool isUnsigned = type.isUnsignedInteger();
  auto fits = [](double value) { return value >= -128 && value <= 127; };
  if (isInt(type) && !(fits(bias) && fits(limit)))
    return n.unsupported("of integers with 'bias' or 'lambd' over a byte");
  return n.result(computeElements(n, type, x, [&](Program &p, ValueRange e) {
    Type scalar = e[0].getType();
    Value by = p.constant(scalar, bias), zero = p.constant(scalar, 0);
    Value high = p.constant(scalar, limit), low = p.constant(scalar, -limit);
    // No number without a sign is below a negative limit, each is above.
    Value isAbove = isUnsigned && limit < 0 ? p.boolean(true)
                                            : p.less(high, e[0], isUnsigned);
    Value isBelow = isUnsigned && limit >= 0 ? p.boolean(false)
                                             : p.less(e[0], low, isUnsigned);
    return p.select(isBelow, p.add(e[0], by),
                    p.select(isAbove, p.sub(e[0], by), zero));
  }));
}

static LogicalResult importBitShift(NodeImport &n) {
  Value a = n.value(0), b = n.value(1);
  if (failed(sameType(n, {a, b}, isInt)))
    return failure();
  Type type = n.elementType(a);
  std::string direction = n.stringAttr("direction", "");
  if (direction != "LEFT" && direction != "RIGHT")
    return n.error("expected 'direction' to be LEFT or RIGHT, got " +
                   quote(direction));
  bool isLeft = direction == "LEFT";
  unsigned width = type.getIntOrFloatBitWidth();
  return n.result(
      computeElements(n, type, {a, b}, [&](Program &p, ValueRange x) {
        // Shifts by the width or more, or by less than 0, leave only what the
        // sign extends to (numerics §2.5).
        Type scalar = x[0].getType();
        bool fillsSign = !isLeft && !type.isUnsignedInteger();
        Value fits = p.less(x[1], p.integer(scalar, width), true);
        Value most = p.integer(scalar, fillsSign ? width - 1 : 0);
        Value count = p.select(fits, x[1], most);
        Value shifted;
        if (isLeft)
          shifted = p.binary<arith::ShLIOp>(x[0], count);
        else if (type.isUnsignedInteger())
          shifted = p.binary<arith::ShRUIOp>(x[0], count);
        else
          shifted = p.binary<arith::ShRSIOp>(x[0], count);
        return fillsSign ? shifted
                         : p.select(fits, shifted, p.integer(scalar, 0));
      }));
}

template <typename OpTy> static LogicalResult importBitwise(NodeImport &n) {
  Value a = n.value(0), b = n.value(1);
  if (failed(sameType(n, {a, b}, isInt)))
    return failure();
  return n.result(computeElements(
      n, n.elementType(a), {a, b},
      [](Program &p, ValueRange x) { return p.binary<OpTy>(x[0], x[1]); }));
}

static LogicalResult importBitwiseNot(NodeImport &n) {
  Value a = n.value(0);
  if (failed(sameType(n, {a}, isInt)))
    return failure();
  return n.result(
      computeElements(n, n.elementType(a), a, [](Program &p, ValueRange x) {
        return p.binary<arith::XOrIOp>(x[0], p.integer(x[0].getType(), -1));
      }));
}

/// The same bits as another type of the same width.
static LogicalResult importBitCast(NodeImport &n) {
  Value a = n.value(0);
  if (!a)
    return failure();
  int64_t to = n.intAttr("to", 0);
  Type from = n.elementType(a), target = elementTypeOf(to, &n.importer.context);
  if (!target)
    return n.unsupported("to " + elementTypeName(to));
  if (from == target)
    return n.resultEntry(n.input(0));
  // A bool is a byte, 0 or 1.
  auto widthOf = [](Type type) {
    return isBool(type) ? 8 : type.getIntOrFloatBitWidth();
  };
  unsigned width = widthOf(from);
  if (width != widthOf(target))
    return n.error("expected types of one width");
  if (width == 16 && (isFloat(from) || isFloat(target)))
    return n.unsupported("of 16-bit floats");
  return n.result(computeElements(n, target, a, [&](Program &p, ValueRange x) {
    Type type = scalarType(target), own = x[0].getType();
    if (own == type)
      return x[0];
    if (isBool(target))
      return p.negate(p.equal(x[0], p.integer(own, 0)));
    // Codes of small floats are bytes, integers have their own width.
    if (own.isInteger() && type.isInteger()) {
      if (own.getIntOrFloatBitWidth() > type.getIntOrFloatBitWidth())
        return Value(arith::TruncIOp::create(p.builder, p.loc, type, x[0]));
      return Value(arith::ExtUIOp::create(p.builder, p.loc, type, x[0]));
    }
    return Value(arith::BitcastOp::create(p.builder, p.loc, type, x[0]));
  }));
}

/// f32(g64(f64(x))).
template <typename OpTy> static LogicalResult importRare(NodeImport &n) {
  Value a = n.value(0);
  if (failed(sameType(n, {a}, isFloat)))
    return failure();
  return n.result(
      computeElements(n, n.elementType(a), a, [](Program &p, ValueRange x) {
        Type type = x[0].getType(), f64 = p.builder.getF64Type();
        if (type == f64)
          return p.unary<OpTy>(x[0]);
        Value wide = arith::ExtFOp::create(p.builder, p.loc, f64, x[0]);
        return Value(arith::TruncFOp::create(p.builder, p.loc, type,
                                             p.unary<OpTy>(wide)));
      }));
}

void registerScalar(Registry &r) {
  r.add("Mod", importMod);
  r.add("Pow", importPow);
  r.add("Shrink", importShrink, 9);
  r.add("BitShift", importBitShift);
  r.add("BitwiseAnd", importBitwise<arith::AndIOp>);
  r.add("BitwiseOr", importBitwise<arith::OrIOp>);
  r.add("BitwiseXor", importBitwise<arith::XOrIOp>);
  r.add("BitwiseNot", importBitwiseNot);
  r.add("BitCast", importBitCast);
  r.add("Tan", importRare<math::TanOp>);
  r.add("Asin", importRare<math::AsinOp>);
  r.add("Acos", importRare<math::AcosOp>);
  r.add("Atan", importRare<math::AtanOp>);
  r.add("Sinh", importRare<math::SinhOp>);
  r.add("Cosh", importRare<math::CoshOp>);
  r.add("Asinh", importRare<math::AsinhOp>);
  r.add("Acosh", importRare<math::AcoshOp>);
  r.add("Atanh", importRare<math::AtanhOp>);
}

} // namespace quantc::onnx_frontend

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise operators without an operation of their own: remainders, bit
// operations, functions that are rare (numerics §3.12: computed in f64 and
// rounded once).

#include "Program.h"

using namespace mlir;

namespace quantc::onnx_frontend {

/// An integer remainder has the divisor's sign, or the dividend's with fmod.
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
  if (isFloat(type) && !truncates)
    return n.error("expected 'fmod' to be 1 for floats");
  bool isUnsigned = type.isUnsignedInteger();
  return n.result(
      computeElements(n, type, {a, b}, [&](Program &p, ValueRange x) {
        Value rest = p.rem(x[0], x[1], isUnsigned);
        if (truncates || isUnsigned || isFloat(type))
          return rest;
        Value zero = p.integer(rest.getType(), 0);
        Value differs = p.less(p.binary<arith::XOrIOp>(rest, x[1]), zero);
        Value adjust = p.both(p.negate(p.equal(rest, zero)), differs);
        return p.select(adjust, p.add(rest, x[1]), rest);
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

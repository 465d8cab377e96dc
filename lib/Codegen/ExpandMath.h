// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The emitter that the function expansions of docs/numerics.md §3 are written
// with, and the expansions that have a file of their own.

#ifndef QUANTC_LIB_CODEGEN_EXPANDMATH_H
#define QUANTC_LIB_CODEGEN_EXPANDMATH_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"

namespace quantc::expandmath {

/// Short names for f32 and i32 arithmetic on scalars or vectors of one shape.
class Emitter {
public:
  Emitter(mlir::OpBuilder &builder, mlir::Location loc, mlir::Type like)
      : builder(builder), loc(loc), like(like) {}

  mlir::Type as(mlir::Type element) const {
    if (auto vector = mlir::dyn_cast<mlir::VectorType>(like))
      return vector.clone(element);
    return element;
  }
  mlir::Value constant(double value) {
    return splat(builder.getF32FloatAttr(value));
  }
  mlir::Value integer(int64_t value) {
    return splat(builder.getI32IntegerAttr(int32_t(value)));
  }

  mlir::Value add(mlir::Value a, mlir::Value b) {
    return make<mlir::arith::AddFOp>(a, b);
  }
  mlir::Value sub(mlir::Value a, mlir::Value b) {
    return make<mlir::arith::SubFOp>(a, b);
  }
  mlir::Value mul(mlir::Value a, mlir::Value b) {
    return make<mlir::arith::MulFOp>(a, b);
  }
  mlir::Value div(mlir::Value a, mlir::Value b) {
    return make<mlir::arith::DivFOp>(a, b);
  }
  mlir::Value neg(mlir::Value a) { return make<mlir::arith::NegFOp>(a); }
  mlir::Value fma(mlir::Value a, mlir::Value b, mlir::Value c) {
    return make<mlir::math::FmaOp>(a, b, c);
  }
  mlir::Value iadd(mlir::Value a, mlir::Value b) {
    return make<mlir::arith::AddIOp>(a, b);
  }
  mlir::Value isub(mlir::Value a, mlir::Value b) {
    return make<mlir::arith::SubIOp>(a, b);
  }
  mlir::Value iand(mlir::Value a, mlir::Value b) {
    return make<mlir::arith::AndIOp>(a, b);
  }
  mlir::Value ior(mlir::Value a, mlir::Value b) {
    return make<mlir::arith::OrIOp>(a, b);
  }
  mlir::Value ixor(mlir::Value a, mlir::Value b) {
    return make<mlir::arith::XOrIOp>(a, b);
  }
  mlir::Value shl(mlir::Value a, int64_t n) {
    return make<mlir::arith::ShLIOp>(a, integer(n));
  }
  mlir::Value shr(mlir::Value a, int64_t n) {
    return make<mlir::arith::ShRSIOp>(a, integer(n));
  }
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b) {
    return make<mlir::arith::SelectOp>(condition, a, b);
  }
  mlir::Value less(mlir::Value a, mlir::Value b) {
    return mlir::arith::CmpFOp::create(builder, loc,
                                       mlir::arith::CmpFPredicate::OLT, a, b);
  }
  mlir::Value greater(mlir::Value a, mlir::Value b) {
    return mlir::arith::CmpFOp::create(builder, loc,
                                       mlir::arith::CmpFPredicate::OGT, a, b);
  }
  mlir::Value equal(mlir::Value a, mlir::Value b) {
    return mlir::arith::CmpFOp::create(builder, loc,
                                       mlir::arith::CmpFPredicate::OEQ, a, b);
  }
  mlir::Value isNan(mlir::Value a) {
    return mlir::arith::CmpFOp::create(builder, loc,
                                       mlir::arith::CmpFPredicate::UNO, a, a);
  }
  mlir::Value constant64(double value) {
    return splat(builder.getF64FloatAttr(value));
  }
  mlir::Value integer64(uint64_t value) {
    return splat(builder.getI64IntegerAttr(int64_t(value)));
  }
  mlir::Value nonZero(mlir::Value a) {
    return mlir::arith::CmpIOp::create(
        builder, loc, mlir::arith::CmpIPredicate::ne, a, integer(0));
  }
  mlir::Value bits(mlir::Value a) {
    return mlir::arith::BitcastOp::create(builder, loc,
                                          as(builder.getI32Type()), a);
  }
  mlir::Value pattern(mlir::Value a) {
    return mlir::arith::BitcastOp::create(builder, loc,
                                          as(builder.getF32Type()), a);
  }
  mlir::Value toFloat(mlir::Value a) {
    return mlir::arith::SIToFPOp::create(builder, loc, as(builder.getF32Type()),
                                         a);
  }

  /// Horner form, first coefficient first.
  mlir::Value polynomial(mlir::Value x, llvm::ArrayRef<double> coefficients) {
    mlir::Value result = constant(coefficients.front());
    for (double coefficient : coefficients.drop_front())
      result = fma(result, x, constant(coefficient));
    return result;
  }
  /// NaN passes (§3.1): x is the second operand of min and max.
  mlir::Value atLeast(mlir::Value x, double low) {
    mlir::Value bound = constant(low);
    return select(less(x, bound), bound, x);
  }
  mlir::Value atMost(mlir::Value x, double high) {
    mlir::Value bound = constant(high);
    return select(greater(x, bound), bound, x);
  }
  mlir::Value saturate(mlir::Value x) { return atMost(atLeast(x, -1.0), 1.0); }

  mlir::OpBuilder &builder;
  mlir::Location loc;

private:
  template <typename OpTy, typename... Args> mlir::Value make(Args... args) {
    return OpTy::create(builder, loc, args...);
  }
  mlir::Value splat(mlir::TypedAttr value) {
    if (auto vector = mlir::dyn_cast<mlir::VectorType>(like))
      value = mlir::DenseElementsAttr::get(
          mlir::cast<mlir::ShapedType>(vector.clone(value.getType())),
          llvm::ArrayRef<mlir::Attribute>(value));
    return mlir::arith::ConstantOp::create(builder, loc, value);
  }

  mlir::Type like;
};

/// §3.10, on f32.
mlir::Value emitSin(Emitter &e, mlir::Value x);
mlir::Value emitCos(Emitter &e, mlir::Value x);

/// §3.11, on vectors of f32.
mlir::Value emitPow(Emitter &e, mlir::Value base, mlir::Value exponent);

} // namespace quantc::expandmath

#endif // QUANTC_LIB_CODEGEN_EXPANDMATH_H

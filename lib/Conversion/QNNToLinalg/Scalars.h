// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The scalar function of every elementwise operation, as IR on compute scalars.

#ifndef QUANTC_LIB_CONVERSION_QNNTOLINALG_SCALARS_H
#define QUANTC_LIB_CONVERSION_QNNTOLINALG_SCALARS_H

#include "Lowering.h"

namespace quantc::qnntolinalg {

/// Short names for arithmetic on compute scalars of one logical element type.
/// Signless integers are signed; `ui` types are unsigned.
class ScalarBuilder {
public:
  ScalarBuilder(mlir::OpBuilder &builder, mlir::Location loc,
                mlir::Type element)
      : builder(builder), loc(loc), element(element),
        type(computeType(element)) {}

  bool isFloat() const { return mlir::isa<mlir::FloatType>(type); }
  bool isBool() const { return element.isInteger(1); }
  bool isUnsigned() const { return element.isUnsignedInteger() || isBool(); }

  mlir::Value constant(double value) {
    return mlir::arith::ConstantOp::create(builder, loc,
                                           scalarAttr(element, value));
  }
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  /// Integers: x / 0 = 0, INT_MIN / -1 = INT_MIN (§2.5).
  mlir::Value div(mlir::Value a, mlir::Value b);
  mlir::Value neg(mlir::Value a);
  mlir::Value abs(mlir::Value a);
  mlir::Value fma(mlir::Value a, mlir::Value b, mlir::Value c);
  mlir::Value exp(mlir::Value a);
  mlir::Value log(mlir::Value a);
  /// §2.2: NaN if either is, +0 above -0.
  mlir::Value max(mlir::Value a, mlir::Value b);
  mlir::Value min(mlir::Value a, mlir::Value b);
  mlir::Value less(mlir::Value a, mlir::Value b);
  mlir::Value lessEqual(mlir::Value a, mlir::Value b);
  mlir::Value equal(mlir::Value a, mlir::Value b);
  mlir::Value isNan(mlir::Value a);
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b);
  /// max(x, +0).
  mlir::Value relu(mlir::Value x);
  /// min(max(x, low), high); an infinite bound is none.
  mlir::Value clip(mlir::Value x, double low, double high);
  mlir::Value sigmoid(mlir::Value x);
  /// 1 + exp(-x), the divisor of sigmoid and silu.
  mlir::Value onePlusExpNeg(mlir::Value x);

  mlir::OpBuilder &builder;
  mlir::Location loc;
  mlir::Type element, type;
};

/// Conversion between element types (§2.6).
mlir::Value buildCast(mlir::OpBuilder &builder, mlir::Location loc,
                      mlir::Value value, mlir::Type from, mlir::Type to);

/// An index wrapped if negative, then clamped into [0, extent); `index` is a
/// compute scalar of the builder's type.
mlir::Value clampIndex(ScalarBuilder &s, mlir::Value index, mlir::Value extent);

/// The value of elementwise operation `op` for compute operands of the logical
/// types `elements`; null if there is no scalar form.
mlir::Value buildScalar(mlir::OpBuilder &builder, mlir::Location loc,
                        mlir::Operation *op,
                        llvm::ArrayRef<mlir::Type> elements,
                        mlir::Type resultElement, mlir::ValueRange operands);

} // namespace quantc::qnntolinalg

#endif // QUANTC_LIB_CONVERSION_QNNTOLINALG_SCALARS_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scales and offsets as their stored type holds them.

#include "StoredScales.h"
#include "llvm/ADT/APFloat.h"
#include <cmath>

using namespace mlir;

namespace quantc::fmt {

float roundTo(Type type, float value) {
  const llvm::fltSemantics &semantics =
      cast<FloatType>(type).getFloatSemantics();
  llvm::APFloat rounded(value);
  bool losesInfo;
  rounded.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  if (rounded.isInfinity())
    rounded = llvm::APFloat::getLargest(semantics, rounded.isNegative());
  rounded.convert(llvm::APFloat::IEEEsingle(),
                  llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return rounded.convertToFloat();
}

float roundScale(Type type, float scale) {
  float rounded = roundTo(type, scale);
  if (rounded != 0)
    return rounded;
  return std::ldexp(1.0f, type.isF16() ? -24 : -149);
}

} // namespace quantc::fmt

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scales and offsets as their stored type holds them (docs/numerics.md §6.6).

#ifndef QUANTC_LIB_DIALECT_FMT_STOREDSCALES_H
#define QUANTC_LIB_DIALECT_FMT_STOREDSCALES_H

#include "mlir/IR/BuiltinTypes.h"

namespace quantc::fmt {

/// Rounds to a scale type; infinities become the largest finite value.
float roundTo(mlir::Type type, float value);

/// The same for a scale, which is never 0: the smallest value stands for it.
float roundScale(mlir::Type type, float scale);

} // namespace quantc::fmt

#endif // QUANTC_LIB_DIALECT_FMT_STOREDSCALES_H

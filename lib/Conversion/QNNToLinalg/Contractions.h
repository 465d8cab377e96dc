// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Building blocks of contractions.

#ifndef QUANTC_LIB_CONVERSION_QNNTOLINALG_CONTRACTIONS_H
#define QUANTC_LIB_CONVERSION_QNNTOLINALG_CONTRACTIONS_H

#include "Lowering.h"
#include "quantc/Dialect/LowBit/LowBit.h"

namespace quantc::qnntolinalg {

/// init + a · b.
Tensor contract(Lowering &lowering, mlir::Location loc, const Tensor &a,
                const Tensor &b, lowbit::BLayout layout, const Tensor &init);

/// The sum plus an optional bias along the last dimension, in `element`.
Tensor finishContraction(Lowering &lowering, mlir::Location loc,
                         const Tensor &sum, mlir::Type element,
                         const Tensor *bias);

} // namespace quantc::qnntolinalg

#endif // QUANTC_LIB_CONVERSION_QNNTOLINALG_CONTRACTIONS_H

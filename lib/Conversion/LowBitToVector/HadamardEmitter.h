// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Vector code for lowbit.hadamard on memrefs.

#ifndef QUANTC_CONVERSION_LOWBITTOVECTOR_HADAMARDEMITTER_H
#define QUANTC_CONVERSION_LOWBITTOVECTOR_HADAMARDEMITTER_H

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "quantc/Dialect/LowBit/LowBit.h"

namespace quantc::lowbit {

/// Emits the transform of all rows before `op`, which the caller erases.
void emitHadamard(mlir::ImplicitLocOpBuilder &b, HadamardOp op);

} // namespace quantc::lowbit

#endif // QUANTC_CONVERSION_LOWBITTOVECTOR_HADAMARDEMITTER_H

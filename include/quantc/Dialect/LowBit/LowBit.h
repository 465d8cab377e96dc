// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The lowbit dialect: the packed contraction and the windows of convolutions.
//
// In: what lowering of qnn contractions builds.  Out: what LowBitToVector turns
// into loops.  Never here: loops, target features, epilogues.

#ifndef QUANTC_DIALECT_LOWBIT_LOWBIT_H
#define QUANTC_DIALECT_LOWBIT_LOWBIT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/TilingInterface.h"

#include "quantc/Dialect/LowBit/LowBitDialect.h.inc"
#include "quantc/Dialect/LowBit/LowBitEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "quantc/Dialect/LowBit/LowBitAttributes.h.inc"

#define GET_OP_CLASSES
#include "quantc/Dialect/LowBit/LowBitOps.h.inc"

namespace quantc::lowbit {

/// Columns in one line of a packed operand, and consecutive k of one column in
/// a line of bytes.
inline constexpr int64_t kLineColumns = 16;
inline constexpr int64_t kLineDepth = 4;

void registerBufferizableOpInterfaceExternalModels(
    mlir::DialectRegistry &registry);

} // namespace quantc::lowbit

#endif // QUANTC_DIALECT_LOWBIT_LOWBIT_H

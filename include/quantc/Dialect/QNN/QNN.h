// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The qnn dialect: its operations, types, interfaces and shape analysis.
//
// In: what importers build.  Out: what Conversion/ lowers.  Never here: target
// features, concrete number formats (only their interface), file I/O.

#ifndef QUANTC_DIALECT_QNN_QNN_H
#define QUANTC_DIALECT_QNN_QNN_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/IntegerSet.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "quantc/Dialect/Fmt/Fmt.h"
#include "quantc/Support/HostTensor.h"
#include "quantc/Support/SymbolicShape.h"

namespace quantc::qnn {
/// Infers the result shapes from the operand types and fails when a result type
/// contradicts them (the verifier of SymbolicShapeOpInterface).
mlir::LogicalResult verifySymbolicShapes(mlir::Operation *op);
} // namespace quantc::qnn

#include "quantc/Dialect/QNN/QNNDialect.h.inc"
#include "quantc/Dialect/QNN/QNNEnums.h.inc"
#include "quantc/Dialect/QNN/QNNInterfaces.h.inc"

#define GET_TYPEDEF_CLASSES
#include "quantc/Dialect/QNN/QNNTypes.h.inc"

#define GET_OP_CLASSES
#include "quantc/Dialect/QNN/QNNOps.h.inc"

namespace quantc::qnn {

/// Names of function, argument and result attributes (QNNDialect.td).
inline constexpr llvm::StringLiteral kSymbolsAttr = "qnn.symbols";
inline constexpr llvm::StringLiteral kShapeAttr = "qnn.shape";
inline constexpr llvm::StringLiteral kNameAttr = "qnn.name";
inline constexpr llvm::StringLiteral kEntryAttr = "qnn.entry";
inline constexpr llvm::StringLiteral kKernelAttr = "qnn.kernel";
/// Kernel functions after lowering: how many of the arguments are inputs.
inline constexpr llvm::StringLiteral kNumInputsAttr = "qnn.num_inputs";
/// Result attribute: index of the argument this result may be appended to in
/// place (KV caches).
inline constexpr llvm::StringLiteral kAliasAttr = "qnn.alias";

/// What a rewrite did to an operation's result (quantc/Rewrites/Transforms.h).
inline constexpr llvm::StringLiteral kTransformsAttr = "qnn.transforms";

/// Attaches ReferenceOpInterface to every operation.
void registerReferenceModels(mlir::DialectRegistry &registry);

} // namespace quantc::qnn

#endif // QUANTC_DIALECT_QNN_QNN_H

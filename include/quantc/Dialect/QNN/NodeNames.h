// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The ONNX nodes that an operation comes from: its location is a NameLoc, or a
// fusion of several after rewrites.

#ifndef QUANTC_DIALECT_QNN_NODENAMES_H
#define QUANTC_DIALECT_QNN_NODENAMES_H

#include "mlir/IR/Location.h"
#include "llvm/ADT/SmallVector.h"
#include <string>

namespace quantc::qnn {

/// Appends the node names of a location, in order.
void collectNodeNames(mlir::Location loc,
                      llvm::SmallVectorImpl<llvm::StringRef> &names);

/// The first of them; `otherwise` if there is none.
std::string firstNodeName(mlir::Location loc, llvm::StringRef otherwise);

} // namespace quantc::qnn

#endif // QUANTC_DIALECT_QNN_NODENAMES_H

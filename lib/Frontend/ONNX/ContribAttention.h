// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the attention operators of com.microsoft share: pieces of definitions in
// ONNX's text.

#ifndef QUANTC_LIB_FRONTEND_ONNX_CONTRIBATTENTION_H
#define QUANTC_LIB_FRONTEND_ONNX_CONTRIBATTENTION_H

#include "Importer.h"

namespace quantc::onnx_frontend {

/// `, scale = ...` where the node gives one that is not 0.
std::string scaleText(NodeImport &n);

/// `name` [b, s, heads * depth] as `result` [b, heads, s, depth].
std::string headsFirst(llvm::StringRef name, int64_t heads, int64_t depth,
                       llvm::StringRef result);
/// The way back, as `result` [b, s, heads * depth].
std::string headsLast(llvm::StringRef name, int64_t heads, int64_t depth,
                      llvm::StringRef result);

mlir::LogicalResult importGroupQuery(NodeImport &n);

} // namespace quantc::onnx_frontend

#endif // QUANTC_LIB_FRONTEND_ONNX_CONTRIBATTENTION_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Nodes with what is nested in them, without recursion.

#ifndef QUANTC_LIB_FRONTEND_ONNX_GRAPHWALK_H
#define QUANTC_LIB_FRONTEND_ONNX_GRAPHWALK_H

#include "onnx/onnx_pb.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace quantc::onnx_frontend {

/// Calls `visit` with the node and with those of its subgraphs.
void forEachNode(const onnx::NodeProto &node,
                 llvm::function_ref<void(const onnx::NodeProto &)> visit);

} // namespace quantc::onnx_frontend

#endif // QUANTC_LIB_FRONTEND_ONNX_GRAPHWALK_H

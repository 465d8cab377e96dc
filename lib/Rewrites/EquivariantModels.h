// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One overload for each operation that a transform can pass; attached by
// registerEquivariantModels.

#ifndef QUANTC_LIB_REWRITES_EQUIVARIANTMODELS_H
#define QUANTC_LIB_REWRITES_EQUIVARIANTMODELS_H

#include "quantc/Rewrites/Equivariant.h"

namespace quantc {

// Contractions, normalizations and attention (EquivariantNetwork.cpp).
void moveOp(qnn::LinearOp op, TransformMove &move);
void moveOp(qnn::ConvOp op, TransformMove &move);
void moveOp(qnn::LayerNormOp op, TransformMove &move);
void moveOp(qnn::RmsNormOp op, TransformMove &move);
void moveOp(qnn::AttentionOp op, TransformMove &move);
void moveOp(qnn::PoolOp op, TransformMove &move);
void moveOp(qnn::ReduceOp op, TransformMove &move);

// Elementwise operations and data movement (EquivariantModels.cpp).
void moveOp(qnn::AddOp op, TransformMove &move);
void moveOp(qnn::SubOp op, TransformMove &move);
void moveOp(qnn::MulOp op, TransformMove &move);
void moveOp(qnn::NegOp op, TransformMove &move);
void moveOp(qnn::ReluOp op, TransformMove &move);
void moveOp(qnn::LeakyReluOp op, TransformMove &move);
void moveOp(qnn::ReshapeOp op, TransformMove &move);
void moveOp(qnn::TransposeOp op, TransformMove &move);
void moveOp(qnn::BroadcastToOp op, TransformMove &move);
void moveOp(qnn::ConcatOp op, TransformMove &move);
void moveOp(qnn::SliceOp op, TransformMove &move);
void moveOp(qnn::GatherOp op, TransformMove &move);

/// For an operation with one interesting operand: the axes carry over.
void carryThrough(mlir::OpOperand &operand, mlir::Value result,
                  TransformMove &move);

} // namespace quantc

#endif // QUANTC_LIB_REWRITES_EQUIVARIANTMODELS_H

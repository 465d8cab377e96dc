// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolutions in groups of several channels on codes.  Kernels compute 16
// output channels at a time, so groups that have fewer are joined with their
// neighbours; the weights between them are zeros, which change no integer sum.

#ifndef QUANTC_DIALECT_QNN_GROUPEDCONVS_H
#define QUANTC_DIALECT_QNN_GROUPEDCONVS_H

#include "quantc/Dialect/QNN/QNN.h"

namespace quantc::qnn {

/// How many neighbouring groups an integer kernel takes together: 1 for dense
/// and depthwise convolutions, 0 where it would be more than 16.
int64_t getGroupsTogether(ConvOp op);

/// The codes [m, k…, c] of a channels-last weight as [m, k…, together * c]: row
/// m has its codes where the channels of its group are, and zeros elsewhere.
mlir::Value spreadGroups(mlir::OpBuilder &builder, mlir::Location loc,
                         mlir::Value codes, int64_t groups, int64_t together);

} // namespace quantc::qnn

#endif // QUANTC_DIALECT_QNN_GROUPEDCONVS_H

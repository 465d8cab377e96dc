// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All operations of the dialect, by family.

#ifndef QUANTC_DIALECT_QNN_QNNOPS_TD
#define QUANTC_DIALECT_QNN_QNNOPS_TD

include "quantc/Dialect/QNN/QNNElementwiseOps.td"
include "quantc/Dialect/QNN/QNNTensorOps.td"
include "quantc/Dialect/QNN/QNNNetworkOps.td"
include "quantc/Dialect/QNN/QNNQuantOps.td"
include "quantc/Dialect/QNN/QNNObserveOps.td"
include "quantc/Dialect/QNN/QNNTransformOps.td"
include "quantc/Dialect/QNN/QNNQuantizedConvOp.td"

#endif // QUANTC_DIALECT_QNN_QNNOPS_TD

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qnn.compute and what its region holds (QNNComputeOps.td).

#ifndef QUANTC_DIALECT_QNN_COMPUTE_H
#define QUANTC_DIALECT_QNN_COMPUTE_H

#include "quantc/Dialect/QNN/QNN.h"

#define GET_OP_CLASSES
#include "quantc/Dialect/QNN/QNNComputeOps.h.inc"

#endif // QUANTC_DIALECT_QNN_COMPUTE_H

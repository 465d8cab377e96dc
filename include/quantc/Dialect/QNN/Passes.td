// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes that stay inside the qnn dialect.

#ifndef QUANTC_DIALECT_QNN_PASSES_TD
#define QUANTC_DIALECT_QNN_PASSES_TD

include "mlir/Pass/PassBase.td"

#endif // QUANTC_DIALECT_QNN_PASSES_TD

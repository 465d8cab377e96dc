// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which values are lazy expressions over constants.  They are never computed
// by kernels: emission evaluates them one at a time with the reference
// evaluator and writes the result to the weights.

#ifndef QUANTC_DIALECT_QNN_CONSTANTEXPRESSIONS_H
#define QUANTC_DIALECT_QNN_CONSTANTEXPRESSIONS_H

#include "quantc/Dialect/QNN/QNN.h"

namespace quantc::qnn {

class ConstantExpressions {
public:
  /// True if `value` depends on constants only and has a static shape.  Results
  /// are remembered, so a function costs one visit per operation.
  bool contains(mlir::Value value);

private:
  llvm::DenseMap<mlir::Operation *, bool> known;
};

} // namespace quantc::qnn

#endif // QUANTC_DIALECT_QNN_CONSTANTEXPRESSIONS_H

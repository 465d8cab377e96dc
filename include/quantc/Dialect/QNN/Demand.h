// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which operations a run needs: what only the operand of a `qnn.choose` that is
// not chosen is computed from need not run.

#ifndef QUANTC_DIALECT_QNN_DEMAND_H
#define QUANTC_DIALECT_QNN_DEMAND_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "quantc/Dialect/QNN/QNN.h"
#include "llvm/ADT/DenseMap.h"

namespace quantc::qnn {

class Demand {
public:
  explicit Demand(mlir::func::FuncOp func);

  /// An expression that is above 0 in the runs that need the operation and 0 in
  /// all others; null when every run may.
  mlir::AffineExpr guardOf(mlir::Operation *op) const {
    return guards.lookup(op);
  }

private:
  llvm::DenseMap<mlir::Operation *, mlir::AffineExpr> guards;
};

} // namespace quantc::qnn

#endif // QUANTC_DIALECT_QNN_DEMAND_H

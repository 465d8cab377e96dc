// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which operations the loops of a function repeat.  An operation belongs to the
// innermost loop of which it reads a value or a symbol; whatever else stands
// between a begin and its end runs before the loop.  So no pass has to know of
// loops as long as it does not join operations of different ones.

#ifndef QUANTC_DIALECT_QNN_LOOPS_H
#define QUANTC_DIALECT_QNN_LOOPS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "quantc/Dialect/QNN/QNN.h"
#include "llvm/ADT/DenseMap.h"

namespace quantc::qnn {
class LoopBeginOp;
class LoopEndOp;
} // namespace quantc::qnn

#define GET_OP_CLASSES
#include "quantc/Dialect/QNN/QNNLoopOps.h.inc"

namespace quantc::qnn {

class Loops {
public:
  /// Fails, after an error, where a value or symbol is used outside of its
  /// loop, or a loop has no end.
  static mlir::FailureOr<Loops> compute(mlir::func::FuncOp func);

  bool isEmpty() const { return ends.empty(); }
  /// The innermost loop of an operation, or null; a loop's begin and end belong
  /// to the loop around it.
  LoopBeginOp of(mlir::Operation *op) const { return homes.lookup(op); }
  /// The loop in whose iterations a value changes.
  LoopBeginOp homeOf(mlir::Value value) const;
  /// The operations of a loop, or of none, in the order in which they run; a
  /// loop within stands for all of its operations.
  llvm::ArrayRef<mlir::Operation *> getBody(LoopBeginOp loop) const;
  /// The symbols that each iteration binds.
  llvm::ArrayRef<unsigned> getSymbols(LoopBeginOp loop) const;

private:
  class Builder;

  llvm::DenseMap<mlir::Operation *, LoopBeginOp> homes;
  llvm::DenseMap<mlir::Operation *, LoopEndOp> ends;
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<mlir::Operation *>>
      bodies;
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<unsigned>> symbols;
};

/// Whether the run repeats some of a function's operations.
bool hasLoops(mlir::func::FuncOp func);

/// The symbols that an operation binds during the run.
llvm::SmallVector<int64_t> boundSymbols(mlir::Operation *op);

} // namespace quantc::qnn

#endif // QUANTC_DIALECT_QNN_LOOPS_H

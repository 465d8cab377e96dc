// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Copies the region of a qnn.compute to where its elements are computed: reads
// become extractions from tensors, writes become insertions, and the loops
// around them carry the tensor that is written.

#ifndef QUANTC_LIB_CONVERSION_QNNTOLINALG_SCALARPROGRAM_H
#define QUANTC_LIB_CONVERSION_QNNTOLINALG_SCALARPROGRAM_H

#include "IndexRanges.h"
#include "Lowering.h"
#include "mlir/IR/IRMapping.h"

namespace quantc::qnntolinalg {

class ScalarProgram {
public:
  ScalarProgram(Lowering &lowering, qnn::ComputeOp op);

  /// One evaluation; `self` is the result so far, and afterwards the result
  /// with what was written.  Returns what is yielded, in compute form.
  mlir::Value emit(mlir::OpBuilder &builder, mlir::ValueRange indices,
                   mlir::Value &self);

private:
  struct Source {
    Tensor tensor;
    llvm::SmallVector<mlir::Value> last; ///< where indices are clamped to
    bool isEmpty = false;
  };

  Source sourceOf(const Tensor &tensor);
  void emitBlock(mlir::OpBuilder &builder, mlir::Block &block,
                 mlir::Value &self);
  void emitLoop(mlir::OpBuilder &builder, mlir::scf::ForOp loop,
                mlir::Value &self);
  void emitBranch(mlir::OpBuilder &builder, mlir::scf::IfOp branch,
                  mlir::Value &self);
  bool mayBeEmpty(mlir::AffineExpr extent);
  mlir::Value emitRead(mlir::OpBuilder &builder, qnn::ElementOp read);
  mlir::Value emitWrite(mlir::OpBuilder &builder, qnn::WriteOp write,
                        mlir::Value self);
  mlir::Value clamp(mlir::OpBuilder &builder, mlir::Location loc,
                    mlir::Value index, mlir::Value last);

  Lowering &lowering;
  qnn::ComputeOp op;
  IndexRanges ranges;
  mlir::IRMapping mapping;
  llvm::DenseMap<mlir::Value, Source> sources; ///< by region argument
  mlir::Value zero;
};

} // namespace quantc::qnntolinalg

#endif // QUANTC_LIB_CONVERSION_QNNTOLINALG_SCALARPROGRAM_H

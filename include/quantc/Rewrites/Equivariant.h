// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Questions and answers of EquivariantOpInterface.
//
// A transform acts on the channels of a value: the elements of some of its
// axes, in row-major order of those axes.  [b, s, 256] with axis 2 and its
// reshape [b, s, 8, 32] with axes 2 and 3 have the same 256 channels, and so
// has the transpose [b, 8, s, 32] with axes 1 and 3.

#ifndef QUANTC_REWRITES_EQUIVARIANT_H
#define QUANTC_REWRITES_EQUIVARIANT_H

#include "quantc/Dialect/QNN/ConstantExpressions.h"
#include "quantc/Dialect/QNN/ShapeAnalysis.h"
#include <string>

namespace quantc {

class TransformMove;

/// The classes of matrices that a region can be asked for.  Every operation
/// that lets a rotation pass also lets a scale pass that is the same for all
/// channels it mixes; the reverse does not hold (elementwise functions).
enum class TransformKind {
  Scale,   ///< diagonal and positive
  Rotation ///< orthogonal, the same in every block (ChannelRegion::block)
};

/// The channels of one value.
struct ChannelSpace {
  mlir::Value value;
  llvm::SmallVector<int64_t, 2> axes;
  /// Each head of the region's channels stands `repeat` times here (query heads
  /// that share a value head).
  int64_t repeat = 1;

  int64_t size() const;
  bool isLastAxis() const;
};

/// Asks an operation what follows from a transform of one of its values.
class TransformMove {
public:
  TransformMove(TransformKind kind, ChannelSpace space, mlir::OpOperand *use,
                const qnn::ShapeAnalysis &shapes,
                qnn::ConstantExpressions &constants)
      : kind(kind), space(std::move(space)), use(use), shapes(&shapes),
        constants(&constants) {}

  //===--------------------------------------------------------------------===//
  // The question
  //===--------------------------------------------------------------------===//

  bool isScale() const { return kind == TransformKind::Scale; }
  /// The value and its channels that carry the transform.
  const ChannelSpace &getSpace() const { return space; }
  llvm::ArrayRef<int64_t> getAxes() const { return space.axes; }
  /// The operand by which the operation reads it; null for its result.
  mlir::OpOperand *getUse() const { return use; }
  bool isResult() const { return !use; }
  bool isOperand(unsigned number) const {
    return use && use->getOperandNumber() == number;
  }
  llvm::ArrayRef<mlir::AffineExpr> shapeOf(mlir::Value value) const {
    return shapes->getShape(value);
  }
  bool isConstant(mlir::Value value) const {
    return constants->contains(value);
  }

  //===--------------------------------------------------------------------===//
  // The answer
  //===--------------------------------------------------------------------===//

  /// The result carries the transform too.
  void carryResult(mlir::Value result, llvm::ArrayRef<int64_t> axes,
                   int64_t repeat = 0);
  /// So does an operand; if it is a constant, it absorbs the transform.
  void carryOperand(mlir::OpOperand &operand, llvm::ArrayRef<int64_t> axes,
                    int64_t repeat = 0);
  /// A constant takes the transform, or its inverse, along one axis.
  void absorb(mlir::OpOperand &constant, int64_t axis, bool inverse = false);
  /// Transforms mix channels only inside blocks of this size.
  void limitBlock(int64_t size);
  /// The space is seen `repeat` times: heads of `size` channels.
  void setHeads(int64_t size) { head = size; }
  /// The transform must be the same for `count` consecutive heads.
  void shareHeads(int64_t count) { shared = count; }
  /// The transform cannot pass.
  void block(llvm::StringRef why) { reason = why.str(); }

  struct Site {
    mlir::OpOperand *constant;
    int64_t axis;
    bool inverse;
  };
  llvm::SmallVector<ChannelSpace, 2> carried;
  llvm::SmallVector<Site, 2> sites;
  int64_t blockSize = 0, head = 0, shared = 1;
  std::string reason;

private:
  TransformKind kind;
  ChannelSpace space;
  mlir::OpOperand *use;
  const qnn::ShapeAnalysis *shapes;
  qnn::ConstantExpressions *constants;
};

/// Attaches EquivariantOpInterface to the operations of qnn.
void registerEquivariantModels(mlir::DialectRegistry &registry);

} // namespace quantc

#include "quantc/Rewrites/EquivariantOpInterface.h.inc"

#endif // QUANTC_REWRITES_EQUIVARIANT_H

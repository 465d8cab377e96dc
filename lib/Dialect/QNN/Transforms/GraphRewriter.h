// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the normalization passes share: building operations whose shapes are
// inferred at once, matching scalars, and checking that the values inside a
// matched group have no other users.  Every pass visits the operations of a
// function once, in order.

#ifndef QUANTC_LIB_DIALECT_QNN_TRANSFORMS_GRAPHREWRITER_H
#define QUANTC_LIB_DIALECT_QNN_TRANSFORMS_GRAPHREWRITER_H

#include "mlir/IR/IRMapping.h"
#include "quantc/Dialect/QNN/ShapeAnalysis.h"
#include "llvm/ADT/SetVector.h"

namespace quantc::qnn {

/// The value of a constant whose elements are all equal (or that has one).
std::optional<double> splatValue(mlir::Value value);
/// Whether a value is one of codes, perhaps transposed or reshaped.
bool isOfCodes(mlir::Value value);
/// |got - expected| <= tolerance * |expected|.
bool isNear(double got, double expected, double tolerance);

/// Builds operations at an insertion point.  A failed shape inference has
/// already been reported; it yields a null value and sets `failed`.
class GraphRewriter {
public:
  GraphRewriter(mlir::func::FuncOp func, ShapeAnalysis &shapes)
      : func(func), builder(func.getContext()), shapes(shapes) {}

  mlir::func::FuncOp func;
  mlir::OpBuilder builder;
  ShapeAnalysis &shapes;
  bool failed = false;

  llvm::ArrayRef<mlir::AffineExpr> shapeOf(mlir::Value value) const {
    return shapes.getShape(value);
  }
  static mlir::Type elementTypeOf(mlir::Value value) {
    return llvm::cast<mlir::ShapedType>(value.getType()).getElementType();
  }

  template <typename OpTy, typename... Args>
  mlir::Value create(mlir::Location loc, mlir::Type elementType,
                     Args &&...args) {
    auto op = createInferred<OpTy>(builder, shapes, loc, elementType,
                                   std::forward<Args>(args)...);
    failed |= !op;
    return op ? op.getResult() : mlir::Value();
  }

  /// `op`, which has one result, on other operands and with inferred shapes.
  mlir::Value cloneOp(mlir::Operation *op, mlir::IRMapping &mapping,
                      mlir::Type elementType);
  /// A reshape; none where the shape is already right, and one in place of two.
  mlir::Value reshape(mlir::Location loc, mlir::Value value,
                      llvm::ArrayRef<mlir::AffineExpr> shape);
  /// A transpose, composed with the one that makes `value`.  The identity is
  /// `value`; a permutation that moves only extents of 1 is a reshape.
  mlir::Value transpose(mlir::Location loc, mlir::Value value,
                        llvm::ArrayRef<int64_t> permutation);
  /// A constant with equal elements.
  mlir::Value splat(mlir::Location loc, mlir::Type elementType, double value,
                    llvm::ArrayRef<int64_t> shape = {});
  mlir::AffineMapAttr mapOf(llvm::ArrayRef<mlir::AffineExpr> exprs);
  mlir::AffineExpr constantExpr(int64_t value) {
    return builder.getAffineConstantExpr(value);
  }

  /// Gives the users of `old` the value `with` under the type of `old`.
  void replaceAllUses(mlir::Value old, mlir::Value with);

  /// Calls `visit` for every operation that exists now, in order, except those
  /// that were erased meanwhile; then erases what nobody uses.
  mlir::LogicalResult
  forEach(llvm::function_ref<void(mlir::Operation *)> visit);
  /// Erases an operation without users, and its operands' likewise.
  void eraseDead(mlir::Operation *op);

private:
  llvm::DenseSet<mlir::Operation *> erased;
};

/// Runs `rewrite` on the body of `func` if it has one; fails where the shapes
/// cannot be inferred.
mlir::LogicalResult
rewriteGraph(mlir::func::FuncOp func,
             llvm::function_ref<mlir::LogicalResult(GraphRewriter &)> rewrite);

/// Collects the operations of one match.
class Match {
public:
  explicit Match(const ShapeAnalysis &shapes) : shapes(&shapes) {}

  /// The operation that defines `value`, as part of the match.
  template <typename OpTy> OpTy inner(mlir::Value value) {
    auto op = value.getDefiningOp<OpTy>();
    if (op)
      ops.insert(op);
    return op;
  }
  void add(mlir::Operation *op) { ops.insert(op); }
  /// All users of all collected operations but `root` are in the match.
  bool isClosed(mlir::Operation *root) const;
  llvm::ArrayRef<mlir::Operation *> getOps() const { return ops.getArrayRef(); }

  /// For `x op c` with a scalar `c` that does not change the shape: x and c.
  /// `commuted` also allows `c op x`.
  struct WithScalar {
    mlir::Value value;
    double scalar;
  };
  template <typename OpTy>
  std::optional<WithScalar> withScalar(mlir::Value result, bool commuted) {
    auto op = result.getDefiningOp<OpTy>();
    if (!op)
      return std::nullopt;
    for (auto [x, c] : {std::pair(op.getLhs(), op.getRhs()),
                        std::pair(op.getRhs(), op.getLhs())}) {
      if (std::optional<double> scalar = splatValue(c);
          scalar && shapes->getShape(x) == shapes->getShape(result)) {
        ops.insert(op);
        return WithScalar{x, *scalar};
      }
      if (!commuted)
        break;
    }
    return std::nullopt;
  }

  const ShapeAnalysis &getShapes() const { return *shapes; }

private:
  const ShapeAnalysis *shapes;
  llvm::SmallSetVector<mlir::Operation *, 16> ops;
};

/// The only user of a value that has exactly one use.
template <typename OpTy> OpTy onlyUser(mlir::Value value) {
  return value.hasOneUse() ? llvm::dyn_cast<OpTy>(*value.user_begin()) : OpTy();
}
template <typename OpTy> mlir::Value otherOperand(OpTy op, mlir::Value value) {
  return op.getLhs() == value ? op.getRhs() : op.getLhs();
}

/// Dimension i of the result is dimension first[second[i]].
llvm::SmallVector<int64_t> compose(llvm::ArrayRef<int64_t> first,
                                   llvm::ArrayRef<int64_t> second);
bool isIdentity(llvm::ArrayRef<int64_t> permutation);

// One file each: try to replace the pattern that `op` is the anchor of.
bool recognizeNorm(GraphRewriter &rewriter, mlir::Operation *op);
bool recognizeActivation(GraphRewriter &rewriter, mlir::Operation *op);
bool recognizeRotary(GraphRewriter &rewriter, mlir::Operation *op);
bool recognizeAttention(GraphRewriter &rewriter, mlir::Operation *op);

} // namespace quantc::qnn

#endif // QUANTC_LIB_DIALECT_QNN_TRANSFORMS_GRAPHREWRITER_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shared parts of the row vectorizer: the loop nest around a linalg.generic on
// memrefs and its body cloned as scalars or as vectors along one loop
// dimension.
//
// The widths are logical: LLVM legalizes them to the machine's registers, so
// the order of every reduction is the same on every ISA (docs/numerics.md §4).

#ifndef QUANTC_LIB_CODEGEN_VECTORIZE_H
#define QUANTC_LIB_CODEGEN_VECTORIZE_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/MapVector.h"

namespace quantc::vectorize {

inline constexpr int64_t kMainWidth = 64;
inline constexpr int64_t kTailWidth = 16;

/// The loops of a generic: bounds, and the current value of each loop variable
/// (0 until the loop is entered).
class LoopNest {
public:
  LoopNest(mlir::OpBuilder &builder, mlir::linalg::GenericOp op);

  /// Opens a loop over all of `dim` (nothing for an extent of 1) and moves the
  /// builder into it.
  void enter(mlir::OpBuilder &builder, unsigned dim);

  /// The index list of an operand at the current loop variables.
  llvm::SmallVector<mlir::Value> indices(mlir::OpBuilder &builder,
                                         unsigned operand) const;

  /// The largest multiple of `width` that is at most the bound of `dim`.
  mlir::Value floorBound(mlir::OpBuilder &builder, unsigned dim,
                         int64_t width) const;

  mlir::Value constant(mlir::OpBuilder &builder, int64_t value) const;

  mutable mlir::linalg::GenericOp op; // accessors of operations are not const
  mlir::Location loc;
  llvm::SmallVector<int64_t> extents;
  llvm::SmallVector<mlir::Value> bounds;
  llvm::SmallVector<mlir::Value> ivs;
};

/// How a value of the body changes along the vectorized dimension.
enum class Variation {
  Uniform,     ///< the same scalar for all lanes
  Consecutive, ///< scalar + lane number
  Varying
};

/// How an operand is accessed along the vectorized dimension.
enum class Access {
  Broadcast, ///< not a function of it
  UnitStride,
  Transposed ///< its unit-stride dimension is another loop
};

/// The body of a generic, ready to be cloned for many lanes of loop `dim`.
class VectorBody {
public:
  /// Fails when an operand is not broadcast or unit-stride along `dim`, or an
  /// operation of the body has no vector form.  With `transposedDim`, operands
  /// may instead be unit-stride along that loop.
  static mlir::FailureOr<VectorBody>
  match(mlir::linalg::GenericOp op, unsigned dim,
        std::optional<unsigned> transposedDim = std::nullopt);

  Access access(unsigned operand) const { return accesses[operand]; }
  bool hasNarrowOperand() const;

  /// Loads the broadcast operands and clones the operations that are the same
  /// for all lanes.
  mlir::IRMapping emitUniform(mlir::OpBuilder &builder,
                              const LoopNest &nest) const;

  /// Loads a unit-stride operand at `position` along the dimension.
  mlir::Value load(mlir::OpBuilder &builder, LoopNest nest, unsigned operand,
                   mlir::Value position, int64_t width, mlir::Value mask) const;

  /// Clones the rest for `width` lanes from `position`.  `arguments` has one
  /// value per operand, null where load() should be called.  Returns the
  /// yielded vector.
  mlir::Value emit(mlir::OpBuilder &builder, LoopNest nest,
                   const mlir::IRMapping &uniform,
                   llvm::ArrayRef<mlir::Value> arguments, mlir::Value position,
                   int64_t width, mlir::Value mask = {}) const;

  /// Stores a result vector at `position`.
  void store(mlir::OpBuilder &builder, LoopNest nest, mlir::Value result,
             mlir::Value position, mlir::Value mask = {}) const;

  /// Computes what depends on nothing but the position along the dimension,
  /// and is not cheap, into tables, once for all rows.  Before the loops.
  void emitTables(mlir::OpBuilder &builder, const LoopNest &nest);

  /// Wide steps would not fit the registers: there are vectors of indices.
  bool prefersNarrowSteps() const { return hasIndexVectors; }

  Variation variationOf(mlir::Value value) const;
  /// Whether all results are the same for all lanes.
  bool isUniform(mlir::Operation &inner) const;

private:
  friend class VectorCloner;
  VectorBody(mlir::linalg::GenericOp op, unsigned dim) : op(op), dim(dim) {}
  mlir::LogicalResult matchOperands(std::optional<unsigned> transposedDim);
  mlir::LogicalResult matchBody();
  mlir::LogicalResult matchBlock(mlir::Block &block);
  mlir::LogicalResult matchLoop(mlir::scf::ForOp loop);
  mlir::LogicalResult matchBranch(mlir::scf::IfOp branch);
  mlir::LogicalResult matchPlain(mlir::Operation &inner);
  void joinResults(mlir::Operation &inner, llvm::ArrayRef<Variation> kinds);
  Variation classify(mlir::Operation &inner) const;

  mutable mlir::linalg::GenericOp op; // accessors of operations are not const
  unsigned dim;
  bool hasIndexVectors = false;
  llvm::SmallVector<Access> accesses;
  llvm::DenseMap<mlir::Value, Variation> variations;
  llvm::MapVector<mlir::Value, mlir::Value> tables; ///< memrefs, by value
};

/// Unrolls the short loops of a body whose values emitTables could compute.
void unrollShortLoops(mlir::linalg::GenericOp op);

/// Whether elements of the memref can be loaded at any positions into a vector.
bool canGather(mlir::MemRefType type);

/// Clones the body once, with scalars, at the current loop variables.
void emitScalar(mlir::OpBuilder &builder, const LoopNest &nest);

/// A mask of the first `count` of kTailWidth lanes.
mlir::Value tailMask(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Value count);

/// Each tries one shape of generic; success means that the operation is gone.
mlir::LogicalResult vectorizeElementwise(mlir::linalg::GenericOp op);
mlir::LogicalResult vectorizeReduction(mlir::linalg::GenericOp op);
mlir::LogicalResult vectorizeWindow(mlir::linalg::GenericOp op);
mlir::LogicalResult vectorizeTransposed(mlir::linalg::GenericOp op);

} // namespace quantc::vectorize

#endif // QUANTC_LIB_CODEGEN_VECTORIZE_H

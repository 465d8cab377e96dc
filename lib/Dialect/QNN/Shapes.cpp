// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The checks that all shape functions share, and the verification of result
// types that follows from the shape functions.

#include "Shapes.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace quantc::qnn {

std::string toString(ArrayRef<AffineExpr> shape) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << "[";
  llvm::interleaveComma(shape, stream, [&](AffineExpr dim) {
    stream << quantc::toString(dim, {});
  });
  stream << "]";
  return text;
}

SymbolicShape logicalShape(ArrayRef<AffineExpr> operand,
                           std::optional<ArrayRef<int64_t>> packedFrom,
                           MLIRContext *context) {
  if (!packedFrom)
    return SymbolicShape(operand);
  SymbolicShape shape;
  for (int64_t extent : *packedFrom)
    shape.push_back(getAffineConstantExpr(extent, context));
  return shape;
}

AffineExpr broadcastDim(AffineExpr lhs, AffineExpr rhs) {
  if (lhs == rhs || staticExtent(rhs) == 1)
    return lhs;
  if (staticExtent(lhs) == 1)
    return rhs;
  bool lhsStatic = isa<AffineConstantExpr>(lhs);
  bool rhsStatic = isa<AffineConstantExpr>(rhs);
  if (lhsStatic && rhsStatic)
    return {};
  return rhsStatic ? rhs : lhs;
}

FailureOr<SymbolicShape> broadcast(Operation *op, ArrayRef<AffineExpr> lhs,
                                   ArrayRef<AffineExpr> rhs) {
  SymbolicShape result(lhs.size() >= rhs.size() ? lhs : rhs);
  size_t common = std::min(lhs.size(), rhs.size());
  for (size_t i = 1; i <= common; ++i) {
    AffineExpr dim = broadcastDim(lhs[lhs.size() - i], rhs[rhs.size() - i]);
    if (!dim)
      return op->emitOpError("expected operand shapes that broadcast, got ")
             << toString(lhs) << " and " << toString(rhs);
    result[result.size() - i] = dim;
  }
  return result;
}

LogicalResult expectSame(Operation *op, StringRef what, AffineExpr expected,
                         AffineExpr got) {
  int64_t want = staticExtent(expected), have = staticExtent(got);
  if (ShapedType::isDynamic(want) || ShapedType::isDynamic(have) ||
      want == have)
    return success();
  return op->emitOpError("expected ")
         << what << " to be " << want << ", got " << have;
}

LogicalResult expectRank(Operation *op, StringRef what, size_t expected,
                         size_t got) {
  if (expected == got)
    return success();
  return op->emitOpError("expected ")
         << what << " of rank " << expected << ", got rank " << got;
}

LogicalResult expectAxis(Operation *op, int64_t axis, size_t rank) {
  if (axis >= 0 && axis < int64_t(rank))
    return success();
  return op->emitOpError("expected an axis in [0, ")
         << rank << "), got " << axis;
}

LogicalResult expectEntries(Operation *op, StringRef what,
                            ArrayRef<int64_t> values, size_t count,
                            int64_t minimum) {
  constexpr int64_t maximum = std::numeric_limits<int32_t>::max();
  if (values.size() != count)
    return op->emitOpError("expected '") << what << "' to have " << count
                                         << " entries, got " << values.size();
  for (int64_t value : values)
    if (value < minimum || value > maximum)
      return op->emitOpError("expected entries of '")
             << what << "' in [" << minimum << ", " << maximum << "], got "
             << value;
  return success();
}

LogicalResult expectBroadcastsTo(Operation *op, StringRef what,
                                 ArrayRef<AffineExpr> shape,
                                 ArrayRef<AffineExpr> target) {
  bool fits = shape.size() <= target.size();
  for (size_t i = 1; fits && i <= shape.size(); ++i) {
    int64_t have = staticExtent(shape[shape.size() - i]);
    int64_t want = staticExtent(target[target.size() - i]);
    fits = have == 1 || have == want || ShapedType::isDynamic(have) ||
           ShapedType::isDynamic(want);
  }
  if (fits)
    return success();
  return op->emitOpError("expected ")
         << what << " to broadcast to " << toString(target) << ", got "
         << toString(shape);
}

//===----------------------------------------------------------------------===//
// Result types
//===----------------------------------------------------------------------===//

/// The shape of a ranked type; every dynamic dimension is a symbol of its own,
/// numbered from `nextSymbol`, which stays clear of the function's symbols.
static SymbolicShape typeShape(ShapedType type, unsigned &nextSymbol) {
  SymbolicShape shape;
  MLIRContext *context = type.getContext();
  for (int64_t extent : type.getShape())
    shape.push_back(ShapedType::isDynamic(extent)
                        ? getAffineSymbolExpr(nextSymbol++, context)
                        : getAffineConstantExpr(extent, context));
  return shape;
}

LogicalResult verifySymbolicShapes(Operation *op) {
  unsigned nextSymbol = 1 << 20;
  SmallVector<SymbolicShape> operands, results;
  for (Type type : op->getOperandTypes()) {
    auto shaped = dyn_cast<ShapedType>(type);
    if (!shaped || !shaped.hasRank())
      return success();
    operands.push_back(typeShape(shaped, nextSymbol));
  }
  // The kernel's symbol is resolved by verifySymbolUses.
  if (isa<LaunchOp>(op))
    return success();
  auto shaped = cast<SymbolicShapeOpInterface>(op);
  if (failed(shaped.inferSymbolicShapes(operands, results)))
    return failure();
  for (auto [result, shape] : llvm::zip_equal(op->getResults(), results)) {
    auto type = dyn_cast<ShapedType>(result.getType());
    if (!type || !type.hasRank())
      continue;
    bool compatible = type.getRank() == int64_t(shape.size());
    for (size_t i = 0; compatible && i < shape.size(); ++i) {
      int64_t declared = type.getDimSize(i), inferred = staticExtent(shape[i]);
      compatible = declared == inferred || ShapedType::isDynamic(declared) ||
                   ShapedType::isDynamic(inferred);
    }
    if (!compatible)
      return op->emitOpError("expected result ")
             << result.getResultNumber() << " of type "
             << tensorTypeFor(shape, type.getElementType()) << ", got " << type;
  }
  return success();
}

} // namespace quantc::qnn

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Folding that needs no evaluation: operations that return their operand, and
// chains of reshapes and transposes.  An operation with dynamic dimensions is
// an identity only where its attributes alone say so; the rest is decided with
// symbolic shapes by `qnn-simplify-shapes`.  All of it is bit-exact.

#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/PatternMatch.h"
#include "quantc/Dialect/QNN/QNN.h"

using namespace mlir;

namespace quantc::qnn {

/// Same ranked type without dynamic dimensions: both hold the same elements.
static bool sameStaticType(Value lhs, Value rhs) {
  auto type = dyn_cast<RankedTensorType>(lhs.getType());
  return type && type.hasStaticShape() && type == rhs.getType();
}

OpFoldResult CastOp::fold(FoldAdaptor) {
  if (getInput().getType() == getType())
    return getInput();
  return {};
}

OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  if (sameStaticType(getInput(), getResult()))
    return getInput();
  auto producer = getInput().getDefiningOp<ReshapeOp>();
  if (!producer || producer == *this)
    return {};
  getInputMutable().assign(producer.getInput());
  return getResult();
}

OpFoldResult BroadcastToOp::fold(FoldAdaptor) {
  if (sameStaticType(getInput(), getResult()))
    return getInput();
  return {};
}

OpFoldResult TransposeOp::fold(FoldAdaptor) {
  if (getInput().getType() == getType() &&
      isIdentityPermutation(getPermutation()))
    return getInput();
  auto producer = getInput().getDefiningOp<TransposeOp>();
  if (!producer || producer == *this)
    return {};
  ArrayRef<int64_t> inner = producer.getPermutation();
  SmallVector<int64_t> composed;
  for (int64_t dim : getPermutation())
    composed.push_back(inner[dim]);
  setPermutation(composed);
  getInputMutable().assign(producer.getInput());
  return getResult();
}

OpFoldResult ConcatOp::fold(FoldAdaptor) {
  if (getInputs().size() == 1 && getInputs()[0].getType() == getType())
    return getInputs()[0];
  return {};
}

OpFoldResult SliceOp::fold(FoldAdaptor) {
  bool whole = sameStaticType(getInput(), getResult()) &&
               llvm::all_of(getSteps(), [](int64_t step) { return step == 1; });
  return whole ? OpFoldResult(getInput()) : OpFoldResult();
}

OpFoldResult PadOp::fold(FoldAdaptor) {
  auto isZero = [](int64_t extent) { return extent == 0; };
  if (getInput().getType() == getType() && llvm::all_of(getLow(), isZero) &&
      llvm::all_of(getHigh(), isZero))
    return getInput();
  return {};
}

//===----------------------------------------------------------------------===//
// pow
//===----------------------------------------------------------------------===//

/// The one value of a constant, if it has only one.
static std::optional<double> splatValue(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  if (!constant)
    return std::nullopt;
  auto type = cast<ShapedType>(constant.getType());
  auto dense = dyn_cast<DenseElementsAttr>(constant.getValue());
  if (type.getNumElements() != 1 && !(dense && dense.isSplat()))
    return std::nullopt;
  if (type.getNumElements() > 4096)
    return std::nullopt;
  auto tensor = HostTensor::fromAttribute(constant.getValue(), type);
  if (failed(tensor) || tensor->getNumElements() == 0)
    return std::nullopt;
  return tensor->getFloat(0);
}

/// Constant exponents as numerics §3.11 replaces them.
LogicalResult PowOp::canonicalize(PowOp op, PatternRewriter &rewriter) {
  auto type = dyn_cast<RankedTensorType>(op.getType());
  if (!type || op.getLhs().getType() != type ||
      !isa<FloatType>(type.getElementType()))
    return failure();
  // The exponent must not be what gives the result its shape.
  auto exponentType = cast<ShapedType>(op.getRhs().getType());
  if (!type.hasStaticShape() &&
      (!exponentType.hasStaticShape() || exponentType.getNumElements() != 1))
    return failure();
  std::optional<double> exponent = splatValue(op.getRhs());
  if (!exponent)
    return failure();
  Location loc = op.getLoc();
  Value x = op.getLhs();
  if (*exponent == 1.0) {
    rewriter.replaceOp(op, x);
  } else if (*exponent == 2.0) {
    rewriter.replaceOpWithNewOp<MulOp>(op, type, x, x);
  } else if (*exponent == 3.0) {
    Value square = MulOp::create(rewriter, loc, type, x, x);
    rewriter.replaceOpWithNewOp<MulOp>(op, type, square, x);
  } else if (*exponent == -1.0) {
    rewriter.replaceOpWithNewOp<ReciprocalOp>(op, type, x);
  } else if (*exponent == 0.5) {
    rewriter.replaceOpWithNewOp<SqrtOp>(op, type, x);
  } else if (*exponent == -0.5) {
    Value root = SqrtOp::create(rewriter, loc, type, x);
    rewriter.replaceOpWithNewOp<ReciprocalOp>(op, type, root);
  } else {
    return failure();
  }
  return success();
}

} // namespace quantc::qnn

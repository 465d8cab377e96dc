// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shapes of constants, data movement, quantization and launches.

#include "Shapes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/IntegerSet.h"
#include "quantc/Dialect/QNN/ShapeAnalysis.h"

using namespace mlir;

namespace quantc::qnn {

SymbolicShape staticShape(ShapedType type) {
  SymbolicShape shape;
  for (int64_t extent : type.getShape())
    shape.push_back(getAffineConstantExpr(extent, type.getContext()));
  return shape;
}

static LogicalResult expectNonNegative(Operation *op, StringRef what,
                                       ArrayRef<AffineExpr> shape) {
  for (AffineExpr dim : shape)
    if (auto constant = dyn_cast<AffineConstantExpr>(dim);
        constant && constant.getValue() < 0)
      return op->emitOpError("expected '")
             << what << "' without negative entries, got " << toString(shape);
  return success();
}

//===----------------------------------------------------------------------===//
// Values from attributes
//===----------------------------------------------------------------------===//

LogicalResult ConstantOp::inferSymbolicShapes(Shapes, ShapeResults &results) {
  results.push_back(staticShape(getValue().getShapedType()));
  return success();
}

LogicalResult ShapeValueOp::inferSymbolicShapes(Shapes, ShapeResults &results) {
  int64_t count = getValues().getNumResults();
  auto type = cast<ShapedType>(getResult().getType());
  if (type.hasRank() && type.getRank() == 0) {
    if (count != 1)
      return emitOpError("expected 1 expression for a result of rank 0, got ")
             << count;
    results.emplace_back();
    return success();
  }
  results.push_back({getAffineConstantExpr(count, getContext())});
  return success();
}

LogicalResult RangeOp::inferSymbolicShapes(Shapes, ShapeResults &results) {
  if (getStart().getNumResults() != 1 || getSize().getNumResults() != 1)
    return emitOpError("expected 'start' and 'size' with 1 expression each, "
                       "got ")
           << getStart().getNumResults() << " and "
           << getSize().getNumResults();
  if (failed(expectNonNegative(*this, "size", getSize().getResults())))
    return failure();
  results.push_back({getSize().getResult(0)});
  return success();
}

LogicalResult CheckOp::inferSymbolicShapes(Shapes, ShapeResults &) {
  if (getCondition().getNumDims() != 0)
    return emitOpError("expected a condition on symbols only, got ")
           << getCondition().getNumDims() << " dimensions";
  return success();
}

LogicalResult BindSymbolOp::inferSymbolicShapes(Shapes, ShapeResults &) {
  return success();
}

LogicalResult BindSymbolOp::verify() {
  auto func = dyn_cast<func::FuncOp>((*this)->getParentOp());
  if (!func)
    return emitOpError("expected to be in the body of a function");
  int64_t symbols = getSymbolNames(func).size();
  if (int64_t(getSymbol()) < 0 || int64_t(getSymbol()) >= symbols)
    return emitOpError("expected 'symbol' in [0, ")
           << symbols << "), got " << int64_t(getSymbol());
  auto type = dyn_cast<RankedTensorType>(getInput().getType());
  bool hasElement = int64_t(getElement()) >= 0 &&
                    (!type || !type.hasStaticShape() ||
                     int64_t(getElement()) < type.getNumElements());
  if (!hasElement)
    return emitOpError("expected 'element' to be one of the input, got ")
           << int64_t(getElement()) << " of " << getInput().getType();
  unsigned width =
      cast<ShapedType>(getInput().getType()).getElementTypeBitWidth();
  if (width != 1 && width != 32 && width != 64)
    return emitOpError("expected an input of i1, i32 or i64, got ")
           << getInput().getType();
  return success();
}

LogicalResult ChooseOp::inferSymbolicShapes(Shapes operands,
                                            ShapeResults &results) {
  if (getCondition().getNumResults() != 1)
    return emitOpError("expected 'condition' with 1 expression, got ")
           << getCondition().getNumResults();
  if (failed(expectNonNegative(*this, "shape", getShape().getResults())))
    return failure();
  for (const SymbolicShape &operand : operands)
    if (operand.size() != getShape().getNumResults())
      return emitOpError("expected operands of rank ")
             << getShape().getNumResults() << ", got " << operand.size();
  results.emplace_back(getShape().getResults());
  return success();
}

//===----------------------------------------------------------------------===//
// Data movement
//===----------------------------------------------------------------------===//

LogicalResult ReshapeOp::inferSymbolicShapes(Shapes operands,
                                             ShapeResults &results) {
  ArrayRef<AffineExpr> shape = getShape().getResults();
  if (failed(expectNonNegative(*this, "shape", shape)) ||
      failed(expectSame(*this, "the number of elements of 'shape'",
                        elementCount(operands[0], getContext()),
                        elementCount(shape, getContext()))))
    return failure();
  results.emplace_back(shape);
  return success();
}

LogicalResult BroadcastToOp::inferSymbolicShapes(Shapes operands,
                                                 ShapeResults &results) {
  ArrayRef<AffineExpr> shape = getShape().getResults();
  if (failed(expectNonNegative(*this, "shape", shape)))
    return failure();
  FailureOr<SymbolicShape> result = broadcast(*this, operands[0], shape);
  if (failed(result))
    return failure();
  results.push_back(*result);
  return success();
}

LogicalResult TransposeOp::inferSymbolicShapes(Shapes operands,
                                               ShapeResults &results) {
  ArrayRef<int64_t> permutation = getPermutation();
  if (permutation.size() != operands[0].size() ||
      !isPermutationVector(permutation))
    return emitOpError("expected 'permutation' to be a permutation of ")
           << operands[0].size() << " dimensions, got [" << permutation << "]";
  SymbolicShape &result = results.emplace_back();
  for (int64_t source : permutation)
    result.push_back(operands[0][source]);
  return success();
}

/// The shape of `operands` one after the other along `axis`.
static FailureOr<SymbolicShape> concatShape(Operation *op, Shapes operands,
                                            int64_t axis) {
  SymbolicShape result = operands[0];
  if (failed(expectAxis(op, axis, result.size())))
    return failure();
  for (auto [i, operand] : llvm::enumerate(operands)) {
    if (i == 0)
      continue;
    if (failed(expectRank(op, ("operand " + Twine(i)).str(), result.size(),
                          operand.size())))
      return failure();
    for (size_t d = 0; d < result.size(); ++d) {
      if (d == size_t(axis)) {
        result[d] = result[d] + operand[d];
        continue;
      }
      if (failed(expectSame(
              op, ("dimension " + Twine(d) + " of operand " + Twine(i)).str(),
              result[d], operand[d])))
        return failure();
      if (isa<AffineConstantExpr>(operand[d]))
        result[d] = operand[d];
    }
  }
  return result;
}

LogicalResult ConcatOp::inferSymbolicShapes(Shapes operands,
                                            ShapeResults &results) {
  if (operands.empty())
    return emitOpError("expected at least 1 operand, got 0");
  FailureOr<SymbolicShape> result = concatShape(*this, operands, getAxis());
  if (failed(result))
    return failure();
  results.push_back(*result);
  return success();
}

LogicalResult AppendOp::inferSymbolicShapes(Shapes operands,
                                            ShapeResults &results) {
  FailureOr<SymbolicShape> present = concatShape(*this, operands, getAxis());
  if (failed(present))
    return failure();
  if (getCapacity().getNumResults() != 1)
    return emitOpError("expected 1 'capacity', got ")
           << getCapacity().getNumResults();
  AffineExpr capacity = getCapacity().getResult(0);
  int64_t extent = staticExtent((*present)[getAxis()]);
  int64_t room = staticExtent(capacity);
  if (!ShapedType::isDynamic(extent) && !ShapedType::isDynamic(room) &&
      room < extent)
    return emitOpError("expected 'capacity' of at least ")
           << extent << ", got " << room;
  results.append(2, *present);
  results.back()[getAxis()] = capacity;
  return success();
}

/// The first and last element read along an axis of constant extent.
static LogicalResult checkSliceBounds(SliceOp op, size_t axis, int64_t extent) {
  int64_t start = staticExtent(op.getStarts().getResult(axis));
  int64_t size = staticExtent(op.getSizes().getResult(axis));
  int64_t step = op.getSteps()[axis];
  if (ShapedType::isDynamic(extent) || ShapedType::isDynamic(start) ||
      ShapedType::isDynamic(size) || size == 0)
    return success();
  int64_t span, last;
  bool overflow = llvm::MulOverflow(size - 1, step, span) ||
                  llvm::AddOverflow(start, span, last);
  if (!overflow && start >= 0 && start < extent && last >= 0 && last < extent)
    return success();
  return op.emitOpError("expected the slice of axis ")
         << axis << " inside [0, " << extent << "), got start " << start
         << ", size " << size << ", step " << step;
}

LogicalResult SliceOp::inferSymbolicShapes(Shapes operands,
                                           ShapeResults &results) {
  size_t rank = operands[0].size();
  if (getStarts().getNumResults() != rank ||
      getSizes().getNumResults() != rank || getSteps().size() != rank)
    return emitOpError("expected ")
           << rank << " 'starts', 'sizes' and 'steps', got "
           << getStarts().getNumResults() << ", " << getSizes().getNumResults()
           << " and " << getSteps().size();
  if (llvm::is_contained(getSteps(), 0))
    return emitOpError("expected 'steps' without 0");
  if (failed(expectNonNegative(*this, "sizes", getSizes().getResults())))
    return failure();
  for (size_t axis = 0; axis < rank; ++axis)
    if (failed(checkSliceBounds(*this, axis, staticExtent(operands[0][axis]))))
      return failure();
  results.emplace_back(getSizes().getResults());
  return success();
}

LogicalResult PadOp::inferSymbolicShapes(Shapes operands,
                                         ShapeResults &results) {
  size_t rank = operands[0].size();
  if (failed(expectEntries(*this, "low", getLow(), rank, 0)) ||
      failed(expectEntries(*this, "high", getHigh(), rank, 0)))
    return failure();
  SymbolicShape &result = results.emplace_back();
  for (auto [dim, low, high] : llvm::zip(operands[0], getLow(), getHigh()))
    result.push_back(dim + (low + high));
  return success();
}

LogicalResult GatherOp::inferSymbolicShapes(Shapes operands,
                                            ShapeResults &results) {
  if (getPackedFrom() &&
      (failed(expectEntries(*this, "packed_from", *getPackedFrom(), 2, 0)) ||
       getAxis() != 0))
    return emitOpError("expected axis 0 of a matrix with 'packed_from'");
  SymbolicShape input =
      logicalShape(operands[0], getPackedFrom(), getContext());
  if (failed(expectAxis(*this, getAxis(), input.size())))
    return failure();
  SymbolicShape &result = results.emplace_back();
  result.append(input.begin(), input.begin() + getAxis());
  result.append(operands[1].begin(), operands[1].end());
  result.append(input.begin() + getAxis() + 1, input.end());
  return success();
}

OpOperand &GatherOp::getWeightOperand() { return getInputMutable(); }
int64_t GatherOp::getOutputChannelAxis() { return getAxis(); }
SmallVector<int64_t> GatherOp::getReducedAxes() { return {}; }

//===----------------------------------------------------------------------===//
// Quantization and launches
//===----------------------------------------------------------------------===//

LogicalResult ObserveOp::inferSymbolicShapes(Shapes operands,
                                             ShapeResults &results) {
  results.push_back(operands[0]);
  return success();
}

LogicalResult QuantizeStaticOp::inferSymbolicShapes(Shapes operands,
                                                    ShapeResults &results) {
  SymbolicShape rows = operands[0];
  if (rows.empty())
    return emitOpError("expected an input of rank 1 or more, got rank 0");
  if (failed(expectRank(*this, "a scale", 0, operands[1].size())) ||
      failed(expectRank(*this, "a zero point", 0, operands[2].size())))
    return failure();
  rows.pop_back();
  results.push_back(operands[0]);
  results.push_back(rows);
  return success();
}

LogicalResult QuantizedLinearOp::inferSymbolicShapes(Shapes operands,
                                                     ShapeResults &results) {
  SymbolicShape result = operands[0];
  SymbolicShape weight =
      logicalShape(operands[3], getPackedFrom(), getContext());
  if (failed(expectRank(*this, "a weight", 2, weight.size())) ||
      result.empty() ||
      failed(expectSame(*this, "the reduced dimension of the weight",
                        result.back(), weight[1])))
    return failure();
  result.back() = weight[0];
  results.push_back(result);
  return success();
}

LogicalResult QuantizedGatherOp::inferSymbolicShapes(Shapes operands,
                                                     ShapeResults &results) {
  SymbolicShape matrix =
      logicalShape(operands[0], getPackedFrom(), getContext());
  if (failed(expectRank(*this, "codes", 2, matrix.size())))
    return failure();
  SymbolicShape result = operands[2];
  result.push_back(matrix[1]);
  results.push_back(result);
  return success();
}

LogicalResult PackOp::inferSymbolicShapes(Shapes, ShapeResults &results) {
  for (Type result : getResultTypes()) {
    auto type = cast<ShapedType>(result);
    if (!type.hasRank() || !type.hasStaticShape())
      return emitOpError("expected static result shapes, got ") << type;
    results.push_back(staticShape(type));
  }
  return success();
}

LogicalResult LaunchOp::inferSymbolicShapes(Shapes, ShapeResults &results) {
  auto kernel = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      *this, getKernelAttr());
  if (!kernel)
    return emitOpError("expected a kernel function named '")
           << getKernel() << "'";
  auto names = kernel->getAttrOfType<ArrayAttr>(kSymbolsAttr);
  size_t count = names ? names.size() : 0;
  if (getSymbols().getNumResults() != count)
    return emitOpError("expected ")
           << count << " symbols as '" << getKernel() << "' has, got "
           << getSymbols().getNumResults();
  // Once lowered, a kernel function's results are its last arguments.
  auto inputs = kernel->getAttrOfType<IntegerAttr>(kNumInputsAttr);
  ArrayRef<Type> types = kernel.getResultTypes();
  if (inputs)
    types = kernel.getArgumentTypes().drop_front(inputs.getInt());
  for (auto [i, result] : llvm::enumerate(types)) {
    auto type = dyn_cast<ShapedType>(result);
    auto shape =
        inputs ? kernel.getArgAttrOfType<AffineMapAttr>(inputs.getInt() + i,
                                                        kShapeAttr)
               : kernel.getResultAttrOfType<AffineMapAttr>(i, kShapeAttr);
    if (!shape && (!type || !type.hasRank() || !type.hasStaticShape()))
      return emitOpError("expected result ")
             << i << " of '" << getKernel() << "' to have '" << kShapeAttr
             << "' or a static type, got " << result;
    if (!shape) {
      results.push_back(staticShape(type));
      continue;
    }
    SymbolicShape &dims = results.emplace_back();
    for (AffineExpr dim : shape.getValue().getResults())
      dims.push_back(dim.replaceSymbols(getSymbols().getResults()));
  }
  if (results.size() == getNumResults())
    return success();
  return emitOpError("expected ")
         << results.size() << " results as '" << getKernel() << "' has, got "
         << getNumResults();
}

} // namespace quantc::qnn

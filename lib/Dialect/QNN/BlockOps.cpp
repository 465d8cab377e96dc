// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linears and look-ups on block-wise codes: verification and shapes.  What a
// format's codes, scales and offsets look like is asked of the format.

#include "Shapes.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace quantc::fmt;

namespace quantc::qnn {

/// The matrix that a packed operand stands for, or the shape of a plain one.
static ArrayRef<int64_t>
matrixShape(Value codes, std::optional<ArrayRef<int64_t>> packedFrom) {
  return packedFrom ? *packedFrom
                    : cast<ShapedType>(codes.getType()).getShape();
}

ArrayRef<int64_t> BlockLinearOp::getWeightShape() {
  return matrixShape(getWeight(), getPackedFrom());
}

ArrayRef<int64_t> BlockGatherOp::getMatrixShape() {
  return matrixShape(getCodes(), getPackedFrom());
}

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

/// Arrays of codes, scales and offsets, plain or packed, for one format.
static LogicalResult verifyArrays(Operation *op, FormatInterface format,
                                  Value codes, Value scales, Value offsets,
                                  std::optional<ArrayRef<int64_t>> packedFrom) {
  auto type = dyn_cast<RankedTensorType>(codes.getType());
  if (!type || !type.hasStaticShape())
    return op->emitOpError("expected codes of static shape, got ")
           << codes.getType();
  ArrayRef<int64_t> shape = matrixShape(codes, packedFrom);
  std::optional<BlockFormat> blocks;
  if (shape.size() == 2)
    blocks = format.asBlocks(shape);
  if (!blocks)
    return op->emitOpError("expected a matrix in a format with packed lines "
                           "and blocks along its rows, got ")
           << type << " in " << Attribute(format);
  if ((blocks->offset != OffsetKind::None) != bool(offsets))
    return op->emitOpError("expected ") << (offsets ? "no offsets" : "offsets")
                                        << " for " << Attribute(format);
  if (packedFrom)
    return success();
  SmallVector<PayloadArray> arrays = format.payload(shape);
  SmallVector<Value> values = {codes, scales};
  if (offsets)
    values.push_back(offsets);
  for (auto [array, value] : llvm::zip_equal(arrays, values)) {
    auto expected = RankedTensorType::get(array.shape, array.elementType);
    if (value.getType() != expected)
      return op->emitOpError("expected ")
             << array.name << " of type " << expected << ", got "
             << value.getType();
  }
  return success();
}

LogicalResult BlockLinearOp::verify() {
  if (failed(verifyArrays(*this, getFormat(), getWeight(), getWeightScales(),
                          getWeightOffsets(), getPackedFrom())))
    return failure();
  Type element = cast<ShapedType>(getInput().getType()).getElementType();
  bool isFloat = element.isF32() || element.isBF16();
  if (bool(getScales()) != bool(getSums()) ||
      !(getScales() ? element.isInteger(8) : isFloat))
    return emitOpError("expected an input of i8 with 'rows', or of f32 or bf16 "
                       "without, got ")
           << getInput().getType();
  if (!element.isF32() && !getBlocks().areIntegers())
    return emitOpError("expected an input of f32 for codes that stand for "
                       "floats, got ")
           << getInput().getType();
  return success();
}

LogicalResult BlockGatherOp::verify() {
  return verifyArrays(*this, getFormat(), getCodes(), getScales(), getOffsets(),
                      getPackedFrom());
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

LogicalResult BlockLinearOp::inferSymbolicShapes(Shapes operands,
                                                 ShapeResults &results) {
  SymbolicShape result = operands[0];
  ArrayRef<int64_t> weight = getWeightShape();
  if (failed(expectRank(*this, "a weight", 2, weight.size())))
    return failure();
  if (result.empty() ||
      failed(expectSame(*this, "the reduced dimension of the weight",
                        result.back(),
                        getAffineConstantExpr(weight[1], getContext()))))
    return failure();
  result.back() = getAffineConstantExpr(weight[0], getContext());
  results.push_back(result);
  return success();
}

LogicalResult BlockGatherOp::inferSymbolicShapes(Shapes operands,
                                                 ShapeResults &results) {
  ArrayRef<int64_t> matrix = getMatrixShape();
  if (failed(expectRank(*this, "codes", 2, matrix.size())))
    return failure();
  SymbolicShape result = operands.back();
  result.push_back(getAffineConstantExpr(matrix[1], getContext()));
  results.push_back(result);
  return success();
}

LogicalResult QuantizeRowsOp::inferSymbolicShapes(Shapes operands,
                                                  ShapeResults &results) {
  SymbolicShape rows = operands[0];
  if (rows.empty())
    return emitOpError("expected an input of rank 1 or more, got rank 0");
  int64_t rank = rows.size(),
          axis = int64_t(getAxis()) == -1 ? rank - 1 : getAxis();
  if (failed(expectAxis(*this, axis, rank)))
    return failure();
  AffineExpr length = rows.back();
  rows.truncate(axis);
  SymbolicShape sums = rows;
  if (std::optional<uint64_t> group = getGroup()) {
    int64_t extent = staticExtent(length);
    if (ShapedType::isDynamic(extent) || int64_t(*group) < 1 ||
        axis + 1 != rank)
      return emitOpError("expected groups of 1 or more of a static last axis, "
                         "got groups of ")
             << int64_t(*group);
    sums.push_back(
        getAffineConstantExpr(llvm::divideCeil(extent, *group), getContext()));
  }
  results.push_back(operands[0]);
  results.append({rows, sums});
  return success();
}

} // namespace quantc::qnn

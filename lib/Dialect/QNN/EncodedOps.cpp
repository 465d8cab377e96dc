// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Encoded values and their payload arrays: verification, shapes and reference
// evaluation, all asked of the format.

#include "Reference.h"
#include "Shapes.h"

using namespace mlir;
using namespace quantc::fmt;

namespace quantc::qnn {

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

LogicalResult QuantizeOp::verify() {
  if (getScale() && getRcp())
    return emitOpError("expected no 'rcp' with a scale: static quantization "
                       "divides");
  if (getOffset() && !getScale())
    return emitOpError("expected a scale with the offset");
  return success();
}

LogicalResult EncodedConstantOp::verify() {
  auto type = cast<EncodedType>(getResult().getType());
  if (!type.hasStaticShape())
    return emitOpError("expected a static shape, got ") << type;
  SmallVector<PayloadArray> arrays = type.getScheme().payload(type.getShape());
  if (getPayload().size() != arrays.size())
    return emitOpError("expected ")
           << arrays.size() << " payload arrays, got " << getPayload().size();
  for (const PayloadArray &array : arrays) {
    auto value = getPayload().getAs<ElementsAttr>(array.name);
    if (!value)
      return emitOpError("expected a payload array '") << array.name << "'";
    ShapedType stored = value.getShapedType();
    if (stored.getShape() != ArrayRef(array.shape) ||
        !stored.getElementType().isIntOrFloat() ||
        stored.getElementTypeBitWidth() !=
            array.elementType.getIntOrFloatBitWidth())
      return emitOpError("expected '")
             << array.name << "' of type "
             << RankedTensorType::get(array.shape, array.elementType)
             << " or integer words of the same width, got " << stored;
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

LogicalResult QuantizeOp::inferSymbolicShapes(Shapes operands,
                                              ShapeResults &results) {
  results.push_back(operands[0]);
  return success();
}

LogicalResult DequantizeOp::inferSymbolicShapes(Shapes operands,
                                                ShapeResults &results) {
  results.push_back(operands[0]);
  return success();
}

LogicalResult EncodedConstantOp::inferSymbolicShapes(Shapes,
                                                     ShapeResults &results) {
  results.push_back(staticShape(cast<ShapedType>(getResult().getType())));
  return success();
}

/// Checks that results are the payload arrays of a format on a static shape.
static LogicalResult inferPayload(Operation *op, FormatInterface format,
                                  ArrayRef<int64_t> shape,
                                  ShapeResults &results) {
  if (failed(format.verifyShape([&] { return op->emitOpError(); }, shape)))
    return failure();
  SmallVector<PayloadArray> arrays = format.payload(shape);
  if (arrays.size() != op->getNumResults())
    return op->emitOpError("expected ")
           << arrays.size() << " results for " << Attribute(format) << ", got "
           << op->getNumResults();
  for (auto [array, result] : llvm::zip(arrays, op->getResults())) {
    auto type = cast<ShapedType>(result.getType());
    if (type.getElementType() != array.elementType)
      return op->emitOpError("expected '")
             << array.name << "' of element type " << array.elementType
             << ", got " << type;
    results.push_back(
        staticShape(RankedTensorType::get(array.shape, array.elementType)));
  }
  return success();
}

/// A shape whose extents are all constants.
static FailureOr<SmallVector<int64_t>>
constantShape(Operation *op, ArrayRef<AffineExpr> dims) {
  SmallVector<int64_t> shape;
  for (AffineExpr dim : dims) {
    auto constant = dyn_cast<AffineConstantExpr>(dim);
    if (!constant)
      return op->emitOpError("expected an operand of static shape, got "
                             "dimension ")
             << quantc::toString(dim, {});
    shape.push_back(constant.getValue());
  }
  return shape;
}

LogicalResult EncodeOp::inferSymbolicShapes(Shapes operands,
                                            ShapeResults &results) {
  auto shape = constantShape(*this, operands[0]);
  if (failed(shape))
    return failure();
  return inferPayload(*this, getFormat(), *shape, results);
}

LogicalResult PayloadOp::inferSymbolicShapes(Shapes, ShapeResults &results) {
  if (getArrays().size() != getNumResults())
    return emitOpError("expected ")
           << getArrays().size() << " results, got " << getNumResults();
  for (auto array : getArrays().getAsRange<ElementsAttr>())
    results.push_back(staticShape(array.getShapedType()));
  return success();
}

LogicalResult DecodeOp::inferSymbolicShapes(Shapes operands,
                                            ShapeResults &results) {
  if (operands.empty())
    return emitOpError("expected the payload arrays, got no operand");
  results.push_back(operands[0]);
  return success();
}

//===----------------------------------------------------------------------===//
// Reference evaluation
//===----------------------------------------------------------------------===//

LogicalResult evaluateOp(EncodeOp op, const Evaluation &e) {
  auto encoded = op.getFormat().encode([&] { return op.emitOpError(); },
                                       e.operands[0], "the constant");
  if (failed(encoded))
    return failure();
  for (auto [result, array] : llvm::zip_equal(e.results, encoded->arrays))
    result = array;
  return success();
}

LogicalResult evaluateOp(PayloadOp op, const Evaluation &e) {
  for (auto [result, attribute] :
       llvm::zip_equal(e.results, op.getArrays().getAsRange<ElementsAttr>())) {
    auto type =
        RankedTensorType::get(result.getShape(), result.getElementType());
    FailureOr<HostTensor> tensor = HostTensor::fromAttribute(attribute, type);
    if (failed(tensor))
      return op.emitOpError("expected payload arrays with their bytes; a "
                            "resource is missing");
    result = *tensor;
  }
  return success();
}

LogicalResult evaluateOp(DecodeOp op, const Evaluation &e) {
  EncodedTensor encoded;
  encoded.shape = llvm::to_vector(e.result().getShape());
  encoded.arrays = llvm::to_vector(e.operands);
  auto values =
      op.getFormat().decode([&] { return op.emitOpError(); }, encoded);
  if (failed(values))
    return failure();
  e.results[0] = *values;
  return success();
}

} // namespace quantc::qnn

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quantization that a source model has already: conversions between floats and
// codes that are plain tensors, and encoded values made of such tensors.

#include "Reference.h"
#include "Shapes.h"
#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace quantc::fmt;

namespace quantc::qnn {

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

static Type elementOf(Value value) {
  return cast<ShapedType>(value.getType()).getElementType();
}

LogicalResult ToCodesOp::verify() {
  Type codes = elementOf(getResult());
  if (codes.getIntOrFloatBitWidth() <= 16 && !codes.isInteger(1))
    return success();
  return emitOpError("expected codes of 2 to 16 bits, got ") << codes;
}

LogicalResult FromCodesOp::verify() {
  Type codes = elementOf(getCodes());
  if ((codes.getIntOrFloatBitWidth() <= 16 && !codes.isInteger(1)) ||
      codes.isSignlessInteger(32))
    return success();
  return emitOpError("expected codes of 2 to 16 bits or i32, got ") << codes;
}

LogicalResult AssembleOp::verify() {
  auto type = cast<EncodedType>(getResult().getType());
  SmallVector<PayloadArray> arrays = type.getScheme().payload(type.getShape());
  if (getPayload().size() != arrays.size())
    return emitOpError("expected ")
           << arrays.size() << " payload arrays, got " << getPayload().size();
  for (auto [array, value] : llvm::zip_equal(arrays, getPayload())) {
    auto expected = RankedTensorType::get(array.shape, array.elementType);
    if (elementOf(value) != array.elementType ||
        failed(verifyCompatibleShape(value.getType(), expected)))
      return emitOpError("expected '") << array.name << "' of type " << expected
                                       << ", got " << value.getType();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

LogicalResult AssembleOp::inferSymbolicShapes(Shapes operands,
                                              ShapeResults &results) {
  if (operands.empty())
    return emitOpError("expected the payload arrays, got no operand");
  results.push_back(operands[0]);
  return success();
}

LogicalResult UnpackOp::inferSymbolicShapes(Shapes operands,
                                            ShapeResults &results) {
  SymbolicShape shape = operands[0];
  int64_t bits = getBits(), count = getCount();
  std::optional<int64_t> bytes;
  if (!shape.empty())
    if (auto last = dyn_cast<AffineConstantExpr>(shape.back()))
      bytes = last.getValue();
  std::optional<int64_t> have =
      bytes ? llvm::checkedMul<int64_t>(*bytes, 8) : std::nullopt;
  std::optional<int64_t> want = llvm::checkedMul(bits, count);
  if (bits < 1 || bits > 8 || count < 0 || !have || !want || *want > *have ||
      !elementOf(getInput()).isUnsignedInteger(8))
    return emitOpError("expected bytes (ui8) that hold ")
           << count << " codes of " << bits << " bits in the last axis, got "
           << getInput().getType();
  shape.back() = getAffineConstantExpr(count, getContext());
  results.push_back(shape);
  return success();
}

//===----------------------------------------------------------------------===//
// Reference evaluation
//===----------------------------------------------------------------------===//

/// The operands of a conversion, at every index of the result.
static FailureOr<SmallVector<HostTensor>> broadcastAll(Operation *op,
                                                       const Evaluation &e) {
  SmallVector<HostTensor> operands;
  for (const HostTensor &operand : e.operands) {
    auto full = broadcastTensor(op, operand, e.result().getShape());
    if (failed(full))
      return failure();
    operands.push_back(*full);
  }
  return operands;
}

LogicalResult evaluateOp(ToCodesOp op, const Evaluation &e) {
  auto operands = broadcastAll(op, e);
  if (failed(operands))
    return failure();
  const HostTensor &x = (*operands)[0], &scale = (*operands)[1],
                   &zero = (*operands)[2];
  HostTensor &result = e.result();
  Type type = result.getElementType();
  unsigned width = type.getIntOrFloatBitWidth();
  bool isUnsigned = type.isUnsignedInteger();
  float low = isUnsigned ? 0.0f : -std::ldexp(1.0f, int(width) - 1);
  float high = std::ldexp(1.0f, int(isUnsigned ? width : width - 1)) - 1.0f;
  for (int64_t i = 0; i < result.getNumElements(); ++i) {
    float z = float(zero.getInt(i));
    float rounded =
        std::nearbyint(float(x.getFloat(i)) / float(scale.getFloat(i)));
    // The clamp is before the addition, where everything is exact.
    rounded = std::isnan(rounded)
                  ? 0.0f
                  : std::fmin(std::fmax(rounded, low - z), high - z);
    result.setInt(i, int64_t(rounded) + zero.getInt(i));
  }
  return success();
}

LogicalResult evaluateOp(FromCodesOp op, const Evaluation &e) {
  auto operands = broadcastAll(op, e);
  if (failed(operands))
    return failure();
  ArrayRef<HostTensor> tensors = *operands;
  HostTensor &result = e.result();
  for (int64_t i = 0; i < result.getNumElements(); ++i) {
    auto difference = int32_t(uint32_t(tensors[0].getInt(i)) -
                              uint32_t(tensors[2].getInt(i)));
    result.setFloat(i, float(difference) * float(tensors[1].getFloat(i)));
  }
  return success();
}

LogicalResult evaluateOp(UnpackOp op, const Evaluation &e) {
  unsigned bits = op.getBits(), mask = (1u << bits) - 1;
  int64_t count = op.getCount(), bytes = e.operands[0].getShape().back();
  auto packed = e.operands[0].as<uint8_t>();
  auto codes = e.result().asMutable<uint8_t>();
  int64_t rows = count ? int64_t(codes.size()) / count : 0;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < count; ++i) {
      int64_t bit = i * bits, byte = row * bytes + bit / 8;
      unsigned window = packed[byte];
      if (bit % 8 + bits > 8)
        window |= unsigned(packed[byte + 1]) << 8;
      codes[row * count + i] = uint8_t(window >> (bit % 8) & mask);
    }
  return success();
}

} // namespace quantc::qnn

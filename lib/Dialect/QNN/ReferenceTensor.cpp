// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Evaluates constants, data movement and shape values: copies of bits between
// strided views.

#include "Reference.h"

using namespace mlir;

namespace quantc::qnn {

static int64_t widthOf(const HostTensor &tensor) {
  return HostTensor::storageBytes(tensor.getElementType());
}

LogicalResult evaluateOp(ConstantOp op, const Evaluation &evaluation) {
  FailureOr<HostTensor> value =
      HostTensor::fromAttribute(op.getValue(), cast<ShapedType>(op.getType()));
  if (failed(value))
    return op.emitOpError("expected a value that is present and of the size "
                          "of its type");
  evaluation.result() = *value;
  return success();
}

LogicalResult evaluateOp(ReshapeOp op, const Evaluation &evaluation) {
  const HostTensor &input = evaluation.operands[0];
  HostTensor &result = evaluation.result();
  if (input.getNumElements() != result.getNumElements())
    return op.emitOpError("expected a shape of ")
           << input.getNumElements() << " elements, got [" << result.getShape()
           << "]";
  llvm::copy(input.getBytes(), result.getMutableBytes().begin());
  return success();
}

LogicalResult evaluateOp(ChooseOp op, const Evaluation &evaluation) {
  FailureOr<Extents> condition =
      evaluateExprs(op, op.getCondition(), evaluation.symbols);
  if (failed(condition))
    return failure();
  const HostTensor &chosen = evaluation.operands[(*condition)[0] ? 0 : 1];
  HostTensor &result = evaluation.result();
  if (chosen.getShape() != result.getShape())
    return op.emitOpError("expected the chosen operand of shape [")
           << result.getShape() << "], got [" << chosen.getShape() << "]";
  result = chosen;
  return success();
}

LogicalResult evaluateOp(ObserveOp, const Evaluation &evaluation) {
  evaluation.result() = evaluation.operands[0];
  return success();
}

LogicalResult evaluateOp(BroadcastToOp op, const Evaluation &evaluation) {
  auto full = broadcastTensor(op, evaluation.operands[0],
                              evaluation.result().getShape());
  if (failed(full))
    return failure();
  evaluation.result() = *full;
  return success();
}

LogicalResult evaluateOp(TransposeOp op, const Evaluation &evaluation) {
  const HostTensor &input = evaluation.operands[0];
  HostTensor &result = evaluation.result();
  Extents own = rowMajorStrides(input.getShape()), strides;
  for (int64_t dim : op.getPermutation())
    strides.push_back(own[dim]);
  copyStrided(input.getBytes().data(), strides, result.getMutableBytes().data(),
              rowMajorStrides(result.getShape()), result.getShape(),
              widthOf(input));
  return success();
}

/// Writes `operands` one after the other along `axis` from the start of
/// `result`.
static void concatInto(HostTensor &result, ArrayRef<HostTensor> operands,
                       int64_t axis) {
  Extents strides = rowMajorStrides(result.getShape());
  int64_t offset = 0;
  for (const HostTensor &input : operands) {
    copyStrided(input.getBytes().data(), rowMajorStrides(input.getShape()),
                result.getMutableBytes().data() +
                    offset * strides[axis] * widthOf(result),
                strides, input.getShape(), widthOf(result));
    offset += input.getShape()[axis];
  }
}

LogicalResult evaluateOp(ConcatOp op, const Evaluation &evaluation) {
  concatInto(evaluation.result(), evaluation.operands, op.getAxis());
  return success();
}

LogicalResult evaluateOp(AppendOp op, const Evaluation &evaluation) {
  HostTensor &present = evaluation.results[0], &buffer = evaluation.results[1];
  int64_t axis = op.getAxis();
  if (buffer.getShape()[axis] < present.getShape()[axis])
    return op.emitOpError("expected 'capacity' of at least ")
           << present.getShape()[axis] << ", got " << buffer.getShape()[axis];
  concatInto(present, evaluation.operands, axis);
  llvm::fill(buffer.getMutableBytes(), 0);
  concatInto(buffer, present, axis);
  return success();
}

LogicalResult evaluateOp(SliceOp op, const Evaluation &evaluation) {
  const HostTensor &input = evaluation.operands[0];
  HostTensor &result = evaluation.result();
  FailureOr<Extents> starts =
      evaluateExprs(op, op.getStarts(), evaluation.symbols);
  if (failed(starts))
    return failure();
  if (result.getNumElements() == 0)
    return success();
  Extents strides = rowMajorStrides(input.getShape());
  int64_t offset = 0;
  for (size_t i = 0; i < strides.size(); ++i) {
    int64_t start = (*starts)[i], extent = input.getShape()[i];
    int64_t span, last;
    bool inside =
        !llvm::MulOverflow(result.getShape()[i] - 1, op.getSteps()[i], span) &&
        !llvm::AddOverflow(start, span, last) && start >= 0 && start < extent &&
        last >= 0 && last < extent;
    if (!inside)
      return op.emitOpError("expected the slice of axis ")
             << i << " inside [0, " << extent << "), got start " << start
             << ", size " << result.getShape()[i] << ", step "
             << op.getSteps()[i];
    offset += start * strides[i];
    // A step that is never taken may be large.
    strides[i] = result.getShape()[i] > 1 ? strides[i] * op.getSteps()[i] : 0;
  }
  copyStrided(input.getBytes().data() + offset * widthOf(input), strides,
              result.getMutableBytes().data(),
              rowMajorStrides(result.getShape()), result.getShape(),
              widthOf(input));
  return success();
}

LogicalResult evaluateOp(PadOp op, const Evaluation &evaluation) {
  const HostTensor &input = evaluation.operands[0];
  HostTensor &result = evaluation.result();
  Type type = result.getElementType();
  int64_t width = widthOf(result);
  return withArithmetic(op, type, [&](auto) -> LogicalResult {
    MutableArrayRef<char> bytes = result.getMutableBytes();
    if (!bytes.empty())
      result.setFloat(0, op.getValue().convertToDouble());
    for (size_t i = width; i < bytes.size(); i += width)
      memcpy(bytes.data() + i, bytes.data(), width);
    Extents strides = rowMajorStrides(result.getShape());
    int64_t offset = 0;
    for (auto [stride, low] : llvm::zip(strides, op.getLow()))
      offset += stride * low;
    copyStrided(input.getBytes().data(), rowMajorStrides(input.getShape()),
                bytes.data() + offset * width, strides, input.getShape(),
                width);
    return success();
  });
}

LogicalResult evaluateOp(GatherOp op, const Evaluation &evaluation) {
  if (op.getPackedFrom())
    return op.emitOpError("has no reference on a packed table");
  const HostTensor &input = evaluation.operands[0];
  const HostTensor &indices = evaluation.operands[1];
  HostTensor &result = evaluation.result();
  if (result.getNumElements() == 0)
    return success();
  ArrayRef<int64_t> shape = input.getShape();
  size_t axis = op.getAxis();
  int64_t extent = shape[axis];
  if (extent == 0)
    return op.emitOpError("expected an axis with elements to gather from");
  int64_t outer = extentProduct(shape, 0, axis);
  int64_t inner = extentProduct(shape, axis + 1, shape.size()) * widthOf(input);
  const char *from = input.getBytes().data();
  char *to = result.getMutableBytes().data();
  bool isUnsigned = indices.getElementType().isUnsignedInteger();
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t i = 0; i < indices.getNumElements(); ++i) {
      int64_t index = indices.getInt(i);
      if (isUnsigned && index < 0)
        index = extent;
      if (index < 0)
        index = std::max(index, -extent) + extent;
      index = std::min(index, extent - 1);
      memcpy(to, from + (o * extent + index) * inner, inner);
      to += inner;
    }
  }
  return success();
}

LogicalResult evaluateOp(ShapeValueOp op, const Evaluation &evaluation) {
  FailureOr<Extents> values =
      evaluateExprs(op, op.getValues(), evaluation.symbols);
  if (failed(values))
    return failure();
  return withArithmetic(op, evaluation.result().getElementType(),
                        [&](auto) -> LogicalResult {
                          for (auto [i, value] : llvm::enumerate(*values))
                            evaluation.result().setInt(i, value);
                          return success();
                        });
}

LogicalResult evaluateOp(RangeOp op, const Evaluation &evaluation) {
  FailureOr<Extents> start =
      evaluateExprs(op, op.getStart(), evaluation.symbols);
  if (failed(start))
    return failure();
  HostTensor &result = evaluation.result();
  return withArithmetic(
      op, result.getElementType(), [&](auto) -> LogicalResult {
        uint64_t value = uint64_t((*start)[0]);
        for (int64_t i = 0; i < result.getNumElements(); ++i) {
          result.setInt(i, int64_t(value));
          value += uint64_t(op.getStep());
        }
        return success();
      });
}

} // namespace quantc::qnn

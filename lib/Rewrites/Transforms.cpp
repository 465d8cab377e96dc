// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Undoes the transforms that an operation's result carries, last one first.

#include "quantc/Rewrites/Transforms.h"
#include "quantc/Support/Hadamard.h"
#include <cmath>

using namespace mlir;
using quantc::qnn::kTransformsAttr;

namespace quantc {

namespace {

/// Where the channels of a tensor lie: rows of channels, by element number.
struct ChannelRows {
  SmallVector<int64_t> channels; ///< offsets of the channels of one row
  SmallVector<int64_t> rows;     ///< offsets of the rows
};

ChannelRows findRows(ArrayRef<int64_t> shape, ArrayRef<int64_t> axes) {
  ChannelRows result;
  result.channels = {0};
  result.rows = {0};
  SmallVector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;)
    strides[i - 1] = strides[i] * shape[i];
  auto extend = [&](SmallVector<int64_t> &offsets, int64_t axis) {
    SmallVector<int64_t> next;
    for (int64_t offset : offsets)
      for (int64_t i = 0; i < shape[axis]; ++i)
        next.push_back(offset + i * strides[axis]);
    offsets = std::move(next);
  };
  for (int64_t axis : axes)
    extend(result.channels, axis);
  for (int64_t axis = 0; axis < int64_t(shape.size()); ++axis)
    if (!llvm::is_contained(axes, axis))
      extend(result.rows, axis);
  return result;
}

/// x Hᵀ / sqrt(block) of every block.
void undoHadamard(MutableArrayRef<double> x, int64_t block) {
  HadamardOrder order = *factorHadamard(block);
  std::vector<int8_t> matrix = hadamardBase(order.base);
  std::vector<double> before(block);
  for (size_t start = 0; start < x.size(); start += block) {
    MutableArrayRef<double> part = x.slice(start, block);
    for (int64_t half = order.length / 2; half >= 1; half /= 2)
      for (int64_t i = 0; i < block; ++i)
        if (i / half % 2 == 0) {
          double a = part[i], b = part[i + half];
          part[i] = a + b;
          part[i + half] = a - b;
        }
    llvm::copy(part, before.begin());
    for (int64_t j = 0; j < block; ++j) {
      int64_t row = j / order.length, inside = j % order.length;
      part[j] = 0;
      for (int64_t i = 0; i < order.base; ++i)
        part[j] +=
            matrix[row * order.base + i] * before[i * order.length + inside];
      part[j] /= std::sqrt(double(block));
    }
  }
}

LogicalResult undo(DictionaryAttr transform, HostTensor &tensor) {
  auto axes = transform.getAs<DenseI64ArrayAttr>("axes");
  auto scale = transform.getAs<DenseElementsAttr>("scale");
  auto hadamard = transform.getAs<IntegerAttr>("hadamard");
  if (!axes || (!scale && !hadamard))
    return failure();
  for (int64_t axis : axes.asArrayRef())
    if (axis < 0 || axis >= tensor.getRank())
      return failure();
  ChannelRows rows = findRows(tensor.getShape(), axes.asArrayRef());
  size_t count = rows.channels.size();
  if (scale ? size_t(scale.getNumElements()) != count
            : !factorHadamard(hadamard.getInt()) || count % hadamard.getInt())
    return failure();
  SmallVector<float> factors;
  if (scale)
    llvm::append_range(factors, scale.getValues<float>());
  std::vector<double> row(count);
  for (int64_t start : rows.rows) {
    for (size_t i = 0; i < count; ++i)
      row[i] = tensor.getFloat(start + rows.channels[i]);
    if (hadamard)
      undoHadamard(row, hadamard.getInt());
    for (size_t i = 0; i < count; ++i)
      tensor.setFloat(start + rows.channels[i],
                      scale ? row[i] / factors[i] : row[i]);
  }
  return success();
}

} // namespace

FailureOr<HostTensor> restoreOriginal(Operation *op, const HostTensor &value) {
  auto transforms = op->getAttrOfType<ArrayAttr>(kTransformsAttr);
  if (!transforms)
    return value;
  auto copy = HostTensor::allocate(value.getElementType(), value.getShape());
  if (!copy)
    return op->emitError("has a value that does not fit in memory twice");
  llvm::copy(value.getBytes(), copy->getMutableBytes().begin());
  for (Attribute transform : llvm::reverse(transforms)) {
    auto dictionary = dyn_cast<DictionaryAttr>(transform);
    if (!dictionary || failed(undo(dictionary, *copy)))
      return op->emitError("expected '")
             << kTransformsAttr << "' that fits the result, got " << transform;
  }
  return *copy;
}

} // namespace quantc

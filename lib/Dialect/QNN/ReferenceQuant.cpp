// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reference evaluation of int8 quantization and of the operations on its codes
// (docs/numerics.md §5.3, §6.1, §6.4, §6.6).

#include "Reference.h"
#include <cmath>
#include <limits>

using namespace mlir;

namespace quantc::qnn {

namespace {

constexpr float kMax = 127;

float rowScale(ArrayRef<float> row) {
  float amax = 0;
  for (float x : row)
    if (std::fabs(x) > amax) // false for NaN
      amax = std::fabs(x);
  if (std::isinf(amax))
    return std::numeric_limits<float>::max() / kMax;
  return amax < 0x1p-100f ? 1.0f : amax / kMax;
}

int8_t codeOf(float scaled, float x) {
  if (std::isnan(x))
    return 0;
  float rounded = std::nearbyint(scaled);
  return int8_t(std::fmin(std::fmax(rounded, -kMax), kMax));
}

} // namespace

LogicalResult evaluateOp(QuantizeRowsOp op, const Evaluation &e) {
  const HostTensor &input = e.operands[0];
  if (!input.getElementType().isF32())
    return op.emitOpError("has no reference on elements of type ")
           << input.getElementType();
  size_t rank = input.getRank();
  int64_t length = extentProduct(
      input.getShape(), int64_t(op.getAxis()) == -1 ? rank - 1 : op.getAxis(),
      rank);
  auto x = input.as<float>();
  auto codes = e.results[0].asMutable<int8_t>();
  auto scales = e.results[1].asMutable<float>();
  auto sums = e.results[2].asMutable<int32_t>();
  int64_t group = op.getGroup().value_or(std::max<int64_t>(length, 1));
  int64_t groups = scales.empty() ? 0 : sums.size() / scales.size();
  for (size_t row = 0; row < scales.size(); ++row) {
    auto values = x.slice(row * length, length);
    float scale = rowScale(values), reciprocal = 1.0f / scale;
    for (auto [i, value] : llvm::enumerate(values)) {
      int8_t code = codeOf(value * reciprocal, value);
      codes[row * length + i] = code;
      sums[row * groups + i / group] += code;
    }
    scales[row] = scale;
  }
  return success();
}

LogicalResult evaluateOp(QuantizeStaticOp op, const Evaluation &e) {
  const HostTensor &input = e.operands[0];
  if (!input.getElementType().isF32())
    return op.emitOpError("has no reference on elements of type ")
           << input.getElementType();
  float scale = e.operands[1].as<float>()[0];
  int32_t zero = e.operands[2].as<int32_t>()[0];
  if (!(scale > 0) || std::isinf(scale))
    return op.emitOpError("expected a positive, finite scale, got ") << scale;
  // The clamp is before the addition, where everything is exact.
  float low = float(int32_t(op.getLow()) - zero), high = float(127 - zero);
  int64_t length = input.getShape().back();
  auto x = input.as<float>();
  auto codes = e.results[0].asMutable<int8_t>();
  auto sums = e.results[1].asMutable<int32_t>();
  for (size_t row = 0; row < sums.size(); ++row) {
    int32_t sum = 0;
    for (int64_t i = row * length, end = i + length; i < end; ++i) {
      float rounded = std::nearbyint(x[i] / scale);
      float clamped = std::fmin(std::fmax(rounded, low), high);
      codes[i] = int8_t(zero + (std::isnan(x[i]) ? 0 : int32_t(clamped)));
      sum += codes[i];
    }
    sums[row] = sum;
  }
  return success();
}

LogicalResult evaluateOp(QuantizedLinearOp op, const Evaluation &e) {
  if (op.getPackedFrom())
    return op.emitOpError("has no reference on a packed weight");
  auto codes = e.operands[0].as<int8_t>();
  auto scales = e.operands[1].as<float>();
  auto weight = e.operands[3].as<int8_t>();
  auto weightScales = e.operands[4].as<float>();
  ArrayRef<int32_t> zero, start;
  ArrayRef<float> bias;
  if (op.getWeightZero())
    zero = e.operands[5].as<int32_t>();
  if (op.getStart())
    start = e.operands[op.getWeightZero() ? 6 : 5].as<int32_t>();
  if (op.getBias())
    bias = e.operands.back().as<float>();
  auto result = e.result().asMutable<float>();
  int64_t k = e.operands[3].getShape()[1], n = weightScales.size();
  bool isShared = e.operands[1].getRank() == 0;
  for (int64_t row = 0, rows = e.operands[2].getNumElements(); row < rows;
       ++row)
    for (int64_t column = 0; column < n; ++column) {
      int32_t sum = start.empty() ? 0 : start[column];
      int32_t z = zero.empty() ? 0 : zero[column];
      for (int64_t i = 0; i < k; ++i)
        sum += int32_t(codes[row * k + i]) * (weight[column * k + i] - z);
      float y = float(sum) * weightScales[column];
      y = y * scales[isShared ? 0 : row];
      if (!bias.empty())
        y = y + bias[column];
      result[row * n + column] = y;
    }
  return success();
}

LogicalResult evaluateOp(QuantizedGatherOp op, const Evaluation &e) {
  if (op.getPackedFrom())
    return op.emitOpError("has no reference on packed codes");
  auto codes = e.operands[0].as<int8_t>();
  auto scales = e.operands[1].as<float>();
  const HostTensor &indices = e.operands[2];
  auto result = e.result().asMutable<float>();
  int64_t columns = e.operands[0].getShape()[1], rows = scales.size();
  for (int64_t i = 0; i < indices.getNumElements(); ++i) {
    int64_t row = indices.getInt(i);
    row = std::min(std::max(row < 0 ? row + rows : row, int64_t(0)), rows - 1);
    for (int64_t column = 0; column < columns; ++column)
      result[i * columns + column] =
          float(codes[row * columns + column]) * scales[row];
  }
  return success();
}

} // namespace quantc::qnn

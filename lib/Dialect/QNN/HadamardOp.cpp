// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qnn.hadamard: verification, shape and reference evaluation
// (docs/numerics.md §4.7).

#include "Reference.h"
#include "quantc/Support/Hadamard.h"
#include <cmath>

using namespace mlir;

namespace quantc::qnn {

LogicalResult HadamardOp::verify() {
  auto type = dyn_cast<RankedTensorType>(getInput().getType());
  if (!type) // of an importer that has not inferred it yet
    return success();
  if (type.getRank() == 0 || type.isDynamicDim(type.getRank() - 1))
    return emitOpError("expected a last axis of static extent, got ") << type;
  int64_t block = getBlock(), extent = type.getShape().back();
  if (!factorHadamard(block))
    return emitOpError("has no Hadamard matrix of order ")
           << block
           << ", known are m * 2^k with m = 1, 12, 20, 28, 36, 44 and so on";
  if (extent % block)
    return emitOpError("expected a last axis of whole blocks of ")
           << block << ", got " << extent;
  return success();
}

LogicalResult
HadamardOp::inferSymbolicShapes(ArrayRef<SymbolicShape> operands,
                                SmallVectorImpl<SymbolicShape> &results) {
  results.push_back(operands[0]);
  return success();
}

/// The chunks of a block times the base matrix: one chain of additions for each
/// element.
static void transformChunks(ArrayRef<float> x, MutableArrayRef<float> y,
                            ArrayRef<int8_t> matrix, int64_t base,
                            bool transposed) {
  int64_t length = x.size() / base;
  for (int64_t j = 0; j < base; ++j)
    for (int64_t i = 0; i < base; ++i) {
      bool plus = matrix[transposed ? j * base + i : i * base + j] > 0;
      for (int64_t l = 0; l < length; ++l) {
        float term = plus ? x[i * length + l] : -x[i * length + l];
        float &sum = y[j * length + l];
        sum = i == 0 ? term : sum + term;
      }
    }
}

/// Butterflies inside every chunk, in descending distance.
static void transformInside(MutableArrayRef<float> x, size_t length) {
  for (size_t half = length / 2; half >= 1; half /= 2)
    for (size_t start = 0; start < x.size(); start += 2 * half)
      for (size_t i = start; i < start + half; ++i) {
        float a = x[i], b = x[i + half];
        x[i] = a + b;
        x[i + half] = a - b;
      }
}

LogicalResult evaluateOp(HadamardOp op, const Evaluation &e) {
  const HostTensor &input = e.operands[0];
  if (!input.getElementType().isF32())
    return op.emitOpError("has no reference on elements of type ")
           << input.getElementType();
  int64_t block = op.getBlock();
  HadamardOrder order = *factorHadamard(block);
  std::vector<int8_t> matrix = hadamardBase(order.base);
  float factor = float(1 / std::sqrt(double(block)));
  ArrayRef<float> values = input.as<float>();
  auto result = e.result().asMutable<float>();
  for (size_t start = 0; start < result.size(); start += block) {
    MutableArrayRef<float> y = result.slice(start, block);
    transformChunks(values.slice(start, block), y, matrix, order.base,
                    op.getTransposed());
    transformInside(y, order.length);
    for (float &value : y)
      value *= factor;
  }
  return success();
}

} // namespace quantc::qnn

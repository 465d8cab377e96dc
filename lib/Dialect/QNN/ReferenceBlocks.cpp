// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reference evaluation on block-wise codes (docs/numerics.md §5.3, §5.6, §6.4):
// groups in ascending order, one fma for the scale of each and one for its
// float offset.

#include "Reference.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>
#include <vector>

using namespace mlir;
using namespace quantc::fmt;

namespace quantc::qnn {

namespace {

/// A weight as small arrays: what codes less their integer offsets stand for,
/// and per block a scale and a float offset.
struct Blocks {
  int64_t n, k, group, groups;
  std::vector<float> codes;
  std::vector<float> scales, offsets;

  Blocks(FormatInterface format, ArrayRef<int64_t> shape,
         ArrayRef<HostTensor> arrays)
      : n(shape[0]), k(shape[1]), group(format.asBlocks(shape)->group),
        groups(llvm::divideCeil(k, group)), codes(n * k), scales(n * groups) {
    for (int64_t i = 0; i < n * groups; ++i)
      scales[i] = float(arrays[1].getFloat(i));
    if (format.getOffsetKind() == OffsetKind::Float)
      for (int64_t i = 0; i < n * groups; ++i)
        offsets.push_back(float(arrays[2].getFloat(i)));
    for (int64_t row = 0; row < n; ++row)
      for (int64_t i = 0; i < k; ++i) {
        BlockScale one;
        if (format.getOffsetKind() == OffsetKind::Integer)
          one.offset = float(arrays[2].getInt(row * groups + i / group));
        codes[row * k + i] =
            format.decodeCode(int32_t(arrays[0].getInt(row * k + i)), one);
      }
  }

  /// acc after all groups of one row: `sum` gives what a scale multiplies, and
  /// what a float offset does.
  template <typename Sum> float accumulate(int64_t column, Sum sum) const {
    float acc = 0;
    for (int64_t g = 0; g < groups; ++g) {
      int64_t begin = g * group, end = std::min(k, begin + group);
      auto [scaled, added] = sum(&codes[column * k], begin, end);
      acc = std::fma(scaled, scales[column * groups + g], acc);
      if (!offsets.empty())
        acc = std::fma(added, offsets[column * groups + g], acc);
    }
    return acc;
  }
};

} // namespace

static std::pair<float, float> sumOf(const int8_t *a, const float *w,
                                     int64_t begin, int64_t end) {
  int32_t products = 0, total = 0;
  for (int64_t i = begin; i < end; ++i) {
    products += int32_t(a[i]) * int32_t(w[i]);
    total += a[i];
  }
  return {float(products), float(total)};
}

static std::pair<float, float> sumOf(const float *a, const float *w,
                                     int64_t begin, int64_t end) {
  float chain = 0, total = 0;
  for (int64_t i = begin; i < end; ++i) {
    chain = std::fma(a[i], w[i], chain);
    total = total + a[i];
  }
  return {chain, total};
}

template <typename T>
static void multiply(const Blocks &weight, const T *a, const float *scales,
                     const HostTensor *bias, MutableArrayRef<float> result) {
  int64_t rows = weight.n ? int64_t(result.size()) / weight.n : 0;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < weight.n; ++column) {
      float y = weight.accumulate(
          column, [&](const float *w, int64_t begin, int64_t end) {
            return sumOf(a + row * weight.k, w, begin, end);
          });
      if (scales)
        y = y * scales[row];
      if (bias)
        y = y + bias->as<float>()[column];
      result[row * weight.n + column] = y;
    }
}

LogicalResult evaluateOp(BlockLinearOp op, const Evaluation &e) {
  if (op.getPackedFrom())
    return op.emitOpError("has no reference on a packed weight");
  auto operand = [&](Value value) -> const HostTensor * {
    return value ? &e.operands[llvm::find(op->getOperands(), value).getIndex()]
                 : nullptr;
  };
  SmallVector<HostTensor> arrays = {*operand(op.getWeight()),
                                    *operand(op.getWeightScales())};
  if (op.getWeightOffsets())
    arrays.push_back(*operand(op.getWeightOffsets()));
  Blocks weight(op.getFormat(), op.getWeightShape(), arrays);
  const HostTensor *scales = operand(op.getScales());
  const HostTensor *bias = operand(op.getBias());
  auto result = e.result().asMutable<float>();
  if (scales)
    multiply(weight, e.operands[0].as<int8_t>().data(),
             scales->as<float>().data(), bias, result);
  else
    multiply(weight, Elements<float>(e.operands[0]).get(), nullptr, bias,
             result);
  return success();
}

LogicalResult evaluateOp(BlockGatherOp op, const Evaluation &e) {
  if (op.getPackedFrom())
    return op.emitOpError("has no reference on packed codes");
  Blocks table(op.getFormat(), op.getMatrixShape(), e.operands.drop_back());
  const HostTensor &indices = e.operands.back();
  auto result = e.result().asMutable<float>();
  for (int64_t i = 0; i < indices.getNumElements(); ++i) {
    int64_t row = indices.getInt(i);
    row = std::min(std::max(row < 0 ? row + table.n : row, int64_t(0)),
                   table.n - 1);
    for (int64_t k = 0; k < table.k; ++k) {
      int64_t cell = row * table.groups + k / table.group;
      float code = table.codes[row * table.k + k];
      result[i * table.k + k] =
          table.offsets.empty()
              ? code * table.scales[cell]
              : std::fma(code, table.scales[cell], table.offsets[cell]);
    }
  }
  return success();
}

} // namespace quantc::qnn

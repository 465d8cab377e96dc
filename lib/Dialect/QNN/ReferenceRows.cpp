// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Evaluates what works on rows: reductions, softmax, normalizations, rotary
// embedding and attention (docs/numerics.md §4 and §7).  An operation's rows
// are brought into order by a permutation, so that each is contiguous.

#include "Reference.h"
#include "ReferenceKernels.h"

using namespace mlir;

namespace quantc::qnn {

/// The tensor with its dimensions permuted.
static HostTensor permuted(const HostTensor &tensor,
                           ArrayRef<int64_t> permutation) {
  Extents shape, strides, own = rowMajorStrides(tensor.getShape());
  for (int64_t dim : permutation) {
    shape.push_back(tensor.getShape()[dim]);
    strides.push_back(own[dim]);
  }
  HostTensor result = *HostTensor::allocate(tensor.getElementType(), shape);
  copyStrided(tensor.getBytes().data(), strides,
              result.getMutableBytes().data(), rowMajorStrides(shape), shape,
              HostTensor::storageBytes(tensor.getElementType()));
  return result;
}

/// Kept dimensions, then the reduced ones, each in ascending order (§4.1).
static Extents keptThenReduced(int64_t rank, ArrayRef<int64_t> axes) {
  Extents permutation;
  for (bool reduced : {false, true})
    for (int64_t i = 0; i < rank; ++i)
      if (llvm::is_contained(axes, i) == reduced)
        permutation.push_back(i);
  return permutation;
}

//===----------------------------------------------------------------------===//
// reduce
//===----------------------------------------------------------------------===//

template <typename T>
static T reduceFloatRow(ReduceKind kind, const T *x, int64_t n) {
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  switch (kind) {
  case ReduceKind::sum:
    return reference::rowSum(x, n);
  case ReduceKind::mean:
    return reference::rowMean(x, n);
  case ReduceKind::max:
    return reference::rowMaximum(x, n, -kInfinity);
  case ReduceKind::min:
    return reference::rowMinimum(x, n, kInfinity);
  case ReduceKind::prod:
    return reference::rowProduct(x, n);
  }
  llvm_unreachable("unknown reduction");
}

/// The type's limits in the order of comparison; unsigned 64-bit values are
/// compared with their top bit flipped.
static int64_t reduceIntegerRow(ReduceKind kind, int64_t *x, int64_t n,
                                Type type) {
  unsigned width = type.getIntOrFloatBitWidth();
  bool isUnsigned = type.isUnsignedInteger() || type.isInteger(1);
  uint64_t flip = isUnsigned ? uint64_t(1) << 63 : 0;
  uint64_t lowest = isUnsigned ? 0 : uint64_t(llvm::minIntN(width));
  uint64_t highest =
      isUnsigned ? llvm::maxUIntN(width) : uint64_t(llvm::maxIntN(width));
  auto wrapped = [&](int64_t value) {
    return isUnsigned ? int64_t(uint64_t(value) & llvm::maxUIntN(width))
                      : llvm::SignExtend64(uint64_t(value), width);
  };
  switch (kind) {
  case ReduceKind::sum:
    return reference::rowSum(x, n);
  case ReduceKind::prod:
    return reference::rowProduct(x, n);
  case ReduceKind::mean: {
    int64_t sum = wrapped(reference::rowSum(x, n));
    if (n == 0)
      return 0;
    return isUnsigned ? int64_t(uint64_t(sum) / uint64_t(n)) : sum / n;
  }
  case ReduceKind::max:
  case ReduceKind::min:
    for (int64_t i = 0; i < n; ++i)
      x[i] = int64_t(uint64_t(x[i]) ^ flip);
    return kind == ReduceKind::max
               ? int64_t(uint64_t(reference::rowMaximum(
                             x, n, int64_t(lowest ^ flip))) ^
                         flip)
               : int64_t(uint64_t(reference::rowMinimum(
                             x, n, int64_t(highest ^ flip))) ^
                         flip);
  }
  llvm_unreachable("unknown reduction");
}

LogicalResult evaluateOp(ReduceOp op, const Evaluation &evaluation) {
  const HostTensor &input = evaluation.operands[0];
  HostTensor &result = evaluation.result();
  HostTensor rows =
      permuted(input, keptThenReduced(input.getRank(), op.getAxes()));
  int64_t n = 1;
  for (int64_t axis : op.getAxes())
    n *= input.getShape()[axis];
  Type type = input.getElementType();
  return withArithmetic(op, type, [&](auto zero) -> LogicalResult {
    using T = decltype(zero);
    Elements<T> x(rows);
    Output<T> y(result);
    for (int64_t i = 0; i < result.getNumElements(); ++i) {
      if constexpr (std::is_integral_v<T>) {
        std::vector<T> row(x.get() + i * n, x.get() + (i + 1) * n);
        y[i] = reduceIntegerRow(op.getKind(), row.data(), n, type);
      } else {
        y[i] = reduceFloatRow(op.getKind(), x.get() + i * n, n);
      }
    }
    return y.commit();
  });
}

//===----------------------------------------------------------------------===//
// Normalizations
//===----------------------------------------------------------------------===//

LogicalResult evaluateOp(SoftmaxOp op, const Evaluation &evaluation) {
  const HostTensor &input = evaluation.operands[0];
  HostTensor &result = evaluation.result();
  int64_t axis = op.getAxis(), n = input.getShape()[axis];
  Extents permutation = keptThenReduced(input.getRank(), {axis});
  HostTensor rows = permuted(input, permutation);
  LogicalResult status = withFloatArithmetic(
      op, input.getElementType(), [&](auto zero) -> LogicalResult {
        using T = decltype(zero);
        Elements<T> x(rows);
        HostTensor normal =
            *HostTensor::allocate(rows.getElementType(), rows.getShape());
        Output<T> y(normal);
        for (int64_t i = 0; n != 0 && i < rows.getNumElements(); i += n)
          reference::softmaxRow(x.get() + i, n, y.get() + i);
        rows = normal;
        return y.commit();
      });
  if (failed(status))
    return failure();
  Extents inverse(permutation.size());
  for (auto [i, dim] : llvm::enumerate(permutation))
    inverse[dim] = i;
  result = permuted(rows, inverse);
  return success();
}

/// Rows over the trailing dimensions from `axis`, and scale and bias as rows.
template <typename OpTy, typename Fn>
static LogicalResult normalizeRows(OpTy op, const Evaluation &evaluation,
                                   Fn &&normalize) {
  const HostTensor &input = evaluation.operands[0];
  HostTensor &result = evaluation.result();
  ArrayRef<int64_t> rowShape = input.getShape().drop_front(op.getAxis());
  SmallVector<HostTensor, 2> parameters;
  for (const HostTensor &operand : evaluation.operands.drop_front()) {
    auto full = broadcastTensor(op, operand, rowShape);
    if (failed(full))
      return failure();
    parameters.push_back(*full);
  }
  int64_t n = llvm::product_of(rowShape);
  return withFloatArithmetic(
      op, input.getElementType(), [&](auto zero) -> LogicalResult {
        using T = decltype(zero);
        Elements<T> x(input), gamma(parameters[0]);
        std::optional<Elements<T>> beta;
        if (parameters.size() > 1)
          beta.emplace(parameters[1]);
        Output<T> y(result);
        T epsilon = T(op.getEpsilon().convertToFloat());
        for (int64_t i = 0; n != 0 && i < input.getNumElements(); i += n)
          normalize(x.get() + i, gamma.get(), beta ? beta->get() : nullptr, n,
                    epsilon, y.get() + i);
        return y.commit();
      });
}

LogicalResult evaluateOp(LayerNormOp op, const Evaluation &evaluation) {
  return normalizeRows(
      op, evaluation,
      [](auto x, auto gamma, auto beta, int64_t n, auto eps, auto y) {
        reference::layerNormRow(x, gamma, beta, n, eps, y);
      });
}

LogicalResult evaluateOp(RmsNormOp op, const Evaluation &evaluation) {
  return normalizeRows(
      op, evaluation,
      [](auto x, auto gamma, auto, int64_t n, auto eps, auto y) {
        reference::rmsNormRow(x, gamma, n, eps, y);
      });
}

LogicalResult evaluateOp(BatchNormOp op, const Evaluation &evaluation) {
  const HostTensor &input = evaluation.operands[0];
  return withFloatArithmetic(
      op, input.getElementType(), [&](auto zero) -> LogicalResult {
        using T = decltype(zero);
        ArrayRef<HostTensor> operands = evaluation.operands;
        Elements<T> x(input), gamma(operands[1]), beta(operands[2]),
            mean(operands[3]), variance(operands[4]);
        Output<T> y(evaluation.result());
        int64_t channels = input.getShape()[1];
        int64_t inner = extentProduct(input.getShape(), 2, input.getRank());
        T epsilon = T(op.getEpsilon().convertToFloat());
        for (int64_t i = 0; i < input.getShape()[0] * channels; ++i) {
          int64_t c = i % channels;
          reference::batchNormChannel(x.get() + i * inner, inner, gamma[c],
                                      beta[c], mean[c], variance[c], epsilon,
                                      y.get() + i * inner);
        }
        return y.commit();
      });
}

//===----------------------------------------------------------------------===//
// Rotary embedding and attention
//===----------------------------------------------------------------------===//

/// A cos or sin table as large as the input; a last dimension of d/2 is
/// repeated.
static FailureOr<HostTensor> rotaryTable(RotaryOp op, const HostTensor &table,
                                         ArrayRef<int64_t> shape) {
  int64_t d = shape.back();
  int64_t own = table.getRank() == 0 ? 1 : table.getShape().back();
  if (own == d || own == 1 || own * 2 != d)
    return broadcastTensor(op, table, shape);
  Extents halfShape(shape);
  halfShape.back() = own;
  auto half = broadcastTensor(op, table, halfShape);
  auto full = HostTensor::allocate(table.getElementType(), shape);
  if (failed(half) || !full)
    return failure();
  int64_t rowBytes = own * HostTensor::storageBytes(table.getElementType());
  const char *from = half->getBytes().data();
  char *to = full->getMutableBytes().data();
  for (int64_t i = 0; i < half->getByteSize(); i += rowBytes) {
    memcpy(to + 2 * i, from + i, rowBytes);
    memcpy(to + 2 * i + rowBytes, from + i, rowBytes);
  }
  return *full;
}

LogicalResult evaluateOp(RotaryOp op, const Evaluation &evaluation) {
  const HostTensor &input = evaluation.operands[0];
  ArrayRef<int64_t> shape = input.getShape();
  int64_t d = shape.back();
  if (d % 2 != 0)
    return op.emitOpError("expected an even last dimension, got ") << d;
  auto cosTable = rotaryTable(op, evaluation.operands[1], shape);
  auto sinTable = rotaryTable(op, evaluation.operands[2], shape);
  if (failed(cosTable) || failed(sinTable))
    return failure();
  return withFloatArithmetic(
      op, input.getElementType(), [&](auto zero) -> LogicalResult {
        using T = decltype(zero);
        Elements<T> x(input), cos(*cosTable), sin(*sinTable);
        Output<T> y(evaluation.result());
        for (int64_t i = 0; d != 0 && i < input.getNumElements(); i += d)
          reference::rotaryRow(x.get() + i, cos.get() + i, sin.get() + i, d,
                               y.get() + i);
        return y.commit();
      });
}

/// All query rows of one head: keys as [depth, length], values [length, size].
template <typename T>
static void attendHead(AttentionOp op, const T *query, const T *keys,
                       const T *values, const T *mask, int64_t rows,
                       int64_t depth, int64_t length, int64_t size, T *y) {
  std::vector<T> scores(length);
  T scale = T(op.getScale().convertToFloat());
  for (int64_t i = 0; i < rows; ++i) {
    int64_t visible = length;
    if (op.getCausal())
      visible = std::clamp<int64_t>(i + length - rows + 1, 0, length);
    reference::contract(query + i * depth, keys, depth, length, scores.data());
    reference::attentionProbabilities(scores.data(),
                                      mask ? mask + i * length : nullptr,
                                      length, visible, scale);
    reference::contract(scores.data(), values, visible, size, y + i * size);
  }
}

LogicalResult evaluateOp(AttentionOp op, const Evaluation &evaluation) {
  ArrayRef<HostTensor> operands = evaluation.operands;
  ArrayRef<int64_t> q = operands[0].getShape(), v = operands[2].getShape();
  int64_t batch = q[0], heads = q[1], rows = q[2], depth = q[3];
  int64_t groups = v[1], length = v[2], size = v[3];
  if (groups == 0 || heads % groups != 0)
    return op.emitOpError("expected query heads that are a multiple of ")
           << groups << " key heads, got " << heads;
  HostTensor keys =
      op.getKeyTransposed() ? operands[1] : permuted(operands[1], {0, 1, 3, 2});
  std::optional<HostTensor> fullMask;
  if (op.getMask()) {
    auto full = broadcastTensor(op, operands[3], {batch, heads, rows, length});
    if (failed(full))
      return failure();
    fullMask = *full;
  }
  return withFloatArithmetic(
      op, operands[0].getElementType(), [&](auto zero) -> LogicalResult {
        using T = decltype(zero);
        Elements<T> query(operands[0]), key(keys), value(operands[2]);
        std::optional<Elements<T>> mask;
        if (fullMask)
          mask.emplace(*fullMask);
        Output<T> y(evaluation.result());
        for (int64_t i = 0; i < batch * heads; ++i) {
          int64_t g = i / heads * groups + i % heads / (heads / groups);
          attendHead(op, query.get() + i * rows * depth,
                     key.get() + g * depth * length,
                     value.get() + g * length * size,
                     mask ? mask->get() + i * rows * length : nullptr, rows,
                     depth, length, size, y.get() + i * rows * size);
        }
        return y.commit();
      });
}

} // namespace quantc::qnn

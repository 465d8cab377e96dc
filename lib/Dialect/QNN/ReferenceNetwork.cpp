// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Evaluates contractions, convolutions and pooling (docs/numerics.md §5): every
// output is one chain over ascending k, a convolution's k being the kernel
// axes, then the channels of the group.

#include "Reference.h"
#include "ReferenceKernels.h"

using namespace mlir;

namespace quantc::qnn {

//===----------------------------------------------------------------------===//
// matmul and linear
//===----------------------------------------------------------------------===//

namespace {
/// Walks the index space of the batch dimensions of a broadcast product.
struct BatchWalk {
  Extents shape, lhsStrides, rhsStrides;
};
} // namespace

/// Strides of the leading dimensions, in units of whole matrices.
static FailureOr<BatchWalk> batchWalk(MatmulOp op, ArrayRef<int64_t> lhs,
                                      ArrayRef<int64_t> rhs,
                                      ArrayRef<int64_t> batch) {
  auto lhsStrides = broadcastStrides(op, lhs.drop_back(2), batch);
  auto rhsStrides = broadcastStrides(op, rhs.drop_back(2), batch);
  if (failed(lhsStrides) || failed(rhsStrides))
    return failure();
  return BatchWalk{Extents(batch), *lhsStrides, *rhsStrides};
}

LogicalResult evaluateOp(MatmulOp op, const Evaluation &evaluation) {
  HostTensor &result = evaluation.result();
  Extents lhs(evaluation.operands[0].getShape());
  Extents rhs(evaluation.operands[1].getShape());
  size_t vectors = (lhs.size() == 1) + (rhs.size() == 1);
  if (lhs.size() == 1)
    lhs.insert(lhs.begin(), 1);
  if (rhs.size() == 1)
    rhs.push_back(1);
  int64_t M = lhs[lhs.size() - 2], K = lhs.back(), N = rhs.back();
  ArrayRef<int64_t> batch = result.getShape().drop_back(2 - vectors);
  FailureOr<BatchWalk> walk = batchWalk(op, lhs, rhs, batch);
  if (failed(walk))
    return failure();
  return withArithmetic(
      op, result.getElementType(), [&](auto zero) -> LogicalResult {
        using T = decltype(zero);
        Elements<T> a(evaluation.operands[0]), b(evaluation.operands[1]);
        Output<T> y(result);
        int64_t count = llvm::product_of(batch);
        for (int64_t i = 0; i < count; ++i) {
          int64_t left = 0, right = 0, rest = i;
          for (size_t d = batch.size(); d-- > 0; rest /= batch[d]) {
            left += rest % batch[d] * walk->lhsStrides[d];
            right += rest % batch[d] * walk->rhsStrides[d];
          }
          for (int64_t m = 0; m < M; ++m)
            reference::contract(a.get() + (left * M + m) * K,
                                b.get() + right * K * N, K, N,
                                y.get() + (i * M + m) * N);
        }
        return y.commit();
      });
}

/// Rows of 64 output channels of w[n, k] as [k, 64]: what `contract` reads.
template <typename T>
static void transposeChannels(const T *w, int64_t K, int64_t count,
                              std::vector<T> &block) {
  block.resize(K * count);
  for (int64_t n = 0; n < count; ++n)
    for (int64_t k = 0; k < K; ++k)
      block[k * count + n] = w[n * K + k];
}

LogicalResult evaluateOp(LinearOp op, const Evaluation &evaluation) {
  HostTensor &result = evaluation.result();
  if (op.getPackedFrom())
    return op.emitOpError("has no reference on a packed weight");
  return withArithmetic(
      op, result.getElementType(), [&](auto zero) -> LogicalResult {
        using T = decltype(zero);
        Elements<T> x(evaluation.operands[0]), w(evaluation.operands[1]);
        Output<T> y(result);
        ArrayRef<int64_t> weightShape = evaluation.operands[1].getShape();
        int64_t N = weightShape[0], K = weightShape[1];
        int64_t M = extentProduct(result.getShape(), 0, result.getRank() - 1);
        std::vector<T> block, row(64);
        for (int64_t n = 0; n < N; n += 64) {
          int64_t count = std::min<int64_t>(64, N - n);
          transposeChannels(w.get() + n * K, K, count, block);
          for (int64_t m = 0; m < M; ++m)
            reference::contract(x.get() + m * K, block.data(), K, count,
                                y.get() + m * N + n);
        }
        if (op.getBias()) {
          Elements<T> bias(evaluation.operands[2]);
          for (int64_t m = 0; m < M; ++m)
            reference::addRow(y.get() + m * N, bias.get(), N, y.get() + m * N);
        }
        return y.commit();
      });
}

//===----------------------------------------------------------------------===//
// conv and pool
//===----------------------------------------------------------------------===//

namespace {
/// A sliding window over the spatial dimensions of one tensor.
struct Sliding {
  Extents input, output, window; // spatial extents
  Extents strides;               // element strides of the input's dimensions
  ArrayRef<int64_t> step, dilation, padLow;

  /// Calls `tap(t, offset)` for every tap t in row-major order; offset is the
  /// element offset in the input, or -1 in the padding.
  template <typename Fn> void forEachTap(ArrayRef<int64_t> position, Fn tap) {
    int64_t taps = llvm::product_of(window);
    for (int64_t t = 0; t < taps; ++t) {
      int64_t rest = t, offset = 0;
      for (size_t d = window.size(); d-- > 0; rest /= window[d]) {
        int64_t at =
            position[d] * step[d] - padLow[d] + rest % window[d] * dilation[d];
        if (at < 0 || at >= input[d] || offset < 0)
          offset = -1;
        else
          offset += at * strides[d];
      }
      tap(t, offset);
    }
  }
};
} // namespace

/// The next position of a row-major walk; false after the last.
static bool advance(Extents &position, ArrayRef<int64_t> shape) {
  for (size_t d = shape.size(); d-- > 0;) {
    if (++position[d] < shape[d])
      return true;
    position[d] = 0;
  }
  return false;
}

template <typename OpTy>
static Sliding slidingOf(OpTy op, ArrayRef<int64_t> input,
                         ArrayRef<int64_t> output, ArrayRef<int64_t> window) {
  size_t first = op.getChannelsLast() ? 1 : 2, rank = input.size() - 2;
  Extents strides = rowMajorStrides(input);
  return Sliding{Extents(input.slice(first, rank)),
                 Extents(output.slice(first, rank)),
                 Extents(window),
                 Extents(ArrayRef(strides).slice(first, rank)),
                 op.getStrides(),
                 op.getDilations(),
                 op.getPadLow()};
}

/// The weights of one group as [kernel..., channel][output channel].
template <typename T>
static std::vector<T> groupWeights(const T *w, ArrayRef<int64_t> shape,
                                   bool channelsLast, int64_t firstOutput,
                                   int64_t outputs) {
  int64_t K = extentProduct(shape, 1, shape.size());
  int64_t channels = channelsLast ? shape.back() : shape[1];
  int64_t taps = channels == 0 ? 0 : K / channels;
  std::vector<T> block(K * outputs);
  for (int64_t m = 0; m < outputs; ++m) {
    const T *row = w + (firstOutput + m) * K;
    for (int64_t t = 0; t < taps; ++t)
      for (int64_t c = 0; c < channels; ++c)
        block[(t * channels + c) * outputs + m] =
            channelsLast ? row[t * channels + c] : row[c * taps + t];
  }
  return block;
}

/// All output positions of one sample and one group.
template <typename T>
static void convolveGroup(Sliding &sliding, const T *x, int64_t channels,
                          int64_t channelStride, const T *w, const T *bias,
                          int64_t outputs, T *y, int64_t positionStride,
                          int64_t outputStride) {
  if (llvm::is_contained(sliding.output, 0))
    return;
  int64_t K = llvm::product_of(sliding.window) * channels;
  std::vector<T> patch(K), row(outputs);
  Extents position(sliding.output.size(), 0);
  do {
    sliding.forEachTap(position, [&](int64_t t, int64_t offset) {
      for (int64_t c = 0; c < channels; ++c)
        patch[t * channels + c] =
            offset < 0 ? T(0) : x[offset + c * channelStride];
    });
    reference::contract(patch.data(), w, K, outputs, row.data());
    if (bias)
      reference::addRow(row.data(), bias, outputs, row.data());
    for (int64_t m = 0; m < outputs; ++m)
      y[m * outputStride] = row[m];
    y += positionStride;
  } while (advance(position, sliding.output));
}

/// The shape of a convolution's result before `flat_rows`.
template <typename OpTy>
static Extents convolvedShape(OpTy op, ArrayRef<int64_t> in,
                              ArrayRef<int64_t> weight) {
  size_t first = op.getChannelsLast() ? 1 : 2;
  Extents shape(in);
  shape[op.getChannelsLast() ? in.size() - 1 : 1] = weight[0];
  for (size_t i = 0; i + 2 < in.size(); ++i) {
    int64_t reach = (weight[first + i] - 1) * op.getDilations()[i] + 1;
    int64_t padded = in[first + i] + op.getPadLow()[i] + op.getPadHigh()[i];
    shape[first + i] = (padded - reach) / op.getStrides()[i] + 1;
  }
  return shape;
}

/// All samples and groups; `bias` may be null.
template <typename T, typename OpTy>
static void convolve(OpTy op, ArrayRef<int64_t> in, ArrayRef<int64_t> weight,
                     const T *x, const T *w, const T *bias, T *y) {
  bool last = op.getChannelsLast();
  Extents out = convolvedShape(op, in, weight);
  size_t rank = in.size(), channelAxis = last ? rank - 1 : 1;
  Sliding sliding =
      slidingOf(op, in, out, weight.slice(last ? 1 : 2, rank - 2));
  int64_t groups = op.getGroups(), outputs = out[channelAxis] / groups;
  int64_t channels = in[channelAxis] / groups;
  int64_t inStride = rowMajorStrides(in)[channelAxis];
  int64_t outStride = rowMajorStrides(out)[channelAxis];
  int64_t inSample = extentProduct(in, 1, rank);
  int64_t outSample = extentProduct(out, 1, rank);
  for (int64_t g = 0; g < groups; ++g) {
    std::vector<T> block = groupWeights(w, weight, last, g * outputs, outputs);
    for (int64_t n = 0; n < in[0]; ++n)
      convolveGroup(sliding, x + n * inSample + g * channels * inStride,
                    channels, inStride, block.data(),
                    bias ? bias + g * outputs : nullptr, outputs,
                    y + n * outSample + g * outputs * outStride,
                    last ? out[channelAxis] : 1, outStride);
  }
}

LogicalResult evaluateOp(ConvOp op, const Evaluation &evaluation) {
  HostTensor &result = evaluation.result();
  if (op.getPackedFrom())
    return op.emitOpError("has no reference on a packed weight");
  return withArithmetic(
      op, result.getElementType(), [&](auto zero) -> LogicalResult {
        using T = decltype(zero);
        Elements<T> x(evaluation.operands[0]), w(evaluation.operands[1]);
        std::optional<Elements<T>> bias;
        if (op.getBias())
          bias.emplace(evaluation.operands[2]);
        Output<T> y(result);
        convolve<T>(op, evaluation.operands[0].getShape(),
                    evaluation.operands[1].getShape(), x.get(), w.get(),
                    bias ? bias->get() : nullptr, y.get());
        return y.commit();
      });
}

/// §5.3 with one group over all taps: the sums of a - z, exact, then the
/// scales.
LogicalResult evaluateOp(QuantizedConvOp op, const Evaluation &evaluation) {
  if (op.getPackedFrom())
    return op.emitOpError("has no reference on a packed weight");
  const HostTensor &codes = evaluation.operands[0];
  Elements<int64_t> w(evaluation.operands[2]);
  std::vector<int64_t> shifted, sums(evaluation.result().getNumElements());
  int64_t zero = op.getZeroPoint() ? evaluation.operands[4].getInt(0) : 0;
  for (int8_t code : codes.as<int8_t>())
    shifted.push_back(code - zero);
  convolve<int64_t>(op, codes.getShape(), evaluation.operands[2].getShape(),
                    shifted.data(), w.get(), nullptr, sums.data());
  auto scales = evaluation.operands[1].as<float>();
  auto weightScales = evaluation.operands[3].as<float>();
  ArrayRef<float> bias;
  if (op.getBias())
    bias = evaluation.operands.back().as<float>();
  auto y = evaluation.result().asMutable<float>();
  bool isShared = evaluation.operands[1].getRank() == 0;
  size_t outputs = weightScales.size();
  size_t sample = sums.size() / std::max<int64_t>(1, codes.getShape()[0]);
  for (size_t i = 0; i < sums.size(); ++i) {
    float value = float(int32_t(sums[i])) * weightScales[i % outputs];
    value = value * scales[isShared ? 0 : i / sample];
    if (!bias.empty())
      value = value + bias[i % outputs];
    y[i] = value;
  }
  return success();
}

/// What an empty window or row gives to a maximum (§4.3).
template <typename T> static T lowestOf(Type type) {
  if constexpr (std::is_floating_point_v<T>)
    return -std::numeric_limits<T>::infinity();
  else if (type.isUnsignedInteger() || type.isInteger(1))
    return 0;
  else
    return llvm::minIntN(type.getIntOrFloatBitWidth());
}

/// One output of §5.7 from the taps inside the input.
template <typename T>
static T poolWindow(PoolOp op, Type type, const std::vector<T> &inside,
                    int64_t taps) {
  if (op.getKind() == PoolKind::max)
    return reference::rowMaximum(inside.data(), inside.size(),
                                 lowestOf<T>(type));
  if constexpr (std::is_floating_point_v<T>)
    return reference::divideByCount(
        reference::chainSum(inside.data(), inside.size()),
        op.getCountIncludePad() ? taps : int64_t(inside.size()));
  llvm_unreachable("average of integers");
}

LogicalResult evaluateOp(PoolOp op, const Evaluation &evaluation) {
  HostTensor &result = evaluation.result();
  Type type = result.getElementType();
  if (type.isUnsignedInteger(64) ||
      (type.isInteger() && op.getKind() == PoolKind::average))
    return op.emitOpError("has no reference on elements of type ") << type;
  return withArithmetic(op, type, [&](auto zero) -> LogicalResult {
    using T = decltype(zero);
    Elements<T> x(evaluation.operands[0]);
    Output<T> y(result);
    ArrayRef<int64_t> in = evaluation.operands[0].getShape();
    ArrayRef<int64_t> out = result.getShape();
    bool last = op.getChannelsLast();
    size_t channelAxis = last ? in.size() - 1 : 1;
    Sliding sliding = slidingOf(op, in, out, op.getWindow());
    Extents inStrides = rowMajorStrides(in), outStrides = rowMajorStrides(out);
    int64_t taps = llvm::product_of(op.getWindow());
    if (result.getNumElements() == 0)
      return success();
    std::vector<T> inside;
    for (int64_t n = 0; n < in[0]; ++n) {
      for (int64_t c = 0; c < in[channelAxis]; ++c) {
        const T *from = x.get() + n * inStrides[0] + c * inStrides[channelAxis];
        T *to = y.get() + n * outStrides[0] + c * outStrides[channelAxis];
        Extents position(sliding.output.size(), 0);
        do {
          inside.clear();
          sliding.forEachTap(position, [&](int64_t, int64_t offset) {
            if (offset >= 0)
              inside.push_back(from[offset]);
          });
          *to = poolWindow<T>(op, type, inside, taps);
          to += last ? out[channelAxis] : 1;
        } while (advance(position, sliding.output));
      }
    }
    return y.commit();
  });
}

} // namespace quantc::qnn

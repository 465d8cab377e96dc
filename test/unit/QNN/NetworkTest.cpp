// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Contractions, convolutions, pooling and data movement against plain loops
// written here from docs/numerics.md.

#include "Evaluate.h"
#include <cmath>

using namespace mlir;

namespace quantc::qnn {
namespace {

using NetworkTest = EvaluateTest;

/// acc = fma(a[k], w[k], acc) in ascending k.
float chain(int64_t count, llvm::function_ref<float(int64_t)> a,
            llvm::function_ref<float(int64_t)> w) {
  float acc = 0;
  for (int64_t k = 0; k < count; ++k)
    acc = std::fma(a(k), w(k), acc);
  return acc;
}

TEST_F(NetworkTest, LinearIsOneChainPerOutput) {
  for (int64_t n : {1, 3, 64, 65, 130}) {
    for (int64_t k : {0, 1, 7, 129}) {
      HostTensor x = random({2, 3, k}), w = random({n, k}, 5);
      HostTensor bias = random({n}, 9);
      std::string result = "tensor<2x3x" + std::to_string(n) + "xf32>";
      auto y = apply("qnn.linear", {x, w, bias}, "", result);
      ASSERT_EQ(y.size(), 1u) << error;
      for (int64_t i = 0; i < 6 * n; ++i) {
        const float *a = x.as<float>().data() + i / n * k;
        const float *b = w.as<float>().data() + i % n * k;
        float expected = chain(
            k, [&](int64_t j) { return a[j]; },
            [&](int64_t j) { return b[j]; });
        expected = expected + bias.as<float>()[i % n];
        ASSERT_EQ(y[0].as<float>()[i], expected) << n << " " << k << " " << i;
      }
    }
  }
}

TEST_F(NetworkTest, MatmulBroadcastsItsBatches) {
  HostTensor a = random({2, 1, 3, 4}), b = random({5, 4, 2}, 3);
  auto y = apply("qnn.matmul", {a, b}, "", "tensor<2x5x3x2xf32>");
  ASSERT_EQ(y.size(), 1u) << error;
  int64_t at = 0;
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 5; ++j)
      for (int m = 0; m < 3; ++m)
        for (int n = 0; n < 2; ++n) {
          float expected = chain(
              4, [&](int64_t k) { return a.as<float>()[(i * 3 + m) * 4 + k]; },
              [&](int64_t k) { return b.as<float>()[(j * 4 + k) * 2 + n]; });
          EXPECT_EQ(y[0].as<float>()[at++], expected);
        }
}

TEST_F(NetworkTest, MatmulOfVectors) {
  HostTensor v = tensor<double>("f32", {3}, {1, 2, 3});
  HostTensor m = tensor<double>("f32", {3, 2}, {1, 2, 3, 4, 5, 6});
  auto dot = apply("qnn.matmul", {v, v}, "", "tensor<f32>");
  EXPECT_EQ(dot[0].getFloat(0), 14.0);
  auto row = apply("qnn.matmul", {v, m}, "", "tensor<2xf32>");
  EXPECT_EQ(row[0].as<float>(), ArrayRef<float>({22, 28}));
}

TEST_F(NetworkTest, IntegerMatmulWraps) {
  HostTensor a = tensor<int64_t>("i32", {1, 2}, {1 << 30, 1 << 30});
  HostTensor b = tensor<int64_t>("i32", {2, 1}, {2, 3});
  auto y = apply("qnn.matmul", {a, b}, "", "tensor<1x1xi32>");
  EXPECT_EQ(y[0].as<int32_t>()[0], 1 << 30);
}

/// Two spatial dimensions, channels first; taps in (kh, kw, c) order.
TEST_F(NetworkTest, Convolution) {
  const int groups = 2, C = 4, M = 6, H = 7, W = 5, KH = 3, KW = 2;
  HostTensor x = random({2, C, H, W}), w = random({M, C / groups, KH, KW}, 7);
  HostTensor bias = random({M}, 11);
  std::string attributes =
      "strides = array<i64: 2, 1>, dilations = array<i64: 1, 2>, "
      "pad_low = array<i64: 1, 0>, pad_high = array<i64: 2, 1>, "
      "groups = 2 : i64, channels_last = ";
  const int OH = (H + 3 - KH) / 2 + 1, OW = (W + 1 - 2 * (KW - 1) - 1) + 1;
  auto y = apply("qnn.conv", {x, w, bias}, attributes + "false",
                 "tensor<2x6x" + std::to_string(OH) + "x" + std::to_string(OW) +
                     "xf32>");
  ASSERT_EQ(y.size(), 1u) << error;
  auto expected = [&](int n, int m, int oh, int ow) {
    float acc = 0;
    for (int kh = 0; kh < KH; ++kh)
      for (int kw = 0; kw < KW; ++kw)
        for (int c = 0; c < C / groups; ++c) {
          int h = oh * 2 - 1 + kh, v = ow + kw * 2;
          int channel = m / (M / groups) * (C / groups) + c;
          bool inside = h >= 0 && h < H && v >= 0 && v < W;
          float a = inside ? x.as<float>()[((n * C + channel) * H + h) * W + v]
                           : 0.0f;
          float b = w.as<float>()[((m * C / groups + c) * KH + kh) * KW + kw];
          acc = std::fma(a, b, acc);
        }
    return acc + bias.as<float>()[m];
  };
  int64_t at = 0;
  for (int n = 0; n < 2; ++n)
    for (int m = 0; m < M; ++m)
      for (int oh = 0; oh < OH; ++oh)
        for (int ow = 0; ow < OW; ++ow)
          ASSERT_EQ(y[0].as<float>()[at++], expected(n, m, oh, ow));

  // Channels last computes the same bits.
  auto move = [&](HostTensor tensor, const char *permutation,
                  const char *result) {
    return apply("qnn.transpose", {tensor},
                 std::string("permutation = array<i64: ") + permutation + ">",
                 result)[0];
  };
  auto last = apply("qnn.conv",
                    {move(x, "0, 2, 3, 1", "tensor<2x7x5x4xf32>"),
                     move(w, "0, 2, 3, 1", "tensor<6x3x2x2xf32>"), bias},
                    attributes + "true", "tensor<2x4x4x6xf32>");
  ASSERT_EQ(last.size(), 1u) << error;
  HostTensor first = move(last[0], "0, 3, 1, 2", "tensor<2x6x4x4xf32>");
  EXPECT_EQ(first.getBytes(), y[0].getBytes());
}

/// Two spatial dimensions, channels last; a tap in the padding adds nothing,
/// whatever the zero point is.
TEST_F(NetworkTest, QuantizedConvolution) {
  const int N = 2, H = 5, W = 4, C = 6, M = 4, K = 3, zero = -7;
  std::vector<int64_t> a(N * H * W * C), b(M * K * K * C);
  for (size_t i = 0; i < a.size(); ++i)
    a[i] = int64_t(i * 37 % 256) - 128;
  for (size_t i = 0; i < b.size(); ++i)
    b[i] = int64_t(i * 53 % 255) - 127;
  HostTensor codes = tensor<int64_t>("i8", {N, H, W, C}, a);
  HostTensor weight = tensor<int64_t>("i8", {M, K, K, C}, b);
  HostTensor scales = random({N}), weightScales = random({M}, 3);
  HostTensor bias = random({M}, 5);
  // The reference needs no 'start'.
  HostTensor zeroPoint = tensor<int64_t>("i32", {}, {zero});
  std::string attributes =
      "strides = array<i64: 2, 1>, dilations = array<i64: 1, 1>, "
      "pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>, "
      "groups = 1 : i64, flat_rows, "
      "operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 0, 1>";
  auto run = [&](const HostTensor &scale) {
    return apply("qnn.quantized_conv",
                 {codes, scale, weight, weightScales, zeroPoint, bias},
                 attributes, "tensor<24x4xf32>");
  };
  auto y = run(scales);
  ASSERT_EQ(y.size(), 1u) << error;
  auto expected = [&](int n, int oh, int ow, int m, float scale) {
    int32_t sum = 0;
    for (int kh = 0; kh < K; ++kh)
      for (int kw = 0; kw < K; ++kw)
        for (int c = 0; c < C; ++c) {
          int h = oh * 2 - 1 + kh, w = ow - 1 + kw;
          if (h >= 0 && h < H && w >= 0 && w < W)
            sum += int32_t(a[((n * H + h) * W + w) * C + c] - zero) *
                   int32_t(b[((m * K + kh) * K + kw) * C + c]);
        }
    float value = float(sum) * weightScales.as<float>()[m];
    value = value * scale;
    return value + bias.as<float>()[m];
  };
  for (int i = 0; i < 24 * M; ++i)
    ASSERT_EQ(y[0].as<float>()[i], expected(i / 48, i / 16 % 3, i / 4 % 4,
                                            i % 4, scales.as<float>()[i / 48]))
        << i;
  // One scale serves all samples.
  y = run(tensor<double>("f32", {}, {0.5}));
  ASSERT_EQ(y.size(), 1u) << error;
  for (int i = 0; i < 24 * M; ++i)
    ASSERT_EQ(y[0].as<float>()[i],
              expected(i / 48, i / 16 % 3, i / 4 % 4, i % 4, 0.5f));
}

TEST_F(NetworkTest, Pooling) {
  HostTensor x = tensor<double>("f32", {1, 1, 4}, {1, 2, 3, 10});
  std::string attributes =
      "window = array<i64: 3>, strides = array<i64: 2>, "
      "dilations = array<i64: 1>, pad_low = array<i64: 1>, "
      "pad_high = array<i64: 1>, channels_last = false, ";
  auto pool = [&](const char *kind, const char *count) {
    auto y = apply("qnn.pool", {x},
                   attributes + "kind = " + kind +
                       " : i32, count_include_pad = " + count,
                   "tensor<1x1x2xf32>");
    return std::vector<float>(y[0].as<float>());
  };
  EXPECT_EQ(pool("0", "false"), (std::vector<float>{2, 10}));
  EXPECT_EQ(pool("1", "false"), (std::vector<float>{1.5f, 5}));
  EXPECT_EQ(pool("1", "true"), (std::vector<float>{1, 5}));
}

TEST_F(NetworkTest, DataMovement) {
  HostTensor x = tensor<int64_t>("i8", {2, 3}, {1, 2, 3, 4, 5, 6});
  auto bytes = [](const llvm::SmallVector<HostTensor> &y) {
    return std::vector<int8_t>(y[0].as<int8_t>());
  };
  EXPECT_EQ(bytes(apply("qnn.transpose", {x}, "permutation = array<i64: 1, 0>",
                        "tensor<3x2xi8>")),
            (std::vector<int8_t>{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(bytes(apply("qnn.slice", {x},
                        "starts = affine_map<() -> (1, 2)>, sizes = "
                        "affine_map<() -> (1, 2)>, steps = array<i64: 1, -2>",
                        "tensor<1x2xi8>")),
            (std::vector<int8_t>{6, 4}));
  EXPECT_EQ(
      bytes(apply("qnn.concat", {x, x}, "axis = 1 : i64", "tensor<2x6xi8>")),
      (std::vector<int8_t>{1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6}));
  auto appended = run(
      "func.func @f(%x: tensor<2x3xi8>) -> (tensor<2x6xi8>, tensor<2x7xi8>) {"
      "  %0:2 = qnn.append %x, %x {axis = 1 : i64, "
      "      capacity = affine_map<() -> (7)>} : (tensor<2x3xi8>, "
      "      tensor<2x3xi8>) -> (tensor<2x6xi8>, tensor<2x7xi8>)"
      "  return %0#0, %0#1 : tensor<2x6xi8>, tensor<2x7xi8> }",
      {x});
  ASSERT_EQ(appended.size(), 2u) << error;
  EXPECT_EQ(bytes(appended),
            (std::vector<int8_t>{1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6}));
  EXPECT_EQ(std::vector<int8_t>(appended[1].as<int8_t>()),
            (std::vector<int8_t>{1, 2, 3, 1, 2, 3, 0, 4, 5, 6, 4, 5, 6, 0}));
  EXPECT_EQ(bytes(apply("qnn.pad", {x},
                        "low = array<i64: 1, 0>, high = array<i64: 0, 1>, "
                        "value = 9.0 : f64",
                        "tensor<3x4xi8>")),
            (std::vector<int8_t>{9, 9, 9, 9, 1, 2, 3, 9, 4, 5, 6, 9}));
  HostTensor indices = tensor<int64_t>("i64", {4}, {-1, 0, 7, INT64_MIN});
  EXPECT_EQ(bytes(apply("qnn.gather", {x, indices}, "axis = 1 : i64",
                        "tensor<2x4xi8>")),
            (std::vector<int8_t>{3, 1, 3, 1, 6, 4, 6, 4}));
}

} // namespace
} // namespace quantc::qnn

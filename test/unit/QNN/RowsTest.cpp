// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Row operations: the vectors of docs/numerics.md §9, and the rules for NaN,
// infinities, masks and empty rows.

#include "../../../lib/Dialect/QNN/ReferenceKernels.h"
#include "Evaluate.h"
#include "quantc/Support/ReferenceMath.h"
#include <bit>
#include <cmath>

using namespace mlir;

namespace quantc::qnn {
namespace {

using RowsTest = EvaluateTest;

std::vector<float> testRow(int64_t n) {
  std::vector<float> row(n);
  for (int64_t i = 0; i < n; ++i)
    row[i] = float((37 * i) % 101 - 50) * 0.1f;
  return row;
}

uint32_t bitsOf(double x) { return std::bit_cast<uint32_t>(float(x)); }

TEST_F(RowsTest, Vectors) {
  // n, rowsum, mean, sumsq(x - mean), y(n / 2) of softmax
  const uint32_t rows[][5] = {
      {1, 0xc0a00000, 0xc0a00000, 0x00000000, 0x3f800000},
      {15, 0xc11b3333, 0xbf258bf2, 0x4305a328, 0x3c61511b},
      {16, 0xc11b3333, 0xbf1b3333, 0x43060786, 0x3f0d6e92},
      {63, 0x402ccccc, 0x3d2f8af8, 0x44073a84, 0x397a8e38},
      {64, 0xbfc0000c, 0xbcc0000c, 0x440ba8a1, 0x3c1e5899},
      {100, 0xbfb33338, 0xbc656048, 0x4456214f, 0x38dedd79},
      {384, 0xbfd99990, 0xbb91110b, 0x454c7fb9, 0x380e6161},
      {1000, 0x3f80000e, 0x3a83127d, 0x460509d6, 0x361fb5e7},
      {4099, 0xc083336c, 0xba831ad7, 0x4708207c, 0x38734338},
  };
  for (const auto &row : rows) {
    int64_t n = row[0];
    std::vector<float> x = testRow(n);
    HostTensor input = *HostTensor::allocate(type("f32"), {n});
    llvm::copy(x, input.asMutable<float>().begin());
    auto reduce = [&](const char *kind) {
      auto y = apply("qnn.reduce", {input},
                     std::string("kind = ") + kind +
                         " : i32, axes = array<i64: 0>, keep_dims = false",
                     "tensor<f32>");
      return y[0].getFloat(0);
    };
    EXPECT_EQ(bitsOf(reduce("0")), row[1]) << n;
    float mean = float(reduce("1"));
    EXPECT_EQ(bitsOf(mean), row[2]) << n;
    for (float &value : x)
      value = value - mean;
    EXPECT_EQ(bitsOf(reference::rowSumOfSquares(x.data(), n)), row[3]) << n;
    auto y = apply("qnn.softmax", {input}, "axis = 0 : i64",
                   "tensor<" + std::to_string(n) + "xf32>");
    EXPECT_EQ(bitsOf(y[0].getFloat(n / 2)), row[4]) << n;
  }
}

/// The row order of several axes does not depend on the layout.
TEST_F(RowsTest, ReducesSeveralAxes) {
  HostTensor x = random({2, 3, 4, 5});
  auto y = apply("qnn.reduce", {x},
                 "kind = 0 : i32, axes = array<i64: 3, 1>, keep_dims = true",
                 "tensor<2x1x4x1xf32>");
  ASSERT_EQ(y.size(), 1u) << error;
  for (int a = 0; a < 2; ++a)
    for (int c = 0; c < 4; ++c) {
      std::vector<float> row;
      for (int b = 0; b < 3; ++b)
        for (int d = 0; d < 5; ++d)
          row.push_back(x.as<float>()[((a * 3 + b) * 4 + c) * 5 + d]);
      EXPECT_EQ(y[0].as<float>()[a * 4 + c],
                reference::rowSum(row.data(), row.size()));
    }
}

TEST_F(RowsTest, EmptyAndIntegerReductions) {
  HostTensor empty = *HostTensor::allocate(type("f32"), {1, 0});
  auto reduce = [&](HostTensor x, int kind, const char *result) {
    return apply("qnn.reduce", {x},
                 "kind = " + std::to_string(kind) +
                     " : i32, axes = array<i64: 1>, keep_dims = false",
                 result)[0];
  };
  EXPECT_EQ(reduce(empty, 0, "tensor<1xf32>").getFloat(0), 0.0);
  EXPECT_TRUE(std::isnan(reduce(empty, 1, "tensor<1xf32>").getFloat(0)));
  EXPECT_EQ(reduce(empty, 2, "tensor<1xf32>").getFloat(0), -INFINITY);
  EXPECT_EQ(reduce(empty, 4, "tensor<1xf32>").getFloat(0), 1.0);
  HostTensor none = *HostTensor::allocate(type("i8"), {1, 0});
  EXPECT_EQ(reduce(none, 2, "tensor<1xi8>").getInt(0), -128);
  EXPECT_EQ(reduce(none, 3, "tensor<1xi8>").getInt(0), 127);
  EXPECT_EQ(reduce(none, 1, "tensor<1xi8>").getInt(0), 0);
  HostTensor bytes = tensor<int64_t>("i8", {1, 3}, {100, 100, -9});
  EXPECT_EQ(reduce(bytes, 0, "tensor<1xi8>").getInt(0), int8_t(191));
  EXPECT_EQ(reduce(bytes, 1, "tensor<1xi8>").getInt(0), int8_t(191) / 3);
  HostTensor wide = tensor<int64_t>("ui64", {1, 2}, {-1, 1});
  EXPECT_EQ(reduce(wide, 2, "tensor<1xui64>").getInt(0), -1);
  EXPECT_EQ(reduce(wide, 3, "tensor<1xui64>").getInt(0), 1);
}

TEST_F(RowsTest, SoftmaxAlongAnInnerAxisAndMasks) {
  HostTensor x = tensor<double>("f32", {2, 2}, {1, -INFINITY, 3, -INFINITY});
  auto y = apply("qnn.softmax", {x}, "axis = 0 : i64", "tensor<2x2xf32>");
  float e = reference::exp(-2.0f), sum = e + 1.0f, r = 1.0f / sum;
  EXPECT_EQ(y[0].as<float>()[0], e * r);
  EXPECT_EQ(y[0].as<float>()[2], r);
  EXPECT_TRUE(std::isnan(y[0].as<float>()[1]));
  auto rows = apply("qnn.softmax", {x}, "axis = 1 : i64", "tensor<2x2xf32>");
  EXPECT_EQ(rows[0].as<float>(), ArrayRef<float>({1, 0, 1, 0}));
}

TEST_F(RowsTest, LayerNorm) {
  const int64_t n = 37;
  HostTensor x = random({3, n}), gamma = random({n}, 2), beta = random({n}, 3);
  auto y = apply("qnn.layer_norm", {x, gamma, beta},
                 "axis = 1 : i64, epsilon = 1.0e-5 : f32", "tensor<3x37xf32>");
  auto plain =
      apply("qnn.layer_norm", {x, gamma},
            "axis = 1 : i64, epsilon = 1.0e-5 : f32", "tensor<3x37xf32>");
  ASSERT_EQ(y.size(), 1u) << error;
  for (int64_t row = 0; row < 3; ++row) {
    const float *in = x.as<float>().data() + row * n;
    float mean = reference::rowSum(in, n) / float(n);
    std::vector<float> d(in, in + n);
    for (float &value : d)
      value = value - mean;
    float var = reference::rowSumOfSquares(d.data(), n) / float(n);
    float rstd = 1.0f / std::sqrt(var + 1e-5f);
    for (int64_t i = 0; i < n; ++i) {
      float normal = d[i] * rstd, g = gamma.as<float>()[i];
      EXPECT_EQ(y[0].as<float>()[row * n + i],
                std::fma(normal, g, beta.as<float>()[i]));
      EXPECT_EQ(plain[0].as<float>()[row * n + i], normal * g);
    }
  }
}

TEST_F(RowsTest, BatchNormAndRotary) {
  HostTensor x = random({2, 3, 2}), one = random({3}, 4), two = random({3}, 5),
             mean = random({3}, 6);
  HostTensor variance = tensor<double>("f32", {3}, {1, 2, 3});
  auto y = apply("qnn.batch_norm", {x, one, two, mean, variance},
                 "epsilon = 1.0e-5 : f32", "tensor<2x3x2xf32>");
  ASSERT_EQ(y.size(), 1u) << error;
  for (int i = 0; i < 12; ++i) {
    int c = i / 2 % 3;
    float a = one.as<float>()[c] / std::sqrt(variance.as<float>()[c] + 1e-5f);
    float b = std::fma(-mean.as<float>()[c], a, two.as<float>()[c]);
    EXPECT_EQ(y[0].as<float>()[i], std::fma(x.as<float>()[i], a, b));
  }
  HostTensor q = tensor<double>("f32", {1, 1, 1, 4}, {1, 2, 3, 4});
  HostTensor cos = tensor<double>("f32", {2}, {0.5, 0.25});
  HostTensor sin = tensor<double>("f32", {4}, {1, 2, 3, 4});
  auto turned = apply("qnn.rotary", {q, cos, sin}, "", "tensor<1x1x1x4xf32>");
  ASSERT_EQ(turned.size(), 1u) << error;
  EXPECT_EQ(turned[0].as<float>(),
            ArrayRef<float>({0.5 - 3, 0.5 - 8, 1.5 + 3, 1.0 + 8}));
}

/// Grouped heads, a mask row and a causal cut against plain loops.
TEST_F(RowsTest, Attention) {
  const int H = 4, G = 2, S = 3, T = 5, D = 6, E = 3;
  HostTensor q = random({1, H, S, D}), k = random({1, G, T, D}, 2),
             v = random({1, G, T, E}, 3), mask = random({S, T}, 4);
  mask.setFloat(1, -3.4e38);
  auto y = apply("qnn.attention", {q, k, v, mask},
                 "scale = 0.40824829 : f32, causal = true, "
                 "key_transposed = false",
                 "tensor<1x4x3x3xf32>");
  ASSERT_EQ(y.size(), 1u) << error;
  float scale = 0.40824829f;
  for (int h = 0; h < H; ++h)
    for (int i = 0; i < S; ++i) {
      int g = h / (H / G), seen = i + T - S + 1;
      std::vector<float> t(T);
      for (int j = 0; j < T; ++j) {
        float acc = 0;
        for (int d = 0; d < D; ++d)
          acc = std::fma(q.as<float>()[(h * S + i) * D + d],
                         k.as<float>()[(g * T + j) * D + d], acc);
        acc = acc * scale;
        t[j] = j < seen ? acc + mask.as<float>()[i * T + j] : -INFINITY;
      }
      float m = *std::max_element(t.begin(), t.end());
      for (float &value : t)
        value = reference::exp(value - m);
      float r = 1.0f / reference::rowSum(t.data(), T);
      for (int e = 0; e < E; ++e) {
        float acc = 0;
        for (int j = 0; j < seen; ++j)
          acc = std::fma(t[j] * r, v.as<float>()[(g * T + j) * E + e], acc);
        EXPECT_EQ(y[0].as<float>()[(h * S + i) * E + e], acc);
      }
    }
}

/// More query rows than keys: the first rows see nothing and give +0.
TEST_F(RowsTest, AttentionWithoutVisibleKeys) {
  HostTensor q = random({1, 1, 3, 2}), k = random({1, 1, 2, 1}, 2),
             v = random({1, 1, 1, 2}, 3);
  auto y = apply("qnn.attention", {q, k, v},
                 "scale = 1.0 : f32, causal = true, key_transposed = true",
                 "tensor<1x1x3x2xf32>");
  ASSERT_EQ(y.size(), 1u) << error;
  EXPECT_EQ(y[0].as<float>().take_front(4), ArrayRef<float>({0, 0, 0, 0}));
  EXPECT_EQ(y[0].as<float>()[4], v.as<float>()[0]);
}

} // namespace
} // namespace quantc::qnn

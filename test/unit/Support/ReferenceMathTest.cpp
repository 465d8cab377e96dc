// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The test vectors of docs/numerics.md §9, edge cases of §3, and the float64
// functions against long double libm within their stated bounds.

#include "quantc/Support/ReferenceMath.h"
#include <bit>
#include <cmath>
#include <cstdint>
#include <gtest/gtest.h>
#include <limits>

namespace reference = quantc::reference;

namespace {

float word(uint32_t bits) { return std::bit_cast<float>(bits); }
uint32_t bitsOf(float x) { return std::bit_cast<uint32_t>(x); }

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr double kUnit = 0x1p-53;

TEST(ReferenceMath, Vectors) {
  // x, exp, erf, tanh, sigmoid, silu, gelu, gelu tanh, softplus
  const uint32_t rows[][9] = {
      {0x3a83126f, 0x3f8020c9, 0x3a93e61c, 0x3a83126c, 0x3f001062, 0x3a032336,
       0x3a032d35, 0x3a032d35, 0x3f3192de},
      {0x3dcccccd, 0x3f8d763e, 0x3de652f5, 0x3dcc1ebd, 0x3f066509, 0x3d57080f,
       0x3d5d1d0d, 0x3d5d1d05, 0x3f3e90c9},
      {0x3f000000, 0x3fd3094c, 0x3f053f7a, 0x3eec9a9e, 0x3f1f597f, 0x3e9f597f,
       0x3eb103af, 0x3eb1016d, 0x3f795d1c},
      {0x3f800000, 0x402df854, 0x3f57bb3e, 0x3f42f7d5, 0x3f3b26a8, 0x3f3b26a8,
       0x3f57625f, 0x3f57585c, 0x3fa818f6},
      {0x40200000, 0x4142eb7f, 0x3f7fe555, 0x3f7c92c2, 0x3f6c948f, 0x4013dcd9,
       0x401f01a7, 0x401f08dc, 0x40250c88},
      {0x40fccccd, 0x45289485, 0x3f800000, 0x3f7ffffc, 0x3f7fe7b6, 0x40fcb4d1,
       0x40fccccd, 0x40fccccd, 0x40fccfd6},
      {0x41a00000, 0x4de75844, 0x3f800000, 0x3f800000, 0x3f800000, 0x41a00000,
       0x41a00000, 0x41a00000, 0x41a00000},
      {0xbdcccccd, 0x3f67a36d, 0xbde652f5, 0xbdcc1ebd, 0x3ef335ed, 0xbd42918b,
       0xbd3c7c8d, 0xbd3c7c96, 0x3f24f72f},
      {0xbf800000, 0x3ebc5ab2, 0xbf57bb3e, 0xbf42f7d5, 0x3e89b2b1, 0xbe89b2b1,
       0xbe227684, 0xbe229e90, 0x3ea063d6},
      {0xc0533333, 0x3d1712ce, 0xbf7fffce, 0xbf7f4def, 0x3d11b319, 0xbdf06782,
       0xbad1194d, 0xbaabdd8a, 0x3d145aa6},
      {0xc185999a, 0x3370044f, 0xbf800000, 0xbf800000, 0x3370044d, 0xb57a847e,
       0x00000000, 0x80000000, 0x3370044f},
      {0xc2adcccd, 0x00c60f89, 0xbf800000, 0xbf800000, 0x00c60f89, 0x840676f3,
       0x00000000, 0x80000000, 0x00c60f89},
  };
  for (const auto &row : rows) {
    float x = word(row[0]);
    EXPECT_EQ(bitsOf(reference::exp(x)), row[1]) << x;
    EXPECT_EQ(bitsOf(reference::erf(x)), row[2]) << x;
    EXPECT_EQ(bitsOf(reference::tanh(x)), row[3]) << x;
    EXPECT_EQ(bitsOf(reference::sigmoid(x)), row[4]) << x;
    EXPECT_EQ(bitsOf(reference::silu(x)), row[5]) << x;
    EXPECT_EQ(bitsOf(reference::gelu(x)), row[6]) << x;
    EXPECT_EQ(bitsOf(reference::geluTanh(x)), row[7]) << x;
    EXPECT_EQ(bitsOf(reference::softplus(x)), row[8]) << x;
  }
}

void expectAll(float (*function)(float), const uint32_t (*pairs)[2],
               size_t count) {
  for (size_t i = 0; i < count; ++i)
    EXPECT_EQ(bitsOf(function(word(pairs[i][0]))), pairs[i][1])
        << std::hex << pairs[i][0];
}

TEST(ReferenceMath, LogSinCosPowVectors) {
  const uint32_t logs[][2] = {
      {0x00000001, 0xc2ce8ed0}, {0x006ce3ee, 0xc2aeff18},
      {0x3a83126f, 0xc0dd0c55}, {0x3f333333, 0xbeb69e1a},
      {0x3f7fbe77, 0xba8322ca}, {0x3f8020c5, 0x3a83033b},
      {0x3fc00000, 0x3ecf991f}, {0x41200000, 0x40135d8e},
      {0x7f61b1e6, 0x42b13196}};
  expectAll(reference::log, logs, std::size(logs));
  const uint32_t sins[][2] = {
      {0x3f000000, 0x3ef57744}, {0x3f800000, 0x3f576aa5},
      {0x40400000, 0x3e1081c3}, {0xc1200000, 0x3f0b44f7},
      {0x4640e6b6, 0xbf344b09}, {0x49800000, 0x3ea93666},
      {0x49800008, 0x3f790661}, {0xd01502f9, 0x3ef99a64},
      {0x7f61b1e6, 0x3f5ff9c4}};
  expectAll(reference::sin, sins, std::size(sins));
  const uint32_t coss[][2] = {
      {0x3f000000, 0x3f60a940}, {0x3f800000, 0x3f0a5140},
      {0x40400000, 0xbf7d7026}, {0xc1200000, 0xbf56cd64},
      {0x4640e6b6, 0x3f35be1f}, {0x49800000, 0x3f719d6e},
      {0x49800008, 0x3e6d67d9}, {0xd01502f9, 0x3f5f84c4},
      {0x7f61b1e6, 0xbef7f57c}};
  expectAll(reference::cos, coss, std::size(coss));
  EXPECT_EQ(bitsOf(reference::pow(word(0x3e99999a), word(0x3fd9999a))),
            0x3e0440d0u);
  EXPECT_EQ(reference::pow(-2.0f, 5.0f), -32.0f);
}

TEST(ReferenceMath, SpecialValues) {
  float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(reference::exp(0.0f), 1.0f);
  EXPECT_EQ(reference::exp(-kInfinity), 0.0f);
  EXPECT_EQ(reference::exp(kInfinity), kInfinity);
  EXPECT_EQ(reference::exp(-87.3f), 0.0f);
  EXPECT_EQ(reference::exp(88.8f), kInfinity);
  EXPECT_TRUE(std::isnan(reference::exp(nan)));
  EXPECT_EQ(reference::log(0.0f), -kInfinity);
  EXPECT_TRUE(std::isnan(reference::log(-1.0f)));
  EXPECT_TRUE(std::signbit(reference::erf(-0.0f)));
  EXPECT_TRUE(std::isnan(reference::silu(-kInfinity)));
  EXPECT_TRUE(std::isnan(reference::sin(kInfinity)));
  EXPECT_FALSE(std::signbit(reference::sin(-0.0f)));
  EXPECT_FALSE(std::signbit(reference::maximum(-0.0f, 0.0f)));
  EXPECT_TRUE(std::signbit(reference::minimum(0.0f, -0.0f)));
  EXPECT_TRUE(std::isnan(reference::maximum(nan, 1.0f)));
  EXPECT_EQ(reference::pow(nan, 0.0f), 1.0f);
  EXPECT_TRUE(std::isnan(reference::pow(-2.0f, 0.5f)));
  EXPECT_EQ(reference::pow(0.0f, -1.0f), kInfinity);
}

/// |got - expected| <= bound relative to expected.
void expectNear(double got, long double expected, double bound, double x) {
  long double error = std::fabs((long double)got - expected);
  EXPECT_LE(error, std::fabs(expected) * bound) << x;
}

TEST(ReferenceMath, DoubleFunctions) {
  for (int i = -400; i <= 400; ++i) {
    double x = i * 0.0731 + 0.001;
    expectNear(reference::exp(x), std::exp((long double)x), 2 * kUnit, x);
    expectNear(reference::erf(x), std::erf((long double)x), 13 * kUnit, x);
    expectNear(reference::tanh(x), std::tanh((long double)x), 8 * kUnit, x);
    double positive = std::fabs(x);
    expectNear(reference::log(positive), std::log((long double)positive),
               8 * kUnit, x);
    EXPECT_NEAR(reference::sin(x), double(std::sin((long double)x)), 2 * kUnit);
    EXPECT_NEAR(reference::cos(x), double(std::cos((long double)x)), 2 * kUnit);
  }
}

// Within 8 * 2^-53 relative (numerics §3.12), over the functions' domains.
TEST(ReferenceMath, RareDoubleFunctions) {
  struct Function {
    const char *name;
    double (*ours)(double);
    long double (*libm)(long double);
    double low, high;
  };
  const Function functions[] = {
      {"tan", reference::tan, std::tan, -1.5, 1.5},
      {"atan", reference::atan, std::atan, -50, 50},
      {"asin", reference::asin, std::asin, -0.999, 0.999},
      {"acos", reference::acos, std::acos, -0.999, 0.999},
      {"sinh", reference::sinh, std::sinh, -20, 20},
      {"cosh", reference::cosh, std::cosh, -20, 20},
      {"asinh", reference::asinh, std::asinh, -1e3, 1e3},
      {"acosh", reference::acosh, std::acosh, 1.01, 1e3},
      {"atanh", reference::atanh, std::atanh, -0.99, 0.99}};
  for (const Function &f : functions)
    for (int i = 0; i <= 1000; ++i) {
      double x = f.low + (f.high - f.low) * i / 1000;
      long double want = f.libm(x);
      EXPECT_NEAR(double(f.ours(x) - want), 0,
                  16 * kUnit * std::max(std::fabs(double(want)), 1e-3))
          << f.name << " of " << x;
    }
  EXPECT_EQ(reference::asin(1.0), 0x1.921fb54442d18p+0);
  EXPECT_EQ(reference::atanh(1.0), double(kInfinity));
  EXPECT_TRUE(std::isnan(reference::acosh(0.5)));
  EXPECT_TRUE(std::isnan(reference::atanh(2.0)));
}

// The exact remainder is the same in every library.
TEST(ReferenceMath, Remainder) {
  for (double x : {5.5, -5.5, 1e300, 0.1, 7.0, -0.0, 0x1p-1070})
    for (double y : {2.0, -2.0, 0.3, 1e-300, 0x1p-1074, 1e308})
      EXPECT_EQ(std::bit_cast<uint64_t>(reference::fmod(x, y)),
                std::bit_cast<uint64_t>(std::fmod(x, y)))
          << x << " by " << y;
  EXPECT_TRUE(std::isnan(reference::fmod(1.0, 0.0)));
  EXPECT_TRUE(std::isnan(reference::fmod(double(kInfinity), 1.0)));
  EXPECT_EQ(reference::fmod(3.0, double(kInfinity)), 3.0);
}

/// Every function stays within its stated absolute or relative error.
TEST(ReferenceMath, FloatFunctionsAgainstDouble) {
  for (int i = -3000; i <= 3000; ++i) {
    float x = float(i) * 0.0291f;
    double d = x;
    EXPECT_NEAR(reference::erf(x), std::erf(d), 3.2e-7);
    EXPECT_NEAR(reference::tanh(x), std::tanh(d), 2.8e-7);
    EXPECT_NEAR(reference::sin(x), std::sin(d), 1e-7);
    EXPECT_NEAR(reference::cos(x), std::cos(d), 1e-7);
    if (std::fabs(x) < 86.0f)
      EXPECT_NEAR(reference::exp(x) / std::exp(d), 1.0, 0x1p-23) << x;
    if (x > 0.0f)
      EXPECT_NEAR(reference::log(x), std::log(d),
                  std::fabs(std::log(d)) * 0x1p-23 + 1e-9);
  }
}

} // namespace

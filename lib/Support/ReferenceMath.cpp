// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Float32 functions of docs/numerics.md §3.1-3.11.  Built with
// -ffp-contract=off and FMA instructions, so that what is written is what is
// rounded.  Section numbers are those of the page.

#include "quantc/Support/ReferenceMath.h"
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace quantc::reference {

namespace {
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

uint32_t bits(float x) { return std::bit_cast<uint32_t>(x); }
float pattern(uint32_t word) { return std::bit_cast<float>(word); }

/// Horner form, one fma per coefficient, highest power first (§3).
template <int n> float polynomial(float y, const float (&coefficients)[n]) {
  float p = coefficients[0];
  for (int i = 1; i < n; ++i)
    p = std::fma(p, y, coefficients[i]);
  return p;
}

float saturate(float v) {
  v = v < -1.0f ? -1.0f : v;
  return v > 1.0f ? 1.0f : v;
}
} // namespace

float maximum(float x, float y) {
  if (std::isnan(x) || std::isnan(y))
    return kNan;
  if (x == y)
    return std::signbit(x) ? y : x;
  return x > y ? x : y;
}

float minimum(float x, float y) {
  if (std::isnan(x) || std::isnan(y))
    return kNan;
  if (x == y)
    return std::signbit(x) ? x : y;
  return x < y ? x : y;
}

// §3.1
float exp(float x) {
  static const float kCoefficients[] = {
      0x1.6a4da2p-9f, 0x1.123994p-6f, 0x1.5558bp-4f, 0x1.555492p-2f,
      0x1.fffffcp-1f, 2.0f,           2.0f};
  x = x < -87.25f ? -87.25f : x;
  x = x > 89.0f ? 89.0f : x;
  float k = std::fma(x, 0x1.715476p+0f, 12583038.0f);
  float n = k - 12583038.0f;
  float y = std::fma(n, -0x1.62e43p-1f, x);
  y = std::fma(n, 0x1.05c61p-29f, y);
  return polynomial(y, kCoefficients) * pattern(bits(k) << 23);
}

// §3.2
float log(float x) {
  static const float kCoefficients[] = {
      0x1.13c868p-4f,  -0x1.dd9ecp-4f,  0x1.e6dbe6p-4f,
      -0x1.fc3d62p-4f, 0x1.233afap-3f,  -0x1.555b9p-3f,
      0x1.99a478p-3f,  -0x1.000008p-2f, 0x1.555548p-2f};
  if (std::isnan(x))
    return x;
  if (x < 0.0f)
    return kNan;
  if (x == 0.0f)
    return -kInfinity;
  if (x == kInfinity)
    return x;
  bool small = x < 0x1p-126f;
  float v = small ? x * 0x1p+23f : x;
  int32_t i = int32_t(bits(v) - 0x3f3504f3u);
  int32_t e = i >> 23;
  float f = pattern((uint32_t(i) & 0x7fffffu) + 0x3f3504f3u) - 1.0f;
  float k = float(small ? e - 23 : e);
  float z = f * f;
  float y = (f * z) * polynomial(f, kCoefficients);
  y = std::fma(k, -0x1.bd0106p-13f, y);
  y = std::fma(-0.5f, z, y);
  return std::fma(k, 0x1.63p-1f, f + y);
}

// §3.3, for t in (0, 1] and t = +0.
static float log1p(float t) {
  float w = 1.0f + t;
  return log(w) + (t - (w - 1.0f)) / w;
}

// §3.4
float erf(float x) {
  static const float kNumerator[] = {0x1.19dd92p-19f, 0x1.2b6558p-12f,
                                     0x1.e32f98p-9f,  0x1.ae35p-5f,
                                     0x1.8184eap-3f,  0x1.20dd74p+0f};
  static const float kDenominator[] = {0x1.441e0ap-15f, 0x1.2ce03ep-10f,
                                       0x1.e54982p-7f,  0x1.cfec66p-4f,
                                       0x1.0014a6p-1f,  1.0f};
  float z = x * x;
  z = z > 14.875f ? 14.875f : z;
  float p = polynomial(z, kNumerator), q = polynomial(z, kDenominator);
  return saturate((p * x) / q);
}

// §3.5
float tanh(float x) {
  static const float kNumerator[] = {-0x1.ab797ap-37f, 0x1.06002p-25f,
                                     0x1.d549c8p-16f,  0x1.facc6ap-9f,
                                     0x1.1822c6p-3f,   1.0f};
  static const float kDenominator[] = {0x1.58e80cp-20f, 0x1.9cab52p-12f,
                                       0x1.be4a44p-6f, 0x1.e166b8p-2f, 1.0f};
  float z = x * x;
  z = z > 81.0f ? 81.0f : z;
  float p = polynomial(z, kNumerator), q = polynomial(z, kDenominator);
  return saturate((p * x) / q);
}

float sigmoid(float x) { return 1.0f / (1.0f + exp(-x)); }
float silu(float x) { return x / (1.0f + exp(-x)); }

// §3.8
float gelu(float x) {
  float h = 0.5f * x;
  return std::fma(h, erf(x * 0x1.6a09e6p-1f), h);
}

float geluTanh(float x) {
  float u = x * std::fma(x * x, -0x1.2444f2p-4f, -0x1.988454p+0f);
  return x / (1.0f + exp(u));
}

// §3.9
float softplus(float x) { return maximum(x, 0.0f) + log1p(exp(-std::fabs(x))); }

//===----------------------------------------------------------------------===//
// sin and cos (§3.10)
//===----------------------------------------------------------------------===//

namespace {
/// x = j * pi/2 + r with |r| <= pi/4, j modulo 4.
struct Reduced {
  uint32_t j;
  float r;
};
} // namespace

/// 96 bits of 2/pi, the last of weight 2^-count after the binary point.
static unsigned __int128 twoOverPiBits(int count) {
  static const uint32_t kWords[] = {0xA2F9836E, 0x4E441529, 0xFC2757D1,
                                    0xF534DDC0, 0xDB629599, 0x3C439041,
                                    0xFE5163AB, 0xDEBBC561};
  unsigned __int128 value = 0;
  for (int i = count - 96; i < count; ++i) {
    bool bit = i >= 0 && (kWords[i / 32] >> (31 - i % 32) & 1);
    value = value << 1 | (bit ? 1 : 0);
  }
  return value;
}

static Reduced reduceLarge(float x) {
  uint32_t word = bits(x) & 0x7fffffffu;
  int exponent = int(word >> 23) - 150;
  uint64_t mantissa = (word & 0x7fffffu) | 0x800000u;
  unsigned __int128 product = twoOverPiBits(exponent + 94) * mantissa;
  uint64_t fraction = uint64_t(product >> 32);
  uint32_t j = uint32_t((fraction + (uint64_t(1) << 61)) >> 62);
  int64_t d = int64_t(fraction - (uint64_t(j) << 62));
  float r = float(double(d) * 0x1.921fb54442d18p-62);
  return x < 0.0f ? Reduced{(0 - j) & 3, -r} : Reduced{j, r};
}

static Reduced reduce(float x) {
  if (std::fabs(x) > 0x1p+20f && std::fabs(x) < kInfinity)
    return reduceLarge(x);
  float k = std::fma(x, 0x1.45f306p-1f, 12582912.0f);
  float n = k - 12582912.0f;
  float r = std::fma(n, -0x1.921fb6p+0f, x);
  r = std::fma(n, 0x1.777a5cp-25f, r);
  return {bits(k) & 3, std::fma(n, 0x1.ee59dap-50f, r)};
}

static float sinOfQuadrant(uint32_t j, float r) {
  static const float kSine[] = {-0x1.9869cep-13f, 0x1.110494p-7f,
                                -0x1.55553ep-3f};
  static const float kCosine[] = {0x1.993c9ep-16f, -0x1.6c09c2p-10f,
                                  0x1.555546p-5f};
  float z = r * r, value;
  if (j & 1)
    value = std::fma(z * z, polynomial(z, kCosine), std::fma(-0.5f, z, 1.0f));
  else
    value = std::fma(r * z, polynomial(z, kSine), r);
  return j & 2 ? -value : value;
}

float sin(float x) {
  Reduced reduced = reduce(x);
  return sinOfQuadrant(reduced.j, reduced.r);
}

float cos(float x) {
  Reduced reduced = reduce(x);
  return sinOfQuadrant(reduced.j + 1, reduced.r);
}

// §3.11
float pow(float x, float y) { return float(pow(double(x), double(y))); }

} // namespace quantc::reference

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Float64 functions of docs/numerics.md §3.12, built like ReferenceMath.cpp.
// Rational coefficients are written as one division of exact doubles, which is
// the nearest double.

#include "quantc/Support/ReferenceMath.h"
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace quantc::reference {

namespace {
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

uint64_t bits(double x) { return std::bit_cast<uint64_t>(x); }
double pattern(uint64_t word) { return std::bit_cast<double>(word); }

/// Exact up to 22!, whose odd part fits in 53 bits.
constexpr double factorial(int n) {
  double product = 1;
  for (int i = 2; i <= n; ++i)
    product *= i;
  return product;
}

/// 2^e for -1022 <= e <= 1023.
double powerOfTwo(int64_t e) { return pattern(uint64_t(e + 1023) << 52); }
} // namespace

double maximum(double x, double y) {
  if (std::isnan(x) || std::isnan(y))
    return kNan;
  if (x == y)
    return std::signbit(x) ? y : x;
  return x > y ? x : y;
}

double minimum(double x, double y) {
  if (std::isnan(x) || std::isnan(y))
    return kNan;
  if (x == y)
    return std::signbit(x) ? x : y;
  return x < y ? x : y;
}

double exp(double x) {
  if (std::isnan(x))
    return x;
  x = x < -746.0 ? -746.0 : x;
  x = x > 710.0 ? 710.0 : x;
  double n = std::nearbyint(x * 0x1.71547652b82fep+0);
  double y = std::fma(n, -0x1.62e42fefa39efp-1, x);
  y = std::fma(n, -0x1.abc9e3b39803fp-56, y);
  double p = 1.0 / factorial(13);
  for (int i = 12; i >= 0; --i)
    p = std::fma(p, y, 1.0 / factorial(i));
  int64_t whole = int64_t(n), a = whole >> 1;
  return (p * powerOfTwo(a)) * powerOfTwo(whole - a);
}

double log(double x) {
  if (std::isnan(x))
    return x;
  if (x < 0.0)
    return kNan;
  if (x == 0.0)
    return -kInfinity;
  if (x == kInfinity)
    return x;
  int64_t exponent = 0;
  if (x < 0x1p-1022) {
    x *= 0x1p+54;
    exponent = -54;
  }
  uint64_t u = bits(x) - 0x3fe6a09e667f3bcdu;
  exponent += int64_t(u) >> 52;
  double f = pattern((u & 0xfffffffffffffu) + 0x3fe6a09e667f3bcdu) - 1.0;
  double s = f / (2.0 + f), z = s * s, k = double(exponent);
  double p = 2.0 / 25.0;
  for (int i = 23; i >= 3; i -= 2)
    p = std::fma(p, z, 2.0 / i);
  double t = std::fma(k, 0x1.abc9e3b39803fp-56, (s * z) * p);
  double w = std::fma(k, 0x1.62e42fefa39efp-1, 2.0 * s);
  return w + t;
}

/// For t > -1.
static double log1p(double t) {
  if (t == kInfinity)
    return t;
  double w = 1.0 + t;
  return log(w) + (t - (w - 1.0)) / w;
}

double erf(double x) {
  if (std::fabs(x) >= 6.0)
    return x < 0.0 ? -1.0 : 1.0;
  double z = x * x, s = 1.0;
  for (int i = 160; i >= 1; --i)
    s = std::fma(s, (2.0 * z) / (2 * i + 1), 1.0);
  return ((0x1.20dd750429b6dp+0 * x) * exp(-z)) * s;
}

double sinh(double x) {
  if (std::fabs(x) < 1.0) {
    double z = x * x, p = 1.0 / factorial(21);
    for (int i = 9; i >= 0; --i)
      p = std::fma(p, z, 1.0 / factorial(2 * i + 1));
    return x * p;
  }
  double e = exp(x);
  return (e - 1.0 / e) / 2.0;
}

double cosh(double x) {
  double e = exp(x);
  return (e + 1.0 / e) / 2.0;
}

double tanh(double x) {
  if (std::fabs(x) < 1.0)
    return sinh(x) / cosh(x);
  if (std::isnan(x))
    return x;
  double magnitude = 1.0 - 2.0 / (exp(2.0 * std::fabs(x)) + 1.0);
  return x < 0.0 ? -magnitude : magnitude;
}

static double sinOfQuadrant(double x, unsigned offset) {
  if (!(std::fabs(x) <= 0x1p+30))
    return kNan;
  double n = std::nearbyint(x * 0x1.45f306dc9c883p-1);
  unsigned j = unsigned(int64_t(n) + offset) & 3;
  double r = std::fma(n, -0x1.921fb54442d18p+0, x);
  r = std::fma(n, -0x1.1a62633145c07p-54, r);
  r = std::fma(n, 0x1.f1976b7ed8fbcp-110, r);
  double z = r * r, value = 0.0;
  bool cosine = j & 1;
  for (int i = 9; i >= 0; --i) {
    double c = 1.0 / factorial(2 * i + (cosine ? 0 : 1));
    c = i & 1 ? -c : c;
    value = i == 9 ? c : std::fma(value, z, c);
  }
  value = cosine ? value : r * value;
  return j & 2 ? -value : value;
}

double sin(double x) { return sinOfQuadrant(x, 0); }
double cos(double x) { return sinOfQuadrant(x, 1); }

double pow(double x, double y) {
  if (y == 0.0 || x == 1.0)
    return 1.0;
  if (std::isnan(x) || std::isnan(y))
    return kNan;
  bool isInteger = std::isinf(y) || y == std::trunc(y);
  bool isOdd = isInteger && std::fabs(y) < 0x1p+53 && (int64_t(y) & 1);
  if (x < 0.0 && !std::isinf(x) && !isInteger)
    return kNan;
  double magnitude = std::fabs(x) == 1.0 ? 1.0 : exp(y * log(std::fabs(x)));
  return std::signbit(x) && isOdd ? -magnitude : magnitude;
}

double tan(double x) { return sin(x) / cos(x); }

double atan(double x) {
  double a = std::fabs(x);
  bool steep = a > 1.0;
  double t = steep ? 1.0 / a : a;
  for (int i = 0; i < 2; ++i)
    t = t / (1.0 + std::sqrt(1.0 + t * t));
  double z = t * t, p = -1.0 / 27.0;
  for (int i = 12; i >= 0; --i)
    p = std::fma(p, z, (i & 1 ? -1.0 : 1.0) / (2 * i + 1));
  double g = 4.0 * (t * p);
  return std::copysign(steep ? 0x1.921fb54442d18p+0 - g : g, x);
}

double asin(double x) { return atan(x / std::sqrt((1.0 - x) * (1.0 + x))); }

double acos(double x) { return 2.0 * atan(std::sqrt((1.0 - x) / (1.0 + x))); }

/// log(2 a) for large a.
static double logOfTwice(double a) { return log(a) + 0x1.62e42fefa39efp-1; }

double asinh(double x) {
  double a = std::fabs(x);
  double y = a > 0x1p+28 ? logOfTwice(a)
                         : log1p(a + a * a / (1.0 + std::sqrt(a * a + 1.0)));
  return std::copysign(y, x);
}

double acosh(double x) {
  if (x < 1.0)
    return kNan;
  if (x > 0x1p+28)
    return logOfTwice(x);
  double t = x - 1.0;
  return log1p(t + std::sqrt(2.0 * t + t * t));
}

double atanh(double x) {
  double a = std::fabs(x);
  if (a > 1.0)
    return kNan;
  double y = a == 1.0 ? kInfinity : 0.5 * log1p(2.0 * a / (1.0 - a));
  return std::copysign(y, x);
}

double fmod(double x, double y) {
  double rest = std::fabs(x), b = std::fabs(y);
  if (std::isnan(x) || std::isnan(y) || rest == kInfinity || b == 0.0)
    return kNan;
  if (b == kInfinity)
    return x;
  // Long division: every subtraction and every power of two times b is exact.
  double t = b;
  while (t <= 0.5 * rest)
    t *= 2.0;
  for (; t >= b; t *= 0.5)
    if (rest >= t)
      rest -= t;
  return std::copysign(rest, x);
}

double sigmoid(double x) { return 1.0 / (1.0 + exp(-x)); }
double silu(double x) { return x / (1.0 + exp(-x)); }

double softplus(double x) {
  return maximum(x, 0.0) + log1p(exp(-std::fabs(x)));
}

double gelu(double x) {
  double h = 0.5 * x;
  return std::fma(h, erf(x * 0x1.6a09e667f3bcdp-1), h);
}

double geluTanh(double x) {
  double u = x * std::fma(x * x, -0x1.2444f2a4d8b4bp-4, -0x1.9884533d43651p+0);
  return x / (1.0 + exp(u));
}

} // namespace quantc::reference

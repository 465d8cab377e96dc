// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Row reductions, normalizations, contractions and attention rows, as
// docs/numerics.md writes them.

#include "ReferenceKernels.h"
#include "quantc/Support/ReferenceMath.h"
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

namespace quantc::reference {

//===----------------------------------------------------------------------===//
// Arithmetic of float, double and wrapping int64_t
//===----------------------------------------------------------------------===//

template <typename T> static T add(T a, T b) {
  if constexpr (std::is_integral_v<T>)
    return T(uint64_t(a) + uint64_t(b));
  else
    return a + b;
}

template <typename T> static T multiply(T a, T b) {
  if constexpr (std::is_integral_v<T>)
    return T(uint64_t(a) * uint64_t(b));
  else
    return a * b;
}

template <typename T> static T fusedMultiplyAdd(T a, T b, T c) {
  if constexpr (std::is_integral_v<T>)
    return T(uint64_t(a) * uint64_t(b) + uint64_t(c));
  else
    return std::fma(a, b, c);
}

//===----------------------------------------------------------------------===//
// Row reductions
//===----------------------------------------------------------------------===//

/// `step(acc, i)` for every element and `join(a, b)` in the order of §4.2.
template <typename T, typename Step, typename Join>
static T reduceRow(int64_t n, T neutral, Step step, Join join) {
  int64_t m1 = n - n % 64, m2 = n - n % 16;
  T lanes[64];
  std::fill(lanes, lanes + 64, neutral);
  for (int64_t i = 0; i < m1; i += 64)
    for (int l = 0; l < 64; ++l)
      lanes[l] = step(lanes[l], i + l);
  for (int h : {32, 16})
    for (int l = 0; l < h; ++l)
      lanes[l] = join(lanes[l], lanes[l + h]);
  for (int64_t i = m1; i < m2; i += 16)
    for (int l = 0; l < 16; ++l)
      lanes[l] = step(lanes[l], i + l);
  for (int l = 0; l < n - m2; ++l)
    lanes[l] = step(lanes[l], m2 + l);
  for (int h : {8, 4, 2, 1})
    for (int l = 0; l < h; ++l)
      lanes[l] = join(lanes[l], lanes[l + h]);
  return lanes[0];
}

template <typename T> T rowSum(const T *x, int64_t n) {
  return reduceRow<T>(
      n, T(0), [x](T acc, int64_t i) { return add(acc, x[i]); }, add<T>);
}

template <typename T> T rowSumOfSquares(const T *x, int64_t n) {
  return reduceRow<T>(
      n, T(0),
      [x](T acc, int64_t i) { return fusedMultiplyAdd(x[i], x[i], acc); },
      add<T>);
}

template <typename T> T rowProduct(const T *x, int64_t n) {
  return reduceRow<T>(
      n, T(1), [x](T acc, int64_t i) { return multiply(acc, x[i]); },
      multiply<T>);
}

template <typename T> T rowMean(const T *x, int64_t n) {
  T sum = rowSum(x, n);
  if constexpr (std::is_integral_v<T>)
    return n == 0 ? 0 : sum / n;
  else
    return sum / T(n);
}

template <typename T> T rowMaximum(const T *x, int64_t n, T empty) {
  for (int64_t i = 0; i < n; ++i) {
    if constexpr (std::is_integral_v<T>)
      empty = std::max(empty, x[i]);
    else
      empty = maximum(empty, x[i]);
  }
  return empty;
}

template <typename T> T rowMinimum(const T *x, int64_t n, T empty) {
  for (int64_t i = 0; i < n; ++i) {
    if constexpr (std::is_integral_v<T>)
      empty = std::min(empty, x[i]);
    else
      empty = minimum(empty, x[i]);
  }
  return empty;
}

template <typename T> T rowMaximumIgnoringNan(const T *x, int64_t n) {
  T m = -std::numeric_limits<T>::infinity();
  for (int64_t i = 0; i < n; ++i)
    m = x[i] > m ? x[i] : m;
  return m;
}

//===----------------------------------------------------------------------===//
// Normalizations
//===----------------------------------------------------------------------===//

template <typename T> void softmaxRow(const T *x, int64_t n, T *y) {
  T m = rowMaximumIgnoringNan(x, n);
  for (int64_t i = 0; i < n; ++i)
    y[i] = exp(x[i] - m);
  T r = T(1) / rowSum(y, n);
  for (int64_t i = 0; i < n; ++i)
    y[i] = y[i] * r;
}

template <typename T>
void layerNormRow(const T *x, const T *gamma, const T *beta, int64_t n,
                  T epsilon, T *y) {
  T mean = rowSum(x, n) / T(n);
  std::vector<T> d(n);
  for (int64_t i = 0; i < n; ++i)
    d[i] = x[i] - mean;
  T variance = rowSumOfSquares(d.data(), n) / T(n);
  T rstd = T(1) / std::sqrt(variance + epsilon);
  for (int64_t i = 0; i < n; ++i) {
    T normal = d[i] * rstd;
    y[i] = beta ? std::fma(normal, gamma[i], beta[i]) : normal * gamma[i];
  }
}

template <typename T>
void rmsNormRow(const T *x, const T *gamma, int64_t n, T epsilon, T *y) {
  T meanSquare = rowSumOfSquares(x, n) / T(n);
  T rstd = T(1) / std::sqrt(meanSquare + epsilon);
  for (int64_t i = 0; i < n; ++i)
    y[i] = (x[i] * rstd) * gamma[i];
}

template <typename T>
void batchNormChannel(const T *x, int64_t n, T gamma, T beta, T mean,
                      T variance, T epsilon, T *y) {
  T a = gamma / std::sqrt(variance + epsilon);
  T b = std::fma(-mean, a, beta);
  for (int64_t i = 0; i < n; ++i)
    y[i] = std::fma(x[i], a, b);
}

//===----------------------------------------------------------------------===//
// Contractions
//===----------------------------------------------------------------------===//

template <typename T>
void contract(const T *a, const T *w, int64_t K, int64_t N, T *y) {
  constexpr int64_t kBlock = 64;
  for (int64_t first = 0; first < N; first += kBlock) {
    int64_t count = std::min(kBlock, N - first);
    T acc[kBlock] = {};
    if (count == kBlock) {
      for (int64_t k = 0; k < K; ++k)
        for (int64_t n = 0; n < kBlock; ++n)
          acc[n] = fusedMultiplyAdd(a[k], w[k * N + first + n], acc[n]);
    } else {
      for (int64_t k = 0; k < K; ++k)
        for (int64_t n = 0; n < count; ++n)
          acc[n] = fusedMultiplyAdd(a[k], w[k * N + first + n], acc[n]);
    }
    std::copy(acc, acc + count, y + first);
  }
}

template <typename T> void addRow(const T *x, const T *bias, int64_t n, T *y) {
  for (int64_t i = 0; i < n; ++i)
    y[i] = add(x[i], bias[i]);
}

template <typename T> T chainSum(const T *x, int64_t n) {
  T acc = 0;
  for (int64_t i = 0; i < n; ++i)
    acc = add(acc, x[i]);
  return acc;
}

template <typename T> T divideByCount(T sum, int64_t count) {
  if constexpr (std::is_integral_v<T>)
    return count == 0 ? 0 : sum / count;
  else
    return sum / T(count);
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

template <typename T>
void rotaryRow(const T *x, const T *cos, const T *sin, int64_t d, T *y) {
  int64_t half = d / 2;
  for (int64_t i = 0; i < d; ++i) {
    T rotated = i < half ? -x[i + half] : x[i - half];
    T direct = x[i] * cos[i], turned = rotated * sin[i];
    y[i] = direct + turned;
  }
}

template <typename T>
void attentionProbabilities(T *t, const T *mask, int64_t length,
                            int64_t visible, T scale) {
  constexpr T kLowest = -std::numeric_limits<T>::infinity();
  for (int64_t j = 0; j < length; ++j) {
    t[j] = t[j] * scale;
    if (mask)
      t[j] = t[j] + mask[j];
    if (j >= visible)
      t[j] = kLowest;
  }
  T m = rowMaximumIgnoringNan(t, length);
  T shift = m == kLowest ? T(0) : m;
  for (int64_t j = 0; j < length; ++j)
    t[j] = exp(t[j] - shift);
  T r = m == kLowest ? T(0) : T(1) / rowSum(t, length);
  for (int64_t j = 0; j < length; ++j)
    t[j] = t[j] * r;
}

//===----------------------------------------------------------------------===//
// Instantiations
//===----------------------------------------------------------------------===//

#define QUANTC_INSTANTIATE_ALL(T)                                              \
  template T rowSum(const T *, int64_t);                                       \
  template T rowProduct(const T *, int64_t);                                   \
  template T rowMean(const T *, int64_t);                                      \
  template T rowMaximum(const T *, int64_t, T);                                \
  template T rowMinimum(const T *, int64_t, T);                                \
  template void contract(const T *, const T *, int64_t, int64_t, T *);         \
  template void addRow(const T *, const T *, int64_t, T *);                    \
  template T chainSum(const T *, int64_t);                                     \
  template T divideByCount(T, int64_t);
#define QUANTC_INSTANTIATE_FLOAT(T)                                            \
  QUANTC_INSTANTIATE_ALL(T)                                                    \
  template T rowSumOfSquares(const T *, int64_t);                              \
  template T rowMaximumIgnoringNan(const T *, int64_t);                        \
  template void softmaxRow(const T *, int64_t, T *);                           \
  template void layerNormRow(const T *, const T *, const T *, int64_t, T,      \
                             T *);                                             \
  template void rmsNormRow(const T *, const T *, int64_t, T, T *);             \
  template void batchNormChannel(const T *, int64_t, T, T, T, T, T, T *);      \
  template void rotaryRow(const T *, const T *, const T *, int64_t, T *);      \
  template void attentionProbabilities(T *, const T *, int64_t, int64_t, T);
QUANTC_INSTANTIATE_FLOAT(float)
QUANTC_INSTANTIATE_FLOAT(double)
QUANTC_INSTANTIATE_ALL(int64_t)

} // namespace quantc::reference

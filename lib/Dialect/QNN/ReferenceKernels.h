// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loops of the reference evaluator on plain arrays, in the orders that
// docs/numerics.md §4, §5 and §7 fix.  Instantiated for float, double and,
// where it makes sense, int64_t (wrapping); no MLIR here, so that this file can
// be built with the flags of quantc_reference_sources.

#ifndef QUANTC_LIB_DIALECT_QNN_REFERENCEKERNELS_H
#define QUANTC_LIB_DIALECT_QNN_REFERENCEKERNELS_H

#include <cstdint>

namespace quantc::reference {

/// §4.2: the fixed tree over 64 lanes.
template <typename T> T rowSum(const T *x, int64_t n);
template <typename T> T rowSumOfSquares(const T *x, int64_t n);
template <typename T> T rowProduct(const T *x, int64_t n);
/// §4.3; integers: the wrapping sum divided by n, 0 for n = 0.
template <typename T> T rowMean(const T *x, int64_t n);
/// §2.2 over a row, starting from `empty`.
template <typename T> T rowMaximum(const T *x, int64_t n, T empty);
template <typename T> T rowMinimum(const T *x, int64_t n, T empty);
/// The maximum from -Inf that ignores NaN.
template <typename T> T rowMaximumIgnoringNan(const T *x, int64_t n);

/// §4.5 and §4.4.  `beta` may be null.
template <typename T> void softmaxRow(const T *x, int64_t n, T *y);
template <typename T>
void layerNormRow(const T *x, const T *gamma, const T *beta, int64_t n,
                  T epsilon, T *y);
template <typename T>
void rmsNormRow(const T *x, const T *gamma, int64_t n, T epsilon, T *y);
/// y(i) = x(i) * a + b by one fma, over one channel.
template <typename T>
void batchNormChannel(const T *x, int64_t n, T gamma, T beta, T mean,
                      T variance, T epsilon, T *y);

/// §5.1: y[n] = the chain over ascending k of a[k] * w[k * N + n].
template <typename T>
void contract(const T *a, const T *w, int64_t K, int64_t N, T *y);
/// y[i] = x[i] + bias[i].
template <typename T> void addRow(const T *x, const T *bias, int64_t n, T *y);

/// §5.7, one step of the average and its end.
template <typename T> T chainSum(const T *x, int64_t n);
template <typename T> T divideByCount(T sum, int64_t count);

/// §4.6 for one row of size d; cos and sin have d elements.
template <typename T>
void rotaryRow(const T *x, const T *cos, const T *sin, int64_t d, T *y);

/// §7 for one query row and one head: scores in `t` before scaling, overwritten
/// by the probabilities.  `mask` may be null; keys from `visible` on are
/// excluded (§7.1).
template <typename T>
void attentionProbabilities(T *t, const T *mask, int64_t length,
                            int64_t visible, T scale);

} // namespace quantc::reference

#endif // QUANTC_LIB_DIALECT_QNN_REFERENCEKERNELS_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The inner loops of the observers: plain C++ that is built for x86-64-v3.
// Their results do not depend on how the compiler makes vectors of them.

#ifndef QUANTC_LIB_CALIBRATION_OBSERVERKERNELS_H
#define QUANTC_LIB_CALIBRATION_OBSERVERKERNELS_H

#include <cstdint>

namespace quantc {
class BinnedSums;
} // namespace quantc

namespace quantc::kernels {

/// The least and greatest number, without the sign of zero.  Returns the first
/// index of a number that is not finite or beyond `limit`, or -1; then the
/// range is valid.
int64_t scanRange(const float *data, int64_t count, float limit,
                  float range[2]);

void maximizeAbs(const float *data, int64_t rows, int64_t channels,
                 float *maxima);

/// counts[upper 16 bits of x] += 1.  Both zeros count as +0.
void countBins(const float *data, int64_t count, uint64_t *counts);

/// Sums of all rows, each one chain in ascending row.
void sumRows(const float *data, int64_t rows, int64_t channels, double *sums);

/// Floats that packRows writes.
int64_t packedSize(int64_t rows, int64_t channels);
void packRows(const float *data, int64_t rows, int64_t channels, float *packed);
/// Parts of a triangle of that many channels.
int64_t triangleParts(int64_t channels);
/// Adds one part of XᵀX of packed rows to the triangle's sums.
void addTriangle(const float *packed, int64_t rows, int64_t channels,
                 int64_t part, BinnedSums &triangle);

} // namespace quantc::kernels

#endif // QUANTC_LIB_CALIBRATION_OBSERVERKERNELS_H

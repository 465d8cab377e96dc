// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The lower triangle of XᵀX of one sample, in tiles that are independent of
// each other.  An element is, for each chunk of 128 rows, one chain of fused
// multiply-adds in ascending row in f32; chunks are added in f64, and the
// sample goes into an order-independent sum.
//
// Packed rows: for each chunk, panels of 6 channels, then panels of 16
// channels, each [rows of the chunk][6 or 16].  Channels are filled up with
// zeros to a multiple of 48.

#include "ObserverKernels.h"
#include "quantc/Calibration/BinnedSums.h"
#include <algorithm>
#include <cstring>
#include <vector>

namespace quantc::kernels {

namespace {

constexpr int64_t kChunk = 128, kTall = 6, kWide = 16, kPad = 48, kTile = 96;

using V8 = float __attribute__((vector_size(32)));
using W8 = double __attribute__((vector_size(64)));

V8 load(const float *from) {
  V8 vector;
  std::memcpy(&vector, from, sizeof(vector));
  return vector;
}

void accumulate(double *to, V8 chain) {
  W8 sums;
  std::memcpy(&sums, to, sizeof(sums));
  sums += __builtin_convertvector(chain, W8);
  std::memcpy(to, &sums, sizeof(sums));
}

int64_t paddedChannels(int64_t channels) {
  return (channels + kPad - 1) / kPad * kPad;
}

void packPanels(const float *data, int64_t rows, int64_t channels,
                int64_t width, float *packed) {
  for (int64_t first = 0; first < paddedChannels(channels); first += width)
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t c = first; c < first + width; ++c)
        *packed++ = c < channels ? data[row * channels + c] : 0;
}

/// sums[6][16] (rows kTile apart) += the product of two panels.
void addProduct(const float *tall, const float *wide, int64_t rows,
                double *sums) {
  V8 chains[kTall][2] = {};
  for (int64_t row = 0; row < rows; ++row, tall += kTall, wide += kWide) {
    V8 left = load(wide), right = load(wide + 8);
    for (int i = 0; i < kTall; ++i) {
      V8 x = {tall[i], tall[i], tall[i], tall[i],
              tall[i], tall[i], tall[i], tall[i]};
      chains[i][0] = __builtin_elementwise_fma(x, left, chains[i][0]);
      chains[i][1] = __builtin_elementwise_fma(x, right, chains[i][1]);
    }
  }
  for (int i = 0; i < kTall; ++i, sums += kTile) {
    accumulate(sums, chains[i][0]);
    accumulate(sums + 8, chains[i][1]);
  }
}

} // namespace

int64_t packedSize(int64_t rows, int64_t channels) {
  return 2 * rows * paddedChannels(channels);
}

void packRows(const float *data, int64_t rows, int64_t channels,
              float *packed) {
  for (int64_t first = 0; first < rows; first += kChunk) {
    int64_t count = std::min(kChunk, rows - first);
    for (int64_t width : {kTall, kWide}) {
      packPanels(data + first * channels, count, channels, width, packed);
      packed += count * paddedChannels(channels);
    }
  }
}

int64_t triangleParts(int64_t channels) {
  int64_t tiles = (channels + kTile - 1) / kTile;
  return tiles * (tiles + 1) / 2;
}

void addTriangle(const float *packed, int64_t rows, int64_t channels,
                 int64_t part, BinnedSums &triangle) {
  int64_t tileRow = 0;
  while (part > tileRow)
    part -= ++tileRow;
  int64_t padded = paddedChannels(channels);
  int64_t i0 = tileRow * kTile, i1 = std::min(i0 + kTile, padded);
  int64_t j0 = part * kTile, j1 = std::min(j0 + kTile, padded);
  std::vector<double> sums(kTile * kTile, 0);
  for (int64_t first = 0; first < rows; first += kChunk) {
    int64_t count = std::min(kChunk, rows - first);
    const float *tall = packed + 2 * first * padded;
    const float *wide = tall + count * padded;
    for (int64_t j = j0; j < j1; j += kWide)
      for (int64_t i = i0; i < i1; i += kTall)
        if (j < i + kTall)
          addProduct(tall + i * count, wide + j * count, count,
                     &sums[(i - i0) * kTile + (j - j0)]);
  }
  for (int64_t i = i0; i < std::min(i1, channels); ++i) {
    int64_t end = std::min(j1, i + 1);
    triangle.add(size_t(i * (i + 1) / 2 + j0),
                 {&sums[(i - i0) * kTile], size_t(end - j0)});
  }
}

} // namespace quantc::kernels

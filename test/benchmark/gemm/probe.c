// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A plain reference of f32 lowbit.matmul, and register-only loops that measure
// what the multiply-add units can do at this moment: 24 independent
// accumulators, no memory.  Each iteration does 24 * 16 multiply-adds of f32,
// or four times as many of bytes.
#include <immintrin.h>
#include <stdint.h>

#define REPEAT24(X)                                                            \
  X(0)                                                                         \
  X(1)                                                                         \
  X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)  \
      X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23)

#ifdef __AVX512VNNI__
int64_t probe_bytes(int64_t iterations) {
#define DECLARE(i) __m512i s##i = _mm512_setzero_si512();
  REPEAT24(DECLARE)
  __m512i x = _mm512_set1_epi8(1), y = _mm512_set1_epi8(2);
  for (int64_t i = 0; i < iterations; ++i) {
#define STEP(i)                                                                \
  __asm__ volatile("vpdpbusd %2, %1, %0" : "+v"(s##i) : "v"(x), "v"(y));
    REPEAT24(STEP)
#undef STEP
  }
#define SUM(i) x = _mm512_add_epi32(x, s##i);
  REPEAT24(SUM)
#undef SUM
#undef DECLARE
  return _mm512_reduce_add_epi32(x);
}
#endif

#ifdef __AVX512F__
double probe_fma(int64_t iterations) {
#define DECLARE(i) __m512 s##i = _mm512_setzero_ps();
  REPEAT24(DECLARE)
  __m512 x = _mm512_set1_ps(1), y = _mm512_set1_ps(2);
  for (int64_t i = 0; i < iterations; ++i) {
#define STEP(i)                                                                \
  __asm__ volatile("vfmadd231ps %2, %1, %0" : "+v"(s##i) : "v"(x), "v"(y));
    REPEAT24(STEP)
#undef STEP
  }
#define SUM(i) x = _mm512_add_ps(x, s##i);
  REPEAT24(SUM)
#undef SUM
#undef DECLARE
  return _mm512_reduce_add_ps(x);
}
#endif

// C += A * B^T with B as [n][k], in ascending k.
void reference_f32(const float *a, const float *b, float *c, int64_t m,
                   int64_t n, int64_t k) {
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      float sum = c[i * n + j];
      for (int64_t p = 0; p < k; ++p)
        sum = __builtin_fmaf(a[i * k + p], b[j * k + p], sum);
      c[i * n + j] = sum;
    }
}

// C = fma(sum over a group of a * w, its scale, C) for ascending groups, then
// with offsets C = fma(sum of a, its offset, C).  W is [n][k], what codes less
// their integer offset stand for; scales and offsets are [n][groups].
#define REFERENCE_BLOCKS(NAME, TYPE, WEIGHT, SUM, STEP)                        \
  void NAME(const TYPE *a, const WEIGHT *w, const float *scales,               \
            const float *offsets, float *c, int64_t m, int64_t n, int64_t k,   \
            int64_t group) {                                                   \
    int64_t groups = (k + group - 1) / group;                                  \
    for (int64_t i = 0; i < m; ++i)                                            \
      for (int64_t j = 0; j < n; ++j)                                          \
        for (int64_t g = 0; g < groups; ++g) {                                 \
          SUM sum = 0, total = 0;                                              \
          for (int64_t p = g * group; p < k && p < (g + 1) * group; ++p) {     \
            sum = STEP(a[i * k + p], w[j * k + p], sum);                       \
            total = total + a[i * k + p];                                      \
          }                                                                    \
          float *to = &c[i * n + j];                                           \
          *to = __builtin_fmaf((float)sum, scales[j * groups + g], *to);       \
          if (offsets)                                                         \
            *to = __builtin_fmaf((float)total, offsets[j * groups + g], *to);  \
        }                                                                      \
  }
#define STEP_BYTES(x, y, sum) (sum + x * y)
#define STEP_FLOAT(x, y, sum) __builtin_fmaf(x, y, sum)
REFERENCE_BLOCKS(reference_blocks_i8, int8_t, int16_t, int32_t, STEP_BYTES)
REFERENCE_BLOCKS(reference_blocks_f32, float, float, float, STEP_FLOAT)

// Reads every byte once, `bytes` a multiple of 512: what memory gives.
int64_t probe_read(const char *from, int64_t bytes) {
  const int64_t *words = (const int64_t *)from;
  int64_t count = bytes / 8;
#ifdef __AVX512F__
  __m512i s[8];
  for (int i = 0; i < 8; ++i)
    s[i] = _mm512_setzero_si512();
  for (int64_t i = 0; i + 64 <= count; i += 64)
    for (int j = 0; j < 8; ++j)
      s[j] = _mm512_xor_si512(s[j], _mm512_loadu_si512(words + i + 8 * j));
  for (int i = 1; i < 8; ++i)
    s[0] = _mm512_xor_si512(s[0], s[i]);
  return _mm512_reduce_add_epi64(s[0]);
#else
  int64_t sum = 0;
  for (int64_t i = 0; i < count; ++i)
    sum ^= words[i];
  return sum;
#endif
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scales, offsets and codes of integer formats, as docs/numerics.md §6.4 and
// §6.6 write them: every operation in f32, rounded once.

#include "IntCodes.h"
#include <algorithm>
#include <cmath>

namespace quantc::fmt {

/// Ranges below this have the scale 1: their quotients would lose bits.
static constexpr float kSmallest = 0x1p-100f;

int64_t extendRange(const float *values, int64_t n, FloatRange &range) {
  for (int64_t i = 0; i < n; ++i) {
    if (!std::isfinite(values[i]))
      return i;
    range.low = std::min(range.low, values[i]);
    range.high = std::max(range.high, values[i]);
  }
  return -1;
}

float symmetricScale(const FloatRange &range, float largest) {
  float amax = range.isEmpty() ? 0 : std::max(std::fabs(range.low), range.high);
  return amax < kSmallest ? 1 : amax / largest;
}

/// (high - low) / levels without overflow of the difference.
static float quotient(float low, float high, float levels) {
  float difference = high - low;
  return std::isinf(difference) ? high / levels - low / levels
                                : difference / levels;
}

float integerOffsetScale(const FloatRange &range, int32_t maxCode) {
  float low = std::min(0.0f, range.low), high = std::max(0.0f, range.high);
  if (high - low < kSmallest)
    return 1;
  return quotient(low, high, float(maxCode));
}

float floatOffsetScale(const FloatRange &range, float offset, int32_t maxCode) {
  if (range.isEmpty() || range.high - offset < kSmallest * float(maxCode))
    return 1;
  return quotient(offset, range.high, float(maxCode));
}

/// clamp(roundeven(x), low, high), as if in infinite precision.
static int32_t roundClamped(float x, int32_t low, int32_t high) {
  float rounded = std::nearbyint(x);
  return int32_t(std::min(std::max(rounded, float(low)), float(high)));
}

int32_t integerOffset(const FloatRange &range, float scale, int32_t maxCode) {
  float low = std::min(0.0f, range.low);
  return roundClamped(-low / scale, 0, maxCode);
}

/// `step` is 0 where one scale and one offset serve all values.  Sums of whole
/// numbers below 2^24 are exact, and adding the offset turns -0 into +0.
template <bool isFloatOffset, int64_t step>
static void roundEach(const CodeRule &rule, const float *__restrict values,
                      int64_t n, const float *__restrict scales,
                      const float *__restrict offsets,
                      uint8_t *__restrict codes, float *__restrict decoded) {
  float low = float(rule.minCode), high = float(rule.maxCode);
  for (int64_t i = 0; i < n; ++i) {
    float scale = scales[i * step], offset = offsets[i * step], code;
    if (isFloatOffset) {
      float rounded = std::nearbyint((values[i] - offset) / scale);
      code = std::min(std::max(rounded, low), high) + 0.0f;
      decoded[i] = std::fma(code, scale, offset);
    } else {
      float rounded = std::nearbyint(values[i] / scale);
      code = std::min(std::max(rounded, low - offset), high - offset) + offset;
      decoded[i] = (code - offset) * scale;
    }
    codes[i] = uint8_t(int32_t(code));
  }
}

void roundRun(const CodeRule &rule, const float *values, int64_t n,
              const float *scales, const float *offsets, bool isShared,
              uint8_t *codes, float *decoded) {
  auto each = rule.isFloatOffset
                  ? (isShared ? roundEach<true, 0> : roundEach<true, 1>)
                  : (isShared ? roundEach<false, 0> : roundEach<false, 1>);
  each(rule, values, n, scales, offsets, codes, decoded);
}

float decodeCode(const CodeRule &rule, int32_t code, float scale,
                 float offset) {
  return rule.isFloatOffset ? std::fma(float(code), scale, offset)
                            : (float(code) - offset) * scale;
}

} // namespace quantc::fmt

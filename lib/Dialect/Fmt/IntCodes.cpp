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

float symmetricScale(const FloatRange &range, int32_t maxCode) {
  float amax = range.isEmpty() ? 0 : std::max(std::fabs(range.low), range.high);
  return amax < kSmallest ? 1 : amax / float(maxCode);
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

void encodeRun(const float *values, int64_t n, float scale, int32_t offset,
               int32_t minCode, int32_t maxCode, uint8_t *codes) {
  for (int64_t i = 0; i < n; ++i)
    codes[i] = uint8_t(
        roundClamped(values[i] / scale, minCode - offset, maxCode - offset) +
        offset);
}

void encodeRun(const float *values, int64_t n, float scale, float offset,
               int32_t minCode, int32_t maxCode, uint8_t *codes) {
  for (int64_t i = 0; i < n; ++i)
    codes[i] =
        uint8_t(roundClamped((values[i] - offset) / scale, minCode, maxCode));
}

float decodeCode(int32_t code, float scale, int32_t offset) {
  return float(code - offset) * scale;
}

float decodeCode(int32_t code, float scale, float offset) {
  return std::fma(float(code), scale, offset);
}

} // namespace quantc::fmt

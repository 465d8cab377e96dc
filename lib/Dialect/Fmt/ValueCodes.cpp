// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rounding to small floats and to tables.

#include "ValueCodes.h"
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace quantc::fmt {

//===----------------------------------------------------------------------===//
// Small floats
//===----------------------------------------------------------------------===//

/// 2^exponent, a normal f32.
static float powerOfTwo(int exponent) {
  return std::bit_cast<float>(uint32_t(exponent + 127) << 23);
}

uint8_t SmallFloat::getLargestCode() const {
  uint8_t all = uint8_t((1 << (getWidth() - 1)) - 1);
  if (getWidth() < 8)
    return all;
  if (exponentBits == 4)
    return all - 1;
  return uint8_t((((1 << exponentBits) - 1) << mantissaBits) - 1);
}

float SmallFloat::decode(uint8_t code) const {
  int magnitude = code & ((1 << (getWidth() - 1)) - 1);
  if (code >> getWidth() || magnitude > getLargestCode())
    return std::numeric_limits<float>::quiet_NaN();
  int exponent = magnitude >> mantissaBits;
  int mantissa = magnitude & ((1 << mantissaBits) - 1);
  if (exponent)
    mantissa += 1 << mantissaBits;
  float value = float(mantissa) *
                powerOfTwo(std::max(exponent, 1) - getBias() - mantissaBits);
  return code >> (getWidth() - 1) ? -value : value;
}

// A magnitude in the binade of 2^e is a multiple n of 2^(e - mantissaBits), n
// from 2^mantissaBits on, and its code is n + ((e - least e) << mantissaBits).
// The same holds below the least e, where n is smaller.
void SmallFloat::round(const RoundedRun &run) const {
  int least = 1 - getBias();
  float largest = decode(getLargestCode());
  for (int64_t i = 0; i < run.n; ++i) {
    float scale = run.scales[run.isShared ? 0 : i];
    uint32_t bits = std::bit_cast<uint32_t>(run.values[i] / scale);
    bool isNegative = bits >> 31;
    float magnitude =
        std::min(std::bit_cast<float>(bits & 0x7fffffff), largest);
    int exponent =
        std::max(int(std::bit_cast<uint32_t>(magnitude) >> 23) - 127, least);
    float n = std::nearbyint(magnitude * powerOfTwo(mantissaBits - exponent));
    int code = int(n) + ((exponent - least) << mantissaBits);
    run.codes[i] = uint8_t(code | int(isNegative) << (getWidth() - 1));
    float value = n * powerOfTwo(exponent - mantissaBits);
    run.decoded[i] = (isNegative ? -value : value) * scale;
  }
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

/// The largest f32 that is not above the middle of two entries, so that
/// comparing f32 with it is comparing with the middle.
static float lowerMiddle(float low, float high) {
  double middle = (double(low) + double(high)) / 2;
  auto rounded = float(middle);
  return double(rounded) > middle
             ? std::nextafter(rounded, -std::numeric_limits<float>::infinity())
             : rounded;
}

void ValueTable::round(const RoundedRun &run) const {
  std::vector<float> middles;
  for (int64_t i = 1; i < size; ++i)
    middles.push_back(lowerMiddle(values[i - 1], values[i]));
  for (int64_t i = 0; i < run.n; ++i) {
    float scale = run.scales[run.isShared ? 0 : i];
    float x = run.values[i] / scale;
    int code = 0;
    for (float middle : middles)
      code += x > middle;
    run.codes[i] = uint8_t(code);
    run.decoded[i] = values[code] * scale;
  }
}

} // namespace quantc::fmt

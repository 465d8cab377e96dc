// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The arithmetic of integer formats on one run of elements that share a scale
// (docs/numerics.md §6.4 and §6.6).  In: f32 values.  Out: scales, offsets and
// codes.  Never here: MLIR headers, shapes.

#ifndef QUANTC_LIB_DIALECT_FMT_INTCODES_H
#define QUANTC_LIB_DIALECT_FMT_INTCODES_H

#include <cstdint>
#include <limits>

namespace quantc::fmt {

/// The smallest and the largest value of a block.
struct FloatRange {
  float low = std::numeric_limits<float>::infinity();
  float high = -std::numeric_limits<float>::infinity();

  bool isEmpty() const { return low > high; }
};

/// Extends the range by `n` finite values.  Returns the index of the first that
/// is not finite, or -1.
int64_t extendRange(const float *values, int64_t n, FloatRange &range);

/// The scales of §6.6, before they are rounded to their stored type; `largest`
/// is what the largest code stands for.
float symmetricScale(const FloatRange &range, float largest);
float integerOffsetScale(const FloatRange &range, int32_t maxCode);
/// `offset` is the stored offset.
float floatOffsetScale(const FloatRange &range, float offset, int32_t maxCode);
/// The integer offset that goes with the stored scale.
int32_t integerOffset(const FloatRange &range, float scale, int32_t maxCode);

/// The codes of a format and what its offset means.
struct CodeRule {
  int32_t minCode, maxCode;
  /// value = fma(code, scale, offset), else (code - offset) * scale.
  bool isFloatOffset;
};

/// Rounds `n` values.  Scales and offsets are one for each value, or one for
/// all if `isShared`; integer offsets are whole numbers.  Codes are written as
/// their low eight bits.
void roundRun(const CodeRule &rule, const float *values, int64_t n,
              const float *scales, const float *offsets, bool isShared,
              uint8_t *codes, float *decoded);

/// The value of a code (§6.4).
float decodeCode(const CodeRule &rule, int32_t code, float scale, float offset);

} // namespace quantc::fmt

#endif // QUANTC_LIB_DIALECT_FMT_INTCODES_H

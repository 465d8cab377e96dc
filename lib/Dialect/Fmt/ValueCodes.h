// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The arithmetic of formats whose codes stand for floats (docs/numerics.md
// §6.4, §6.6).  Never here: MLIR headers, shapes.

#ifndef QUANTC_LIB_DIALECT_FMT_VALUECODES_H
#define QUANTC_LIB_DIALECT_FMT_VALUECODES_H

#include <cstdint>
#include <vector>

namespace quantc::fmt {

/// What is rounded: n values, scales one for each or one for all, and where
/// codes and what they decode to go.
struct RoundedRun {
  const float *values;
  int64_t n;
  const float *scales;
  bool isShared;
  uint8_t *codes;
  float *decoded;
};

/// Floats of few bits: a sign, an exponent, a mantissa of 1 bit or more.
struct SmallFloat {
  int exponentBits, mantissaBits;

  int getWidth() const { return 1 + exponentBits + mantissaBits; }
  int getBias() const { return (1 << (exponentBits - 1)) - 1; }
  /// The code of the largest finite value.
  uint8_t getLargestCode() const;
  /// NaN for infinities and NaN.
  float decode(uint8_t code) const;
  /// Ties to even; beyond the largest value, that.
  void round(const RoundedRun &run) const;
};

/// An ascending table.
struct ValueTable {
  const float *values;
  int64_t size;

  /// To the nearest entry, ties to the lower one.
  void round(const RoundedRun &run) const;
};

} // namespace quantc::fmt

#endif // QUANTC_LIB_DIALECT_FMT_VALUECODES_H

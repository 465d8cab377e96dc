// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Everything that asks or sets the CPU: which features generated code may use,
// and the floating-point mode it relies on.
#ifndef QUANTC_LIB_RUNTIME_CPU_H
#define QUANTC_LIB_RUNTIME_CPU_H

#include "quantc/Runtime/Features.h"

#include "Support.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace quantc::runtime {

/// Returns QUANTC_UNSUPPORTED_CPU, naming a feature, unless the CPU and the
/// operating system offer all of `needed`.  Asks the system for the use of AMX
/// tiles if they are needed.
quantc_status checkFeatures(const uint64_t (&needed)[2], Error &error);

/// Rounds to nearest, keeps subnormal numbers and masks exceptions while it
/// lives; the caller's mode and sticky flags come back afterwards.
class FloatMode {
public:
#if defined(__x86_64__)
  FloatMode() : saved(_mm_getcsr()) { _mm_setcsr(0x1f80); }
  ~FloatMode() { _mm_setcsr(saved); }
#else
  FloatMode() {}
#endif
  FloatMode(const FloatMode &) = delete;
  FloatMode &operator=(const FloatMode &) = delete;

private:
  [[maybe_unused]] uint32_t saved = 0;
};

} // namespace quantc::runtime

#endif // QUANTC_LIB_RUNTIME_CPU_H

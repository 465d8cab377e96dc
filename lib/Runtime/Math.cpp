// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The float64 functions of docs/numerics.md §3.12 under the names that kernels
// call (call-math).  They are the reference's own text, compiled once more
// without libm; the linker takes what a model uses.

#include "../Support/ReferenceMath64.cpp"

#define QUANTC_MATH(NAME)                                                      \
  extern "C" double quantc_math_##NAME(double x);                              \
  double quantc_math_##NAME(double x) { return quantc::reference::NAME(x); }
QUANTC_MATH(exp)
QUANTC_MATH(log)
QUANTC_MATH(erf)
QUANTC_MATH(sin)
QUANTC_MATH(cos)
QUANTC_MATH(tan)
QUANTC_MATH(asin)
QUANTC_MATH(acos)
QUANTC_MATH(atan)
QUANTC_MATH(sinh)
QUANTC_MATH(cosh)
QUANTC_MATH(tanh)
QUANTC_MATH(asinh)
QUANTC_MATH(acosh)
QUANTC_MATH(atanh)
#undef QUANTC_MATH

#define QUANTC_MATH2(NAME)                                                     \
  extern "C" double quantc_math_##NAME(double x, double y);                    \
  double quantc_math_##NAME(double x, double y) {                              \
    return quantc::reference::NAME(x, y);                                      \
  }
QUANTC_MATH2(pow)
QUANTC_MATH2(fmod)
#undef QUANTC_MATH2

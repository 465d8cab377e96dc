// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The scalar functions of docs/numerics.md, bit for bit: §2.2 and §3 for
// float32 and float64.  Every other implementation (vector kernels, the
// runtime's scalar routines) is tested against these.  Nothing here calls libm
// except fma, sqrt and the exact roundings.

#ifndef QUANTC_SUPPORT_REFERENCEMATH_H
#define QUANTC_SUPPORT_REFERENCEMATH_H

namespace quantc::reference {

/// IEEE 754-2019 maximum and minimum (§2.2).
float maximum(float x, float y);
double maximum(double x, double y);
float minimum(float x, float y);
double minimum(double x, double y);

float exp(float x);
double exp(double x);
float log(float x);
double log(double x);
float erf(float x);
double erf(double x);
float tanh(float x);
double tanh(double x);
float sin(float x);
double sin(double x);
float cos(float x);
double cos(double x);
float pow(float x, float y);
double pow(double x, double y);
double tan(double x);
double asin(double x);
double acos(double x);
double atan(double x);
double sinh(double x);
double cosh(double x);
double asinh(double x);
double acosh(double x);
double atanh(double x);
/// The exact remainder with the sign of x (C's fmod).
double fmod(double x, double y);
float sigmoid(float x);
double sigmoid(double x);
float silu(float x);
double silu(double x);
float softplus(float x);
double softplus(double x);
/// The erf form of gelu, and the tanh form (§3.8).
float gelu(float x);
double gelu(double x);
float geluTanh(float x);
double geluTanh(double x);

} // namespace quantc::reference

#endif // QUANTC_SUPPORT_REFERENCEMATH_H

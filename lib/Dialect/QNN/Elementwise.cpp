// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The elementwise table (docs/numerics.md §2 and §3).  Float functions are
// templates over float and double; integer arithmetic is done on uint64_t,
// where it wraps, and never traps (§2.5).

#include "quantc/Dialect/QNN/Elementwise.h"
#include "quantc/Support/ReferenceMath.h"
#include <algorithm>
#include <cmath>
#include <type_traits>

namespace quantc::qnn {

namespace {

using P = ElementwiseParameters;
using I = IntegerElement;

//===----------------------------------------------------------------------===//
// Float functions
//===----------------------------------------------------------------------===//

template <typename T> T hardSigmoid(T x, T alpha, T beta) {
  T t = alpha * x;
  t = t + beta;
  return reference::minimum(reference::maximum(t, T(0)), T(1));
}

template <typename T> T sign(T x) {
  if (x > 0)
    return 1;
  if (x < 0)
    return -1;
  return std::isnan(x) ? x : T(0);
}

float hardSwishAlpha(float) { return 0x1.555556p-3f; }
double hardSwishAlpha(double) { return 1.0 / 6.0; }

template <typename T> T clip(T x, const P &p) {
  return reference::minimum(reference::maximum(x, T(p.first)), T(p.second));
}

//===----------------------------------------------------------------------===//
// Integer functions
//===----------------------------------------------------------------------===//

int64_t wrap(uint64_t value, I type) {
  if (type.width >= 64)
    return int64_t(value);
  uint64_t mask = (uint64_t(1) << type.width) - 1;
  value &= mask;
  bool negative = !type.isUnsigned && (value >> (type.width - 1));
  return int64_t(negative ? value | ~mask : value);
}

bool less(int64_t x, int64_t y, I type) {
  return type.isUnsigned ? uint64_t(x) < uint64_t(y) : x < y;
}

int64_t divide(int64_t x, int64_t y, I type) {
  if (y == 0)
    return 0;
  if (type.isUnsigned)
    return int64_t(uint64_t(x) / uint64_t(y));
  return y == -1 ? wrap(0 - uint64_t(x), type) : x / y;
}

int64_t power(int64_t base, int64_t exponent, I type) {
  if (exponent < 0 && !type.isUnsigned) {
    if (base == 1)
      return 1;
    return base == -1 ? (exponent & 1 ? -1 : 1) : 0;
  }
  uint64_t result = 1, square = uint64_t(base);
  for (uint64_t rest = uint64_t(exponent); rest; rest >>= 1) {
    if (rest & 1)
      result *= square;
    square *= square;
  }
  return wrap(result, type);
}

/// A clip bound in an integer type: truncated and saturated (§2.6).
int64_t bound(double value, I type) {
  unsigned magnitudeBits = type.isUnsigned ? type.width : type.width - 1;
  uint64_t maximum = ~uint64_t(0) >> (64 - magnitudeBits);
  if (value >= std::ldexp(1.0, magnitudeBits))
    return int64_t(maximum);
  if (type.isUnsigned)
    return value > 0 ? int64_t(uint64_t(value)) : 0;
  int64_t minimum = -int64_t(maximum) - 1;
  return value <= double(minimum) ? minimum : int64_t(value);
}

//===----------------------------------------------------------------------===//
// Entries from stateless lambdas
//===----------------------------------------------------------------------===//

template <typename Fn, typename T> T applyFloat(const T *x, const P &p) {
  if constexpr (std::is_invocable_v<Fn, T>)
    return T(Fn{}(x[0]));
  else if constexpr (std::is_invocable_v<Fn, T, T>)
    return T(Fn{}(x[0], x[1]));
  else
    return T(Fn{}(x[0], p));
}

template <typename Fn>
int64_t applyInteger(const int64_t *x, const P &p, I type) {
  if constexpr (std::is_invocable_v<Fn, int64_t, const P &, I>)
    return Fn{}(x[0], p, type);
  else if constexpr (std::is_invocable_v<Fn, int64_t, I>)
    return Fn{}(x[0], type);
  else
    return Fn{}(x[0], x[1], type);
}

struct None {};

template <typename FloatFn, typename IntegerFn = None>
ElementwiseFunction entry(llvm::StringLiteral name, unsigned arity, FloatFn,
                          IntegerFn = {}) {
  ElementwiseFunction function{name, arity, nullptr, nullptr, nullptr};
  if constexpr (!std::is_same_v<FloatFn, None>) {
    function.f32 = applyFloat<FloatFn, float>;
    function.f64 = applyFloat<FloatFn, double>;
  }
  if constexpr (!std::is_same_v<IntegerFn, None>)
    function.integer = applyInteger<IntegerFn>;
  return function;
}

using L = int64_t;

} // namespace

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

static const ElementwiseFunction kTable[] = {
    entry(
        "qnn.abs", 1, [](auto x) { return std::fabs(x); },
        [](L x, I t) { return less(x, 0, t) ? wrap(-uint64_t(x), t) : x; }),
    entry(
        "qnn.neg", 1, [](auto x) { return -x; },
        [](L x, I t) { return wrap(-uint64_t(x), t); }),
    entry("qnn.exp", 1, [](auto x) { return reference::exp(x); }),
    entry("qnn.log", 1, [](auto x) { return reference::log(x); }),
    entry("qnn.sqrt", 1, [](auto x) { return std::sqrt(x); }),
    entry("qnn.reciprocal", 1, [](auto x) { return decltype(x)(1) / x; }),
    entry("qnn.erf", 1, [](auto x) { return reference::erf(x); }),
    entry("qnn.sin", 1, [](auto x) { return reference::sin(x); }),
    entry("qnn.cos", 1, [](auto x) { return reference::cos(x); }),
    entry("qnn.tanh", 1, [](auto x) { return reference::tanh(x); }),
    entry("qnn.sigmoid", 1, [](auto x) { return reference::sigmoid(x); }),
    entry("qnn.silu", 1, [](auto x) { return reference::silu(x); }),
    entry("qnn.softplus", 1, [](auto x) { return reference::softplus(x); }),
    entry("qnn.gelu", 1, [](auto x) { return reference::gelu(x); }),
    entry("qnn.gelu.tanh", 1, [](auto x) { return reference::geluTanh(x); }),
    entry(
        "qnn.relu", 1,
        [](auto x) { return reference::maximum(x, decltype(x)(0)); },
        [](L x, I t) { return less(x, 0, t) ? 0 : x; }),
    entry("qnn.floor", 1, [](auto x) { return std::floor(x); }),
    entry("qnn.ceil", 1, [](auto x) { return std::ceil(x); }),
    entry("qnn.round", 1, [](auto x) { return std::nearbyint(x); }),
    entry(
        "qnn.sign", 1, [](auto x) { return sign(x); },
        [](L x, I t) { return less(x, 0, t) ? L(-1) : L(x != 0); }),
    entry("qnn.not", 1, None(), [](L x, I) { return L(x == 0); }),
    entry("qnn.is_nan", 1, [](auto x) { return std::isnan(x); }),
    entry("qnn.hard_swish", 1,
          [](auto x) {
            return x * hardSigmoid(x, hardSwishAlpha(x), decltype(x)(0.5));
          }),
    entry(
        "qnn.leaky_relu", 1,
        []<typename T>(T x, const P &p) { return x < 0 ? T(p.first) * x : x; }),
    entry("qnn.hard_sigmoid", 1,
          []<typename T>(T x, const P &p) {
            return hardSigmoid(x, T(p.first), T(p.second));
          }),
    entry(
        "qnn.clip", 1, [](auto x, const P &p) { return clip(x, p); },
        [](L x, const P &p, I t) {
          L low = bound(p.first, t), high = bound(p.second, t);
          x = less(x, low, t) ? low : x;
          return less(high, x, t) ? high : x;
        }),

    entry(
        "qnn.add", 2, [](auto x, auto y) { return x + y; },
        [](L x, L y, I t) { return wrap(uint64_t(x) + uint64_t(y), t); }),
    entry(
        "qnn.sub", 2, [](auto x, auto y) { return x - y; },
        [](L x, L y, I t) { return wrap(uint64_t(x) - uint64_t(y), t); }),
    entry(
        "qnn.mul", 2, [](auto x, auto y) { return x * y; },
        [](L x, L y, I t) { return wrap(uint64_t(x) * uint64_t(y), t); }),
    entry(
        "qnn.div", 2, [](auto x, auto y) { return x / y; },
        [](L x, L y, I t) { return divide(x, y, t); }),
    entry(
        "qnn.pow", 2, [](auto x, auto y) { return reference::pow(x, y); },
        [](L x, L y, I t) { return power(x, y, t); }),
    entry(
        "qnn.min", 2, [](auto x, auto y) { return reference::minimum(x, y); },
        [](L x, L y, I t) { return less(y, x, t) ? y : x; }),
    entry(
        "qnn.max", 2, [](auto x, auto y) { return reference::maximum(x, y); },
        [](L x, L y, I t) { return less(x, y, t) ? y : x; }),
    entry("qnn.and", 2, None(), [](L x, L y, I) { return x & y; }),
    entry("qnn.or", 2, None(), [](L x, L y, I) { return x | y; }),
    entry("qnn.xor", 2, None(), [](L x, L y, I) { return x ^ y; }),
    entry(
        "qnn.equal", 2, [](auto x, auto y) { return x == y; },
        [](L x, L y, I) { return L(x == y); }),
    entry(
        "qnn.less", 2, [](auto x, auto y) { return x < y; },
        [](L x, L y, I t) { return L(less(x, y, t)); }),
    entry(
        "qnn.less_equal", 2, [](auto x, auto y) { return x <= y; },
        [](L x, L y, I t) { return L(!less(y, x, t)); }),
    entry(
        "qnn.greater", 2, [](auto x, auto y) { return x > y; },
        [](L x, L y, I t) { return L(less(y, x, t)); }),
    entry(
        "qnn.greater_equal", 2, [](auto x, auto y) { return x >= y; },
        [](L x, L y, I t) { return L(!less(x, y, t)); }),
};

llvm::ArrayRef<ElementwiseFunction> elementwiseTable() { return kTable; }

const ElementwiseFunction *lookupElementwise(llvm::StringRef name) {
  for (const ElementwiseFunction &function : kTable)
    if (function.name == name)
      return &function;
  return nullptr;
}

} // namespace quantc::qnn

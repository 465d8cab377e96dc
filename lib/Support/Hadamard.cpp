// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Paley's two constructions from the quadratic residues of a prime q: order
// q + 1 for q = 3 mod 4, order 2 (q + 1) for q = 1 mod 4.

#include "quantc/Support/Hadamard.h"

namespace quantc {

static constexpr int64_t kMaxOrder = int64_t(1) << 20;
// A product with a base matrix costs its order for each element, in code too.
static constexpr int64_t kMaxBase = 64;

static bool isPrime(int64_t n) {
  if (n < 2)
    return false;
  for (int64_t d = 2; d * d <= n; ++d)
    if (n % d == 0)
      return false;
  return true;
}

static bool isFirstKind(int64_t base) {
  return base % 4 == 0 && isPrime(base - 1);
}
static bool isSecondKind(int64_t base) {
  return base % 4 == 0 && (base / 2 - 1) % 4 == 1 && isPrime(base / 2 - 1);
}

std::optional<HadamardOrder> factorHadamard(int64_t order) {
  if (order < 1 || order > kMaxOrder)
    return std::nullopt;
  int64_t length = 1;
  while (order % (2 * length) == 0)
    length *= 2;
  for (; length >= 1; length /= 2) {
    int64_t base = order / length;
    if (base > kMaxBase)
      return std::nullopt;
    if (base == 1 || isFirstKind(base) || isSecondKind(base))
      return HadamardOrder{base, length};
  }
  return std::nullopt;
}

/// chi(i - j) of the prime q: 0, or 1 if the difference is a square, else -1,
/// bordered by a first row of ones and a first column of `border`.
static std::vector<int8_t> conference(int64_t q, int8_t border) {
  std::vector<int8_t> residue(q, -1);
  residue[0] = 0;
  for (int64_t i = 1; i < q; ++i)
    residue[i * i % q] = 1;
  int64_t n = q + 1;
  std::vector<int8_t> matrix(n * n, 0);
  for (int64_t i = 0; i < q; ++i) {
    matrix[i + 1] = 1;
    matrix[(i + 1) * n] = border;
    for (int64_t j = 0; j < q; ++j)
      matrix[(i + 1) * n + j + 1] = residue[(i - j + q) % q];
  }
  return matrix;
}

std::vector<int8_t> hadamardBase(int64_t base) {
  if (base == 1)
    return {1};
  if (isFirstKind(base)) {
    std::vector<int8_t> matrix = conference(base - 1, -1);
    for (int64_t i = 0; i < base; ++i)
      matrix[i * base + i] = 1;
    return matrix;
  }
  int64_t half = base / 2;
  std::vector<int8_t> c = conference(half - 1, 1), matrix(base * base);
  for (int64_t i = 0; i < base; ++i)
    for (int64_t j = 0; j < base; ++j) {
      bool low = i % 2, right = j % 2;
      int8_t entry = c[i / 2 * half + j / 2];
      if (i / 2 == j / 2) // [[1, -1], [-1, -1]]
        matrix[i * base + j] = low || right ? -1 : 1;
      else // entry * [[1, 1], [1, -1]]
        matrix[i * base + j] = low && right ? -entry : entry;
    }
  return matrix;
}

} // namespace quantc

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Hadamard matrices of the orders m * 2^k: the Kronecker product of one of
// Paley's matrices of order m and Sylvester's of order 2^k.  A row of n
// elements is seen as m chunks of 2^k (docs/numerics.md §4.7).

#ifndef QUANTC_SUPPORT_HADAMARD_H
#define QUANTC_SUPPORT_HADAMARD_H

#include <cstdint>
#include <optional>
#include <vector>

namespace quantc {

struct HadamardOrder {
  int64_t base = 1;   ///< m, as small as possible
  int64_t length = 1; ///< 2^k, of a chunk
};

/// How an order up to 2^20 is built, or nothing if this file knows no matrix of
/// it.
std::optional<HadamardOrder> factorHadamard(int64_t order);

/// The matrix of a base order of `factorHadamard`: +1 and -1, row-major.
std::vector<int8_t> hadamardBase(int64_t base);

} // namespace quantc

#endif // QUANTC_SUPPORT_HADAMARD_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The packed order of lowbit.matmul's right operand, computed at compile time.
//
// A line of 64 bytes holds 16 columns: one k of f32, or four consecutive k of
// bytes (w + 128).  Lines of the same 16 columns follow each other in k.
// Missing columns and missing k are filled with weight zero.

#ifndef QUANTC_DIALECT_LOWBIT_PACKWEIGHTS_H
#define QUANTC_DIALECT_LOWBIT_PACKWEIGHTS_H

#include "quantc/Support/HostTensor.h"
#include <optional>

namespace quantc::lowbit {

/// f32 [N, K] -> f32 [ceil(N/16), K, 16]; signed i8 codes [N, K] -> i8
/// [ceil(N/16), ceil(K/4), 16, 4].  Fails for other types and ranks, and when
/// the result would be too large to address.
std::optional<HostTensor> packWeight(const HostTensor &weight);

/// The weight [n, k] that was packed; fails unless the shape of `packed` is
/// that of such a weight.
std::optional<HostTensor> unpackWeight(const HostTensor &packed, int64_t n,
                                       int64_t k);

/// Scales or offsets [n, groups] or [n] in panels [ceil(n/16), groups, 16] of
/// the same element type; missing columns are zero.
std::optional<HostTensor> packPanels(const HostTensor &values);

} // namespace quantc::lowbit

#endif // QUANTC_DIALECT_LOWBIT_PACKWEIGHTS_H

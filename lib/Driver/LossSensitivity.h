// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The sensitivity `loss`: what the model's outputs lose on held-out samples
// when one weight is rounded.

#ifndef QUANTC_LIB_DRIVER_LOSSSENSITIVITY_H
#define QUANTC_LIB_DRIVER_LOSSSENSITIVITY_H

namespace quantc {

/// Adds it to the registry (Allocation/Sensitivity.h).
void registerLossSensitivity();

} // namespace quantc

#endif // QUANTC_LIB_DRIVER_LOSSSENSITIVITY_H

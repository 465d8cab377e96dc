// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The providers of this room, for the registry.

#ifndef QUANTC_LIB_ALLOCATION_SENSITIVITIES_H
#define QUANTC_LIB_ALLOCATION_SENSITIVITIES_H

#include "quantc/Allocation/Sensitivity.h"

namespace quantc {

std::unique_ptr<SensitivityProvider> createOutputSensitivity();
std::unique_ptr<SensitivityProvider> createWeightSensitivity();

} // namespace quantc

#endif // QUANTC_LIB_ALLOCATION_SENSITIVITIES_H

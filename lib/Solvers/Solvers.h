// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The solvers there are, for the registry: one file each.

#ifndef QUANTC_LIB_SOLVERS_SOLVERS_H
#define QUANTC_LIB_SOLVERS_SOLVERS_H

#include "quantc/Solvers/Solver.h"

namespace quantc::solvers {

std::unique_ptr<Solver> createRoundToNearest();
std::unique_ptr<Solver> createSearchedRoundToNearest();
std::unique_ptr<Solver> createGptq();

} // namespace quantc::solvers

#endif // QUANTC_LIB_SOLVERS_SOLVERS_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the parts of quantc._core share: how errors cross to Python.

#ifndef QUANTC_PYTHON_QUANTC_CORE_H
#define QUANTC_PYTHON_QUANTC_CORE_H

#include "quantc/Driver/Compile.h"
#include <nanobind/nanobind.h>
#include <optional>

namespace quantc {

/// What crosses from C++ to Python as quantc.Error.
struct Failure {
  Error error;
};

inline void check(std::optional<Error> error) {
  if (error)
    throw Failure{{error->status, oneLine(error->message)}};
}

/// Functions of quantc.solvers.
void bindSolvers(nanobind::module_ &m);
/// Functions of quantc.allocation.
void bindAllocation(nanobind::module_ &m);

} // namespace quantc

#endif // QUANTC_PYTHON_QUANTC_CORE_H

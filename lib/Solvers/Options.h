// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Values of solver options, read from text.

#ifndef QUANTC_LIB_SOLVERS_OPTIONS_H
#define QUANTC_LIB_SOLVERS_OPTIONS_H

#include "quantc/Solvers/Solver.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>

namespace quantc::solvers {

inline bool readFlag(llvm::StringRef text, bool &flag) {
  flag = text == "true";
  return flag || text == "false";
}

/// A number in [low, high].
inline bool readNumber(llvm::StringRef text, double low, double high,
                       double &number) {
  return llvm::to_float(text, number) && std::isfinite(number) &&
         number >= low && number <= high;
}

inline bool readCount(llvm::StringRef text, int64_t low, int64_t high,
                      int64_t &count) {
  return llvm::to_integer(text, count) && count >= low && count <= high;
}

} // namespace quantc::solvers

#endif // QUANTC_LIB_SOLVERS_OPTIONS_H

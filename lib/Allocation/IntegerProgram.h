// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Multiple choice under one capacity, as an integer program.  In and out: plain
// numbers.  The implementation is the one file that sees HiGHS.

#ifndef QUANTC_LIB_ALLOCATION_INTEGERPROGRAM_H
#define QUANTC_LIB_ALLOCATION_INTEGERPROGRAM_H

#include <cstdint>
#include <string>
#include <vector>

namespace quantc {

struct Choice {
  double cost;
  int64_t weight;
};

struct ChoiceProgram {
  /// One choice is taken from each.
  std::vector<std::vector<Choice>> groups;
  int64_t capacity = 0;
  /// A solution to begin with: an index for each group.
  std::vector<int64_t> start;
  int64_t maxNodes = 0;
  double maxGap = 0;
};

struct ChoiceSolution {
  std::vector<int64_t> choices;
  /// No solution costs less.
  double bound = 0;
};

/// Minimizes the sum of costs with the sum of weights within the capacity, on
/// one thread.  Returns what went wrong, or an empty text.
std::string solveChoices(const ChoiceProgram &program,
                         ChoiceSolution &solution);

} // namespace quantc

#endif // QUANTC_LIB_ALLOCATION_INTEGERPROGRAM_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A bound on how long scalar programs (qnn.compute) are evaluated by reference.

#ifndef QUANTC_DIALECT_QNN_STEPLIMIT_H
#define QUANTC_DIALECT_QNN_STEPLIMIT_H

#include <cstdint>

namespace quantc::qnn {

/// While it lives, programs that this thread evaluates by reference end with an
/// error after so many operations in all: loops may be long or data may be.
class StepLimit {
public:
  explicit StepLimit(int64_t steps);
  ~StepLimit();
  StepLimit(const StepLimit &) = delete;
  StepLimit &operator=(const StepLimit &) = delete;

private:
  int64_t before;
};

} // namespace quantc::qnn

#endif // QUANTC_DIALECT_QNN_STEPLIMIT_H

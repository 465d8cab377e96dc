// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A bound on what evaluation by reference takes: sizes may come from data, and
// scalar programs (qnn.compute) may loop as long as data says.

#ifndef QUANTC_DIALECT_QNN_EVALUATIONLIMIT_H
#define QUANTC_DIALECT_QNN_EVALUATIONLIMIT_H

#include <cstdint>
#include <limits>

namespace quantc::qnn {

/// While it lives, evaluations on this thread end with an error after so many
/// steps in all, and where a tensor would have more bytes.  A step is about a
/// nanosecond: an element read, a product in a sum; an operation of a scalar
/// program is kStepsPerScalar.
class EvaluationLimit {
public:
  static constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();
  static constexpr int64_t kStepsPerScalar = 64;

  explicit EvaluationLimit(int64_t steps, int64_t tensorBytes = kUnlimited);
  ~EvaluationLimit();
  EvaluationLimit(const EvaluationLimit &) = delete;
  EvaluationLimit &operator=(const EvaluationLimit &) = delete;

  /// What is left to this thread; below 0 once an evaluation took too much.
  static int64_t stepsLeft();
  static int64_t tensorBytes();
  /// False when there are not so many left.
  static bool spend(int64_t steps);
  /// Notes that a tensor is too large.
  static void exceed();

private:
  int64_t stepsBefore, bytesBefore;
};

} // namespace quantc::qnn

#endif // QUANTC_DIALECT_QNN_EVALUATIONLIMIT_H

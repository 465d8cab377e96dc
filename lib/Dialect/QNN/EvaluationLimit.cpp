// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The limits of a thread, which scopes of it lower and restore.

#include "quantc/Dialect/QNN/EvaluationLimit.h"
#include "llvm/Support/MathExtras.h"

namespace quantc::qnn {

static thread_local int64_t steps = EvaluationLimit::kUnlimited;
static thread_local int64_t bytes = EvaluationLimit::kUnlimited;

EvaluationLimit::EvaluationLimit(int64_t allowed, int64_t tensorBytes)
    : stepsBefore(steps), bytesBefore(bytes) {
  steps = std::min(steps, allowed);
  bytes = std::min(bytes, tensorBytes);
}

EvaluationLimit::~EvaluationLimit() {
  steps = stepsBefore;
  bytes = bytesBefore;
}

int64_t EvaluationLimit::stepsLeft() { return steps; }
int64_t EvaluationLimit::tensorBytes() { return bytes; }

bool EvaluationLimit::spend(int64_t count) {
  if (steps == kUnlimited)
    return true;
  if (llvm::SubOverflow(steps, count, steps))
    steps = -1;
  return steps >= 0;
}

void EvaluationLimit::exceed() { steps = -1; }

} // namespace quantc::qnn

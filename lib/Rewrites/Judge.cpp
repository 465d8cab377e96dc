// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rewrites a copy of a function and asks whether it may stay.

#include "quantc/Rewrites/Judge.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;

namespace quantc {

FailureOr<bool> rewriteUnlessWorse(func::FuncOp func, StringRef passes,
                                   RewriteJudge judge) {
  OwningOpRef<func::FuncOp> copy = func.clone();
  PassManager manager(func.getContext(), func::FuncOp::getOperationName());
  if (failed(parsePassPipeline(passes, manager)) || failed(manager.run(*copy)))
    return failure();
  FailureOr<RewriteLoss> loss = judge(func, *copy);
  if (failed(loss))
    return failure();
  // A loss that is not a number is not kept.
  bool keep = loss->after <= loss->before;
  func.emitRemark() << "'" << passes << "' is " << (keep ? "kept" : "dropped")
                    << ": the loss goes from " << loss->before << " to "
                    << loss->after;
  if (!keep)
    return false;
  func->setAttrs((*copy)->getAttrs());
  func.getBody().takeBody((*copy).getBody());
  return true;
}

} // namespace quantc

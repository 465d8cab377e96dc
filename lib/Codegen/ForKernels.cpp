// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs passes on the kernel functions of a module and leaves the others alone.
// Each thread has its own copy of the passes, as those of a nested pass manager
// have.

#include "mlir/IR/Threading.h"
#include "mlir/Pass/PassManager.h"
#include "quantc/Codegen/Passes.h"
#include "quantc/Dialect/QNN/QNN.h"
#include <atomic>

namespace quantc {
#define GEN_PASS_DEF_FORKERNELSPASS
#include "quantc/Codegen/Passes.h.inc"
} // namespace quantc

using namespace mlir;

namespace {

struct ForKernelsPass : quantc::impl::ForKernelsPassBase<ForKernelsPass> {
  using Base::Base;

  void getDependentDialects(DialectRegistry &registry) const override {
    for (const OpPassManager &pipeline : passes)
      pipeline.getDependentDialects(registry);
  }

  void runOnOperation() override {
    SmallVector<func::FuncOp> kernels;
    for (auto func : getOperation().getOps<func::FuncOp>())
      if (func->hasAttr(quantc::qnn::kKernelAttr)) {
        kernels.push_back(func);
        // Made here: not safe in several threads at once.
        (void)getAnalysisManager().nest(func);
      }
    size_t count = std::max(1u, getContext().getNumThreads());
    using Pipelines = SmallVector<OpPassManager, 1>;
    std::vector<Pipelines> copies(count,
                                  Pipelines(passes.begin(), passes.end()));
    std::vector<std::atomic<bool>> taken(count);
    LogicalResult result =
        failableParallelForEach(&getContext(), kernels, [&](func::FuncOp func) {
          size_t mine = 0;
          while (taken[mine].exchange(true))
            mine = (mine + 1) % count;
          LogicalResult done = success();
          for (OpPassManager &pipeline : copies[mine])
            if (succeeded(done))
              done = runPipeline(pipeline, func);
          taken[mine] = false;
          return done;
        });
    if (failed(result))
      signalPassFailure();
  }
};

} // namespace

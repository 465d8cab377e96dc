// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Contexts, models and passes for the driver's commands.

#include "quantc/Driver/Workspace.h"
#include "mlir/IR/Verifier.h"
#include "quantc/Driver/FirstError.h"
#include "quantc/Driver/LoadModule.h"
#include "quantc/Driver/Register.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/Threading.h"

using namespace mlir;

namespace quantc {

/// Operations of a module that is verified after each pass.
constexpr int64_t kVerifyEachLimit = 10000;

unsigned Workspace::defaultThreads() {
  return llvm::hardware_concurrency().compute_thread_count();
}

std::optional<Error> Workspace::load() {
  DialectRegistry registry;
  registerAllDialects(registry);
  context =
      std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  if (threads > 1) {
    pool = std::make_unique<llvm::DefaultThreadPool>(
        llvm::hardware_concurrency(threads));
    context->setThreadPool(*pool);
  }
  context->loadAllAvailableDialects();
  if (!input.empty())
    return loadModule(input, *context, module, options);
  Error error;
  auto imported = importOnnxBytes(model, "model", *context, options, error);
  if (failed(imported))
    return error;
  module = std::move(*imported);
  return std::nullopt;
}

std::optional<Error>
Workspace::run(ModuleOp module,
               llvm::function_ref<std::optional<Error>(OpPassManager &)> build,
               Status status) {
  FirstError first(*context);
  PassManager pm(context.get(), ModuleOp::getOperationName());
  if (auto error = build(pm))
    return error;
  // A large module is verified once in place of after each pass.
  int64_t operations = 0;
  module->walk([&](Operation *) { ++operations; });
  bool verifyEach = operations <= kVerifyEachLimit;
  pm.enableVerifier(verifyEach);
  if (failed(pm.run(module)) || (!verifyEach && failed(verify(module))))
    return first.get(getName(), status);
  return std::nullopt;
}

std::string Workspace::modelHash() const {
  llvm::SHA256 hash;
  if (input.empty()) {
    hash.update(model);
  } else if (auto file = llvm::MemoryBuffer::getFile(
                 input, /*IsText=*/false,
                 /*RequiresNullTerminator=*/false)) {
    hash.update((*file)->getBuffer());
  }
  return llvm::toHex(hash.final(), /*LowerCase=*/true);
}

} // namespace quantc

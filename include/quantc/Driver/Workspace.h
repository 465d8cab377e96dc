// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What every use of the compiler needs: a context with all dialects, threads
// for it, and a model in it.

#ifndef QUANTC_DRIVER_WORKSPACE_H
#define QUANTC_DRIVER_WORKSPACE_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassManager.h"
#include "quantc/Frontend/ONNX/Import.h"
#include "llvm/Support/ThreadPool.h"

namespace quantc {

class Workspace {
public:
  /// `input` is a .onnx, .onnxtxt, .mlir or .mlirbc file; if it is empty,
  /// `model` is a serialized ModelProto.  `threads` 0: as many as the process
  /// may use.
  Workspace(std::string input, std::string model, unsigned threads,
            ImportOptions options = {})
      : input(std::move(input)), model(std::move(model)),
        threads(threads ? threads : defaultThreads()),
        options(std::move(options)) {}

  std::optional<Error> load();
  /// Runs the passes that `build` adds; a failure is the first error they
  /// emitted, with the given status.
  std::optional<Error>
  run(mlir::ModuleOp module,
      llvm::function_ref<std::optional<Error>(mlir::OpPassManager &)> build,
      Status status);

  mlir::MLIRContext &getContext() { return *context; }
  mlir::ModuleOp getModule() { return *module; }
  unsigned getThreads() const { return threads; }
  /// What messages call the model.
  std::string getName() const { return input.empty() ? "model" : input; }
  /// SHA-256 of the model file (not of its external data), in hexadecimal.
  std::string modelHash() const;

private:
  static unsigned defaultThreads();

  std::string input, model;
  unsigned threads;
  ImportOptions options;
  std::unique_ptr<llvm::DefaultThreadPool> pool;
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

} // namespace quantc

#endif // QUANTC_DRIVER_WORKSPACE_H

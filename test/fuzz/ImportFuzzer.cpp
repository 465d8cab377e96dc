// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fuzzes the importer: any bytes are either refused with one line, which does
// not report a bug of the importer, or become a module that the verifier
// accepts.  Limits are low so that a run is short.

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "quantc/Dialect/QNN/QNN.h"
#include "quantc/Frontend/ONNX/Import.h"
#include <cstdlib>

namespace {

// Attributes and types live as long as their context; a new one now and then
// keeps the memory bounded.
constexpr unsigned kRunsPerContext = 500;

std::unique_ptr<mlir::MLIRContext> makeContext() {
  mlir::DialectRegistry registry;
  registry.insert<mlir::func::FuncDialect, quantc::qnn::QNNDialect>();
  quantc::qnn::registerReferenceModels(registry);
  auto context = std::make_unique<mlir::MLIRContext>(
      registry, mlir::MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  context->getDiagEngine().registerHandler([](mlir::Diagnostic &) {});
  return context;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static std::unique_ptr<mlir::MLIRContext> context;
  static unsigned runs = 0;
  if (runs++ % kRunsPerContext == 0)
    context = makeContext();
  quantc::ImportOptions options;
  options.maxNodes = 2000;
  options.maxTensorBytes = 1 << 22;
  quantc::Error error;
  auto module =
      quantc::importOnnxBytes({reinterpret_cast<const char *>(data), size},
                              "fuzz", *context, options, error);
  bool good = succeeded(module) ? succeeded(mlir::verify(**module))
                                : !error.message.empty() &&
                                      error.status != quantc::Status::Internal;
  if (!good) {
    llvm::errs() << "fuzz: " << error.message << "\n";
    std::abort();
  }
  return 0;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// quant-opt: runs any pass or pipeline of quantc on .mlir and .mlirbc files,
// and with --import-onnx on ONNX models.  --onnx-operators prints the page of
// supported operators.

#include "ImportOnnx.h"
#include "mlir/Dialect/Linalg/TransformOps/DialectExtension.h"
#include "mlir/Dialect/Transform/IR/TransformDialect.h"
#include "mlir/Dialect/Transform/Transforms/Passes.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "quantc/Driver/Register.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  quantc::registerAllDialects(registry);
  quantc::registerAllPasses();
  // Schedules of the transform dialect, for tests of tiling.
  registry.insert<mlir::transform::TransformDialect>();
  mlir::linalg::registerTransformDialectExtension(registry);
  mlir::transform::registerInterpreterPass();
  if (argc == 2 && llvm::StringRef(argv[1]) == "--onnx-operators")
    return quantc::printOnnxOperators();
  // Not an LLVM option: it replaces what the others parse.
  char **last = std::remove_if(argv + 1, argv + argc, [](char *argument) {
    return llvm::StringRef(argument) == "--import-onnx";
  });
  if (last != argv + argc)
    return quantc::runOnOnnx(last - argv, argv, "quantc pass driver\n",
                             registry);
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "quantc pass driver\n", registry));
}

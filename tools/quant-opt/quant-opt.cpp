// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// quant-opt: runs any pass or pipeline of quantc on .mlir and .mlirbc files.

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
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "quantc pass driver\n", registry));
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// quant-opt: runs any pass or pipeline of quantc on .mlir and .mlirbc files.

#include "quantc/Driver/Register.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  quantc::registerAllDialects(registry);
  quantc::registerAllPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(
      argc, argv, "quantc pass driver\n", registry));
}

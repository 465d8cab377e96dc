// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// quant-reduce: makes a .mlir file as small as it can be while a given script
// still finds it interesting, e.g. while a pass still fails on it.

#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Tools/mlir-reduce/MlirReduceMain.h"
#include "quantc/Driver/Register.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  quantc::registerAllDialects(registry);
  quantc::registerAllPasses();
  mlir::MLIRContext context(registry);
  return mlir::failed(mlir::mlirReduceMain(argc, argv, context));
}

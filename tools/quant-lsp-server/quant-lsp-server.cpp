// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// quant-lsp-server: the language server for .mlir files with quantc's dialects:
// diagnostics as one types, hover, and jumps to definitions.

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"
#include "quantc/Driver/Register.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  quantc::registerAllDialects(registry);
  return mlir::failed(mlir::MlirLspServerMain(argc, argv, registry));
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// quant-opt --import-onnx: imports a model in place of parsing IR, then runs
// the passes of the command line and prints.  The module goes to the passes as
// it is, so weights stay mapped.

#include "ImportOnnx.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/AsmState.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "quantc/Frontend/ONNX/Import.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;

static int fail(const quantc::Error &error) {
  llvm::errs() << "quantc: error: " << error.message << "\n";
  return error.exitStatus();
}

int quantc::runOnOnnx(int argc, char **argv, StringRef toolName,
                      DialectRegistry &registry) {
  auto [input, output] =
      registerAndParseCLIOptions(argc, argv, toolName, registry);
  MlirOptMainConfig config = MlirOptMainConfig::createFromCLOptions();
  MLIRContext context(registry);
  Error error;
  auto module = importOnnx(input, context, ImportOptions(), error);
  if (failed(module))
    return fail(error);

  PassManager passes(module->get()->getName());
  passes.enableVerifier(config.shouldVerifyPasses());
  if (failed(applyPassManagerCLOptions(passes)) ||
      failed(config.setupPassPipeline(passes)) ||
      failed(passes.run(module->get())))
    return int(Status::Refused);

  std::string message;
  auto file = openOutputFile(output, &message);
  if (!file)
    return fail({Status::IO, message});
  if (config.shouldEmitBytecode()) {
    if (failed(writeBytecodeToFile(module->get(), file->os())))
      return fail({Status::IO, "cannot write bytecode"});
  } else {
    module->get()->print(file->os());
    file->os() << "\n";
  }
  file->keep();
  return 0;
}

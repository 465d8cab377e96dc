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
  applyDefaultTimingPassManagerCLOptions(passes);
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

int quantc::printOnnxOperators() {
  llvm::outs() << R"(# Operators

Written by `quant-opt --onnx-operators`; a test checks that it is current. An operator is taken from the opset given (before 7: where
opset 7 changed nothing, and in the forms of opset 6 of exporters of that time) to 28. *Import*: read by an import of its own, as operations
of qnn; *definition*: expanded by what ONNX defines it by. Element types are those that ONNX allows for the operator out of f16, bf16, f32,
f64, signed and unsigned integers of 8 to 64 bits and bool; and for conversion, quantization, movement and control flow float8, float6,
float4 and integers of 2 and 4 bits. A node with a type, an attribute or an optional output that is not supported is refused, and
named with the reason.

| operator | since | by |
|---|---|---|
)";
  for (const OnnxOperator &entry : supportedOnnxOperators())
    llvm::outs() << "| " << entry.domain << (entry.domain.empty() ? "" : ".")
                 << entry.name << " | " << entry.since << " | "
                 << (entry.byDefinition ? "definition" : "import") << " |\n";
  return 0;
}

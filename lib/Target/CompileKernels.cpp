// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LLVM optimization and object emission, one LLVM context per module, so that
// modules compile in parallel.

#include "quantc/Target/CompileKernels.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "quantc/Runtime/Program.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;

namespace quantc {

static llvm::Expected<ObjectBytes> emitObject(llvm::Module &module,
                                              llvm::TargetMachine &machine) {
  ObjectBytes bytes;
  llvm::raw_svector_ostream os(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, os, nullptr,
                                  llvm::CodeGenFileType::ObjectFile))
    return llvm::createStringError("the target cannot emit object files");
  passes.run(module);
  return bytes;
}

static void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PipelineTuningOptions tuning;
  // Loops are vectorized and unrolled by our own passes.
  tuning.LoopVectorization = false;
  tuning.LoopUnrolling = false;
  tuning.SLPVectorization = false;
  llvm::PassBuilder builder(&machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2)
      .run(module, modules);
}

static llvm::Expected<ObjectBytes>
compileModule(ModuleOp source, const TargetDescription &target) {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module =
      translateModuleToLLVMIR(source, context);
  if (!module)
    return llvm::createStringError("cannot translate a kernel to LLVM IR");
  std::unique_ptr<llvm::TargetMachine> machine = target.createTargetMachine();
  module->setTargetTriple(machine->getTargetTriple());
  module->setDataLayout(machine->createDataLayout());
  for (llvm::Function &function : *module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", target.getCpu());
    if (!target.getFeatureString().empty())
      function.addFnAttr("target-features", target.getFeatureString());
    // Without it LLVM splits 512-bit vectors on Intel's server cores.
    if (target.has("avx512f"))
      function.addFnAttr("prefer-vector-width", "512");
    function.setDoesNotThrow();
    if (!function.hasLocalLinkage())
      function.setVisibility(llvm::GlobalValue::HiddenVisibility);
  }
  optimize(*module, *machine);
  return emitObject(*module, *machine);
}

llvm::Expected<std::vector<ObjectBytes>>
compileToObjects(ArrayRef<ModuleOp> modules, const TargetDescription &target,
                 unsigned threads) {
  std::vector<ObjectBytes> objects(modules.size());
  std::vector<std::string> errors(modules.size());
  llvm::DefaultThreadPool pool(
      llvm::hardware_concurrency(std::max(1u, threads)));
  for (size_t i = 0; i < modules.size(); ++i)
    pool.async([&, i] {
      llvm::Expected<ObjectBytes> object = compileModule(modules[i], target);
      if (object)
        objects[i] = std::move(*object);
      else
        errors[i] = llvm::toString(object.takeError());
    });
  pool.wait();
  for (const std::string &error : errors)
    if (!error.empty())
      return llvm::createStringError(error);
  return objects;
}

llvm::Expected<ObjectBytes>
compileProgramObject(ArrayRef<uint8_t> program,
                     ArrayRef<std::string> kernelNames,
                     const TargetDescription &target) {
  namespace symbols = runtime::program::symbols;
  llvm::LLVMContext context;
  llvm::Module module("program", context);
  std::unique_ptr<llvm::TargetMachine> machine = target.createTargetMachine();
  module.setTargetTriple(machine->getTargetTriple());
  module.setDataLayout(machine->createDataLayout());
  auto define = [&](llvm::Constant *value, const char *name) {
    auto *global = new llvm::GlobalVariable(
        module, value->getType(), /*isConstant=*/true,
        llvm::GlobalValue::ExternalLinkage, value, name);
    global->setVisibility(llvm::GlobalValue::HiddenVisibility);
    global->setAlignment(llvm::Align(runtime::program::kAlignment));
  };
  define(llvm::ConstantDataArray::get(context, program), symbols::kProgram);
  auto *pointer = llvm::PointerType::get(context, 0);
  auto *type = llvm::FunctionType::get(llvm::Type::getVoidTy(context), false);
  SmallVector<llvm::Constant *> kernels;
  for (const std::string &name : kernelNames) {
    auto *function = llvm::Function::Create(
        type, llvm::GlobalValue::ExternalLinkage, name, module);
    function->setVisibility(llvm::GlobalValue::HiddenVisibility);
    kernels.push_back(function);
  }
  // The runtime expects a null pointer at the end.
  kernels.push_back(llvm::ConstantPointerNull::get(pointer));
  define(llvm::ConstantArray::get(llvm::ArrayType::get(pointer, kernels.size()),
                                  kernels),
         symbols::kKernels);
  return emitObject(module, *machine);
}

} // namespace quantc

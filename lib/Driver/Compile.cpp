// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The driver: load, front pipeline, code generation, emission.

#include "quantc/Driver/Compile.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "quantc/Driver/FirstError.h"
#include "quantc/Driver/LoadModule.h"
#include "quantc/Driver/Pipelines.h"
#include "quantc/Driver/Register.h"
#include "quantc/Frontend/ONNX/Import.h"
#include "quantc/Support/AtomicFile.h"
#include "quantc/Target/Artifact.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Support/Threading.h"

using namespace mlir;

namespace quantc {

std::string oneLine(StringRef text) {
  std::string result;
  llvm::raw_string_ostream os(result);
  for (unsigned char c : text) {
    if (c == '\n')
      os << "; ";
    else if (c < 0x20 || c == 0x7f)
      os << llvm::format("\\x%02x", c);
    else
      os << c;
  }
  return result;
}

namespace {

bool isTextual(StringRef suffix) { return suffix == ".mlir"; }

class Compilation {
public:
  explicit Compilation(const CompileOptions &options)
      : options(options), threads(threadCount(options)) {}

  std::optional<Error> run();

private:
  static unsigned threadCount(const CompileOptions &options) {
    if (options.threads)
      return options.threads;
    return llvm::hardware_concurrency().compute_thread_count();
  }
  std::optional<Error> checkOutput();
  std::optional<Error> load();
  std::optional<Error>
  runPasses(llvm::function_ref<std::optional<Error>(OpPassManager &)> build,
            Status status);
  std::optional<Error> writeModule();
  std::optional<Error> writeLibrary(const TargetDescription &target);
  /// SHA-256 of the model file (not of its external data), in hexadecimal.
  std::string modelHash() const;
  std::string inputName() const {
    return options.input.empty() ? "model" : options.input;
  }

  const CompileOptions &options;
  Recipe recipe;
  unsigned threads;
  std::string suffix;
  std::unique_ptr<llvm::DefaultThreadPool> pool;
  std::unique_ptr<MLIRContext> context;
  OwningOpRef<ModuleOp> module;
};

// Everything about the output that can be known before any work.
std::optional<Error> Compilation::checkOutput() {
  suffix = llvm::sys::path::extension(options.output).str();
  if (suffix != ".so" && suffix != ".mlir" && suffix != ".mlirbc")
    return Error{Status::Usage, "cannot write '" + oneLine(options.output) +
                                    "': expected a name ending in .so, .mlir "
                                    "or .mlirbc"};
  llvm::sys::fs::UniqueID in, out;
  if (!llvm::sys::fs::getUniqueID(options.input, in) &&
      !llvm::sys::fs::getUniqueID(options.output, out) && in == out)
    return Error{Status::Usage, "output '" + oneLine(options.output) +
                                    "' is the input file; give another name"};
  Error error;
  if (!AtomicFile::create(options.output, error))
    return error;
  return std::nullopt;
}

std::optional<Error> Compilation::load() {
  DialectRegistry registry;
  registerAllDialects(registry);
  context =
      std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  if (threads > 1) {
    pool = std::make_unique<llvm::DefaultThreadPool>(
        llvm::hardware_concurrency(threads));
    context->setThreadPool(*pool);
  }
  context->loadAllAvailableDialects();
  if (!options.input.empty())
    return loadModule(options.input, *context, module);
  Error error;
  auto imported =
      importOnnxBytes(options.model, "model", *context, ImportOptions(), error);
  if (failed(imported))
    return error;
  module = std::move(*imported);
  return std::nullopt;
}

std::optional<Error> Compilation::runPasses(
    llvm::function_ref<std::optional<Error>(OpPassManager &)> build,
    Status status) {
  FirstError first(*context);
  PassManager pm(context.get(), ModuleOp::getOperationName());
  if (auto error = build(pm))
    return error;
  if (failed(pm.run(*module)))
    return first.get(inputName(), status);
  return std::nullopt;
}

std::optional<Error> Compilation::writeModule() {
  Error error;
  auto file = AtomicFile::create(options.output, error);
  if (!file)
    return error;
  if (isTextual(suffix)) {
    module->print(file->os());
  } else {
    BytecodeWriterConfig config("quantc");
    if (failed(writeBytecodeToFile(*module, file->os(), config)))
      return Error{Status::Internal, "cannot write bytecode"};
  }
  return file->commit();
}

std::string Compilation::modelHash() const {
  llvm::SHA256 hash;
  if (options.input.empty()) {
    hash.update(options.model);
  } else if (auto file = llvm::MemoryBuffer::getFile(
                 options.input, /*IsText=*/false,
                 /*RequiresNullTerminator=*/false)) {
    hash.update((*file)->getBuffer());
  }
  return llvm::toHex(hash.final(), /*LowerCase=*/true);
}

std::optional<Error>
Compilation::writeLibrary(const TargetDescription &target) {
  ArtifactOptions artifact;
  artifact.output = options.output;
  artifact.threads = threads;
  if (options.weights == "embed")
    artifact.embedLimit = uint64_t(1) << 31;
  else if (options.weights == "file")
    artifact.embedLimit = 0;
  artifact.metadata.push_back({"quantc.recipe", recipe.name});
  if (!recipe.hash.empty())
    artifact.metadata.push_back({"quantc.recipe_sha256", recipe.hash});
  artifact.metadata.push_back({"quantc.cpu", target.getCpu().str()});
  artifact.metadata.push_back({"quantc.model_sha256", modelHash()});
  FirstError first(*context);
  std::optional<Error> error = writeArtifact(*module, target, artifact);
  if (error && error->status == Status::Internal)
    return first.get(inputName() + ": " + error->message, Status::Internal);
  return error;
}

std::optional<Error> Compilation::run() {
  auto target = TargetDescription::create(options.cpu, options.attributes);
  if (!target)
    return Error{Status::Usage, llvm::toString(target.takeError())};
  if (auto error = loadRecipe(options.recipe, recipe))
    return error;
  if (auto error = checkOutput())
    return error;
  if (auto error = load())
    return error;
  if (auto error = checkFormats(context.get(), recipe))
    return error;
  if (auto error = runPasses(
          [&](OpPassManager &pm) { return buildFrontPipeline(pm, recipe); },
          Status::Refused))
    return error;
  if (suffix != ".so")
    return writeModule();
  if (auto error = runPasses(
          [&](OpPassManager &pm) {
            buildCodegenPipeline(pm, *target);
            return std::nullopt;
          },
          Status::Internal))
    return error;
  return writeLibrary(*target);
}

} // namespace

std::optional<Error> compile(const CompileOptions &options) {
  return Compilation(options).run();
}

std::optional<Error> printPipeline(const CompileOptions &options,
                                   std::string &text) {
  auto target = TargetDescription::create(options.cpu, options.attributes);
  if (!target)
    return Error{Status::Usage, llvm::toString(target.takeError())};
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  PassManager pm(&context, ModuleOp::getOperationName());
  Recipe recipe;
  if (auto error = loadRecipe(options.recipe, recipe))
    return error;
  if (auto error = checkFormats(&context, recipe))
    return error;
  if (auto error = buildFrontPipeline(pm, recipe))
    return error;
  buildCodegenPipeline(pm, *target);
  llvm::raw_string_ostream os(text);
  pm.printAsTextualPipeline(os);
  return std::nullopt;
}

} // namespace quantc

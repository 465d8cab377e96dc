// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The driver: load, front pipeline, code generation, emission.

#include "quantc/Driver/Compile.h"
#include "Rewriter.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "quantc/Allocation/BitAllocation.h"
#include "quantc/Driver/FirstError.h"
#include "quantc/Driver/Pipelines.h"
#include "quantc/Driver/Register.h"
#include "quantc/Driver/Workspace.h"
#include "quantc/Support/AtomicFile.h"
#include "quantc/Target/Artifact.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"

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

bool hasData(const CompileOptions &options) {
  return !options.data.empty() || !options.statistics.empty();
}

bool isTextual(StringRef suffix) { return suffix == ".mlir"; }

class Compilation {
public:
  Compilation(const CompileOptions &options, Workspace &workspace)
      : options(options), workspace(workspace) {}

  /// All of it, to the output.
  std::optional<Error> run();
  std::optional<Error> prepare();
  /// After `prepare`: loads the model and brings it to encoded values.
  std::optional<Error> quantize();

private:
  std::optional<Error> checkOutput();
  std::optional<Error> checkData() const;
  std::optional<Error> runFront();
  std::optional<Error> reportRewrites(const Rewriter &rewriter) const;
  std::optional<Error> prepareReport(std::string &path) const;
  std::optional<Error> writeModule();
  std::optional<Error> writeLibrary(const TargetDescription &target);

  const CompileOptions &options;
  Workspace &workspace;
  Recipe recipe;
  std::string suffix;
  /// About rewrites, in words.
  std::vector<std::string> decisions;
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

std::optional<Error> Compilation::writeModule() {
  Error error;
  auto file = AtomicFile::create(options.output, error);
  if (!file)
    return error;
  if (isTextual(suffix)) {
    workspace.getModule().print(file->os());
  } else {
    BytecodeWriterConfig config("quantc");
    if (failed(writeBytecodeToFile(workspace.getModule(), file->os(), config)))
      return Error{Status::Internal, "cannot write bytecode"};
  }
  return file->commit();
}

std::optional<Error>
Compilation::writeLibrary(const TargetDescription &target) {
  ArtifactOptions artifact;
  artifact.output = options.output;
  artifact.threads = workspace.getThreads();
  if (options.weights == "embed")
    artifact.embedLimit = uint64_t(1) << 31;
  else if (options.weights == "file")
    artifact.embedLimit = 0;
  artifact.metadata.push_back({"quantc.recipe", recipe.name});
  if (!recipe.hash.empty())
    artifact.metadata.push_back({"quantc.recipe_sha256", recipe.hash});
  for (auto [i, decision] : llvm::enumerate(decisions))
    artifact.metadata.push_back(
        {"quantc.rewrite." + std::to_string(i), decision});
  artifact.metadata.push_back({"quantc.cpu", target.getCpu().str()});
  artifact.metadata.push_back({"quantc.model_sha256", workspace.modelHash()});
  FirstError first(workspace.getContext());
  std::optional<Error> error =
      writeArtifact(workspace.getModule(), target, artifact);
  if (error)
    return first.explain(workspace.getName(), *error);
  return std::nullopt;
}

std::optional<Error> Compilation::checkData() const {
  if (!options.data.empty() && !options.statistics.empty())
    return Error{Status::Usage, "expected data or statistics, got both"};
  if (recipe.candidates.empty() != options.budget.empty())
    return Error{Status::Usage,
                 recipe.candidates.empty()
                     ? "recipe '" + recipe.name +
                           "' has no formats to choose from; leave the budget "
                           "out, or use the recipe 'auto'"
                     : "recipe '" + recipe.name +
                           "' needs --budget, such as 25MB or 4.2bpw"};
  if (!options.budget.empty()) {
    int64_t bytes = 0;
    if (auto error = parseBudget(options.budget, /*numWeights=*/1, bytes))
      return error;
  }
  if (recipe.measuresLoss() && !recipe.sensitivity.empty() &&
      options.data.empty())
    return Error{Status::Usage,
                 "recipe '" + recipe.name + "' measures the sensitivity '" +
                     recipe.sensitivity +
                     "' on samples: give --calib DATA, or name the sensitivity "
                     "'output'"};
  if (recipe.quantizedStream && options.data.empty())
    return Error{Status::Usage,
                 "recipe '" + recipe.name +
                     "' solves on the quantized stream, which is measured on "
                     "samples: give --calib DATA"};
  if (!options.statistics.empty())
    if (auto error = checkRewrites(recipe))
      return error;
  if (!recipe.needsStatistics() || !options.data.empty() ||
      !options.statistics.empty())
    return std::nullopt;
  return Error{Status::Usage,
               "recipe '" + recipe.name +
                   "' needs data: give --calib DATA (a .npz, a .npy or a "
                   "folder of samples)" +
                   (checkRewrites(recipe)
                        ? ""
                        : " or --stats FILE of quantc calibrate")};
}

std::optional<Error> Compilation::prepareReport(std::string &path) const {
  if (options.report.empty())
    return std::nullopt;
  if (std::error_code code = llvm::sys::fs::create_directories(options.report))
    return Error{Status::IO, "cannot make the folder '" +
                                 oneLine(options.report) +
                                 "': " + code.message()};
  SmallString<128> file(options.report);
  llvm::sys::path::append(file, "allocation.json");
  path = std::string(file);
  return std::nullopt;
}

/// rewrites.json: what became of each rewrite.
std::optional<Error>
Compilation::reportRewrites(const Rewriter &rewriter) const {
  if (options.report.empty() || rewriter.getDecisions().empty())
    return std::nullopt;
  llvm::json::Array list;
  for (const RewriteDecision &decision : rewriter.getDecisions())
    list.push_back(llvm::json::Object{{"rewrite", decision.rewrite},
                                      {"kept", decision.isKept},
                                      {"loss_before", decision.before},
                                      {"loss_after", decision.after}});
  llvm::json::Object root{{"held_out_samples", rewriter.getSampleCount()},
                          {"rewrites", std::move(list)}};
  SmallString<128> path(options.report);
  llvm::sys::path::append(path, "rewrites.json");
  Error error;
  auto file = AtomicFile::create(path, error);
  if (!file)
    return error;
  file->os() << llvm::formatv("{0:2}", llvm::json::Value(std::move(root)))
             << "\n";
  return file->commit();
}

std::optional<Error> Compilation::runFront() {
  if (auto error = workspace.run(
          workspace.getModule(),
          [&](OpPassManager &pm) {
            buildNormalPipeline(pm);
            return std::nullopt;
          },
          Status::Refused))
    return error;
  QuantizeInputs inputs{options.statistics, options.data, options.budget, ""};
  if (auto error = prepareReport(inputs.report))
    return error;
  Rewriter rewriter(workspace, recipe, options);
  if (auto error = rewriter.run())
    return error;
  for (const RewriteDecision &decision : rewriter.getDecisions())
    decisions.push_back(decision.text());
  if (auto error = reportRewrites(rewriter))
    return error;
  if (!recipe.isFloat())
    if (auto error = rewriter.getStatistics(inputs.statistics))
      return error;
  return quantizeModule(workspace, rewriter.getRecipe(), inputs,
                        recipe.holdsOut(), workspace.getModule());
}

/// Leaves out what the target has no instructions for, with a remark.
static void fitTarget(const TargetDescription &target,
                      const CompileOptions &options, Recipe &recipe) {
  if (!recipe.roundsToBf16 || target.has("avx512bf16"))
    return;
  recipe.roundsToBf16 = false;
  if (options.remark)
    options.remark("recipe '" + recipe.name +
                   "' says 'a16: bf16', and the CPU '" + target.getCpu().str() +
                   "' has no avx512bf16: it keeps the f32 chain; "
                   "--mcpu=sapphirerapids or --mattr=+avx512bf16 name one that "
                   "has");
}

// What can be refused before any work.
std::optional<Error> Compilation::prepare() {
  if (auto error = loadRecipe(options.recipe, recipe))
    return error;
  if (hasData(options))
    recipe.expectData();
  return checkData();
}

std::optional<Error> Compilation::quantize() {
  if (auto error = workspace.load())
    return error;
  if (auto error = checkFormats(&workspace.getContext(), recipe))
    return error;
  return runFront();
}

std::optional<Error> Compilation::run() {
  auto target = TargetDescription::create(options.cpu, options.attributes);
  if (!target)
    return Error{Status::Usage, llvm::toString(target.takeError())};
  if (auto error = prepare())
    return error;
  fitTarget(*target, options, recipe);
  if (auto error = checkOutput())
    return error;
  if (auto error = quantize())
    return error;
  if (suffix != ".so")
    return writeModule();
  if (auto error = workspace.run(
          workspace.getModule(),
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
  Workspace workspace(options.input, options.model, options.threads,
                      options.import);
  return Compilation(options, workspace).run();
}

std::optional<Error> quantize(const CompileOptions &options,
                              Workspace &workspace) {
  Compilation compilation(options, workspace);
  if (auto error = compilation.prepare())
    return error;
  return compilation.quantize();
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
  if (hasData(options))
    recipe.expectData();
  fitTarget(*target, options, recipe);
  if (auto error = checkFormats(&context, recipe))
    return error;
  if (auto error = buildFrontPipeline(
          pm, recipe, {options.statistics, options.data, options.budget, ""}))
    return error;
  buildCodegenPipeline(pm, *target);
  llvm::raw_string_ostream os(text);
  pm.printAsTextualPipeline(os);
  return std::nullopt;
}

} // namespace quantc

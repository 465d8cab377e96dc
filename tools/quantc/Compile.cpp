// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// quantc compile: a model file to a library, or to the IR on the way there.

#include "quantc/Driver/Compile.h"
#include "Commands.h"
#include "Progress.h"
#include "quantc/Driver/ProgramFile.h"
#include "quantc/Driver/Recipe.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"

using namespace llvm;

namespace quantc {

namespace {

std::optional<Error> oneOf(const Arguments &arguments, StringRef option,
                           ArrayRef<StringRef> known) {
  StringRef value = arguments.get(option);
  if (!arguments.has(option) || is_contained(known, value))
    return std::nullopt;
  return Error{Status::Usage, "expected " + option.str() + " to be " +
                                  join(known, " or ") + ", got '" +
                                  value.str() + "'"};
}

/// What was written, with the stored bits per weight that the library reports.
void printSummary(StringRef path) {
  uint64_t bytes = 0;
  sys::fs::file_size(path, bytes);
  outs() << path << ": " << sizeText(bytes);
  std::unique_ptr<ProgramFile> file;
  if (path.ends_with(".so") && !ProgramFile::open(path, file)) {
    if (std::string side = file->getWeightsFile(); !side.empty())
      outs() << " and " << side << ": " << sizeText(file->getWeights().bytes);
    std::string all, linears;
    for (const auto &[key, value] : file->getMetadata()) {
      if (key == "quantc.stored_bits_all")
        all = value;
      if (key == "quantc.stored_bits_linears")
        linears = value;
    }
    if (!all.empty())
      outs() << ", stored bits per weight: " << all << " (linears: " << linears
             << ")";
  }
  outs() << "\n";
}

/// The words of an option that repeats, as pairs at the first '='.
std::optional<Error>
readPairs(const Arguments &arguments, StringRef option,
          function_ref<std::optional<Error>(StringRef, StringRef)> take) {
  for (StringRef text : arguments.all(option)) {
    auto [name, value] = text.split('=');
    if (name.empty() || !text.contains('='))
      return Error{Status::Usage, "expected " + option.str() +
                                      " NAME=VALUE, got '" + text.str() + "'"};
    if (auto error = take(name, value))
      return error;
  }
  return std::nullopt;
}

/// What is decided about inputs before the run.
std::optional<Error> readImport(const Arguments &arguments,
                                ImportOptions &options) {
  auto twice = [](StringRef option, StringRef name) {
    return Error{Status::Usage,
                 option.str() + " is given twice for '" + name.str() + "'"};
  };
  auto dim = [&](StringRef name, StringRef value) -> std::optional<Error> {
    int64_t size = 0;
    if (value.getAsInteger(10, size) || size < 0)
      return Error{Status::Usage, "expected a size for --dim '" + name.str() +
                                      "', got '" + value.str() + "'"};
    if (!options.dims.try_emplace(name, size).second)
      return twice("--dim", name);
    return std::nullopt;
  };
  auto bind = [&](StringRef name, StringRef value) -> std::optional<Error> {
    if (!options.bind.try_emplace(name, value.str()).second)
      return twice("--bind", name);
    return std::nullopt;
  };
  if (auto error = readPairs(arguments, "--dim", dim))
    return error;
  return readPairs(arguments, "--bind", bind);
}

std::optional<Error> readOptions(const Arguments &arguments,
                                 CompileOptions &options) {
  int64_t threads = 0;
  if (auto error = arguments.getNumber("--threads", 1, 4096, threads))
    return error;
  if (auto error = oneOf(arguments, "--weights", {"embed", "file"}))
    return error;
  if (auto error = oneOf(arguments, "--target", {"cpu"}))
    return error;
  options.input = arguments.operands()[0];
  options.output = arguments.get("-o").str();
  // Data are given to be used.
  options.recipe =
      arguments.get("--recipe", arguments.has("--calib") ? "w8a8" : "fp32")
          .str();
  options.cpu = arguments.get("--mcpu", "native").str();
  options.attributes = arguments.get("--mattr").str();
  options.weights = arguments.get("--weights").str();
  options.data = arguments.get("--calib").str();
  options.statistics = arguments.get("--stats").str();
  options.budget = arguments.get("--budget").str();
  options.report = arguments.get("--report").str();
  options.threads = unsigned(threads);
  if (auto error = readImport(arguments, options.import))
    return error;
  Recipe recipe;
  auto error = loadRecipe(options.recipe, recipe);
  if (error && error->status == Status::Usage)
    error->message += suggestion(options.recipe, recipeNames());
  return error;
}

std::optional<Error> run(const Arguments &arguments) {
  CompileOptions options;
  if (auto error = readOptions(arguments, options))
    return error;
  if (arguments.has("--print-pipeline")) {
    std::string text;
    if (auto error = printPipeline(options, text))
      return error;
    outs() << text << "\n";
    return finishOutput();
  }
  if (options.output.empty())
    return Error{Status::Usage, "missing -o FILE; see quantc compile --help"};
  std::vector<std::string> remarks;
  options.remark = [&](const std::string &text) { remarks.push_back(text); };
  {
    Progress progress("compiling " + options.input);
    if (auto error = compile(options))
      return error;
  }
  for (const std::string &text : remarks)
    errs() << "quantc: remark: " << text << "\n";
  printSummary(options.output);
  return finishOutput();
}

} // namespace

const Command kCompileCommand = {
    "compile",
    "compile an ONNX model to a native library",
    {"MODEL"},
    {{"-o", "FILE",
      "what is written, by its suffix: .so (with a .h beside it), .mlir or "
      ".mlirbc"},
     {"--recipe", "NAME",
      "fp32 (default), w8a8-dynamic, w8a8 (default with --calib), auto, w4a16, "
      "w4a8, w3a8, w2a8, or a recipe file: RECIPE.yaml"},
     {"--calib", "DATA",
      "samples that the recipe is calibrated on: a .npz, a .npy, a folder of "
      "either or of ONNX test data sets, or synthetic[:SEED]"},
     {"--budget", "BUDGET",
      "for the recipe auto: 25MB, 25MiB, or 4.2bpw (bits per weight)"},
     {"--report", "DIR",
      "where decisions go: allocation.json (with the Pareto front), "
      "rewrites.json"},
     {"--stats", "FILE", "statistics of quantc calibrate, in place of data"},
     {"--dim", "NAME=N", "fix a named dimension", true},
     {"--bind", "NAME=VALUE",
      "decide an input: the numbers of a tensor (2 or 0,2), which becomes a "
      "constant; the length of a sequence (3) or its tensors' shapes "
      "([4,?],[5,?]); none for an absent optional",
      true},
     {"--mcpu", "CPU", "native (default), x86-64-v3, sapphirerapids, ..."},
     {"--mattr", "LIST", "features to add or remove: +avxvnni,-avx512f"},
     {"--target", "TARGET", "cpu"},
     {"--weights", "WHERE",
      "embed or file (default: embedded up to 256 MB, else beside the "
      "library)"},
     {"--threads", "N", "compile threads (default: all CPUs)"},
     {"--print-pipeline", "",
      "print the passes of the recipe, in quant-opt's syntax"}},
    {"--mtriple", "--sm", "--export"},
    "MODEL is a .onnx, .onnxtxt, .mlir or .mlirbc file.",
    "quantc compile model.onnx -o model.so --recipe w8a8-dynamic",
    run};

} // namespace quantc

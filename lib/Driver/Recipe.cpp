// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Presets, and recipe files through LLVM's YAML I/O, which knows lines and
// refuses keys that nobody reads.

#include "quantc/Driver/Recipe.h"
#include "LossSensitivity.h"
#include "mlir/AsmParser/AsmParser.h"
#include "quantc/Allocation/Passes.h"
#include "quantc/Allocation/Sensitivity.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/GlobPattern.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/YAMLTraits.h"

using namespace llvm;

namespace quantc {

namespace {

constexpr int kVersion = 1;
/// Recipes are written by hand; anything longer is another file.
constexpr uint64_t kMostBytes = 1 << 20;

Recipe makePreset(StringRef name, StringRef weights, StringRef activations,
                  StringRef tables) {
  Recipe recipe;
  recipe.name = name.str();
  recipe.weights = weights.str();
  recipe.activations = activations.str();
  recipe.tables = tables.str();
  return recipe;
}

/// Rounds to nearest without data, by GPTQ with it.
Recipe withData(Recipe recipe) {
  recipe.solverWithData = "gptq";
  return recipe;
}

Recipe withSolver(Recipe recipe, StringRef solver) {
  recipe.solver = solver.str();
  return recipe;
}

Recipe withRewrite(Recipe recipe, StringRef pass) {
  recipe.rewrites.push_back(pass.str());
  return recipe;
}

Recipe withCandidates(Recipe recipe, std::vector<std::string> candidates) {
  recipe.candidates = std::move(candidates);
  return recipe;
}

/// Integers of `bits` in blocks of 64, which the kernels unpack.
std::string inBlocks(int bits) {
  return "int<" + std::to_string(bits) +
         ", block = [1, 64], scale = f16, offset = integer>";
}

/// Few bits and int8 activations: outliers hurt both, rotated with data.  (At 2
/// bits it was not better on any model, docs/recipes.md.)
Recipe makeRotated(StringRef name, int bits) {
  Recipe recipe = withData(
      makePreset(name, inBlocks(bits), "int<8, per_row>", "int<8, axis = 0>"));
  recipe.rewritesWithData = {"rotate"};
  return recipe;
}

ArrayRef<Recipe> presets() {
  static const std::vector<Recipe> all = {
      makePreset("fp32", "float", "float", "float"),
      makePreset("w8a8-dynamic", "int<8, axis = 0>", "int<8, per_row>",
                 "int<8, axis = 0>"),
      withRewrite(withSolver(makePreset("w8a8", "int<8, axis = 0>",
                                        "int<8, tensor, offset = integer>",
                                        "int<8, axis = 0>"),
                             "gptq"),
                  "smooth-quant{alpha=search}"),
      withCandidates(
          withSolver(makePreset("auto", "int<8, axis = 0>", "int<8, per_row>",
                                "int<8, axis = 0>"),
                     "gptq"),
          {"int<8, axis = 0>", inBlocks(4), inBlocks(3), inBlocks(2)}),
      withData(makePreset("w4a16", inBlocks(4), "float", "int<8, axis = 0>")),
      makeRotated("w4a8", 4),
      makeRotated("w3a8", 3),
      withData(makePreset("w2a8", inBlocks(2), "int<8, per_row>",
                          "int<8, axis = 0>")),
  };
  return all;
}

const Recipe *findPreset(StringRef name) {
  const auto *it = find_if(
      presets(), [&](const Recipe &recipe) { return recipe.name == name; });
  return it == presets().end() ? nullptr : it;
}

/// A file as it is written: everything but the version may be left out.
struct RecipeFile {
  int version = 0;
  std::string base = "fp32";
  std::optional<std::string> weights, activations, tables, range, solver,
      solverOptions, sensitivity;
  std::optional<std::vector<std::string>> candidates;
  std::optional<double> staticLimit;
  std::optional<std::string> a16, stream;
  std::optional<bool> correctBias;
  std::optional<bool> judgeRewrites;
  std::optional<std::vector<std::string>> rewrites;
  std::vector<Recipe::Override> overrides;
};

} // namespace

} // namespace quantc

LLVM_YAML_IS_SEQUENCE_VECTOR(quantc::Recipe::Override)

namespace llvm::yaml {

template <> struct MappingTraits<quantc::Recipe::Override> {
  static void mapping(IO &io, quantc::Recipe::Override &value) {
    io.mapRequired("nodes", value.nodes);
    io.mapOptional("weights", value.weights);
    io.mapOptional("activations", value.activations);
    io.mapOptional("tables", value.tables);
    auto pattern = GlobPattern::create(value.nodes);
    if (!pattern)
      io.setError("'nodes' is not a pattern: " + toString(pattern.takeError()));
  }
};

template <> struct MappingTraits<quantc::RecipeFile> {
  static void mapping(IO &io, quantc::RecipeFile &file) {
    io.mapRequired("quantc", file.version);
    if (file.version != quantc::kVersion)
      io.setError("expected recipe version " + Twine(quantc::kVersion) +
                  " at 'quantc', got " + Twine(file.version));
    io.mapOptional("base", file.base);
    if (!quantc::findPreset(file.base))
      io.setError("unknown recipe '" + Twine(file.base) +
                  "' at 'base', expected one of " +
                  join(quantc::recipeNames(), ", "));
    io.mapOptional("weights", file.weights);
    io.mapOptional("activations", file.activations);
    io.mapOptional("tables", file.tables);
    io.mapOptional("a16", file.a16);
    if (file.a16 && *file.a16 != "f32" && *file.a16 != "bf16")
      io.setError("expected 'a16' to be f32 or bf16, got '" + Twine(*file.a16) +
                  "'");
    io.mapOptional("range", file.range);
    io.mapOptional("static-limit", file.staticLimit);
    io.mapOptional("solver", file.solver);
    io.mapOptional("solver-options", file.solverOptions);
    io.mapOptional("stream", file.stream);
    if (file.stream && *file.stream != "float" && *file.stream != "quantized")
      io.setError("expected 'stream' to be float or quantized, got '" +
                  Twine(*file.stream) + "'");
    io.mapOptional("correct-bias", file.correctBias);
    io.mapOptional("candidates", file.candidates);
    io.mapOptional("sensitivity", file.sensitivity);
    io.mapOptional("rewrites", file.rewrites);
    io.mapOptional("judge-rewrites", file.judgeRewrites);
    io.mapOptional("overrides", file.overrides);
  }
};

} // namespace llvm::yaml

namespace quantc {

bool Recipe::isFloat() const {
  return weights == "float" && tables == "float" && rewrites.empty() &&
         overrides.empty() && candidates.empty();
}

std::string Recipe::getSensitivity(bool hasData) const {
  if (!sensitivity.empty())
    return sensitivity;
  return hasData ? "loss" : "output";
}

std::string Recipe::getSolver(bool hasData) const {
  return solver.empty() && hasData ? solverWithData : solver;
}

void Recipe::expectData() {
  append_range(rewrites, rewritesWithData);
  rewritesWithData.clear();
}

bool readsStatistics(StringRef rewrite) {
  StringRef name = rewrite.take_until([](char c) { return c == '{'; });
  return name.trim() == "smooth-quant" && !rewrite.contains("statistics=");
}

std::optional<Error> checkRewrites(const Recipe &recipe) {
  for (StringRef rewrite : recipe.rewrites)
    if (readsStatistics(rewrite))
      return Error{
          Status::Usage,
          "recipe '" + recipe.name + "': '" + rewrite.str() +
              "' needs statistics of the model before it, and outdates "
              "them: give quantc compile --calib DATA, or a recipe "
              "file that names them, as in "
              "smooth-quant{statistics=FILE}"};
  return std::nullopt;
}

std::string addStatistics(StringRef rewrite, StringRef file) {
  auto [name, options] = rewrite.split('{');
  return (name.trim() + "{statistics=\"" + file + "\" " +
          (options.empty() ? "}" : options))
      .str();
}

/// Whether activations in one of these formats have a scale that is fixed
/// beforehand.  Text that is no format is refused elsewhere.
static bool hasStatic(ArrayRef<StringRef> formats) {
  mlir::DialectRegistry registry;
  registry.insert<fmt::FmtDialect>();
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  mlir::ScopedDiagnosticHandler quiet(
      &context, [](mlir::Diagnostic &) { return mlir::success(); });
  return any_of(formats, [&](StringRef text) {
    return text != "float" &&
           isStaticActivation(dyn_cast_if_present<fmt::FormatInterface>(
               mlir::parseAttribute(("#fmt." + text).str(), &context)));
  });
}

static bool solverNeedsMoments(StringRef name) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  mlir::ScopedDiagnosticHandler quiet(
      &context, [](mlir::Diagnostic &) { return mlir::success(); });
  auto known = solvers::Solver::create(
      [&] { return mlir::emitError(mlir::UnknownLoc::get(&context)); }, name);
  return known && known->needsSecondMoment();
}

bool Recipe::needsStatistics() const {
  if (any_of(rewrites, readsStatistics) || solverNeedsMoments(solver))
    return true;
  if (!candidates.empty()) {
    auto known = SensitivityProvider::find(getSensitivity(/*hasData=*/false));
    if (!known || known->needsStatistics() || known->needsData())
      return true;
  }
  SmallVector<StringRef> formats = {activations};
  for (const Override &override : overrides)
    if (override.activations)
      formats.push_back(*override.activations);
  return hasStatic(formats) || quantizedStream || correctBias;
}

bool Recipe::judgesRewrites() const {
  Recipe plain = *this;
  plain.rewrites.clear();
  return judgeRewrites && (!rewrites.empty() || correctBias) &&
         !plain.isFloat();
}

bool Recipe::measuresLoss() const {
  if (candidates.empty())
    return false;
  auto known = SensitivityProvider::find(getSensitivity(/*hasData=*/true));
  return known && known->needsData();
}

ArrayRef<StringRef> recipeNames() {
  static const std::vector<StringRef> names = [] {
    std::vector<StringRef> result;
    for (const Recipe &recipe : presets())
      result.push_back(recipe.name);
    return result;
  }();
  return names;
}

std::optional<Error> parseRecipe(StringRef text, StringRef path,
                                 Recipe &recipe) {
  // The YAML reader wants a document.
  if (text.trim().empty())
    return Error{Status::Refused,
                 path.str() + ":1:1: expected a recipe, got an empty file"};
  // The first error; later ones follow from it.
  std::string first;
  struct Sink {
    std::string &first;
    StringRef path;
  } sink{first, path};
  auto handle = [](const SMDiagnostic &diagnostic, void *context) {
    auto &to = *static_cast<Sink *>(context);
    if (!to.first.empty() || diagnostic.getKind() != SourceMgr::DK_Error)
      return;
    to.first =
        (to.path + ":" + Twine(diagnostic.getLineNo()) + ":" +
         Twine(diagnostic.getColumnNo() + 1) + ": " + diagnostic.getMessage())
            .str();
  };
  RecipeFile file;
  yaml::Input input(MemoryBufferRef(text, path), nullptr, handle, &sink);
  input >> file;
  if (input.error() || !first.empty())
    return Error{Status::Refused,
                 first.empty() ? path.str() + ":1:1: not a recipe" : first};
  if (file.version == 0)
    return Error{Status::Refused, path.str() + ":1:1: expected 'quantc: " +
                                      std::to_string(kVersion) + "'"};
  recipe = *findPreset(file.base);
  recipe.name = sys::path::stem(path).str();
  SHA256 hash;
  hash.update(text);
  recipe.hash = toHex(hash.final(), /*LowerCase=*/true);
  recipe.weights = file.weights.value_or(recipe.weights);
  recipe.activations = file.activations.value_or(recipe.activations);
  recipe.tables = file.tables.value_or(recipe.tables);
  recipe.roundsToBf16 = file.a16 == "bf16";
  recipe.range = file.range.value_or(recipe.range);
  recipe.staticLimit = file.staticLimit.value_or(recipe.staticLimit);
  if (file.solver) {
    recipe.solver = *file.solver;
    recipe.solverWithData.clear();
  }
  recipe.solverOptions = file.solverOptions.value_or(recipe.solverOptions);
  if (file.sensitivity) {
    recipe.sensitivity = *file.sensitivity;
    if (!SensitivityProvider::find(recipe.sensitivity))
      return Error{Status::Refused,
                   path.str() + ":1:1: there is no sensitivity '" +
                       recipe.sensitivity + "'; expected one of " +
                       join(SensitivityProvider::getNames(), ", ")};
  }
  if (file.stream)
    recipe.quantizedStream = *file.stream == "quantized";
  recipe.correctBias = file.correctBias.value_or(recipe.correctBias);
  if (file.candidates)
    recipe.candidates = *file.candidates;
  if (file.rewrites) {
    recipe.rewrites = *file.rewrites;
    recipe.rewritesWithData.clear();
  }
  recipe.judgeRewrites = file.judgeRewrites.value_or(recipe.judgeRewrites);
  append_range(recipe.overrides, file.overrides);
  bool hasFloats = recipe.activations == "float" ||
                   any_of(recipe.overrides, [](const Recipe::Override &o) {
                     return o.activations == "float";
                   });
  if (recipe.roundsToBf16 && !hasFloats)
    return Error{Status::Refused,
                 path.str() +
                     ":1:1: 'a16: bf16' rounds float activations, and "
                     "all are " +
                     recipe.activations +
                     ": use base: w4a16, or activations: float"};
  return std::nullopt;
}

std::optional<Error> loadRecipe(StringRef nameOrPath, Recipe &recipe) {
  registerLossSensitivity();
  if (const Recipe *preset = findPreset(nameOrPath)) {
    recipe = *preset;
    return std::nullopt;
  }
  if (!nameOrPath.ends_with(".yaml") && !nameOrPath.ends_with(".yml"))
    return Error{Status::Usage,
                 "unknown recipe '" + nameOrPath.str() + "', expected one of " +
                     join(recipeNames(), ", ") + ", or a file ending in .yaml"};
  auto buffer = MemoryBuffer::getFile(nameOrPath, /*IsText=*/true);
  if (!buffer)
    return Error{Status::IO, "cannot read recipe '" + nameOrPath.str() +
                                 "': " + buffer.getError().message()};
  if ((*buffer)->getBufferSize() > kMostBytes)
    return Error{Status::Limit, "recipe '" + nameOrPath.str() + "' has " +
                                    std::to_string((*buffer)->getBufferSize()) +
                                    " bytes, the most is " +
                                    std::to_string(kMostBytes)};
  return parseRecipe((*buffer)->getBuffer(), nameOrPath, recipe);
}

} // namespace quantc

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recipes as pass sequences.

#include "quantc/Driver/Pipelines.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "quantc/Allocation/Passes.h"
#include "quantc/Codegen/Passes.h"
#include "quantc/Codegen/Pipelines.h"
#include "quantc/Conversion/Passes.h"
#include "quantc/Dialect/QNN/Passes.h"
#include "quantc/Driver/Compile.h"
#include "quantc/Driver/Register.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace quantc {

/// The attribute that a recipe's format stands for; empty for float.
static std::string formatText(StringRef format) {
  return format == "float" ? "" : ("#fmt." + format).str();
}

static AssignFormatsPassOptions formatOptions(const Recipe &recipe) {
  AssignFormatsPassOptions options;
  options.weight = formatText(recipe.weights);
  options.activation = formatText(recipe.activations);
  options.table = formatText(recipe.tables);
  options.bf16 = recipe.roundsToBf16;
  auto part = [](StringRef name, const std::optional<std::string> &format) {
    return format ? (";" + name + "=" + formatText(*format)).str() : "";
  };
  for (const Recipe::Override &override : recipe.overrides)
    options.overrides.push_back(override.nodes +
                                part("weight", override.weights) +
                                part("activation", override.activations) +
                                part("table", override.tables));
  return options;
}

/// Adds a pass in quant-opt's syntax.
static std::optional<Error> addRewrite(OpPassManager &pm, StringRef text,
                                       const Recipe &recipe) {
  [[maybe_unused]] static const bool registered = [] {
    registerAllPasses();
    return true;
  }();
  std::string message;
  llvm::raw_string_ostream os(message);
  if (succeeded(parsePassPipeline(text, pm, os)))
    return std::nullopt;
  StringRef reason = StringRef(message).split("error: ").second;
  return Error{
      Status::Refused,
      "recipe '" + recipe.name + "': '" + text.str() + "' is not a rewrite: " +
          oneLine(reason.take_until([](char c) { return c == '\n'; }))};
}

/// Formats are checked before the pass sees them, so that the error names the
/// recipe.
static std::optional<Error> checkFormat(MLIRContext *context, StringRef format,
                                        const Recipe &recipe) {
  std::string reason = "not a format";
  ScopedDiagnosticHandler handler(context, [&](Diagnostic &diagnostic) {
    reason = diagnostic.str();
    return success();
  });
  std::string text = formatText(format);
  if (text.empty() ||
      isa_and_present<fmt::FormatInterface>(parseAttribute(text, context)))
    return std::nullopt;
  return Error{Status::Refused, "recipe '" + recipe.name +
                                    "': expected a format such as "
                                    "int<8, axis = 0>, got '" +
                                    format.str() + "': " + reason};
}

std::optional<Error> checkFormats(MLIRContext *context, const Recipe &recipe) {
  context->loadDialect<fmt::FmtDialect>();
  SmallVector<std::string> formats = {recipe.weights, recipe.activations,
                                      recipe.tables};
  llvm::append_range(formats, recipe.candidates);
  for (const Recipe::Override &override : recipe.overrides)
    for (const auto &format :
         {override.weights, override.activations, override.tables})
      formats.push_back(format.value_or("float"));
  for (StringRef format : formats)
    if (auto error = checkFormat(context, format, recipe))
      return error;
  return std::nullopt;
}

void buildNormalPipeline(OpPassManager &pm) {
  qnn::buildNormalizePipeline(pm);
  addCleanup(pm);
}

void buildRewriteCleanup(OpPassManager &pm) {
  // Equal constant expressions become one, so that a table that was rewritten
  // with its linear is still stored once; norms and biases are evaluated.
  pm.addPass(qnn::createFoldSmallConstantsPass());
  addCleanup(pm);
}

std::optional<Error> buildRewritePipeline(OpPassManager &pm,
                                          const Recipe &recipe) {
  for (StringRef rewrite : recipe.rewrites)
    if (auto error = addRewrite(pm.nest<func::FuncOp>(), rewrite, recipe))
      return error;
  if (!recipe.rewrites.empty())
    buildRewriteCleanup(pm);
  return std::nullopt;
}

std::optional<SolveOptions> solveOptions(const Recipe &recipe,
                                         const QuantizeInputs &inputs) {
  SolveOptions solve;
  solve.solver = recipe.getSolver(/*hasData=*/!inputs.statistics.empty() ||
                                  !inputs.data.empty());
  if (solve.solver.empty() && recipe.correctBias)
    solve.solver = "rtn";
  if (solve.solver.empty())
    return std::nullopt;
  solve.solverOptions = recipe.solverOptions;
  solve.correctBias = recipe.correctBias;
  return solve;
}

void buildQuantizePipeline(OpPassManager &pm, const Recipe &recipe,
                           const QuantizeInputs &inputs) {
  if (recipe.isFloat())
    return;
  bool hasData = !inputs.statistics.empty() || !inputs.data.empty();
  std::string solver = recipe.getSolver(hasData);
  if (!recipe.candidates.empty()) {
    AllocateFormatsPassOptions allocate;
    allocate.budget = inputs.budget;
    for (StringRef candidate : recipe.candidates)
      allocate.candidates.push_back(formatText(candidate));
    allocate.sensitivity = recipe.getSensitivity(!inputs.data.empty());
    allocate.data = inputs.data;
    // Formats round to nearest if no solver is named.
    allocate.solver = solver.empty() ? "rtn" : solver;
    allocate.solverOptions = recipe.solverOptions;
    allocate.statistics = inputs.statistics;
    allocate.report = inputs.report;
    pm.addPass(createAllocateFormatsPass(allocate));
  }
  AssignFormatsPassOptions assign = formatOptions(recipe);
  assign.statistics = inputs.statistics;
  assign.range = recipe.range;
  assign.staticLimit = recipe.staticLimit;
  pm.addNestedPass<func::FuncOp>(createAssignFormatsPass(assign));
  auto chosen = solveOptions(recipe, inputs);
  if (chosen && !inputs.solveLater) {
    SolveWeightsPassOptions solve;
    solve.solver = chosen->solver;
    solve.solverOptions = chosen->solverOptions;
    solve.correctBias = chosen->correctBias;
    solve.statistics = inputs.statistics;
    pm.addPass(createSolveWeightsPass(solve));
  }
  addCleanup(pm);
}

std::optional<Error> buildFrontPipeline(OpPassManager &pm, const Recipe &recipe,
                                        const QuantizeInputs &inputs) {
  buildNormalPipeline(pm);
  if (auto error = buildRewritePipeline(pm, recipe))
    return error;
  buildQuantizePipeline(pm, recipe, inputs);
  return std::nullopt;
}

void buildCodegenPipeline(OpPassManager &pm, const TargetDescription &target) {
  buildFormKernelsPipeline(pm);
  OpPassManager kernels(func::FuncOp::getOperationName());
  buildBufferKernelsPipeline(kernels);
  // Copies of a view onto itself show only after CSE.
  kernels.addPass(createCanonicalizerPass());
  ConvertLowBitToVectorPassOptions options;
  options.features.assign(target.getFeatures().begin(),
                          target.getFeatures().end());
  kernels.addPass(createConvertLowBitToVectorPass(options));
  buildVectorizePipeline(kernels);
  ForKernelsPassOptions forKernels;
  forKernels.passes.push_back(std::move(kernels));
  pm.addPass(createForKernelsPass(forKernels));
  pm.addPass(createOutlineStepsPass());
  pm.addPass(createConfigureTilesPass());
  buildLowerToLLVMPipeline(pm.nest<ModuleOp>());
}

} // namespace quantc

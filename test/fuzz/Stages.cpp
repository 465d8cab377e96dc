// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The stages of a compilation from the imported module to loops over buffers,
// as lib/Driver/Pipelines.cpp and lib/Codegen/KernelStages.cpp build them.

#include "Stages.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "quantc/Codegen/Pipelines.h"
#include "quantc/Dialect/QNN/EvaluationLimit.h"
#include "quantc/Dialect/QNN/Interpreter.h"
#include "quantc/Dialect/QNN/Passes.h"
#include "quantc/Dialect/QNN/ShapeAnalysis.h"

using namespace mlir;

namespace quantc {

/// Of the last error, to tell a refusal with a reason from one without.
static unsigned diagnostics = 0;

[[noreturn]] void abortWith(const Twine &message) {
  llvm::errs() << "fuzz: " << message << "\n";
  std::abort();
}

std::unique_ptr<MLIRContext> makeFuzzContext() {
  DialectRegistry registry;
  registerKernelDialects(registry);
  auto context =
      std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  context->getDiagEngine().registerHandler([](Diagnostic &diagnostic) {
    diagnostics += diagnostic.getSeverity() == DiagnosticSeverity::Error;
  });
  return context;
}

//===----------------------------------------------------------------------===//
// Evaluation
//===----------------------------------------------------------------------===//

static constexpr int64_t kMaxElements = 1 << 12, kMaxTotal = 1 << 15;

/// Elements of a tensor when every symbol is `extent`; nothing when too many.
static std::optional<int64_t> countElements(ArrayRef<AffineExpr> shape,
                                            ArrayRef<int64_t> symbols) {
  int64_t count = 1;
  for (AffineExpr dim : shape) {
    std::optional<int64_t> extent = evaluate(dim, symbols);
    if (!extent || *extent < 0 || *extent > kMaxElements)
      return std::nullopt;
    count *= *extent;
    if (count > kMaxElements)
      return std::nullopt;
  }
  return count;
}

/// Whether evaluation is quick: few elements in all, no long kernels.
static bool isSmall(func::FuncOp func, const qnn::ShapeAnalysis &shapes,
                    ArrayRef<int64_t> symbols) {
  int64_t total = 0;
  auto add = [&](Value value) {
    auto count = shapes.contains(value)
                     ? countElements(shapes.getShape(value), symbols)
                     : std::nullopt;
    total += count.value_or(kMaxTotal);
    return total < kMaxTotal;
  };
  for (Value argument : func.getArguments())
    if (!add(argument))
      return false;
  for (Operation &op : func.getBody().front())
    for (Value result : op.getResults())
      if (!add(result))
        return false;
  return true;
}

/// Small values of both signs, zeros among them.
static HostTensor makeInput(Type elementType, ArrayRef<int64_t> shape,
                            unsigned index) {
  HostTensor tensor = *HostTensor::allocate(elementType, shape);
  MutableArrayRef<char> bytes = tensor.getMutableBytes();
  bool isBool = elementType.isInteger(1);
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = isBool ? char(i % 2) : char((i * 37 + index) % 5 ? 0 : i * 89);
  return tensor;
}

static void evaluate(func::FuncOp func, int64_t extent) {
  auto shapes = qnn::ShapeAnalysis::compute(func);
  if (failed(shapes))
    abortWith("the shapes cannot be computed");
  SmallVector<int64_t> symbols(qnn::getSymbolNames(func).size(), extent);
  if (!isSmall(func, *shapes, symbols))
    return;
  SmallVector<HostTensor> inputs;
  for (Value argument : func.getArguments()) {
    SmallVector<int64_t> shape;
    for (AffineExpr dim : shapes->getShape(argument))
      shape.push_back(*quantc::evaluate(dim, symbols));
    inputs.push_back(
        makeInput(cast<RankedTensorType>(argument.getType()).getElementType(),
                  shape, inputs.size()));
  }
  // Sizes may be data.
  qnn::EvaluationLimit limit(/*steps=*/1 << 21, /*tensorBytes=*/1 << 20);
  unsigned before = diagnostics;
  if (failed(qnn::evaluateFunction(func, inputs)) && diagnostics == before)
    abortWith("the reference refuses without a reason");
}

static void evaluate(ModuleOp module) {
  for (auto func : module.getOps<func::FuncOp>())
    for (int64_t extent : {0, 1, 3})
      evaluate(func, extent);
}

//===----------------------------------------------------------------------===//
// Passes
//===----------------------------------------------------------------------===//

static void buildLowering(OpPassManager &passes) {
  buildFormKernelsPipeline(passes);
  buildBufferKernelsPipeline(passes.nest<func::FuncOp>());
}

static bool runPasses(ModuleOp module, StringRef what,
                      llvm::function_ref<void(OpPassManager &)> build) {
  PassManager passes(module.getContext(), ModuleOp::getOperationName());
  build(passes);
  unsigned before = diagnostics;
  bool done = succeeded(passes.run(module));
  if (!done && diagnostics == before)
    abortWith(what + " fails without a reason");
  return done;
}

void runStages(ModuleOp module) {
  evaluate(module);
  bool normal = runPasses(module, "normalize", [](OpPassManager &passes) {
    qnn::buildNormalizePipeline(passes);
    addCleanup(passes);
  });
  if (!normal)
    return;
  evaluate(module);
  (void)runPasses(module, "lowering", buildLowering);
}

} // namespace quantc

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Evaluates functions by reference before and after `normalize` and compares
// the results: every function of the normalize-*.mlir tests, and the models in
// models/.  Normalization may change rounding, never values.

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "quantc/Dialect/QNN/Interpreter.h"
#include "quantc/Dialect/QNN/Passes.h"
#include "quantc/Dialect/QNN/ShapeAnalysis.h"
#include "quantc/Frontend/ONNX/Import.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace mlir;

namespace quantc::qnn {
namespace {

const StringRef kSource = QUANTC_SOURCE_DIR;

class NormalizeTest : public ::testing::Test {
protected:
  NormalizeTest() {
    DialectRegistry registry;
    registry.insert<func::FuncDialect, QNNDialect>();
    registerReferenceModels(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  /// Values that look random but are the same everywhere: small integers, or
  /// floats in (-2, 2).
  HostTensor random(Type elementType, ArrayRef<int64_t> shape) {
    HostTensor result = *HostTensor::allocate(elementType, shape);
    for (int64_t i = 0; i < result.getNumElements(); ++i) {
      seed = seed * 1664525u + 1013904223u;
      if (isa<FloatType>(elementType))
        result.setFloat(i, (int32_t(seed >> 8) - (1 << 23)) * 0x1p-22);
      else
        result.setInt(i, (seed >> 16) % (elementType.isInteger(1) ? 2 : 100));
    }
    return result;
  }

  /// Inputs of the shapes that the arguments have when symbol i is i + 2.
  SmallVector<HostTensor> makeInputs(func::FuncOp func) {
    auto shapes = ShapeAnalysis::compute(func);
    EXPECT_TRUE(succeeded(shapes));
    SmallVector<int64_t> symbols;
    for (size_t i = 0; i < getSymbolNames(func).size(); ++i)
      symbols.push_back(i + 2);
    SmallVector<HostTensor> inputs;
    for (BlockArgument argument : func.getArguments()) {
      SmallVector<int64_t> extents;
      for (AffineExpr dim : shapes->getShape(argument))
        extents.push_back(*evaluate(dim, symbols));
      inputs.push_back(random(
          cast<ShapedType>(argument.getType()).getElementType(), extents));
    }
    return inputs;
  }

  LogicalResult normalize(ModuleOp module) {
    PassManager manager(&context);
    buildNormalizePipeline(manager);
    return manager.run(module);
  }

  static void expectClose(const HostTensor &got, const HostTensor &want,
                          StringRef what, double tolerance) {
    ASSERT_EQ(got.getShape(), want.getShape()) << what.str();
    // Operations that were joined round to f16 once and not each.
    if (want.getElementType().isF16())
      tolerance = std::max(tolerance, 4e-3);
    double range = 0;
    for (int64_t i = 0; i < want.getNumElements(); ++i)
      if (std::isfinite(want.getFloat(i)))
        range = std::max(range, std::abs(want.getFloat(i)));
    for (int64_t i = 0; i < want.getNumElements(); ++i) {
      double a = got.getFloat(i), b = want.getFloat(i);
      bool same = a == b || (std::isnan(a) && std::isnan(b)) ||
                  std::abs(a - b) <= tolerance * range;
      ASSERT_TRUE(same) << what.str() << " [" << i << "]: expected " << b
                        << ", got " << a;
    }
  }

  using Inputs = SmallVector<SmallVector<HostTensor>>;

  /// Evaluates all functions, normalizes, evaluates again.
  void compare(ModuleOp module, const Inputs &inputs, double tolerance) {
    SmallVector<SmallVector<HostTensor>> before;
    for (auto [func, values] :
         llvm::zip_equal(module.getOps<func::FuncOp>(), inputs)) {
      auto results = evaluateFunction(func, values);
      ASSERT_TRUE(succeeded(results)) << func.getName().str();
      before.push_back(*results);
    }
    ASSERT_TRUE(succeeded(normalize(module)));
    for (auto [func, values, want] :
         llvm::zip_equal(module.getOps<func::FuncOp>(), inputs, before)) {
      auto results = evaluateFunction(func, values);
      ASSERT_TRUE(succeeded(results)) << func.getName().str();
      ASSERT_EQ(results->size(), want.size());
      for (auto [a, b] : llvm::zip_equal(*results, want))
        expectClose(a, b, func.getName(), tolerance);
    }
  }

  OwningOpRef<ModuleOp> importModel(StringRef name) {
    Error error;
    auto module =
        importOnnx((kSource + "/models/" + name).str(), context, {}, error);
    EXPECT_TRUE(succeeded(module));
    return succeeded(module) ? std::move(*module) : OwningOpRef<ModuleOp>();
  }

  template <typename OpTy> static int count(ModuleOp module) {
    int result = 0;
    module.walk([&](OpTy) { ++result; });
    return result;
  }

  MLIRContext context;
  uint32_t seed = 1;
};

TEST_F(NormalizeTest, LitFunctionsKeepTheirValues) {
  int files = 0;
  std::error_code code;
  for (llvm::sys::fs::directory_iterator
           file(kSource + "/test/Dialect/QNN", code),
       end;
       file != end && !code; file.increment(code)) {
    StringRef name = llvm::sys::path::filename(file->path());
    // Encoded values have no reference.
    if (!name.starts_with("normalize-") || !name.ends_with(".mlir") ||
        name.starts_with("normalize-use-codes"))
      continue;
    ++files;
    SCOPED_TRACE(name.str());
    auto module = parseSourceFile<ModuleOp>(file->path(), &context);
    ASSERT_TRUE(module);
    Inputs inputs;
    for (auto func : module->getOps<func::FuncOp>())
      inputs.push_back(makeInputs(func));
    compare(*module, inputs, 2e-6);
  }
  EXPECT_GE(files, 10);
}

TEST_F(NormalizeTest, Classifier) {
  auto module = importModel("fashion_classifier.onnx");
  ASSERT_TRUE(module);
  HostTensor image = random(Float32Type::get(&context), {2, 1, 28, 28});
  compare(*module, {{image}}, 2e-6);
  // Pointwise convolutions are linears.
  EXPECT_EQ(count<ConvOp>(*module), 7);
  EXPECT_EQ(count<LinearOp>(*module), 7 + 1);
  EXPECT_EQ(count<BatchNormOp>(*module), 0);
  // That of the one dense convolution's weight.
  EXPECT_EQ(count<TransposeOp>(*module), 0 + 1);
  module->walk([](ConvOp op) { EXPECT_TRUE(op.getChannelsLast()); });
}

TEST_F(NormalizeTest, Decoder) {
  auto module = importModel("bible_decoder.onnx");
  ASSERT_TRUE(module);
  constexpr int64_t past = 2, sequence = 3;
  Type i64 = IntegerType::get(&context, 64), f32 = Float32Type::get(&context);
  SmallVector<HostTensor> inputs = {random(i64, {1, sequence}),
                                    random(i64, {1, sequence})};
  for (int64_t i = 0; i < sequence; ++i)
    inputs[1].setInt(i, past + i);
  for (int i = 0; i < 8; ++i)
    inputs.push_back(random(f32, {1, 2, past, 32}));
  compare(*module, {inputs}, 2e-5);
  EXPECT_EQ(count<AttentionOp>(*module), 4);
  EXPECT_EQ(count<RotaryOp>(*module), 8);
  EXPECT_EQ(count<RmsNormOp>(*module), 9);
  EXPECT_EQ(count<SiluOp>(*module), 4);
  EXPECT_EQ(count<LinearOp>(*module), 29);
  EXPECT_EQ(count<BroadcastToOp>(*module), 1);
  module->walk([](AttentionOp op) {
    EXPECT_EQ(cast<ShapedType>(op.getKey().getType()).getDimSize(1), 2);
  });
}

} // namespace
} // namespace quantc::qnn

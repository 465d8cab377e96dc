// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Evaluates the functions of the lit tests by reference before and after each
// equivalence pass.  Outputs must agree to 1e-4 of their greatest value, and so
// must every value that carries a transform, once that is undone.

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "quantc/Dialect/QNN/Interpreter.h"
#include "quantc/Dialect/QNN/ShapeAnalysis.h"
#include "quantc/Rewrites/Equivariant.h"
#include "quantc/Rewrites/Judge.h"
#include "quantc/Rewrites/Passes.h"
#include "quantc/Rewrites/Transforms.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace mlir;
using namespace quantc::qnn;

namespace quantc {
namespace {

const StringRef kSource = QUANTC_SOURCE_DIR;
const StringRef kPipelines[] = {"equalize",
                                "rotate",
                                "rotate{offline=false}",
                                "rotate{online=false}",
                                "rotate{min-block=8}",
                                "equalize,rotate"};

/// What one evaluation computed, by location and name of the operation; empty
/// where two operations share these.
struct Trace {
  SmallVector<HostTensor> outputs;
  DenseMap<std::pair<Location, OperationName>, std::optional<HostTensor>>
      values;
};

class RewritesTest : public ::testing::Test {
protected:
  RewritesTest() {
    DialectRegistry registry;
    registry.insert<func::FuncDialect, QNNDialect>();
    registerReferenceModels(registry);
    registerEquivariantModels(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    [[maybe_unused]] static const bool registered = [] {
      registerQuantcRewritesPasses();
      return true;
    }();
  }

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

  /// Random numbers for constants of equal elements, except 0 and 1.
  void fillConstants(ModuleOp module) {
    module.walk([&](ConstantOp op) {
      auto dense = dyn_cast<DenseElementsAttr>(op.getValue());
      if (!dense || !dense.isSplat() || !dense.getElementType().isF32() ||
          dense.getSplatValue<float>() == 0 ||
          dense.getSplatValue<float>() == 1)
        return;
      HostTensor tensor =
          random(dense.getElementType(), dense.getType().getShape());
      op.setValueAttr(tensor.toAttribute());
    });
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
      auto type = cast<ShapedType>(argument.getType());
      inputs.push_back(random(type.getElementType(), extents));
    }
    return inputs;
  }

  Trace run(func::FuncOp func, ArrayRef<HostTensor> inputs,
            bool restore = false) {
    Trace trace;
    auto observe = [&](Operation *op, ArrayRef<HostTensor> results) {
      if (results.size() != 1 || (restore && !op->hasAttr(kTransformsAttr)))
        return;
      auto value = restore ? restoreOriginal(op, results[0]) : results[0];
      ASSERT_TRUE(succeeded(value));
      auto [it, isNew] =
          trace.values.try_emplace({op->getLoc(), op->getName()}, *value);
      if (!isNew)
        it->second.reset();
    };
    auto outputs = evaluateFunction(func, inputs, observe);
    EXPECT_TRUE(succeeded(outputs));
    if (succeeded(outputs))
      trace.outputs = *outputs;
    return trace;
  }

  static void expectNear(const HostTensor &got, const HostTensor &want,
                         const Twine &what) {
    ASSERT_EQ(got.getShape(), want.getShape()) << what.str();
    double most = 0, error = 0;
    for (int64_t i = 0; i < want.getNumElements(); ++i) {
      most = std::max(most, std::fabs(want.getFloat(i)));
      error = std::max(error, std::fabs(got.getFloat(i) - want.getFloat(i)));
    }
    EXPECT_LE(error, 1e-4 * most) << what.str();
  }

  void check(ModuleOp module, StringRef name) {
    for (StringRef pipeline : kPipelines) {
      OwningOpRef<ModuleOp> copy = module.clone();
      PassManager manager(&context);
      ASSERT_TRUE(succeeded(
          parsePassPipeline(("func.func(" + pipeline + ")").str(), manager)));
      ASSERT_TRUE(succeeded(manager.run(*copy)));
      for (auto [before, after] : llvm::zip_equal(module.getOps<func::FuncOp>(),
                                                  copy->getOps<func::FuncOp>()))
        compare(before, after, (name + ": " + pipeline).str());
    }
  }

  void compare(func::FuncOp before, func::FuncOp after, StringRef what) {
    SmallVector<HostTensor> inputs = makeInputs(before);
    Trace original = run(before, inputs);
    Trace rewritten = run(after, inputs);
    Trace restored = run(after, inputs, /*restore=*/true);
    for (auto [i, want] : llvm::enumerate(original.outputs))
      expectNear(rewritten.outputs[i], want, what + ", output " + Twine(i));
    for (const auto &[place, value] : restored.values) {
      auto it = original.values.find(place);
      if (!value || it == original.values.end() || !it->second)
        continue;
      expectNear(*value, *it->second, what + ", restored");
      ++numRestored;
    }
  }

  MLIRContext context;
  uint32_t seed = 1;
  size_t numRestored = 0;
};

TEST_F(RewritesTest, LitFunctions) {
  std::error_code error;
  size_t files = 0;
  for (llvm::sys::fs::directory_iterator
           file((kSource + "/test/Rewrites").str(), error),
       end;
       file != end && !error; file.increment(error)) {
    if (llvm::sys::path::extension(file->path()) != ".mlir")
      continue;
    auto buffer = llvm::MemoryBuffer::getFile(file->path());
    ASSERT_TRUE(bool(buffer));
    // Parts of a file for quant-opt or for split-file, which names each.
    bool hasNames = (*buffer)->getBuffer().contains("\n//--- ");
    SmallVector<StringRef> parts;
    (*buffer)->getBuffer().split(parts, hasNames ? "\n//--- " : "// -----");
    if (hasNames)
      for (StringRef &part : MutableArrayRef(parts).drop_front())
        part = part.split('\n').second;
    for (auto [i, part] : llvm::enumerate(parts)) {
      auto module = parseSourceString<ModuleOp>(part, &context);
      ASSERT_TRUE(bool(module)) << file->path();
      fillConstants(*module);
      check(*module,
            (llvm::sys::path::filename(file->path()) + "#" + Twine(i)).str());
    }
    ++files;
  }
  EXPECT_GE(files, 3u);
  EXPECT_GT(numRestored, 0u);
}

// A rewrite stays only if the judge sees no rise.
TEST_F(RewritesTest, Judge) {
  auto module = parseSourceString<ModuleOp>(
      R"(func.func @f(%x: tensor<?x8xf32>) -> tensor<?x2xf32>
             attributes {qnn.entry} {
           %w = qnn.constant dense<2.0> : tensor<2x8xf32> -> tensor<2x8xf32>
           %0 = qnn.gelu %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
           %1 = qnn.linear %0, %w : (tensor<?x8xf32>, tensor<2x8xf32>) -> tensor<?x2xf32>
           return %1 : tensor<?x2xf32>
         })",
      &context);
  ASSERT_TRUE(bool(module));
  auto func = *module->getOps<func::FuncOp>().begin();
  std::string remark;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    remark = diagnostic.str();
    return success();
  });
  auto count = [](func::FuncOp f) {
    auto ops = f.getOps<HadamardOp>();
    return size_t(std::distance(ops.begin(), ops.end()));
  };
  auto judge = [&](RewriteLoss loss) {
    return [&count, loss](func::FuncOp before,
                          func::FuncOp after) -> FailureOr<RewriteLoss> {
      EXPECT_EQ(count(before), 0u);
      EXPECT_EQ(count(after), 2u);
      return loss;
    };
  };
  auto worse = rewriteUnlessWorse(func, "rotate", judge({1.0, 1.5}));
  ASSERT_TRUE(succeeded(worse));
  EXPECT_FALSE(*worse);
  EXPECT_EQ(count(func), 0u);
  EXPECT_NE(remark.find("'rotate' is dropped"), std::string::npos) << remark;
  auto same = rewriteUnlessWorse(func, "rotate", judge({1.0, 1.0}));
  ASSERT_TRUE(succeeded(same));
  EXPECT_TRUE(*same);
  EXPECT_EQ(count(func), 2u);
  EXPECT_TRUE(succeeded(module->verify()));
}

} // namespace
} // namespace quantc

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Losses against closed forms, and the share of samples that is held out.

#include "Driver/Loss.h"
#include "Driver/Samples.h"
#include "mlir/Parser/Parser.h"
#include "quantc/Driver/LoadModule.h"
#include "quantc/Driver/Register.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace mlir;
using namespace quantc;

namespace {

/// An entry with one output of floats.
EntrySpec entryOf(std::string output) {
  EntrySpec entry;
  entry.outputs.push_back({std::move(output), QUANTC_TENSOR, {TensorSpec()}});
  entry.outputs[0].tensors[0].extents = {-1, -1};
  return entry;
}

/// Rows of two numbers.
struct Rows {
  std::vector<float> numbers;
  std::vector<int64_t> shape;
  quantc_tensor tensor;

  explicit Rows(std::vector<float> values)
      : numbers(std::move(values)), shape{1, int64_t(numbers.size()) / 2, 2},
        tensor(quantc_cpu_tensor(numbers.data(), QUANTC_FLOAT, 32, 3,
                                 shape.data())) {}
};

double lossOf(StringRef output, Rows from, Rows to,
              ArrayRef<NamedArray> sample = {}) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  LossMeter meter(&context, entryOf(output.str()));
  meter.setReference(sample, {from.tensor});
  LossTotal total;
  meter.add({to.tensor}, total);
  return total.get();
}

TEST(LossTest, SquaredErrorOverSquare) {
  EXPECT_EQ(lossOf("y", Rows({3, 4, 0, 0}), Rows({3, 4, 0, 0})), 0);
  EXPECT_DOUBLE_EQ(lossOf("y", Rows({3, 4, 0, 0}), Rows({3, 3, 0, 2})), 0.2);
  EXPECT_TRUE(std::isnan(lossOf("y", Rows({3, 4}), Rows({3, std::nanf("")}))));
}

TEST(LossTest, DivergenceOfLogits) {
  // Even against three to one.
  double wanted = 0.5 * std::log(0.5 / 0.75) + 0.5 * std::log(0.5 / 0.25);
  float three = std::log(3.0f);
  EXPECT_NEAR(lossOf("logits", Rows({7, 7}), Rows({three, 0})), wanted, 1e-7);
  // The mean over rows, and shifts cost nothing.
  EXPECT_NEAR(lossOf("Logits:0", Rows({7, 7, 1, 2}), Rows({three, 0, 2, 3})),
              wanted / 2, 1e-7);
}

TEST(LossTest, PaddingDoesNotCount) {
  std::vector<NamedArray> sample;
  auto mask = Array::allocate({QUANTC_INT, 64, 1}, {1, 2});
  mask->setNumber(0, 1);
  mask->setNumber(1, 0);
  sample.push_back({"attention_mask", std::move(*mask)});
  EXPECT_EQ(lossOf("y", Rows({3, 4, 1, 1}), Rows({3, 4, 9, 9}), sample), 0);
  EXPECT_GT(lossOf("y", Rows({3, 4, 1, 1}), Rows({3, 5, 1, 1}), sample), 0);
}

class SamplesTest : public ::testing::Test {
protected:
  SamplesTest() {
    DialectRegistry registry;
    registerAllDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    module = parseSourceString<ModuleOp>(
        R"(func.func @main(%x: tensor<?x3xf32> {qnn.name = "x",
               qnn.shape = affine_map<()[s0] -> (s0, 3)>})
               -> (tensor<?x3xf32> {qnn.name = "y"})
               attributes {qnn.entry, qnn.symbols = ["n"]} {
             return %x : tensor<?x3xf32>
           })",
        &context);
    EXPECT_FALSE(findEntry(*module, "", function));
    EXPECT_FALSE(describeEntry(function, entry));
  }

  /// The first number of each sample of a share.
  std::vector<double> read(int64_t limit, SampleShare share) {
    std::vector<double> firsts;
    EXPECT_FALSE(forEachSampleOf(
        "synthetic", limit, share, function, entry,
        [&](std::vector<NamedArray> &sample) -> std::optional<Error> {
          firsts.push_back(sample[0].array.getNumber(0));
          return std::nullopt;
        }));
    return firsts;
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  func::FuncOp function;
  EntrySpec entry;
};

TEST_F(SamplesTest, EveryEighthIsHeldOut) {
  std::vector<double> all = read(0, SampleShare::All), held, rest;
  for (auto [i, value] : llvm::enumerate(all))
    (i % 8 == 7 ? held : rest).push_back(value);
  ASSERT_EQ(all.size(), 32u);
  EXPECT_EQ(read(0, SampleShare::HeldOut), held);
  EXPECT_EQ(read(0, SampleShare::Calibration), rest);
}

TEST_F(SamplesTest, OfTheFirst128Only) {
  EXPECT_EQ(read(200, SampleShare::HeldOut).size(), 16u);
  EXPECT_EQ(read(200, SampleShare::Calibration).size(), 184u);
}

TEST_F(SamplesTest, FewSamplesServeBoth) {
  EXPECT_EQ(read(7, SampleShare::HeldOut), read(7, SampleShare::All));
  EXPECT_EQ(read(7, SampleShare::Calibration), read(7, SampleShare::All));
}

} // namespace

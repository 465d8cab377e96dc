// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Solvers through their registry, for every granularity: what they return is a
// payload that the format decodes to the values they report.  Numbers are
// checked against float64 references in test/python/solvers.py.

#include "quantc/Solvers/Solver.h"
#include "mlir/AsmParser/AsmParser.h"
#include "gtest/gtest.h"
#include <thread>

using namespace mlir;
using namespace quantc;
using namespace quantc::solvers;

namespace {

class SolverTest : public testing::Test {
protected:
  SolverTest() {
    context.loadDialect<fmt::FmtDialect>();
    context.getDiagEngine().registerHandler([this](Diagnostic &diag) {
      message = diag.str();
      return success();
    });
  }

  InFlightDiagnostic emit() {
    return mlir::emitError(UnknownLoc::get(&context));
  }

  std::unique_ptr<Solver> create(StringRef name, StringRef options = "") {
    return Solver::create([&] { return emit(); }, name, options);
  }

  fmt::FormatInterface format(StringRef text) {
    return cast<fmt::FormatInterface>(
        parseAttribute(("#fmt.int<" + text + ">").str(), &context));
  }

  HostTensor random(ArrayRef<int64_t> shape, uint32_t seed) {
    HostTensor tensor =
        *HostTensor::allocate(Float32Type::get(&context), shape);
    for (float &x : tensor.asMutable<float>())
      x = float((seed = seed * 1664525u + 1013904223u) >> 8) * 0x1p-23f - 1;
    return tensor;
  }

  Layer makeLayer(int64_t rows, int64_t columns, StringRef text) {
    HostTensor x = random({3 * columns, columns}, 5);
    HostTensor moment =
        *HostTensor::allocate(Float64Type::get(&context), {columns, columns});
    auto values = x.as<float>();
    auto sums = moment.asMutable<double>();
    for (int64_t row = 0; row < 3 * columns; ++row)
      for (int64_t i = 0; i < columns; ++i)
        for (int64_t j = 0; j < columns; ++j)
          sums[i * columns + j] +=
              double(values[row * columns + i]) * values[row * columns + j];
    Layer layer{"w", random({rows, columns}, 7), format(text), {}, {}};
    layer.statistics.count = 3 * columns;
    layer.statistics.secondMoment = moment;
    return layer;
  }

  MLIRContext context;
  std::string message;
};

TEST_F(SolverTest, PayloadsDecodeToTheReportedValues) {
  for (StringRef name : Solver::getNames())
    for (StringRef granularity :
         {"tensor", "axis = 0", "axis = 1", "per_row", "block = [1, 8]",
          "block = [3, 16]", "block = [1, 100]"})
      for (StringRef offset : {"none", "integer", "float"}) {
        SCOPED_TRACE((name + " " + granularity + " " + offset).str());
        Layer layer = makeLayer(
            7, 29,
            ("4, " + granularity + ", scale = f16, offset = " + offset).str());
        auto solution = create(name)->solve([&] { return emit(); }, layer);
        ASSERT_TRUE(succeeded(solution)) << message;
        auto decoded =
            layer.format.decode([&] { return emit(); }, solution->encoded);
        ASSERT_TRUE(succeeded(decoded)) << message;
        EXPECT_EQ(ArrayRef(solution->decoded), decoded->as<float>());
        ASSERT_TRUE(solution->report.outputError);
        HostTensor errors = random({7, 29}, 0);
        for (auto [error, w, value] :
             llvm::zip(errors.asMutable<float>(), layer.weight.as<float>(),
                       solution->decoded))
          error = w - value;
        auto energy =
            outputEnergy([&] { return emit(); }, errors, layer.statistics);
        ASSERT_TRUE(succeeded(energy));
        EXPECT_DOUBLE_EQ(*energy, *solution->report.outputError);
      }
}

TEST_F(SolverTest, PlainRoundingIsEncoding) {
  for (StringRef text : {"8, axis = 0", "4, block = [2, 8], offset = float",
                         "3, tensor, offset = integer, scale = f16"}) {
    Layer layer = makeLayer(6, 20, text);
    auto solution = create("rtn")->solve([&] { return emit(); }, layer);
    auto encoded =
        layer.format.encode([&] { return emit(); }, layer.weight, "w");
    ASSERT_TRUE(succeeded(solution) && succeeded(encoded));
    for (auto [got, expected] :
         llvm::zip_equal(solution->encoded.arrays, encoded->arrays))
      EXPECT_EQ(got.getBytes(), expected.getBytes());
  }
}

TEST_F(SolverTest, FeedbackLosesLess) {
  Layer layer = makeLayer(40, 64, "3, block = [1, 16], scale = f16");
  double last = INFINITY;
  for (StringRef name : {"rtn", "rtn-mse", "gptq"}) {
    auto solution = create(name)->solve([&] { return emit(); }, layer);
    ASSERT_TRUE(succeeded(solution));
    EXPECT_LT(*solution->report.outputError, last) << name.str();
    last = *solution->report.outputError;
  }
}

TEST_F(SolverTest, LayersSolveInParallel) {
  Layer layer = makeLayer(300, 96, "4, block = [1, 32], scale = f16");
  std::unique_ptr<Solver> solver = create("gptq");
  auto alone = solver->solve([&] { return emit(); }, layer);
  ASSERT_TRUE(succeeded(alone));
  std::vector<std::vector<float>> results(4);
  std::vector<std::thread> threads;
  for (std::vector<float> &result : results)
    threads.emplace_back([&] {
      auto solution = solver->solve([&] { return emit(); }, layer);
      if (succeeded(solution))
        result = solution->decoded;
    });
  for (std::thread &thread : threads)
    thread.join();
  for (const std::vector<float> &result : results)
    EXPECT_EQ(result, alone->decoded);
}

TEST_F(SolverTest, OptionsAreChecked) {
  for (StringRef name : Solver::getNames()) {
    std::unique_ptr<Solver> solver = create(name);
    ASSERT_TRUE(solver);
    EXPECT_EQ(solver->getName(), name);
    for (const OptionSpec &option : solver->getOptions())
      EXPECT_TRUE(
          create(name, (option.name + "=" + option.defaultValue).str()));
  }
  EXPECT_FALSE(create("gptq", "order=sideways"));
  EXPECT_EQ(message, "expected option 'order' of solver 'gptq' to be none, "
                     "grouped or descending, got 'sideways'");
  EXPECT_FALSE(create("gptq", "damping=0.1,speed=11"));
  EXPECT_EQ(message, "solver 'gptq' has no option 'speed'; it has: order, "
                     "static, damping, scale, steps, shrink, centered, "
                     "correction, correction-damping");
  EXPECT_FALSE(create("best"));
  EXPECT_EQ(message,
            "there is no solver 'best'; expected one of: gptq, rtn, rtn-mse");
}

TEST_F(SolverTest, ShapesAreChecked) {
  Layer layer = makeLayer(4, 8, "4, per_row");
  layer.statistics.secondMoment = random({8, 7}, 1);
  EXPECT_TRUE(failed(create("gptq")->solve([&] { return emit(); }, layer)));
  EXPECT_EQ(message, "expected the second moment of 'w' to have the shape "
                     "[8, 8], got [8, 7]");
  layer.statistics.secondMoment = {};
  EXPECT_TRUE(failed(create("gptq")->solve([&] { return emit(); }, layer)));
  EXPECT_EQ(message, "expected the second moment of 'w' for solver 'gptq', got "
                     "none; calibrate, or use 'rtn-mse'");
  layer.weight = random({4, 2, 4}, 1);
  EXPECT_TRUE(failed(create("rtn")->solve([&] { return emit(); }, layer)));
  EXPECT_EQ(message, "expected the weight of 'w' to be a matrix of f32, got "
                     "shape [4, 2, 4] of 'f32'");
}

} // namespace

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whole functions: symbols from input shapes, checks, launches and errors.

#include "Evaluate.h"
#include "quantc/Dialect/QNN/EvaluationLimit.h"

using namespace mlir;

namespace quantc::qnn {
namespace {

using InterpreterTest = EvaluateTest;

const char *const kMean = R"(
  func.func @f(%x: tensor<?x?xf32> {qnn.name = "x",
                 qnn.shape = affine_map<()[s0, s1] -> (s0, s1)>},
               %y: tensor<?xf32> {qnn.name = "y",
                 qnn.shape = affine_map<()[s0, s1] -> (s0 * s1)>})
      -> (tensor<?xf32>, tensor<2xi64>)
      attributes {qnn.symbols = ["batch", "sequence"]} {
    qnn.check {condition = affine_set<()[s0, s1] : (3 - s1 >= 0)>,
               message = "sequence is longer than 3"}
    %0 = qnn.reshape %x {shape = affine_map<()[s0, s1] -> (s0 * s1)>}
       : (tensor<?x?xf32>) -> tensor<?xf32>
    %1 = qnn.add %0, %y : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    %2 = qnn.shape_value {values = affine_map<()[s0, s1] -> (s1, s0)>}
       : tensor<2xi64>
    return %1, %2 : tensor<?xf32>, tensor<2xi64>
  })";

TEST_F(InterpreterTest, BindsSymbols) {
  auto y = run(kMean, {random({2, 3}), random({6}, 2)});
  ASSERT_EQ(y.size(), 2u) << error;
  EXPECT_EQ(y[0].getShape(), ArrayRef<int64_t>({6}));
  EXPECT_EQ(y[1].as<int64_t>(), ArrayRef<int64_t>({3, 2}));
}

TEST_F(InterpreterTest, NamesTheWrongInput) {
  EXPECT_TRUE(run(kMean, {random({2, 3}), random({5})}).empty());
  EXPECT_EQ(error, "expected dimension 0 of input 'y' to be 6, got 5");
  EXPECT_TRUE(run(kMean, {random({6}), random({6})}).empty());
  EXPECT_EQ(error, "expected input 'x' of type 'tensor<?x?xf32>', got shape "
                   "[6] of 'f32'");
  EXPECT_TRUE(run(kMean, {random({2, 3})}).empty());
  EXPECT_EQ(error, "expected 2 inputs, got 1");
}

TEST_F(InterpreterTest, RefusesByCheck) {
  EXPECT_TRUE(run(kMean, {random({1, 4}), random({4})}).empty());
  EXPECT_EQ(error, "sequence is longer than 3");
}

TEST_F(InterpreterTest, RunTimeShapesAreChecked) {
  const char *const text = R"(
    func.func @f(%x: tensor<?xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {
      %0 = qnn.add %x, %y : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
      return %0 : tensor<?xf32>
    })";
  EXPECT_TRUE(run(text, {random({2}), random({3})}).empty());
  EXPECT_NE(error.find("expected operand shapes that broadcast"),
            std::string::npos);
  EXPECT_EQ(run(text, {random({2}), random({1})}).size(), 1u);
}

TEST_F(InterpreterTest, Launches) {
  const char *const text = R"(
    func.func @f(%x: tensor<?x4xf32> {
        qnn.shape = affine_map<()[s0] -> (s0, 4)>}) -> tensor<?xf32>
        attributes {qnn.symbols = ["n"]} {
      %0 = qnn.launch @kernel(%x) {symbols = affine_map<()[s0] -> (s0 * 4)>}
         : (tensor<?x4xf32>) -> tensor<?xf32>
      return %0 : tensor<?xf32>
    }
    func.func private @kernel(%x: tensor<?x4xf32>) -> (tensor<?xf32> {
        qnn.shape = affine_map<()[s0] -> (s0)>})
        attributes {qnn.kernel, qnn.symbols = ["s"]} {
      %0 = qnn.reshape %x {shape = affine_map<()[s0] -> (s0)>}
         : (tensor<?x4xf32>) -> tensor<?xf32>
      return %0 : tensor<?xf32>
    })";
  auto y = run(text, {random({3, 4})});
  ASSERT_EQ(y.size(), 1u) << error;
  EXPECT_EQ(y[0].getBytes(), random({3, 4}).getBytes());
}

TEST_F(InterpreterTest, RecursiveLaunchIsAnError) {
  const char *const text = R"(
    func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
      %0 = qnn.launch @f(%x) {symbols = affine_map<() -> ()>}
         : (tensor<4xf32>) -> tensor<4xf32>
      return %0 : tensor<4xf32>
    })";
  EXPECT_TRUE(run(text, {random({4})}).empty());
  EXPECT_NE(error.find("expected launches at most"), std::string::npos);
}

const char *const kBound = R"(
  func.func @f(%x: tensor<?xf32> {qnn.shape = affine_map<()[s0] -> (s0)>},
               %n: tensor<2xi64>, %flag: tensor<i1>) -> tensor<?xf32>
      attributes {qnn.symbols = ["a", "flag", "n"]} {
    qnn.bind_symbol %flag {symbol = 1 : i64, message = "flag"} : tensor<i1>
    qnn.bind_symbol %n {symbol = 2 : i64, element = 1 : i64,
        message = "n is negative", guard = affine_map<()[s0, s1] -> (s1)>}
      : tensor<2xi64>
    qnn.check {condition = affine_set<()[s0, s1, s2] : (s0 - s2 >= 0)>,
               message = "n is over a",
               guard = affine_map<()[s0, s1] -> (s1)>}
    %0 = qnn.slice %x {starts = affine_map<() -> (0)>,
                       sizes = affine_map<()[s0, s1, s2] -> (s2)>,
                       steps = array<i64: 1>}
       : (tensor<?xf32>) -> tensor<?xf32>
    %1 = qnn.reshape %x {shape = affine_map<()[s0, s1, s2] -> (s2)>}
       : (tensor<?xf32>) -> tensor<?xf32>
    %2 = qnn.choose %0, %x {condition = affine_map<()[s0, s1, s2] -> (s1)>,
        shape = affine_map<()[s0, s1, s2] -> (s1 * s2 + s0 - s0 * s1)>}
       : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    return %2 : tensor<?xf32>
  })";

TEST_F(InterpreterTest, BindsSymbolsToData) {
  auto n = HostTensor::allocate(IntegerType::get(&context, 64), {2});
  auto flag = HostTensor::allocate(IntegerType::get(&context, 1), {});
  n->setInt(1, 3), flag->setInt(0, 1);
  std::string sliced = kBound;
  // A reshape to the bound size only holds when nothing is cut off.
  EXPECT_TRUE(run(kBound, {random({5}), *n, *flag}).empty());
  EXPECT_NE(error.find("expected a shape of 5 elements"), std::string::npos);
  sliced.erase(sliced.find("%1 ="), sliced.find("%2 =") - sliced.find("%1 ="));
  auto y = run(sliced.c_str(), {random({5}), *n, *flag});
  ASSERT_EQ(y.size(), 1u) << error;
  EXPECT_EQ(y[0].getShape(), ArrayRef<int64_t>({3}));
  n->setInt(1, 6);
  EXPECT_TRUE(run(sliced.c_str(), {random({5}), *n, *flag}).empty());
  EXPECT_EQ(error, "n is over a");
  n->setInt(1, -1);
  EXPECT_TRUE(run(sliced.c_str(), {random({5}), *n, *flag}).empty());
  EXPECT_EQ(error, "n is negative, got -1");
  flag->setInt(0, 0); // then nobody asks for it
  y = run(sliced.c_str(), {random({5}), *n, *flag});
  ASSERT_EQ(y.size(), 1u) << error;
  EXPECT_EQ(y[0].getBytes(), random({5}).getBytes());
}

TEST_F(InterpreterTest, EndsAtALimit) {
  const char *const text = R"(
    func.func @f(%x: tensor<4x32xf32>, %n: tensor<1xi64>) -> tensor<?x4xf32>
        attributes {qnn.symbols = ["n"]} {
      qnn.bind_symbol %n {symbol = 0 : i64, message = "n is negative"}
        : tensor<1xi64>
      %0 = qnn.slice %x {starts = affine_map<() -> (0, 0)>,
          sizes = affine_map<()[s0] -> (1, 32)>, steps = array<i64: 1, 1>}
         : (tensor<4x32xf32>) -> tensor<1x32xf32>
      %1 = qnn.broadcast_to %0 {shape = affine_map<()[s0] -> (s0, 32)>}
         : (tensor<1x32xf32>) -> tensor<?x32xf32>
      %2 = qnn.linear %1, %x
         : (tensor<?x32xf32>, tensor<4x32xf32>) -> tensor<?x4xf32>
      return %2 : tensor<?x4xf32>
    })";
  auto n = HostTensor::allocate(IntegerType::get(&context, 64), {1});
  n->setInt(0, 1000);
  EXPECT_EQ(run(text, {random({4, 32}), *n}).size(), 1u) << error;
  {
    EvaluationLimit limit(EvaluationLimit::kUnlimited, 100000);
    EXPECT_TRUE(run(text, {random({4, 32}), *n}).empty());
    EXPECT_EQ(error, "'qnn.broadcast_to' op expected a result of at most "
                     "100000 bytes, got shape [1000, 32] of 'f32'");
    EXPECT_LT(EvaluationLimit::stepsLeft(), 0);
  }
  {
    EvaluationLimit limit(100000);
    EXPECT_TRUE(run(text, {random({4, 32}), *n}).empty());
    EXPECT_EQ(error, "'qnn.linear' op takes more steps than are allowed here");
  }
  n->setInt(0, int64_t(1) << 60);
  EXPECT_TRUE(run(text, {random({4, 32}), *n}).empty());
  EXPECT_NE(error.find("expected a result that fits in memory"),
            std::string::npos);
}

TEST_F(InterpreterTest, ConstantExpressions) {
  auto module = parseSourceString<ModuleOp>(R"(
    func.func @f(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
      %0 = qnn.constant dense<[1.0, 2.0]> : tensor<2xf32> -> tensor<2xf32>
      %1 = qnn.add %0, %0 : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
      %2 = qnn.mul %1, %0 : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
      return %x, %2 : tensor<2xf32>, tensor<2xf32>
    })",
                                            &context);
  ASSERT_TRUE(module) << error;
  Operation *terminator = (*module->getOps<func::FuncOp>().begin())
                              .getBody()
                              .front()
                              .getTerminator();
  auto value = evaluateConstant(terminator->getOperand(1));
  ASSERT_TRUE(succeeded(value));
  EXPECT_EQ(value->as<float>(), ArrayRef<float>({2, 8}));
  EXPECT_TRUE(failed(evaluateConstant(terminator->getOperand(0))));
}

} // namespace
} // namespace quantc::qnn

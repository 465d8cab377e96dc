// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Keys: equal for equal upstreams, different after any change there, and not
// touched by what lies downstream or by observers.

#include "mlir/Parser/Parser.h"
#include "quantc/Calibration/ObservationPoints.h"
#include "quantc/Dialect/QNN/QNN.h"
#include <gtest/gtest.h>

namespace quantc {
namespace {

class PointsTest : public testing::Test {
protected:
  PointsTest() {
    context.loadDialect<mlir::func::FuncDialect, qnn::QNNDialect>();
  }

  /// The point of the first returned value.
  ObservationPoint pointOf(const std::string &body) {
    std::string text = R"(
      func.func @main(%x: tensor<?x2xf32> {qnn.name = "x"},
                      %y: tensor<?x2xf32> {qnn.name = "y"})
          -> tensor<?x2xf32> attributes {qnn.entry} {)" +
                       body + "}";
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    EXPECT_TRUE(module) << text;
    auto func = *module->getOps<mlir::func::FuncOp>().begin();
    auto points = ObservationPoints::compute(func);
    return points.get(func.front().getTerminator()->getOperand(0));
  }

  static std::string linear(const std::string &weight,
                            const std::string &input = "%x",
                            const std::string &before = "") {
    return before + "\n%w = qnn.constant " + weight +
           " : tensor<2x2xf32> -> tensor<2x2xf32>\n"
           "%r = qnn.linear " +
           input +
           ", %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32> "
           "loc(\"node\")\n"
           "return %r : tensor<?x2xf32>";
  }

  mlir::MLIRContext context;
};

TEST_F(PointsTest, KeysFollowTheUpstream) {
  ObservationPoint point = pointOf(linear("dense<[[1.0, 2.0], [3.0, 4.0]]>"));
  EXPECT_EQ(point.name, "node");
  EXPECT_EQ(point.key.size(), 32u);
  auto same = [&](const std::string &body) {
    return pointOf(body).key == point.key;
  };
  std::string w = "dense<[[1.0, 2.0], [3.0, 4.0]]>";
  EXPECT_TRUE(same(linear(w)));
  // Weights count by content, wherever it is kept.
  EXPECT_FALSE(same(linear("dense<[[1.0, 2.0], [3.0, 4.5]]>")));
  EXPECT_FALSE(same(linear("dense<1.0>")));
  // Another input, another operation.
  EXPECT_FALSE(same(linear(w, "%y")));
  std::string relu =
      "%a = qnn.relu %x : (tensor<?x2xf32>) -> tensor<?x2xf32>\n";
  EXPECT_FALSE(same(linear(w, "%a", relu)));
  // Observers and what is not upstream do not count.
  std::string observe = "%a = qnn.observe %x {point = \"p\", observers = "
                        "[\"min-max\"], channel_axis = 1 : i64} : "
                        "(tensor<?x2xf32>) -> tensor<?x2xf32>\n";
  EXPECT_TRUE(same(linear(w, "%a", observe)));
  EXPECT_TRUE(same(linear(w, "%x", relu)));
}

TEST_F(PointsTest, AttributesAndInputsCount) {
  auto leaky = [&](const std::string &alpha, const std::string &input) {
    return pointOf("%r = qnn.leaky_relu " + input + " {alpha = " + alpha +
                   " : f32} : (tensor<?x2xf32>) -> tensor<?x2xf32>\n"
                   "return %r : tensor<?x2xf32>")
        .key;
  };
  EXPECT_EQ(leaky("0.5", "%x"), leaky("0.5", "%x"));
  EXPECT_NE(leaky("0.5", "%x"), leaky("0.25", "%x"));
  EXPECT_NE(leaky("0.5", "%x"), leaky("0.5", "%y"));
}

TEST_F(PointsTest, ArgumentsAreNamed) {
  EXPECT_EQ(pointOf("return %y : tensor<?x2xf32>").name, "y");
}

} // namespace
} // namespace quantc

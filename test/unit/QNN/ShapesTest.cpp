// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Symbolic shapes: broadcasting of expressions, windows, and building
// operations with inferred types.

#include "Evaluate.h"
#include "quantc/Dialect/QNN/ShapeAnalysis.h"

using namespace mlir;

namespace quantc::qnn {
namespace {

class ShapesTest : public EvaluateTest {
protected:
  /// The symbolic shape of the only function's first result, as text.
  std::string shapeOf(llvm::StringRef text) {
    error.clear();
    auto module = parseSourceString<ModuleOp>(text, &context);
    if (!module)
      return error;
    func::FuncOp func = *module->getOps<func::FuncOp>().begin();
    FailureOr<ShapeAnalysis> shapes = ShapeAnalysis::compute(func);
    if (failed(shapes))
      return error;
    std::string result;
    Value value = func.getBody().front().getTerminator()->getOperand(0);
    for (AffineExpr dim : shapes->getShape(value))
      result += (result.empty() ? "" : ", ") +
                quantc::toString(dim, getSymbolNames(func));
    return result;
  }
};

TEST_F(ShapesTest, Broadcast) {
  auto add = [&](const char *lhs, const char *rhs) {
    return shapeOf(
        std::string("func.func @f(%x: tensor<?xf32> {qnn.shape = "
                    "affine_map<()[s0, s1] -> (") +
        lhs +
        ")>}, %y: tensor<?xf32> {qnn.shape = affine_map<()[s0, s1] "
        "-> (" +
        rhs +
        ")>}) -> tensor<?xf32> attributes {qnn.symbols = [\"a\", "
        "\"b\"]} { %0 = qnn.add %x, %y : (tensor<?xf32>, "
        "tensor<?xf32>) -> tensor<?xf32> return %0 : tensor<?xf32> }");
  };
  EXPECT_EQ(add("s0", "s0"), "a");
  EXPECT_EQ(add("1", "s1"), "b");
  EXPECT_EQ(add("s0 + 1", "1"), "a + 1");
  EXPECT_EQ(add("s0", "4"), "4");
  EXPECT_EQ(add("s0", "s1"), "a");
  EXPECT_EQ(add("3", "4"),
            "'qnn.add' op expected operand shapes that broadcast, got [3] and "
            "[4]");
}

TEST_F(ShapesTest, ConvolutionWindow) {
  EXPECT_EQ(shapeOf(R"(
    func.func @f(%x: tensor<1x3x?xf32> {
          qnn.shape = affine_map<()[s0] -> (1, 3, s0)>}, %w: tensor<8x3x3xf32>)
        -> tensor<1x8x?xf32> attributes {qnn.symbols = ["n"]} {
      %0 = qnn.conv %x, %w {strides = array<i64: 2>, dilations = array<i64: 1>,
          pad_low = array<i64: 1>, pad_high = array<i64: 1>, groups = 1 : i64,
          channels_last = false}
         : (tensor<1x3x?xf32>, tensor<8x3x3xf32>) -> tensor<1x8x?xf32>
      return %0 : tensor<1x8x?xf32>
    })"),
            "1, 8, ((n + -1) floordiv 2) + 1");
}

TEST_F(ShapesTest, CreateInferred) {
  auto module = parseSourceString<ModuleOp>(R"(
    func.func @f(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
      return %x : tensor<?x4xf32>
    })",
                                            &context);
  func::FuncOp func = *module->getOps<func::FuncOp>().begin();
  FailureOr<ShapeAnalysis> shapes = ShapeAnalysis::compute(func);
  ASSERT_TRUE(succeeded(shapes));
  EXPECT_EQ(getSymbolNames(func), SmallVector<StringRef>({"arg0_0"}));
  OpBuilder builder = OpBuilder::atBlockBegin(&func.getBody().front());
  Location loc = builder.getUnknownLoc();
  auto transposed =
      createInferred<TransposeOp>(builder, *shapes, loc, builder.getF32Type(),
                                  func.getArgument(0), ArrayRef<int64_t>{1, 0});
  ASSERT_TRUE(transposed);
  EXPECT_EQ(transposed.getType(), type("tensor<4x?xf32>"));
  auto wrong =
      createInferred<TransposeOp>(builder, *shapes, loc, builder.getF32Type(),
                                  func.getArgument(0), ArrayRef<int64_t>{1, 1});
  EXPECT_FALSE(wrong);
  EXPECT_EQ(error, "'qnn.transpose' op expected 'permutation' to be a "
                   "permutation of 2 dimensions, got [1, 1]");
}

} // namespace
} // namespace quantc::qnn

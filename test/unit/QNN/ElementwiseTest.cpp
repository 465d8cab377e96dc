// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise operations: special values, integer arithmetic that must not
// trap, broadcasting, 16-bit rounding and casts.

#include "quantc/Dialect/QNN/Elementwise.h"
#include "Evaluate.h"
#include <cmath>

using namespace mlir;

namespace quantc::qnn {
namespace {

using ElementwiseTest = EvaluateTest;
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

/// Every elementwise operation of the dialect has its entry, and the reverse.
TEST_F(ElementwiseTest, TableIsComplete) {
  std::set<std::string> names;
  for (const ElementwiseFunction &function : elementwiseTable()) {
    EXPECT_TRUE(names.insert(function.name.str()).second);
    EXPECT_EQ(lookupElementwise(function.name), &function);
  }
  size_t count = 0;
  for (RegisteredOperationName op : context.getRegisteredOperations()) {
    if (!op.hasInterface<ElementwiseOpInterface>())
      continue;
    bool special = llvm::is_contained(
        {"qnn.where", "qnn.cast", "qnn.to_codes", "qnn.from_codes"},
        op.getStringRef());
    EXPECT_EQ(names.count(op.getStringRef().str()), special ? 0u : 1u)
        << op.getStringRef().str();
    EXPECT_TRUE(op.hasInterface<ReferenceOpInterface>());
    count += !special;
  }
  EXPECT_EQ(count + 1, names.size()) << "gelu has two forms";
  EXPECT_EQ(lookupElementwise("qnn.reshape"), nullptr);
}

TEST_F(ElementwiseTest, IntegersNeverTrap) {
  HostTensor x = tensor<int64_t>("i64", {5}, {kMin, kMin, 7, -7, kMax});
  HostTensor y = tensor<int64_t>("i64", {5}, {-1, 0, 0, 2, 2});
  auto values = [&](const char *op) {
    auto results = apply(op, {x, y}, "", "tensor<5xi64>");
    return std::vector<int64_t>(results[0].as<int64_t>());
  };
  EXPECT_EQ(values("qnn.div"),
            (std::vector<int64_t>{kMin, 0, 0, -3, kMax / 2}));
  EXPECT_EQ(values("qnn.mul"), (std::vector<int64_t>{kMin, 0, 0, -14, -2}));
  EXPECT_EQ(values("qnn.add"),
            (std::vector<int64_t>{kMax, kMin, 7, -5, kMin + 1}));
  EXPECT_EQ(values("qnn.pow"), (std::vector<int64_t>{0, 1, 1, 49, 1}));
  auto negated = apply("qnn.neg", {x}, "", "tensor<5xi64>");
  EXPECT_EQ(negated[0].as<int64_t>()[0], kMin);
}

TEST_F(ElementwiseTest, NarrowAndUnsignedIntegers) {
  HostTensor x = tensor<int64_t>("i8", {3}, {-128, 127, -128});
  HostTensor y = tensor<int64_t>("i8", {3}, {-1, 1, -128});
  auto quotient = apply("qnn.div", {x, y}, "", "tensor<3xi8>");
  EXPECT_EQ(quotient[0].as<int8_t>(), ArrayRef<int8_t>({-128, 127, 1}));
  auto sum = apply("qnn.add", {x, y}, "", "tensor<3xi8>");
  EXPECT_EQ(sum[0].as<int8_t>(), ArrayRef<int8_t>({127, -128, 0}));
  HostTensor u = tensor<int64_t>("ui64", {2}, {-1, 1});
  HostTensor v = tensor<int64_t>("ui64", {2}, {1, -1});
  auto less = apply("qnn.less", {u, v}, "", "tensor<2xi1>");
  EXPECT_EQ(less[0].as<uint8_t>(), ArrayRef<uint8_t>({0, 1}));
  auto maximum = apply("qnn.max", {u, v}, "", "tensor<2xui64>");
  EXPECT_EQ(maximum[0].as<int64_t>(), ArrayRef<int64_t>({-1, -1}));
}

TEST_F(ElementwiseTest, FloatSpecialValues) {
  HostTensor x = tensor<double>("f32", {4}, {NAN, -0.0, -INFINITY, 2.5});
  auto relu = apply("qnn.relu", {x}, "", "tensor<4xf32>");
  EXPECT_TRUE(std::isnan(relu[0].getFloat(0)));
  EXPECT_FALSE(std::signbit(relu[0].getFloat(1)));
  EXPECT_EQ(relu[0].getFloat(2), 0.0);
  auto clip = apply("qnn.clip", {x}, "min = -1.0 : f64, max = 2.0 : f64",
                    "tensor<4xf32>");
  EXPECT_TRUE(std::isnan(clip[0].getFloat(0)));
  EXPECT_EQ(clip[0].getFloat(2), -1.0);
  EXPECT_EQ(clip[0].getFloat(3), 2.0);
  auto round = apply("qnn.round", {x}, "", "tensor<4xf32>");
  EXPECT_EQ(round[0].getFloat(3), 2.0);
  EXPECT_TRUE(std::signbit(round[0].getFloat(1)));
  auto isNan = apply("qnn.is_nan", {x}, "", "tensor<4xi1>");
  EXPECT_EQ(isNan[0].as<uint8_t>(), ArrayRef<uint8_t>({1, 0, 0, 0}));
  auto sign = apply("qnn.sign", {x}, "", "tensor<4xf32>");
  EXPECT_TRUE(std::isnan(sign[0].getFloat(0)));
  EXPECT_EQ(sign[0].getFloat(2), -1.0);
}

TEST_F(ElementwiseTest, Broadcasts) {
  HostTensor x = tensor<double>("f32", {2, 1}, {10, 20});
  HostTensor y = tensor<double>("f32", {3}, {1, 2, 3});
  auto sum = apply("qnn.sub", {x, y}, "", "tensor<2x3xf32>");
  EXPECT_EQ(sum[0].as<float>(), ArrayRef<float>({9, 8, 7, 19, 18, 17}));
  HostTensor condition = tensor<int64_t>("i1", {2, 1}, {1, 0});
  HostTensor words = tensor<int64_t>("i16", {3}, {1, 2, 3});
  HostTensor scalar = tensor<int64_t>("i16", {}, {-1});
  auto where =
      apply("qnn.where", {condition, words, scalar}, "", "tensor<2x3xi16>");
  EXPECT_EQ(where[0].as<int16_t>(), ArrayRef<int16_t>({1, 2, 3, -1, -1, -1}));
}

/// Operations on 16-bit floats round once; 2049 is a tie of f16.
TEST_F(ElementwiseTest, HalfRoundsOnce) {
  HostTensor x = tensor<double>("f16", {2}, {2048, 1.0});
  HostTensor y = tensor<double>("f16", {2}, {1, 0x1p-11});
  auto sum = apply("qnn.add", {x, y}, "", "tensor<2xf16>");
  EXPECT_EQ(sum[0].getFloat(0), 2048.0);
  EXPECT_EQ(sum[0].getFloat(1), 1.0);
}

TEST_F(ElementwiseTest, Casts) {
  HostTensor x = tensor<double>("f32", {4}, {-1.9, 300, NAN, 1e10});
  auto bytes = apply("qnn.cast", {x}, "", "tensor<4xui8>");
  EXPECT_EQ(bytes[0].as<uint8_t>(), ArrayRef<uint8_t>({0, 255, 0, 255}));
  auto booleans = apply("qnn.cast", {x}, "", "tensor<4xi1>");
  EXPECT_EQ(booleans[0].as<uint8_t>(), ArrayRef<uint8_t>({1, 1, 1, 1}));
  HostTensor wide = tensor<int64_t>("i64", {3}, {257, -1, kMax});
  auto narrow = apply("qnn.cast", {wide}, "", "tensor<3xi8>");
  EXPECT_EQ(narrow[0].as<int8_t>(), ArrayRef<int8_t>({1, -1, -1}));
  HostTensor huge = tensor<int64_t>("ui64", {1}, {-1});
  auto real = apply("qnn.cast", {huge}, "", "tensor<1xf32>");
  EXPECT_EQ(real[0].getFloat(0), 0x1p+64);
}

TEST_F(ElementwiseTest, PowOfMixedTypes) {
  HostTensor base = tensor<int64_t>("i32", {2}, {2, -3});
  HostTensor half = tensor<double>("f32", {}, {0.5});
  auto root = apply("qnn.pow", {base, half}, "", "tensor<2xi32>");
  EXPECT_EQ(root[0].as<int32_t>(), ArrayRef<int32_t>({1, 0}));
  HostTensor real = tensor<double>("f32", {1}, {1.5});
  HostTensor two = tensor<int64_t>("i64", {}, {2});
  auto square = apply("qnn.pow", {real, two}, "", "tensor<1xf32>");
  EXPECT_EQ(square[0].getFloat(0), 2.25);
}

TEST_F(ElementwiseTest, UnsupportedElementTypeIsAnError) {
  HostTensor x = *HostTensor::allocate(type("f8E5M2"), {1});
  EXPECT_TRUE(apply("qnn.exp", {x}, "", "tensor<1xf8E5M2>").empty());
  EXPECT_NE(error.find("no reference on elements of type"), std::string::npos);
}

} // namespace
} // namespace quantc::qnn

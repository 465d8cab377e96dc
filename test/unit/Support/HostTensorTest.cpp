// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attribute round trips of every storage width, and element conversions.

#include "quantc/Support/HostTensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/MLIRContext.h"
#include <cmath>
#include <gtest/gtest.h>
#include <limits>

using namespace mlir;
using quantc::HostTensor;

namespace {

class HostTensorTest : public ::testing::Test {
protected:
  HostTensor make(Type type, ArrayRef<double> values) {
    HostTensor tensor = *HostTensor::allocate(type, {int64_t(values.size())});
    for (auto [i, value] : llvm::enumerate(values))
      tensor.setFloat(i, value);
    return tensor;
  }

  MLIRContext context;
  Builder builder{&context};
};

TEST_F(HostTensorTest, RoundTripsThroughAttributes) {
  SmallVector<Type> types = {builder.getF32Type(),
                             builder.getF64Type(),
                             builder.getF16Type(),
                             builder.getBF16Type(),
                             builder.getI1Type(),
                             builder.getIntegerType(4),
                             builder.getI8Type(),
                             builder.getI64Type(),
                             builder.getIntegerType(8, false)};
  for (Type type : types) {
    for (SmallVector<double> values :
         {SmallVector<double>{0, 1, 1, 0}, SmallVector<double>{1, 1, 1, 1}}) {
      HostTensor tensor = make(type, values);
      ElementsAttr attribute = tensor.toAttribute();
      FailureOr<HostTensor> back =
          HostTensor::fromAttribute(attribute, attribute.getShapedType());
      ASSERT_TRUE(succeeded(back));
      EXPECT_EQ(tensor.getBytes(), back->getBytes());
    }
  }
}

TEST_F(HostTensorTest, HalfWordsInIntegerAttributes) {
  auto words = RankedTensorType::get({2}, builder.getI16Type());
  auto halves = RankedTensorType::get({2}, builder.getF16Type());
  auto value =
      DenseElementsAttr::get(words, ArrayRef<int16_t>{0x3c00, int16_t(0xc000)});
  FailureOr<HostTensor> tensor = HostTensor::fromAttribute(value, halves);
  ASSERT_TRUE(succeeded(tensor));
  EXPECT_EQ(tensor->getFloat(0), 1.0);
  EXPECT_EQ(tensor->getFloat(1), -2.0);
}

TEST_F(HostTensorTest, ResourcesAreBorrowedAndChecked) {
  auto type = RankedTensorType::get({4}, builder.getF32Type());
  const float data[] = {1, 2, 3, 4};
  DenseResourceElementsAttr attribute = DenseF32ResourceElementsAttr::get(
      type, "data",
      HeapAsmResourceBlob::allocateAndCopyInferAlign(ArrayRef<float>(data)));
  FailureOr<HostTensor> tensor = HostTensor::fromAttribute(attribute, type);
  ASSERT_TRUE(succeeded(tensor));
  EXPECT_EQ(tensor->as<float>(), ArrayRef<float>(data));
  auto larger = RankedTensorType::get({5}, builder.getF32Type());
  auto wrong = DenseResourceElementsAttr::get(larger, attribute.getRawHandle());
  EXPECT_TRUE(failed(HostTensor::fromAttribute(wrong, larger)));
}

TEST_F(HostTensorTest, RefusesOverflowAndBudget) {
  Type type = builder.getF32Type();
  int64_t large = int64_t(1) << 40;
  EXPECT_FALSE(HostTensor::allocate(type, {large, large}));
  EXPECT_FALSE(HostTensor::allocate(type, {0, large, large}));
  EXPECT_TRUE(HostTensor::allocate(type, {0, large}));
  EXPECT_FALSE(HostTensor::allocate(type, {-1}));
  EXPECT_FALSE(HostTensor::allocate(type, {5}, 19));
  EXPECT_TRUE(HostTensor::allocate(type, {5}, 20));
  EXPECT_EQ(HostTensor::allocate(type, {})->getNumElements(), 1);
}

TEST_F(HostTensorTest, HalfRounding) {
  HostTensor half = make(builder.getF16Type(), {0, 0, 0, 0, 0, 0});
  auto word = [&](double value) {
    half.setFloat(0, value);
    return half.as<uint16_t>()[0];
  };
  EXPECT_EQ(word(1.0), 0x3c00);
  EXPECT_EQ(word(65504), 0x7bff);
  EXPECT_EQ(word(65519.99), 0x7bff);
  EXPECT_EQ(word(65520), 0x7c00);
  EXPECT_EQ(word(-1e300), 0xfc00);
  EXPECT_EQ(word(0x1p-24), 0x0001);
  EXPECT_EQ(word(0x1p-25), 0x0000);
  EXPECT_EQ(word(std::nextafter(0x1p-25, 1)), 0x0001);
  EXPECT_EQ(word(1 + 0x1p-11), 0x3c00);
  EXPECT_EQ(word(1 + 0x3p-11), 0x3c02);
  EXPECT_EQ(word(1 + 0x1p-11 + 0x1p-40), 0x3c01);
  EXPECT_EQ(word(0x1.ffdp-15), 0x0400);
  EXPECT_EQ(word(-0.0), 0x8000);
  EXPECT_EQ(word(std::nan("")) & 0x7e00, 0x7e00);
}

/// Every word of both 16-bit formats survives widening and narrowing.
TEST_F(HostTensorTest, AllSixteenBitWords) {
  for (Type type : {Type(builder.getF16Type()), Type(builder.getBF16Type())}) {
    HostTensor tensor = *HostTensor::allocate(type, {1});
    for (uint32_t word = 0; word < 0x10000; ++word) {
      tensor.asMutable<uint16_t>()[0] = uint16_t(word);
      double value = tensor.getFloat(0);
      tensor.setFloat(0, value);
      if (std::isnan(value))
        EXPECT_TRUE(std::isnan(tensor.getFloat(0)));
      else
        ASSERT_EQ(tensor.as<uint16_t>()[0], word);
    }
  }
}

TEST_F(HostTensorTest, FloatToIntegerSaturates) {
  HostTensor tensor = make(builder.getI8Type(), {300, -300, -1.9, 1.9});
  EXPECT_EQ(tensor.as<int8_t>(), ArrayRef<int8_t>({127, -128, -1, 1}));
  HostTensor wide = make(builder.getI64Type(), {1e300, -1e300, NAN, -0.5});
  EXPECT_EQ(wide.as<int64_t>(),
            ArrayRef<int64_t>({INT64_MAX, INT64_MIN, 0, 0}));
  HostTensor bytes = make(builder.getIntegerType(8, false), {300, -1, 254.9});
  EXPECT_EQ(bytes.as<uint8_t>(), ArrayRef<uint8_t>({255, 0, 254}));
  HostTensor booleans = make(builder.getI1Type(), {0, -0.0, 0.1, NAN});
  EXPECT_EQ(booleans.as<uint8_t>(), ArrayRef<uint8_t>({0, 0, 1, 1}));
}

/// 2^60 + 2^52 is a tie of bf16; one more must round up, although a double
/// cannot hold it.
TEST_F(HostTensorTest, IntegerToBFloatRoundsOnce) {
  HostTensor tensor = *HostTensor::allocate(builder.getBF16Type(), {1});
  int64_t tie = (int64_t(1) << 60) + (int64_t(1) << 52);
  tensor.setInt(0, tie);
  EXPECT_EQ(tensor.getFloat(0), 0x1p+60);
  tensor.setInt(0, tie + 1);
  EXPECT_EQ(tensor.getFloat(0), 0x1.02p+60);
  tensor.setInt(0, -tie - 1);
  EXPECT_EQ(tensor.getFloat(0), -0x1.02p+60);
  tensor.setInt(0, std::numeric_limits<int64_t>::min());
  EXPECT_EQ(tensor.getFloat(0), -0x1p+63);
}

TEST_F(HostTensorTest, SignedAndUnsignedWords) {
  for (unsigned width : {8, 16, 32, 64}) {
    HostTensor tensor =
        *HostTensor::allocate(builder.getIntegerType(width), {1});
    tensor.setInt(0, -3);
    EXPECT_EQ(tensor.getInt(0), -3);
    EXPECT_EQ(tensor.getFloat(0), -3.0);
    HostTensor bits =
        *HostTensor::allocate(builder.getIntegerType(width, false), {1});
    bits.setInt(0, -1);
    EXPECT_EQ(bits.getFloat(0), std::ldexp(1.0, width) - (width < 54));
  }
}

TEST_F(HostTensorTest, NarrowIntegersWrap) {
  HostTensor nibble = *HostTensor::allocate(builder.getIntegerType(4), {2});
  nibble.setInt(0, 9);
  nibble.setInt(1, -8);
  EXPECT_EQ(nibble.getInt(0), -7);
  EXPECT_EQ(nibble.getInt(1), -8);
  HostTensor unsignedNibble =
      *HostTensor::allocate(builder.getIntegerType(4, false), {1});
  unsignedNibble.setInt(0, -1);
  EXPECT_EQ(unsignedNibble.getInt(0), 15);
}

} // namespace

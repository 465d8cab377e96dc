// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The packed order of weights, and that unpacking gives back what was packed.

#include "quantc/Dialect/LowBit/PackWeights.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace quantc;
using namespace quantc::lowbit;

namespace {

class PackWeights : public testing::TestWithParam<std::pair<int64_t, int64_t>> {
protected:
  HostTensor random(Type element) {
    auto [n, k] = GetParam();
    HostTensor weight = *HostTensor::allocate(element, {n, k});
    uint32_t state = 1;
    for (char &byte : weight.getMutableBytes())
      byte = char((state = state * 1664525u + 1013904223u) >> 24);
    return weight;
  }
  MLIRContext context;
};

TEST_P(PackWeights, FloatsComeBack) {
  auto [n, k] = GetParam();
  HostTensor weight = random(Float32Type::get(&context));
  std::optional<HostTensor> packed = packWeight(weight);
  ASSERT_TRUE(packed);
  SmallVector<int64_t> shape = {(n + 15) / 16, k, 16};
  EXPECT_EQ(packed->getShape(), ArrayRef(shape));
  auto from = weight.as<uint32_t>(), to = packed->as<uint32_t>();
  for (int64_t line = 0; line < shape[0] * k; ++line)
    for (int64_t c = 0; c < 16; ++c) {
      int64_t row = line / k * 16 + c;
      EXPECT_EQ(to[line * 16 + c], row < n ? from[row * k + line % k] : 0u);
    }
  std::optional<HostTensor> back = unpackWeight(*packed, n, k);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->getBytes(), weight.getBytes());
}

TEST_P(PackWeights, CodesComeBack) {
  auto [n, k] = GetParam();
  HostTensor weight = random(IntegerType::get(&context, 8));
  std::optional<HostTensor> packed = packWeight(weight);
  ASSERT_TRUE(packed);
  int64_t quads = (k + 3) / 4;
  SmallVector<int64_t> shape = {(n + 15) / 16, quads, 16, 4};
  EXPECT_EQ(packed->getShape(), ArrayRef(shape));
  auto from = weight.as<int8_t>();
  auto to = packed->as<uint8_t>();
  for (int64_t i = 0; i < packed->getNumElements(); ++i) {
    int64_t row = i / (quads * 64) * 16 + i / 4 % 16;
    int64_t depth = i / 64 % quads * 4 + i % 4;
    bool exists = row < n && depth < k;
    EXPECT_EQ(to[i], exists ? from[row * k + depth] + 128 : 128);
  }
  std::optional<HostTensor> back = unpackWeight(*packed, n, k);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->getBytes(), weight.getBytes());
}

INSTANTIATE_TEST_SUITE_P(Shapes, PackWeights,
                         testing::Values(std::pair(1, 1), std::pair(16, 4),
                                         std::pair(15, 3), std::pair(17, 5),
                                         std::pair(33, 64), std::pair(2, 257),
                                         std::pair(48, 515)));

TEST(PackWeightsErrors, RefuseWhatHasNoPackedOrder) {
  MLIRContext context;
  Type f32 = Float32Type::get(&context), f16 = Float16Type::get(&context);
  EXPECT_FALSE(packWeight(*HostTensor::allocate(f16, {4, 4})));
  EXPECT_FALSE(packWeight(*HostTensor::allocate(f32, {4, 4, 4})));
  HostTensor packed = *packWeight(*HostTensor::allocate(f32, {17, 4}));
  EXPECT_TRUE(unpackWeight(packed, 18, 4));
  EXPECT_FALSE(unpackWeight(packed, 33, 4));
  EXPECT_FALSE(unpackWeight(packed, 17, 5));
}

} // namespace

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Base matrices are orthogonal; orders are split with the least base.

#include "quantc/Support/Hadamard.h"
#include <gtest/gtest.h>

using namespace quantc;

namespace {

TEST(HadamardTest, BasesAreOrthogonal) {
  for (int64_t m : {1, 12, 20, 28, 36, 44, 60, 72, 76, 84}) {
    std::vector<int8_t> h = hadamardBase(m);
    ASSERT_EQ(int64_t(h.size()), m * m);
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < m; ++j) {
        int64_t dot = 0;
        for (int64_t k = 0; k < m; ++k)
          dot += h[i * m + k] * h[j * m + k];
        EXPECT_EQ(dot, i == j ? m : 0) << m << ": rows " << i << " and " << j;
      }
  }
}

TEST(HadamardTest, FactorsOrders) {
  auto factor = [](int64_t order) {
    HadamardOrder result = factorHadamard(order).value_or(HadamardOrder{0, 0});
    return std::pair(result.length, result.base);
  };
  EXPECT_EQ(factor(1), std::pair(int64_t(1), int64_t(1)));
  EXPECT_EQ(factor(256), std::pair(int64_t(256), int64_t(1)));
  EXPECT_EQ(factor(384), std::pair(int64_t(32), int64_t(12)));
  EXPECT_EQ(factor(1536), std::pair(int64_t(128), int64_t(12)));
  EXPECT_EQ(factor(576), std::pair(int64_t(16), int64_t(36)));
  EXPECT_EQ(factor(704), std::pair(int64_t(16), int64_t(44)));
}

TEST(HadamardTest, RefusesOtherOrders) {
  for (int64_t order : {-4, 0, 3, 6, 10, 92, 127, (1 << 21)})
    EXPECT_FALSE(factorHadamard(order)) << order;
}

} // namespace

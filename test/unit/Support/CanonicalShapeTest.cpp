// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The normal form of symbolic dimensions.

#include "mlir/IR/MLIRContext.h"
#include "quantc/Support/SymbolicShape.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace quantc;

namespace {

class CanonicalShapeTest : public testing::Test {
protected:
  AffineExpr symbol(unsigned position) {
    return getAffineSymbolExpr(position, &context);
  }
  AffineExpr number(int64_t value) {
    return getAffineConstantExpr(value, &context);
  }

  MLIRContext context;
  AffineExpr a = symbol(0), b = symbol(1), c = symbol(2);
};

// Sums and products do not depend on the order in which they were built.
TEST_F(CanonicalShapeTest, OrdersOperands) {
  EXPECT_EQ(canonicalize(c + a), canonicalize(a + c));
  EXPECT_EQ(canonicalize(b * a), canonicalize(a * b));
  EXPECT_EQ(canonicalize((a + b) * c), canonicalize(c * b + c * a));
  EXPECT_EQ(canonicalize(a + b - a), b);
  EXPECT_EQ(canonicalize(a * 2 - a - a), number(0));
}

// A division by a factor is carried out; the rest stays a division.
TEST_F(CanonicalShapeTest, Divides) {
  EXPECT_EQ(canonicalize((a * b * 12).floorDiv(a * 4)), b * 3);
  EXPECT_EQ(canonicalize((a * 6).floorDiv(2)), a * 3);
  EXPECT_EQ(canonicalize((a * 6 + 5).floorDiv(2)), a * 3 + 2);
  EXPECT_EQ(canonicalize((a * 6 + 5).ceilDiv(2)), a * 3 + 3);
  EXPECT_EQ(canonicalize((a * 6 + 5) % 2), number(1));
  EXPECT_EQ(canonicalize((a * 4 + b).floorDiv(4)),
            canonicalize(b.floorDiv(4) + a));
  // Not a factor of every term.
  AffineExpr uneven = canonicalize((a * b + 1).floorDiv(a));
  EXPECT_EQ(evaluate(uneven, {3, 5, 0}), 5);
  // By zero: left as it is written.
  EXPECT_EQ(evaluate(canonicalize(a.floorDiv(b - b)), {3, 5, 0}), std::nullopt);
}

// The value never changes, negative coefficients and overflow included.
TEST_F(CanonicalShapeTest, KeepsValues) {
  int64_t large = std::numeric_limits<int64_t>::max();
  AffineExpr exprs[] = {
      (a - b * 3) % 4,        (a - b * 3).floorDiv(4) * 4 + (a - b * 3) % 4,
      (a + b) * (a - b),      (a * large) * 2,
      (a * 8 - b).ceilDiv(8), (a * b).floorDiv(c + 1)};
  for (AffineExpr expr : exprs)
    for (auto symbols : {SmallVector<int64_t>{0, 0, 0}, {1, 2, 3}, {7, 5, 2}})
      EXPECT_EQ(evaluate(canonicalize(expr), symbols), evaluate(expr, symbols));
}

TEST_F(CanonicalShapeTest, CountsElements) {
  EXPECT_EQ(elementCount({}, &context), number(1));
  EXPECT_EQ(elementCount({b, number(3), a}, &context), canonicalize(a * b * 3));
}

} // namespace

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Payload shapes, and which movements of a tensor keep its format.

#include "Format.h"

using namespace mlir;
using namespace quantc;
using namespace quantc::fmt;

namespace {

using Shapes = FormatTest;

TEST_F(Shapes, OfPayloads) {
  constexpr int64_t any = ShapedType::kDynamic;
  auto scales = [&](const char *text, ArrayRef<int64_t> shape) {
    return format(text).payload(shape)[1].shape;
  };
  using Shape = SmallVector<int64_t>;
  EXPECT_EQ(scales("8, tensor", {3, 4}), Shape{});
  EXPECT_EQ(scales("8, axis = 1", {3, 4}), Shape{4});
  EXPECT_EQ(scales("8, per_row", {2, any, 384}), (Shape{2, any}));
  EXPECT_EQ(scales("4, block = [1, 128]", {any, 300}), (Shape{any, 3}));
  EXPECT_EQ(scales("4, block = [2, 128]", {any, 128}), (Shape{any, 1}));
  auto arrays =
      format("4, per_row, scale = f16, offset = float").payload({2, 8});
  ASSERT_EQ(arrays.size(), 3u);
  EXPECT_EQ(arrays[0].name, "codes");
  EXPECT_TRUE(arrays[0].elementType.isUnsignedInteger(8));
  EXPECT_EQ(arrays[2].name, "offsets");
  EXPECT_TRUE(arrays[2].elementType.isF16());
  EXPECT_TRUE(format("4, per_row").getCodeType().isSignlessInteger(8));
}

TEST_F(Shapes, Slices) {
  IntAttr block = format("4, block = [1, 128]");
  EXPECT_EQ(block.slice({8, 512}, 1, 128, 130), block);
  EXPECT_EQ(block.slice({8, 512}, 1, 130, 126), block);
  EXPECT_FALSE(block.slice({8, 512}, 1, 130, 127));
  EXPECT_EQ(block.slice({8, 512}, 0, 3, 2), block);
  EXPECT_FALSE(block.slice({8, 512}, 2, 0, 1));
  IntAttr axis = format("8, axis = 0");
  EXPECT_EQ(axis.slice({8, 512}, 0, 3, 2), axis);
}

TEST_F(Shapes, Reshapes) {
  EXPECT_EQ(format("8, axis = 0").reshape({6, 4, 5}, {2, 3, 20}), nullptr);
  EXPECT_EQ(format("8, axis = 2").reshape({2, 3, 5}, {6, 5}),
            format("8, axis = 1"));
  EXPECT_EQ(format("8, axis = 0").reshape({6, 20}, {6, 4, 5}),
            format("8, axis = 0"));
  EXPECT_EQ(format("8, per_row").reshape({2, 3, 5}, {6, 5}),
            format("8, per_row"));
  EXPECT_EQ(format("8, per_row").reshape({6, 4}, {3, 8}), nullptr);
  EXPECT_EQ(format("8, tensor").reshape({6}, {2, 3}), format("8, tensor"));
  EXPECT_EQ(format("4, block = [1, 16]").reshape({6, 64}, {2, 3, 64}),
            format("4, block = [1, 1, 16]"));
  EXPECT_EQ(format("4, block = [2, 16]").reshape({6, 64}, {2, 3, 64}), nullptr);
  EXPECT_EQ(format("4, block = [1, 16]").reshape({6, 64}, {6, 4, 16}), nullptr);
  EXPECT_EQ(format("8, per_row").reshape({ShapedType::kDynamic, 4}, {2, 4}),
            nullptr);
}

TEST_F(Shapes, Transposes) {
  EXPECT_EQ(format("8, axis = 0").transpose({1, 2, 0}), format("8, axis = 2"));
  EXPECT_EQ(format("8, per_row").transpose({1, 0, 2}), format("8, per_row"));
  EXPECT_EQ(format("8, per_row").transpose({1, 0}), nullptr);
  EXPECT_EQ(format("4, block = [1, 128]").transpose({1, 0}),
            format("4, block = [128, 1]"));
}

TEST_F(Shapes, UniformForm) {
  auto uniform =
      format("4, block = [1, 128], offset = integer").asUniform({8, 256});
  ASSERT_TRUE(uniform);
  EXPECT_EQ(uniform->minCode, 0);
  EXPECT_EQ(uniform->maxCode, 15);
  EXPECT_TRUE(uniform->hasOffset);
  EXPECT_EQ(uniform->block, (SmallVector<int64_t>{1, 128}));
  EXPECT_EQ(format("8, axis = 0").asUniform({8, 256})->block,
            (SmallVector<int64_t>{1, 256}));
  EXPECT_FALSE(format("8, axis = 0, offset = float").asUniform({8, 256}));
}

} // namespace

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Buffers shared between inputs and outputs: a cache that is appended to in
// place, and overlaps that the program did not declare.

#include "TestModel.h"

namespace quantc::runtime::test {
namespace {

/// cache[position + i] = tokens[i]; the cache of 8 floats is updated in place.
void buildRing(TestModel &test) {
  EntryBuilder &entry = test.builder.addEntry("append");
  ExprId n = entry.symbol("n"), eight = entry.constant(8);
  InputTensor tokens = entry.addInput("tokens", {kF32, {n}});
  InputTensor position =
      entry.addInput("position", {{QUANTC_INT, 64, 1}, {entry.constant(1)}});
  InputTensor past = entry.addInput("past", {kF32, {eight}});
  OutputTensor present = entry.addOutput("present", {kF32, {eight}});
  entry.addAlias(present, past, program::AliasKind::InPlace);
  KernelId append = test.kernel([](void *const *buffers, const int64_t *,
                                   int64_t begin, int64_t end, void *) {
    int64_t at = *static_cast<const int64_t *>(buffers[1]);
    for (int64_t i = begin; i < end; ++i)
      static_cast<float *>(buffers[2])[at + i] =
          static_cast<const float *>(buffers[0])[i];
  });
  entry.addStep({append,
                 "append",
                 n,
                 1,
                 {entry.addInputBuffer(tokens), entry.addInputBuffer(position),
                  entry.addOutputBuffer(present)},
                 {}});
}

struct AliasTest : testing::Test {
  AliasTest() : position({QUANTC_INT, 64, 1}, {1}) {
    buildRing(model);
    positionValue = 3;
    position.tensor.data = &positionValue;
  }
  TestModel model;
  FloatTensor tokens{{2}, {5, 6}};
  HostTensor position;
  int64_t positionValue;
};

TEST_F(AliasTest, SameBufferIsUpdatedInPlace) {
  Loaded loaded(model);
  ASSERT_EQ(loaded.status, QUANTC_OK) << loaded.message;
  Context context(loaded.model, 1);
  FloatTensor cache({8}, {0, 1, 2, 3, 4, 5, 6, 7});
  std::vector<quantc_value> outputs = {cache.value()};
  ASSERT_EQ(
      context.run({tokens.value(), position.value(), cache.value()}, outputs),
      QUANTC_OK)
      << context.error();
  EXPECT_EQ(cache.floats, (std::vector<float>{0, 1, 2, 5, 6, 5, 6, 7}));
}

TEST_F(AliasTest, OtherBuffersAreCopiedFirst) {
  Loaded loaded(model);
  Context context(loaded.model, 2);
  FloatTensor cache({8}, {0, 1, 2, 3, 4, 5, 6, 7});
  std::vector<float> expected = {0, 1, 2, 5, 6, 5, 6, 7};
  FloatTensor present({8}, std::vector<float>(8, -1));
  std::vector<quantc_value> outputs = {present.value()};
  ASSERT_EQ(
      context.run({tokens.value(), position.value(), cache.value()}, outputs),
      QUANTC_OK);
  EXPECT_EQ(present.floats, expected);
  outputs = {libraryOutput()};
  ASSERT_EQ(
      context.run({tokens.value(), position.value(), cache.value()}, outputs),
      QUANTC_OK);
  EXPECT_EQ(floatsOf(*outputs[0].tensors), expected);
  EXPECT_EQ(cache.floats[3], 3);
}

TEST_F(AliasTest, PartialOverlapIsRefused) {
  Loaded loaded(model);
  Context context(loaded.model, 1);
  FloatTensor cache({8}, std::vector<float>(9));
  FloatTensor shifted({8}, {});
  shifted.tensor.data = cache.floats.data() + 1;
  std::vector<quantc_value> outputs = {shifted.value()};
  EXPECT_EQ(
      context.run({tokens.value(), position.value(), cache.value()}, outputs),
      QUANTC_ALIASING);
  EXPECT_EQ(context.error(),
            "output 'present' and input 'past' may be the same buffer, but "
            "they start at different addresses");
}

TEST_F(AliasTest, UndeclaredOverlapIsRefused) {
  TestModel affine;
  buildAffine(affine);
  Loaded loaded(affine);
  Context context(loaded.model, 1);
  FloatTensor x({1, 4}, std::vector<float>(4));
  std::vector<quantc_value> outputs = {x.value()};
  EXPECT_EQ(context.run({x.value()}, outputs), QUANTC_ALIASING);
  EXPECT_EQ(context.error(),
            "output 'y' overlaps input 'x'; give it memory of its own");
}

TEST_F(AliasTest, OutputOfTheLastRunIsNoInput) {
  TestModel affine;
  buildAffine(affine);
  Loaded loaded(affine);
  Context context(loaded.model, 1);
  FloatTensor x({1, 4}, std::vector<float>(4));
  std::vector<quantc_value> outputs = {libraryOutput()};
  ASSERT_EQ(context.run({x.value()}, outputs), QUANTC_OK);
  EXPECT_EQ(context.run({outputs[0]}), QUANTC_ALIASING);
  EXPECT_NE(context.error().find("memory of this context"), std::string::npos);
}

TEST_F(AliasTest, MayShareReadsAndWritesOneBuffer) {
  TestModel test;
  EntryBuilder &entry = test.builder.addEntry("main");
  ExprId n = entry.symbol("n");
  InputTensor x = entry.addInput("x", {kF32, {n}});
  OutputTensor y = entry.addOutput("y", {kF32, {n}});
  entry.addAlias(y, x, program::AliasKind::MayShare);
  KernelId affine = test.kernel(affineKernel);
  entry.addStep({affine,
                 "affine",
                 n,
                 1,
                 {entry.addInputBuffer(x), entry.addOutputBuffer(y)},
                 {entry.constant(1)}});
  Loaded loaded(test);
  Context context(loaded.model, 1);
  FloatTensor both({2}, {1, 2});
  std::vector<quantc_value> outputs = {both.value()};
  ASSERT_EQ(context.run({both.value()}, outputs), QUANTC_OK);
  EXPECT_EQ(both.floats, (std::vector<float>{3, 5}));
  quantc_tensor_info info;
  ASSERT_EQ(quantc_get_tensor_info(loaded.model, 0, QUANTC_OUTPUT, 0, 0, &info),
            QUANTC_OK);
  EXPECT_EQ(info.alias, QUANTC_ALIAS_MAY_SHARE);
  EXPECT_EQ(info.alias_value, 0);
}

} // namespace
} // namespace quantc::runtime::test

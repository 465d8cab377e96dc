// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Caches that grow in a buffer with room: in place they hold the same bytes as
// copied ones, and strides that fit no such buffer are refused.

#include "TestModel.h"

#include <numeric>

namespace quantc::runtime::test {
namespace {

constexpr float kUntouched = -77;

/// The first rows of a buffer [2, capacity, 4].
struct CacheView {
  CacheView(std::vector<float> &buffer, int64_t capacity, int64_t rows)
      : shape{2, rows, 4}, strides{capacity * 4, 4, 1} {
    tensor =
        quantc_cpu_tensor(buffer.data(), QUANTC_FLOAT, 32, 3, shape.data());
    tensor.strides = strides.data();
  }
  CacheView(const CacheView &) = delete;
  quantc_value value(const char *name) {
    return quantc_tensor_value(name, &tensor);
  }

  std::vector<int64_t> shape, strides;
  quantc_tensor tensor;
};

/// Rows that tell where they belong.
std::vector<float> tokensAt(int64_t start, int64_t count) {
  std::vector<float> values(size_t(2 * count * 4));
  for (int64_t head = 0; head < 2; ++head)
    for (int64_t i = 0; i < count * 4; ++i)
      values[size_t(head * count * 4 + i)] = float(1000 * head + 4 * start + i);
  return values;
}

struct AppendTest : testing::Test {
  AppendTest() {
    buildCache(test);
    loaded = std::make_unique<Loaded>(test);
  }

  /// One run on the given views of past and present.
  quantc_status step(Context &context, CacheView &past, CacheView &present,
                     std::vector<float> *sums = nullptr) {
    int64_t start = past.shape[1], count = present.shape[1] - start;
    FloatTensor tokens({2, count, 4}, tokensAt(start, count));
    std::vector<quantc_value> outputs = {present.value("present"),
                                         libraryOutput("sums")};
    quantc_status status =
        context.run({tokens.value("tokens"), past.value("past")}, outputs);
    if (status == QUANTC_OK && sums)
      *sums = floatsOf(*outputs[1].tensors);
    return status;
  }

  TestModel test;
  std::unique_ptr<Loaded> loaded;
};

TEST_F(AppendTest, QueriesTellTheAxis) {
  ASSERT_EQ(loaded->status, QUANTC_OK) << loaded->message;
  quantc_tensor_info info;
  ASSERT_EQ(
      quantc_get_tensor_info(loaded->model, 0, QUANTC_OUTPUT, 0, 0, &info),
      QUANTC_OK);
  EXPECT_EQ(info.alias, QUANTC_ALIAS_IN_PLACE);
  EXPECT_EQ(info.alias_value, 1);
  EXPECT_EQ(info.alias_axis, 1);
  ASSERT_EQ(quantc_get_tensor_info(loaded->model, 0, QUANTC_INPUT, 1, 0, &info),
            QUANTC_OK);
  EXPECT_EQ(info.alias_value, 0);
  EXPECT_EQ(info.alias_axis, 1);
  ASSERT_EQ(
      quantc_get_tensor_info(loaded->model, 0, QUANTC_OUTPUT, 1, 0, &info),
      QUANTC_OK);
  EXPECT_EQ(info.alias_axis, -1);
}

TEST_F(AppendTest, InPlaceHoldsWhatCopiesHold) {
  constexpr int64_t kCapacity = 12;
  Context context(loaded->model, 2), copying(loaded->model, 1);
  std::vector<float> buffer(2 * kCapacity * 4, kUntouched), copied;
  int64_t rows = 0;
  for (int64_t count : {3, 1, 1, 4, 1}) {
    CacheView past(buffer, kCapacity, rows);
    CacheView present(buffer, kCapacity, rows + count);
    std::vector<float> sums;
    ASSERT_EQ(step(context, past, present, &sums), QUANTC_OK)
        << context.error();

    FloatTensor oldRows({2, rows, 4}, copied);
    FloatTensor tokens({2, count, 4}, tokensAt(rows, count));
    std::vector<quantc_value> outputs = {libraryOutput(), libraryOutput()};
    ASSERT_EQ(copying.run({tokens.value(), oldRows.value()}, outputs),
              QUANTC_OK)
        << copying.error();
    copied = floatsOf(*outputs[0].tensors);
    rows += count;
    EXPECT_EQ(sums, floatsOf(*outputs[1].tensors));
    for (int64_t head = 0; head < 2; ++head)
      for (int64_t i = 0; i < kCapacity * 4; ++i)
        EXPECT_EQ(buffer[size_t(head * kCapacity * 4 + i)],
                  i < rows * 4 ? copied[size_t(head * rows * 4 + i)]
                               : kUntouched);
  }
}

TEST_F(AppendTest, BuffersOfOtherCapacitiesAreCopied) {
  Context context(loaded->model, 1);
  std::vector<float> from(2 * 8 * 4, kUntouched), to(2 * 5 * 4, kUntouched);
  CacheView none(from, 8, 0), past(from, 8, 2), present(to, 5, 3);
  ASSERT_EQ(step(context, none, past), QUANTC_OK) << context.error();
  std::vector<float> before = from, sums;
  ASSERT_EQ(step(context, past, present, &sums), QUANTC_OK) << context.error();
  EXPECT_EQ(from, before);
  EXPECT_EQ(sums, (std::vector<float>{6, 22, 38, 4006, 4022, 4038}));
  EXPECT_EQ(to[5 * 4], 1000);
  EXPECT_EQ(to[3 * 4], kUntouched);
}

TEST_F(AppendTest, LargeCopiesAreSplitBetweenThreads) {
  constexpr int64_t kRows = 300001, kFrom = kRows + 3, kTo = kRows + 1;
  Context context(loaded->model, 4);
  std::vector<float> from(2 * kFrom * 4), to(2 * kTo * 4);
  std::iota(from.begin(), from.end(), 0.f);
  CacheView past(from, kFrom, kRows), present(to, kTo, kRows + 1);
  ASSERT_EQ(step(context, past, present), QUANTC_OK) << context.error();
  for (int64_t head = 0; head < 2; ++head) {
    EXPECT_TRUE(std::equal(from.begin() + head * kFrom * 4,
                           from.begin() + (head * kFrom + kRows) * 4,
                           to.begin() + head * kTo * 4));
    EXPECT_EQ(to[size_t((head * kTo + kRows) * 4)],
              float(1000 * head + 4 * kRows));
  }
}

TEST_F(AppendTest, StridesThatFitNoBufferAreRefused) {
  Context context(loaded->model, 1);
  std::vector<float> buffer(400), other(400);
  CacheView past(other, 8, 2), present(buffer, 8, 3);
  present.strides = {8 * 4, 8, 1};
  EXPECT_EQ(step(context, past, present), QUANTC_NOT_CONTIGUOUS);
  EXPECT_EQ(context.error(),
            "expected stride 4 of output 'present' dimension 1, got 8; only "
            "dimension 1 may be a part of a larger one");
  present.strides = {30, 4, 1};
  EXPECT_EQ(step(context, past, present), QUANTC_NOT_CONTIGUOUS);
  EXPECT_EQ(context.error(),
            "expected stride 28 of output 'present' dimension 0, got 30; only "
            "dimension 1 may be a part of a larger one");
  present.strides = {8, 4, 1};
  EXPECT_EQ(step(context, past, present), QUANTC_SHAPE_MISMATCH);
  EXPECT_EQ(context.error(), "expected the strides of output 'present' to "
                             "leave room for 3 along dimension 1, got 2");
  present.strides = {-32, 4, 1};
  EXPECT_EQ(step(context, past, present), QUANTC_SHAPE_MISMATCH);
  present.strides = {int64_t(1) << 62, 4, 1};
  EXPECT_EQ(step(context, past, present), QUANTC_SIZE_OVERFLOW);
  EXPECT_EQ(context.error(),
            "size of the buffer of output 'present' overflows");
  present.strides = {8 * 4, 4, 1};
  past.strides = {8 * 4, 4, 2};
  EXPECT_EQ(step(context, past, present), QUANTC_NOT_CONTIGUOUS);
  past.strides = {8 * 4, 4, 1};
  EXPECT_EQ(step(context, past, present), QUANTC_OK) << context.error();
}

TEST_F(AppendTest, OnlyCachesMayHaveStrides) {
  Context context(loaded->model, 1);
  std::vector<float> buffer(400);
  FloatTensor past({2, 0, 4}, {});
  CacheView tokens(buffer, 8, 2);
  EXPECT_EQ(context.run({tokens.value("tokens"), past.value("past")}),
            QUANTC_NOT_CONTIGUOUS);
  EXPECT_EQ(context.error(), "expected input 'tokens' to be contiguous in "
                             "row-major order; copy it first");
}

TEST_F(AppendTest, OneBufferHasOneCapacity) {
  Context context(loaded->model, 1);
  std::vector<float> buffer(400);
  CacheView past(buffer, 2, 2), present(buffer, 3, 3);
  EXPECT_EQ(step(context, past, present), QUANTC_ALIASING);
  EXPECT_EQ(context.error(),
            "output 'present' and input 'past' share one buffer, but not their "
            "strides along dimension 0: 48 and 32 bytes; give both the strides "
            "of the whole buffer");
}

TEST_F(AppendTest, PartlyOverlappingBuffersAreRefused) {
  Context context(loaded->model, 1);
  std::vector<float> buffer(400);
  CacheView past(buffer, 8, 2), present(buffer, 8, 3);
  present.tensor.data = buffer.data() + 4;
  EXPECT_EQ(step(context, past, present), QUANTC_ALIASING);
  EXPECT_EQ(context.error(),
            "output 'present' and input 'past' may be the same buffer, but "
            "they start at different addresses");
  // Rows behind the last one are not touched, so another tensor may follow.
  present.tensor.data = buffer.data() + (8 + 2) * 4;
  EXPECT_EQ(step(context, past, present), QUANTC_OK) << context.error();
}

} // namespace
} // namespace quantc::runtime::test

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bit allocation against every combination of candidates, and against uniform
// formats where there are too many to try.

#include "quantc/Allocation/BitAllocation.h"
#include "gtest/gtest.h"
#include <cmath>
#include <limits>

using namespace quantc;

namespace {

class Random {
public:
  explicit Random(uint64_t seed) : state(seed) {}
  /// In [0, n).
  int64_t below(int64_t n) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return int64_t((state >> 33) % uint64_t(n));
  }
  double unit() { return double(below(1 << 20)) * 0x1p-20; }

private:
  uint64_t state;
};

std::vector<AllocatedTensor> makeTensors(Random &random, int64_t count,
                                         bool isLikeBits) {
  std::vector<AllocatedTensor> tensors;
  for (int64_t i = 0; i < count; ++i) {
    AllocatedTensor tensor;
    tensor.name = "t" + std::to_string(i);
    tensor.numWeights = 64 * (1 + random.below(5000));
    double sensitivity = std::exp(12 * random.unit() - 6);
    for (int64_t bits : {2, 3, 4, 8}) {
      FormatCandidate candidate;
      candidate.format = "int" + std::to_string(bits);
      candidate.bytes =
          isLikeBits ? tensor.numWeights * bits / 8 : random.below(100000);
      candidate.loss = isLikeBits ? sensitivity * std::pow(4.0, -double(bits))
                                  : random.unit() - 0.25;
      tensor.candidates.push_back(candidate);
    }
    tensors.push_back(tensor);
  }
  return tensors;
}

/// The least loss within the budget over every combination.
double bruteForce(const std::vector<AllocatedTensor> &tensors, int64_t budget) {
  double best = std::numeric_limits<double>::infinity();
  std::vector<size_t> index(tensors.size(), 0);
  while (true) {
    int64_t bytes = 0;
    double loss = 0;
    for (size_t i = 0; i < tensors.size(); ++i) {
      bytes += tensors[i].candidates[index[i]].bytes;
      loss += tensors[i].candidates[index[i]].loss;
    }
    if (bytes <= budget)
      best = std::min(best, loss);
    size_t i = 0;
    while (i < index.size() && ++index[i] == tensors[i].candidates.size())
      index[i++] = 0;
    if (i == index.size())
      return best;
  }
}

int64_t sumOf(const std::vector<AllocatedTensor> &tensors, int64_t which) {
  int64_t bytes = 0;
  for (const AllocatedTensor &tensor : tensors)
    bytes += tensor.candidates[which].bytes;
  return bytes;
}

TEST(BitAllocation, MatchesEveryCombination) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    Random random(seed);
    std::vector<AllocatedTensor> tensors =
        makeTensors(random, 1 + random.below(7), seed % 2 == 0);
    int64_t most = sumOf(tensors, 3);
    for (int64_t tenth = 1; tenth <= 11; tenth += 2) {
      int64_t budget = most * tenth / 10;
      double expected = bruteForce(tensors, budget);
      Allocation point;
      std::optional<Error> error = allocateBits(tensors, budget, {}, point);
      if (std::isinf(expected)) {
        EXPECT_TRUE(error);
        continue;
      }
      ASSERT_FALSE(error) << error->message;
      EXPECT_LE(point.bytes, budget);
      EXPECT_NEAR(point.loss, expected, 1e-6 * std::fabs(expected)) << seed;
      EXPECT_LE(point.gap, 1e-6);
      EXPECT_LE(point.bound, expected + 1e-9 * std::fabs(expected) + 1e-12);
    }
  }
}

TEST(BitAllocation, BeatsUniformFormatsWithProof) {
  Random random(5);
  std::vector<AllocatedTensor> tensors = makeTensors(random, 120, true);
  for (int64_t which = 0; which < 4; ++which) {
    double uniform = 0;
    for (const AllocatedTensor &tensor : tensors)
      uniform += tensor.candidates[which].loss;
    Allocation point, again;
    int64_t budget = sumOf(tensors, which);
    ASSERT_FALSE(allocateBits(tensors, budget, {}, point));
    EXPECT_LE(point.bytes, budget);
    EXPECT_LE(point.loss, which % 3 ? 0.9 * uniform : uniform);
    EXPECT_LE(point.gap, 1e-6);
    ASSERT_FALSE(allocateBits(tensors, budget, {}, again));
    EXPECT_EQ(point.choices, again.choices);
    EXPECT_EQ(point.bound, again.bound);
  }
}

TEST(BitAllocation, NodeLimitsKeepAnAnswerAndSayTheGap) {
  Random random(6);
  std::vector<AllocatedTensor> tensors = makeTensors(random, 60, false);
  AllocationOptions options;
  options.maxNodes = 1;
  Allocation point;
  int64_t budget = sumOf(tensors, 0);
  ASSERT_FALSE(allocateBits(tensors, budget, options, point));
  EXPECT_LE(point.bytes, budget);
  EXPECT_GE(point.gap, 0);
  EXPECT_LE(point.bound, point.loss);
}

TEST(BitAllocation, FrontAscendsAndEndsAtBothEnds) {
  Random random(7);
  std::vector<AllocatedTensor> tensors = makeTensors(random, 30, true);
  std::vector<Allocation> front;
  ASSERT_FALSE(traceFront(tensors, 17, {}, front));
  ASSERT_GT(front.size(), 10u);
  EXPECT_EQ(front.front().bytes, sumOf(tensors, 0));
  EXPECT_EQ(front.back().bytes, sumOf(tensors, 3));
  for (size_t i = 1; i < front.size(); ++i) {
    EXPECT_GT(front[i].bytes, front[i - 1].bytes);
    EXPECT_LT(front[i].loss, front[i - 1].loss);
  }
}

TEST(BitAllocation, OneCandidateEachAndNoTensors) {
  std::vector<AllocatedTensor> tensors = {{"a", 8, {{"f32", 32, 0.0}}},
                                          {"b", 8, {{"f32", 32, 0.0}}}};
  Allocation point;
  ASSERT_FALSE(allocateBits(tensors, 64, {}, point));
  EXPECT_EQ(point.bytes, 64);
  EXPECT_EQ(point.gap, 0);
  ASSERT_FALSE(allocateBits({}, 0, {}, point));
  EXPECT_TRUE(point.choices.empty());
}

TEST(BitAllocation, RefusesWhatCannotBe) {
  std::vector<AllocatedTensor> tensors = {
      {"a", 8, {{"int2", 10, 4.0}, {"int8", 40, 0.0}}}};
  Allocation point;
  std::optional<Error> error = allocateBits(tensors, 9, {}, point);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->message,
            "expected a budget of 10 bytes or more, which all tensors take in "
            "their smallest formats, got 9");
  tensors[0].candidates[1].loss = NAN;
  error = allocateBits(tensors, 40, {}, point);
  ASSERT_TRUE(error);
  EXPECT_NE(error->message.find("'a' in format 'int8'"), std::string::npos);
  tensors[0].candidates.clear();
  error = allocateBits(tensors, 40, {}, point);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->message, "expected one or more candidate formats for "
                            "tensor 'a', got none");
}

TEST(BitAllocation, Budgets) {
  int64_t bytes = 0;
  ASSERT_FALSE(parseBudget("25MB", 1, bytes));
  EXPECT_EQ(bytes, 25000000);
  ASSERT_FALSE(parseBudget("1.5MiB", 1, bytes));
  EXPECT_EQ(bytes, 3 << 19);
  ASSERT_FALSE(parseBudget("4.2bpw", 1000, bytes));
  EXPECT_EQ(bytes, 525);
  ASSERT_FALSE(parseBudget("123 B", 1, bytes));
  EXPECT_EQ(bytes, 123);
  for (const char *text : {"", "25", "MB", "-1MB", "nanB", "1e30GB", "4ms"})
    EXPECT_TRUE(parseBudget(text, 1000, bytes)) << text;
}

TEST(BitAllocation, Json) {
  std::vector<AllocatedTensor> tensors = {
      {"a", 16, {{"int2", 10, 4.0}, {"int8", 40, 0.5}}}};
  Allocation point;
  ASSERT_FALSE(allocateBits(tensors, 40, {}, point));
  llvm::json::Value json = toJson(tensors, point, true);
  std::string text;
  llvm::raw_string_ostream(text) << json;
  EXPECT_EQ(text, "{\"bits_per_weight\":20,\"bound\":0.5,\"bytes\":40,"
                  "\"formats\":{\"a\":\"int8\"},\"gap\":0,\"loss\":0.5}");
}

} // namespace

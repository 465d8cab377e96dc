// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The factorization and the blocked feedback against plain loops in double.

#include "Algebra.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cmath>
#include <numeric>

using namespace quantc::solvers;

namespace {

class Random {
public:
  explicit Random(uint32_t seed) : state(seed) {}
  /// In [-1, 1).
  double next() {
    return double((state = state * 1664525u + 1013904223u) >> 8) * 0x1p-23 - 1;
  }

private:
  uint32_t state;
};

/// Xᵀ X of `rows` random rows.
std::vector<double> makeMoment(int64_t n, int64_t rows, uint32_t seed) {
  Random random(seed);
  std::vector<double> x(rows * n), moment(n * n, 0.0);
  for (double &value : x)
    value = random.next();
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j)
      for (int64_t row = 0; row < rows; ++row)
        moment[i * n + j] += x[row * n + i] * x[row * n + j];
  return moment;
}

std::vector<int64_t> backwards(int64_t n) {
  std::vector<int64_t> order(n);
  std::iota(order.rbegin(), order.rend(), 0);
  return order;
}

TEST(Algebra, FactorsMultiplyToTheDampedMoment) {
  for (int64_t n : {1, 2, 7, 130, 200}) {
    std::vector<double> moment = makeMoment(n, n / 2 + 1, 3);
    std::vector<int64_t> order = backwards(n);
    double floor = 0.1;
    std::optional<Factor> factor =
        factorize(moment.data(), n, order.data(), floor);
    ASSERT_TRUE(factor);
    auto m = [&](int64_t i, int64_t j) {
      return i == j ? 1.0 : double(factor->feedback[j * n + i]);
    };
    for (int64_t i = 0; i < n; i += 3)
      for (int64_t j = 0; j < n; ++j) {
        double sum = 0;
        for (int64_t k = 0; k < n; ++k)
          sum += m(i, k) * factor->pivots[k] * m(j, k);
        double expected =
            moment[order[i] * n + order[j]] + (i == j ? factor->damping : 0);
        EXPECT_NEAR(sum, expected, 1e-5 * double(n));
        if (i > j)
          EXPECT_EQ(m(i, j), 0);
      }
  }
}

TEST(Algebra, DampingIsWhatTheSmallestEigenvalueNeeds) {
  // Eigenvalues 1 and 3, then 0 and 2, then -1 and 1.
  std::vector<int64_t> order = {0, 1};
  for (auto [diagonal, offDiagonal, floor, damping] :
       {std::tuple(2.0, 1.0, 0.5, 0.0),
        {2.0, 1.0, 1.5, 1.5},
        {1.0, 1.0, 0.25, 0.25},
        {0.0, 0.0, 0.5, 0.5}}) {
    double moment[] = {diagonal, offDiagonal, offDiagonal, diagonal};
    std::optional<Factor> factor = factorize(moment, 2, order.data(), floor);
    ASSERT_TRUE(factor);
    EXPECT_EQ(factor->damping, damping);
  }
  double indefinite[] = {0.1, 1, 1, 0.1};
  EXPECT_FALSE(factorize(indefinite, 2, order.data(), 0.01));
}

/// Rounds to whole numbers, and remembers what groups would have been.
class WholeNumbers : public ColumnRounder {
public:
  WholeNumbers(int64_t rows, const std::vector<int64_t> &ends)
      : rows(rows), ends(ends) {}
  void startGroup(int64_t group, const float *weights) override {
    int64_t begin = group ? ends[group - 1] : 0;
    starts.push_back(group);
    groups.insert(groups.end(), weights,
                  weights + rows * (ends[group] - begin));
  }
  void round(int64_t, const float *targets, float *rounded) override {
    for (int64_t i = 0; i < rows; ++i)
      rounded[i] = std::nearbyint(targets[i]);
  }

  int64_t rows;
  std::vector<int64_t> ends, starts;
  std::vector<float> groups;
};

/// Whatever the blocks are, errors solve t = w + e M, e = w - round(t); and the
/// weights of a group are what makes the rest of the loss vanish.
TEST(Algebra, BlockedFeedbackSolvesTheRecurrence) {
  for (auto [n, rows, group] : {std::tuple<int64_t, int64_t, int64_t>(1, 1, 1),
                                {40, 3, 8},
                                {200, 5, 64},
                                {300, 2, 150},
                                {300, 4, 0},
                                {129, 1, 40}}) {
    std::vector<double> moment = makeMoment(n, 2 * n, 5);
    std::vector<int64_t> order = backwards(n), ends;
    for (int64_t end = group; group && end < n + group; end += group)
      ends.push_back(std::min(end, n));
    std::optional<Factor> factor =
        factorize(moment.data(), n, order.data(), 1e-3);
    ASSERT_TRUE(factor);
    Random random(9);
    std::vector<float> weights(rows * n), errors(rows * n);
    for (float &weight : weights)
      weight = float(4 * random.next());
    WholeNumbers rounder(rows, ends);
    roundWithFeedback(*factor, rows, weights.data(), ends, rounder,
                      errors.data());
    EXPECT_EQ(rounder.starts.size(), ends.size());
    auto feedback = [&](int64_t row, int64_t from, int64_t column) {
      double sum = 0;
      for (int64_t i = 0; i < from; ++i)
        sum +=
            double(errors[i * rows + row]) * factor->feedback[column * n + i];
      return sum;
    };
    for (int64_t j = 0; j < n; ++j)
      for (int64_t row = 0; row < rows; ++row) {
        double w = weights[j * rows + row];
        double target = w + feedback(row, j, j);
        double rounded = w - errors[j * rows + row];
        EXPECT_NEAR(rounded, std::nearbyint(rounded), 1e-5);
        EXPECT_LE(std::fabs(target - rounded), 0.5 + 1e-4);
      }
    // e (I + M) restricted to a group is 0 for w - (the group's weights).
    for (size_t g = 0, at = 0; g < ends.size(); ++g) {
      int64_t begin = g ? ends[g - 1] : 0;
      for (int64_t row = 0; row < rows; ++row)
        for (int64_t j = begin; j < ends[g]; ++j) {
          double sum = feedback(row, begin, j);
          for (int64_t i = begin; i <= j; ++i) {
            double e = weights[i * rows + row] -
                       rounder.groups[at + (i - begin) * rows + row];
            sum += e * (i == j ? 1.0 : factor->feedback[j * n + i]);
          }
          EXPECT_NEAR(sum, 0, 1e-4);
        }
      at += rows * (ends[g] - begin);
    }
  }
}

TEST(Algebra, ChunksOfRowsAreRowsAlone) {
  int64_t n = 150, rows = 37;
  std::vector<double> moment = makeMoment(n, 2 * n, 5);
  std::vector<int64_t> order = backwards(n), ends = {50, 100, 150};
  Factor factor = *factorize(moment.data(), n, order.data(), 1e-3);
  Random random(2);
  std::vector<float> weights(rows * n), errors(rows * n), one(n), error(n);
  for (float &weight : weights)
    weight = float(random.next());
  WholeNumbers rounder(rows, ends);
  roundWithFeedback(factor, rows, weights.data(), ends, rounder, errors.data());
  for (int64_t row : {int64_t(0), int64_t(17), rows - 1}) {
    for (int64_t j = 0; j < n; ++j)
      one[j] = weights[j * rows + row];
    WholeNumbers alone(1, ends);
    roundWithFeedback(factor, 1, one.data(), ends, alone, error.data());
    for (int64_t j = 0; j < n; ++j)
      EXPECT_NEAR(error[j], errors[j * rows + row], 1e-4);
  }
}

TEST(Algebra, Measures) {
  int64_t n = 23, rows = 9;
  std::vector<double> moment = makeMoment(n, n, 5);
  Random random(2);
  std::vector<float> a(rows * n), b(rows * n), importance(rows * n);
  for (int64_t i = 0; i < rows * n; ++i) {
    a[i] = float(random.next());
    b[i] = float(random.next());
    importance[i] = float(1 + random.next());
  }
  double form = 0, squares = 0, weighted = 0;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j)
        form += double(a[row * n + i]) * moment[i * n + j] * a[row * n + j];
  for (int64_t i = 0; i < rows * n; ++i) {
    double error = double(a[i]) - b[i];
    squares += error * error;
    weighted += error * error * importance[i];
  }
  EXPECT_NEAR(quadraticForm(a.data(), rows, moment.data(), n), form,
              1e-5 * form);
  EXPECT_NEAR(squaredError(a.data(), b.data(), nullptr, rows * n), squares,
              1e-5 * squares);
  EXPECT_NEAR(squaredError(a.data(), b.data(), importance.data(), rows * n),
              weighted, 1e-5 * weighted);
}

TEST(Algebra, Lines) {
  float x[] = {0, 1, 2, 3}, y[] = {1, 3, 5, 7}, weights[] = {1, 0, 2, 1};
  std::optional<Line> line = fitLine(y, x, weights, 4, true);
  ASSERT_TRUE(line);
  EXPECT_NEAR(line->slope, 2, 1e-12);
  EXPECT_NEAR(line->shift, 1, 1e-12);
  line = fitLine(y, x, nullptr, 4, false);
  ASSERT_TRUE(line);
  EXPECT_NEAR(line->slope, 34.0 / 14, 1e-12);
  float zeros[] = {0, 0, 0, 0};
  EXPECT_FALSE(fitLine(y, zeros, nullptr, 4, false));
  EXPECT_FALSE(fitLine(y, zeros, nullptr, 4, true));
}

} // namespace

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Factorization and error feedback.  The UL form of H is the Cholesky factor of
// H in reverse order, so error feedback needs neither an inverse nor a second
// factorization.  Factors are computed in double, products with errors in
// float; all of it is blocked, so that the time goes to matrix products.

#define EIGEN_DONT_PARALLELIZE
#define EIGEN_MPL2_ONLY
#define EIGEN_NO_DEBUG

#include "Algebra.h"
#include <Eigen/Dense>
#include <cmath>
#include <mutex>

namespace quantc::solvers {

using Eigen::Dynamic;
using Eigen::Index;
using MatrixD = Eigen::MatrixXd;
using MatrixF = Eigen::MatrixXf;
using RowMajorF = Eigen::Matrix<float, Dynamic, Dynamic, Eigen::RowMajor>;
using RowMajorD = Eigen::Matrix<double, Dynamic, Dynamic, Eigen::RowMajor>;
using ConstF = Eigen::Map<const MatrixF>;

/// Rows that one product takes at a time.
static constexpr Index kRows = 256;
/// Columns between products: of whole groups, and within them.
static constexpr Index kOuter = 128, kPanel = 32;

/// Blocking decides the order of sums, so it must not depend on the machine.
static void fixCacheSizes() {
  static std::once_flag once;
  std::call_once(once,
                 [] { Eigen::setCpuCacheSizes(32 << 10, 512 << 10, 4 << 20); });
}

//===----------------------------------------------------------------------===//
// Factorization
//===----------------------------------------------------------------------===//

/// The lower triangle of `moment` in reverse order, with `shift` added to the
/// diagonal, replaced by its Cholesky factor.
static bool factorizeReversed(const double *moment, Index n,
                              const int64_t *order, double shift,
                              MatrixD &lower) {
  for (Index j = 0; j < n; ++j) {
    const double *column = moment + order[n - 1 - j] * n;
    for (Index i = j; i < n; ++i)
      lower(i, j) = column[order[n - 1 - i]];
    lower(j, j) += shift;
  }
  Eigen::LLT<Eigen::Ref<MatrixD>, Eigen::Lower> llt(lower);
  return llt.info() == Eigen::Success && lower.diagonal().allFinite();
}

static std::optional<double> dampAndFactorize(const double *moment, Index n,
                                              const int64_t *order,
                                              double floor, MatrixD &lower) {
  // H - floor is positive definite exactly if all eigenvalues exceed floor.
  if (factorizeReversed(moment, n, order, -floor, lower) &&
      factorizeReversed(moment, n, order, 0, lower))
    return 0;
  double trace = 0;
  for (Index i = 0; i < n; ++i)
    trace += moment[i * n + i];
  for (double damping = floor; damping <= std::max(trace, floor); damping *= 10)
    if (factorizeReversed(moment, n, order, damping, lower))
      return damping;
  return std::nullopt;
}

std::optional<Factor> factorize(const double *moment, int64_t n,
                                const int64_t *order, double floor) {
  fixCacheSizes();
  MatrixD lower(n, n);
  std::optional<double> damping =
      dampAndFactorize(moment, n, order, floor, lower);
  if (!damping)
    return std::nullopt;
  Factor factor;
  factor.n = n;
  factor.damping = *damping;
  factor.feedback.assign(size_t(n) * n, 0.0f);
  factor.pivots.resize(n);
  for (Index j = 0; j < n; ++j) {
    Index column = n - 1 - j;
    factor.pivots[j] = float(lower(column, column) * lower(column, column));
  }
  // R(i, j) = L(n-1-i, n-1-j), and M(i, j) = R(i, j) / R(j, j).
  for (Index j = 0; j < n; ++j) {
    Index column = n - 1 - j;
    double pivot = lower(column, column);
    float *feedback = &factor.feedback[size_t(j) * n];
    for (Index i = 0; i < j; ++i)
      feedback[i] = float(lower(n - 1 - i, column) / pivot);
  }
  return factor;
}

//===----------------------------------------------------------------------===//
// Error feedback
//===----------------------------------------------------------------------===//

namespace {

/// One chunk of rows on its way through the columns.
class FeedbackChunk {
public:
  FeedbackChunk(const Factor &factor, Index rows, const float *weights,
                const std::vector<int64_t> &groupEnds, ColumnRounder &rounder,
                float *errors)
      : n(factor.n), m(factor.feedback.data(), n, n), weights(weights, rows, n),
        errors(errors, rows, n), groupEnds(groupEnds), rounder(rounder),
        rounded(rows) {}

  void run() {
    for (Index begin = 0; begin < n;) {
      Index end = outerEnd(begin);
      runOuter(begin, end);
      begin = end;
    }
  }

private:
  /// Whole groups of at least kOuter columns in sum.
  Index outerEnd(Index begin) const {
    if (groupEnds.empty())
      return std::min(n, begin + kOuter);
    for (int64_t end : groupEnds)
      if (end >= begin + kOuter)
        return end;
    return n;
  }

  void runOuter(Index begin, Index end) {
    feedback.noalias() =
        errors.leftCols(begin) * m.block(0, begin, begin, end - begin);
    for (Index column = begin; column < end;) {
      Index next = std::min(end, column + kPanel);
      if (!groupEnds.empty()) {
        if (column == 0 || column == groupEnds[group])
          startGroup(begin, column);
        next = std::min<Index>(next, groupEnds[group]);
      }
      runPanel(begin, column, next);
      column = next;
    }
  }

  /// The errors that later columns should have is what solves
  /// e (I + M) = -(feedback so far), restricted to the group.
  void startGroup(Index outer, Index begin) {
    group = begin == 0 ? 0 : group + 1;
    Index size = groupEnds[group] - begin;
    MatrixF wanted = -feedback.middleCols(begin - outer, size);
    wanted.noalias() -= errors.middleCols(outer, begin - outer) *
                        m.block(outer, begin, begin - outer, size);
    m.block(begin, begin, size, size)
        .triangularView<Eigen::UnitUpper>()
        .solveInPlace<Eigen::OnTheRight>(wanted);
    wanted = weights.middleCols(begin, size) - wanted;
    rounder.startGroup(group, wanted.data());
  }

  void runPanel(Index outer, Index begin, Index end) {
    panel = weights.middleCols(begin, end - begin) +
            feedback.middleCols(begin - outer, end - begin);
    panel.noalias() += errors.middleCols(outer, begin - outer) *
                       m.block(outer, begin, begin - outer, end - begin);
    for (Index j = begin; j < end; ++j) {
      rounder.round(j, &panel(0, j - begin), rounded.data());
      errors.col(j) = weights.col(j) - rounded;
      for (Index k = j + 1; k < end; ++k)
        panel.col(k - begin) += m(j, k) * errors.col(j);
    }
  }

  Index n;
  ConstF m, weights;
  Eigen::Map<MatrixF> errors;
  const std::vector<int64_t> &groupEnds;
  ColumnRounder &rounder;
  Index group = 0;
  MatrixF feedback, panel;
  Eigen::VectorXf rounded;
};

} // namespace

void roundWithFeedback(const Factor &factor, int64_t rows, const float *weights,
                       const std::vector<int64_t> &groupEnds,
                       ColumnRounder &rounder, float *errors) {
  fixCacheSizes();
  FeedbackChunk(factor, rows, weights, groupEnds, rounder, errors).run();
}

//===----------------------------------------------------------------------===//
// Measures
//===----------------------------------------------------------------------===//

double quadraticForm(const float *a, int64_t rows, const double *moment,
                     int64_t n) {
  fixCacheSizes();
  if (rows == 0 || n == 0)
    return 0;
  MatrixF h = Eigen::Map<const MatrixD>(moment, n, n).cast<float>();
  RowMajorF product;
  double sum = 0;
  for (Index begin = 0; begin < rows; begin += kRows) {
    Index count = std::min<Index>(kRows, rows - begin);
    Eigen::Map<const RowMajorF> chunk(a + begin * n, count, n);
    product.noalias() = chunk * h;
    for (Index i = 0; i < count; ++i)
      sum += double(product.row(i).dot(chunk.row(i)));
  }
  return sum;
}

bool correctWeights(float *a, int64_t rows, const double *moment,
                    const double *cross, int64_t n, double share,
                    double damping) {
  fixCacheSizes();
  Eigen::Map<const MatrixD> h(moment, n, n);
  Eigen::Map<const RowMajorD> c(cross, n, n);
  MatrixD damped = h;
  damped.diagonal().array() += damping;
  Eigen::LLT<Eigen::Ref<MatrixD>, Eigen::Lower> llt(damped);
  if (llt.info() != Eigen::Success)
    return false;
  MatrixD difference = c - h;
  for (Index begin = 0; begin < rows; begin += kRows) {
    Index count = std::min<Index>(kRows, rows - begin);
    Eigen::Map<RowMajorF> chunk(a + begin * n, count, n);
    MatrixD weights = chunk.cast<double>();
    MatrixD change = difference.transpose() * weights.transpose();
    llt.solveInPlace(change);
    chunk = (weights + share * change.transpose()).cast<float>();
  }
  return true;
}

static constexpr int64_t kLanes = 8;

double squaredError(const float *a, const float *b, const float *importance,
                    int64_t n) {
  float lanes[kLanes] = {};
  double sum = 0;
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      float error = a[i + lane] - b[i + lane];
      float weight = importance ? importance[i + lane] : 1;
      lanes[lane] = std::fma(error * error, weight, lanes[lane]);
    }
  for (float lane : lanes)
    sum += lane;
  for (; i < n; ++i) {
    double error = double(a[i]) - b[i];
    sum += error * error * (importance ? importance[i] : 1);
  }
  return sum;
}

std::optional<Line> fitLine(const float *values, const float *decoded,
                            const float *importance, int64_t n, bool hasShift) {
  double s = 0, sx = 0, sy = 0, sxx = 0, sxy = 0;
  for (int64_t i = 0; i < n; ++i) {
    double weight = importance ? importance[i] : 1, x = decoded[i];
    s += weight, sx += weight * x, sy += weight * values[i];
    sxx += weight * x * x, sxy += weight * x * values[i];
  }
  if (!hasShift)
    return sxx > 0 ? std::optional<Line>({sxy / sxx, 0}) : std::nullopt;
  double determinant = s * sxx - sx * sx;
  if (!(determinant > 1e-9 * s * sxx))
    return std::nullopt;
  double slope = (s * sxy - sx * sy) / determinant;
  return Line{slope, (sy - slope * sx) / s};
}

} // namespace quantc::solvers

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Dense linear algebra of the solvers.  In and out: plain arrays.  Never here:
// MLIR headers, threads; the implementation is the one file that sees Eigen,
// built for x86-64-v3 with fixed cache sizes, so that results are the same on
// every machine.

#ifndef QUANTC_LIB_SOLVERS_ALGEBRA_H
#define QUANTC_LIB_SOLVERS_ALGEBRA_H

#include <cstdint>
#include <optional>
#include <vector>

namespace quantc::solvers {

/// H + damping = (I + M) D (I + M)ᵀ, rows and columns in the order in which
/// inputs are rounded.  Rounding input j to q_j with error e_j = w_j - q_j
/// costs sum over j of D_j (t_j - q_j)², t_j = w_j + sum over i < j of e_i
/// M_ij.
struct Factor {
  int64_t n = 0;
  /// M, column-major; strictly upper triangular, the rest is 0.
  std::vector<float> feedback;
  /// D.
  std::vector<float> pivots;
  double damping = 0;
};

/// Factorizes the symmetric n x n matrix `moment` with `order[j]` at position
/// j. No eigenvalue is left below `floor` > 0: the damping is 0 if none is,
/// else `floor`, ten times as much for matrices that rounding errors have made
/// indefinite, and so on.  Nothing if no damping up to the trace helps.
std::optional<Factor> factorize(const double *moment, int64_t n,
                                const int64_t *order, double floor);

/// Rounds one column, or starts a group of columns, of a chunk of rows.
class ColumnRounder {
public:
  virtual ~ColumnRounder() = default;
  /// `weights` are rows x (end - begin), column-major: what the group's weights
  /// would be if they could make up for all errors so far.
  virtual void startGroup(int64_t group, const float *weights) = 0;
  /// Writes what the targets of position j are rounded to.
  virtual void round(int64_t j, const float *targets, float *rounded) = 0;
};

/// Rounds `rows` rows, column-major and in the factor's order.  `groupEnds` are
/// positions before which a group that is fitted on the way ends; empty if
/// nothing is.  Writes errors, column-major.
void roundWithFeedback(const Factor &factor, int64_t rows, const float *weights,
                       const std::vector<int64_t> &groupEnds,
                       ColumnRounder &rounder, float *errors);

/// tr(A H Aᵀ) for A rows x n, row-major, and H n x n.
double quadraticForm(const float *a, int64_t rows, const double *moment,
                     int64_t n);

/// A = A + share * A (C - H) (H + damping)⁻¹ for A rows x n, row-major.  False
/// if H + damping is not positive definite.
bool correctWeights(float *a, int64_t rows, const double *moment,
                    const double *cross, int64_t n, double share,
                    double damping);

/// Sum of importance * (a - b)², where a null importance is 1; in a fixed
/// order.
double squaredError(const float *a, const float *b, const float *importance,
                    int64_t n);

/// The least squares line value = slope * decoded + shift.
struct Line {
  double slope, shift;
};
/// `hasShift` false forces the shift to be 0.  Nothing if not determined.
std::optional<Line> fitLine(const float *values, const float *decoded,
                            const float *importance, int64_t n, bool hasShift);

} // namespace quantc::solvers

#endif // QUANTC_LIB_SOLVERS_ALGEBRA_H

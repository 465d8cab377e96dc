// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// gptq: inputs are rounded one after another, and each rounding error is passed
// on to the inputs that are still to come, as their correlation in H says.
// Scales of blocks come from the weights as they stand when the block begins,
// errors included, or (static) from the weights before.  With an order by
// importance a format's blocks stay what they are: either whole blocks are
// ordered, and inputs within them, or all inputs are, with static scales.

#include "Algebra.h"
#include "Draft.h"
#include "FitScale.h"
#include "Options.h"
#include "Solvers.h"
#include <numeric>

using namespace mlir;
using namespace quantc::fmt;

namespace quantc::solvers {

namespace {

enum class Order { None, Grouped, Descending };

struct GptqOptions {
  Order order = Order::Descending;
  bool isStatic = false;
  /// The least eigenvalue as a share of the mean diagonal.
  double damping = 0.01;
  FitOptions fit{/*isSearched=*/true};
  PrepareOptions prepare;
};

/// In which order inputs are rounded.
struct Schedule {
  std::vector<int64_t> order;
  /// Blocks of columns in the order in which they begin, and their ends;
  /// empty if scales are fitted beforehand.
  std::vector<int64_t> groups, groupEnds;
};

/// A chunk of rows: columns of the schedule are rounded with scales of each
/// row's own block.
class BlockRounder : public ColumnRounder {
public:
  BlockRounder(const PreparedLayer &layer, const GptqOptions &options,
               const Schedule &schedule, ArrayRef<float> importance,
               int64_t rowBegin, int64_t rows, Draft &draft)
      : layer(layer), schedule(schedule), importance(importance), draft(draft),
        fitter(layer.format, options.fit), rowBegin(rowBegin), rows(rows),
        codes(rows), scales(draft.grid.gridColumns * rows),
        offsets(scales.size()) {
    if (!schedule.groups.empty())
      return;
    for (int64_t column = 0; column < draft.grid.gridColumns; ++column)
      for (int64_t i = 0; i < rows; ++i) {
        int64_t block =
            draft.grid.blockAt(rowBegin + i, draft.grid.columnBegin(column));
        scales[column * rows + i] = draft.scales[block];
        offsets[column * rows + i] = draft.offsets[block];
      }
  }

  void startGroup(int64_t group, const float *weights) override {
    int64_t begin = group == 0 ? 0 : schedule.groupEnds[group - 1];
    int64_t size = schedule.groupEnds[group] - begin;
    int64_t column = schedule.groups[group];
    values.resize(size);
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < size; ++j)
        values[j] = weights[j * rows + i];
      BlockScale scale = fitter.fit(values, importance.data() + begin);
      int64_t block =
          draft.grid.blockAt(rowBegin + i, draft.grid.columnBegin(column));
      scales[column * rows + i] = draft.scales[block] = scale.scale;
      offsets[column * rows + i] = draft.offsets[block] = scale.offset;
    }
  }

  void round(int64_t j, const float *targets, float *rounded) override {
    int64_t input = schedule.order[j];
    int64_t column = input / draft.grid.blockColumns;
    layer.format.roundValues({targets, size_t(rows)},
                             ArrayRef(scales).slice(column * rows, rows),
                             ArrayRef(offsets).slice(column * rows, rows),
                             codes, {rounded, size_t(rows)});
    for (int64_t i = 0; i < rows; ++i) {
      int64_t at = (rowBegin + i) * layer.columns + input;
      draft.codes[at] = codes[i];
      draft.decoded[at] = rounded[i];
    }
  }

private:
  const PreparedLayer &layer;
  const Schedule &schedule;
  /// By position.
  ArrayRef<float> importance;
  Draft &draft;
  ScaleFitter fitter;
  int64_t rowBegin, rows;
  std::vector<uint8_t> codes;
  /// By block of columns and row.
  std::vector<float> scales, offsets;
  std::vector<float> values;
};

class Gptq : public Solver {
public:
  StringRef getName() const override { return "gptq"; }
  StringRef getSummary() const override {
    return "rounding with feedback of errors through the second moment";
  }
  bool needsSecondMoment() const override { return true; }
  ArrayRef<OptionSpec> getOptions() const override;
  FailureOr<Solution> solve(EmitError emitError,
                            const Layer &layer) const override;

protected:
  bool setOption(StringRef name, StringRef value) override;

private:
  Schedule plan(const PreparedLayer &layer, const BlockGrid &grid) const;

  GptqOptions options;
};

} // namespace

ArrayRef<OptionSpec> Gptq::getOptions() const {
  static constexpr OptionSpec kOptions[] = {
      {"order", "none, grouped or descending", "descending",
       "inputs as they are; blocks, and inputs within blocks, by descending "
       "diagonal of H; or all inputs so, with static scales"},
      {"static", "true or false", "false",
       "scales of blocks from the weights before any feedback"},
      {"damping", "0 to 1", "0.01",
       "the least eigenvalue of H, as a share of its mean diagonal"},
      {"scale", "range or mse", "mse",
       "scales from the range of a block, or searched"},
      {"steps", "0 to 1000", "24", "ranges tried for each block"},
      {"shrink", "0.01 to 1", "0.4", "the smallest share of the range tried"},
      {"centered", "true or false", "false",
       "H without the part of errors that the bias takes over"},
      {"correction", "0 to 1", "0.5",
       "share of the step towards the optimum on the quantized stream"},
      {"correction-damping", "0 to 100", "1",
       "damping of that step, as a share of the mean diagonal"}};
  return kOptions;
}

bool Gptq::setOption(StringRef name, StringRef value) {
  if (name == "order") {
    options.order = value == "none"      ? Order::None
                    : value == "grouped" ? Order::Grouped
                                         : Order::Descending;
    return value == "none" || value == "grouped" || value == "descending";
  }
  if (name == "static")
    return readFlag(value, options.isStatic);
  if (name == "damping")
    return readNumber(value, 0, 1, options.damping);
  if (name == "scale") {
    options.fit.isSearched = value == "mse";
    return value == "mse" || value == "range";
  }
  if (name == "steps")
    return readCount(value, 0, 1000, options.fit.steps);
  if (name == "shrink")
    return readNumber(value, 0.01, 1, options.fit.shrink);
  if (name == "centered")
    return readFlag(value, options.prepare.isCentered);
  if (name == "correction")
    return readNumber(value, 0, 1, options.prepare.correction);
  return readNumber(value, 0, 100, options.prepare.correctionDamping);
}

Schedule Gptq::plan(const PreparedLayer &layer, const BlockGrid &grid) const {
  Schedule schedule;
  schedule.order.resize(layer.columns);
  std::iota(schedule.order.begin(), schedule.order.end(), 0);
  auto power = [&](int64_t input) {
    return layer.moment[input * layer.columns + input];
  };
  auto louder = [&](int64_t a, int64_t b) {
    return std::pair(-power(a), a) < std::pair(-power(b), b);
  };
  std::vector<int64_t> groups(grid.gridColumns);
  std::iota(groups.begin(), groups.end(), 0);
  if (options.order == Order::Descending) {
    llvm::sort(schedule.order, louder);
  } else if (options.order == Order::Grouped) {
    std::vector<double> sums(grid.gridColumns);
    for (int64_t input = 0; input < layer.columns; ++input)
      sums[input / grid.blockColumns] += power(input);
    llvm::sort(groups, [&](int64_t a, int64_t b) {
      return std::pair(-sums[a], a) < std::pair(-sums[b], b);
    });
    auto next = schedule.order.begin();
    for (int64_t group : groups) {
      auto begin = next;
      for (int64_t input = grid.columnBegin(group);
           input < grid.columnEnd(group); ++input)
        *next++ = input;
      std::sort(begin, next, louder);
    }
  }
  // Blocks of several rows would need all of them at once.  One block for a row
  // begins with its first column, where there is no error to feed back.
  if (options.isStatic || options.order == Order::Descending ||
      grid.blockRows > 1 || grid.gridColumns < 2)
    return schedule;
  int64_t end = 0;
  for (int64_t group : groups)
    schedule.groupEnds.push_back(end += grid.columnEnd(group) -
                                        grid.columnBegin(group));
  schedule.groups = std::move(groups);
  return schedule;
}

FailureOr<Solution> Gptq::solve(EmitError emitError, const Layer &layer) const {
  if (!layer.statistics.secondMoment.getElementType())
    return emitError() << "expected the second moment of '" << layer.name
                       << "' for solver 'gptq', got none; calibrate, or use "
                       << "'rtn-mse'";
  FailureOr<PreparedLayer> prepared =
      prepare(emitError, layer, options.prepare);
  if (failed(prepared))
    return failure();
  Draft draft(*prepared);
  int64_t n = prepared->columns;
  Schedule schedule = plan(*prepared, draft.grid);
  double trace = 0;
  for (int64_t i = 0; i < n; ++i)
    trace += prepared->moment[i * n + i];
  double mean = trace > 0 ? trace / double(n) : 1;
  std::optional<Factor> factor =
      factorize(prepared->moment.data(), n, schedule.order.data(),
                std::max(options.damping, 1e-9) * mean);
  if (!factor)
    return emitError() << "expected the second moment of '" << layer.name
                       << "' to be positive semidefinite, got a matrix that no "
                       << "damping helps; measure it again";
  // What rounding input j costs when all later ones make up for it.
  std::vector<float> importance = factor->pivots;
  for (int64_t j = 0; j < n; ++j)
    if (layer.importance.empty())
      prepared->importance[schedule.order[j]] = importance[j];
    else
      importance[j] = prepared->importance[schedule.order[j]];
  if (schedule.groups.empty())
    fitBlocks(*prepared, options.fit, draft);
  // Rows do not depend on each other; a chunk of them stays in the caches.
  constexpr int64_t kChunk = 256;
  std::vector<float> weights(kChunk * n), errors(kChunk * n);
  for (int64_t begin = 0; begin < prepared->rows; begin += kChunk) {
    int64_t rows = std::min(kChunk, prepared->rows - begin);
    for (int64_t j = 0; j < n; ++j)
      for (int64_t i = 0; i < rows; ++i)
        weights[j * rows + i] =
            prepared->target[(begin + i) * n + schedule.order[j]];
    BlockRounder rounder(*prepared, options, schedule, importance, begin, rows,
                         draft);
    roundWithFeedback(*factor, rows, weights.data(), schedule.groupEnds,
                      rounder, errors.data());
  }
  FailureOr<Solution> solution = finish(emitError, *prepared, std::move(draft));
  if (succeeded(solution))
    solution->report.damping = factor->damping;
  return solution;
}

std::unique_ptr<Solver> createGptq() { return std::make_unique<Gptq>(); }

} // namespace quantc::solvers

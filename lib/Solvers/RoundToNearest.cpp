// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// rtn: scales from the range of each block, every value to its nearest code;
// what encoding gives (docs/numerics.md §6.6).  rtn-mse: the scale and offset
// of each block searched for the least sum of importance * (W - Q)², which with
// the diagonal of H as importance is the layer's output error as if its inputs
// were not correlated.

#include "Draft.h"
#include "FitScale.h"
#include "Options.h"
#include "Solvers.h"

using namespace mlir;
using namespace quantc::fmt;

namespace quantc::solvers {

/// Every value to the nearest code under its block's scale.
static void roundRows(const PreparedLayer &layer, Draft &draft) {
  const BlockGrid &grid = draft.grid;
  for (int64_t row = 0; row < grid.rows; ++row)
    for (int64_t column = 0; column < grid.gridColumns; ++column) {
      int64_t begin = grid.columnBegin(column), at = row * grid.columns + begin;
      int64_t length = grid.columnEnd(column) - begin;
      int64_t block = grid.blockAt(row, begin);
      layer.format.roundValues(
          ArrayRef(layer.target).slice(at, length), draft.scales[block],
          draft.offsets[block], MutableArrayRef(draft.codes).slice(at, length),
          MutableArrayRef(draft.decoded).slice(at, length));
    }
}

namespace {

class RoundToNearest : public Solver {
public:
  StringRef getName() const override { return "rtn"; }
  StringRef getSummary() const override {
    return "round to nearest, scales from ranges";
  }
  ArrayRef<OptionSpec> getOptions() const override { return {}; }

  FailureOr<Solution> solve(EmitError emitError,
                            const Layer &layer) const override {
    FailureOr<PreparedLayer> prepared = prepare(emitError, layer, options);
    if (failed(prepared))
      return failure();
    Draft draft(*prepared);
    fitBlocks(*prepared, fit, draft);
    roundRows(*prepared, draft);
    return finish(emitError, *prepared, std::move(draft));
  }

protected:
  bool setOption(StringRef name, StringRef value) override { return false; }

  FitOptions fit;
  /// The plain encoding knows nothing of streams.
  PrepareOptions options{/*isCentered=*/false, /*correction=*/0};
};

class SearchedRoundToNearest : public RoundToNearest {
public:
  SearchedRoundToNearest() {
    fit.isSearched = true;
    options = {};
  }

  StringRef getName() const override { return "rtn-mse"; }
  StringRef getSummary() const override {
    return "round to nearest, scales searched for the least weighted error";
  }
  ArrayRef<OptionSpec> getOptions() const override {
    static constexpr OptionSpec kOptions[] = {
        {"steps", "0 to 1000", "24", "ranges tried for each block"},
        {"shrink", "0.01 to 1", "0.4", "the smallest share of the range tried"},
        {"centered", "true or false", "false",
         "importance without the part of errors that the bias takes over"},
        {"correction", "0 to 1", "0.5",
         "share of the step towards the optimum on the quantized stream"},
        {"correction-damping", "0 to 100", "1",
         "damping of that step, as a share of the mean diagonal"}};
    return kOptions;
  }

protected:
  bool setOption(StringRef name, StringRef value) override {
    if (name == "steps")
      return readCount(value, 0, 1000, fit.steps);
    if (name == "shrink")
      return readNumber(value, 0.01, 1, fit.shrink);
    if (name == "centered")
      return readFlag(value, options.isCentered);
    if (name == "correction")
      return readNumber(value, 0, 1, options.correction);
    return readNumber(value, 0, 100, options.correctionDamping);
  }
};

} // namespace

std::unique_ptr<Solver> createRoundToNearest() {
  return std::make_unique<RoundToNearest>();
}

std::unique_ptr<Solver> createSearchedRoundToNearest() {
  return std::make_unique<SearchedRoundToNearest>();
}

} // namespace quantc::solvers

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The search tries shrunken ranges, which cut off the largest values, and then
// alternates between codes and the least squares scale and offset for them.
// The whole range is among what is tried, so searching never loses.

#include "FitScale.h"
#include "Algebra.h"
#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace quantc::fmt;

namespace quantc::solvers {

/// How often codes and scale take turns.
static constexpr int kRefinements = 4;

double ScaleFitter::measure(const BlockScale &scale, ArrayRef<float> values,
                            const float *importance) {
  format.roundValues(values, scale.scale, scale.offset, codes, decoded);
  return squaredError(values.data(), decoded.data(), importance, values.size());
}

ScaleFitter::Candidate ScaleFitter::refine(Candidate best,
                                           ArrayRef<float> values,
                                           const float *importance) {
  OffsetKind kind = format.getOffsetKind();
  for (int i = 0; i < kRefinements && best.error > 0; ++i) {
    measure(best.scale, values, importance);
    std::optional<Line> line =
        fitLine(values.data(), decoded.data(), importance, values.size(),
                /*hasShift=*/kind != OffsetKind::None);
    if (!line || !(line->slope > 0) || !std::isfinite(line->slope))
      break;
    // value = slope * decoded + shift, decoded as the kind of offset says.
    BlockScale wanted = best.scale;
    wanted.scale = float(best.scale.scale * line->slope);
    if (kind == OffsetKind::Float)
      wanted.offset = float(best.scale.offset * line->slope + line->shift);
    else if (kind == OffsetKind::Integer && wanted.scale > 0)
      wanted.offset = float(best.scale.offset - line->shift / wanted.scale);
    Candidate next{format.storeScale(wanted), 0};
    next.error = measure(next.scale, values, importance);
    if (!(next.error < best.error))
      break;
    best = next;
  }
  return best;
}

BlockScale ScaleFitter::fit(ArrayRef<float> values, const float *importance) {
  if (values.empty())
    return format.fitRange(INFINITY, -INFINITY);
  auto [low, high] = std::minmax_element(values.begin(), values.end());
  BlockScale whole = format.fitRange(*low, *high);
  if (!options.isSearched)
    return whole;
  codes.resize(values.size());
  decoded.resize(values.size());
  // A block that no input reaches is fitted as if all did.
  if (importance && std::all_of(importance, importance + values.size(),
                                [](float x) { return x == 0; }))
    importance = nullptr;
  Candidate best{whole, measure(whole, values, importance)};
  // A float offset moves with the range, so that shrinks towards its middle.
  float middle = format.getOffsetKind() == OffsetKind::Float
                     ? *low + (*high - *low) / 2
                     : 0;
  for (int64_t step = 1; step <= options.steps; ++step) {
    float share =
        float(1 - (1 - options.shrink) * double(step) / double(options.steps));
    Candidate next{format.fitRange(middle + (*low - middle) * share,
                                   middle + (*high - middle) * share),
                   0};
    next.error = measure(next.scale, values, importance);
    if (next.error < best.error)
      best = next;
  }
  return refine(best, values, importance).scale;
}

void fitBlocks(const PreparedLayer &layer, const FitOptions &options,
               Draft &draft) {
  const BlockGrid &grid = draft.grid;
  ScaleFitter fitter(layer.format, options);
  // The rows of a block, copied to lie together.
  std::vector<float> values, importance;
  for (int64_t block = 0; block < grid.getNumBlocks(); ++block) {
    int64_t column = block % grid.gridColumns;
    int64_t begin = grid.columnBegin(column), end = grid.columnEnd(column);
    int64_t row = block / grid.gridColumns * grid.blockRows;
    values.clear();
    importance.clear();
    for (int64_t rowEnd = std::min(grid.rows, row + grid.blockRows);
         row < rowEnd; ++row) {
      const float *first = layer.target.data() + row * grid.columns;
      values.insert(values.end(), first + begin, first + end);
      if (!layer.importance.empty())
        importance.insert(importance.end(), layer.importance.begin() + begin,
                          layer.importance.begin() + end);
    }
    BlockScale scale =
        fitter.fit(values, importance.empty() ? nullptr : importance.data());
    draft.scales[block] = scale.scale;
    draft.offsets[block] = scale.offset;
  }
}

} // namespace quantc::solvers

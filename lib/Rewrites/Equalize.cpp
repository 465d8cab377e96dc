// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cross-layer equalization over the regions of positive scales.  Ranges are
// taken from the weights once, as one number for each pair of output and input
// channel; the sweeps then work on scale vectors only.

#include "TransformWriter.h"
#include "quantc/Dialect/QNN/Interpreter.h"
#include "quantc/Rewrites/Passes.h"
#include "llvm/ADT/MapVector.h"
#include <cmath>

namespace quantc {
#define GEN_PASS_DEF_EQUALIZEPASS
#include "quantc/Rewrites/Passes.h.inc"
} // namespace quantc

using namespace mlir;
using namespace quantc;
using namespace quantc::qnn;

namespace {

/// max |w| of every (row, column), and the scales that both have by now.
struct WeightRange {
  int64_t rows = 0, columns = 0;
  std::vector<float> most;
  std::vector<double> rowScale, columnScale;

  /// The greatest element along one row or column, as scaled.
  double rangeOf(bool isRow, int64_t index) const {
    double result = 0;
    int64_t count = isRow ? columns : rows;
    for (int64_t i = 0; i < count; ++i) {
      int64_t row = isRow ? index : i, column = isRow ? i : index;
      result = std::max(result, double(most[row * columns + column]) *
                                    rowScale[row] * columnScale[column]);
    }
    return result;
  }
};

/// A weight, as rows along axis 0 and columns along the input channels.
WeightRange measure(const HostTensor &weight, int64_t columnAxis) {
  WeightRange range;
  ArrayRef<int64_t> shape = weight.getShape();
  range.rows = shape[0];
  range.columns = shape[columnAxis];
  range.most.assign(range.rows * range.columns, 0);
  int64_t inner = 1, perRow = 1;
  for (int64_t extent : shape.drop_front(columnAxis + 1))
    inner *= extent;
  for (int64_t extent : shape.drop_front())
    perRow *= extent;
  ArrayRef<float> values = weight.as<float>();
  for (int64_t i = 0, e = values.size(); i < e; ++i) {
    float &most =
        range.most[i / perRow * range.columns + i / inner % range.columns];
    most = std::fmax(most, std::fabs(values[i]));
  }
  range.rowScale.assign(range.rows, 1);
  range.columnScale.assign(range.columns, 1);
  return range;
}

bool isWeight(const AbsorbSite &site) {
  return isa<LinearOp, ConvOp>(site.constant->getOwner()) &&
         site.constant->getOperandNumber() == 1;
}

/// The axis of a weight's input channels.
int64_t columnAxisOf(Operation *op) {
  auto conv = dyn_cast<ConvOp>(op);
  return conv && conv.getChannelsLast()
             ? cast<ShapedType>(conv.getWeight().getType()).getRank() - 1
             : 1;
}

struct Candidate {
  ChannelRegion region;
  SmallVector<double> factors;
};

class Equalizer {
public:
  explicit Equalizer(ShapeAnalysis &shapes) : search(shapes, constants) {}

  LogicalResult collect(func::FuncOp func);
  void sweep(int64_t times);
  MutableArrayRef<Candidate> getCandidates() { return candidates; }

private:
  LogicalResult consider(Value value);
  double balance(Candidate &candidate);

  ConstantExpressions constants;
  RegionSearch search;
  std::vector<Candidate> candidates;
  DenseSet<Value> seen;
  llvm::MapVector<OpOperand *, WeightRange> ranges;
};

LogicalResult Equalizer::collect(func::FuncOp func) {
  SmallVector<Value> inputs;
  func.walk([&](Operation *op) {
    if (isa<LinearOp, ConvOp>(op))
      inputs.push_back(op->getOperand(0));
  });
  for (Value input : inputs)
    if (failed(consider(input)))
      return failure();
  return success();
}

/// Keeps the region of a value's channels if weights produce and read it.
LogicalResult Equalizer::consider(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || seen.contains(value) || constants.contains(value))
    return success();
  auto conv = dyn_cast<ConvOp>(*value.getUsers().begin());
  int64_t axis = conv && !conv.getChannelsLast() ? 1 : type.getRank() - 1;
  if (type.isDynamicDim(axis))
    return success();
  ChannelRegion region = search.grow(TransformKind::Scale, {value, {axis}});
  for (const ChannelSpace &member : region.members)
    seen.insert(member.value);
  bool produced = false, read = false, tied = false;
  for (const AbsorbSite &site : region.sites) {
    (site.inverse ? read : produced) |= isWeight(site);
    tied |= isWeight(site) && isTied(site.constant->get());
  }
  if (!region.folds() || !produced || !read || tied)
    return success();
  for (const AbsorbSite &site : region.sites) {
    if (!isWeight(site) || ranges.contains(site.constant))
      continue;
    auto tensor = evaluateConstant(site.constant->get());
    if (failed(tensor))
      return failure();
    ranges[site.constant] =
        measure(*tensor, columnAxisOf(site.constant->getOwner()));
  }
  candidates.push_back({region, SmallVector<double>(region.channels, 1)});
  return success();
}

/// One step of a region; returns the largest change of a scale.
double Equalizer::balance(Candidate &candidate) {
  const ChannelRegion &region = candidate.region;
  SmallVector<double> rows(region.channels, 0), columns(region.channels, 0);
  auto forEachChannel = [&](auto visit) {
    for (const AbsorbSite &site : region.sites)
      if (isWeight(site))
        for (auto [i, c] : llvm::enumerate(region.channelsOf(site.space)))
          visit(site, ranges[site.constant], int64_t(i), c);
  };
  forEachChannel(
      [&](const AbsorbSite &site, WeightRange &range, int64_t i, int64_t c) {
        double &most = (site.inverse ? columns : rows)[c];
        most = std::max(most, range.rangeOf(site.axis == 0, i));
      });
  double change = 0;
  SmallVector<double> factors(region.channels, 1);
  for (auto [c, factor] : llvm::enumerate(factors)) {
    if (rows[c] > 0 && columns[c] > 0)
      factor = std::sqrt(columns[c] / rows[c]);
    // Channels that nobody uses would grow without limit.
    factor = std::clamp(factor * candidate.factors[c], 1e-4, 1e4) /
             candidate.factors[c];
    candidate.factors[c] *= factor;
    change = std::max(change, std::fabs(factor - 1));
  }
  forEachChannel([&](const AbsorbSite &site, WeightRange &range, int64_t i,
                     int64_t c) {
    double &scale = (site.axis == 0 ? range.rowScale : range.columnScale)[i];
    scale *= site.inverse ? 1 / factors[c] : factors[c];
  });
  return change;
}

void Equalizer::sweep(int64_t times) {
  constexpr double kSettled = 1e-3;
  for (int64_t i = 0; i < times; ++i) {
    double change = 0;
    for (Candidate &candidate : candidates)
      change = std::max(change, balance(candidate));
    if (change < kSettled)
      return;
  }
}

struct EqualizePass : public quantc::impl::EqualizePassBase<EqualizePass> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp func = getOperation();
    if (!func->hasAttr(kEntryAttr))
      return;
    FailureOr<ShapeAnalysis> shapes = ShapeAnalysis::compute(func);
    if (failed(shapes))
      return signalPassFailure();
    Equalizer equalizer(*shapes);
    if (failed(equalizer.collect(func)))
      return signalPassFailure();
    equalizer.sweep(sweeps);
    TransformWriter writer(func, *shapes);
    for (const Candidate &candidate : equalizer.getCandidates()) {
      SmallVector<float> factors(candidate.factors.begin(),
                                 candidate.factors.end());
      writer.foldScale(candidate.region, factors);
      ++numRegions;
    }
  }
};

} // namespace

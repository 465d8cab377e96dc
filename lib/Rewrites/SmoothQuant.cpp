// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// SmoothQuant: moves a part of the activations' range into the weights, channel
// by channel.  Where a region of channels folds, producers absorb the scale;
// elsewhere a multiplication stands in front of the linears that read a value.

#include "TransformWriter.h"
#include "quantc/Calibration/ObservationPoints.h"
#include "quantc/Calibration/Observers.h"
#include "quantc/Calibration/Statistics.h"
#include "quantc/Dialect/QNN/Interpreter.h"
#include "quantc/Rewrites/Passes.h"
#include "llvm/ADT/MapVector.h"
#include <cmath>

namespace quantc {
#define GEN_PASS_DEF_SMOOTHQUANTPASS
#include "quantc/Rewrites/Passes.h.inc"
} // namespace quantc

using namespace mlir;
using namespace quantc;
using namespace quantc::qnn;

namespace {

// Below this a channel counts as unused.
constexpr double kLeast = 1e-5;
// Codes of int8 on one side of zero, for the search of alpha.
constexpr double kCodes = 127;

/// What is known about the channels that one scale vector is for.
struct Channels {
  explicit Channels(int64_t count) : most(count, 0), energy(count, 0) {}
  std::vector<double> most;   ///< max |x|
  std::vector<double> energy; ///< E[x²]
};

/// A weight whose columns are the channels.
struct Reader {
  LinearOp op;
  HostTensor weight;
  SmallVector<int64_t> channels; ///< of its columns
};

class Smoother {
public:
  Smoother(func::FuncOp func, ShapeAnalysis &shapes,
           const Statistics &statistics, std::optional<double> alpha)
      : search(shapes, constants), writer(func, shapes),
        points(ObservationPoints::compute(func)), statistics(statistics),
        alpha(alpha) {
    func.walk([&](LinearOp op) {
      auto type = dyn_cast<RankedTensorType>(op.getInput().getType());
      if (type && type.getElementType().isF32() && !op.getPackedFrom() &&
          isa<TensorType>(op.getWeight().getType()) &&
          !type.isDynamicDim(type.getRank() - 1) &&
          constants.contains(op.getWeight()) &&
          !constants.contains(op.getInput()))
        readers[op.getInput()].push_back(op);
    });
  }

  LogicalResult run(bool online);
  int64_t numFolded = 0, numOnline = 0;

private:
  FailureOr<bool> fold(Value value);
  FailureOr<bool> insert(Value value, ArrayRef<LinearOp> linears);
  FailureOr<bool> observe(Value value, ArrayRef<int64_t> channels,
                          Channels &known);
  LogicalResult read(LinearOp op, ArrayRef<int64_t> channels,
                     std::vector<Reader> &into);
  std::vector<double> choose(const Channels &known, ArrayRef<Reader> readers);

  ConstantExpressions constants;
  RegionSearch search;
  TransformWriter writer;
  ObservationPoints points;
  const Statistics &statistics;
  std::optional<double> alpha;
  llvm::MapVector<Value, SmallVector<LinearOp>> readers;
  DenseSet<Value> done;
};

//===----------------------------------------------------------------------===//
// Scales
//===----------------------------------------------------------------------===//

/// max |w| of every channel over all readers.
std::vector<double> columnMaxima(size_t count, ArrayRef<Reader> readers) {
  std::vector<double> most(count, 0);
  for (const Reader &reader : readers)
    for (auto [i, value] : llvm::enumerate(absMaxAlong(reader.weight, 1))) {
      double &channel = most[reader.channels[i]];
      channel = std::max(channel, double(value));
    }
  return most;
}

/// x^alpha / w^(1 - alpha), with a geometric mean of 1.
std::vector<double> scalesFor(double alpha, ArrayRef<double> activations,
                              ArrayRef<double> weights) {
  std::vector<double> scales(activations.size());
  double mean = 0;
  for (auto [i, scale] : llvm::enumerate(scales)) {
    double x = std::max(activations[i], kLeast);
    double w = std::max(weights[i], kLeast);
    scale = alpha * std::log(x) - (1 - alpha) * std::log(w);
    mean += scale / double(scales.size());
  }
  for (double &scale : scales)
    scale = std::exp(scale - mean);
  return scales;
}

/// The expected squared error of the readers' results, when inputs have one
/// int8 step and weights one for each row: rounding is noise of step² / 12.
double expectedError(const Channels &known, ArrayRef<Reader> readers,
                     ArrayRef<double> scales) {
  double result = 0;
  for (const Reader &reader : readers) {
    int64_t columns = reader.channels.size();
    double most = 0, energy = 0;
    for (int64_t c : reader.channels) {
      most = std::max(most, known.most[c] / scales[c]);
      energy += known.energy[c] / (scales[c] * scales[c]);
    }
    ArrayRef<float> weight = reader.weight.as<float>();
    for (size_t at = 0; at < weight.size(); at += columns) {
      double rowMost = 0, squares = 0;
      for (int64_t i = 0; i < columns; ++i) {
        double w = weight[at + i] * scales[reader.channels[i]];
        rowMost = std::max(rowMost, std::fabs(w));
        squares += w * w;
      }
      result += most * most * squares + rowMost * rowMost * energy;
    }
  }
  return result / (12 * kCodes * kCodes);
}

/// Scales by the given alpha, or by the best one; empty if none is better than
/// leaving the channels alone.
std::vector<double> Smoother::choose(const Channels &known,
                                     ArrayRef<Reader> readers) {
  std::vector<double> weights = columnMaxima(known.most.size(), readers);
  if (alpha)
    return scalesFor(*alpha, known.most, weights);
  std::vector<double> best;
  double least =
      expectedError(known, readers, std::vector<double>(known.most.size(), 1));
  for (int step = 1; step < 20; ++step) {
    std::vector<double> scales = scalesFor(step / 20.0, known.most, weights);
    double error = expectedError(known, readers, scales);
    if (error < least) {
      least = error;
      best = scales;
    }
  }
  return best;
}

//===----------------------------------------------------------------------===//
// Statistics
//===----------------------------------------------------------------------===//

/// Adds what was measured at a value; false if nothing was.
FailureOr<bool> Smoother::observe(Value value, ArrayRef<int64_t> channels,
                                  Channels &known) {
  const ObservationPoint &point = points.get(value);
  const PointStatistics *measured = nullptr;
  if (auto error = statistics.find(point.name, point.key, measured)) {
    emitError(value.getLoc()) << error->message;
    return failure();
  }
  const auto *maxima = measured ? measured->get<ChannelAbsMax>() : nullptr;
  if (!maxima || maxima->getMaxima().size() != channels.size())
    return false;
  const SecondMoment *moment = SecondMoment::find(measured);
  for (auto [i, c] : llvm::enumerate(channels)) {
    double most = maxima->getMaxima()[i];
    known.most[c] = std::max(known.most[c], most);
    double energy = moment ? moment->get(i, i) / double(moment->getCount())
                           : most * most / 9;
    known.energy[c] = std::max(known.energy[c], energy);
  }
  return true;
}

LogicalResult Smoother::read(LinearOp op, ArrayRef<int64_t> channels,
                             std::vector<Reader> &into) {
  FailureOr<HostTensor> weight = evaluateConstant(op.getWeight());
  if (failed(weight))
    return failure();
  into.push_back({op, *weight, llvm::to_vector(channels)});
  return success();
}

//===----------------------------------------------------------------------===//
// Application
//===----------------------------------------------------------------------===//

SmallVector<float> reciprocalsOf(ArrayRef<double> scales) {
  return llvm::map_to_vector(scales, [](double s) { return float(1 / s); });
}

/// Smooths the region of a value's channels if it folds.
FailureOr<bool> Smoother::fold(Value value) {
  int64_t last = cast<RankedTensorType>(value.getType()).getRank() - 1;
  ChannelRegion region = search.grow(TransformKind::Scale, {value, {last}});
  if (!region.folds())
    return false;
  Channels known(region.channels);
  std::vector<Reader> weights;
  bool measured = false;
  DenseSet<Value> observed;
  for (const AbsorbSite &site : region.sites) {
    auto op = dyn_cast<LinearOp>(site.constant->getOwner());
    if (!op || !site.inverse)
      continue;
    if (isTied(op.getWeight()))
      return false;
    SmallVector<int64_t> channels = region.channelsOf(site.space);
    if (failed(read(op, channels, weights)))
      return failure();
    if (!observed.insert(site.space.value).second)
      continue;
    FailureOr<bool> added = observe(site.space.value, channels, known);
    if (failed(added))
      return failure();
    measured |= *added;
  }
  for (const ChannelSpace &member : region.members)
    done.insert(member.value);
  if (!measured)
    return false;
  std::vector<double> scales = choose(known, weights);
  if (scales.empty())
    return false;
  writer.foldScale(region, reciprocalsOf(scales));
  return true;
}

/// Smooths a value for its linears only, by a multiplication.
FailureOr<bool> Smoother::insert(Value value, ArrayRef<LinearOp> linears) {
  int64_t count = cast<ShapedType>(value.getType()).getShape().back();
  SmallVector<int64_t> channels = llvm::to_vector(llvm::seq<int64_t>(count));
  Channels known(count);
  FailureOr<bool> measured = observe(value, channels, known);
  if (failed(measured))
    return failure();
  std::vector<Reader> weights;
  for (LinearOp op : linears)
    if (!isTied(op.getWeight()) && failed(read(op, channels, weights)))
      return failure();
  if (!*measured || weights.empty())
    return false;
  std::vector<double> scales = choose(known, weights);
  if (scales.empty())
    return false;
  Value smooth = writer.scaleValue(value, reciprocalsOf(scales));
  SmallVector<float> factors(scales.begin(), scales.end());
  for (const Reader &reader : weights) {
    LinearOp op = reader.op;
    op.getInputMutable().set(smooth);
    writer.scaleConstant(op.getWeightMutable(), 1, factors);
  }
  return true;
}

LogicalResult Smoother::run(bool online) {
  for (auto &[value, linears] : readers) {
    if (done.contains(value))
      continue;
    FailureOr<bool> folded = fold(value);
    if (failed(folded))
      return failure();
    numFolded += *folded;
    if (done.contains(value) || !online)
      continue;
    FailureOr<bool> inserted = insert(value, linears);
    if (failed(inserted))
      return failure();
    numOnline += *inserted;
  }
  return success();
}

struct SmoothQuantPass
    : public quantc::impl::SmoothQuantPassBase<SmoothQuantPass> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp func = getOperation();
    if (!func->hasAttr(kEntryAttr))
      return;
    std::optional<double> given;
    if (double number; alpha != "search") {
      if (StringRef(alpha).getAsDouble(number) || !(number >= 0) ||
          !(number <= 1)) {
        func.emitError("expected alpha to be 'search' or from 0 to 1, got '")
            << alpha << "'";
        return signalPassFailure();
      }
      given = number;
    }
    Statistics measured;
    if (statistics.empty()) {
      func.emitError("smooth-quant needs statistics: give it the file that "
                     "'quantc calibrate' writes, as statistics=FILE");
      return signalPassFailure();
    }
    if (failed(loadStatistics(func, statistics, measured)))
      return signalPassFailure();
    FailureOr<ShapeAnalysis> shapes = ShapeAnalysis::compute(func);
    if (failed(shapes))
      return signalPassFailure();
    Smoother smoother(func, *shapes, measured, given);
    if (failed(smoother.run(online)))
      return signalPassFailure();
    numFolded += smoother.numFolded;
    numOnline += smoother.numOnline;
  }
};

} // namespace

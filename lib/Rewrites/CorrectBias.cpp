// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bias correction: rounding a weight moves the mean of a linear's result by
// (Ŵ - W) E[x], which the bias takes back.
//
// Statistics are those of the float model, so points are looked up in a copy of
// the function without its quantizations.

#include "TransformWriter.h"
#include "quantc/Calibration/ObservationPoints.h"
#include "quantc/Calibration/Observers.h"
#include "quantc/Calibration/Statistics.h"
#include "quantc/Dialect/QNN/Interpreter.h"
#include "quantc/Rewrites/Passes.h"

namespace quantc {
#define GEN_PASS_DEF_CORRECTBIASPASS
#include "quantc/Rewrites/Passes.h.inc"
} // namespace quantc

using namespace mlir;
using namespace quantc;
using namespace quantc::qnn;

namespace {

/// The points of a function as if nothing were quantized.
class FloatPoints {
public:
  explicit FloatPoints(func::FuncOp func) {
    copy = cast<func::FuncOp>(func->clone(mapping));
    copy->walk([](QuantizeOp op) {
      op.getResult().replaceAllUsesWith(op.getInput());
    });
    points = ObservationPoints::compute(copy);
  }
  ~FloatPoints() { copy->erase(); }
  FloatPoints(const FloatPoints &) = delete;
  FloatPoints &operator=(const FloatPoints &) = delete;

  const ObservationPoint &get(Value value) const {
    return points.get(mapping.lookup(value));
  }

private:
  IRMapping mapping;
  func::FuncOp copy;
  ObservationPoints points;
};

class Corrector {
public:
  Corrector(func::FuncOp func, ShapeAnalysis &shapes,
            const Statistics &statistics)
      : writer(func, shapes), points(func), statistics(statistics) {}

  FailureOr<bool> correct(LinearOp op);

private:
  FailureOr<std::vector<double>> findMean(Value value);

  ConstantExpressions constants;
  TransformWriter writer;
  FloatPoints points;
  const Statistics &statistics;
};

/// The mean of a linear's input; empty if it was not measured.
FailureOr<std::vector<double>> Corrector::findMean(Value value) {
  const ObservationPoint &point = points.get(value);
  const PointStatistics *measured = nullptr;
  if (auto error = statistics.find(point.name, point.key, measured)) {
    emitError(value.getLoc()) << error->message;
    return failure();
  }
  const SecondMoment *moment = SecondMoment::find(measured);
  return moment ? moment->getMean() : std::vector<double>();
}

/// The values that a constant's reference encoding stands for.
FailureOr<HostTensor> roundTrip(LinearOp op, const HostTensor &weight,
                                fmt::FormatInterface format) {
  auto emitError = [&] { return op.emitError(); };
  auto encoded = format.encode(emitError, weight, "the weight");
  if (failed(encoded))
    return failure();
  return format.decode(emitError, *encoded);
}

FailureOr<bool> Corrector::correct(LinearOp op) {
  auto quantize = op.getWeight().getDefiningOp<QuantizeOp>();
  if (!quantize || quantize.getScale() || op.getPackedFrom() ||
      !constants.contains(quantize.getInput()) ||
      (op.getBias() && !constants.contains(op.getBias())))
    return false;
  Value input = op.getInput();
  if (auto encoded = input.getDefiningOp<QuantizeOp>())
    input = encoded.getInput();
  FailureOr<std::vector<double>> mean = findMean(input);
  if (failed(mean))
    return failure();
  auto type = cast<EncodedType>(op.getWeight().getType());
  if (mean->size() != size_t(type.getShape()[1]))
    return false;
  FailureOr<HostTensor> weight = evaluateConstant(quantize.getInput());
  if (failed(weight))
    return failure();
  if (!weight->getElementType().isF32())
    return false;
  FailureOr<HostTensor> rounded = roundTrip(op, *weight, type.getScheme());
  if (failed(rounded))
    return failure();
  int64_t rows = type.getShape()[0], columns = type.getShape()[1];
  SmallVector<float> bias(rows, 0);
  if (op.getBias()) {
    FailureOr<HostTensor> old = evaluateConstant(op.getBias());
    if (failed(old) || old->getNumElements() != rows)
      return failure();
    llvm::copy(old->as<float>(), bias.begin());
  }
  ArrayRef<float> w = weight->as<float>(), v = rounded->as<float>();
  for (int64_t row = 0; row < rows; ++row) {
    double shift = 0;
    for (int64_t i = row * columns, k = 0; k < columns; ++i, ++k)
      shift += (double(v[i]) - w[i]) * (*mean)[k];
    bias[row] = float(bias[row] - shift);
  }
  op.getBiasMutable().assign(writer.vector(bias));
  return true;
}

struct CorrectBiasPass
    : public quantc::impl::CorrectBiasPassBase<CorrectBiasPass> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp func = getOperation();
    if (!func->hasAttr(kEntryAttr))
      return;
    Statistics measured;
    if (statistics.empty()) {
      func.emitError("correct-bias needs statistics: give it the file that "
                     "'quantc calibrate' writes, as statistics=FILE");
      return signalPassFailure();
    }
    if (failed(loadStatistics(func, statistics, measured)))
      return signalPassFailure();
    FailureOr<ShapeAnalysis> shapes = ShapeAnalysis::compute(func);
    if (failed(shapes))
      return signalPassFailure();
    Corrector corrector(func, *shapes, measured);
    WalkResult result = func.walk([&](LinearOp op) {
      FailureOr<bool> corrected = corrector.correct(op);
      if (failed(corrected))
        return WalkResult::interrupt();
      numCorrected += *corrected;
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace

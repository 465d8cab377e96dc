// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Checks a layer and prepares its statistics: division by the count, removal
// of the mean, and the correction of weights for a quantized input stream
// (QEP: W + share * W (C - H) (H + damping)⁻¹, the step to the least squares
// optimum of |W x_ref - Q x|²).

#include "Draft.h"
#include "Algebra.h"
#include <cmath>

using namespace mlir;

namespace quantc::solvers {

BlockGrid BlockGrid::of(fmt::FormatInterface format, int64_t rows,
                        int64_t columns) {
  SmallVector<int64_t> block = format.getBlockExtents(2);
  auto unit = [](int64_t extent, int64_t size) {
    return size == fmt::kWholeAxis ? std::max<int64_t>(extent, 1) : size;
  };
  auto count = [](int64_t extent, int64_t size) {
    return size == fmt::kWholeAxis ? 1 : (extent + size - 1) / size;
  };
  return {rows,
          columns,
          unit(rows, block[0]),
          unit(columns, block[1]),
          count(rows, block[0]),
          count(columns, block[1])};
}

//===----------------------------------------------------------------------===//
// Preparation
//===----------------------------------------------------------------------===//

static bool isMeasured(const HostTensor &tensor) {
  return bool(tensor.getElementType());
}

/// Reads a statistic, divided by `count`.  Names it if it is not what it ought
/// to be.
static LogicalResult readStatistic(EmitError emitError, StringRef layer,
                                   StringRef what, const HostTensor &tensor,
                                   ArrayRef<int64_t> shape, double count,
                                   std::vector<double> &values) {
  Type type = tensor.getElementType();
  if (!type.isF32() && !type.isF64())
    return emitError() << "expected the " << what << " of '" << layer
                       << "' to be f32 or f64, got " << type;
  if (tensor.getShape() != shape)
    return emitError() << "expected the " << what << " of '" << layer
                       << "' to have the shape [" << shape << "], got ["
                       << tensor.getShape() << "]";
  values.resize(tensor.getNumElements());
  for (auto [i, value] : llvm::enumerate(values)) {
    value = (type.isF32() ? double(tensor.as<float>()[i])
                          : tensor.as<double>()[i]) /
            count;
    if (!std::isfinite(value))
      return emitError() << "expected the " << what << " of '" << layer
                         << "' to be finite, got " << value << " at element "
                         << i;
  }
  return success();
}

/// Sums of a product and its transpose may differ in their last bits.
static void makeSymmetric(std::vector<double> &matrix, int64_t n) {
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < i; ++j) {
      double mean = (matrix[i * n + j] + matrix[j * n + i]) / 2;
      matrix[i * n + j] = matrix[j * n + i] = mean;
    }
}

static double meanDiagonal(ArrayRef<double> matrix, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i)
    sum += matrix[i * n + i];
  return n ? sum / double(n) : 0;
}

static LogicalResult correct(EmitError emitError, const Layer &layer,
                             const PrepareOptions &options,
                             PreparedLayer &result) {
  const LayerStatistics &statistics = layer.statistics;
  if (!isMeasured(statistics.crossMoment) || options.correction == 0)
    return success();
  if (result.moment.empty())
    return emitError() << "expected the second moment of '" << layer.name
                       << "' beside its cross moment, got none";
  int64_t n = result.columns;
  std::vector<double> cross;
  if (failed(readStatistic(emitError, layer.name, "cross moment",
                           statistics.crossMoment, {n, n},
                           double(statistics.count), cross)))
    return failure();
  // The smallest share keeps matrices of deficient rank invertible.
  double damping = std::max(options.correctionDamping, 1e-6) *
                   meanDiagonal(result.moment, n);
  if (damping == 0 ||
      correctWeights(result.target.data(), result.rows, result.moment.data(),
                     cross.data(), n, options.correction, damping))
    return success();
  return emitError() << "expected the second moment of '" << layer.name
                     << "' to be positive semidefinite, got a matrix that no "
                     << "damping helps; measure it again";
}

static LogicalResult readStatistics(EmitError emitError, const Layer &layer,
                                    const PrepareOptions &options,
                                    PreparedLayer &result) {
  const LayerStatistics &statistics = layer.statistics;
  int64_t n = result.columns;
  if (isMeasured(statistics.mean) &&
      failed(readStatistic(emitError, layer.name, "mean", statistics.mean, {n},
                           1, result.mean)))
    return failure();
  if (!isMeasured(statistics.secondMoment))
    return success();
  if (statistics.count < 1)
    return emitError() << "expected the second moment of '" << layer.name
                       << "' to be a sum over 1 or more rows, got "
                       << statistics.count;
  if (failed(readStatistic(emitError, layer.name, "second moment",
                           statistics.secondMoment, {n, n},
                           double(statistics.count), result.moment)))
    return failure();
  for (int64_t i = 0; i < n; ++i) {
    double power = result.moment[i * n + i];
    if (power < 0)
      return emitError() << "expected the second moment of '" << layer.name
                         << "' to have no negative diagonal, got "
                         << power * double(statistics.count) << " at input "
                         << i;
    result.deadInputs += power == 0;
  }
  makeSymmetric(result.moment, n);
  return success();
}

static LogicalResult center(EmitError emitError, PreparedLayer &layer) {
  if (layer.mean.empty())
    return emitError() << "expected the mean of '" << layer.name
                       << "' for 'centered', got none";
  int64_t n = layer.columns;
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j)
      layer.moment[i * n + j] -= layer.mean[i] * layer.mean[j];
  // Rounding may leave a constant input with less than no variance.
  for (int64_t i = 0; i < n; ++i)
    layer.moment[i * n + i] = std::max(layer.moment[i * n + i], 0.0);
  return success();
}

static LogicalResult setImportance(EmitError emitError, const Layer &layer,
                                   PreparedLayer &result) {
  int64_t n = result.columns;
  if (layer.importance.empty()) {
    if (!result.moment.empty())
      for (int64_t i = 0; i < n; ++i)
        result.importance.push_back(float(result.moment[i * n + i]));
    return success();
  }
  if (int64_t(layer.importance.size()) != n)
    return emitError() << "expected one importance for each of " << n
                       << " inputs of '" << layer.name << "', got "
                       << layer.importance.size();
  for (auto [i, value] : llvm::enumerate(layer.importance))
    if (!std::isfinite(value) || value < 0)
      return emitError() << "expected importances of '" << layer.name
                         << "' to be finite and not negative, got " << value
                         << " at input " << i;
  result.importance = layer.importance;
  return success();
}

FailureOr<PreparedLayer> prepare(EmitError emitError, const Layer &layer,
                                 const PrepareOptions &options) {
  ArrayRef<int64_t> shape = layer.weight.getShape();
  if (shape.size() != 2 || !layer.weight.getElementType().isF32())
    return emitError() << "expected the weight of '" << layer.name
                       << "' to be a matrix of f32, got shape [" << shape
                       << "] of " << layer.weight.getElementType();
  if (failed(layer.format.verifyShape(emitError, shape)))
    return failure();
  PreparedLayer result;
  result.name = layer.name;
  result.format = layer.format;
  result.rows = shape[0];
  result.columns = shape[1];
  result.target = layer.weight.as<float>();
  for (auto [i, value] : llvm::enumerate(result.target))
    if (!std::isfinite(value))
      return emitError() << "expected the weight of '" << layer.name
                         << "' to be finite, got " << value << " at element "
                         << i;
  if (failed(readStatistics(emitError, layer, options, result)) ||
      failed(correct(emitError, layer, options, result)) ||
      (options.isCentered && failed(center(emitError, result))) ||
      failed(setImportance(emitError, layer, result)))
    return failure();
  return result;
}

//===----------------------------------------------------------------------===//
// Draft
//===----------------------------------------------------------------------===//

Draft::Draft(const PreparedLayer &layer)
    : grid(BlockGrid::of(layer.format, layer.rows, layer.columns)),
      scales(grid.getNumBlocks(), 1.0f), offsets(grid.getNumBlocks(), 0.0f),
      codes(layer.rows * layer.columns), decoded(layer.rows * layer.columns) {}

static FailureOr<fmt::EncodedTensor> makePayload(EmitError emitError,
                                                 const PreparedLayer &layer,
                                                 const Draft &draft) {
  fmt::EncodedTensor encoded{{layer.rows, layer.columns}, {}};
  for (const fmt::PayloadArray &array : layer.format.payload(encoded.shape)) {
    auto tensor = HostTensor::allocate(array.elementType, array.shape);
    if (!tensor)
      return emitError() << "expected the " << array.name << " of '"
                         << layer.name
                         << "' to be addressable, got a size beyond the limit";
    if (array.name == "codes")
      llvm::copy(draft.codes, tensor->asMutable<uint8_t>().begin());
    for (int64_t i = 0; array.name == "scales" && i < tensor->getNumElements();
         ++i)
      tensor->setFloat(i, draft.scales[i]);
    for (int64_t i = 0; array.name == "offsets" && i < tensor->getNumElements();
         ++i)
      if (isa<FloatType>(array.elementType))
        tensor->setFloat(i, draft.offsets[i]);
      else
        tensor->setInt(i, int64_t(draft.offsets[i]));
    encoded.arrays.push_back(*tensor);
  }
  return encoded;
}

FailureOr<Solution> finish(EmitError emitError, const PreparedLayer &layer,
                           Draft draft) {
  FailureOr<fmt::EncodedTensor> encoded = makePayload(emitError, layer, draft);
  if (failed(encoded))
    return failure();
  Solution solution;
  solution.encoded = std::move(*encoded);
  solution.report.deadInputs = layer.deadInputs;
  std::vector<float> errors(layer.target.size());
  for (size_t i = 0; i < errors.size(); ++i)
    errors[i] = layer.target[i] - draft.decoded[i];
  for (float error : errors)
    solution.report.weightError += double(error) * error;
  if (!layer.moment.empty())
    solution.report.outputError = quadraticForm(
        errors.data(), layer.rows, layer.moment.data(), layer.columns);
  for (int64_t i = 0; i < layer.rows && !layer.mean.empty(); ++i) {
    double sum = 0;
    for (int64_t j = 0; j < layer.columns; ++j)
      sum += errors[i * layer.columns + j] * layer.mean[j];
    solution.biasCorrection.push_back(float(sum));
  }
  solution.decoded = std::move(draft.decoded);
  return solution;
}

} // namespace quantc::solvers

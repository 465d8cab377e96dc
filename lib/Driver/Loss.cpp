// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows in parallel, each one sum in f64; rows are added up in order.

#include "Loss.h"
#include "mlir/IR/Threading.h"
#include "quantc/Calibration/Passes.h"
#include "quantc/Dialect/QNN/QNN.h"
#include "quantc/Driver/InProcess.h"
#include "quantc/Support/ReferenceMath.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>

using namespace mlir;

namespace quantc {

namespace {

/// Log of the sum of exponentials.
double logSumExp(ArrayRef<float> row) {
  float top = row.front();
  for (float x : row)
    top = std::fmax(top, x);
  double sum = 0;
  for (float x : row)
    sum += reference::exp(double(x) - top);
  return top + reference::log(sum);
}

double divergence(ArrayRef<float> from, ArrayRef<float> to) {
  double fromLog = logSumExp(from), toLog = logSumExp(to), sum = 0;
  for (auto [x, y] : llvm::zip_equal(from, to)) {
    double log = double(x) - fromLog;
    // A row with an infinite logit has probabilities of 0.
    if (double p = reference::exp(log); p > 0)
      sum += p * (log - (double(y) - toLog));
  }
  return sum;
}

bool isFloating(Type type) {
  auto shaped = dyn_cast<RankedTensorType>(type);
  return shaped && isa<Float16Type, BFloat16Type, Float32Type, Float64Type>(
                       shaped.getElementType());
}

std::vector<float> toFloats(const quantc_tensor &tensor) {
  int64_t count = llvm::product_of(ArrayRef(tensor.shape, tensor.ndim));
  if (tensor.dtype.code == QUANTC_FLOAT && tensor.dtype.bits == 32) {
    const auto *floats = reinterpret_cast<const float *>(dataOf(tensor));
    return std::vector<float>(floats, floats + count);
  }
  std::vector<float> result;
  std::optional<Array> copy = Array::copy(tensor);
  for (int64_t i = 0; copy && i < count; ++i)
    result.push_back(float(copy->getNumber(i)));
  return result;
}

} // namespace

double LossTotal::get() const {
  double sum = 0;
  for (auto [part, all] : llvm::zip_equal(lost, whole))
    sum += part == 0 ? 0 : part / all;
  return lost.empty() ? 0 : sum / double(lost.size());
}

std::optional<Error> LossMeter::keepOutputs(func::FuncOp func) {
  Operation *terminator = func.front().getTerminator();
  SmallVector<Value> results;
  SmallVector<Attribute> attributes;
  auto collect = [&](bool caches) {
    for (auto [i, value] : llvm::enumerate(terminator->getOperands())) {
      if (!isFloating(value.getType()) ||
          (!caches && func.getResultAttr(i, qnn::kAliasAttr)))
        continue;
      results.push_back(value);
      NamedAttrList list(func.getResultAttrDict(i));
      list.erase(qnn::kAliasAttr);
      attributes.push_back(list.getDictionary(func.getContext()));
    }
  };
  collect(/*caches=*/false);
  if (results.empty())
    collect(/*caches=*/true);
  if (results.empty())
    return Error{Status::Refused,
                 "the model has no output of floats to measure a loss on"};
  terminator->setOperands(results);
  func.setType(FunctionType::get(func.getContext(), func.getArgumentTypes(),
                                 ValueRange(results).getTypes()));
  func.setResAttrsAttr(ArrayAttr::get(func.getContext(), attributes));
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(func.front())))
    if (isOpTriviallyDead(&op))
      op.erase();
  return std::nullopt;
}

LossMeter::LossMeter(MLIRContext *context, const EntrySpec &entry)
    : context(context) {
  for (const ValueSpec &spec : entry.outputs) {
    Output &output = outputs.emplace_back();
    output.isDivergence = StringRef(spec.name).contains_insensitive("logits") &&
                          !spec.tensors[0].extents.empty();
  }
}

void LossMeter::setReference(ArrayRef<NamedArray> sample,
                             ArrayRef<quantc_tensor> values) {
  const Array *mask = nullptr;
  for (const NamedArray &input : sample)
    if (input.name == kPaddingMask &&
        input.array.getType().code != QUANTC_FLOAT)
      mask = &input.array;
  for (auto [output, tensor] : llvm::zip_equal(outputs, values)) {
    ArrayRef<int64_t> shape(tensor.shape, size_t(tensor.ndim));
    output.reference = toFloats(tensor);
    output.rowLength = shape.empty() ? 1 : shape.back();
    size_t rows =
        output.rowLength ? output.reference.size() / output.rowLength : 0;
    output.keep.assign(rows, 1);
    if (!mask || shape.empty() || shape.drop_back() != mask->getShape())
      continue;
    for (size_t row = 0; row < rows; ++row)
      output.keep[row] = mask->getNumber(int64_t(row)) != 0;
  }
}

void LossMeter::add(ArrayRef<quantc_tensor> values, LossTotal &total) const {
  total.lost.resize(outputs.size(), 0);
  total.whole.resize(outputs.size(), 0);
  for (auto [i, output] : llvm::enumerate(outputs)) {
    std::vector<float> changed = toFloats(values[i]);
    size_t rows = output.keep.size(), length = size_t(output.rowLength);
    std::vector<double> lost(rows, 0), whole(rows, 0);
    parallelFor(context, 0, rows, [&](size_t row) {
      if (!output.keep[row])
        return;
      ArrayRef<float> from(output.reference.data() + row * length, length);
      ArrayRef<float> to(changed.data() + row * length, length);
      if (output.isDivergence) {
        lost[row] = divergence(from, to);
        whole[row] = 1;
        return;
      }
      for (auto [x, y] : llvm::zip_equal(from, to)) {
        double change = double(y) - x;
        lost[row] += change * change;
        whole[row] += double(x) * x;
      }
    });
    for (size_t row = 0; row < rows; ++row) {
      total.lost[i] += lost[row];
      total.whole[i] += whole[row];
    }
  }
}

} // namespace quantc

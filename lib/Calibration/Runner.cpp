// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Observing samples on all cores.  Each sample goes through two parallel loops:
// over the taps (rows without padding, a check of every number, preparation),
// then over the parts of all observers.

#include "quantc/Calibration/Runner.h"
#include "ObserverKernels.h"
#include "quantc/Calibration/ObservationPoints.h"
#include "quantc/Dialect/QNN/QNN.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"
#include <atomic>
#include <cmath>

using namespace mlir;

namespace quantc {

//===----------------------------------------------------------------------===//
// Taps
//===----------------------------------------------------------------------===//

static std::optional<Error> checkTap(const Tap &tap, Type observed,
                                     llvm::StringSet<> &names) {
  auto refuse = [&](const std::string &message) {
    return Error{Status::Refused, "point '" + tap.point + "' " + message};
  };
  auto type = dyn_cast<RankedTensorType>(observed);
  if (!type || !type.getElementType().isF32())
    return refuse("is no float32 tensor");
  if (!names.insert(tap.point).second)
    return refuse("is observed twice");
  for (const std::string &name : tap.observers) {
    const ObserverKind *kind = findObserverKind(name);
    if (!kind)
      return refuse("wants the unknown observer '" + name + "'");
    if (kind->perChannel && type.isDynamicDim(tap.channelAxis))
      return refuse("wants '" + name +
                    "', which needs a fixed number of channels");
  }
  return std::nullopt;
}

std::optional<Error> exposeTaps(func::FuncOp func, std::vector<Tap> &taps) {
  ObservationPoints points = ObservationPoints::compute(func);
  OpBuilder builder(func.getContext());
  llvm::StringSet<> names;
  SmallVector<Value> results;
  SmallVector<Attribute> resultAttrs;
  SmallVector<qnn::ObserveOp> observes;
  func.walk([&](qnn::ObserveOp op) { observes.push_back(op); });
  for (qnn::ObserveOp op : observes) {
    Tap tap{
        op.getPoint().str(),          points.get(op.getInput()).key,      {},
        int64_t(op.getChannelAxis()), op.getRowMask().value_or("").str(), {}};
    for (StringAttr kind : op.getObservers().getAsRange<StringAttr>())
      tap.observers.push_back(kind.str());
    for (int64_t axis : op.getRowMaskAxes().value_or(ArrayRef<int64_t>()))
      tap.rowMaskAxes.push_back(axis);
    if (auto error = checkTap(tap, op.getInput().getType(), names))
      return error;
    std::string output = "observe." + std::to_string(taps.size());
    resultAttrs.push_back(builder.getDictionaryAttr(
        builder.getNamedAttr(qnn::kNameAttr, builder.getStringAttr(output))));
    taps.push_back(std::move(tap));
  }
  for (qnn::ObserveOp op : observes) {
    op.getResult().replaceAllUsesWith(op.getInput());
    results.push_back(op.getInput());
  }
  func.front().getTerminator()->setOperands(results);
  for (qnn::ObserveOp op : observes)
    op.erase();
  func.setType(builder.getFunctionType(func.getArgumentTypes(),
                                       ValueRange(results).getTypes()));
  func.setResAttrsAttr(builder.getArrayAttr(resultAttrs));
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(func.front())))
    if (isOpTriviallyDead(&op))
      op.erase();
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

struct CalibrationRunner::Site {
  const Tap tap;
  PointStatistics *point = nullptr;
  // Of the sample at hand.
  Rows rows;
  std::vector<float> copy;
  std::vector<int64_t> parts;
  std::optional<Error> error;

  explicit Site(const Tap &tap) : tap(tap) {}
  void prepare(const TapTensor &tensor, const RowMask *mask);

private:
  std::optional<Error> collect(const TapTensor &tensor, const RowMask *mask);
  std::optional<Error> check() const;
  Error refuse(const std::string &message) const {
    return {Status::Refused, "value '" + tap.point + "' " + message};
  }
};

// A row starts at every index of the other axes, in row-major order.
std::optional<Error> CalibrationRunner::Site::collect(const TapTensor &tensor,
                                                      const RowMask *mask) {
  ArrayRef<int64_t> shape = tensor.shape;
  int64_t rank = int64_t(shape.size()), axis = tap.channelAxis;
  if (axis >= rank || (mask && mask->shape.size() != tap.rowMaskAxes.size()))
    return refuse("has other axes than its observation says");
  int64_t elements = llvm::product_of(shape);
  rows = {tensor.data, 0, shape[axis]};
  rows.count = rows.channels ? elements / rows.channels : 0;
  bool padded = mask && llvm::is_contained(mask->keep, 0);
  if (axis + 1 == rank && !padded)
    return std::nullopt;
  SmallVector<int64_t> strides(rank, 1), maskStrides(rank, 0), index(rank, 0);
  for (int64_t i = rank - 1; i > 0; --i)
    strides[i - 1] = strides[i] * shape[i];
  if (padded) {
    int64_t stride = 1;
    for (size_t i = tap.rowMaskAxes.size(); i-- > 0;) {
      int64_t along = tap.rowMaskAxes[i];
      if (mask->shape[i] != shape[along])
        return refuse("does not have the shape of its padding mask");
      maskStrides[along] = stride;
      stride *= shape[along];
    }
  }
  copy.clear();
  int64_t kept = 0, stride = strides[axis], offset = 0, maskOffset = 0;
  for (int64_t row = 0; row < rows.count; ++row) {
    if (!padded || mask->keep[maskOffset]) {
      ++kept;
      for (int64_t c = 0; c < rows.channels; ++c)
        copy.push_back(tensor.data[offset + c * stride]);
    }
    for (int64_t i = rank; i-- > 0;) {
      if (i == axis)
        continue;
      offset += strides[i], maskOffset += maskStrides[i];
      if (++index[i] < shape[i])
        break;
      offset -= strides[i] * shape[i], maskOffset -= maskStrides[i] * shape[i];
      index[i] = 0;
    }
  }
  rows.data = copy.data();
  rows.count = kept;
  return std::nullopt;
}

std::optional<Error> CalibrationRunner::Site::check() const {
  float range[2];
  int64_t bad = kernels::scanRange(rows.data, rows.count * rows.channels,
                                   kMaxObserved, range);
  if (bad < 0)
    return std::nullopt;
  float value = rows.data[bad];
  return refuse((std::isnan(value)
                     ? "is NaN"
                     : "is " + llvm::formatv("{0:e}", value).str()) +
                " in channel " + std::to_string(bad % rows.channels) +
                ": the model leaves the range of what can be quantized here "
                "(1e30); leave this sample out");
}

void CalibrationRunner::Site::prepare(const TapTensor &tensor,
                                      const RowMask *mask) {
  error = collect(tensor, mask);
  if (!error)
    error = check();
  if (error)
    return;
  parts.clear();
  for (const auto &observer : point->observers)
    parts.push_back(observer->prepare(rows));
}

//===----------------------------------------------------------------------===//
// The runner
//===----------------------------------------------------------------------===//

CalibrationRunner::CalibrationRunner(ArrayRef<Tap> taps, unsigned threads,
                                     Statistics &statistics)
    : statistics(statistics), threads(threads) {
  for (const Tap &tap : taps) {
    auto site = std::make_unique<Site>(tap);
    [[maybe_unused]] auto error =
        statistics.insert(tap.point, tap.key, site->point);
    assert(!error && "exposeTaps makes points unique");
    for (const std::string &kind : tap.observers)
      site->point->observers.push_back(createObserver(kind));
    llvm::sort(site->point->observers, [](const auto &a, const auto &b) {
      return a->getName() < b->getName();
    });
    sites.push_back(std::move(site));
  }
  if (threads > 1)
    pool = std::make_unique<llvm::DefaultThreadPool>(
        llvm::hardware_concurrency(threads));
}

CalibrationRunner::~CalibrationRunner() = default;

void CalibrationRunner::parallel(size_t count,
                                 llvm::function_ref<void(size_t)> work) {
  std::atomic<size_t> next = 0;
  auto loop = [&] {
    for (size_t i = next++; i < count; i = next++)
      work(i);
  };
  if (!pool)
    return loop();
  for (unsigned thread = 0; thread < threads; ++thread)
    pool->async(loop);
  pool->wait();
}

std::optional<Error>
CalibrationRunner::observe(ArrayRef<TapTensor> tensors,
                           const llvm::StringMap<RowMask> &masks) {
  assert(tensors.size() == sites.size());
  parallel(sites.size(), [&](size_t i) {
    auto it = masks.find(sites[i]->tap.rowMask);
    sites[i]->prepare(tensors[i], it == masks.end() ? nullptr : &it->second);
  });
  struct Part {
    Site *site;
    size_t observer;
    int64_t part;
  };
  std::vector<Part> parts;
  for (const auto &site : sites) {
    if (site->error)
      return site->error;
    for (size_t observer = 0; observer < site->parts.size(); ++observer)
      for (int64_t part = 0; part < site->parts[observer]; ++part)
        parts.push_back({site.get(), observer, part});
  }
  parallel(parts.size(), [&](size_t i) {
    auto [site, observer, part] = parts[i];
    site->point->observers[observer]->observe(site->rows, part);
  });
  ++statistics.samples;
  return std::nullopt;
}

} // namespace quantc

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "LayerMoments.h"

namespace quantc {

solvers::LayerStatistics toLayerStatistics(mlir::MLIRContext *context,
                                           const SecondMoment &moment,
                                           int64_t inputs) {
  int64_t channels = moment.getChannels();
  int64_t n = inputs && channels == 2 * inputs ? inputs : channels;
  auto allocate = [&](llvm::ArrayRef<int64_t> shape) {
    return *HostTensor::allocate(mlir::Float64Type::get(context), shape);
  };
  std::vector<double> matrix = moment.getMatrix(), mean = moment.getMean();
  auto block = [&](int64_t row, int64_t column) {
    HostTensor result = allocate({n, n});
    auto values = result.asMutable<double>();
    for (int64_t i = 0; i < n; ++i)
      llvm::copy(llvm::ArrayRef(matrix).slice((row + i) * channels + column, n),
                 values.slice(i * n, n).begin());
    return result;
  };
  int64_t own = channels - n;
  solvers::LayerStatistics statistics;
  statistics.count = moment.getCount();
  statistics.secondMoment = block(own, own);
  statistics.mean = allocate({n});
  llvm::copy(llvm::ArrayRef(mean).take_back(n),
             statistics.mean.asMutable<double>().begin());
  if (own)
    statistics.crossMoment = block(0, own);
  return statistics;
}

} // namespace quantc

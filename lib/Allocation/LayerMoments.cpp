// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "LayerMoments.h"

namespace quantc {

solvers::LayerStatistics toLayerStatistics(mlir::MLIRContext *context,
                                           const SecondMoment &moment) {
  auto tensor = [&](const std::vector<double> &values,
                    llvm::ArrayRef<int64_t> shape) {
    auto result = *HostTensor::allocate(mlir::Float64Type::get(context), shape);
    llvm::copy(values, result.asMutable<double>().begin());
    return result;
  };
  int64_t channels = moment.getChannels();
  solvers::LayerStatistics statistics;
  statistics.count = moment.getCount();
  statistics.secondMoment = tensor(moment.getMatrix(), {channels, channels});
  statistics.mean = tensor(moment.getMean(), {channels});
  return statistics;
}

} // namespace quantc

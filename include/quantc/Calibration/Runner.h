// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a function with qnn.observe to statistics.
//
// `exposeTaps` makes the observed values the results of the function, which the
// driver then compiles and runs; CalibrationRunner takes what each run gives.
// Memory is that of one sample and of the statistics; all cores work, and the
// statistics do not depend on how many there are.

#ifndef QUANTC_CALIBRATION_RUNNER_H
#define QUANTC_CALIBRATION_RUNNER_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "quantc/Calibration/Statistics.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/ThreadPool.h"

namespace quantc {

/// Numbers beyond this are refused, in inputs and inside the model.
inline constexpr float kMaxObserved = 1e30f;

/// One observed value, as qnn.observe describes it.
struct Tap {
  std::string point, key;
  std::vector<std::string> observers;
  int64_t channelAxis = 0;
  /// Name of the input with the padding mask, or empty.
  std::string rowMask;
  std::vector<int64_t> rowMaskAxes;
};

/// Makes the operands of all qnn.observe the function's results, in order, and
/// removes what only the former results needed.  An error if an observer is
/// unknown or a point occurs twice.
std::optional<Error> exposeTaps(mlir::func::FuncOp func,
                                std::vector<Tap> &taps);

/// A value of one sample, row-major.
struct TapTensor {
  const float *data = nullptr;
  llvm::ArrayRef<int64_t> shape;
};

/// Which rows of a sample count.
struct RowMask {
  llvm::SmallVector<int64_t> shape;
  std::vector<uint8_t> keep;
};

class CalibrationRunner {
public:
  /// Puts what is measured into `statistics`.  `threads` is at least 1.
  CalibrationRunner(llvm::ArrayRef<Tap> taps, unsigned threads,
                    Statistics &statistics);
  ~CalibrationRunner();

  /// Observes one sample: a tensor for each tap, and the masks that taps name.
  std::optional<Error> observe(llvm::ArrayRef<TapTensor> tensors,
                               const llvm::StringMap<RowMask> &masks);

private:
  struct Site;
  void parallel(size_t count, llvm::function_ref<void(size_t)> work);

  Statistics &statistics;
  std::vector<std::unique_ptr<Site>> sites;
  unsigned threads;
  std::unique_ptr<llvm::DefaultThreadPool> pool;
};

} // namespace quantc

#endif // QUANTC_CALIBRATION_RUNNER_H

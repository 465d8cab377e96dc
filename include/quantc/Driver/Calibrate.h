// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a model and data to statistics, for the command line, for Python and for
// recipes.

#ifndef QUANTC_DRIVER_CALIBRATE_H
#define QUANTC_DRIVER_CALIBRATE_H

#include "quantc/Calibration/Statistics.h"
#include "quantc/Driver/Workspace.h"
#include <functional>

namespace quantc {

struct CalibrateOptions {
  /// A .onnx, .onnxtxt, .mlir or .mlirbc file, or nothing if `model` is given.
  std::string input;
  /// A serialized ModelProto, used when `input` is empty.
  std::string model;
  /// Data.h, or "synthetic" or "synthetic:SEED".
  std::string data;
  /// A preset or a recipe file: its rewrites come before the measurement, its
  /// formats do not matter.
  std::string recipe = "fp32";
  /// The entry point; empty: the first.
  std::string entry;
  /// Only these observers; empty: all.
  std::vector<std::string> observers;
  /// At most so many samples; 0: all of them, or 32 synthetic ones.
  int64_t samples = 0;
  /// Leave out the samples that losses are measured with: every eighth of the
  /// first 128, if there are eight.
  bool holdOut = false;
  /// 0: as many as the process may use.  Statistics do not depend on it.
  unsigned threads = 0;
  /// Called after every sample with the number of samples.
  std::function<void(int64_t)> progress;
};

/// Measures on the float model in normal form, after the recipe's rewrites: in
/// the form that compiling with this recipe looks statistics up in.
std::optional<Error> calibrate(const CalibrateOptions &options,
                               Statistics &statistics);

/// Measures what the qnn.observe operations of the entry function ask for and
/// adds it to `statistics`.  The module, in the form that `insert-observers`
/// leaves, does not change; the model, its name and the threads are the
/// workspace's, data and samples those of `options`.
std::optional<Error> calibrateModule(Workspace &workspace,
                                     mlir::ModuleOp module,
                                     const CalibrateOptions &options,
                                     Statistics &statistics);

/// Reads statistics of parts of the data and adds them up.
std::optional<Error> mergeStatistics(llvm::ArrayRef<std::string> files,
                                     Statistics &statistics);

} // namespace quantc

#endif // QUANTC_DRIVER_CALIBRATE_H

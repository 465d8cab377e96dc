// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The whole way from a model file to an output file, for the command line and
// for Python.

#ifndef QUANTC_DRIVER_COMPILE_H
#define QUANTC_DRIVER_COMPILE_H

#include "mlir/Pass/PassManager.h"
#include "quantc/Frontend/ONNX/Import.h"
#include "quantc/Target/TargetDescription.h"
#include <functional>
#include <optional>
#include <string>

namespace quantc {

class Workspace;

struct CompileOptions {
  /// A .onnx, .onnxtxt, .mlir or .mlirbc file, or nothing if `model` is given.
  std::string input;
  /// A serialized ModelProto, used when `input` is empty.
  std::string model;
  /// What is decided about its inputs.
  ImportOptions import;
  /// The suffix selects what is written: .so (with a .h beside it), .mlir,
  /// .mlirbc.
  std::string output;
  /// A preset's name or a recipe file (Driver/Recipe.h).
  std::string recipe = "fp32";
  std::string cpu = "native";
  std::string attributes;
  /// Calibration data (Driver/Data.h, or "synthetic[:SEED]"), or statistics
  /// that quantc calibrate wrote; at most one of the two.
  std::string data, statistics;
  /// For recipes that choose formats: `25MB` or `4.2bpw`.
  std::string budget;
  /// A folder for what was decided (allocation.json, rewrites.json), or empty.
  std::string report;
  /// Called with each decision about a rewrite, in words.
  std::function<void(const std::string &)> remark;
  /// Compile threads; 0: as many as the process may use.
  unsigned threads = 0;
  /// "embed", "file", or empty: embedded up to 256 MiB.
  std::string weights;
};

/// Compiles.  Returns std::nullopt when the output stands; on an error nothing
/// is left behind and an earlier output is unharmed.
std::optional<Error> compile(const CompileOptions &options);

/// The front half alone: loads the workspace's model, which is that of
/// `options`, and follows the recipe up to encoded values.  Nothing is written.
std::optional<Error> quantize(const CompileOptions &options,
                              Workspace &workspace);

/// The pass pipeline of a recipe up to step functions in the LLVM dialect, in
/// quant-opt's syntax.
std::optional<Error> printPipeline(const CompileOptions &options,
                                   std::string &text);

/// A message with control characters escaped, on one line.
std::string oneLine(llvm::StringRef text);

} // namespace quantc

#endif // QUANTC_DRIVER_COMPILE_H

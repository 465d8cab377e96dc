// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How far two models lie apart on data, at their outputs and layer by layer.
//
// In: two files, and samples.  Out: distances; what is made of them is the
// caller's business.  Outputs are compared by running both (Executable.h).
// Layers are compared in one program that computes both models
// (LayerProgram.h), so they need models that can be compiled.

#ifndef QUANTC_DRIVER_COMPARE_H
#define QUANTC_DRIVER_COMPARE_H

#include "quantc/Driver/Array.h"
#include "quantc/Driver/Compile.h"
#include <functional>

namespace quantc {

/// The distances of one output, the worst or the mean over all samples.
struct OutputDistance {
  std::string name;
  double maxAbsolute = 0;
  double maxRelative = 0; ///< of the largest minus the smallest reference value
  double cosineSum = 0, cosineMin = 1;
  bool identical = true;
};

/// How far the values of one layer lie apart, over all samples.
struct LayerDistance {
  double error = 0, energy = 0, otherEnergy = 0, product = 0, maxAbsolute = 0;

  void add(double reference, double candidate);
  /// Squared error over the reference's squares; infinite where only these are
  /// zero.
  double relative() const;
  /// Signal to noise in decibels; infinite without an error.
  double decibels() const;
  double cosine() const;
};

/// A linear, a convolution or an embedding table.
struct LayerReport {
  std::string name; ///< of its first ONNX node
  std::string kind; ///< linear, conv, gather
  std::vector<int64_t> shape;
  /// Stored bits of its weight; for one that several layers share, all of it.
  int64_t storedBits = 0;
  std::string weights; ///< "float", or a format
  bool solved = false; ///< rounded by a solver, not to nearest
  /// "float", or a format; empty for tables, whose indices are as they are.
  std::string activations;
  bool staticRange = false; ///< of a format: its scale is known before running
  /// What rewrites did to the layer's input: scaled, rotated; by what comes
  /// before, or while running.
  std::vector<std::string> rewrites;
  /// Of the result in the whole model, what earlier layers lost included.
  LayerDistance total;
  /// Of the result on the reference's input: what the layer loses itself.
  std::optional<LayerDistance> own;

  int64_t getElements() const;
};

struct ComparisonReport {
  int64_t samples = 0;
  std::vector<OutputDistance> outputs;
  /// What loses most itself comes first; empty unless asked for.
  std::vector<LayerReport> layers;
  /// Layers of the candidate that the reference does not have.
  std::vector<std::string> unmatched;
};

struct CompareOptions {
  std::string reference, candidate;
  /// Driver/Data.h.
  std::string data;
  /// The entry point; empty: the first.
  std::string entry;
  unsigned threads = 0;
  bool perLayer = false;
  /// What the candidate is compiled with for `perLayer`: recipe, data or
  /// statistics, budget.  Without a recipe an .mlir file is taken as it is.
  CompileOptions compile;
  bool hasRecipe = false;
  /// Fills the two from options that may be empty.
  void setRecipe(llvm::StringRef recipe, llvm::StringRef calibration,
                 llvm::StringRef statistics, llvm::StringRef budget);
  /// Called after every sample with the number of samples.
  std::function<void(int64_t)> progress;
};

std::optional<Error> compare(const CompareOptions &options,
                             ComparisonReport &report);

/// The part of `compare` that looks at layers, and at outputs on the way.
std::optional<Error> compareLayers(const CompareOptions &options,
                                   ComparisonReport &report);

/// Adds one sample to the outputs of a report.
std::optional<Error> addOutputs(llvm::ArrayRef<NamedArray> reference,
                                llvm::ArrayRef<NamedArray> candidate,
                                ComparisonReport &report);

/// For machines.
std::string toJson(const CompareOptions &options,
                   const ComparisonReport &report);

} // namespace quantc

#endif // QUANTC_DRIVER_COMPARE_H

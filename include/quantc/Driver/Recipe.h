// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A recipe: what is rewritten, and in which format each kind of tensor is
// stored and computed.  Presets have names; a file starts from one of them and
// changes what it states (docs/recipes.md).

#ifndef QUANTC_DRIVER_RECIPE_H
#define QUANTC_DRIVER_RECIPE_H

#include "quantc/Support/Error.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>
#include <vector>

namespace quantc {

struct Recipe {
  /// Formats of the operands of nodes whose name matches a glob pattern;
  /// nothing where the recipe's own stands.
  struct Override {
    std::string nodes;
    std::optional<std::string> weights, activations, tables;
  };

  /// The preset's name, or the file's without folder and suffix.
  std::string name;
  /// SHA-256 of the file in hexadecimal; empty for a preset.
  std::string hash;
  /// Passes on functions in quant-opt's syntax, run in order before formats are
  /// assigned.
  std::vector<std::string> rewrites;
  /// Whether a rewrite is dropped if the model loses more by it.
  bool judgeRewrites = true;
  /// Whether float activations are rounded to bf16 for linears on codes, whose
  /// results then keep a bound only.
  bool roundsToBf16 = false;
  /// Further ones where there are samples or statistics.
  std::vector<std::string> rewritesWithData;
  /// Format attributes in text, without `#fmt.`; "float" leaves tensors float.
  std::string weights = "float", activations = "float", tables = "float";
  std::vector<Override> overrides;
  /// How static ranges follow from histograms (Calibration/Ranges.h).
  std::string range = "mse";
  /// Greatest relative squared error of a static activation.
  double staticLimit = 1e-3;
  /// Name and options of the solver that rounds the weights of linears; empty:
  /// the format's own rounding.
  std::string solver, solverOptions;
  /// The solver where none is named but there are statistics.
  std::string solverWithData;
  /// Whether solvers see what layers read behind layers that are rounded
  /// already; needs samples.
  bool quantizedStream = false;
  /// Whether biases take back what rounding does to the mean of outputs.
  bool correctBias = false;
  /// Formats that weights and tables choose from under a budget, by the
  /// sensitivity (`allocate-formats`); empty: all have the formats above.
  std::vector<std::string> candidates;
  /// If none is named: by the model's loss where there are samples, else by the
  /// outputs of layers.
  std::string sensitivity;

  /// Makes them part of the rewrites.
  void expectData();

  bool isFloat() const;
  /// Whether it cannot be followed without data.
  bool needsStatistics() const;
  /// Whether formats are chosen by the model's loss where there are samples.
  bool measuresLoss() const;
  /// Whether rewrites are judged where there are samples: in float they lose
  /// nothing.
  bool judgesRewrites() const;
  /// Whether samples are held out to measure losses with.
  bool holdsOut() const { return measuresLoss() || judgesRewrites(); }
  std::string getSensitivity(bool hasData) const;
  std::string getSolver(bool hasData) const;
};

/// Whether a rewrite reads statistics that it does not name itself.
bool readsStatistics(llvm::StringRef rewrite);
/// Refuses rewrites that read statistics and do not name them, where nothing
/// can be measured between rewrites.
std::optional<Error> checkRewrites(const Recipe &recipe);
/// The rewrite with the option `statistics=file`.
std::string addStatistics(llvm::StringRef rewrite, llvm::StringRef file);

/// The names of the presets.
llvm::ArrayRef<llvm::StringRef> recipeNames();

/// A preset by its name, or a recipe file by a path that ends in .yaml or .yml.
/// Errors in a file name its line and column.
std::optional<Error> loadRecipe(llvm::StringRef nameOrPath, Recipe &recipe);

/// The same from a file's text; `path` is for errors and the recipe's name.
std::optional<Error> parseRecipe(llvm::StringRef text, llvm::StringRef path,
                                 Recipe &recipe);

} // namespace quantc

#endif // QUANTC_DRIVER_RECIPE_H

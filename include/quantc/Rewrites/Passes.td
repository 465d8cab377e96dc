// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Equivalence passes.  All keep the function of a model in exact arithmetic;
// in float32 results move by rounding.

#ifndef QUANTC_REWRITES_PASSES_TD
#define QUANTC_REWRITES_PASSES_TD

include "mlir/Pass/PassBase.td"

def CorrectBiasPass : Pass<"correct-bias", "mlir::func::FuncOp"> {
  let summary = "take the mean of a weight's rounding error out of the bias";
  let description = [{
    After `assign-formats`: where a linear's weight W is quantized to Ŵ and the
    mean of its input was measured,

        bias -= (Ŵ - W) E[x]

    so that the mean of the result is that of the float model.  The mean is part
    of the statistic `second-moment`, measured on the float model.  Linears
    without one, and weights that a solver has rounded, stay.  Changes results.
  }];
  let dependentDialects = ["quantc::qnn::QNNDialect"];
  let options = [
    Option<"statistics", "statistics", "std::string", "",
           "The file that quantc calibrate wrote">];
  let statistics = [
    Statistic<"numCorrected", "num-corrected", "Biases corrected">];
}

def EqualizePass : Pass<"equalize", "mlir::func::FuncOp"> {
  let summary = "equalize the ranges of consecutive weights per channel";
  let description = [{
    Cross-layer equalization.  Where the channels between linears or
    convolutions form a region that folds, channel c is scaled by
    sqrt(max |columns c| / max |rows c|), so that both weights have the same
    range there.  Regions depend on each other through their weights, so all are
    visited in turn until nothing moves by more than 0.1 %.  Needs no data.

    ```mlir
    %1 = qnn.linear %0, %w           %1 = qnn.linear %0, (%w * s)
    %2 = qnn.relu %1           -->   %2 = qnn.relu %1
    %3 = qnn.linear %2, %v           %3 = qnn.linear %2, (%v / s)
    ```

    Does nothing where something other than weights, additions and functions
    with f(s x) = s f(x) touches the channels.  Changes rounding.
  }];
  let dependentDialects = ["quantc::qnn::QNNDialect"];
  let options = [
    Option<"sweeps", "sweeps", "int64_t", "20",
           "How often all regions are visited at most">];
  let statistics = [
    Statistic<"numRegions", "num-regions", "Regions equalized">];
}

def PrintRegionsPass : Pass<"print-regions", "mlir::func::FuncOp"> {
  let summary = "say which channels can carry a transform";
  let description = [{
    A remark at each linear: the region of its input's channels, who absorbs a
    transform there, and what blocks it.  Changes nothing.
  }];
  let dependentDialects = ["quantc::qnn::QNNDialect"];
  let options = [
    Option<"kind", "kind", "std::string", [{"scale"}],
           "'scale' (diagonal, positive) or 'rotation' (orthogonal)">];
}

def SmoothQuantPass : Pass<"smooth-quant", "mlir::func::FuncOp"> {
  let summary = "move outliers of linears' inputs into their weights";
  let description = [{
    Channel c of a linear's input is divided by

        s[c] = (max |x[c]|)^alpha / (max |w[:, c]|)^(1 - alpha)

    (geometric mean 1) and its weights are multiplied by it.  The producers of
    the channels absorb 1 / s where their region folds; all linears that read
    the region share one s.  Elsewhere, if `online`, a multiplication stands
    before the linears that read a value:

    ```mlir
    %1 = qnn.linear %0, %w     -->   %1 = qnn.mul %0, %inverse
                                     %2 = qnn.linear %1, (qnn.mul %w, %s)
    ```

    max |x| comes from the statistic `channel-absmax` of `statistics`, which must
    have been measured on this model; values without one stay.  With
    `alpha=search` the alpha is taken that minimizes the expected error of int8
    inputs with one step and int8 weights with one step per row, and channels
    stay if none is better than that; `second-moment` makes the estimate better.
    A weight that is also looked up as a table stays.  Changes rounding.
  }];
  let dependentDialects = ["quantc::qnn::QNNDialect"];
  let options = [
    Option<"statistics", "statistics", "std::string", "",
           "The file that quantc calibrate wrote">,
    Option<"alpha", "alpha", "std::string", [{"0.5"}],
           "From 0 (weights decide) to 1 (activations decide), or 'search'">,
    Option<"online", "online", "bool", "true",
           "Multiply values whose producers cannot absorb">];
  let statistics = [
    Statistic<"numFolded", "num-folded", "Regions smoothed offline">,
    Statistic<"numOnline", "num-online", "Values smoothed while running">];
}

def RotatePass : Pass<"rotate", "mlir::func::FuncOp"> {
  let summary = "rotate the inputs of linears by Hadamard matrices";
  let description = [{
    Spreads outliers over all channels.  In this order:

    1. The scale of an RMSNorm whose result only linears read moves into their
       weights (`gammas`), since a rotation does not pass a scale.
    2. A region of channels that absorbs a rotation everywhere is rotated
       offline (`offline`); where a few readers cannot absorb it, they get the
       inverse transform if that costs fewer operations than rotating every
       linear's input while running.
    3. Inputs of other linears get a `qnn.hadamard`, and the weights its matrix
       (`online`):

    ```mlir
    %1 = qnn.linear %0, %w     -->   %1 = qnn.hadamard %0 {block = 1536}
                                     %2 = qnn.linear %1, (qnn.hadamard %w)
    ```

    Inputs whose number of channels has no Hadamard matrix, and weights that are
    also looked up as tables, stay.  Channels that fold only in blocks below
    `min-block`, those of small attention heads, are mixed over their whole width
    online instead.  Changes rounding.
  }];
  let dependentDialects = ["quantc::qnn::QNNDialect"];
  let options = [
    Option<"offline", "offline", "bool", "true", "Rotate regions that fold">,
    Option<"online", "online", "bool", "true",
           "Rotate other inputs while running">,
    Option<"minBlock", "min-block", "int64_t", "64",
           "Least block of a region that cannot be mixed as a whole">];
  let statistics = [
    Statistic<"numGammas", "num-gammas", "Norm scales moved into weights">,
    Statistic<"numOffline", "num-offline", "Regions rotated offline">,
    Statistic<"numOnline", "num-online", "Transforms that stay online">];
}

#endif // QUANTC_REWRITES_PASSES_TD

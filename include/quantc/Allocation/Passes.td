// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes that choose a number format for weights and activations.

#ifndef QUANTC_ALLOCATION_PASSES_TD
#define QUANTC_ALLOCATION_PASSES_TD

include "mlir/Pass/PassBase.td"

def AssignFormatsPass : Pass<"assign-formats", "mlir::func::FuncOp"> {
  let summary = "give weights, activations and tables a number format";
  let description = [{
    Puts `qnn.quantize` before the operands of every `qnn.linear` whose weight
    is a constant matrix, of every channels-last `qnn.conv` with a constant
    weight, and before the table of every look-up in a constant matrix of at
    least `min-elements` elements.  A value that several operations read in one
    format is quantized once.  Weights become encoded lazily: the operand is an
    expression over the constant, evaluated when the artifact is written.

    `weight`, `activation` and `table` are format attributes; an empty one
    leaves those operands float (an empty `activation` convolutions altogether).
    In place of `per_row` the activations of convolutions have one scale per
    sample, `axis = 0`.  A linear or convolution stays as it is, with a remark,
    where a group of its weight is longer than one int32 sum is proved for
    (docs/numerics.md §5.4), a depthwise one beyond 512 taps, and where a
    kernel would take more than 16 groups of channels together.

    An activation format by rows is dynamic.  One with a single scale is static:
    its scale, and its zero point if the format has an integer offset, come from
    the histogram of the value in the `statistics` file by the rule `range`
    (quantc/Calibration/Ranges.h).  Where the squared error that the histogram
    promises exceeds `static-limit` times the square of the value, which means
    outliers, the value is quantized by rows while running instead; the decision
    is a remark.  With a file, the quantized weights also name
    the statistic of their linear's input, for `solve-weights`.

    `overrides` give other formats to the nodes whose ONNX name matches a glob
    pattern; an empty format leaves the operand float.

    With `bf16` an input that stays float is rounded to bf16 (`qnn.cast`) where
    the codes of the weight are integers in blocks: such linears are multiplied
    by bf16-dot kernels, within a bound (docs/numerics.md §5.6) and not bit for
    bit.  Others keep the f32 chain, with a remark.

    Changes results; nothing else is touched.
  }];
  let dependentDialects = ["quantc::qnn::QNNDialect"];
  let options = [
    Option<"weight", "weight", "std::string",
           /*default=*/[{"#fmt.int<8, axis = 0>"}],
           "Format of the weights of linears and convolutions">,
    Option<"activation", "activation", "std::string",
           /*default=*/[{"#fmt.int<8, per_row>"}],
           "Format of the activations that linears and convolutions read">,
    Option<"table", "table", "std::string",
           /*default=*/[{"#fmt.int<8, axis = 0>"}],
           "Format of embedding tables">,
    Option<"statistics", "statistics", "std::string", /*default=*/"",
           "A file of quantc calibrate">,
    Option<"range", "range", "std::string", /*default=*/"\"mse\"",
           "Rule for static ranges: full, mse or percentile">,
    Option<"staticLimit", "static-limit", "double", /*default=*/"1e-3",
           "Greatest relative squared error of a static activation">,
    ListOption<"overrides", "overrides", "std::string",
           "Other formats for nodes by name: PATTERN;weight=F;activation=F;"
           "table=F, where the first match counts">,
    Option<"bf16", "bf16", "bool", /*default=*/"false",
           "Round float inputs of linears with coded weights to bf16">,
    Option<"minElements", "min-elements", "int64_t", /*default=*/"65536",
           "Least size of an embedding table that is quantized">];
  let statistics = [
    Statistic<"numLinears", "num-linears", "Linears quantized">,
    Statistic<"numConvs", "num-convs", "Convolutions quantized">,
    Statistic<"numTables", "num-tables", "Embedding tables quantized">];
}

def AllocateFormatsPass : Pass<"allocate-formats", "mlir::ModuleOp"> {
  let summary = "choose a format for every weight under a budget";
  let description = [{
    For every constant matrix that a linear reads, and every embedding table of
    at least `min-elements` elements, each of the `candidates` that its shape
    allows is tried: what it stores, and what it costs once the `solver` has
    rounded it (tables that no linear reads are rounded to nearest), by the
    `sensitivity`,

    - `loss`: what the model's outputs lose on the held-out samples of `data`
      when this weight alone is rounded and everything else is float;
    - `output`: the mean square of what the linear's outputs change by, over
      that of the outputs, from the second moment in `statistics`, times the
      number of weights; for a table the squared error of its rows over their
      square;
    - `weight`: the squared error of the weight over its square, times the
      number of weights.

    The integer program of docs/allocation.md chooses one for each, so that all
    stored weights fit into `budget` (`25MB`, `25MiB`, `4.2bpw`: bits for each
    weight that is allocated; bytes count the other constants too) and the sum
    of costs is least.  The choice is the attribute `qnn.format` of linears and
    look-ups, which `assign-formats` prefers to its own options.  With `report`
    the choice, what every candidate costs and the Pareto front are written as
    JSON.
  }];
  let dependentDialects = ["quantc::qnn::QNNDialect"];
  let options = [
    Option<"budget", "budget", "std::string", /*default=*/"",
           "Bytes or bits per weight">,
    ListOption<"candidates", "candidates", "std::string",
           "Formats to choose from">,
    Option<"sensitivity", "sensitivity", "std::string",
           /*default=*/"\"output\"",
           "Name in the registry of sensitivity providers">,
    Option<"data", "data", "std::string", /*default=*/"",
           "Samples, as quantc compile --calib takes them">,
    Option<"solver", "solver", "std::string", /*default=*/"\"rtn-mse\"",
           "Solver that will round the weights">,
    Option<"solverOptions", "solver-options", "std::string", /*default=*/"",
           "Options of the solver: key=value,key=value">,
    Option<"statistics", "statistics", "std::string", /*default=*/"",
           "A file of quantc calibrate">,
    Option<"report", "report", "std::string", /*default=*/"",
           "JSON file to write">,
    Option<"frontPoints", "front-points", "int64_t", /*default=*/"16",
           "Budgets along the Pareto front">,
    Option<"minElements", "min-elements", "int64_t", /*default=*/"65536",
           "Least size of an embedding table that is allocated">];
}

def SolveWeightsPass : Pass<"solve-weights", "mlir::ModuleOp"> {
  let summary = "round quantized weights with a solver";
  let description = [{
    Every `qnn.quantize` of a constant that a linear reads as its weight becomes
    a `qnn.encoded_constant` with the codes, scales and offsets that the solver
    chose (docs/solvers.md).  Layers are solved in parallel, each on one thread;
    results do not depend on the number of threads.

    Solvers that look at activations read the second moment of the linear's
    input from the `statistics` file, at the point that `assign-formats` has
    noted on the weight; a layer without one is an error.  What each layer lost
    is a remark, and the attributes `output_error` and `weight_error` of the
    constant.

    With `correct-bias` the bias of each linear takes back what rounding does to
    the mean of its outputs, (W - Q) E[x] with the mean of the statistics;
    a weight that several operations read is left out.
  }];
  let dependentDialects = ["quantc::qnn::QNNDialect"];
  let options = [
    Option<"solver", "solver", "std::string", /*default=*/"\"gptq\"",
           "Name in the registry of solvers">,
    Option<"solverOptions", "options", "std::string", /*default=*/"",
           "Options of the solver: key=value,key=value">,
    Option<"correctBias", "correct-bias", "bool", /*default=*/"false",
           "Let biases take back what rounding does to the mean of outputs">,
    Option<"statistics", "statistics", "std::string", /*default=*/"",
           "A file of quantc calibrate">];
  let statistics = [
    Statistic<"numSolved", "num-solved", "Weights solved">];
}

#endif // QUANTC_ALLOCATION_PASSES_TD

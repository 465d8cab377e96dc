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
    is a constant matrix, and before the table of every look-up in a constant
    matrix of at least `min-elements` elements.  A value that several operations
    read in one format is quantized once.  Weights become encoded lazily: the
    operand is an expression over the constant, evaluated when the artifact is
    written.

    `weight`, `activation` and `table` are format attributes; an empty one
    leaves those operands float.  A linear stays as it is, with a remark, where
    a group of its weight is longer than one int32 sum is proved for
    (docs/numerics.md §5.4).

    `overrides` give other formats to the nodes whose ONNX name matches a glob
    pattern; an empty format leaves the operand float.

    Changes results; nothing else is touched.
  }];
  let dependentDialects = ["quantc::qnn::QNNDialect"];
  let options = [
    Option<"weight", "weight", "std::string",
           /*default=*/[{"#fmt.int<8, axis = 0>"}],
           "Format of the weights of linears">,
    Option<"activation", "activation", "std::string",
           /*default=*/[{"#fmt.int<8, per_row>"}],
           "Format of the activations that linears read">,
    Option<"table", "table", "std::string",
           /*default=*/[{"#fmt.int<8, axis = 0>"}],
           "Format of embedding tables">,
    ListOption<"overrides", "overrides", "std::string",
           "Other formats for nodes by name: PATTERN;weight=F;activation=F;"
           "table=F, where the first match counts">,
    Option<"minElements", "min-elements", "int64_t", /*default=*/"65536",
           "Least size of an embedding table that is quantized">];
  let statistics = [
    Statistic<"numLinears", "num-linears", "Linears quantized">,
    Statistic<"numTables", "num-tables", "Embedding tables quantized">];
}

#endif // QUANTC_ALLOCATION_PASSES_TD

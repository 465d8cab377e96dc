// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes that choose a number format for weights and activations.

#ifndef QUANTC_ALLOCATION_PASSES_TD
#define QUANTC_ALLOCATION_PASSES_TD

include "mlir/Pass/PassBase.td"

def QuantizeDynamicPass : Pass<"quantize-dynamic", "mlir::func::FuncOp"> {
  let summary = "int8 weights, and int8 activations quantized at run time";
  let description = [{
    Every `qnn.linear` with a constant weight becomes a `qnn.quantized_linear`:
    the weight has one scale per output channel, the activation one per row,
    computed while running.  Embedding tables of at least `min-elements` elements
    are stored as int8 with one scale per row.  A weight shared between a linear
    and a look-up is quantized once.

    Changes results; nothing else is touched.  Linears without a constant weight
    are left alone.
  }];
  let dependentDialects = ["quantc::qnn::QNNDialect"];
  let options = [
    Option<"minElements", "min-elements", "int64_t", /*default=*/"65536",
           "Least size of an embedding table that is quantized">];
  let statistics = [
    Statistic<"numLinears", "num-linears", "Linears quantized">,
    Statistic<"numTables", "num-tables", "Embedding tables quantized">];
}

#endif // QUANTC_ALLOCATION_PASSES_TD

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes that put observation points into a model.

#ifndef QUANTC_CALIBRATION_PASSES_TD
#define QUANTC_CALIBRATION_PASSES_TD

include "mlir/Pass/PassBase.td"

def InsertObserversPass : Pass<"insert-observers", "mlir::func::FuncOp"> {
  let summary = "put a qnn.observe where a statistic is missing";
  let description = [{
    Observed are the values that a quantizer would have to represent: the inputs
    of linears and convolutions, the operands of matmuls and the query, key and
    value of attention; only f32, never constants, and never an attention mask.
    A value is observed once for all its consumers of the same channel axis, and
    only these read the observed value:

    ```mlir
    %1 = qnn.linear %0, %w …           %1 = qnn.observe %0 {point = "x", …}
    %2 = qnn.linear %0, %v …    -->    %2 = qnn.linear %1, %w …
                                       %3 = qnn.linear %1, %v …
    ```

    Range statistics are wanted everywhere, `channel-absmax` where the number of
    channels is fixed, `second-moment` at the inputs of linears.  Where the
    function has an integer input called `attention_mask` whose dimensions the
    value has, rows at which it is 0 are padding and do not count.

    With `statistics` nothing is inserted for what the file has already; a
    statistic in the file that was measured on other weights or operations is an
    error that names its point.  Results do not change.
  }];
  let dependentDialects = ["quantc::qnn::QNNDialect"];
  let options = [
    ListOption<"observers", "observers", "std::string",
               "Insert only these (default: all)">,
    Option<"statistics", "statistics", "std::string", "",
           "A file of quantc calibrate with what is known already">];
  let statistics = [
    Statistic<"numObserved", "num-observed", "Values observed">];
}

def RemoveObserversPass : Pass<"remove-observers", "mlir::func::FuncOp"> {
  let summary = "replace every qnn.observe by its operand";
  let description = [{
    The reverse of `insert-observers`.  Results do not change.
  }];
  let dependentDialects = ["quantc::qnn::QNNDialect"];
}

#endif // QUANTC_CALIBRATION_PASSES_TD

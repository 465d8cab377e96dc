// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes that stay inside the qnn dialect.  All are linear in the number of
// operations.

#ifndef QUANTC_DIALECT_QNN_PASSES_TD
#define QUANTC_DIALECT_QNN_PASSES_TD

include "mlir/Pass/PassBase.td"

def FoldConstantsPass : Pass<"qnn-fold-constants", "mlir::ModuleOp"> {
  let summary = "evaluate operations on constants";
  let description = [{
    Replaces pure operations whose operands are constants and whose shapes are
    static by the constant that the reference evaluator computes; bit-exact.
    Small results become `dense`, larger ones a new `dense_resource`; a reshape
    of a resource shares its memory.  An operation stays when its result is
    larger than `max-bytes`, when it is larger than its operands by more than
    `max-growth-bytes` (broadcasts of small constants), or when its evaluation
    fails.  A result over `max-bytes` is still folded if the operation is the
    only use of its largest operand, which the result then replaces (not with
    `lazy-weights`, under which it stays a constant expression until emission).

    ```mlir
    %0 = qnn.constant dense<[1, 2]> : tensor<2xi64> -> tensor<2xi64>
    %1 = qnn.add %0, %0 : (tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
    // becomes
    %1 = qnn.constant dense<[2, 4]> : tensor<2xi64> -> tensor<2xi64>
    ```
  }];
  let dependentDialects = ["quantc::qnn::QNNDialect"];
  let options = [
    Option<"maxBytes", "max-bytes", "int64_t", "int64_t(64) << 20",
           "Largest result in bytes">,
    Option<"maxGrowthBytes", "max-growth-bytes", "int64_t", "1 << 20",
           "How many bytes a result may be larger than its operands">,
    Option<"lazyWeights", "lazy-weights", "bool", "false",
           "Leave results over max-bytes even if they replace an operand">];
  let statistics = [
    Statistic<"numFolded", "num-folded", "Operations folded">];
}

def SimplifyShapesPass
    : Pass<"qnn-simplify-shapes", "mlir::func::FuncOp"> {
  let summary = "remove operations that symbolic shapes prove to be identities";
  let description = [{
    A reshape or broadcast to the operand's own symbolic shape, and a slice of
    the whole operand, are replaced by the operand.  Bit-exact.
  }];
  let dependentDialects = ["quantc::qnn::QNNDialect"];
  let statistics = [
    Statistic<"numRemoved", "num-removed", "Operations removed">];
}

//===----------------------------------------------------------------------===//
// Normalization (lib/Dialect/QNN/Transforms)
//===----------------------------------------------------------------------===//

class QNN_FuncPass<string flag> : Pass<flag, "mlir::func::FuncOp"> {
  let dependentDialects = ["quantc::qnn::QNNDialect"];
}

def RecognizePass : QNN_FuncPass<"qnn-recognize"> {
  let summary = "replace decomposed operations by whole ones";
  let description = [{
    Exporters spell LayerNorm, RMSNorm, Gelu, SiLU, Sigmoid, rotary embeddings
    and attention in elementary operations.  Each spelling becomes one
    operation:

        %m = qnn.reduce mean %x, …          qnn.layer_norm %x, %gamma bias %beta
        %d = qnn.sub %x, %m           -->
        …

    It is left alone when an intermediate value has another user, when a
    constant is off, or when shapes say that it is something else.  Changes
    rounding to that of the whole operation (docs/numerics.md §3, §4.4, §7).
  }];
  let statistics = [
    Statistic<"numNorms", "num-norms", "Normalizations">,
    Statistic<"numActivations", "num-activations", "Activations">,
    Statistic<"numRotaries", "num-rotaries", "Rotary embeddings">,
    Statistic<"numAttentions", "num-attentions", "Attentions">];
}

def FoldBatchNormPass : QNN_FuncPass<"qnn-fold-batch-norm"> {
  let summary = "fold batch normalization into the contraction before it";
  let description = [{
    With constant parameters and a convolution (or linear) that has no other
    user, its weight and bias become constant expressions:

        a = gamma / sqrt(var + eps);  W' = W * a;  bias' = (bias - mean) * a + beta

    So do constants per channel that multiply a result or are added to it.  Any
    other batch norm becomes a multiplication and an addition.  Changes rounding
    (docs/numerics.md §4.4).
  }];
}

def ToLinearPass : QNN_FuncPass<"qnn-to-linear"> {
  let summary = "turn products with constant matrices into qnn.linear";
  let description = [{
    `qnn.matmul %x, %w` with a constant expression `%w` of rank 2 [in, out]
    becomes `qnn.linear` with the weight [out, in], a lazy transpose of `%w`.  A
    constant vector that is added to a product without other users becomes the
    bias.  A channels-last convolution with one tap, stride 1 and one group is a
    linear too.  Bit-exact.
  }];
  let statistics = [Statistic<"numLinears", "num-linears", "Linears">];
}

def ChannelsLastPass : QNN_FuncPass<"qnn-channels-last"> {
  let summary = "convert convolutions and what lies between to channels-last";
  let description = [{
    Every convolution and pool works on [n, spatial…, c].  Elementwise
    operations, reductions, concatenations, pads, slices, broadcasts and
    reshapes that keep batch and channel follow their operands, so transposes
    remain only where a value enters or leaves such a region; where only extents
    of 1 move, a reshape stands in their place.  Results do not change, except
    that reductions over channels and space together run in the new order.
  }];
  let statistics = [
    Statistic<"numConverted", "num-converted", "Operations converted">];
}

def FoldTransposesPass : QNN_FuncPass<"qnn-fold-transposes"> {
  let summary = "compose and cancel transposes and reshapes";
  let description = [{
    A transpose of a transpose is one, the identity is none, and one that moves
    only extents of 1 is a reshape; a reshape of a reshape is one.  Bit-exact.
  }];
}

def UseCodesPass : QNN_FuncPass<"qnn-use-codes"> {
  let summary = "give contractions the codes of a quantized source";
  let description = [{
    A linear or channels-last convolution of `qnn.from_codes` values, the input
    with one scale and the weight constant with one per output channel, reads
    `!qnn.encoded` values of the same codes, scales and zero points, and so
    computes on integers (docs/numerics.md §5.3):

        %x = qnn.from_codes %a, …          %x = qnn.assemble %a, …
        %w = qnn.from_codes %c, …     -->  %w = qnn.assemble %c, …
        qnn.linear %x, %w                  qnn.linear %x, %w : !qnn.encoded<…>

    Look-ups read the codes of tables, linears and look-ups the blocks of
    constants in block formats.  A product of two activations is one of integers
    held in floats, scaled afterwards.  Transposes and reshapes in between move
    the codes.
  }];
  let statistics = [Statistic<"numUses", "num-uses", "Operations on codes">];
}

def LegalizeFloatsPass : QNN_FuncPass<"qnn-legalize-floats"> {
  let summary = "compute f16 and bf16 operations in f32";
  let description = [{
    op(f16) becomes round(op(f32)): operands are cast to f32, results are cast
    back, so every operation still rounds once (docs/numerics.md §1.5).  Data
    movement keeps its type.  Casts of constants are lazy constant expressions.
    Bit-exact.
  }];
}

#endif // QUANTC_DIALECT_QNN_PASSES_TD

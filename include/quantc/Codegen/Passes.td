// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Code generation passes, in the order in which the pipeline runs them.

#ifndef QUANTC_CODEGEN_PASSES_TD
#define QUANTC_CODEGEN_PASSES_TD

include "mlir/Pass/PassBase.td"

def ExpandEncodedPass : Pass<"expand-encoded", "mlir::func::FuncOp"> {
  let summary = "turn encoded values into plain tensors, one per payload array";
  let description = [{
    The last place that knows `!qnn.encoded`.  `qnn.quantize` of a constant
    becomes a lazy `qnn.encode`, `qnn.encoded_constant` a `qnn.payload`, dynamic
    quantization by rows `qnn.quantize_rows`.  A linear or a look-up whose
    operands have formats that a kernel exists for becomes its quantized twin on
    these tensors; any other consumer reads the decoded float values, with a
    remark, so that the numbers of a format can be tried before its kernel
    exists.
  }];
  let dependentDialects = ["quantc::qnn::QNNDialect"];
}

def FlattenRowsPass : Pass<"flatten-rows", "mlir::func::FuncOp"> {
  let summary = "make linear and row operations two-dimensional";
  let description = [{
    `qnn.linear` on [a, b, k] becomes a reshape to [a * b, k], the linear and a
    reshape back; reshapes that only split or merge leading dimensions sink
    below elementwise operations and row normalizations, so whole encoder layers
    work on [rows, channels] and their kernels are independent of the batch.
    Reshapes cost nothing: they are views.  Results do not change.
  }];
  let dependentDialects = ["quantc::qnn::QNNDialect"];
}

def PackWeightsPass : Pass<"pack-weights", "mlir::func::FuncOp"> {
  let summary = "put contraction weights into their kernels' packed order";
  let description = [{
    The constant weight of a `qnn.linear` goes through `qnn.pack`, which is
    evaluated when the artifact is written.
  }];
  let dependentDialects = ["quantc::qnn::QNNDialect"];
}

def AppendInPlacePass : Pass<"append-in-place", "mlir::func::FuncOp"> {
  let summary = "let caches grow in the caller's buffer";
  let description = [{
    A returned concatenation of an argument and new rows that is declared to
    continue the argument (`qnn.alias`) becomes a `qnn.append` into a buffer
    with room: the run-time symbol `capacity of NAME`.  All other uses read
    slices of the buffer.  Where the argument or the result has another use as a
    whole, the declaration is dropped and the concatenation stays a copy.
    Results do not change.

    ```mlir
    %0 = qnn.concat %past, %new {axis = 2}
    %1 = qnn.attention %q, %0, …
    return %0
    ```
    becomes
    ```mlir
    %present, %buffer = qnn.append %past, %new {axis = 2, capacity = …}
    %0 = qnn.slice %buffer {…}
    %1 = qnn.attention %q, %0, …
    return %present
    ```
  }];
  let dependentDialects = ["quantc::qnn::QNNDialect"];
  let statistics = [
    Statistic<"numInPlace", "num-in-place", "Caches that grow in place">,
    Statistic<"numCopied", "num-copied", "Declared caches that are copied">];
}

def FormKernelsPass : Pass<"form-kernels", "mlir::ModuleOp"> {
  let summary = "outline groups of operations into kernel functions";
  let description = [{
    Every operation of an entry function that computes goes into a kernel
    function: a contraction with its elementwise epilogue, a chain of row
    operations and elementwise operations over one shape, or a single data
    movement.  Constants, packs, reshapes, appends and checks stay outside.  Equal groups
    share one function.  Results do not change.

    A group has at most 32 operations and a concatenation 32 operands, so that
    time grows with the graph.  When the distinct kernels hold
    `max-distinct-ops` operations, groups that share none of them become kernels
    that later ones are likely to share: scalars and starts of slices are
    arguments, and elementwise operations stand alone.
  }];
  let dependentDialects = ["quantc::qnn::QNNDialect"];
  let options = [Option<"maxDistinctOps", "max-distinct-ops", "int64_t",
                        /*default=*/"4096",
                        "Operations in kernels that are not made to be shared">];
  let statistics = [
    Statistic<"numLaunches", "num-launches", "Kernel launches">,
    Statistic<"numKernels", "num-kernels", "Distinct kernel functions">];
}

def ForKernelsPass : Pass<"for-kernels", "mlir::ModuleOp"> {
  let summary = "run passes on kernel functions alone";
  let description = [{
    The functions marked `qnn.kernel` go through the passes, in parallel.  An
    entry function may hold many more operations than all kernels, which none
    of these passes would change.
  }];
  let options = [ListOption<"passes", "passes", "mlir::OpPassManager",
                            "Passes on functions: func.func(...)">];
}

def TileKernelsPass : Pass<"tile-kernels", "mlir::func::FuncOp"> {
  let summary = "tile a kernel function's operations and fuse their producers";
  let description = [{
    On functions marked `qnn.kernel`: arguments and results become memrefs
    (results are further arguments), then from the last operation backwards each
    tileable operation becomes one `scf.forall` over independent tiles with all
    producers fused into it.
  }];
  let dependentDialects = [
    "mlir::affine::AffineDialect", "mlir::bufferization::BufferizationDialect",
    "mlir::linalg::LinalgDialect", "mlir::memref::MemRefDialect",
    "mlir::scf::SCFDialect", "mlir::tensor::TensorDialect"];
}

def BufferizeKernelsPass : Pass<"bufferize-kernels", "mlir::func::FuncOp"> {
  let summary = "one-shot bufferization of a kernel function";
  let dependentDialects = ["mlir::bufferization::BufferizationDialect",
    "mlir::linalg::LinalgDialect", "mlir::memref::MemRefDialect"];
}

def OutlineStepsPass : Pass<"outline-steps", "mlir::ModuleOp"> {
  let summary = "turn the parallel loops of kernel functions into step functions";
  let description = [{
    Every top-level loop of a kernel function becomes a function
    `(buffers, scalars, begin, end, scratch)` (Runtime/Image.h) in a module of
    its own, named after the kernel; the kernel function keeps a `qnn.step` for
    it.  Temporaries of the loop body live in the worker's scratch block.
  }];
  let dependentDialects = ["mlir::LLVM::LLVMDialect", "mlir::scf::SCFDialect",
    "quantc::qnn::QNNDialect", "mlir::memref::MemRefDialect",
    "mlir::affine::AffineDialect", "mlir::arith::ArithDialect"];
}

def ReuseBuffersPass : Pass<"reuse-buffers"> {
  let summary = "let elementwise operations overwrite operands at their last use";
  let description = [{
    A `linalg.generic` on memrefs that writes a temporary of its own and reads
    another of the same type, element by element and for the last time, writes
    over that one.  Results do not change.
  }];
  let statistics = [
    Statistic<"numReused", "num-reused", "Temporaries given up">];
}

def VectorizeRowsPass : Pass<"vectorize-rows"> {
  let summary = "turn linalg on memrefs into loops over vectors";
  let description = [{
    Row reductions, elementwise rows, small windows and transposes become loops
    over vectors of 64 and 16 lanes with one masked tail; reductions follow the
    fixed tree of docs/numerics.md §4.2.  Gathers whose last dimension is
    contiguous are rows, others are gathers of lanes.  Loops in a body carry
    vectors where their bounds are the same for all lanes; what a body computes
    from the position in the row alone is put into a table first, unless it is
    cheap.  Generics of another form are left as they are.  Bit-exact.
  }];
  let dependentDialects = [
    "mlir::affine::AffineDialect", "mlir::arith::ArithDialect",
    "mlir::linalg::LinalgDialect", "mlir::memref::MemRefDialect",
    "mlir::scf::SCFDialect", "mlir::vector::VectorDialect"];
  let statistics = [
    Statistic<"numVectorized", "num-vectorized", "Generics vectorized">,
    Statistic<"numScalar", "num-scalar", "Generics left for scalar loops">];
}

def ExpandMathPass : Pass<"expand-math"> {
  let summary = "expand exp, log, erf, tanh, sin, cos and vector reductions";
  let description = [{
    Replaces functions on f32 by the polynomials of docs/numerics.md §3 with
    explicit fma, and `vector.reduction` by its tree of halves.  Functions on
    f64, and pow, are taken apart into scalars that `call-math` turns into
    calls.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect",
    "mlir::math::MathDialect", "mlir::scf::SCFDialect", "mlir::vector::VectorDialect"];
}

def CallMathPass : Pass<"call-math", "mlir::ModuleOp"> {
  let summary = "call the runtime's scalar functions for float64 math and pow";
  let description = [{
    Functions on f64 scalars, `math.powf` and `arith.remf` become calls of
    `quantc_math_*`, which docs/numerics.md §3.12 defines and the runtime library
    holds; f32 operands of pow and remainder are widened exactly and the result
    is rounded once.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect",
    "mlir::func::FuncDialect"];
}

def LowerVectorsPass : Pass<"lower-vectors"> {
  let summary = "vector operations that convert-vector-to-llvm does not take";
  let dependentDialects = ["mlir::arith::ArithDialect",
    "mlir::memref::MemRefDialect", "mlir::scf::SCFDialect",
    "mlir::vector::VectorDialect"];
}

#endif // QUANTC_CODEGEN_PASSES_TD

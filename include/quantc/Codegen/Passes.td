// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Code generation passes, in the order in which the pipeline runs them.

#ifndef QUANTC_CODEGEN_PASSES_TD
#define QUANTC_CODEGEN_PASSES_TD

include "mlir/Pass/PassBase.td"

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

def FormKernelsPass : Pass<"form-kernels", "mlir::ModuleOp"> {
  let summary = "outline groups of operations into kernel functions";
  let description = [{
    Every operation of an entry function that computes goes into a kernel
    function: a contraction with its elementwise epilogue, a chain of row
    operations and elementwise operations over one shape, or a single data
    movement.  Constants, packs, reshapes and checks stay outside.  Equal groups
    share one function.  Results do not change.
  }];
  let dependentDialects = ["quantc::qnn::QNNDialect"];
  let statistics = [
    Statistic<"numLaunches", "num-launches", "Kernel launches">,
    Statistic<"numKernels", "num-kernels", "Distinct kernel functions">];
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
    "quantc::qnn::QNNDialect", "mlir::memref::MemRefDialect"];
}

#endif // QUANTC_CODEGEN_PASSES_TD

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes from one dialect to another.

#ifndef QUANTC_CONVERSION_PASSES_TD
#define QUANTC_CONVERSION_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertLowBitToVectorPass : Pass<"convert-lowbit-to-vector"> {
  let summary = "turn packed contractions on memrefs into x86 vector kernels";
  let description = [{
    Every bufferized `lowbit.matmul` becomes loops over tiles of C whose
    accumulators stay in vector registers: fused multiply-adds for f32,
    `vpdpbusd` or 16-bit pairs (`vpmaddwd`) for i8, or in AMX tiles
    (`tdpbsud`) as far as rows and bytes fill them.  `features` names the
    target's feature bits as LLVM does (`avx512f`, `avx512vnni`, `avxvnni`, …)
    and must contain `avx2` and `fma`; without it the pass reads nothing from
    the host and assumes exactly these two.

    Before:
    ```mlir
    lowbit.matmul packed ins(%a, %b : memref<?x64xf32>, memref<2x64x16xf32>)
        outs(%c : memref<?x32xf32>)
    ```
    After: `scf.for` over rows, and over k with `vector<16xf32>` accumulators.

    A float contraction that alone reads the rows of a `lowbit.patches`, with
    channels in multiples of 16, reads them in the input, by a pointer for each
    row and tap; other windows are copied.

    `transposed` packs columns into a buffer of at most 32 KiB: one `memref.alloc`
    per contraction and iteration of the parallel loop around it, which outlining
    puts into the worker's scratch block.

    Bit-exact: every choice of features gives the same result, one chain of
    fused multiply-adds in ascending k per element of C, or the exact integer.
    The exception is A of bf16 in a `lowbit.block_matmul`: `vdpbf16ps`, within
    the bound of docs/numerics.md §5.6, and an error without `avx512bf16`.
  }];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::LLVM::LLVMDialect",
    "mlir::math::MathDialect", "mlir::memref::MemRefDialect",
    "mlir::scf::SCFDialect", "mlir::vector::VectorDialect"];
  let options = [
    ListOption<"features", "features", "std::string",
               "Feature bits of the target, as LLVM names them">];
  let statistics = [
    Statistic<"numContractions", "num-contractions",
              "Contractions turned into kernels">,
    Statistic<"numWindows", "num-windows",
              "Sliding windows turned into loops">];
}

def ConfigureTilesPass : Pass<"configure-tiles"> {
  let summary = "set and release the AMX tiles of functions that use them";
  let description = [{
    A function with AMX products, as `convert-lowbit-to-vector` emits them, sets
    the shapes of all tiles (16 rows of 64 bytes) when it begins and gives them
    up when it returns.  It runs after `outline-steps`, so that a step does it
    once and not for every tile of C.

    ```mlir
    llvm.call_intrinsic "llvm.x86.tdpbsud"(%c0, %a0, %b0) : (i8, i8, i8) -> ()
    return
    // becomes
    llvm.call_intrinsic "llvm.x86.ldtilecfg"(%shapes) : (!llvm.ptr) -> ()
    llvm.call_intrinsic "llvm.x86.tdpbsud"(%c0, %a0, %b0) : (i8, i8, i8) -> ()
    llvm.call_intrinsic "llvm.x86.tilerelease"() : () -> ()
    return
    ```
    Results do not change.
  }];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::LLVM::LLVMDialect",
    "mlir::memref::MemRefDialect", "mlir::vector::VectorDialect"];
}

def ConvertQNNToLinalgPass
    : Pass<"convert-qnn-to-linalg", "mlir::func::FuncOp"> {
  let summary = "turn the qnn operations of a kernel function into linalg";
  let description = [{
    On functions marked `qnn.kernel`: every qnn operation becomes generics on
    fresh tensors that compute what docs/numerics.md says, in its order; sizes
    are affine expressions of `qnn.symbol_value`.  Booleans become bytes (0 or
    1), also in the function's signature, and unsigned integers lose their sign
    attribute.  Elementwise producers with one consumer of the same iteration
    space are then fused into it.  Functions without the mark are left alone.

    ```mlir
    %0 = qnn.add %a, %b : (tensor<4x?xf32>, tensor<?xf32>) -> tensor<4x?xf32>
    // becomes
    %n = qnn.symbol_value 0
    %e = tensor.empty(%n) : tensor<4x?xf32>
    %0 = linalg.generic {indexing_maps = [(i, j) -> (i, j), (i, j) -> (j), …
    ```
    Bit-exact.
  }];
  let dependentDialects = [
    "mlir::affine::AffineDialect", "mlir::arith::ArithDialect",
    "mlir::linalg::LinalgDialect", "mlir::math::MathDialect",
    "mlir::tensor::TensorDialect", "quantc::lowbit::LowBitDialect"];
}

#endif // QUANTC_CONVERSION_PASSES_TD

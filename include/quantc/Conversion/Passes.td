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
    `vpdpbusd` or 16-bit pairs (`vpmaddwd`) for i8.  `features` names the
    target's feature bits as LLVM does (`avx512f`, `avx512vnni`, `avxvnni`, …)
    and must contain `avx2` and `fma`; without it the pass reads nothing from
    the host and assumes exactly these two.

    Before:
    ```mlir
    lowbit.matmul packed ins(%a, %b : memref<?x64xf32>, memref<2x64x16xf32>)
        outs(%c : memref<?x32xf32>)
    ```
    After: `scf.for` over rows, and over k with `vector<16xf32>` accumulators.

    Bit-exact: every choice of features gives the same result, one chain of
    fused multiply-adds in ascending k per element of C, or the exact integer.
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
              "Contractions turned into kernels">];
}

#endif // QUANTC_CONVERSION_PASSES_TD

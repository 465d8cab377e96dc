// quantc on a module: inspection, and compilation to each suffix.

// RUN: quantc inspect %s | FileCheck %s --check-prefix=MODEL
//      MODEL: entry main
//      MODEL: input  x: float32[n, 4]
//      MODEL: output y: float32[n, 4]
//      MODEL: constants: 4 elements
//      MODEL: 1 x qnn.add

// RUN: quantc compile %s -o %t.mlir
// RUN: FileCheck %s --check-prefix=IR < %t.mlir
//         IR: func.func @main
//         IR: qnn.add

// RUN: quantc compile %s -o %t.mlirbc
// RUN: quantc inspect %t.mlirbc --json | FileCheck %s --check-prefix=JSON
//       JSON: "kind": "model"
//       JSON: "symbols": [
//  JSON-NEXT: "n"

// RUN: quantc compile %t.mlirbc -o %t.so
// RUN: quantc inspect %t.so --json | FileCheck %s --check-prefix=LIBRARY
//    LIBRARY: "kind": "artifact"
//    LIBRARY: "where": "embedded"
//    LIBRARY: "all": {{[0-9]}}
//    LIBRARY: "quantc.recipe": "fp32"

// RUN: quantc bench %t.so --dim n=7 --runs 3 --profile | FileCheck %s --check-prefix=BENCH
//      BENCH: x: float32[7, 4]
//      BENCH: median {{.+}} over 3 runs
//      BENCH: step
// RUN: not quantc bench %t.so --dim m=7 2>&1 | FileCheck %s --check-prefix=DIM
//        DIM: the model has no dimension 'm'; it has n

func.func @main(%x: tensor<?x4xf32> {qnn.name = "x", qnn.shape = affine_map<()[s0] -> (s0, 4)>})
    -> (tensor<?x4xf32> {qnn.name = "y"}) attributes {qnn.entry, qnn.symbols = ["n"]} {
  %0 = qnn.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32> -> tensor<4xf32>
  %1 = qnn.add %x, %0 : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

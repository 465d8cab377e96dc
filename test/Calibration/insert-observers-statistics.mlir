// RUN: rm -rf %t && mkdir %t && split-file %s %t
// RUN: quantc calibrate %t/model.mlir --calib synthetic -o %t/all.safetensors
// RUN: quantc calibrate %t/model.mlir --calib synthetic --observers min-max,histogram -o %t/some.safetensors
// RUN: quant-opt %t/model.mlir --insert-observers=statistics=%t/all.safetensors | FileCheck %s --check-prefix=ALL
// RUN: quant-opt %t/model.mlir --insert-observers=statistics=%t/some.safetensors | FileCheck %s --check-prefix=SOME
// RUN: quant-opt %t/longer.mlir --insert-observers=statistics=%t/all.safetensors | FileCheck %s --check-prefix=LONGER
// RUN: not quant-opt %t/other.mlir --insert-observers=statistics=%t/all.safetensors 2>&1 | FileCheck %s --check-prefix=STALE
// RUN: not quant-opt %t/model.mlir --insert-observers=statistics=%t/none 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not quant-opt %t/model.mlir --insert-observers=observers=mean 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// What is known is not measured again; what is missing is.
// ALL-NOT: qnn.observe
// SOME: qnn.observe {{.*}} observers = ["channel-absmax", "second-moment"], point = "act"

// A new consumer downstream leaves the statistic valid, and is observed itself.
// LONGER-NOT: point = "act"
// LONGER: qnn.observe {{.*}}point = "product"

// Another weight upstream does not.
// STALE: error: {{.*}}the statistics of 'act' are stale
// STALE-SAME: calibrate again

// NONE: error: cannot read
// UNKNOWN: error: there is no observer 'mean'

//--- model.mlir
func.func @main(%x: tensor<?x4xf32> {qnn.name = "x", qnn.shape = affine_map<()[s0] -> (s0, 4)>}) -> (tensor<?x4xf32> {qnn.name = "y"})
    attributes {qnn.entry, qnn.symbols = ["rows"]} {
  %c = qnn.constant dense<0.5> : tensor<4xf32> -> tensor<4xf32>
  %w = qnn.constant dense<[[1., 2., 3., 4.], [5., 6., 7., 8.], [9., 1., 2., 3.], [4., 5., 6., 7.]]> : tensor<4x4xf32> -> tensor<4x4xf32>
  %0 = qnn.add %x, %c : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32> loc("act")
  %1 = qnn.linear %0, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32> loc("product")
  return %1 : tensor<?x4xf32>
}

//--- longer.mlir
func.func @main(%x: tensor<?x4xf32> {qnn.name = "x", qnn.shape = affine_map<()[s0] -> (s0, 4)>}) -> (tensor<?x4xf32> {qnn.name = "y"})
    attributes {qnn.entry, qnn.symbols = ["rows"]} {
  %c = qnn.constant dense<0.5> : tensor<4xf32> -> tensor<4xf32>
  %w = qnn.constant dense<2.0> : tensor<4x4xf32> -> tensor<4x4xf32>
  %0 = qnn.add %x, %c : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32> loc("act")
  %1 = qnn.linear %0, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32> loc("product")
  %2 = qnn.linear %1, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %2 : tensor<?x4xf32>
}

//--- other.mlir
func.func @main(%x: tensor<?x4xf32> {qnn.name = "x", qnn.shape = affine_map<()[s0] -> (s0, 4)>}) -> (tensor<?x4xf32> {qnn.name = "y"})
    attributes {qnn.entry, qnn.symbols = ["rows"]} {
  %c = qnn.constant dense<0.25> : tensor<4xf32> -> tensor<4xf32>
  %w = qnn.constant dense<2.0> : tensor<4x4xf32> -> tensor<4x4xf32>
  %0 = qnn.add %x, %c : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32> loc("act")
  %1 = qnn.linear %0, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

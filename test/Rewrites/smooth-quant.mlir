// RUN: rm -rf %t && mkdir %t && split-file %s %t
// RUN: quantc calibrate %t/model.mlir --calib synthetic -o %t/all.safetensors
// RUN: quantc calibrate %t/model.mlir --calib synthetic --observers min-max -o %t/some.safetensors
// RUN: quant-opt %t/model.mlir --smooth-quant='statistics=%t/all.safetensors alpha=0' | FileCheck %s
// RUN: quant-opt %t/model.mlir --smooth-quant='statistics=%t/all.safetensors alpha=0 online=false' | FileCheck %s --check-prefix=OFFLINE
// RUN: quant-opt %t/model.mlir --smooth-quant='statistics=%t/all.safetensors alpha=search' | FileCheck %s --check-prefix=SEARCH
// RUN: quant-opt %t/model.mlir --smooth-quant='statistics=%t/some.safetensors' | FileCheck %s --check-prefix=MISSING
// RUN: quantc calibrate %t/argument.mlir --calib synthetic -o %t/argument.safetensors
// RUN: quant-opt %t/argument.mlir --smooth-quant='statistics=%t/argument.safetensors alpha=0' | FileCheck %s --check-prefix=ARGUMENT
// RUN: not quant-opt %t/other.mlir --smooth-quant='statistics=%t/all.safetensors' 2>&1 | FileCheck %s --check-prefix=STALE
// RUN: not quant-opt %t/model.mlir --smooth-quant 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not quant-opt %t/model.mlir --smooth-quant='statistics=%t/all.safetensors alpha=2' 2>&1 | FileCheck %s --check-prefix=ALPHA

// With alpha 0 the weights decide: columns that reach 1 and 4 both get 2.  The
// norm absorbs the scale in gamma and beta, as both readers are linears; behind
// Gelu it is a multiplication.
// CHECK-LABEL: func.func @main
// CHECK-DAG: %[[DOWN:.+]] = qnn.constant dense<[5.000000e-01, 2.000000e+00]> : tensor<2xf32>
// CHECK-DAG: %[[UP:.+]] = qnn.constant dense<[2.000000e+00, 5.000000e-01]> : tensor<2xf32>
// CHECK: %[[N:.+]] = qnn.layer_norm %{{.+}}, %{{.+}} bias %{{.+}} {{{.*}}qnn.transforms = [{axes = array<i64: 1>, scale = dense<
// CHECK: %[[A:.+]] = qnn.linear %[[N]]
// CHECK: %[[B:.+]] = qnn.linear %[[N]]
// CHECK: %[[G:.+]] = qnn.gelu %[[A]]
// CHECK: %[[S:.+]] = qnn.mul %[[G]], %{{.+}} {qnn.transforms
// CHECK: %[[W:.+]] = qnn.mul %{{.+}}, %{{.+}} : (tensor<1x2xf32>, tensor<2xf32>)
// CHECK: qnn.linear %[[S]], %[[W]]

// OFFLINE-LABEL: func.func @main
// OFFLINE: qnn.layer_norm {{.*}}qnn.transforms
// OFFLINE: %[[G:.+]] = qnn.gelu
// OFFLINE-NEXT: qnn.linear %[[G]]

// SEARCH-LABEL: func.func @main
// SEARCH: return

// Nothing is known: nothing changes.
// MISSING-LABEL: func.func @main
// MISSING-NOT: qnn.mul
// MISSING: return

// STALE: error: {{.*}}the statistics of 'norm' are stale
// NONE: error: smooth-quant needs statistics: give it the file that 'quantc calibrate' writes, as statistics=FILE
// ALPHA: error: expected alpha to be 'search' or from 0 to 1, got '2'

// An input of the model is scaled too, after the factors.
// ARGUMENT-LABEL: func.func @main(
// ARGUMENT: %[[F:.+]] = qnn.constant dense<[5.000000e-01, 2.000000e+00]>
// ARGUMENT: %[[S:.+]] = qnn.mul %{{.+}}, %[[F]] {qnn.transforms
// ARGUMENT: qnn.linear %[[S]]

//--- model.mlir
func.func @main(%x: tensor<?x16xf32> {qnn.name = "x", qnn.shape = affine_map<()[s0] -> (s0, 16)>}) -> (tensor<?x3xf32> {qnn.name = "b"}, tensor<?x1xf32> {qnn.name = "c"})
    attributes {qnn.entry, qnn.symbols = ["rows"]} {
  %gamma = qnn.constant dense<1.5> : tensor<16xf32> -> tensor<16xf32>
  %beta = qnn.constant dense<0.5> : tensor<16xf32> -> tensor<16xf32>
  %w = qnn.constant dense<[[1.0, 2.0, 1.0, 4.0, 1.0, 2.0, 1.0, 4.0, 1.0, 2.0, 1.0, 4.0, 1.0, 2.0, 1.0, 4.0],
                           [1.0, -2.0, 1.0, 4.0, 1.0, 2.0, 1.0, -4.0, 1.0, 2.0, 1.0, 4.0, 1.0, 2.0, 1.0, 4.0]]> : tensor<2x16xf32> -> tensor<2x16xf32>
  %v = qnn.constant dense<0.25> : tensor<3x16xf32> -> tensor<3x16xf32>
  %u = qnn.constant dense<[[1.0, 4.0]]> : tensor<1x2xf32> -> tensor<1x2xf32>
  %n = qnn.layer_norm %x, %gamma bias %beta {axis = 1 : i64, epsilon = 1.0e-6 : f32} : (tensor<?x16xf32>, tensor<16xf32>, tensor<16xf32>) -> tensor<?x16xf32> loc("norm")
  %a = qnn.linear %n, %w : (tensor<?x16xf32>, tensor<2x16xf32>) -> tensor<?x2xf32>
  %b = qnn.linear %n, %v : (tensor<?x16xf32>, tensor<3x16xf32>) -> tensor<?x3xf32>
  %g = qnn.gelu %a : (tensor<?x2xf32>) -> tensor<?x2xf32> loc("act")
  %c = qnn.linear %g, %u : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  return %b, %c : tensor<?x3xf32>, tensor<?x1xf32>
}

//--- other.mlir
func.func @other(%x: tensor<?x16xf32> {qnn.name = "x", qnn.shape = affine_map<()[s0] -> (s0, 16)>}) -> (tensor<?x3xf32> {qnn.name = "b"})
    attributes {qnn.entry, qnn.symbols = ["rows"]} {
  %gamma = qnn.constant dense<1.25> : tensor<16xf32> -> tensor<16xf32>
  %beta = qnn.constant dense<0.5> : tensor<16xf32> -> tensor<16xf32>
  %v = qnn.constant dense<0.25> : tensor<3x16xf32> -> tensor<3x16xf32>
  %n = qnn.layer_norm %x, %gamma bias %beta {axis = 1 : i64, epsilon = 1.0e-6 : f32} : (tensor<?x16xf32>, tensor<16xf32>, tensor<16xf32>) -> tensor<?x16xf32> loc("norm")
  %b = qnn.linear %n, %v : (tensor<?x16xf32>, tensor<3x16xf32>) -> tensor<?x3xf32>
  return %b : tensor<?x3xf32>
}

//--- argument.mlir
func.func @main(%x: tensor<?x2xf32> {qnn.name = "x", qnn.shape = affine_map<()[s0] -> (s0, 2)>}) -> (tensor<?x1xf32> {qnn.name = "y"})
    attributes {qnn.entry, qnn.symbols = ["rows"]} {
  %u = qnn.constant dense<[[1.0, 4.0]]> : tensor<1x2xf32> -> tensor<1x2xf32>
  %y = qnn.linear %x, %u : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

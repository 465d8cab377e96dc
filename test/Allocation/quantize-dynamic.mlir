// RUN: quant-opt %s --split-input-file --quantize-dynamic | FileCheck %s

// Two linears on one value share its codes; weights use the division rule.
// CHECK-LABEL: func.func @shared_input
// CHECK-SAME: %[[X:.+]]: tensor<?x64xf32>
// CHECK: %[[A:.+]], %[[S:.+]], %[[SUM:.+]] = qnn.quantize_rows %[[X]] :
// CHECK: %[[W:.+]] = qnn.constant
// CHECK: %[[Q:.+]], %[[QS:.+]], %{{.+}} = qnn.quantize_rows %[[W]] {exact_division}
// CHECK: qnn.quantized_linear %[[A]], %[[S]], %[[SUM]], %[[Q]], %[[QS]]
// CHECK: qnn.quantized_linear %[[A]], %[[S]], %[[SUM]], %[[Q]], %[[QS]]
// CHECK-NOT: qnn.linear
func.func @shared_input(%x: tensor<?x64xf32>) -> (tensor<?x32xf32>, tensor<?x32xf32>)
    attributes {qnn.entry} {
  %w = qnn.constant dense<1.0> : tensor<32x64xf32> -> tensor<32x64xf32>
  %0 = qnn.linear %x, %w : (tensor<?x64xf32>, tensor<32x64xf32>) -> tensor<?x32xf32>
  %1 = qnn.linear %x, %w : (tensor<?x64xf32>, tensor<32x64xf32>) -> tensor<?x32xf32>
  return %0, %1 : tensor<?x32xf32>, tensor<?x32xf32>
}

// -----

// A weight that is not constant stays float.
// CHECK-LABEL: func.func @weight_is_input
// CHECK: qnn.linear
// CHECK-NOT: qnn.quantize_rows
func.func @weight_is_input(%x: tensor<?x64xf32>, %w: tensor<32x64xf32>) -> tensor<?x32xf32>
    attributes {qnn.entry} {
  %0 = qnn.linear %x, %w : (tensor<?x64xf32>, tensor<32x64xf32>) -> tensor<?x32xf32>
  return %0 : tensor<?x32xf32>
}

// -----

// Small tables stay float, large ones do not.
// CHECK-LABEL: func.func @tables
// CHECK: qnn.gather %{{.+}}, %{{.+}} {axis = 0 : i64} : (tensor<4x8xf32>
// CHECK: qnn.quantized_gather
func.func @tables(%i: tensor<?xi64>) -> (tensor<?x8xf32>, tensor<?x64xf32>)
    attributes {qnn.entry} {
  %s = qnn.constant dense<1.0> : tensor<4x8xf32> -> tensor<4x8xf32>
  %l = qnn.constant dense<1.0> : tensor<1024x64xf32> -> tensor<1024x64xf32>
  %0 = qnn.gather %s, %i {axis = 0 : i64} : (tensor<4x8xf32>, tensor<?xi64>) -> tensor<?x8xf32>
  %1 = qnn.gather %l, %i {axis = 0 : i64} : (tensor<1024x64xf32>, tensor<?xi64>) -> tensor<?x64xf32>
  return %0, %1 : tensor<?x8xf32>, tensor<?x64xf32>
}

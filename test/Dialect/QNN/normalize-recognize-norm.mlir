// RUN: quant-opt %s --qnn-recognize --mlir-print-local-scope | FileCheck %s

// The exporters' spelling: Sub, Pow, ReduceMean, Add, Sqrt, Div, Mul, Add.
// CHECK-LABEL: func.func @layer_norm
// CHECK-SAME: (%[[X:.+]]: tensor<?x8xf32>, %[[G:.+]]: tensor<8xf32>, %[[B:.+]]: tensor<8xf32>)
func.func @layer_norm(%x: tensor<?x8xf32>, %gamma: tensor<8xf32>, %beta: tensor<8xf32>) -> tensor<?x8xf32> {
  // CHECK-NEXT: %[[Y:.+]] = qnn.layer_norm %[[X]], %[[G]] bias %[[B]] {axis = 1 : i64, epsilon = 9.99999996E-13 : f32}
  // CHECK-NEXT: return %[[Y]]
  %eps = qnn.constant dense<1.0e-12> : tensor<f32> -> tensor<f32>
  %two = qnn.constant dense<2.0> : tensor<f32> -> tensor<f32>
  %m = qnn.reduce mean %x {axes = array<i64: 1>, keep_dims = true} : (tensor<?x8xf32>) -> tensor<?x1xf32>
  %d = qnn.sub %x, %m : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
  %s = qnn.pow %d, %two : (tensor<?x8xf32>, tensor<f32>) -> tensor<?x8xf32>
  %v = qnn.reduce mean %s {axes = array<i64: 1>, keep_dims = true} : (tensor<?x8xf32>) -> tensor<?x1xf32>
  %e = qnn.add %v, %eps : (tensor<?x1xf32>, tensor<f32>) -> tensor<?x1xf32>
  %r = qnn.sqrt %e : (tensor<?x1xf32>) -> tensor<?x1xf32>
  %n = qnn.div %d, %r : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
  %g = qnn.mul %n, %gamma : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %y = qnn.add %g, %beta : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// A product with the reciprocal, the square as a product, no gain and no bias.
// CHECK-LABEL: func.func @layer_norm_reciprocal
func.func @layer_norm_reciprocal(%x: tensor<?x4x8xf32>) -> tensor<?x4x8xf32> {
  // CHECK: %[[ONE:.+]] = qnn.constant dense<1.000000e+00> : tensor<4x8xf32>
  // CHECK: qnn.layer_norm %{{.+}}, %[[ONE]] {axis = 1 : i64
  %eps = qnn.constant dense<1.0e-5> : tensor<f32> -> tensor<f32>
  %m = qnn.reduce mean %x {axes = array<i64: 1, 2>, keep_dims = true} : (tensor<?x4x8xf32>) -> tensor<?x1x1xf32>
  %d = qnn.sub %x, %m : (tensor<?x4x8xf32>, tensor<?x1x1xf32>) -> tensor<?x4x8xf32>
  %s = qnn.mul %d, %d : (tensor<?x4x8xf32>, tensor<?x4x8xf32>) -> tensor<?x4x8xf32>
  %v = qnn.reduce mean %s {axes = array<i64: 1, 2>, keep_dims = true} : (tensor<?x4x8xf32>) -> tensor<?x1x1xf32>
  %e = qnn.add %eps, %v : (tensor<f32>, tensor<?x1x1xf32>) -> tensor<?x1x1xf32>
  %r = qnn.sqrt %e : (tensor<?x1x1xf32>) -> tensor<?x1x1xf32>
  %i = qnn.reciprocal %r : (tensor<?x1x1xf32>) -> tensor<?x1x1xf32>
  %n = qnn.mul %i, %d : (tensor<?x1x1xf32>, tensor<?x4x8xf32>) -> tensor<?x4x8xf32>
  return %n : tensor<?x4x8xf32>
}

// The mean square of the value itself: no mean is taken off.
// CHECK-LABEL: func.func @rms_norm
// CHECK-SAME: (%[[X:.+]]: tensor<?x8xf32>, %[[G:.+]]: tensor<1x8xf32>)
func.func @rms_norm(%x: tensor<?x8xf32>, %gamma: tensor<1x8xf32>) -> tensor<?x8xf32> {
  // CHECK: %[[F:.+]] = qnn.reshape %[[G]]
  // CHECK: qnn.rms_norm %[[X]], %[[F]] {axis = 1 : i64, epsilon = 9.99999997E-7 : f32}
  // CHECK-NEXT: return
  %eps = qnn.constant dense<1.0e-6> : tensor<1xf32> -> tensor<1xf32>
  %s = qnn.mul %x, %x : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %v = qnn.reduce mean %s {axes = array<i64: 1>, keep_dims = true} : (tensor<?x8xf32>) -> tensor<?x1xf32>
  %e = qnn.add %v, %eps : (tensor<?x1xf32>, tensor<1xf32>) -> tensor<?x1xf32>
  %r = qnn.sqrt %e : (tensor<?x1xf32>) -> tensor<?x1xf32>
  %i = qnn.reciprocal %r : (tensor<?x1xf32>) -> tensor<?x1xf32>
  %n = qnn.mul %x, %i : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
  %y = qnn.mul %gamma, %n : (tensor<1x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// A gain per row is not the norm's: it stays a product.
// CHECK-LABEL: func.func @rms_norm_row_gain
func.func @rms_norm_row_gain(%x: tensor<4x8xf32>, %gain: tensor<4x1xf32>) -> tensor<4x8xf32> {
  // CHECK: %[[N:.+]] = qnn.rms_norm
  // CHECK: qnn.mul %[[N]]
  %eps = qnn.constant dense<1.0e-6> : tensor<f32> -> tensor<f32>
  %s = qnn.mul %x, %x : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %v = qnn.reduce mean %s {axes = array<i64: 1>, keep_dims = true} : (tensor<4x8xf32>) -> tensor<4x1xf32>
  %e = qnn.add %v, %eps : (tensor<4x1xf32>, tensor<f32>) -> tensor<4x1xf32>
  %r = qnn.sqrt %e : (tensor<4x1xf32>) -> tensor<4x1xf32>
  %n = qnn.div %x, %r : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32>
  %y = qnn.mul %n, %gain : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

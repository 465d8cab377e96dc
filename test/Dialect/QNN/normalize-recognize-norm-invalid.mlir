// RUN: quant-opt %s --qnn-recognize --mlir-print-local-scope | FileCheck %s

// CHECK-NOT: layer_norm
// CHECK-NOT: rms_norm

// Someone else reads the variance.
func.func @variance_used(%x: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x1xf32>) {
  %eps = qnn.constant dense<1.0e-6> : tensor<f32> -> tensor<f32>
  %s = qnn.mul %x, %x : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %v = qnn.reduce mean %s {axes = array<i64: 1>, keep_dims = true} : (tensor<4x8xf32>) -> tensor<4x1xf32>
  %e = qnn.add %v, %eps : (tensor<4x1xf32>, tensor<f32>) -> tensor<4x1xf32>
  %r = qnn.sqrt %e : (tensor<4x1xf32>) -> tensor<4x1xf32>
  %n = qnn.div %x, %r : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32>
  return %n, %v : tensor<4x8xf32>, tensor<4x1xf32>
}

// The mean runs over a leading axis.
func.func @leading_axis(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %eps = qnn.constant dense<1.0e-6> : tensor<f32> -> tensor<f32>
  %s = qnn.mul %x, %x : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %v = qnn.reduce mean %s {axes = array<i64: 0>, keep_dims = true} : (tensor<4x8xf32>) -> tensor<1x8xf32>
  %e = qnn.add %v, %eps : (tensor<1x8xf32>, tensor<f32>) -> tensor<1x8xf32>
  %r = qnn.sqrt %e : (tensor<1x8xf32>) -> tensor<1x8xf32>
  %n = qnn.div %x, %r : (tensor<4x8xf32>, tensor<1x8xf32>) -> tensor<4x8xf32>
  return %n : tensor<4x8xf32>
}

// The sum of squares, not their mean; and the root of another value's.
func.func @other_value(%x: tensor<4x8xf32>, %z: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %eps = qnn.constant dense<1.0e-6> : tensor<f32> -> tensor<f32>
  %s = qnn.mul %x, %x : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %v = qnn.reduce sum %s {axes = array<i64: 1>, keep_dims = true} : (tensor<4x8xf32>) -> tensor<4x1xf32>
  %e = qnn.add %v, %eps : (tensor<4x1xf32>, tensor<f32>) -> tensor<4x1xf32>
  %r = qnn.sqrt %e : (tensor<4x1xf32>) -> tensor<4x1xf32>
  %n = qnn.div %x, %r : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32>
  %v2 = qnn.reduce mean %s {axes = array<i64: 1>, keep_dims = true} : (tensor<4x8xf32>) -> tensor<4x1xf32>
  %e2 = qnn.add %v2, %eps : (tensor<4x1xf32>, tensor<f32>) -> tensor<4x1xf32>
  %r2 = qnn.sqrt %e2 : (tensor<4x1xf32>) -> tensor<4x1xf32>
  %n2 = qnn.div %z, %r2 : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32>
  return %n, %n2 : tensor<4x8xf32>, tensor<4x8xf32>
}

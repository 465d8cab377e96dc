// RUN: quant-opt %s --qnn-fold-batch-norm --mlir-print-local-scope | FileCheck %s

// Into a convolution: a scaled weight and a bias, all of constants.
// CHECK-LABEL: func.func @conv
func.func @conv(%x: tensor<?x3x8x8xf32>) -> tensor<?x4x8x8xf32> {
  // CHECK-DAG: %[[W:.+]] = qnn.constant dense<1.000000e+00> : tensor<4x3x3x3xf32>
  // CHECK-DAG: %[[G:.+]] = qnn.constant dense<2.000000e+00>
  // CHECK-DAG: %[[B:.+]] = qnn.constant dense<3.000000e+00>
  // CHECK-DAG: %[[M:.+]] = qnn.constant dense<4.000000e+00>
  // CHECK-DAG: %[[V:.+]] = qnn.constant dense<5.000000e+00>
  // CHECK: %[[S:.+]] = qnn.add %[[V]]
  // CHECK: %[[R:.+]] = qnn.sqrt %[[S]]
  // CHECK: %[[A:.+]] = qnn.div %[[G]], %[[R]]
  // CHECK: %[[C:.+]] = qnn.reshape %[[A]] {shape = affine_map<() -> (4, 1, 1, 1)>}
  // CHECK: %[[W2:.+]] = qnn.mul %[[W]], %[[C]]
  // CHECK: %[[N:.+]] = qnn.neg %[[M]]
  // CHECK: %[[P:.+]] = qnn.mul %[[N]], %[[A]]
  // CHECK: %[[B2:.+]] = qnn.add %[[P]], %[[B]]
  // CHECK: %[[Y:.+]] = qnn.conv %{{.+}}, %[[W2]] bias %[[B2]]
  // CHECK: return %[[Y]]
  %w = qnn.constant dense<1.0> : tensor<4x3x3x3xf32> -> tensor<4x3x3x3xf32>
  %g = qnn.constant dense<2.0> : tensor<4xf32> -> tensor<4xf32>
  %b = qnn.constant dense<3.0> : tensor<4xf32> -> tensor<4xf32>
  %m = qnn.constant dense<4.0> : tensor<4xf32> -> tensor<4xf32>
  %v = qnn.constant dense<5.0> : tensor<4xf32> -> tensor<4xf32>
  %c = qnn.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>, groups = 1 : i64, channels_last = false} : (tensor<?x3x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<?x4x8x8xf32>
  %y = qnn.batch_norm %c, %g, %b, %m, %v {epsilon = 1.0e-5 : f32} : (tensor<?x4x8x8xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4x8x8xf32>
  return %y : tensor<?x4x8x8xf32>
}

// A gain and an offset per channel, as products and sums.
// CHECK-LABEL: func.func @channel_vectors
func.func @channel_vectors(%x: tensor<2x3x8xf32>) -> tensor<2x4x8xf32> {
  // CHECK: %[[W2:.+]] = qnn.mul
  // CHECK: qnn.conv %{{.+}}, %[[W2]] bias %{{.+}} {
  // CHECK-NEXT: return
  %w = qnn.constant dense<1.0> : tensor<4x3x3xf32> -> tensor<4x3x3xf32>
  %g = qnn.constant dense<2.0> : tensor<4x1xf32> -> tensor<4x1xf32>
  %b = qnn.constant dense<3.0> : tensor<1x4x1xf32> -> tensor<1x4x1xf32>
  %c = qnn.conv %x, %w {strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 1>, pad_high = array<i64: 1>, groups = 1 : i64, channels_last = false} : (tensor<2x3x8xf32>, tensor<4x3x3xf32>) -> tensor<2x4x8xf32>
  %s = qnn.mul %c, %g : (tensor<2x4x8xf32>, tensor<4x1xf32>) -> tensor<2x4x8xf32>
  %y = qnn.add %s, %b : (tensor<2x4x8xf32>, tensor<1x4x1xf32>) -> tensor<2x4x8xf32>
  return %y : tensor<2x4x8xf32>
}

// Without a contraction: a product and a sum.
// CHECK-LABEL: func.func @alone
// CHECK-SAME: (%[[X:.+]]: tensor<?x4x8xf32>, %[[P:.+]]: tensor<4xf32>)
func.func @alone(%x: tensor<?x4x8xf32>, %p: tensor<4xf32>) -> tensor<?x4x8xf32> {
  // CHECK-DAG: %[[A:.+]] = qnn.reshape %{{.+}} {shape = affine_map<() -> (4, 1)>}
  // CHECK-DAG: %[[B:.+]] = qnn.reshape %{{.+}} {shape = affine_map<() -> (4, 1)>}
  // CHECK: %[[Y:.+]] = qnn.mul %[[X]], %[[A]]
  // CHECK: qnn.add %[[Y]], %[[B]]
  // CHECK-NOT: batch_norm
  %y = qnn.batch_norm %x, %p, %p, %p, %p {epsilon = 1.0e-5 : f32} : (tensor<?x4x8xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4x8xf32>
  return %y : tensor<?x4x8xf32>
}

// The convolution has another user, so its weight stays.
// CHECK-LABEL: func.func @conv_used
func.func @conv_used(%x: tensor<2x3x8xf32>) -> (tensor<2x4x8xf32>, tensor<2x4x8xf32>) {
  // CHECK: %[[W:.+]] = qnn.constant dense<1.000000e+00> : tensor<4x3x3xf32>
  // CHECK: qnn.conv %{{.+}}, %[[W]] {
  // CHECK: qnn.mul
  %w = qnn.constant dense<1.0> : tensor<4x3x3xf32> -> tensor<4x3x3xf32>
  %g = qnn.constant dense<2.0> : tensor<4x1xf32> -> tensor<4x1xf32>
  %c = qnn.conv %x, %w {strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 1>, pad_high = array<i64: 1>, groups = 1 : i64, channels_last = false} : (tensor<2x3x8xf32>, tensor<4x3x3xf32>) -> tensor<2x4x8xf32>
  %s = qnn.mul %c, %g : (tensor<2x4x8xf32>, tensor<4x1xf32>) -> tensor<2x4x8xf32>
  return %c, %s : tensor<2x4x8xf32>, tensor<2x4x8xf32>
}

// A constant along the width is not per channel.
// CHECK-LABEL: func.func @width_vector
func.func @width_vector(%x: tensor<2x3x4xf32>) -> tensor<2x4x4xf32> {
  // CHECK: %[[C:.+]] = qnn.conv
  // CHECK: qnn.add %[[C]]
  %w = qnn.constant dense<1.0> : tensor<4x3x3xf32> -> tensor<4x3x3xf32>
  %b = qnn.constant dense<2.0> : tensor<4xf32> -> tensor<4xf32>
  %c = qnn.conv %x, %w {strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 1>, pad_high = array<i64: 1>, groups = 1 : i64, channels_last = false} : (tensor<2x3x4xf32>, tensor<4x3x3xf32>) -> tensor<2x4x4xf32>
  %y = qnn.add %c, %b : (tensor<2x4x4xf32>, tensor<4xf32>) -> tensor<2x4x4xf32>
  return %y : tensor<2x4x4xf32>
}

// A gain on the last axis of a linear (layer scale).
// CHECK-LABEL: func.func @layer_scale
func.func @layer_scale(%x: tensor<2x?x3xf32>) -> tensor<2x?x4xf32> {
  // CHECK: %[[W2:.+]] = qnn.mul %{{.+}} : (tensor<4x3xf32>, tensor<4x1xf32>) -> tensor<4x3xf32>
  // CHECK: %[[B2:.+]] = qnn.mul
  // CHECK: qnn.linear %{{.+}}, %[[W2]] bias %[[B2]]
  // CHECK-NEXT: return
  %w = qnn.constant dense<1.0> : tensor<4x3xf32> -> tensor<4x3xf32>
  %b = qnn.constant dense<3.0> : tensor<4xf32> -> tensor<4xf32>
  %g = qnn.constant dense<2.0> : tensor<4xf32> -> tensor<4xf32>
  %p = qnn.linear %x, %w bias %b : (tensor<2x?x3xf32>, tensor<4x3xf32>, tensor<4xf32>) -> tensor<2x?x4xf32>
  %y = qnn.mul %g, %p : (tensor<4xf32>, tensor<2x?x4xf32>) -> tensor<2x?x4xf32>
  return %y : tensor<2x?x4xf32>
}

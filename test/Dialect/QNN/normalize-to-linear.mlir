// RUN: quant-opt %s --qnn-to-linear --mlir-print-local-scope | FileCheck %s

// CHECK-LABEL: func.func @bias
// CHECK-SAME: (%[[X:.+]]: tensor<?x?x4xf32>)
func.func @bias(%x: tensor<?x?x4xf32>) -> tensor<?x?x8xf32> {
  // CHECK-DAG: %[[W:.+]] = qnn.constant dense<1.000000e+00>
  // CHECK-DAG: %[[B:.+]] = qnn.constant dense<2.000000e+00>
  // CHECK: %[[T:.+]] = qnn.transpose %[[W]] {permutation = array<i64: 1, 0>} : (tensor<4x8xf32>) -> tensor<8x4xf32>
  // CHECK: qnn.linear %[[X]], %[[T]] bias %[[B]] : (tensor<?x?x4xf32>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<?x?x8xf32>
  // CHECK-NEXT: return
  %w = qnn.constant dense<1.0> : tensor<4x8xf32> -> tensor<4x8xf32>
  %b = qnn.constant dense<2.0> : tensor<8xf32> -> tensor<8xf32>
  %p = qnn.matmul %x, %w : (tensor<?x?x4xf32>, tensor<4x8xf32>) -> tensor<?x?x8xf32>
  %y = qnn.add %b, %p : (tensor<8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// A transposed constant is the weight itself (tied embeddings).
// CHECK-LABEL: func.func @tied
func.func @tied(%x: tensor<3x4xf32>) -> tensor<3x8xf32> {
  // CHECK: %[[W:.+]] = qnn.constant
  // CHECK-NEXT: qnn.linear %{{.+}}, %[[W]] : (tensor<3x4xf32>, tensor<8x4xf32>) -> tensor<3x8xf32>
  %w = qnn.constant dense<1.0> : tensor<8x4xf32> -> tensor<8x4xf32>
  %t = qnn.transpose %w {permutation = array<i64: 1, 0>} : (tensor<8x4xf32>) -> tensor<4x8xf32>
  %y = qnn.matmul %x, %t : (tensor<3x4xf32>, tensor<4x8xf32>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}

// The product has another user: the bias stays an addition.
// CHECK-LABEL: func.func @product_used
func.func @product_used(%x: tensor<3x4xf32>) -> (tensor<3x8xf32>, tensor<3x8xf32>) {
  // CHECK: %[[P:.+]] = qnn.linear %{{.+}}, %{{.+}} : (tensor<3x4xf32>, tensor<8x4xf32>) -> tensor<3x8xf32>
  // CHECK: %[[Y:.+]] = qnn.add %[[P]]
  // CHECK: return %[[P]], %[[Y]]
  %w = qnn.constant dense<1.0> : tensor<4x8xf32> -> tensor<4x8xf32>
  %b = qnn.constant dense<2.0> : tensor<8xf32> -> tensor<8xf32>
  %p = qnn.matmul %x, %w : (tensor<3x4xf32>, tensor<4x8xf32>) -> tensor<3x8xf32>
  %y = qnn.add %p, %b : (tensor<3x8xf32>, tensor<8xf32>) -> tensor<3x8xf32>
  return %p, %y : tensor<3x8xf32>, tensor<3x8xf32>
}

// A constant that varies along the rows is no bias.
// CHECK-LABEL: func.func @row_constant
func.func @row_constant(%x: tensor<8x4xf32>) -> tensor<8x8xf32> {
  // CHECK: qnn.linear %{{.+}}, %{{.+}} : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x8xf32>
  // CHECK: qnn.add
  %w = qnn.constant dense<1.0> : tensor<4x8xf32> -> tensor<4x8xf32>
  %b = qnn.constant dense<2.0> : tensor<8x1xf32> -> tensor<8x1xf32>
  %p = qnn.matmul %x, %w : (tensor<8x4xf32>, tensor<4x8xf32>) -> tensor<8x8xf32>
  %y = qnn.add %p, %b : (tensor<8x8xf32>, tensor<8x1xf32>) -> tensor<8x8xf32>
  return %y : tensor<8x8xf32>
}

// -----

// A pointwise convolution is a linear on every pixel.
// CHECK-LABEL: func.func @pointwise
// CHECK-SAME: %[[X:.+]]: tensor<2x5x5x8xf32>
// CHECK: %[[W:.+]] = qnn.reshape %{{.+}} : (tensor<4x1x1x8xf32>) -> tensor<4x8xf32>
// CHECK: qnn.linear %[[X]], %[[W]] bias
// CHECK-NOT: qnn.conv
func.func @pointwise(%x: tensor<2x5x5x8xf32>) -> tensor<2x5x5x4xf32> {
  %w = qnn.constant dense<0.5> : tensor<4x1x1x8xf32> -> tensor<4x1x1x8xf32>
  %b = qnn.constant dense<1.0> : tensor<4xf32> -> tensor<4xf32>
  %0 = qnn.conv %x, %w bias %b {channels_last = true, dilations = array<i64: 1, 1>, groups = 1 : i64, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<2x5x5x8xf32>, tensor<4x1x1x8xf32>, tensor<4xf32>) -> tensor<2x5x5x4xf32>
  return %0 : tensor<2x5x5x4xf32>
}

// -----

// A stride leaves pixels out: still a convolution.
// CHECK-LABEL: func.func @strided
// CHECK: qnn.conv
// CHECK-NOT: qnn.linear
func.func @strided(%x: tensor<2x5x5x8xf32>) -> tensor<2x3x3x4xf32> {
  %w = qnn.constant dense<0.5> : tensor<4x1x1x8xf32> -> tensor<4x1x1x8xf32>
  %0 = qnn.conv %x, %w {channels_last = true, dilations = array<i64: 1, 1>, groups = 1 : i64, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, strides = array<i64: 2, 2>} : (tensor<2x5x5x8xf32>, tensor<4x1x1x8xf32>) -> tensor<2x3x3x4xf32>
  return %0 : tensor<2x3x3x4xf32>
}

// A vector is one row of a linear; its bias is the linear's.
// CHECK-LABEL: func.func @vector
// CHECK-SAME: %[[X:.+]]: tensor<4xf32>
// CHECK: %[[ROW:.+]] = qnn.reshape %[[X]] {{.*}} : (tensor<4xf32>) -> tensor<1x4xf32>
// CHECK: %[[Y:.+]] = qnn.linear %[[ROW]], %{{.+}} bias %{{.+}} : (tensor<1x4xf32>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<1x8xf32>
// CHECK: %[[FLAT:.+]] = qnn.reshape %[[Y]] {{.*}} : (tensor<1x8xf32>) -> tensor<8xf32>
// CHECK: return %[[FLAT]]
func.func @vector(%x: tensor<4xf32>) -> tensor<8xf32> {
  %w = qnn.constant dense<1.0> : tensor<4x8xf32> -> tensor<4x8xf32>
  %b = qnn.constant dense<2.0> : tensor<8xf32> -> tensor<8xf32>
  %p = qnn.matmul %x, %w : (tensor<4xf32>, tensor<4x8xf32>) -> tensor<8xf32>
  %y = qnn.add %p, %b : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %y : tensor<8xf32>
}

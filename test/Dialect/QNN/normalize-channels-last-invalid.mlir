// RUN: quant-opt %s --qnn-channels-last --mlir-print-local-scope | FileCheck %s

// Nothing to do with convolutions: attention's transposes stay where they are.
// CHECK-LABEL: func.func @no_convolution
func.func @no_convolution(%x: tensor<2x5x4x8xf32>) -> tensor<2x8x5x4xf32> {
  // CHECK-NEXT: %[[T:.+]] = qnn.transpose %{{.+}} {permutation = array<i64: 0, 3, 1, 2>}
  // CHECK-NEXT: qnn.relu %[[T]] : (tensor<2x8x5x4xf32>)
  %t = qnn.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<2x5x4x8xf32>) -> tensor<2x8x5x4xf32>
  %y = qnn.relu %t : (tensor<2x8x5x4xf32>) -> tensor<2x8x5x4xf32>
  return %y : tensor<2x8x5x4xf32>
}

// Already channels-last.
// CHECK-LABEL: func.func @converted
func.func @converted(%x: tensor<1x8x8x1xf32>, %w: tensor<4x3x3x1xf32>) -> tensor<1x6x6x4xf32> {
  // CHECK-NEXT: qnn.conv
  // CHECK-NEXT: return
  %c = qnn.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, groups = 1 : i64, channels_last = true} : (tensor<1x8x8x1xf32>, tensor<4x3x3x1xf32>) -> tensor<1x6x6x4xf32>
  return %c : tensor<1x6x6x4xf32>
}

// A reshape that mixes channels needs the channels-first order.
// CHECK-LABEL: func.func @mixing_reshape
func.func @mixing_reshape(%x: tensor<1x4x2x2xf32>, %w: tensor<4x4x1x1xf32>) -> tensor<1x2x8xf32> {
  // CHECK: %[[C:.+]] = qnn.conv
  // CHECK-NEXT: %[[B:.+]] = qnn.transpose %[[C]] {permutation = array<i64: 0, 3, 1, 2>}
  // CHECK-NEXT: qnn.reshape %[[B]]
  %c = qnn.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, groups = 1 : i64, channels_last = false} : (tensor<1x4x2x2xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x2x2xf32>
  %y = qnn.reshape %c {shape = affine_map<() -> (1, 2, 8)>} : (tensor<1x4x2x2xf32>) -> tensor<1x2x8xf32>
  return %y : tensor<1x2x8xf32>
}

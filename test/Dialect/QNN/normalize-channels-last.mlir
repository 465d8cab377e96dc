// RUN: quant-opt %s --qnn-channels-last --mlir-print-local-scope | FileCheck %s

// One input channel, so the input transpose is a reshape; the residual, the
// pool and the head follow, and no transpose of a value remains.
// CHECK-LABEL: func.func @network
// CHECK-SAME: (%[[X:.+]]: tensor<?x1x8x8xf32>
func.func @network(%x: tensor<?x1x8x8xf32> {qnn.shape = affine_map<()[s0] -> (s0, 1, 8, 8)>},
                   %w1: tensor<4x1x3x3xf32>, %w2: tensor<4x1x3x3xf32>) -> tensor<?x4xf32> attributes {qnn.symbols = ["b"]} {
  // CHECK-DAG: %[[IN:.+]] = qnn.reshape %[[X]] {shape = affine_map<()[s0] -> (s0, 8, 8, 1)>}
  // CHECK: %[[C:.+]] = qnn.conv %[[IN]], %{{.+}} {channels_last = true, {{.*}}} : (tensor<?x8x8x1xf32>, tensor<4x3x3x1xf32>) -> tensor<?x8x8x4xf32>
  // CHECK: %[[R:.+]] = qnn.relu %[[C]]
  // CHECK: %[[D:.+]] = qnn.conv %[[R]], %{{.+}} {channels_last = true, {{.*}}groups = 4
  // CHECK: %[[S:.+]] = qnn.add %[[D]], %[[R]]
  // CHECK: %[[P:.+]] = qnn.pool max %[[S]] {channels_last = true, {{.*}}} : (tensor<?x8x8x4xf32>) -> tensor<?x4x4x4xf32>
  // CHECK: %[[G:.+]] = qnn.reduce mean %[[P]] {axes = array<i64: 1, 2>, keep_dims = true} : (tensor<?x4x4x4xf32>) -> tensor<?x1x1x4xf32>
  // CHECK: %[[F:.+]] = qnn.reshape %[[G]] {{.*}} : (tensor<?x1x1x4xf32>) -> tensor<?x4x1x1xf32>
  // CHECK: %[[Y:.+]] = qnn.reshape %[[F]]
  // CHECK: return %[[Y]]
  %c = qnn.conv %x, %w1 {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>, groups = 1 : i64, channels_last = false} : (tensor<?x1x8x8xf32>, tensor<4x1x3x3xf32>) -> tensor<?x4x8x8xf32>
  %r = qnn.relu %c : (tensor<?x4x8x8xf32>) -> tensor<?x4x8x8xf32>
  %d = qnn.conv %r, %w2 {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>, groups = 4 : i64, channels_last = false} : (tensor<?x4x8x8xf32>, tensor<4x1x3x3xf32>) -> tensor<?x4x8x8xf32>
  %s = qnn.add %d, %r : (tensor<?x4x8x8xf32>, tensor<?x4x8x8xf32>) -> tensor<?x4x8x8xf32>
  %p = qnn.pool max %s {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, count_include_pad = false, channels_last = false} : (tensor<?x4x8x8xf32>) -> tensor<?x4x4x4xf32>
  %g = qnn.reduce mean %p {axes = array<i64: 2, 3>, keep_dims = true} : (tensor<?x4x4x4xf32>) -> tensor<?x4x1x1xf32>
  %y = qnn.reshape %g {shape = affine_map<()[s0] -> (s0, 4)>} : (tensor<?x4x1x1xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// Axes of what lies between follow; a broadcast operand is laid out as a row.
// CHECK-LABEL: func.func @between
func.func @between(%x: tensor<1x4x8x6xf32>, %w: tensor<4x4x1x1xf32>, %b: tensor<8x1x1xf32>) -> tensor<1x8x10x6xf32> {
  // CHECK-DAG: qnn.transpose %{{.+}} {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x4x8x6xf32>) -> tensor<1x8x6x4xf32>
  // CHECK: %[[C:.+]] = qnn.conv
  // CHECK: %[[CC:.+]] = qnn.concat %[[C]], %[[C]] {axis = 3 : i64} : {{.*}} -> tensor<1x8x6x8xf32>
  // CHECK: %[[P:.+]] = qnn.pad %[[CC]] {high = array<i64: 0, 1, 0, 0>, low = array<i64: 0, 1, 0, 0>, {{.*}}} : {{.*}} -> tensor<1x10x6x8xf32>
  // CHECK: %[[B:.+]] = qnn.reshape %{{.+}} : (tensor<8x1x1xf32>) -> tensor<1x1x1x8xf32>
  // CHECK: %[[A:.+]] = qnn.mul %[[P]], %[[B]]
  // CHECK: %[[S:.+]] = qnn.softmax %[[A]] {axis = 3 : i64}
  // CHECK: %[[Y:.+]] = qnn.transpose %[[S]] {permutation = array<i64: 0, 3, 1, 2>}
  // CHECK: return %[[Y]]
  %c = qnn.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, groups = 1 : i64, channels_last = false} : (tensor<1x4x8x6xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x8x6xf32>
  %cc = qnn.concat %c, %c {axis = 1 : i64} : (tensor<1x4x8x6xf32>, tensor<1x4x8x6xf32>) -> tensor<1x8x8x6xf32>
  %p = qnn.pad %cc {low = array<i64: 0, 0, 1, 0>, high = array<i64: 0, 0, 1, 0>, value = 0.0 : f64} : (tensor<1x8x8x6xf32>) -> tensor<1x8x10x6xf32>
  %a = qnn.mul %p, %b : (tensor<1x8x10x6xf32>, tensor<8x1x1xf32>) -> tensor<1x8x10x6xf32>
  %s = qnn.softmax %a {axis = 1 : i64} : (tensor<1x8x10x6xf32>) -> tensor<1x8x10x6xf32>
  return %s : tensor<1x8x10x6xf32>
}

// Patches of an image as tokens: [b, c, h, w] to [b, h·w, c] needs no transpose.
// CHECK-LABEL: func.func @patches
func.func @patches(%x: tensor<1x1x8x8xf32>, %w: tensor<16x1x4x4xf32>) -> tensor<1x4x16xf32> {
  // CHECK: %[[C:.+]] = qnn.conv {{.*}} -> tensor<1x2x2x16xf32>
  // CHECK-NEXT: %[[T:.+]] = qnn.reshape %[[C]] {{.*}} -> tensor<1x4x16xf32>
  // CHECK-NEXT: return %[[T]]
  %c = qnn.conv %x, %w {strides = array<i64: 4, 4>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, groups = 1 : i64, channels_last = false} : (tensor<1x1x8x8xf32>, tensor<16x1x4x4xf32>) -> tensor<1x16x2x2xf32>
  %f = qnn.reshape %c {shape = affine_map<() -> (1, 16, 4)>} : (tensor<1x16x2x2xf32>) -> tensor<1x16x4xf32>
  %t = qnn.transpose %f {permutation = array<i64: 0, 2, 1>} : (tensor<1x16x4xf32>) -> tensor<1x4x16xf32>
  return %t : tensor<1x4x16xf32>
}

// A flattened value under a linear: the weight's columns move instead.
// CHECK-LABEL: func.func @flattened
func.func @flattened(%x: tensor<?x1x8x8xf32> {qnn.shape = affine_map<()[s0] -> (s0, 1, 8, 8)>}, %w: tensor<2x1x4x4xf32>) -> tensor<?x3xf32> attributes {qnn.symbols = ["b"]} {
  // CHECK-DAG: %[[L:.+]] = qnn.constant
  // CHECK-DAG: %[[C:.+]] = qnn.conv {{.*}} -> tensor<?x2x2x2xf32>
  // CHECK: %[[L1:.+]] = qnn.reshape %[[L]] {{.*}} -> tensor<3x2x2x2xf32>
  // CHECK: %[[L2:.+]] = qnn.transpose %[[L1]] {permutation = array<i64: 0, 2, 3, 1>}
  // CHECK: %[[L3:.+]] = qnn.reshape %[[L2]] {{.*}} -> tensor<3x8xf32>
  // CHECK: %[[F:.+]] = qnn.reshape %[[C]]
  // CHECK: qnn.linear %[[F]], %[[L3]]
  %l = qnn.constant dense<1.0> : tensor<3x8xf32> -> tensor<3x8xf32>
  %c = qnn.conv %x, %w {strides = array<i64: 4, 4>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, groups = 1 : i64, channels_last = false} : (tensor<?x1x8x8xf32>, tensor<2x1x4x4xf32>) -> tensor<?x2x2x2xf32>
  %f = qnn.reshape %c {shape = affine_map<()[s0] -> (s0, 8)>} : (tensor<?x2x2x2xf32>) -> tensor<?x8xf32>
  %y = qnn.linear %f, %l : (tensor<?x8xf32>, tensor<3x8xf32>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}

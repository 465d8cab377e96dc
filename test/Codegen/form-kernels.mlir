// RUN: quant-opt %s --split-input-file --flatten-rows --canonicalize \
// RUN:   --pack-weights --form-kernels | FileCheck %s

// Equal layers share one kernel function; epilogues join their contraction.
// CHECK-LABEL: func.func @shared
// CHECK-SAME: %[[X:.+]]: tensor<?x?x64xf32>
// CHECK: %[[ROWS:.+]] = qnn.reshape %[[X]]
// CHECK: %[[A:.+]] = qnn.launch @kernel_0(%[[ROWS]]
// CHECK: %[[B:.+]] = qnn.launch @kernel_0(%[[A]]
// CHECK: qnn.reshape %[[B]]
// CHECK-NOT: qnn.gelu
// CHECK: func.func private @kernel_0
// CHECK: qnn.linear
// CHECK: qnn.gelu
// CHECK-NOT: func.func
func.func @shared(%x: tensor<?x?x64xf32> {qnn.shape = affine_map<()[s0, s1] -> (s0, s1, 64)>})
    -> tensor<?x?x64xf32> attributes {qnn.entry, qnn.symbols = ["batch", "sequence"]} {
  %w = qnn.constant dense<1.0> : tensor<64x64xf32> -> tensor<64x64xf32>
  %0 = qnn.linear %x, %w : (tensor<?x?x64xf32>, tensor<64x64xf32>) -> tensor<?x?x64xf32>
  %1 = qnn.gelu %0 : (tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  %2 = qnn.linear %1, %w : (tensor<?x?x64xf32>, tensor<64x64xf32>) -> tensor<?x?x64xf32>
  %3 = qnn.gelu %2 : (tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  return %3 : tensor<?x?x64xf32>
}

// -----

// A row operation needs complete rows: it does not join a contraction's tiles.
// CHECK-LABEL: func.func @norm_after_linear
// CHECK: qnn.launch @kernel_0
// CHECK: qnn.launch @kernel_1
// CHECK: func.func private @kernel_0
// CHECK: qnn.linear
// CHECK-NOT: qnn.softmax
// CHECK: func.func private @kernel_1
// CHECK: qnn.softmax
func.func @norm_after_linear(%x: tensor<?x64xf32>) -> tensor<?x64xf32>
    attributes {qnn.entry} {
  %w = qnn.constant dense<1.0> : tensor<64x64xf32> -> tensor<64x64xf32>
  %0 = qnn.linear %x, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %1 = qnn.softmax %0 {axis = 1 : i64} : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return %1 : tensor<?x64xf32>
}

// -----

// %0 has a user between the group and %2, so %2 must not join: the launch would
// have to move behind that user.
// CHECK-LABEL: func.func @user_in_between
// CHECK-COUNT-3: qnn.launch
func.func @user_in_between(%x: tensor<4x64xf32>) -> (tensor<64x4xf32>, tensor<4x64xf32>)
    attributes {qnn.entry} {
  %0 = qnn.exp %x : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %1 = qnn.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<4x64xf32>) -> tensor<64x4xf32>
  %2 = qnn.neg %0 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  return %1, %2 : tensor<64x4xf32>, tensor<4x64xf32>
}

// -----

// A depthwise convolution and its epilogue join the linear that alone reads
// their rows.
// CHECK-LABEL: func.func @depthwise_linear
// CHECK: qnn.launch @kernel_0
// CHECK-NOT: qnn.launch
// CHECK: func.func private @kernel_0
// CHECK: %[[C:.+]] = qnn.conv
// CHECK: %[[R:.+]] = qnn.relu %[[C]]
// CHECK: %[[L:.+]] = qnn.linear %[[R]]
// CHECK: qnn.relu %[[L]]
func.func @depthwise_linear(%x: tensor<?x8x8x16xf32> {qnn.shape = affine_map<()[s0] -> (s0, 8, 8, 16)>})
    -> tensor<?x8x8x32xf32> attributes {qnn.entry, qnn.symbols = ["n"]} {
  %w = qnn.constant dense<1.0> : tensor<16x3x3x1xf32> -> tensor<16x3x3x1xf32>
  %v = qnn.constant dense<1.0> : tensor<32x16xf32> -> tensor<32x16xf32>
  %0 = qnn.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>, groups = 16 : i64, channels_last = true} : (tensor<?x8x8x16xf32>, tensor<16x3x3x1xf32>) -> tensor<?x8x8x16xf32>
  %1 = qnn.relu %0 : (tensor<?x8x8x16xf32>) -> tensor<?x8x8x16xf32>
  %2 = qnn.linear %1, %v : (tensor<?x8x8x16xf32>, tensor<32x16xf32>) -> tensor<?x8x8x32xf32>
  %3 = qnn.relu %2 : (tensor<?x8x8x32xf32>) -> tensor<?x8x8x32xf32>
  return %3 : tensor<?x8x8x32xf32>
}

// -----

// So many columns are two tiles, each of which would compute the same pixels.
// CHECK-LABEL: func.func @many_columns
// CHECK-COUNT-2: qnn.launch
func.func @many_columns(%x: tensor<?x8x8x16xf32> {qnn.shape = affine_map<()[s0] -> (s0, 8, 8, 16)>})
    -> tensor<?x8x8x272xf32> attributes {qnn.entry, qnn.symbols = ["n"]} {
  %w = qnn.constant dense<1.0> : tensor<16x3x3x1xf32> -> tensor<16x3x3x1xf32>
  %v = qnn.constant dense<1.0> : tensor<272x16xf32> -> tensor<272x16xf32>
  %0 = qnn.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>, groups = 16 : i64, channels_last = true} : (tensor<?x8x8x16xf32>, tensor<16x3x3x1xf32>) -> tensor<?x8x8x16xf32>
  %1 = qnn.linear %0, %v : (tensor<?x8x8x16xf32>, tensor<272x16xf32>) -> tensor<?x8x8x272xf32>
  return %1 : tensor<?x8x8x272xf32>
}

// -----

// Another operation reads the pixels too, so they are computed once, before.
// CHECK-LABEL: func.func @two_readers
// CHECK-COUNT-2: qnn.launch
func.func @two_readers(%x: tensor<?x8x8x16xf32> {qnn.shape = affine_map<()[s0] -> (s0, 8, 8, 16)>})
    -> (tensor<?x8x8x16xf32>, tensor<?x8x8x32xf32>) attributes {qnn.entry, qnn.symbols = ["n"]} {
  %w = qnn.constant dense<1.0> : tensor<16x3x3x1xf32> -> tensor<16x3x3x1xf32>
  %v = qnn.constant dense<1.0> : tensor<32x16xf32> -> tensor<32x16xf32>
  %0 = qnn.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>, groups = 16 : i64, channels_last = true} : (tensor<?x8x8x16xf32>, tensor<16x3x3x1xf32>) -> tensor<?x8x8x16xf32>
  %1 = qnn.linear %0, %v : (tensor<?x8x8x16xf32>, tensor<32x16xf32>) -> tensor<?x8x8x32xf32>
  return %0, %1 : tensor<?x8x8x16xf32>, tensor<?x8x8x32xf32>
}

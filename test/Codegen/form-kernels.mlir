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

// -----

// A kernel takes 32 operations.
// CHECK-LABEL: func.func @chain
// CHECK: qnn.launch @kernel_0
// CHECK: qnn.launch @kernel_1
// CHECK-NOT: qnn.launch
// CHECK: func.func private @kernel_0
// CHECK-COUNT-32: qnn.exp
// CHECK: func.func private @kernel_1
// CHECK-COUNT-1: qnn.exp
func.func @chain(%x: tensor<4x64xf32>) -> tensor<4x64xf32> attributes {qnn.entry} {
  %0 = qnn.exp %x : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %1 = qnn.exp %0 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %2 = qnn.exp %1 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %3 = qnn.exp %2 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %4 = qnn.exp %3 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %5 = qnn.exp %4 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %6 = qnn.exp %5 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %7 = qnn.exp %6 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %8 = qnn.exp %7 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %9 = qnn.exp %8 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %10 = qnn.exp %9 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %11 = qnn.exp %10 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %12 = qnn.exp %11 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %13 = qnn.exp %12 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %14 = qnn.exp %13 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %15 = qnn.exp %14 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %16 = qnn.exp %15 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %17 = qnn.exp %16 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %18 = qnn.exp %17 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %19 = qnn.exp %18 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %20 = qnn.exp %19 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %21 = qnn.exp %20 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %22 = qnn.exp %21 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %23 = qnn.exp %22 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %24 = qnn.exp %23 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %25 = qnn.exp %24 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %26 = qnn.exp %25 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %27 = qnn.exp %26 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %28 = qnn.exp %27 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %29 = qnn.exp %28 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %30 = qnn.exp %29 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %31 = qnn.exp %30 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %32 = qnn.exp %31 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  return %32 : tensor<4x64xf32>
}

// -----

// Tiling copies what is read twice, and again what that reads.
// CHECK-LABEL: func.func @diamonds
// CHECK: qnn.launch @kernel_0
// CHECK: qnn.launch @kernel_1
// CHECK-NOT: qnn.launch
// CHECK: func.func private @kernel_0
// CHECK-COUNT-9: qnn.add
// CHECK: func.func private @kernel_1
func.func @diamonds(%x: tensor<4x64xf32>) -> tensor<4x64xf32> attributes {qnn.entry} {
  %0 = qnn.add %x, %x : (tensor<4x64xf32>, tensor<4x64xf32>) -> tensor<4x64xf32>
  %1 = qnn.add %0, %0 : (tensor<4x64xf32>, tensor<4x64xf32>) -> tensor<4x64xf32>
  %2 = qnn.add %1, %1 : (tensor<4x64xf32>, tensor<4x64xf32>) -> tensor<4x64xf32>
  %3 = qnn.add %2, %2 : (tensor<4x64xf32>, tensor<4x64xf32>) -> tensor<4x64xf32>
  %4 = qnn.add %3, %3 : (tensor<4x64xf32>, tensor<4x64xf32>) -> tensor<4x64xf32>
  %5 = qnn.add %4, %4 : (tensor<4x64xf32>, tensor<4x64xf32>) -> tensor<4x64xf32>
  %6 = qnn.add %5, %5 : (tensor<4x64xf32>, tensor<4x64xf32>) -> tensor<4x64xf32>
  %7 = qnn.add %6, %6 : (tensor<4x64xf32>, tensor<4x64xf32>) -> tensor<4x64xf32>
  %8 = qnn.add %7, %7 : (tensor<4x64xf32>, tensor<4x64xf32>) -> tensor<4x64xf32>
  %9 = qnn.add %8, %8 : (tensor<4x64xf32>, tensor<4x64xf32>) -> tensor<4x64xf32>
  %10 = qnn.add %9, %9 : (tensor<4x64xf32>, tensor<4x64xf32>) -> tensor<4x64xf32>
  %11 = qnn.add %10, %10 : (tensor<4x64xf32>, tensor<4x64xf32>) -> tensor<4x64xf32>
  return %11 : tensor<4x64xf32>
}

// -----

// 33 operands: 32 and one first.
// CHECK-LABEL: func.func @wide_concat
// CHECK: qnn.launch @kernel_0
// CHECK: qnn.launch @kernel_1
// CHECK: qnn.launch @kernel_2
// CHECK: return
func.func @wide_concat(%x: tensor<?x8xf32> {qnn.shape = affine_map<()[s0] -> (s0, 8)>})
    -> tensor<?x8xf32> attributes {qnn.entry, qnn.symbols = ["n"]} {
  %0 = qnn.concat %x, %x, %x, %x, %x, %x, %x, %x, %x, %x, %x, %x, %x, %x, %x, %x, %x, %x, %x, %x, %x, %x, %x, %x, %x, %x, %x, %x, %x, %x, %x, %x, %x {axis = 0 : i64} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// RUN: quant-opt %s --split-input-file --flatten-rows --canonicalize | FileCheck %s

// A convolution gives one row per pixel; the epilogue and a linear stay on rows.
// CHECK-LABEL: func.func @rows
// CHECK-SAME: %[[X:.+]]: tensor<?x8x8x4xf32>
// CHECK: %[[C:.+]] = qnn.conv %[[X]], %{{.+}} {{{.*}}flat_rows{{.*}}} : {{.+}} -> tensor<?x16xf32>
// CHECK: %[[R:.+]] = qnn.relu %[[C]] : (tensor<?x16xf32>) -> tensor<?x16xf32>
// CHECK: %[[L:.+]] = qnn.linear %[[R]]
// CHECK: qnn.reshape %[[L]] {shape = #{{.+}}}
func.func @rows(%x: tensor<?x8x8x4xf32> {qnn.shape = affine_map<()[s0] -> (s0, 8, 8, 4)>},
    %w: tensor<16x3x3x4xf32>, %v: tensor<5x16xf32>) -> tensor<?x8x8x5xf32>
    attributes {qnn.entry, qnn.symbols = ["n"]} {
  %0 = qnn.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>, groups = 1 : i64, channels_last = true} : (tensor<?x8x8x4xf32>, tensor<16x3x3x4xf32>) -> tensor<?x8x8x16xf32>
  %1 = qnn.relu %0 : (tensor<?x8x8x16xf32>) -> tensor<?x8x8x16xf32>
  %2 = qnn.linear %1, %v : (tensor<?x8x8x16xf32>, tensor<5x16xf32>) -> tensor<?x8x8x5xf32>
  return %2 : tensor<?x8x8x5xf32>
}

// -----

// Channels first: the pixels of a channel are the rows, so it stays as it is.
// CHECK-LABEL: func.func @channels_first
// CHECK: qnn.conv
// CHECK-NOT: flat_rows
// CHECK: return
func.func @channels_first(%x: tensor<?x4x8x8xf32> {qnn.shape = affine_map<()[s0] -> (s0, 4, 8, 8)>},
    %w: tensor<16x4x3x3xf32>) -> tensor<?x16x8x8xf32>
    attributes {qnn.entry, qnn.symbols = ["n"]} {
  %0 = qnn.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>, groups = 1 : i64, channels_last = false} : (tensor<?x4x8x8xf32>, tensor<16x4x3x3xf32>) -> tensor<?x16x8x8xf32>
  return %0 : tensor<?x16x8x8xf32>
}

// -----

// A sample is one row of the quantization; its codes are an image again.
// CHECK-LABEL: func.func @codes
// CHECK-SAME: %[[X:.+]]: tensor<?x8x8x4xf32>
// CHECK: %[[S:.+]] = qnn.reshape %[[X]] {shape = #{{.+}}} : (tensor<?x8x8x4xf32>) -> tensor<?x256xf32>
// CHECK: %[[Q:.+]], %[[SCALES:.+]], %{{.+}} = qnn.quantize_rows %[[S]] : (tensor<?x256xf32>)
// CHECK: %[[I:.+]] = qnn.reshape %[[Q]] {shape = #{{.+}}}
// CHECK: qnn.quantized_conv %[[I]], %[[SCALES]], %{{.+}} {{{.*}}flat_rows{{.*}}} : {{.+}} -> tensor<?x16xf32>
func.func @codes(%x: tensor<?x8x8x4xf32> {qnn.shape = affine_map<()[s0] -> (s0, 8, 8, 4)>},
    %w: tensor<16x3x3x4xi8>, %s: tensor<16xf32>) -> tensor<?x8x8x16xf32>
    attributes {qnn.entry, qnn.symbols = ["n"]} {
  %q, %scales, %sums = qnn.quantize_rows %x {axis = 1 : i64} : (tensor<?x8x8x4xf32>) -> (tensor<?x8x8x4xi8>, tensor<?xf32>, tensor<?xi32>)
  %0 = qnn.quantized_conv %q, %scales, %w, %s {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>, groups = 1 : i64} : (tensor<?x8x8x4xi8>, tensor<?xf32>, tensor<16x3x3x4xi8>, tensor<16xf32>) -> tensor<?x8x8x16xf32>
  return %0 : tensor<?x8x8x16xf32>
}

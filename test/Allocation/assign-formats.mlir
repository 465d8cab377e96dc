// RUN: quant-opt %s --split-input-file --assign-formats | FileCheck %s
// RUN: quant-opt %s --split-input-file \
// RUN:   --pass-pipeline='builtin.module(func.func(assign-formats{weight="#fmt.int<4, block = [1, 32], scale = f16>" activation="" table=""}))' \
// RUN:   | FileCheck %s --check-prefix=W4A16
// RUN: not quant-opt %s --split-input-file \
// RUN:   --pass-pipeline='builtin.module(func.func(assign-formats{weight="i8"}))' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=BAD

// BAD: error: expected a number format such as #fmt.int<8, axis = 0>, got 'i8'

// Two linears on one value share its codes; only activations take the
// reciprocal.
// CHECK-LABEL: func.func @shared_input
// CHECK-SAME: %[[X:.+]]: tensor<?x64xf32>
// CHECK: %[[A:.+]] = qnn.quantize %[[X]] {rcp} : (tensor<?x64xf32>) -> !qnn.encoded<?x64xf32, #fmt.int<8, per_row>>
// CHECK: %[[W:.+]] = qnn.constant
// CHECK: %[[Q:.+]] = qnn.quantize %[[W]] : (tensor<32x64xf32>) -> !qnn.encoded<32x64xf32, #fmt.int<8, axis = 0>>
// CHECK: qnn.linear %[[A]], %[[Q]]
// CHECK: qnn.linear %[[A]], %[[Q]]

// Without an activation format the linears read float values.
// W4A16-LABEL: func.func @shared_input
// W4A16-SAME: %[[X:.+]]: tensor<?x64xf32>
// W4A16: %[[Q:.+]] = qnn.quantize {{.*}}, #fmt.int<4, block = [1, 32], scale = f16>>
// W4A16: qnn.linear %[[X]], %[[Q]]
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
// CHECK-NOT: qnn.quantize
// CHECK: return
func.func @weight_is_input(%x: tensor<?x64xf32>, %w: tensor<32x64xf32>) -> tensor<?x32xf32>
    attributes {qnn.entry} {
  %0 = qnn.linear %x, %w : (tensor<?x64xf32>, tensor<32x64xf32>) -> tensor<?x32xf32>
  return %0 : tensor<?x32xf32>
}

// -----

// A channel longer than one int32 sum stays float; blocks do not mind.
// CHECK-LABEL: func.func @long_channel
// CHECK-NOT: qnn.quantize
// CHECK: return
// W4A16-LABEL: func.func @long_channel
// W4A16: qnn.quantize
func.func @long_channel(%x: tensor<?x70000xf32>) -> tensor<?x2xf32>
    attributes {qnn.entry} {
  %w = qnn.constant dense<1.0> : tensor<2x70000xf32> -> tensor<2x70000xf32>
  %0 = qnn.linear %x, %w : (tensor<?x70000xf32>, tensor<2x70000xf32>) -> tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}

// -----

// Small tables stay float, large ones do not.
// CHECK-LABEL: func.func @tables
// CHECK: qnn.gather %{{.+}}, %{{.+}} {axis = 0 : i64} : (tensor<4x8xf32>
// CHECK: qnn.gather %{{.+}}, %{{.+}} {axis = 0 : i64} : (!qnn.encoded<1024x64xf32, #fmt.int<8, axis = 0>>
func.func @tables(%i: tensor<?xi64>) -> (tensor<?x8xf32>, tensor<?x64xf32>)
    attributes {qnn.entry} {
  %s = qnn.constant dense<1.0> : tensor<4x8xf32> -> tensor<4x8xf32>
  %l = qnn.constant dense<1.0> : tensor<1024x64xf32> -> tensor<1024x64xf32>
  %0 = qnn.gather %s, %i {axis = 0 : i64} : (tensor<4x8xf32>, tensor<?xi64>) -> tensor<?x8xf32>
  %1 = qnn.gather %l, %i {axis = 0 : i64} : (tensor<1024x64xf32>, tensor<?xi64>) -> tensor<?x64xf32>
  return %0, %1 : tensor<?x8xf32>, tensor<?x64xf32>
}

// -----

// Activations of convolutions have one scale per sample.  On float activations
// there is no kernel.
// CHECK-LABEL: func.func @convolutions
// CHECK-SAME: %[[X:.+]]: tensor<?x8x8x4xf32>
// CHECK: %[[A:.+]] = qnn.quantize %[[X]] {rcp} : (tensor<?x8x8x4xf32>) -> !qnn.encoded<?x8x8x4xf32, #fmt.int<8, axis = 0>>
// CHECK: %[[W:.+]] = qnn.quantize %{{.+}} : (tensor<8x3x3x4xf32>) -> !qnn.encoded<8x3x3x4xf32, #fmt.int<8, axis = 0>>
// CHECK: %[[V:.+]] = qnn.quantize %{{.+}} : (tensor<4x3x3x1xf32>) -> !qnn.encoded<4x3x3x1xf32, #fmt.int<8, axis = 0>>
// CHECK: qnn.conv %[[A]], %[[W]]
// CHECK: qnn.conv %[[A]], %[[V]]
// CHECK: qnn.conv %[[A]], %{{.+}} {{{.*}}groups = 2
// W4A16-LABEL: func.func @convolutions
// W4A16-NOT: qnn.quantize
func.func @convolutions(%x: tensor<?x8x8x4xf32>) -> (tensor<?x6x6x8xf32>, tensor<?x6x6x4xf32>, tensor<?x6x6x8xf32>)
    attributes {qnn.entry} {
  %w = qnn.constant dense<1.0> : tensor<8x3x3x4xf32> -> tensor<8x3x3x4xf32>
  %v = qnn.constant dense<1.0> : tensor<4x3x3x1xf32> -> tensor<4x3x3x1xf32>
  %u = qnn.constant dense<1.0> : tensor<8x3x3x2xf32> -> tensor<8x3x3x2xf32>
  %0 = qnn.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, groups = 1 : i64, channels_last = true} : (tensor<?x8x8x4xf32>, tensor<8x3x3x4xf32>) -> tensor<?x6x6x8xf32>
  %1 = qnn.conv %x, %v {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, groups = 4 : i64, channels_last = true} : (tensor<?x8x8x4xf32>, tensor<4x3x3x1xf32>) -> tensor<?x6x6x4xf32>
  %2 = qnn.conv %x, %u {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, groups = 2 : i64, channels_last = true} : (tensor<?x8x8x4xf32>, tensor<8x3x3x2xf32>) -> tensor<?x6x6x8xf32>
  return %0, %1, %2 : tensor<?x6x6x8xf32>, tensor<?x6x6x4xf32>, tensor<?x6x6x8xf32>
}

// -----

// For 17 groups of two outputs there is no kernel.
// CHECK-LABEL: func.func @groups
// W4A16-LABEL: func.func @groups
// CHECK-NOT: qnn.quantize
func.func @groups(%x: tensor<?x8x8x17xf32>) -> tensor<?x6x6x34xf32> attributes {qnn.entry} {
  %w = qnn.constant dense<1.0> : tensor<34x3x3x1xf32> -> tensor<34x3x3x1xf32>
  %0 = qnn.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, groups = 17 : i64, channels_last = true} : (tensor<?x8x8x17xf32>, tensor<34x3x3x1xf32>) -> tensor<?x6x6x34xf32>
  return %0 : tensor<?x6x6x34xf32>
}

// -----

// The only row or sample of a value is quantized while running too.
// CHECK-LABEL: func.func @single
// W4A16-LABEL: func.func @single
// CHECK-DAG: qnn.quantize %{{.+}} {rcp} : (tensor<1x64xf32>) -> !qnn.encoded<1x64xf32, #fmt.int<8, per_row>>
// CHECK-DAG: qnn.quantize %{{.+}} {rcp} : (tensor<1x8x8x4xf32>) -> !qnn.encoded<1x8x8x4xf32, #fmt.int<8, axis = 0>>
func.func @single(%x: tensor<1x64xf32>, %y: tensor<1x8x8x4xf32>) -> (tensor<1x32xf32>, tensor<1x6x6x8xf32>)
    attributes {qnn.entry} {
  %w = qnn.constant dense<1.0> : tensor<32x64xf32> -> tensor<32x64xf32>
  %v = qnn.constant dense<1.0> : tensor<8x3x3x4xf32> -> tensor<8x3x3x4xf32>
  %0 = qnn.linear %x, %w : (tensor<1x64xf32>, tensor<32x64xf32>) -> tensor<1x32xf32>
  %1 = qnn.conv %y, %v {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, groups = 1 : i64, channels_last = true} : (tensor<1x8x8x4xf32>, tensor<8x3x3x4xf32>) -> tensor<1x6x6x8xf32>
  return %0, %1 : tensor<1x32xf32>, tensor<1x6x6x8xf32>
}

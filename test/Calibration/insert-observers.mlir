// RUN: quant-opt %s --split-input-file --insert-observers | FileCheck %s
// RUN: quant-opt %s --split-input-file --insert-observers=observers=min-max | FileCheck %s --check-prefix=ONLY
// RUN: quant-opt %s --split-input-file --insert-observers --remove-observers | FileCheck %s --check-prefix=REMOVED

// ONLY: observers = ["min-max"]
// ONLY-NOT: histogram
// REMOVED-NOT: qnn.observe

// One observation serves q, k and v; the residual reads the value itself.
// CHECK-LABEL: func.func @shared
// CHECK-SAME: %[[X:[^:]+]]: tensor<?x8xf32>
func.func @shared(%x: tensor<?x8xf32> {qnn.name = "x", qnn.shape = affine_map<()[s0] -> (s0, 8)>}) -> tensor<?x8xf32>
    attributes {qnn.entry, qnn.symbols = ["rows"]} {
  %w = qnn.constant dense<0.5> : tensor<8x8xf32> -> tensor<8x8xf32>
  // CHECK: %[[O:.+]] = qnn.observe %[[X]] {channel_axis = 1 : i64, observers = ["channel-absmax", "histogram", "min-max", "second-moment"], point = "x"}
  // CHECK: qnn.linear %[[O]],
  // CHECK: qnn.linear %[[O]],
  // CHECK: qnn.add %{{.+}}, %[[X]]
  %0 = qnn.linear %x, %w : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  %1 = qnn.linear %x, %w : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  %2 = qnn.mul %0, %1 : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %3 = qnn.add %2, %x : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %3 : tensor<?x8xf32>
}

// -----

// Query, key and value are observed, the mask is not; rows at which the
// attention mask is 0 do not count where the value has its dimensions.
// CHECK-LABEL: func.func @attention
func.func @attention(
    %q: tensor<?x2x?x4xf32> {qnn.name = "q", qnn.shape = affine_map<()[s0, s1, s2] -> (s0, 2, s1, 4)>},
    %k: tensor<?x2x4x?xf32> {qnn.name = "k", qnn.shape = affine_map<()[s0, s1, s2] -> (s0, 2, 4, s2)>},
    %v: tensor<?x2x?x4xf32> {qnn.name = "v", qnn.shape = affine_map<()[s0, s1, s2] -> (s0, 2, s2, 4)>},
    %mask: tensor<?x?xi64> {qnn.name = "attention_mask", qnn.shape = affine_map<()[s0, s1, s2] -> (s0, s2)>},
    %bias: tensor<?x1x1x?xf32> {qnn.name = "bias", qnn.shape = affine_map<()[s0, s1, s2] -> (s0, 1, 1, s2)>})
    -> tensor<?x2x?x4xf32> attributes {qnn.entry, qnn.symbols = ["batch", "seq", "total"]} {
  // CHECK: qnn.observe %{{.+}} {channel_axis = 3 : i64, observers = ["channel-absmax", "histogram", "min-max"], point = "v", row_mask = "attention_mask", row_mask_axes = array<i64: 0, 2>}
  // CHECK: qnn.observe %{{.+}} {channel_axis = 2 : i64, {{.*}}point = "k", row_mask = "attention_mask", row_mask_axes = array<i64: 0, 3>}
  // CHECK: qnn.observe %{{.+}} {channel_axis = 3 : i64, {{.*}}point = "q"} :
  // CHECK-NOT: qnn.observe
  // CHECK: qnn.attention
  %0 = qnn.attention %q, %k, %v mask %bias {scale = 0.5 : f32, causal = false, key_transposed = true}
      : (tensor<?x2x?x4xf32>, tensor<?x2x4x?xf32>, tensor<?x2x?x4xf32>, tensor<?x1x1x?xf32>) -> tensor<?x2x?x4xf32>
  return %0 : tensor<?x2x?x4xf32>
}

// -----

// A matmul's operands have their reduced axis as channels; its number may
// vary, and then statistics per channel make no sense.
// CHECK-LABEL: func.func @matmul
func.func @matmul(%x: tensor<3x?xf32> {qnn.name = "x"}, %y: tensor<?x5xf32> {qnn.name = "y"}) -> tensor<3x5xf32>
    attributes {qnn.entry} {
  // CHECK-DAG: qnn.observe %{{.+}} {channel_axis = 0 : i64, observers = ["histogram", "min-max"], point = "y"}
  // CHECK-DAG: qnn.observe %{{.+}} {channel_axis = 1 : i64, observers = ["histogram", "min-max"], point = "x"}
  %0 = qnn.matmul %x, %y : (tensor<3x?xf32>, tensor<?x5xf32>) -> tensor<3x5xf32>
  return %0 : tensor<3x5xf32>
}

// -----

// Convolutions, and names from ONNX nodes: of two values of one node the last is
// its result.
// CHECK-LABEL: func.func @conv
func.func @conv(%x: tensor<1x3x4x4xf32> {qnn.name = "x"}) -> tensor<1x2x4x4xf32>
    attributes {qnn.entry} {
  %w = qnn.constant dense<0.5> : tensor<2x3x1x1xf32> -> tensor<2x3x1x1xf32>
  // CHECK: %[[RELU:.+]] = qnn.relu
  // CHECK: qnn.observe %[[RELU]] {{.*}} point = "node~1"
  // CHECK: %[[EXP:.+]] = qnn.exp
  // CHECK: qnn.observe %[[EXP]] {channel_axis = 1 : i64, observers = ["channel-absmax", "histogram", "min-max"], point = "node"}
  %0 = qnn.relu %x : (tensor<1x3x4x4xf32>) -> tensor<1x3x4x4xf32> loc("node")
  %1 = qnn.exp %0 : (tensor<1x3x4x4xf32>) -> tensor<1x3x4x4xf32> loc("node")
  %3 = qnn.conv %0, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, groups = 1 : i64, channels_last = false}
      : (tensor<1x3x4x4xf32>, tensor<2x3x1x1xf32>) -> tensor<1x2x4x4xf32>
  %2 = qnn.conv %1, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, groups = 1 : i64, channels_last = false}
      : (tensor<1x3x4x4xf32>, tensor<2x3x1x1xf32>) -> tensor<1x2x4x4xf32>
  %4 = qnn.add %2, %3 : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  return %4 : tensor<1x2x4x4xf32>
}

// -----

// Nothing to observe: elementwise operations, other element types, constants,
// what is observed already, and functions that are no entry.
// CHECK-LABEL: func.func @nothing
func.func @nothing(%x: tensor<2x8xf32> {qnn.name = "x"}, %h: tensor<2x8xf64> {qnn.name = "h"}) -> (tensor<2x8xf32>, tensor<2x8xf64>, tensor<8x8xf32>)
    attributes {qnn.entry} {
  // CHECK-COUNT-1: qnn.observe
  // CHECK-NOT: qnn.observe
  %w = qnn.constant dense<0.5> : tensor<8x8xf32> -> tensor<8x8xf32>
  %v = qnn.constant dense<0.5> : tensor<8x8xf64> -> tensor<8x8xf64>
  %0 = qnn.observe %x {point = "mine", observers = ["min-max"], channel_axis = 1 : i64} : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %1 = qnn.linear %0, %w : (tensor<2x8xf32>, tensor<8x8xf32>) -> tensor<2x8xf32>
  %2 = qnn.matmul %h, %v : (tensor<2x8xf64>, tensor<8x8xf64>) -> tensor<2x8xf64>
  %3 = qnn.relu %1 : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %4 = qnn.matmul %w, %w : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  return %3, %2, %4 : tensor<2x8xf32>, tensor<2x8xf64>, tensor<8x8xf32>
}

// CHECK-LABEL: func.func @no_entry
// CHECK-NOT: qnn.observe
func.func @no_entry(%x: tensor<2x8xf32>, %w: tensor<8x8xf32>) -> tensor<2x8xf32> {
  %0 = qnn.linear %x, %w : (tensor<2x8xf32>, tensor<8x8xf32>) -> tensor<2x8xf32>
  return %0 : tensor<2x8xf32>
}

// RUN: quant-opt %s --split-input-file --equalize | FileCheck %s

// Rows of the first weight reach 8, columns of the second 2: the channels are
// scaled by sqrt(2 / 8) = 1/2, in the bias too, and undone in the columns.
// CHECK-LABEL: func.func @linear_relu_linear
// CHECK-SAME: %[[X:.+]]: tensor<?x4xf32>
// CHECK-DAG: %[[HALF:.+]] = qnn.constant dense<5.000000e-01> : tensor<4xf32>
// CHECK-DAG: %[[ROWS:.+]] = qnn.constant dense<5.000000e-01> : tensor<4x1xf32>
// CHECK-DAG: %[[TWO:.+]] = qnn.constant dense<2.000000e+00> : tensor<4xf32>
// CHECK-DAG: %[[W:.+]] = qnn.constant dense<8.000000e+00>
// CHECK-DAG: %[[B:.+]] = qnn.constant dense<1.000000e+00>
// CHECK-DAG: %[[V:.+]] = qnn.constant dense<-2.000000e+00>
// CHECK-DAG: %[[W2:.+]] = qnn.mul %[[W]], %[[ROWS]]
// CHECK-DAG: %[[B2:.+]] = qnn.mul %[[B]], %[[HALF]]
// CHECK: %[[Y:.+]] = qnn.linear %[[X]], %[[W2]] bias %[[B2]] {qnn.transforms = [{axes = array<i64: 1>, scale = dense<5.000000e-01> : tensor<4xf32>}]}
// CHECK: %[[R:.+]] = qnn.relu %[[Y]]
// CHECK: %[[V2:.+]] = qnn.mul %[[V]], %[[TWO]]
// CHECK: qnn.linear %[[R]], %[[V2]]
func.func @linear_relu_linear(%x: tensor<?x4xf32>) -> tensor<?x3xf32>
    attributes {qnn.entry} {
  %w = qnn.constant dense<8.0> : tensor<4x4xf32> -> tensor<4x4xf32>
  %b = qnn.constant dense<1.0> : tensor<4xf32> -> tensor<4xf32>
  %v = qnn.constant dense<-2.0> : tensor<3x4xf32> -> tensor<3x4xf32>
  %0 = qnn.linear %x, %w bias %b : (tensor<?x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %1 = qnn.relu %0 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = qnn.linear %1, %v : (tensor<?x4xf32>, tensor<3x4xf32>) -> tensor<?x3xf32>
  return %2 : tensor<?x3xf32>
}

// -----

// The same over channels-last convolutions: a depthwise weight stands between
// two regions and takes both scales, in its rows.
// CHECK-LABEL: func.func @depthwise
// CHECK: %[[A:.+]] = qnn.conv
// CHECK-SAME: qnn.transforms
// CHECK: %[[R:.+]] = qnn.relu %[[A]]
// CHECK: %[[D1:.+]] = qnn.mul %{{.+}}, %{{.+}} : (tensor<8x3x3x1xf32>, tensor<8x1x1x1xf32>) -> tensor<8x3x3x1xf32>
// CHECK: %[[D2:.+]] = qnn.mul %[[D1]], %{{.+}} : (tensor<8x3x3x1xf32>, tensor<8x1x1x1xf32>) -> tensor<8x3x3x1xf32>
// CHECK: qnn.conv %[[R]], %[[D2]]
func.func @depthwise(%x: tensor<?x5x5x8xf32>) -> tensor<?x5x5x4xf32>
    attributes {qnn.entry} {
  %w = qnn.constant dense<8.0> : tensor<8x1x1x8xf32> -> tensor<8x1x1x8xf32>
  %d = qnn.constant dense<2.0> : tensor<8x3x3x1xf32> -> tensor<8x3x3x1xf32>
  %v = qnn.constant dense<0.5> : tensor<4x8xf32> -> tensor<4x8xf32>
  %0 = qnn.conv %x, %w {channels_last = true, dilations = array<i64: 1, 1>, groups = 1 : i64, pad_high = array<i64: 0, 0>, pad_low = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<?x5x5x8xf32>, tensor<8x1x1x8xf32>) -> tensor<?x5x5x8xf32>
  %1 = qnn.relu %0 : (tensor<?x5x5x8xf32>) -> tensor<?x5x5x8xf32>
  %2 = qnn.conv %1, %d {channels_last = true, dilations = array<i64: 1, 1>, groups = 8 : i64, pad_high = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<?x5x5x8xf32>, tensor<8x3x3x1xf32>) -> tensor<?x5x5x8xf32>
  %3 = qnn.relu %2 : (tensor<?x5x5x8xf32>) -> tensor<?x5x5x8xf32>
  %4 = qnn.linear %3, %v : (tensor<?x5x5x8xf32>, tensor<4x8xf32>) -> tensor<?x5x5x4xf32>
  return %4 : tensor<?x5x5x4xf32>
}

// -----

// Gelu does not pass a scale.
// CHECK-LABEL: func.func @gelu
// CHECK-NOT: qnn.mul
// CHECK: return
func.func @gelu(%x: tensor<?x4xf32>) -> tensor<?x3xf32>
    attributes {qnn.entry} {
  %w = qnn.constant dense<8.0> : tensor<4x4xf32> -> tensor<4x4xf32>
  %v = qnn.constant dense<-2.0> : tensor<3x4xf32> -> tensor<3x4xf32>
  %0 = qnn.linear %x, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %1 = qnn.gelu %0 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = qnn.linear %1, %v : (tensor<?x4xf32>, tensor<3x4xf32>) -> tensor<?x3xf32>
  return %2 : tensor<?x3xf32>
}

// -----

// A value that is also an output keeps its channels.
// CHECK-LABEL: func.func @is_output
// CHECK-NOT: qnn.mul
// CHECK: return
func.func @is_output(%x: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x3xf32>)
    attributes {qnn.entry} {
  %w = qnn.constant dense<8.0> : tensor<4x4xf32> -> tensor<4x4xf32>
  %v = qnn.constant dense<-2.0> : tensor<3x4xf32> -> tensor<3x4xf32>
  %0 = qnn.linear %x, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %1 = qnn.linear %0, %v : (tensor<?x4xf32>, tensor<3x4xf32>) -> tensor<?x3xf32>
  return %0, %1 : tensor<?x4xf32>, tensor<?x3xf32>
}

// -----

// Scaling a table's other reader alone would store the table twice.
// CHECK-LABEL: func.func @tied
// CHECK-NOT: qnn.mul
// CHECK: return
func.func @tied(%x: tensor<?x4xf32>, %i: tensor<?xi64>) -> (tensor<?x8xf32>, tensor<?x4xf32>)
    attributes {qnn.entry} {
  %w = qnn.constant dense<8.0> : tensor<4x4xf32> -> tensor<4x4xf32>
  %v = qnn.constant dense<-2.0> : tensor<8x4xf32> -> tensor<8x4xf32>
  %0 = qnn.linear %x, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %1 = qnn.linear %0, %v : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  %2 = qnn.gather %v, %i {axis = 0 : i64} : (tensor<8x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  return %1, %2 : tensor<?x8xf32>, tensor<?x4xf32>
}

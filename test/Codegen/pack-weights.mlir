// RUN: quant-opt %s --split-input-file --pack-weights | FileCheck %s

// A tied embedding is stored once, in its linear's order.
// CHECK-LABEL: func.func @tied
// CHECK: %[[P:.+]] = qnn.pack %{{.+}} {layout = "n16"} : (tensor<20x8xf32>) -> tensor<2x8x16xf32>
// CHECK: qnn.gather %[[P]], %{{.+}} {axis = 0 : i64, packed_from = array<i64: 20, 8>}
// CHECK: qnn.linear %{{.+}}, %[[P]] {packed_from = array<i64: 20, 8>}
func.func @tied(%i: tensor<?xi64>) -> tensor<?x20xf32> {
  %w = qnn.constant dense<1.0> : tensor<20x8xf32> -> tensor<20x8xf32>
  %0 = qnn.gather %w, %i {axis = 0 : i64} : (tensor<20x8xf32>, tensor<?xi64>) -> tensor<?x8xf32>
  %1 = qnn.linear %0, %w : (tensor<?x8xf32>, tensor<20x8xf32>) -> tensor<?x20xf32>
  return %1 : tensor<?x20xf32>
}

// -----

// Columns of the weight are not rows of its packed order; a table of its own
// stays as it is.
// CHECK-LABEL: func.func @not_tied
// CHECK: qnn.gather %{{.+}} {axis = 1 : i64} : (tensor<20x8xf32>
// CHECK: qnn.gather %{{.+}} {axis = 0 : i64} : (tensor<30x8xf32>
func.func @not_tied(%i: tensor<?xi64>, %x: tensor<?x8xf32>)
    -> (tensor<20x?xf32>, tensor<?x8xf32>, tensor<?x20xf32>) {
  %w = qnn.constant dense<1.0> : tensor<20x8xf32> -> tensor<20x8xf32>
  %t = qnn.constant dense<1.0> : tensor<30x8xf32> -> tensor<30x8xf32>
  %0 = qnn.gather %w, %i {axis = 1 : i64} : (tensor<20x8xf32>, tensor<?xi64>) -> tensor<20x?xf32>
  %1 = qnn.gather %t, %i {axis = 0 : i64} : (tensor<30x8xf32>, tensor<?xi64>) -> tensor<?x8xf32>
  %2 = qnn.linear %x, %w : (tensor<?x8xf32>, tensor<20x8xf32>) -> tensor<?x20xf32>
  return %0, %1, %2 : tensor<20x?xf32>, tensor<?x8xf32>, tensor<?x20xf32>
}

// -----

// Codes in groups are packed where each group has panels of its own; floats in
// groups are not.
// CHECK-LABEL: func.func @groups
// CHECK: qnn.pack %{{.+}} {layout = "n16"} : (tensor<32x36xi8>) -> tensor<2x9x16x4xi8>
// CHECK: qnn.quantized_conv {{.+}} packed_from = array<i64: 32, 3, 3, 4>
// CHECK: qnn.quantized_conv
// CHECK-NOT: packed_from
// CHECK: qnn.conv
// CHECK-NOT: packed_from
func.func @groups(%x: tensor<1x8x8x8xi8>, %y: tensor<1x8x8x8xf32>, %s: tensor<1xf32>, %t: tensor<32xf32>, %u: tensor<24xf32>)
    -> (tensor<1x6x6x32xf32>, tensor<1x6x6x24xf32>, tensor<1x6x6x32xf32>) {
  %w = qnn.constant dense<1> : tensor<32x3x3x4xi8> -> tensor<32x3x3x4xi8>
  %v = qnn.constant dense<1> : tensor<24x3x3x4xi8> -> tensor<24x3x3x4xi8>
  %f = qnn.constant dense<1.0> : tensor<32x3x3x4xf32> -> tensor<32x3x3x4xf32>
  %0 = qnn.quantized_conv %x, %s, %w, %t {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, groups = 2 : i64} : (tensor<1x8x8x8xi8>, tensor<1xf32>, tensor<32x3x3x4xi8>, tensor<32xf32>) -> tensor<1x6x6x32xf32>
  %1 = qnn.quantized_conv %x, %s, %v, %u {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, groups = 2 : i64} : (tensor<1x8x8x8xi8>, tensor<1xf32>, tensor<24x3x3x4xi8>, tensor<24xf32>) -> tensor<1x6x6x24xf32>
  %2 = qnn.conv %y, %f {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, groups = 2 : i64, channels_last = true} : (tensor<1x8x8x8xf32>, tensor<32x3x3x4xf32>) -> tensor<1x6x6x32xf32>
  return %0, %1, %2 : tensor<1x6x6x32xf32>, tensor<1x6x6x24xf32>, tensor<1x6x6x32xf32>
}

// -----

// Codes of a dense convolution are a packed matrix, of a depthwise one planes
// of channels.
// CHECK-LABEL: func.func @codes
// CHECK: qnn.pack %{{.+}} {layout = "n16"} : (tensor<8x36xi8>) -> tensor<1x9x16x4xi8>
// CHECK: qnn.transpose %{{.+}} {permutation = array<i64: 1, 2, 0>} : (tensor<4x3x3xi8>) -> tensor<3x3x4xi8>
// CHECK: qnn.quantized_conv {{.+}} packed_from = array<i64: 8, 3, 3, 4>
// CHECK: qnn.quantized_conv {{.+}} packed_from = array<i64: 4, 3, 3, 1>
func.func @codes(%x: tensor<1x8x8x4xi8>, %s: tensor<1xf32>, %t: tensor<8xf32>, %u: tensor<4xf32>)
    -> (tensor<1x6x6x8xf32>, tensor<1x6x6x4xf32>) {
  %w = qnn.constant dense<1> : tensor<8x3x3x4xi8> -> tensor<8x3x3x4xi8>
  %v = qnn.constant dense<1> : tensor<4x3x3x1xi8> -> tensor<4x3x3x1xi8>
  %0 = qnn.quantized_conv %x, %s, %w, %t {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, groups = 1 : i64} : (tensor<1x8x8x4xi8>, tensor<1xf32>, tensor<8x3x3x4xi8>, tensor<8xf32>) -> tensor<1x6x6x8xf32>
  %1 = qnn.quantized_conv %x, %s, %v, %u {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, groups = 4 : i64} : (tensor<1x8x8x4xi8>, tensor<1xf32>, tensor<4x3x3x1xi8>, tensor<4xf32>) -> tensor<1x6x6x4xf32>
  return %0, %1 : tensor<1x6x6x8xf32>, tensor<1x6x6x4xf32>
}

// -----

// Codes become lines of their format, scales and offsets panels; a table that
// shares them is stored once.
// CHECK-LABEL: func.func @blocks
// CHECK-DAG: %[[B:.+]] = qnn.pack %{{.+}} {layout = #fmt.int<4, block = [1, 32], offset = integer>} : (tensor<20x40xui8>) -> tensor<2x5x16x4xi8>
// CHECK-DAG: %[[S:.+]] = qnn.pack %{{.+}} {layout = "panels"} : (tensor<20x2xf32>) -> tensor<2x2x16xf32>
// CHECK-DAG: %[[O:.+]] = qnn.pack %{{.+}} {layout = "panels"} : (tensor<20x2xui8>) -> tensor<2x2x16xi8>
// CHECK: qnn.block_gather %[[B]], %[[S]] offsets %[[O]] at %{{.+}} packed_from = array<i64: 20, 40>
// CHECK: qnn.block_linear %{{.+}} weight %[[B]], %[[S]] offsets %[[O]] {{.+}} packed_from = array<i64: 20, 40>
func.func @blocks(%i: tensor<?xi64>) -> tensor<?x20xf32> {
  %c = qnn.constant dense<1.0> : tensor<20x40xf32> -> tensor<20x40xf32>
  %w:3 = qnn.encode %c {format = #fmt.int<4, block = [1, 32], offset = integer>} : (tensor<20x40xf32>) -> (tensor<20x40xui8>, tensor<20x2xf32>, tensor<20x2xui8>)
  %0 = qnn.block_gather %w#0, %w#1 offsets %w#2 at %i {format = #fmt.int<4, block = [1, 32], offset = integer>}
      : (tensor<20x40xui8>, tensor<20x2xf32>, tensor<20x2xui8>, tensor<?xi64>) -> tensor<?x40xf32>
  %1 = qnn.block_linear %0 weight %w#0, %w#1 offsets %w#2 {format = #fmt.int<4, block = [1, 32], offset = integer>}
      : (tensor<?x40xf32>, tensor<20x40xui8>, tensor<20x2xf32>, tensor<20x2xui8>) -> tensor<?x20xf32>
  return %1 : tensor<?x20xf32>
}

// -----

// A weight that is not constant stays as it is.
// CHECK-LABEL: func.func @given
// CHECK-NOT: qnn.pack
// CHECK-NOT: packed_from
func.func @given(%x: tensor<?x4xf32>, %w: tensor<2x4xi8>, %s: tensor<2x1xf32>) -> tensor<?x2xf32> {
  %0 = qnn.block_linear %x weight %w, %s {format = #fmt.int<4, block = [1, 4]>}
      : (tensor<?x4xf32>, tensor<2x4xi8>, tensor<2x1xf32>) -> tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}

// -----

// A contraction of constants is evaluated when the artifact is written, which
// wants the plain weight.
// CHECK-LABEL: func.func @constant_rows
// CHECK-NOT: qnn.pack
// CHECK-NOT: packed_from
func.func @constant_rows() -> tensor<3x2xf32> {
  %x = qnn.constant dense<2.0> : tensor<3x4xf32> -> tensor<3x4xf32>
  %w = qnn.constant dense<1.0> : tensor<2x4xf32> -> tensor<2x4xf32>
  %0 = qnn.linear %x, %w : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

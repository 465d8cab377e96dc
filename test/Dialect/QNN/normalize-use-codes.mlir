// RUN: quant-opt %s --qnn-use-codes --mlir-print-local-scope | FileCheck %s

// Codes quantized here, and a weight with one scale per output that the graph
// transposes: the scale's axis moves with the codes.
// CHECK-LABEL: func.func @linear
// CHECK-SAME: %[[X:.+]]: tensor<?x4xf32>
// CHECK: %[[A:.+]] = qnn.quantize %[[X]] scale %{{.+}} offset %{{.+}} -> !qnn.encoded<?x4xf32, #fmt.int<8, tensor, offset = integer>>
// CHECK: %[[C:.+]] = qnn.transpose %{{.+}} : (tensor<4x2xi8>) -> tensor<2x4xi8>
// CHECK: %[[W:.+]] = qnn.assemble %[[C]], %{{.+}} : (tensor<2x4xi8>, tensor<2xf32>) -> !qnn.encoded<2x4xf32, #fmt.int<8, axis = 0, narrow = false>>
// CHECK: qnn.linear %[[A]], %[[W]]
func.func @linear(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %s = qnn.constant dense<0.5> : tensor<f32> -> tensor<f32>
  %z = qnn.constant dense<7> : tensor<ui8> -> tensor<ui8>
  %c = qnn.constant dense<3> : tensor<4x2xi8> -> tensor<4x2xi8>
  %ws = qnn.constant dense<[[0.25, 0.5]]> : tensor<1x2xf32> -> tensor<1x2xf32>
  %wz = qnn.constant dense<0> : tensor<i8> -> tensor<i8>
  %q = qnn.to_codes %x, %s, %z : (tensor<?x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<?x4xui8>
  %a = qnn.from_codes %q, %s, %z : (tensor<?x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<?x4xf32>
  %w = qnn.from_codes %c, %ws, %wz : (tensor<4x2xi8>, tensor<1x2xf32>, tensor<i8>) -> tensor<4x2xf32>
  %t = qnn.transpose %w {permutation = array<i64: 1, 0>} : (tensor<4x2xf32>) -> tensor<2x4xf32>
  %y = qnn.linear %a, %t : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// Codes from elsewhere; unsigned weights with a zero point keep it.
// CHECK-LABEL: func.func @given
// CHECK-SAME: %[[Q:.+]]: tensor<?x4xui8>
// CHECK: qnn.assemble %[[Q]], %{{.+}}, %{{.+}} : (tensor<?x4xui8>, tensor<f32>, tensor<ui8>) -> !qnn.encoded<?x4xf32, #fmt.int<8, tensor, offset = integer>>
// CHECK: qnn.assemble {{.+}} : (tensor<2x4xui8>, tensor<2xf32>, tensor<2xui8>) -> !qnn.encoded<2x4xf32, #fmt.int<8, axis = 0, offset = integer>>
func.func @given(%q: tensor<?x4xui8>) -> tensor<?x2xf32> {
  %s = qnn.constant dense<0.5> : tensor<f32> -> tensor<f32>
  %z = qnn.constant dense<7> : tensor<ui8> -> tensor<ui8>
  %c = qnn.constant dense<3> : tensor<2x4xui8> -> tensor<2x4xui8>
  %a = qnn.from_codes %q, %s, %z : (tensor<?x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<?x4xf32>
  %w = qnn.from_codes %c, %s, %z : (tensor<2x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<2x4xf32>
  %y = qnn.linear %a, %w : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// Unsigned codes around 128 are signed ones around 0, which convolutions take.
// CHECK-LABEL: func.func @conv
// CHECK: qnn.conv %{{.+}}, %{{.+}} : (!qnn.encoded<1x5x5x8xf32, #fmt.int<8, tensor, narrow = false>>, !qnn.encoded<4x3x3x8xf32, #fmt.int<8, axis = 0, narrow = false>>)
func.func @conv(%q: tensor<1x5x5x8xi8>) -> tensor<1x3x3x4xf32> {
  %s = qnn.constant dense<0.5> : tensor<f32> -> tensor<f32>
  %z = qnn.constant dense<0> : tensor<i8> -> tensor<i8>
  %wz = qnn.constant dense<128> : tensor<ui8> -> tensor<ui8>
  %c = qnn.constant dense<3> : tensor<4x3x3x8xui8> -> tensor<4x3x3x8xui8>
  %a = qnn.from_codes %q, %s, %z : (tensor<1x5x5x8xi8>, tensor<f32>, tensor<i8>) -> tensor<1x5x5x8xf32>
  %w = qnn.from_codes %c, %s, %wz : (tensor<4x3x3x8xui8>, tensor<f32>, tensor<ui8>) -> tensor<4x3x3x8xf32>
  %y = qnn.conv %a, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, groups = 1 : i64, channels_last = true} : (tensor<1x5x5x8xf32>, tensor<4x3x3x8xf32>) -> tensor<1x3x3x4xf32>
  return %y : tensor<1x3x3x4xf32>
}

// Two groups of two outputs are few enough for one product.
// CHECK-LABEL: func.func @groups
// CHECK: qnn.conv %{{.+}}, %{{.+}} {{{.*}}groups = 2{{.*}}} : (!qnn.encoded<1x5x5x8xf32, #fmt.int<8, tensor, narrow = false>>, !qnn.encoded<4x3x3x4xf32, #fmt.int<8, axis = 0, narrow = false>>)
func.func @groups(%q: tensor<1x5x5x8xi8>) -> tensor<1x3x3x4xf32> {
  %s = qnn.constant dense<0.5> : tensor<f32> -> tensor<f32>
  %z = qnn.constant dense<0> : tensor<i8> -> tensor<i8>
  %c = qnn.constant dense<3> : tensor<4x3x3x4xi8> -> tensor<4x3x3x4xi8>
  %a = qnn.from_codes %q, %s, %z : (tensor<1x5x5x8xi8>, tensor<f32>, tensor<i8>) -> tensor<1x5x5x8xf32>
  %w = qnn.from_codes %c, %s, %z : (tensor<4x3x3x4xi8>, tensor<f32>, tensor<i8>) -> tensor<4x3x3x4xf32>
  %y = qnn.conv %a, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, groups = 2 : i64, channels_last = true} : (tensor<1x5x5x8xf32>, tensor<4x3x3x4xf32>) -> tensor<1x3x3x4xf32>
  return %y : tensor<1x3x3x4xf32>
}

// A look-up gives codes.
// CHECK-LABEL: func.func @gather
// CHECK: %[[R:.+]] = qnn.gather %{{.+}} : (tensor<9x4xui8>, tensor<?xi64>) -> tensor<?x4xui8>
// CHECK: qnn.from_codes %[[R]]
func.func @gather(%i: tensor<?xi64>) -> tensor<?x4xf32> {
  %s = qnn.constant dense<0.5> : tensor<f32> -> tensor<f32>
  %z = qnn.constant dense<7> : tensor<ui8> -> tensor<ui8>
  %c = qnn.constant dense<3> : tensor<9x4xui8> -> tensor<9x4xui8>
  %t = qnn.from_codes %c, %s, %z : (tensor<9x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<9x4xf32>
  %y = qnn.gather %t, %i {axis = 0 : i64} : (tensor<9x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// Products of activations are exact while they are integers.
// CHECK-LABEL: func.func @matmul
// CHECK: %[[ONE:.+]] = qnn.constant dense<1.000000e+00>
// CHECK: qnn.from_codes %{{.+}}, %[[ONE]]
// CHECK: %[[P:.+]] = qnn.matmul
// CHECK: %[[M:.+]] = qnn.mul %[[P]]
// CHECK: qnn.mul %[[M]]
func.func @matmul(%a: tensor<3x4xui8>, %b: tensor<4x5xui8>) -> tensor<3x5xf32> {
  %s = qnn.constant dense<0.5> : tensor<f32> -> tensor<f32>
  %z = qnn.constant dense<7> : tensor<ui8> -> tensor<ui8>
  %x = qnn.from_codes %a, %s, %z : (tensor<3x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<3x4xf32>
  %w = qnn.from_codes %b, %s, %z : (tensor<4x5xui8>, tensor<f32>, tensor<ui8>) -> tensor<4x5xf32>
  %y = qnn.matmul %x, %w : (tensor<3x4xf32>, tensor<4x5xf32>) -> tensor<3x5xf32>
  return %y : tensor<3x5xf32>
}

// A constant in blocks is read as codes, also where it is transposed.
// CHECK-LABEL: func.func @blocks
// CHECK-SAME: %[[X:.+]]: tensor<?x64xf32>
// CHECK: %[[W:.+]] = qnn.assemble {{.+}} -> !qnn.encoded<2x64xf32, #fmt.int<4, block = [1, 32]>>
// CHECK: qnn.linear %[[X]], %[[W]]
func.func @blocks(%x: tensor<?x64xf32>) -> tensor<?x2xf32> {
  %c = qnn.constant dense<3> : tensor<64x2xi8> -> tensor<64x2xi8>
  %s = qnn.constant dense<0.5> : tensor<2x2xf32> -> tensor<2x2xf32>
  %e = qnn.assemble %c, %s : (tensor<64x2xi8>, tensor<2x2xf32>) -> !qnn.encoded<64x2xf32, #fmt.int<4, block = [32, 1]>>
  %d = qnn.dequantize %e : (!qnn.encoded<64x2xf32, #fmt.int<4, block = [32, 1]>>) -> tensor<64x2xf32>
  %w = qnn.transpose %d {permutation = array<i64: 1, 0>} : (tensor<64x2xf32>) -> tensor<2x64xf32>
  %y = qnn.linear %x, %w : (tensor<?x64xf32>, tensor<2x64xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

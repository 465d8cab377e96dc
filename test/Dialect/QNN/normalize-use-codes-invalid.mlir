// RUN: quant-opt %s --qnn-use-codes --mlir-print-local-scope | FileCheck %s

// CHECK-NOT: !qnn.encoded

// One scale per row of the input, per input channel of the weight: no kernel.
func.func @rows(%q: tensor<3x4xui8>) -> tensor<3x2xf32> {
  %s = qnn.constant dense<[[0.5], [0.25], [1.0]]> : tensor<3x1xf32> -> tensor<3x1xf32>
  %t = qnn.constant dense<0.5> : tensor<f32> -> tensor<f32>
  %z = qnn.constant dense<7> : tensor<ui8> -> tensor<ui8>
  %c = qnn.constant dense<3> : tensor<2x4xui8> -> tensor<2x4xui8>
  %a = qnn.from_codes %q, %s, %z : (tensor<3x4xui8>, tensor<3x1xf32>, tensor<ui8>) -> tensor<3x4xf32>
  %w = qnn.from_codes %c, %t, %z : (tensor<2x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<2x4xf32>
  %y = qnn.linear %a, %w : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}
func.func @inputs(%q: tensor<3x4xui8>) -> tensor<3x2xf32> {
  %s = qnn.constant dense<[0.5, 0.25, 1.0, 2.0]> : tensor<4xf32> -> tensor<4xf32>
  %t = qnn.constant dense<0.5> : tensor<f32> -> tensor<f32>
  %z = qnn.constant dense<7> : tensor<ui8> -> tensor<ui8>
  %c = qnn.constant dense<3> : tensor<2x4xui8> -> tensor<2x4xui8>
  %a = qnn.from_codes %q, %t, %z : (tensor<3x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<3x4xf32>
  %w = qnn.from_codes %c, %s, %z : (tensor<2x4xui8>, tensor<4xf32>, tensor<ui8>) -> tensor<2x4xf32>
  %y = qnn.linear %a, %w : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// Codes of 16 bits, and a float input.
func.func @wide(%q: tensor<3x4xui16>) -> tensor<3x2xf32> {
  %s = qnn.constant dense<0.5> : tensor<f32> -> tensor<f32>
  %z = qnn.constant dense<7> : tensor<ui16> -> tensor<ui16>
  %y = qnn.constant dense<0> : tensor<i8> -> tensor<i8>
  %c = qnn.constant dense<3> : tensor<2x4xi8> -> tensor<2x4xi8>
  %a = qnn.from_codes %q, %s, %z : (tensor<3x4xui16>, tensor<f32>, tensor<ui16>) -> tensor<3x4xf32>
  %w = qnn.from_codes %c, %s, %y : (tensor<2x4xi8>, tensor<f32>, tensor<i8>) -> tensor<2x4xf32>
  %r = qnn.linear %a, %w : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  return %r : tensor<3x2xf32>
}
func.func @float_input(%x: tensor<3x4xf32>) -> tensor<3x2xf32> {
  %s = qnn.constant dense<0.5> : tensor<f32> -> tensor<f32>
  %z = qnn.constant dense<0> : tensor<i8> -> tensor<i8>
  %c = qnn.constant dense<3> : tensor<2x4xi8> -> tensor<2x4xi8>
  %w = qnn.from_codes %c, %s, %z : (tensor<2x4xi8>, tensor<f32>, tensor<i8>) -> tensor<2x4xf32>
  %r = qnn.linear %x, %w : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  return %r : tensor<3x2xf32>
}

// A kernel would take 17 groups of 3 outputs together.
func.func @groups(%q: tensor<1x5x5x34xi8>) -> tensor<1x3x3x51xf32> {
  %s = qnn.constant dense<0.5> : tensor<f32> -> tensor<f32>
  %z = qnn.constant dense<0> : tensor<i8> -> tensor<i8>
  %c = qnn.constant dense<3> : tensor<51x3x3x2xi8> -> tensor<51x3x3x2xi8>
  %a = qnn.from_codes %q, %s, %z : (tensor<1x5x5x34xi8>, tensor<f32>, tensor<i8>) -> tensor<1x5x5x34xf32>
  %w = qnn.from_codes %c, %s, %z : (tensor<51x3x3x2xi8>, tensor<f32>, tensor<i8>) -> tensor<51x3x3x2xf32>
  %y = qnn.conv %a, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, groups = 17 : i64, channels_last = true} : (tensor<1x5x5x34xf32>, tensor<51x3x3x2xf32>) -> tensor<1x3x3x51xf32>
  return %y : tensor<1x3x3x51xf32>
}

// A constant left operand, whose scale only the run knows: decoded.
func.func @constant_input(%s: tensor<f32>) -> tensor<3x2xf32> {
  %t = qnn.constant dense<0.5> : tensor<f32> -> tensor<f32>
  %z = qnn.constant dense<7> : tensor<ui8> -> tensor<ui8>
  %q = qnn.constant dense<9> : tensor<3x4xui8> -> tensor<3x4xui8>
  %c = qnn.constant dense<3> : tensor<2x4xui8> -> tensor<2x4xui8>
  %a = qnn.from_codes %q, %s, %z : (tensor<3x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<3x4xf32>
  %w = qnn.from_codes %c, %t, %z : (tensor<2x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<2x4xf32>
  %y = qnn.linear %a, %w : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// RUN: quant-opt %s --qnn-recognize --mlir-print-local-scope | FileCheck %s

// CHECK-NOT: qnn.gelu
// CHECK-NOT: qnn.silu

// erf(x / 2) is not gelu's argument.
func.func @wrong_constant(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %two = qnn.constant dense<2.0> : tensor<f32> -> tensor<f32>
  %one = qnn.constant dense<1.0> : tensor<f32> -> tensor<f32>
  %half = qnn.constant dense<0.5> : tensor<f32> -> tensor<f32>
  %a = qnn.div %x, %two : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %b = qnn.erf %a : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %c = qnn.add %b, %one : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %d = qnn.mul %x, %c : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %e = qnn.mul %d, %half : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  return %e : tensor<4x8xf32>
}

// Another value is multiplied.
func.func @other_value(%x: tensor<4x8xf32>, %z: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %root = qnn.constant dense<1.41421354> : tensor<f32> -> tensor<f32>
  %one = qnn.constant dense<1.0> : tensor<f32> -> tensor<f32>
  %half = qnn.constant dense<0.5> : tensor<f32> -> tensor<f32>
  %a = qnn.div %x, %root : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %b = qnn.erf %a : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %c = qnn.add %b, %one : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %d = qnn.mul %z, %c : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %e = qnn.mul %d, %half : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  return %e : tensor<4x8xf32>
}

// The sigmoid has another user.
func.func @sigmoid_used(%x: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %s = qnn.sigmoid %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %a = qnn.mul %x, %s : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %a, %s : tensor<4x8xf32>, tensor<4x8xf32>
}

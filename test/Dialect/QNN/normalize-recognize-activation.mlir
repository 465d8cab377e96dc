// RUN: quant-opt %s --qnn-recognize --mlir-print-local-scope | FileCheck %s

// CHECK-LABEL: func.func @gelu_div
func.func @gelu_div(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK-NEXT: qnn.gelu %{{.+}} : (tensor<?x8xf32>) -> tensor<?x8xf32>
  // CHECK-NEXT: return
  %root = qnn.constant dense<1.41421354> : tensor<f32> -> tensor<f32>
  %one = qnn.constant dense<1.0> : tensor<f32> -> tensor<f32>
  %half = qnn.constant dense<0.5> : tensor<f32> -> tensor<f32>
  %a = qnn.div %x, %root : (tensor<?x8xf32>, tensor<f32>) -> tensor<?x8xf32>
  %b = qnn.erf %a : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %c = qnn.add %b, %one : (tensor<?x8xf32>, tensor<f32>) -> tensor<?x8xf32>
  %d = qnn.mul %x, %c : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %e = qnn.mul %d, %half : (tensor<?x8xf32>, tensor<f32>) -> tensor<?x8xf32>
  return %e : tensor<?x8xf32>
}

// CHECK-LABEL: func.func @gelu_half_first
func.func @gelu_half_first(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // CHECK-NEXT: qnn.gelu
  // CHECK-NEXT: return
  %root = qnn.constant dense<0.707106769> : tensor<f32> -> tensor<f32>
  %one = qnn.constant dense<1.0> : tensor<f32> -> tensor<f32>
  %half = qnn.constant dense<0.5> : tensor<f32> -> tensor<f32>
  %a = qnn.mul %root, %x : (tensor<f32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %b = qnn.erf %a : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %c = qnn.add %one, %b : (tensor<f32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %h = qnn.mul %x, %half : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %e = qnn.mul %h, %c : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %e : tensor<4x8xf32>
}

// CHECK-LABEL: func.func @gelu_tanh
func.func @gelu_tanh(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // CHECK-NEXT: qnn.gelu %{{.+}} {approximation = 1 : i32}
  // CHECK-NEXT: return
  %three = qnn.constant dense<3.0> : tensor<f32> -> tensor<f32>
  %cubic = qnn.constant dense<0.044715> : tensor<f32> -> tensor<f32>
  %outer = qnn.constant dense<0.797884583> : tensor<f32> -> tensor<f32>
  %one = qnn.constant dense<1.0> : tensor<f32> -> tensor<f32>
  %half = qnn.constant dense<0.5> : tensor<f32> -> tensor<f32>
  %p = qnn.pow %x, %three : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %q = qnn.mul %p, %cubic : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %r = qnn.add %x, %q : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %s = qnn.mul %r, %outer : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %t = qnn.tanh %s : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %c = qnn.add %t, %one : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %h = qnn.mul %c, %half : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %e = qnn.mul %x, %h : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %e : tensor<4x8xf32>
}

// CHECK-LABEL: func.func @silu
func.func @silu(%x: tensor<4x8xf32>, %z: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  // CHECK-NEXT: %[[A:.+]] = qnn.silu
  // CHECK-NEXT: %[[B:.+]] = qnn.silu
  // CHECK-NEXT: return %[[A]], %[[B]]
  %one = qnn.constant dense<1.0> : tensor<f32> -> tensor<f32>
  %s = qnn.sigmoid %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %a = qnn.mul %x, %s : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %n = qnn.neg %z : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %e = qnn.exp %n : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %d = qnn.add %one, %e : (tensor<f32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %b = qnn.div %z, %d : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %a, %b : tensor<4x8xf32>, tensor<4x8xf32>
}

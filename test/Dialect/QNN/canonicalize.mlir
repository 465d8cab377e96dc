// RUN: quant-opt %s --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @reshape_of_reshape
//  CHECK-SAME: %[[X:.+]]: tensor<2x?xf32>
//       CHECK: %[[Y:.+]] = qnn.reshape %[[X]] {{.*}} : (tensor<2x?xf32>) -> tensor<?x2xf32>
//       CHECK: return %[[Y]]
func.func @reshape_of_reshape(%x: tensor<2x?xf32>) -> tensor<?x2xf32> {
  %0 = qnn.reshape %x {shape = affine_map<()[s0] -> (s0 * 2)>} : (tensor<2x?xf32>) -> tensor<?xf32>
  %1 = qnn.reshape %0 {shape = affine_map<()[s0] -> (s0, 2)>} : (tensor<?xf32>) -> tensor<?x2xf32>
  return %1 : tensor<?x2xf32>
}

// CHECK-LABEL: func.func @static_identities
//  CHECK-SAME: %[[X:.+]]: tensor<2x3xf32>
//   CHECK-NOT: qnn
//       CHECK: return %[[X]]
func.func @static_identities(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = qnn.reshape %x {shape = affine_map<() -> (2, 3)>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = qnn.broadcast_to %0 {shape = affine_map<() -> (1, 3)>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %2 = qnn.slice %1 {starts = affine_map<() -> (0, 0)>, sizes = affine_map<() -> (2, 3)>, steps = array<i64: 1, 1>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %3 = qnn.pad %2 {low = array<i64: 0, 0>, high = array<i64: 0, 0>, value = 0.0} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %4 = qnn.concat %3 {axis = 1} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %5 = qnn.cast %4 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %5 : tensor<2x3xf32>
}

// A reversal has the operand's type and is no identity.
// CHECK-LABEL: func.func @reversal
//       CHECK: qnn.slice
func.func @reversal(%x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = qnn.slice %x {starts = affine_map<() -> (2)>, sizes = affine_map<() -> (3)>, steps = array<i64: -1>} : (tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// Two dynamic dimensions of one type may differ.
// CHECK-LABEL: func.func @dynamic_reshape_stays
//       CHECK: qnn.reshape
func.func @dynamic_reshape_stays(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = qnn.reshape %x {shape = affine_map<()[s0, s1] -> (s1, s0)>} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// CHECK-LABEL: func.func @transposes_compose
//       CHECK: %[[Y:.+]] = qnn.transpose %{{.+}} {permutation = array<i64: 2, 0, 1>}
//  CHECK-NEXT: return %[[Y]]
func.func @transposes_compose(%x: tensor<2x3x4xf32>) -> tensor<4x2x3xf32> {
  %0 = qnn.transpose %x {permutation = array<i64: 1, 0, 2>} : (tensor<2x3x4xf32>) -> tensor<3x2x4xf32>
  %1 = qnn.transpose %0 {permutation = array<i64: 2, 1, 0>} : (tensor<3x2x4xf32>) -> tensor<4x2x3xf32>
  return %1 : tensor<4x2x3xf32>
}

// CHECK-LABEL: func.func @transposes_cancel
//  CHECK-SAME: %[[X:.+]]: tensor<?x3xf32>
//       CHECK: return %[[X]]
func.func @transposes_cancel(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %0 = qnn.transpose %x {permutation = array<i64: 1, 0>} : (tensor<?x3xf32>) -> tensor<3x?xf32>
  %1 = qnn.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<3x?xf32>) -> tensor<?x3xf32>
  return %1 : tensor<?x3xf32>
}

// CHECK-LABEL: func.func @pow_constants
//  CHECK-SAME: %[[X:.+]]: tensor<?xf32>
//       CHECK: %[[A:.+]] = qnn.mul %[[X]], %[[X]]
//       CHECK: %[[B:.+]] = qnn.sqrt %[[A]]
//       CHECK: %[[C:.+]] = qnn.sqrt %[[B]]
//       CHECK: %[[D:.+]] = qnn.reciprocal %[[C]]
//       CHECK: return %[[D]]
func.func @pow_constants(%x: tensor<?xf32>) -> tensor<?xf32> {
  %two = qnn.constant dense<2.0> : tensor<f32> -> tensor<f32>
  %half = qnn.constant dense<0.5> : tensor<1xf32> -> tensor<1xf32>
  %neg_half = qnn.constant dense<-0.5> : tensor<f64> -> tensor<f64>
  %0 = qnn.pow %x, %two : (tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
  %1 = qnn.pow %0, %half : (tensor<?xf32>, tensor<1xf32>) -> tensor<?xf32>
  %2 = qnn.pow %1, %neg_half : (tensor<?xf32>, tensor<f64>) -> tensor<?xf32>
  return %2 : tensor<?xf32>
}

// Here the exponent decides the result's shape.
// CHECK-LABEL: func.func @pow_broadcasting_exponent
//       CHECK: qnn.pow
func.func @pow_broadcasting_exponent(%x: tensor<f32>) -> tensor<4xf32> {
  %two = qnn.constant dense<2.0> : tensor<4xf32> -> tensor<4xf32>
  %0 = qnn.pow %x, %two : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// RUN: quant-opt %s --qnn-fold-transposes --mlir-print-local-scope | FileCheck %s

// Two that undo each other, on dynamic shapes.
// CHECK-LABEL: func.func @cancel
// CHECK-SAME: (%[[X:.+]]: tensor<?x?x4xf32>)
func.func @cancel(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // CHECK-NEXT: return %[[X]]
  %a = qnn.transpose %x {permutation = array<i64: 2, 0, 1>} : (tensor<?x?x4xf32>) -> tensor<4x?x?xf32>
  %b = qnn.transpose %a {permutation = array<i64: 1, 2, 0>} : (tensor<4x?x?xf32>) -> tensor<?x?x4xf32>
  return %b : tensor<?x?x4xf32>
}

// Only an extent of 1 moves.
// CHECK-LABEL: func.func @unit
func.func @unit(%x: tensor<?x1x8xf32> {qnn.shape = affine_map<()[s0] -> (s0, 1, 8)>}) -> tensor<?x8x1xf32> attributes {qnn.symbols = ["b"]} {
  // CHECK-NEXT: qnn.reshape %{{.+}} {shape = affine_map<()[s0] -> (s0, 8, 1)>}
  %a = qnn.transpose %x {permutation = array<i64: 0, 2, 1>} : (tensor<?x1x8xf32>) -> tensor<?x8x1xf32>
  return %a : tensor<?x8x1xf32>
}

// Splitting and merging again is nothing.
// CHECK-LABEL: func.func @reshapes
// CHECK-SAME: (%[[X:.+]]: tensor<?x8xf32>
func.func @reshapes(%x: tensor<?x8xf32> {qnn.shape = affine_map<()[s0] -> (s0, 8)>}) -> tensor<?x8xf32> attributes {qnn.symbols = ["b"]} {
  // CHECK-NEXT: return %[[X]]
  %a = qnn.reshape %x {shape = affine_map<()[s0] -> (s0, 2, 4)>} : (tensor<?x8xf32>) -> tensor<?x2x4xf32>
  %b = qnn.reshape %a {shape = affine_map<()[s0] -> (s0, 8)>} : (tensor<?x2x4xf32>) -> tensor<?x8xf32>
  return %b : tensor<?x8xf32>
}

// A transpose that moves data stays, and so do two that another value lies
// between.
// CHECK-LABEL: func.func @kept
func.func @kept(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  // CHECK-NEXT: qnn.transpose
  // CHECK-NEXT: qnn.reshape %{{.+}} : (tensor<4x3xf32>) -> tensor<6x2xf32>
  // CHECK-NEXT: qnn.transpose
  // CHECK-NEXT: qnn.reshape %{{.+}} : (tensor<2x6xf32>) -> tensor<3x4xf32>
  %a = qnn.transpose %x {permutation = array<i64: 1, 0>} : (tensor<3x4xf32>) -> tensor<4x3xf32>
  %b = qnn.reshape %a {shape = affine_map<() -> (6, 2)>} : (tensor<4x3xf32>) -> tensor<6x2xf32>
  %c = qnn.transpose %b {permutation = array<i64: 1, 0>} : (tensor<6x2xf32>) -> tensor<2x6xf32>
  %d = qnn.reshape %c {shape = affine_map<() -> (3, 4)>} : (tensor<2x6xf32>) -> tensor<3x4xf32>
  return %d : tensor<3x4xf32>
}

// Heads are merged for the transpose and split again: one transpose is left.
// CHECK-LABEL: func.func @regrouped
// CHECK-SAME: (%[[X:.+]]: tensor<2x4x7x8xf32>)
func.func @regrouped(%x: tensor<2x4x7x8xf32>) -> tensor<2x4x8x7xf32> {
  // CHECK-NEXT: %[[Y:.+]] = qnn.transpose %[[X]] {permutation = array<i64: 0, 1, 3, 2>}
  // CHECK-NEXT: return %[[Y]]
  %a = qnn.reshape %x {shape = affine_map<() -> (8, 7, 8)>} : (tensor<2x4x7x8xf32>) -> tensor<8x7x8xf32>
  %b = qnn.transpose %a {permutation = array<i64: 0, 2, 1>} : (tensor<8x7x8xf32>) -> tensor<8x8x7xf32>
  %c = qnn.reshape %b {shape = affine_map<() -> (2, 4, 8, 7)>} : (tensor<8x8x7xf32>) -> tensor<2x4x8x7xf32>
  return %c : tensor<2x4x8x7xf32>
}

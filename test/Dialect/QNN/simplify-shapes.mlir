// RUN: quant-opt %s --qnn-simplify-shapes | FileCheck %s

// CHECK-LABEL: func.func @identities
//  CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?x?xf32>
//   CHECK-NOT: qnn.reshape
//       CHECK: return %[[X]]
func.func @identities(%x: tensor<?x?xf32> {qnn.shape = affine_map<()[s0, s1] -> (s0, s1)>}) -> tensor<?x?xf32>
    attributes {qnn.symbols = ["batch", "sequence"]} {
  %0 = qnn.reshape %x {shape = affine_map<()[s0, s1] -> (s0, s1)>} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %1 = qnn.broadcast_to %0 {shape = affine_map<()[s0, s1] -> (1, s1)>} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %2 = qnn.slice %1 {starts = affine_map<() -> (0, 0)>, sizes = affine_map<()[s0, s1] -> (s0, s1)>, steps = array<i64: 1, 1>} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  return %2 : tensor<?x?xf32>
}

// The dimensions trade places; the slice is backwards.
// CHECK-LABEL: func.func @others
//       CHECK: qnn.reshape
//       CHECK: qnn.slice
func.func @others(%x: tensor<?x?xf32> {qnn.shape = affine_map<()[s0, s1] -> (s0, s1)>}) -> tensor<?x?xf32>
    attributes {qnn.symbols = ["batch", "sequence"]} {
  %0 = qnn.reshape %x {shape = affine_map<()[s0, s1] -> (s1, s0)>} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %1 = qnn.slice %0 {starts = affine_map<()[s0, s1] -> (s1 - 1, 0)>, sizes = affine_map<()[s0, s1] -> (s1, s0)>, steps = array<i64: -1, 1>} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  return %1 : tensor<?x?xf32>
}

// RUN: quant-opt %s --convert-qnn-to-linalg --split-input-file | FileCheck %s

// Pieces are written into one destination, one after the other.
// CHECK-LABEL: func.func @concat
// CHECK: %[[E:.+]] = tensor.empty
// CHECK: %[[A:.+]] = tensor.insert_slice %{{.+}} into %[[E]]
// CHECK: tensor.insert_slice %{{.+}} into %[[A]]
func.func @concat(
    %x: tensor<3x?xf32> {qnn.shape = affine_map<()[s0] -> (3, s0)>},
    %y: tensor<3x4xf32>) -> tensor<3x?xf32>
    attributes {qnn.kernel, qnn.symbols = ["n"]} {
  %0 = qnn.concat %x, %y {axis = 1} : (tensor<3x?xf32>, tensor<3x4xf32>) -> tensor<3x?xf32>
  return %0 : tensor<3x?xf32>
}

// -----

// Indices are wrapped and clamped before they are used.
// CHECK-LABEL: func.func @gather
// CHECK: arith.cmpi slt
// CHECK: arith.minsi
// CHECK: arith.maxsi
// CHECK: tensor.extract
func.func @gather(%t: tensor<50x8xf32>, %i: tensor<3xi64>) -> tensor<3x8xf32>
    attributes {qnn.kernel, qnn.symbols = []} {
  %0 = qnn.gather %t, %i {axis = 0} : (tensor<50x8xf32>, tensor<3xi64>) -> tensor<3x8xf32>
  return %0 : tensor<3x8xf32>
}

// -----

// Only the dimensions that differ are merged or split.
// CHECK-LABEL: func.func @reshape
// CHECK: tensor.expand_shape %{{.+}} {{\[}}[0], [1, 2]]
func.func @reshape(
    %x: tensor<?x384xf32> {qnn.shape = affine_map<()[s0] -> (s0, 384)>})
    -> tensor<?x12x32xf32> attributes {qnn.kernel, qnn.symbols = ["n"]} {
  %0 = qnn.reshape %x {shape = affine_map<()[s0] -> (s0, 12, 32)>} : (tensor<?x384xf32>) -> tensor<?x12x32xf32>
  return %0 : tensor<?x12x32xf32>
}

// -----

// A slice that is a result is written out.
// CHECK-LABEL: func.func @slice
// CHECK: %[[PART:.+]] = tensor.extract_slice
// CHECK: %[[COPY:.+]] = linalg.generic {{.*}} ins(%[[PART]]
// CHECK: return %[[COPY]]
func.func @slice(
    %x: tensor<?x8xf32> {qnn.shape = affine_map<()[s0, s1] -> (s0, 8)>})
    -> tensor<?x8xf32> attributes {qnn.kernel, qnn.symbols = ["room", "n"]} {
  %0 = qnn.slice %x {starts = affine_map<() -> (0, 0)>, sizes = affine_map<()[s0, s1] -> (s1, 8)>, steps = array<i64: 1, 1>} : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// -----

// One that is read in the same kernel is a view.
// CHECK-LABEL: func.func @slice_view
// CHECK: %[[PART:.+]] = tensor.extract_slice
// CHECK-NEXT: tensor.empty
// CHECK: linalg.generic {{.*}} ins(%[[PART]]
// CHECK-NEXT: ^bb0
// CHECK-NEXT: arith.negf
// CHECK-NOT: linalg.generic
func.func @slice_view(
    %x: tensor<?x8xf32> {qnn.shape = affine_map<()[s0, s1] -> (s0, 8)>})
    -> tensor<?x8xf32> attributes {qnn.kernel, qnn.symbols = ["room", "n"]} {
  %0 = qnn.slice %x {starts = affine_map<() -> (0, 0)>, sizes = affine_map<()[s0, s1] -> (s1, 8)>, steps = array<i64: 1, 1>} : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %1 = qnn.neg %0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return %1 : tensor<?x8xf32>
}

// -----

// An empty part at the end is no slice past it, and adds nothing.
// CHECK-LABEL: func.func @empty_part
// CHECK-NOT: tensor.extract_slice %{{.+}}[4]
// CHECK: return
func.func @empty_part(%x: tensor<4xf32>, %y: tensor<2xf32>) -> tensor<2xf32>
    attributes {qnn.kernel, qnn.symbols = []} {
  %0 = qnn.slice %x {starts = affine_map<() -> (4)>, sizes = affine_map<() -> (0)>, steps = array<i64: 1>} : (tensor<4xf32>) -> tensor<0xf32>
  %1 = qnn.concat %y, %0 {axis = 0} : (tensor<2xf32>, tensor<0xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

// -----

// A scalar that is copied is part of the body: a constant tensor would become a
// global, which a kernel cannot have.
// CHECK-LABEL: func.func @filled
// CHECK-NOT: arith.constant dense
// CHECK: linalg.generic {{.*}} outs
// CHECK: arith.constant 1.500000e+00 : f32
// CHECK-NEXT: linalg.yield
func.func @filled(%x: tensor<?xf32> {qnn.shape = affine_map<()[s0] -> (s0)>})
    -> tensor<?xf32> attributes {qnn.kernel, qnn.symbols = ["n"]} {
  %0 = qnn.constant dense<1.5> : tensor<f32> -> tensor<f32>
  %1 = qnn.broadcast_to %0 {shape = affine_map<()[s0] -> (s0)>} : (tensor<f32>) -> tensor<?xf32>
  return %1 : tensor<?xf32>
}

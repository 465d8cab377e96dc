// RUN: quant-opt %s | quant-opt | FileCheck %s

// The three orders of B, in both element types.
// CHECK-LABEL: @orders
func.func @orders(%a: tensor<?x70xf32>, %b: tensor<3x70x16xf32>,
                  %c: tensor<?x40xf32>, %v: tensor<70x40xf32>,
                  %k: tensor<40x70xf32>, %ai: tensor<?x70xi8>,
                  %bi: tensor<3x18x16x4xi8>, %ci: tensor<?x40xi32>)
    -> (tensor<?x40xf32>, tensor<?x40xi32>) {
  // CHECK: lowbit.matmul packed ins(%{{.+}}, %{{.+}} : tensor<?x70xf32>, tensor<3x70x16xf32>) outs(%{{.+}} : tensor<?x40xf32>) -> tensor<?x40xf32>
  %0 = lowbit.matmul packed ins(%a, %b : tensor<?x70xf32>, tensor<3x70x16xf32>)
      outs(%c : tensor<?x40xf32>) -> tensor<?x40xf32>
  // CHECK: lowbit.matmul row_major
  %1 = lowbit.matmul row_major ins(%a, %v : tensor<?x70xf32>, tensor<70x40xf32>)
      outs(%0 : tensor<?x40xf32>) -> tensor<?x40xf32>
  // CHECK: lowbit.matmul transposed
  %2 = lowbit.matmul transposed ins(%a, %k : tensor<?x70xf32>, tensor<40x70xf32>)
      outs(%1 : tensor<?x40xf32>) -> tensor<?x40xf32>
  // CHECK: lowbit.matmul packed {{.+}} tensor<3x18x16x4xi8>
  %3 = lowbit.matmul packed ins(%ai, %bi : tensor<?x70xi8>, tensor<3x18x16x4xi8>)
      outs(%ci : tensor<?x40xi32>) -> tensor<?x40xi32>
  return %2, %3 : tensor<?x40xf32>, tensor<?x40xi32>
}

// Batches of A with B per batch, shared along one dimension, and shared by all.
// CHECK-LABEL: @batches
func.func @batches(%a: memref<?x8x?x64xf32>, %each: memref<?x8x?x64xf32>,
                   %some: memref<?x1x?x64xf32>, %one: memref<4x64x16xf32>,
                   %c: memref<?x8x?x?xf32>, %d: memref<?x8x?x64xf32>) {
  // CHECK-COUNT-3: lowbit.matmul
  lowbit.matmul transposed
      ins(%a, %each : memref<?x8x?x64xf32>, memref<?x8x?x64xf32>)
      outs(%c : memref<?x8x?x?xf32>)
  lowbit.matmul transposed
      ins(%a, %some : memref<?x8x?x64xf32>, memref<?x1x?x64xf32>)
      outs(%c : memref<?x8x?x?xf32>)
  lowbit.matmul packed ins(%a, %one : memref<?x8x?x64xf32>, memref<4x64x16xf32>)
      outs(%d : memref<?x8x?x64xf32>)
  return
}

// CHECK-LABEL: @grouped_conv
// CHECK: lowbit.grouped_conv ins(%{{.+}}, %{{.+}} : tensor<?x8x8x6xi8>, tensor<4x7x16x4xi8>) start(%{{.+}} : tensor<64xi32>) outs(%{{.+}} : tensor<?x64xi32>) from %{{.+}} zero_point %{{.+}} : tensor<i32> {{{.+}} -> tensor<?x64xi32>
func.func @grouped_conv(%x: tensor<?x8x8x6xi8>, %w: tensor<4x7x16x4xi8>, %s: tensor<64xi32>,
                        %z: tensor<i32>, %c: tensor<?x64xi32>, %i: index) -> tensor<?x64xi32> {
  %0 = lowbit.grouped_conv ins(%x, %w : tensor<?x8x8x6xi8>, tensor<4x7x16x4xi8>) start(%s : tensor<64xi32>)
      outs(%c : tensor<?x64xi32>) from %i zero_point %z : tensor<i32> {groups = 2 : i64, window = array<i64: 3, 3>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>} -> tensor<?x64xi32>
  return %0 : tensor<?x64xi32>
}

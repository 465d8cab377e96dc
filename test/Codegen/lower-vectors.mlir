// RUN: quant-opt %s --lower-vectors --split-input-file | FileCheck %s

// A transpose becomes shuffles of whole vectors.
// CHECK-LABEL: func.func @transpose
// CHECK-NOT: vector.transpose
// CHECK: vector.shuffle
// CHECK: return
func.func @transpose(%x: vector<2x4xf32>) -> vector<4x2xf32> {
  %0 = vector.transpose %x, [1, 0] : vector<2x4xf32> to vector<4x2xf32>
  return %0 : vector<4x2xf32>
}

// -----

// What convert-vector-to-llvm takes is left to it.
// CHECK-LABEL: func.func @left
// CHECK: vector.fma
// CHECK: vector.reduction <add>
func.func @left(%x: vector<16xf32>) -> f32 {
  %0 = vector.fma %x, %x, %x : vector<16xf32>
  %1 = vector.reduction <add>, %0 : vector<16xf32> into f32
  return %1 : f32
}

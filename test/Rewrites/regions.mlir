// RUN: quant-opt %s --split-input-file --print-regions --verify-diagnostics
// RUN: quant-opt %s --split-input-file \
// RUN:   --pass-pipeline='builtin.module(func.func(print-regions{kind=rotation}))' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=ROTATION
// RUN: not quant-opt %s --split-input-file \
// RUN:   --pass-pipeline='builtin.module(func.func(print-regions{kind=shear}))' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=BAD

// BAD: error: expected kind 'scale' or 'rotation', got 'shear'

// The scale of a norm absorbs; two linears read it.
// ROTATION: remark: 16 channels, 1 values, 0 constants absorb, 2 the inverse: blocked, qnn.rms_norm scales channels
func.func @norm(%x: tensor<?x16xf32>, %g: tensor<16xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %gamma = qnn.constant dense<2.0> : tensor<16xf32> -> tensor<16xf32>
  %w = qnn.constant dense<1.5> : tensor<8x16xf32> -> tensor<8x16xf32>
  %0 = qnn.rms_norm %x, %gamma {axis = 1 : i64, epsilon = 1.0e-6 : f32} : (tensor<?x16xf32>, tensor<16xf32>) -> tensor<?x16xf32>
  // expected-remark @+1 {{16 channels, 1 values, 1 constants absorb, 2 the inverse: folds}}
  %1 = qnn.linear %0, %w : (tensor<?x16xf32>, tensor<8x16xf32>) -> tensor<?x8xf32>
  // expected-remark @+1 {{16 channels, 1 values, 1 constants absorb, 2 the inverse: folds}}
  %2 = qnn.linear %0, %w : (tensor<?x16xf32>, tensor<8x16xf32>) -> tensor<?x8xf32>
  return %1, %2 : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

// Value heads: the channels pass the split into heads and attention, as scales
// and as rotations inside a head, and each value head serves two query heads.
// ROTATION: remark: 16 channels in blocks of 8, 6 values, 2 constants absorb, 1 the inverse: folds
func.func @heads(%x: tensor<?x?x32xf32> {qnn.shape = affine_map<()[s0, s1] -> (s0, s1, 32)>},
                 %q: tensor<?x4x?x8xf32> {qnn.shape = affine_map<()[s0, s1] -> (s0, 4, s1, 8)>},
                 %k: tensor<?x2x?x8xf32> {qnn.shape = affine_map<()[s0, s1] -> (s0, 2, s1, 8)>})
    -> tensor<?x?x32xf32> attributes {qnn.symbols = ["batch", "sequence"]} {
  %wv = qnn.constant dense<1.5> : tensor<16x32xf32> -> tensor<16x32xf32>
  %bv = qnn.constant dense<1.0> : tensor<16xf32> -> tensor<16xf32>
  %wo = qnn.constant dense<1.5> : tensor<32x32xf32> -> tensor<32x32xf32>
  // expected-remark @+1 {{blocked, is an input}}
  %0 = qnn.linear %x, %wv bias %bv : (tensor<?x?x32xf32>, tensor<16x32xf32>, tensor<16xf32>) -> tensor<?x?x16xf32>
  %1 = qnn.reshape %0 {shape = affine_map<()[s0, s1] -> (s0, s1, 2, 8)>} : (tensor<?x?x16xf32>) -> tensor<?x?x2x8xf32>
  %2 = qnn.transpose %1 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x?x2x8xf32>) -> tensor<?x2x?x8xf32>
  %3 = qnn.attention %q, %k, %2 {causal = false, key_transposed = false, scale = 1.0 : f32} : (tensor<?x4x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>) -> tensor<?x4x?x8xf32>
  %4 = qnn.transpose %3 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x4x?x8xf32>) -> tensor<?x?x4x8xf32>
  %5 = qnn.reshape %4 {shape = affine_map<()[s0, s1] -> (s0, s1, 32)>} : (tensor<?x?x4x8xf32>) -> tensor<?x?x32xf32>
  // expected-remark @+1 {{16 channels in blocks of 8, 6 values, 2 constants absorb, 1 the inverse: folds}}
  %6 = qnn.linear %5, %wo : (tensor<?x?x32xf32>, tensor<32x32xf32>) -> tensor<?x?x32xf32>
  return %6 : tensor<?x?x32xf32>
}

// -----

// A residual joins its members: what blocks one blocks all.
func.func @residual(%x: tensor<?x16xf32>, %i: tensor<?xi64>) -> tensor<?x16xf32> {
  %table = qnn.constant dense<1.5> : tensor<100x16xf32> -> tensor<100x16xf32>
  %w = qnn.constant dense<1.5> : tensor<16x16xf32> -> tensor<16x16xf32>
  %0 = qnn.gather %table, %i {axis = 0 : i64} : (tensor<100x16xf32>, tensor<?xi64>) -> tensor<?x16xf32>
  // expected-remark @+1 {{16 channels, 3 values, 2 constants absorb, 1 the inverse: blocked, qnn.gelu blocks}}
  %1 = qnn.linear %0, %w : (tensor<?x16xf32>, tensor<16x16xf32>) -> tensor<?x16xf32>
  %2 = qnn.add %0, %1 : (tensor<?x16xf32>, tensor<?x16xf32>) -> tensor<?x16xf32>
  %3 = qnn.gelu %2 : (tensor<?x16xf32>) -> tensor<?x16xf32>
  return %3 : tensor<?x16xf32>
}

// -----

// Of a gated product the scale goes to the linear; the gate blocks a rotation.
// ROTATION: blocked, qnn.mul scales channels
func.func @gated(%x: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %w = qnn.constant dense<1.5> : tensor<24x16xf32> -> tensor<24x16xf32>
  %v = qnn.constant dense<1.5> : tensor<16x24xf32> -> tensor<16x24xf32>
  // expected-remark @+1 {{blocked, is an input}}
  %0 = qnn.linear %x, %w : (tensor<?x16xf32>, tensor<24x16xf32>) -> tensor<?x24xf32>
  // expected-remark @+1 {{blocked, is an input}}
  %1 = qnn.linear %x, %w : (tensor<?x16xf32>, tensor<24x16xf32>) -> tensor<?x24xf32>
  %2 = qnn.silu %0 : (tensor<?x24xf32>) -> tensor<?x24xf32>
  %3 = qnn.mul %2, %1 : (tensor<?x24xf32>, tensor<?x24xf32>) -> tensor<?x24xf32>
  // expected-remark @+1 {{24 channels, 2 values, 1 constants absorb, 1 the inverse: folds}}
  %4 = qnn.linear %3, %v : (tensor<?x24xf32>, tensor<16x24xf32>) -> tensor<?x16xf32>
  return %4 : tensor<?x16xf32>
}

// RUN: quant-opt %s --split-input-file --rotate=min-block=8 --cse | FileCheck %s
// RUN: quant-opt %s --split-input-file --rotate 2>&1 >/dev/null \
// RUN:   | FileCheck %s --check-prefix=REMARK
// RUN: quant-opt %s --split-input-file \
// RUN:   --pass-pipeline='builtin.module(func.func(rotate{online=false}))' \
// RUN:   | FileCheck %s --check-prefix=OFFLINE
// RUN: quant-opt %s --split-input-file \
// RUN:   --pass-pipeline='builtin.module(func.func(rotate))' \
// RUN:   | FileCheck %s --check-prefix=MIN

// Behind Gelu the rotation stays online, and the weight takes its matrix.
// CHECK-LABEL: func.func @online
// CHECK: %[[V:.+]] = qnn.constant
// CHECK: %[[G:.+]] = qnn.gelu
// CHECK: %[[T:.+]] = qnn.hadamard %[[G]] {block = 24 : i64, qnn.transforms = [{axes = array<i64: 1>, hadamard = 24 : i64}]}
// CHECK: %[[VT:.+]] = qnn.hadamard %[[V]] {block = 24 : i64}
// CHECK: qnn.linear %[[T]], %[[VT]]
// OFFLINE-LABEL: func.func @online
// OFFLINE-NOT: qnn.hadamard
// OFFLINE: return
func.func @online(%x: tensor<?x24xf32>) -> tensor<?x16xf32>
    attributes {qnn.entry} {
  %v = qnn.constant dense<1.5> : tensor<16x24xf32> -> tensor<16x24xf32>
  %0 = qnn.gelu %x : (tensor<?x24xf32>) -> tensor<?x24xf32>
  %1 = qnn.linear %0, %v : (tensor<?x24xf32>, tensor<16x24xf32>) -> tensor<?x16xf32>
  return %1 : tensor<?x16xf32>
}

// -----

// The residual stream of a decoder: gamma moves into the linears, then table,
// linears and norm all take the rotation.  The last norm's gamma cannot move
// into the tied table, so that norm reads the stream as it was: one transform
// there and one before the last linear, against one for each linear's input.
// CHECK-LABEL: func.func @decoder
// CHECK-DAG: %[[TABLE:.+]] = qnn.constant dense<2.000000e+00> : tensor<64x16xf32>
// CHECK-DAG: %[[GAMMA:.+]] = qnn.constant dense<7.500000e-01> : tensor<16xf32>
// CHECK-DAG: %[[ONES:.+]] = qnn.constant dense<1.000000e+00> : tensor<16xf32>
// CHECK: %[[TT:.+]] = qnn.hadamard %[[TABLE]] {block = 16 : i64}
// CHECK: %[[X:.+]] = qnn.gather %[[TT]]
// CHECK-SAME: hadamard = 16
// CHECK: %[[N:.+]] = qnn.rms_norm %[[X]], %[[ONES]]
// CHECK: %[[L:.+]] = qnn.linear %[[N]]
// CHECK: %[[S:.+]] = qnn.add %[[X]], %[[L]]
// CHECK: %[[M:.+]] = qnn.rms_norm %[[S]], %[[ONES]]
// CHECK: %[[L2:.+]] = qnn.linear %[[M]]
// CHECK: %[[S2:.+]] = qnn.add %[[S]], %[[L2]]
// CHECK: %[[BACK:.+]] = qnn.hadamard %[[S2]] {block = 16 : i64, transposed}
// CHECK: %[[Z:.+]] = qnn.rms_norm %[[BACK]], %[[GAMMA]]
// CHECK: %[[ZT:.+]] = qnn.hadamard %[[Z]] {block = 16 : i64
// CHECK: qnn.linear %[[ZT]], %[[TT]]
func.func @decoder(%i: tensor<?xi64>) -> tensor<?x64xf32>
    attributes {qnn.entry} {
  %table = qnn.constant dense<2.0> : tensor<64x16xf32> -> tensor<64x16xf32>
  %gamma = qnn.constant dense<0.75> : tensor<16xf32> -> tensor<16xf32>
  %w = qnn.constant dense<0.25> : tensor<16x16xf32> -> tensor<16x16xf32>
  %x = qnn.gather %table, %i {axis = 0 : i64} : (tensor<64x16xf32>, tensor<?xi64>) -> tensor<?x16xf32>
  %0 = qnn.rms_norm %x, %gamma {axis = 1 : i64, epsilon = 1.0e-6 : f32} : (tensor<?x16xf32>, tensor<16xf32>) -> tensor<?x16xf32>
  %1 = qnn.linear %0, %w : (tensor<?x16xf32>, tensor<16x16xf32>) -> tensor<?x16xf32>
  %2 = qnn.add %x, %1 : (tensor<?x16xf32>, tensor<?x16xf32>) -> tensor<?x16xf32>
  %3 = qnn.rms_norm %2, %gamma {axis = 1 : i64, epsilon = 1.0e-6 : f32} : (tensor<?x16xf32>, tensor<16xf32>) -> tensor<?x16xf32>
  %4 = qnn.linear %3, %w : (tensor<?x16xf32>, tensor<16x16xf32>) -> tensor<?x16xf32>
  %5 = qnn.add %2, %4 : (tensor<?x16xf32>, tensor<?x16xf32>) -> tensor<?x16xf32>
  %6 = qnn.rms_norm %5, %gamma {axis = 1 : i64, epsilon = 1.0e-6 : f32} : (tensor<?x16xf32>, tensor<16xf32>) -> tensor<?x16xf32>
  %7 = qnn.linear %6, %table : (tensor<?x16xf32>, tensor<64x16xf32>) -> tensor<?x64xf32>
  return %7 : tensor<?x64xf32>
}

// -----

// Values of attention are rotated inside their heads, offline: the rows and the
// bias of their projection, the columns of the next linear.  Heads this small
// are not worth it by default.
// CHECK-LABEL: func.func @heads
// CHECK: %[[V:.+]] = qnn.linear %{{.+}}, %{{.+}} bias %{{.+}} {qnn.transforms = [{axes = array<i64: 2>, hadamard = 8 : i64}]}
// CHECK: qnn.attention {{.*}}hadamard = 8
// CHECK-NOT: qnn.hadamard {{.*}}tensor<?
// CHECK: qnn.linear
// MIN-LABEL: func.func @heads
// MIN: qnn.attention
// MIN: qnn.hadamard %{{.+}} {block = 32 : i64
// MIN: qnn.linear
func.func @heads(%x: tensor<?x?x12xf32> {qnn.shape = affine_map<()[s0, s1] -> (s0, s1, 12)>},
                 %q: tensor<?x4x?x8xf32> {qnn.shape = affine_map<()[s0, s1] -> (s0, 4, s1, 8)>},
                 %k: tensor<?x2x?x8xf32> {qnn.shape = affine_map<()[s0, s1] -> (s0, 2, s1, 8)>})
    -> tensor<?x?x6xf32> attributes {qnn.entry, qnn.symbols = ["batch", "sequence"]} {
  %wv = qnn.constant dense<0.5> : tensor<16x12xf32> -> tensor<16x12xf32>
  %bv = qnn.constant dense<0.25> : tensor<16xf32> -> tensor<16xf32>
  %wo = qnn.constant dense<2.0> : tensor<6x32xf32> -> tensor<6x32xf32>
  %0 = qnn.linear %x, %wv bias %bv : (tensor<?x?x12xf32>, tensor<16x12xf32>, tensor<16xf32>) -> tensor<?x?x16xf32>
  %1 = qnn.reshape %0 {shape = affine_map<()[s0, s1] -> (s0, s1, 2, 8)>} : (tensor<?x?x16xf32>) -> tensor<?x?x2x8xf32>
  %2 = qnn.transpose %1 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x?x2x8xf32>) -> tensor<?x2x?x8xf32>
  %3 = qnn.attention %q, %k, %2 {causal = false, key_transposed = false, scale = 1.0 : f32} : (tensor<?x4x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>) -> tensor<?x4x?x8xf32>
  %4 = qnn.transpose %3 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x4x?x8xf32>) -> tensor<?x?x4x8xf32>
  %5 = qnn.reshape %4 {shape = affine_map<()[s0, s1] -> (s0, s1, 32)>} : (tensor<?x?x4x8xf32>) -> tensor<?x?x32xf32>
  %6 = qnn.linear %5, %wo : (tensor<?x?x32xf32>, tensor<6x32xf32>) -> tensor<?x?x6xf32>
  return %6 : tensor<?x?x6xf32>
}

// -----

// No Hadamard matrix of order 10 is known.
// REMARK: remark: is not rotated: there is no Hadamard matrix of order 10
// CHECK-LABEL: func.func @order
// CHECK-NOT: qnn.hadamard
// CHECK: return
func.func @order(%x: tensor<?x10xf32>) -> tensor<?x16xf32>
    attributes {qnn.entry} {
  %v = qnn.constant dense<1.5> : tensor<16x10xf32> -> tensor<16x10xf32>
  %0 = qnn.gelu %x : (tensor<?x10xf32>) -> tensor<?x10xf32>
  %1 = qnn.linear %0, %v : (tensor<?x10xf32>, tensor<16x10xf32>) -> tensor<?x16xf32>
  return %1 : tensor<?x16xf32>
}

// -----

// A gamma with a zero cannot be undone, and a layer norm's is not moved.
// CHECK-LABEL: func.func @gamma_stays
// CHECK-DAG: %[[Z:.+]] = qnn.constant dense<0.000000e+00> : tensor<16xf32>
// CHECK-DAG: %[[G:.+]] = qnn.constant dense<2.000000e+00> : tensor<16xf32>
// CHECK: qnn.rms_norm %{{.+}}, %[[Z]]
// CHECK: qnn.layer_norm %{{.+}}, %[[G]]
func.func @gamma_stays(%x: tensor<?x16xf32>) -> (tensor<?x16xf32>, tensor<?x16xf32>)
    attributes {qnn.entry} {
  %zero = qnn.constant dense<0.0> : tensor<16xf32> -> tensor<16xf32>
  %g = qnn.constant dense<2.0> : tensor<16xf32> -> tensor<16xf32>
  %w = qnn.constant dense<1.5> : tensor<16x16xf32> -> tensor<16x16xf32>
  %0 = qnn.rms_norm %x, %zero {axis = 1 : i64, epsilon = 1.0e-6 : f32} : (tensor<?x16xf32>, tensor<16xf32>) -> tensor<?x16xf32>
  %1 = qnn.linear %0, %w : (tensor<?x16xf32>, tensor<16x16xf32>) -> tensor<?x16xf32>
  %2 = qnn.layer_norm %x, %g bias %g {axis = 1 : i64, epsilon = 1.0e-6 : f32} : (tensor<?x16xf32>, tensor<16xf32>, tensor<16xf32>) -> tensor<?x16xf32>
  %3 = qnn.linear %2, %w : (tensor<?x16xf32>, tensor<16x16xf32>) -> tensor<?x16xf32>
  return %1, %3 : tensor<?x16xf32>, tensor<?x16xf32>
}

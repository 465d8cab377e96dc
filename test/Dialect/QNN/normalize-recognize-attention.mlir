// RUN: quant-opt %s --qnn-recognize --mlir-print-local-scope | FileCheck %s

// As exported from BERT: keys transposed to [b, h, d, s] at once, the scores
// divided, an additive mask.
// CHECK-LABEL: func.func @bert
// CHECK-SAME: (%[[Q:.+]]: tensor<?x?x12x32xf32> {{.+}}, %[[K:.+]]: tensor<?x?x12x32xf32> {{.+}}, %[[V:.+]]: tensor<?x?x12x32xf32> {{.+}}, %[[M:.+]]: tensor<?x1x1x?xf32>
func.func @bert(%q: tensor<?x?x12x32xf32> {qnn.shape = affine_map<()[s0, s1] -> (s0, s1, 12, 32)>},
                %k: tensor<?x?x12x32xf32> {qnn.shape = affine_map<()[s0, s1] -> (s0, s1, 12, 32)>},
                %v: tensor<?x?x12x32xf32> {qnn.shape = affine_map<()[s0, s1] -> (s0, s1, 12, 32)>},
                %mask: tensor<?x1x1x?xf32> {qnn.shape = affine_map<()[s0, s1] -> (s0, 1, 1, s1)>})
    -> tensor<?x12x?x32xf32> attributes {qnn.symbols = ["b", "s"]} {
  // CHECK-DAG: %[[QT:.+]] = qnn.transpose %[[Q]] {permutation = array<i64: 0, 2, 1, 3>}
  // CHECK-DAG: %[[KT:.+]] = qnn.transpose %[[K]] {permutation = array<i64: 0, 2, 1, 3>}
  // CHECK-DAG: %[[VT:.+]] = qnn.transpose %[[V]] {permutation = array<i64: 0, 2, 1, 3>}
  // CHECK: qnn.attention %[[QT]], %[[KT]], %[[VT]] mask %[[M]] {causal = false, key_transposed = false, scale = 0.176776692 : f32}
  // CHECK-NEXT: return
  %root = qnn.constant dense<5.65685415> : tensor<f32> -> tensor<f32>
  %qt = qnn.transpose %q {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x?x12x32xf32>) -> tensor<?x12x?x32xf32>
  %kt = qnn.transpose %k {permutation = array<i64: 0, 2, 3, 1>} : (tensor<?x?x12x32xf32>) -> tensor<?x12x32x?xf32>
  %vt = qnn.transpose %v {permutation = array<i64: 0, 2, 1, 3>} : (tensor<?x?x12x32xf32>) -> tensor<?x12x?x32xf32>
  %s = qnn.matmul %qt, %kt : (tensor<?x12x?x32xf32>, tensor<?x12x32x?xf32>) -> tensor<?x12x?x?xf32>
  %d = qnn.div %s, %root : (tensor<?x12x?x?xf32>, tensor<f32>) -> tensor<?x12x?x?xf32>
  %m = qnn.add %d, %mask : (tensor<?x12x?x?xf32>, tensor<?x1x1x?xf32>) -> tensor<?x12x?x?xf32>
  %p = qnn.softmax %m {axis = 3 : i64} : (tensor<?x12x?x?xf32>) -> tensor<?x12x?x?xf32>
  %y = qnn.matmul %p, %vt : (tensor<?x12x?x?xf32>, tensor<?x12x?x32xf32>) -> tensor<?x12x?x32xf32>
  return %y : tensor<?x12x?x32xf32>
}

// Keys and values repeated from 2 heads to 8, and scales on q and k.
// CHECK-LABEL: func.func @grouped
// CHECK-SAME: (%[[Q:.+]]: tensor<1x8x5x32xf32>, %[[K:.+]]: tensor<1x2x7x32xf32>, %[[V:.+]]: tensor<1x2x7x32xf32>)
func.func @grouped(%q: tensor<1x8x5x32xf32>, %k: tensor<1x2x7x32xf32>, %v: tensor<1x2x7x32xf32>) -> tensor<1x8x5x32xf32> {
  // CHECK-NEXT: qnn.attention %[[Q]], %[[K]], %[[V]] {causal = false, key_transposed = false, scale = 1.250000e-01 : f32}
  // CHECK-NEXT: return
  %half = qnn.constant dense<0.5> : tensor<f32> -> tensor<f32>
  %quarter = qnn.constant dense<0.25> : tensor<f32> -> tensor<f32>
  %qs = qnn.mul %q, %half : (tensor<1x8x5x32xf32>, tensor<f32>) -> tensor<1x8x5x32xf32>
  %k1 = qnn.reshape %k {shape = affine_map<() -> (1, 2, 1, 7, 32)>} : (tensor<1x2x7x32xf32>) -> tensor<1x2x1x7x32xf32>
  %k2 = qnn.broadcast_to %k1 {shape = affine_map<() -> (1, 2, 4, 7, 32)>} : (tensor<1x2x1x7x32xf32>) -> tensor<1x2x4x7x32xf32>
  %k3 = qnn.reshape %k2 {shape = affine_map<() -> (1, 8, 7, 32)>} : (tensor<1x2x4x7x32xf32>) -> tensor<1x8x7x32xf32>
  %kt = qnn.transpose %k3 {permutation = array<i64: 0, 1, 3, 2>} : (tensor<1x8x7x32xf32>) -> tensor<1x8x32x7xf32>
  %ks = qnn.mul %kt, %quarter : (tensor<1x8x32x7xf32>, tensor<f32>) -> tensor<1x8x32x7xf32>
  %v1 = qnn.reshape %v {shape = affine_map<() -> (1, 2, 1, 7, 32)>} : (tensor<1x2x7x32xf32>) -> tensor<1x2x1x7x32xf32>
  %v2 = qnn.broadcast_to %v1 {shape = affine_map<() -> (1, 2, 4, 7, 32)>} : (tensor<1x2x1x7x32xf32>) -> tensor<1x2x4x7x32xf32>
  %v3 = qnn.reshape %v2 {shape = affine_map<() -> (1, 8, 7, 32)>} : (tensor<1x2x4x7x32xf32>) -> tensor<1x8x7x32xf32>
  %s = qnn.matmul %qs, %ks : (tensor<1x8x5x32xf32>, tensor<1x8x32x7xf32>) -> tensor<1x8x5x7xf32>
  %p = qnn.softmax %s {axis = 3 : i64} : (tensor<1x8x5x7xf32>) -> tensor<1x8x5x7xf32>
  %y = qnn.matmul %p, %v3 : (tensor<1x8x5x7xf32>, tensor<1x8x7x32xf32>) -> tensor<1x8x5x32xf32>
  return %y : tensor<1x8x5x32xf32>
}

// A selected mask, the guard against rows without keys, rank 3.
// CHECK-LABEL: func.func @selected_mask
// CHECK-SAME: (%[[Q:.+]]: tensor<6x5x32xf32>, %[[K:.+]]: tensor<6x32x7xf32>, %[[V:.+]]: tensor<6x7x16xf32>, %[[C:.+]]: tensor<6x1x7xi1>)
func.func @selected_mask(%q: tensor<6x5x32xf32>, %kt: tensor<6x32x7xf32>, %v: tensor<6x7x16xf32>, %seen: tensor<6x1x7xi1>) -> tensor<6x5x16xf32> {
  // CHECK: %[[M:.+]] = qnn.where %[[C]], %{{.+}}, %{{.+}} : (tensor<6x1x7xi1>, tensor<f32>, tensor<f32>) -> tensor<6x1x7xf32>
  // CHECK: %[[MR:.+]] = qnn.reshape %[[M]]
  // CHECK: qnn.attention %{{.+}}, %{{.+}}, %{{.+}} mask %[[MR]] {causal = false, key_transposed = true, scale = 1.000000e+00 : f32} : (tensor<6x1x5x32xf32>, tensor<6x1x32x7xf32>, tensor<6x1x7x16xf32>, tensor<6x1x1x7xf32>) -> tensor<6x1x5x16xf32>
  // CHECK: return
  %inf = qnn.constant dense<0xFF800000> : tensor<f32> -> tensor<f32>
  %zero = qnn.constant dense<0.0> : tensor<f32> -> tensor<f32>
  %s = qnn.matmul %q, %kt : (tensor<6x5x32xf32>, tensor<6x32x7xf32>) -> tensor<6x5x7xf32>
  %m = qnn.where %seen, %s, %inf : (tensor<6x1x7xi1>, tensor<6x5x7xf32>, tensor<f32>) -> tensor<6x5x7xf32>
  %p = qnn.softmax %m {axis = 2 : i64} : (tensor<6x5x7xf32>) -> tensor<6x5x7xf32>
  %n = qnn.is_nan %p : (tensor<6x5x7xf32>) -> tensor<6x5x7xi1>
  %g = qnn.where %n, %zero, %p : (tensor<6x5x7xi1>, tensor<f32>, tensor<6x5x7xf32>) -> tensor<6x5x7xf32>
  %y = qnn.matmul %g, %v : (tensor<6x5x7xf32>, tensor<6x7x16xf32>) -> tensor<6x5x16xf32>
  return %y : tensor<6x5x16xf32>
}

// The guard that ONNX's own definition of Attention has: rows that the mask
// hides completely.
// CHECK-LABEL: func.func @hidden_rows
// CHECK-SAME: (%[[Q:.+]]: tensor<2x3x4x8xf32>, %[[K:.+]]: tensor<2x3x8x6xf32>, %[[V:.+]]: tensor<2x3x6x8xf32>, %[[M:.+]]: tensor<4x6xf32>)
func.func @hidden_rows(%q: tensor<2x3x4x8xf32>, %kt: tensor<2x3x8x6xf32>, %v: tensor<2x3x6x8xf32>, %mask: tensor<4x6xf32>) -> tensor<2x3x4x8xf32> {
  // CHECK: qnn.attention %[[Q]], %[[K]], %[[V]] mask %[[M]] {causal = false, key_transposed = true, scale = 1.000000e+00 : f32}
  // CHECK-NEXT: return
  %inf = qnn.constant dense<0xFF800000> : tensor<1xf32> -> tensor<1xf32>
  %zero = qnn.constant dense<0.0> : tensor<1xf32> -> tensor<1xf32>
  %s = qnn.matmul %q, %kt : (tensor<2x3x4x8xf32>, tensor<2x3x8x6xf32>) -> tensor<2x3x4x6xf32>
  %m = qnn.add %s, %mask : (tensor<2x3x4x6xf32>, tensor<4x6xf32>) -> tensor<2x3x4x6xf32>
  %p = qnn.softmax %m {axis = 3 : i64} : (tensor<2x3x4x6xf32>) -> tensor<2x3x4x6xf32>
  %most = qnn.reduce max %mask {axes = array<i64: 1>, keep_dims = true} : (tensor<4x6xf32>) -> tensor<4x1xf32>
  %hidden = qnn.equal %most, %inf : (tensor<4x1xf32>, tensor<1xf32>) -> tensor<4x1xi1>
  %g = qnn.where %hidden, %zero, %p : (tensor<4x1xi1>, tensor<1xf32>, tensor<2x3x4x6xf32>) -> tensor<2x3x4x6xf32>
  %y = qnn.matmul %g, %v : (tensor<2x3x4x6xf32>, tensor<2x3x6x8xf32>) -> tensor<2x3x4x8xf32>
  return %y : tensor<2x3x4x8xf32>
}

// A guard that never holds, in f16: the weights are not rounded in between.
// CHECK-LABEL: func.func @guard_never_holds
func.func @guard_never_holds(%q: tensor<2x3x4x8xf16>, %kt: tensor<2x3x8x6xf16>, %v: tensor<2x3x6x8xf16>) -> tensor<2x3x4x8xf16> {
  // CHECK: qnn.attention
  // CHECK-NEXT: return
  %zero = qnn.constant dense<0.0> : tensor<1xf16> -> tensor<1xf16>
  %never = qnn.constant dense<false> : tensor<4x1xi1> -> tensor<4x1xi1>
  %s = qnn.matmul %q, %kt : (tensor<2x3x4x8xf16>, tensor<2x3x8x6xf16>) -> tensor<2x3x4x6xf16>
  %p = qnn.softmax %s {axis = 3 : i64} : (tensor<2x3x4x6xf16>) -> tensor<2x3x4x6xf16>
  %g = qnn.where %never, %zero, %p : (tensor<4x1xi1>, tensor<1xf16>, tensor<2x3x4x6xf16>) -> tensor<2x3x4x6xf16>
  %y = qnn.matmul %g, %v : (tensor<2x3x4x6xf16>, tensor<2x3x6x8xf16>) -> tensor<2x3x4x8xf16>
  return %y : tensor<2x3x4x8xf16>
}

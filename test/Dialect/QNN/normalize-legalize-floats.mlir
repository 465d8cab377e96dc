// RUN: quant-opt %s --qnn-legalize-floats --mlir-print-local-scope | FileCheck %s

// Every operation rounds its own result; the sum sees a rounded product.
// CHECK-LABEL: func.func @chain
// CHECK-SAME: (%[[X:.+]]: tensor<?x4xf16>)
func.func @chain(%x: tensor<?x4xf16>) -> tensor<?x8xf16> {
  // CHECK-DAG: %[[W:.+]] = qnn.constant dense<15360> : tensor<8x4xi16> -> tensor<8x4xf16>
  // CHECK-DAG: %[[XF:.+]] = qnn.cast %[[X]] : (tensor<?x4xf16>) -> tensor<?x4xf32>
  // CHECK-DAG: %[[WF:.+]] = qnn.cast %[[W]] : (tensor<8x4xf16>) -> tensor<8x4xf32>
  // CHECK: %[[P:.+]] = qnn.linear %[[XF]], %[[WF]] : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  // CHECK: %[[PH:.+]] = qnn.cast %[[P]] : (tensor<?x8xf32>) -> tensor<?x8xf16>
  // CHECK: %[[PF:.+]] = qnn.cast %[[PH]] : (tensor<?x8xf16>) -> tensor<?x8xf32>
  // CHECK: %[[ONE:.+]] = qnn.constant dense<1.000000e+00> : tensor<f32>
  // CHECK: %[[S:.+]] = qnn.add %[[PF]], %[[ONE]] : (tensor<?x8xf32>, tensor<f32>) -> tensor<?x8xf32>
  // CHECK: %[[Y:.+]] = qnn.cast %[[S]]
  // CHECK: return %[[Y]]
  %w = qnn.constant dense<15360> : tensor<8x4xi16> -> tensor<8x4xf16>
  %one = qnn.constant dense<15360> : tensor<i16> -> tensor<f16>
  %p = qnn.linear %x, %w : (tensor<?x4xf16>, tensor<8x4xf16>) -> tensor<?x8xf16>
  %y = qnn.add %p, %one : (tensor<?x8xf16>, tensor<f16>) -> tensor<?x8xf16>
  return %y : tensor<?x8xf16>
}

// A comparison has nothing to round.
// CHECK-LABEL: func.func @compare
func.func @compare(%x: tensor<4xbf16>, %z: tensor<4xbf16>) -> tensor<4xi1> {
  // CHECK: %[[Y:.+]] = qnn.less %{{.+}}, %{{.+}} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  // CHECK-NEXT: return %[[Y]]
  %y = qnn.less %x, %z : (tensor<4xbf16>, tensor<4xbf16>) -> tensor<4xi1>
  return %y : tensor<4xi1>
}

// Moving and choosing elements keeps the type; so do other types.
// CHECK-LABEL: func.func @kept
func.func @kept(%c: tensor<4x4xi1>, %x: tensor<4x4xf16>, %z: tensor<4x4xf64>) -> (tensor<4x4xf16>, tensor<4x4xf64>) {
  // CHECK-NOT: qnn.cast
  // CHECK: return
  %t = qnn.transpose %x {permutation = array<i64: 1, 0>} : (tensor<4x4xf16>) -> tensor<4x4xf16>
  %y = qnn.where %c, %t, %x : (tensor<4x4xi1>, tensor<4x4xf16>, tensor<4x4xf16>) -> tensor<4x4xf16>
  %e = qnn.exp %z : (tensor<4x4xf64>) -> tensor<4x4xf64>
  return %y, %e : tensor<4x4xf16>, tensor<4x4xf64>
}

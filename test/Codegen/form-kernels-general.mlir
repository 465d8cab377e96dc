// RUN: quant-opt %s --split-input-file --mlir-print-local-scope \
// RUN:   --form-kernels=max-distinct-ops=2 | FileCheck %s

// The first group is a kernel of its own.  The others, which differ from it,
// share one for each operation: the scalar is an argument.
// CHECK-LABEL: func.func @scalars
// CHECK: %[[A:.+]] = qnn.constant dense<1.0
// CHECK: %[[B:.+]] = qnn.constant dense<2.0
// CHECK: %[[C:.+]] = qnn.constant dense<3.0
// CHECK: %[[X:.+]] = qnn.launch @kernel_0(%arg0)
// CHECK: %[[Y:.+]] = qnn.launch @kernel_1(%arg0, %[[B]])
// CHECK: qnn.launch @kernel_2(%[[Y]])
// CHECK: %[[Z:.+]] = qnn.launch @kernel_1(%arg0, %[[C]])
// CHECK: qnn.launch @kernel_2(%[[Z]])
// CHECK: func.func private @kernel_0(%{{[^,]+}}: tensor<4x64xf32> {{[^,]+}}) ->
// CHECK: func.func private @kernel_1(%{{.+}}: tensor<4x64xf32>{{.+}}, %{{.+}}: tensor<f32>
// CHECK: qnn.add
// CHECK: func.func private @kernel_2
// CHECK: qnn.exp
func.func @scalars(%x: tensor<4x64xf32>) -> (tensor<4x64xf32>, tensor<4x64xf32>, tensor<4x64xf32>)
    attributes {qnn.entry} {
  %a = qnn.constant dense<1.0> : tensor<f32> -> tensor<f32>
  %b = qnn.constant dense<2.0> : tensor<f32> -> tensor<f32>
  %c = qnn.constant dense<3.0> : tensor<f32> -> tensor<f32>
  %0 = qnn.add %x, %a : (tensor<4x64xf32>, tensor<f32>) -> tensor<4x64xf32>
  %1 = qnn.exp %0 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %2 = qnn.add %x, %b : (tensor<4x64xf32>, tensor<f32>) -> tensor<4x64xf32>
  %3 = qnn.exp %2 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  %4 = qnn.add %x, %c : (tensor<4x64xf32>, tensor<f32>) -> tensor<4x64xf32>
  %5 = qnn.exp %4 : (tensor<4x64xf32>) -> tensor<4x64xf32>
  return %1, %3, %5 : tensor<4x64xf32>, tensor<4x64xf32>, tensor<4x64xf32>
}

// -----

// Slices of one size share a kernel whatever they start at.
// CHECK-LABEL: func.func @slices
// CHECK: qnn.launch @kernel_0(%arg0)
// CHECK: qnn.launch @kernel_1(%arg0)
// CHECK: qnn.launch @kernel_2(%arg0) {symbols = affine_map<() -> (5, 0)>}
// CHECK: qnn.launch @kernel_2(%arg0) {symbols = affine_map<() -> (7, 0)>}
// CHECK: func.func private @kernel_2
// CHECK: qnn.slice %{{.+}} {sizes = affine_map<()[s0, s1] -> (1, 8)>, starts = affine_map<()[s0, s1] -> (s0, s1)>
func.func @slices(%x: tensor<16x8xf32>) -> (tensor<1x8xf32>, tensor<1x8xf32>, tensor<1x8xf32>, tensor<1x8xf32>)
    attributes {qnn.entry} {
  %0 = qnn.slice %x {starts = affine_map<() -> (1, 0)>, sizes = affine_map<() -> (1, 8)>, steps = array<i64: 1, 1>} : (tensor<16x8xf32>) -> tensor<1x8xf32>
  %1 = qnn.slice %x {starts = affine_map<() -> (3, 0)>, sizes = affine_map<() -> (1, 8)>, steps = array<i64: 1, 1>} : (tensor<16x8xf32>) -> tensor<1x8xf32>
  %2 = qnn.slice %x {starts = affine_map<() -> (5, 0)>, sizes = affine_map<() -> (1, 8)>, steps = array<i64: 1, 1>} : (tensor<16x8xf32>) -> tensor<1x8xf32>
  %3 = qnn.slice %x {starts = affine_map<() -> (7, 0)>, sizes = affine_map<() -> (1, 8)>, steps = array<i64: 1, 1>} : (tensor<16x8xf32>) -> tensor<1x8xf32>
  return %0, %1, %2, %3 : tensor<1x8xf32>, tensor<1x8xf32>, tensor<1x8xf32>, tensor<1x8xf32>
}

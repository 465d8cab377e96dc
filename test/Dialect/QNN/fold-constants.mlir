// RUN: quant-opt %s --qnn-fold-constants | FileCheck %s
// RUN: quant-opt %s --qnn-fold-constants=max-growth-bytes=16 | FileCheck %s --check-prefix=SMALL

// CHECK-LABEL: func.func @integers_wrap
//       CHECK: qnn.constant dense<[-9223372036854775808, 0]> : tensor<2xi64> -> tensor<2xi64>
//  CHECK-NEXT: return
func.func @integers_wrap() -> tensor<2xi64> {
  %0 = qnn.constant dense<[-9223372036854775808, 7]> : tensor<2xi64> -> tensor<2xi64>
  %1 = qnn.constant dense<[-1, 0]> : tensor<2xi64> -> tensor<2xi64>
  %2 = qnn.div %0, %1 : (tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
  return %2 : tensor<2xi64>
}

// CHECK-LABEL: func.func @chain
//       CHECK: qnn.constant dense<{{\[\[}}1.000000e+00], [2.500000e+00]]> : tensor<2x1xf32>
//  CHECK-NEXT: return
func.func @chain() -> tensor<2x1xf32> {
  %0 = qnn.constant dense<[2, 5]> : tensor<2xi32> -> tensor<2xi32>
  %half = qnn.constant dense<0.5> : tensor<f32> -> tensor<f32>
  %1 = qnn.cast %0 : (tensor<2xi32>) -> tensor<2xf32>
  %2 = qnn.mul %1, %half : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  %3 = qnn.reshape %2 {shape = affine_map<() -> (2, 1)>} : (tensor<2xf32>) -> tensor<2x1xf32>
  return %3 : tensor<2x1xf32>
}

// A reshape of a resource shares it.
// CHECK-LABEL: func.func @resource_reshape
//       CHECK: qnn.constant dense_resource<weight> : tensor<4xf32> -> tensor<4xf32>
//  CHECK-NEXT: return
func.func @resource_reshape() -> tensor<4xf32> {
  %0 = qnn.constant dense_resource<weight> : tensor<2x2xf32> -> tensor<2x2xf32>
  %1 = qnn.reshape %0 {shape = affine_map<() -> (4)>} : (tensor<2x2xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK-LABEL: func.func @transpose
//       CHECK: qnn.constant dense<{{\[\[}}1.000000e+00, 3.000000e+00], [2.000000e+00, 4.000000e+00]]>
func.func @transpose() -> tensor<2x2xf32> {
  %0 = qnn.constant dense_resource<weight> : tensor<2x2xf32> -> tensor<2x2xf32>
  %1 = qnn.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  return %1 : tensor<2x2xf32>
}

// CHECK-LABEL: func.func @growth
//   CHECK-NOT: qnn.broadcast_to
// SMALL-LABEL: func.func @growth
//       SMALL: qnn.broadcast_to
func.func @growth() -> tensor<100xi8> {
  %0 = qnn.constant dense<1> : tensor<i8> -> tensor<i8>
  %1 = qnn.broadcast_to %0 {shape = affine_map<() -> (100)>} : (tensor<i8>) -> tensor<100xi8>
  return %1 : tensor<100xi8>
}

// Symbols are not known here, and an elided or broken value cannot be read.
// CHECK-LABEL: func.func @stays
//       CHECK: qnn.shape_value
//       CHECK: qnn.neg
func.func @stays() -> (tensor<1xi64>, tensor<2xf32>)
    attributes {qnn.symbols = ["n"]} {
  %0 = qnn.shape_value {values = affine_map<()[s0] -> (s0 * 2)>} : tensor<1xi64>
  %1 = qnn.constant dense_resource<missing> : tensor<2xf32> -> tensor<2xf32>
  %2 = qnn.neg %1 : (tensor<2xf32>) -> tensor<2xf32>
  return %0, %2 : tensor<1xi64>, tensor<2xf32>
}

{-#
  dialect_resources: {
    builtin: {
      weight: "0x040000000000803F000000400000404000008040"
    }
  }
#-}

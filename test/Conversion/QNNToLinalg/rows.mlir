// RUN: quant-opt %s --convert-qnn-to-linalg --split-input-file | FileCheck %s

// Statistics are generics over rows; the last generic recomputes x - mean.
// CHECK-LABEL: func.func @layer_norm
// CHECK: iterator_types = ["parallel", "reduction"]
// CHECK: arith.addf
// CHECK: iterator_types = ["parallel"]
// CHECK: arith.divf
// CHECK: iterator_types = ["parallel", "reduction"]
// CHECK: %[[D:.+]] = arith.subf
// CHECK: math.fma %[[D]], %[[D]]
// CHECK: iterator_types = ["parallel"]
// CHECK: math.sqrt
// CHECK: iterator_types = ["parallel", "parallel"]
// CHECK: arith.subf
// CHECK: math.fma
func.func @layer_norm(
    %x: tensor<?x384xf32> {qnn.shape = affine_map<()[s0] -> (s0, 384)>},
    %g: tensor<384xf32>, %b: tensor<384xf32>) -> tensor<?x384xf32>
    attributes {qnn.kernel, qnn.symbols = ["n"]} {
  %0 = qnn.layer_norm %x, %g bias %b {axis = 1, epsilon = 1.0e-5 : f32} :
      (tensor<?x384xf32>, tensor<384xf32>, tensor<384xf32>) -> tensor<?x384xf32>
  return %0 : tensor<?x384xf32>
}

// -----

// Reducing an outer axis goes through a transpose that stays apart, so that the
// rows of the reduction are contiguous.
// CHECK-LABEL: func.func @outer_axis
// CHECK: linalg.generic
// CHECK-SAME: iterator_types = ["parallel", "parallel"]
// CHECK: linalg.generic
// CHECK-SAME: iterator_types = ["parallel", "reduction"]
func.func @outer_axis(%x: tensor<16x8xf32>) -> tensor<8xf32>
    attributes {qnn.kernel, qnn.symbols = []} {
  %0 = qnn.reduce sum %x {axes = array<i64: 0>, keep_dims = false} : (tensor<16x8xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

// The exponential is computed once and read twice.
// CHECK-LABEL: func.func @softmax
// CHECK: arith.cmpf ogt
// CHECK-COUNT-1: math.exp
// CHECK-NOT: math.exp
func.func @softmax(%x: tensor<4x100xf32>) -> tensor<4x100xf32>
    attributes {qnn.kernel, qnn.symbols = []} {
  %0 = qnn.softmax %x {axis = 1} : (tensor<4x100xf32>) -> tensor<4x100xf32>
  return %0 : tensor<4x100xf32>
}

// -----

// A row may be all there is: the result of the reduction has no dimension.
// CHECK-LABEL: func.func @everything
// CHECK: tensor.collapse_shape %{{.+}} : tensor<3x4xf32> into tensor<12xf32>
// CHECK: linalg.generic
// CHECK-SAME: iterator_types = ["reduction"]
// CHECK-SAME: outs(%{{.+}} : tensor<f32>)
func.func @everything(%x: tensor<3x4xf32>) -> tensor<1x1xf32>
    attributes {qnn.kernel, qnn.symbols = []} {
  %0 = qnn.reduce max %x {axes = array<i64: 0, 1>, keep_dims = true} : (tensor<3x4xf32>) -> tensor<1x1xf32>
  return %0 : tensor<1x1xf32>
}

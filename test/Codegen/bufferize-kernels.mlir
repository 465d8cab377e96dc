// RUN: quant-opt %s --mlir-print-local-scope --bufferize-kernels --canonicalize | FileCheck %s

// Two sizes of one group that only the run knows: a base with strides.
// CHECK-LABEL: func.func private @two_open
// CHECK-SAME: %[[X:.+]]: memref<?x?xf32>
// CHECK-DAG: %[[A:.+]] = qnn.symbol_value 0
// CHECK-DAG: %[[B:.+]] = qnn.symbol_value 1
// CHECK-DAG: %[[ROW:.+]] = affine.apply affine_map<()[s0] -> (s0 * 8)>()[%[[B]]]
// CHECK-NOT: memref.expand_shape
// CHECK: memref.reinterpret_cast %{{.+}} to offset: [0], sizes: [%{{.+}}, %[[A]], %[[B]], 8], strides: [%{{.+}}, %[[ROW]], 8, 1]
func.func private @two_open(
    %x: memref<?x?xf32> {qnn.shape = affine_map<()[s0, s1] -> (s0, s0 * s1 * 8)>},
    %y: memref<?x?x?x8xf32> {qnn.shape = affine_map<()[s0, s1] -> (s0, s0, s1, 8)>})
    attributes {qnn.kernel, qnn.num_inputs = 1 : i64, qnn.symbols = ["a", "b"]} {
  %a = qnn.symbol_value 0
  %b = qnn.symbol_value 1
  %t = bufferization.to_tensor %x restrict : memref<?x?xf32> to tensor<?x?xf32>
  %e = tensor.expand_shape %t [[0], [1, 2, 3]] output_shape [%a, %a, %b, 8]
      : tensor<?x?xf32> into tensor<?x?x?x8xf32>
  bufferization.materialize_in_destination %e in restrict writable %y
      : (tensor<?x?x?x8xf32>, memref<?x?x?x8xf32>) -> ()
  return
}

// One is a quotient.
// CHECK-LABEL: func.func private @one_open
// CHECK-NOT: reinterpret_cast
// CHECK: memref.expand_shape %{{.+}} {{\[\[}}0], [1, 2]]
func.func private @one_open(
    %x: memref<?x?xf32> {qnn.shape = affine_map<()[s0, s1] -> (s0, s1 * 8)>},
    %y: memref<?x?x8xf32> {qnn.shape = affine_map<()[s0, s1] -> (s0, s1, 8)>})
    attributes {qnn.kernel, qnn.num_inputs = 1 : i64, qnn.symbols = ["a", "b"]} {
  %a = qnn.symbol_value 0
  %b = qnn.symbol_value 1
  %t = bufferization.to_tensor %x restrict : memref<?x?xf32> to tensor<?x?xf32>
  %e = tensor.expand_shape %t [[0], [1, 2]] output_shape [%a, %b, 8]
      : tensor<?x?xf32> into tensor<?x?x8xf32>
  bufferization.materialize_in_destination %e in restrict writable %y
      : (tensor<?x?x8xf32>, memref<?x?x8xf32>) -> ()
  return
}

// Two sums that begin with the same zeros are each written to their own result.
// CHECK-LABEL: func.func private @two_sums
// CHECK-SAME: %[[X:.+]]: memref<4x5xf32> {{.*}}, %[[Y:.+]]: memref<4xf32> {{.*}}, %[[Z:.+]]: memref<4xf32>
// CHECK: linalg.fill {{.*}} outs(%[[Y]] :
// CHECK: linalg.generic {{.*}} outs(%[[Y]] :
// CHECK: linalg.fill {{.*}} outs(%[[Z]] :
// CHECK: linalg.generic {{.*}} outs(%[[Z]] :
// CHECK-NOT: memref.copy
// CHECK: return
func.func private @two_sums(
    %x: memref<4x5xf32> {qnn.shape = affine_map<() -> (4, 5)>},
    %y: memref<4xf32> {qnn.shape = affine_map<() -> (4)>},
    %z: memref<4xf32> {qnn.shape = affine_map<() -> (4)>})
    attributes {qnn.kernel, qnn.num_inputs = 1 : i64, qnn.symbols = []} {
  %zero = arith.constant 0.0 : f32
  %t = bufferization.to_tensor %x restrict : memref<4x5xf32> to tensor<4x5xf32>
  %e = tensor.empty() : tensor<4xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %a = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}
      ins(%t : tensor<4x5xf32>) outs(%f : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %s = arith.addf %out, %in : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  %b = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}
      ins(%t : tensor<4x5xf32>) outs(%f : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %s = arith.subf %out, %in : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  bufferization.materialize_in_destination %a in restrict writable %y
      : (tensor<4xf32>, memref<4xf32>) -> ()
  bufferization.materialize_in_destination %b in restrict writable %z
      : (tensor<4xf32>, memref<4xf32>) -> ()
  return
}

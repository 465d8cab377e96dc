// RUN: quant-opt %s --one-shot-bufferize="bufferize-function-boundaries=1 function-boundary-type-conversion=identity-layout-map" | FileCheck %s

// In place on C.
// CHECK-LABEL: @in_place
// CHECK-SAME: (%[[A:.+]]: memref<?x8xf32>, %[[B:.+]]: memref<1x8x16xf32>, %[[C:.+]]: memref<?x16xf32>)
// CHECK-NEXT: lowbit.matmul packed ins(%[[A]], %[[B]] : {{.+}}) outs(%[[C]] : memref<?x16xf32>)
// CHECK-NEXT: return
func.func @in_place(%a: tensor<?x8xf32>, %b: tensor<1x8x16xf32>,
                    %c: tensor<?x16xf32> {bufferization.writable = true})
    -> tensor<?x16xf32> {
  %0 = lowbit.matmul packed ins(%a, %b : tensor<?x8xf32>, tensor<1x8x16xf32>)
      outs(%c : tensor<?x16xf32>) -> tensor<?x16xf32>
  return %0 : tensor<?x16xf32>
}

// C is read later, so it is copied first.
// CHECK-LABEL: @copied
// CHECK: memref.alloc
// CHECK: memref.copy
// CHECK: lowbit.matmul
func.func @copied(%a: tensor<?x8xf32>, %b: tensor<1x8x16xf32>,
                  %c: tensor<?x16xf32>)
    -> (tensor<?x16xf32>, tensor<?x16xf32>) {
  %0 = lowbit.matmul packed ins(%a, %b : tensor<?x8xf32>, tensor<1x8x16xf32>)
      outs(%c : tensor<?x16xf32>) -> tensor<?x16xf32>
  return %0, %c : tensor<?x16xf32>, tensor<?x16xf32>
}

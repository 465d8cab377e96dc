// RUN: quant-opt %s | quant-opt | FileCheck %s
// RUN: quant-opt %s --one-shot-bufferize="bufferize-function-boundaries=1 function-boundary-type-conversion=identity-layout-map" \
// RUN:   | FileCheck %s --check-prefix=BUFFER

// Codes in rows of whole quads: 27 taps and one column more, of
// the zero point.
// CHECK-LABEL: @patches
// CHECK: lowbit.patches ins(%{{.+}} : tensor<?x9x9x3xi8>) outs(%{{.+}} : tensor<?x28xi8>) from %{{.+}} zero_point %{{.+}} : tensor<i32> {

// The output is only written: no copy although it is read later.
// BUFFER-LABEL: @patches
// BUFFER-NOT: memref.copy
// BUFFER: lowbit.patches ins(%{{.+}} : memref<?x9x9x3xi8>) outs(%{{.+}} : memref<?x28xi8>)
// BUFFER-NOT: memref.copy
// BUFFER: return
func.func @patches(%x: tensor<?x9x9x3xi8>, %rows: index, %zero: tensor<i32>)
    -> tensor<?x28xi8> {
  %first = arith.constant 0 : index
  %e = tensor.empty(%rows) : tensor<?x28xi8>
  %0 = lowbit.patches ins(%x : tensor<?x9x9x3xi8>) outs(%e : tensor<?x28xi8>)
      from %first zero_point %zero : tensor<i32> {window = array<i64: 3, 3>,
      strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
      pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>}
      -> tensor<?x28xi8>
  return %0 : tensor<?x28xi8>
}

// CHECK-LABEL: @depthwise
// CHECK: lowbit.depthwise ins(%{{.+}}, %{{.+}} : memref<?x9x8xi8>, memref<4x8xi8>) outs(%{{.+}} : memref<?x8xf32>) from %{{.+}}
func.func @depthwise(%x: memref<?x9x8xi8>, %w: memref<4x8xi8>,
                     %y: memref<?x8xf32>, %first: index) {
  lowbit.depthwise ins(%x, %w : memref<?x9x8xi8>, memref<4x8xi8>)
      outs(%y : memref<?x8xf32>) from %first {strides = array<i64: 1>,
      dilations = array<i64: 1>, pad_low = array<i64: 1>,
      pad_high = array<i64: 2>}
  return
}

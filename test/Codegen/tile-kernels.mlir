// RUN: quant-opt %s --split-input-file --tile-kernels --canonicalize | FileCheck %s
// RUN: quant-opt %s --split-input-file --tile-kernels --canonicalize --cse \
// RUN:   --bufferize-kernels --canonicalize --cse | FileCheck %s --check-prefix=BUFFERS

#id = affine_map<(i, j) -> (i, j)>

// Two elementwise operations are one loop over independent tiles; results are
// further arguments, and bufferization leaves no tensor.
// CHECK-LABEL: func.func private @kernel
// CHECK-SAME: memref<64x512xf32>, %{{.+}}: memref<64x512xf32>)
// CHECK: scf.forall
// CHECK: math.exp
// CHECK: arith.negf
// CHECK-NOT: scf.forall (
// BUFFERS-LABEL: func.func private @kernel
// BUFFERS: scf.forall
// BUFFERS: linalg.generic {{.+}} memref
// BUFFERS-NOT: tensor<
// BUFFERS: return
func.func private @kernel(%x: tensor<64x512xf32>) -> tensor<64x512xf32>
    attributes {qnn.kernel} {
  %e = tensor.empty() : tensor<64x512xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<64x512xf32>) outs(%e : tensor<64x512xf32>) {
  ^bb0(%i: f32, %o: f32):
    %a = math.exp %i : f32
    linalg.yield %a : f32
  } -> tensor<64x512xf32>
  %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%0 : tensor<64x512xf32>) outs(%e : tensor<64x512xf32>) {
  ^bb0(%i: f32, %o: f32):
    %a = arith.negf %i : f32
    linalg.yield %a : f32
  } -> tensor<64x512xf32>
  return %1 : tensor<64x512xf32>
}

// -----

#id = affine_map<(i, j) -> (i, j)>

// Only kernel functions are touched.
// CHECK-LABEL: func.func @other
// CHECK-SAME: tensor<64x512xf32>) -> tensor<64x512xf32>
// CHECK-NOT: scf.forall
// CHECK: return
// BUFFERS-LABEL: func.func @other
// BUFFERS: linalg.generic {{.+}} tensor<64x512xf32>
// BUFFERS-NOT: memref
// BUFFERS: return
func.func @other(%x: tensor<64x512xf32>) -> tensor<64x512xf32> {
  %e = tensor.empty() : tensor<64x512xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<64x512xf32>) outs(%e : tensor<64x512xf32>) {
  ^bb0(%i: f32, %o: f32):
    %a = math.exp %i : f32
    linalg.yield %a : f32
  } -> tensor<64x512xf32>
  return %0 : tensor<64x512xf32>
}

// -----

// A sum of nothing is what it starts from.
// CHECK-LABEL: func.func private @empty
// CHECK-NOT: scf.forall
// CHECK-NOT: linalg.generic
// CHECK: return
// BUFFERS-LABEL: func.func private @empty
// BUFFERS: linalg.fill
// BUFFERS-NOT: linalg.generic
// BUFFERS: return
func.func private @empty(%x: tensor<8x0xf32>) -> tensor<8xf32>
    attributes {qnn.kernel} {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<8xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<8xf32>) -> tensor<8xf32>
  %0 = linalg.generic {
      indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>],
      iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<8x0xf32>) outs(%f : tensor<8xf32>) {
  ^bb0(%i: f32, %o: f32):
    %a = arith.addf %i, %o : f32
    linalg.yield %a : f32
  } -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

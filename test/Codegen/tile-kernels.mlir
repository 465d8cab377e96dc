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

// -----

// A transpose reads whole cache lines of what it reads: 16 channels at a time.
// CHECK-LABEL: func.func private @transpose
// CHECK: scf.forall {{.+}} = (0, 0) to (64, 80) step (16, 6)
func.func private @transpose(%x: tensor<1x80x80x64xf32>) -> tensor<1x64x80x80xf32>
    attributes {qnn.kernel, qnn.symbols = []} {
  %e = tensor.empty() : tensor<1x64x80x80xf32>
  %0 = linalg.generic {
      indexing_maps = [affine_map<(n, c, h, w) -> (n, h, w, c)>,
                       affine_map<(n, c, h, w) -> (n, c, h, w)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x : tensor<1x80x80x64xf32>) outs(%e : tensor<1x64x80x80xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<1x64x80x80xf32>
  return %0 : tensor<1x64x80x80xf32>
}

// -----

// Rows that are copied stay whole, as many as make a tile.
// CHECK-LABEL: func.func private @permuted_rows
// CHECK: scf.forall {{.+}} in (80)
func.func private @permuted_rows(%x: tensor<1x80x80x80xf32>) -> tensor<1x80x80x80xf32>
    attributes {qnn.kernel, qnn.symbols = []} {
  %e = tensor.empty() : tensor<1x80x80x80xf32>
  %0 = linalg.generic {
      indexing_maps = [affine_map<(n, c, h, w) -> (n, h, c, w)>,
                       affine_map<(n, c, h, w) -> (n, c, h, w)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x : tensor<1x80x80x80xf32>) outs(%e : tensor<1x80x80x80xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<1x80x80x80xf32>
  return %0 : tensor<1x80x80x80xf32>
}

// -----

// Patches are gathered for the tile that reads them and nowhere else, also where
// a row of them is longer than a tile.
// CHECK-LABEL: func.func private @long_patches
// CHECK: scf.forall {{.+}} to (16) step (12)
// CHECK: %[[P:.+]] = lowbit.patches
// CHECK: lowbit.matmul packed ins(%[[P]],
// CHECK-NOT: lowbit.patches
// CHECK: return
func.func private @long_patches(%x: tensor<1x4x4x960xf32>, %w: tensor<16x8640x16xf32>)
    -> tensor<16x256xf32> attributes {qnn.kernel, qnn.symbols = []} {
  %i = arith.constant 0 : index
  %z = arith.constant 0.0 : f32
  %p = tensor.empty() : tensor<16x8640xf32>
  %0 = lowbit.patches ins(%x : tensor<1x4x4x960xf32>) outs(%p : tensor<16x8640xf32>) from %i
      {window = array<i64: 3, 3>, strides = array<i64: 1, 1>, dilations = array<i64: 12, 12>,
       pad_low = array<i64: 12, 12>, pad_high = array<i64: 12, 12>} -> tensor<16x8640xf32>
  %e = tensor.empty() : tensor<16x256xf32>
  %1 = linalg.fill ins(%z : f32) outs(%e : tensor<16x256xf32>) -> tensor<16x256xf32>
  %2 = lowbit.matmul packed ins(%0, %w : tensor<16x8640xf32>, tensor<16x8640x16xf32>)
      outs(%1 : tensor<16x256xf32>) -> tensor<16x256xf32>
  return %2 : tensor<16x256xf32>
}

// -----

// All channels of a pixel are gathered in one go.
// CHECK-LABEL: func.func private @many_channels
// CHECK: scf.forall {{.+}} in (6)
// CHECK: lowbit.depthwise {{.+}} outs(%{{.+}} : tensor<1x8212xf32>)
func.func private @many_channels(%x: tensor<1x6x8212xf32>, %w: tensor<4x8212xf32>)
    -> tensor<6x8212xf32> attributes {qnn.kernel, qnn.symbols = []} {
  %i = arith.constant 0 : index
  %e = tensor.empty() : tensor<6x8212xf32>
  %0 = lowbit.depthwise ins(%x, %w : tensor<1x6x8212xf32>, tensor<4x8212xf32>)
      outs(%e : tensor<6x8212xf32>) from %i {strides = array<i64: 1>, dilations = array<i64: 1>,
      pad_low = array<i64: 3>, pad_high = array<i64: 0>} -> tensor<6x8212xf32>
  return %0 : tensor<6x8212xf32>
}

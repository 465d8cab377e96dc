// RUN: quant-opt %s --convert-lowbit-to-vector=features=avx2,fma,avx512f,avx512bw,avx512vl --canonicalize --cse | FileCheck %s --check-prefixes=CHECK,WIDE
// RUN: quant-opt %s --convert-lowbit-to-vector=features=avx2,fma --canonicalize --cse | FileCheck %s --check-prefixes=CHECK,NARROW

// A run of three pixels of 32 channels is one piece of memory in the interior:
// six vectors.  The rows of a tile begin in the middle of a line.
// CHECK-LABEL: @patches
// CHECK-SAME: %[[X:[^:]+]]: memref<?x28x28x32xf32>
// CHECK-SAME: %[[FIRST:[^:,]+]]: index
// CHECK: memref.collapse_shape %[[X]] {{\[}}[0], [1], [2, 3]] : memref<?x28x28x32xf32> into memref<?x28x896xf32>
// CHECK: arith.divui %[[FIRST]]
// CHECK: scf.for
// CHECK-COUNT-6: vector.load {{.+}} : memref<?x28x896xf32>, vector<16xf32>
// CHECK: return
func.func @patches(%x: memref<?x28x28x32xf32>, %y: memref<48x288xf32>, %first: index) {
  lowbit.patches ins(%x : memref<?x28x28x32xf32>) outs(%y : memref<48x288xf32>)
      from %first {window = array<i64: 3, 3>, strides = array<i64: 1, 1>,
      dilations = array<i64: 1, 1>, pad_low = array<i64: 1, 1>,
      pad_high = array<i64: 1, 1>}
  return
}

// Dilated taps are not neighbours.
// CHECK-LABEL: @dilated
// CHECK-NOT: memref.collapse_shape
// CHECK: return
func.func @dilated(%x: memref<?x28x32xf32>, %y: memref<48x96xf32>, %first: index) {
  lowbit.patches ins(%x : memref<?x28x32xf32>) outs(%y : memref<48x96xf32>)
      from %first {window = array<i64: 3>, strides = array<i64: 1>,
      dilations = array<i64: 2>, pad_low = array<i64: 0>,
      pad_high = array<i64: 0>}
  return
}

// One channel of several: the columns of a run lie apart.
// CHECK-LABEL: @one_channel
// CHECK-NOT: memref.collapse_shape
// CHECK: vector.load {{.+}}, vector<1xf32>
// CHECK: return
func.func @one_channel(%x: memref<?x28x1xf32, strided<[112, 4, 1]>>, %y: memref<48x3xf32>, %first: index) {
  lowbit.patches ins(%x : memref<?x28x1xf32, strided<[112, 4, 1]>>) outs(%y : memref<48x3xf32>)
      from %first {window = array<i64: 3>, strides = array<i64: 1>,
      dilations = array<i64: 1>, pad_low = array<i64: 0>,
      pad_high = array<i64: 0>}
  return
}

// Four pixels share six columns of the input and three weights.  The fifth
// channel of 21 is rest: 16 + 4 + 1, or 8 + 8 + 4 + 1.
// CHECK-LABEL: @depthwise
// WIDE: math.fma {{.+}} : vector<16xf32>
// WIDE-NOT: vector<8xf32>
// NARROW: math.fma {{.+}} : vector<8xf32>
// NARROW-NOT: vector<16xf32>
// CHECK: math.fma {{.+}} : vector<4xf32>
// CHECK: math.fma {{.+}} : vector<1xf32>
// CHECK: return
func.func @depthwise(%x: memref<?x28x21xf32>, %w: memref<3x21xf32>,
                     %y: memref<?x21xf32>, %first: index) {
  lowbit.depthwise ins(%x, %w : memref<?x28x21xf32>, memref<3x21xf32>)
      outs(%y : memref<?x21xf32>) from %first {strides = array<i64: 1>,
      dilations = array<i64: 1>, pad_low = array<i64: 0>,
      pad_high = array<i64: 0>}
  return
}

// Codes become floats when they are read, after the zero point.
// CHECK-LABEL: @codes
// CHECK: arith.extsi {{.+}} : vector<[[L:16|8]]xi8> to vector<[[L]]xi32>
// CHECK: arith.subi
// CHECK: arith.sitofp
// CHECK: math.fma
func.func @codes(%x: memref<?x28x16xi8>, %w: memref<3x16xi8>,
                 %y: memref<?x16xf32>, %first: index, %zero: memref<i32>) {
  lowbit.depthwise ins(%x, %w : memref<?x28x16xi8>, memref<3x16xi8>)
      outs(%y : memref<?x16xf32>) from %first zero_point %zero : memref<i32> {
      strides = array<i64: 1>, dilations = array<i64: 1>,
      pad_low = array<i64: 1>, pad_high = array<i64: 1>}
  return
}

// Windows of whole vectors of channels that only a product reads are read where
// they lie, by a pointer to each row's pixel or to zeros; nothing is copied.
// CHECK-LABEL: @in_place
// CHECK-NOT: memref<12x144xf32>
// CHECK: %[[ZEROS:.+]] = memref.alloc() {alignment = 64 : i64} : memref<16xf32>
// CHECK: scf.for
// CHECK: arith.select
// CHECK: llvm.inttoptr
// CHECK: llvm.load
// CHECK: math.fma
// CHECK: return
func.func @in_place(%x: memref<1x8x8x16xf32>, %w: memref<2x144x16xf32>,
                    %y: memref<12x32xf32>, %first: index) {
  %a = memref.alloc() : memref<12x144xf32>
  lowbit.patches ins(%x : memref<1x8x8x16xf32>) outs(%a : memref<12x144xf32>)
      from %first {window = array<i64: 3, 3>, strides = array<i64: 1, 1>,
      dilations = array<i64: 1, 1>, pad_low = array<i64: 1, 1>,
      pad_high = array<i64: 1, 1>}
  lowbit.matmul packed ins(%a, %w : memref<12x144xf32>, memref<2x144x16xf32>)
      outs(%y : memref<12x32xf32>)
  return
}

// Negative twin: something else reads the rows too.
// CHECK-LABEL: @gathered
// CHECK: memref<12x144xf32>
// CHECK-NOT: llvm.load
// CHECK: return
func.func @gathered(%x: memref<1x8x8x16xf32>, %w: memref<2x144x16xf32>,
                    %y: memref<12x32xf32>, %z: memref<12x144xf32>,
                    %first: index) {
  %a = memref.alloc() : memref<12x144xf32>
  lowbit.patches ins(%x : memref<1x8x8x16xf32>) outs(%a : memref<12x144xf32>)
      from %first {window = array<i64: 3, 3>, strides = array<i64: 1, 1>,
      dilations = array<i64: 1, 1>, pad_low = array<i64: 1, 1>,
      pad_high = array<i64: 1, 1>}
  lowbit.matmul packed ins(%a, %w : memref<12x144xf32>, memref<2x144x16xf32>)
      outs(%y : memref<12x32xf32>)
  memref.copy %a, %z : memref<12x144xf32> to memref<12x144xf32>
  return
}

// Taps that lie apart are copied one after the other, beyond 16 in a loop.
// CHECK-LABEL: @sixteen_taps
// CHECK-NOT: to %c16 step
// CHECK-COUNT-16: vector.load
// CHECK: return
// CHECK-LABEL: @more_taps
// CHECK: scf.for {{.+}} to %c17 step
// CHECK: vector.load
// CHECK: return
func.func @sixteen_taps(%x: memref<?x64x8xf32>, %y: memref<48x128xf32>, %first: index) {
  lowbit.patches ins(%x : memref<?x64x8xf32>) outs(%y : memref<48x128xf32>)
      from %first {window = array<i64: 16>, strides = array<i64: 1>,
      dilations = array<i64: 2>, pad_low = array<i64: 0>,
      pad_high = array<i64: 0>}
  return
}
func.func @more_taps(%x: memref<?x64x8xf32>, %y: memref<48x136xf32>, %first: index) {
  lowbit.patches ins(%x : memref<?x64x8xf32>) outs(%y : memref<48x136xf32>)
      from %first {window = array<i64: 17>, strides = array<i64: 1>,
      dilations = array<i64: 2>, pad_low = array<i64: 0>,
      pad_high = array<i64: 0>}
  return
}

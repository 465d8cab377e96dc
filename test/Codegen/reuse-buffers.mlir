// RUN: quant-opt %s --reuse-buffers --split-input-file | FileCheck %s

#id = affine_map<(i, j) -> (i, j)>

// The second operation reads the first temporary for the last time.
// CHECK-LABEL: func.func @chain
// CHECK: %[[A:.+]] = memref.alloc() : memref<4x8xf32>
// CHECK-NOT: memref.alloc
// CHECK: linalg.generic {{.+}} outs(%[[A]]
// CHECK: linalg.generic {{.+}} ins(%[[A]] {{.+}} outs(%[[A]]
func.func @chain(%x: memref<4x8xf32>, %y: memref<4x8xf32>) {
  %a = memref.alloc() : memref<4x8xf32>
  %b = memref.alloc() : memref<4x8xf32>
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : memref<4x8xf32>) outs(%a : memref<4x8xf32>) {
  ^bb0(%i: f32, %o: f32):
    %0 = arith.negf %i : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%a : memref<4x8xf32>) outs(%b : memref<4x8xf32>) {
  ^bb0(%i: f32, %o: f32):
    %0 = arith.addf %i, %i : f32
    linalg.yield %0 : f32
  }
  memref.copy %b, %y : memref<4x8xf32> to memref<4x8xf32>
  return
}

// -----

#id = affine_map<(i, j) -> (i, j)>

// The operand is read again afterwards.
// CHECK-LABEL: func.func @read_later
// CHECK-COUNT-2: memref.alloc
func.func @read_later(%y: memref<4x8xf32>, %z: memref<4x8xf32>) {
  %a = memref.alloc() : memref<4x8xf32>
  %b = memref.alloc() : memref<4x8xf32>
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%a : memref<4x8xf32>) outs(%b : memref<4x8xf32>) {
  ^bb0(%i: f32, %o: f32):
    %0 = arith.negf %i : f32
    linalg.yield %0 : f32
  }
  memref.copy %a, %y : memref<4x8xf32> to memref<4x8xf32>
  memref.copy %b, %z : memref<4x8xf32> to memref<4x8xf32>
  return
}

// -----

#id = affine_map<(i, j) -> (i, j)>
#t = affine_map<(i, j) -> (j, i)>

// A transpose would overwrite what it has not read yet.
// CHECK-LABEL: func.func @transposed
// CHECK-COUNT-2: memref.alloc
func.func @transposed(%y: memref<8x8xf32>) {
  %a = memref.alloc() : memref<8x8xf32>
  %b = memref.alloc() : memref<8x8xf32>
  linalg.generic {indexing_maps = [#t, #id], iterator_types = ["parallel", "parallel"]} ins(%a : memref<8x8xf32>) outs(%b : memref<8x8xf32>) {
  ^bb0(%i: f32, %o: f32):
    linalg.yield %i : f32
  }
  memref.copy %b, %y : memref<8x8xf32> to memref<8x8xf32>
  return
}

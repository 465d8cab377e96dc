// RUN: quant-opt %s --mlir-print-local-scope --outline-steps | FileCheck %s

// What a folded loop of one iteration leaves open in a kernel, loads, arithmetic
// and stores, is one step again; index arithmetic stays outside.
// CHECK-LABEL: func.func private @open
// CHECK-NEXT: qnn.step @open_code::@open_step_0(%{{.+}}, %{{.+}}) {{.*}}trip = affine_map<() -> (1)>
// CHECK-NEXT: return
func.func private @open(%x: memref<4xf32> {qnn.shape = affine_map<() -> (4)>}, %y: memref<4xf32> {qnn.shape = affine_map<() -> (4)>})
    attributes {qnn.kernel, qnn.num_inputs = 1 : i64, qnn.symbols = []} {
  %i = arith.constant 2 : index
  %0 = memref.load %x[%i] : memref<4xf32>
  %1 = arith.addf %0, %0 : f32
  memref.store %1, %y[%i] : memref<4xf32>
  return
}

// The bound of a loop may be a dimension of a view: the sizes that it merges.
// CHECK-LABEL: func.func private @view
// CHECK-NEXT: qnn.step @view_code::@view_step_0({{.*}}trip = affine_map<()[s0, s1] -> (s0 * s1)>
func.func private @view(%x: memref<?x?xf32> {qnn.shape = affine_map<()[s0, s1] -> (s0, s1)>}, %y: memref<?x?xf32> {qnn.shape = affine_map<()[s0, s1] -> (s0, s1)>})
    attributes {qnn.kernel, qnn.num_inputs = 1 : i64, qnn.symbols = ["s0", "s1"]} {
  %c0 = arith.constant 0 : index
  %flat = memref.collapse_shape %x [[0, 1]] : memref<?x?xf32> into memref<?xf32>
  %to = memref.collapse_shape %y [[0, 1]] : memref<?x?xf32> into memref<?xf32>
  %size = memref.dim %flat, %c0 : memref<?xf32>
  scf.forall (%i) in (%size) {
    %0 = memref.load %flat[%i] : memref<?xf32>
    memref.store %0, %to[%i] : memref<?xf32>
  }
  return
}

// And of a buffer that the kernel makes, whose size is a symbol.
// CHECK-LABEL: func.func private @buffer
// CHECK: qnn.step @buffer_code::@buffer_step_0({{.*}}trip = affine_map<()[s0] -> (s0 * 3)>
func.func private @buffer(%y: memref<?xf32> {qnn.shape = affine_map<()[s0] -> (s0 * 3)>})
    attributes {qnn.kernel, qnn.num_inputs = 0 : i64, qnn.symbols = ["s0"]} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %s = qnn.symbol_value 0
  %made = memref.alloc(%s) : memref<?x3xf32>
  %flat = memref.collapse_shape %made [[0, 1]] : memref<?x3xf32> into memref<?xf32>
  %size = memref.dim %flat, %c0 : memref<?xf32>
  scf.forall (%i) in (%size) {
    memref.store %zero, %flat[%i] : memref<?xf32>
    memref.store %zero, %y[%i] : memref<?xf32>
  }
  return
}

// Copies that nothing depends on are steps of their own.
// CHECK-LABEL: func.func private @copies
// CHECK-NEXT: qnn.step @copies_code::@copies_step_0
// CHECK-NEXT: qnn.step @copies_code::@copies_step_1
// CHECK-NEXT: return
func.func private @copies(%x: memref<4xf32> {qnn.shape = affine_map<() -> (4)>}, %y: memref<4xf32> {qnn.shape = affine_map<() -> (4)>}, %z: memref<4xf32> {qnn.shape = affine_map<() -> (4)>})
    attributes {qnn.kernel, qnn.num_inputs = 1 : i64, qnn.symbols = []} {
  memref.copy %x, %y : memref<4xf32> to memref<4xf32>
  memref.copy %x, %z : memref<4xf32> to memref<4xf32>
  return
}

// Neither are operations on tile registers, which hand on no values.
// CHECK-LABEL: func.func private @tiles
// CHECK-NEXT: qnn.step @tiles_code::@tiles_step_0
// CHECK-NEXT: return
// CHECK: func.func @open_step_0
// CHECK: memref.load
// CHECK: arith.addf
// CHECK: memref.store
// CHECK: func.func @tiles_step_0
// CHECK: "llvm.x86.tileloadd64"
// CHECK: "llvm.x86.tilestored64"
func.func private @tiles(%x: memref<1024xi8> {qnn.shape = affine_map<() -> (1024)>}, %y: memref<1024xi8> {qnn.shape = affine_map<() -> (1024)>})
    attributes {qnn.kernel, qnn.num_inputs = 1 : i64, qnn.symbols = []} {
  %tile = arith.constant 0 : i8
  %stride = arith.constant 64 : i64
  %0 = memref.extract_aligned_pointer_as_index %x : memref<1024xi8> -> index
  %1 = arith.index_cast %0 : index to i64
  %from = llvm.inttoptr %1 : i64 to !llvm.ptr
  %2 = memref.extract_aligned_pointer_as_index %y : memref<1024xi8> -> index
  %3 = arith.index_cast %2 : index to i64
  %to = llvm.inttoptr %3 : i64 to !llvm.ptr
  llvm.call_intrinsic "llvm.x86.tileloadd64"(%tile, %from, %stride) : (i8, !llvm.ptr, i64) -> ()
  llvm.call_intrinsic "llvm.x86.tilestored64"(%tile, %to, %stride) : (i8, !llvm.ptr, i64) -> ()
  return
}

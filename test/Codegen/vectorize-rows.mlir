// RUN: quant-opt %s --vectorize-rows --canonicalize --split-input-file | FileCheck %s

#id = affine_map<(i, j) -> (i, j)>

// 100 = 64 + 2 * 16 + 4: all three steps, the last one masked.
// CHECK-LABEL: func.func @static_row
// CHECK: vector.store %{{.+}} : memref<8x100xf32>, vector<64xf32>
// CHECK: vector.store %{{.+}} : memref<8x100xf32>, vector<16xf32>
// CHECK: vector.maskedstore
func.func @static_row(%x: memref<8x100xf32>, %y: memref<8x100xf32>) {
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<8x100xf32>) outs(%y : memref<8x100xf32>) {
  ^bb0(%a: f32, %o: f32):
    %0 = arith.negf %a : f32
    linalg.yield %0 : f32
  }
  return
}

// -----

#id = affine_map<(i, j) -> (i, j)>

// Bytes end in scalars: masked byte stores have no AVX2 form.
// CHECK-LABEL: func.func @bytes
// CHECK: vector.store %{{.+}} : memref<8x100xi8>, vector<64xi8>
// CHECK-NOT: vector.maskedstore
// CHECK: memref.store %{{.+}} : memref<8x100xi8>
func.func @bytes(%x: memref<8x100xi8>, %y: memref<8x100xi8>) {
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<8x100xi8>) outs(%y : memref<8x100xi8>) {
  ^bb0(%a: i8, %o: i8):
    linalg.yield %a : i8
  }
  return
}

// -----

#id = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>

// 64 lanes in the loop, then halves down to one; never vector.reduction.
// CHECK-LABEL: func.func @row_sum
// CHECK: scf.for {{.+}} iter_args(%{{.+}} = %{{.+}}) -> (vector<64xf32>)
// CHECK: vector.extract_strided_slice {{.+}} {offsets = [32], sizes = [32], strides = [1]}
// CHECK-NOT: vector.reduction
// CHECK: vector.extract
// CHECK: memref.store
func.func @row_sum(%x: memref<?x384xf32>, %y: memref<?xf32>) {
  linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<?x384xf32>) outs(%y : memref<?xf32>) {
  ^bb0(%a: f32, %o: f32):
    %0 = arith.addf %o, %a : f32
    linalg.yield %0 : f32
  }
  return
}

// -----

#id = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>

// The row number is the same for all lanes, so the look-up is a row copy.
// CHECK-LABEL: func.func @gather_rows
// CHECK: %[[I:.+]] = memref.load %{{.+}} : memref<4xindex>
// CHECK: vector.load %{{.+}}[%[[I]], %{{.+}}] : memref<50x64xf32>, vector<64xf32>
func.func @gather_rows(%t: memref<50x64xf32>, %i: memref<4xindex>, %y: memref<4x64xf32>) {
  linalg.generic {indexing_maps = [#row, #id], iterator_types = ["parallel", "parallel"]}
      ins(%i : memref<4xindex>) outs(%y : memref<4x64xf32>) {
  ^bb0(%a: index, %o: f32):
    %j = linalg.index 1 : index
    %0 = memref.load %t[%a, %j] : memref<50x64xf32>
    linalg.yield %0 : f32
  }
  return
}

// -----

#id = affine_map<(i, j) -> (i, j)>
#t = affine_map<(i, j) -> (j, i)>

// CHECK-LABEL: func.func @transposed
// CHECK-COUNT-16: vector.load %{{.+}} : memref<32x64xf32>, vector<16xf32>
// CHECK-COUNT-64: vector.shuffle
// CHECK-COUNT-16: vector.store %{{.+}} : memref<64x32xf32>, vector<16xf32>
func.func @transposed(%x: memref<32x64xf32>, %y: memref<64x32xf32>) {
  linalg.generic {indexing_maps = [#t, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<32x64xf32>) outs(%y : memref<64x32xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  }
  return
}

// -----

#in = affine_map<(i, c, k) -> (i * 2 + k, c)>
#w = affine_map<(i, c, k) -> (k, c)>
#out = affine_map<(i, c, k) -> (i, c)>

// The weights of all three taps are loaded before the loop over positions.
// CHECK-LABEL: func.func @window
// CHECK-COUNT-3: vector.load %{{.+}} : memref<3x32xf32>, vector<16xf32>
// CHECK: scf.for
// CHECK-COUNT-3: math.fma
// CHECK: vector.store
func.func @window(%x: memref<21x32xf32>, %w: memref<3x32xf32>, %y: memref<10x32xf32>) {
  linalg.generic {indexing_maps = [#in, #w, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<21x32xf32>, memref<3x32xf32>) outs(%y : memref<10x32xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %0 = math.fma %a, %b, %o : f32
    linalg.yield %0 : f32
  }
  return
}

// -----

#id = affine_map<(i, j) -> (i, j)>

// A loop of the body has the same bounds for all lanes and carries vectors; the
// weight of a step is one scalar.
// CHECK-LABEL: func.func @loop
// CHECK: scf.for {{.+}} iter_args(%[[ACC:.+]] = %{{.+}}) -> (vector<64xf32>)
// CHECK: %[[X:.+]] = vector.load %{{.+}} : memref<7x64xf32>, vector<64xf32>
// CHECK: %[[W:.+]] = memref.load %{{.+}} : memref<7xf32>
// CHECK: %[[LANES:.+]] = vector.broadcast %[[W]] : f32 to vector<64xf32>
// CHECK: math.fma %[[X]], %[[LANES]], %[[ACC]] : vector<64xf32>
func.func @loop(%x: memref<7x64xf32>, %w: memref<7xf32>, %y: memref<4x64xf32>) {
  %first = arith.constant 0 : index
  %step = arith.constant 1 : index
  %end = arith.constant 7 : index
  %zero = arith.constant 0.0 : f32
  linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]}
      outs(%y : memref<4x64xf32>) {
  ^bb0(%o: f32):
    %j = linalg.index 1 : index
    %sum = scf.for %k = %first to %end step %step iter_args(%acc = %zero) -> (f32) {
      %a = memref.load %x[%k, %j] : memref<7x64xf32>
      %b = memref.load %w[%k] : memref<7xf32>
      %next = math.fma %a, %b, %acc : f32
      scf.yield %next : f32
    }
    linalg.yield %sum : f32
  }
  return
}

// -----

#id = affine_map<(i, j) -> (i, j)>

// A branch that all lanes take together stays a branch; one that each lane
// takes by itself is both sides and a select.
// CHECK-LABEL: func.func @branches
// CHECK: %[[SAME:.+]] = arith.cmpi eq
// CHECK: scf.if %[[SAME]] -> (vector<16xf32>)
// CHECK: math.exp %{{.+}} : vector<16xf32>
// CHECK: } else {
// CHECK: %[[FLAGS:.+]] = arith.cmpi slt, %{{.+}} : vector<16xindex>
// CHECK: math.sqrt %{{.+}} : vector<16xf32>
// CHECK: arith.select %[[FLAGS]]
func.func @branches(%x: memref<8x16xf32>, %y: memref<8x16xf32>) {
  %four = arith.constant 4 : index
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<8x16xf32>) outs(%y : memref<8x16xf32>) {
  ^bb0(%a: f32, %o: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %same = arith.cmpi eq, %i, %four : index
    %0 = scf.if %same -> (f32) {
      %1 = math.exp %a : f32
      scf.yield %1 : f32
    } else {
      %low = arith.cmpi slt, %j, %four : index
      %1 = scf.if %low -> (f32) {
        %2 = math.sqrt %a : f32
        scf.yield %2 : f32
      } else {
        scf.yield %a : f32
      }
      scf.yield %1 : f32
    }
    linalg.yield %0 : f32
  }
  return
}

// -----

#id = affine_map<(i, j) -> (i, j)>

// What depends on the position alone and is not cheap is a table; what it says
// is gathered, or loaded where clamping changes nothing.
// CHECK-LABEL: func.func @positions
// CHECK: %[[TABLE:.+]] = memref.alloc() {{.*}} : memref<32xi64>
// CHECK: scf.for
// CHECK: arith.divsi
// CHECK: memref.store %{{.+}}, %[[TABLE]]
// CHECK: scf.for %[[I:.+]] =
// CHECK: scf.for %[[J:.+]] =
// CHECK-NOT: arith.divsi
// CHECK: %[[AT:.+]] = vector.load %[[TABLE]][%[[J]]] : memref<32xi64>, vector<16xi64>
// CHECK: %[[LANES:.+]] = arith.index_cast %[[AT]]
// CHECK: vector.gather %{{.+}}[%[[I]], %{{.+}}] [%[[LANES]]]
// CHECK: scf.if %{{.+}} -> (vector<16xf32>)
// CHECK: vector.load %{{.+}} : memref<8x32xf32>, vector<16xf32>
// CHECK: else
// CHECK: vector.gather
func.func @positions(%x: memref<8x32xf32>, %y: memref<8x32xf32>) {
  %zero = arith.constant 0 : index
  %two = arith.constant 2 : index
  %last = arith.constant 31 : index
  linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]}
      outs(%y : memref<8x32xf32>) {
  ^bb0(%o: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %half = arith.divsi %j, %two : index
    %a = memref.load %x[%i, %half] : memref<8x32xf32>
    %shifted = arith.subi %j, %two : index
    %low = arith.maxsi %shifted, %zero : index
    %clamped = arith.minsi %low, %last : index
    %b = memref.load %x[%i, %clamped] : memref<8x32xf32>
    %sum = arith.addf %a, %b : f32
    linalg.yield %sum : f32
  }
  return
}

// -----

#id = affine_map<(i, j) -> (i, j)>

// Lanes cannot run loops of different lengths: scalars.
// CHECK-LABEL: func.func @own_bounds
// CHECK: linalg.generic
func.func @own_bounds(%y: memref<8x32xf32>) {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %start = arith.constant 1.0 : f32
  linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]}
      outs(%y : memref<8x32xf32>) {
  ^bb0(%o: f32):
    %j = linalg.index 1 : index
    %sum = scf.for %k = %zero to %j step %one iter_args(%acc = %start) -> (f32) {
      %next = arith.addf %acc, %acc : f32
      scf.yield %next : f32
    }
    linalg.yield %sum : f32
  }
  return
}

// RUN: quant-opt %s --convert-lowbit-to-vector=features=avx2,fma,avx512f,avx512bw,avx512vl --canonicalize --cse | FileCheck %s --check-prefixes=CHECK,WIDE
// RUN: quant-opt %s --convert-lowbit-to-vector=features=avx2,fma --canonicalize --cse | FileCheck %s --check-prefixes=CHECK,NARROW

// Twelve static rows are one tile per 32 columns: 24 sums of 16 lanes.  With 8
// lanes it is 6 + 6 rows of 16 columns.
// CHECK-LABEL: @static
// WIDE-NOT: scf.if
// WIDE: scf.for
// WIDE-COUNT-24: vector.load {{.+}} : memref<12x64xf32>, vector<16xf32>
// WIDE: scf.for {{.+}} vector<16xf32>
// WIDE-COUNT-48: math.fma
// WIDE-NOT: math.fma
// NARROW: scf.for
// NARROW-COUNT-24: math.fma {{.+}} vector<8xf32>
// NARROW-NOT: math.fma
// CHECK: return
func.func @static(%a: memref<12x8xf32>, %b: memref<4x8x16xf32>,
                  %c: memref<12x64xf32>) {
  lowbit.matmul packed ins(%a, %b : memref<12x8xf32>, memref<4x8x16xf32>)
      outs(%c : memref<12x64xf32>)
  return
}

// Columns that do not fill a vector are masked in C, never in packed B.
// CHECK-LABEL: @partial
// CHECK-NOT: vector.maskedload {{.+}} memref<1x8x16xf32>
// CHECK: vector.maskedload {{.+}} memref<1x7xf32>
// CHECK: vector.maskedstore {{.+}} memref<1x7xf32>
func.func @partial(%a: memref<1x8xf32>, %b: memref<1x8x16xf32>,
                   %c: memref<1x7xf32>) {
  lowbit.matmul packed ins(%a, %b : memref<1x8xf32>, memref<1x8x16xf32>)
      outs(%c : memref<1x7xf32>)
  return
}

// Plain rows of B are masked as well.
// CHECK-LABEL: @row_major
// CHECK: vector.maskedload {{.+}} memref<8x7xf32>
func.func @row_major(%a: memref<1x8xf32>, %b: memref<8x7xf32>,
                     %c: memref<1x7xf32>) {
  lowbit.matmul row_major ins(%a, %b : memref<1x8xf32>, memref<8x7xf32>)
      outs(%c : memref<1x7xf32>)
  return
}

// Transposed columns go through scratch of bounded size, once per group of
// columns; all heads of a group read the same slice of B.
// CHECK-LABEL: @transposed
// WIDE: memref.alloc() {alignment = 64 : i64} : memref<8192xf32>
// NARROW: memref.alloc() {alignment = 64 : i64} : memref<4096xf32>
// CHECK: scf.for %[[BATCH:.+]] =
// CHECK: scf.for %{{.+}} = %c0 to %c8
// CHECK: vector.load %arg1[%[[BATCH]], %c0,
// CHECK: vector.shuffle
// CHECK: vector.store {{.+}} %alloc
// CHECK: vector.maskedload %arg1[%[[BATCH]], %c0,
// CHECK: math.fma
func.func @transposed(%a: memref<?x8x?x?xf32>, %b: memref<?x1x?x?xf32>,
                      %c: memref<?x8x?x?xf32>) {
  lowbit.matmul transposed ins(%a, %b : memref<?x8x?x?xf32>, memref<?x1x?x?xf32>)
      outs(%c : memref<?x8x?x?xf32>)
  return
}

// In a parallel loop each iteration has scratch of its own.
// CHECK-LABEL: @scratch
// CHECK: scf.forall
// CHECK: memref.alloc()
func.func @scratch(%a: memref<4x8x64xf32>, %b: memref<4x32x64xf32>,
                   %c: memref<4x8x32xf32>) {
  scf.forall (%i) in (4) {
    %0 = memref.subview %a[%i, 0, 0] [1, 8, 64] [1, 1, 1]
        : memref<4x8x64xf32> to memref<8x64xf32, strided<[64, 1], offset: ?>>
    %1 = memref.subview %b[%i, 0, 0] [1, 32, 64] [1, 1, 1]
        : memref<4x32x64xf32> to memref<32x64xf32, strided<[64, 1], offset: ?>>
    %2 = memref.subview %c[%i, 0, 0] [1, 8, 32] [1, 1, 1]
        : memref<4x8x32xf32> to memref<8x32xf32, strided<[32, 1], offset: ?>>
    lowbit.matmul transposed
        ins(%0, %1 : memref<8x64xf32, strided<[64, 1], offset: ?>>,
                     memref<32x64xf32, strided<[64, 1], offset: ?>>)
        outs(%2 : memref<8x32xf32, strided<[32, 1], offset: ?>>)
  }
  return
}

// Zeros that only this operation reads stay in registers.
// CHECK-LABEL: @zeros
// CHECK-NOT: linalg.fill
// CHECK: arith.constant dense<0.000000e+00> : vector<
// CHECK: return
func.func @zeros(%a: memref<12x64xf32>, %b: memref<2x64x16xf32>,
                 %d: memref<12x32xf32>) {
  %zero = arith.constant 0.0 : f32
  %c = memref.alloc() : memref<12x32xf32>
  linalg.fill ins(%zero : f32) outs(%c : memref<12x32xf32>)
  lowbit.matmul packed ins(%a, %b : memref<12x64xf32>, memref<2x64x16xf32>)
      outs(%c : memref<12x32xf32>)
  memref.copy %c, %d : memref<12x32xf32> to memref<12x32xf32>
  return
}

// Others read them, or they are not zeros.
// CHECK-LABEL: @no_zeros
// CHECK: linalg.fill
// CHECK: memref.copy
// CHECK: linalg.fill
// CHECK: return
func.func @no_zeros(%a: memref<12x64xf32>, %b: memref<2x64x16xf32>,
                    %d: memref<12x32xf32>, %e: memref<12x32xf32>) {
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %c = memref.alloc() : memref<12x32xf32>
  linalg.fill ins(%zero : f32) outs(%c : memref<12x32xf32>)
  memref.copy %c, %e : memref<12x32xf32> to memref<12x32xf32>
  lowbit.matmul packed ins(%a, %b : memref<12x64xf32>, memref<2x64x16xf32>)
      outs(%c : memref<12x32xf32>)
  %f = memref.alloc() : memref<12x32xf32>
  linalg.fill ins(%one : f32) outs(%f : memref<12x32xf32>)
  lowbit.matmul packed ins(%a, %b : memref<12x64xf32>, memref<2x64x16xf32>)
      outs(%f : memref<12x32xf32>)
  memref.copy %c, %d : memref<12x32xf32> to memref<12x32xf32>
  memref.copy %f, %e : memref<12x32xf32> to memref<12x32xf32>
  return
}

// RUN: quant-opt %s --convert-lowbit-to-vector=features=avx2,fma,avx512f,avx512bw,avx512vl,avx512vnni | FileCheck %s
// RUN: quant-opt %s --convert-lowbit-to-vector=features=avx2,fma | FileCheck %s --check-prefix=AVX2
// RUN: quant-opt %s --convert-lowbit-to-vector=features=avx2,fma,avx512f,avx512bw,avx512vl,avx512vnni,gfni | FileCheck %s --check-prefix=GFNI

// One row: a sum for each plane of a nibble, the high one shifted down once per
// group.
// CHECK-LABEL: func.func @row
// CHECK: scf.for
// CHECK: memref.load %{{.+}} : memref<1x2xi32>
// CHECK: %[[LOW:.+]] = arith.constant dense<15> : vector<64xi8>
// CHECK: arith.andi %{{.+}}, %[[LOW]] : vector<64xi8>
// CHECK: %[[HIGH:.+]] = arith.constant dense<-16> : vector<64xi8>
// CHECK: arith.andi %{{.+}}, %[[HIGH]] : vector<64xi8>
// CHECK-COUNT-8: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK: vector.load %{{.+}} : memref<1x2x16xf16>, vector<16xf16>
// CHECK: arith.extf
// CHECK: arith.shrsi
// CHECK: arith.sitofp
// CHECK: math.fma
// CHECK: scf.yield
// One operation takes the high nibble down, and two sums take turns.
// GFNI-LABEL: func.func @row
// GFNI: llvm.call_intrinsic "llvm.x86.vgf2p8affineqb.512"
// GFNI-NOT: arith.shrsi
// GFNI: arith.addi %{{.+}} : vector<16xi32>
// GFNI-NOT: arith.shrsi
// GFNI: math.fma
// Pairs of products in 16 bits, added up over the two planes of a line.
// AVX2-LABEL: func.func @row
// AVX2: llvm.call_intrinsic "llvm.x86.avx2.pmadd.ub.sw"
// AVX2: llvm.call_intrinsic "llvm.x86.avx2.pmadd.ub.sw"
// AVX2: arith.addi %{{.+}} : vector<16xi16>
// AVX2: llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
func.func @row(%a: memref<1x64xi8>, %b: memref<1x8x16x4xi8>, %s: memref<1x2x16xf16>, %z: memref<1x2xi32>, %c: memref<1x16xf32>) {
  lowbit.block_matmul bits(4) group(32) ins(%a, %b, %s : memref<1x64xi8>, memref<1x8x16x4xi8>, memref<1x2x16xf16>) sums(%z : memref<1x2xi32>) outs(%c : memref<1x16xf32>)
  return
}

// Many rows: columns are decoded once, less their offsets, and the start is
// raised by what that adds to the codes.
// CHECK-LABEL: func.func @rows
// CHECK: %[[DECODED:.+]] = memref.alloc() {alignment = 64 : i64} : memref<16x2x64xi8>
// CHECK: scf.for
// CHECK: arith.muli %{{.+}} : vector<16xi32>
// CHECK: arith.addi %{{.+}} : vector<64xi8>
// CHECK: vector.store %{{.+}}, %[[DECODED]]
// CHECK: arith.shli %{{.+}} : vector<16xi32>
// CHECK: vector.load %[[DECODED]]
// CHECK: vpdpbusd
// CHECK-NOT: arith.andi
// CHECK: return
func.func @rows(%a: memref<8x64xi8>, %b: memref<1x8x16x4xi8>, %s: memref<1x2x16xf16>, %o: memref<1x2x16xi8>, %z: memref<8x2xi32>, %c: memref<8x16xf32>) {
  lowbit.block_matmul bits(4) group(32) ins(%a, %b, %s : memref<8x64xi8>, memref<1x8x16x4xi8>, memref<1x2x16xf16>) offsets(%o : memref<1x2x16xi8>) sums(%z : memref<8x2xi32>) outs(%c : memref<8x16xf32>)
  return
}

// Floats: one permutation of a table for each code.
// CHECK-LABEL: func.func @floats
// CHECK: arith.shrui
// CHECK: llvm.call_intrinsic "llvm.x86.avx512.permvar.sf.512"
// CHECK: math.fma
// AVX2-LABEL: func.func @floats
// AVX2: arith.sitofp
// AVX2: math.fma
func.func @floats(%a: memref<1x8xf32>, %b: memref<1x1x16x4xi8>, %s: memref<1x1x16xf32>, %c: memref<1x16xf32>) {
  lowbit.block_matmul bits(4) group(8) ins(%a, %b, %s : memref<1x8xf32>, memref<1x1x16x4xi8>, memref<1x1x16xf32>) outs(%c : memref<1x16xf32>)
  return
}

// Integer offsets: the start is a product of 16-bit words.
// CHECK-LABEL: func.func @offsets
// CHECK: arith.extui
// CHECK: llvm.call_intrinsic "llvm.x86.avx512.pmaddw.d.512"
// CHECK: vpdpbusd
func.func @offsets(%a: memref<1x8xi8>, %b: memref<1x1x16x4xi8>, %s: memref<1x1x16xf32>, %o: memref<1x1x16xi8>, %z: memref<1x1xi32>, %c: memref<1x16xf32>) {
  lowbit.block_matmul bits(4) group(8) ins(%a, %b, %s : memref<1x8xi8>, memref<1x1x16x4xi8>, memref<1x1x16xf32>) offsets(%o : memref<1x1x16xi8>) sums(%z : memref<1x1xi32>) outs(%c : memref<1x16xf32>)
  return
}

// Five ternary codes of a byte come up one by one; their sums are scaled by 64.
// CHECK-LABEL: func.func @ternary
// CHECK: arith.constant dense<-4> : vector<64xi8>
// CHECK: arith.constant dense<-64> : vector<64xi8>
// CHECK-COUNT-5: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK-NOT: vpdpbusd
// CHECK: arith.shrsi
// CHECK: arith.sitofp
// AVX2-LABEL: func.func @ternary
func.func @ternary(%a: memref<1x20xi8>, %b: memref<1x1x16x4xi8>, %s: memref<1x1x16xf16>, %z: memref<1x1xi32>, %c: memref<1x16xf32>) {
  lowbit.block_matmul bits(2) group(20) ternary ins(%a, %b, %s : memref<1x20xi8>, memref<1x1x16x4xi8>, memref<1x1x16xf16>) sums(%z : memref<1x1xi32>) outs(%c : memref<1x16xf32>)
  return
}

// A table of 16 takes two permutations on AVX2.
// CHECK-LABEL: func.func @table
// CHECK: arith.constant dense<[-1.000000e+00, 5.000000e-01, 5.000000e-01
// CHECK: llvm.call_intrinsic "llvm.x86.avx512.permvar.sf.512"
// AVX2-LABEL: func.func @table
// AVX2-COUNT-2: llvm.call_intrinsic "llvm.x86.avx2.permps"
// AVX2: arith.select
func.func @table(%a: memref<1x8xf32>, %b: memref<1x1x16x4xi8>, %s: memref<1x1x16xf32>, %c: memref<1x16xf32>) {
  lowbit.block_matmul bits(4) group(8) values([-1.0, 0.5]) ins(%a, %b, %s : memref<1x8xf32>, memref<1x1x16x4xi8>, memref<1x1x16xf32>) outs(%c : memref<1x16xf32>)
  return
}

// An f32 with the exponent and the mantissa of the code, times 2^120.
// CHECK-LABEL: func.func @small_float
// CHECK: arith.shli
// CHECK: arith.shrsi
// CHECK: arith.constant dense<-2014314496> : vector<16xi32>
// CHECK: arith.mulf {{.+}} : vector<16xf32>
// CHECK-NOT: arith.sitofp
// AVX2-LABEL: func.func @small_float
func.func @small_float(%a: memref<1x4xf32>, %b: memref<1x1x16x4xi8>, %s: memref<1x1x16xf32>, %c: memref<1x16xf32>) {
  lowbit.block_matmul bits(8) group(4) exponent(4) ins(%a, %b, %s : memref<1x4xf32>, memref<1x1x16x4xi8>, memref<1x1x16xf32>) outs(%c : memref<1x16xf32>)
  return
}

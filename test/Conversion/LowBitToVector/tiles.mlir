// RUN: quant-opt %s --convert-lowbit-to-vector=features=avx2,fma,avx512f,avx512bw,avx512vl,avx512vnni,amx-tile,amx-int8 --configure-tiles --canonicalize --cse | FileCheck %s

// Shapes are set once; the sums of 32 x 32 are loaded, extended by 64 bytes at
// a time and stored.
// CHECK-LABEL: @tiles
// CHECK: llvm.call_intrinsic "llvm.x86.ldtilecfg"
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.tileloadd64"
// CHECK: scf.for
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.tdpbsud"
// CHECK: }
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.tilestored64"
// CHECK-NOT: vpdpbusd
// CHECK: llvm.call_intrinsic "llvm.x86.tilerelease"
// CHECK-NEXT: return
func.func @tiles(%a: memref<32x128xi8>, %b: memref<2x32x16x4xi8>,
                 %c: memref<32x32xi32>) {
  lowbit.matmul packed ins(%a, %b : memref<32x128xi8>, memref<2x32x16x4xi8>)
      outs(%c : memref<32x32xi32>)
  return
}

// The last eleven rows of 27, and bytes after the first 64, do not fill
// a tile.
// CHECK-LABEL: @rest
// CHECK: "llvm.x86.tdpbsud"
// CHECK: vpdpbusd
func.func @rest(%a: memref<27x80xi8>, %b: memref<2x20x16x4xi8>,
                %c: memref<27x32xi32>) {
  lowbit.matmul packed ins(%a, %b : memref<27x80xi8>, memref<2x20x16x4xi8>)
      outs(%c : memref<27x32xi32>)
  return
}

// Negative twins: too few rows, too short a reduction, floats; nothing is
// configured where no tile is used.
// CHECK-LABEL: @few_rows
// CHECK-NOT: tile
func.func @few_rows(%a: memref<4x128xi8>, %b: memref<2x32x16x4xi8>,
                    %c: memref<4x32xi32>) {
  lowbit.matmul packed ins(%a, %b : memref<4x128xi8>, memref<2x32x16x4xi8>)
      outs(%c : memref<4x32xi32>)
  return
}

// CHECK-LABEL: @short
// CHECK-NOT: tile
func.func @short(%a: memref<32x60xi8>, %b: memref<2x15x16x4xi8>,
                 %c: memref<32x32xi32>) {
  lowbit.matmul packed ins(%a, %b : memref<32x60xi8>, memref<2x15x16x4xi8>)
      outs(%c : memref<32x32xi32>)
  return
}

// CHECK-LABEL: @floats
// CHECK-NOT: tile
func.func @floats(%a: memref<32x64xf32>, %b: memref<2x64x16xf32>,
                  %c: memref<32x32xf32>) {
  lowbit.matmul packed ins(%a, %b : memref<32x64xf32>, memref<2x64x16xf32>)
      outs(%c : memref<32x32xf32>)
  return
}

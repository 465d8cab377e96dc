// RUN: quant-opt %s --convert-lowbit-to-vector=features=avx2,fma,avx512f,avx512bw,avx512vl,avx512vnni,avx512bf16,gfni | FileCheck %s

// Two products for each dot: pairs of A as a dword, codes by a permutation of
// integers from -8 to 7.
// CHECK-LABEL: func.func @row
// CHECK: vector.load %{{.+}} : memref<1x8xbf16>, vector<2xbf16>
// CHECK: %[[CODES:.+]] = vector.shuffle %{{.+}} [0, 0, 1, 1, 4, 4, 5, 5,
// CHECK: %[[INDEX:.+]] = vector.bitcast %[[CODES]] : vector<64xi8> to vector<32xi16>
// CHECK: %[[TABLE:.+]] = arith.constant dense<[-16128, -16160,
// CHECK: llvm.call_intrinsic "llvm.x86.avx512.permvar.hi.512"(%[[TABLE]], %[[INDEX]])
// CHECK: vector.bitcast %{{.+}} : vector<16xi32> to vector<32xbf16>
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
// CHECK-NOT: dpbf16ps
// CHECK: math.fma
// CHECK: return
func.func @row(%a: memref<1x8xbf16>, %b: memref<1x1x16x4xi8>, %s: memref<1x1x16xf32>, %c: memref<1x16xf32>) {
  lowbit.block_matmul bits(4) group(8) ins(%a, %b, %s : memref<1x8xbf16>, memref<1x1x16x4xi8>, memref<1x1x16xf32>) outs(%c : memref<1x16xf32>)
  return
}

// Many rows: pairs are decoded once, integer offsets in the index of a table
// that begins with -16.  The last k has no partner, and is read alone.
// CHECK-LABEL: func.func @rows
// CHECK: %[[DECODED:.+]] = memref.alloc() {alignment = 64 : i64} : memref<4x2x32xi16>
// CHECK: arith.addi %{{.+}} : vector<64xi8>
// CHECK: arith.constant dense<[-16000, -16016,
// CHECK: vector.store %{{.+}}, %[[DECODED]]
// CHECK: vector.load %[[DECODED]]
// CHECK: dpbf16ps
// CHECK: memref.load %{{.+}} : memref<8x7xbf16>
// CHECK: arith.extui %{{.+}} : i16 to i32
func.func @rows(%a: memref<8x7xbf16>, %b: memref<1x1x16x4xi8>, %s: memref<1x1x16xf32>, %o: memref<1x1x16xi8>, %c: memref<8x16xf32>) {
  lowbit.block_matmul bits(4) group(7) ins(%a, %b, %s : memref<8x7xbf16>, memref<1x1x16x4xi8>, memref<1x1x16xf32>) offsets(%o : memref<1x1x16xi8>) outs(%c : memref<8x16xf32>)
  return
}

// Float offsets take the sums of A: pairs times one.
// CHECK-LABEL: func.func @float_offsets
// CHECK: arith.constant dense<16256> : vector<32xi16>
// CHECK: dpbf16ps
// CHECK: math.fma
// CHECK: math.fma
func.func @float_offsets(%a: memref<1x8xbf16>, %b: memref<1x1x16x4xi8>, %s: memref<1x1x16xf32>, %c: memref<1x16xf32>) {
  lowbit.block_matmul bits(4) group(8) ins(%a, %b, %s : memref<1x8xbf16>, memref<1x1x16x4xi8>, memref<1x1x16xf32>) offsets(%s : memref<1x1x16xf32>) outs(%c : memref<1x16xf32>)
  return
}

// Floats keep the chain of fma.
// CHECK-LABEL: func.func @floats
// CHECK-NOT: dpbf16ps
// CHECK: return
func.func @floats(%a: memref<1x8xf32>, %b: memref<1x1x16x4xi8>, %s: memref<1x1x16xf32>, %c: memref<1x16xf32>) {
  lowbit.block_matmul bits(4) group(8) ins(%a, %b, %s : memref<1x8xf32>, memref<1x1x16x4xi8>, memref<1x1x16xf32>) outs(%c : memref<1x16xf32>)
  return
}

// RUN: quant-opt %s --convert-lowbit-to-vector=features=avx2,fma,avx512f,avx512bw,avx512vl,avx512vnni --canonicalize --cse | FileCheck %s --check-prefixes=CHECK,VNNI512
// RUN: quant-opt %s --convert-lowbit-to-vector=features=avx2,fma,avxvnni --canonicalize --cse | FileCheck %s --check-prefixes=CHECK,VNNI256
// RUN: quant-opt %s --convert-lowbit-to-vector=features=avx2,fma,avx512f,avx512bw,avx512vl --canonicalize --cse | FileCheck %s --check-prefixes=CHECK,WORDS512
// RUN: quant-opt %s --convert-lowbit-to-vector=features=avx2,fma --canonicalize --cse | FileCheck %s --check-prefixes=CHECK,WORDS256

// The bytes of B are the unsigned, those of A the signed operand.
// CHECK-LABEL: @bytes
// VNNI512: %[[B:.+]] = vector.load {{.+}} memref<1x4x64xi8>, vector<64xi8>
// VNNI512: %[[A:.+]] = vector.bitcast {{.+}} vector<16xi32> to vector<64xi8>
// VNNI512: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"(%{{.+}}, %[[B]], %[[A]])
// VNNI256: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.256"
// WORDS512: llvm.call_intrinsic "llvm.x86.avx512.pmaddw.d.512"
// WORDS256: llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
func.func @bytes(%a: memref<1x16xi8>, %b: memref<1x4x16x4xi8>,
                 %c: memref<1x16xi32>) {
  lowbit.matmul packed ins(%a, %b : memref<1x16xi8>, memref<1x4x16x4xi8>)
      outs(%c : memref<1x16xi32>)
  return
}

// The last bytes of a row are read one by one, so nothing beyond it is.
// CHECK-LABEL: @last_bytes
// CHECK: vector.load %arg0{{.+}} memref<1x6xi8>, vector<4xi8>
// CHECK-COUNT-2: memref.load %arg0{{.+}} memref<1x6xi8>
// CHECK: return
func.func @last_bytes(%a: memref<1x6xi8>, %b: memref<1x2x16x4xi8>,
                      %c: memref<1x16xi32>) {
  lowbit.matmul packed ins(%a, %b : memref<1x6xi8>, memref<1x2x16x4xi8>)
      outs(%c : memref<1x16xi32>)
  return
}

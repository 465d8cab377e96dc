// RUN: quant-opt %s --convert-lowbit-to-vector --split-input-file --verify-diagnostics

func.func @tensors(%a: tensor<1x8xf32>, %b: tensor<1x8x16xf32>,
                   %c: tensor<1x16xf32>) -> tensor<1x16xf32> {
  // expected-error @+1 {{expected memrefs; bufferize first}}
  %0 = lowbit.matmul packed ins(%a, %b : tensor<1x8xf32>, tensor<1x8x16xf32>)
      outs(%c : tensor<1x16xf32>) -> tensor<1x16xf32>
  return %0 : tensor<1x16xf32>
}

// -----

func.func @stride(%a: memref<1x8xf32, strided<[16, 2]>>, %b: memref<1x8x16xf32>,
                  %c: memref<1x16xf32>) {
  // expected-error @+1 {{expected operand 0 to have unit stride in its last dimension, got 'memref<1x8xf32, strided<[16, 2]>>'}}
  lowbit.matmul packed ins(%a, %b : memref<1x8xf32, strided<[16, 2]>>, memref<1x8x16xf32>)
      outs(%c : memref<1x16xf32>)
  return
}

// -----

func.func @lines(%a: memref<1x8xi8>, %b: memref<1x2x16x4xi8, strided<[256, 128, 8, 1]>>,
                 %c: memref<1x16xi32>) {
  // expected-error @+1 {{expected contiguous lines of B, got}}
  lowbit.matmul packed ins(%a, %b : memref<1x8xi8>, memref<1x2x16x4xi8, strided<[256, 128, 8, 1]>>)
      outs(%c : memref<1x16xi32>)
  return
}

// -----

func.func @bf16(%a: memref<1x8xbf16>, %b: memref<1x1x16x4xi8>, %s: memref<1x1x16xf32>, %c: memref<1x16xf32>) {
  // expected-error @+1 {{has A of bf16, which needs a target with avx512bf16}}
  lowbit.block_matmul bits(4) group(8) ins(%a, %b, %s : memref<1x8xbf16>, memref<1x1x16x4xi8>, memref<1x1x16xf32>) outs(%c : memref<1x16xf32>)
  return
}

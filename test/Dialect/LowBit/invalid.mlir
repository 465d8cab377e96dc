// RUN: quant-opt %s --split-input-file --verify-diagnostics

func.func @types(%a: memref<?x8xi8>, %b: memref<8x16xi8>, %c: memref<?x16xi32>) {
  // expected-error @+1 {{expected f32 x f32 -> f32, or i8 x packed i8 -> i32, got 'i8' x row_major 'i8' -> 'i32'}}
  lowbit.matmul row_major ins(%a, %b : memref<?x8xi8>, memref<8x16xi8>) outs(%c : memref<?x16xi32>)
  return
}

// -----

func.func @order(%a: memref<?x8xf32>, %b: memref<8x16xf32>, %c: memref<?x16xf32>) {
  // expected-error @+1 {{expected 'packed', 'row_major' or 'transposed', got 'column'}}
  lowbit.matmul column ins(%a, %b : memref<?x8xf32>, memref<8x16xf32>) outs(%c : memref<?x16xf32>)
  return
}

// -----

func.func @rank(%a: memref<?x8xf32>, %b: memref<1x8x16xf32>, %c: memref<2x?x16xf32>) {
  // expected-error @+1 {{expected A and C of equal rank of at least 2, got 2 and 3}}
  lowbit.matmul packed ins(%a, %b : memref<?x8xf32>, memref<1x8x16xf32>) outs(%c : memref<2x?x16xf32>)
  return
}

// -----

func.func @rows(%a: memref<3x8xf32>, %b: memref<1x8x16xf32>, %c: memref<4x16xf32>) {
  // expected-error @+1 {{expected dimension 0 of A to be 4 as in C, got 3}}
  lowbit.matmul packed ins(%a, %b : memref<3x8xf32>, memref<1x8x16xf32>) outs(%c : memref<4x16xf32>)
  return
}

// -----

func.func @rank_of_b(%a: memref<2x3x8xf32>, %b: memref<8xf32>, %c: memref<2x3x16xf32>) {
  // expected-error @+1 {{expected B of rank 2 or 3, got 1}}
  lowbit.matmul row_major ins(%a, %b : memref<2x3x8xf32>, memref<8xf32>) outs(%c : memref<2x3x16xf32>)
  return
}

// -----

func.func @batch_of_b(%a: memref<4x3x8xf32>, %b: memref<2x8x16xf32>, %c: memref<4x3x16xf32>) {
  // expected-error @+1 {{expected dimension 0 of B to be 1 or 4 as in C, got 2}}
  lowbit.matmul row_major ins(%a, %b : memref<4x3x8xf32>, memref<2x8x16xf32>) outs(%c : memref<4x3x16xf32>)
  return
}

// -----

// 17 columns take two lines.
func.func @lines(%a: memref<4x8xf32>, %b: memref<1x8x16xf32>, %c: memref<4x17xf32>) {
  // expected-error @+1 {{expected dimension 0 of B to be 2, got 1}}
  lowbit.matmul packed ins(%a, %b : memref<4x8xf32>, memref<1x8x16xf32>) outs(%c : memref<4x17xf32>)
  return
}

// -----

// The width of a line is never dynamic.
func.func @line(%a: memref<4x8xf32>, %b: memref<1x8x?xf32>, %c: memref<4x16xf32>) {
  // expected-error @+1 {{expected dimension 2 of B to be 16, got }}
  lowbit.matmul packed ins(%a, %b : memref<4x8xf32>, memref<1x8x?xf32>) outs(%c : memref<4x16xf32>)
  return
}

// -----

func.func @result(%a: tensor<4x8xf32>, %b: tensor<1x8x16xf32>, %c: tensor<4x16xf32>) {
  // expected-error @+1 {{expected one result on tensors and none on memrefs, got 0}}
  lowbit.matmul packed ins(%a, %b : tensor<4x8xf32>, tensor<1x8x16xf32>) outs(%c : tensor<4x16xf32>)
  return
}

// -----

func.func @mixed(%a: tensor<4x8xf32>, %b: memref<1x8x16xf32>, %c: memref<4x16xf32>) {
  // expected-error @+1 {{expected all operands to be tensors or all memrefs}}
  lowbit.matmul packed ins(%a, %b : tensor<4x8xf32>, memref<1x8x16xf32>) outs(%c : memref<4x16xf32>)
  return
}

// -----

func.func @block_bits(%a: memref<?x8xf32>, %b: memref<1x1x16x4xi8>, %s: memref<1x1x16xf32>, %c: memref<?x16xf32>) {
  // expected-error @+1 {{expected 1 to 4 bits and groups of 1 or more, got 5 and 8}}
  lowbit.block_matmul bits(5) group(8) ins(%a, %b, %s : memref<?x8xf32>, memref<1x1x16x4xi8>, memref<1x1x16xf32>) outs(%c : memref<?x16xf32>)
  return
}

// -----

func.func @block_depth(%a: memref<?x?xf32>, %b: memref<1x1x16x4xi8>, %s: memref<1x1x16xf32>, %c: memref<?x16xf32>) {
  // expected-error @+1 {{expected matrices A and C, and A of static depth}}
  lowbit.block_matmul bits(4) group(8) ins(%a, %b, %s : memref<?x?xf32>, memref<1x1x16x4xi8>, memref<1x1x16xf32>) outs(%c : memref<?x16xf32>)
  return
}

// -----

func.func @block_lines(%a: memref<?x16xf32>, %b: memref<1x1x16x4xi8>, %s: memref<1x2x16xf32>, %c: memref<?x16xf32>) {
  // expected-error @+1 {{expected B of shape [1, 2, 16, 4], got 'memref<1x1x16x4xi8>'}}
  lowbit.block_matmul bits(4) group(8) ins(%a, %b, %s : memref<?x16xf32>, memref<1x1x16x4xi8>, memref<1x2x16xf32>) outs(%c : memref<?x16xf32>)
  return
}

// -----

func.func @block_sums(%a: memref<?x8xi8>, %b: memref<1x1x16x4xi8>, %s: memref<1x1x16xf32>, %c: memref<?x16xf32>) {
  // expected-error @+1 {{expected 'sums' with A of i8 and only then}}
  lowbit.block_matmul bits(4) group(8) ins(%a, %b, %s : memref<?x8xi8>, memref<1x1x16x4xi8>, memref<1x1x16xf32>) outs(%c : memref<?x16xf32>)
  return
}

// -----

func.func @block_float_sums(%a: memref<?x8xi8>, %b: memref<1x1x16x4xi8>, %s: memref<1x1x16xf32>, %z: memref<?x1xf32>, %c: memref<?x16xf32>) {
  // expected-error @+1 {{expected 'sums' of f32 with float offsets and of i32 otherwise, got 'f32'}}
  lowbit.block_matmul bits(4) group(8) ins(%a, %b, %s : memref<?x8xi8>, memref<1x1x16x4xi8>, memref<1x1x16xf32>) sums(%z : memref<?x1xf32>) outs(%c : memref<?x16xf32>)
  return
}

// -----

func.func @two_kinds_of_codes(%a: memref<?x8xf32>, %b: memref<1x1x16x4xi8>, %s: memref<1x1x16xf32>, %c: memref<?x16xf32>) {
  // expected-error @+1 {{expected one of 'ternary', 'exponent' and 'values'}}
  lowbit.block_matmul bits(2) group(8) ternary values([0.0, 1.0]) ins(%a, %b, %s : memref<?x8xf32>, memref<1x1x16x4xi8>, memref<1x1x16xf32>) outs(%c : memref<?x16xf32>)
  return
}

// -----

func.func @ternary_bits(%a: memref<?x8xf32>, %b: memref<1x1x16x4xi8>, %s: memref<1x1x16xf32>, %c: memref<?x16xf32>) {
  // expected-error @+1 {{expected 2 bits for 'ternary', got 4}}
  lowbit.block_matmul bits(4) group(8) ternary ins(%a, %b, %s : memref<?x8xf32>, memref<1x1x16x4xi8>, memref<1x1x16xf32>) outs(%c : memref<?x16xf32>)
  return
}

// -----

func.func @exponent_width(%a: memref<?x8xf32>, %b: memref<1x1x16x4xi8>, %s: memref<1x1x16xf32>, %c: memref<?x16xf32>) {
  // expected-error @+1 {{expected 5 to 8 bits and groups of 1 or more, got 4 and 8}}
  lowbit.block_matmul bits(4) group(8) exponent(2) ins(%a, %b, %s : memref<?x8xf32>, memref<1x1x16x4xi8>, memref<1x1x16xf32>) outs(%c : memref<?x16xf32>)
  return
}

// -----

func.func @exponent_bits(%a: memref<?x8xf32>, %b: memref<1x1x16x4xi8>, %s: memref<1x1x16xf32>, %c: memref<?x16xf32>) {
  // expected-error @+1 {{expected an exponent of 2 to 6 bits, got 7}}
  lowbit.block_matmul bits(8) group(8) exponent(7) ins(%a, %b, %s : memref<?x8xf32>, memref<1x1x16x4xi8>, memref<1x1x16xf32>) outs(%c : memref<?x16xf32>)
  return
}

// -----

func.func @too_many_values(%a: memref<?x8xf32>, %b: memref<1x1x16x4xi8>, %s: memref<1x1x16xf32>, %c: memref<?x16xf32>) {
  // expected-error @+1 {{expected 1 to 2 values, got 3}}
  lowbit.block_matmul bits(1) group(8) values([0.0, 1.0, 2.0]) ins(%a, %b, %s : memref<?x8xf32>, memref<1x1x16x4xi8>, memref<1x1x16xf32>) outs(%c : memref<?x16xf32>)
  return
}

// -----

func.func @values_of_bytes(%a: memref<?x8xi8>, %b: memref<1x1x16x4xi8>, %s: memref<1x1x16xf32>, %z: memref<?x1xi32>, %c: memref<?x16xf32>) {
  // expected-error @+1 {{expected A of f32 and no offsets with codes that stand for floats}}
  lowbit.block_matmul bits(4) group(8) values([0.0, 1.0]) ins(%a, %b, %s : memref<?x8xi8>, memref<1x1x16x4xi8>, memref<1x1x16xf32>) sums(%z : memref<?x1xi32>) outs(%c : memref<?x16xf32>)
  return
}

// -----

func.func @values_of_bf16(%a: memref<?x8xbf16>, %b: memref<1x1x16x4xi8>, %s: memref<1x1x16xf32>, %c: memref<?x16xf32>) {
  // expected-error @+1 {{expected A of f32 and no offsets with codes that stand for floats}}
  lowbit.block_matmul bits(4) group(8) values([0.0, 1.0]) ins(%a, %b, %s : memref<?x8xbf16>, memref<1x1x16x4xi8>, memref<1x1x16xf32>) outs(%c : memref<?x16xf32>)
  return
}

// -----

func.func @ternary_offsets(%a: memref<?x8xf32>, %b: memref<1x1x16x4xi8>, %s: memref<1x1x16xf32>, %c: memref<?x16xf32>) {
  // expected-error @+1 {{expected no offsets with 'ternary'}}
  lowbit.block_matmul bits(2) group(8) ternary ins(%a, %b, %s : memref<?x8xf32>, memref<1x1x16x4xi8>, memref<1x1x16xf32>) offsets(%s : memref<1x1x16xf32>) outs(%c : memref<?x16xf32>)
  return
}

// RUN: quant-opt %s --convert-qnn-to-linalg --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @linear_packed
// CHECK: lowbit.matmul packed
// CHECK: linalg.generic
// CHECK: arith.addf
func.func @linear_packed(%x: tensor<4x64xf32>, %w: tensor<2x64x16xf32>,
    %b: tensor<24xf32>) -> tensor<4x24xf32>
    attributes {qnn.kernel, qnn.symbols = []} {
  %0 = qnn.linear %x, %w bias %b {packed_from = array<i64: 24, 64>} :
      (tensor<4x64xf32>, tensor<2x64x16xf32>, tensor<24xf32>) -> tensor<4x24xf32>
  return %0 : tensor<4x24xf32>
}

// -----

// The accumulator of packed bytes w + 128 starts at -128 times the row's sum.
// CHECK-LABEL: func.func @quantized_linear
// CHECK: arith.constant -128 : i32
// CHECK: lowbit.matmul packed
// CHECK: arith.sitofp
// CHECK: arith.mulf
// CHECK: arith.mulf
func.func @quantized_linear(%a: tensor<4x64xi8>, %s: tensor<4xf32>,
    %z: tensor<4xi32>, %w: tensor<2x16x16x4xi8>, %ws: tensor<24xf32>)
    -> tensor<4x24xf32> attributes {qnn.kernel, qnn.symbols = []} {
  %0 = qnn.quantized_linear %a, %s, %z, %w, %ws {packed_from = array<i64: 24, 64>} :
      (tensor<4x64xi8>, tensor<4xf32>, tensor<4xi32>, tensor<2x16x16x4xi8>, tensor<24xf32>) -> tensor<4x24xf32>
  return %0 : tensor<4x24xf32>
}

// -----

// Eight query heads share two key heads through a batch dimension of extent 1.
// CHECK-LABEL: func.func @grouped_attention
// CHECK: lowbit.matmul transposed ins(%{{.+}}, %{{.+}} : tensor<1x2x4x3x16xf32>, tensor<1x2x1x5x16xf32>)
// CHECK: math.exp
// CHECK: lowbit.matmul row_major ins(%{{.+}}, %{{.+}} : tensor<1x2x4x3x5xf32>, tensor<1x2x1x5x16xf32>)
func.func @grouped_attention(%q: tensor<1x8x3x16xf32>, %k: tensor<1x2x5x16xf32>,
    %v: tensor<1x2x5x16xf32>) -> tensor<1x8x3x16xf32>
    attributes {qnn.kernel, qnn.symbols = []} {
  %0 = qnn.attention %q, %k, %v {scale = 0.25 : f32, causal = true, key_transposed = false} :
      (tensor<1x8x3x16xf32>, tensor<1x2x5x16xf32>, tensor<1x2x5x16xf32>) -> tensor<1x8x3x16xf32>
  return %0 : tensor<1x8x3x16xf32>
}

// -----

// A depthwise convolution is one generic over the window.
// CHECK-LABEL: func.func @depthwise
// CHECK-NOT: lowbit.matmul
// CHECK: iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]
// CHECK: math.fma
func.func @depthwise(%x: tensor<1x8x8x32xf32>, %w: tensor<32x3x3x1xf32>)
    -> tensor<1x8x8x32xf32> attributes {qnn.kernel, qnn.symbols = []} {
  %0 = qnn.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
      pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>, groups = 32,
      channels_last = true} : (tensor<1x8x8x32xf32>, tensor<32x3x3x1xf32>) -> tensor<1x8x8x32xf32>
  return %0 : tensor<1x8x8x32xf32>
}

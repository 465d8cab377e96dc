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

// A depthwise convolution is one window operation on the whole image.
// CHECK-LABEL: func.func @depthwise
// CHECK-NOT: lowbit.matmul
// CHECK: lowbit.depthwise ins(%{{.+}}, %{{.+}} : tensor<1x8x8x32xf32>, tensor<3x3x32xf32>) outs(%{{.+}} : tensor<64x32xf32>)
// CHECK: tensor.expand_shape
func.func @depthwise(%x: tensor<1x8x8x32xf32>, %w: tensor<32x3x3x1xf32>)
    -> tensor<1x8x8x32xf32> attributes {qnn.kernel, qnn.symbols = []} {
  %0 = qnn.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
      pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>, groups = 32,
      channels_last = true} : (tensor<1x8x8x32xf32>, tensor<32x3x3x1xf32>) -> tensor<1x8x8x32xf32>
  return %0 : tensor<1x8x8x32xf32>
}

// -----

// The windows as rows, times the packed weight; no padded copy of the image.
// CHECK-LABEL: func.func @convolution
// CHECK: %[[P:.+]] = lowbit.patches ins(%{{.+}} : tensor<2x8x8x4xf32>) outs(%{{.+}} : tensor<128x36xf32>)
// CHECK: lowbit.matmul packed ins(%[[P]], %{{.+}} : tensor<128x36xf32>, tensor<1x36x16xf32>) outs(%{{.+}} : tensor<128x8xf32>)
func.func @convolution(%x: tensor<2x8x8x4xf32>, %w: tensor<1x36x16xf32>)
    -> tensor<128x8xf32> attributes {qnn.kernel, qnn.symbols = []} {
  %0 = qnn.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
      pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>, groups = 1,
      channels_last = true, flat_rows, packed_from = array<i64: 8, 3, 3, 4>}
      : (tensor<2x8x8x4xf32>, tensor<1x36x16xf32>) -> tensor<128x8xf32>
  return %0 : tensor<128x8xf32>
}

// -----

// Codes: rows of 27 rounded up to 28, padded by the zero point; the accumulator
// starts at -128 times the row's sum plus 'start'; one scale per sample of 64
// pixels.
// CHECK-LABEL: func.func @quantized_convolution
// CHECK: %[[P:.+]] = lowbit.patches ins(%{{.+}} : tensor<2x8x8x3xi8>) outs(%{{.+}} : tensor<128x28xi8>) from %{{.+}} zero_point %{{.+}} : tensor<i32>
// CHECK: arith.constant -128 : i32
// CHECK: lowbit.matmul packed ins(%[[P]], %{{.+}} : tensor<128x28xi8>, tensor<1x7x16x4xi8>)
// CHECK: arith.divui
// CHECK: tensor.extract
func.func @quantized_convolution(%a: tensor<2x8x8x3xi8>, %s: tensor<2xf32>,
    %w: tensor<1x7x16x4xi8>, %ws: tensor<8xf32>, %z: tensor<i32>, %start: tensor<8xi32>)
    -> tensor<128x8xf32> attributes {qnn.kernel, qnn.symbols = []} {
  %0 = qnn.quantized_conv %a, %s, %w, %ws zero_point %z start %start {strides = array<i64: 1, 1>,
      dilations = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>,
      groups = 1, flat_rows, packed_from = array<i64: 8, 3, 3, 3>}
      : (tensor<2x8x8x3xi8>, tensor<2xf32>, tensor<1x7x16x4xi8>, tensor<8xf32>, tensor<i32>, tensor<8xi32>) -> tensor<128x8xf32>
  return %0 : tensor<128x8xf32>
}

// -----

// Groups with panels of their own.
// CHECK-LABEL: func.func @quantized_groups
// CHECK: %[[S:.+]] = lowbit.grouped_conv ins(%{{.+}}, %{{.+}} : tensor<2x8x8x6xi8>, tensor<2x7x16x4xi8>) start(%{{.+}} : tensor<32xi32>) outs(%{{.+}} : tensor<128x32xi32>) from %{{.+}} zero_point %{{.+}} {{{.*}}groups = 2
// CHECK: linalg.generic {{.+}} ins(%[[S]]
func.func @quantized_groups(%a: tensor<2x8x8x6xi8>, %s: tensor<f32>,
    %w: tensor<2x7x16x4xi8>, %ws: tensor<32xf32>, %z: tensor<i32>, %start: tensor<32xi32>)
    -> tensor<128x32xf32> attributes {qnn.kernel, qnn.symbols = []} {
  %0 = qnn.quantized_conv %a, %s, %w, %ws zero_point %z start %start {strides = array<i64: 1, 1>,
      dilations = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>,
      groups = 2, flat_rows, packed_from = array<i64: 32, 3, 3, 3>}
      : (tensor<2x8x8x6xi8>, tensor<f32>, tensor<2x7x16x4xi8>, tensor<32xf32>, tensor<i32>, tensor<32xi32>) -> tensor<128x32xf32>
  return %0 : tensor<128x32xf32>
}

// -----

// A static scale is one for all samples.
// CHECK-LABEL: func.func @quantized_depthwise
// CHECK: lowbit.depthwise ins(%{{.+}}, %{{.+}} : tensor<2x8x8x16xi8>, tensor<3x3x16xi8>) outs(%{{.+}} : tensor<128x16xf32>)
// CHECK-NOT: tensor.extract
// CHECK: arith.mulf
// CHECK-NOT: arith.sitofp
func.func @quantized_depthwise(%a: tensor<2x8x8x16xi8>, %s: tensor<f32>,
    %w: tensor<3x3x16xi8>, %ws: tensor<16xf32>)
    -> tensor<128x16xf32> attributes {qnn.kernel, qnn.symbols = []} {
  %0 = qnn.quantized_conv %a, %s, %w, %ws {strides = array<i64: 1, 1>,
      dilations = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>,
      groups = 16, flat_rows, packed_from = array<i64: 16, 3, 3, 1>}
      : (tensor<2x8x8x16xi8>, tensor<f32>, tensor<3x3x16xi8>, tensor<16xf32>) -> tensor<128x16xf32>
  return %0 : tensor<128x16xf32>
}

// -----

// A sum over no elements is the start value, 0 or the bias.
// CHECK-LABEL: func.func @empty_sum
// CHECK-NOT: lowbit.matmul
// CHECK: linalg.fill
func.func @empty_sum(%x: tensor<4x0xf32>, %y: tensor<0x3xf32>) -> tensor<4x3xf32>
    attributes {qnn.kernel, qnn.symbols = []} {
  %0 = qnn.matmul %x, %y : (tensor<4x0xf32>, tensor<0x3xf32>) -> tensor<4x3xf32>
  return %0 : tensor<4x3xf32>
}

// RUN: quant-opt %s | quant-opt | FileCheck %s
// RUN: quant-opt %s --mlir-print-op-generic | quant-opt | FileCheck %s

// Every operation in its custom syntax.

// CHECK-LABEL: func.func @elementwise
func.func @elementwise(%x: tensor<?x4xf32>, %y: tensor<4xf32>, %c: tensor<?x4xi1>) {
  // CHECK: qnn.exp %{{.+}} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %0 = qnn.exp %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: qnn.add %{{.+}}, %{{.+}} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %1 = qnn.add %0, %y : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  // CHECK: qnn.gelu %{{.+}} {approximation = 1 : i32}
  %2 = qnn.gelu %1 {approximation = 1 : i32} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: qnn.clip %{{.+}} {max = 6.000000e+00 : f64, min = 0.000000e+00 : f64}
  %3 = qnn.clip %2 {min = 0.0 : f64, max = 6.0 : f64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: qnn.less %{{.+}}, %{{.+}} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xi1>
  %4 = qnn.less %3, %y : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xi1>
  // CHECK: qnn.and
  %5 = qnn.and %4, %c : (tensor<?x4xi1>, tensor<?x4xi1>) -> tensor<?x4xi1>
  // CHECK: qnn.where
  %6 = qnn.where %5, %3, %y : (tensor<?x4xi1>, tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  // CHECK: qnn.cast %{{.+}} : (tensor<?x4xf32>) -> tensor<?x4xf16>
  %7 = qnn.cast %6 : (tensor<?x4xf32>) -> tensor<?x4xf16>
  // CHECK: qnn.is_nan %{{.+}} : (tensor<?x4xf16>) -> tensor<?x4xi1>
  %8 = qnn.is_nan %7 : (tensor<?x4xf16>) -> tensor<?x4xi1>
  // CHECK: qnn.leaky_relu
  %9 = qnn.leaky_relu %x {alpha = 0.1 : f32} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: qnn.hard_sigmoid
  %10 = qnn.hard_sigmoid %x {alpha = 0.2 : f32, beta = 0.5 : f32} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// CHECK-LABEL: func.func @movement
func.func @movement(%x: tensor<2x?xf32> {qnn.shape = affine_map<()[s0] -> (2, s0)>}, %i: tensor<3xi64>)
    attributes {qnn.symbols = ["n"]} {
  // CHECK: qnn.check {condition = {{.+}}, message = "n is longer than 512"}
  qnn.check {condition = affine_set<()[s0] : (512 - s0 >= 0)>, message = "n is longer than 512"}
  // CHECK: qnn.constant dense<[1, 2]> : tensor<2xi64> -> tensor<2xi64>
  %0 = qnn.constant dense<[1, 2]> : tensor<2xi64> -> tensor<2xi64>
  // CHECK: qnn.constant dense<[15360, 0]> : tensor<2xi16> -> tensor<2xf16>
  %1 = qnn.constant dense<[15360, 0]> : tensor<2xi16> -> tensor<2xf16>
  // CHECK: qnn.reshape
  %2 = qnn.reshape %x {shape = affine_map<()[s0] -> (s0 * 2)>} : (tensor<2x?xf32>) -> tensor<?xf32>
  // CHECK: qnn.broadcast_to
  %3 = qnn.broadcast_to %x {shape = affine_map<() -> (5, 2, 1)>} : (tensor<2x?xf32>) -> tensor<5x2x?xf32>
  // CHECK: qnn.transpose %{{.+}} {permutation = array<i64: 1, 0>}
  %4 = qnn.transpose %x {permutation = array<i64: 1, 0>} : (tensor<2x?xf32>) -> tensor<?x2xf32>
  // CHECK: qnn.concat %{{.+}}, %{{.+}} {axis = 0 : i64}
  %5 = qnn.concat %x, %x {axis = 0 : i64} : (tensor<2x?xf32>, tensor<2x?xf32>) -> tensor<4x?xf32>
  // CHECK: qnn.append %{{.+}}, %{{.+}} {axis = 1 : i64, capacity = {{.+}}}
  %append:2 = qnn.append %x, %x {axis = 1 : i64, capacity = affine_map<()[s0] -> (s0 * 3)>} : (tensor<2x?xf32>, tensor<2x?xf32>) -> (tensor<2x?xf32>, tensor<2x?xf32>)
  // CHECK: qnn.slice
  %6 = qnn.slice %x {starts = affine_map<()[s0] -> (1, s0 - 1)>, sizes = affine_map<()[s0] -> (1, s0)>, steps = array<i64: 1, -1>} : (tensor<2x?xf32>) -> tensor<1x?xf32>
  // CHECK: qnn.pad
  %7 = qnn.pad %x {low = array<i64: 0, 1>, high = array<i64: 0, 2>, value = 0.0 : f64} : (tensor<2x?xf32>) -> tensor<2x?xf32>
  // CHECK: qnn.gather
  %8 = qnn.gather %x, %i {axis = 0 : i64} : (tensor<2x?xf32>, tensor<3xi64>) -> tensor<3x?xf32>
  // CHECK: qnn.shape_value {{.+}} : tensor<2xi64>
  %9 = qnn.shape_value {values = affine_map<()[s0] -> (s0, 2)>} : tensor<2xi64>
  // CHECK: qnn.shape_value {{.+}} : tensor<i64>
  %10 = qnn.shape_value {values = affine_map<()[s0] -> (s0)>} : tensor<i64>
  // CHECK: qnn.range
  %11 = qnn.range {start = affine_map<() -> (0)>, size = affine_map<()[s0] -> (s0)>, step = 1 : i64} : tensor<?xi64>
  return
}

// CHECK-LABEL: func.func @network
func.func @network(%x: tensor<?x384xf32>, %b: tensor<8xf32>, %image: tensor<1x3x8x8xf32>,
                   %q: tensor<1x4x?x8xf32>, %mask: tensor<1x1x1x?xf32>) {
  %w = qnn.constant dense<1.0> : tensor<8x384xf32> -> tensor<8x384xf32>
  // CHECK: qnn.linear %{{.+}}, %{{.+}} bias %{{.+}} : (tensor<?x384xf32>, tensor<8x384xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %0 = qnn.linear %x, %w bias %b : (tensor<?x384xf32>, tensor<8x384xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  // CHECK: qnn.pack %{{.+}} {layout = "panels"} : (tensor<8x384xf32>) -> tensor<3072xf32>
  %p = qnn.pack %w {layout = "panels"} : (tensor<8x384xf32>) -> tensor<3072xf32>
  // CHECK: qnn.linear %{{.+}}, %{{.+}} {packed_from = array<i64: 8, 384>}
  %1 = qnn.linear %x, %p {packed_from = array<i64: 8, 384>} : (tensor<?x384xf32>, tensor<3072xf32>) -> tensor<?x8xf32>
  // CHECK: qnn.matmul
  %2 = qnn.matmul %x, %q : (tensor<?x384xf32>, tensor<1x4x?x8xf32>) -> tensor<1x4x?x8xf32>
  %k = qnn.constant dense<1.0> : tensor<6x3x3x3xf32> -> tensor<6x3x3x3xf32>
  // CHECK: qnn.conv
  %3 = qnn.conv %image, %k {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>, groups = 1 : i64, channels_last = false} : (tensor<1x3x8x8xf32>, tensor<6x3x3x3xf32>) -> tensor<1x6x4x4xf32>
  %codes = qnn.constant dense<1> : tensor<1x8x8x3xi8> -> tensor<1x8x8x3xi8>
  %kc = qnn.constant dense<1> : tensor<6x3x3x3xi8> -> tensor<6x3x3x3xi8>
  %ks = qnn.constant dense<1.0> : tensor<6xf32> -> tensor<6xf32>
  %scale = qnn.constant dense<1.0> : tensor<1xf32> -> tensor<1xf32>
  // CHECK: qnn.quantized_conv %{{.+}}, %{{.+}}, %{{.+}}, %{{.+}} bias %{{.+}} {{{.*}}flat_rows{{.*}}} : {{.+}} -> tensor<36x6xf32>
  %qc = qnn.quantized_conv %codes, %scale, %kc, %ks bias %ks {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, groups = 1 : i64, flat_rows} : (tensor<1x8x8x3xi8>, tensor<1xf32>, tensor<6x3x3x3xi8>, tensor<6xf32>, tensor<6xf32>) -> tensor<36x6xf32>
  // CHECK: qnn.pool max
  %4 = qnn.pool max %3 {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, count_include_pad = false, channels_last = false} : (tensor<1x6x4x4xf32>) -> tensor<1x6x2x2xf32>
  // CHECK: qnn.reduce mean
  %5 = qnn.reduce mean %4 {axes = array<i64: 2, 3>, keep_dims = false} : (tensor<1x6x2x2xf32>) -> tensor<1x6xf32>
  // CHECK: qnn.softmax
  %6 = qnn.softmax %5 {axis = 1 : i64} : (tensor<1x6xf32>) -> tensor<1x6xf32>
  // CHECK: qnn.layer_norm %{{.+}}, %{{.+}} bias %{{.+}} {axis = 1 : i64, epsilon = 9.99999974E-6 : f32}
  %7 = qnn.layer_norm %0, %b bias %b {axis = 1 : i64, epsilon = 1.0e-5 : f32} : (tensor<?x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  // CHECK: qnn.rms_norm
  %8 = qnn.rms_norm %0, %b {axis = 1 : i64, epsilon = 1.0e-5 : f32} : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  // CHECK: qnn.batch_norm
  %9 = qnn.batch_norm %0, %b, %b, %b, %b {epsilon = 1.0e-5 : f32} : (tensor<?x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  // CHECK: qnn.rotary
  %10 = qnn.rotary %q, %q, %q : (tensor<1x4x?x8xf32>, tensor<1x4x?x8xf32>, tensor<1x4x?x8xf32>) -> tensor<1x4x?x8xf32>
  // CHECK: qnn.attention %{{.+}}, %{{.+}}, %{{.+}} mask %{{.+}}
  %11 = qnn.attention %q, %q, %q mask %mask {scale = 0.35 : f32, causal = false, key_transposed = false} : (tensor<1x4x?x8xf32>, tensor<1x4x?x8xf32>, tensor<1x4x?x8xf32>, tensor<1x1x1x?xf32>) -> tensor<1x4x?x8xf32>
  return
}

// CHECK-LABEL: func.func @launches
func.func @launches(%x: tensor<?xf32> {qnn.shape = affine_map<()[s0] -> (s0)>}) -> tensor<?xf32>
    attributes {qnn.entry, qnn.symbols = ["n"]} {
  // CHECK: qnn.launch @kernel(%{{.+}}) {symbols = {{.+}}} : (tensor<?xf32>) -> tensor<?xf32>
  %0 = qnn.launch @kernel(%x) {symbols = affine_map<()[s0] -> (s0)>} : (tensor<?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
func.func private @kernel(%x: tensor<?xf32> {qnn.shape = affine_map<()[s0] -> (s0)>})
    -> (tensor<?xf32> {qnn.shape = affine_map<()[s0] -> (s0)>})
    attributes {qnn.kernel, qnn.symbols = ["s"]} {
  // CHECK: qnn.symbol_value 0
  %n = qnn.symbol_value 0
  %0 = qnn.relu %x : (tensor<?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// The format attribute is any attribute for this dialect.
// CHECK-LABEL: func.func @quantize
func.func @quantize(%x: tensor<?x8xf32>, %scale: tensor<f32>) {
  // CHECK: qnn.quantize %{{.+}} : (tensor<?x8xf32>) -> !qnn.encoded<?x8xf32, #fmt.int<8, tensor>>
  %0 = qnn.quantize %x : (tensor<?x8xf32>) -> !qnn.encoded<?x8xf32, #fmt.int<8, tensor>>
  // CHECK: qnn.quantize %{{.+}} scale %{{.+}}
  %1 = qnn.quantize %x scale %scale : (tensor<?x8xf32>, tensor<f32>) -> !qnn.encoded<?x8xf32, #fmt.int<8, tensor>>
  // CHECK: qnn.dequantize
  %2 = qnn.dequantize %0 : (!qnn.encoded<?x8xf32, #fmt.int<8, tensor>>) -> tensor<?x8xf32>
  // CHECK: qnn.encoded_constant {codes = dense<1> : tensor<4x8xi8>, scales = dense<1.000000e+00> : tensor<f32>} : !qnn.encoded<4x8xf32, #fmt.int<8, tensor>>
  %3 = qnn.encoded_constant {codes = dense<1> : tensor<4x8xi8>, scales = dense<1.000000e+00> : tensor<f32>} : !qnn.encoded<4x8xf32, #fmt.int<8, tensor>>
  // CHECK: qnn.linear {{.+}} : (!qnn.encoded<?x8xf32, #fmt.int<8, tensor>>, !qnn.encoded<4x8xf32, #fmt.int<8, tensor>>) -> tensor<?x4xf32>
  %4 = qnn.linear %0, %3 : (!qnn.encoded<?x8xf32, #fmt.int<8, tensor>>, !qnn.encoded<4x8xf32, #fmt.int<8, tensor>>) -> tensor<?x4xf32>
  return
}

// CHECK-LABEL: func.func @observe
func.func @observe(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // CHECK: qnn.observe %{{.+}} {channel_axis = 2 : i64, observers = ["min-max"], point = "x"}
  %0 = qnn.observe %x {point = "x", observers = ["min-max"], channel_axis = 2 : i64} : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  // CHECK: qnn.observe %{{.+}} {{{.*}}row_mask = "mask", row_mask_axes = array<i64: 0, 1>}
  %1 = qnn.observe %0 {point = "y", observers = ["min-max"], channel_axis = 2 : i64, row_mask = "mask", row_mask_axes = array<i64: 0, 1>} : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  return %1 : tensor<?x?x8xf32>
}

// CHECK-LABEL: func.func @hadamard
func.func @hadamard(%x: tensor<?x384xf32>) -> tensor<?x384xf32> {
  // CHECK: qnn.hadamard %{{.+}} {block = 384 : i64} : (tensor<?x384xf32>) -> tensor<?x384xf32>
  %0 = qnn.hadamard %x {block = 384 : i64} : (tensor<?x384xf32>) -> tensor<?x384xf32>
  // CHECK: qnn.hadamard %{{.+}} {block = 32 : i64, transposed}
  %1 = qnn.hadamard %0 {block = 32 : i64, transposed} : (tensor<?x384xf32>) -> tensor<?x384xf32>
  return %1 : tensor<?x384xf32>
}

// CHECK-LABEL: func.func @bind_symbol
func.func @bind_symbol(%n: tensor<2xi64>, %flag: tensor<i1>, %x: tensor<4xf32>) -> tensor<?xf32>
    attributes {qnn.symbols = ["flag", "n"]} {
  // CHECK: qnn.bind_symbol %{{.+}} {message = "flag", symbol = 0 : i64} : tensor<i1>
  qnn.bind_symbol %flag {symbol = 0 : i64, message = "flag"} : tensor<i1>
  // CHECK: qnn.bind_symbol %{{.+}} {element = 1 : i64, guard = #{{.+}}, message = "n", symbol = 1 : i64} : tensor<2xi64>
  qnn.bind_symbol %n {symbol = 1 : i64, element = 1 : i64, message = "n", guard = affine_map<()[s0] -> (s0)>} : tensor<2xi64>
  %0 = qnn.slice %x {starts = affine_map<() -> (0)>, sizes = affine_map<()[s0, s1] -> (s1)>, steps = array<i64: 1>} : (tensor<4xf32>) -> tensor<?xf32>
  // CHECK: qnn.choose %{{.+}}, %{{.+}} {condition = #{{.+}}, shape = #{{.+}}} : (tensor<?xf32>, tensor<4xf32>) -> tensor<?xf32>
  %1 = qnn.choose %0, %x {condition = affine_map<()[s0, s1] -> (s0)>, shape = affine_map<()[s0, s1] -> (s0 * s1 + (1 - s0) * 4)>} : (tensor<?xf32>, tensor<4xf32>) -> tensor<?xf32>
  return %1 : tensor<?xf32>
}

// RUN: quant-opt %s --split-input-file --expand-encoded --verify-diagnostics \
// RUN:   | FileCheck %s

// CHECK-LABEL: func.func @int8
// CHECK-SAME: %[[X:.+]]: tensor<?x64xf32>
// CHECK: %[[A:.+]], %[[S:.+]], %[[SUM:.+]] = qnn.quantize_rows %[[X]] :
// CHECK: %[[Q:.+]]:2 = qnn.encode %{{.+}} {format = #fmt.int<8, axis = 0>} : (tensor<32x64xf32>) -> (tensor<32x64xi8>, tensor<32xf32>)
// CHECK: qnn.quantized_linear %[[A]], %[[S]], %[[SUM]], %[[Q]]#0, %[[Q]]#1
// CHECK: qnn.quantized_gather %[[Q]]#0, %[[Q]]#1
func.func @int8(%x: tensor<?x64xf32>, %i: tensor<?xi64>)
    -> (tensor<?x32xf32>, tensor<?x64xf32>) {
  %a = qnn.quantize %x {rcp} : (tensor<?x64xf32>) -> !qnn.encoded<?x64xf32, #fmt.int<8, per_row>>
  %c = qnn.constant dense<1.0> : tensor<32x64xf32> -> tensor<32x64xf32>
  %w = qnn.quantize %c : (tensor<32x64xf32>) -> !qnn.encoded<32x64xf32, #fmt.int<8, axis = 0>>
  %0 = qnn.linear %a, %w : (!qnn.encoded<?x64xf32, #fmt.int<8, per_row>>, !qnn.encoded<32x64xf32, #fmt.int<8, axis = 0>>) -> tensor<?x32xf32>
  %1 = qnn.gather %w, %i {axis = 0 : i64} : (!qnn.encoded<32x64xf32, #fmt.int<8, axis = 0>>, tensor<?xi64>) -> tensor<?x64xf32>
  return %0, %1 : tensor<?x32xf32>, tensor<?x64xf32>
}

// -----

// A solved weight is a payload.
// CHECK-LABEL: func.func @solved
// CHECK: %[[Q:.+]]:2 = qnn.payload {arrays = [dense<1> : tensor<2x4xi8>, dense<5.000000e-01> : tensor<2xf32>]} : tensor<2x4xi8>, tensor<2xf32>
// CHECK: qnn.quantized_linear %{{.+}}, %[[Q]]#0, %[[Q]]#1 :
func.func @solved(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %a = qnn.quantize %x {rcp} : (tensor<?x4xf32>) -> !qnn.encoded<?x4xf32, #fmt.int<8, per_row>>
  %w = qnn.encoded_constant {codes = dense<1> : tensor<2x4xi8>, scales = dense<0.5> : tensor<2xf32>} : !qnn.encoded<2x4xf32, #fmt.int<8, axis = 0>>
  %0 = qnn.linear %a, %w : (!qnn.encoded<?x4xf32, #fmt.int<8, per_row>>, !qnn.encoded<2x4xf32, #fmt.int<8, axis = 0>>) -> tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}

// -----

// Without a kernel for the pair the float values are computed on.
// CHECK-LABEL: func.func @float_input
// CHECK-SAME: %[[X:.+]]: tensor<?x4xf32>
// CHECK: %[[Q:.+]]:2 = qnn.payload
// CHECK: %[[W:.+]] = qnn.decode %[[Q]]#0, %[[Q]]#1 {format = #fmt.int<8, axis = 0>} : (tensor<2x4xi8>, tensor<2xf32>) -> tensor<2x4xf32>
// CHECK: qnn.linear %[[X]], %[[W]]
func.func @float_input(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %w = qnn.encoded_constant {codes = dense<1> : tensor<2x4xi8>, scales = dense<0.5> : tensor<2xf32>} : !qnn.encoded<2x4xf32, #fmt.int<8, axis = 0>>
  // expected-remark @below {{computes on decoded values: no kernel for '!qnn.encoded<2x4xf32, #fmt.int<8, axis = 0>>'}}
  %0 = qnn.linear %x, %w : (tensor<?x4xf32>, !qnn.encoded<2x4xf32, #fmt.int<8, axis = 0>>) -> tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}

// -----

func.func @no_activation_kernel(%x: tensor<?x4xf32>) {
  // expected-error @below {{has no kernel to format #fmt.int<4, per_row>}}
  %a = qnn.quantize %x {rcp} : (tensor<?x4xf32>) -> !qnn.encoded<?x4xf32, #fmt.int<4, per_row>>
  return
}

// -----

func.func @unknown_origin(%w: !qnn.encoded<4x4xf32, #fmt.int<8, axis = 0>>) {
  // expected-error @below {{expected encoded operands made by qnn.quantize, qnn.assemble or qnn.encoded_constant, got '!qnn.encoded<4x4xf32, #fmt.int<8, axis = 0>>'}}
  %0 = qnn.dequantize %w : (!qnn.encoded<4x4xf32, #fmt.int<8, axis = 0>>) -> tensor<4x4xf32>
  return
}

// -----

// A known scale and zero point: unsigned codes become signed ones, and what the
// zero point adds to the sums is a lazy expression.
// CHECK-LABEL: func.func @static
// CHECK-DAG: %[[SCALE:.+]] = qnn.constant dense<5.000000e-01>
// CHECK-DAG: %[[Z:.+]] = qnn.add %{{.+}}, %{{.+}} : (tensor<i32>, tensor<i32>) -> tensor<i32>
// CHECK: %[[A:.+]], %[[SUMS:.+]] = qnn.quantize_static %{{.+}}, %[[SCALE]], %[[Z]] {low = -128 : i32}
// CHECK: %[[R:.+]] = qnn.reduce sum
// CHECK: %[[M:.+]] = qnn.mul %[[R]], %[[Z]]
// CHECK: %[[START:.+]] = qnn.neg %[[M]]
// CHECK: qnn.quantized_linear %[[A]], %[[SCALE]], %[[SUMS]], %{{.+}}, %{{.+}} start %[[START]]
func.func @static(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %s = qnn.constant dense<0.5> : tensor<f32> -> tensor<f32>
  %z = qnn.constant dense<3> : tensor<ui8> -> tensor<ui8>
  %a = qnn.quantize %x scale %s offset %z : (tensor<?x4xf32>, tensor<f32>, tensor<ui8>) -> !qnn.encoded<?x4xf32, #fmt.int<8, tensor, offset = integer>>
  %w = qnn.encoded_constant {codes = dense<1> : tensor<2x4xi8>, scales = dense<0.5> : tensor<2xf32>} : !qnn.encoded<2x4xf32, #fmt.int<8, axis = 0>>
  %0 = qnn.linear %a, %w : (!qnn.encoded<?x4xf32, #fmt.int<8, tensor, offset = integer>>, !qnn.encoded<2x4xf32, #fmt.int<8, axis = 0>>) -> tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}

// -----

// Without a zero point nothing is added.
// CHECK-LABEL: func.func @static_symmetric
// CHECK: qnn.quantize_static {{.+}} {low = -127 : i32}
// CHECK: qnn.quantized_linear
// CHECK-NOT: start
// CHECK-SAME: : (tensor<?x4xi8>, tensor<f32>, tensor<?xi32>, tensor<2x4xi8>, tensor<2xf32>)
func.func @static_symmetric(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %s = qnn.constant dense<0.5> : tensor<f32> -> tensor<f32>
  %a = qnn.quantize %x scale %s : (tensor<?x4xf32>, tensor<f32>) -> !qnn.encoded<?x4xf32, #fmt.int<8, tensor>>
  %w = qnn.encoded_constant {codes = dense<1> : tensor<2x4xi8>, scales = dense<0.5> : tensor<2xf32>} : !qnn.encoded<2x4xf32, #fmt.int<8, axis = 0>>
  %0 = qnn.linear %a, %w : (!qnn.encoded<?x4xf32, #fmt.int<8, tensor>>, !qnn.encoded<2x4xf32, #fmt.int<8, axis = 0>>) -> tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}

// -----

// One scale per sample and one per output channel: a convolution on codes.
// CHECK-LABEL: func.func @convolution
// CHECK-SAME: %[[X:.+]]: tensor<?x8x8x4xf32>
// CHECK: %[[A:.+]], %[[S:.+]], %{{.+}} = qnn.quantize_rows %[[X]] {axis = 1 : i64} : (tensor<?x8x8x4xf32>) -> (tensor<?x8x8x4xi8>, tensor<?xf32>, tensor<?xi32>)
// CHECK: %[[Q:.+]]:2 = qnn.encode %{{.+}} {format = #fmt.int<8, axis = 0>} : (tensor<8x3x3x4xf32>) -> (tensor<8x3x3x4xi8>, tensor<8xf32>)
// CHECK: qnn.quantized_conv %[[A]], %[[S]], %[[Q]]#0, %[[Q]]#1
func.func @convolution(%x: tensor<?x8x8x4xf32>) -> tensor<?x6x6x8xf32> {
  %a = qnn.quantize %x {rcp} : (tensor<?x8x8x4xf32>) -> !qnn.encoded<?x8x8x4xf32, #fmt.int<8, axis = 0>>
  %c = qnn.constant dense<1.0> : tensor<8x3x3x4xf32> -> tensor<8x3x3x4xf32>
  %w = qnn.quantize %c : (tensor<8x3x3x4xf32>) -> !qnn.encoded<8x3x3x4xf32, #fmt.int<8, axis = 0>>
  %0 = qnn.conv %a, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, groups = 1 : i64, channels_last = true} : (!qnn.encoded<?x8x8x4xf32, #fmt.int<8, axis = 0>>, !qnn.encoded<8x3x3x4xf32, #fmt.int<8, axis = 0>>) -> tensor<?x6x6x8xf32>
  return %0 : tensor<?x6x6x8xf32>
}

// -----

// A convolution takes codes that something else reads too as they are, less
// 128; codes that it alone reads are made signed.
// CHECK-LABEL: func.func @shared_codes
// CHECK: %[[U:.+]] = qnn.to_codes {{.+}} -> tensor<?x8x8x4xui8>
// CHECK-NOT: qnn.to_codes
// CHECK: %[[I:.+]] = qnn.cast %[[U]] : (tensor<?x8x8x4xui8>) -> tensor<?x8x8x4xi32>
// CHECK: %[[L:.+]] = qnn.add %[[I]]
// CHECK: %[[C:.+]] = qnn.cast %[[L]] : (tensor<?x8x8x4xi32>) -> tensor<?x8x8x4xi8>
// CHECK: qnn.quantized_conv %[[C]]
// CHECK-LABEL: func.func @own_codes
// CHECK: %[[C:.+]] = qnn.to_codes {{.+}} -> tensor<?x8x8x4xi8>
// CHECK: qnn.quantized_conv %[[C]]
func.func @shared_codes(%x: tensor<?x4x8x8xf32>) -> (tensor<?x6x6x8xf32>, tensor<?x8x8x4xui8>) {
  %s = qnn.constant dense<0.5> : tensor<f32> -> tensor<f32>
  %z = qnn.constant dense<3> : tensor<ui8> -> tensor<ui8>
  %t = qnn.transpose %x {permutation = array<i64: 0, 2, 3, 1>} : (tensor<?x4x8x8xf32>) -> tensor<?x8x8x4xf32>
  %q = qnn.to_codes %t, %s, %z : (tensor<?x8x8x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<?x8x8x4xui8>
  %a = qnn.assemble %q, %s, %z : (tensor<?x8x8x4xui8>, tensor<f32>, tensor<ui8>) -> !qnn.encoded<?x8x8x4xf32, #fmt.int<8, tensor, offset = integer, narrow = false>>
  %w = qnn.encoded_constant {codes = dense<1> : tensor<8x3x3x4xi8>, scales = dense<0.5> : tensor<8xf32>} : !qnn.encoded<8x3x3x4xf32, #fmt.int<8, axis = 0>>
  %0 = qnn.conv %a, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, groups = 1 : i64, channels_last = true} : (!qnn.encoded<?x8x8x4xf32, #fmt.int<8, tensor, offset = integer, narrow = false>>, !qnn.encoded<8x3x3x4xf32, #fmt.int<8, axis = 0>>) -> tensor<?x6x6x8xf32>
  return %0, %q : tensor<?x6x6x8xf32>, tensor<?x8x8x4xui8>
}
func.func @own_codes(%x: tensor<?x4x8x8xf32>) -> tensor<?x6x6x8xf32> {
  %s = qnn.constant dense<0.5> : tensor<f32> -> tensor<f32>
  %z = qnn.constant dense<3> : tensor<ui8> -> tensor<ui8>
  %t = qnn.transpose %x {permutation = array<i64: 0, 2, 3, 1>} : (tensor<?x4x8x8xf32>) -> tensor<?x8x8x4xf32>
  %q = qnn.to_codes %t, %s, %z : (tensor<?x8x8x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<?x8x8x4xui8>
  %a = qnn.assemble %q, %s, %z : (tensor<?x8x8x4xui8>, tensor<f32>, tensor<ui8>) -> !qnn.encoded<?x8x8x4xf32, #fmt.int<8, tensor, offset = integer, narrow = false>>
  %w = qnn.encoded_constant {codes = dense<1> : tensor<8x3x3x4xi8>, scales = dense<0.5> : tensor<8xf32>} : !qnn.encoded<8x3x3x4xf32, #fmt.int<8, axis = 0>>
  %0 = qnn.conv %a, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, groups = 1 : i64, channels_last = true} : (!qnn.encoded<?x8x8x4xf32, #fmt.int<8, tensor, offset = integer, narrow = false>>, !qnn.encoded<8x3x3x4xf32, #fmt.int<8, axis = 0>>) -> tensor<?x6x6x8xf32>
  return %0 : tensor<?x6x6x8xf32>
}

// -----

// Eight groups of 4 outputs become two of 16, with zeros between the four.
// CHECK-LABEL: func.func @groups
// CHECK: %[[Q:.+]]:2 = qnn.encode
// CHECK: %[[N:.+]] = qnn.reshape %[[Q]]#0 {{.+}} -> tensor<2x4x4x9x1x3xi8>
// CHECK: %[[M:.+]] = qnn.constant dense<{{\[\[\[\[\[\[true\], \[false\], \[false\], \[false\]\]\]\], .+}}> : tensor<1x4x1x1x4x1xi1>
// CHECK: %[[W:.+]] = qnn.where %[[M]], %[[N]], {{.+}} -> tensor<2x4x4x9x4x3xi8>
// CHECK: %[[V:.+]] = qnn.reshape %[[W]] {{.+}} -> tensor<32x3x3x12xi8>
// CHECK: qnn.quantized_conv %{{.+}}, %{{.+}}, %[[V]], %[[Q]]#1 {{{.*}}groups = 2
func.func @groups(%x: tensor<?x8x8x24xf32>) -> tensor<?x6x6x32xf32> {
  %a = qnn.quantize %x {rcp} : (tensor<?x8x8x24xf32>) -> !qnn.encoded<?x8x8x24xf32, #fmt.int<8, axis = 0>>
  %c = qnn.constant dense<1.0> : tensor<32x3x3x3xf32> -> tensor<32x3x3x3xf32>
  %w = qnn.quantize %c : (tensor<32x3x3x3xf32>) -> !qnn.encoded<32x3x3x3xf32, #fmt.int<8, axis = 0>>
  %0 = qnn.conv %a, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, groups = 8 : i64, channels_last = true} : (!qnn.encoded<?x8x8x24xf32, #fmt.int<8, axis = 0>>, !qnn.encoded<32x3x3x3xf32, #fmt.int<8, axis = 0>>) -> tensor<?x6x6x32xf32>
  return %0 : tensor<?x6x6x32xf32>
}

// -----

// Groups of 16 outputs stay as they are.
// CHECK-LABEL: func.func @wide_groups
// CHECK-NOT: qnn.where
// CHECK: qnn.quantized_conv {{.*}}groups = 2
func.func @wide_groups(%x: tensor<?x8x8x6xf32>) -> tensor<?x6x6x32xf32> {
  %a = qnn.quantize %x {rcp} : (tensor<?x8x8x6xf32>) -> !qnn.encoded<?x8x8x6xf32, #fmt.int<8, axis = 0>>
  %c = qnn.constant dense<1.0> : tensor<32x3x3x3xf32> -> tensor<32x3x3x3xf32>
  %w = qnn.quantize %c : (tensor<32x3x3x3xf32>) -> !qnn.encoded<32x3x3x3xf32, #fmt.int<8, axis = 0>>
  %0 = qnn.conv %a, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, groups = 2 : i64, channels_last = true} : (!qnn.encoded<?x8x8x6xf32, #fmt.int<8, axis = 0>>, !qnn.encoded<32x3x3x3xf32, #fmt.int<8, axis = 0>>) -> tensor<?x6x6x32xf32>
  return %0 : tensor<?x6x6x32xf32>
}

// -----

// A sample of one pixel is a row, too: one scale per sample.
// CHECK-LABEL: func.func @one_pixel
// CHECK: qnn.quantize_rows %{{.+}} {axis = 1 : i64} : (tensor<?x1x4xf32>) -> (tensor<?x1x4xi8>, tensor<?xf32>, tensor<?xi32>)
// CHECK: qnn.quantized_conv
func.func @one_pixel(%x: tensor<?x1x4xf32>) -> tensor<?x1x8xf32> {
  %a = qnn.quantize %x {rcp} : (tensor<?x1x4xf32>) -> !qnn.encoded<?x1x4xf32, #fmt.int<8, axis = 0>>
  %c = qnn.constant dense<1.0> : tensor<8x3x4xf32> -> tensor<8x3x4xf32>
  %w = qnn.quantize %c : (tensor<8x3x4xf32>) -> !qnn.encoded<8x3x4xf32, #fmt.int<8, axis = 0>>
  %0 = qnn.conv %a, %w {strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 1>, pad_high = array<i64: 1>, groups = 1 : i64, channels_last = true} : (!qnn.encoded<?x1x4xf32, #fmt.int<8, axis = 0>>, !qnn.encoded<8x3x4xf32, #fmt.int<8, axis = 0>>) -> tensor<?x1x8xf32>
  return %0 : tensor<?x1x8xf32>
}

// -----

// One scale per pixel is not one per window.
// CHECK-LABEL: func.func @pixels
// CHECK: qnn.decode
// CHECK: qnn.conv
func.func @pixels(%x: tensor<?x8x8x4xf32>, %w: tensor<8x3x3x4xf32>) -> tensor<?x6x6x8xf32> {
  %a = qnn.quantize %x {rcp} : (tensor<?x8x8x4xf32>) -> !qnn.encoded<?x8x8x4xf32, #fmt.int<8, per_row>>
  // expected-remark @below {{computes on decoded values}}
  %0 = qnn.conv %a, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, groups = 1 : i64, channels_last = true} : (!qnn.encoded<?x8x8x4xf32, #fmt.int<8, per_row>>, tensor<8x3x3x4xf32>) -> tensor<?x6x6x8xf32>
  return %0 : tensor<?x6x6x8xf32>
}

// -----

// Blocks: the sums of the input's groups, for each length of a group that its
// linears have; and a table of the same codes.
// CHECK-LABEL: func.func @blocks
// CHECK-SAME: %[[X:.+]]: tensor<?x64xf32>
// CHECK-DAG: %[[A:.+]], %[[S:.+]], %[[G:.+]] = qnn.quantize_rows %[[X]] {group = 32 : i64} : (tensor<?x64xf32>) -> (tensor<?x64xi8>, tensor<?xf32>, tensor<?x2xi32>)
// CHECK-DAG: %[[Q:.+]]:3 = qnn.encode {{.+}} -> (tensor<48x64xui8>, tensor<48x2xf16>, tensor<48x2xui8>)
// CHECK: qnn.block_linear %[[A]] rows %[[S]], %[[G]] weight %[[Q]]#0, %[[Q]]#1 offsets %[[Q]]#2 {format = #fmt.int<4, block = [1, 32], scale = f16, offset = integer>}
// CHECK: qnn.block_linear %[[X]] weight %[[Q]]#0, %[[Q]]#1 offsets %[[Q]]#2
// CHECK: qnn.block_gather %[[Q]]#0, %[[Q]]#1 offsets %[[Q]]#2 at
!w = !qnn.encoded<48x64xf32, #fmt.int<4, block = [1, 32], scale = f16, offset = integer>>
func.func @blocks(%x: tensor<?x64xf32>, %i: tensor<?xi64>)
    -> (tensor<?x48xf32>, tensor<?x48xf32>, tensor<?x64xf32>) {
  %a = qnn.quantize %x {rcp} : (tensor<?x64xf32>) -> !qnn.encoded<?x64xf32, #fmt.int<8, per_row>>
  %c = qnn.constant dense<1.0> : tensor<48x64xf32> -> tensor<48x64xf32>
  %w = qnn.quantize %c : (tensor<48x64xf32>) -> !w
  %0 = qnn.linear %a, %w : (!qnn.encoded<?x64xf32, #fmt.int<8, per_row>>, !w) -> tensor<?x48xf32>
  %1 = qnn.linear %x, %w : (tensor<?x64xf32>, !w) -> tensor<?x48xf32>
  %2 = qnn.gather %w, %i {axis = 0 : i64} : (!w, tensor<?xi64>) -> tensor<?x64xf32>
  return %0, %1, %2 : tensor<?x48xf32>, tensor<?x48xf32>, tensor<?x64xf32>
}

// -----

// Blocks of several rows have no kernel.
// CHECK-LABEL: func.func @square_blocks
// CHECK: qnn.decode
// CHECK: qnn.linear
!w = !qnn.encoded<4x4xf32, #fmt.int<4, block = [2, 2]>>
func.func @square_blocks(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %c = qnn.constant dense<1.0> : tensor<4x4xf32> -> tensor<4x4xf32>
  %w = qnn.quantize %c : (tensor<4x4xf32>) -> !w
  // expected-remark @+1 {{computes on decoded values: no kernel for '!qnn.encoded<4x4xf32, #fmt.int<4, block = [2, 2]>>'}}
  %0 = qnn.linear %x, %w : (tensor<?x4xf32>, !w) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// -----

// Rounded activations are multiplied with codes that are integers, and with no
// others.
// CHECK-LABEL: func.func @bf16
// CHECK: %[[A:.+]] = qnn.cast
// CHECK: qnn.block_linear %[[A]] weight {{.+}} : (tensor<?x64xbf16>,
// CHECK: qnn.decode
// CHECK: qnn.linear %[[A]]
!w = !qnn.encoded<48x64xf32, #fmt.int<4, block = [1, 32], scale = f16, offset = integer>>
!v = !qnn.encoded<48x64xf32, #fmt.codebook<nf4, block = [1, 32], scale = f16>>
func.func @bf16(%x: tensor<?x64xf32>) -> (tensor<?x48xf32>, tensor<?x48xf32>) {
  %a = qnn.cast %x : (tensor<?x64xf32>) -> tensor<?x64xbf16>
  %c = qnn.constant dense<1.0> : tensor<48x64xf32> -> tensor<48x64xf32>
  %w = qnn.quantize %c : (tensor<48x64xf32>) -> !w
  %v = qnn.quantize %c : (tensor<48x64xf32>) -> !v
  %0 = qnn.linear %a, %w : (tensor<?x64xbf16>, !w) -> tensor<?x48xf32>
  // expected-remark @+1 {{computes on decoded values: no kernel for '!qnn.encoded<48x64xf32, #fmt.codebook<nf4, block = [1, 32], scale = f16>>'}}
  %1 = qnn.linear %a, %v : (tensor<?x64xbf16>, !v) -> tensor<?x48xf32>
  return %0, %1 : tensor<?x48xf32>, tensor<?x48xf32>
}

// -----

// Codes that stand for floats are multiplied with floats only.
// CHECK-LABEL: func.func @values
// CHECK-SAME: %[[X:.+]]: tensor<?x64xf32>
// CHECK: %[[Q:.+]]:2 = qnn.encode {{.+}} -> (tensor<48x64xui8>, tensor<48x2xf16>)
// CHECK-COUNT-2: qnn.decode
// CHECK: qnn.linear
// CHECK: qnn.block_linear %[[X]] weight %[[Q]]#0, %[[Q]]#1 {format = #fmt.codebook<nf4, block = [1, 32], scale = f16>}
// CHECK: qnn.block_gather %[[Q]]#0, %[[Q]]#1 at
!w = !qnn.encoded<48x64xf32, #fmt.codebook<nf4, block = [1, 32], scale = f16>>
func.func @values(%x: tensor<?x64xf32>, %i: tensor<?xi64>)
    -> (tensor<?x48xf32>, tensor<?x48xf32>, tensor<?x64xf32>) {
  %a = qnn.quantize %x {rcp} : (tensor<?x64xf32>) -> !qnn.encoded<?x64xf32, #fmt.int<8, per_row>>
  %c = qnn.constant dense<1.0> : tensor<48x64xf32> -> tensor<48x64xf32>
  %w = qnn.quantize %c : (tensor<48x64xf32>) -> !w
  // expected-remark @+2 {{computes on decoded values: no kernel for '!qnn.encoded<?x64xf32, #fmt.int<8, per_row>>'}}
  // expected-remark @+1 {{computes on decoded values: no kernel for '!qnn.encoded<48x64xf32, #fmt.codebook<nf4, block = [1, 32], scale = f16>>'}}
  %0 = qnn.linear %a, %w : (!qnn.encoded<?x64xf32, #fmt.int<8, per_row>>, !w) -> tensor<?x48xf32>
  %1 = qnn.linear %x, %w : (tensor<?x64xf32>, !w) -> tensor<?x48xf32>
  %2 = qnn.gather %w, %i {axis = 0 : i64} : (!w, tensor<?xi64>) -> tensor<?x64xf32>
  return %0, %1, %2 : tensor<?x48xf32>, tensor<?x48xf32>, tensor<?x64xf32>
}

// -----

// Ternary codes are integers.
// CHECK-LABEL: func.func @ternary
// CHECK: %[[A:.+]], %[[S:.+]], %[[G:.+]] = qnn.quantize_rows {{.+}} {group = 160 : i64}
// CHECK: qnn.block_linear %[[A]] rows %[[S]], %[[G]] weight {{.+}} {format = #fmt.ternary<block = [1, 160]>}
!w = !qnn.encoded<48x320xf32, #fmt.ternary<block = [1, 160]>>
func.func @ternary(%x: tensor<?x320xf32>) -> tensor<?x48xf32> {
  %a = qnn.quantize %x {rcp} : (tensor<?x320xf32>) -> !qnn.encoded<?x320xf32, #fmt.int<8, per_row>>
  %c = qnn.constant dense<1.0> : tensor<48x320xf32> -> tensor<48x320xf32>
  %w = qnn.quantize %c : (tensor<48x320xf32>) -> !w
  %0 = qnn.linear %a, %w : (!qnn.encoded<?x320xf32, #fmt.int<8, per_row>>, !w) -> tensor<?x48xf32>
  return %0 : tensor<?x48xf32>
}

// -----

// Codes that come from elsewhere: signed, with the sums of their rows; the
// weight's zero points go to the kernel.
// CHECK-LABEL: func.func @assembled
// CHECK: %[[A:.+]] = qnn.cast %{{.+}} : (tensor<?x4xi32>) -> tensor<?x4xi8>
// CHECK: %[[SUMS:.+]] = qnn.reduce sum
// CHECK: qnn.quantized_linear %[[A]], %{{.+}}, %[[SUMS]], %{{.+}}, %{{.+}} weight_zero %{{.+}} start %{{.+}} :
func.func @assembled(%q: tensor<?x4xui8>) -> tensor<?x2xf32> {
  %s = qnn.constant dense<0.5> : tensor<f32> -> tensor<f32>
  %z = qnn.constant dense<7> : tensor<ui8> -> tensor<ui8>
  %c = qnn.constant dense<3> : tensor<2x4xui8> -> tensor<2x4xui8>
  %ws = qnn.constant dense<0.5> : tensor<2xf32> -> tensor<2xf32>
  %wz = qnn.constant dense<9> : tensor<2xui8> -> tensor<2xui8>
  %a = qnn.assemble %q, %s, %z : (tensor<?x4xui8>, tensor<f32>, tensor<ui8>) -> !qnn.encoded<?x4xf32, #fmt.int<8, tensor, offset = integer>>
  %w = qnn.assemble %c, %ws, %wz : (tensor<2x4xui8>, tensor<2xf32>, tensor<2xui8>) -> !qnn.encoded<2x4xf32, #fmt.int<8, axis = 0, offset = integer>>
  %0 = qnn.linear %a, %w : (!qnn.encoded<?x4xf32, #fmt.int<8, tensor, offset = integer>>, !qnn.encoded<2x4xf32, #fmt.int<8, axis = 0, offset = integer>>) -> tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}

// -----

func.func @assembled_rows(%q: tensor<?x4xi8>, %s: tensor<?xf32>) {
  // expected-error @below {{has no kernel on codes that change from run to run in format #fmt.int<8, per_row>; expected #fmt.int<8, tensor>}}
  %a = qnn.assemble %q, %s : (tensor<?x4xi8>, tensor<?xf32>) -> !qnn.encoded<?x4xf32, #fmt.int<8, per_row>>
  return
}

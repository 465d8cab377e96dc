// RUN: quant-opt %s --split-input-file --verify-diagnostics -o /dev/null

func.func @broadcast(%x: tensor<3xf32>, %y: tensor<4xf32>) {
  // expected-error @+1 {{expected operand shapes that broadcast, got [3] and [4]}}
  %0 = qnn.add %x, %y : (tensor<3xf32>, tensor<4xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @result_type(%x: tensor<3xf32>) {
  // expected-error @+1 {{expected result 0 of type 'tensor<3xf32>', got 'tensor<4xf32>'}}
  %0 = qnn.exp %x : (tensor<3xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @element_types(%x: tensor<3xf32>, %y: tensor<3xi32>) {
  // expected-error @+1 {{requires the same element type for all operands and results}}
  %0 = qnn.add %x, %y : (tensor<3xf32>, tensor<3xi32>) -> tensor<3xf32>
  return
}

// -----

func.func @float_only(%x: tensor<3xi32>) {
  // expected-error @+1 {{operand #0 must be tensor of floating-point values}}
  %0 = qnn.exp %x : (tensor<3xi32>) -> tensor<3xi32>
  return
}

// -----

func.func @comparison_result(%x: tensor<3xf32>) {
  // expected-error @+1 {{result #0 must be tensor of 1-bit signless integer values}}
  %0 = qnn.less %x, %x : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @constant_shape() {
  // expected-error @+1 {{expected result 0 of type 'tensor<2xf32>', got 'tensor<3xf32>'}}
  %0 = qnn.constant dense<1.0> : tensor<2xf32> -> tensor<3xf32>
  return
}

// -----

func.func @constant_type() {
  // expected-error @+1 {{expected a value of element type 'f32' or integer words of the same width, got 'i16'}}
  %0 = qnn.constant dense<1> : tensor<2xi16> -> tensor<2xf32>
  return
}

// -----

func.func @reshape_count(%x: tensor<3x4xf32>) {
  // expected-error @+1 {{expected the number of elements of 'shape' to be 12, got 10}}
  %0 = qnn.reshape %x {shape = affine_map<() -> (2, 5)>} : (tensor<3x4xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @reshape_negative(%x: tensor<3x4xf32>) {
  // expected-error @+1 {{expected 'shape' without negative entries, got [-12]}}
  %0 = qnn.reshape %x {shape = affine_map<() -> (-12)>} : (tensor<3x4xf32>) -> tensor<12xf32>
  return
}

// -----

func.func @reshape_dims(%x: tensor<3x4xf32>) {
  // expected-error @+1 {{an affine map without dimensions}}
  %0 = qnn.reshape %x {shape = affine_map<(d0) -> (d0)>} : (tensor<3x4xf32>) -> tensor<12xf32>
  return
}

// -----

func.func @permutation(%x: tensor<3x4xf32>) {
  // expected-error @+1 {{expected 'permutation' to be a permutation of 2 dimensions, got [0, 2]}}
  %0 = qnn.transpose %x {permutation = array<i64: 0, 2>} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @concat_axis(%x: tensor<3x4xf32>) {
  // expected-error @+1 {{expected an axis in [0, 2), got -1}}
  %0 = qnn.concat %x, %x {axis = -1 : i64} : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @concat_extent(%x: tensor<3x4xf32>, %y: tensor<2x4xf32>) {
  // expected-error @+1 {{expected dimension 0 of operand 1 to be 3, got 2}}
  %0 = qnn.concat %x, %y {axis = 1 : i64} : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @append_extent(%x: tensor<3x4xf32>, %y: tensor<3x5xf32>) {
  // expected-error @+1 {{expected dimension 1 of operand 1 to be 4, got 5}}
  %0:2 = qnn.append %x, %y {axis = 0 : i64, capacity = affine_map<() -> (8)>} : (tensor<3x4xf32>, tensor<3x5xf32>) -> (tensor<6x4xf32>, tensor<8x4xf32>)
  return
}

// -----

func.func @append_capacities(%x: tensor<3x4xf32>) {
  // expected-error @+1 {{expected 1 'capacity', got 2}}
  %0:2 = qnn.append %x, %x {axis = 0 : i64, capacity = affine_map<() -> (8, 8)>} : (tensor<3x4xf32>, tensor<3x4xf32>) -> (tensor<6x4xf32>, tensor<8x4xf32>)
  return
}

// -----

func.func @append_room(%x: tensor<3x4xf32>) {
  // expected-error @+1 {{expected 'capacity' of at least 6, got 5}}
  %0:2 = qnn.append %x, %x {axis = 0 : i64, capacity = affine_map<() -> (5)>} : (tensor<3x4xf32>, tensor<3x4xf32>) -> (tensor<6x4xf32>, tensor<5x4xf32>)
  return
}

// -----

func.func @slice_step(%x: tensor<3xf32>) {
  // expected-error @+1 {{expected 'steps' without 0}}
  %0 = qnn.slice %x {starts = affine_map<() -> (0)>, sizes = affine_map<() -> (3)>, steps = array<i64: 0>} : (tensor<3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @slice_bounds(%x: tensor<3xf32>) {
  // expected-error @+1 {{expected the slice of axis 0 inside [0, 3), got start 2, size 2, step 1}}
  %0 = qnn.slice %x {starts = affine_map<() -> (2)>, sizes = affine_map<() -> (2)>, steps = array<i64: 1>} : (tensor<3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @slice_overflow(%x: tensor<3xf32>) {
  // expected-error @+1 {{expected the slice of axis 0 inside [0, 3), got start 2, size 3, step 9223372036854775807}}
  %0 = qnn.slice %x {starts = affine_map<() -> (2)>, sizes = affine_map<() -> (3)>, steps = array<i64: 9223372036854775807>} : (tensor<3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @pad_negative(%x: tensor<3xf32>) {
  // expected-error @+1 {{expected entries of 'low' in [0, 2147483647], got -1}}
  %0 = qnn.pad %x {low = array<i64: -1>, high = array<i64: 0>, value = 0.0 : f64} : (tensor<3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @gather_axis(%x: tensor<3xf32>, %i: tensor<2xi64>) {
  // expected-error @+1 {{expected an axis in [0, 1), got 1}}
  %0 = qnn.gather %x, %i {axis = 1 : i64} : (tensor<3xf32>, tensor<2xi64>) -> tensor<2xf32>
  return
}

// -----

func.func @gather_indices(%x: tensor<3xf32>, %i: tensor<2xf32>) {
  // expected-error @+1 {{operand #1 must be tensor of integer values}}
  %0 = qnn.gather %x, %i {axis = 0 : i64} : (tensor<3xf32>, tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @linear_weight(%x: tensor<2x3xf32>, %w: tensor<4x5xf32>) {
  // expected-error @+1 {{expected the reduced dimension of the weight to be 3, got 5}}
  %0 = qnn.linear %x, %w : (tensor<2x3xf32>, tensor<4x5xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @linear_bias(%x: tensor<2x3xf32>, %w: tensor<4x3xf32>, %b: tensor<3xf32>) {
  // expected-error @+1 {{expected the size of the bias to be 4, got 3}}
  %0 = qnn.linear %x, %w bias %b : (tensor<2x3xf32>, tensor<4x3xf32>, tensor<3xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @matmul(%x: tensor<2x3xf32>, %y: tensor<4x5xf32>) {
  // expected-error @+1 {{expected the reduced dimension of 'rhs' to be 3, got 4}}
  %0 = qnn.matmul %x, %y : (tensor<2x3xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @conv_groups(%x: tensor<1x4x8xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+1 {{expected entries of 'groups' in [1, 2147483647], got 0}}
  %0 = qnn.conv %x, %w {strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>, groups = 0 : i64, channels_last = false} : (tensor<1x4x8xf32>, tensor<6x4x3xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @conv_channels(%x: tensor<1x4x8xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+1 {{expected the number of input channels to be 8, got 4}}
  %0 = qnn.conv %x, %w {strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>, groups = 2 : i64, channels_last = false} : (tensor<1x4x8xf32>, tensor<6x4x3xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @conv_strides(%x: tensor<1x4x8xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+1 {{expected 'strides' to have 1 entries, got 2}}
  %0 = qnn.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>, groups = 1 : i64, channels_last = false} : (tensor<1x4x8xf32>, tensor<6x4x3xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @conv_window(%x: tensor<1x4x2xf32>, %w: tensor<6x4x5xf32>) {
  // expected-error @+1 {{expected a window inside the padded extent 2 of spatial dimension 0, got reach 9}}
  %0 = qnn.conv %x, %w {strides = array<i64: 1>, dilations = array<i64: 2>, pad_low = array<i64: 0>, pad_high = array<i64: 0>, groups = 1 : i64, channels_last = false} : (tensor<1x4x2xf32>, tensor<6x4x5xf32>) -> tensor<1x6x1xf32>
  return
}

// -----

func.func @pool_dilation(%x: tensor<1x4x8xf32>) {
  // expected-error @+1 {{expected entries of 'dilations' in [1, 2147483647], got 0}}
  %0 = qnn.pool max %x {window = array<i64: 2>, strides = array<i64: 1>, dilations = array<i64: 0>, pad_low = array<i64: 0>, pad_high = array<i64: 0>, count_include_pad = false, channels_last = false} : (tensor<1x4x8xf32>) -> tensor<1x4x7xf32>
  return
}

// -----

func.func @reduce_twice(%x: tensor<1x4xf32>) {
  // expected-error @+1 {{expected distinct axes, got 1 twice}}
  %0 = qnn.reduce sum %x {axes = array<i64: 1, 1>, keep_dims = false} : (tensor<1x4xf32>) -> tensor<1xf32>
  return
}

// -----

func.func @norm_scale(%x: tensor<2x4xf32>, %s: tensor<3xf32>) {
  // expected-error @+1 {{expected scale and bias to broadcast to [4], got [3]}}
  %0 = qnn.layer_norm %x, %s {axis = 1 : i64, epsilon = 1.0e-5 : f32} : (tensor<2x4xf32>, tensor<3xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @rotary_odd(%x: tensor<1x1x2x3xf32>) {
  // expected-error @+1 {{expected an even last dimension, got 3}}
  %0 = qnn.rotary %x, %x, %x : (tensor<1x1x2x3xf32>, tensor<1x1x2x3xf32>, tensor<1x1x2x3xf32>) -> tensor<1x1x2x3xf32>
  return
}

// -----

func.func @attention_heads(%q: tensor<1x4x2x8xf32>, %k: tensor<1x3x2x8xf32>) {
  // expected-error @+1 {{expected query heads that are a multiple of 3 key heads, got 4}}
  %0 = qnn.attention %q, %k, %k {scale = 1.0 : f32, causal = false, key_transposed = false} : (tensor<1x4x2x8xf32>, tensor<1x3x2x8xf32>, tensor<1x3x2x8xf32>) -> tensor<1x4x2x8xf32>
  return
}

// -----

func.func @check_dims() {
  // expected-error @+1 {{expected a condition on symbols only, got 1 dimensions}}
  qnn.check {condition = affine_set<(d0) : (d0 >= 0)>, message = "never"}
  return
}

// -----

func.func @shape_value_rank() {
  // expected-error @+1 {{expected 1 expression for a result of rank 0, got 2}}
  %0 = qnn.shape_value {values = affine_map<() -> (1, 2)>} : tensor<i64>
  return
}

// -----

func.func @launch(%x: tensor<4xf32>) {
  // expected-error @+1 {{expected a kernel function named 'missing'}}
  %0 = qnn.launch @missing(%x) {symbols = affine_map<() -> ()>} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @launch_arity(%x: tensor<4xf32>) {
  // expected-error @+1 {{expected 0 inputs and 0 results as 'kernel' has}}
  %0 = qnn.launch @kernel(%x) {symbols = affine_map<() -> ()>} : (tensor<4xf32>) -> tensor<4xf32>
  return
}
func.func private @kernel()

// -----

func.func @constant_unranked() {
  // expected-error @+1 {{expected a value of shape 'tensor<*xf32>', got 'tensor<2xf32>'}}
  %0 = qnn.constant dense<1.0> : tensor<2xf32> -> tensor<*xf32>
  return
}

// -----

func.func @reciprocal_of_static(%x: tensor<?x8xf32>, %s: tensor<f32>) {
  // expected-error @below {{expected no 'rcp' with a scale: static quantization divides}}
  %0 = qnn.quantize %x scale %s {rcp} : (tensor<?x8xf32>, tensor<f32>) -> !qnn.encoded<?x8xf32, #fmt.int<8, tensor>>
  return
}

// -----

func.func @payload_of_other_shape() {
  // expected-error @below {{expected 'scales' of type 'tensor<4xf32>'}}
  %0 = qnn.encoded_constant {codes = dense<1> : tensor<4x8xi8>, scales = dense<1.0> : tensor<8xf32>} : !qnn.encoded<4x8xf32, #fmt.int<8, axis = 0>>
  return
}

// -----

// expected-error @below {{expected 'axis' of #fmt.int<8, axis = 2> to be below the tensor's rank of 2, got 2}}
func.func @format_of_other_rank(%x: !qnn.encoded<4x8xf32, #fmt.int<8, axis = 2>>) {
  return
}

// -----

func.func @observe_name(%x: tensor<3x4xf32>) {
  // expected-error @+1 {{expected a point with a name}}
  %0 = qnn.observe %x {point = "", observers = ["min-max"], channel_axis = 1 : i64} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @observe_nothing(%x: tensor<3x4xf32>) {
  // expected-error @+1 {{expected at least one observer}}
  %0 = qnn.observe %x {point = "x", observers = [], channel_axis = 1 : i64} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @observe_axis(%x: tensor<3x4xf32>) {
  // expected-error @+1 {{expected a channel axis below 2, got 2}}
  %0 = qnn.observe %x {point = "x", observers = ["min-max"], channel_axis = 2 : i64} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @observe_mask(%x: tensor<3x4xf32>) {
  // expected-error @+1 {{expected 'row_mask' and 'row_mask_axes' together}}
  %0 = qnn.observe %x {point = "x", observers = ["min-max"], channel_axis = 1 : i64, row_mask = "m"} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @observe_mask_axis(%x: tensor<3x4xf32>) {
  // expected-error @+1 {{expected ascending row mask axes below 2 other than the channel axis, got 1}}
  %0 = qnn.observe %x {point = "x", observers = ["min-max"], channel_axis = 1 : i64, row_mask = "m", row_mask_axes = array<i64: 1>} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @hadamard_order(%x: tensor<?x20xf32>) {
  // expected-error @+1 {{has no Hadamard matrix of order 10, known are m * 2^k with m = 1, 12, 20, 28, 36, 44}}
  %0 = qnn.hadamard %x {block = 10 : i64} : (tensor<?x20xf32>) -> tensor<?x20xf32>
  return
}

// -----

func.func @hadamard_partial_block(%x: tensor<?x40xf32>) {
  // expected-error @+1 {{expected a last axis of whole blocks of 16, got 40}}
  %0 = qnn.hadamard %x {block = 16 : i64} : (tensor<?x40xf32>) -> tensor<?x40xf32>
  return
}

// -----

func.func @hadamard_dynamic(%x: tensor<4x?xf32>) {
  // expected-error @+1 {{expected a last axis of static extent, got 'tensor<4x?xf32>'}}
  %0 = qnn.hadamard %x {block = 16 : i64} : (tensor<4x?xf32>) -> tensor<4x?xf32>
  return
}

// -----

func.func @quantized_conv_codes(%x: tensor<1x8x4xf32>, %s: tensor<1xf32>, %w: tensor<6x3x4xi8>, %t: tensor<6xf32>) {
  // expected-error @+1 {{expected codes of 'i8', got 'f32'}}
  %0 = qnn.quantized_conv %x, %s, %w, %t {strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>, groups = 1 : i64} : (tensor<1x8x4xf32>, tensor<1xf32>, tensor<6x3x4xi8>, tensor<6xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @quantized_conv_zero_point(%x: tensor<1x8x4xi8>, %s: tensor<f32>, %w: tensor<6x3x4xi8>, %t: tensor<6xf32>, %z: tensor<i8>) {
  // expected-error @+1 {{expected a zero point of 'i32', got 'i8'}}
  %0 = qnn.quantized_conv %x, %s, %w, %t zero_point %z {strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>, groups = 1 : i64} : (tensor<1x8x4xi8>, tensor<f32>, tensor<6x3x4xi8>, tensor<6xf32>, tensor<i8>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @quantized_conv_scales(%x: tensor<2x8x4xi8>, %s: tensor<3xf32>, %w: tensor<6x3x4xi8>, %t: tensor<6xf32>) {
  // expected-error @+1 {{expected the number of scales to be 2, got 3}}
  %0 = qnn.quantized_conv %x, %s, %w, %t {strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>, groups = 1 : i64} : (tensor<2x8x4xi8>, tensor<3xf32>, tensor<6x3x4xi8>, tensor<6xf32>) -> tensor<2x6x6xf32>
  return
}

// -----

func.func @conv_flat_rows(%x: tensor<1x4x8xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+1 {{expected 'channels_last' with 'flat_rows'}}
  %0 = qnn.conv %x, %w {strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>, groups = 1 : i64, channels_last = false, flat_rows} : (tensor<1x4x8xf32>, tensor<6x4x3xf32>) -> tensor<6x6xf32>
  return
}

// -----

func.func @block_offsets(%x: tensor<?x4xf32>, %w: tensor<2x4xui8>, %s: tensor<2x1xf32>) {
  // expected-error @+1 {{expected offsets for #fmt.int<4, block = [1, 4], offset = integer>}}
  %0 = qnn.block_linear %x weight %w, %s {format = #fmt.int<4, block = [1, 4], offset = integer>}
      : (tensor<?x4xf32>, tensor<2x4xui8>, tensor<2x1xf32>) -> tensor<?x2xf32>
  return
}

// -----

func.func @block_scales(%x: tensor<?x4xf32>, %w: tensor<2x4xi8>, %s: tensor<2x1xf32>) {
  // expected-error @+1 {{expected scales of type 'tensor<2x2xf32>', got 'tensor<2x1xf32>'}}
  %0 = qnn.block_linear %x weight %w, %s {format = #fmt.int<4, block = [1, 2]>}
      : (tensor<?x4xf32>, tensor<2x4xi8>, tensor<2x1xf32>) -> tensor<?x2xf32>
  return
}

// -----

func.func @block_values(%x: tensor<?x4xi8>, %r: tensor<?xf32>, %z: tensor<?x1xi32>, %w: tensor<2x4xui8>, %s: tensor<2x1xf32>) {
  // expected-error @+1 {{expected an input of f32 for codes that stand for floats, got 'tensor<?x4xi8>'}}
  %0 = qnn.block_linear %x rows %r, %z weight %w, %s {format = #fmt.codebook<nf4, block = [1, 4]>}
      : (tensor<?x4xi8>, tensor<?xf32>, tensor<?x1xi32>, tensor<2x4xui8>, tensor<2x1xf32>) -> tensor<?x2xf32>
  return
}

// -----

func.func @block_bf16_values(%x: tensor<?x4xbf16>, %w: tensor<2x4xui8>, %s: tensor<2x1xf32>) {
  // expected-error @+1 {{expected an input of f32 for codes that stand for floats, got 'tensor<?x4xbf16>'}}
  %0 = qnn.block_linear %x weight %w, %s {format = #fmt.codebook<nf4, block = [1, 4]>}
      : (tensor<?x4xbf16>, tensor<2x4xui8>, tensor<2x1xf32>) -> tensor<?x2xf32>
  return
}

// -----

func.func @block_bytes(%x: tensor<?x4xf32>, %w: tensor<2x4xi8>, %s: tensor<2x1xf32>) {
  // expected-error @+1 {{expected a matrix in a format with packed lines and blocks along its rows}}
  %0 = qnn.block_linear %x weight %w, %s {format = #fmt.int<8, block = [1, 4]>}
      : (tensor<?x4xf32>, tensor<2x4xi8>, tensor<2x1xf32>) -> tensor<?x2xf32>
  return
}

// -----

func.func @block_rows(%x: tensor<?x4xi8>, %w: tensor<2x4xi8>, %s: tensor<2x1xf32>) {
  // expected-error @+1 {{expected an input of i8 with 'rows', or of f32 or bf16 without}}
  %0 = qnn.block_linear %x weight %w, %s {format = #fmt.int<4, block = [1, 4]>}
      : (tensor<?x4xi8>, tensor<2x4xi8>, tensor<2x1xf32>) -> tensor<?x2xf32>
  return
}

// -----

func.func @block_sums(%x: tensor<?x?xf32>) {
  // expected-error @+1 {{expected groups of 1 or more of a static last axis, got groups of 32}}
  %0:3 = qnn.quantize_rows %x {group = 32 : i64} : (tensor<?x?xf32>) -> (tensor<?x?xi8>, tensor<?xf32>, tensor<?x?xi32>)
  return
}

// -----

func.func @bind_unknown_symbol(%n: tensor<i64>) attributes {qnn.symbols = ["a"]} {
  // expected-error @+1 {{expected 'symbol' in [0, 1), got 1}}
  qnn.bind_symbol %n {symbol = 1 : i64, message = ""} : tensor<i64>
  return
}

// -----

func.func @bind_element(%n: tensor<2xi64>) attributes {qnn.symbols = ["a"]} {
  // expected-error @+1 {{expected 'element' to be one of the input, got 2 of 'tensor<2xi64>'}}
  qnn.bind_symbol %n {symbol = 0 : i64, element = 2 : i64, message = ""} : tensor<2xi64>
  return
}

// -----

func.func @bind_narrow(%n: tensor<i8>) attributes {qnn.symbols = ["a"]} {
  // expected-error @+1 {{expected an input of i1, i32 or i64, got 'tensor<i8>'}}
  qnn.bind_symbol %n {symbol = 0 : i64, message = ""} : tensor<i8>
  return
}

// -----

func.func @choose_conditions(%x: tensor<2xf32>) attributes {qnn.symbols = ["a"]} {
  // expected-error @+1 {{expected 'condition' with 1 expression, got 2}}
  %0 = qnn.choose %x, %x {condition = affine_map<()[s0] -> (s0, s0)>, shape = affine_map<() -> (2)>} : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @choose_ranks(%x: tensor<2xf32>, %y: tensor<f32>) attributes {qnn.symbols = ["a"]} {
  // expected-error @+1 {{expected operands of rank 1, got 0}}
  %0 = qnn.choose %x, %y {condition = affine_map<()[s0] -> (s0)>, shape = affine_map<() -> (2)>} : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  return
}

// -----

func.func @codes_width(%x: tensor<3xf32>, %s: tensor<f32>, %z: tensor<i32>) {
  // expected-error @+1 {{expected codes of 2 to 16 bits, got 'i32'}}
  %0 = qnn.to_codes %x, %s, %z : (tensor<3xf32>, tensor<f32>, tensor<i32>) -> tensor<3xi32>
  return
}

// -----

func.func @codes_zero(%q: tensor<3xui8>, %s: tensor<f32>, %z: tensor<i8>) {
  // expected-error @+1 {{failed to verify that all of {codes, zero} have same element type}}
  %0 = qnn.from_codes %q, %s, %z : (tensor<3xui8>, tensor<f32>, tensor<i8>) -> tensor<3xf32>
  return
}

// -----

func.func @assemble_arrays(%q: tensor<3x4xui8>, %s: tensor<3xf32>) {
  // expected-error @+1 {{expected 3 payload arrays, got 2}}
  %0 = qnn.assemble %q, %s : (tensor<3x4xui8>, tensor<3xf32>) -> !qnn.encoded<3x4xf32, #fmt.int<8, axis = 0, offset = integer>>
  return
}

// -----

func.func @assemble_types(%q: tensor<3x4xui8>, %s: tensor<3xf32>) {
  // expected-error @+1 {{expected 'codes' of type 'tensor<3x4xi8>', got 'tensor<3x4xui8>'}}
  %0 = qnn.assemble %q, %s : (tensor<3x4xui8>, tensor<3xf32>) -> !qnn.encoded<3x4xf32, #fmt.int<8, axis = 0>>
  return
}

// -----

func.func @unpack(%b: tensor<3x4xui8>) {
  // expected-error @+1 {{expected bytes (ui8) that hold 9 codes of 4 bits in the last axis, got 'tensor<3x4xui8>'}}
  %0 = qnn.unpack %b {bits = 4 : i64, count = 9 : i64} : (tensor<3x4xui8>) -> tensor<3x9xui8>
  return
}

// RUN: quant-opt %s --split-input-file --verify-diagnostics -o /dev/null

func.func @columns(%x: memref<1x8x8x4xf32>, %y: memref<?x40xf32>, %i: index) {
  // expected-error @+1 {{expected 36 columns, rounded up to at most 39, got 40}}
  lowbit.patches ins(%x : memref<1x8x8x4xf32>) outs(%y : memref<?x40xf32>) from %i {window = array<i64: 3, 3>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>}
  return
}

// -----

func.func @channels(%x: memref<1x8x8x?xf32>, %y: memref<?x36xf32>, %i: index) {
  // expected-error @+1 {{expected a static number of channels}}
  lowbit.patches ins(%x : memref<1x8x8x?xf32>) outs(%y : memref<?x36xf32>) from %i {window = array<i64: 3, 3>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>}
  return
}

// -----

func.func @entries(%x: memref<1x8x8x4xf32>, %y: memref<?x36xf32>, %i: index) {
  // expected-error @+1 {{expected 2 entries in 'strides', got 1}}
  lowbit.patches ins(%x : memref<1x8x8x4xf32>) outs(%y : memref<?x36xf32>) from %i {window = array<i64: 3, 3>, strides = array<i64: 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>}
  return
}

// -----

func.func @stride(%x: memref<1x8x8x4xf32>, %y: memref<?x36xf32>, %i: index) {
  // expected-error @+1 {{expected entries of 'strides' to be at least 1, got 0}}
  lowbit.patches ins(%x : memref<1x8x8x4xf32>) outs(%y : memref<?x36xf32>) from %i {window = array<i64: 3, 3>, strides = array<i64: 1, 0>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>}
  return
}

// -----

func.func @rank(%x: memref<8x4xf32>, %y: memref<?x36xf32>, %i: index) {
  // expected-error @+1 {{expected an input of rank 3 or more and an output of rank 2, got 2 and 2}}
  lowbit.patches ins(%x : memref<8x4xf32>) outs(%y : memref<?x36xf32>) from %i {window = array<i64>, strides = array<i64>, dilations = array<i64>, pad_low = array<i64>, pad_high = array<i64>}
  return
}

// -----

func.func @types(%x: memref<1x8x4xf32>, %y: memref<?x12xi8>, %i: index) {
  // expected-error @+1 {{expected f32 -> f32 or i8 -> i8, got 'f32' -> 'i8'}}
  lowbit.patches ins(%x : memref<1x8x4xf32>) outs(%y : memref<?x12xi8>) from %i {window = array<i64: 3>, strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>}
  return
}

// -----

func.func @mixed(%x: tensor<1x8x4xf32>, %y: memref<?x12xf32>, %i: index) {
  // expected-error @+1 {{expected all operands to be tensors or all memrefs}}
  lowbit.patches ins(%x : tensor<1x8x4xf32>) outs(%y : memref<?x12xf32>) from %i {window = array<i64: 3>, strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>}
  return
}

// -----

func.func @result(%x: tensor<1x8x4xf32>, %y: tensor<?x12xf32>, %i: index) {
  // expected-error @+1 {{expected one result on tensors and none on memrefs, got 0}}
  lowbit.patches ins(%x : tensor<1x8x4xf32>) outs(%y : tensor<?x12xf32>) from %i {window = array<i64: 3>, strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>}
  return
}

// -----

func.func @weight(%x: memref<1x8x4xf32>, %w: memref<?x4xf32>, %y: memref<?x4xf32>, %i: index) {
  // expected-error @+1 {{expected a static weight [k…, c] for the input [n, spatial…, c], got 'memref<?x4xf32>' and 'memref<1x8x4xf32>'}}
  lowbit.depthwise ins(%x, %w : memref<1x8x4xf32>, memref<?x4xf32>) outs(%y : memref<?x4xf32>) from %i {strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>}
  return
}

// -----

func.func @depthwise_channels(%x: memref<1x8x4xf32>, %w: memref<3x5xf32>, %y: memref<?x5xf32>, %i: index) {
  // expected-error @+1 {{expected 5 channels as in the weight, got 4 and 5}}
  lowbit.depthwise ins(%x, %w : memref<1x8x4xf32>, memref<3x5xf32>) outs(%y : memref<?x5xf32>) from %i {strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>}
  return
}

// -----

func.func @depthwise_types(%x: memref<1x8x4xi8>, %w: memref<3x4xi8>, %y: memref<?x4xi32>, %i: index) {
  // expected-error @+1 {{expected f32 x f32 -> f32 or i8 x i8 -> f32, got 'i8' x 'i8' -> 'i32'}}
  lowbit.depthwise ins(%x, %w : memref<1x8x4xi8>, memref<3x4xi8>) outs(%y : memref<?x4xi32>) from %i {strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>}
  return
}

// -----

// The sums would not be exact in f32.
func.func @taps(%x: memref<1x800x4xi8>, %w: memref<513x4xi8>, %y: memref<?x4xf32>, %i: index) {
  // expected-error @+1 {{expected at most 512 taps on i8, got 513}}
  lowbit.depthwise ins(%x, %w : memref<1x800x4xi8>, memref<513x4xi8>) outs(%y : memref<?x4xf32>) from %i {strides = array<i64: 1>, dilations = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>}
  return
}

// -----

func.func @groups_channels(%x: tensor<1x8x8x6xi8>, %w: tensor<4x14x16x4xi8>, %c: tensor<?x64xi32>, %i: index) -> tensor<?x64xi32> {
  // expected-error @+1 {{expected 4 groups of input channels, and of output channels in multiples of 16, got 6 and 64}}
  %0 = lowbit.grouped_conv ins(%x, %w : tensor<1x8x8x6xi8>, tensor<4x14x16x4xi8>) outs(%c : tensor<?x64xi32>) from %i {groups = 4 : i64, window = array<i64: 3, 3>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>} -> tensor<?x64xi32>
  return %0 : tensor<?x64xi32>
}

// -----

func.func @groups_columns(%x: tensor<1x8x8x6xi8>, %w: tensor<4x14x16x4xi8>, %c: tensor<?x48xi32>, %i: index) -> tensor<?x48xi32> {
  // expected-error @+1 {{expected 2 groups of input channels, and of output channels in multiples of 16, got 6 and 48}}
  %0 = lowbit.grouped_conv ins(%x, %w : tensor<1x8x8x6xi8>, tensor<4x14x16x4xi8>) outs(%c : tensor<?x48xi32>) from %i {groups = 2 : i64, window = array<i64: 3, 3>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>} -> tensor<?x48xi32>
  return %0 : tensor<?x48xi32>
}

// -----

func.func @groups_weight(%x: tensor<1x8x8x6xi8>, %w: tensor<4x14x16x4xi8>, %c: tensor<?x64xi32>, %i: index) -> tensor<?x64xi32> {
  // expected-error @+1 {{expected a weight of shape 4, 7, 16, 4, got 'tensor<4x14x16x4xi8>'}}
  %0 = lowbit.grouped_conv ins(%x, %w : tensor<1x8x8x6xi8>, tensor<4x14x16x4xi8>) outs(%c : tensor<?x64xi32>) from %i {groups = 2 : i64, window = array<i64: 3, 3>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>} -> tensor<?x64xi32>
  return %0 : tensor<?x64xi32>
}

// -----

func.func @groups_start(%x: tensor<1x8x8x6xi8>, %w: tensor<4x7x16x4xi8>, %s: tensor<32xi32>, %c: tensor<?x64xi32>, %i: index) -> tensor<?x64xi32> {
  // expected-error @+1 {{expected a start of 64 elements, got 'tensor<32xi32>'}}
  %0 = lowbit.grouped_conv ins(%x, %w : tensor<1x8x8x6xi8>, tensor<4x7x16x4xi8>) start(%s : tensor<32xi32>) outs(%c : tensor<?x64xi32>) from %i {groups = 2 : i64, window = array<i64: 3, 3>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>} -> tensor<?x64xi32>
  return %0 : tensor<?x64xi32>
}

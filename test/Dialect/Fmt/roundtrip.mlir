// RUN: quant-opt %s | quant-opt | FileCheck %s

// Every granularity; defaults are not printed.

// CHECK-LABEL: @granularities
// CHECK-SAME: axis = #fmt.int<8, axis = 0>
// CHECK-SAME: block = #fmt.int<4, block = [1, 128]>
// CHECK-SAME: row = #fmt.int<8, per_row>
// CHECK-SAME: tensor = #fmt.int<8, tensor>
func.func private @granularities() attributes {
  axis = #fmt.int<8, axis = 0, scale = f32, offset = none, narrow = true>,
  block = #fmt.int<4, block = [1, 128], offset = none>,
  row = #fmt.int<8, per_row>,
  tensor = #fmt.int<8, tensor>}

// Options come in any order and are printed in one.

// CHECK-LABEL: @options
// CHECK-SAME: bit = #fmt.int<1, per_row, offset = integer>
// CHECK-SAME: full = #fmt.int<8, tensor, narrow = false>
// CHECK-SAME: offset = #fmt.int<4, block = [2, 64], scale = f16, offset = float>
// CHECK-SAME: ternary = #fmt.int<2, axis = 1, narrow = true>
func.func private @options() attributes {
  bit = #fmt.int<1, per_row, offset = integer, narrow = false>,
  full = #fmt.int<8, tensor, narrow = false>,
  offset = #fmt.int<4, block = [2, 64], offset = float, scale = f16>,
  ternary = #fmt.int<2, axis = 1, narrow = true>}

// A format inside a type.

// CHECK-LABEL: @encoded(!qnn.encoded<?x384xf32, #fmt.int<8, per_row>>)
func.func private @encoded(!qnn.encoded<?x384xf32, #fmt.int<8, per_row>>)

// Formats whose codes stand for floats, and ternary ones.

// CHECK-LABEL: @values
// CHECK-SAME: book = #fmt.codebook<[-1.000000e+00, -2.500000e-01, 0.000000e+00, 1.500000e+00], axis = 0>
// CHECK-SAME: e2m1 = #fmt.float<E2M1, block = [1, 32], scale = f16>
// CHECK-SAME: e4m3 = #fmt.float<E4M3, axis = 0>
// CHECK-SAME: nf4 = #fmt.codebook<nf4, block = [1, 64], scale = f16>
// CHECK-SAME: ternary = #fmt.ternary<block = [1, 160]>
// CHECK-SAME: third = #fmt.codebook<[0.333333343, 0.666666686], tensor>
func.func private @values() attributes {
  book = #fmt.codebook<[-1.0, -0.25, 0.0, 1.5], axis = 0>,
  e2m1 = #fmt.float<E2M1, block = [1, 32], scale = f16>,
  e4m3 = #fmt.float<E4M3, axis = 0, scale = f32>,
  nf4 = #fmt.codebook<nf4, block = [1, 64], scale = f16>,
  ternary = #fmt.ternary<block = [1, 160]>,
  third = #fmt.codebook<[0.333333343, 0.666666686], tensor>}

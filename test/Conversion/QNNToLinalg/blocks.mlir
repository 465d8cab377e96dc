// RUN: quant-opt %s --convert-qnn-to-linalg --split-input-file --verify-diagnostics | FileCheck %s

// Sums over stored codes start at -8 times the sum of the group; scales of rows
// and bias come last.
// CHECK-LABEL: func.func @bytes
// CHECK: arith.constant -8 : i32
// CHECK: lowbit.block_matmul bits(4) group(32) ins({{.+}} : tensor<4x40xi8>, tensor<2x5x16x4xi8>, tensor<2x2x16xf16>) sums({{.+}} : tensor<4x2xi32>) outs({{.+}} : tensor<4x24xf32>)
// CHECK: arith.mulf
// CHECK: arith.addf
func.func @bytes(%a: tensor<4x40xi8>, %s: tensor<4xf32>, %z: tensor<4x2xi32>,
    %w: tensor<2x5x16x4xi8>, %ws: tensor<2x2x16xf16>, %b: tensor<24xf32>)
    -> tensor<4x24xf32> attributes {qnn.kernel, qnn.symbols = []} {
  %0 = qnn.block_linear %a rows %s, %z weight %w, %ws bias %b
      {format = #fmt.int<4, block = [1, 32], scale = f16>, packed_from = array<i64: 24, 40>} :
      (tensor<4x40xi8>, tensor<4xf32>, tensor<4x2xi32>, tensor<2x5x16x4xi8>, tensor<2x2x16xf16>, tensor<24xf32>) -> tensor<4x24xf32>
  return %0 : tensor<4x24xf32>
}

// -----

// Float offsets take the sums as floats.
// CHECK-LABEL: func.func @float_offsets
// CHECK: arith.sitofp
// CHECK: lowbit.block_matmul {{.+}} offsets({{.+}} : tensor<1x2x16xf32>) sums({{.+}} : tensor<4x2xf32>)
func.func @float_offsets(%a: tensor<4x40xi8>, %s: tensor<4xf32>, %z: tensor<4x2xi32>,
    %w: tensor<1x5x16x4xi8>, %ws: tensor<1x2x16xf32>, %o: tensor<1x2x16xf32>)
    -> tensor<4x16xf32> attributes {qnn.kernel, qnn.symbols = []} {
  %0 = qnn.block_linear %a rows %s, %z weight %w, %ws offsets %o
      {format = #fmt.int<4, block = [1, 32], offset = float>, packed_from = array<i64: 16, 40>} :
      (tensor<4x40xi8>, tensor<4xf32>, tensor<4x2xi32>, tensor<1x5x16x4xi8>, tensor<1x2x16xf32>, tensor<1x2x16xf32>) -> tensor<4x16xf32>
  return %0 : tensor<4x16xf32>
}

// -----

// CHECK-LABEL: func.func @floats
// CHECK: lowbit.block_matmul bits(3) group(64) ins({{.+}} : tensor<4x64xf32>
// CHECK-NOT: sums
// CHECK-NOT: linalg.generic
func.func @floats(%a: tensor<4x64xf32>, %w: tensor<1x6x16x4xi8>, %ws: tensor<1x1x16xf32>)
    -> tensor<4x16xf32> attributes {qnn.kernel, qnn.symbols = []} {
  %0 = qnn.block_linear %a weight %w, %ws
      {format = #fmt.int<3, axis = 0>, packed_from = array<i64: 16, 64>} :
      (tensor<4x64xf32>, tensor<1x6x16x4xi8>, tensor<1x1x16xf32>) -> tensor<4x16xf32>
  return %0 : tensor<4x16xf32>
}

// -----

// What kind of codes there are is told to the kernel.
// CHECK-LABEL: func.func @values
// CHECK: lowbit.block_matmul bits(8) group(32) exponent(4) ins(
// CHECK: lowbit.block_matmul bits(2) group(32) values([-1.000000e+00, 0.000000e+00, 2.000000e+00]) ins(
// CHECK: lowbit.block_matmul bits(2) group(20) ternary ins(
func.func @values(%a: tensor<4x64xf32>, %w: tensor<1x16x16x4xi8>, %ws: tensor<1x2x16xf32>,
    %v: tensor<1x4x16x4xi8>, %t: tensor<1x4x16x4xi8>, %ts: tensor<1x4x16xf32>)
    -> (tensor<4x16xf32>, tensor<4x16xf32>, tensor<4x16xf32>) attributes {qnn.kernel, qnn.symbols = []} {
  %0 = qnn.block_linear %a weight %w, %ws
      {format = #fmt.float<E4M3, block = [1, 32]>, packed_from = array<i64: 16, 64>} :
      (tensor<4x64xf32>, tensor<1x16x16x4xi8>, tensor<1x2x16xf32>) -> tensor<4x16xf32>
  %1 = qnn.block_linear %a weight %v, %ws
      {format = #fmt.codebook<[-1.0, 0.0, 2.0], block = [1, 32]>, packed_from = array<i64: 16, 64>} :
      (tensor<4x64xf32>, tensor<1x4x16x4xi8>, tensor<1x2x16xf32>) -> tensor<4x16xf32>
  %2 = qnn.block_linear %a weight %t, %ts
      {format = #fmt.ternary<block = [1, 20]>, packed_from = array<i64: 16, 64>} :
      (tensor<4x64xf32>, tensor<1x4x16x4xi8>, tensor<1x4x16xf32>) -> tensor<4x16xf32>
  return %0, %1, %2 : tensor<4x16xf32>, tensor<4x16xf32>, tensor<4x16xf32>
}

// -----

// One reduction over all groups; with a shorter last group its missing codes
// are zeros.
// CHECK-LABEL: func.func @group_sums
// CHECK: linalg.generic {{.+}} iterator_types = ["parallel", "parallel", "reduction"]
// CHECK: arith.select
// CHECK: arith.extsi
func.func @group_sums(%x: tensor<4x40xf32>) -> (tensor<4x40xi8>, tensor<4xf32>, tensor<4x2xi32>)
    attributes {qnn.kernel, qnn.symbols = []} {
  %0:3 = qnn.quantize_rows %x {group = 32 : i64} : (tensor<4x40xf32>) -> (tensor<4x40xi8>, tensor<4xf32>, tensor<4x2xi32>)
  return %0#0, %0#1, %0#2 : tensor<4x40xi8>, tensor<4xf32>, tensor<4x2xi32>
}

// -----

func.func @not_packed(%x: tensor<4x4xf32>, %w: tensor<2x4xi8>, %s: tensor<2x1xf32>) -> tensor<4x2xf32>
    attributes {qnn.kernel, qnn.symbols = []} {
  // expected-error @+1 {{expected a packed weight and an input of rank 2}}
  %0 = qnn.block_linear %x weight %w, %s {format = #fmt.int<4, block = [1, 4]>}
      : (tensor<4x4xf32>, tensor<2x4xi8>, tensor<2x1xf32>) -> tensor<4x2xf32>
  return %0 : tensor<4x2xf32>
}

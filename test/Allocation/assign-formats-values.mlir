// RUN: quant-opt %s --verify-diagnostics \
// RUN:   --pass-pipeline='builtin.module(func.func(assign-formats{weight="#fmt.float<E4M3, axis = 0>"}))' \
// RUN:   | FileCheck %s
// RUN: quant-opt %s \
// RUN:   --pass-pipeline='builtin.module(func.func(assign-formats{weight="#fmt.ternary<axis = 0>"}))' \
// RUN:   | FileCheck %s --check-prefix=TERNARY

// Codes that stand for floats are multiplied with floats, ternary ones with
// integers.
// CHECK-LABEL: func.func @linear
// CHECK-SAME: %[[X:.+]]: tensor<?x64xf32>
// CHECK: %[[W:.+]] = qnn.quantize {{.+}} -> !qnn.encoded<32x64xf32, #fmt.float<E4M3, axis = 0>>
// CHECK: qnn.linear %[[X]], %[[W]]
// TERNARY-LABEL: func.func @linear
// TERNARY: %[[A:.+]] = qnn.quantize {{.+}} {rcp}
// TERNARY: %[[W:.+]] = qnn.quantize {{.+}} -> !qnn.encoded<32x64xf32, #fmt.ternary<axis = 0>>
// TERNARY: qnn.linear %[[A]], %[[W]]
func.func @linear(%x: tensor<?x64xf32>) -> tensor<?x32xf32> attributes {qnn.entry} {
  %w = qnn.constant dense<1.0> : tensor<32x64xf32> -> tensor<32x64xf32>
  // expected-remark @+1 {{its input stays float: codes of #fmt.float<E4M3, axis = 0> are no integers}}
  %0 = qnn.linear %x, %w : (tensor<?x64xf32>, tensor<32x64xf32>) -> tensor<?x32xf32>
  return %0 : tensor<?x32xf32>
}

// CHECK-LABEL: func.func @convolution
// CHECK-NOT: qnn.quantize
func.func @convolution(%x: tensor<?x8x8x4xf32>) -> tensor<?x6x6x8xf32> attributes {qnn.entry} {
  %w = qnn.constant dense<1.0> : tensor<8x3x3x4xf32> -> tensor<8x3x3x4xf32>
  // expected-remark @+1 {{stays float: codes of #fmt.float<E4M3, axis = 0> are no integers}}
  %0 = qnn.conv %x, %w {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, groups = 1 : i64, channels_last = true} : (tensor<?x8x8x4xf32>, tensor<8x3x3x4xf32>) -> tensor<?x6x6x8xf32>
  return %0 : tensor<?x6x6x8xf32>
}

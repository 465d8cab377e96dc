// RUN: quant-opt %s --verify-diagnostics \
// RUN:   --pass-pipeline='builtin.module(func.func(assign-formats{bf16=true activation= weight="#fmt.int<4, block = [1, 32], scale = f16>" overrides={{table;weight=#fmt.codebook<nf4, block = [1, 32]>}}}))' \
// RUN:   | FileCheck %s
// RUN: quant-opt %s \
// RUN:   --pass-pipeline='builtin.module(func.func(assign-formats{activation= weight="#fmt.int<4, block = [1, 32], scale = f16>"}))' \
// RUN:   | FileCheck %s --check-prefix=FLOAT
// RUN: quant-opt %s \
// RUN:   --pass-pipeline='builtin.module(func.func(assign-formats{bf16=true weight="#fmt.int<4, block = [1, 32], scale = f16>"}))' \
// RUN:   | FileCheck %s --check-prefix=BYTES

// Two linears share a rounded input; one whose codes stand for floats reads it
// as it was, and so do all without the option.
// CHECK-LABEL: func.func @linears
// CHECK-SAME: %[[X:.+]]: tensor<?x64xf32>
// CHECK: %[[A:.+]] = qnn.cast %[[X]] : (tensor<?x64xf32>) -> tensor<?x64xbf16>
// CHECK-NOT: qnn.cast
// CHECK: qnn.linear %[[A]]
// CHECK: qnn.linear %[[A]]
// CHECK: qnn.linear %[[X]]
// FLOAT-LABEL: func.func @linears
// FLOAT-NOT: bf16
// BYTES-LABEL: func.func @linears
// BYTES-NOT: bf16
func.func @linears(%x: tensor<?x64xf32>) -> (tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>) attributes {qnn.entry} {
  %w = qnn.constant dense<1.0> : tensor<32x64xf32> -> tensor<32x64xf32>
  %v = qnn.constant dense<2.0> : tensor<32x64xf32> -> tensor<32x64xf32>
  // expected-remark @+1 {{bf16-dot: within a bound of the reference evaluator, not bit for bit}}
  %0 = qnn.linear %x, %w : (tensor<?x64xf32>, tensor<32x64xf32>) -> tensor<?x32xf32>
  // expected-remark @+1 {{bf16-dot: within a bound of the reference evaluator, not bit for bit}}
  %1 = qnn.linear %x, %v : (tensor<?x64xf32>, tensor<32x64xf32>) -> tensor<?x32xf32>
  // expected-remark @unknown {{keeps the f32 chain: no bf16-dot kernel for #fmt.codebook<nf4, block = [1, 32]>}}
  %2 = qnn.linear %x, %w : (tensor<?x64xf32>, tensor<32x64xf32>) -> tensor<?x32xf32> loc("table")
  return %0, %1, %2 : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>
}

// RUN: quant-opt %s --split-input-file --verify-diagnostics \
// RUN:   --pass-pipeline='builtin.module(func.func(assign-formats{overrides={b*;weight=}}))' \
// RUN:   | FileCheck %s
// RUN: not quant-opt %s --split-input-file \
// RUN:   --pass-pipeline='builtin.module(func.func(assign-formats{overrides={b*;wieght=}}))' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=KEY

// KEY: override 'b*;wieght=': expected weight=, activation= or table=, got 'wieght='

// The name is the ONNX node's, here of one of two.
// CHECK-LABEL: func.func @one_of_two
// CHECK: %[[W:.+]] = qnn.constant
// CHECK: %[[Q:.+]] = qnn.quantize %[[W]]
// CHECK: qnn.linear %{{.+}}, %[[Q]]
// CHECK: qnn.linear %{{.+}}, %[[W]]
func.func @one_of_two(%x: tensor<?x64xf32>) -> (tensor<?x32xf32>, tensor<?x32xf32>)
    attributes {qnn.entry} {
  %w = qnn.constant dense<1.0> : tensor<32x64xf32> -> tensor<32x64xf32>
  %0 = qnn.linear %x, %w : (tensor<?x64xf32>, tensor<32x64xf32>) -> tensor<?x32xf32> loc("a/b")
  %1 = qnn.linear %x, %w : (tensor<?x64xf32>, tensor<32x64xf32>) -> tensor<?x32xf32> loc("b/a")
  return %0, %1 : tensor<?x32xf32>, tensor<?x32xf32>
}

// -----

// expected-error @below {{override 'b*' matches no node of the model}}
func.func @other_name(%x: tensor<?x64xf32>) -> tensor<?x32xf32>
    attributes {qnn.entry} {
  %w = qnn.constant dense<1.0> : tensor<32x64xf32> -> tensor<32x64xf32>
  %0 = qnn.linear %x, %w : (tensor<?x64xf32>, tensor<32x64xf32>) -> tensor<?x32xf32> loc("a/b")
  return %0 : tensor<?x32xf32>
}

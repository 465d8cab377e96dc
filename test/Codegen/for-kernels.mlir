// RUN: quant-opt %s --pass-pipeline='builtin.module(for-kernels{passes={func.func(canonicalize)}})' \
// RUN:   | FileCheck %s
// RUN: not quant-opt %s --pass-pipeline='builtin.module(for-kernels{passes={func.func(nothing)}})' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=UNKNOWN

// A kernel function goes through the passes.
// CHECK-LABEL: func.func private @kernel_0
// CHECK-NOT: qnn.neg
// CHECK: return
func.func private @kernel_0(%x: tensor<4xf32>) -> tensor<4xf32> attributes {qnn.kernel} {
  %0 = qnn.neg %x : (tensor<4xf32>) -> tensor<4xf32>
  return %x : tensor<4xf32>
}

// Others are left as they are.
// CHECK-LABEL: func.func @entry
// CHECK: qnn.neg
func.func @entry(%x: tensor<4xf32>) -> tensor<4xf32> attributes {qnn.entry} {
  %0 = qnn.neg %x : (tensor<4xf32>) -> tensor<4xf32>
  return %x : tensor<4xf32>
}

// UNKNOWN: error: 'nothing' does not refer to a registered pass or pass pipeline

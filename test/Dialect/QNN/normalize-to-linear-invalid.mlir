// RUN: quant-opt %s --qnn-to-linear --mlir-print-local-scope | FileCheck %s

// CHECK-NOT: qnn.linear

func.func @not_constant(%x: tensor<3x4xf32>, %w: tensor<4x8xf32>) -> tensor<3x8xf32> {
  %y = qnn.matmul %x, %w : (tensor<3x4xf32>, tensor<4x8xf32>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}

// One matrix per batch.
func.func @batched(%x: tensor<2x3x4xf32>) -> tensor<2x3x8xf32> {
  %w = qnn.constant dense<1.0> : tensor<2x4x8xf32> -> tensor<2x4x8xf32>
  %y = qnn.matmul %x, %w : (tensor<2x3x4xf32>, tensor<2x4x8xf32>) -> tensor<2x3x8xf32>
  return %y : tensor<2x3x8xf32>
}

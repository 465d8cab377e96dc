// RUN: quant-opt %s | quant-opt | FileCheck %s

// CHECK-LABEL: func.func @linear
func.func @linear(%x: tensor<?x384xf32>, %bias: tensor<8xf32>) -> tensor<?x8xf32> {
  // CHECK: qnn.constant dense<1.000000e+00> : tensor<8x384xf32> -> tensor<8x384xf32>
  %w = qnn.constant dense<1.0> : tensor<8x384xf32> -> tensor<8x384xf32>
  // CHECK: qnn.linear %{{.+}}, %{{.+}} bias %{{.+}} : (tensor<?x384xf32>, tensor<8x384xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %y = qnn.linear %x, %w bias %bias : (tensor<?x384xf32>, tensor<8x384xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// RUN: quant-opt %s | quant-opt | FileCheck %s

// CHECK-LABEL: func.func @loop
func.func @loop(%more: tensor<i1>, %n: tensor<i64>, %x: tensor<4xf32>) -> tensor<?x4xf32>
    attributes {qnn.symbols = ["count"]} {
  // CHECK: %[[C:.+]]:3 = qnn.loop_begin %{{.+}}, %{{.+}}, %{{.+}} {bound = array<i64>, message = "m", shapes = #{{.+}}, symbols = array<i64>} : (tensor<i1>, tensor<i64>, tensor<4xf32>) -> (tensor<i1>, tensor<i64>, tensor<4xf32>)
  %c:3 = qnn.loop_begin %more, %n, %x {bound = array<i64>, symbols = array<i64>, shapes = affine_map<()[s0] -> (4)>, message = "m"}
      : (tensor<i1>, tensor<i64>, tensor<4xf32>) -> (tensor<i1>, tensor<i64>, tensor<4xf32>)
  %y = qnn.add %c#2, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  // CHECK: qnn.loop_end %[[C]]#0, %[[C]]#0, %[[C]]#1, %{{.+}}, %{{.+}} {bound = array<i64: 1>
  %e:4 = qnn.loop_end %c#0, %c#0, %c#1, %y, %y {bound = array<i64: 1>, symbols = array<i64: 0>, shapes = affine_map<()[s0] -> (4, s0, 4)>, message = "m"}
      : (tensor<i1>, tensor<i1>, tensor<i64>, tensor<4xf32>, tensor<4xf32>) -> (tensor<i1>, tensor<i64>, tensor<4xf32>, tensor<?x4xf32>)
  return %e#3 : tensor<?x4xf32>
}
